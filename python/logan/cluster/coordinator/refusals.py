"""Which workers cannot read which sources of a job, and which sources no worker can read.

A refusal is a FAIL that says what its worker lacks, though others may have it. Knows no connection;
the connected workers and the time are arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from logan.cluster.limits import HOPELESS_S_MIN, OUTAGE_S_MIN
from logan.errors import NO_ROOM
from logan.model import Plan
from logan.sources.discovery import is_url
from logan.sources.url_roots import is_outside

__all__ = ["REFUSALS", "Refusals"]

REFUSALS: Final = ("permission", "missing", "unreadable", NO_ROOM)
"""Kinds of FAIL by which a worker says that it cannot read a source, though others may."""


class Refusals:
    """What workers could not read.

    Args:
        plan: the job's; `urls` has the path of each of its sources.
        done: the chunks that are done, which the job goes on adding to.

    Attributes:
        hopeless: sources that no worker that was there can read.
    """

    def __init__(self, plan: Plan, urls: Sequence[str], done: AbstractSet[int]) -> None:
        self.hopeless: set[int] = set()
        self._plan = plan
        self._urls = urls
        self._done = done
        # By source, the workers that could not read it and have read none of it since, with the
        # kind of their last FAIL and the time of the first.
        self._by_source: dict[int, dict[str, tuple[str, float]]] = {}
        # By source and worker, the size of the smallest chunk that there was no room for.
        self._no_room: dict[tuple[int, str], int] = {}

    def workers(self, source: int) -> list[str]:
        """The workers that could not read a source, by name."""
        return sorted(self._by_source.get(source, ()))

    def note(self, chunk_id: int, worker: str, kind: str, now: float, why: str = "") -> bool:
        """Note that `worker` could not read a chunk; whether that is news of its source."""
        chunk = self._plan.chunks[chunk_id]
        if kind == NO_ROOM:
            size = chunk.end - chunk.start
            place = (chunk.source, worker)
            self._no_room[place] = min(size, self._no_room.get(place, size))
        news = False
        for source in self._alike(chunk.source, why):
            refused = self._by_source.setdefault(source, {})
            before = refused.get(worker)
            refused[worker] = kind, now if before is None else before[1]
            news |= before is None or before[0] != kind
        return news

    def _alike(self, source: int, why: str) -> list[int]:
        """The sources that a refusal of one is true of, so that not each must be tried: where no
        root allows an object, none allows another one in its folder."""
        if not is_outside(why):
            return [source]
        folder = _folder_of(self._urls[source])
        return [i for i, url in enumerate(self._urls) if is_url(url) and _folder_of(url) == folder]

    def accepted(self, chunk_id: int, worker: str) -> None:
        """`worker` has read a chunk: what it lacked for this source it has now."""
        chunk = self._plan.chunks[chunk_id]
        place = (chunk.source, worker)
        # That it had room for a smaller one says nothing.
        if chunk.end - chunk.start >= self._no_room.get(place, 0):
            self._no_room.pop(place, None)
            self._by_source.get(chunk.source, {}).pop(worker, None)

    def give_up(
        self, chunk_id: int, why: str, present: Collection[str], now: float
    ) -> tuple[list[int], list[int]]:
        """After a worker could not read a chunk for the reason `why`: the sources that no worker in
        `present` can read, if that was not known before, and the chunks of all such sources."""
        alike = self._alike(self._plan.chunks[chunk_id].source, why)
        fresh = [
            each
            for each in alike
            if each not in self.hopeless and self.is_hopeless(each, present, now)
        ]
        self.hopeless.update(fresh)
        lost = self.hopeless.intersection(alike)
        return fresh, [chunk.id for chunk in self._plan.chunks if chunk.source in lost]

    def is_hopeless(self, source: int, present: Iterable[str], now: float) -> bool:
        """Whether of the workers that are `present` none can read `source`, and others had the
        time to come."""
        refused = self._by_source.get(source, {})
        if not refused or not refused.keys() >= set(present):
            return False
        outage = any(kind == "unreadable" for kind, _ in refused.values())
        waited_s = now - min(since for _, since in refused.values())
        if waited_s < (OUTAGE_S_MIN if outage else HOPELESS_S_MIN):
            return False
        if any(kind == NO_ROOM for kind, _ in refused.values()):
            return True  # chunks done earlier, or smaller ones, do not show that the rest can be
        return not any(self._plan.chunks[id].source == source for id in self._done)


def _folder_of(url: str) -> str:
    plain = url.partition("?")[0].partition("#")[0]
    return plain[: plain.rfind("/") + 1]
