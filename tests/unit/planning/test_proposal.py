"""A format proposed for lines that nothing reads: what it claims was read by the engine."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan import _logan
from logan.planning.proposal import propose, shortened
from logan.planning.sample import Sample, custom_source
from logan.planning.spec import is_format_name

ODD = [
    b"<<1706091332>> api@host1 ~ GET /a ok t=100us",
    b"<<1706091333>> api@host2 ~ POST /b ok t=2500us",
    b"<<1706091334>> api@host1 ~ GET /a/7 failed t=300us",
]
QUEUE = [
    b"#A1 job=12 queue=mail at 24.01.2024 10:15:32 -- done, took 12.5 ms",
    b"#B7 job=13 queue=sms at 24.01.2024 10:15:33 -- failed: no route",
    b"#C2 job=140 queue=mail at 24.01.2024 10:15:34 -- done, took 120 ms",
]
SEMICOLONS = [
    b'svc;1706091332123;W;"GET /a";200;elapsed_us=1234',
    b'svc;1706091332124;I;"GET /b/12";503;elapsed_us=99',
    b'svc;1706091332125;E;"POST /c";200;elapsed_us=10',
]
LATE_TIME = [
    b"134681 node-246 state_change.unavailable 1077804742 1 Component State Change: down",
    b"350766 node-109 state_change.unavailable 1084680778 1 Component State Change: up",
]
COLUMNS = [
    b'"2024-01-24 10:15:00","GET","/a/0","200","38"',
    b'"2024-01-24 10:15:01","POST","/b","503","7"',
]
BRACKETS = [
    b"=== 0 === (GET) /api/v0/items -- 500 -- 1.414 sec",
    b"=== 1 === (PUT) /api/v1/items -- 200 -- 0.25 sec",
]
WORDS = [
    b"Request #1 to /checkout/1 finished with OK after 558 milliseconds",
    b"Request #2 to /checkout/2 finished with FAIL after 12 milliseconds",
]
BANNERS = [
    b"[ERROR] {pool-3} 10.0.0.1 POST /pay -> 500 (1200ms)",
    b"[INFO] {pool-1} 10.0.0.2 GET /a -> 200 (3.5ms)",
]


def figures(lines: list[bytes], text: str) -> dict[str, object]:
    return Sample(b"\n".join(lines)).metrics(source=custom_source(text))


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        (ODD, ("time", "request", "duration", "message")),
        (QUEUE, ("time", "duration", "message")),
        (SEMICOLONS, ("time", "request", "status", "duration", "message")),
        (LATE_TIME, ("time", "message")),
        (BANNERS, ("level", "client", "request", "status", "duration", "message")),
        (COLUMNS, ("time", "request", "status", "message")),
        (BRACKETS, ("request", "status", "duration")),
        (WORDS, ("duration",)),
    ],
)
def test_what_is_proposed_reads_the_lines(lines: list[bytes], fields: tuple[str, ...]) -> None:
    found = propose(lines)
    assert found is not None
    assert (found.reads, found.tried, found.fields) == (len(lines), len(lines), fields)
    assert not is_format_name(found.format)
    _logan.custom_format(found.format)
    read = figures(lines, found.format)
    assert read["lines"]["parsed"] == len(lines)  # type: ignore[index]


def test_values_are_those_of_the_lines() -> None:
    found = propose(ODD)
    assert found is not None
    read = json.loads(json.dumps(figures(ODD, found.format)))
    assert (read["time"]["first"], read["time"]["last"]) == (
        "2024-01-24T10:15:32Z",
        "2024-01-24T10:15:34Z",
    )
    assert (read["response_time_ms"]["min"], read["response_time_ms"]["max"]) == (0.1, 2.5)
    found = propose(SEMICOLONS)
    assert found is not None
    read = json.loads(json.dumps(figures(SEMICOLONS, found.format)))
    assert read["status"] == {"200": 2, "503": 1}
    assert read["response_time_ms"]["max"] == 1.234
    assert {row["route"] for row in read["routes"]["top"]} == {"GET /a", "GET /b/{id}", "POST /c"}


@pytest.mark.parametrize(
    ("lines", "least", "most"),
    [(BRACKETS, 250.0, 1414.0), (WORDS, 12.0, 558.0), (QUEUE, 12.5, 120.0), (BANNERS, 3.5, 1200.0)],
)
def test_response_times_have_the_units_that_stand_there(
    lines: list[bytes], least: float, most: float
) -> None:
    found = propose(lines)
    assert found is not None
    times = json.loads(json.dumps(figures(lines, found.format)))["response_time_ms"]
    assert (times["min"], times["max"]) == (least, most)


def test_other_lines_of_the_same_log_are_read_too() -> None:
    found = propose(QUEUE)
    assert found is not None
    later = [b"#ZZZ9 job=9999 queue=other-one at 01.02.2024 23:59:59 -- done, took 7 ms"]
    assert figures(later, found.format)["response_time_ms"]["max"] == 7.0  # type: ignore[index]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"", b"   "],
        [b"hello world", b"foo bar baz", b"lorem ipsum"],
        [b"call me", b"what you like"],
    ],
)
def test_nothing_is_proposed_for_text(lines: list[bytes]) -> None:
    assert propose(lines) is None


@pytest.mark.parametrize(
    "text", ["timeout=30s", "retry in 30s", "ttl=5m", "uptime 54694 seconds", "interval=10s"]
)
def test_what_is_no_response_time_is_not_read_as_one(text: str) -> None:
    lines = [f"<<{1706091332 + i}>> svc{i} ~ {text}".encode() for i in range(5)]
    found = propose(lines)
    assert found is None or "duration" not in found.fields


def test_a_minority_that_differs_does_not_spoil_it() -> None:
    lines = [*ODD * 6, b"something else", b"and more"]
    found = propose(lines)
    assert found is not None
    assert (found.reads, found.tried) == (18, 20)
    assert propose([*ODD, b"a", b"b", b"c"]) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=80).filter(lambda each: b"\n" not in each), max_size=8))
def test_any_lines_get_a_format_that_reads_them_or_none(lines: list[bytes]) -> None:
    found = propose(lines)
    if found is not None:
        assert found.reads >= 0.8 * found.tried
        _logan.custom_format(found.format)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ("24/Jan/2024:10:15:32", "INFO", "[E]", "took 3ms", "GET /a", "500", "a=b", "(x", "\\")
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_special_in_expressions_is_text(words: list[str]) -> None:
    line = " ".join(words).encode()
    found = propose([line] * 3)
    assert found is None or found.reads == 3


def test_a_long_line_is_cut() -> None:
    assert len(shortened(b"x" * 100_000)) == 400
    assert shortened(b"  a\x1bb\xff ") == "a\x1bb\ufffd"
