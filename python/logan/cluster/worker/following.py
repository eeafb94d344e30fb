"""Follow jobs over one connection of a worker: logs are offered, followed, and sent in slots.

One task a job looks at its logs in a thread, again and again; slots and notices go out from there.
What the coordinator says about a job waits in a queue until the task gets to it, so that a log is
never touched by two threads. All of it ends with the connection: the next one begins anew with
what the coordinator has.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import trio

from logan.cluster.limits import JOBS_MAX
from logan.cluster.transport import Transport
from logan.cluster.worker.followed_log import Cut, FollowedLog
from logan.cluster.worker.followed_logs import find_logs
from logan.cluster.worker.resources import Resources
from logan.errors import LoganError, ProtocolError
from logan.live import clock
from logan.live.logs import LOGS_MAX
from logan.live.notices import Notice
from logan.wire import following
from logan.wire.following import (
    FollowedBody,
    LogState,
    NoticeEntry,
    OfferBody,
)

__all__ = ["FollowTable"]

POLL_S: Final = 0.1
"""How often logs are looked at; a step that takes longer makes the pause longer, too."""

PACE_STEPS: Final = 4
DISCOVER_S: Final = 1.0
TELL_S: Final = 1.0
SENTENCE_CHARS_MAX: Final = 4_000
NOTICES_SENT_MAX: Final = 100

Order = following.Follow | following.SlotDone | following.Finish


@dataclass(slots=True)
class _Job:
    id: str
    patterns: tuple[str, ...]
    begin: str
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    orders: deque[Order] = field(default_factory=deque)
    wake: trio.Event = field(default_factory=trio.Event)
    logs: dict[str, FollowedLog] = field(default_factory=dict)
    by_source: dict[int, FollowedLog] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    discovered_at: float | None = None
    told_at: float = 0.0
    said: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Step:
    """What a look at all logs gave."""

    offers: list[OfferBody] = field(default_factory=list)
    cuts: list[tuple[FollowedLog, Cut]] = field(default_factory=list)
    more: bool = False
    finished: bool = False


class FollowTable:
    """The follow jobs of a connection."""

    def __init__(self, resources: Resources, link: Transport) -> None:
        self._resources = resources
        self._link = link
        self._jobs: dict[str, _Job] = {}
        self._system = clock.SystemClock()

    def __len__(self) -> int:
        return len(self._jobs)

    def watch(self, message: following.Watch, nursery: trio.Nursery) -> None:
        """Begin to look for logs of a job. Raises `ProtocolError` if there are too many jobs."""
        if message.job not in self._jobs:
            if len(self._jobs) >= JOBS_MAX:
                raise ProtocolError(f"WATCH: more than {JOBS_MAX} follow jobs", code="state")
            job = _Job(message.job, message.body.patterns, message.body.begin)
            self._jobs[message.job] = job
            nursery.start_soon(self._run, job)

    def take(self, message: Order) -> None:
        """What the coordinator says about a job; late words about one that is over are dropped."""
        job = self._jobs.get(message.job)
        if job is not None:
            job.orders.append(message)
            job.wake.set()

    def cancel(self, job: str) -> None:
        """The job is over."""
        found = self._jobs.pop(job, None)
        if found is not None:
            found.scope.cancel()

    def stop(self) -> None:
        """Follow nothing any more: what was not sent is read by the next worker."""
        for job in list(self._jobs):
            self.cancel(job)

    async def _run(self, job: _Job) -> None:
        threads = self._resources.threads
        patterns = ", ".join(job.patterns)
        self._resources.say(f"following {patterns} for job {job.id}")
        try:
            with job.scope:
                while True:
                    before = trio.current_time()
                    job.wake = trio.Event()
                    self._note_clock()
                    step = await threads.run_aside(partial(self._step, job, clock.now()))
                    await self._send(job, step)
                    if step.finished:
                        await self._link.send(following.Finished(job.id))
                        break
                    if step.more:
                        await trio.lowlevel.checkpoint()
                        continue
                    took = trio.current_time() - before
                    with trio.move_on_after(max(POLL_S, PACE_STEPS * took)):
                        await job.wake.wait()
        finally:
            for log in job.logs.values():
                log.close()
            job.logs.clear()

    def _note_clock(self) -> None:
        if change := self._system.change():
            notice = Notice("clock", "", change, clock.now(), is_fault=True)
            for job in self._jobs.values():
                job.notices.append(notice)

    async def _send(self, job: _Job, step: _Step) -> None:
        for offer in step.offers:
            await self._link.send(following.Offer(job.id, offer))
        for log, cut in step.cuts:
            age_s = max(0.0, clock.now() - cut.at)
            await self._link.send(
                following.Slot(
                    *(job.id, log.source, log.attempt, cut.start, cut.end),
                    *(age_s, cut.digest, cut.place, cut.missing, cut.body),
                )
            )
        now = trio.current_time()
        notices = job.notices[:NOTICES_SENT_MAX]
        del job.notices[:NOTICES_SENT_MAX]
        if not notices and now - job.told_at < TELL_S:
            return
        job.told_at = now
        states = [
            LogState(source=log.source, behind_bytes=log.behind())
            for log in job.logs.values()
            if log.attempt
        ]
        entries = tuple(_entry(each, clock.now()) for each in notices)
        for each in notices:
            if each.is_fault:
                self._resources.say(each.text)
        body = FollowedBody(logs=tuple(states), notices=entries)
        await self._link.send(following.Followed(job.id, body))

    # In a thread.

    def _step(self, job: _Job, now: float) -> _Step:
        step = _Step()
        finish = self._obey(job, now)
        self._discover(job, now)
        for log in job.logs.values():
            if not log.attempt:
                offer = None if log.offered else log.offer(now)
                if offer is not None:
                    step.offers.append(offer)
                continue
            if finish:
                step.cuts += [(log, cut) for cut in log.finish(now)]
            else:
                cuts, more = log.step(now)
                step.cuts += [(log, cut) for cut in cuts]
                step.more |= more
        for log in job.logs.values():
            job.notices += log.notices.take(now)
        step.finished = finish
        return step

    def _obey(self, job: _Job, now: float) -> bool:
        """Do as the coordinator says; whether the job ends."""
        while job.orders:
            order = job.orders.popleft()
            match order:
                case following.Finish():
                    return True
                case following.SlotDone():
                    log = job.by_source.get(order.source)
                    if log is not None:
                        log.done(order.attempt, order.end)
                case following.Follow(body=body):
                    log = job.logs.get(body.path)
                    if log is None:
                        log = self._log_of_before(job, body.path, now)
                    if log is None:
                        continue
                    job.by_source[order.source] = log
                    self._follow(job, log, order, now)
        return False

    def _follow(self, job: _Job, log: FollowedLog, order: following.Follow, now: float) -> None:
        try:
            log.follow(order.source, order.attempt, order.body, now)
        except (LoganError, OSError, ValueError) as error:
            text = f"{log.path} cannot be followed: {error}"
            job.notices.append(Notice("unreadable", log.path, text, now, True))

    def _log_of_before(self, job: _Job, path: str, now: float) -> FollowedLog | None:
        """A log that the coordinator knows, whose file is not there just now."""
        if self._resources.roots.find(path) is None:
            return None
        log = FollowedLog(path, lambda: path, self._allowed, now, joined=True)
        log.offered = True
        job.logs[path] = log
        return log

    def _allowed(self, real: str) -> bool:
        return self._resources.roots.find(real) is not None

    def _discover(self, job: _Job, now: float) -> None:
        if job.discovered_at is not None and abs(now - job.discovered_at) < DISCOVER_S:
            return
        is_first, job.discovered_at = job.discovered_at is None, now
        found, errors = find_logs(self._resources.roots, job.patterns)
        for error in errors:
            self._note_once(job, error, now)
        for path, current in found.items():
            if path in job.logs:
                continue
            if len(job.logs) >= LOGS_MAX:
                text = f"more than {LOGS_MAX:,} logs match: the others are left out"
                self._note_once(job, text, now)
                break
            job.logs[path] = FollowedLog(path, current, self._allowed, now, joined=not is_first)
        if not job.logs:
            patterns, roots = ", ".join(job.patterns), ", ".join(self._resources.roots.folders)
            text = f"no file below {roots or 'any folder'} matches {patterns} yet"
            self._note_once(job, text, now)

    def _note_once(self, job: _Job, text: str, now: float) -> None:
        if text not in job.said and len(job.said) < 1_000:
            job.said.add(text)
            job.notices.append(Notice("waiting", "", text, now, True))


def _entry(notice: Notice, now: float) -> NoticeEntry:
    values: dict[str, Any] = {
        "kind": notice.kind,
        "log": notice.log,
        "text": notice.text[:SENTENCE_CHARS_MAX],
        "age_s": max(0.0, now - notice.at),
        "is_fault": notice.is_fault,
        "start": notice.start,
        "certain": notice.certain,
    }
    return NoticeEntry(**values)
