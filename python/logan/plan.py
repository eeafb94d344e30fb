"""From sources and options to a plan: which chunks there are, and the spec that all share.

Pure: it reads no file, clock or environment, and knows nothing of threads or workers, so the
same inputs and options give the same plan on every machine. That is what makes reports
comparable byte for byte.

Each source `[0, size)` is tiled by chunks of one size without gap or overlap. The size is doubled
until the whole job has at most `CHUNKS_PER_JOB_MAX` chunks. Streams have no chunks here: they are
cut on the same grid while they are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from logan.errors import UsageError
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    CHUNK_SIZE_BYTES_MAX,
    CHUNKS_PER_JOB_MAX,
    TOP_ROWS_MAX,
)
from logan.model import Chunk, Detection, Plan, Source

__all__ = ["Options", "chunk_size_for", "make_plan", "spec_json", "tile"]

SPEC_VERSION = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose; each choice may change the figures.

    Raises:
        UsageError: a value is out of range.
    """

    chunk_size: int = CHUNK_SIZE_BYTES_DEFAULT
    format: str | None = None
    input_tz: str = "UTC"
    top: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.chunk_size <= CHUNK_SIZE_BYTES_MAX:
            raise UsageError(
                f"chunk size is {self.chunk_size:,} bytes, "
                f"it must be from 1 to {CHUNK_SIZE_BYTES_MAX:,}"
            )
        if not 1 <= self.top <= TOP_ROWS_MAX:
            raise UsageError(f"top is {self.top}, it must be from 1 to {TOP_ROWS_MAX:,}")


def make_plan(
    sources: Sequence[Source],
    detections: Sequence[Detection],
    options: Options,
    *,
    anchor_ns: int | Sequence[int],
) -> Plan:
    """The plan for `sources`, whose samples were found to be `detections` (same order).

    `anchor_ns` is the moment (epoch nanoseconds) at or before which dates without a year lie: one
    for all sources, or one for each.
    """
    sizes = [source.size or 0 for source in sources]
    chunk_size = chunk_size_for(sizes, options.chunk_size)
    return Plan(
        sources=tuple(sources),
        chunks=tile(sizes, chunk_size),
        chunk_size=chunk_size,
        spec_json=spec_json(detections, options, anchor_ns=anchor_ns),
    )


def chunk_size_for(sizes: Sequence[int], wanted: int) -> int:
    """`wanted`, doubled until all `sizes` together need at most `CHUNKS_PER_JOB_MAX` chunks."""
    if sum(size > 0 for size in sizes) > CHUNKS_PER_JOB_MAX:
        raise UsageError(f"more than {CHUNKS_PER_JOB_MAX:,} inputs in one job")
    chunk_size = wanted
    while sum(-(-size // chunk_size) for size in sizes) > CHUNKS_PER_JOB_MAX:
        chunk_size *= 2
    return chunk_size


def tile(sizes: Sequence[int], chunk_size: int) -> tuple[Chunk, ...]:
    """Chunks in source order, then offset order; ids count from 0. Empty sources have none."""
    ranges = (
        (source, start, min(start + chunk_size, size))
        for source, size in enumerate(sizes)
        for start in range(0, size, chunk_size)
    )
    return tuple(Chunk(id, source, start, end) for id, (source, start, end) in enumerate(ranges))


def spec_json(
    detections: Sequence[Detection], options: Options, *, anchor_ns: int | Sequence[int]
) -> str:
    """The text from which the native `Spec` is made, one entry per source.

    Sources with one anchor share the job's; where they differ each has its own.
    """
    anchors = [anchor_ns] * len(detections) if isinstance(anchor_ns, int) else list(anchor_ns)
    shared = anchor_ns if isinstance(anchor_ns, int) else max(anchors, default=0)
    sources = [_source_spec(detection, options.format) for detection in detections]
    for source, anchor in zip(sources, anchors, strict=True):
        if anchor != shared:
            source["anchor_ns"] = anchor
    spec = {
        "version": SPEC_VERSION,
        "top": options.top,
        "input_tz": options.input_tz,
        "anchor_ns": shared,
        "sources": sources,
    }
    return json.dumps(spec, separators=(",", ":"))


def _source_spec(detection: Detection, forced: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if detection.layouts is not None:
        spec["layouts"] = detection.layouts
    elif detection.header:
        # A stream carries its columns along.
        spec["layouts"] = {"fields": [], "changes": []}
    if forced is None:
        spec["formats"] = [{"name": each.name, "params": each.params} for each in detection.formats]
        return spec
    # A forced format keeps what detection learnt about it, such as the unit of a field.
    params = next((each.params for each in detection.formats if each.name == forced), {})
    return {**spec, "formats": [{"name": forced, "params": params}], "only": True}
