"""The Markdown output of a comparison: a comment for a pull request, in GitHub's dialect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from logan.comparison import view
from logan.report.markdown import escaped, table

if TYPE_CHECKING:
    from logan.comparison.document import Comparison, Table
    from logan.report.render_options import RenderOptions

__all__ = ["render"]


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
    if comparison.verdicts:
        yield ""
        yield from table(
            ["limit", "result"], [[each.state, each.text] for each in comparison.verdicts], []
        )
    yield ""
    yield from table(
        ["metric", "before", "after", "change", ""],
        [
            [name, cell.before, cell.after, cell.change, cell.mark]
            for name, cell in view.headline(comparison)
        ],
        [1, 2, 3],
    )
    for each in comparison.tables:
        if each.rows:
            yield ""
            yield from _section(comparison, each)
    yield ""
    yield f"<sub>{escaped(view.legend(comparison))}</sub>"
    for note in view.notes(comparison):
        yield ""
        yield f"<sub>{escaped(note)}</sub>"


def _section(comparison: Comparison, shown: Table) -> Iterator[str]:
    """A table that unfolds where nothing in it is marked."""
    any_marked = any(row.is_marked for row in shown.rows)
    if any_marked:
        yield f"### {escaped(shown.title)}"
    else:
        yield f"<details><summary>{escaped(shown.title)}: no difference told apart</summary>"
    yield ""
    note = view.table_note(comparison, shown)
    if note:
        yield escaped(note)
        yield ""
    columns = [view.label(name) for name in view.COLUMNS[shown.name]]
    rows = [
        [
            *(
                f"{cell.before} → {cell.after} ({cell.change}) {cell.mark}".strip()
                for cell in cells
            ),
            view.row_name(row),
        ]
        for row, cells in view.rows_shown(comparison, shown)
    ]
    yield from table([*columns, shown.key], rows, range(len(columns)))
    if not any_marked:
        yield ""
        yield "</details>"
