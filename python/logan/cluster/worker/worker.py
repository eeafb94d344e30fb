"""A worker: connects to the coordinator, scans the chunks that it leases, and reports its health.

    worker = Worker("alice", "localhost:8000")
    await worker.run()                               # until canceled or drained

`Worker` lasts as long as its process and connects to the coordinator again and again. What all
connections share is in `resources`, what belongs to one of them in `session`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from ssl import SSLContext, SSLError
from typing import Any, Final

import trio

from logan._logan import Cancel, Fingerprint, Summary
from logan.cluster.connect import Address, Connect, connect, is_refused, set_user_timeout
from logan.cluster.handshake import client_handshake
from logan.cluster.keepalive import Backoff
from logan.cluster.transport import TransportLostError, open_transport
from logan.cluster.worker.rate_limit import RateLimit
from logan.cluster.worker.resources import IsolatedScan, Resources, Scan, scan_isolated
from logan.cluster.worker.scan_threads import RunInThread, ScanThreads
from logan.cluster.worker.session import Session
from logan.cpus import cpus
from logan.errors import ClusterError, ProtocolError, UsageError
from logan.limits import THREADS_MAX
from logan.model import Missing, Result
from logan.options import Options
from logan.planning.prepare import prepare
from logan.report import Report
from logan.report.builder import report_of
from logan.scan import scan_chunk
from logan.sources.roots import Roots

__all__ = ["Worker"]

ID_CHARS_MAX: Final = 64
"""Names are shown in tables; the protocol would allow twice as many."""

Say = Callable[[str], None]


class Worker:
    """Scans chunks for a coordinator.

    Args:
        id: its name, which must differ from those of the other workers.
        coordinator: `localhost:8000`; `http://localhost:8000` is the same.
        roots: folders below which it reads files, by default the working directory; and URLs
            below which it reads objects on servers, by default none.
        threads: chunks scanned in parallel; by default the CPUs this process may use.
        pace: bytes per second that it must not exceed, for demonstrations and tests.
        token: the secret shared with the coordinator.
        ssl: a client context that trusts the coordinator's certificate.
        say: called with sentences for the operator: connected, lost, waiting.
        connect, scan, scan_isolated, run_in_thread: what touches the network, the files and other
            threads, for tests.
    """

    def __init__(
        self,
        id: str,
        coordinator: str = "localhost:8000",
        *,
        roots: Sequence[str] | Roots = (".",),
        threads: int | None = None,
        pace: float | None = None,
        token: bytes | None = None,
        ssl: SSLContext | None = None,
        say: Say | None = None,
        connect: Connect = connect,
        scan: Scan = scan_chunk,
        scan_isolated: IsolatedScan = scan_isolated,
        run_in_thread: RunInThread | None = None,
    ) -> None:
        if not id or len(id) > ID_CHARS_MAX or not id.isprintable():
            raise UsageError(
                f"{id!r} is not a valid name of a worker",
                hint=f"use 1 to {ID_CHARS_MAX} printable characters, such as alice",
            )
        if threads is not None and not 1 <= threads <= THREADS_MAX:
            raise UsageError(f"threads is {threads}, it must be from 1 to {THREADS_MAX:,}")
        if pace is not None and not pace > 0:
            raise UsageError(f"the rate limit is {pace}, it must be above 0")
        self.id = id
        self.address = Address.parse(coordinator)
        self.connected = False
        self.started_at = time.monotonic()
        self._resources = Resources(
            id,
            roots if isinstance(roots, Roots) else Roots(roots),
            ScanThreads(threads or cpus(), run_in_thread or trio.to_thread.run_sync),
            RateLimit(pace),
            scan,
            scan_isolated,
            say or (lambda text: None),
        )
        self._connect = connect
        self._token = token
        self._ssl = ssl
        self._session: Session | None = None
        self._waiting = ""
        self._drain_asked = trio.Event()

    def drain(self) -> None:
        """Finish active leases, accept no new one, say goodbye; then `run` returns."""
        self._drain_asked.set()
        if self._session is not None:
            self._session.drain()

    async def run(self) -> None:
        """Work until drained. Waits for a coordinator that cannot be reached, and connects again
        after each loss of the connection.

        Raises:
            ClusterError: the coordinator will never accept this worker (another version, a wrong
                token), or another worker has its name.
        """
        backoff = Backoff()
        while not self._drain_asked.is_set():
            why = ""
            began = trio.current_time()
            try:
                await self._run_session()
                began = trio.current_time()
                # Only a coordinator that ends says goodbye; the next one may start much later.
                backoff.slow_down()
                why = "the last one has ended"
            except ProtocolError as error:
                if error.code in ("auth", "version"):
                    raise ClusterError(str(error), hint=error.hint) from error
                if error.code == "replaced":
                    raise ClusterError(
                        f"another worker named {self.id} connected to {self.address} and replaced "
                        "this one",
                        hint="give each worker a different --id",
                    ) from error
                why = f"{error}; {error.hint}" if error.hint else str(error)
            except SSLError as error:
                reason = error.reason or str(error)
                raise ClusterError(
                    f"no TLS with {self.address}: {reason.lower().replace('_', ' ')}",
                    hint="give the coordinator's CA with --tls-ca",
                ) from error
            except TransportLostError as error:
                why = str(error)
            except trio.TooSlowError:
                why = "it does not answer"
            except OSError as error:
                why = "connection refused" if is_refused(error) else str(error)
            if self._drain_asked.is_set():
                return
            if not self._waiting:
                self._waiting = f"waiting for a coordinator at {self.address}: {why}"
                self._resources.say(self._waiting)
            with trio.move_on_after(backoff.next_s(trio.current_time() - began)):
                await self._drain_asked.wait()

    async def _run_session(self) -> None:
        """One connection, from the handshake to a goodbye. Raises for any other end of it."""
        stream, certificate = await self._connect(self.address, self._ssl)
        async with open_transport(stream, "worker") as link:
            welcome = await client_handshake(link, "worker", self.id, self._token, certificate)
            set_user_timeout(stream, welcome.lease_s)
            self._resources.say(f"connected to {self.address}")
            self._waiting = ""
            session = Session(self._resources, link, welcome)
            self._session, self.connected = session, True
            try:
                if self._drain_asked.is_set():
                    session.drain()
                await session.run()
            finally:
                self._session, self.connected = None, False

    async def process_chunk(self, path: str | Path, start: int, size: int) -> Report:
        """A report like that of `analyze`, of the lines of `path` that begin in
        `[start, start + size)`. Canceling stops the scan.

        Raises:
            InputError: the file cannot be read; `SourceChangedError` if it changed meanwhile.
            UsageError: `start` or `size` is negative.
        """
        if start < 0 or size < 0:
            raise UsageError(f"start {start:,} and size {size:,} are not a valid range of bytes")
        cancel = Cancel()

        def scan() -> Report:
            with self._resources.threads.scan_slot(cancel):
                return _process(str(path), start, size, cancel)

        try:
            return await self._resources.threads.run(scan)
        finally:
            cancel.set()

    async def report_health(self) -> dict[str, Any]:
        """The worker's health: `id`, `connected`, `rss_bytes`, `cpu_percent` (of one CPU, since the
        last call), `threads`, `leases` (active), `chunks_done`, `chunks_lost`, `bytes_done`,
        `uptime_s`."""
        await trio.lowlevel.checkpoint()
        return self.health()

    def health(self) -> dict[str, Any]:
        """`report_health` for code that is not async."""
        counters = self._resources.counters
        return {
            "id": self.id,
            "connected": self.connected,
            **self._resources.process.sample(),
            "threads": self._resources.threads.count,
            "leases": 0 if self._session is None else self._session.active_leases,
            "chunks_done": counters.chunks_done,
            "chunks_lost": counters.chunks_lost,
            "bytes_done": counters.bytes_done,
            "uptime_s": round(time.monotonic() - self.started_at, 3),
        }


def _process(path: str, start: int, size: int, cancel: Cancel) -> Report:
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
            cancel=cancel,
        )
    finally:
        job.close()
    missing: tuple[Missing, ...] = ()
    return report_of(job, Result(summary, 1, missing), engine="worker")
