"""What happened to a log while it was followed: rotations, faults, and bytes that are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

__all__ = ["NOTICES_KEPT_MAX", "Notice", "Notices", "clock_text"]

NOTICES_KEPT_MAX: Final = 100
"""Of each watch: what is older is on stderr already. The number of all is kept."""

GONE_KEPT_MAX: Final = 1_000
"""What is missing is in every report from then on; one that has so many is partial anyway."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of a log.

    Attributes:
        kind: "rotated", "truncated", "lost", "vanished", "returned", "unreadable", "joined", ….
        log: the log's name.
        text: a sentence that names the file and, for "lost", the range.
        at: when it was seen, in seconds since 1970.
        is_fault: whether a user must be told at once.
        start, end: of "lost", offsets in the log between which the lost bytes were; `end` is
            None if their number is not known.
        certain: of "lost", whether lines are missing in the figures, not only perhaps.
    """

    kind: str
    log: str
    text: str
    at: float
    is_fault: bool = False
    start: int | None = None
    end: int | None = None
    certain: bool = False


class Notices:
    """The latest notices, how many there were of each kind, and those that were not shown yet.

    Attributes:
        gone: the first `GONE_KEPT_MAX` notices of bytes that are missing for certain.
    """

    def __init__(self) -> None:
        self._kept: deque[Notice] = deque(maxlen=NOTICES_KEPT_MAX)
        self._fresh: deque[Notice] = deque(maxlen=NOTICES_KEPT_MAX)
        self.counts: dict[str, int] = {}
        self.gone: list[Notice] = []

    def add(self, notice: Notice) -> None:
        """Keep it."""
        self._kept.append(notice)
        self._fresh.append(notice)
        if notice.certain and len(self.gone) < GONE_KEPT_MAX:
            self.gone.append(notice)
        self.counts[notice.kind] = self.counts.get(notice.kind, 0) + 1

    def take(self) -> list[Notice]:
        """Those that came since the last call."""
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh

    def __iter__(self) -> Iterator[Notice]:
        return iter(list(self._kept))

    def of(self, log: str) -> list[Notice]:
        """Those of one log, oldest first."""
        return [each for each in self._kept if each.log == log]


def clock_text(at: float) -> str:
    """The time of day in UTC, to the millisecond."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-3] + "Z"
