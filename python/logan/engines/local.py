"""The engine of one process: native threads in parallel, no network.

Knows nothing of formats, reports or terminals. Files, compressed or not, go through one native
`scan` call; chunks of objects on servers are fetched by threads and pushed; all merge along one
fixed tree over the plan's chunks. Each stream goes through a feed cut on the same grid, and the
summaries of streams are joined behind, in source order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Final

from logan import _logan
from logan._logan import Cancel, MergeTree, Spec, Summary
from logan.cpus import cpus
from logan.errors import CancelledError, InputError
from logan.model import Archive, Chunk, Missing, Plan, Result, join_missing
from logan.options import Execution
from logan.scan import (
    ChunkResult,
    in_decoded_offsets,
    missing_of_archive,
    push_all,
    result_of_archive,
    scan_chunk,
    scan_files,
)
from logan.sources.streams import Stream

if TYPE_CHECKING:
    from logan.sources.fetching import Fetcher

__all__ = ["ADDRESS", "read_streams", "run"]

ADDRESS: Final = None

HOSTS_AT_ONCE_MAX: Final = 16
"""Hosts that are read by ssh side by side, however few threads there are."""


def run(plan: Plan, spec: Spec, execution: Execution, *, address: str | None = None) -> Result:
    """See `EngineModule.run`."""
    job = _Job(plan, spec, execution)
    tree = MergeTree(spec)
    job.scan_files(tree)
    job.scan_objects(tree)
    summary = job.read_streams(tree.finish(), execution.streams)
    missing = [in_decoded_offsets(each, plan, summary, job.archives) for each in job.missing]
    return Result(summary, job.threads, join_missing(missing), archives=job.archives)


def read_streams(plan: Plan, spec: Spec, execution: Execution) -> tuple[Summary, list[Missing]]:
    """What only this process can read: the plan's streams, one after the other."""
    job = _Job(plan, spec, execution)
    summary = job.read_streams(Summary.empty(spec), execution.streams)
    return summary, job.missing


class _Job:
    """One run: what it is given, and what it finds beside the figures."""

    def __init__(self, plan: Plan, spec: Spec, execution: Execution) -> None:
        self.plan = plan
        self.spec = spec
        self.threads = execution.threads or cpus()
        self.progress = execution.progress
        self.cancel = execution.cancel or Cancel()
        self.missing: list[Missing] = []
        self.archives: dict[int, Archive] = {}
        self._fetched = 0
        self._lock = Lock()

    def scan_files(self, tree: MergeTree) -> None:
        """Scan what is on this machine into `tree`."""
        # Files come first in a plan, so indices of these lists are those of the spec and the tree.
        files = {
            i: each for i, each in enumerate(self.plan.sources) if each.fingerprint is not None
        }
        chunks = [each for each in self.plan.chunks if each.source in files]
        if not chunks:
            return
        missing, archives = scan_files(
            files,
            chunks,
            self.spec,
            chunk_size=self.plan.chunk_size,
            expansion_max=self.plan.expansion_max,
            threads=self.threads,
            tree=tree,
            cancel=self.cancel,
            progress=self.progress,
        )
        self.missing += missing
        self.archives.update(archives)

    def scan_objects(self, tree: MergeTree) -> None:
        """Fetch and scan what is on servers into `tree`."""
        sources = self.plan.sources
        chunks = [
            each
            for each in self.plan.chunks
            if sources[each.source].fingerprint is None and sources[each.source].size is not None
        ]
        if not chunks:
            return
        from concurrent.futures import ThreadPoolExecutor

        from logan.sources.fetching import fetcher, servers

        fetchers = {
            index: fetcher(sources[index].url, sources[index].etag)
            for index in sorted({chunk.source for chunk in chunks})
        }
        total = sum(chunk.end - chunk.start for chunk in chunks)

        def one(chunk: Chunk) -> None:
            try:
                summary = self._scan_object(chunk, fetchers[chunk.source], total)
            except CancelledError as error:
                self._miss(Missing(chunk.source, chunk.start, chunk.end, "cancelled", str(error)))
            except InputError as error:
                self._miss(Missing(chunk.source, chunk.start, chunk.end, error.kind, str(error)))
            else:
                tree.insert(chunk.id, summary)

        # Waiting for one host need not keep another one waiting.
        hosts = servers(sources[index].url for index in fetchers)
        threads = max(self.threads, min(hosts, HOSTS_AT_ONCE_MAX))
        with ThreadPoolExecutor(threads, thread_name_prefix="logan-object") as pool:
            try:
                for done in [pool.submit(one, chunk) for chunk in chunks]:
                    done.result()
            except BaseException:
                self.cancel.set()
                raise

    def _scan_object(self, chunk: Chunk, fetcher: Fetcher, total: int) -> Summary:
        """The figures of one chunk of an object."""
        return self._taken(
            chunk.source,
            scan_chunk(
                self.plan.sources[chunk.source],
                chunk,
                self.spec,
                chunk_size=self.plan.chunk_size,
                expansion_max=self.plan.expansion_max,
                cancel=self.cancel,
                threads=self.threads,
                fetcher=fetcher,
                counted=lambda size: self._count(size, total),
            ),
        )

    def read_streams(self, summary: Summary, streams: Mapping[int, Stream]) -> Summary:
        """`summary` with the figures of all streams, one after the other."""
        for source, stream in sorted(streams.items()):
            summary = summary.merge(self.drain(source, stream))
        return summary

    def drain(self, source: int, stream: Stream) -> Summary:
        """Read `stream` to its end. On cancel or a read error an unfinished last line is left
        out."""
        if self.plan.sources[source].compression is not None:
            return self._drain_archive(source, stream)
        feed = _logan.Feed(self.spec, source=source, chunk_size=self.plan.chunk_size)
        fault = self._read(stream, feed.push, feed.push_fd)
        if fault is None:
            try:
                return feed.finish()
            except InputError as error:
                fault = error.kind, str(error)
        summary = feed.snapshot()
        self._miss(Missing(source, summary.covered_bytes(source), None, *fault))
        return summary

    def _drain_archive(self, source: int, stream: Stream) -> Summary:
        feed = self._archive_feed(source, self.plan.sources[source].url)
        fault = self._read(stream, feed.push, feed.push_fd)
        return self._taken(source, result_of_archive(*feed.finish(), before=fault))

    def _read(
        self,
        stream: Stream,
        push: Callable[[bytes], bool | None],
        push_fd: Callable[..., int],
    ) -> tuple[str, str] | None:
        """Push head and rest; (kind, why) if that was not all."""
        try:
            if push(stream.head) is False:
                return None
            if not stream.ended and not self.cancel.is_set():
                if stream.pieces is not None:
                    push_all(self._counted(stream.pieces, 0), push, self.cancel)
                else:
                    push_fd(stream.fd, cancel=self.cancel, progress=self.progress)
                stream.ended = not self.cancel.is_set()
        except CancelledError:
            pass
        except InputError as error:
            return error.kind, str(error)
        except OSError as error:
            return "unreadable", error.strerror or str(error)
        finally:
            stream.close()
        if stream.ended:
            return None
        return "cancelled", "stopped on request before its end; run it again for complete results"

    def _archive_feed(self, source: int, name: str) -> _logan.ArchiveFeed:
        compression = self.plan.sources[source].compression
        assert compression is not None
        return _logan.ArchiveFeed(
            self.spec,
            compression,
            name="standard input" if name == "-" else name,
            source=source,
            chunk_size=self.plan.chunk_size,
            expansion_max=self.plan.expansion_max,
            threads=self.threads,
            cancel=self.cancel,
        )

    def _taken(self, source: int, found: ChunkResult) -> Summary:
        """Note what there is to say of an archive; its figures."""
        if found.archive is not None:
            self.archives[source] = found.archive
        if found.fault is not None:
            self._miss(missing_of_archive(source, found.summary, found.fault, found.archive))
        return found.summary

    def _miss(self, missing: Missing) -> None:
        with self._lock:
            self.missing.append(missing)

    def _count(self, size: int, total: int) -> None:
        with self._lock:
            self._fetched += size
            if self.progress is not None:
                self.progress(min(self._fetched, total) if total else self._fetched, total)

    def _counted(self, pieces: Iterator[bytes], total: int) -> Iterator[bytes]:
        """`pieces`, with progress."""
        for piece in pieces:
            self._count(len(piece), total)
            yield piece
