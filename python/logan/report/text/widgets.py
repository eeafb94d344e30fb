"""The pieces that sections of the text report are made of: titles, tables, bars, places, times.

Knows rich, but neither the report's keys nor the order of its sections. Every piece takes the
width that it may fill; a table's last column takes what the others leave.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from logan.report import labels, units
from logan.report.shortening import distinct
from logan.report.units import visible

__all__ = [
    "BAR",
    "ERROR",
    "INDENT",
    "NOTE",
    "STRONG",
    "WARNING",
    "WIDE_FROM",
    "alert",
    "bar",
    "cropped",
    "indented",
    "place",
    "shares",
    "table",
    "times",
    "title",
]

WIDE_FROM: Final = 110
"""From this width on, tables show columns that would crowd a narrow page."""

INDENT: Final = "  "

STRONG: Final = "bold"
NOTE: Final = "dim"
BAR: Final = "cyan"
ERROR: Final = "red"
WARNING: Final = "yellow"


def title(name: str, note: str) -> Text:
    """The heading of a section, with what must be known to read it."""
    title = Text(name, style="bold", no_wrap=True, overflow="ellipsis")
    if note:
        title.append(f"  {note}", style="not bold dim")
    return title


def indented(part: RenderableType) -> RenderableType:
    """`part` one step to the right; what wraps stays there."""
    return Padding(part, (0, 0, 0, len(INDENT)))


def cropped(part: RenderableType) -> RenderableType:
    """`part`, if it is text, on one line that ends in an ellipsis where it is too long."""
    if isinstance(part, Text):
        part.no_wrap, part.overflow = True, "ellipsis"
    return part


def table(
    name: str, note: str, header: Sequence[str], rows: Sequence[Sequence[Text]], width: int
) -> RenderableType | None:
    """Columns as wide as their content, the last one with what is left. `<` aligns left. Texts of
    the last one are cut so that they differ.

    A note too long for the title's line goes below it, whole.
    """
    if not rows:
        return None
    grid = Table.grid(padding=(0, 2, 0, 0))
    left = width - len(INDENT)
    for index, heading in enumerate(header):
        label = heading.lstrip("<")
        widest = max(len(label), *(row[index].cell_len for row in rows))
        if index == len(header) - 1:
            widest = max(8, left)
            plain = [row[-1] for row in rows if not row[-1].spans]
            texts = distinct([cell.plain for cell in plain], widest, cell_len)
            for cell, shown in zip(plain, texts, strict=True):
                cell.plain = shown
        left -= widest + 2
        justify: Any = "left" if heading.startswith("<") else "right"
        grid.add_column(justify=justify, width=widest, no_wrap=True, overflow="ellipsis")
    grid.add_row(*(Text(heading.lstrip("<"), style=NOTE) for heading in header))
    for row in rows:
        grid.add_row(*row)
    heading_line = title(name, note)
    if heading_line.cell_len <= width:
        return Group(heading_line, indented(grid))
    return Group(title(name, ""), indented(Text(note, style=NOTE)), indented(grid))


def shares(counts: Mapping[str, int], styles: Mapping[str, str], width: int) -> RenderableType:
    """One row per name: count, share, bar."""
    total = sum(counts.values()) or 1
    name_width = max(len(name) for name in counts)
    count_width = max(len(units.count(n)) for n in counts.values())
    bar_width = max(3, min(24, width - name_width - count_width - 7 - 6))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=name_width, no_wrap=True)
    grid.add_column(width=count_width, justify="right", no_wrap=True)
    grid.add_column(width=7, justify="right", no_wrap=True)
    grid.add_column(width=bar_width, no_wrap=True, overflow="crop")
    for name, n in counts.items():
        style = styles.get(name, "")
        grid.add_row(
            Text(name, style=style),
            Text(units.count(n)),
            Text(units.share(n / total), style=NOTE),
            Text(bar(n / total, bar_width), style=style or BAR),
        )
    return grid


def bar(share: float, width: int) -> str:
    """A horizontal bar in eighths of a cell; a share that is not 0 shows."""
    eighths = min(width * 8, max(1, round(share * width * 8))) if share > 0 else 0
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def alert(text: str, value: int | None) -> Text:
    """A count of errors: it stands out unless it is 0 or not known."""
    return Text(text, style=ERROR if value else NOTE)


def times(n: int) -> str:
    """`3` -> `×3`."""
    return f"×{units.count(n)}"


def place(row: Mapping[str, Any], width: int) -> str:
    """`input:offset`; of a name that is too long for the page as many of the last parts as fit."""
    name = visible(labels.input_name(str(row["input"])))
    room = 40 if width >= WIDE_FROM else 22
    while len(name) > room and os.sep in name.rstrip(os.sep):
        name = name.partition(os.sep)[2]
    if len(name) > room:
        name = "…" + name[-(room - 1) :]
    return f"{name}:{row['offset']}"
