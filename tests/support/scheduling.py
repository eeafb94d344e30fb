"""A stage for scenarios of the scheduler: short words for events, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from logan.scheduler.actions import Action, Grant
from logan.scheduler.events import (
    ChunkCommitted,
    ChunkFailed,
    ChunkReturned,
    Event,
    JobAdded,
    LeaseKey,
    Progress,
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
from logan.scheduler.snapshots import JobView, WorkerView

A = TypeVar("A", bound=Action)

MB = 1_000_000


class Stage:
    """A machine, its clock, and the actions of the last event.

    Sessions are named "alice" or, for a later connection of hers, "alice/2".
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.machine = Machine(limits)
        self.now = 0.0
        self.actions: list[Action] = []
        self.granted: list[Grant] = []

    def tell(self, event: Event) -> list[Action]:
        self.actions = self.machine.handle(self.now, event)
        check(self.machine)
        self.granted += self.of(Grant)
        return self.actions

    def of(self, kind: type[A]) -> list[A]:
        """Actions of one kind that followed from the last event."""
        return [action for action in self.actions if isinstance(action, kind)]

    def leases(self) -> list[tuple[str, LeaseKey]]:
        """Leases that the last event granted."""
        return [(grant.session, grant.key) for grant in self.of(Grant)]

    def wait(self, seconds: float, beats: Sequence[str] = (), scanned: int | None = None) -> None:
        """Let time pass as a shell does; `beats` send a heartbeat a second for all they hold.

        `scanned` bytes more are reported with each, if given.
        """
        until = self.now + seconds
        seen: list[Action] = []
        beat_at = self.now + 1.0
        while self.now < until:
            due = self.machine.next_deadline()
            self.now = min(until, beat_at, max(due, self.now) if due is not None else until)
            seen += self.tell(TimePassed())
            if self.now == beat_at:
                beat_at += 1.0
                for session in beats:
                    seen += self.beat(session, scanned)
        self.actions = seen

    def beat(self, session: str, scanned: int | None = None) -> list[Action]:
        worker = self.worker(session.partition("/")[0])
        leases = tuple(
            Progress(each.key, each.scanned_bytes + (scanned or 0)) for each in worker.leases
        )
        return self.tell(WorkerHeard(session, leases))

    # -- short words

    def job(
        self,
        chunks: int,
        *,
        id: str = "job",
        bytes: int = MB,
        holders: frozenset[str] | None = None,
        done: frozenset[int] = frozenset(),
        verify: frozenset[int] = frozenset(),
        readable: bool = False,
    ) -> list[Action]:
        """Chunks of one source, which the shell can look at if it is `readable`."""
        items = [WorkItem(chunk, bytes, holders, 0, chunk * bytes) for chunk in range(chunks)]
        sources = frozenset({0} if readable else ())
        return self.tell(JobAdded(id, items, done, verify, sources))

    def join(self, session: str, free: int | None = None) -> list[Action]:
        actions = self.tell(WorkerJoined(session, session.partition("/")[0]))
        if free is not None:
            actions = actions + self.ready(session, free)
            self.actions = actions
        return actions

    def ready(self, session: str, free: int = 1) -> list[Action]:
        return self.tell(WorkerReady(session, free))

    def leave(self, session: str, *, clean: bool = False) -> list[Action]:
        return self.tell(WorkerLeft(session, "connection reset", clean))

    def give(self, session: str, key: LeaseKey, digest: str = "digest") -> list[Action]:
        return self.tell(ChunkReturned(session, key, digest))

    def fail(
        self, session: str, key: LeaseKey, kind: str = "unreadable", *, final: bool = False
    ) -> list[Action]:
        return self.tell(ChunkFailed(session, key, kind, "no such file", final))

    def commit(self, chunk: int, job: str = "job") -> list[Action]:
        return self.tell(ChunkCommitted(job, chunk))

    def finish(self, session: str, key: LeaseKey) -> list[Action]:
        """Return and commit."""
        self.give(session, key)
        return self.commit(key[1], key[0])

    # -- views

    def worker(self, name: str) -> WorkerView:
        views = self.machine.statistics().workers
        return next(each for each in views if each.name == name)

    def work(self, id: str = "job") -> JobView:
        views = self.machine.statistics().jobs
        return next(each for each in views if each.job == id)
