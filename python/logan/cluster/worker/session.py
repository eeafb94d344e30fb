"""A worker's side of one connection: leases in, results out.

    reader     acts on what the coordinator says; never waits for a scan
    heartbeat  says every second which leases are alive and how far they are; waits for nothing
    a task per lease: find the bytes, scan them in a thread, hand in the result

Nothing survives the connection: what was leased over it is leased to somebody else by then.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from logan._logan import Cancel, Fingerprint, Spec
from logan.cluster.file_search import find_files
from logan.cluster.isolated import Isolation, Poison
from logan.cluster.keepalive import keep_alive
from logan.cluster.limits import (
    FETCH_BYTES,
    JOBS_MAX,
    LINGER_S_MAX,
    LOOK_BACK_BYTES_MAX,
    TAIL_BYTES_MAX,
    TAIL_PIECE_BYTES,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.probes import differs_at
from logan.cluster.scanning import Piece, Scanned, digest_of, scan
from logan.cluster.secure import Opened, Roots
from logan.cluster.transport import Link, LinkLostError
from logan.cluster.worker.leases import Offer
from logan.cluster.worker.spool import NO_ROOM, Spool
from logan.errors import CancelledError, InputError, ProtocolError, SourceChangedError
from logan.sources.figures import PANIC
from logan.sources.url_roots import is_outside
from logan.wire.bodies import FaultNote, JobSource, LeaseProgress, Note
from logan.wire.codec import clean
from logan.wire.connection import error_message
from logan.wire.limits import FETCHES_MAX, LEASES_PER_HEALTH_MAX, TEXT_BYTES_MAX
from logan.wire.messages import (
    Bye,
    Data,
    Done,
    Drain,
    Error,
    Fail,
    Fetch,
    Found,
    Health,
    HealthAck,
    Job,
    Lease,
    Message,
    Ready,
    Result,
    Search,
    Stale,
    Welcome,
)
from logan.wire.messages import (
    Cancel as CancelMessage,
)

if TYPE_CHECKING:
    from logan.cluster.worker.worker import Worker

__all__ = ["OtherCopies", "Session"]

UNACKNOWLEDGED_MAX: Final = 4
"""Results on their way: beyond it nothing new is asked for, so that memory stays small where the
link is slower than the scan."""

PACE_STEPS_PER_S: Final = 4
"""With a pace, how often the wait for a chunk's turn is seen to go on."""

Key = tuple[str, int, int]


OTHER_COPIES_MAX: Final = 1_024
"""More than that are not a matter of a few files."""

JOBS_REMEMBERED_MAX: Final = 1_024
"""Canceled jobs of which messages may still be under way: CANCEL overtakes others."""


@dataclass(slots=True)
class _JobInfo:
    spec: Spec
    sources: Sequence[JobSource]
    chunk_size: int
    expansion_max: int

    def piece(self, lease: Lease, path: str, size: int, fingerprint: str | None) -> Piece:
        """The lease's chunk, to be read from `path`."""
        source = self.sources[lease.source]
        return Piece(
            path,
            lease.start,
            lease.end,
            lease.source,
            size,
            fingerprint,
            is_object=source.fingerprint is None,
            compression=source.compression,
            etag=source.etag,
            chunk_size=self.chunk_size,
            expansion_max=self.expansion_max,
        )


@dataclass(slots=True)
class _Held:
    """A lease in hand.

    Attributes:
        passes: how often its bytes are gone through: scanned, and perhaps fetched, and waited for.
        passed: bytes of all passes so far but those that `flag` counts.
    """

    lease: Lease
    info: _JobInfo
    flag: Cancel = field(default_factory=Cancel)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    passes: int = 1
    passed: int = 0

    @property
    def size(self) -> int:
        return self.lease.end - self.lease.start

    def count(self, size: int) -> None:
        """Note progress that `flag` does not count."""
        self.passed += size

    @property
    def scanned_bytes(self) -> int:
        """How far it is, for the coordinator. Goes on whatever the bytes are waiting for, and is
        never more than the size of the lease."""
        scanned = (self.flag.scanned_bytes + self.passed) // self.passes
        if self.lease.isolated:
            # How often its bytes are gone through is not known before: this grows with each time
            # and stays below the size.
            return self.size * scanned // (self.size + scanned)
        # The last line ends after the chunk, and what a decoder holds may be counted before it.
        return min(scanned, self.size)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A result that the coordinator has not answered: bytes of its lease, and their source."""

    size: int
    source: int


class OtherCopyError(Exception):
    """A file at the planned path has other bytes than the planned file."""


class OtherCopies:
    """Sources of which a worker's own file is known to be another one.

    Outlives a connection: else each would have to find that out again.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[JobSource, None] = OrderedDict()

    def __contains__(self, source: JobSource) -> bool:
        return source in self._sources

    def add(self, source: JobSource) -> None:
        """Remember it; the one that was added first is forgotten for it at last."""
        self._sources[source] = None
        if len(self._sources) > OTHER_COPIES_MAX:
            self._sources.popitem(last=False)


@dataclass(slots=True)
class _Fetching:
    """A FETCH on its way; `spool` is None once its bytes are not wanted any more."""

    spool: Spool | None
    held: _Held
    offset: int
    error: InputError | None = None
    done: trio.Event = field(default_factory=trio.Event)


class Session:
    """One connection of `worker`, authenticated."""

    def __init__(self, worker: Worker, link: Link, welcome: Welcome) -> None:
        self._worker = worker
        self._link = link
        self._welcome = welcome
        self._jobs: dict[str, _JobInfo] = {}
        self._canceled_jobs: OrderedDict[str, None] = OrderedDict()
        self._held: dict[Key, _Held] = {}
        self._unacknowledged: dict[Key, _Sent] = {}
        self._resolved = trio.Event()
        self._fetches: dict[int, _Fetching] = {}
        self._fetch_slots = trio.Semaphore(FETCHES_MAX)
        self._fetch_id = 0
        self._asked_for = 0
        self._offer = Offer()
        self._draining = False
        self._told: set[tuple[str, str]] = set()
        self._beats = trio.CancelScope()
        self._changed = trio.Event()

    @property
    def in_hand(self) -> int:
        """Leases that are being worked on or wait for a thread."""
        return len(self._held)

    def drain(self) -> None:
        """Take nothing new; end when all is handed in."""
        if not self._draining:
            self._draining = True
            self._say_ready(0)
        self._changed.set()

    async def run(self) -> None:
        """Work until we or the coordinator want to end. Raises `LinkLostError`, and `ProtocolError`
        of which the coordinator was told."""
        try:
            async with open_flat_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._keep_alive)
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
            for held in self._held.values():
                held.flag.set()
            self._worker.chunks_lost += len(self._held)

    # -- what the coordinator says

    async def _read(self) -> None:
        while True:
            message = await self._link.receive()
            if message is None:
                if self._draining:
                    return
                raise LinkLostError("the coordinator closed the connection")
            self._act(message)

    def _act(self, message: Message) -> None:
        match message:
            case Job():
                self._take_job(message)
            case Lease():
                self._take_lease(message)
            case Done() | Stale():
                self._take_resolution(message)
            case Data():
                self._take(message)
            case CancelMessage():
                self._cancel(message)
            case Search():
                self._nursery.start_soon(self._search, message)
            case Drain():
                self.drain()
            case Error():
                raise ProtocolError(message.message, code=message.code)
            case HealthAck():
                pass
            case _:
                raise ProtocolError(f"{message.VERB} is not for workers", code="order")

    def _take_job(self, message: Job) -> None:
        """Remember a job. Raises `ProtocolError` if it is not a valid one."""
        if message.job in self._canceled_jobs:
            return  # its CANCEL overtook it
        if message.job in self._jobs:
            raise ProtocolError(f"JOB: job {message.job} was described before", code="state")
        if len(self._jobs) >= JOBS_MAX:
            raise ProtocolError(f"JOB: more than {JOBS_MAX} jobs at once", code="state")
        body = message.body
        try:
            spec = Spec(body.spec)
        except ValueError as error:
            raise ProtocolError(f"JOB: spec: {error}", code="field") from error
        self._jobs[message.job] = _JobInfo(spec, body.sources, body.chunk_size, body.expansion_max)

    def _take_lease(self, message: Lease) -> None:
        """Begin to work on a lease. Raises `ProtocolError` for one that cannot be."""
        key = _key(message)
        if not self._offer.take():
            raise ProtocolError("LEASE: more leases than READY asked for", code="state")
        if message.job in self._canceled_jobs:
            self._ask()  # its CANCEL overtook it
            return
        info = self._jobs.get(message.job)
        if info is None:
            raise ProtocolError(f"LEASE: no JOB described job {message.job}", code="state")
        if message.source >= len(info.sources):
            raise ProtocolError(
                f"LEASE: source {message.source} of job {message.job}, which has "
                f"{len(info.sources)}",
                code="state",
            )
        size = info.sources[message.source].size
        if not message.start < message.end <= size:
            raise ProtocolError(
                f"LEASE: bytes {message.start:,} to {message.end:,} of a source of {size:,}",
                code="state",
            )
        if any(not message.start <= at < message.end for at, _ in message.probes or ()):
            raise ProtocolError("LEASE: a probe lies outside of its bytes", code="state")
        if key in self._held or key in self._unacknowledged:
            raise ProtocolError(
                f"LEASE: chunk {message.chunk}, attempt {message.attempt}, is leased already",
                code="state",
            )
        held = _Held(message, info)
        self._held[key] = held
        self._asked_for -= 1
        self._nursery.start_soon(self._work, held)

    def _take_resolution(self, message: Done | Stale) -> None:
        """A result is stored, or of no use. Raises `ProtocolError` if there was none."""
        sent = self._unacknowledged.pop(_key(message), None)
        if sent is None:
            raise ProtocolError(
                f"{message.VERB}: no result of chunk {message.chunk}, attempt {message.attempt}, "
                "awaits an answer",
                code="state",
            )
        if isinstance(message, Done):
            self._worker.chunks_done += 1
            self._worker.bytes_done += sent.size
        self._resolved.set()
        self._resolved = trio.Event()
        self._ask(only_news=True)

    def _cancel(self, message: CancelMessage) -> None:
        key = (message.job, message.chunk, message.attempt)
        if message.chunk is not None and key not in self._held:
            # It is done, or never came: who cancels it may still count it.
            self._ask()
        for key, held in list(self._held.items()):
            whole = message.chunk is None
            if key[0] == message.job and (whole or key[1:] == (message.chunk, message.attempt)):
                held.flag.set()
                held.scope.cancel()
        if message.chunk is None:
            self._jobs.pop(message.job, None)
            self._told = {each for each in self._told if each[0] != message.job}
            self._canceled_jobs[message.job] = None
            if len(self._canceled_jobs) > JOBS_REMEMBERED_MAX:
                self._canceled_jobs.popitem(last=False)

    # -- what we say

    def _ask(self, *, only_news: bool = False) -> None:
        """Say how many more leases we take: one more than threads, so that none is ever idle.

        `only_news`: not if the coordinator knows.
        """
        self._changed.set()
        if self._draining:
            return
        free = min(self._worker.threads + 1, LEASES_PER_HEALTH_MAX) - len(self._held)
        if len(self._unacknowledged) > UNACKNOWLEDGED_MAX:
            free = 0
        free = max(0, free)
        if only_news and free == self._asked_for:
            return
        self._asked_for = free
        self._say_ready(free)

    def _say_ready(self, free: int) -> None:
        live = sum(not held.scope.cancel_called for held in self._held.values())
        self._offer.renew(free, live)
        self._link.post(Ready(free))

    async def _keep_alive(self) -> None:
        """HEALTH now and then every heartbeat, whatever else is going on, until we say BYE."""
        welcome = self._welcome
        with self._beats:
            await keep_alive(self._link, welcome.heartbeat_s, welcome.lease_s, self._beat)

    def _beat(self) -> None:
        leases = [
            LeaseProgress(job=key[0], chunk=key[1], attempt=key[2], scanned_bytes=scanned)
            for key, scanned in [
                *((key, held.scanned_bytes) for key, held in self._held.items()),
                *((key, sent.size) for key, sent in self._unacknowledged.items()),
            ]
        ]
        health = self._worker.health()
        for i in range(0, max(1, len(leases)), LEASES_PER_HEALTH_MAX):
            self._link.post(
                Health(
                    rss_bytes=health["rss_bytes"],
                    cpu_percent=health["cpu_percent"],
                    threads=self._worker.threads,
                    leases=tuple(leases[i : i + LEASES_PER_HEALTH_MAX]),
                )
            )

    async def _leave_when_done(self) -> None:
        while not (self._draining and not self._held and not self._unacknowledged):
            self._changed = trio.Event()
            await self._changed.wait()
        self._beats.cancel()
        self._link.post(Bye())
        with trio.move_on_after(LINGER_S_MAX):
            # Until the coordinator ends its side. Closing before all that it said is read would
            # reset the connection, and perhaps take our goodbye back.
            await trio.sleep_forever()
        self._nursery.cancel_scope.cancel()

    # -- one lease

    async def _work(self, held: _Held) -> None:
        lease = held.lease
        key = _key(lease)
        answer: Message | None = None
        try:
            with held.scope:
                if self._worker.pace.bytes_per_second is not None:
                    await self._keep_pace(held)
                found = await self._scanned(held)
                # Listed in the heartbeat without a break, until the coordinator has it.
                self._unacknowledged[key] = _Sent(held.size, lease.source)
                del self._held[key]
                self._ask()
                await self._link.send(
                    Result(
                        lease.job,
                        lease.chunk,
                        lease.attempt,
                        digest_of(found.summary),
                        found.summary,
                        found.note,
                    )
                )
        except SourceChangedError as error:
            answer = _failure(lease, error.kind, str(error), final=True)
        except InputError as error:
            # A panic of the engine has been tried twice here, and any other worker runs the same.
            detail = self._refusal(held, error)
            answer = _failure(lease, error.kind, detail, final=error.kind == PANIC)
        except CancelledError:
            pass
        except Poison as poison:
            what = f"scanning bytes {poison.start:,} to {poison.end:,} ends the process"
            answer = _failure(lease, "poison", what, bad=(poison.start, poison.end))
        except LinkLostError:
            raise
        except Exception as error:
            answer = _failure(lease, "internal", f"{type(error).__name__}: {error}")
        finally:
            held.flag.set()
        if self._held.pop(key, None) is not None:
            if answer is not None:
                self._link.post(answer)
                self._worker.chunks_lost += 1
            self._ask()

    def _refusal(self, held: _Held, error: InputError) -> str:
        """Why a chunk was not scanned. What only the operator of this worker can change is said
        here, too, once for each job."""
        if not is_outside(error.message) and error.kind != NO_ROOM:
            return str(error)
        text = f"{error}; {error.hint}"
        told = (held.lease.job, error.kind)
        if told not in self._told:
            self._told.add(told)
            self._worker.tell(text)
        return text

    async def _keep_pace(self, held: _Held) -> None:
        """Wait until the chunk may be read, in steps that show."""
        held.passes += 1
        pace = self._worker.pace
        step = max(1, int(pace.bytes_per_second or 0) // PACE_STEPS_PER_S)
        for at in range(0, held.size, step):
            size = min(step, held.size - at)
            await pace.spend(size)
            held.passed += size

    async def _scanned(self, held: _Held) -> Scanned:
        lease, info = held.lease, held.info
        source = info.sources[lease.source]
        if source.fingerprint is None:
            piece = info.piece(lease, source.url, source.size, None)
            # The child of an isolated scan has no roots but these.
            piece = replace(piece, url_roots=self._worker.roots.urls.given)
            return await self._scan(held, piece, info)
        if source not in self._worker.other_copies:
            try:
                found = await self._scan_here(held, source, info)
            except OtherCopyError as error:
                found = None
                if source not in self._worker.other_copies:
                    await self._disown(lease, source)
                    raise InputError(str(error), input=source.url, kind="changed") from error
            # Another lease may have shown meanwhile what this file is.
            if found is not None and source not in self._worker.other_copies:
                return found
        if not source.local:
            raise InputError(f"{source.url} cannot be read by {self._worker.id}", input=source.url)
        first, end = _fetched_range(lease, source)
        async with self._worker.spools.open(source.url, end - first) as spool:
            size = await self._fetch_chunk(held, source, spool)
            piece = info.piece(lease, spool.name, size, None)
            with _as_named(spool.name, source.url):
                found = await self._scan(held, piece, info)
            return _renamed(found, spool.name, source.url)

    async def _disown(self, lease: Lease, source: JobSource) -> None:
        """Read no more of a copy that is not the planned file. FAIL says so to the coordinator,
        who must have all that was made of it by then: it is in doubt."""
        self._worker.other_copies.add(source)
        while any(
            key[0] == lease.job and sent.source == lease.source
            for key, sent in self._unacknowledged.items()
        ):
            await self._resolved.wait()

    async def _scan_here(self, held: _Held, source: JobSource, info: _JobInfo) -> Scanned | None:
        """Scan the file itself; None if it is not the planned one, here and below our roots.

        Raises `OtherCopyError` if only the scan showed that.
        """
        lease, roots = held.lease, self._worker.roots
        if not lease.isolated:
            work = partial(_scan_file, self._worker, source, lease, info, held)
            found: Scanned | None = await self._worker.in_thread(work)
            return found
        # A child has descriptors of its own, so there the name must do.
        name = await trio.to_thread.run_sync(partial(_planned_name, roots, source))
        if name is None:
            return None
        found = await self._scan(
            held, info.piece(lease, name, source.size, source.fingerprint), info
        )
        await trio.to_thread.run_sync(partial(_compare_by_name, self._worker, source, lease))
        return found

    async def _scan(self, held: _Held, piece: Piece, info: _JobInfo) -> Scanned:
        if held.lease.isolated:
            async with self._worker.isolation_slots:
                return await Isolation(piece, info.spec, held.count).scan()

        def work() -> Scanned:
            with self._worker.turn(held.flag):
                return scan(piece, info.spec, held.flag, held.count)

        found: Scanned = await self._worker.in_thread(work)
        return found

    # -- bytes from the coordinator

    async def _fetch_chunk(self, held: _Held, source: JobSource, spool: Spool) -> int:
        """Fill the spool with what a scan of the chunk reads; where the spool ends."""
        lease = held.lease
        held.passes += 1
        async with open_flat_nursery() as nursery:
            first, furthest = _fetched_range(lease, source)
            for start in range(first, lease.end, FETCH_BYTES):
                await self._fetch_slots.acquire()
                end = min(start + FETCH_BYTES, lease.end)
                nursery.start_soon(self._fetch, held, spool, start, end)
        # On behind the chunk, until its last line ends.
        end = lease.end
        while end < furthest:
            if spool.read(1, end - 1) == b"\n" and end == lease.end:
                break
            piece = min(end + TAIL_PIECE_BYTES, furthest)
            await self._fetch_slots.acquire()
            await self._fetch(held, spool, end, piece)
            data = spool.read(piece - end, end)
            end = piece
            if b"\n" in data:
                break
        return end

    async def _fetch(self, held: _Held, spool: Spool, start: int, end: int) -> None:
        """One range; a slot was acquired for it, which its last DATA gives back."""
        self._fetch_id += 1
        fetching = _Fetching(spool, held, start)
        self._fetches[self._fetch_id] = fetching
        lease = held.lease
        self._link.post(Fetch(self._fetch_id, lease.job, lease.source, start, end))
        try:
            await fetching.done.wait()
        finally:
            fetching.spool = None
        if fetching.error is not None:
            raise fetching.error
        if fetching.offset < end:
            raise SourceChangedError(f"the source ends at {fetching.offset:,}, inside of the plan")

    def _take(self, data: Data) -> None:
        fetching = self._fetches[data.id]  # the protocol has checked that it was asked for
        if fetching.spool is not None:
            try:
                fetching.spool.write(data.body, data.offset)
            except InputError as error:
                # That ends this lease alone; the rest of the range comes all the same.
                fetching.error, fetching.spool = error, None
        fetching.offset = data.offset + len(data.body)
        fetching.held.passed += len(data.body)
        if data.last:
            if fetching.error is None and data.detail is not None:
                fetching.error = SourceChangedError(data.detail)
            del self._fetches[data.id]
            self._fetch_slots.release()
            fetching.done.set()

    # -- files that lie here

    async def _search(self, message: Search) -> None:
        find = partial(find_files, self._worker.roots, message.body.patterns)
        found = await trio.to_thread.run_sync(find, abandon_on_cancel=True)
        await self._link.send(Found(message.id, found))


def _fetched_range(lease: Lease, source: JobSource) -> tuple[int, int]:
    """From where on, and up to where at most, bytes of a chunk are fetched.

    The byte before a chunk tells whether it begins with a line of its own; records in pieces may
    have begun further back, and the coordinator gives no more than this.
    """
    first = max(0, lease.start - LOOK_BACK_BYTES_MAX)
    return first, min(source.size, lease.end + TAIL_BYTES_MAX)


def _scan_file(
    worker: Worker, source: JobSource, lease: Lease, info: _JobInfo, held: _Held
) -> Scanned | None:
    opened = _open_planned(worker.roots, source)
    if opened is None:
        return None
    with opened:
        piece = info.piece(lease, opened.path, source.size, source.fingerprint)
        with worker.turn(held.flag), _as_named(opened.path, source.url):
            found = scan(piece, info.spec, held.flag, held.count)
        # Now that its pages are in memory.
        _compare(opened.fd, worker, source, lease)
        return _renamed(found, opened.path, source.url)


def _compare_by_name(worker: Worker, source: JobSource, lease: Lease) -> None:
    with worker.roots.open(source.url) as opened:
        _compare(opened.fd, worker, source, lease)


def _compare(file: int, worker: Worker, source: JobSource, lease: Lease) -> None:
    """Raises `OtherCopyError`."""
    at = differs_at(file, lease.probes or (), lease.end)
    if at is not None:
        raise OtherCopyError(
            f"{source.url}: the file on {worker.id} differs from the planned one after byte {at:,}"
        )


@contextmanager
def _as_named(path: str, url: str) -> Iterator[None]:
    """The name under which a source was opened means nothing to anybody else."""
    try:
        yield
    except InputError as error:
        error.args = (error.message.replace(path, url),)
        raise


def _renamed(found: Scanned, path: str, url: str) -> Scanned:
    if found.note is None:
        return found
    fault = found.note.fault
    if fault is None:
        return found
    why = clean(fault.why.replace(path, url), TEXT_BYTES_MAX)
    note = Note(fault=FaultNote(kind=fault.kind, why=why), archive=found.note.archive)
    return Scanned(found.summary, note)


def _planned_name(roots: Roots, source: JobSource) -> str | None:
    opened = _open_planned(roots, source)
    if opened is None:
        return None
    with opened:
        return opened.name


def _open_planned(roots: Roots, source: JobSource) -> Opened | None:
    """The source, if it is the planned file, here and below the roots."""
    try:
        opened = roots.open(source.url)
    except InputError:
        return None
    try:
        fingerprint = Fingerprint.from_json(source.fingerprint or "")
        if fingerprint.check(opened.path) is None:
            return opened
    except (OSError, ValueError):
        pass
    opened.close()
    return None


def _key(message: Lease | Done | Stale) -> Key:
    return message.job, message.chunk, message.attempt


def _failure(
    lease: Lease,
    kind: str,
    detail: str,
    *,
    final: bool = False,
    bad: tuple[int, int] | None = None,
) -> Fail:
    start, end = bad or (None, None)
    return Fail(lease.job, lease.chunk, lease.attempt, kind, detail, final, start, end)
