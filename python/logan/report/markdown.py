"""The Markdown output, for a pull request, an issue or a wiki.

Findings, headline and the verdict on expectations stand open; tables are folded away. GitHub's
dialect. Text from a log cannot leave its cell: pipes, backslashes and whatever Markdown or HTML
could read as markup are escaped, and `view` has spelled out newlines and controls. Knows only how
it looks; `view` and `tables` say what there is to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from logan.report import tables, view
from logan.report.timezones import in_zone
from logan.report.units import visible

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
    if report["partial"]:
        yield ""
        yield f"**PARTIAL: {escaped(view.missing(report))}**"
    anonymized = "anonymized" if report.get("anonymized") else None
    for line in filter(None, [view.period(report), *view.selected(report), anonymized]):
        yield ""
        yield escaped(line)
    yield from _findings(report)
    facts = view.headline(report)
    yield ""
    yield from table(
        ["metric", "value", "detail"],
        [[each.label, each.value, each.detail] for each in facts],
        [1],
    )
    stated = view.stated(report)
    notes = [*stated, *view.outliers(report)]
    for note in filter(None, notes):
        yield ""
        yield escaped(note)
    yield from _expectations(report)
    for each in tables.all_tables(report):
        yield ""
        note = f" ({escaped(each.note)})" if each.note else ""
        yield f"<details><summary>{escaped(each.title)}{note}</summary>"
        yield ""
        right = [index for index, column in enumerate(each.columns) if column.is_number]
        cells = [
            [*row[:-1], f"{row[-1]} ({mark})" if mark else row[-1]]
            for row, mark in zip(each.cells, each.marks, strict=True)
        ]
        yield from table(each.titles, cells, right)
        yield ""
        yield "</details>"
    if report.get("command"):
        yield ""
        yield escaped(visible(report["command"]))


def _findings(report: view.Data) -> Iterator[str]:
    found = view.findings(report)
    if found is None:
        return
    yield ""
    if not found:
        yield view.no_findings(report)
    for each in found:
        yield f"- **{escaped(each.text)}**"
        if each.command:
            yield f"  <br><code>{escaped(each.command)}</code>"


def _expectations(report: view.Data) -> Iterator[str]:
    judged = report.get("expectations") or ()
    if not judged:
        return
    failed = sum(not each["ok"] for each in judged)
    yield ""
    said = f"{failed:,} of {len(judged):,} expectations failed"
    yield f"**{said}**" if failed else f"all {len(judged):,} expectations hold"
    yield ""
    yield from table(
        ["verdict", "expectation", "result"],
        [
            [
                "ok" if each["ok"] else "FAIL",
                visible(each["expression"]),
                visible(each["text"].removeprefix(f"{each['expression']}: ")),
            ]
            for each in judged
        ],
        [],
    )


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
