"""A worker: connects to the coordinator, scans what it is leased, and says how it is.

    worker = Worker("alice", "localhost:8000")
    await worker.run()                               # until cancelled or drained

`Worker` lasts as long as its process: identity, threads, figures, and the loop that finds the
coordinator again. What belongs to one connection is in `session`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLContext, SSLError
from typing import Any

import trio

from logan._logan import Cancel, Fingerprint, Summary
from logan.cluster.connect import Address, dial, is_refused, set_user_timeout
from logan.cluster.keepalive import Backoff
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.process_stats import Pace, Vitals
from logan.cluster.secure import Roots
from logan.cluster.transport import Link, LinkLostError, introduce
from logan.cluster.worker.session import OtherCopies, Session
from logan.cluster.worker.spool import Spools
from logan.cpus import cpus
from logan.errors import CancelledError, ClusterError, ProtocolError, UsageError
from logan.job import prepare
from logan.limits import THREADS_MAX
from logan.model import Missing, Result
from logan.plan import Options
from logan.report import Report

__all__ = ["Worker"]

ID_CHARS_MAX = 64
"""Names stand in tables; the protocol would allow twice as many."""

TURN_WAIT_S = 0.05
"""How often a thread that waits for its turn looks whether it is still wanted."""

Say = Callable[[str], None]


class Worker:
    """Scans chunks for a coordinator.

    Args:
        id: its name, which must differ from those of the other workers.
        coordinator: `localhost:8000`; `http://localhost:8000` is the same.
        roots: folders below which it reads files, by default the working directory; and URLs
            below which it reads objects on servers, by default none.
        threads: chunks scanned side by side; by default the CPUs this process may use.
        pace: bytes per second that it shall not exceed, for demonstrations and tests.
        token: the secret shared with the coordinator.
        ssl: a client context that trusts the coordinator's certificate.
        say: called with sentences for people: connected, lost, waiting.
    """

    def __init__(
        self,
        id: str,
        coordinator: str = "localhost:8000",
        *,
        roots: Sequence[str] = (".",),
        threads: int | None = None,
        pace: float | None = None,
        token: bytes | None = None,
        ssl: SSLContext | None = None,
        say: Say | None = None,
    ) -> None:
        if not id or len(id) > ID_CHARS_MAX or not id.isprintable():
            raise UsageError(
                f"{id!r} is no name of a worker",
                hint=f"1 to {ID_CHARS_MAX} printable characters, such as alice",
            )
        if threads is not None and not 1 <= threads <= THREADS_MAX:
            raise UsageError(f"threads is {threads}, it must be from 1 to {THREADS_MAX:,}")
        if pace is not None and not pace > 0:
            raise UsageError(f"the pace is {pace}, it must be above 0")
        self.id = id
        self.address = Address.parse(coordinator)
        self.roots = Roots(roots)
        self.threads = threads or cpus()
        self.pace = Pace(pace)
        self.connected = False
        self.chunks_done = 0
        self.chunks_lost = 0
        self.bytes_done = 0
        self.started_at = time.time()
        self._turns = threading.BoundedSemaphore(self.threads)
        self.isolation_slots = trio.CapacityLimiter(self.threads)
        self.spools = Spools()
        self.other_copies = OtherCopies()
        # One more than scan at once: it has found and opened what is to be scanned next.
        self._limiter = trio.CapacityLimiter(self.threads + 1)
        self._vitals = Vitals()
        self._token = token
        self._ssl = ssl
        self._say = say or (lambda text: None)
        self._session: Session | None = None
        self._said = ""
        self._drain_asked = trio.Event()

    def drain(self) -> None:
        """Finish what is in hand, take nothing new, say goodbye; then `run` returns."""
        self._drain_asked.set()
        if self._session is not None:
            self._session.drain()

    async def run(self) -> None:
        """Work until drained. Waits for a coordinator that is not there, and looks for it again
        when it has gone.

        Raises:
            ClusterError: the coordinator will never have us: another version, a wrong token; or
                another worker has our name.
        """
        backoff = Backoff()
        while not self._drain_asked.is_set():
            why = ""
            began = trio.current_time()
            try:
                await self._attend()
                began = trio.current_time()
                # Only a coordinator that ends says goodbye; the next one may take a while.
                backoff.slow_down()
                why = "the last one has ended"
            except ProtocolError as error:
                if error.code in ("auth", "version"):
                    raise ClusterError(str(error), hint=error.hint) from error
                if error.code == "replaced":
                    raise ClusterError(
                        f"another worker named {self.id} came to {self.address} and took its place",
                        hint="give each worker an --id of its own",
                    ) from error
                why = f"{error}; {error.hint}" if error.hint else str(error)
            except SSLError as error:
                reason = error.reason or str(error)
                raise ClusterError(
                    f"no TLS with {self.address}: {reason.lower().replace('_', ' ')}",
                    hint="give the coordinator's CA with --tls-ca",
                ) from error
            except LinkLostError as error:
                why = str(error)
            except trio.TooSlowError:
                why = "it does not answer"
            except OSError as error:
                why = "connection refused" if is_refused(error) else str(error)
            if self._drain_asked.is_set():
                return
            if not self._said:
                self._said = f"waiting for a coordinator at {self.address}: {why}"
                self._say(self._said)
            with trio.move_on_after(backoff.next_s(trio.current_time() - began)):
                await self._drain_asked.wait()

    async def _attend(self) -> None:
        """One connection, from beginning to a goodbye. Raises for any other end of it."""
        stream, certificate = await dial(self.address, self._ssl)
        try:
            link = Link(stream, "worker")
            async with open_flat_nursery() as nursery:
                nursery.start_soon(_write, link, nursery.cancel_scope)
                welcome = await introduce(link, "worker", self.id, self._token, certificate)
                set_user_timeout(stream, welcome.lease_s)
                self._say(f"connected to {self.address}")
                self._said = ""
                session = Session(self, link, welcome)
                self._session = session
                self.connected = True
                if self._drain_asked.is_set():
                    session.drain()
                await session.run()
                nursery.cancel_scope.cancel()
                return
        finally:
            self.connected = False
            self._session = None
            await trio.aclose_forcefully(stream)
        raise LinkLostError(link.lost or "the connection broke")

    async def process_chunk(self, path: str | Path, start: int, size: int) -> Report:
        """Figures of the lines of `path` that begin in `[start, start + size)`.

        A report like that of `analyze`, of this part alone. Cancelling stops the scan.

        Raises:
            InputError: the file cannot be read; `SourceChangedError` if it changed meanwhile.
            UsageError: a range that no file has.
        """
        if start < 0 or size < 0:
            raise UsageError(f"bytes {start:,} + {size:,} are no range")
        flag = Cancel()

        def scan() -> Report:
            with self.turn(flag):
                return _process(str(path), start, size, flag)

        try:
            report: Report = await self.in_thread(scan)
            return report
        finally:
            flag.set()

    async def report_health(self) -> dict[str, Any]:
        """How the worker is: `id`, `connected`, `rss_bytes`, `cpu_percent` (of one CPU, since the
        last call), `threads`, `leases` in hand, `chunks_done`, `chunks_lost`, `bytes_done`,
        `uptime_s`."""
        await trio.lowlevel.checkpoint()
        return self.health()

    def health(self) -> dict[str, Any]:
        """`report_health` for code that is not async."""
        return {
            "id": self.id,
            "connected": self.connected,
            **self._vitals.sample(),
            "threads": self.threads,
            "leases": 0 if self._session is None else self._session.in_hand,
            "chunks_done": self.chunks_done,
            "chunks_lost": self.chunks_lost,
            "bytes_done": self.bytes_done,
            "uptime_s": round(time.time() - self.started_at, 3),
        }

    def tell(self, text: str) -> None:
        """Say a sentence to the operator of this worker."""
        self._say(text)

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        """Do something that scans, in its `turn`, on one of the worker's threads. Cancelling leaves
        the thread behind, which counts until it ends."""
        return await trio.to_thread.run_sync(work, limiter=self._limiter, abandon_on_cancel=True)

    @contextmanager
    def turn(self, flag: Cancel) -> Iterator[None]:
        """For threads: wait until fewer than `threads` others scan.

        The next one goes on where the one before it ends, without a word between the two and the
        event loop; what comes before and behind a scan is done beside other scans.

        Raises:
            CancelledError: `flag` was set meanwhile.
        """
        while not self._turns.acquire(timeout=TURN_WAIT_S):
            if flag.is_set():
                raise CancelledError("stopped on request before it began")
        try:
            yield
        finally:
            self._turns.release()


async def _write(link: Link, scope: trio.CancelScope) -> None:
    try:
        await link.run()
    except LinkLostError:
        scope.cancel()


def _process(path: str, start: int, size: int, flag: Cancel) -> Report:
    job = prepare([path], Options(), strict=True)
    try:
        source = job.plan.sources[0]
        planned = source.size
        if planned is None or source.fingerprint is None:
            raise UsageError(f"{path} has no offsets; a chunk is part of a file")
        end = min(start + size, planned)
        summary = Summary.from_chunk(
            path,
            min(start, end),
            end,
            job.spec(),
            fingerprint=Fingerprint.from_json(source.fingerprint),
            cancel=flag,
        )
    finally:
        job.close()
    missing: tuple[Missing, ...] = ()
    return job.report(Result(summary, 1, missing), engine="worker")
