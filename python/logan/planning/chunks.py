"""From sources and options to a plan: which chunks there are, and the spec that all share.

Pure: it reads no file, clock or environment, and knows nothing of threads or workers, so the
same inputs and options give the same plan on every machine. That is what makes reports
comparable byte for byte.

Each source `[0, size)`, or of a file that is in the order of time the range that a search by time
found, is tiled by chunks of one size without gap or overlap; a compressed one is a single chunk,
since nothing can be read from its middle. The size is doubled
until the whole job has at most `CHUNKS_PER_JOB_MAX` chunks. Streams have no chunks here: they are
cut on the same grid while they are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from logan.errors import UsageError
from logan.limits import CHUNKS_PER_JOB_MAX
from logan.model import Chunk, Detection, Plan, Source
from logan.options import Options
from logan.planning.spec import identity, spec_json
from logan.sources.inputs import shown_name

__all__ = [
    "chunk_size_for",
    "is_tiled",
    "make_plan",
    "replan",
    "tile",
]


def make_plan(
    sources: Sequence[Source],
    detections: Sequence[Detection],
    options: Options,
    *,
    anchor_ns: int | Sequence[int],
    names: Sequence[str] | None = None,
    also: Sequence[str] = (),
) -> Plan:
    """The plan for `sources`, whose samples were found to be `detections` (same order).

    `anchor_ns` is the moment (epoch nanoseconds) at or before which dates without a year lie: one
    for all sources, or one for each. `names` are what reports call the sources; by default their
    URLs. `also` names tables that are added to those that `options` ask for.
    """
    names = [shown_name(source.url) for source in sources] if names is None else names
    chunk_size = chunk_size_for(_sizes(sources), options.chunk_size)
    return Plan(
        sources=tuple(sources),
        chunks=_chunks(sources, chunk_size),
        chunk_size=chunk_size,
        spec_json=spec_json(
            detections,
            options,
            anchor_ns=anchor_ns,
            identities=[identity(*each) for each in zip(sources, names, strict=True)],
            also=also,
        ),
        expansion_max=options.expansion_max,
    )


def replan(plan: Plan, sources: Sequence[Source], options: Options) -> Plan:
    """`plan` with the ranges of `sources`, which are its own otherwise."""
    chunk_size = chunk_size_for(_sizes(sources), options.chunk_size)
    return replace(
        plan, sources=tuple(sources), chunks=_chunks(sources, chunk_size), chunk_size=chunk_size
    )


def chunk_size_for(sizes: Sequence[int], wanted: int) -> int:
    """`wanted`, doubled until all `sizes` together need at most `CHUNKS_PER_JOB_MAX` chunks."""
    if sum(size > 0 for size in sizes) > CHUNKS_PER_JOB_MAX:
        raise UsageError(f"more than {CHUNKS_PER_JOB_MAX:,} inputs in one job")
    chunk_size = wanted
    while sum(-(-size // chunk_size) for size in sizes) > CHUNKS_PER_JOB_MAX:
        chunk_size *= 2
    return chunk_size


def is_tiled(plan: Plan) -> bool:
    """Whether the chunks of a plan that was stored are those that its sources and chunk size give.

    Raises `UsageError` for more sources than a job may have.
    """
    return (
        plan.chunk_size >= 1
        and chunk_size_for(_sizes(plan.sources), plan.chunk_size) == plan.chunk_size
        and plan.chunks == _chunks(plan.sources, plan.chunk_size)
    )


def tile(ranges: Sequence[tuple[int, int]], chunk_size: int) -> tuple[Chunk, ...]:
    """Chunks in source order, then offset order; ids count from 0. Empty sources have none."""
    cut = (
        (source, start, min(start + chunk_size, end))
        for source, (first, end) in enumerate(ranges)
        for start in range(first, end, chunk_size)
    )
    return tuple(Chunk(id, source, start, end) for id, (source, start, end) in enumerate(cut))


def _sizes(sources: Sequence[Source]) -> list[int]:
    """Bytes to be read of each; what cannot be split counts as one chunk, however large."""
    return [
        end - start if source.splittable else 1
        for source in sources
        for start, end in (source.range,)
    ]


def _chunks(sources: Sequence[Source], chunk_size: int) -> tuple[Chunk, ...]:
    """Chunks of all sources; those of what cannot be split are the whole of it."""
    chunks: list[Chunk] = []
    for index, source in enumerate(sources):
        step = chunk_size if source.splittable else max(source.size or 0, 1)
        for part in tile([source.range], step):
            chunks.append(Chunk(len(chunks), index, part.start, part.end))
    return tuple(chunks)
