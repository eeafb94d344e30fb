"""Pieces of a log that were cut anywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from logan.sources.pieces import inner_lines, leading_lines

LOGS = st.lists(st.text("ab", max_size=3), min_size=1).map(lambda all_: "\n".join(all_).encode())


@given(LOGS, st.data())
def test_inner_lines_are_whole_and_all_of_them(log: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(start, len(log)))
    inner = inner_lines(log[start:end], to_start=start == 0, to_end=end == len(log))
    # Where lines begin, after the cut at the latest, and where they end.
    bounds = [0, *(at + 1 for at, byte in enumerate(log) if byte == ord("\n"))]
    if bounds[-1] != len(log):
        bounds.append(len(log))
    # A newline just before a cut is not in the piece, so what it ends is not known to be whole.
    inside = [at for at in bounds if start < at <= end or at == start == 0]
    if len(inside) < 2:
        assert inner is None
    else:
        assert inner == (inside[0] - start, inside[-1] - start)


@given(LOGS)
def test_leading_lines_end_with_a_newline_where_one_is(log: bytes) -> None:
    lines = leading_lines(log)
    assert log.startswith(lines)
    if b"\n" in log:
        assert lines.endswith(b"\n")
        assert b"\n" not in log[len(lines) :]
    else:
        assert lines == log
