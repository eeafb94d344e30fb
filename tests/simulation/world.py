"""One schedule, from its first event to its last: everything that is around the scheduler.

Virtual time is a heap of (time, order, what). A seed decides it all: workers with their scans,
connections with their delays, a coordinator that carries actions out one by one and may die between
any two, and a journal that keeps what was committed and nothing else. Faults come first, then all
heals, and every job must come to its right end within bounded time.

`run(schedule)` returns what happened, or raises `Violation`, or whatever the scheduler raised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Any

from logan.scheduler.actions import (
    Action,
    CancelLease,
    CheckSource,
    CloseSession,
    Commit,
    DrainSession,
    EndJob,
    Grant,
    LostChunk,
    Resolve,
    SendJob,
)
from logan.scheduler.events import (
    ChunkCommitted,
    ChunkFailed,
    ChunkReturned,
    CommitFailed,
    DrainAsked,
    Event,
    JobAdded,
    JobCancelled,
    LeaseKey,
    Progress,
    SourceChecked,
    SourcesUnreadable,
    TimePassed,
    WorkerHeard,
    WorkerJoined,
    WorkerLeft,
    WorkerReady,
    WorkItem,
)
from logan.scheduler.invariants import check
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine
from tests.simulation.oracle import Oracle, must
from tests.simulation.results import Real, Results, StandIn
from tests.simulation.schedule import (
    HEAL_S,
    LIMITS,
    Fault,
    JobPlan,
    Schedule,
    WorkerPlan,
    bound_of,
)

__all__ = ["Outcome", "World", "run"]

CHECK_EVERY_EVENTS = 12
"""Looking at everything costs more than an event does, so it is done now and then and at the end
of each job. What is wrong for a moment only, the oracle catches: it sees every action."""

BOAST_S = 7.0
"""By then at the latest it shows that a scan reports more than it does, in any of the ways here."""

BELIEVED_BEATS_MAX = 10
"""So often in a row an idle worker may be seen beside such a scan, before that is a fault."""

FAST = 100.0
"""Bytes per second of workers that need two seconds for a chunk at most."""

AFTERWARDS_S = 0.6
"""How long a schedule goes on once all jobs are over: longer than any frame is under way."""

MachineOf = Callable[[Limits], Machine]


class Died(Exception):
    """The coordinator, between two instructions."""


@dataclass(slots=True)
class Outcome:
    events: int = 0
    lives: int = 1
    faults: int = 0
    recovered: int = 0
    alarms: int = 0
    backups: int = 0
    checked: int = 0
    lies: int = 0
    lost: int = 0
    replaced: int = 0
    looks: int = 0
    claims: int = 0
    virtual_s: float = 0.0


@dataclass(slots=True)
class Task:
    """A scan. `ends_at` is infinite for one that hangs, or that `boasts` of progress.

    `slow`: it began while its worker was slowed down, and stays as slow.
    """

    key: LeaseKey
    size: int
    started_at: float
    ends_at: float
    isolated: bool
    slow: bool = False
    boasts: int = 0
    believed: int = 0


@dataclass(slots=True, eq=False)
class Link:
    """One connection, with a queue in each direction that keeps its order."""

    id: str
    worker: Worker
    epoch: int
    up_at: float = 0.0
    down_at: float = 0.0
    acked_at: float = 0.0
    open_here: bool = True  # as the worker sees it
    open_there: bool = True  # as the coordinator sees it


@dataclass(slots=True, eq=False)
class Worker:
    plan: WorkerPlan
    alive: bool = False
    frozen_until: float = 0.0
    up_blocked_until: float = 0.0
    down_blocked_until: float = 0.0
    slow_until: float = 0.0
    showed_slow: bool = False  # a scan that was slow, and no result of another one since
    garbage: int = 0
    lies: int = 0
    hangs: int = 0
    boasts: list[int] = field(default_factory=list)
    finals: int = 0
    lines: int = 0
    forgets: int = 0
    draining: bool = False
    life: int = 0
    link: Link | None = None
    tasks: dict[LeaseKey, Task] = field(default_factory=dict)
    results: dict[LeaseKey, str] = field(default_factory=dict)


class World:
    """The state of one schedule."""

    def __init__(
        self,
        schedule: Schedule,
        machine_of: MachineOf = Machine,
        *,
        limits: Limits = LIMITS,
        wall_clock: bool = False,
        check_every: int = CHECK_EVERY_EVENTS,
        told: Callable[[str], object] | None = None,
    ) -> None:
        self.schedule = schedule
        self.random = Random(schedule.seed ^ 0x5EED)
        self.machine_of = machine_of
        self.limits = limits
        self.wall_clock = wall_clock
        self.check_every = check_every
        self.told = told
        self.results: Results = Real() if schedule.real else StandIn()
        self.now = 0.0
        self.heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.order = 0
        self.outcome = Outcome(faults=len(schedule.faults))
        self.workers = [Worker(plan) for plan in schedule.workers]
        self.plans = {job.id: job for job in schedule.jobs}
        self.links = 0
        # The coordinator; `journal` is the only thing that outlives it.
        self.epoch = 0
        self.up = False
        self.paused_until = 0.0
        self.dies_in = inf
        self.clock_jump = 0.0
        self.commits_fail = 0
        self.journal: dict[str, dict[int, str]] = {}
        self.hopeless: set[tuple[str, int]] = set()
        self.finished: set[str] = set()
        self.cancelled: set[str] = set()
        self.arrived: set[str] = set()
        self.lost: dict[str, set[int]] = {}
        self.lies: set[str] = set()
        self.batch: list[Commit] = []
        self.connections: dict[str, Link] = {}
        self.answers: list[ChunkReturned] = []
        self.tick_at = inf

    # -- time

    def at(self, when: float, what: Callable[..., None], *args: Any) -> None:
        self.order += 1
        heappush(self.heap, (max(when, self.now), self.order, what, args))

    def after(self, delay: float, what: Callable[..., None], *args: Any) -> None:
        self.at(self.now + delay, what, *args)

    def run(self) -> Outcome:
        self.start()
        for worker in self.workers:
            self.at(worker.plan.joins_at, self.boot, worker)
            if worker.plan.gone_at is not None:
                self.at(worker.plan.gone_at, self.crash, worker, inf)
        for job in self.schedule.jobs:
            self.at(job.at, self.submit, job)
        for fault in self.schedule.faults:
            self.at(fault.at, self.inflict, fault)
        bound_s = bound_of(self.schedule)
        done = False
        over_at = inf
        while not done:
            when, _, what, args = heappop(self.heap)
            must(when <= bound_s, f"not finished after {bound_s:.0f} virtual seconds")
            self.now = when
            try:
                what(*args)
            except Died:
                self.down()
            if len(self.finished) == len(self.plans):
                # What is under way by then must do no harm either.
                over_at = min(over_at, when + AFTERWARDS_S)
                done = when >= over_at
        self.check()
        self.settle()
        self.outcome.virtual_s = self.now
        return self.outcome

    def settle(self) -> None:
        """All jobs are over: what was sent is answered, nothing is owed."""
        must(not self.oracle.owes(), f"never answered: {self.oracle.owes()}")
        self.outcome.recovered += self.oracle.recovered
        self.outcome.alarms += self.oracle.alarms
        self.outcome.backups += self.oracle.backups
        self.outcome.checked += self.oracle.checked
        self.outcome.replaced += self.oracle.replaced
        self.outcome.looks += self.oracle.looks
        self.outcome.lies = len(self.lies)

    # -- the coordinator

    def start(self) -> None:
        self.up = True
        self.epoch += 1
        self.machine = self.machine_of(self.limits)
        self.oracle = Oracle(self.limits)
        self.batch = []
        self.answers = []
        self.tick_at = inf
        self.lost = {}
        try:
            for job in sorted(self.arrived - self.finished):
                self.add(self.plans[job])
        except Died:
            self.down()

    def down(self) -> None:
        """It is gone, with everything that was not in the journal."""
        self.up = False
        self.dies_in = inf
        self.epoch += 1
        self.outcome.lives += 1
        self.outcome.recovered += self.oracle.recovered
        for link in self.connections.values():
            link.open_there = False
            self.after(link.worker.plan.down_s, self.notice, link)
        self.connections = {}
        self.after(0.1 + self.random.random(), self.start)

    def instruct(self) -> None:
        self.dies_in -= 1
        if self.dies_in < 0:
            raise Died

    def feed(self, event: Event) -> None:
        """One event, and all that follows from it at once."""
        machine, now = self.machine, self.now
        due = machine.next_deadline()
        clock = now + self.clock_jump if self.wall_clock else now
        late = due is not None and now - due > self.limits.heartbeat_s
        if self.told is not None:
            self.told(f"{now:8.3f} {event}")
        self.oracle.before(now, event, late)
        actions = machine.handle(clock, event)
        self.oracle.after(event, actions)
        self.outcome.events += 1
        if self.outcome.events % self.check_every == 0:
            self.check()
        self.instruct()
        for action in actions:
            if self.told is not None:
                self.told(f"         -> {action}")
            self.carry_out(action)
            self.instruct()
        self.plan_tick()

    def check(self) -> None:
        if self.up:
            check(self.machine)
            self.oracle.compare(self.machine)

    def plan_tick(self) -> None:
        due = self.machine.next_deadline()
        if due is None:
            return
        if self.wall_clock:
            due -= self.clock_jump
        if due < self.tick_at:
            self.tick_at = due
            self.at(due, self.tick, self.epoch)

    def tick(self, epoch: int) -> None:
        if epoch != self.epoch or not self.up:
            return
        if self.now < self.paused_until:
            self.at(self.paused_until, self.tick, epoch)
            return
        self.tick_at = inf
        due = self.machine.next_deadline()
        if due is not None and (self.wall_clock or due <= self.now):
            self.feed(TimePassed())
            after = self.machine.next_deadline()
            if not self.wall_clock:
                must(after is None or after > self.now, f"due at {after}, handled at {self.now}")
        self.plan_tick()

    def arrive(self, link: Link, event: Event) -> None:
        """A frame reaches the coordinator."""
        if not self.up or link.epoch != self.epoch or not link.open_there:
            return
        if self.now < self.paused_until:
            self.at(self.paused_until, self.arrive, link, event)
        elif self.now < link.worker.up_blocked_until:
            self.at(link.worker.up_blocked_until, self.arrive, link, event)
        else:
            self.take_in(link, event)

    def take_in(self, link: Link, event: Event) -> None:
        if isinstance(event, WorkerJoined):
            self.connections[link.id] = link
        elif isinstance(event, WorkerLeft):
            link.open_there = False
            self.connections.pop(link.id, None)
        elif isinstance(event, WorkerHeard):
            if self.now >= link.worker.down_blocked_until:
                link.acked_at = self.now + link.worker.plan.down_s
        elif isinstance(event, ChunkReturned):
            self.answers.append(event)
        self.feed(event)

    def carry_out(self, action: Action) -> None:
        match action:
            case Commit():
                must(action.session != "", "a commit without a session")
                if not self.batch:
                    self.after(0.02 * self.random.random(), self.sync, self.epoch)
                self.batch.append(action)
            case CloseSession(id):
                link = self.connections.pop(id, None)
                if link is not None:
                    link.open_there = False
                    self.after(link.worker.plan.down_s, self.notice, link)
            case LostChunk(job, chunk, kind, why):
                self.lost.setdefault(job, set()).add(chunk)
                self.judge_loss(job, chunk, kind, why)
            case CheckSource(job, source):
                self.after(0.1 * self.random.random(), self.look, self.epoch, job, source)
            case EndJob(job, cancelled):
                self.finish(job, cancelled)
            case SendJob() | Grant() | CancelLease() | Resolve() | DrainSession():
                link = self.connections.get(action.session)
                if link is not None:
                    self.send_down(link, action)
            case _:
                pass

    def sync(self, epoch: int) -> None:
        """The journal stores the batch as a whole; only then is the scheduler told."""
        if epoch != self.epoch or not self.up:
            return
        if self.now < self.paused_until:
            self.at(self.paused_until, self.sync, epoch)
            return
        self.instruct()
        batch, self.batch = self.batch, []
        if self.commits_fail:
            self.commits_fail -= 1
            for commit in batch:
                self.feed(CommitFailed(commit.key[0], commit.key[1], "disk full"))
            return
        for commit in batch:
            stored = self.journal.setdefault(commit.key[0], {})
            must(commit.key[1] not in stored, f"{commit.key} is in the journal already")
            stored[commit.key[1]] = commit.digest
        self.instruct()
        for commit in batch:
            self.feed(ChunkCommitted(commit.key[0], commit.key[1]))

    def look(self, epoch: int, job: str, source: int) -> None:
        """Compare a source with its fingerprint, in a thread that may not be able to."""
        if epoch != self.epoch or not self.up:
            return
        if self.now < self.paused_until:
            self.at(self.paused_until, self.look, epoch, job, source)
            return
        changed: bool | None = self.plans[job].changed(source, self.now)
        if self.random.random() < 0.1:
            changed = None
        self.feed(SourceChecked(job, source, changed, "it was truncated" if changed else ""))

    # -- jobs

    def submit(self, job: JobPlan) -> None:
        self.arrived.add(job.id)
        if self.up:
            self.add(job)

    def add(self, job: JobPlan) -> None:
        items = [
            WorkItem(chunk, size, job.holders.get(chunk), job.source(chunk), job.start(chunk))
            for chunk, size in enumerate(job.sizes)
        ]
        done = frozenset(self.journal.get(job.id, {}))
        readable = frozenset(map(job.source, range(len(job.sizes)))) if job.readable else ()
        self.feed(JobAdded(job.id, items, done, job.verify - done, frozenset(readable)))

    def finish(self, job: str, cancelled: bool) -> None:
        must(job not in self.finished, f"job {job} ends twice")
        self.finished.add(job)
        if cancelled:
            must(job in self.cancelled, f"job {job} was never cancelled")
            return
        plan, stored = self.plans[job], self.journal.get(job, {})
        lost = self.lost.get(job, set())
        all_chunks = set(range(len(plan.sizes)))
        must(
            set(stored) | lost == all_chunks and not set(stored) & lost,
            f"job {job} has results of {sorted(stored)}, lost {sorted(lost)}",
        )
        changed = {chunk for chunk in all_chunks if plan.changed(plan.source(chunk), 0.0)}
        must(not set(stored) & (plan.poison | changed), f"job {job} has impossible results")
        lies = {chunk for chunk, digest in stored.items() if digest in self.lies}
        confirmed = {chunk for each, chunk in self.oracle.agreed if each == job}
        must(not lies & confirmed, f"job {job}: {sorted(lies & confirmed)} were confirmed: lies")
        # In the order in which the journal got them, which must not matter.
        root = self.results.root(job, list(stored), stored)
        if lies:
            expected = self.results.root(job, sorted(stored), stored)
        else:
            expected = self.results.expected(job, sorted(stored))
        must(root == expected, f"job {job}: another result")
        self.outcome.lost += len(lost)
        self.check()

    def judge_loss(self, job: str, chunk: int, kind: str, why: str) -> None:
        """A chunk that could be done is given up only for a reason that is one.

        One of them: as many FAILs as the scheduler tolerates, where one worker cannot read the
        source and others, which can, made something up. They take turns then, and the one that is
        asked last names the kind, which may be a made-up one.
        """
        plan = self.plans[job]
        gone = {each.plan.name for each in self.workers if each.plan.gone_at is not None}
        basis = self.oracle.basis.get((job, chunk))
        right = (
            (kind == "poison" and chunk in plan.poison)
            or (kind == "unreadable" and (job, chunk) in self.hopeless)
            or (kind == "changed" and plan.changed(plan.source(chunk), self.now))
            or (basis == "failures" and plan.source(chunk) in plan.unreadable)
            or (kind == "lost" and chunk in plan.holders and plan.holders[chunk] <= gone)
            # False claims: of one worker, which is named, or of two where the shell cannot look.
            or (basis == "alone" and "only witness" in why)
            or basis == "two"
        )
        must(bool(right), f"chunk {chunk} of {job} is given up as {kind}, for no good reason")

    # -- connections

    def connect(self, worker: Worker) -> None:
        if not worker.alive or worker.link is not None:
            return
        if self.now < worker.frozen_until:
            self.at(worker.frozen_until, self.connect, worker)
            return
        blocked = max(worker.up_blocked_until, worker.down_blocked_until)
        if not self.up or self.now < blocked:
            self.after(0.2 + 0.3 * self.random.random(), self.connect, worker)
            return
        self.links += 1
        link = Link(f"{worker.plan.name}.{self.links}", worker, self.epoch)
        link.acked_at = self.now
        worker.link = link
        worker.draining = False
        self.send_up(link, WorkerJoined(link.id, worker.plan.name))
        for key, digest in worker.results.items():
            self.send_up(link, ChunkReturned(link.id, key, digest))
        self.ask(worker)
        self.after(self.limits.heartbeat_s * self.random.random(), self.heartbeat, link)

    def send_up(self, link: Link, event: Event) -> None:
        # Bytes that were sent before a connection broke may still arrive, or not.
        link.up_at = max(self.now + link.worker.plan.up_s, link.up_at)
        self.at(link.up_at, self.arrive, link, event)

    def send_down(self, link: Link, action: Action) -> None:
        link.down_at = max(self.now + link.worker.plan.down_s, link.down_at)
        self.at(link.down_at, self.reach, link, action)

    def cut(self, worker: Worker, why: str, back_s: float, *, told: bool = True) -> None:
        """The worker's side of its connection ends; the coordinator hears of it if `told`."""
        link = worker.link
        if link is None:
            return
        link.open_here = False
        worker.link = None
        if told:
            self.send_up(link, WorkerLeft(link.id, why))
        if not worker.plan.keeps:
            worker.tasks.clear()
        if back_s != inf:
            self.after(back_s, self.connect, worker)

    def notice(self, link: Link) -> None:
        """The coordinator's side ended: the worker sees it, if it can see anything."""
        worker = link.worker
        if worker.link is not link:
            return
        if self.now < max(worker.frozen_until, worker.down_blocked_until):
            self.at(max(worker.frozen_until, worker.down_blocked_until), self.notice, link)
            return
        self.cut(worker, "closed by the coordinator", self.random.random(), told=False)

    # -- workers

    def boot(self, worker: Worker) -> None:
        gone_at = worker.plan.gone_at
        if worker.alive or (gone_at is not None and self.now >= gone_at):
            return
        worker.alive = True
        worker.life += 1
        worker.frozen_until = 0.0
        self.connect(worker)

    def crash(self, worker: Worker, back_s: float, told: bool = True) -> None:
        if not worker.alive:
            return
        worker.alive = False
        self.cut(worker, "connection reset", inf, told=told)
        worker.tasks.clear()
        worker.results.clear()
        if back_s != inf:
            self.after(back_s, self.boot, worker)

    def heartbeat(self, link: Link) -> None:
        worker = link.worker
        if worker.link is not link or not link.open_here:
            return
        if self.now < worker.frozen_until:
            self.at(worker.frozen_until, self.heartbeat, link)
            return
        if self.now - link.acked_at > self.limits.lease_s:
            self.cut(worker, "the coordinator is silent", self.random.random())
            return
        for task in worker.tasks.values():
            if task.boasts and self.now - task.started_at > BOAST_S:
                task.believed = task.believed + 1 if self.could_help(worker, task) else 0
                must(
                    task.believed < BELIEVED_BEATS_MAX, f"{task.key} only reports, and is believed"
                )
        leases = tuple(self.progress(task) for task in worker.tasks.values())
        self.send_up(link, WorkerHeard(link.id, leases))
        self.after(self.limits.heartbeat_s, self.heartbeat, link)

    def could_help(self, worker: Worker, task: Task) -> bool:
        """Whether a worker is idle that could do what `worker` only reports, and no worker does.

        A worker is idle if it scans nothing and has room by the oracle, whose figure is the most
        that a session may be granted. That alone is not enough: a worker whose leases ran out while
        it was not heard goes on with these scans, so it has no room, and asks for nothing.

        A worker that was slowed down in its last scans cannot help either, even if nothing waited
        for the end of these: it counts as so slow, rightly, until its next result.
        """
        job, id, _ = task.key
        chunk = self.oracle.jobs.get(job, {}).get(id) if self.up else None
        if chunk is None or list(chunk.live) != [task.key] or self.now < self.paused_until:
            return False
        plan = self.plans[job]
        fast = {
            each.plan.name
            for each in self.workers
            if each.plan.speed >= FAST and not each.tasks and not each.showed_slow
        }
        # A few bytes say little of a speed: what others need for them is mostly messages.
        active = {
            each.name
            for each in self.machine.statistics().workers
            if each.state == "active" and not 0 < each.bytes_per_s < FAST / 2
        }
        return any(
            session.free > 0
            and not session.leases
            and session.name in (fast & active) - {worker.plan.name}
            and session.name in (chunk.holders or {session.name})
            and session.name not in chunk.refused | chunk.replaced | {chunk.author}
            and plan.unreadable.get(plan.source(id)) != session.name
            for session in self.oracle.sessions.values()
        )

    def progress(self, task: Task) -> Progress:
        elapsed_s = self.now - task.started_at
        if task.boasts:
            # All at once, steadily, or ever more slowly.
            share = (1.0, min(elapsed_s / 3.0, 1.0), elapsed_s / (1.0 + elapsed_s))[task.boasts % 3]
            return Progress(task.key, int(task.size * share))
        if task.ends_at == inf:
            return Progress(task.key, 0)
        share = elapsed_s / (task.ends_at - task.started_at)
        return Progress(task.key, int(task.size * min(share, 1.0)))

    def ask(self, worker: Worker) -> None:
        if worker.link is not None and not worker.draining:
            free = worker.plan.slots - len(worker.tasks)
            self.send_up(worker.link, WorkerReady(worker.link.id, max(free, 0)))

    def reach(self, link: Link, action: Action) -> None:
        """A frame reaches the worker."""
        worker = link.worker
        if worker.link is not link or not link.open_here:
            return
        if self.now < max(worker.frozen_until, worker.down_blocked_until):
            self.at(max(worker.frozen_until, worker.down_blocked_until), self.reach, link, action)
            return
        match action:
            case Grant(_, key, isolated):
                if worker.forgets:
                    worker.forgets -= 1
                else:
                    self.begin(worker, key, isolated)
            case CancelLease(_, key):
                # Asked for again even if it was not there: the lease took a place that is free.
                worker.tasks.pop(key, None)
                self.ask(worker)
                self.leave_if_drained(worker)
            case Resolve(_, key):
                worker.results.pop(key, None)
                self.leave_if_drained(worker)
            case DrainSession():
                worker.draining = True
                if worker.plan.slots == 1:
                    worker.tasks.clear()  # an impatient one gives back what it has
                self.leave_if_drained(worker)
            case _:
                pass

    def leave_if_drained(self, worker: Worker) -> None:
        link = worker.link
        if worker.draining and link is not None and not worker.tasks and not worker.results:
            # After all that was sent to it: a worker says goodbye only once it has read that.
            link.open_here = False
            worker.link = None
            self.send_up(link, WorkerLeft(link.id, "goodbye", clean=True))
            self.after(0.5 + self.random.random(), self.connect, worker)

    def begin(self, worker: Worker, key: LeaseKey, isolated: bool) -> None:
        plan = self.plans[key[0]]
        size = plan.sizes[key[1]]
        speed = worker.plan.speed
        slow = self.now < worker.slow_until
        if slow:
            speed = max(0.1 * speed, 1.0)
            worker.showed_slow = True
        ends_at = self.now + 0.01 + size / speed * (0.7 + 0.6 * self.random.random())
        if worker.hangs:
            worker.hangs -= 1
            ends_at = inf
        boasts = worker.boasts.pop() if worker.boasts else worker.plan.boasts
        if boasts:
            # What it makes up may look slow, and it counts as so slow until its next result.
            worker.showed_slow = True
            ends_at = inf
        elif self.fails_at_once(worker, plan, plan.source(key[1])):
            ends_at = self.now + 0.01
        elif worker.finals or worker.lines:
            ends_at = min(ends_at, self.now + 0.5)  # a worker that makes things up need not read
        worker.tasks[key] = Task(key, size, self.now, ends_at, isolated, slow, boasts)
        if ends_at != inf:
            self.at(ends_at, self.end, worker, worker.life, key)

    def fails_at_once(self, worker: Worker, plan: JobPlan, source: int) -> bool:
        return plan.changed(source, self.now) or plan.unreadable.get(source) == worker.plan.name

    def end(self, worker: Worker, life: int, key: LeaseKey) -> None:
        """A scan is through."""
        if not worker.alive or worker.life != life or key not in worker.tasks:
            return
        if self.now < worker.frozen_until:
            self.at(worker.frozen_until, self.end, worker, life, key)
            return
        task = worker.tasks[key]
        plan = self.plans[key[0]]
        if key[1] in plan.poison and not task.isolated:
            self.crash(worker, 0.2 + self.random.random())
            return
        del worker.tasks[key]
        answer = self.answer(worker, plan, task)
        if worker.link is not None:
            self.send_up(worker.link, answer(worker.link.id))
            self.ask(worker)
            self.leave_if_drained(worker)

    def answer(self, worker: Worker, plan: JobPlan, task: Task) -> Callable[[str], Event]:
        key = task.key
        chunk = key[1]
        source, start = plan.source(chunk), plan.start(chunk)
        if worker.finals:
            worker.finals -= 1
            self.outcome.claims += 1
            return lambda id: ChunkFailed(id, key, "changed", "it was rewritten", final=True)
        if worker.lines:
            worker.lines -= 1
            self.outcome.claims += 1
            start += task.size if self.random.random() < 0.3 else 0
            return lambda id: ChunkFailed(
                id, key, "poison", "a line kills this", bad_range=(start, start + 1)
            )
        if plan.unreadable.get(source) == worker.plan.name:
            return lambda id: ChunkFailed(id, key, "unreadable", "no such file here")
        if plan.changed(source, self.now):
            return lambda id: ChunkFailed(id, key, "changed", "it was truncated", final=True)
        if chunk in plan.poison:
            return lambda id: ChunkFailed(
                id, key, "poison", "a line kills the scan", bad_range=(start, start + 1)
            )
        if worker.garbage:
            worker.garbage -= 1
            return lambda id: ChunkFailed(id, key, "internal", "the digest does not fit")
        digest = self.results.digest(plan.id, chunk)
        if worker.lies and not self.schedule.real:
            worker.lies -= 1
            digest = f"lie {len(self.lies)}"
            self.lies.add(digest)
        worker.results[key] = digest
        if not task.slow:
            worker.showed_slow = any(each.slow for each in worker.tasks.values())
        return lambda id: ChunkReturned(id, key, digest)

    # -- faults

    def inflict(self, fault: Fault) -> None:  # noqa: PLR0912  a table of cases
        worker = self.workers[fault.worker]
        left_s = max(HEAL_S - self.now, 0.0)
        seconds = min(fault.seconds, left_s)
        back_s = min(fault.seconds, left_s) + 0.1 * self.random.random()
        match fault.kind:
            case "crash":
                self.crash(worker, back_s)
            case "power":
                self.crash(worker, back_s, False)
            case "freeze":
                worker.frozen_until = max(worker.frozen_until, self.now + seconds)
            case "slow":
                worker.slow_until = self.now + seconds
            case "cut":
                self.cut(worker, "connection reset", back_s, told=fault.number % 3 > 0)
            case "flap":
                for number in range(4):
                    self.after(number * left_s / 4, self.cut, worker, "flap", 0.05)
            case "partition":
                self.partition(worker, fault)
            case "hang":
                worker.hangs += 1
            case "boast":
                worker.boasts += [fault.number] * (1 + fault.number % 2)
            case "false final":
                worker.finals = max(worker.finals, 1 + fault.number % 3)
            case "false line":
                worker.lines = max(worker.lines, 1 + fault.number % 3)
            case "garbage":
                worker.garbage += 1 + fault.number % 2
            case "lie":
                worker.lies += 1
            case "forget":
                worker.forgets += 1
            case "drain":
                if self.up and worker.link is not None and worker.link.epoch == self.epoch:
                    self.feed(DrainAsked(worker.link.id))
            case "replay" | "forge":
                self.replay(fault)
            case "coordinator dies":
                self.dies_in = min(self.dies_in, fault.number)
            case "coordinator pauses":
                self.paused_until = max(self.paused_until, self.now + seconds)
            case "clock jumps":
                self.clock_jump += (fault.seconds + 2.0) * (1 if fault.number % 2 else -1)
            case "commit fails":
                self.commits_fail += 1
            case "cancel":
                self.cancel(self.schedule.jobs[fault.number % len(self.schedule.jobs)].id)
            case "hopeless":
                self.despair(self.schedule.jobs[fault.number % len(self.schedule.jobs)], fault)

    def partition(self, worker: Worker, fault: Fault) -> None:
        until = min(self.now + fault.seconds, HEAL_S)
        if fault.number % 3 != 0:
            worker.up_blocked_until = max(worker.up_blocked_until, until)
        if fault.number % 3 != 1:
            worker.down_blocked_until = max(worker.down_blocked_until, until)

    def replay(self, fault: Fault) -> None:
        """A frame arrives again, as it was or with another digest; if none did, later."""
        if not self.answers:
            if self.now < HEAL_S - 1.0:
                self.after(0.7, self.replay, fault)
            return
        if not self.up or self.now < self.paused_until:
            return
        old = self.random.choice(self.answers)
        if fault.kind == "replay":
            self.feed(old)
            return
        chunk = self.oracle.jobs.get(old.key[0], {}).get(old.key[1])
        if chunk is not None and chunk.state in ("committing", "checking", "done"):
            self.feed(ChunkReturned(old.session, old.key, "forged"))

    def despair(self, plan: JobPlan, fault: Fault) -> None:
        """The shell reports that no worker can read some chunks of one source."""
        if plan.id in self.arrived and plan.id not in self.finished and self.up:
            chunks = range(fault.worker, len(plan.sizes), 2)
            self.hopeless |= {(plan.id, chunk) for chunk in chunks}
            self.feed(SourcesUnreadable(plan.id, chunks, "unreadable", "no worker can read it"))

    def cancel(self, job: str) -> None:
        if job in self.arrived and job not in self.finished and self.up:
            self.cancelled.add(job)
            self.feed(JobCancelled(job))


def run(
    schedule: Schedule, machine_of: MachineOf = Machine, *, wall_clock: bool = False
) -> Outcome:
    """Run one schedule. Raises what went wrong."""
    return World(schedule, machine_of, wall_clock=wall_clock).run()
