"""The text output: a report for users, by rich, from 60 columns on, with and without color.

Pure: `view`, `tables` and `charts` have what there is to say, this decides how it looks. Log text
is printed as `Text`, never as markup. Colors are the terminal's own sixteen, so they suit dark and
light backgrounds, and nothing is told by color alone. Sections without data are left out; where the
page has a height, so is what does not fit, and the last line says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from logan.report import tables
from logan.report.text import parts
from logan.report.text.chart import timeline_section
from logan.report.text.console import WIDTH_MIN, page
from logan.report.text.widgets import NOTE, WIDE_FROM
from logan.report.text.workers import workers_section
from logan.report.timezones import in_zone

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions
    from logan.report.section import Section

__all__ = ["layout", "render"]

WIDTH_MAX: Final = 160

_ROWS_MIN: Final = 3
"""Rows of a table below which it says too little to be worth its title and header."""

_ROWS_MIN_OF_FIRST: Final = 6
"""Of the first table, where there is room for others."""

_SHORT_BELOW: Final = 34
"""Lines below which charts are low, and only the first finding has its command."""

_ASCII: Final = {
    ord(char): plain
    for chars, plain in (
        ("█▉▊▋▅▆▇", "#"),
        ("▌▍▎▏▃▄", "="),
        ("▁▂", "."),
        ("…±", "~"),
        ("·│", "|"),
        ("–", "-"),
        ("→", ">"),
        ("▲", "^"),
        ("●", "*"),
        ("µ", "u"),
        ("×✗", "x"),
    )
    for char in chars
}

Data = Mapping[str, Any]


def render(report: Section, options: RenderOptions) -> str:
    """The report as text of `options.width` columns, at least 60, without trailing blanks."""
    content = layout(report, width=options.width, height=options.height, zone=options.zone)
    text = page(content, width=options.width, color=options.color)
    return text.translate(_ASCII) if options.ascii_only else text


def layout(
    report: Mapping[str, Any],
    *,
    width: int,
    height: int | None = None,
    zone: tzinfo = UTC,
    hint: bool = True,
) -> RenderableType:
    """The whole page as one renderable.

    `width` is what it may take, `height` its most lines, `zone` that of its times; `hint` says how
    to see what does not fit.
    """
    data: Data = report.to_dict() if hasattr(report, "to_dict") else report
    if zone is not UTC:
        data = in_zone(data, zone)
    page_width = max(WIDTH_MIN, min(WIDTH_MAX, width))
    if height is None:
        pieces = [*_first_screen(data, page_width, None)]
        pieces += [part for block in _blocks(data) if (part := block.draw(page_width, None))]
        return _spaced(pieces)
    first = [*_first_screen(data, page_width, height)]
    room = height - _lines(first, page_width)
    return _spaced([*first, *_fitting(data, page_width, room, hint=hint)])


def _spaced(pieces: Sequence[RenderableType]) -> RenderableType:
    """The pieces with an empty line between them."""
    spaced = [line for piece in pieces for line in (piece, Text())]
    return Group(*spaced[:-1])


def _lines(pieces: Sequence[RenderableType], width: int) -> int:
    """Lines of the pieces, each with the empty one after it."""
    return sum(page(piece, width=width, color=False).count("\n") + 1 for piece in pieces)


def _first_screen(report: Data, width: int, height: int | None) -> Iterator[RenderableType]:
    """What is never left out: whose report it is, what is wrong, how much, since when."""
    short = height is not None and height < _SHORT_BELOW
    yield parts.heading(report, width)
    for part in (
        parts.findings(report, width, short=short),
        parts.headline(report, width),
        timeline_section(report, width, bars_height=2 if short else 6 if width >= WIDE_FROM else 5),
    ):
        if part is not None:
            yield part


@dataclass(frozen=True, slots=True)
class _Block:
    """A section below the first screen.

    Attributes:
        name: how the page calls it where it is left out.
        draw: from the width and most rows, None for all, to a renderable or None.
        rows: how many rows it has; 0 for what is no table.
    """

    name: str
    draw: Callable[[int, int | None], RenderableType | None]
    rows: int = 0


def _blocks(report: Data) -> list[_Block]:
    """All sections below the first screen in their order on the page."""
    return [
        _Block("response times", lambda width, _: parts.times_and_classes(report, width)),
        *_table_blocks(report),
        *_other_blocks(report),
    ]


def _table_blocks(report: Data) -> list[_Block]:
    def block(shown: tables.TableView) -> _Block:
        return _Block(
            shown.title[0].lower() + shown.title[1:],
            lambda width, rows: parts.table_section(report, shown, width, rows),
            len(shown.rows),
        )

    found = [block(each) for each in tables.all_tables(report)]
    empty = [each for each in tables.group_tables(report) if not each.rows]
    return [
        *(
            _Block(each.title, lambda width, _, each=each: parts.empty_section(each))  # type: ignore[misc]
            for each in empty
        ),
        *found,
    ]


def _other_blocks(report: Data) -> list[_Block]:
    slowest = len(report["slowest"])
    return [
        _Block("slowest requests", lambda w, rows: parts.slowest(report, w, rows), slowest),
        _Block("malformed lines", lambda width, _: parts.malformed(report, width)),
        _Block("expectations", lambda width, _: parts.expectations(report, width)),
        _Block("inputs", lambda width, _: parts.inputs(report, width)),
        _Block("workers", lambda width, _: workers_section(report, width)),
        _Block("", lambda width, _: parts.closing(report)),
    ]


def _fitting(report: Data, width: int, room: int, *, hint: bool) -> list[RenderableType]:
    """As many sections, and as many rows of each, as fit into `room` lines."""
    blocks = _blocks(report)
    # Tables first: they say where the trouble is. The order on the page stays.
    order = sorted(range(len(blocks)), key=lambda index: not blocks[index].rows)
    room -= 1  # for the line that names what is left out
    least = _ROWS_MIN_OF_FIRST if room > 4 * _ROWS_MIN_OF_FIRST else _ROWS_MIN
    chosen: dict[int, int] = {}
    hidden: list[int] = []
    for index in order:
        block = blocks[index]
        part = block.draw(width, least)
        if part is None:
            continue
        lines = _lines([part], width)
        if lines <= room:
            room -= lines
            chosen[index] = min(least, block.rows)
            least = _ROWS_MIN
        else:
            hidden.append(index)
    while room > 0:
        more = [index for index in sorted(chosen) if chosen[index] < blocks[index].rows]
        for index in more[:room]:
            chosen[index] += 1
        room -= len(more)
        if not more:
            break
    found = [blocks[index].draw(width, chosen[index] or None) for index in sorted(chosen)]
    shown = [part for part in found if part is not None]
    names = [blocks[index].name for index in sorted(hidden) if blocks[index].name]
    cut = any(chosen[index] < blocks[index].rows for index in chosen)
    if hint and (names or cut):
        left = f"also: {', '.join(names)}" if names else "there are more rows"
        told = Text(f"--top N shows all, -o report.html makes a page; {left}", style=NOTE)
        told.no_wrap, told.overflow = True, "ellipsis"
        shown.append(told)
    return shown
