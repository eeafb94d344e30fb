"""What a file held when its watch began: counted by all processors, as `analyze` counts.

The bytes are cut into units, which threads scan, and these into parts by the time that their lines
belong to. Old parts are told apart in timelines alone: there the tables go on, and come with the
last part of their unit. Units are accepted in order, each once the file is seen to hold still what
it held before; at the first doubt the rest is left to the follower of the file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from logan._logan import Spec, Summary
from logan.cpus import cpus
from logan.errors import InputError
from logan.limits import MIB
from logan.live.counted import Groups, Part
from logan.live.files import Edges, OpenFile

__all__ = ["BACKLOG_BYTES_MIN", "Backlog"]

BACKLOG_BYTES_MIN: Final = 4 * MIB
"""With less it is not worth while to begin threads."""

UNIT_BYTES_MIN: Final = 8 * MIB
UNIT_BYTES_MAX: Final = 64 * MIB
UNITS_MIN: Final = 4
"""Units end with the first part that reaches so much; longer parts are split. Large ones cost less,
as each ends with all tables, but each processor is to have several."""

LINE_BYTES: Final = 64 * 1024


Held = Callable[[float, float], Sequence[str]]
"""The metrics that need not tell apart what belongs to one time and to the next."""


@dataclass(slots=True)
class _Unit:
    start: int
    end: int
    cuts: list[tuple[int, Sequence[str]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    edges: Edges | None = None

    def scan(self, path: str, spec: Spec) -> Groups:
        """Raises `OSError`, `InputError`."""
        found = Summary.from_chunk_in_parts(path, self.start, self.end, spec, self.cuts)
        held = (*(each for _, each in self.cuts), ())
        return Groups.of([Part(*each) for each in zip(found, self.times, held, strict=True)])


class Backlog:
    """The bytes of a file from `start` up to the last of `cuts`. Threads begin when it is first
    asked for: of many logs one is counted at a time.

    Args:
        cuts: (offset, time) of places up to which lines belong to a time, in order; a line starts
            at each.
        held: what need not be told apart.

    Attributes:
        end: the last cut.
    """

    def __init__(
        self,
        file: OpenFile,
        spec: Spec,
        start: int,
        cuts: Sequence[tuple[int, float]],
        held: Held,
    ) -> None:
        self.end = cuts[-1][0]
        self._file = file
        file.remember(file.edges_at(self.end))
        self._spec = spec
        self._units = _units(file, start, cuts, held, _unit_bytes(self.end - start))
        self._threads: ThreadPoolExecutor | None = None
        self._begun: deque[tuple[_Unit, Future[Groups]]] = deque()

    def next(self, accept: Callable[[int, Edges], bool]) -> Groups | None:
        """What the next unit counts, if it is `accept`ed with its end and the edges that the file
        had there before. None if there are no more, or the rest is to be read in another way."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(cpus(), thread_name_prefix="logan-backlog")
            self._begin_more(self._threads)
        if not self._begun:
            self.close()
            return None
        unit, future = self._begun.popleft()
        try:
            counted = future.result()
        except (OSError, InputError):
            counted = None
        if counted is None or unit.edges is None or not accept(unit.end, unit.edges):
            self.close()
            return None
        self._begin_more(self._threads)
        return counted

    def close(self) -> None:
        """Give up what was not accepted."""
        self._begun.clear()
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def _begin_more(self, threads: ThreadPoolExecutor) -> None:
        """Have all threads busy while the result of one unit is taken in."""
        while len(self._begun) <= cpus() and (unit := next(self._units, None)) is not None:
            unit.edges = self._file.edges_at(unit.end)
            # By its descriptor: whatever its name is by now.
            path = f"/dev/fd/{self._file.fd}"
            self._begun.append((unit, threads.submit(unit.scan, path, self._spec)))


def _unit_bytes(size: int) -> int:
    return max(UNIT_BYTES_MIN, min(UNIT_BYTES_MAX, size // (UNITS_MIN * cpus())))


def _units(
    file: OpenFile, start: int, cuts: Sequence[tuple[int, float]], held: Held, unit_bytes: int
) -> Iterator[_Unit]:
    unit = _Unit(start, start)
    for index, (offset, at) in enumerate(cuts):
        while offset - unit.start > 2 * unit_bytes:
            # Where the unit has parts already, they do not wait for this one.
            split = _line_after(file, max(unit.end, unit.start + unit_bytes), offset)
            if split >= offset:
                break
            unit.times.append(at)
            unit.end = split
            yield unit
            unit = _Unit(split, split)
        unit.times.append(at)
        unit.end = offset
        is_last = index + 1 == len(cuts)
        if is_last or unit.end - unit.start >= unit_bytes:
            yield unit
            unit = _Unit(offset, offset)
        else:
            unit.cuts.append((offset, held(at, cuts[index + 1][1])))


def _line_after(file: OpenFile, at: int, end: int) -> int:
    """The first line start behind a byte, or `end` if there is none before."""
    while at < end:
        data = os.pread(file.fd, min(LINE_BYTES, end - at), at)
        if (found := data.find(b"\n")) >= 0:
            return at + found + 1
        if not data:
            break
        at += len(data)
    return end
