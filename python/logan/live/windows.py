"""Summaries by time: the last minute, five minutes, the hour, and the sum of all.

A ring of slots on the axis of arrival: 5 s each, folded into minutes and then into five minutes as
they age, until they are older than any view looks back. The sum of all is kept beside the ring, so
nothing is lost with them. Pure: the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["SLOT_S", "WINDOWS", "Windows"]

SLOT_S: Final = 5

WINDOWS: Final[Mapping[str, int | None]] = {"1m": 60, "5m": 300, "1h": 3_600, "all": None}
"""The views: name -> seconds; None for all that was counted."""

_LENGTHS: Final = (SLOT_S, 60, 300)
_AGES: Final = (660, 3_900, 4_500)
"""Lengths of slots, and the ages up to which slots have them, in seconds. At 10,000 lines a second
and 44,000 clients a slot takes 125 kB to some 400 kB, so this is some 40 MB."""

BLOCK_SLOTS: Final = 12
"""Slots whose sum is kept: those of a minute."""

Dropped = Callable[[int, "Summary"], object]
"""Told of each slot of 300 s that falls out: when it began, and its sum."""


class Windows:
    """The ring and the sum.

    Args:
        empty: the summary of nothing.
        reach_s: how far back views look, besides those of `WINDOWS`.
        dropped: told of what falls out of the ring.
    """

    def __init__(
        self, empty: Summary, reach_s: float = 0.0, dropped: Dropped = lambda at, slot: None
    ) -> None:
        self._empty = empty
        self._dropped = dropped
        ages = (*_AGES[:-1], max(_AGES[-1], reach_s + _LENGTHS[-1]))
        self._sizes = tuple(zip(_LENGTHS, ages, strict=True))
        self._levels: list[dict[int, Summary]] = [{} for _ in _LENGTHS]
        self._sum = empty
        self._unsummed: Summary | None = None
        self._running = 0
        self._version = 0
        self._cached: dict[float, tuple[tuple[int, int], Summary]] = {}
        self._blocks: dict[int, tuple[list[int], Summary]] = {}
        self._coarse: dict[float, tuple[list[tuple[int, int]], Summary]] = {}

    def add(self, part: Summary, at: float, now: float) -> None:
        """Count a part that arrived, or whose records were written, at `at`."""
        self.advance(now)
        age = now - at
        for (length, kept_s), slots in zip(self._sizes, self._levels, strict=True):
            if age <= kept_s:
                key = int(at // length)
                slots[key] = slots[key].merge(part) if key in slots else part
                if length == SLOT_S:
                    self._blocks.pop(key // BLOCK_SLOTS, None)
                else:
                    self._coarse.clear()
                if length != SLOT_S or key != self._running:
                    self._version += 1
                break
        else:
            self._dropped(int(at // _LENGTHS[-1]) * _LENGTHS[-1], part)
        self._unsummed = part if self._unsummed is None else self._unsummed.merge(part)

    def add_old(self, part: Summary) -> None:
        """Count a part that is older than any window: it is in the sum of all alone."""
        self._unsummed = part if self._unsummed is None else self._unsummed.merge(part)

    def advance(self, now: float) -> None:
        """Close the running slot if its time is over, and fold those that are old."""
        running = int(now // SLOT_S)
        if running == self._running:
            return
        self._running = running
        self._version += 1
        if self._unsummed is not None:
            self._sum, self._unsummed = self._sum.merge(self._unsummed), None
        for level, (length, kept_s) in enumerate(self._sizes):
            slots = self._levels[level]
            for key in [key for key in slots if now - (key + 1) * length > kept_s]:
                old = slots.pop(key)
                if level + 1 < len(_LENGTHS):
                    coarser, target = _LENGTHS[level + 1], self._levels[level + 1]
                    at = key * length // coarser
                    target[at] = target[at].merge(old) if at in target else old
                    self._coarse.clear()
                else:
                    self._dropped(key * length, old)

    def view(self, seconds: float | None, now: float) -> Summary:
        """The sum of the slots that reach into the last `seconds`, the running one included; of
        all, with None. Up to one slot more than asked for is in it."""
        self.advance(now)
        if seconds is None:
            return self._sum if self._unsummed is None else self._sum.merge(self._unsummed)
        key = (self._running, self._version)
        cached = self._cached.get(seconds)
        if cached is None or cached[0] != key:
            if len(self._cached) > 32:
                self._cached.clear()
            closed = self._closed(seconds, now)
            self._cached[seconds] = cached = key, closed
        running = self._levels[0].get(self._running)
        return cached[1] if running is None else cached[1].merge(running)

    def history(
        self, seconds: float, step: int, now: float, known: Container[int] = ()
    ) -> list[tuple[int, Summary | None]]:
        """Steps of so many seconds, a multiple of the slots', that lead up to now: each with its
        first second, and its sum or None if nothing arrived, or if it is `known`."""
        self.advance(now)
        first, last = int(now - seconds) // step, int(now) // step
        found: dict[int, Summary] = {}
        for (length, _), slots in zip(self._sizes, self._levels, strict=True):
            for key, slot in slots.items():
                at = key * length // step
                if first < at <= last and at * step not in known:
                    found[at] = found[at].merge(slot) if at in found else slot
        return [(at * step, found.get(at)) for at in range(first + 1, last + 1)]

    @property
    def slots(self) -> int:
        """How many there are in the ring."""
        return sum(map(len, self._levels))

    def _closed(self, seconds: float, now: float) -> Summary:
        """The sum of the slots that are over. Sums of what changes seldom are kept, so that a view
        of the hour costs some dozens of merges every few seconds, not some hundreds."""
        since = now - seconds
        total = self._sum_of_coarse(seconds, since)
        blocks: dict[int, list[int]] = {}
        for key in sorted(self._levels[0]):
            blocks.setdefault(key // BLOCK_SLOTS, []).append(key)
        for block in [block for block in self._blocks if block not in blocks]:
            del self._blocks[block]
        for block, keys in blocks.items():
            wanted = [k for k in keys if (k + 1) * SLOT_S > since and k != self._running]
            if wanted == keys:
                total = total.merge(self._sum_of_block(block, keys))
                continue
            for key in wanted:
                total = total.merge(self._levels[0][key])
        return total

    def _sum_of_block(self, block: int, keys: list[int]) -> Summary:
        known = self._blocks.get(block)
        if known is None or known[0] != keys:
            found = self._empty
            for key in keys:
                found = found.merge(self._levels[0][key])
            self._blocks[block] = known = keys, found
        return known[1]

    def _sum_of_coarse(self, seconds: float, since: float) -> Summary:
        wanted = [
            (level, key)
            for level in range(1, len(self._sizes))
            for key in sorted(self._levels[level])
            if (key + 1) * self._sizes[level][0] > since
        ]
        if not wanted:
            return self._empty
        known = self._coarse.get(seconds)
        if known is None or known[0] != wanted:
            found = self._empty
            for level, key in wanted:
                found = found.merge(self._levels[level][key])
            self._coarse[seconds] = known = wanted, found
        return known[1]
