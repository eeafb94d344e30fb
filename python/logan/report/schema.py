"""The JSON report's keys, in their order, and how one figure is found by its dotted name.

This is the only place where Python names all keys; assembling, validating and expecting read it.
It knows nothing of where the figures come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

__all__ = [
    "ADDED",
    "COUNT_TABLES",
    "LEVELS",
    "LISTS",
    "LOCAL_ORIGIN",
    "NO_LEVEL",
    "OPTIONAL",
    "ORIGINS",
    "SECTIONS",
    "SHORT_NAMES",
    "SWITCHABLE",
    "TABLES",
    "TOP_LEVEL",
    "UNITS",
    "Column",
    "Table",
    "UnknownMetricError",
    "check_name",
    "errors_measured",
    "figure",
    "has_level",
    "names_below",
    "unit_of",
]

TOP_LEVEL: Final = (
    "schema_version",
    "logan_version",
    "partial",
    "total_requests",
    "avg_response_time",
    "error_rate",
    "requests_per_second",
    "malformed_lines",
    "findings",
    "inputs",
    "missing",
    "selection",
    "origins",
    "lines",
    "malformed",
    "time",
    "levels",
    "status",
    "bytes_sent",
    "errors",
    "health_checks",
    "response_time_ms",
    "throughput",
    "series",
    "response_times",
    "routes",
    "not_found",
    "methods",
    "hosts",
    "user_agents",
    "user_agent_families",
    "user_agent_systems",
    "referrers",
    "clients",
    "countries",
    "networks",
    "clients_per_day",
    "messages",
    "templates",
    "slowest",
    "groups",
    "expectations",
    "anonymized",
    "command",
    "performance",
)

SWITCHABLE: Final = (
    *("response_times", "not_found", "methods", "hosts", "user_agents", "referrers"),
    *("clients_per_day", "templates"),
)
"""Keys of a report whose metrics a job can switch off."""

ADDED: Final = ("user_agent_families", "user_agent_systems", "countries", "networks")
"""Tables that are made of others when a report is made, if they were asked for."""

OPTIONAL: Final = (
    *("origins", "selection", "groups", *SWITCHABLE, *ADDED),
    *("findings", "expectations", "anonymized", "command"),
)
"""Keys of a report that are present only if they were asked for, or not switched off."""

_FAMILIES: Final = ("exact", "error_bound", "strings", "classified_share", "distinct", "top")
_PLACES: Final = ("exact", "error_bound", "distinct", "unknown", "top")
_TABLE: Final = ("exact", "error_bound", "distinct", "relative_error", "top")

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "selection": ("since", "until", "where", "by", "fields_present"),
    "lines": (
        *("total", "parsed", "malformed", "blank", "continuation", "header", "filtered"),
        "skipped_bytes",
    ),
    "malformed": ("reasons", "samples"),
    "time": (
        *("first", "last", "span_s", "minutes", "out_of_order", "untimed"),
        "untimed_filtered",
    ),
    "errors": ("total", "per_minute", "ratio", "request_ratio", "record_ratio"),
    "health_checks": ("requests", "share", "errors", "by"),
    "response_time_ms": (
        *("count", "absent", "mean", "min", "max"),
        *("p50", "p90", "p95", "p99", "p999", "relative_error", "histogram"),
    ),
    "throughput": (
        *("requests_per_second", "observed_rps"),
        *("peak_rps", "peak_at", "peak_step_s"),
    ),
    "series": ("step_s", "points"),
    "response_times": ("step_s", "relative_error", "points", "heatmap"),
    "routes": _TABLE,
    "not_found": _TABLE,
    "methods": _TABLE,
    "hosts": _TABLE,
    "user_agents": _TABLE,
    "user_agent_families": _FAMILIES,
    "user_agent_systems": _FAMILIES,
    "referrers": _TABLE,
    "clients": ("exact", "error_bound", "distinct", "distinct_error", "top"),
    "countries": _PLACES,
    "networks": _PLACES,
    "messages": ("exact", "error_bound", "distinct", "top"),
    "templates": ("exact", "error_bound", "distinct", "top"),
    "performance": (
        *("wall_s", "bytes", "bytes_per_second", "peak_rss_bytes"),
        *("threads", "engine", "workers", "recoveries"),
        *("verified", "alarms", "repeated"),
    ),
}

NO_LEVEL: Final = "NONE"
"""The key in `levels` of the records that have none."""

LEVELS: Final = (
    *("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "FATAL", "OTHER"),
    NO_LEVEL,
)
"""The keys that `levels` can have."""

COUNT_TABLES: Final = ("levels", "status", "malformed.reasons")
"""Tables of counts whose keys come from the log: a key that is absent counts 0."""

Kind = Literal["count", "errors", "ms", "bytes", "share", "time", "level", "text", "texts"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the key of its value in each row, and what every output must know of it.

    Attributes:
        kind: what the values are; "errors" is a count that stands out unless it is 0, "texts" are
            lists.
        shown: where users see it: always, on wide pages only, or never (programs get it).
        optional: left out of a table whose rows do not have it.
    """

    name: str
    title: str
    kind: Kind
    shown: Literal["always", "wide", "never"] = "always"
    optional: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the values can be compared with numbers."""
        return self.kind in ("count", "errors", "ms", "bytes", "share")

    @property
    def unit(self) -> str | None:
        """What the values are measured in."""
        return {"ms": "ms", "share": "ratio"}.get(self.kind)


class Table(NamedTuple):
    """A list of rows in the report; the first column is its key.

    Attributes:
        section: the key of the report that it is in.
        rows: the key of the list in that section.
        noun: what the rows are, for sentences.
    """

    section: str
    rows: str
    title: str
    noun: str
    columns: tuple[Column, ...]

    @property
    def key(self) -> Column:
        """The column that names a row."""
        return self.columns[0]

    def names(self) -> tuple[str, ...]:
        """The keys of a row, in order."""
        return tuple(each.name for each in self.columns)

    def columns_of(self, rows: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
        """The columns that these rows have: an optional one only if a row has a value for it."""
        present = {name for row in rows for name, value in row.items() if value is not None}
        return tuple(each for each in self.columns if not each.optional or each.name in present)

    def numbers(self) -> tuple[str, ...]:
        """The columns that can be compared with numbers."""
        return tuple(each.name for each in self.columns if each.is_number)


_REQUESTS: Final = Column("requests", "requests", "count")
_ERRORS: Final = Column("errors", "errors", "errors")
_MEAN: Final = Column("mean_ms", "mean", "ms", shown="wide")
_P95: Final = Column("p95_ms", "p95", "ms")
_MAX: Final = Column("max_ms", "max", "ms")
_CLIENT_ERRORS: Final = Column("client_errors", "4xx", "count", optional=True)
_P50: Final = Column("p50_ms", "p50", "ms", shown="wide", optional=True)
_P99: Final = Column("p99_ms", "p99", "ms", shown="wide", optional=True)
_SHARE: Final = Column("share", "share", "share", shown="wide", optional=True)
_BYTES: Final = Column("bytes", "bytes", "bytes", shown="wide", optional=True)
_WHY: Final = Column("why", "why", "text", shown="never", optional=True)
"""Why a row is there that is not among the first by volume: "errors", "total" (time), or both."""


_MERGED: Final = Column("merged", "merged", "count", shown="never", optional=True)
"""In an anonymized report, of how many rows this one is the sum, as their masked names are one."""


def _of_requests(longest: Column = _MAX) -> tuple[Column, ...]:
    """What tables of requests say of a row."""
    return (
        _REQUESTS,
        _ERRORS,
        _CLIENT_ERRORS,
        _SHARE,
        _MEAN,
        _P50,
        _P95,
        _P99,
        longest,
        _BYTES,
        _WHY,
        _MERGED,
    )


def _by(section: str, key: str, title: str, noun: str) -> Table:
    """A table of requests by something that logs say of them."""
    columns = (Column(key, key.replace("_", " "), "text"), *_of_requests())
    return Table(section, "top", title, noun, columns)


def _by_family(section: str, key: str, title: str, noun: str, *more: Column) -> Table:
    """A table of requests by what strings of user agents say."""
    columns = (_REQUESTS, _ERRORS, _CLIENT_ERRORS, _SHARE, _MEAN, _MAX, _BYTES)
    return Table(section, "top", title, noun, (Column(key, key, "text"), *columns, *more, _WHY))


def _by_place(section: str, key: str, title: str, noun: str) -> Table:
    """A table of requests by where clients are."""
    columns = (Column("clients", "clients", "count"), _REQUESTS, _ERRORS, _CLIENT_ERRORS)
    return Table(
        section, "top", title, noun, (Column(key, key, "text"), *columns, _SHARE, _BYTES, _WHY)
    )


def _by_template(section: str, title: str) -> Table:
    """A table of records by their masked message."""
    return Table(
        section,
        "top",
        title,
        "messages",
        (
            Column("template", "message", "text"),
            Column("level", "level", "level"),
            Column("count", "count", "count"),
            _SHARE,
            Column("first", "first", "time", shown="wide"),
            Column("last", "last", "time"),
            Column("sample", "sample", "text", shown="never"),
            _WHY,
        ),
    )


ORIGINS: Final = Table(
    "origins",
    "",
    "Inputs by host",
    "hosts",
    (
        Column("origin", "host", "text"),
        Column("inputs", "inputs", "count"),
        Column("failed", "failed", "errors"),
        Column("records", "records", "count"),
        Column("bytes", "bytes", "bytes"),
    ),
)
"""The report's `origins`, a list itself: what was read from each host, where there are several; ""
is what was not read by ssh."""

LOCAL_ORIGIN: Final = "not by ssh"

TABLES: Final[Mapping[str, Table]] = {
    "series": Table(
        "series",
        "points",
        "Series",
        "points",
        (
            Column("t", "time", "time"),
            Column("records", "records", "count"),
            _REQUESTS,
            _ERRORS,
            _MEAN,
            _MAX,
        ),
    ),
    "response_times": Table(
        "response_times",
        "points",
        "Response times",
        "points",
        (
            Column("t", "time", "time"),
            Column("count", "count", "count"),
            Column("p50_ms", "p50", "ms"),
            _P95,
            Column("p99_ms", "p99", "ms"),
        ),
    ),
    "routes": _by("routes", "route", "Top routes", "routes"),
    "not_found": _by("not_found", "route", "Not found", "routes"),
    "methods": _by("methods", "method", "Methods", "methods"),
    "hosts": _by("hosts", "host", "Top hosts", "hosts"),
    "user_agents": _by("user_agents", "user_agent", "Top user agents", "user agents"),
    "user_agent_families": _by_family(
        "user_agent_families",
        "family",
        "User agents",
        "families",
        Column("bot", "bot", "text", optional=True),
        Column("versions", "versions", "text", shown="wide", optional=True),
    ),
    "user_agent_systems": _by_family(
        "user_agent_systems", "system", "Operating systems", "systems"
    ),
    "referrers": _by("referrers", "referrer", "Top referrers", "referrers"),
    "clients": Table(
        "clients",
        "top",
        "Top clients",
        "clients",
        (
            Column("client", "client", "text"),
            _REQUESTS,
            _ERRORS,
            _CLIENT_ERRORS,
            _SHARE,
            _BYTES,
            _WHY,
            _MERGED,
        ),
    ),
    "countries": _by_place("countries", "country", "Countries", "countries"),
    "networks": _by_place("networks", "network", "Networks", "networks"),
    "messages": _by_template("messages", "Top errors and warnings"),
    "templates": _by_template("templates", "Top other messages"),
    "groups": Table(
        "groups",
        "top",
        "By {field}",
        "values",
        (
            Column("key", "{field}", "text"),
            Column("keys", "keys", "texts", shown="never", optional=True),
            Column("records", "records", "count"),
            *_of_requests(replace(_MAX, shown="wide")),
        ),
    ),
}
"""The tables of the report. `groups` has one for each field that was asked for, by the field's
name; its titles name the field. Rows of a table by two fields have both values in `keys`."""

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "findings": (),
    "inputs": ("bytes",),
    "origins": ORIGINS.numbers(),
    "missing": (),
    "health_checks.by": (),
    "selection.by": (),
    "selection.fields_present": (),
    "malformed.samples": ("offset",),
    "slowest": ("ms",),
    "clients_per_day": ("days", "distinct"),
    "performance.workers": (),
    "performance.recoveries": ("noticed_s", "leased_s", "done_s"),
    "performance.alarms": (),
    "expectations": (),
    "response_times.points": ("count", "p50_ms", "p95_ms", "p99_ms"),
    **{
        f"{table.section}.{table.rows}": table.numbers()
        for table in TABLES.values()
        if table.section != "groups"
    },
}
"""Lists of rows, and columns of theirs that are numbers, if any."""

_SECONDS: Final = (
    *("time.span_s", "throughput.peak_step_s", "series.step_s", "response_times.step_s"),
    "performance.wall_s",
)
_RATIOS: Final = (
    *("errors.ratio", "errors.request_ratio", "errors.record_ratio", "clients.distinct_error"),
    "health_checks.share",
    *("user_agent_families.classified_share", "user_agent_systems.classified_share"),
    *(f"{name}.relative_error" for name, keys in SECTIONS.items() if "relative_error" in keys),
)
_PLAIN_OF_TIMES: Final = ("count", "absent", "relative_error", "histogram")

UNITS: Final[Mapping[str, str]] = {
    "avg_response_time": "ms",
    **{
        f"response_time_ms.{key}": "ms"
        for key in SECTIONS["response_time_ms"]
        if key not in _PLAIN_OF_TIMES
    },
    **dict.fromkeys(_SECONDS, "s"),
    **dict.fromkeys(_RATIOS, "ratio"),
}
"""What metrics are measured in, by dotted name: "ms", "s" or "ratio"; counts have no unit."""

_OPEN: Final = ("groups",)


class UnknownMetricError(KeyError):
    """No figure has that name; `similar` are names that may have been meant."""

    def __init__(self, name: str, similar: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.similar = tuple(similar)

    def __str__(self) -> str:
        meant = f"; did you mean {' or '.join(self.similar)}?" if self.similar else ""
        return f"the report has no metric {self.name!r}{meant}"


def errors_measured(report: Mapping[str, Any]) -> bool:
    """Whether any record could have been an error: one with a level that is known, or a status."""
    statuses = report.get("status") or {}
    return has_level(report.get("levels") or {}) or any(statuses.values())


def has_level(levels: Mapping[str, int]) -> bool:
    """Whether any record has a level that is known, by the counts of records by level."""
    return any(count for name, count in levels.items() if name not in (NO_LEVEL, "OTHER"))


SHORT_NAMES: Final[Mapping[str, str]] = {
    **{each: f"response_time_ms.{each}" for each in ("p50", "p90", "p95", "p99", "p999", "max")},
    "p99.9": "response_time_ms.p999",
    "mean": "avg_response_time",
    "requests": "total_requests",
    "rps": "requests_per_second",
}
"""What conditions may call the metrics that they name most."""


def check_name(name: str) -> None:
    """Raises `UnknownMetricError` if no report could have a figure of that name."""
    head, _, rest = name.partition(".")
    if name in COUNT_TABLES or any(name.startswith(f"{table}.") for table in COUNT_TABLES):
        _check_key(name)
        return
    if head in _OPEN or (head in TOP_LEVEL and not rest):
        return
    if head in SECTIONS and rest.partition(".")[0] in SECTIONS[head]:
        return
    if head in TOP_LEVEL and head not in SECTIONS and rest.partition(".")[0].isdecimal():
        return
    raise UnknownMetricError(name, _similar(name))


def _check_key(name: str) -> None:
    """Raises `UnknownMetricError` for a key that no count table can have: it would always be 0."""
    head, _, key = name.partition(".")
    if head == "status" and key and not (key.isdecimal() and len(key) <= 3):
        raise UnknownMetricError(name, _similar(name))
    if head == "levels" and key and key not in LEVELS:
        known = f"levels.{key.upper()}"
        raise UnknownMetricError(name, [known] if key.upper() in LEVELS else _similar(name))


def figure(report: Mapping[str, Any], name: str) -> Any:
    """The value called `name`, dots stepping into sections and, by index, into lists.

    Raises `UnknownMetricError`. A key that a count table lacks is 0.
    """
    if name in report:
        return report[name]
    for table in COUNT_TABLES:
        if name.startswith(f"{table}."):
            counts = figure(report, table)
            if name[len(table) + 1 :] not in counts:
                _check_key(name)
            return counts.get(name[len(table) + 1 :], 0)
    value: Any = report
    for step in name.split("."):
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif _is_list(value) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            # A row that a list lacks was named rightly: other names would only mislead.
            is_row = _is_list(value) and step.isdecimal()
            raise UnknownMetricError(name, () if is_row else _similar(name))
    return value


def unit_of(name: str) -> str | None:
    """What the metric of that dotted name is measured in: "ms", "s", "ratio", or None."""
    if name in UNITS:
        return UNITS[name]
    path, _, last = name.rpartition(".")
    if name.startswith("groups."):
        if last in ("relative_error", "distinct_error"):
            return "ratio"
        return _column_unit(TABLES["groups"], last)
    rows = path.rpartition(".")[0]
    for table in TABLES.values():
        if rows == f"{table.section}.{table.rows}":
            return _column_unit(table, last)
    if rows == "slowest" and last == "ms":
        return "ms"
    return "s" if rows == "performance.recoveries" and last in LISTS[rows] else None


def _column_unit(table: Table, name: str) -> str | None:
    return next((each.unit for each in table.columns if each.name == name), None)


def names_below(name: str) -> str | None:
    """Examples of the figures in the section, table or list `name`; None if it is a figure itself,
    "" if it holds nothing that can be compared."""
    if name in LISTS:
        keys: Sequence[str] = [f"0.{column}" for column in LISTS[name]]
    elif name in SECTIONS:
        keys = SECTIONS[name]
    elif name in COUNT_TABLES:
        keys = {"levels": ("ERROR",), "status": ("500",)}.get(name, ("no_timestamp",))
    else:
        return None
    return ", ".join(f"{name}.{key}" for key in keys[:3])


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


_SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("latency", "duration", "response_time", "time"), "response_time_ms.p95"),
    **dict.fromkeys(("avg", "average", "mean_ms"), "avg_response_time"),
    **dict.fromkeys(("requests", "count", "hits"), "total_requests"),
    **dict.fromkeys(("rps", "qps", "throughput.rps"), "requests_per_second"),
    **dict.fromkeys(
        ("error_ratio", "error_share", "failure_rate", "error_percent"), "errors.ratio"
    ),
    **dict.fromkeys(("error_count", "failures"), "errors.total"),
    **dict.fromkeys(("5xx", "status.5xx"), "status.500"),
}
"""What others call metrics that no part of a name resembles."""


def _similar(name: str) -> list[str]:
    import difflib

    names = [*(key for key in TOP_LEVEL if key not in SECTIONS)]
    names += [f"{section}.{key}" for section, keys in SECTIONS.items() for key in keys]
    names += [f"levels.{level}" for level in LEVELS]
    if name in names:
        return []  # a right name that this report lacks
    if name.lower() in _SYNONYMS:
        return [_SYNONYMS[name.lower()]]
    # "p99" is a likely slip for "response_time_ms.p99": names that end so come first.
    same_ending = [each for each in names if each.endswith(f".{name}")]
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return list(dict.fromkeys(same_ending + close))[:2]
