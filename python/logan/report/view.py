"""What a report says to people, whatever draws it: headline, tables, notes, what is missing.

Between the report's metrics and the outputs that are read by people (text, Markdown): sentences,
numbers with their units, the order of columns. Renderers decide only how it looks. Pure, and knows
neither rich nor widths. Text from logs is made visible here, so a renderer may print it as it
comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from logan.report import labels, units
from logan.report.schema import TABLES, Column, Table
from logan.report.timezones import zone_name
from logan.report.units import visible

__all__ = [
    "Fact",
    "TableView",
    "assumed_in_all",
    "errors_unknown",
    "group_tables",
    "headline",
    "inputs_named",
    "inputs_shown",
    "missing",
    "period",
    "selected",
    "table",
    "when",
]

Data = Mapping[str, Any]

INPUTS_SHOWN_MAX = 8


class Fact(NamedTuple):
    """A number of the headline: what it counts, what puts it into proportion, how it is judged."""

    value: str
    label: str
    detail: str
    tone: Literal["neutral", "good", "warning", "bad"] = "neutral"


class TableView(NamedTuple):
    """A table in the order of its columns for people: numbers first, what names the row last.

    Attributes:
        titles: one for each of `columns`.
        rows: the report's own, for renderers that draw values.
        cells: one text for each row and column.
    """

    title: str
    note: str
    columns: tuple[Column, ...]
    titles: tuple[str, ...]
    rows: Sequence[Data]
    cells: Sequence[Sequence[str]]


def headline(report: Data) -> list[Fact]:
    """The five facts that a reader looks for first."""
    lines, times = report["lines"], report["response_time_ms"]
    malformed = report["malformed_lines"]
    share = malformed / lines["total"] if lines["total"] else 0.0
    noun = "line" if lines["total"] == 1 else "lines"
    return [
        Fact(
            units.count(report["total_requests"]),
            "requests",
            f"{units.short(lines['total'], 8)} {noun}",
        ),
        Fact(
            units.duration_ms(report["avg_response_time"]),
            "mean time",
            f"p99 {units.duration_ms(times['p99'])}",
        ),
        Fact(
            units.rate(report["requests_per_second"]),
            "mean rate",
            f"peak {units.rate(report['throughput']['peak_rps'])}",
        ),
        _errors(report),
        Fact(
            units.count(malformed),
            "malformed",
            f"{units.percent(share)} of all",
            "warning" if malformed else "good",
        ),
    ]


def _errors(report: Data) -> Fact:
    errors = report["errors"]
    if errors["total"] is None:
        # The columns of a narrow page hold no more; `errors_unknown` says why.
        return Fact(units.count(None), "errors", "unknown" if _is_read(report) else "")
    return Fact(
        units.count(errors["total"]),
        f"errors {units.percent(errors['ratio'])}",
        units.rate(report["error_rate"], "/min"),
        "bad" if errors["total"] else "good",
    )


def errors_unknown(report: Data) -> str | None:
    """Why errors could not be counted, as a sentence below the headline; None if they were."""
    if report["errors"]["total"] is None and _is_read(report):
        return "no levels, no statuses: errors unknown"
    return None


def _is_read(report: Data) -> bool:
    return bool(report["lines"]["parsed"])


def inputs_named(report: Data) -> tuple[list[str], int]:
    """The names of the first inputs that were read, and how many more there are."""
    sound = [entry for entry in report["inputs"] if entry["error"] is None]
    # A folder, or a second name of a file, has an entry too, of no byte.
    read = [entry for entry in sound if entry["bytes"]] or sound or report["inputs"]
    names = [visible(labels.input_name(each["path"])) for each in read]
    return names[:3], max(0, len(names) - 3)


def period(report: Data) -> str | None:
    """The time of the first record to that of the last; None if none has a time."""
    time = report["time"]
    if time["first"] is None:
        return None
    zone = zone_name(report)
    if not time["span_s"]:
        return f"{units.moment(time['first'])} {zone}"
    until = units.moment(time["last"], time["first"])
    return f"{units.moment(time['first'])} → {until} {zone}  ({units.span(time['span_s'])})"


def table(report: Data, name: str) -> TableView:
    """The table of that name in `schema.TABLES`, but for `groups`."""
    return _view(report, TABLES[name], report[name], TABLES[name].title, TABLES[name].key.title)


def group_tables(report: Data) -> Iterator[TableView]:
    """A table for each field that was asked for; one without records has no rows."""
    for name, group in (report.get("groups") or {}).items():
        field = visible(name)
        yield _view(report, TABLES["groups"], group, f"By {field}", field)


def _view(report: Data, table: Table, section: Data, title: str, key: str) -> TableView:
    rows = section[table.rows]
    shown = [each for each in table.columns[1:] if each.shown != "never"]
    numbers = [each for each in shown if each.is_number]
    columns = (*numbers, *(each for each in shown if not each.is_number), table.key)
    notes = [_coverage(section, len(rows), table.noun)]
    if section.get("absent"):
        notes.append(f"{labels.plural(section['absent'], 'record')} without")
    if table.section == "groups" and not rows:
        notes = ["no record has this field"]
    return TableView(
        title=title,
        note=", ".join(filter(None, notes)),
        columns=columns,
        titles=(*(each.title for each in columns[:-1]), key),
        rows=rows,
        cells=[[_cell(each, row[each.name], report) for each in columns] for row in rows],
    )


def _cell(column: Column, value: Any, report: Data) -> str:
    if column.kind in ("count", "errors"):
        return units.count(value)
    if column.kind == "ms":
        return units.duration_ms(value)
    if column.kind == "ratio":
        return units.percent(value)
    if column.kind == "time":
        return when(value, report)
    return visible(value or "")


def _coverage(section: Data, shown: int, noun: str) -> str:
    """How many of all are shown, and how exact their counts are."""
    distinct = section.get("distinct")
    parts = []
    if distinct is not None:
        about = "" if not section.get("distinct_error") or distinct == shown else "about "
        parts.append(f"{shown:,} of {about}{units.count(distinct)}")
    if not section["exact"]:
        parts.append(f"too many {noun} to count each: off by at most {section['error_bound']:,}")
    return ", ".join(parts)


def when(text: str | None, report: Data) -> str:
    """A time in a table: without its day when the heading already names the only one."""
    first, last = (units.time_of(report["time"][key]) for key in ("first", "last"))
    one_day = first is not None and last is not None and first.date() == last.date()
    return units.moment(text, report["time"]["first"] if one_day else None)


def selected(report: Data) -> list[str]:
    """Time range, condition, and what they left out."""
    selection = report.get("selection") or {}
    lines = []
    since, until = selection.get("since"), selection.get("until")
    if since or until:
        edges = [
            f"from {units.moment(since)}" if since else "",
            f"before {units.moment(until)}" if until else "",
        ]
        lines.append(" ".join(["time range:", *filter(None, edges), zone_name(report)]))
    if selection.get("where"):
        lines.append(f"where: {visible(selection['where'])}")
    counts = report["lines"]
    if lines:
        records = counts["parsed"] + counts["filtered"]
        left = f"{units.count(counts['parsed'])} of {labels.plural(records, 'record')} counted"
        skipped = counts.get("skipped_bytes")
        unread = f", {units.bytes_size(skipped)} outside the time range not read" if skipped else ""
        lines.append(left + unread)
    return lines


def missing(report: Data) -> str:
    """Why the report is partial."""
    parts = []
    failed = sum(entry["error"] is not None for entry in report["inputs"])
    if failed:
        parts.append(f"{failed:,} of {len(report['inputs']):,} inputs with errors")
    lost = sum(each["end"] - each["start"] for each in report["missing"] if each["end"] is not None)
    if lost:
        causes = sorted({str(each["why"]) for each in report["missing"]})
        parts.append(f"{units.bytes_size(lost)} not counted ({visible('; '.join(causes))})")
    if any(each["end"] is None for each in report["missing"]):
        parts.append("a stream was not read to its end")
    return ", ".join(parts) or "not everything was counted"


def inputs_shown(inputs: Sequence[Data]) -> list[Data]:
    """All of a few; of many, those with errors first."""
    if len(inputs) <= INPUTS_SHOWN_MAX:
        return list(inputs)
    failed = [entry for entry in inputs if entry["error"] is not None]
    plain = [entry for entry in inputs if entry["error"] is None]
    return [*failed[:INPUTS_SHOWN_MAX], *plain[: max(0, INPUTS_SHOWN_MAX - len(failed))]]


def assumed_in_all(inputs: Sequence[Data]) -> list[str]:
    """What is assumed in all of several inputs that were read, to be stated once."""
    read = [entry["assumed"] for entry in inputs if entry["error"] is None]
    if len(read) < 2:
        return []
    others = [set(assumed) for assumed in read[1:]]
    return [each for each in read[0] if all(each in assumed for assumed in others)]
