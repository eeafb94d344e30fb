"""Records with their lines, from batches, in the order of time across inputs."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from logan._logan import Batch

__all__ = ["Line", "LineGroup", "at_offsets", "groups_of", "merged"]

_BEFORE_ALL: Final = -(2**63)

Line = tuple[int, bytes]
"""Where a line starts, and its bytes without the newline."""


@dataclass(slots=True)
class LineGroup:
    """A record, or a malformed line, and what is printed with it.

    Attributes:
        input: the path of its input.
        time: nanoseconds since 1970; None if it has none.
        key: its time, else that of the one before it.
        lines: its own line and those that continue it.
        before, after: lines around it that are context.
        values: by column, what else was asked for.
    """

    input: str
    kind: str
    time: int | None
    key: int
    lines: list[Line]
    values: dict[str, Any] = field(default_factory=dict)
    before: list[Line] = field(default_factory=list)
    after: list[Line] = field(default_factory=list)

    @property
    def offset(self) -> int:
        """Where its first line starts."""
        return self.lines[0][0]

    @property
    def end(self) -> int:
        """Where the line after it starts."""
        return self.lines[-1][0] + len(self.lines[-1][1]) + 1


def groups_of(batches: Iterable[Batch], name: str, more: Iterable[str] = ()) -> Iterator[LineGroup]:
    """The groups of one input, from batches with the columns time, offset, raw and kind, and
    `more`."""
    group: LineGroup | None = None
    key = _BEFORE_ALL
    names = list(more)
    for batch in batches:
        times, offsets = batch.values("time"), batch.values("offset")
        raws, kinds = batch.values("raw"), batch.values("kind")
        columns = [batch.values(each) for each in names]
        for row, kind in enumerate(kinds):
            line = (offsets[row], raws[row] or b"")
            if kind == "continuation" and group is not None and group.kind == "record":
                group.lines.append(line)
                continue
            if group is not None:
                yield group
            time = times[row]
            key = key if time is None else time
            values = {each: column[row] for each, column in zip(names, columns, strict=True)}
            group = LineGroup(name, kind, time, key, [line], values)
    if group is not None:
        yield group


def merged(streams: Iterable[Iterable[LineGroup]]) -> Iterator[LineGroup]:
    """All groups by time, those of each stream in its order; of equal times the earlier stream's
    come first. What has no time stays behind the one before it."""
    return heapq.merge(*streams, key=lambda group: group.key)


def at_offsets(
    groups: Iterable[LineGroup], offsets: Iterable[int], found: set[int]
) -> Iterator[LineGroup]:
    """The groups that the bytes at these offsets belong to; the offsets join `found`."""
    wanted = sorted(set(offsets))
    for group in groups:
        here = [offset for offset in wanted if group.offset <= offset < group.end]
        if here:
            found.update(here)
            yield group
        if wanted and group.offset > wanted[-1]:
            return
