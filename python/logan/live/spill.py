"""Where summaries wait that are rarely asked for: a temporary file without a name.

A watch keeps the tables of an hour by time, tens of megabytes that are of no use until a report
of that time is asked for. In a file they take no memory that the system could not have back. Where
there is no room for one, they wait in memory, compressed.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_left
from collections import deque
from typing import Final, NamedTuple

from logan._logan import PackedSummary, Summary
from logan.errors import InputError

__all__ = ["Place", "Spill", "Waiting"]

PAUSE_WRITES: Final = 100
"""So many summaries stay in memory after one that found no room, before the next is tried."""


class Place(NamedTuple):
    """Offsets in the file."""

    start: int
    end: int


class Spill:
    """The file. It is opened with the first that waits, and is gone with the process.

    Args:
        folder: where it lies; by default where temporary files do.
    """

    _fd: int | None = None  # also of one that was never made whole

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._end = 0
        self._free: list[Place] = []  # in order, no two of them neighbors
        self._freed: deque[Place] = deque()  # by finalizers, which may run at any moment
        self._pause = 0

    def put(self, data: bytes) -> Place | None:
        """Write them; None where that cannot be done. In one thread at a time."""
        while self._freed:
            self._give_back(self._freed.popleft())
        if self._pause:
            self._pause -= 1
            return None
        place = self._take(len(data))
        try:
            if self._fd is None:
                with tempfile.TemporaryFile(buffering=0, dir=self._folder) as file:
                    self._fd = os.dup(file.fileno())
            written = os.pwrite(self._fd, data, place.start)
        except OSError:
            written = 0
        if written == len(data):
            return place
        self._give_back(place)
        self._pause = PAUSE_WRITES
        return None

    def get(self, place: Place) -> bytes:
        """What was written there. Raises `InputError` if it cannot be read any more."""
        assert self._fd is not None
        try:
            data = os.pread(self._fd, place.end - place.start, place.start)
        except OSError as error:
            why = error.strerror or str(error)
            raise InputError(f"a temporary file cannot be read: {why}") from error
        if len(data) != place.end - place.start:
            raise InputError("a temporary file was cut off")
        return data

    def free(self, place: Place) -> None:
        """What is there is not asked for any more."""
        self._freed.append(place)

    @property
    def bytes(self) -> int:
        """How long the file is."""
        return self._end

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()

    def _take(self, length: int) -> Place:
        for index, (start, end) in enumerate(self._free):
            if end - start >= length:
                rest = Place(start + length, end)
                self._free[index : index + 1] = [rest] if rest.start < rest.end else []
                return Place(start, start + length)
        self._end += length
        return Place(self._end - length, self._end)

    def _give_back(self, place: Place) -> None:
        index = bisect_left(self._free, place)
        start, end = place
        if index < len(self._free) and self._free[index].start == end:
            end = self._free.pop(index).end
        if index and self._free[index - 1].end == start:
            index -= 1
            start = self._free.pop(index).start
        if end == self._end:
            self._end = start
        else:
            self._free.insert(index, Place(start, end))


class Waiting:
    """A summary that waits, in the file if that has room."""

    __slots__ = ("_like", "_packed", "_place", "_spill")

    def __init__(self, summary: Summary, spill: Spill, like: Summary) -> None:
        packed = PackedSummary(summary)
        self._spill = spill
        self._like = like  # one for all of a meaning
        self._place = spill.put(packed.to_bytes())
        self._packed = packed if self._place is None else None

    def summary(self) -> Summary:
        """The summary. Raises `InputError`, `SummaryError` if the file cannot be read or was
        damaged."""
        if self._packed is not None:
            return self._packed.summary()
        assert self._place is not None
        return PackedSummary.from_bytes(self._spill.get(self._place), self._like).summary()

    @property
    def is_in_memory(self) -> bool:
        """Whether the file had no room for it."""
        return self._packed is not None

    def __del__(self) -> None:
        place = getattr(self, "_place", None)
        if place is not None:
            self._spill.free(place)
