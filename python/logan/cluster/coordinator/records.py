"""What a journal is given to keep, and what it gives back. Knows neither SQLite nor the cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from logan._logan import MergeTree
from logan.model import Plan

__all__ = [
    "ChunkLost",
    "FollowAdvanced",
    "FollowChanged",
    "FollowEnded",
    "FollowStored",
    "JobEnded",
    "JobForgotten",
    "JobSetAside",
    "JobStored",
    "Record",
    "ReportTaken",
    "ResultStored",
    "StoredFollow",
    "StoredJob",
    "StoredReport",
    "SubtreeStored",
]


@dataclass(frozen=True, slots=True)
class JobStored:
    """A new job. `extra` (JSON values) is the coordinator's own affair."""

    job: str
    plan: Plan
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultStored:
    """A chunk is done; its summary is in one of the subtrees of the same commit."""

    job: str
    chunk: int
    digest: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SubtreeStored:
    """The summary of a complete subtree of a job's merge tree; those within it are dropped."""

    job: str
    level: int
    place: int
    summary: bytes


@dataclass(frozen=True, slots=True)
class ChunkLost:
    """A chunk that was given up; fields as in the scheduler's `LostChunk`."""

    job: str
    chunk: int
    kind: str
    detail: str
    bad_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The job's report; its plan, results and subtrees are dropped.

    Attributes:
        identity: of what was asked for and of the inputs; by it the report is found again.
        error: a JSON value, the coordinator's own affair.
        ended_at: seconds since 1970.
    """

    job: str
    identity: str
    body: bytes
    error: Any = None
    ended_at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """The client that waited for the job's report has received it: it is dropped."""

    job: str


@dataclass(frozen=True, slots=True)
class JobForgotten:
    """The job was canceled: nothing of it is kept. Of a job that has ended the report stays."""

    job: str


@dataclass(frozen=True, slots=True)
class JobSetAside:
    """The job cannot go on, for the reason `why`: it is kept, and not resumed."""

    job: str
    why: str


@dataclass(frozen=True, slots=True)
class FollowStored:
    """A new follow job; `body` is JSON, the job's own affair."""

    job: str
    body: str


@dataclass(frozen=True, slots=True)
class FollowChanged:
    """The follow job itself is another one now; `body` as in `FollowStored`."""

    job: str
    body: str


@dataclass(frozen=True, slots=True)
class FollowAdvanced:
    """More of a follow job is counted: its sources and its figures, together.

    Attributes:
        sources: JSON by index, of those that changed.
        buckets: summaries by (seconds, first second), None for those that went.
    """

    job: str
    sources: Mapping[int, str] = field(default_factory=dict)
    buckets: Mapping[tuple[int, int], bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FollowEnded:
    """The follow job is over: nothing of it is kept."""

    job: str


Record = (
    JobStored
    | ResultStored
    | SubtreeStored
    | ChunkLost
    | JobEnded
    | ReportTaken
    | JobForgotten
    | JobSetAside
    | FollowStored
    | FollowChanged
    | FollowAdvanced
    | FollowEnded
)


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job that has not ended.

    Attributes:
        done: digest of each chunk that needs no more work.
        notes: what came with some of their summaries.
        tree: their summaries, merged as far as they go.
    """

    job: str
    plan: Plan
    extra: Mapping[str, Any]
    done: Mapping[int, str]
    lost: tuple[ChunkLost, ...]
    tree: MergeTree
    notes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The report of a job that has ended; fields as in `JobEnded`."""

    job: str
    identity: str
    body: bytes
    error: Any


@dataclass(frozen=True, slots=True)
class StoredFollow:
    """A follow job that has not ended; fields as in `FollowStored` and `FollowAdvanced`."""

    job: str
    body: str
    sources: Mapping[int, str]
    buckets: Mapping[tuple[int, int], bytes]
