"""One connection's conversation: what may come when, and how much of it. Sans-IO, like h11.

    peer (worker or client)          coordinator
    HELLO                        ->
                                 <-  CHALLENGE      lines of at most 1 KiB, no bodies,
    AUTH                         ->                 strictly in turn
                                 <-  WELCOME
    whatever the role may say    <-> whatever the coordinator may say to it
    BYE                          ->                 (a worker's last word)

ERROR may come from either side at any time and is the last word of the side that sends it.

Both sides run the same table, `_TABLE`. The rules for a shell:

- Feed what was read to `receive` and act on each message *before* asking for the next: what may
  follow depends on what was sent meanwhile.
- Write what `send` gives, in order. The frames of a large message may be held back while other
  messages, from later calls of `send`, go between them; a frame itself is never cut.
- When `receive` raises `ProtocolError`, write `send(error_message(error))` and close.

Proofs are judged by the shell with `auth`, since that needs secrets; time limits are the shell's
too, since that needs a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, Literal

from logan.errors import ProtocolError
from logan.wire import limits
from logan.wire.base import WireMessage
from logan.wire.codec import Decoder, Frames, frames
from logan.wire.following import (
    Attach,
    Finish,
    Finished,
    Follow,
    Followed,
    Following,
    Offer,
    Slot,
    SlotDone,
    Watch,
    Window,
)
from logan.wire.messages import (
    PROTOCOL_VERSION,
    Accepted,
    Auth,
    Bye,
    Cancel,
    Challenge,
    Data,
    Done,
    Drain,
    Error,
    Fail,
    Fetch,
    Found,
    Health,
    HealthAck,
    Hello,
    Job,
    Lease,
    Message,
    Ping,
    ProgressReport,
    Ready,
    Report,
    Result,
    Search,
    Stale,
    Status,
    StatusReport,
    Submit,
    Welcome,
)

__all__ = ["Connection", "Role", "State", "error_message"]

Role = Literal["coordinator", "worker", "client"]


class State(Enum):
    """Where a conversation stands; the same on both sides but for messages under way."""

    START = auto()
    GREETED = auto()
    CHALLENGED = auto()
    PROVEN = auto()
    WORKER = auto()
    """Open, with a worker."""
    CLIENT = auto()
    """Open, with a client."""
    LEAVING = auto()
    """The worker said BYE; what the coordinator had sent before it knew may still come."""
    CLOSED = auto()


_Messages = tuple[type[WireMessage], ...]

_FOLLOW_TO_WORKER: Final[_Messages] = (Watch, Follow, SlotDone, Finish)
_FOLLOW_FROM_WORKER: Final[_Messages] = (Offer, Slot, Followed, Finished)

_TO_WORKER: Final[_Messages] = (
    *(Job, Lease, HealthAck, Done, Stale, Data, Cancel, Drain, Search),
    *_FOLLOW_TO_WORKER,
)
_FROM_WORKER: Final[_Messages] = (
    *(Ready, Health, Result, Fail, Fetch, Found),
    *_FOLLOW_FROM_WORKER,
)
_TO_CLIENT: Final[_Messages] = (
    *(Accepted, Ping, ProgressReport, Report, StatusReport),
    *(Window, Following),
)
_FROM_CLIENT: Final[_Messages] = (Submit, Status, Cancel, Ping, Attach)

_COORDINATOR: Final = "coordinator"
_PEER: Final = "peer"

_TABLE: Final[dict[State, dict[str, dict[type[WireMessage], State]]]] = {
    # state: {sender: {message: next state}}; Error is added below
    State.START: {_PEER: {Hello: State.GREETED}},
    State.GREETED: {_COORDINATOR: {Challenge: State.CHALLENGED}},
    State.CHALLENGED: {_PEER: {Auth: State.PROVEN}},
    State.PROVEN: {_COORDINATOR: {Welcome: State.WORKER}},  # or CLIENT, as HELLO said
    State.WORKER: {
        _COORDINATOR: dict.fromkeys(_TO_WORKER, State.WORKER),
        _PEER: dict.fromkeys(_FROM_WORKER, State.WORKER) | {Bye: State.LEAVING},
    },
    State.CLIENT: {
        _COORDINATOR: dict.fromkeys(_TO_CLIENT, State.CLIENT),
        _PEER: dict.fromkeys(_FROM_CLIENT, State.CLIENT) | {Bye: State.LEAVING},
    },
    State.LEAVING: {
        _COORDINATOR: dict.fromkeys(_TO_WORKER + _TO_CLIENT, State.LEAVING),
    },
    State.CLOSED: {},
}
for _state, _speakers in _TABLE.items():
    if _state is not State.CLOSED:
        for _who in (_COORDINATOR, _PEER):
            _speakers.setdefault(_who, {})[Error] = State.CLOSED

_HANDSHAKE: Final = {State.START, State.GREETED, State.CHALLENGED, State.PROVEN}


class Connection:
    """The state of one conversation, seen from `role`.

    Attributes:
        state: where it stands.
        hello: what the peer said of itself, or we said; None before.
    """

    def __init__(self, role: Role) -> None:
        self.state = State.START
        self.hello: Hello | None = None
        self._role = role
        self._us = _COORDINATOR if role == "coordinator" else _PEER
        self._them = _PEER if role == "coordinator" else _COORDINATOR
        self._decoder = Decoder()
        self._next_body_id = 1
        self._fetches: dict[int, tuple[int, int]] = {}  # id: next offset, end
        self._searches: set[int] = set()
        self._error: ProtocolError | None = None
        self._update_decoder()

    def receive(self, data: bytes) -> Iterator[Message]:
        """Take bytes from the peer; gives the messages that they complete, one at a time.

        All of it must be iterated over before the next call. Raises, where the iteration gets to
        it, `ProtocolError`; from then on every call raises it again.
        """
        self._decoder.feed(data)
        return self._messages()

    def send(self, message: Message) -> Frames:
        """The frames of a message, each at most `LINE_BYTES_MAX + FRAME_BODY_BYTES_MAX` bytes.

        The conversation moves on by the call itself; the frames are made as they are asked for.
        Once the connection is closed an ERROR has no frames.

        Raises:
            RuntimeError: our side may not say this now.
            ValueError: the message breaks the grammar or a bound.
        """
        if self.state is State.CLOSED and isinstance(message, Error):
            return Frames(iter(()))
        if type(message) not in _TABLE[self.state].get(self._us, {}):
            raise RuntimeError(
                f"{self._role} may not send {message.VERB} in state {self.state.name}"
            )
        made = frames(message, body_id=self._next_body_id)
        self._next_body_id += 1
        why = self._step(self._us, message)
        if why is not None:
            raise RuntimeError(f"{self._role} may not send {message.VERB}: {why}")
        return made

    def is_over_for(self, message: Message) -> bool:
        """Whether the conversation has ended, or is ending, so that this cannot be said any more.

        A peer may end it at any time, so for unsolicited messages this is not an error.
        """
        ending = self.state in (State.LEAVING, State.CLOSED)
        return ending and type(message) not in _TABLE[self.state].get(self._us, {})

    def _messages(self) -> Iterator[Message]:
        while True:
            if self._error is not None:
                raise self._error
            try:
                message = self._decoder.next_message()
                if message is None:
                    return
                self._receive_one(message)
            except ProtocolError as error:
                self._error = error
                raise
            yield message

    def _receive_one(self, message: Message) -> None:
        # The decoder asked when the line came; a large body may have ended much later.
        if type(message) not in _TABLE[self.state].get(self._them, {}):
            raise ProtocolError(
                f"{message.VERB} is not allowed in state {self.state.name}", code="order"
            )
        if isinstance(message, Bye) and self._decoder.unfinished:
            raise ProtocolError("BYE before the end of a body", code="order")
        if isinstance(message, Hello):
            _check_hello(message)
        why = self._step(self._them, message)
        if why is not None:
            raise ProtocolError(f"{message.VERB}: {why}", code="order")

    def _step(self, sender: str, message: Message) -> str | None:
        """Move on; or say why this message, though allowed here, does not fit those before it."""
        why = self._check_pairs(message)
        if why is not None:
            return why
        if isinstance(message, Hello):
            self.hello = message
        next_state = _TABLE[self.state][sender][type(message)]
        if isinstance(message, Welcome) and self.hello is not None and self.hello.role == "client":
            next_state = State.CLIENT
        self.state = next_state
        self._update_decoder()
        return None

    def _check_pairs(self, message: Message) -> str | None:
        """Questions and answers: FETCH and DATA, SEARCH and FOUND."""
        match message:
            case Fetch(id=id, start=start, end=end):
                if not start < end <= start + limits.FETCH_BYTES_MAX:
                    return f"a range must have from 1 to {limits.FETCH_BYTES_MAX:,} bytes"
                if id in self._fetches or len(self._fetches) >= limits.FETCHES_MAX:
                    return f"at most {limits.FETCHES_MAX} may be outstanding, each with its id"
                self._fetches[id] = (start, end)
            case Data(id=id, offset=offset, last=last, body=body):
                if id not in self._fetches:
                    return f"nothing was asked for as {id}"
                expected, end = self._fetches[id]
                if offset != expected or offset + len(body) > end or not (body or last):
                    return f"expected bytes from {expected} up to {end}"
                self._fetches[id] = (expected + len(body), end)
                if last:
                    del self._fetches[id]
            case Search(id=id):
                if id in self._searches or len(self._searches) >= limits.SEARCHES_MAX:
                    return f"at most {limits.SEARCHES_MAX} may be outstanding, each with its id"
                self._searches.add(id)
            case Found(id=id):
                if id not in self._searches:
                    return f"nothing was asked for as {id}"
                self._searches.remove(id)
        return None

    def _update_decoder(self) -> None:
        allowed = _TABLE[self.state].get(self._them, {})
        self._decoder.verbs = frozenset(message.VERB for message in allowed)
        self._decoder.line_bytes_max = (
            limits.HANDSHAKE_LINE_BYTES_MAX if self.state in _HANDSHAKE else limits.LINE_BYTES_MAX
        )


def error_message(error: ProtocolError) -> Error:
    """The ERROR that tells a peer what it did wrong."""
    text = error.message if error.hint is None else f"{error.message}; {error.hint}"
    return Error(error.code, text)


def _check_hello(hello: Hello) -> None:
    if hello.protocol != PROTOCOL_VERSION:
        raise ProtocolError(
            f"protocol {hello.protocol} (logan {hello.logan}), "
            f"this coordinator speaks {PROTOCOL_VERSION}",
            code="version",
            hint="install the same logan on both sides",
        )
    if hello.role not in ("worker", "client"):
        raise ProtocolError("HELLO: role must be worker or client", code="field")
    if not hello.id or not hello.session:
        raise ProtocolError("HELLO: id and session may not be empty", code="field")
