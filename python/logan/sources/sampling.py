"""Samples of what is not a file here, but can be read in ranges: objects and files on hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from logan import _logan
from logan.limits import (
    CONTENT_EDGE_BYTES,
    SAMPLE_PLACE_BYTES_MAX,
    SAMPLE_PLACES_MAX,
)
from logan.model import Source
from logan.sources import compression
from logan.sources.pieces import inner_lines, leading_lines

__all__ = ["Ranged", "sampled"]


class Ranged(Protocol):
    """What can be read in ranges."""

    def range(self, start: int, end: int) -> bytes | None:
        """Bytes `[start, end)`."""

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of several ranges."""


def sampled(
    ranged: Ranged, head: bytes, source: Source
) -> tuple[Source, list[tuple[int, bytes]], None]:
    """The source with what its bytes tell, and samples; `head` are its first bytes.

    Raises `InputError`.
    """
    size = source.size or 0
    kind, head = compression.settled(head, lambda length: ranged.range(0, min(size, length)) or b"")
    if kind is not None:
        source = replace(source, compression=kind, written_ns=compression.written_ns(head, kind))
        return source, [(0, compression.decoded_sample(head, kind))], None
    if len(head) == size:
        source = replace(source, content=_logan.content(head, head, size))
        return source, [(0, head)] if head else [], None
    places: list[tuple[int, int]] = []
    stride = (size - len(head)) // SAMPLE_PLACES_MAX
    if stride > SAMPLE_PLACE_BYTES_MAX:
        starts = [
            len(head) + (place + 1) * stride - SAMPLE_PLACE_BYTES_MAX
            for place in range(SAMPLE_PLACES_MAX)
        ]
        places = [(start, start + SAMPLE_PLACE_BYTES_MAX) for start in starts]
        # To the end, which is at most a few bytes further, for the source's identity.
        places[-1] = (starts[-1], size)
    else:
        places = [(max(0, size - CONTENT_EDGE_BYTES), size)]
    found = ranged.ranges(places)
    samples = [(0, leading_lines(head))]
    if stride > SAMPLE_PLACE_BYTES_MAX:
        for (offset, _), data in zip(places, found, strict=True):
            most = data[:SAMPLE_PLACE_BYTES_MAX]
            if inner := inner_lines(most):
                samples.append((offset + inner[0], most[slice(*inner)]))
    if len(tail := found[-1]) >= min(size, CONTENT_EDGE_BYTES):
        source = replace(source, content=_logan.content(head, tail, size))
    return source, samples, None
