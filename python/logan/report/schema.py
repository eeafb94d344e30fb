"""The JSON report's keys, in their order, and how one figure is found by its dotted name.

This is the only place where Python names all keys; assembling, validating and expecting read it.
It knows nothing of where the figures come from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = [
    "COUNT_TABLES",
    "LISTS",
    "OPTIONAL",
    "SECTIONS",
    "TOP_LEVEL",
    "UnknownFigureError",
    "check_name",
    "figure",
    "names_below",
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
    "inputs",
    "missing",
    "selection",
    "lines",
    "malformed",
    "time",
    "levels",
    "status",
    "bytes_sent",
    "errors",
    "response_time_ms",
    "throughput",
    "series",
    "routes",
    "clients",
    "messages",
    "slowest",
    "groups",
    "performance",
)

OPTIONAL: Final = ("selection", "groups")
"""Of these the keys that a report has only if they were asked for."""

SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "selection": ("since", "until", "where", "by"),
    "lines": (
        *("total", "parsed", "malformed", "blank", "continuation", "header", "filtered"),
        "skipped_bytes",
    ),
    "malformed": ("reasons", "samples"),
    "time": ("first", "last", "span_s", "minutes", "out_of_order"),
    "errors": ("total", "per_minute", "ratio"),
    "response_time_ms": (
        *("count", "absent", "mean", "min", "max"),
        *("p50", "p90", "p95", "p99", "p999", "relative_error"),
    ),
    "throughput": (
        *("requests_per_second", "observed_rps"),
        *("peak_rps", "peak_at", "peak_step_s"),
    ),
    "series": ("step_s", "points"),
    "routes": ("exact", "error_bound", "distinct", "relative_error", "top"),
    "clients": ("exact", "error_bound", "distinct", "distinct_error", "top"),
    "messages": ("exact", "error_bound", "top"),
    "performance": (
        *("wall_s", "bytes", "bytes_per_second", "peak_rss_bytes"),
        *("threads", "engine", "workers", "recoveries"),
        *("verified", "alarms"),
    ),
}

COUNT_TABLES: Final = ("levels", "status", "malformed.reasons")
"""Tables of counts whose keys come from the log: a key that is absent counts 0."""

LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "inputs": ("bytes",),
    "missing": (),
    "selection.by": (),
    "malformed.samples": ("offset",),
    "series.points": ("records", "errors", "mean_ms"),
    "routes.top": ("requests", "errors", "p95_ms"),
    "clients.top": ("requests", "errors"),
    "messages.top": ("count",),
    "slowest": ("ms",),
    "performance.workers": (),
    "performance.recoveries": (),
    "performance.alarms": (),
}
"""Lists of rows, and columns of theirs that are numbers, if any."""

_OPEN: Final = ("groups",)


class UnknownFigureError(KeyError):
    """No figure has that name; `similar` are names that may have been meant."""

    def __init__(self, name: str, similar: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.similar = tuple(similar)

    def __str__(self) -> str:
        meant = f"; did you mean {' or '.join(self.similar)}?" if self.similar else ""
        return f"the report has no figure {self.name!r}{meant}"


def check_name(name: str) -> None:
    """Raises `UnknownFigureError` if no report could have a figure of that name."""
    head, _, rest = name.partition(".")
    if name in COUNT_TABLES or any(name.startswith(f"{table}.") for table in COUNT_TABLES):
        return
    if head in _OPEN or (head in TOP_LEVEL and not rest):
        return
    if head in SECTIONS and rest.partition(".")[0] in SECTIONS[head]:
        return
    if head in TOP_LEVEL and head not in SECTIONS and rest.partition(".")[0].isdecimal():
        return
    raise UnknownFigureError(name, _similar(name))


def figure(report: Mapping[str, Any], name: str) -> Any:
    """The value called `name`, dots stepping into sections and, by index, into lists.

    Raises `UnknownFigureError`. A key that a count table lacks is 0.
    """
    if name in report:
        return report[name]
    for table in COUNT_TABLES:
        if name.startswith(f"{table}."):
            counts = figure(report, table)
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
            raise UnknownFigureError(name, () if is_row else _similar(name))
    return value


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


def _similar(name: str) -> list[str]:
    import difflib

    names = [*(key for key in TOP_LEVEL if key not in SECTIONS)]
    names += [f"{section}.{key}" for section, keys in SECTIONS.items() for key in keys]
    if name in names:
        return []  # a right name that this report lacks
    # "p99" is a likely slip for "response_time_ms.p99": names that end so come first.
    same_ending = [each for each in names if each.endswith(f".{name}")]
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    return list(dict.fromkeys(same_ending + close))[:2]
