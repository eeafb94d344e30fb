"""An independent check of everything that the scheduler does, from its events and actions alone.

It keeps its own record of leases, deadlines and losses, in the plainest way, and raises `Violation`
when an action is not what the rules of leases allow, or when the scheduler's own view of
the leases differs. It shares no code with the scheduler, and never tells it anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from logan.scheduler.actions import (
    Action,
    Alarm,
    CancelLease,
    Checked,
    CheckSource,
    CloseSession,
    Commit,
    DrainSession,
    EndJob,
    Grant,
    LostChunk,
    Recovered,
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
    SourceChecked,
    SourcesUnreadable,
    TimePassed,
    WorkerHeard,
    WorkerJoined,
    WorkerLeft,
    WorkerReady,
)
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine

__all__ = ["Oracle", "Violation"]

Place = tuple[str, int]


class Violation(AssertionError):
    """The scheduler did what it must not, or did not do what it must."""


def must(right: bool, what: str) -> None:
    if not right:
        raise Violation(what)


LOOK_AHEAD_CHUNKS_MAX = 16
"""Behind so many lost chunks that a worker has refused, others need not be found for it at once."""

REOPENING = (WorkerJoined, WorkerLeft, ChunkReturned, ChunkFailed, CommitFailed)
"""Events that change what waits, which grants that were due before them cannot know."""


@dataclass
class Session:
    name: str
    free: int = 0
    draining: bool = False
    jobs: set[str] = field(default_factory=set)
    leases: dict[LeaseKey, float] = field(default_factory=dict)


@dataclass
class Chunk:
    holders: frozenset[str] | None
    source: int = 0
    start: int = 0
    size: int = 0
    state: str = "open"  # then "committing", perhaps "checking", "done"; or "lost"
    digest: str | None = None
    verify: bool = False
    author: str | None = None
    seconds: set[str] = field(default_factory=set)  # workers with equal results, before the commit
    again: bool = False
    attempt: int = 0
    losses: int = 0
    live: dict[LeaseKey, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    failures: int = 0  # FAILs that claim nothing, and results that could not be stored
    replaced: set[str] = field(default_factory=set)  # by leases none of which has failed since
    isolated: set[LeaseKey] = field(default_factory=set)
    killed: dict[str, float] = field(default_factory=dict)  # workers that found a killing line

    @property
    def waits(self) -> bool:
        """Whether it waits for a worker."""
        return self.state == "open" and not self.live


@dataclass
class Source:
    """Workers that claimed a change, and when; those that cannot read it; what a look showed."""

    readable: bool
    claims: dict[str, float] = field(default_factory=dict)
    unable: set[str] = field(default_factory=set)
    changed: bool = False
    looking: bool = False
    hidden: bool = False


class Oracle:
    """One life of a coordinator. `now` must be the true time of its monotonic clock."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.now = 0.0
        self.sessions: dict[str, Session] = {}
        self.jobs: dict[str, dict[int, Chunk]] = {}
        self.owed: dict[tuple[str, LeaseKey], int] = {}
        self.ended: set[str] = set()
        self.lost: dict[str, int] = {}
        self.recovered = 0
        self.alarms = 0
        self.backups = 0
        self.checked = 0
        self.replaced = 0
        self.looks = 0
        self.agreed: set[Place] = set()
        self.sources: dict[tuple[str, int], Source] = {}
        self.left_at: dict[str, float] = {}
        self.basis: dict[Place, str] = {}

    # -- before the scheduler sees the event

    def before(self, now: float, event: Event, late: bool) -> None:  # noqa: PLR0912  a table
        """Note what happened. `late`: the coordinator itself was absent, which grants time."""
        self.now = now
        match event:
            case TimePassed():
                self._expire(late)
            case JobAdded(job, items, done, verify, readable):
                self.jobs[job] = {
                    item.chunk: Chunk(
                        item.holders,
                        item.source,
                        item.start,
                        item.bytes,
                        verify=item.chunk in verify,
                    )
                    for item in items
                }
                for item in items:
                    self.sources[job, item.source] = Source(item.source in readable)
                for chunk in done:
                    self.jobs[job][chunk].state = "done"
            case WorkerJoined(id, name):
                for other, session in list(self.sessions.items()):
                    if session.name == name:
                        self._leave(other, loss=True)
                self.sessions[id] = Session(name)
            case WorkerLeft(id, _, clean):
                self._leave(id, loss=not clean)
            case SourceChecked(job, source, changed) if job in self.jobs:
                found = self.sources[job, source]
                found.looking = False
                found.changed = found.changed or changed is True
                found.hidden = found.hidden or changed is None
            case ChunkCommitted(job, chunk) | CommitFailed(job, chunk) if job in self.jobs:
                self._store(self.jobs[job][chunk], failed=isinstance(event, CommitFailed))
            case WorkerReady() | WorkerHeard() | ChunkReturned() | ChunkFailed():
                if event.session in self.sessions:
                    self._hear(event, self.sessions[event.session])
            case _:
                pass

    def _store(self, chunk: Chunk, *, failed: bool) -> None:
        chunk.again = failed
        if failed:
            chunk.state = "open"
            chunk.failures += 1
        else:
            chunk.state = "checking" if chunk.verify else "done"
            # Earlier failures do not concern the check.
            chunk.losses = chunk.failures = 0
            chunk.refused.clear()
            chunk.replaced.clear()
            chunk.killed.clear()

    def _expire(self, late: bool) -> None:
        for id, session in list(self.sessions.items()):
            for key, deadline in list(session.leases.items()):
                if deadline > self.now:
                    continue
                if late:
                    session.leases[key] = self.now + 2 * self.limits.heartbeat_s
                else:
                    self._end(id, key, loss=True)
                    session.free += 1

    def _hear(
        self, event: WorkerReady | WorkerHeard | ChunkReturned | ChunkFailed, session: Session
    ) -> None:
        match event:
            case WorkerReady(_, free):
                session.free = free
            case WorkerHeard(_, leases):
                for progress in leases:
                    if progress.key in session.leases:
                        session.leases[progress.key] = self.now + self.limits.lease_s
            case ChunkReturned(id, key):
                self._end(id, key, loss=False)
                self.owed[id, key] = self.owed.get((id, key), 0) + 1
            case ChunkFailed(id, key):
                if key in session.leases:
                    self._note_failure(event, session.name)
                self._end(id, key, loss=False)

    def _note_failure(self, event: ChunkFailed, name: str) -> None:
        job, id, _ = event.key
        chunk = self.jobs[job][id]
        source = self.sources[job, chunk.source]
        chunk.refused.add(name)
        chunk.replaced.clear()
        if event.final:
            source.claims.setdefault(name, self.now)
            return
        if event.kind == "unreadable":
            source.unable.add(name)
        elif event.bad_range is not None and event.key in chunk.isolated:
            start, end = event.bad_range
            if chunk.start <= start < end <= chunk.start + chunk.size:
                chunk.killed.setdefault(name, self.now)
                return
        chunk.failures += 1

    # -- after it

    def after(self, event: Event, actions: list[Action]) -> None:
        before = self._state(event)
        # What was due by then is done before the event is taken in, so grants may not know of it.
        self.newcomer = event.session if isinstance(event, WorkerJoined) else None
        self.reopens = isinstance(event, REOPENING)
        settled = {(each.job, each.chunk) for each in actions if isinstance(each, LostChunk)}
        settled |= {(each.job, each.chunk) for each in actions if isinstance(each, Checked)}
        for number, action in enumerate(actions):
            if isinstance(action, CancelLease):
                unwanted = isinstance(event, JobCancelled | ChunkCommitted)
                unwanted = unwanted or action.key[:2] in settled
                live = action.session in self.sessions
                live = live and action.key in self.sessions[action.session].leases
                must(
                    not live or unwanted or action.why != "not needed",
                    f"cancelled {action.key}, which is needed",
                )
                if action.why == "replaced":
                    self._judge_replacement(action, actions[number + 1 : number + 3])
                self._judge_cancel(action.session, action.key, loss=action.why == "no progress")
            else:
                self._judge(event, action)
        match event:
            case ChunkReturned() if before is not None:
                self._judge_result(event, before, actions)
            case SourcesUnreadable(job, chunks) if job in self.jobs:
                waiting = [id for id in chunks if self.jobs[job][id].waits]
                must(not waiting, f"{waiting} of {job} are hopeless and wait all the same")
            case JobCancelled(job):
                must(job not in self.jobs, f"job {job} was cancelled and goes on")
            case DrainAsked(id) if id in self.sessions:
                must(self.sessions[id].draining, f"session {id} was not drained")
            case _:
                pass

    def _state(self, event: Event) -> Chunk | None:
        """The chunk of a result as it was before the actions."""
        if isinstance(event, ChunkReturned) and event.key[0] in self.jobs:
            chunk = self.jobs[event.key[0]].get(event.key[1])
            if chunk is not None:
                return Chunk(None, state=chunk.state, digest=chunk.digest, author=chunk.author)
        return None

    def _judge_result(self, event: ChunkReturned, before: Chunk, actions: list[Action]) -> None:
        key, digest = event.key, event.digest
        commits = [each for each in actions if isinstance(each, Commit)]
        alarms = [each for each in actions if isinstance(each, Alarm)]
        if before.state == "open":
            must(len(commits) == 1, f"the first result of {key} was not stored")
        else:
            must(not commits, f"{key} was stored twice")
        differs = before.digest not in (None, digest)
        if before.state in ("committing", "checking", "done") and differs:
            must(len(alarms) == 1, f"{key}: two different results and no alarm")
        else:
            must(not alarms, f"{key}: an alarm for nothing")
        session = self.sessions.get(event.session)
        if session is None or session.name == before.author:
            return
        if before.state == "committing" and not differs and key[0] in self.jobs:
            self.jobs[key[0]][key[1]].seconds.add(session.name)
        checks = [each for each in actions if isinstance(each, Checked) and each.chunk == key[1]]
        if before.state == "checking":
            right = bool(checks) and checks[0].agreed is not differs
            must(right, f"{key}: a verification, which {'differs' if differs else 'agrees'}")

    def _judge(self, event: Event, action: Action) -> None:  # noqa: PLR0912  a table of cases
        match action:
            case SendJob(id, job):
                must(id in self.sessions and job in self.jobs, f"job {job}: no such session or job")
                must(job not in self.sessions[id].jobs, f"job {job} is told twice")
                self.sessions[id].jobs.add(job)
            case Grant(id, key, isolated):
                self._judge_grant(id, key, isolated)
            case Commit(id, key, digest):
                must(isinstance(event, ChunkReturned), "a commit without a result")
                chunk = self.jobs[key[0]][key[1]]
                must(chunk.state == "open", f"commit of {key}: it is {chunk.state}")
                chunk.state, chunk.digest = "committing", digest
                session = self.sessions.get(id)
                chunk.author, chunk.seconds = session.name if session else None, set()
            case Resolve(id, key, done):
                self._judge_resolve(event, id, key, done)
            case CloseSession(id):
                self._leave(id, loss=True)
            case DrainSession(id):
                self.sessions[id].draining = True
            case LostChunk(job, chunk_id, kind, _, bad_range):
                chunk = self.jobs[job][chunk_id]
                must(chunk.state == "open", f"chunk {chunk_id} is given up and {chunk.state}")
                must(not chunk.live, f"chunk {chunk_id} is given up and leased")
                chunk.state = "lost"
                if kind == "changed":
                    self._judge_source(job, chunk_id)
                elif bad_range is not None:
                    self._judge_witnesses((job, chunk_id), chunk.killed, chunk.refused)
                elif chunk.failures >= self.limits.failures_per_chunk_max:
                    self.basis[job, chunk_id] = "failures"
            case CheckSource(job, source, name):
                found = self.sources[job, source]
                must(found.readable and not found.hidden, f"source {source} cannot be looked at")
                must(name in found.claims, f"source {source} is looked at for nothing")
                must(not found.looking, f"source {source} is looked at twice at once")
                found.looking = True
                self.looks += 1
            case Recovered():
                self.recovered += 1
                order = (action.noticed_at, action.leased_at, action.done_at)
                must(list(order) == sorted(order), "a recovery with effects before causes")
                must(action.done_at <= self.now, "a recovery in the future")
            case Alarm():
                self.alarms += 1
            case Checked(job, chunk_id, agreed):
                self._judge_check(event, (job, chunk_id), agreed)
            case EndJob(job, cancelled):
                self._judge_end(event, job, cancelled)

    def _judge_source(self, job: str, chunk: int) -> None:
        """It is given up as changed: the coordinator saw that, or it takes two, or all."""
        found = self.sources[job, self.jobs[job][chunk].source]
        if found.changed:
            self.basis[job, chunk] = "look"
            return
        must(not found.readable or found.hidden, f"chunk {chunk} of {job} changed, unseen")
        self._judge_witnesses((job, chunk), found.claims, found.unable)

    def _judge_witnesses(self, place: Place, claims: dict[str, float], others: set[str]) -> None:
        self.basis[place] = "two" if len(claims) > 1 else "alone"
        if len(claims) > 1:
            return
        must(bool(claims), f"{place} is given up without a claim")
        since = min(claims.values())
        must(since + self.limits.lease_s <= self.now, f"{place} is given up at one word")
        holders = self.jobs[place[0]][place[1]].holders
        could = {session.name for session in self.sessions.values()}
        could |= {n for n, at in self.left_at.items() if at + self.limits.lease_s > self.now}
        could -= set(claims) | others
        asked = {name for name in could if holders is None or name in holders}
        must(not asked, f"{place} is given up at one word, {asked} could tell")

    def _judge_replacement(self, action: CancelLease, following: list[Action]) -> None:
        """A lease makes room for one of a third worker, at once."""
        chunk = self.jobs[action.key[0]][action.key[1]]
        must(len(chunk.live) == 2, f"{action.key} is replaced, and is not a second one")
        names = set(chunk.live.values())
        grants = [each for each in following if isinstance(each, Grant)]
        must(
            bool(grants)
            and grants[0].key[:2] == action.key[:2]
            and self.sessions[grants[0].session].name not in names,
            f"{action.key} is replaced by no other lease",
        )
        chunk.replaced.add(chunk.live[action.key])
        self.replaced += 1

    def _judge_check(self, event: Event, place: Place, agreed: bool | None) -> None:
        chunks = self.jobs[place[0]]
        chunk = chunks[place[1]]
        must(chunk.state == "checking", f"{place} was checked and is {chunk.state}")
        must(not chunk.live, f"{place} was checked and is leased")
        if agreed is None:
            left = [id for id, other in chunks.items() if other.state in ("open", "committing")]
            source = self.sources[place[0], chunk.source]
            # Another scan of what changed since would only differ.
            cannot = source.changed or len(source.claims) > 1
            must(
                not left or cannot or bool(chunk.losses or chunk.refused),
                f"{place}: {left} are left",
            )
        elif isinstance(event, ChunkCommitted):
            must(agreed and bool(chunk.seconds - {chunk.author}), f"{place}: not confirmed")
        else:
            must(isinstance(event, ChunkReturned), f"{place}: verified by an unexpected event")
        chunk.state = "done"
        if agreed is not None:
            self.checked += 1
        if agreed:
            self.agreed.add(place)

    def _judge_cancel(self, id: str, key: LeaseKey, *, loss: bool) -> None:
        must(id in self.sessions, f"cancelled {key}: {id} has left")
        self._end(id, key, loss=loss)

    def _judge_grant(self, id: str, key: LeaseKey, isolated: bool) -> None:
        must(id in self.sessions, f"lease {key} for {id}, which has left")
        must(key[0] in self.jobs, f"lease {key} of a job that is over")
        session, chunk = self.sessions[id], self.jobs[key[0]][key[1]]
        must(not session.draining, f"lease {key} for {id}, which is draining")
        must(key[0] in session.jobs, f"lease {key} for {id}, which does not know the job")
        must(session.free > 0, f"lease {key} for {id}, which did not ask for it")
        must(chunk.state in ("open", "checking"), f"lease {key}: the chunk is {chunk.state}")
        if chunk.state == "checking":
            must(session.name != chunk.author, f"lease {key} for {session.name}, its author")
        must(key[2] == chunk.attempt + 1, f"lease {key} after attempt {chunk.attempt}")
        must(session.name not in chunk.live.values(), f"lease {key}: two for {session.name}")
        must(len(chunk.live) < 2, f"lease {key}: the third")
        if chunk.live:
            must(session.name not in chunk.replaced, f"lease {key}: {session.name} was too slow")
        if chunk.holders is not None:
            must(session.name in chunk.holders, f"lease {key} for {session.name}, no holder")
        must(
            isolated == (chunk.losses >= self.limits.isolate_after_losses),
            f"lease {key}: isolated is {isolated} after {chunk.losses} losses",
        )
        if session.name in chunk.refused:
            better = {
                other.name
                for other_id, other in self.sessions.items()
                if other_id != self.newcomer
                and other.name not in chunk.refused
                and (chunk.holders is None or other.name in chunk.holders)
            }
            must(not better, f"lease {key} for {session.name}, which failed; {better} did not")
        if chunk.attempt == 0 and not chunk.again and not self.reopens:
            self._judge_order(key, session, chunk)
        self.backups += bool(chunk.live)
        session.free -= 1
        session.leases[key] = self.now + self.limits.lease_s
        chunk.attempt += 1
        if isolated:
            chunk.isolated.add(key)
        chunk.live[key] = session.name

    def _judge_order(self, key: LeaseKey, session: Session, chunk: Chunk) -> None:
        refused = sum(
            other.waits and other.attempt > 0 and session.name in other.refused
            for chunks in self.jobs.values()
            for other in chunks.values()
        )
        if refused >= LOOK_AHEAD_CHUNKS_MAX:
            return
        for job, chunks in self.jobs.items():
            for id, other in chunks.items():
                must(
                    other.state != "open"
                    or other.attempt == 0
                    or bool(other.live)
                    or other.holders != chunk.holders
                    or session.name in other.refused,
                    f"lease {key}: chunk {id} of {job} was lost before and waits",
                )

    def _judge_resolve(self, event: Event, id: str, key: LeaseKey, done: bool) -> None:
        must(id in self.sessions, f"result {key} is answered to {id}, which has left")
        must(self.owed.get((id, key), 0) > 0, f"result {key} of {id} is answered twice")
        # What was sent twice before it was stored is answered once.
        self.owed[id, key] -= 1
        if not isinstance(event, ChunkReturned):
            self.owed[id, key] = 0
        chunk = self.jobs.get(key[0], {}).get(key[1])
        if done:
            must(
                chunk is not None and chunk.state in ("checking", "done"),
                f"result {key} is acknowledged before it is stored",
            )

    def _judge_end(self, event: Event, job: str, cancelled: bool) -> None:
        must(job in self.jobs, f"job {job} ends twice")
        must(cancelled == isinstance(event, JobCancelled), f"job {job}: cancelled is {cancelled}")
        for id, chunk in self.jobs[job].items():
            must(
                cancelled or chunk.state in ("done", "lost"),
                f"job {job} ends while chunk {id} is {chunk.state}",
            )
            must(not chunk.live, f"job {job} ends while {list(chunk.live)} are live")
        del self.jobs[job]
        self.ended.add(job)

    # -- the plain record

    def _end(self, id: str, key: LeaseKey, *, loss: bool) -> None:
        session = self.sessions[id]
        if session.leases.pop(key, None) is None:
            return
        chunk = self.jobs[key[0]][key[1]]
        del chunk.live[key]
        if loss and chunk.state in ("open", "committing", "checking"):
            chunk.losses += 1
            chunk.replaced.clear()
            self.lost[session.name] = self.lost.get(session.name, 0) + 1

    def _leave(self, id: str, *, loss: bool) -> None:
        if id in self.sessions:
            for key in list(self.sessions[id].leases):
                self._end(id, key, loss=loss)
                self.jobs[key[0]][key[1]].replaced.clear()
            self.left_at[self.sessions[id].name] = self.now
            del self.sessions[id]
            self.owed = {each: owed for each, owed in self.owed.items() if each[0] != id}

    # -- between events

    def compare(self, machine: Machine) -> None:
        """The scheduler's state of every lease and chunk equals the oracle's."""
        statistics = machine.statistics()
        seen = {
            worker.session: {progress.key for progress in worker.leases}
            for worker in statistics.workers
            if worker.session is not None
        }
        known = {id: set(session.leases) for id, session in self.sessions.items()}
        must(seen == known, f"live leases are {known}, the scheduler has {seen}")
        for worker in statistics.workers:
            lost = self.lost.get(worker.name, 0)
            must(worker.lost == lost, f"{worker.name} lost {lost} leases, not {worker.lost}")
        for job in statistics.jobs:
            if job.over:
                continue
            chunks = self.jobs[job.job].values()
            counts = {
                "pending": sum(c.state == "open" and not c.live for c in chunks),
                "leased": sum(c.state == "open" and bool(c.live) for c in chunks),
                "committing": sum(c.state == "committing" for c in chunks),
                "checking": sum(c.state == "checking" for c in chunks),
                "done": sum(c.state == "done" for c in chunks),
                "lost": sum(c.state == "lost" for c in chunks),
            }
            must(job.chunks == counts, f"job {job.job} has {counts}, it says {job.chunks}")

    def owes(self) -> list[tuple[str, LeaseKey]]:
        """Results that were never answered, though their session lives."""
        return [each for each, owed in self.owed.items() if owed > 0]
