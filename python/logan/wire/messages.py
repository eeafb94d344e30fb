"""The verbs of the line protocol and the fields of each: the one place that lists them.

A message is a verb, an object of named values, and for some verbs a body: raw bytes, or JSON that
`bodies` describes. What there is to know of a message stands with its class: its verb, the type
and range of each field, the type and the bound of its body, and whether unknown fields are
skipped. Nothing here knows how a message is written down (`codec`), in which order messages may
come (`connection`), or how a peer handles them.

A peer that breaks the protocol is answered by `ERROR {code, message}`, and the connection ends.
Codes:

    line     a line is longer than it may be
    grammar  a line is not a verb, a space and a JSON object
    json     JSON that is malformed, too deep, too long, or has a key twice
    verb     there is no such verb
    field    a value, of the line or of a body of JSON, has a wrong type or range
    body     a body is longer than it may be, or its frames do not fit together
    order    the verb may not come now
    state    the message contradicts what was said before: a lease that was never granted, a range
             outside of its chunk, a source that the job does not have
    version  the peer speaks another version of the protocol
    auth     the peer does not have the token
    refused, replaced, slow, busy   the peer did nothing wrong, but is not served
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from logan.wire import limits
from logan.wire.base import HandshakeMessage, WireMessage
from logan.wire.bodies import (
    FoundBody,
    JobBody,
    LeaseProgress,
    Note,
    Probe,
    ProgressBody,
    SearchBody,
    StateBody,
    SubmitBody,
)
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
from logan.wire.schema import (
    Amount,
    Attempt,
    ChunkId,
    Count,
    ErrorText,
    Free,
    Name,
    SourceIndex,
    Text,
    Threads,
)

__all__ = [
    "PROTOCOL_VERSION",
    "Accepted",
    "Attach",
    "Auth",
    "Bye",
    "Cancel",
    "Challenge",
    "Data",
    "Done",
    "Drain",
    "Error",
    "Fail",
    "Fetch",
    "Finish",
    "Finished",
    "Follow",
    "Followed",
    "Following",
    "Found",
    "Health",
    "HealthAck",
    "Hello",
    "Job",
    "Lease",
    "Message",
    "Offer",
    "Ping",
    "ProgressReport",
    "Ready",
    "Report",
    "Result",
    "Search",
    "Slot",
    "SlotDone",
    "Stale",
    "Status",
    "StatusReport",
    "Submit",
    "Watch",
    "Welcome",
    "Window",
]

PROTOCOL_VERSION: Final = 4
"""What HELLO names. Any change of verbs or fields that both sides must know of raises it."""


class Hello(HandshakeMessage, frozen=True):
    """HELLO, first of all, from worker or client. `logan` is the version, for people."""

    VERB: ClassVar[str] = "HELLO"
    protocol: Count
    role: Name  # "worker" or "client"
    id: Name
    session: Name
    nonce: Name
    logan: Name


class Challenge(HandshakeMessage, frozen=True):
    """CHALLENGE: the coordinator proves itself first (proof "" where no token is set)."""

    VERB: ClassVar[str] = "CHALLENGE"
    nonce: Name
    proof: Name


class Auth(HandshakeMessage, frozen=True):
    """AUTH: the peer's proof."""

    VERB: ClassVar[str] = "AUTH"
    proof: Name


class Welcome(HandshakeMessage, frozen=True):
    """WELCOME: the peer is in; the pace it must keep, in seconds."""

    VERB: ClassVar[str] = "WELCOME"
    heartbeat_s: Annotated[float, Meta(ge=limits.HEARTBEAT_S_MIN, le=limits.LEASE_S_MAX)]
    lease_s: Annotated[float, Meta(ge=limits.HEARTBEAT_S_MIN, le=limits.LEASE_S_MAX)]


class Ready(WireMessage, frozen=True):
    """READY: the worker takes up to `free` leases; an absolute number."""

    VERB: ClassVar[str] = "READY"
    free: Free


class Job(WireMessage, frozen=True):
    """JOB: once per job and session, before its first lease."""

    VERB: ClassVar[str] = "JOB"
    job: Name
    body: JobBody


class Lease(WireMessage, frozen=True):
    """LEASE: scan [start, end) of a source of the job. `probes`: a copy of the source that differs
    there is not the planned file."""

    VERB: ClassVar[str] = "LEASE"
    job: Name
    chunk: ChunkId
    attempt: Attempt
    source: SourceIndex
    start: Count
    end: Count
    isolated: bool = False
    probes: Annotated[tuple[Probe, ...], Meta(max_length=limits.PROBES_PER_LEASE_MAX)] | None = None


class Health(WireMessage, frozen=True):
    """HEALTH, each heartbeat: how the worker is, and how far it is with each lease in hand."""

    VERB: ClassVar[str] = "HEALTH"
    rss_bytes: Count
    cpu_percent: Amount
    threads: Threads
    leases: Annotated[tuple[LeaseProgress, ...], Meta(max_length=limits.LEASES_PER_HEALTH_MAX)] = ()


class HealthAck(WireMessage, frozen=True):
    """HEALTH answered by the coordinator (verb HEARD), so that a worker notices a dead one."""

    VERB: ClassVar[str] = "HEARD"


class Result(WireMessage, frozen=True):
    """RESULT with the chunk's summary as its body; `note` only of a compressed source."""

    VERB: ClassVar[str] = "RESULT"
    BODY_BYTES_MAX: ClassVar[int] = limits.SUMMARY_BODY_BYTES_MAX
    job: Name
    chunk: ChunkId
    attempt: Attempt
    digest: Name
    body: bytes = b""
    note: Note | None = None


class Done(WireMessage, frozen=True):
    """DONE: the result is stored for good."""

    VERB: ClassVar[str] = "DONE"
    job: Name
    chunk: ChunkId
    attempt: Attempt


class Stale(WireMessage, frozen=True):
    """STALE: the result came too late or for nothing; forget it."""

    VERB: ClassVar[str] = "STALE"
    job: Name
    chunk: ChunkId
    attempt: Attempt


class Fail(WireMessage, frozen=True):
    """FAIL: the chunk cannot be scanned. `bad_start`, `bad_end`: the bytes to blame, if known."""

    VERB: ClassVar[str] = "FAIL"
    job: Name
    chunk: ChunkId
    attempt: Attempt
    error: Name
    detail: Text
    final: bool = False
    bad_start: Count | None = None
    bad_end: Count | None = None

    def __post_init__(self) -> None:
        if (self.bad_start is None) is not (self.bad_end is None):
            raise ValueError("bad_start and bad_end belong together")


class Fetch(WireMessage, frozen=True):
    """FETCH: bytes [start, end) of a leased source, for a worker that cannot read it itself."""

    VERB: ClassVar[str] = "FETCH"
    id: Count
    job: Name
    source: SourceIndex
    start: Count
    end: Count


class Data(WireMessage, frozen=True):
    """DATA: the bytes asked for, in pieces of one frame, in order, each from `offset` (in the
    source) on. With `last` a piece that ends early says so: the source ends there, or `detail`
    tells what went wrong."""

    VERB: ClassVar[str] = "DATA"
    BODY_BYTES_MAX: ClassVar[int] = limits.FRAME_BODY_BYTES_MAX
    id: Count
    offset: Count
    last: bool
    detail: Text | None = None
    body: bytes = b""


class Cancel(WireMessage, frozen=True):
    """CANCEL: give up a job, or (with `chunk`, `attempt`) one lease of it. From a client that is
    attached to a follow job: end it, with its last figures."""

    VERB: ClassVar[str] = "CANCEL"
    job: Name
    chunk: ChunkId | None = None
    attempt: Attempt | None = None

    def __post_init__(self) -> None:
        if (self.chunk is None) is not (self.attempt is None):
            raise ValueError("chunk and attempt belong together")


class Ping(WireMessage, frozen=True):
    """PING, between client and coordinator, each heartbeat: the sender is alive."""

    VERB: ClassVar[str] = "PING"


class Drain(WireMessage, frozen=True):
    """DRAIN: nothing more will be leased; say BYE when done."""

    VERB: ClassVar[str] = "DRAIN"


class Bye(WireMessage, frozen=True):
    """BYE: the peer leaves and owes nothing."""

    VERB: ClassVar[str] = "BYE"


class Search(WireMessage, frozen=True):
    """SEARCH: which regular files below your roots match?"""

    VERB: ClassVar[str] = "SEARCH"
    id: Count
    body: SearchBody


class Found(WireMessage, frozen=True):
    """FOUND: answer to SEARCH."""

    VERB: ClassVar[str] = "FOUND"
    id: Count
    body: FoundBody


class Submit(WireMessage, frozen=True):
    """SUBMIT: have these paths analyzed, as the coordinator or (`on_workers`) as each worker has
    them; or have logs of the workers followed until CANCEL (`follow`)."""

    VERB: ClassVar[str] = "SUBMIT"
    kind: Literal["paths", "on_workers", "follow"]
    body: SubmitBody


class Accepted(WireMessage, frozen=True):
    """ACCEPTED: the job has this id."""

    VERB: ClassVar[str] = "ACCEPTED"
    job: Name


class ProgressReport(WireMessage, frozen=True):
    """PROGRESS of a client's job, a few times a second."""

    VERB: ClassVar[str] = "PROGRESS"
    job: Name
    done_bytes: Count
    total_bytes: Count
    body: ProgressBody


class Report(WireMessage, frozen=True):
    """REPORT, the end of a client's job. `kind` "report": the body is the report's JSON; "error":
    it is an `ErrorBody`, and `job` is "" if the job was not accepted."""

    VERB: ClassVar[str] = "REPORT"
    BODY_BYTES_MAX: ClassVar[int] = limits.REPORT_BODY_BYTES_MAX
    job: Name
    kind: Literal["report", "error"]
    body: bytes = b""


class Status(WireMessage, frozen=True):
    """STATUS, asked by a client."""

    VERB: ClassVar[str] = "STATUS"


class StatusReport(WireMessage, frozen=True):
    """STATUS answered (verb STATE)."""

    VERB: ClassVar[str] = "STATE"
    body: StateBody


class Error(HandshakeMessage, frozen=True):
    """ERROR: why the connection is about to be closed."""

    VERB: ClassVar[str] = "ERROR"
    code: Name
    message: ErrorText


Message = (
    Hello
    | Challenge
    | Auth
    | Welcome
    | Ready
    | Job
    | Lease
    | Health
    | HealthAck
    | Result
    | Done
    | Stale
    | Fail
    | Fetch
    | Data
    | Cancel
    | Drain
    | Ping
    | Bye
    | Search
    | Found
    | Submit
    | Accepted
    | ProgressReport
    | Report
    | Status
    | StatusReport
    | Error
    | Watch
    | Offer
    | Follow
    | Slot
    | SlotDone
    | Followed
    | Finish
    | Finished
    | Attach
    | Window
    | Following
)
