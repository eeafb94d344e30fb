"""Follow jobs: begun, fed by workers, watched by clients, ended.

    offer   a worker has a log          -> FOLLOW
    slot    checked, accepted           -> merged -> the journal -> SLOT_DONE, viewers
    alerts  evaluated each second       -> the journal, viewers, the coordinator's own targets
    finish  FINISH to all workers, a moment for their last slots and for those that were lost just
            now -> viewers get the last figures

What counts is decided by `FollowJob`; this carries messages to it and its answers out. One task a
job merges and writes, in groups; viewers are added there, too, so that what a viewer begins with
and what it gets afterward fit together without a gap or an overlap.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import trio

from logan.cluster.coordinator.commits import Commits
from logan.cluster.coordinator.events import Changes, EventLog
from logan.cluster.coordinator.follow_job import AcceptedSlot, FollowJob
from logan.cluster.coordinator.follow_viewers import Viewer, hosts_of
from logan.cluster.coordinator.records import (
    FollowAdvanced,
    FollowChanged,
    FollowEnded,
    StoredFollow,
)
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import INLINE_BYTES_MAX, JOBS_MAX, LINGER_S_MAX
from logan.cluster.nurseries import Tasks
from logan.cluster.request import Submission
from logan.cluster.transport import Transport
from logan.errors import ClusterError, InputError, LoganError, ProtocolError, SummaryError
from logan.live import clock
from logan.live.alerts import AlertEvent
from logan.live.logs import PACKED
from logan.live.notify import notify
from logan.log import logger_of
from logan.planning.prepare import check_format
from logan.sources.roots import check_patterns
from logan.wire import following
from logan.wire.bodies import FollowStatus
from logan.wire.following import NoticeEntry, WatchBody
from logan.wire.limits import INTEGER_MAX
from logan.wire.messages import Cancel

__all__ = ["Follows"]

logger = logger_of(__name__)

FINISH_S_MAX: Final = 10.0
"""How long workers may send their last slots."""

RETURN_S: Final = 5.0
RETURN_S_MAX: Final = 30.0
"""How long a job that ends waits for workers that are away: those whose coordinator was killed are
back within a second. Workers that were lost longer ago are not waited for."""

ALERTS_S: Final = 1.0
UNJUDGED_CHARS_MAX: Final = 4_000
"""Of a sentence about an alert: its row may have a long name."""

NOTIFICATIONS_MAX: Final = 64
"""Under way at once; each ends within a minute. Beyond it one is dropped, and that is said."""

NOTIFY_END_S: Final = 10.0
"""How long a coordinator that ends waits for those who are told of alerts."""

FOLD_S: Final = 60.0
"""How often old figures are folded where nothing is written."""

Said = following.Offer | following.Slot | following.Followed | following.Finished


@dataclass(slots=True)
class _Running:
    job: FollowJob
    slots: deque[AcceptedSlot] = field(default_factory=deque)
    wanted: trio.Event = field(default_factory=trio.Event)
    arrivals: list[Viewer] = field(default_factory=list)
    viewers: list[Viewer] = field(default_factory=list)
    unfinished: set[str] = field(default_factory=set)
    awaited: set[str] = field(default_factory=set)
    ending: bool = False
    ended: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    judging: trio.CancelScope = field(default_factory=trio.CancelScope)
    judged: trio.Event = field(default_factory=trio.Event)


class Follows:
    """The follow jobs of a coordinator. `targets` are told of alerts, as `live.notify` has them."""

    def __init__(
        self,
        commits: Commits,
        tasks: Tasks,
        events: EventLog,
        changes: Changes,
        targets: Sequence[str] = (),
    ) -> None:
        self._commits = commits
        self._tasks = tasks
        self._events = events
        self._changes = changes
        self._running: dict[str, _Running] = {}
        self._sessions: dict[str, WorkerSession] = {}
        self._shown = 0
        self._targets = tuple(targets)
        self._notifying = 0
        self._system = clock.SystemClock()

    def __len__(self) -> int:
        return len(self._running)

    # Jobs.

    async def submit(self, submission: Submission) -> str:
        """Begin a job; its id. Raises `UsageError`, `ClusterError`, `JournalError`."""
        check_format(submission.options.format)
        check_patterns(submission.paths, packed=PACKED)
        if len(self._running) >= JOBS_MAX:
            raise ClusterError(f"{JOBS_MAX} follow jobs are running", hint="end one: logan cancel")
        try:
            job = FollowJob(
                secrets.token_hex(6),
                tuple(submission.paths),
                submission.options,
                submission.begin or "300",
                clock.now(),
                submission.alerts,
            )
        except LoganError:
            raise
        except ValueError as error:
            raise ClusterError(f"this cannot be followed: {error}") from error
        await self._commits.commit(job.stored())
        self._begin(job)
        self._events.note("joined", f"job {job.id} follows {job.name}")
        return job.id

    def resume(self, stored: StoredFollow) -> None:
        """Go on with a job of the journal; one that cannot be is said, and stays there."""
        try:
            job = FollowJob.from_stored(stored)
        except Exception as error:
            text = f"follow job {stored.job} cannot go on: {error}; submit it again"
            logger.error("%s", text)
            self._events.note("alarm", text)
            return
        job.known_since = clock.now()
        self._begin(job)
        self._events.note("resumed", f"job {job.id} goes on following {job.name}")

    def _begin(self, job: FollowJob) -> None:
        running = self._running[job.id] = _Running(job)
        self._tasks.start(self._keep, running)
        if len(job.alerts):
            self._tasks.start(self._judge, running)
        else:
            running.judged.set()
        for session in self._sessions.values():
            self._ask(job, session)

    def _ask(self, job: FollowJob, session: WorkerSession) -> None:
        job.joined(session.name, clock.now())
        body = WatchBody(patterns=job.patterns, begin=job.begin)
        session.link.post(following.Watch(job.id, body))

    async def finish(self, id: str) -> None:
        """End a job, with what its logs hold by now. Returns once it has ended."""
        running = self._running.get(id)
        if running is None:
            return
        if not running.ending:
            running.ending = True
            job, now = running.job, clock.now()
            running.awaited = job.lost_since(now - RETURN_S_MAX)
            for session in self._sessions.values():
                if any(each.worker == session.name for each in job.sources):
                    running.unfinished.add(session.id)
                self._ask_to_finish(running, session)
            running.wanted.set()
            self._tasks.start(self._end, running)
        await running.ended.wait()

    def _ask_to_finish(self, running: _Running, session: WorkerSession) -> None:
        """Tell a worker that the job ends, once it follows all its logs: one that is back just now
        looks for them first."""
        if running.job.follows_all(session.name, session.id, clock.now()):
            session.link.post(following.Finish(running.job.id))

    async def _end(self, running: _Running) -> None:
        job = running.job
        with trio.move_on_after(RETURN_S):
            await self._changes.until(lambda: not running.awaited)
        with trio.move_on_after(FINISH_S_MAX):
            await self._changes.until(lambda: not running.unfinished)
        job.note_gone(clock.now())
        # Viewers see from the state of a host that its logs are not counted to their ends.
        job.late = {
            self._sessions[each].name for each in running.unfinished if each in self._sessions
        }
        for each in hosts_of(job, clock.now()):
            if each.state != "live":
                text = f"job {job.id} ended without what {each.host} had not sent"
                self._events.note("missing", text)
        with trio.move_on_after(FINISH_S_MAX):
            await self._changes.until(lambda: not running.slots)
        for session in self._sessions.values():
            session.link.post(Cancel(job.id))
        running.judging.cancel()
        await running.judged.wait()
        # Before the journal forgets the job, and while viewers still hear of it.
        self._tell(running, job.alerts.end(clock.now(), "the job has ended"))
        await self._commits.commit(FollowEnded(job.id))
        self._running.pop(job.id, None)
        running.scope.cancel()
        for viewer in running.arrivals:
            viewer.begin()
        for viewer in (*running.viewers, *running.arrivals):
            viewer.end()
        running.ended.set()
        self._events.note("left", f"job {job.id}, which followed {job.name}, has ended")
        self._changes.notify()

    async def stop(self) -> None:
        """The coordinator ends: so do the jobs, unless the journal goes on with them later."""
        if not self._commits.is_durable:
            async with trio.open_nursery() as nursery:
                for id in list(self._running):
                    nursery.start_soon(self.finish, id)
            with trio.move_on_after(LINGER_S_MAX):
                await self._changes.until(lambda: not self._shown)
        with trio.move_on_after(NOTIFY_END_S):
            await self._changes.until(lambda: not self._notifying)

    # Workers.

    def join(self, session: WorkerSession) -> None:
        """A worker is connected."""
        self._sessions[session.id] = session
        for running in self._running.values():
            # One that comes back while the job ends still has its logs' last lines.
            is_awaited = any(each.worker == session.name for each in running.job.sources)
            if running.ending and is_awaited:
                running.awaited.discard(session.name)
                running.unfinished.add(session.id)
            if not running.ending or is_awaited:
                self._ask(running.job, session)

    def leave(self, session: WorkerSession) -> None:
        """It is gone."""
        self._sessions.pop(session.id, None)
        for running in self._running.values():
            was_unfinished = session.id in running.unfinished
            running.unfinished.discard(session.id)
            if any(each.name == session.name for each in self._sessions.values()):
                continue  # it is back already
            taken = running.job.left(session.name, session.id, clock.now())
            for other, source in taken:
                self._order(running.job, self._sessions[other], source.index)
                if running.ending:
                    running.unfinished.add(other)
                    self._ask_to_finish(running, self._sessions[other])
            if was_unfinished and any(s.worker == session.name for s in running.job.sources):
                running.awaited.add(session.name)
        self._changes.notify()

    async def take(self, session: WorkerSession, message: Said) -> None:
        """What a worker says. Raises `ProtocolError` for what it may not say."""
        running = self._running.get(message.job)
        if running is None:
            return  # it has not heard yet that the job is over
        match message:
            case following.Offer():
                self._take_offer(running.job, session, message)
                if running.ending:
                    self._ask_to_finish(running, session)
            case following.Slot():
                await self._take_slot(running, session, message)
            case following.Followed(body=body):
                self._note_clock()
                for each in body.logs:
                    running.job.is_behind(session.id, each.source, each.behind_bytes)
                for entry in body.notices:
                    running.job.note(session.name, entry, clock.now())
                    if entry.kind == "lost":
                        self._events.note("missing", f"{session.name}: {entry.text}")
                        running.wanted.set()  # the journal shall know it, too
            case following.Finished():
                running.unfinished.discard(session.id)
                self._changes.notify()

    def _note_clock(self) -> None:
        """Tell viewers that this system's clock was set. Workers speak once a second."""
        change = self._system.change()
        if change is None:
            return
        self._events.note("alarm", change)
        entry = NoticeEntry(kind="clock", log="", text=change, age_s=0.0, is_fault=True)
        for running in self._running.values():
            running.job.note("coordinator", entry, clock.now())

    def _take_offer(self, job: FollowJob, session: WorkerSession, message: following.Offer) -> None:
        known = len(job.sources)
        try:
            source = job.offer(session.id, session.name, message.body, clock.now())
        except (InputError, ValueError) as error:
            text = str(error)
            entry = NoticeEntry(
                kind="unreadable", log=message.body.path, text=text, age_s=0.0, is_fault=True
            )
            job.note(session.name, entry, clock.now())
            self._events.note("refused", text)
            return
        if source is None:
            return
        if len(job.sources) > known:
            # The journal has it before any of its figures.
            row = {source.index: source.stored(None, None)}
            self._commits.add(FollowAdvanced(job.id, row))
        self._order(job, session, source.index)

    def _order(self, job: FollowJob, session: WorkerSession, index: int) -> None:
        source = job.sources[index]
        body = job.order(source)
        session.link.post(following.Follow(job.id, index, source.attempt, body))

    async def _take_slot(
        self, running: _Running, session: WorkerSession, message: following.Slot
    ) -> None:
        job = running.job
        try:
            if len(message.body) <= INLINE_BYTES_MAX:
                summary = job.check(message)
            else:
                summary = await trio.to_thread.run_sync(job.check, message)
        except SummaryError as error:
            text = f"a slot of {session.name} was refused: {error}"
            self._events.note("alarm", text)
            raise ProtocolError(text, code="state") from error
        accepted = job.accept(session.id, message, summary, clock.now())
        if accepted is not None:
            running.slots.append(accepted)
            running.wanted.set()
            return
        source = job.sources[message.source]
        if source.owner == session.id and source.attempt == message.attempt:
            # It was sent twice, or one before it never came: go on where the figures end.
            source.attempt += 1
            self._order(job, session, source.index)

    # The task of a job.

    async def _keep(self, running: _Running) -> None:
        job = running.job
        with running.scope:
            while True:
                with trio.move_on_after(FOLD_S):
                    await running.wanted.wait()
                running.wanted = trio.Event()
                group = list(running.slots)
                work = partial(job.merge, group, clock.now())
                record, doubled = await trio.to_thread.run_sync(work)
                if record.sources or record.buckets:
                    await self._commits.commit(record)
                for each in group:
                    running.slots.popleft()
                    session = self._sessions.get(each.session)
                    if session is not None:
                        session.link.post(
                            following.SlotDone(job.id, each.source, each.attempt, each.end)
                        )
                for each in doubled:
                    name = job.sources[each.source].name
                    text = f"{name}: bytes up to {each.end:,} were counted already"
                    self._events.note("alarm", text)
                fresh = [each for each in group if each not in doubled]
                for viewer in running.viewers:
                    viewer.push(fresh)
                for viewer in running.arrivals:
                    viewer.begin()
                running.viewers += running.arrivals
                running.arrivals.clear()
                self._changes.notify()

    # Alerts.

    async def _judge(self, running: _Running) -> None:
        job = running.job
        try:
            with running.judging:
                while True:
                    await trio.sleep(ALERTS_S)
                    work = partial(job.evaluate_alerts, clock.now())
                    events = await trio.to_thread.run_sync(work)
                    self._tell(running, events)
                    self._say_unjudged(job)
                    if events:
                        # Told first: after a kill in between it is told twice, not never.
                        await self._commits.commit(FollowChanged(job.id, job.stored().body))
        finally:
            running.judged.set()

    def _say_unjudged(self, job: FollowJob) -> None:
        """Viewers are told of alerts that are silent because they have had no data."""
        now = clock.now()
        for text in job.alerts.unjudged(now):
            job.note("", NoticeEntry("alert", "", text[:UNJUDGED_CHARS_MAX], 0.0, True), now)
            self._changes.notify()

    def _tell(self, running: _Running, events: Sequence[AlertEvent]) -> None:
        job = running.job
        for event in events:
            kind = "alarm" if event.state == "firing" else "recovered"
            self._events.note(kind, f"job {job.id}: {event.sentence}")
            for target in self._targets:
                self._notify(target, event, {"job": job.id, "logs": job.name})

    def _notify(self, target: str, event: AlertEvent, about: dict[str, Any]) -> None:
        def say(text: str) -> None:
            self._events.note("alarm", text)

        async def send() -> None:
            try:
                await notify(target, event, say, about=about)
            finally:
                self._notifying -= 1
                self._changes.notify()

        if self._notifying >= NOTIFICATIONS_MAX:
            say(f"--notify: more than {NOTIFICATIONS_MAX} are under way: one is dropped")
            return
        self._notifying += 1
        self._tasks.start(send)

    # Clients.

    def check(self, id: str) -> None:
        """Raise `ClusterError` if no job has this id."""
        if id not in self._running:
            raise ClusterError(
                f"the coordinator has no follow job {id}",
                hint="logan status lists them; without --state they end with the coordinator",
            )

    async def show(self, id: str, link: Transport) -> None:
        """Show a job to a client until it ends."""
        running = self._running.get(id)
        if running is None:
            return
        viewer = Viewer(running.job)
        running.arrivals.append(viewer)
        running.wanted.set()
        self._shown += 1
        try:
            await viewer.run(link)
        finally:
            self._shown -= 1
            self._changes.notify()
            for viewers in (running.viewers, running.arrivals):
                if viewer in viewers:
                    viewers.remove(viewer)

    def status(self, now: float) -> tuple[FollowStatus, ...]:
        """How the jobs are."""
        found = []
        for running in self._running.values():
            job, hosts = running.job, hosts_of(running.job, now)
            found.append(
                FollowStatus(
                    job=job.id,
                    name=job.name[:4_000],
                    hosts=len(hosts),
                    away=sum(each.state == "away" for each in hosts),
                    logs=len(job.sources),
                    counted_bytes=min(INTEGER_MAX, sum(each.counted_bytes for each in hosts)),
                    behind_bytes=min(INTEGER_MAX, sum(each.behind_bytes for each in hosts)),
                    lost=sum(each.lost for each in hosts),
                    viewers=len(running.viewers),
                    elapsed_s=max(0.0, round(now - job.created_at, 3)),
                    alerts=len(job.alerts),
                    firing=tuple(job.alerts.firing_since()),
                )
            )
        return tuple(found)
