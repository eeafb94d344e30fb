"""A worker's side of one connection: leases in, results out.

    reader     acts on messages of the coordinator; never waits for a scan
    heartbeat  reports once per interval which leases are active and their progress; never waits
    a task per lease: scan the chunk, send the result
    a task per follow job (`following`): send what is written to logs

This module decides what is answered. What is leased is in `leases` and `jobs`, how a chunk is
scanned in `lease_scan`; what the worker keeps from one connection to the next in `resources`.
Nothing here survives the connection: what was leased over it is leased again to another worker.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import trio

from logan.cluster.file_search import find_files
from logan.cluster.keepalive import keep_alive
from logan.cluster.limits import LINGER_S_MAX
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.scanning import digest_of
from logan.cluster.transport import Transport, TransportLostError
from logan.cluster.worker.fetch import Fetcher
from logan.cluster.worker.following import FollowTable
from logan.cluster.worker.isolation import Poison
from logan.cluster.worker.jobs import JobTable
from logan.cluster.worker.lease_scan import LeaseScanner
from logan.cluster.worker.leases import ActiveLease, LeaseTable, Offer
from logan.cluster.worker.resources import Resources
from logan.errors import NO_ROOM, CancelledError, InputError, ProtocolError, SourceChangedError
from logan.scan import PANIC
from logan.sources.url_roots import is_outside
from logan.wire import messages
from logan.wire.connection import error_message
from logan.wire.limits import LEASES_PER_HEALTH_MAX

__all__ = ["Session"]

UNACKNOWLEDGED_MAX: Final = 4
"""Results that await an answer: beyond it nothing new is asked for, so that memory stays small
where the connection is slower than the scan."""


class Session:
    """One authenticated connection of a worker."""

    def __init__(self, resources: Resources, link: Transport, welcome: messages.Welcome) -> None:
        self._resources = resources
        self._link = link
        self._welcome = welcome
        self._jobs = JobTable()
        self._leases = LeaseTable()
        self._offer = Offer()
        self._fetcher = Fetcher(link.post)
        self._follows = FollowTable(resources, link)
        self._scanner = LeaseScanner(resources, self._leases, self._fetcher)
        self._asked_for = 0
        self._draining = False
        self._reported: set[tuple[str, str]] = set()
        self._heartbeats = trio.CancelScope()
        self._changed = trio.Event()

    @property
    def active_leases(self) -> int:
        """Leases that are being worked on or wait for a thread."""
        return self._leases.active

    @property
    def known_jobs(self) -> int:
        """Jobs that the coordinator described and did not cancel."""
        return len(self._jobs)

    def drain(self) -> None:
        """Accept no new lease; end when all results are answered."""
        if not self._draining:
            self._draining = True
            self._follows.stop()
            self._send_ready(0)
        self._changed.set()

    async def run(self) -> None:
        """Work until either side wants to end. Raises `TransportLostError`, and `ProtocolError`,
        which has been reported to the coordinator."""
        try:
            async with open_flat_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._heartbeat_loop)
                nursery.start_soon(self._leave_when_done)
                self._ask()
                await self._read()
                nursery.cancel_scope.cancel()
        except ProtocolError as error:
            self._link.post(error_message(error))
            with trio.move_on_after(LINGER_S_MAX):
                await self._link.flush()
            raise
        finally:
            self._resources.counters.chunks_lost += self._leases.abandon()

    # -- messages of the coordinator

    async def _read(self) -> None:
        while True:
            message = await self._link.receive()
            if message is None:
                if self._draining:
                    return
                raise TransportLostError("the coordinator closed the connection")
            self._act(message)

    def _act(self, message: messages.Message) -> None:
        match message:
            case messages.Job():
                self._jobs.add(message)
            case messages.Lease():
                self._begin(message)
            case messages.Done() | messages.Stale():
                self._resolve(message)
            case messages.Data():
                self._fetcher.receive(message)
            case messages.Cancel():
                self._cancel(message)
            case messages.Search():
                self._nursery.start_soon(self._search, message)
            case messages.Drain():
                self.drain()
            case messages.Error():
                raise ProtocolError(message.message, code=message.code)
            case messages.HealthAck():
                pass
            case _:
                self._follow(message)

    def _follow(self, message: messages.Message) -> None:
        """About a follow job. Raises `ProtocolError` for anything else."""
        match message:
            case messages.Watch():
                if not self._draining:
                    self._follows.watch(message, self._nursery)
            case messages.Follow() | messages.SlotDone() | messages.Finish():
                self._follows.take(message)
            case _:
                raise ProtocolError(f"{message.VERB} is not for workers", code="order")

    def _begin(self, message: messages.Lease) -> None:
        """Begin to work on a lease. Raises `ProtocolError` if it is not a valid one."""
        if not self._offer.take(self._leases.live):
            raise ProtocolError("LEASE: more leases than READY asked for", code="state")
        if self._jobs.is_canceled(message.job):
            self._ask()  # its CANCEL overtook it
            return
        job = self._jobs.of_lease(message)
        active = self._leases.begin(message, job)
        self._asked_for -= 1
        self._nursery.start_soon(self._work, active)

    def _resolve(self, message: messages.Done | messages.Stale) -> None:
        """A result is stored, or not needed. Raises `ProtocolError` if there was none."""
        sent = self._leases.resolve(message)
        if isinstance(message, messages.Done):
            self._resources.counters.chunks_done += 1
            self._resources.counters.bytes_done += sent.size
        self._ask(only_news=True)

    def _cancel(self, message: messages.Cancel) -> None:
        key = (message.job, message.chunk, message.attempt)
        if message.chunk is not None and key not in self._leases:
            # It is done, or never arrived: the coordinator may still count it.
            self._ask()
        self._leases.cancel(message.job, message.chunk, message.attempt)
        if message.chunk is None:
            self._follows.cancel(message.job)
            self._jobs.cancel(message.job)
            self._reported = {each for each in self._reported if each[0] != message.job}

    # -- messages to the coordinator

    def _ask(self, *, only_news: bool = False) -> None:
        """Send how many more leases are accepted: one more than threads, so that none is ever
        idle.

        `only_news`: not if the coordinator knows already.
        """
        self._changed.set()
        if self._draining:
            return
        room = min(self._resources.threads.count + 1, LEASES_PER_HEALTH_MAX)
        free = max(0, room - self._leases.active)
        if self._leases.unacknowledged > UNACKNOWLEDGED_MAX:
            free = 0
        if only_news and free == self._asked_for:
            return
        self._asked_for = free
        self._send_ready(free)

    def _send_ready(self, free: int) -> None:
        self._offer.renew(free)
        self._link.post(messages.Ready(free))

    async def _heartbeat_loop(self) -> None:
        """HEALTH at once and then every heartbeat, whatever else is done, until BYE."""
        welcome = self._welcome
        with self._heartbeats:
            await keep_alive(self._link, welcome.heartbeat_s, welcome.lease_s, self._send_heartbeat)

    def _send_heartbeat(self) -> None:
        leases = self._leases.progress()
        process = self._resources.process.sample()
        for i in range(0, max(1, len(leases)), LEASES_PER_HEALTH_MAX):
            self._link.post(
                messages.Health(
                    rss_bytes=process["rss_bytes"],
                    cpu_percent=process["cpu_percent"],
                    threads=self._resources.threads.count,
                    leases=tuple(leases[i : i + LEASES_PER_HEALTH_MAX]),
                )
            )

    async def _leave_when_done(self) -> None:
        while not (self._draining and self._leases.is_empty):
            self._changed = trio.Event()
            await self._changed.wait()
        self._heartbeats.cancel()
        self._link.post(messages.Bye())
        with trio.move_on_after(LINGER_S_MAX):
            # Until the coordinator ends its side. Closing before all that it sent is read would
            # reset the connection, and perhaps discard our BYE.
            await trio.sleep_forever()
        self._nursery.cancel_scope.cancel()

    # -- a task for each lease

    async def _work(self, active: ActiveLease) -> None:
        answer: messages.Message | None = None
        try:
            with active.scope:
                summary, note = await self._scanner.scan(active)
                self._leases.hand_in(active)
                self._ask()
                await self._link.send(
                    messages.Result(*active.key, digest_of(summary), summary, note)
                )
        except TransportLostError:
            raise
        except CancelledError:
            pass
        except Exception as error:
            answer = self._failure(active.lease, error)
        finally:
            active.cancel.set()
        if self._leases.end(active):
            if answer is not None:
                self._link.post(answer)
                self._resources.counters.chunks_lost += 1
            self._ask()

    def _failure(self, lease: messages.Lease, error: Exception) -> messages.Fail:
        """The answer for a chunk that was not scanned."""
        key = (lease.job, lease.chunk, lease.attempt)
        match error:
            case SourceChangedError():
                return messages.Fail(*key, error.kind, str(error), final=True)
            case InputError():
                # A panic was tried twice here, and any other worker runs the same engine.
                return messages.Fail(
                    *key, error.kind, self._refusal(lease, error), error.kind == PANIC
                )
            case Poison(start=start, end=end):
                what = f"scanning bytes {start:,} to {end:,} ends the process"
                return messages.Fail(*key, "poison", what, bad_start=start, bad_end=end)
        return messages.Fail(*key, "internal", f"{type(error).__name__}: {error}")

    def _refusal(self, lease: messages.Lease, error: InputError) -> str:
        """Why a chunk was not scanned. What only the operator of this worker can change is also
        reported here, once for each job."""
        if not is_outside(error.message) and error.kind != NO_ROOM:
            return str(error)
        text = f"{error}; {error.hint}"
        reported = (lease.job, error.kind)
        if reported not in self._reported:
            self._reported.add(reported)
            self._resources.say(text)
        return text

    # -- files on this host

    async def _search(self, message: messages.Search) -> None:
        find = partial(find_files, self._resources.roots, message.body.patterns)
        found = await self._resources.threads.run_aside(find, abandon_on_cancel=True)
        await self._link.send(messages.Found(message.id, found))
