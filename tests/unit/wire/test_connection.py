"""Conversations: every verb in every state, whole sessions between two peers, bounds."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.errors import ProtocolError
from logan.wire import following, limits, messages
from logan.wire.bodies import (
    CoordinatorStatus,
    FoundBody,
    JobBody,
    LeaseProgress,
    ProgressBody,
    RecoveryStatus,
    SearchBody,
    StateBody,
    SubmitBody,
    SubmitOptions,
)
from logan.wire.codec import encode
from logan.wire.connection import Connection, Role, State, error_message
from logan.wire.following import (
    FollowBody,
    FollowedBody,
    FollowingBody,
    LogState,
    OfferBody,
    PlaceEntry,
    WatchBody,
)
from logan.wire.messages import Message
from tests.support.wire_strategies import pieces

HELLO = messages.Hello(messages.PROTOCOL_VERSION, "worker", "alice", "s1", "a" * 64, "1.0")
HANDSHAKE: list[tuple[str, Message]] = [
    ("peer", HELLO),
    ("coordinator", messages.Challenge("b" * 64, "")),
    ("peer", messages.Auth("")),
    ("coordinator", messages.Welcome(1, 5)),
]
LEASES = (LeaseProgress(job="j", chunk=0, attempt=1, scanned_bytes=9),)
JOB = JobBody(spec="{}", chunk_size=1, expansion_max=0, sources=())
SEARCH = SearchBody(patterns=("*.log",))
FOUND = FoundBody(files=(), errors=())
PROGRESS = ProgressBody(workers=(), events=())
STATE = StateBody(
    coordinator=CoordinatorStatus(
        address="a:1",
        uptime_s=0.0,
        connections=0,
        recoveries=RecoveryStatus(count=0, leased_s=0.0, done_s=0.0, done_s_max=0.0),
    ),
    workers=(),
    jobs=(),
    events=(),
)
PLACE = PlaceEntry(files=(), queued=0, at=1.0, skew_ms=-5)
WATCH = WatchBody(patterns=("*.log",), begin="300")
OFFER = OfferBody(path="/a.log", samples=(), mtime_ns=1, host="7", device=1, inode=2, joined=False)
FOLLOW = FollowBody(
    path="/a.log", spec="{}", begin="start", chunk_size=1, header=False, offset=7, place=PLACE
)
FOLLOWED = FollowedBody(logs=(LogState(source=0, behind_bytes=1),), notices=())
FOLLOWING = FollowingBody(patterns=("*.log",), hosts=(), logs=(), notices=(), options="{}")
SUBMIT = SubmitBody(paths=("a.log",), options=SubmitOptions())

# The protocol as its description has it, written a second time.
TO_WORKER: list[Message] = [
    messages.Job("j", JOB),
    messages.Lease("j", 0, 1, 0, 0, 10),
    messages.HealthAck(),
    messages.Done("j", 0, 1),
    messages.Stale("j", 0, 1),
    messages.Cancel("j"),
    messages.Cancel("j", 0, 1),
    messages.Drain(),
    messages.Search(1, SEARCH),
    following.Watch("j", WATCH),
    following.Follow("j", 0, 1, FOLLOW),
    following.SlotDone("j", 0, 1, 10),
    following.Finish("j"),
]
FROM_WORKER: list[Message] = [
    messages.Ready(2),
    messages.Health(1, 2.5, 3, LEASES),
    messages.Result("j", 0, 1, "d", b"sum"),
    messages.Fail("j", 0, 1, "unreadable", "why"),
    messages.Fetch(1, "j", 0, 0, 10),
    following.Offer("j", OFFER),
    following.Slot("j", 0, 1, 0, 10, 0.5, "d", PLACE, ((2, 3),), b"sum"),
    following.Followed("j", FOLLOWED),
    following.Finished("j"),
]
TO_CLIENT: list[Message] = [
    messages.Accepted("j"),
    messages.ProgressReport("j", 1, 2, PROGRESS),
    messages.Report("j", "report", b"{}"),
    messages.StatusReport(STATE),
    messages.Ping(),
    following.Window("j", 5.0, b"sum"),
    following.Window("j", None, b"sum"),
    following.Following("j", 1.0, False, FOLLOWING),
]
FROM_CLIENT: list[Message] = [
    messages.Submit("paths", SUBMIT),
    following.Attach("j"),
    messages.Status(),
    messages.Ping(),
    messages.Cancel("j"),
    messages.Cancel("j", 0, 1),
]
ANSWERS: list[Message] = [messages.Data(1, 0, True, body=b"0123456789"), messages.Found(1, FOUND)]
BYE, ERROR = messages.Bye(), messages.Error("busy", "too many")
EVERYTHING = [
    *(message for _, message in HANDSHAKE),
    *TO_WORKER,
    *FROM_WORKER,
    *TO_CLIENT,
    *FROM_CLIENT,
    *ANSWERS,
    BYE,
    ERROR,
]


class Pair:
    """A coordinator and a peer with a perfect wire between them."""

    def __init__(self, role: Role = "worker", steps: int = len(HANDSHAKE)) -> None:
        self.coordinator = Connection("coordinator")
        self.peer = Connection(role)
        for who, message in HANDSHAKE[:steps]:
            if isinstance(message, messages.Hello):
                message = msgspec.structs.replace(message, role=role)  # noqa: PLW2901
            assert self.say(who, message) == [message]

    def say(self, who: str, message: Message) -> list[Message]:
        """What the other side hears."""
        speaker, hearer = (
            (self.coordinator, self.peer) if who == "coordinator" else (self.peer, self.coordinator)
        )
        return list(hearer.receive(b"".join(speaker.send(message))))


def test_every_verb_is_among_the_examples() -> None:
    assert {type(m) for m in EVERYTHING} == set(messages.Message.__args__)


@pytest.mark.parametrize("steps", range(len(HANDSHAKE)))
def test_the_handshake_goes_strictly_in_turn(steps: int) -> None:
    who_is_due, due = HANDSHAKE[steps]
    for who in ("coordinator", "peer"):
        for message in EVERYTHING:
            pair = Pair(steps=steps)
            allowed = message == ERROR or (who == who_is_due and type(message) is type(due))
            check(pair, who, message, allowed)


def check(pair: Pair, who: str, message: Message, allowed: bool) -> None:
    """Both refuse what is not allowed: the sender itself, and the receiver from a rogue sender."""
    rogue_heard = pair.peer if who == "coordinator" else pair.coordinator
    if allowed:
        assert pair.say(who, message) == [message]
        assert pair.coordinator.state is pair.peer.state
        return
    before = (pair.coordinator.state, pair.peer.state)
    with pytest.raises(RuntimeError):
        pair.say(who, message)
    with pytest.raises(ProtocolError) as caught:
        list(rogue_heard.receive(encode(message)))
    assert caught.value.code in ("order", "version")
    assert (pair.coordinator.state, pair.peer.state) == before


OPEN: dict[Role, dict[str, list[Message]]] = {
    "worker": {"coordinator": TO_WORKER, "peer": FROM_WORKER},
    "client": {"coordinator": TO_CLIENT, "peer": FROM_CLIENT},
}


@pytest.mark.parametrize("role", ["worker", "client"])
@pytest.mark.parametrize("who", ["coordinator", "peer"])
def test_every_verb_once_open(role: Role, who: str) -> None:
    for message in EVERYTHING:
        allowed = message == ERROR or message in OPEN[role][who] or (message, who) == (BYE, "peer")
        check(Pair(role), who, message, allowed)


@pytest.mark.parametrize("role", ["worker", "client"])
def test_after_bye_the_peer_is_silent_and_still_hears(role: Role) -> None:
    for message in EVERYTHING:
        pair = Pair(role)
        pair.say("peer", BYE)
        assert pair.coordinator.state is pair.peer.state is State.LEAVING
        check(pair, "peer", message, message == ERROR)
    for message in OPEN[role]["coordinator"]:
        pair = Pair(role)
        pair.say("peer", BYE)
        assert pair.say("coordinator", message) == [message]


def test_after_an_error_nothing_is_heard_and_nothing_said() -> None:
    pair = Pair()
    assert pair.say("coordinator", ERROR) == [ERROR]
    assert list(pair.coordinator.send(ERROR)) == []
    with pytest.raises(RuntimeError):
        pair.coordinator.send(messages.Drain())
    for _ in range(2):
        with pytest.raises(ProtocolError):
            list(pair.peer.receive(encode(messages.Drain())))


def test_a_violation_is_told_and_lasts() -> None:
    pair = Pair()
    with pytest.raises(ProtocolError) as caught:
        list(pair.coordinator.receive(b"nonsense\n"))
    answer = b"".join(pair.coordinator.send(error_message(caught.value)))
    (heard,) = pair.peer.receive(answer)
    assert isinstance(heard, messages.Error)
    assert heard.code == "grammar"
    with pytest.raises(ProtocolError, match="nonsense"):
        list(pair.coordinator.receive(encode(messages.Ready(1))))


def test_messages_before_a_violation_are_heard() -> None:
    pair = Pair()
    heard = []
    with pytest.raises(ProtocolError):  # noqa: PT012 - the messages before it matter
        for message in pair.coordinator.receive(encode(messages.Ready(1)) + b"nonsense\n"):
            heard.append(message)
    assert heard == [messages.Ready(1)]


# --- Before the peer is known ---


def test_lines_are_short_until_welcome() -> None:
    for steps, hearer in ((0, "coordinator"), (1, "peer"), (2, "coordinator"), (3, "peer")):
        pair = Pair(steps=steps)
        side: Connection = getattr(pair, hearer)
        with pytest.raises(ProtocolError, match="1,024") as caught:
            list(side.receive(b"H" * limits.HANDSHAKE_LINE_BYTES_MAX))
        assert caught.value.code == "line"
    pair = Pair()
    assert list(pair.coordinator.receive(b"H" * limits.HANDSHAKE_LINE_BYTES_MAX)) == []


def test_no_bodies_until_welcome() -> None:
    with pytest.raises(ProtocolError, match="only ERROR, HELLO"):
        list(Connection("coordinator").receive(b'SUBMIT {"kind":"paths","bytes":262144}\n'))
    with pytest.raises(ProtocolError):
        list(Connection("coordinator").receive(b'PART {"body":1,"offset":0,"bytes":1}\n'))


def test_a_peer_that_does_not_wait_for_welcome_is_refused() -> None:
    pair = Pair(steps=2)
    with pytest.raises(ProtocolError, match="READY is not allowed now"):
        list(pair.coordinator.receive(encode(messages.Auth("")) + encode(messages.Ready(1))))


def test_what_follows_in_the_same_bytes_is_judged_after_the_answer() -> None:
    # A long line behind WELCOME, and READY behind AUTH when the shell answers in between.
    pair = Pair(steps=3)
    lease = messages.Lease("j" * 128, 0, 1, 0, 0, 10)
    job = messages.Fail("j", 0, 1, "e", "d" * 1200)
    welcome = b"".join(pair.coordinator.send(messages.Welcome(1, 5)))
    assert len(list(pair.peer.receive(welcome + encode(lease)))) == 2
    assert len(encode(job)) > limits.HANDSHAKE_LINE_BYTES_MAX
    assert list(pair.coordinator.receive(encode(job))) == [job]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"protocol": 0}, "version"),
        ({"protocol": 2}, "version"),
        ({"role": "coordinator"}, "field"),
        ({"role": ""}, "field"),
        ({"id": ""}, "field"),
        ({"session": ""}, "field"),
    ],
)
def test_hello_is_checked(changes: dict[str, Any], code: str) -> None:
    hello = msgspec.structs.replace(HELLO, **changes)
    coordinator = Connection("coordinator")
    with pytest.raises(ProtocolError) as caught:
        list(coordinator.receive(encode(hello)))
    assert caught.value.code == code
    assert b"".join(coordinator.send(error_message(caught.value))).startswith(b"ERROR ")


def test_a_newer_peer_is_told_of_its_version_whatever_else_it_says() -> None:
    line = encode(HELLO).replace(b'"protocol":4', b'"protocol":5,"new":{"a":[1]}')
    with pytest.raises(ProtocolError, match=r"protocol 5 .*speaks 4") as caught:
        list(Connection("coordinator").receive(line))
    assert "same logan" in error_message(caught.value).message


# --- Questions and answers ---


def fetch(id: int, start: int = 0, end: int = 100) -> messages.Fetch:
    return messages.Fetch(id, "j", 0, start, end)


def refused(pair: Pair, who: str, message: Message) -> None:
    check(pair, who, message, allowed=False)


def test_at_most_two_fetches_are_outstanding() -> None:
    pair = Pair()
    pair.say("peer", fetch(1))
    pair.say("peer", fetch(2))
    refused(pair, "peer", fetch(3))
    pair = Pair()
    pair.say("peer", fetch(1))
    refused(pair, "peer", fetch(1))
    pair = Pair()
    for id in (1, 2, 3, 1):
        pair.say("peer", fetch(id))
        pair.say("coordinator", messages.Data(id, 0, True, body=b"x" * 100))


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 0), (5, 4), (0, limits.FETCH_BYTES_MAX + 1), (0, 2**63 - 1)],
)
def test_a_fetch_asks_for_a_bounded_range(start: int, end: int) -> None:
    refused(Pair(), "peer", fetch(1, start, end))
    Pair().say("peer", fetch(1, 7, 7 + limits.FETCH_BYTES_MAX))


@pytest.mark.parametrize(
    "data",
    [
        messages.Data(2, 0, True, body=b"x"),
        messages.Data(1, 1, True, body=b"x"),
        messages.Data(1, 0, True, body=b"x" * 101),
        messages.Data(1, 0, False, body=b""),
    ],
)
def test_data_fits_what_was_asked_for(data: messages.Data) -> None:
    pair = Pair()
    pair.say("peer", fetch(1))
    refused(pair, "coordinator", data)


def test_data_comes_in_pieces_and_may_end_early() -> None:
    pair = Pair()
    pair.say("peer", fetch(1))
    for offset in (0, 40):
        pair.say("coordinator", messages.Data(1, offset, False, body=b"x" * 40))
    pair.say("coordinator", messages.Data(1, 80, True, detail="file is gone"))
    refused(pair, "coordinator", messages.Data(1, 80, True, body=b"x"))


def test_searches_are_bounded_and_answered_once() -> None:
    pair = Pair()
    for id in range(limits.SEARCHES_MAX):
        pair.say("coordinator", messages.Search(id, SEARCH))
    refused(pair, "coordinator", messages.Search(99, SEARCH))
    pair = Pair()
    pair.say("coordinator", messages.Search(1, SEARCH))
    pair.say("peer", messages.Found(1, FOUND))
    refused(pair, "peer", messages.Found(1, FOUND))


def test_bye_comes_after_the_last_body() -> None:
    pair = Pair()
    result = messages.Result("j", 0, 1, "d", b"x" * 300_000)
    first, second = pair.peer.send(result)
    assert list(pair.coordinator.receive(first)) == []
    with pytest.raises(ProtocolError, match="before the end"):
        list(pair.coordinator.receive(encode(BYE)))
    pair = Pair()
    first, second = pair.peer.send(result)
    assert list(pair.coordinator.receive(first + second + encode(BYE))) == [result, BYE]


# --- Whole sessions ---


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 10**6), max_size=10))
def test_sessions_with_interleaved_frames_and_any_split(seed: int, cuts: list[int]) -> None:
    chance = random.Random(seed)
    pair = Pair()
    sent: list[Message] = []
    streams = []
    for i in range(chance.randrange(1, 6)):
        size = chance.choice([0, 10, 262_144, 300_000, 600_000])
        message = messages.Result("j", i, 1, "d", bytes([i]) * size)
        sent.append(message)
        streams.append(pair.peer.send(message))
    data = []
    # Frames of a message stay in order; whose turn it is is chance.
    while streams:
        stream = chance.choice(streams)
        frame = next(stream, None)
        if frame is None:
            streams.remove(stream)
        else:
            data.append(frame)
        if chance.random() < 0.3:
            health = messages.Health(len(data), 0.0, 1)
            sent.append(health)
            data.extend(pair.peer.send(health))
    heard = [m for p in pieces(b"".join(data), cuts) for m in pair.coordinator.receive(p)]
    for kind in (messages.Health, messages.Result):
        of_kind = [m for m in heard if isinstance(m, kind)]
        if kind is messages.Result:  # those begun first need not end first
            of_kind.sort(key=lambda m: getattr(m, "chunk", 0))
        assert of_kind == [m for m in sent if isinstance(m, kind)]


def test_a_shell_that_iterates_late_loses_nothing() -> None:
    pair = Pair()
    iterator = pair.coordinator.receive(encode(messages.Ready(1)) + encode(messages.Ready(2)))
    assert next(iterator) == messages.Ready(1)
    assert list(pair.coordinator.receive(encode(messages.Ready(3)))) == [
        messages.Ready(2),
        messages.Ready(3),
    ]


def test_roles_are_known_to_both() -> None:
    assert Pair("client").coordinator.state is State.CLIENT
    pair = Pair("worker")
    assert pair.coordinator.state is pair.peer.state is State.WORKER
    assert pair.coordinator.hello == pair.peer.hello == HELLO
