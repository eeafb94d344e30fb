"""Messages to bytes and back: every message, every split, every bound."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.errors import ProtocolError
from logan.wire import limits, messages
from logan.wire.bodies import LeaseProgress, SubmitBody, SubmitOptions
from logan.wire.codec import Decoder, decode_json, encode, encode_json, frames
from logan.wire.messages import Message
from tests.support.wire_strategies import CLASSES, MESSAGES, of_class, pieces


def submission(size: int) -> messages.Submit:
    """A SUBMIT with a body of so many bytes."""
    bare = SubmitBody(paths=("",), options=SubmitOptions())
    rest = len(encode_json(msgspec.to_builtins(bare)))
    names = []
    while size - rest > 8_000:
        names.append("x" * 7_997)
        rest += 8_000
    return messages.Submit(
        "paths", SubmitBody(paths=("x" * (size - rest), *names), options=SubmitOptions())
    )


CUTS = st.lists(st.integers(0, 10**6), max_size=12)
READY = b'READY {"free":1}\n'


def decode(*parts: bytes, **options: Any) -> list[Message]:
    decoder = Decoder(**options)
    found = []
    for part in parts:
        decoder.feed(part)
        while (message := decoder.next_message()) is not None:
            found.append(message)
    return found


def refused(data: bytes, **options: Any) -> str:
    with pytest.raises(ProtocolError) as caught:
        decode(data, **options)
    return f"{caught.value.code}: {caught.value.message}"


# --- What is sent arrives ---


def test_a_line_is_readable() -> None:
    lease = messages.Lease("7", 3, 1, 0, 0, 16)
    assert encode(lease) == (
        b'LEASE {"job":"7","chunk":3,"attempt":1,"source":0,"start":0,"end":16,"isolated":false}\n'
    )
    assert encode(messages.Result("7", 3, 1, "ab", b"xy")) == (
        b'RESULT {"job":"7","chunk":3,"attempt":1,"digest":"ab","bytes":2}\nxy'
    )
    assert encode(messages.Bye()) == b"BYE {}\n"
    assert decode(b'DONE { "attempt": 1, "chunk": 3, "job": "7" }\n') == [messages.Done("7", 3, 1)]


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.VERB)
def test_every_message_survives(make: type[Any]) -> None:
    @settings(max_examples=25, deadline=None)
    @given(message=of_class(make))
    def check(message: Message) -> None:
        assert decode(encode(message)) == [message]

    check()


def test_verbs_are_distinct() -> None:
    assert len({make.VERB for make in CLASSES}) == len(CLASSES)


@settings(max_examples=150, deadline=None)
@given(sent=st.lists(MESSAGES, max_size=6), cuts=CUTS)
def test_any_split_gives_the_same_messages(sent: list[Message], cuts: list[int]) -> None:
    data = b"".join(map(encode, sent))
    assert decode(*pieces(data, cuts)) == sent


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.sampled_from(
            [READY, b"READY {", b'"free":1}\n', b"\n", b"SUBMIT", b' {"kind":"paths","bytes":3}\n']
        )
        | st.binary(max_size=8),
        max_size=8,
    ).map(b"".join),
    cuts=CUTS,
)
def test_any_split_of_nonsense_gives_the_same_messages_and_error(
    data: bytes, cuts: list[int]
) -> None:
    def outcome(parts: list[bytes]) -> tuple[list[Message], str | None]:
        decoder, found = Decoder(), []
        try:
            for part in parts:
                decoder.feed(part)
                while (message := decoder.next_message()) is not None:
                    found.append(message)
        except ProtocolError as error:
            return found, error.message
        return found, None

    assert outcome(pieces(data, cuts)) == outcome([data])


def test_byte_by_byte() -> None:
    sent: list[Message] = [submission(300), messages.Status()]
    data = b"".join(map(encode, sent))
    assert decode(*(data[i : i + 1] for i in range(len(data)))) == sent


def test_a_large_body_goes_in_bounded_frames_between_which_others_pass() -> None:
    body = bytes(range(256)) * 4 * 1024 + b"end"  # 1 MiB and a bit
    other = submission(512_000)
    first = list(frames(messages.Result("a", 1, 1, "d", body), body_id=1))
    second = list(frames(other, body_id=2))
    assert len(first) == 5
    assert all(
        len(f) <= limits.LINE_BYTES_MAX + limits.FRAME_BODY_BYTES_MAX for f in first + second
    )
    heard = encode(messages.HealthAck())
    mixed = [heard, first[0], heard, second[0], first[1], heard, *second[1:], *first[2:], heard]
    assert decode(b"".join(mixed)) == [
        messages.HealthAck(),
        messages.HealthAck(),
        messages.HealthAck(),
        other,
        messages.Result("a", 1, 1, "d", body),
        messages.HealthAck(),
    ]


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_bodies_around_the_size_of_a_frame(over: int) -> None:
    message = submission(limits.FRAME_BODY_BYTES_MAX + over)
    assert len(list(frames(message))) == (2 if over > 0 else 1)
    assert decode(encode(message)) == [message]


def test_texts_for_people_are_cleaned_and_cut() -> None:
    fail = messages.Fail("j", 1, 1, "unreadable", "a\nb\tc\x1b[31m\udc80" + "ü" * 5000)
    (found,) = decode(encode(fail))
    assert isinstance(found, messages.Fail)
    assert found.detail.startswith("a | b c�[31m�ü")
    assert found.detail.endswith("…")
    assert len(found.detail.encode()) <= limits.TEXT_BYTES_MAX
    worst = messages.Error("e" * limits.NAME_CHARS_MAX, '"' * 5000)
    assert len(encode(worst)) <= limits.HANDSHAKE_LINE_BYTES_MAX
    encode(messages.Fail("😀" * 128, 16_383, 2**63 - 1, "😀" * 128, '"' * 5000))


@pytest.mark.parametrize(
    "message",
    [
        messages.Ready(-1),
        messages.Ready(2**63),
        messages.Ready(True),
        messages.Welcome(float("nan"), 1),
        messages.Accepted("a\nb"),
        messages.Accepted("x" * (limits.NAME_CHARS_MAX + 1)),
        messages.Health(1, 1, 1, (LeaseProgress(job="a", chunk=-1, attempt=1, scanned_bytes=1),)),
        messages.Health(
            1, 1, 1, (LeaseProgress(job="a", chunk=1, attempt=1, scanned_bytes=1),) * 17
        ),
        messages.Submit("paths", SubmitBody(paths=("a\0",), options=SubmitOptions())),
        messages.Submit("paths", SubmitBody(paths=("a",), options=SubmitOptions(top=0))),
        submission(limits.JSON_BODY_BYTES_MAX + 1),
        messages.Data(1, 0, True, body=b"x" * (limits.FRAME_BODY_BYTES_MAX + 1)),
    ],
    ids=lambda message: str(message)[:40],
)
def test_what_breaks_the_grammar_is_not_sent(message: Message) -> None:
    with pytest.raises(ValueError, match=message.VERB):
        frames(message)


# --- Lines ---


def test_an_endless_line_is_refused_at_its_bound() -> None:
    fits = b'READY {"free":1' + b" " * (limits.LINE_BYTES_MAX - 17) + b"}\n"
    assert len(fits) == limits.LINE_BYTES_MAX
    assert decode(fits) == [messages.Ready(1)]
    assert refused(fits[:-2] + b" }\n").startswith("line:")
    decoder = Decoder()
    for _ in range(limits.LINE_BYTES_MAX - 1):
        decoder.feed(b"A")
        assert decoder.next_message() is None
    decoder.feed(b"A")
    with pytest.raises(ProtocolError, match="4,096"):
        decoder.next_message()
    assert refused(b"A" * 2000, line_bytes_max=limits.HANDSHAKE_LINE_BYTES_MAX).startswith("line:")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"READY",
        b"READY ",
        b"ready {}",
        b"READY  {}",
        b" READY {}",
        b"READY {} ",
        b"READY []",
        b"READY 1",
        b"READY {}\r",
        b"READY {\t}",
        b"READY {}\x00",
        b"READY\x00{}",
        b"R\xc3\x84DY {}",
        b"READYREADYREADYREADY {}",
    ],
)
def test_lines_of_another_grammar(line: bytes) -> None:
    assert refused(line + b"\n").startswith("grammar:")


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "line protocol"),
        (b"\x16\x03\x01\x02\x00\x01\n", "TLS"),
    ],
)
def test_peers_of_other_protocols_get_a_hint(data: bytes, hint: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(data)
    assert hint in str(caught.value.hint)


def test_after_an_error_nothing_more_comes() -> None:
    decoder = Decoder()
    decoder.feed(READY + b"nonsense\n" + READY)
    assert decoder.next_message() == messages.Ready(1)
    for _ in range(3):
        with pytest.raises(ProtocolError, match="nonsense"):
            decoder.next_message()
        decoder.feed(READY)
        assert not decoder._buffer


# --- JSON ---


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'READY {"free":NaN}', "json"),
        (b'READY {"free":Infinity}', "json"),
        (b'READY {"free":-Infinity}', "json"),
        (b'READY {"free":1,"free":2}', "json"),
        (b'READY {"free":1,}', "json"),
        (b"READY {free:1}", "json"),
        (b"READY {'free':1}", "json"),
        (b'READY {"free":1}{}', "json"),
        (b'READY {"free":"\xff"}', "json"),
        (b'READY {"free":"\xed\xa0\x80"}', "json"),
        (b'READY {"free":9223372036854775808}', "json"),
        (b'READY {"free":' + b"9" * 4000 + b"}", "json"),
        (b'READY {"free":1e400}', "json"),
        (b'READY {"free":' + b"[" * 4000 + b"}", "json"),
        (b'READY {"free":' + b"[" * 2000 + b"]" * 2000 + b"}", "json"),
        (b'READY {"free":' + b"[" * 16 + b"]" * 16 + b"}", "json"),
        (b'READY {"free":' + b"[" * 15 + b"]" * 15 + b"}", "field"),
        (b'READY {"free":1.0}', "field"),
        (b'READY {"free":1e2}', "field"),
        (b'READY {"free":-1}', "field"),
        (b'READY {"free":true}', "field"),
        (b'READY {"free":null}', "field"),
        (b'READY {"free":"1"}', "field"),
        (b"READY {}", "field"),
        (b'READY {"free":1,"more":2}', "field"),
        (b'READY {"free":1,"bytes":2}', "field"),
        (b'CANCEL {"job":1}', "field"),
        (b'CANCEL {"job":"a","chunk":null}', "field"),
        (b'CANCEL {"job":"a\\u0000"}', "field"),
        (b'CANCEL {"job":"a\\u001b[2J"}', "field"),
        (b'CANCEL {"job":"a\\ud800"}', "field"),
        (b'CANCEL {"job":"a\\u202e"}', "field"),
        (b'CANCEL {"job":"' + b"a" * 129 + b'"}', "field"),
        (b'WELCOME {"heartbeat_s":-1,"lease_s":5}', "field"),
        (b'WELCOME {"heartbeat_s":"1","lease_s":5}', "field"),
        (b'HEALTH {"rss_bytes":1,"cpu_percent":1,"threads":1,"leases":{}}', "field"),
        (b'HEALTH {"rss_bytes":1,"cpu_percent":1,"threads":1,"leases":[1]}', "field"),
        (b'HEALTH {"rss_bytes":1,"cpu_percent":1,"threads":1,"leases":[{"job":"a"}]}', "field"),
        (b'SUBMIT {"kind":"paths"}', "field"),
        (b'SUBMIT {"kind":"paths","bytes":1.5}', "field"),
        (b'SUBMIT {"kind":"paths","bytes":-1}', "field"),
        (b"HELO {}", "verb"),
        (b"PART {}", "order"),
    ],
    ids=lambda value: value[:50].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_json_that_is_refused(line: bytes, code: str) -> None:
    assert refused(line + b"\n").startswith(code + ":")


def test_integers_are_taken_for_floats_but_not_the_other_way() -> None:
    (welcome,) = decode(b'WELCOME {"heartbeat_s":1,"lease_s":5}\n')
    assert welcome == messages.Welcome(1.0, 5.0)
    assert isinstance(welcome, messages.Welcome)
    assert type(welcome.lease_s) is float


def test_a_health_lists_at_most_sixteen_leases_and_they_fit() -> None:
    big = 2**63 - 1
    lease = LeaseProgress(job="j" * 32, chunk=16_383, attempt=big, scanned_bytes=big)
    health = messages.Health(big, 1e300, 1_024, (lease,) * limits.LEASES_PER_HEALTH_MAX)
    data = encode(health)
    assert decode(data) == [health]
    more = data.replace(
        b'"leases":[', b'"leases":[' + encode_json(msgspec.to_builtins(lease)) + b","
    )
    assert refused(more.replace(b"jjjj", b"j")).startswith(
        "field: HEALTH: leases: expected array of length <= 16"
    )


def test_only_the_handshake_tolerates_unknown_fields() -> None:
    assert decode(b'AUTH {"proof":"","more":[{}]}\n') == [messages.Auth("")]
    assert decode(b'ERROR {"code":"a","message":"b","more":1}\n') == [messages.Error("a", "b")]
    assert refused(b'AUTH {"more":1}\n') == "field: AUTH: object missing required field proof"


def test_bodies_of_json() -> None:
    value = {"paths": ["a\udc80b", "ü"], "n": -1, "x": [None, True, 1.5]}
    assert decode_json(encode_json(value)) == value
    with pytest.raises(ValueError, match="Out of range"):
        encode_json(float("inf"))
    with pytest.raises(ValueError, match="the limit of a body is"):
        encode_json("x" * limits.JSON_BODY_BYTES_MAX)
    deep = b"[" * limits.JSON_DEPTH_MAX + b"]" * limits.JSON_DEPTH_MAX
    decode_json(deep)
    broad = b"[" + b"1," * (limits.JSON_VALUES_MAX - 1) + b"1]"
    assert len(decode_json(broad)) == limits.JSON_VALUES_MAX
    for bad in (
        b"[" + deep + b"]",
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b"[" * 1_000_000,
        b"[" + b"1," * limits.JSON_VALUES_MAX + b"1]",
        b'{"a":1,"a":1}',
        b"[-9223372036854775809e0, 1e999]",
        b"[-9223372036854775808]",
        b"\xef\xbb\xbf{}",
        b"",
        b" " * (limits.JSON_BODY_BYTES_MAX + 1),
    ):
        with pytest.raises(ProtocolError) as caught:
            decode_json(bad)
        assert caught.value.code == "json"


# --- Bodies ---

RESULT = b'RESULT {"job":"a","chunk":1,"attempt":1,"digest":"d",'
FRAME = limits.FRAME_BODY_BYTES_MAX


def first(body: int, total: int, size: int = FRAME, head: bytes = RESULT) -> bytes:
    return head + f'"bytes":{size},"body":{body},"total":{total}}}\n'.encode() + b"x" * size


def part(body: int, offset: int, size: int, last: bool = False) -> bytes:
    values = {"body": body, "offset": offset, "last": last, "bytes": size}
    return f"PART {json.dumps(values)}\n".encode() + b"x" * size


@pytest.mark.parametrize(
    "data",
    [
        RESULT + f'"bytes":{FRAME + 1}}}\n'.encode(),
        RESULT + b'"bytes":9223372036854775807}\n',
        first(1, limits.SUMMARY_BODY_BYTES_MAX + 1),
        first(1, 2**63 - 1),
        first(1, 10, 10),
        first(1, 10, 0),
        first(1, 10, 11),
        b'SUBMIT {"kind":"paths",' + first(1, limits.JSON_BODY_BYTES_MAX + 1, head=b""),
        b'DATA {"id":1,"offset":0,"last":true,' + first(1, FRAME + 1, head=b""),
        b'REPORT {"job":"a","kind":"report",'
        + first(1, limits.REPORT_BODY_BYTES_MAX + 1, head=b""),
        first(1, 100, 10) + first(1, 100, 10),
        first(1, 100, 10) + part(2, 10, 1),
        first(1, 100, 10) + part(1, 9, 1),
        first(1, 100, 10) + part(1, 11, 1),
        first(1, 100, 10) + part(1, 10, 0),
        first(1, 100, 10) + part(1, 10, 91, last=True),
        first(1, 100, 10) + part(1, 10, 1, last=True),
        first(1, 100, 10) + part(1, 10, 90),
        first(1, 100, 10) + part(1, 10, 90, last=True) + part(1, 100, 1),
        first(1, 2**25) + part(1, FRAME, FRAME + 1),
        b"".join(first(i, 100, 10) for i in range(limits.UNFINISHED_BODIES_MAX + 1)),
        b"".join(first(i, limits.SUMMARY_BODY_BYTES_MAX, 1) for i in range(3)),
    ],
)
def test_bodies_that_are_refused(data: bytes) -> None:
    assert refused(data)[:6] in ("body: ", "order:")


def test_the_body_bounds_are_reachable() -> None:
    many = b"".join(first(i, 100, 10) for i in range(limits.UNFINISHED_BODIES_MAX))
    assert decode(many) == []
    large = b"".join(first(i, limits.SUMMARY_BODY_BYTES_MAX, 1) for i in range(2))
    assert decode(large) == []


@pytest.mark.parametrize("field", ["body", "total"])
def test_a_body_in_parts_says_both(field: str) -> None:
    assert refused(RESULT + f'"bytes":1,"{field}":2}}\n'.encode()).startswith("field:")


def test_an_announced_body_costs_nothing_until_it_comes() -> None:
    tracemalloc.start()
    try:
        decode(
            first(1, limits.SUMMARY_BODY_BYTES_MAX, 1) + RESULT + f'"bytes":{FRAME}}}\n'.encode()
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_tiny_parts_cost_their_bytes_only() -> None:
    decoder = Decoder()
    decoder.feed(first(1, 60_000, 1))
    assert decoder.next_message() is None
    tracemalloc.start()
    try:
        for offset in range(1, 4_000):
            decoder.feed(part(1, offset, 1))
            assert decoder.next_message() is None
        current, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert current < 40_000


def test_verbs_that_may_not_come_are_refused_before_their_body() -> None:
    data = b'SUBMIT {"kind":"paths","bytes":200000}\n'
    assert refused(data, verbs=frozenset({"HELLO"})).startswith("order: SUBMIT is not allowed now")
