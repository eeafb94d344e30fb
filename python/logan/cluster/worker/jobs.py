"""The jobs that the coordinator described over one connection of a worker.

Knows what a valid lease of a job is; sends nothing. A canceled job is remembered for a while, since
CANCEL overtakes other messages: JOB and LEASE of it may still arrive.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from logan._logan import Spec
from logan.cluster.limits import JOBS_MAX
from logan.errors import ProtocolError
from logan.model import Chunk, Source
from logan.planning.codec import check_spec
from logan.wire.bodies import JobSource
from logan.wire.messages import Job, Lease

__all__ = ["JobDescription", "JobTable"]

JOBS_REMEMBERED_MAX: Final = 1_024
"""Canceled jobs of which messages may still arrive."""


@dataclass(slots=True)
class JobDescription:
    """What JOB says: how to scan, and the sources that leases name by their index."""

    spec: Spec
    sources: Sequence[JobSource]
    chunk_size: int
    expansion_max: int

    def source(self, lease: Lease) -> Source:
        """The source of the lease."""
        source = self.sources[lease.source]
        return Source(
            source.url,
            source.size,
            source.fingerprint,
            compression=source.compression,
            etag=source.etag,
        )

    def chunk(self, lease: Lease) -> Chunk:
        """The chunk of the lease."""
        return Chunk(lease.chunk, lease.source, lease.start, lease.end)


class JobTable:
    """Jobs by id."""

    def __init__(self) -> None:
        self._jobs: dict[str, JobDescription] = {}
        self._canceled: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, message: Job) -> None:
        """Remember a job. Raises `ProtocolError` if it is not a valid one."""
        if message.job in self._canceled:
            return  # its CANCEL overtook it
        if message.job in self._jobs:
            raise ProtocolError(f"JOB: job {message.job} was described before", code="state")
        if len(self._jobs) >= JOBS_MAX:
            raise ProtocolError(f"JOB: more than {JOBS_MAX} jobs at once", code="state")
        body = message.body
        try:
            spec = check_spec(body.spec, len(body.sources))
        except ValueError as error:
            raise ProtocolError(f"JOB: spec: {error}", code="field") from error
        self._jobs[message.job] = JobDescription(
            spec, body.sources, body.chunk_size, body.expansion_max
        )

    def cancel(self, job: str) -> None:
        """Forget a job; ignore what still arrives of it."""
        self._jobs.pop(job, None)
        self._canceled[job] = None
        if len(self._canceled) > JOBS_REMEMBERED_MAX:
            self._canceled.popitem(last=False)

    def is_canceled(self, job: str) -> bool:
        """Whether the job was canceled a while ago at most."""
        return job in self._canceled

    def of_lease(self, message: Lease) -> JobDescription:
        """The job of a lease. Raises `ProtocolError` if the lease is not a valid one of its job."""
        job = self._jobs.get(message.job)
        if job is None:
            raise ProtocolError(f"LEASE: no JOB described job {message.job}", code="state")
        if message.source >= len(job.sources):
            raise ProtocolError(
                f"LEASE: source {message.source} of job {message.job}, which has "
                f"{len(job.sources)}",
                code="state",
            )
        size = job.sources[message.source].size
        if not message.start < message.end <= size:
            raise ProtocolError(
                f"LEASE: bytes {message.start:,} to {message.end:,} of a source of {size:,}",
                code="state",
            )
        if any(not message.start <= at < message.end for at, _ in message.probes or ()):
            raise ProtocolError("LEASE: a probe lies outside of its bytes", code="state")
        return job
