"""The tables of a report as users read them, whatever draws them.

Which columns, in which order, as which text: numbers first, what names the row last. Renderers
decide only how it looks. Pure; text from logs is made visible here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from logan.limits import GROUPS_MAX
from logan.report import labels, units
from logan.report.group_names import is_over_time, shown_name
from logan.report.rows import SORTS, leading, row_name
from logan.report.schema import LOCAL_ORIGIN, ORIGINS, TABLES, Column, Table
from logan.report.shortening import gist
from logan.report.units import visible

__all__ = [
    "SlowRequest",
    "TableView",
    "all_tables",
    "cell",
    "group_tables",
    "origin_table",
    "slowest",
    "table",
    "when",
]

Data = Mapping[str, Any]

_ORDER: Final = (
    "routes",
    "messages",
    "templates",
    "not_found",
    "clients",
    "countries",
    "networks",
    "hosts",
    "methods",
    "referrers",
    "user_agent_families",
    "user_agent_systems",
    "user_agents",
)
_NOT_FOUND_MIN: Final = 0.05
"""Share of requests that were not found from which on their routes are shown in any case."""

_TITLES: Final = {
    "session": "Connections and sessions",
    "timer": "Other timings",
    "outgoing": "Outgoing calls",
}

_OF_TIMERS: Final = ("groups.session", "groups.timer")
_TIMER_COLUMNS: Final = ("records", "share", "mean_ms", "p50_ms", "p95_ms", "max_ms")

_WHY: Final = {"total": "time", "total_ms": "time", "p95_ms": "p95"}
_VOLUMES: Final = ("", "requests", "records", "volume", "top")


@dataclass(frozen=True, slots=True)
class TableView:
    """A table in the order of its columns for users: numbers first, what names the row last.

    Attributes:
        name: its key in `schema.TABLES`, or `groups.FIELD`.
        titles: one for each of `columns`.
        rows: the report's own, for renderers that draw values.
        cells: one text for each row and column.
        marks: for each row why it is there though others have more requests; "" for most.
    """

    title: str
    note: str
    columns: tuple[Column, ...]
    titles: tuple[str, ...]
    rows: Sequence[Data]
    cells: Sequence[Sequence[str]]
    marks: Sequence[str] = ()
    name: str = ""

    def first(self, count: int) -> TableView:
        """At most so many rows: the first, and those with trouble, which are marked; of steps of
        time those with most records, in the order of time."""
        if count >= len(self.rows):
            return self
        if is_over_time(self.name.removeprefix("groups.")):
            ranked = self.picked(sorted(range(len(self.rows)), key=self._rank))
            few = replace(ranked, name="").first(count)
            return replace(few, name=self.name).picked(
                sorted(range(len(few.rows)), key=lambda index: str(few.rows[index]["key"]))
            )
        known = {index: mark for index, mark in enumerate(self.marks) if mark}
        most = max(1, count // 3)
        plain = count
        while True:
            found = leading(self.rows, plain)
            marks = {**{index: _mark({"why": why}) for index, why in found.items()}, **known}
            beyond = [index for index in marks if index >= plain]
            beyond = sorted(beyond, key=lambda index: _trouble(self.rows[index]))[:most]
            if plain + len(beyond) <= count:
                break
            plain -= 1
        kept = [*range(plain), *sorted(beyond)]
        before, after = f"{self.marks.count(''):,} of ", f"{plain:,} of "
        note = self.note
        return replace(
            self,
            note=after + note.removeprefix(before) if note.startswith(before) else note,
            rows=[self.rows[index] for index in kept],
            cells=[self.cells[index] for index in kept],
            marks=[marks.get(index, "") for index in kept],
        )

    def _rank(self, index: int) -> tuple[bool, float]:
        """Rows that are there for their volume first, by volume."""
        return bool(self.marks[index]), -SORTS["requests"](self.rows[index])

    def picked(self, indices: Sequence[int]) -> TableView:
        """The same rows in this order."""
        return replace(
            self,
            rows=[self.rows[index] for index in indices],
            cells=[self.cells[index] for index in indices],
            marks=[self.marks[index] for index in indices],
        )


def _trouble(row: Data) -> tuple[float, float]:
    """Orders rows by errors, then by total time, most first."""
    return -SORTS["errors"](row), -SORTS["total"](row)


def table(report: Data, name: str) -> TableView:
    """The table of that name in `schema.TABLES`, but for `groups`; without rows if the report does
    not have it."""
    known = TABLES[name]
    section = report.get(name) or {known.rows: []}
    return _view(report, known, section, _title(known, section), known.key.title, name)


def group_tables(report: Data, *, asked: bool = True) -> Iterator[TableView]:
    """A table for each field that was `asked` for, or for those that were not; one without records
    has no rows."""
    wanted = (report.get("selection") or {}).get("by") or ()
    for name, group in (report.get("groups") or {}).items():
        if asked != (name in wanted or name not in _TITLES):
            continue
        field = visible(shown_name(name))
        title = _TITLES.get(name, f"By {field}")
        yield _view(report, TABLES["groups"], group, title, field, f"groups.{name}")


def origin_table(report: Data) -> TableView | None:
    """What was read from each host; None unless there are several."""
    rows = report.get("origins") or ()
    if not rows:
        return None
    columns = (*ORIGINS.columns[1:], ORIGINS.key)
    return TableView(
        title=ORIGINS.title,
        note="",
        columns=columns,
        titles=tuple(each.title for each in columns),
        rows=rows,
        cells=[
            [
                *(cell(each, row, report) for each in columns[:-1]),
                visible(row["origin"]) or LOCAL_ORIGIN,
            ]
            for row in rows
        ],
        marks=[""] * len(rows),
        name=ORIGINS.section,
    )


def all_tables(report: Data) -> Iterator[TableView]:
    """Every table with rows, those that were asked for first."""
    grouped = report.get("groups") or {}
    for each in group_tables(report):
        if each.rows:
            yield each
    if (origins := origin_table(report)) is not None:
        yield origins
    for name in _ORDER:
        if name == "not_found":
            yield from group_tables(report, asked=False)
        if name == "routes" and "route" in grouped:
            continue  # the table that was asked for has it all
        shown = table(report, name)
        if not shown.rows or (name == "clients" and _says_nothing(shown)):
            continue
        if name == "not_found" and _repeats_routes(report, shown):
            continue
        yield shown


def _repeats_routes(report: Data, shown: TableView) -> bool:
    """Whether few requests were not found, and those of routes that stand above anyway."""
    not_found = (report.get("status") or {}).get("404", 0)
    if not_found >= _NOT_FOUND_MIN * (report.get("total_requests") or 0):
        return False
    above = {row.get("route") for row in table(report, "routes").rows}
    return 2 * sum(row.get("route") in above for row in shown.rows) > len(shown.rows)


def _says_nothing(shown: TableView) -> bool:
    """Whether no row differs from another: a list of names in alphabetical order."""
    counts = {(row.get("requests"), row.get("errors")) for row in shown.rows}
    return len(shown.rows) > 3 and len(counts) == 1 and max(map(_small, shown.rows)) <= 2


def _small(row: Data) -> int:
    return max(row.get("requests") or 0, row.get("errors") or 0)


def _title(known: Table, section: Data) -> str:
    if known.section == "messages":
        trouble = ("WARN", "ERROR", "FATAL", None, "")
        if any(row.get("level") not in trouble for row in section[known.rows]):
            return "Top messages"
    return known.title


def _view(report: Data, known: Table, section: Data, title: str, key: str, name: str) -> TableView:
    rows = section[known.rows]
    shown = _telling(known.columns_of(rows)[1:], rows, name)
    numbers = [each for each in shown if each.is_number]
    columns = (*numbers, *(each for each in shown if not each.is_number), known.key)
    marks = [_mark(row) for row in rows]
    notes = [_coverage(section, marks.count(""), known.noun)]
    if name == "clients" and report.get("anonymized"):
        notes = [f"networks of the top of {units.count(section.get('distinct'))} clients"]
    elif any(row.get("merged") for row in rows):
        notes.append("rows of one network are the sum of those among the first")
    if section.get("absent"):
        notes.append(f"{labels.plural(section['absent'], 'record')} without")
    if section.get("classified_share") is not None:
        strings = labels.plural(section["strings"], "string")
        share = units.percent(section["classified_share"])
        notes.append(f"{share} of the requests classified, by {strings}")
    if section.get("unknown"):
        notes.append(f"{labels.plural(section['unknown'], 'request')} from elsewhere")
    error = section.get("relative_error")
    if error and any(each.name == "p95_ms" for each in columns):
        notes.append(f"percentiles ±{units.percent(error)}")
    if known.section == "groups" and not rows:
        notes = ["no record has this field"]
    of_timers = name in _OF_TIMERS
    return TableView(
        title=title,
        note=", ".join(filter(None, notes)),
        columns=columns,
        titles=(*(each.title for each in columns[:-1]), key),
        rows=rows,
        cells=[
            [
                *(cell(each, row, report, of_timers=of_timers) for each in columns[:-1]),
                _name(known, row, report, name),
            ]
            for row in rows
        ],
        marks=marks,
        name=name,
    )


def _telling(columns: Iterable[Column], rows: Sequence[Data], name: str) -> list[Column]:
    """The columns that say something of these rows: not those in which no row has a value, and of
    what is no request none about requests."""
    told = [each for each in columns if each.shown != "never"]
    if name in _OF_TIMERS:
        return [replace(each, shown="always") for each in told if each.name in _TIMER_COLUMNS]
    empty = {
        each.name
        for each in told
        if each.kind in ("ms", "bytes") and all(row.get(each.name) is None for row in rows)
    }
    if not any(row.get("requests") for row in rows) and any("records" in row for row in rows):
        empty |= {"requests", "client_errors"}
    return [each for each in told if each.name not in empty]


def _name(known: Table, row: Data, report: Data, table: str) -> str:
    """What names a row; a step of time as other times are written."""
    text = row_name(known, row)
    is_time = known.section == "groups" and is_over_time(table.removeprefix("groups."))
    return when(text, report) if is_time else visible(text)


def _mark(row: Data) -> str:
    why = row.get("why")
    reasons = [why] if isinstance(why, str) else list(why or ())
    parts = [part.strip() for each in reasons for part in str(each).split(",")]
    said = [_WHY.get(part, part) for part in parts if part not in _VOLUMES]
    return visible(f"most {', '.join(said)}") if said else ""


def cell(column: Column, row: Data, report: Data, *, of_timers: bool = False) -> str:
    """The text of a row's value; a percentile is never more than the row's largest value, nor, but
    `of_timers`, less than the shortest response time."""
    value = row.get(column.name)
    if column.kind in ("count", "errors"):
        return units.count(value)
    if column.kind == "ms":
        if column.name == "mean_ms":
            return units.duration_ms(value)
        low = None if of_timers else report["response_time_ms"]["min"]
        return units.duration_ms(clamped(value, low, row.get("max_ms")))
    if column.kind == "bytes":
        return units.bytes_size(value)
    if column.kind == "share":
        return units.NONE if value is None else units.share(value)
    if column.kind == "time":
        return when(value, report)
    return visible(value or "")


def clamped(value: float | None, low: float | None, high: float | None) -> float | None:
    """A percentile of a sketch within the values that were there."""
    if value is None:
        return None
    if low is not None:
        value = max(value, low)
    return value if high is None else min(value, high)


def _coverage(section: Data, shown: int, noun: str) -> str:
    """How many of all are shown, and how exact their counts are."""
    distinct = section.get("distinct")
    parts = []
    if distinct is not None:
        about = "" if not section.get("distinct_error") or distinct == shown else "about "
        parts.append(f"{shown:,} of {about}{units.count(distinct)}")
    if not section.get("exact", True):
        cap = f" (more than {GROUPS_MAX:,})" if noun == "values" else ""
        bound = section["error_bound"]
        parts.append(f"too many {noun} to count each{cap}: off by at most {bound:,}")
    return ", ".join(parts)


def when(text: str | None, report: Data) -> str:
    """A time in a table: without its day when the heading already names the only one."""
    first, last = (units.time_of(report["time"][key]) for key in ("first", "last"))
    one_day = first is not None and last is not None and first.date() == last.date()
    return units.moment(text, report["time"]["first"] if one_day else None)


class SlowRequest(NamedTuple):
    """One of the slowest requests: `line` is the request and its status where the line has one."""

    took: str
    when: str
    line: str
    row: Data


_REQUEST: Final = re.compile(r'"([A-Z]{3,16}) (\S+)(?: HTTP/[\d.]+)?" (\d{3})\b')


_BARE_REQUEST: Final = re.compile(r"(?<=\s)([A-Z]{3,16}) (/\S*) (\d{3})\b")
"""One without quotes."""


def slowest(report: Data) -> list[SlowRequest]:
    """The slowest requests; of lines of access logs only what was asked for, of others what they
    say: that tells them apart."""
    found = []
    for row in report["slowest"]:
        text = row["text"] or ""
        request = _REQUEST.search(text) or _BARE_REQUEST.search(text)
        line = f"{request[3]} {request[1]} {request[2]}" if request else gist(text)
        shown = SlowRequest(
            units.duration_ms(row["ms"]), when(row["time"], report), visible(line), row
        )
        found.append(shown)
    return found
