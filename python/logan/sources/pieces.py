"""Which lines of a piece are whole, where it was cut out of a log at any byte."""

from __future__ import annotations

__all__ = ["inner_lines", "leading_lines"]


def leading_lines(data: bytes) -> bytes:
    """A log's beginning without the line that its cut ends; all of it if that is the only one."""
    return data[: data.rfind(b"\n") + 1] or data


def inner_lines(
    data: bytes, *, to_start: bool = False, to_end: bool = False
) -> tuple[int, int] | None:
    """Between which bytes of a piece its whole lines lie, or None if it has none.

    `to_start` and `to_end`: that end of the piece is one of the log, so it cuts no line.
    """
    first = 0 if to_start else data.find(b"\n") + 1
    last = len(data) if to_end else data.rfind(b"\n") + 1
    if last <= first or not (first or to_start):
        return None
    return first, last
