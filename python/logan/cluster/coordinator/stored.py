"""A job as the journal keeps it besides its plan: to JSON values and back, checked on the way back.

What comes out of a journal may have been written by another version, or by a bug: every value is
checked against the types below before anything is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from logan.cluster.coordinator.ending import SubmittedJob
from logan.cluster.coordinator.jobs import ActiveJob, job_body
from logan.cluster.coordinator.records import StoredJob
from logan.cluster.coordinator.submission import opener_of
from logan.cluster.scanning import Times, read_note, read_times
from logan.options import Options
from logan.planning.codec import StoredInput, StoredSearch, decode_job
from logan.scheduler.actions import LostChunk
from logan.sources.roots import Roots
from logan.wire.codec import encode_body

__all__ = ["from_stored", "to_stored"]


@dataclass(frozen=True, slots=True)
class _Stored:
    wish: str
    identity: str
    name: str
    urls: tuple[str, ...]
    holders: tuple[frozenset[str] | None, ...]
    local: bool
    confined: bool
    inputs: tuple[StoredInput, ...]
    order: tuple[int, ...]
    options: Options
    sought: tuple[StoredSearch, ...]
    watched: bool
    series_points: int | None
    explain: bool = True


def to_stored(job: ActiveJob) -> dict[str, Any]:
    """What `from_stored` needs besides the plan and the results; JSON values."""
    made = job.job
    stored = _Stored(
        wish=job.submitted.wish,
        identity=job.submitted.identity,
        name=job.name,
        urls=tuple(job.urls),
        holders=tuple(job.holders),
        local=job.local,
        confined=job.confined,
        inputs=tuple(StoredInput.of(each) for each in made.inputs),
        order=tuple(made.order),
        options=made.options,
        sought=tuple(StoredSearch.of(each) for each in made.sought),
        watched=made.watched,
        series_points=job.series_points,
        explain=job.explain,
    )
    values: dict[str, Any] = msgspec.to_builtins(stored)
    return values


def from_stored(stored: StoredJob, roots: Roots) -> ActiveJob:
    """The job that a journal has, to go on with. Raises `ValueError` or
    `msgspec.ValidationError` for one that cannot be."""
    extra = msgspec.convert(dict(stored.extra), _Stored)
    plan = stored.plan
    sources = len(plan.sources)
    if not (
        len(extra.urls) == sources
        and len(extra.holders) in (0, sources)
        and (extra.series_points is None or extra.series_points > 0)
    ):
        raise ValueError("its inputs and its plan differ")
    encode_body(job_body(plan, extra.urls, local=extra.local))
    times: dict[int, Times] = {}
    for chunk, note in stored.notes.items():
        met = read_times(note)
        if met is None or len(met) == 2:
            times[chunk] = met
        is_plain = plan.sources[plan.chunks[chunk].source].compression is None
        if is_plain and read_note(note) != (None, None):
            raise ValueError(f"chunk {chunk} has a note about an archive, which its source is not")
    job = decode_job(
        plan, extra.inputs, extra.order, extra.options, extra.sought, watched=extra.watched
    )
    return ActiveJob(
        submitted=SubmittedJob(stored.job, extra.wish, extra.identity, plan.bytes, owned=False),
        job=job,
        tree=stored.tree,
        urls=extra.urls,
        name=extra.name,
        holders=extra.holders,
        local=extra.local,
        confined=extra.confined,
        opened=opener_of(roots, confined=extra.confined),
        done=set(stored.done),
        notes=dict(stored.notes),
        times=times,
        lost=[
            LostChunk(each.job, each.chunk, each.kind, each.detail, each.bad_range)
            for each in stored.lost
        ],
        series_points=extra.series_points,
        explain=extra.explain,
    )
