"""Expressions that a report must fulfill: `response_time_ms.p99 <= 300ms`.

Metrics are named as the JSON report names them, dots stepping into sections; a row of a table by
its name, `routes["POST /checkout"].p95_ms < 300`, whatever its rank; `in every 5m` asks for each
window of time. `expectation_parser` reads them. Pure: exit codes and printing are the command's.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from logan.report import untimed, windows
from logan.report.comparison import is_number, show
from logan.report.rows import row_name
from logan.report.schema import (
    COUNT_TABLES,
    NO_LEVEL,
    TABLES,
    UnknownMetricError,
    errors_measured,
    figure,
)

__all__ = ["PER_MINUTE", "Expectation", "Verdict", "as_share", "pattern"]


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


# Compiled at the first use: most runs have no expectation.
@cache
def pattern(text: str) -> re.Pattern[str]:
    """The compiled form of a regular expression."""
    return re.compile(text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an expectation: whether it holds, and the words to say so.

    Attributes:
        at: the start of the worst window, if windows were asked for.
    """

    ok: bool
    actual: Any
    text: str
    expression: str = ""
    at: str | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Expectation:
    """A parsed expression; `value` is in the metric's own unit.

    Attributes:
        row: table, key and column of `TABLE["KEY"].COLUMN`.
        every_s: seconds of the windows in each of which it must hold.
        least: windows with fewer are skipped: "requests" or "records", and how many.
    """

    expression: str
    name: str
    op: str
    value: float | bool | None
    row: tuple[str, str, str] | None = None
    every_s: int | None = None
    least: tuple[str, int] | None = None

    @property
    def row_reference(self) -> str | None:
        """The row that a report must keep for this, as `Options.rows` names it."""
        return None if self.row is None else f"{self.row[0]}[{json.dumps(self.row[1])}]"

    def check(self, report: Mapping[str, Any], *, allow_empty: bool = False) -> Verdict:
        """Compare with the report's metric; one that was not measured meets only `==null`.

        Where no record was read or selected, `allow_empty` lets counts be 0, and expectations
        about what has no value then hold.
        """
        if allow_empty and _is_empty(report) and (self.row or self.every_s):
            text = f"{self.expression}: no records, nothing to check"
            verdict = Verdict(True, None, text)
        elif self.row is not None:
            verdict = self._of_row(report, *self.row)
        elif self.every_s is not None:
            verdict = self._of_windows(report, self.every_s)
        else:
            verdict = self._of_metric(report, allow_empty=allow_empty)
        return replace(verdict, expression=self.expression)

    def _of_metric(self, report: Mapping[str, Any], *, allow_empty: bool) -> Verdict:
        try:
            actual = figure(report, self.name)
        except UnknownMetricError as error:
            if not (allow_empty and _is_empty(report)):
                return Verdict(False, None, f"{self.expression}: {error}")
            actual = None
        if self.value is None:
            return self._compared(actual)
        why = _not_measured(report, self.name, allow_empty=allow_empty)
        if untimed.is_over_time(self.name):
            why = why or untimed.left_out(report, self.name, windows=False)
        if why is None and actual is None and _is_empty(report):
            if _is_count(self.name):
                actual = 0
            elif allow_empty:
                return Verdict(True, None, f"{self.expression}: no records, nothing to check")
        if why is None and actual is None:
            why = "no record has one"
        if why is not None:
            return self._no_data(why)
        return self._compared(actual)

    def _no_data(self, why: str) -> Verdict:
        return Verdict(False, None, f"{self.expression}: {self.name} has no data: {why}")

    def _of_row(self, report: Mapping[str, Any], table: str, key: str, column: str) -> Verdict:
        section = _table_of(report, table)
        if section is None:
            hint = f" (--by {table.partition('.')[2]} makes it)" if "." in table else ""
            return self._no_data(f"the report has no table {table}{hint}")
        known = TABLES[table.partition(".")[0]]
        names = [row_name(known, row) for row in section[known.rows]]
        named = section.get("named") or {}
        if key in named:
            row = named[key]
        else:
            row = dict(zip(names, section[known.rows], strict=True)).get(key)
        # Rows that are left out may have that name, too, if bytes are shown in place of others.
        is_sure = "\ufffd" not in key or _has_all(section, len(names))
        is_one = key in named or (names.count(key) == 1 and is_sure)
        if row is None or not is_one:
            return self._no_data(_no_row(section, known.noun, key, list(dict.fromkeys(names))))
        actual = row.get(column)
        if self.value is None:
            return self._compared(actual)
        if actual is None:
            return self._no_data("the row has no such value")
        why = _too_few(row.get("requests"), column)
        if why is not None:
            return self._no_data(why)
        bound = 0 if section.get("exact", True) else section.get("error_bound") or 0
        if bound and column in ("requests", "errors", "records", "count"):
            return self._within(actual, bound)
        return self._compared(actual)

    def _within(self, actual: float, bound: int) -> Verdict:
        """Compare a count that may be low by `bound`: what holds must hold for both ends."""
        least, most = self._compared(actual), self._compared(actual + bound)
        worst = next((each for each in (most, least) if not each.ok), most)
        text = f"{worst.text}; the table's counts may be low by up to {bound:,}"
        return replace(worst, actual=actual, text=text)

    def _of_windows(self, report: Mapping[str, Any], seconds: int) -> Verdict:
        if self.name.startswith("err") and "levels" in report and not errors_measured(report):
            return self._no_data("no record has a known level or a status")
        found, why = windows.windows_of(report, self.name, seconds)
        why = why or untimed.left_out(report, self.name, windows=True)
        if why is not None:
            return self._no_data(why)
        metric = windows.METRICS[self.name]
        is_sum = self.name in _GROWING
        valued = [
            (*found_bounds, window, 1)
            for window in found
            if self._has_enough(window)
            # A window that the log covers in part has less of everything that is summed.
            and (window.whole or not (is_sum and self.op in (">", ">=", "==")))
            and (found_bounds := metric(window)) is not None
        ]
        if is_sum and self.op not in ("<", "<="):
            empty, count = windows.empty_between(report, found)
            if empty is not None and self._has_enough(empty):
                valued.append((0, 0, empty, count))
        if not valued:
            few = f" with {self.least[1]:,} {self.least[0]}" if self.least else ""
            return self._no_data(f"there is no window{few} that has one")
        failed = [each for each in valued if not self._holds_between(*each[:2])]
        side = 0 if self.op in (">", ">=") else 1
        ordered = sorted(failed or valued, key=lambda each: (each[side], each[2].start))
        *bounds, window, _ = ordered[-side]
        verdict = self._compared(bounds[side])
        if failed and verdict.ok:  # of == and !=, where the value may be any in between
            verdict = replace(self._compared(bounds[0]), ok=False)
        numbers = [sum(count for *_, count in each) for each in (failed, valued)]
        count_text = f"{numbers[0]:,} of {numbers[1]:,} windows fail, " if failed else ""
        words = verdict.text.removeprefix(f"{self.expression}: ")
        text = f"{self.expression}: {count_text}the worst begins at {window}: {words}"
        return replace(verdict, text=text, at=str(window))

    def _has_enough(self, window: windows.Window) -> bool:
        return self.least is None or getattr(window, self.least[0]) >= self.least[1]

    def _holds_between(self, low: float, high: float) -> bool:
        """Whether it holds whatever the value between these bounds is."""
        if self.op == "!=":
            assert self.value is not None
            return not low <= self.value <= high
        return self._compared(low).ok and self._compared(high).ok

    def _compared(self, actual: Any) -> Verdict:
        comparable = is_number(actual) and is_number(self.value)
        if comparable or self.op in ("==", "!="):
            ok = _OPERATORS[self.op](actual, self.value)
        else:
            ok = False
        text = f"{self.expression}: is {show(actual)}{_label(self.name, actual)}"
        if ok:
            return Verdict(True, actual, text)
        if not comparable:
            why = "" if self.op in ("==", "!=") else ", which is not a number"
            return Verdict(False, actual, f"{text}{why}")
        return Verdict(False, actual, f"{text}{self._off(actual)}{_meant(self)}")

    def _off(self, actual: float) -> str:
        value = float(self.value or 0)
        off = actual - value
        if not off or not math.isfinite(off):
            return ""
        ratio = abs(off) / abs(value) if value else 0.0
        share = f" ({ratio:.1%})" if 0 < ratio < 10 else ""
        return f", {show(abs(off))}{share} {'above' if off > 0 else 'below'}"


PER_MINUTE: Final = ("error_rate", "errors.per_minute")
"""Errors per minute, which readers mistake for the share of errors."""


def _label(name: str, actual: Any) -> str:
    """What is counted, where the name does not say so."""
    return " errors/min" if name in PER_MINUTE and is_number(actual) else ""


def _meant(expectation: Expectation) -> str:
    if expectation.name not in PER_MINUTE or expectation.op not in ("<", "<="):
        return ""
    return f"; for the share of errors write {as_share(expectation.op, expectation.value)}"


def as_share(op: str, value: float | bool | None) -> str:
    """The expression about the share of errors that was meant."""
    return f"errors.ratio{op}{show(value)}%"


# What was measured. A gate must not pass because there was nothing to look at.

_ALWAYS_MEASURED: Final = (
    *("schema_version", "logan_version", "partial", "inputs", "missing", "selection"),
    *("lines", "malformed", "malformed_lines", "performance"),
)
"""Sections about the input and the run: they have a value whatever the records hold."""

_COUNTS: Final = (
    *("total_requests", "error_rate", "requests_per_second", "bytes_sent"),
    *("errors.total", "errors.per_minute", "throughput.requests_per_second"),
    *("response_time_ms.count", "response_time_ms.absent"),
    *("routes.distinct", "clients.distinct"),
)
"""What is 0 where nothing is counted, besides the count tables."""

_VALUES_MIN: Final[Mapping[str, int]] = {"p50": 2, "p90": 10, "p95": 20, "p99": 100, "p999": 1_000}
"""Fewest values for a percentile q, 1/(1 - q): with fewer it is just one of the largest."""

_FIELDS_OF_COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "error_rate": ("status", "level"),
    "errors": ("status", "level"),
    "status": ("status",),
    "levels": ("level",),
    "bytes_sent": ("bytes",),
}
"""By section: the fields of which one must be there for its counts to say anything."""

_SURE_FIELDS: Final = ("status", "level", "duration", "bytes")
"""A condition on these may leave nothing on a good run. One on text, such as a path, leaves nothing
when it is misspelt, too."""


def _is_count(name: str) -> bool:
    return name in _COUNTS or name.partition(".")[0] in COUNT_TABLES


def _is_empty(report: Mapping[str, Any]) -> bool:
    """Whether no record was counted, and yet all is well: it was not for want of a format."""
    lines = report.get("lines") or {}
    if "parsed" not in lines or lines["parsed"]:
        return False
    return not _unread(lines) or bool(lines.get("filtered") or lines.get("skipped_bytes"))


def _unread(lines: Mapping[str, int]) -> int:
    """Lines that should have been read, where none was: without records none continues one."""
    return lines.get("malformed", 0) + lines.get("continuation", 0)


def _not_measured(report: Mapping[str, Any], name: str, *, allow_empty: bool) -> str | None:
    """Why the report cannot say anything about a metric; None if it can."""
    head = name.partition(".")[0]
    if head in _ALWAYS_MEASURED:
        return None
    lines = report.get("lines") or {}
    if "parsed" in lines and not lines["parsed"]:
        if not _is_empty(report):
            return f"none of {_unread(lines):,} lines was parsed"
        if allow_empty or (_is_count(name) and _good_runs_leave_nothing(report, head)):
            return None
        if not lines.get("total") and not lines.get("skipped_bytes"):
            return "there are no lines (--allow-empty accepts that)"
        if not report.get("selection"):
            return "there are no records (--allow-empty accepts that)"
        return "no record was selected (--allow-empty accepts that)"
    last = name.rpartition(".")[2]
    if (head in ("error_rate", "errors") or last == "errors") and "levels" in report:
        return None if errors_measured(report) else "no record has a known level or a status"
    if head in COUNT_TABLES and head in report and not _any_counted(report[head]):
        return f"no record has a {'status' if head == 'status' else 'level'}"
    if name in ("routes.distinct", "clients.distinct") and not figure(report, name):
        return f"no record has a {head.removesuffix('s')}"
    return _too_few_values(report, name)


def _any_counted(table: Mapping[str, int]) -> bool:
    return any(count for key, count in table.items() if key != NO_LEVEL)


def _good_runs_leave_nothing(report: Mapping[str, Any], head: str) -> bool:
    """Whether nothing was selected by fields that the input has, so that 0 is what was counted."""
    selection = report.get("selection") or {}
    ranged = selection.get("since") is not None or selection.get("until") is not None
    if ranged and not (report.get("time") or {}).get("minutes"):
        return False  # it is the time range that has no records
    present = selection.get("fields_present") or ()
    asked = _fields_asked(selection.get("where"))
    needed = _FIELDS_OF_COUNTS.get(head, ())
    return (
        bool(asked)
        and all(field in _SURE_FIELDS and field in present for field in asked)
        and (not needed or any(field in present for field in needed))
    )


def _fields_asked(where: str | None) -> set[str]:
    """The fields that a condition in its canonical text asks for."""
    text = pattern(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""").sub('""', where or "")
    test = r"([A-Za-z_][\w.\"]*)\s*(?:[=!<>~]|\bnot in\b|\bin\b|\bexists\b)"
    return {found[1].partition(".")[0].lower() for found in pattern(test).finditer(text)}


def _too_few_values(report: Mapping[str, Any], name: str) -> str | None:
    """Why a percentile cannot be told from so few values; None for what is none, or for enough."""
    path, _, last = name.rpartition(".")
    least = _VALUES_MIN.get(last.removesuffix("_ms"))
    if least is None:
        return None
    try:
        there = figure(report, f"{path}.{'count' if path == 'response_time_ms' else 'requests'}")
    except UnknownMetricError:
        return None
    return _too_few(there, last)


def _too_few(count: Any, column: str) -> str | None:
    """Why a percentile of so many values says nothing; None if it does, or is none."""
    least = _VALUES_MIN.get(column.removesuffix("_ms"))
    if least is None or not is_number(count) or count >= least:
        return None
    values = "is 1 value" if count == 1 else f"are {count:,} values"
    return f"there {values}, {column.removesuffix('_ms')} needs {least:,}"


_GROWING: Final = (
    *("errors.total", "errors.per_minute", "error_rate", "total_requests", "lines.parsed"),
    *("requests_per_second", "throughput.requests_per_second", "throughput.observed_rps"),
)
"""Metrics of windows that grow with the time that a window has."""


def _table_of(report: Mapping[str, Any], table: str) -> Mapping[str, Any] | None:
    head, _, field = table.partition(".")
    section = report.get(head)
    found = (section or {}).get(field) if field else section
    return found or None


def _has_all(section: Mapping[str, Any], rows: int) -> bool:
    """Whether a table has a row for each key that was met."""
    distinct = section.get("distinct")
    return bool(section.get("exact", True)) and distinct is not None and distinct <= rows


def _no_row(section: Mapping[str, Any], noun: str, key: str, shown: list[str]) -> str:
    """Why a table does not have a row, and whether all of it was searched."""
    import difflib

    was_searched = key in (section.get("named") or {})
    distinct = section.get("distinct")
    if not section.get("exact", True):
        return f"too many {noun} to keep each, and {key!r} is not among those kept"
    if "\ufffd" in key:
        verb = "is" if was_searched else "may be"
        return f"{key!r} {verb} the name of several {noun}, or of none: its bytes are not UTF-8"
    if not was_searched and (distinct is None or distinct > len(shown)):
        return f"the report has only {len(shown):,} of its {noun}, and {key!r} is not among them"
    near = difflib.get_close_matches(key, shown, 1, cutoff=0.6)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return f"{key!r} is not among the {noun}{meant}"
