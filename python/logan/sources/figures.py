"""Figures of a chunk that is no range of a plain file, for whoever runs a plan.

One place, so that engines and workers of a cluster cannot differ. Bytes of an object are fetched in
ranges by `remote` and pushed into the native feed that the source needs: a chunk of its own, an
archive, or a log that is read from its beginning. Nothing here knows of threads or leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from logan import _logan
from logan._logan import Cancel, Spec, Summary
from logan.errors import CancelledError, InputError, SourceChangedError
from logan.model import Archive, Chunk, Missing, Plan, Source

if TYPE_CHECKING:
    from logan.sources.objects import Fetcher

__all__ = [
    "PANIC",
    "Fault",
    "Figures",
    "Native",
    "in_decoded_offsets",
    "missing_of_archive",
    "native_figures",
    "of_object",
    "push",
]

Fault = tuple[str, str]
"""Kind and reason."""

PANIC: Final = "panic"
"""The kind of an error that is the engine's own fault."""

Native = tuple[Summary, Fault | None, tuple[int, int, int, int | None, str | None, int]]
"""What the native functions for archives end with."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a chunk gave.

    Attributes:
        fault: why the end of an archive was not reached; what it gave up to there is in the
            figures.
    """

    summary: Summary
    fault: Fault | None = None
    archive: Archive | None = None


def native_figures(ended: Native, before: Fault | None = None) -> Figures:
    """From what a native function says; why its bytes were not all pushed comes first."""
    summary, fault, held = ended
    return Figures(summary, before or fault, Archive(*held[1:]))


def in_decoded_offsets(
    missing: Missing, plan: Plan, summary: Summary, archives: Mapping[int, Archive]
) -> Missing:
    """What is missing of an archive, as offsets in what it decodes to; see `missing_of_archive`."""
    if plan.sources[missing.source].compression is None:
        return missing
    fault, archive = (missing.kind, missing.why), archives.get(missing.source)
    return missing_of_archive(missing.source, summary, fault, archive)


def missing_of_archive(
    source: int, summary: Summary, fault: Fault, archive: Archive | None
) -> Missing:
    """What an archive's figures lack, as offsets in what it decodes to.

    They lack the end, of which nobody knows where it is. Only after a panic of the engine does
    decoding go on: the chunks over which it panicked lie between others, or at a known end.
    """
    kind, why = fault
    covered = [(start, end) for index, start, end in summary.segments() if index == source]
    first = covered[0][1] if covered and covered[0][0] == 0 else 0
    last = covered[-1] if covered else (0, 0)
    end = None
    if kind == PANIC and archive is not None and archive.decoded > first:
        end = last[0] if last[1] == archive.decoded else archive.decoded
    return Missing(source, first, end, kind, why)


def of_object(
    source: Source,
    chunk: Chunk,
    spec: Spec,
    *,
    chunk_size: int,
    expansion_max: int,
    cancel: Cancel,
    threads: int = 1,
    fetcher: Fetcher | None = None,
    counted: Callable[[int], None] = lambda size: None,
    salvage: bool = True,
) -> Figures:
    """Fetch and scan a chunk; `counted` is told of the bytes of each piece.

    `salvage`: what came of an archive before its server failed is worth having, as nobody else
    is going to try.

    Raises:
        InputError: it cannot be read; `SourceChangedError` if it changed.
        CancelledError: `cancel` was set, unless it is an archive.
    """
    if fetcher is None:
        from logan.sources import objects

        fetcher = objects.Fetcher(source.url, source.etag)
    size = source.size or 0

    def fetched(start: int, end: int) -> Iterator[bytes]:
        for piece in fetcher.pieces(start, end, size, cancel):
            counted(len(piece))
            yield piece

    if source.compression is not None:
        archive = _logan.ArchiveFeed(
            spec,
            source.compression,
            name=source.url,
            source=chunk.source,
            chunk_size=chunk_size,
            expansion_max=expansion_max,
            threads=threads,
            cancel=cancel,
        )
        fault = _faultless(fetched(0, size), archive.push, cancel, salvage=salvage)
        return native_figures(archive.finish(), fault)

    def scanned() -> Summary:
        feed = _logan.ChunkFeed(spec, chunk.source, chunk.start, chunk.end)
        push(fetched(feed.position, chunk.end), feed.push, cancel)
        return feed.finish(source.url)

    try:
        return Figures(scanned())
    except InputError as error:
        if error.kind != PANIC:
            raise
    # As the native engine does with a chunk of a file: once more, with a fresh scanner.
    try:
        return Figures(scanned())
    except InputError as error:
        if error.kind == PANIC:
            error.args = (f"{source.url}: {error}",)
        raise


def push(pieces: Iterator[bytes], into: Callable[[bytes], bool | None], cancel: Cancel) -> None:
    """Push until there are no more pieces, or no more are wanted."""
    for piece in pieces:
        if cancel.is_set():
            raise CancelledError("stopped on request before all input was read")
        if into(piece) is False:
            break


def _faultless(
    pieces: Iterator[bytes],
    into: Callable[[bytes], bool | None],
    cancel: Cancel,
    *,
    salvage: bool,
) -> Fault | None:
    """Push all pieces; why that was not all, where what was pushed is still right."""
    try:
        push(pieces, into, cancel)
    except CancelledError as error:
        return "cancelled", str(error)
    except InputError as error:
        if isinstance(error, SourceChangedError) or not salvage:
            raise
        return error.kind, str(error)
    return None
