"""The Markdown output of a comparison: a comment for a pull request, in GitHub's dialect.

The sentence, limits and what is marked stand open, the rest unfolds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from logan.comparison import view
from logan.report.markdown import escaped, table

if TYPE_CHECKING:
    from logan.comparison.document import Comparison, Table
    from logan.report.render_options import RenderOptions

__all__ = ["render"]

OPEN_METRICS: Final = ("requests", "errors", "p50", "p95", "p99")
"""What stands open of the headline besides what is marked."""

OPEN_ROWS_MAX: Final = 5
"""Marked rows of a table that stand open: a comment is read beside others."""


def render(comparison: Comparison, options: RenderOptions) -> str:
    """The comparison as Markdown; `options` do not matter."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    before, after = comparison.before, comparison.after
    yield f"## {escaped(view.named(before))} → {escaped(view.named(after))}"
    yield ""
    yield f"**{escaped(view.summary(comparison))}**"
    yield ""
    yield f"- before: {escaped(view.side_line(before))}"
    yield f"- after: {escaped(view.side_line(after))}"
    for side, text in view.findings(comparison):
        yield f"- found within {side}: {escaped(text)}"
    if comparison.verdicts:
        yield ""
        yield from table(
            ["limit", "result"], [[each.state, each.text] for each in comparison.verdicts], []
        )
    yield from _headline(comparison)
    for each in comparison.tables:
        if each.rows:
            yield from _section(comparison, each)
    yield ""
    yield f"<sub>{escaped(view.legend(comparison))}</sub>"
    for note in view.notes(comparison):
        yield ""
        yield f"<sub>{escaped(note)}</sub>"


def _headline(comparison: Comparison) -> Iterator[str]:
    """What is marked and what users look for first; the rest unfolds."""
    rows: tuple[list[list[str]], list[list[str]]] = ([], [])
    for name, cell in view.headline(comparison):
        is_open = cell.mark or name in OPEN_METRICS
        rows[not is_open].append(
            [name, cell.before, cell.after, f"{cell.change} {cell.mark}".strip()]
        )
    columns = ["metric", "before", "after", "change"]
    yield ""
    yield from table(columns, rows[0], [1, 2, 3])
    if rows[1]:
        yield from _folded("More metrics", columns, rows[1], [1, 2, 3])


def _section(comparison: Comparison, shown: Table) -> Iterator[str]:
    """The first rows that are marked; the others unfold."""
    marked = sum(row.is_marked for row in shown.rows)
    columns = [shown.key, *(view.label(name) for name in view.COLUMNS[shown.name])]
    right = range(1, len(columns))
    rows = [
        [view.row_name(row), *map(_cell, cells)]
        for row, cells in view.rows_shown(comparison, shown)
    ]
    note = view.table_note(comparison, shown)
    if not marked:
        title = f"{shown.title}: no difference told apart"
        yield from _folded(title, columns, rows, right, note)
        return
    yield ""
    yield f"**{escaped(shown.title)}: {marked:,} changed**"
    yield ""
    count = min(marked, OPEN_ROWS_MAX)
    yield from table(columns, rows[:count], right)
    rest = rows[count:]
    if rest:
        more = marked - count
        title = f"{more:,} more changed" if more else "no other difference told apart"
        yield from _folded(f"{shown.title}: {title}", columns, rest, right, note)
    elif note:
        yield ""
        yield escaped(note)


def _cell(cell: view.Shown) -> str:
    if cell.before == cell.after and not cell.mark:
        return cell.after
    change = f" ({cell.change}) {cell.mark}" if cell.mark else ""
    return f"{cell.before} → {cell.after}{change}"


def _folded(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[int],
    note: str = "",
) -> Iterator[str]:
    yield ""
    yield f"<details><summary>{escaped(title)}</summary>"
    yield ""
    if note:
        yield escaped(note)
        yield ""
    yield from table(columns, rows, right)
    yield ""
    yield "</details>"
