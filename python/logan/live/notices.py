"""What happened to a log while it was followed: rotations, faults, and bytes that are lost.

What repeats itself is counted instead of said: a file that comes and goes all the time must hide
neither what happens to others nor the terminal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

__all__ = ["NOTICES_KEPT_MAX", "Notice", "Notices", "clock_text"]

NOTICES_KEPT_MAX: Final = 100
"""Of each watch: what is older is on stderr already. The number of all is kept."""

FRESH_MAX: Final = 2_000
"""Between two looks: of a thousand logs, each may have something to say."""

GONE_KEPT_MAX: Final = 1_000
"""What is missing is in every report from then on; one that has so many is partial anyway."""

REPEATS_MAX: Final = 10
LOSSES_MAX: Final = 60
REPEATS_S: Final = 60.0
"""Of one kind and log, so many are said in so much time, more of losses, each of which has its own
place; of what comes beyond, the number and the last one, once in that time."""


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


@dataclass(slots=True)
class _Period:
    """Notices of one kind about one log, since `began`."""

    began: float
    room: int
    left_out: int = 0
    last: Notice | None = None


class Notices:
    """The latest notices, how many there were of each kind, and those that were not shown yet.

    Attributes:
        gone: the first `GONE_KEPT_MAX` notices of bytes that are missing for certain.
    """

    def __init__(self) -> None:
        self._kept: deque[Notice] = deque(maxlen=NOTICES_KEPT_MAX)
        self._fresh: deque[Notice] = deque(maxlen=FRESH_MAX)
        self._periods: dict[tuple[str, str], _Period] = {}
        self._due = 0.0
        self.counts: dict[str, int] = {}
        self.gone: list[Notice] = []

    def add(self, notice: Notice) -> None:
        """Keep it, or count it if there were many like it just now."""
        self.counts[notice.kind] = self.counts.get(notice.kind, 0) + 1
        if notice.certain:
            if len(self.gone) < GONE_KEPT_MAX:
                self.gone.append(notice)
            self._keep(notice)
            return
        self._sum_up(notice.at)
        key = notice.kind, notice.log
        most = REPEATS_MAX if notice.start is None else LOSSES_MAX
        period = self._periods.setdefault(key, _Period(notice.at, most))
        if period.room > 0:
            period.room -= 1
            self._keep(notice)
        else:
            period.left_out += 1
            period.last = notice

    def _keep(self, notice: Notice) -> None:
        self._kept.append(notice)
        self._fresh.append(notice)

    def _sum_up(self, now: float) -> None:
        """Say what was left out in periods that are over."""
        if now < self._due:
            return
        for key, period in list(self._periods.items()):
            if now - period.began < REPEATS_S:
                continue
            del self._periods[key]
            if period.last is not None:
                text = f"{period.last.text} ({period.left_out:,} like this in {REPEATS_S:.0f} s)"
                self._keep(replace(period.last, text=text, at=now))
                # As long as it goes on, only this is said.
                self._periods[key] = _Period(now, 0)
        self._due = min((each.began for each in self._periods.values()), default=now) + REPEATS_S

    def take(self, now: float | None = None) -> list[Notice]:
        """Those that came since the last call, with those that are summed up by `now`."""
        if now is not None:
            self._sum_up(now)
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
