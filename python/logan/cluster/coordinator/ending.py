"""What a job ends with, and what is kept of it afterward.

A job ends in one place, `Coordinator._conclude`: it makes an `Outcome` with the report as bytes,
writes it to the journal, and wakes all tasks that wait for the `SubmittedJob`. Nothing else of the
job stays: no plan, no summaries. Knows neither trio's tasks nor the journal.
"""

from __future__ import annotations

import copy
import json
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import msgspec
import trio

from logan.cluster.limits import CLAIMED_BYTES_MAX, ENDED_BYTES_MAX, ENDED_JOBS_MAX
from logan.errors import InputError, LoganError
from logan.planning.codec import StoredError
from logan.report import Report

__all__ = ["EndedJobs", "Outcome", "SubmittedJob"]

_ZLIB_LEVEL: Final = 1
"""Reports shrink to about a fifth; higher levels take several times as long for little more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job ended with: a report, or why there is none.

    Attributes:
        packed: the report's JSON, compressed; empty if there is none.
        input_error: of the first input that has one.
        failure: why there is no report.
    """

    packed: bytes = b""
    input_error: InputError | None = None
    failure: LoganError | None = None

    @classmethod
    def of(cls, report: Report, input_error: InputError | None) -> Outcome:
        """The outcome with this report. Blocking."""
        body = json.dumps(report.to_dict()).encode("ascii")
        return cls(zlib.compress(body, _ZLIB_LEVEL), _bare(input_error))

    @classmethod
    def failed(cls, error: LoganError) -> Outcome:
        """The outcome of a job without a report."""
        return cls(failure=_bare(error))

    @classmethod
    def from_stored(cls, body: bytes, error: object) -> Outcome:
        """From what `stored` gave. Blocking. Raises `ValueError`, `zlib.error` or
        `msgspec.ValidationError` for anything else."""
        Report.from_json(zlib.decompress(body))
        found = msgspec.convert(error, StoredError | None)
        return cls(body, None if found is None else found.error())

    def stored(self) -> tuple[bytes, Any]:
        """The report and the input's error, as the journal keeps them: bytes, and JSON."""
        error = self.input_error
        return self.packed, None if error is None else asdict(StoredError.of(error))

    def body(self) -> bytes:
        """The report's JSON. Blocking. Raises what went wrong instead."""
        if self.failure is not None:
            raise copy.copy(self.failure)
        return zlib.decompress(self.packed)

    def report(self) -> Report:
        """The report. Blocking. Raises what went wrong instead."""
        return Report.from_json(self.body())


@dataclass(slots=True)
class SubmittedJob:
    """A job as the clients that submitted it see it.

    Attributes:
        id: its name on the wire and in the journal.
        wish: `Submission.key`: tells that two submissions ask for the same.
        identity: equal for two submissions with equal options and equal inputs, byte for byte as
            far as fingerprints tell; empty if nothing proves that.
        owned: whether a client waits for it; not when it was resumed from the journal.
        waits_for_return: a task gives it up unless its client comes back.
        left_at: when the connection to the client that waited for it broke last, on trio's clock.
        kept: the journal goes on with it at the coordinator's next start.
        ended: set once `outcome` is there.
    """

    id: str
    wish: str = ""
    identity: str = ""
    total_bytes: int = 0
    owned: bool = True
    left_at: float | None = None
    waits_for_return: bool = False
    kept: bool = False
    ended: trio.Event = field(default_factory=trio.Event)
    outcome: Outcome | None = None

    def end(self, outcome: Outcome) -> None:
        """Wake the tasks that wait."""
        self.outcome = outcome
        self.ended.set()


class EndedJobs:
    """The newest ended jobs, for clients that ask late. Bounded in number and bytes.

    Reports that a client has received are dropped before those that none has received.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, SubmittedJob] = OrderedDict()
        self._claimed: OrderedDict[str, SubmittedJob] = OrderedDict()

    def __iter__(self) -> Iterator[SubmittedJob]:
        return iter([*self._waiting.values(), *self._claimed.values()])

    def get(self, id: str) -> SubmittedJob | None:
        """The job of that id, if it is kept."""
        return self._waiting.get(id) or self._claimed.get(id)

    def add(self, job: SubmittedJob) -> None:
        """Keep a job that has ended and whose report no client has got so far."""
        self._waiting[job.id] = job
        _shorten(self._waiting, ENDED_JOBS_MAX, ENDED_BYTES_MAX)

    def claim(self, id: str) -> None:
        """Note that a client has received its report."""
        job = self._waiting.pop(id, None)
        if job is not None:
            self._claimed[id] = job
            _shorten(self._claimed, ENDED_JOBS_MAX, CLAIMED_BYTES_MAX)

    def drop(self, id: str) -> None:
        """It will not be asked for again."""
        self._waiting.pop(id, None)
        self._claimed.pop(id, None)

    def find(self, identity: str) -> SubmittedJob | None:
        """A job of that identity that no client waits for and whose report none has received."""
        for job in self._waiting.values():
            if identity and job.identity == identity and not job.owned and _has_report(job):
                return job
        return None


def _has_report(job: SubmittedJob) -> bool:
    return job.outcome is not None and bool(job.outcome.packed)


def _shorten(jobs: OrderedDict[str, SubmittedJob], count_max: int, bytes_max: int) -> None:
    """Drop the oldest beyond the bounds; the newest stays whatever its size."""
    sizes = {id: len(job.outcome.packed) for id, job in jobs.items() if job.outcome is not None}
    total = sum(sizes.values())
    while len(jobs) > 1 and (len(jobs) > count_max or total > bytes_max):
        id, _ = jobs.popitem(last=False)
        total -= sizes.get(id, 0)


def _bare(error: Any) -> Any:
    """`error` without the frames, and the errors, that it came from: they hold the whole job."""
    if error is None:
        return None
    bare = copy.copy(error)
    bare.__traceback__ = bare.__cause__ = bare.__context__ = None
    return bare
