"""The Markdown output: headline and top tables for a pull request, an issue or a wiki.

GitHub's dialect. Text from a log cannot leave its cell: pipes, backslashes and whatever Markdown or
HTML could read as markup are escaped, and `view` has spelled out newlines and controls. Knows only
how it looks; `view` says what there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from logan.report import view
from logan.report.timezones import in_zone

if TYPE_CHECKING:
    from logan.report import RenderOptions, Report

__all__ = ["escaped", "render", "table"]

_MARKUP: Final = re.compile(r"[\\`*_\[\]|~]|[&<>@#$]|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What makes code, emphasis, links, cells, HTML, mentions, references and formulas; `://` and
`www.` make links by themselves."""


def render(report: Report, options: RenderOptions) -> str:
    """The report as Markdown; times are in `options.zone`."""
    data = in_zone(report.to_dict(), options.zone)
    return "\n".join(_lines(data)) + "\n"


def _lines(report: view.Data) -> Iterator[str]:
    names, more = view.inputs_named(report)
    yield f"## {escaped(', '.join(names) or 'no input')}{f' and {more:,} more' if more else ''}"
    about = [view.period(report), *view.selected(report)]
    if report["partial"]:
        yield ""
        yield f"**PARTIAL: {escaped(view.missing(report))}**"
    for line in filter(None, about):
        yield ""
        yield escaped(line)
    facts = view.headline(report)
    yield ""
    yield from table(
        ["metric", "value", "detail"],
        [[each.label, each.value, each.detail] for each in facts],
        [1],
    )
    unknown = view.errors_unknown(report)
    if unknown is not None:
        yield ""
        yield escaped(unknown)
    grouped = report.get("groups") or {}
    tables = [
        *view.group_tables(report),
        *(
            view.table(report, name)
            for name in ("routes", "clients", "messages")
            if not (name == "routes" and "route" in grouped)
        ),
    ]
    for each in tables:
        if not each.rows:
            continue
        yield ""
        yield f"### {escaped(each.title)}"
        if each.note:
            yield ""
            yield escaped(each.note)
        yield ""
        right = [index for index, column in enumerate(each.columns) if column.is_number]
        yield from table(each.titles, each.cells, right)


def table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]
) -> Iterator[str]:
    """Rows of a table; the columns `right` are aligned right."""
    yield _row(titles)
    yield f"|{'|'.join('---:' if index in right else '---' for index in range(len(titles)))}|"
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def escaped(text: str) -> str:
    """`text` so that Markdown shows it and nothing else."""
    return _MARKUP.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    # A backslash does not keep GitHub from seeing the others.
    return f"\\{char}" if char in "\\`*_[]|~" else f"&#{ord(char)};"
