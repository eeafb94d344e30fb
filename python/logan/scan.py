"""Scanning what a plan names, for all engines and the cluster's worker: bytes to a `ChunkResult`.

Knows the native extension's ways to scan, and no engine, no network protocol and no report.
`scan_files` scans chunks of files into a merge tree; `scan_object` fetches a chunk of an object and
scans it, once more if the engine panicked over it; `push_all` is the loop of all that is pushed.
An archive is one chunk, whose missing bytes are told in decoded offsets (`missing_of_archive`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from logan import _logan
from logan._logan import Cancel, Fingerprint, MergeTree, Spec, Summary
from logan.errors import CancelledError, InputError, SourceChangedError
from logan.model import Archive, Chunk, Missing, Plan, Source

if TYPE_CHECKING:
    from logan.sources.objects import Fetcher

__all__ = [
    "PANIC",
    "ChunkResult",
    "Fault",
    "Native",
    "in_decoded_offsets",
    "missing_of_archive",
    "push_all",
    "result_of_archive",
    "scan_files",
    "scan_object",
]

Fault = tuple[str, str]
"""Kind and reason."""

PANIC: Final = "panic"
"""The kind of an error that is the engine's own fault."""

Native = tuple[Summary, Fault | None, tuple[int, int, int, int | None, str | None, int]]
"""What the native functions for archives end with."""


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """What a chunk gave.

    Attributes:
        fault: why the end of an archive was not reached; what it gave up to there is in the
            figures.
    """

    summary: Summary
    fault: Fault | None = None
    archive: Archive | None = None


def result_of_archive(ended: Native, before: Fault | None = None) -> ChunkResult:
    """From what a native function says; why its bytes were not all pushed comes first."""
    summary, fault, held = ended
    return ChunkResult(summary, before or fault, Archive(*held[1:]))


def scan_files(
    sources: Mapping[int, Source],
    chunks: Sequence[Chunk],
    spec: Spec,
    *,
    chunk_size: int,
    expansion_max: int,
    threads: int,
    tree: MergeTree,
    cancel: Cancel | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Missing], dict[int, Archive]]:
    """Scan chunks of files into `tree`: what is missing, and what archives held.

    `sources` has, by index in the spec, those that chunks lie in. The tree's leaves are the places
    of `chunks`.
    """
    files = {
        index: (each.url, Fingerprint.from_json(each.fingerprint))
        for index, each in sources.items()
        if each.fingerprint is not None
    }
    # Sources are named by their index in the spec. Those without a chunk are never opened.
    any_file = next(iter(files.values()))
    outcome = _logan.scan(
        [files.get(index, any_file) for index in range(max(files) + 1)],
        [(chunk.source, chunk.start, chunk.end) for chunk in chunks],
        spec,
        threads=threads,
        archives={
            index: sources[index].compression or ""
            for index in files
            if sources[index].compression is not None
        },
        chunk_size=chunk_size,
        expansion_max=expansion_max,
        tree=tree,
        cancel=cancel,
        progress=progress,
    )
    missing = [Missing(*failure) for failure in outcome.failures]
    return missing, {held[0]: Archive(*held[1:]) for held in outcome.archives}


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


def scan_object(
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
    keep_partial: bool = True,
) -> ChunkResult:
    """Fetch and scan a chunk; `counted` is told of the bytes of each piece.

    `keep_partial`: what came of an archive before its server failed is worth having, as nobody else
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
        fault = _faultless(fetched(0, size), archive.push, cancel, keep_partial=keep_partial)
        return result_of_archive(archive.finish(), fault)

    def scanned() -> Summary:
        feed = _logan.ChunkFeed(spec, chunk.source, chunk.start, chunk.end)
        push_all(fetched(feed.position, chunk.end), feed.push, cancel)
        return feed.finish(source.url)

    try:
        return ChunkResult(scanned())
    except InputError as error:
        if error.kind != PANIC:
            raise
    # As the native engine does with a chunk of a file: once more, with a fresh scanner.
    try:
        return ChunkResult(scanned())
    except InputError as error:
        if error.kind == PANIC:
            error.args = (f"{source.url}: {error}",)
        raise


def push_all(pieces: Iterator[bytes], into: Callable[[bytes], bool | None], cancel: Cancel) -> None:
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
    keep_partial: bool,
) -> Fault | None:
    """Push all pieces; why that was not all, where what was pushed is still right."""
    try:
        push_all(pieces, into, cancel)
    except CancelledError as error:
        return "cancelled", str(error)
    except InputError as error:
        if isinstance(error, SourceChangedError) or not keep_partial:
            raise
        return error.kind, str(error)
    return None
