"""The sections of the text report, each a function from the report and the width to a renderable.

A section without data is None. What they say is `view`'s and `tables`'; how it looks is theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from logan.report import labels, tables, units, view
from logan.report.schema import Column
from logan.report.shortening import gist
from logan.report.text.widgets import (
    BAR,
    ERROR,
    INDENT,
    NOTE,
    STRONG,
    WARNING,
    WIDE_FROM,
    alert,
    bar,
    cropped,
    indented,
    place,
    shares,
    table,
    times,
    title,
)
from logan.report.units import visible

__all__ = [
    "closing",
    "continued",
    "empty_section",
    "expectations",
    "findings",
    "heading",
    "headline",
    "inputs",
    "malformed",
    "slowest",
    "table_section",
    "times_and_classes",
]

Data = Mapping[str, Any]

STACKED_BELOW: Final = 76
"""Below this width nothing stands side by side."""

_LEVEL_STYLES: Final = {"FATAL": "bold red", "ERROR": "red", "WARN": "yellow"}
_STATUS_STYLES: Final = {"2": "green", "3": "cyan", "4": "yellow", "5": "red"}
_TONES: Final = {
    "neutral": STRONG,
    "good": "bold green",
    "warning": "bold yellow",
    "bad": "bold red",
}


def heading(report: Data, width: int) -> RenderableType:
    """Whose report it is, of which time, and what was left out."""
    names, more = view.inputs_named(report)
    names_line = Text("logan  ", style=STRONG, no_wrap=True, overflow="ellipsis")
    names_line.append(", ".join(names) or "no input", style="bold cyan")
    if more:
        names_line.append(f" and {more:,} more", style=NOTE)
    lines: list[RenderableType] = [names_line]
    period = view.period(report)
    if period is not None:
        lines.append(Text(period, style=NOTE))
    lines += [cropped(Text(line, style=NOTE)) for line in view.selected(report)]
    if report.get("anonymized"):
        lines.append(Text("anonymized", style=NOTE))
    if report["partial"]:
        lines.append(Text(f"PARTIAL: {view.missing(report)}", style="bold yellow"))
    return Group(*lines)


_FINDINGS_OF_SHORT_PAGE: Final = 3


def findings(report: Data, width: int, *, short: bool) -> RenderableType | None:
    """What is wrong, most important first, with the commands that show the lines.

    A short page has fewer, and only the first command.
    """
    found = view.findings(report)
    if found is None:
        return None
    if not found:
        said = view.no_findings(report)
        return Text(said, style=NOTE if said == view.NOTHING_STANDS_OUT else STRONG)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column()
    shown = found[:_FINDINGS_OF_SHORT_PAGE] if short else found
    for index, each in enumerate(shown):
        grid.add_row(Text("●", style="bold red"), Text(each.text, style=STRONG))
        if each.command and not (short and index):
            lines = "\n".join(continued(each.command, width - len(INDENT)))
            command = Text(lines, style=NOTE, overflow="fold")
            grid.add_row(Text(), command)
    if len(shown) < len(found):
        grid.add_row(Text(), Text(f"and {len(found) - len(shown)} more", style=NOTE))
    return grid


_WORDS: Final = re.compile(r"""(?:--\S+\ )?(?:[^\s'"]|'[^']*'|"[^"]*")+""")


def continued(command: str, width: int) -> Iterator[str]:
    """A command in lines that a shell takes as one, options beside their values."""
    line = ""
    for word in _WORDS.findall(command):
        if line and len(line) + len(word) + len(_CONTINUES) >= width:
            yield line + _CONTINUES
            line = INDENT
        line += word if line in ("", INDENT) else f" {word}"
    yield line


_CONTINUES: Final = " \\"


def headline(report: Data, width: int) -> RenderableType:
    """The facts in columns, and what they do not say below."""
    facts = view.headline(report)
    columns = 6 if width >= STACKED_BELOW else 3
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(columns):
        grid.add_column(width=(width - len(INDENT)) // columns - 1, no_wrap=True)
    for begin in range(0, len(facts), columns):
        row = facts[begin : begin + columns]
        grid.add_row(*(Text(fact.value, style=_TONES[fact.tone]) for fact in row))
        grid.add_row(*(Text(fact.label) for fact in row))
        grid.add_row(*(Text(fact.detail, style=NOTE) for fact in row))
    below = view.stated(report)
    notes = [indented(Text(each, style=WARNING)) for each in below if each]
    return Group(indented(grid), *notes)


def times_and_classes(report: Data, width: int) -> RenderableType | None:
    """Response times on the left, status and levels on the right; one alone takes the page."""
    half = (width - 4) // 2
    stacked = width < STACKED_BELOW
    left = _response_times(report, width if stacked else half)
    right = _classes(report, width if stacked else half)
    if left is None or right is None:
        return left or right
    if stacked:
        return Group(left, Text(), right)
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_column(width=half)
    grid.add_column(width=half)
    grid.add_row(left, right)
    return grid


_PERCENTILES: Final = (
    ("min", "min"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("p999", "p99.9"),
    ("max", "max"),
)


def _response_times(report: Data, width: int) -> RenderableType | None:
    measured = report["response_time_ms"]
    if not measured["count"]:
        return None
    longest = measured["max"] or 1.0
    bar_width = max(4, min(40, width - 22))
    few = measured["count"] < view.VALUES_MIN
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=5, no_wrap=True)
    grid.add_column(justify="right", width=9, no_wrap=True)
    grid.add_column(width=bar_width, no_wrap=True, overflow="crop")
    for key, label in _PERCENTILES:
        if few and key not in ("min", "max"):
            continue
        value = tables.clamped(measured[key], measured["min"], measured["max"])
        style = STRONG if key in ("p50", "p99") else ""
        grid.add_row(
            Text(label, style=NOTE),
            Text(units.duration_ms(value), style=style),
            Text(bar((value or 0.0) / longest, bar_width), style=BAR),
        )
    error = measured["relative_error"]
    exact = f"percentiles ±{units.percent(error)}" if error else ""
    note = "too few for percentiles" if few else exact
    lines: list[RenderableType] = [title("Response time", note), indented(grid)]
    if measured["absent"]:
        absent = units.count(measured["absent"])
        told = "request carries" if measured["absent"] == 1 else "requests carry"
        note = f"{INDENT}{absent} {told} no time"  # fits half of a page of 80 columns
        lines.append(cropped(Text(note, style=NOTE)))
    return Group(*lines)


def _classes(report: Data, width: int) -> RenderableType | None:
    parts: list[RenderableType] = []
    statuses: dict[str, int] = {}
    for code, n in report["status"].items():
        kind = "no answer" if code == "0" else f"{code[:1]}xx"
        statuses[kind] = statuses.get(kind, 0) + n
    statuses = {name: n for name, n in sorted(statuses.items()) if n}
    if statuses:
        codes = sorted(report["status"].items(), key=lambda item: (-item[1], item[0]))
        note = ", ".join(f"{code} {times(n)}" for code, n in codes[:2] if n)
        parts.append(title("Status", note))
        styles = {name: _STATUS_STYLES.get(name[0], "") for name in statuses}
        parts.append(indented(shares(statuses, styles, width - 2)))
        if report["bytes_sent"]:
            sent = f"{INDENT}{units.bytes_size(report['bytes_sent'])} sent"
            parts.append(cropped(Text(sent, style=NOTE)))
    levels = {name: n for name, n in report["levels"].items() if n}
    if set(levels) - {"NONE"}:
        if parts:
            parts.append(Text())
        parts.append(title("Levels", ""))
        named = {labels.level(name): n for name, n in levels.items()}
        parts.append(indented(shares(named, _LEVEL_STYLES, width - 2)))
    return Group(*parts) if parts else None


_STRONG_KEYS: Final = ("routes", "not_found")
_MESSAGE_TABLES: Final = ("messages", "templates")


def empty_section(shown: tables.TableView) -> RenderableType:
    """A table that was asked for and has no rows."""
    return title(shown.title, shown.note)


def table_section(
    report: Data, shown: tables.TableView, width: int, rows: int | None
) -> RenderableType | None:
    """A table as the page has room for it, with at most `rows` rows."""
    wide = width >= WIDE_FROM
    if rows is not None:
        shown = shown.first(rows)
    kept = [index for index, each in enumerate(shown.columns) if wide or each.shown == "always"]
    header = [
        shown.titles[index] if shown.columns[index].is_number else f"<{shown.titles[index]}"
        for index in kept
    ]
    strong = shown.name.startswith("groups.") or shown.name in _STRONG_KEYS
    lines = []
    names = [cells[-1] for cells in shown.cells]
    if shown.name in _MESSAGE_TABLES:
        names = _gists(names)
    for row, cells, name, mark in zip(shown.rows, shown.cells, names, shown.marks, strict=True):
        styled = [_styled(shown.columns[index], row, cells[index]) for index in kept[:-1]]
        styled.append(_styled(shown.columns[-1], row, name))
        styled[-1].style = STRONG if strong else ""
        if mark:
            # The sign comes first: what is too long for the page is cut at its end.
            styled[-1] = Text.assemble(("▲ ", WARNING), styled[-1], (f"  {mark}", WARNING))
        lines.append(styled)
    total = report["total_requests"] or 1
    if wide and shown.name == "routes" and not any("share" in row for row in shown.rows):
        header.insert(1, "<share")
        for styled, row in zip(lines, shown.rows, strict=True):
            styled.insert(1, Text(bar(row["requests"] / total, 12), style=BAR))
    return table(shown.title, shown.note, header, lines, width)


def _gists(messages: Sequence[str]) -> list[str]:
    """What the messages say, but for those that only thread or package tells from another."""
    short = [gist(each) for each in messages]
    seen = Counter(short)
    return [said if seen[said] == 1 else whole for said, whole in zip(short, messages, strict=True)]


def _styled(column: Column, row: Data, text: str) -> Text:
    if column.kind == "errors":
        return alert(text, row.get(column.name))
    if column.kind == "level":
        return Text(text, style=_LEVEL_STYLES.get(text, ""))
    if column.kind in ("ms", "bytes"):
        text = _padded(text)
    return Text(text, style=NOTE if column.kind == "time" else "")


def _padded(text: str) -> str:
    """A number with its unit in as many columns as any, so that numbers end below each other."""
    number, _, unit = text.partition(" ")
    return f"{number} {unit:<2}" if unit else text


def slowest(report: Data, width: int, rows: int | None) -> RenderableType | None:
    """The slowest requests, with the place of each line."""
    wide = width >= WIDE_FROM
    cells = [
        [
            Text(_padded(each.took), style=STRONG),
            Text(each.when, style=NOTE),
            *([Text(place(each.row, width), style=NOTE)] if wide else []),
            Text(each.line),
        ]
        for each in tables.slowest(report)[:rows]
    ]
    note = "logan lines WHERE shows the line" if wide else ""
    about = view.subject(report)
    header = ["took", "<when", *(["<where"] if wide else []), f"<{about.removesuffix('s')}"]
    return table(f"Slowest {about}", note, header, cells, width)


def malformed(report: Data, width: int) -> RenderableType | None:
    """Samples of malformed lines, and why they are."""
    found = report["malformed"]
    reasons = sorted(found["reasons"].items(), key=lambda item: (-item[1], item[0]))
    note = ", ".join(f"{visible(labels.reason(name))} {times(n)}" for name, n in reasons if n)
    cells = [
        [Text(place(row, width), style=WARNING), Text(visible(row["text"] or ""))]
        for row in found["samples"]
    ]
    samples = table("Malformed lines", note, ["<where", "<line"], cells, width)
    return samples or (title("Malformed lines", note) if note else None)


def expectations(report: Data, width: int) -> RenderableType | None:
    """What the report was to fulfill, in a saved one; a command says it on standard error."""
    cells = [
        [
            Text("ok", style="green") if each["ok"] else Text("FAIL", style=f"bold {ERROR}"),
            Text(visible(each["text"])),
        ]
        for each in report.get("expectations") or ()
    ]
    if not cells:
        return None
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")  # why one failed comes last
    for row in cells:
        grid.add_row(*row)
    return Group(title("Expectations", ""), indented(grid))


def inputs(report: Data, width: int) -> RenderableType | None:
    """What was read, how, and what is assumed of it."""
    shown = view.inputs_shown(report["inputs"])
    common = view.assumed_in_all(report["inputs"])
    lines: list[RenderableType] = [title("Inputs", "")]
    for entry in shown:
        if entry["error"] is not None:
            lines.append(indented(Text(f"✗ {visible(entry['error'])}", style=ERROR)))
        else:
            name = Text(f"{INDENT}{visible(labels.input_name(entry['path']))}", style="cyan")
            name.append(f"  {units.bytes_size(entry['bytes'])}", style="default")
            lines.append(cropped(name))
        lines += [indented(indented(part)) for part in _about(entry, common)]
    hidden = len(report["inputs"]) - len(shown)
    if hidden:
        lines.append(Text(f"{INDENT}… and {hidden:,} more", style=NOTE))
    for assumption in common:
        lines.append(indented(Text(f"assumed in all: {visible(assumption)}", style=NOTE)))
    return Group(*lines) if shown else None


def closing(report: Data) -> RenderableType | None:
    """Time and memory."""
    if not report.get("performance"):
        return None
    return cropped(Text(view.about_lines(report)[-1], style=NOTE))


def _about(entry: Data, common: Sequence[str]) -> Iterable[RenderableType]:
    """What was found, assumed and noticed about an input, but for what all have in common."""
    formats = [each for each in entry["formats"] if each["lines"]]
    lines = sum(each["lines"] for each in formats)
    if formats:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True, justify="right")
        grid.add_column()
        for each in formats:
            facts = [fact for fact in (labels.zone(each), labels.response_time(each)) if fact]
            cells = (each["name"], units.percent(each["lines"] / lines), "; ".join(facts))
            grid.add_row(*(Text(visible(cell), style=NOTE) for cell in cells))
        yield grid
    for assumption in entry["assumed"]:
        if assumption in common:
            continue
        yield Text(f"assumed: {visible(assumption)}", style=NOTE)
    for note in entry["notes"]:
        yield Text(f"note: {visible(note)}", style=NOTE)
