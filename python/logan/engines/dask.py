"""The engine that runs on a Dask cluster: an existing one, or one made for the job.

Chunks go out in *blocks*: aligned powers of two of neighboring chunks, so that each block is a
whole subtree of the fixed merge tree. A task is one native scan of a block, which merges it; the
blocks' summaries are merged here, along the tree over blocks, which is the rest of the same tree.
So the bytes are those of every other engine however Dask places, repeats or loses tasks.

Dask starts a task again whose worker died while it ran, and repeats what a dead worker had
computed, as long as it knows how: so nothing is sent to workers but tasks, the spec included. What
Dask loses all the same (it forgets tasks when its connection to this process breaks) is submitted
again, a bounded number of times for each block. Nothing here counts on a task running only once.

A scheduler that cannot be reached, does not answer, or has had no worker for a while ends the job
with one error. Dask's own log lines and warnings are off while the engine runs: whatever matters
is an error or stands in the report.

Workers read the sources themselves, so files must lie at the same paths on every host, and objects
need the credentials of each worker's environment; what a worker finds changed or unreadable is
named in the result. A compressed source is one chunk. Streams are read by this process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NoReturn

from logan import _logan
from logan._logan import Cancel, MergeTree, Spec, Summary
from logan.engines.dask_connection import CLOSE_TIMEOUT_S, bounded, connected, or_scheduler_lost
from logan.engines.local import read_streams
from logan.errors import ClusterError, InputError, LoganError, SourceChangedError
from logan.model import Archive, Chunk, Missing, Plan, Result, Source, join_missing
from logan.options import Execution
from logan.report.labels import plural
from logan.scan import in_decoded_offsets, scan_chunk, scan_files

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["ADDRESS", "run"]

Found = tuple[bytes, list[Missing], dict[int, Archive], str]
"""What `scan_block` gives."""

_SAME_EVERYWHERE: Final = "install the same logan-analyzer for the scheduler and every worker"

ADDRESS: Final = "SCHEDULER, such as tcp://10.0.0.1:8786"

BLOCKS_MAX: Final = 1024
"""Tasks of a job: enough for hundreds of workers, few enough that each costs nothing to track."""

POLL_S: Final = 0.1
"""How soon a canceled job notices, and how often progress shows."""

CHECK_INTERVAL_S: Final = 5
"""How long no block may have ended before the scheduler is asked whether it is alive."""

ANSWER_TIMEOUT_S: Final = 15
"""A scheduler that is busy with other jobs answers within seconds."""

FETCH_TIMEOUT_S: Final = 10
"""For a summary to arrive, which has at most 64 MiB; then it counts as lost, and after each loss
the next one may take twice as long."""

FETCHES_MAX: Final = 16
"""Summaries on their way at a time: a few from workers that just died must not hold up others."""

WORKERS_WAIT_MAX_S: Final = 60
"""How long the cluster may be without a worker; one that died and is started again takes two."""

RESUBMISSIONS_MAX: Final = 3
"""Resubmissions of a block that Dask lost. A broken connection loses all blocks at once, through no
fault of theirs; a block that is lost more often is not lost by chance."""

RETRIES: Final = 2
"""Retries of a task that raised: scans return the errors they expect; this is the worker's."""


def run(plan: Plan, spec: Spec, execution: Execution, *, address: str | None = None) -> Result:
    """See `logan.engines.EngineModule.run`.

    Without `address` a cluster of `execution.threads` processes is made for the job, by default
    as many as CPUs. With one, `threads` has no meaning: the cluster is as large as it is.
    """
    if not plan.chunks:
        summary, missing = read_streams(plan, spec, execution)
        return Result(summary, 1, missing=join_missing(missing))
    with connected(address, execution.threads) as client:
        job = _Job(client, plan, spec, execution)
        job.run()
    rest, lost = read_streams(plan, spec, execution)
    summary = job.tree.finish().merge(rest)
    missing = [in_decoded_offsets(each, plan, summary, job.archives) for each in job.missing + lost]
    return Result(
        summary,
        threads=sum(job.threads.values()) or 1,
        missing=join_missing(missing),
        workers=job.shares(),
        archives=job.archives,
    )


def blocks(chunks: Sequence[Chunk]) -> list[tuple[Chunk, ...]]:
    """Chunks in groups of the smallest power of two that makes at most `BLOCKS_MAX` of them."""
    size = 1
    while -(-len(chunks) // size) > BLOCKS_MAX:
        size *= 2
    return [tuple(chunks[start : start + size]) for start in range(0, len(chunks), size)]


class _Job:
    """One plan on its way through the cluster."""

    def __init__(self, client: Client, plan: Plan, spec: Spec, execution: Execution) -> None:
        self.tree = MergeTree(spec)
        self.missing: list[Missing] = []
        self.archives: dict[int, Archive] = {}
        self.threads: dict[str, int] = {}
        self._client = client
        self._plan = plan
        self._progress = execution.progress
        self._cancel = execution.cancel or Cancel()
        self._blocks = blocks(plan.chunks)
        self._spec_json = spec.to_json()
        self._spec: Future | None = None
        self._futures: dict[int, Future] = {}
        self._finished: deque[tuple[int, Future]] = deque()
        self._fetches: dict[int, tuple[Future, float]] = {}
        self._events: SimpleQueue[tuple[int, Future, Found | Exception | None]] = SimpleQueue()
        self._losses: Counter[int] = Counter()
        self._done = 0
        self._chunks_of: Counter[str] = Counter()
        self._bytes_of: Counter[str] = Counter()
        self._heard_at = self._staffed_at = time.monotonic()

    def shares(self) -> tuple[dict[str, Any], ...]:
        """The workers' entries in the report's `performance`: those that are connected, and those
        that were when they scanned something. What Dask does not tell is null."""
        return tuple(
            {
                "worker": worker,
                "chunks_done": self._chunks_of[worker],
                "chunks_lost": None,
                "bytes": self._bytes_of[worker],
                "bytes_per_second": None,
                "peak_rss_bytes": None,
                "cpu_percent": None,
            }
            for worker in dict.fromkeys([*self.threads, *self._chunks_of])
        )

    def run(self) -> None:
        """Until every block is done or given up, or the job is canceled.

        Raises `ClusterError`, and whatever logan's own error a task raised.
        """
        with or_scheduler_lost(self._client):
            self._look(ANSWER_TIMEOUT_S)
            for index in range(len(self._blocks)):
                self._submit(index)
        while self._futures and not self._cancel.is_set():
            with or_scheduler_lost(self._client):
                self._step()
            self._tell()
        cancelled, self._futures = self._futures, {}
        for index in cancelled:
            self._lose(index, "cancelled", "stopped on request; run it again for complete results")
        with suppress(OSError):  # nothing more depends on the scheduler
            if cancelled:
                stop = partial(self._client.cancel, list(cancelled.values()), force=True)
                bounded(stop, CLOSE_TIMEOUT_S)
            self._look(CLOSE_TIMEOUT_S)

    def _submit(self, index: int) -> None:
        block = self._blocks[index]
        sources = {chunk.source: self._plan.sources[chunk.source] for chunk in block}
        if self._spec is None or self._spec.cancelled():
            # The tasks share one copy on each worker, of text: what it means is for logan to say.
            self._spec = self._client.submit(str, self._spec_json, pure=False)
        future = self._client.submit(
            scan_block,
            block,
            sources,
            self._spec,
            self._plan.chunk_size,
            self._plan.expansion_max,
            _logan.__version__,
            pure=False,
            retries=RETRIES,
        )
        self._futures[index] = future
        future.add_done_callback(lambda ended: self._events.put((index, ended, None)))

    def _step(self) -> None:
        """Do what can be done now; wait a little if that is nothing."""
        with suppress(Empty):
            event = self._events.get(timeout=POLL_S)
            while True:
                self._hear(*event)
                event = self._events.get_nowait()
        now = time.monotonic()
        for index in [i for i, (_, deadline) in self._fetches.items() if deadline <= now]:
            self._take(index, self._fetches[index][0], TimeoutError("its result did not arrive"))
        while self._finished and len(self._fetches) < FETCHES_MAX:
            self._fetch(*self._finished.popleft())
        self._check()

    def _hear(self, index: int, future: Future, outcome: Found | Exception | None) -> None:
        """Handle a block that ended on its worker (no outcome yet), or an outcome that arrived."""
        self._heard_at = time.monotonic()
        if self._futures.get(index) is not future:
            return  # too late: it was submitted again
        if outcome is None:
            self._finished.append((index, future))
        else:
            self._take(index, future, outcome)

    def _fetch(self, index: int, future: Future) -> None:
        """Have the outcome of a block fetched by a thread: from a worker that just died it may
        take long, which must not hold up the others."""

        def fetch() -> None:
            try:
                outcome = future.result()
            except Exception as error:
                outcome = error
            self._events.put((index, future, outcome))

        timeout_s = FETCH_TIMEOUT_S * 2 ** self._losses[index]
        self._fetches[index] = (future, time.monotonic() + timeout_s)
        threading.Thread(target=fetch, name="logan-dask", daemon=True).start()

    def _take(self, index: int, future: Future, outcome: Found | Exception) -> None:
        from distributed import KilledWorker

        del self._fetches[index], self._futures[index]
        has_failed = future.status == "error"
        future.release()
        if isinstance(outcome, KilledWorker):
            # Dask has retried already, and each further attempt may kill another worker.
            deaths = plural(outcome.allowed_failures + 1, "worker")
            self._lose(index, "poison", f"{deaths} died while scanning it; see the workers' logs")
        elif not isinstance(outcome, Exception):
            self._merge(index, *outcome)
        elif has_failed:
            _raise_error_of_task(outcome)
        else:
            self._resubmit(index, outcome)

    def _merge(
        self,
        index: int,
        summary: bytes,
        failures: Sequence[Missing],
        archives: Mapping[int, Archive],
        worker: str,
    ) -> None:
        size = sum(chunk.end - chunk.start for chunk in self._blocks[index])
        self.tree.insert(index, Summary.from_bytes(summary))
        self.missing.extend(failures)
        self.archives.update(archives)
        self._chunks_of[worker] += len(self._blocks[index])
        self._bytes_of[worker] += size
        self._done += size

    def _resubmit(self, index: int, error: Exception) -> None:
        """Submit a block again that Dask lost: its task forgotten, its connection broken, its
        result gone with a worker."""
        self._await_connection()
        if isinstance(error, TimeoutError):
            self._look(ANSWER_TIMEOUT_S)
        self._losses[index] += 1
        if self._losses[index] <= RESUBMISSIONS_MAX:
            self._submit(index)
            return
        why = f"Dask lost it {plural(self._losses[index], 'time')} ({type(error).__name__})"
        self._lose(index, "lost", f"{why}; see the logs of its scheduler and workers")

    def _lose(self, index: int, kind: str, why: str) -> None:
        self.missing.extend(
            Missing(chunk.source, chunk.start, chunk.end, kind, why)
            for chunk in self._blocks[index]
        )

    def _await_connection(self) -> None:
        """While the client connects to its scheduler again, which it does by itself for a while."""
        while self._client.status == "connecting" and not self._cancel.is_set():
            time.sleep(POLL_S)
        if self._client.status not in ("connecting", "running"):
            raise ConnectionError("closed")

    def _check(self) -> None:
        """Raise `ClusterError` if there is nothing to wait for any more."""
        self._await_connection()
        if time.monotonic() - self._heard_at >= CHECK_INTERVAL_S:
            self._look(ANSWER_TIMEOUT_S)

    def _look(self, timeout_s: float) -> None:
        """Ask the scheduler which workers there are."""
        ask = partial(self._client.sync, self._client.scheduler.identity)
        found = bounded(ask, timeout_s)["workers"]
        self._heard_at = time.monotonic()
        if found:
            self.threads = {str(each["name"]): each["nthreads"] for each in found.values()}
            self._staffed_at = self._heard_at
        elif not self.threads or self._heard_at - self._staffed_at >= WORKERS_WAIT_MAX_S:
            address = self._client.scheduler.address
            since = f"has had no worker for {WORKERS_WAIT_MAX_S} s"
            raise ClusterError(
                f"the Dask scheduler at {address} {since if self.threads else 'has no workers'}",
                hint=f"start some with: dask worker {address}",
            )

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._done, self._plan.bytes)


def _raise_error_of_task(error: Exception) -> NoReturn:
    """What a task raised, after its retries."""
    if isinstance(error, LoganError):
        raise error
    if _is_caused_by_missing_module(error):
        raise ClusterError(
            f"the Dask scheduler or a worker of it has no logan: {error}",
            hint=_SAME_EVERYWHERE,
        ) from error
    raise ClusterError(
        f"a Dask worker failed: {type(error).__name__}: {error}", hint="see the workers' logs"
    ) from error


def scan_block(
    block: Sequence[Chunk],
    sources: Mapping[int, Source],
    spec_json: str,
    chunk_size: int,
    expansion_max: int,
    version: str,
) -> Found:
    """Runs on a worker: summary bytes, what is missing, and what archives held, of neighboring
    chunks and their sources; and the worker's name.

    Raises `ClusterError` on a worker of another version of logan than `version`: it may count
    otherwise, and its bytes may not merge with those of others.
    """
    from distributed import get_worker

    worker = get_worker()
    if version != _logan.__version__:
        raise ClusterError(
            f"the Dask worker {worker.address} has logan {_logan.__version__}, this is {version}",
            hint=_SAME_EVERYWHERE,
        )
    spec = _spec(spec_json)
    tree = MergeTree(spec)
    missing: list[Missing] = []
    archives: dict[int, Archive] = {}
    # Files come first, as in a plan, so places in the block are those in the tree.
    files = [chunk for chunk in block if sources[chunk.source].fingerprint is not None]
    if files:
        missing, archives = scan_files(
            {index: each for index, each in sources.items() if each.fingerprint is not None},
            files,
            spec,
            chunk_size=chunk_size,
            expansion_max=expansion_max,
            threads=1,
            tree=tree,
        )
    for place in range(len(files), len(block)):
        chunk = block[place]
        try:
            found = scan_chunk(
                sources[chunk.source],
                chunk,
                spec,
                chunk_size=chunk_size,
                expansion_max=expansion_max,
            )
        except InputError as error:
            why = str(error)
            if not isinstance(error, SourceChangedError):
                why += f" (tried by {worker.name})"  # another one may be able to
            missing.append(Missing(chunk.source, chunk.start, chunk.end, error.kind, why))
            continue
        if found.fault is not None:
            missing.append(Missing(chunk.source, chunk.start, chunk.end, *found.fault))
        if found.archive is not None:
            archives[chunk.source] = found.archive
        tree.insert(place, found.summary)
    return tree.finish().to_bytes(), missing, archives, str(worker.name)


@lru_cache(maxsize=1)
def _spec(spec_json: str) -> Spec:
    """Parsed once by each worker of a job, not once for each block."""
    return Spec(spec_json)


def _is_caused_by_missing_module(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("logan"):
            return True
        error = error.__cause__ or error.__context__
    return False
