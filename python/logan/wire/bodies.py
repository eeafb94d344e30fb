"""What the bodies of JSON hold, and the lists that stand in a line: typed, checked on arrival.

Each class is named for the message that carries it. A check that needs more than one field, or
the native extension, is in `__post_init__`; what it raises is reported like any wrong value.
Nothing here knows how a body is used.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from logan._logan import Fingerprint
from logan.limits import (
    ARCHIVE_SAMPLE_BYTES_MAX,
    CHUNK_SIZE_BYTES_MAX,
    GROUP_TABLES_MAX,
    INPUTS_PER_JOB_MAX,
    KIB,
    ROWS_NAMED_MAX,
    SAMPLE_PLACES_MAX,
    STEP_S_MAX,
    TOP_ROWS_MAX,
    UNITS_MAX,
)
from logan.wire import limits
from logan.wire.schema import (
    Amount,
    Attempt,
    Body,
    ChunkId,
    Count,
    Name,
    Path,
    Sentence,
    Signed,
    Text,
    Unicode,
)

__all__ = [
    "ALERTS_MAX",
    "ArchiveNote",
    "Begin",
    "CoordinatorStatus",
    "ErrorBody",
    "EventEntry",
    "FaultNote",
    "FollowStatus",
    "FoundBody",
    "FoundFile",
    "JobBody",
    "JobSource",
    "JobStatus",
    "LeaseProgress",
    "Note",
    "Probe",
    "ProgressBody",
    "RecoveryStatus",
    "SearchBody",
    "StateBody",
    "SubmitBody",
    "SubmitOptions",
    "WorkerStatus",
]

WORKERS_MAX: Final = 8_192
"""Workers in one STATE or PROGRESS: twice as many as a coordinator remembers."""

JOBS_MAX: Final = 4_096

ALERTS_MAX: Final = 32
"""Alerts of a follow job: each is looked at every second."""

EVENTS_MAX: Final = 256
ERRORS_MAX: Final = 64

Compression = Annotated[str, Meta(pattern=r"\A[a-z0-9-]{1,8}(\+[a-z0-9-]{1,8}){0,2}\Z")]
"""The value of `Source.compression`; the engine decides whether it supports it."""

Etag = Annotated[str, Meta(max_length=1 * KIB, pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]*\Z")]

Expression = Annotated[str, Meta(max_length=64 * KIB, pattern=r"\A[^\x00\ud800-\udfff]*\Z")]
"""Conditions, names of fields and formats, in logan's small languages."""


Begin = Annotated[str, Meta(pattern=r"\A(start|end|[0-9]{1,9}(\.[0-9]{1,9})?)\Z")]
"""Where a follow job begins in logs that are there: as `live.starting` has it, or seconds."""


def _check_fingerprint(text: str) -> None:
    Fingerprint.from_json(text)  # raises ValueError


# --- Leases ------------------------------------------------------------------------------------


Probe = tuple[Count, Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]]
"""In LEASE: where a block of the source begins, and its hash; see `logan.cluster.probes`."""


class LeaseProgress(Body, frozen=True):
    """In HEALTH: how far a worker is with a lease, in stored bytes of its source.

    A chunk that is scanned in a child process, and again in pieces, may count more than once.
    """

    job: Name
    chunk: ChunkId
    attempt: Attempt
    scanned_bytes: Count


class FaultNote(Body, frozen=True):
    """Why the end of an archive was not reached: a kind of `InputError`, and a sentence."""

    kind: Name
    why: Text


class ArchiveNote(Body, frozen=True):
    """What a compressed source turned out to hold; fields as in `logan.model.Archive`."""

    decoded: Count
    members: Count
    foreign_at: Count | None = None
    contents: Text | None = None
    left_out: Count = 0


class Note(Body, frozen=True):
    """In RESULT: what there is to say of a compressed source beside its summary."""

    fault: FaultNote | None = None
    archive: ArchiveNote | None = None


# --- Jobs --------------------------------------------------------------------------------------


class JobSource(Body, frozen=True):
    """A source of a job. `fingerprint` is None for an object on a server, and only there;
    `local`: whether the coordinator hands out its bytes."""

    url: Path
    size: Count
    fingerprint: Unicode | None
    local: bool
    compression: Compression | None
    etag: Etag | None

    def __post_init__(self) -> None:
        if self.fingerprint is not None:
            _check_fingerprint(self.fingerprint)


class JobBody(Body, frozen=True):
    """JOB: what all chunks of a job have in common."""

    spec: Unicode
    chunk_size: Annotated[int, Meta(ge=1, le=limits.INTEGER_MAX)]
    expansion_max: Count
    sources: Annotated[tuple[JobSource, ...], Meta(max_length=INPUTS_PER_JOB_MAX)]


class SearchBody(Body, frozen=True):
    """SEARCH: patterns of files that are looked for below a worker's roots."""

    patterns: Annotated[tuple[Path, ...], Meta(max_length=INPUTS_PER_JOB_MAX)]


Sample = tuple[Count, Annotated[bytes, Meta(max_length=ARCHIVE_SAMPLE_BYTES_MAX)]]
"""Offset and bytes (base64 in JSON); those of an archive are decoded."""


class FoundFile(Body, frozen=True):
    """A regular file that a worker holds; fields as in `logan.model.Source`."""

    url: Path
    size: Count
    fingerprint: Unicode
    mtime_ns: Signed | None
    compression: Compression | None
    written_ns: Signed | None
    samples: Annotated[tuple[Sample, ...], Meta(max_length=SAMPLE_PLACES_MAX + 1)]

    def __post_init__(self) -> None:
        _check_fingerprint(self.fingerprint)


class FoundBody(Body, frozen=True):
    """FOUND: the files that match, and what went wrong on the way."""

    files: Annotated[tuple[FoundFile, ...], Meta(max_length=INPUTS_PER_JOB_MAX)]
    errors: Annotated[tuple[Sentence, ...], Meta(max_length=ERRORS_MAX)]


# --- Clients -----------------------------------------------------------------------------------


class SubmitOptions(Body, frozen=True):
    """Options of a job; names and meaning as in `logan.options.Options`. What is left out
    has its default there."""

    chunk_size: Annotated[int, Meta(ge=1, le=CHUNK_SIZE_BYTES_MAX)] | UnsetType = UNSET
    format: Expression | UnsetType | None = UNSET
    format_name: Name | UnsetType = UNSET
    input_tz: Name | UnsetType = UNSET
    date_order: Literal["mdy", "dmy", "ymd"] | UnsetType | None = UNSET
    units: Annotated[tuple[Name, ...], Meta(max_length=UNITS_MAX)] | UnsetType = UNSET
    client: Literal["remote", "forwarded"] | UnsetType | None = UNSET
    top: Annotated[int, Meta(ge=1, le=TOP_ROWS_MAX)] | UnsetType = UNSET
    sort: Name | UnsetType = UNSET
    step: Annotated[int, Meta(ge=1, le=STEP_S_MAX)] | UnsetType | None = UNSET
    user_agents: Literal["raw", "families"] | UnsetType | None = UNSET
    rows: Annotated[tuple[Expression, ...], Meta(max_length=ROWS_NAMED_MAX)] | UnsetType = UNSET
    since_ns: Signed | UnsetType | None = UNSET
    until_ns: Signed | UnsetType | None = UNSET
    since_back_ns: Signed | UnsetType | None = UNSET
    until_back_ns: Signed | UnsetType | None = UNSET
    where: Expression | UnsetType | None = UNSET
    by: Annotated[tuple[Expression, ...], Meta(max_length=GROUP_TABLES_MAX)] | UnsetType = UNSET
    seek: bool | UnsetType = UNSET
    expansion_max: Count | UnsetType = UNSET
    anchor: datetime | None = None
    series_points: Annotated[int, Meta(ge=1, le=limits.INTEGER_MAX)] | UnsetType | None = UNSET
    explain: bool | UnsetType = UNSET


class SubmitBody(Body, frozen=True):
    """SUBMIT: paths, or patterns of files on workers; `base` is the folder of relative ones;
    `begin`, of a follow job, says where to begin in files that are there, and `alerts` which
    conditions the coordinator evaluates."""

    paths: Annotated[tuple[Path, ...], Meta(max_length=INPUTS_PER_JOB_MAX)]
    options: SubmitOptions
    base: Path | None = None
    begin: Begin | None = None
    alerts: Annotated[tuple[Text, ...], Meta(max_length=ALERTS_MAX)] = ()


class ErrorBody(Body, frozen=True):
    """REPORT of kind "error": class, message and hint of a `LoganError`; of an `InputError` also
    its input and kind."""

    error: Name
    message: str
    hint: str | None = None
    input: str | None = None
    kind: Name | None = None
    logan: Name = ""


class WorkerStatus(Body, frozen=True):
    """A worker in STATE and PROGRESS; see `Coordinator.monitor_workers`."""

    id: Name
    state: Name
    address: Name | None
    threads: Count | None
    leases: Count
    chunks_done: Count
    chunks_lost: Count
    bytes_done: Count
    bytes_per_second: Count
    rss_bytes: Count | None
    cpu_percent: Amount | None
    heard_s: Amount | None


class EventEntry(Body, frozen=True):
    """Something that happened: its number, seconds since 1970, a kind, a sentence."""

    n: Count
    at: float
    kind: Name
    text: Sentence


class ProgressBody(Body, frozen=True):
    """PROGRESS: the workers, and the events since the last one."""

    workers: Annotated[tuple[WorkerStatus, ...], Meta(max_length=WORKERS_MAX)]
    events: Annotated[tuple[EventEntry, ...], Meta(max_length=EVENTS_MAX)]


class JobStatus(Body, frozen=True):
    """A job in STATE. `bytes_per_second` counts what was scanned since it began or was resumed."""

    job: Name
    name: Sentence
    done_bytes: Count
    total_bytes: Count
    resumed_bytes: Count
    chunks: Count
    chunks_done: Count
    chunks_missing: Count
    elapsed_s: Amount
    bytes_per_second: Count
    recoveries: Count


class RecoveryStatus(Body, frozen=True):
    """Lost chunks that others did again: how many, and after how long, in all and at most."""

    count: Count
    leased_s: Amount
    done_s: Amount
    done_s_max: Amount


class CoordinatorStatus(Body, frozen=True):
    """The coordinator in STATE; `connections` are those of workers."""

    address: Sentence
    uptime_s: Amount
    connections: Count
    recoveries: RecoveryStatus


class FollowStatus(Body, frozen=True):
    """A follow job in STATE. `behind_bytes`: written and not counted yet, as far as is known;
    `away`: hosts that are not connected; `lost`: how often something was gone for good;
    `firing`: those of its `alerts` that fired and have not ended."""

    job: Name
    name: Sentence
    hosts: Count
    away: Count
    logs: Count
    counted_bytes: Count
    behind_bytes: Count
    lost: Count
    viewers: Count
    elapsed_s: Amount
    alerts: Count = 0
    firing: Annotated[tuple[Text, ...], Meta(max_length=ALERTS_MAX)] = ()


class StateBody(Body, frozen=True):
    """STATE: everything, as it is now."""

    coordinator: CoordinatorStatus
    workers: Annotated[tuple[WorkerStatus, ...], Meta(max_length=WORKERS_MAX)]
    jobs: Annotated[tuple[JobStatus, ...], Meta(max_length=JOBS_MAX)]
    events: Annotated[tuple[EventEntry, ...], Meta(max_length=EVENTS_MAX)]
    follows: Annotated[tuple[FollowStatus, ...], Meta(max_length=JOBS_MAX)] = ()
