"""Lines around records, from the file that they lie in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from logan.cli.line_groups import Line, LineGroup

__all__ = ["with_context"]

_BLOCK: Final = 1 << 16


def with_context(
    groups: Iterable[LineGroup], path: str, before: int, after: int
) -> Iterator[LineGroup]:
    """The groups of one file, in its order, each with the lines before and after it that no other
    group has."""
    with open(path, "rb") as file:
        shown = 0
        waiting: LineGroup | None = None
        for group in groups:
            if waiting is not None:
                waiting.after = _lines_after(file, waiting.end, after, group.offset)
                shown = _end(waiting)
                yield waiting
            group.before = _lines_before(file, group.offset, before, shown)
            waiting = group
        if waiting is not None:
            waiting.after = _lines_after(file, waiting.end, after, None)
            yield waiting


def _end(group: LineGroup) -> int:
    last = group.after[-1] if group.after else group.lines[-1]
    return last[0] + len(last[1]) + 1


def _lines_before(file: BinaryIO, end: int, count: int, start: int) -> list[Line]:
    """At most `count` lines that end at `end`, none that begins before `start`."""
    if count <= 0:
        return []
    data, at = b"", end
    while at > start and data.count(b"\n") <= count:
        length = min(_BLOCK, at - start)
        at -= length
        file.seek(at)
        data = file.read(length) + data
    lines = data.split(b"\n")[:-1]
    found: list[Line] = []
    for line in reversed(lines[-count:]):
        end -= len(line) + 1
        found.append((end, line))
    return found[::-1]


def _lines_after(file: BinaryIO, start: int, count: int, stop: int | None) -> list[Line]:
    """At most `count` lines from `start` on, none that begins at or after `stop`."""
    found: list[Line] = []
    file.seek(start)
    while len(found) < count and (stop is None or start < stop):
        line = file.readline()
        if not line:
            break
        found.append((start, line.removesuffix(b"\n")))
        start += len(line)
    return found
