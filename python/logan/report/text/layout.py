"""The text output: a report for people, by rich, from 60 columns on, with and without color.

Pure: `view` has what there is to say, this decides how it looks. Log text is printed as `Text`,
never as markup. Colors are the terminal's own sixteen, so they suit dark and light backgrounds, and
nothing is told by color alone. Sections without data are left out.

Each section is a function from the report and the width to a renderable or None; `SECTIONS` is
their order on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from logan.report import labels, units, view
from logan.report.schema import Column
from logan.report.text.console import WIDTH_MIN, page
from logan.report.text.timeline import axis, bars, sparkline, timeline
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
from logan.report.text.workers import workers_section
from logan.report.timezones import in_zone
from logan.report.units import visible

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions
    from logan.report.section import Section

__all__ = ["layout", "render"]

WIDTH_MAX: Final = 160
STACKED_BELOW: Final = 76
"""Below this width nothing stands side by side."""


_LEVEL_STYLES: Final = {"FATAL": "bold red", "ERROR": "red", "WARN": "yellow"}
_STATUS_STYLES: Final = {"2": "green", "3": "cyan", "4": "yellow", "5": "red"}
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
        ("µ", "u"),
        ("×✗", "x"),
    )
    for char in chars
}

Data = Mapping[str, Any]


def render(report: Section, options: RenderOptions) -> str:
    """The report as text of `options.width` columns, at least 60, without trailing blanks."""
    content = layout(report, width=options.width, zone=options.zone)
    text = page(content, width=options.width, color=options.color)
    return text.translate(_ASCII) if options.ascii_only else text


def layout(report: Mapping[str, Any], *, width: int, zone: tzinfo = UTC) -> RenderableType:
    """The whole page as one renderable; `width` is what it may take, `zone` that of its times."""
    data: Data = report.to_dict() if hasattr(report, "to_dict") else report
    if zone is not UTC:
        data = in_zone(data, zone)
    page_width = max(WIDTH_MIN, min(WIDTH_MAX, width))
    parts: list[RenderableType] = []
    for section in SECTIONS:
        part = section(data, page_width)
        if part is not None:
            parts += [part, Text()]
    return Group(*parts[:-1])


# The page, from top to bottom.


def _heading(report: Data, width: int) -> RenderableType:
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
    if report["partial"]:
        lines.append(Text(f"PARTIAL: {view.missing(report)}", style="bold yellow"))
    return Group(*lines)


_TONES: Final = {
    "neutral": STRONG,
    "good": "bold green",
    "warning": "bold yellow",
    "bad": "bold red",
}


def _headline(report: Data, width: int) -> RenderableType:
    facts = view.headline(report)
    columns = 5 if width >= STACKED_BELOW else 3
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(columns):
        grid.add_column(width=(width - len(INDENT)) // columns - 1, no_wrap=True)
    for begin in range(0, len(facts), columns):
        row = facts[begin : begin + columns]
        grid.add_row(*(Text(fact.value, style=_TONES[fact.tone]) for fact in row))
        grid.add_row(*(Text(fact.label) for fact in row))
        grid.add_row(*(Text(fact.detail, style=NOTE) for fact in row))
    unknown = view.errors_unknown(report)
    if unknown is None:
        return indented(grid)
    return Group(indented(grid), indented(Text(unknown, style="yellow")))


def _timeline(report: Data, width: int) -> RenderableType | None:
    series = report["series"]
    label_width = 9
    chart_width = width - len(INDENT) - label_width
    chart = timeline(series["points"] or (), series["step_s"] or 1, chart_width)
    if chart is None or len(chart.bins) < 2:
        return None
    has_requests = any(each.requests for each in chart.bins)
    noun = "requests" if has_requests else "records"
    values = [each.requests if has_requests else each.records for each in chart.bins]
    errors = [each.errors for each in chart.bins]
    height = 6 if width >= WIDE_FROM else 5
    # How much of each column's height stands for errors: those cells are red.
    shares = [each.errors / each.records if each.records else 0.0 for each in chart.bins]
    rows = bars(values, height, chart.columns)
    lines: list[RenderableType] = [
        title("Timeline", f"{noun} per {units.span(chart.bin_s)}, errors below")
    ]
    most = max(values) or 1
    for index, row in enumerate(rows):
        level = height - 1 - index
        label = units.short(most, label_width - 2) if index == 0 else "0" if level == 0 else ""
        line = Text(f"{INDENT}{label:>{label_width - 2}} │", style=NOTE)
        # A cell is red when at least half of it stands for errors.
        red = [
            share * n * height / most >= level + 0.5
            for share, n in zip(shares, values, strict=True)
        ]
        cells = ((char, red[position // chart.columns]) for position, char in enumerate(row))
        for is_red, run in groupby(cells, itemgetter(1)):
            style = ERROR if is_red else BAR
            line.append("".join(char for char, _ in run), style=f"not dim {style}")
        lines.append(line)
    if any(errors):
        line = Text(f"{INDENT}{'errors':>{label_width - 2}} │", style=NOTE)
        line.append(sparkline(errors, chart.columns), style=f"not dim bold {ERROR}")
        label = f" max {units.count(max(errors))}"
        has_room = len(chart.bins) * chart.columns + len(label) <= chart_width
        line.append(label if has_room else "")
        lines.append(line)
    lines.append(Text(axis(chart, len(INDENT) + label_width), style=NOTE))
    return Group(*(cropped(line) for line in lines))


def _times_and_classes(report: Data, width: int) -> RenderableType | None:
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


def _response_times(report: Data, width: int) -> RenderableType | None:
    times = report["response_time_ms"]
    if not times["count"]:
        return None
    longest = times["max"] or 1.0
    bar_width = max(4, min(40, width - 22))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=5, no_wrap=True)
    grid.add_column(justify="right", width=9, no_wrap=True)
    grid.add_column(width=bar_width, no_wrap=True, overflow="crop")
    for key, label in _PERCENTILES:
        value = times[key]
        style = STRONG if key in ("p50", "p99") else ""
        grid.add_row(
            Text(label, style=NOTE),
            Text(units.duration_ms(value), style=style),
            Text(bar((value or 0.0) / longest, bar_width), style=BAR),
        )
    error = times["relative_error"]
    lines: list[RenderableType] = [
        title("Response time", f"percentiles ±{units.percent(error)}" if error else ""),
        indented(grid),
    ]
    if times["absent"]:
        absent = units.count(times["absent"])
        told = "request carries" if times["absent"] == 1 else "requests carry"
        note = f"{INDENT}{absent} {told} no time"  # fits half of a page of 80 columns
        lines.append(cropped(Text(note, style=NOTE)))
    return Group(*lines)


_PERCENTILES: Final = (
    ("min", "min"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p95", "p95"),
    ("p99", "p99"),
    ("p999", "p99.9"),
    ("max", "max"),
)


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
    levels = {name: n for name, n in report["levels"].items() if n}
    if set(levels) - {"NONE"}:
        if parts:
            parts.append(Text())
        parts.append(title("Levels", ""))
        named = {labels.level(name): n for name, n in levels.items()}
        parts.append(indented(shares(named, _LEVEL_STYLES, width - 2)))
    return Group(*parts) if parts else None


def _routes(report: Data, width: int) -> RenderableType | None:
    if "route" in (report.get("groups") or {}):
        return None  # the table that was asked for has it all
    total = report["total_requests"] or 1
    shares = [row["requests"] / total for row in report["routes"]["top"]]
    return _table(view.table(report, "routes"), width, shares=shares)


def _groups(report: Data, width: int) -> RenderableType | None:
    tables = [
        _table(each, width) or title(each.title, each.note) for each in view.group_tables(report)
    ]
    spaced = [piece for part in tables for piece in (part, Text())]
    return Group(*spaced[:-1]) if spaced else None


def _clients(report: Data, width: int) -> RenderableType | None:
    return _table(view.table(report, "clients"), width, key_style="")


def _messages(report: Data, width: int) -> RenderableType | None:
    return _table(view.table(report, "messages"), width, key_style="")


def _table(
    shown: view.TableView,
    width: int,
    *,
    key_style: str = STRONG,
    shares: Sequence[float] = (),
) -> RenderableType | None:
    """A table as the page has room for it; `shares` are drawn as bars after the first column."""
    wide = width >= WIDE_FROM
    kept = [index for index, each in enumerate(shown.columns) if wide or each.shown == "always"]
    header = [
        shown.titles[index] if shown.columns[index].is_number else f"<{shown.titles[index]}"
        for index in kept
    ]
    rows = []
    for row, cells in zip(shown.rows, shown.cells, strict=True):
        styled = [_styled(shown.columns[index], row, cells[index]) for index in kept]
        styled[-1].style = key_style
        rows.append(styled)
    if wide and shares:
        header.insert(1, "<share")
        for styled, share in zip(rows, shares, strict=True):
            styled.insert(1, Text(bar(share, 12), style=BAR))
    return table(shown.title, shown.note, header, rows, width)


def _styled(column: Column, row: Data, text: str) -> Text:
    if column.kind == "errors":
        return alert(text, row[column.name])
    if column.kind == "level":
        return Text(text, style=_LEVEL_STYLES.get(text, ""))
    return Text(text, style=NOTE if column.kind == "time" else "")


def _slowest(report: Data, width: int) -> RenderableType | None:
    # A narrow page needs the room for the line, which nearly always tells its time itself.
    wide = width >= WIDE_FROM
    cells = [
        [
            Text(units.duration_ms(row["ms"]), style=STRONG),
            *([Text(view.when(row["time"], report), style=NOTE)] if wide else []),
            Text(place(row, width), style=NOTE),
            Text(visible(row["text"] or "")),
        ]
        for row in report["slowest"]
    ]
    header = ["took", *(["<when"] if wide else []), "<where", "<line"]
    return table("Slowest requests", "where = input:byte offset", header, cells, width)


def _malformed(report: Data, width: int) -> RenderableType | None:
    malformed = report["malformed"]
    reasons = sorted(malformed["reasons"].items(), key=lambda item: (-item[1], item[0]))
    note = ", ".join(f"{visible(labels.reason(name))} {times(n)}" for name, n in reasons if n)
    cells = [
        [Text(place(row, width), style=WARNING), Text(visible(row["text"]))]
        for row in malformed["samples"]
    ]
    samples = table("Malformed lines", note, ["<where", "<line"], cells, width)
    return samples or (title("Malformed lines", note) if note else None)


def _inputs(report: Data, width: int) -> RenderableType | None:
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


def _closing(report: Data, width: int) -> RenderableType | None:
    performance = report["performance"]
    if not performance:
        return None
    threads = performance["threads"]
    parts = [
        f"{units.bytes_size(performance['bytes'])} in {units.span(performance['wall_s'])}",
        units.bytes_size(performance["bytes_per_second"]) + "/s",
        f"{threads} thread{'' if threads == 1 else 's'}",
        f"peak memory {units.bytes_size(performance['peak_rss_bytes'])}",
    ]
    return cropped(Text(" · ".join(parts), style=NOTE))


SECTIONS: Final[Sequence[Callable[[Data, int], RenderableType | None]]] = (
    _heading,
    _headline,
    _timeline,
    _times_and_classes,
    _groups,
    _routes,
    _clients,
    _messages,
    _slowest,
    _malformed,
    _inputs,
    workers_section,
    _closing,
)


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
