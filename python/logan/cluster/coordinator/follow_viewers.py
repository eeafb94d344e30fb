"""Clients that are attached to a follow job: its figures as windows, and how its hosts are.

A viewer first gets what there is, then each slot as the journal gets it. What it has not taken yet
is merged by the time to which it belongs, so one that reads slowly gets coarser news; one that
does not read at all loses its connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import trio
from msgspec.structs import replace

from logan._logan import Summary
from logan.cluster.coordinator.follow_buckets import OLD
from logan.cluster.coordinator.follow_job import AcceptedSlot, FollowJob
from logan.cluster.transport import Transport
from logan.live import clock
from logan.wire.following import (
    Following,
    FollowingBody,
    HostEntry,
    LogEntry,
    NoticeEntry,
    UnreadEntry,
    Window,
)
from logan.wire.limits import INTEGER_MAX

__all__ = ["Viewer", "hosts_of"]

TELL_S: Final = 1.0
"""How often a viewer hears how the hosts are."""

SLOT_S: Final = 5
ENTRIES_SENT_MAX: Final = 1_000


class Viewer:
    """One attached client."""

    def __init__(self, job: FollowJob) -> None:
        self._job = job
        self._parts: dict[int, tuple[float | None, Summary]] = {}
        self._begun = trio.Event()
        self._notices_seen = 0
        self._news_seen = 0
        self._versions: dict[int, int] = {}
        self._wanted = trio.Event()
        self._ended = False

    def begin(self) -> None:
        """From now on `push` is called with what is new; what there is by now is sent first."""
        for (length, at), summary in sorted(self._job.buckets.kept.items()):
            place = None if (length, at) == OLD else float(at)
            self._parts[-len(self._parts) - 1] = place, summary
        self._begun.set()

    def push(self, slots: Iterable[AcceptedSlot]) -> None:
        """The journal has these slots."""
        for each in slots:
            key = int(each.at // SLOT_S)
            known = self._parts.get(key)
            summary = each.summary if known is None else known[1].merge(each.summary)
            self._parts[key] = each.at, summary
        self._wanted.set()

    def end(self) -> None:
        """The job has ended."""
        self._ended = True
        self._wanted.set()

    async def run(self, link: Transport) -> None:
        """Send what there is, until the job has ended. Raises `TransportLostError`."""
        await self._begun.wait()
        while True:
            ended = self._ended
            parts, self._parts = self._parts, {}
            for at, summary in parts.values():
                data = await trio.to_thread.run_sync(summary.to_bytes)
                await link.send(Window(self._job.id, at, data))
            body = self._body()
            # A client that hears of the end hears nothing more: all logs come before it.
            ended = ended and not self._has_more()
            await link.send(Following(self._job.id, clock.now(), ended, body))
            if ended:
                await link.flush()
                return
            with trio.move_on_after(0 if self._has_more() else TELL_S):
                await self._wanted.wait()
            self._wanted = trio.Event()

    def _has_more(self) -> bool:
        """Whether there are logs that did not fit into the last message."""
        return any(self._versions.get(s.index) != s.version for s in self._job.sources)

    def _body(self) -> FollowingBody:
        job = self._job
        logs: list[LogEntry] = []
        for source in job.sources:
            if len(logs) < ENTRIES_SENT_MAX and self._versions.get(source.index) != source.version:
                self._versions[source.index] = source.version
                logs.append(source.entry())
        fresh = [each for each in job.notices if each.n > self._notices_seen]
        self._notices_seen = job.notices_total
        now = clock.now()
        news = job.alerts.news_after(self._news_seen, now)
        self._news_seen = job.alerts.told
        notices = tuple(_aged(each.entry, max(0.0, now - each.at)) for each in fresh)
        return FollowingBody(
            patterns=job.patterns,
            hosts=hosts_of(job, now),
            logs=tuple(logs),
            notices=notices,
            options=json.dumps(job.fields()),
            unread=tuple(
                UnreadEntry(host=host, log=log, why=why) for (host, log), why in job.unread.items()
            ),
            alerts=job.alerts.entries(now),
            news=news,
        )


def _aged(entry: NoticeEntry, age_s: float) -> NoticeEntry:
    return replace(entry, age_s=age_s)


def hosts_of(job: FollowJob, now: float) -> tuple[HostEntry, ...]:
    """How the hosts of a job are, in order of name: those that have a log of it, and those that
    are connected and have none."""
    found = []
    names = {source.worker for source in job.sources}
    names |= {name for name, (is_there, _) in job.seen.items() if is_there}
    for name in sorted(names):
        sources = [each for each in job.sources if each.worker == name]
        is_there, since = job.seen.get(name, (False, job.known_since))
        counted = [each.counted_at for each in sources if each.counted_at is not None]
        found.append(
            HostEntry(
                host=name,
                state="late" if name in job.late else "live" if is_there else "away",
                since_s=max(0.0, now - since),
                logs=len(sources),
                counted_bytes=min(INTEGER_MAX, sum(each.counted_bytes for each in sources)),
                behind_bytes=min(INTEGER_MAX, sum(each.behind_bytes for each in sources)),
                behind_s=max(0.0, now - max(counted)) if counted else None,
                lost=sum(len(each.lost) for each in sources),
            )
        )
    return tuple(found)
