"""Scanning what a plan names, for all engines and the cluster's worker: bytes to a `ChunkResult`.

Knows the native extension's ways to scan, and no engine, no network protocol and no report.
`scan_chunk` scans one chunk, whether it lies in a file, an archive, an object on a server, or a
spool of fetched bytes; `scan_files` scans many chunks of files in parallel into a merge tree;
`push_all` is the loop of all that is pushed.
An archive is one chunk, whose missing bytes are reported in decoded offsets (`missing_of_archive`).
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
    from logan.sources.fetching import Fetcher
    from logan.sources.url_roots import UrlRoots

__all__ = [
    "PANIC",
    "ChunkResult",
    "Fault",
    "in_decoded_offsets",
    "missing_of_archive",
    "push_all",
    "result_of_archive",
    "scan_chunk",
    "scan_files",
]

Fault = tuple[str, str]
"""Kind and reason."""

PANIC: Final = "panic"
"""The kind of an error that is the engine's own fault."""


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


def result_of_archive(
    summary: Summary,
    fault: Fault | None,
    held: tuple[int, int, int, int | None, str | None, int],
    *,
    before: Fault | None = None,
) -> ChunkResult:
    """The result in what a native function for archives returns; `before`, why not all bytes were
    pushed, takes precedence."""
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

    They lack the end, whose place is unknown. Only after a panic of the engine does
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


def scan_chunk(
    source: Source,
    chunk: Chunk,
    spec: Spec,
    *,
    chunk_size: int,
    expansion_max: int,
    path: str | None = None,
    cancel: Cancel | None = None,
    threads: int = 1,
    fetcher: Fetcher | None = None,
    url_roots: UrlRoots | None = None,
    counted: Callable[[int], None] = lambda size: None,
    keep_partial: bool = True,
) -> ChunkResult:
    """Scan a chunk of a file, of an archive, or of an object, which is fetched.

    Args:
        chunk_size, expansion_max: as in `Plan`, for archives.
        path: where to read the source instead of at its URL. A source without a fingerprint is
            then a spool: fetched bytes at their own offsets, and nothing else.
        threads: scan beside the decoder of an object that is an archive.
        fetcher: reads the object, for callers that share one; by default one is made.
        url_roots: below which an object must lie then; None: anywhere.
        counted: called with the bytes of each piece of an object; `cancel` does not count them.
        keep_partial: whether what came of an archive before it was canceled or its server failed
            is worth having; not where another process is going to try again.

    Raises:
        SourceChangedError: it is not the planned one, before or after the scan.
        InputError: it cannot be read.
        CancelledError: `cancel` was set, unless it is an archive with `keep_partial`.
    """
    cancel = cancel or Cancel()
    if path is not None or source.fingerprint is not None:
        return _scan_file(
            source,
            chunk,
            spec,
            chunk_size=chunk_size,
            expansion_max=expansion_max,
            path=path or source.url,
            cancel=cancel,
            keep_partial=keep_partial,
        )
    found = _scan_object(
        source,
        chunk,
        spec,
        chunk_size=chunk_size,
        expansion_max=expansion_max,
        cancel=cancel,
        threads=threads,
        fetcher=fetcher,
        url_roots=url_roots,
        counted=counted,
        keep_partial=keep_partial,
    )
    return _kept(found, cancel, keep_partial=keep_partial)


def _scan_file(
    source: Source,
    chunk: Chunk,
    spec: Spec,
    *,
    chunk_size: int,
    expansion_max: int,
    path: str,
    cancel: Cancel,
    keep_partial: bool,
) -> ChunkResult:
    planned = source.fingerprint
    fingerprint = None if planned is None else Fingerprint.from_json(planned)
    try:
        if fingerprint is not None:
            why = fingerprint.check(path)
            if why is not None:
                raise SourceChangedError(f"{path} changed: {why}", input=path)
        if source.compression is None:
            return ChunkResult(
                Summary.from_chunk(
                    path,
                    chunk.start,
                    chunk.end,
                    spec,
                    source=chunk.source,
                    fingerprint=fingerprint,
                    cancel=cancel,
                )
            )
        ended = Summary.from_archive(
            path,
            spec,
            source.compression,
            source=chunk.source,
            chunk_size=chunk_size,
            expansion_max=expansion_max,
            fingerprint=fingerprint,
            cancel=cancel,
        )
    except CancelledError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path}: {reason}", input=path) from error
    return _kept(result_of_archive(*ended), cancel, keep_partial=keep_partial)


def _kept(found: ChunkResult, cancel: Cancel, *, keep_partial: bool) -> ChunkResult:
    """`found`, unless it may be a part that is not wanted."""
    if not keep_partial and cancel.is_set():
        raise CancelledError("stopped on request before all input was read")
    return found


def _scan_object(
    source: Source,
    chunk: Chunk,
    spec: Spec,
    *,
    chunk_size: int,
    expansion_max: int,
    cancel: Cancel,
    threads: int,
    fetcher: Fetcher | None,
    url_roots: UrlRoots | None,
    counted: Callable[[int], None],
    keep_partial: bool,
) -> ChunkResult:
    if fetcher is None:
        from logan.sources import fetching

        fetcher = fetching.fetcher(source.url, source.etag, roots=url_roots)
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
        return result_of_archive(*archive.finish(), before=fault)

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
