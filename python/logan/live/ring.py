"""Summaries by time, and the sum of all.

A ring of slots on the axis of arrival, folded into coarser ones as they age, until they are older
than any view looks back. Pure: the caller says what time it is.

Parts come several times a second and are merged when a view looks, or when there are many. What
a slot holds once its time is over may wait in a file, where views are rare and summaries large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from logan._logan import Summary
from logan.live.spill import Spill, Waiting
from logan.live.windows import SLOT_S

__all__ = ["PIECES_MAX", "Ring", "RunningSum"]

BLOCK_SLOTS: Final = 12
"""Slots whose sum is kept once it is asked for: those of a minute, and of an hour."""

PIECES_MAX: Final = 12
"""So many summaries of a slot wait to be added up."""

FETCHED_MAX: Final = 4
"""So many are fetched at once where they are added up, each of some megabytes."""

UNSETTLED_MAX: Final = 8
"""So many slots may have some that wait."""


class RunningSum:
    """A sum of all parts. They are added up a few at a time, as each addition copies the sum."""

    def __init__(self, empty: Summary) -> None:
        self._sum = empty
        self._fresh: list[Summary | Waiting] = []

    def add(self, part: Summary | Waiting) -> None:
        """Add a part."""
        self._fresh.append(part)
        if len(self._fresh) >= PIECES_MAX:
            self._fold()

    @property
    def value(self) -> Summary:
        """The sum."""
        if self._fresh:
            self._fold()
        return self._sum

    def _fold(self) -> None:
        self._sum = self._sum.merge(_sum(self._fresh))
        self._fresh = []


class _Slot:
    """The sum of some time: pieces that are yet to be added up; one at least once a piece was
    added."""

    __slots__ = ("pieces",)

    def __init__(self) -> None:
        self.pieces: list[Summary | Waiting] = []

    def sum(self) -> Summary:
        """The sum of the pieces, which takes their place."""
        total = _sum(self.pieces)
        self.pieces = [total]
        return total

    def spill(self, spill: Spill, empty: Summary) -> None:
        """Let the sum wait in a file."""
        if len(self.pieces) > 1 or not isinstance(self.pieces[0], Waiting):
            self.pieces = [Waiting(self.sum(), spill, empty)]


class Ring:
    """The ring.

    Args:
        empty: the summary of nothing.
        sizes: lengths of slots and the ages up to which slots have them, in seconds, the finest
            first, which are `SLOT_S` long.
        reach_s: how far back views look, besides those of `WINDOWS`.
        spill: where slots whose time is over wait; in memory, as they are, without it.
        dropped: takes what is older than all slots.
    """

    def __init__(
        self,
        empty: Summary,
        sizes: Sequence[tuple[int, float]],
        reach_s: float = 0.0,
        *,
        spill: Spill | None = None,
        dropped: Callable[[Summary | Waiting], object] = lambda part: None,
    ) -> None:
        *finer, (length, age) = sizes
        self._sizes = (*finer, (length, max(age, reach_s + length)))
        self._empty = empty
        self._spill = spill
        self._dropped = dropped
        self._levels: list[dict[int, _Slot]] = [{} for _ in self._sizes]
        self._unsettled: set[tuple[int, int]] = set()
        self._running = 0
        self._version = 0
        self._closed: dict[float, tuple[int, Summary]] = {}
        self._blocks: dict[tuple[int, int], tuple[list[int], _Slot]] = {}

    def add(self, part: Summary, at: float, now: float) -> None:
        """Count a part that arrived, or whose records were written, at `at`."""
        self.advance(now)
        slot = self.slot_of(at, now)
        if slot is None:
            self._dropped(part)
        else:
            self._put(*slot, part)

    def slot_of(self, at: float, now: float) -> tuple[int, int] | None:
        """The slot of a time: its level and key; None if it is older than all."""
        age = now - at
        for level, (length, kept_s) in enumerate(self._sizes):
            if age <= kept_s:
                return level, int(at // length)
        return None

    def advance(self, now: float) -> None:
        """Close the running slot if its time is over, and fold those that are old."""
        running = int(now // SLOT_S)
        if running == self._running:
            return
        self._running = running
        self._changed()
        for level, (length, kept_s) in enumerate(self._sizes):
            slots = self._levels[level]
            for key in [key for key in slots if now - (key + 1) * length > kept_s]:
                old = slots.pop(key)
                self._blocks.pop((level, key // BLOCK_SLOTS), None)
                for piece in old.pieces:
                    if level + 1 < len(self._sizes):
                        coarser = self._sizes[level + 1][0]
                        self._put(level + 1, key * length // coarser, piece)
                    else:
                        self._dropped(piece)
        self._settle_those({each for each in self._unsettled if self._is_over(*each, now)})

    def view(self, seconds: float, now: float) -> Summary:
        """The sum of the slots that reach into the last `seconds`, which may be infinite, the
        running one included. Up to one slot more than asked for is in it."""
        self.advance(now)
        known = self._closed.get(seconds)
        if known is None or known[0] != self._version:
            self._closed[seconds] = known = self._version, self._sum_of_closed(now - seconds)
        running = self._levels[0].get(self._running)
        return known[1] if running is None else known[1].merge(running.sum())

    @property
    def entries(self) -> int:
        """How many summaries are held, whatever for."""
        slots = sum(len(slot.pieces) for slots in self._levels for slot in slots.values())
        return slots + len(self._blocks) + len(self._closed)

    def _put(self, level: int, key: int, piece: Summary | Waiting) -> None:
        slots = self._levels[level]
        if (slot := slots.get(key)) is None:
            slot = slots[key] = _Slot()
        slot.pieces.append(piece)
        if len(slot.pieces) > PIECES_MAX:
            if level or key != self._running:
                self._settle(slot)
            else:
                slot.sum()
        self._blocks.pop((level, key // BLOCK_SLOTS), None)
        if level or key != self._running:
            self._changed()
            if len(self._unsettled) > UNSETTLED_MAX:  # much is caught up with at once
                self._settle_those({*self._unsettled})
        self._unsettled.add((level, key))

    def _is_over(self, level: int, key: int, now: float) -> bool:
        """Whether nothing is added to a slot any more, unless it comes late."""
        if not level:
            return key != self._running
        return now - (key + 1) * self._sizes[level][0] > self._sizes[level - 1][1]

    def _settle_those(self, slots: set[tuple[int, int]]) -> None:
        self._unsettled -= slots
        for level, key in slots:
            if (slot := self._levels[level].get(key)) is not None:
                self._settle(slot)

    def _settle(self, slot: _Slot) -> None:
        if self._spill is None:
            slot.sum()
        else:
            slot.spill(self._spill, self._empty)

    def _changed(self) -> None:
        self._version += 1
        self._closed.clear()

    def _sum_of_closed(self, since: float) -> Summary:
        """The sum of the slots that are over: of whole blocks, whose sums are kept, and of what the
        view's beginning leaves of one."""
        pieces: list[Summary | Waiting] = []
        for level in range(len(self._sizes) - 1, -1, -1):
            length = self._sizes[level][0]
            blocks: dict[int, list[int]] = {}
            for key in sorted(self._levels[level]):
                if level or key != self._running:
                    blocks.setdefault(key // BLOCK_SLOTS, []).append(key)
            for block, keys in blocks.items():
                wanted = [key for key in keys if (key + 1) * length > since]
                is_whole = wanted == keys and keys[-1] // BLOCK_SLOTS < self._latest(level)
                if is_whole and len(keys) > 1:
                    pieces += self._sum_of_block(level, block, keys).pieces
                else:
                    for key in wanted:
                        pieces += self._levels[level][key].pieces
        return _sum(pieces) if pieces else self._empty

    def _latest(self, level: int) -> int:
        """The block of a level that still gets slots."""
        return int(self._running * SLOT_S // self._sizes[level][0]) // BLOCK_SLOTS

    def _sum_of_block(self, level: int, block: int, keys: list[int]) -> _Slot:
        known = self._blocks.get((level, block))
        if known is None or known[0] != keys:
            total = _Slot()
            for key in keys:
                total.pieces += self._levels[level][key].pieces
            self._settle(total)
            self._blocks[level, block] = known = keys, total
        return known[1]


def _sum(pieces: Sequence[Summary | Waiting]) -> Summary:
    """The sum of one at least. Few are fetched at a time: all of an hour would take much room."""
    total = _fetched(pieces[0])
    for at in range(1, len(pieces), FETCHED_MAX):
        total = Summary.sum([total, *map(_fetched, pieces[at : at + FETCHED_MAX])])
    return total


def _fetched(piece: Summary | Waiting) -> Summary:
    return piece.summary() if isinstance(piece, Waiting) else piece
