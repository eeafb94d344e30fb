"""The verbs of the line protocol and the fields of each: the one place that lists them.

A message is a verb, an object of named values, and for some verbs a body of raw bytes. Nothing
here knows how a message is written down (`codec`), in which order messages may come
(`connection`), or what anybody does about them.

Types of fields are those that JSON has: `int` is 0 or more and at most 2**63 - 1, `float` finite
and 0 or more, `str` bounded by the line. A list or an object that may be long travels in the body,
as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "PROTOCOL_VERSION",
    "Accepted",
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
    "Found",
    "Health",
    "HealthAck",
    "Hello",
    "Job",
    "Lease",
    "Message",
    "ProgressReport",
    "Ready",
    "Report",
    "Result",
    "Search",
    "Stale",
    "Status",
    "StatusReport",
    "Submit",
    "Welcome",
]

PROTOCOL_VERSION: Final = 1
"""What HELLO names. Any change of verbs or fields that both sides must know of raises it."""


@dataclass(frozen=True, slots=True)
class Hello:
    """HELLO, first of all, from worker or client. `logan` is the version, for people."""

    protocol: int
    role: str  # "worker" or "client"
    id: str
    session: str
    nonce: str
    logan: str


@dataclass(frozen=True, slots=True)
class Challenge:
    """CHALLENGE: the coordinator proves itself first (proof "" where no token is set)."""

    nonce: str
    proof: str


@dataclass(frozen=True, slots=True)
class Auth:
    """AUTH: the peer's proof."""

    proof: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """WELCOME: the peer is in; the pace it must keep."""

    heartbeat_s: float
    lease_s: float


@dataclass(frozen=True, slots=True)
class Ready:
    """READY: the worker takes up to `free` leases; an absolute number."""

    free: int


@dataclass(frozen=True, slots=True)
class Job:
    """JOB: once per job and session, before its first lease.

    Body, JSON: {"spec": str, "sources": [{"url", "size", "fingerprint", "local": bool, ...}]}
    """

    job: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Lease:
    """LEASE: scan [start, end) of a source of the job."""

    job: str
    chunk: int
    attempt: int
    source: int
    start: int
    end: int
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """HEALTH, each heartbeat: at most 16 `leases` {"job", "chunk", "attempt", "scanned_bytes"}."""

    rss_bytes: int
    cpu_percent: float
    threads: int
    leases: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class HealthAck:
    """HEALTH answered by the coordinator (verb HEARD), so that a worker notices a dead one."""


@dataclass(frozen=True, slots=True)
class Result:
    """RESULT with the chunk's summary as its body; `note` is JSON about an archive."""

    job: str
    chunk: int
    attempt: int
    digest: str
    body: bytes = b""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """DONE: the result is stored for good."""

    job: str
    chunk: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Stale:
    """STALE: the result came too late or for nothing; forget it."""

    job: str
    chunk: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Fail:
    """FAIL: the chunk cannot be scanned. `bad_start`, `bad_end`: the bytes to blame, if known."""

    job: str
    chunk: int
    attempt: int
    error: str
    detail: str
    final: bool = False
    bad_start: int | None = None
    bad_end: int | None = None


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH: bytes [start, end) of a leased source, for a worker that cannot read it itself."""

    id: int
    job: str
    source: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Data:
    """DATA: the bytes asked for, in pieces of one frame, in order, each from `offset` (in the
    source) on. With `last` a piece that ends early says so: the source ends there, or `detail`
    tells what went wrong."""

    id: int
    offset: int
    last: bool
    detail: str | None = None
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Cancel:
    """CANCEL: give up a job, or (with `chunk`, `attempt`) one lease of it."""

    job: str
    chunk: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Drain:
    """DRAIN: nothing more will be leased; say BYE when done."""


@dataclass(frozen=True, slots=True)
class Bye:
    """BYE: the peer leaves and owes nothing."""


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH: which regular files below your roots match? Body, JSON: {"patterns": [str]}."""

    id: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Found:
    """FOUND: answer to SEARCH. Body, JSON: {"files": [{"url", "size", "fingerprint", "mtime_ns",
    "samples": [[offset, base64]]}], "errors": [str]}."""

    id: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Submit:
    """SUBMIT. `kind` "paths" and "on_workers": body {"paths": [str], "options": {...}}, answered by
    a report; "plan": body is a plan as JSON, answered by a summary."""

    kind: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """ACCEPTED: the job has this id."""

    job: str


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """PROGRESS of a client's job, a few times a second.

    Body, JSON: {"workers": [...], "events": [...]}, the events since the last one.
    """

    job: str
    done_bytes: int
    total_bytes: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """REPORT, the end of a client's job. `kind` "report": body is the report's JSON; "summary":
    a line of JSON {"missing", "workers", "recoveries", "threads", "verified", "alarms"}, then the
    summary's bytes;
    "error": {"error": class name, "message", "hint"}."""

    job: str
    kind: str
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS, asked by a client."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """STATUS answered (verb STATE). Body, JSON: {"workers": [...], "jobs": [...], ...}."""

    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Error:
    """ERROR: why the connection is about to be closed."""

    code: str
    message: str


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
)
