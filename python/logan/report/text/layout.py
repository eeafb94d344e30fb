"""The text output: a report for people, by rich, from 60 columns on, with and without colour.

Pure: it lays out what the report holds and computes no figure of its own beyond sums for a chart
column. Log text is printed as `Text`, never as markup, with control characters made visible.
Colours are the terminal's own sixteen, so they suit dark and light backgrounds, and nothing is
told by colour alone. Sections without data are left out.

Each section is a function from the report and the width to a renderable or None; `SECTIONS` is
their order on the page.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from logan.report import labels, units
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
    moment,
    place,
    shares,
    short,
    table,
    times,
    title,
)
from logan.report.text.workers import crew
from logan.report.timezones import in_zone, zone_name
from logan.report.units import visible

if TYPE_CHECKING:
    from logan.report import Look, Report

__all__ = ["layout", "render"]

WIDTH_MIN: Final = 60
"""A narrower terminal wraps lines by itself, which loses no figure."""
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


def render(report: Report, look: Look) -> str:
    """The report as text of `look.width` columns, at least 60, without trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(WIDTH_MIN, look.width),
        height=100,
        color_system="standard" if look.color else None,
        force_terminal=look.color,
        no_color=not look.color,
        force_jupyter=False,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    console.print(layout(report, width=look.width, zone=look.zone))
    text = "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
    return text.translate(_ASCII) if look.ascii_only else text


def layout(report: Mapping[str, Any], *, width: int, zone: tzinfo = UTC) -> RenderableType:
    """The whole page as one renderable; `width` is what it may take, `zone` that of its times."""
    data: Data = report.to_dict() if hasattr(report, "to_dict") else report
    if zone is not UTC:
        data = in_zone(data, zone)
    page = max(WIDTH_MIN, min(WIDTH_MAX, width))
    parts: list[RenderableType] = []
    for section in SECTIONS:
        part = section(data, page)
        if part is not None:
            parts += [part, Text()]
    return Group(*parts[:-1])


# The page, from top to bottom.


def _heading(report: Data, width: int) -> RenderableType:
    sound = [entry for entry in report["inputs"] if entry["error"] is None]
    # A folder, or a second name of a file, has an entry too, of no byte.
    read = [entry for entry in sound if entry["bytes"]] or sound or report["inputs"]
    names = [visible(labels.input_name(each["path"])) for each in read]
    names_line = Text("logan  ", style=STRONG, no_wrap=True, overflow="ellipsis")
    names_line.append(", ".join(names[:3]) or "no input", style="bold cyan")
    if len(names) > 3:
        names_line.append(f" and {len(names) - 3:,} more", style=NOTE)
    lines: list[RenderableType] = [names_line]
    time = report["time"]
    if time["first"] is not None:
        zone = zone_name(report)
        period = f"{moment(time['first'])} {zone}"
        if time["span_s"]:
            until = f"{moment(time['first'])} → {moment(time['last'], time['first'])} {zone}"
            period = f"{until}  ({units.span(time['span_s'])})"
        lines.append(Text(period, style=NOTE))
    lines += [cropped(Text(line, style=NOTE)) for line in _what_was_asked(report)]
    if report["partial"]:
        lines.append(Text(f"PARTIAL: {_what_is_missing(report)}", style="bold yellow"))
    return Group(*lines)


def _headline(report: Data, width: int) -> RenderableType:
    lines, errors, times = report["lines"], report["errors"], report["response_time_ms"]
    requests, throughput = report["total_requests"], report["throughput"]
    malformed = report["malformed_lines"]
    share = malformed / lines["total"] if lines["total"] else 0.0
    cells = [
        (units.count(requests), "requests", _lines_read(lines["total"]), STRONG),
        (
            units.duration_ms(report["avg_response_time"]),
            "mean time",
            f"p99 {units.duration_ms(times['p99'])}",
            STRONG,
        ),
        (
            units.rate(report["requests_per_second"]),
            "mean rate",
            f"peak {units.rate(throughput['peak_rps'])}",
            STRONG,
        ),
        (
            units.count(errors["total"]),
            f"errors {units.percent(errors['ratio'])}",
            units.rate(report["error_rate"], "/min"),
            "bold red" if errors["total"] else "bold green",
        ),
        (
            units.count(malformed),
            "malformed",
            f"{units.percent(share)} of all",
            "bold yellow" if malformed else "bold green",
        ),
    ]
    columns = 5 if width >= STACKED_BELOW else 3
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(columns):
        grid.add_column(width=(width - len(INDENT)) // columns - 1, no_wrap=True)
    for begin in range(0, len(cells), columns):
        row = cells[begin : begin + columns]
        grid.add_row(*(Text(value, style=style) for value, _, _, style in row))
        grid.add_row(*(Text(label) for _, label, _, _ in row))
        grid.add_row(*(Text(detail, style=NOTE) for _, _, detail, _ in row))
    return indented(grid)


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
        label = short(most, label_width - 2) if index == 0 else "0" if level == 0 else ""
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
        statuses[f"{code[:1]}xx"] = statuses.get(f"{code[:1]}xx", 0) + n
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
        return None  # the table that was asked for says it all
    routes = report["routes"]
    rows = routes["top"]
    total = report["total_requests"] or 1
    cells = [
        [
            Text(units.count(row["requests"])),
            *([Text(bar(row["requests"] / total, 12), style=BAR)] if width >= WIDE_FROM else []),
            alert(units.count(row["errors"]), row["errors"]),
            Text(units.duration_ms(row["mean_ms"])),
            Text(units.duration_ms(row["p95_ms"])),
            Text(units.duration_ms(row["max_ms"])),
            Text(visible(row["route"]), style=STRONG),
        ]
        for row in rows
    ]
    shares = ["<share"] if width >= WIDE_FROM else []
    header = ["requests", *shares, "errors", "mean", "p95", "max", "<route"]
    note = _table_note(routes, len(rows), "routes")
    return table("Top routes", note, header, cells, width)


def _groups(report: Data, width: int) -> RenderableType | None:
    tables = [_group(name, groups, width) for name, groups in (report.get("groups") or {}).items()]
    shown = [part for part in tables if part is not None]
    spaced = [piece for part in shown for piece in (part, Text())]
    return Group(*spaced[:-1]) if shown else None


def _group(name: str, groups: Data, width: int) -> RenderableType | None:
    rows = groups["top"]
    cells = [
        [
            Text(units.count(row["records"])),
            Text(units.count(row["requests"])),
            alert(units.count(row["errors"]), row["errors"]),
            Text(units.duration_ms(row["mean_ms"])),
            Text(units.duration_ms(row["p95_ms"])),
            Text(visible(row["key"]), style=STRONG),
        ]
        for row in rows
    ]
    notes = [_table_note(groups, len(rows), "values")]
    if groups["absent"]:
        notes.append(f"{units.count(groups['absent'])} records without")
    header = ["records", "requests", "errors", "mean", "p95", f"<{visible(name)}"]
    heading = f"By {visible(name)}"
    if not rows:
        return title(heading, "no record has it")
    return table(heading, ", ".join(notes), header, cells, width)


def _clients(report: Data, width: int) -> RenderableType | None:
    clients = report["clients"]
    rows = clients["top"]
    cells = [
        [
            Text(units.count(row["requests"])),
            alert(units.count(row["errors"]), row["errors"]),
            Text(visible(row["client"])),
        ]
        for row in rows
    ]
    note = _table_note(clients, len(rows), "clients")
    return table("Top clients", note, ["requests", "errors", "<client"], cells, width)


def _messages(report: Data, width: int) -> RenderableType | None:
    messages = report["messages"]
    rows = messages["top"]
    wide = width >= WIDE_FROM
    cells = [
        [
            Text(units.count(row["count"])),
            Text(row["level"] or "", style=_LEVEL_STYLES.get(row["level"], "")),
            *([Text(_when(row["first"], report), style=NOTE)] if wide else []),
            Text(_when(row["last"], report), style=NOTE),
            Text(visible(row["template"])),
        ]
        for row in rows
    ]
    header = ["count", "<level", *(["<first"] if wide else []), "<last", "<message"]
    note = _table_note(messages, len(rows), "messages")
    return table("Top errors and warnings", note, header, cells, width)


def _slowest(report: Data, width: int) -> RenderableType | None:
    # A narrow page needs the room for the line, which nearly always tells its time itself.
    wide = width >= WIDE_FROM
    cells = [
        [
            Text(units.duration_ms(row["ms"]), style=STRONG),
            *([Text(_when(row["time"], report), style=NOTE)] if wide else []),
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
    shown = _some_inputs(report["inputs"])
    common = _assumed_in_all(report["inputs"])
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
    crew,
    _closing,
)


# Words about what the report holds.


def _lines_read(n: int) -> str:
    return f"{short(n, 8)} line{'' if n == 1 else 's'}"


def _table_note(table: Mapping[str, Any], shown: int, noun: str) -> str:
    distinct = table.get("distinct")
    parts = []
    if distinct is not None:
        about = "" if not table.get("distinct_error") or distinct == shown else "about "
        parts.append(f"{shown:,} of {about}{units.count(distinct)}")
    if not table["exact"]:
        parts.append(f"too many {noun} to count each: off by at most {table['error_bound']:,}")
    return ", ".join(parts)


def _when(text: str | None, report: Data) -> str:
    """A time in a table: without its day when the heading already names the only one."""
    first, last = (units.time_of(report["time"][key]) for key in ("first", "last"))
    one_day = first is not None and last is not None and first.date() == last.date()
    return moment(text, report["time"]["first"] if one_day else None)


def _what_was_asked(report: Data) -> list[str]:
    """Time, condition, and what they left out."""
    selection = report.get("selection") or {}
    lines = []
    since, until = selection.get("since"), selection.get("until")
    if since or until:
        edges = [
            f"from {moment(since)}" if since else "",
            f"before {moment(until)}" if until else "",
        ]
        lines.append(" ".join(["selected:", *filter(None, edges), zone_name(report)]))
    if selection.get("where"):
        lines.append(f"where: {visible(selection['where'])}")
    counts = report["lines"]
    if lines:
        records = counts["parsed"] + counts["filtered"]
        left = f"{units.count(counts['parsed'])} of {labels.plural(records, 'record')} counted"
        skipped = counts.get("skipped_bytes")
        unread = f", {units.bytes_size(skipped)} outside of the time not read" if skipped else ""
        lines.append(left + unread)
    return lines


def _what_is_missing(report: Data) -> str:
    parts = []
    failed = sum(entry["error"] is not None for entry in report["inputs"])
    if failed:
        parts.append(f"{failed:,} of {len(report['inputs']):,} inputs with errors")
    lost = sum(each["end"] - each["start"] for each in report["missing"] if each["end"] is not None)
    if lost:
        causes = sorted({str(each["why"]) for each in report["missing"]})
        parts.append(f"{units.bytes_size(lost)} not counted ({visible('; '.join(causes))})")
    if any(each["end"] is None for each in report["missing"]):
        parts.append("a stream was left before its end")
    return ", ".join(parts) or "not everything was counted"


def _some_inputs(inputs: Sequence[Data]) -> list[Data]:
    """All of a few; of many, those with something to say first."""
    if len(inputs) <= 8:
        return list(inputs)
    telling = [entry for entry in inputs if entry["error"] is not None]
    plain = [entry for entry in inputs if entry["error"] is None]
    return [*telling[:8], *plain[: max(0, 8 - len(telling))]]


def _assumed_in_all(inputs: Sequence[Data]) -> list[str]:
    """What is assumed in all of several inputs that were read: said once."""
    read = [entry["assumed"] for entry in inputs if entry["error"] is None]
    if len(read) < 2:
        return []
    others = [set(assumed) for assumed in read[1:]]
    return [each for each in read[0] if all(each in assumed for assumed in others)]


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
