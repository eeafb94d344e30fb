"""The text output of a comparison, from 60 columns on, with and without color."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from logan.comparison import view
from logan.report.text.console import WIDTH_MIN, page
from logan.report.text.widgets import NOTE, STRONG, WIDE_FROM, table

if TYPE_CHECKING:
    from logan.comparison.document import Comparison
    from logan.comparison.document import Table as TableOfRows
    from logan.report.render_options import RenderOptions

__all__ = ["render"]

WIDTH_MAX: Final = 160
_STYLES: Final = {"worse": "red", "better": "green", "neutral": "bold"}
_ASCII: Final = str.maketrans(
    {"▲": "^", "▼": "v", "→": ">", "–": "-", "µ": "u", "±": "~", "…": "~"}
)


def render(comparison: Comparison, options: RenderOptions) -> str:
    """The comparison as text of `options.width` columns, at least 60; limits are said elsewhere."""
    width = max(WIDTH_MIN, min(WIDTH_MAX, options.width))
    parts: list[RenderableType] = [_sides(comparison), Text(view.summary(comparison), style=STRONG)]
    parts += [Text(), _headline(comparison, width)]
    if found := view.findings(comparison):
        parts += [Text(), Text("Findings within a side", style=STRONG)]
        grid = Table.grid(padding=(0, 2, 0, 0))
        for name, text in found:
            grid.add_row(Text(f"  {name}", style=NOTE), Text(text))
        parts.append(grid)
    for each in comparison.tables:
        part = _table(comparison, each, width)
        if part is not None:
            parts += [Text(), part]
    parts.append(Text())
    parts += [Text(line, style=NOTE) for line in [view.legend(comparison), *view.notes(comparison)]]
    text = page(Group(*parts), width=width, color=options.color)
    return text.translate(_ASCII) if options.ascii_only else text


def _sides(comparison: Comparison) -> RenderableType:
    lines = Text()
    for name, info in (("before", comparison.before), ("after", comparison.after)):
        lines.append(f"{name:<8}", style=NOTE)
        lines.append(view.named(info), style=STRONG)
        lines.append(f"  {view.side_line(info)}\n", style=NOTE)
    return lines


def _headline(comparison: Comparison, width: int) -> RenderableType:
    rows = []
    for name, cell in view.headline(comparison):
        style = _STYLES.get(cell.tone, NOTE)
        rows.append(
            [
                Text(name),
                Text(cell.before),
                Text(cell.after),
                Text(f"{cell.change} {cell.mark or ' '}", style=style),
                Text(),
            ]
        )
    found = table("Headline", "", ["<metric", "before", "after", "change  ", "<"], rows, width)
    return found or Text()


def _table(comparison: Comparison, shown: TableOfRows, width: int) -> RenderableType | None:
    """Values after the change, and the change; where there is room, those before it, too."""
    header: list[str] = []
    rows: list[list[Text]] = []
    columns = view.COLUMNS[shown.name]
    for index, name in enumerate(columns):
        header += ["before"] if width >= WIDE_FROM else []
        header += [view.label(name)]
        header += [] if _is_narrow(index, columns, width) else ["change "]
    for row, cells in view.rows_shown(comparison, shown):
        line = []
        for index, cell in enumerate(cells):
            style = _STYLES.get(cell.tone, NOTE)
            if width >= WIDE_FROM:
                line.append(Text(cell.before, style=NOTE))
            if _is_narrow(index, columns, width):
                line.append(
                    Text(f"{cell.after}{cell.mark or ' '}", style=style if cell.mark else "")
                )
                continue
            line.append(Text(cell.after, style=style if cell.mark else ""))
            line.append(Text(f"{cell.change.replace(' ', '')}{cell.mark or ' '}", style=style))
        line.append(Text(view.row_name(row)))
        rows.append(line)
    return table(
        shown.title, view.table_note(comparison, shown), [*header, f"<{shown.key}"], rows, width
    )


def _is_narrow(index: int, columns: tuple[str, ...], width: int) -> bool:
    """Whether a column shows no change but its mark: the first of many on a narrow page."""
    return width < WIDE_FROM and index == 0 and len(columns) > 2
