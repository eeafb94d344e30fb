"""The engine that runs on a Dask cluster: one that is there, or one made for the job.

Chunks go out in *blocks*: aligned powers of two of neighbouring chunks, so that each block is a
whole subtree of the fixed merge tree. A task is one native scan of a block, which merges it; the
blocks' summaries are merged here, along the tree over blocks, which is the rest of the same tree.
So the bytes are those of every other engine however Dask places, repeats or loses tasks. Dask
itself starts tasks again whose worker died; nothing here counts on a task running only once.

Workers read the sources themselves, so files must lie at the same paths on every host, and objects
need the credentials of each worker's environment; what a worker finds changed or unreadable is
named in the result. A compressed source is one chunk. Streams are read by this process.
"""

from __future__ import annotations

import logging
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Final

from logan import _logan
from logan._logan import Cancel, Fingerprint, MergeTree, Spec, Summary
from logan.cpus import cpus
from logan.engines import Progress
from logan.engines.local import read_streams
from logan.errors import ClusterError, InputError, SourceChangedError, UsageError
from logan.model import Archive, Chunk, Missing, Plan, Result, Source, join_missing
from logan.sources import figures
from logan.sources.stdin import Stream

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["ADDRESS", "run"]

ADDRESS: Final = "SCHEDULER, such as tcp://10.0.0.1:8786"

BLOCKS_MAX: Final = 1024
"""Tasks of a job: enough for hundreds of workers, few enough that each costs nothing to track."""

CONNECT_TIMEOUT_S: Final = 10
POLL_S: Final = 0.1
"""How soon a cancelled job notices, and how often progress shows."""

SILENT: Final = logging.CRITICAL + 1
"""A cluster of our own is nobody's to watch; what matters is said by us."""

RETRIES: Final = 2
"""Of a task that raised: what a scan foresees is in its result, so this is a worker's bad luck."""


def run(
    plan: Plan,
    spec: Spec,
    *,
    address: str | None,
    streams: Mapping[int, Stream],
    threads: int | None,
    progress: Progress | None,
    cancel: Cancel,
) -> Result:
    """See `logan.engines.EngineModule.run`.

    Without `address` a cluster of `threads` processes is made for the job, by default as many as
    CPUs. With one, `threads` has no meaning: the cluster is as large as it is.
    """
    if not plan.chunks:
        summary, missing = read_streams(streams, plan, spec, progress, cancel)
        return Result(summary, 1, missing=join_missing(missing))
    with _client(address, threads) as client:
        _check_versions(client)
        outcome = _Job(client, plan, spec, progress, cancel).run()
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
    rest, lost = read_streams(streams, plan, spec, progress, cancel)
    summary = outcome.tree.finish().merge(rest)
    missing = [
        figures.in_decoded_offsets(each, plan, summary, outcome.archives)
        for each in outcome.missing + lost
    ]
    return Result(
        summary,
        threads=sum(worker["nthreads"] for worker in workers) or 1,
        missing=join_missing(missing),
        workers=tuple(outcome.share(str(worker["name"])) for worker in workers),
        archives=outcome.archives,
    )


def blocks(chunks: Sequence[Chunk]) -> list[tuple[Chunk, ...]]:
    """Chunks in groups of the smallest power of two that makes at most `BLOCKS_MAX` of them."""
    size = 1
    while -(-len(chunks) // size) > BLOCKS_MAX:
        size *= 2
    return [tuple(chunks[start : start + size]) for start in range(0, len(chunks), size)]


class _Job:
    """One plan on its way through the cluster."""

    def __init__(
        self, client: Client, plan: Plan, spec: Spec, progress: Progress | None, cancel: Cancel
    ) -> None:
        self.tree = MergeTree(spec)
        self.missing: list[Missing] = []
        self.archives: dict[int, Archive] = {}
        self._client = client
        self._plan = plan
        self._spec = spec
        self._progress = progress
        self._cancel = cancel
        self._done = 0
        self._chunks_of: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()

    def share(self, worker: str) -> dict[str, Any]:
        """The worker's entry in the report's `performance`; what only Dask knows is null."""
        return {
            "worker": worker,
            "chunks_done": self._chunks_of[worker],
            "chunks_lost": None,
            "bytes": self._bytes_of[worker],
            "bytes_per_second": None,
            "peak_rss_bytes": None,
            "cpu_percent": None,
        }

    def run(self) -> _Job:
        """Until every block is done, or the job is cancelled."""
        from distributed import wait

        waiting = self._submit()
        try:
            while waiting and not self._cancel.is_set():
                try:
                    ended = wait(list(waiting), timeout=POLL_S, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    ended = set()
                for future in ended:
                    index, block = waiting.pop(future)
                    self._take(index, block, future)
                self._tell()
        finally:
            if waiting:
                self._client.cancel(list(waiting), force=True)
        for _, block in waiting.values():
            self._lose(block, "cancelled", "stopped on request; run it again for complete figures")
        return self

    def _submit(self) -> dict[Future, tuple[int, tuple[Chunk, ...]]]:
        # One copy on each worker, not one in each task.
        spec = self._client.scatter(self._spec, broadcast=True, hash=False)
        futures = {}
        for index, block in enumerate(blocks(self._plan.chunks)):
            sources = {chunk.source: self._plan.sources[chunk.source] for chunk in block}
            how = (self._plan.chunk_size, self._plan.expansion_max)
            future = self._client.submit(
                scan_block, block, sources, spec, *how, pure=False, retries=RETRIES
            )
            futures[future] = (index, block)
        return futures

    def _take(self, index: int, block: tuple[Chunk, ...], future: Future) -> None:
        from distributed import KilledWorker

        try:
            summary, failures, archives, worker = future.result()
        except KilledWorker:
            why = "every worker that scanned it died"
            self._lose(block, "poison", f"{why}; see the workers' logs")
            return
        except Exception as error:
            raise ClusterError(
                f"a Dask worker failed: {type(error).__name__}: {error}",
                hint="see the workers' logs",
            ) from error
        finally:
            future.release()
        self.tree.insert(index, Summary.from_bytes(summary))
        self.missing.extend(failures)
        self.archives.update(archives)
        self._chunks_of[worker] += len(block)
        self._bytes_of[worker] += _size(block)
        self._done += _size(block)

    def _lose(self, block: Sequence[Chunk], kind: str, why: str) -> None:
        self.missing.extend(
            Missing(chunk.source, chunk.start, chunk.end, kind, why) for chunk in block
        )

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._plan.bytes)


def scan_block(
    block: Sequence[Chunk],
    sources: Mapping[int, Source],
    spec: Spec,
    chunk_size: int,
    expansion_max: int,
) -> tuple[bytes, list[Missing], dict[int, Archive], str]:
    """Runs on a worker: summary bytes, what is missing, and what archives held, of neighbouring
    chunks and their sources; and the worker's name."""
    from distributed import get_worker

    worker = str(get_worker().name)
    tree = MergeTree(spec)
    # Files come first, as in a plan, so places in the list are those in the tree.
    ranges = [
        (chunk.source, chunk.start, chunk.end)
        for chunk in block
        if sources[chunk.source].fingerprint is not None
    ]
    missing: list[Missing] = []
    archives: dict[int, Archive] = {}
    if ranges:
        files = {i: each for i, each in sources.items() if each.fingerprint is not None}
        named = {
            i: (each.url, Fingerprint.from_json(each.fingerprint or ""))
            for i, each in files.items()
        }
        # Sources are named by their index in the spec. Those not in the block are never opened.
        any_file = next(iter(named.values()))
        outcome = _logan.scan(
            [named.get(index, any_file) for index in range(max(named) + 1)],
            ranges,
            spec,
            threads=1,
            archives={
                index: each.compression
                for index, each in files.items()
                if each.compression is not None
            },
            chunk_size=chunk_size,
            expansion_max=expansion_max,
            tree=tree,
        )
        missing += [Missing(*failure) for failure in outcome.failures]
        for held in outcome.archives:
            archives[held[0]] = Archive(*held[1:])
    for place in range(len(ranges), len(block)):
        chunk = block[place]
        try:
            found = figures.of_object(
                sources[chunk.source],
                chunk,
                spec,
                chunk_size=chunk_size,
                expansion_max=expansion_max,
                cancel=Cancel(),
            )
        except InputError as error:
            why = str(error)
            if not isinstance(error, SourceChangedError):
                why += f" (tried by {worker})"  # another one may be able to: name whom to look at
            missing.append(Missing(chunk.source, chunk.start, chunk.end, error.kind, why))
            continue
        if found.fault is not None:
            missing.append(Missing(chunk.source, chunk.start, chunk.end, *found.fault))
        if found.archive is not None:
            archives[chunk.source] = found.archive
        tree.insert(place, found.summary)
    return tree.finish().to_bytes(), missing, archives, worker


def _size(block: Sequence[Chunk]) -> int:
    return sum(chunk.end - chunk.start for chunk in block)


@contextmanager
def _client(address: str | None, threads: int | None) -> Iterator[Client]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError(
            "the dask engine needs dask", hint="pip install 'logan-analyzer[dask]'"
        ) from None
    if address is not None:
        _check_address(address)
        try:
            client = Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler at {address}: {error}", hint="start one with: dask scheduler"
            ) from error
        with client, client.as_current():
            yield client
        return
    with ExitStack() as stack:
        with _deaf_to_ctrl_c():
            cluster = LocalCluster(
                n_workers=threads or cpus(),
                threads_per_worker=1,
                dashboard_address=None,
                memory_limit=0,  # a summary is bounded; Dask's guard would only slow it down
                silence_logs=SILENT,
            )
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster, set_as_default=False))
        stack.enter_context(client.as_current())
        yield client


def _check_address(address: str) -> None:
    """A client that is made with an address without a port fails only after half a minute, and
    leaves the traceback of its clean-up on stderr."""
    from distributed.comm.addressing import get_address_host_port

    if address.startswith(("inproc://", "ucx://")):  # theirs are no host and port
        return
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise UsageError(
            f"{address!r} is no address of a Dask scheduler: {error}",
            hint="write it like dask=tcp://scheduler:8786",
        ) from error


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A terminal sends Ctrl-C to the whole process group; only we know what to do about it.

    What is started in the block, and whatever that starts, never hears it.
    """
    # It unblocks the signal in whichever thread starts it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _check_versions(client: Client) -> None:
    """Another version may count otherwise, and its bytes may not merge with ours."""
    found: dict[str, Any] = client.run(_version, on_error="return")
    if not found:
        raise ClusterError(
            f"the Dask scheduler at {client.scheduler_info()['address']} has no workers",
            hint="start some with: dask worker ADDRESS",
        )
    for worker, version in found.items():
        if version != _logan.__version__:
            what = f"has logan {version}" if isinstance(version, str) else "has no logan"
            raise ClusterError(
                f"the Dask worker {worker} {what}, this is {_logan.__version__}",
                hint="install the same logan-analyzer on every worker",
            )


def _version() -> str:
    return _logan.__version__
