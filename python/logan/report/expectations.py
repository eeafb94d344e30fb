"""Figures against what was expected of them: tables with a tolerance, and expressions.

Pure: it compares and says what differs by how much. Exit codes and printing are the command's.
Both ways name figures as the JSON report does, dots stepping into sections:
`response_time_ms.p99`, `status.500`, `levels.ERROR`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from logan.errors import ExpectationError, UsageError
from logan.limits import EXPRESSION_CHARS_MAX
from logan.report.schema import (
    COUNT_TABLES,
    LISTS,
    NO_LEVEL,
    UnknownMetricError,
    check_name,
    errors_measured,
    figure,
    names_below,
    unit_of,
)

__all__ = ["Expectation", "Mismatch", "Verdict", "parse_expectation", "validate_results"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One figure that is not what was expected.

    Attributes:
        name: the figure's dotted name.
        expected, actual: both values; `actual` is None also for a figure that does not exist.
        why: what is wrong, in words.
    """

    name: str
    expected: Any
    actual: Any
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


def validate_results(
    report: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float = 0.01
) -> list[Mismatch]:
    """Every figure of `expected` that `report` does not match; an empty list means all do.

    `expected` may be nested like the report or use dotted names. Numbers may differ by
    `tolerance` relative to the expected value; an expected 0, None, bool or text must match
    exactly; lists must be equally long and match row by row. A figure that the report does not
    have is a mismatch.

    Raises:
        UsageError: `tolerance` is negative or not a number, or `expected` is not a mapping.
    """
    if not isinstance(expected, Mapping) or not isinstance(report, Mapping):
        raise UsageError("report and expected must be mappings of names to metrics")
    if not (0 <= tolerance < math.inf):
        raise UsageError(f"tolerance is {tolerance}, it must be 0 or more")
    return [
        mismatch
        for name, wanted in expected.items()
        for mismatch in _compare_named(report, str(name), wanted, tolerance)
    ]


def _compare_named(
    report: Mapping[str, Any], name: str, wanted: Any, tolerance: float
) -> Iterator[Mismatch]:
    try:
        actual = figure(report, name)
    except UnknownMetricError as error:
        yield Mismatch(name, wanted, None, str(error))
    else:
        yield from _compare(name, actual, wanted, tolerance)


def _compare(name: str, actual: Any, wanted: Any, tolerance: float) -> Iterator[Mismatch]:
    if name in _ERRORS_MEASURED and actual is None and wanted is not None:
        why = f"is null (no record has a level or a status), expected {_show(wanted)}"
        yield Mismatch(name, wanted, actual, why)
    elif isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        absent = 0 if name in COUNT_TABLES else _ABSENT
        for key, each in wanted.items():
            yield from _compare(f"{name}.{key}", actual.get(key, absent), each, tolerance)
    elif _is_list(wanted) and _is_list(actual) and len(wanted) == len(actual):
        for index, (one, other) in enumerate(zip(actual, wanted, strict=True)):
            yield from _compare(f"{name}.{index}", one, other, tolerance)
    elif actual is _ABSENT:
        yield Mismatch(name, wanted, None, f"the report has no metric {name!r}")
    elif _is_list(wanted) and _is_list(actual):
        why = f"has {len(actual):,} rows, expected {len(wanted):,}"
        yield Mismatch(name, wanted, actual, why)
    elif _is_number(wanted) and _is_number(actual):
        if not _is_close(actual, wanted, tolerance):
            yield Mismatch(name, wanted, actual, _difference(actual, wanted, tolerance))
    elif type(wanted) is not type(actual) or wanted != actual:
        yield Mismatch(name, wanted, actual, f"is {_show(actual)}, expected {_show(wanted)}")


_ABSENT: Final = object()

_ERRORS_MEASURED: Final = ("error_rate", "errors.total", "errors.per_minute", "errors.ratio")
"""What is null where errors could not be counted."""


def _is_close(actual: float, wanted: float, tolerance: float) -> bool:
    if actual == wanted:
        return True
    if wanted == 0 or not (_is_finite(wanted) and _is_finite(actual)):
        return False
    return abs(actual - wanted) <= tolerance * abs(wanted)


def _is_finite(value: float) -> bool:
    """Whether `value` can be computed with; JSON has integers that no float holds."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _difference(actual: float, wanted: float, tolerance: float) -> str:
    words = f"is {_show(actual)}, expected {_show(wanted)}"
    if wanted == 0 or not (_is_finite(wanted) and _is_finite(actual)):
        return f"{words} exactly"
    off = abs(actual - wanted) / abs(wanted)
    return f"{words}, off by {off:.3%} (allowed {tolerance:.3%})"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _show(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "a group of metrics"
    if _is_list(value):
        return f"a list of {len(value):,} rows"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


# Expressions: NAME OP VALUE, such as response_time_ms.p99<=300ms.

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
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


_NAME: Final = r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\s*"
_OPERATOR: Final = r"(<=|>=|==|!=|<|>)\s*"
_NUMBER: Final = r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*"
_UNIT: Final = r"(ns|us|µs|ms|s|min|%)?\s*$"
_MILLISECONDS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}
_WORDS: Final[Mapping[str, bool | None]] = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an expectation: whether it holds, and the words to say so."""

    ok: bool
    actual: Any
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Expectation:
    """A parsed expression; `value` is in the figure's own unit."""

    expression: str
    name: str
    op: str
    value: float | bool | None

    def check(self, report: Mapping[str, Any], *, allow_empty: bool = False) -> Verdict:
        """Compare with the report's metric; one that was not measured meets only `==null`.

        Where no record was read or selected, `allow_empty` lets counts be 0, and expectations
        about what has no value then hold.
        """
        try:
            actual = figure(report, self.name)
        except UnknownMetricError as error:
            if not (allow_empty and _is_empty(report)):
                return Verdict(False, None, f"{self.expression}: {error}")
            actual = None
        if self.value is None:
            return self._compared(actual)
        why = _not_measured(report, self.name, allow_empty=allow_empty)
        if why is None and actual is None and _is_empty(report):
            if _is_count(self.name):
                actual = 0
            elif allow_empty:
                return Verdict(True, None, f"{self.expression}: no records, nothing to check")
        if why is None and actual is None:
            why = "no record has one"
        if why is not None:
            return Verdict(False, None, f"{self.expression}: {self.name} has no data: {why}")
        return self._compared(actual)

    def _compared(self, actual: Any) -> Verdict:
        comparable = _is_number(actual) and _is_number(self.value)
        if comparable or self.op in ("==", "!="):
            ok = _OPERATORS[self.op](actual, self.value)
        else:
            ok = False
        text = f"{self.expression}: is {_show(actual)}{_label(self.name, actual)}"
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
        return f", {_show(abs(off))}{share} {'above' if off > 0 else 'below'}"


_PER_MINUTE: Final = ("error_rate", "errors.per_minute")
"""Errors per minute, which readers mistake for the share of errors."""


def _label(name: str, actual: Any) -> str:
    """What is counted, where the name does not say so."""
    return " errors/min" if name in _PER_MINUTE and _is_number(actual) else ""


def _meant(expectation: Expectation) -> str:
    if expectation.name not in _PER_MINUTE or expectation.op not in ("<", "<="):
        return ""
    return f"; for the share of errors write {_as_share(expectation.op, expectation.value)}"


def _as_share(op: str, value: float | bool | None) -> str:
    return f"errors.ratio{op}{_show(value)}%"


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
        return None if errors_measured(report) else "no record has a level or a status"
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
    text = _pattern(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""").sub('""', where or "")
    test = r"([A-Za-z_][\w.\"]*)\s*(?:[=!<>~]|\bnot in\b|\bin\b|\bexists\b)"
    return {found[1].partition(".")[0].lower() for found in _pattern(test).finditer(text)}


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
    if not _is_number(there) or there >= least:
        return None
    values = "is 1 value" if there == 1 else f"are {there:,} values"
    return f"there {values}, {last.removesuffix('_ms')} needs {least:,}"


def parse_expectation(expression: str) -> Expectation:
    """Parse `NAME OP VALUE`.

    OP is one of < <= > >= == !=; VALUE is a number, `null`, `true` or `false`. Figures in
    milliseconds take a unit (`ns us ms s min`), ratios take `%`.

    Raises:
        ExpectationError: with the position of the first character that does not fit.
    """

    def fail(message: str, position: int, hint: str | None = None) -> ExpectationError:
        return ExpectationError(message, expression=expression, position=position, hint=hint)

    if len(expression) > EXPRESSION_CHARS_MAX:
        raise fail(f"longer than {EXPRESSION_CHARS_MAX} characters", EXPRESSION_CHARS_MAX)
    name = _pattern(_NAME).match(expression)
    if name is None:
        start = len(expression) - len(expression.lstrip())
        raise fail("expected the name of a metric", start, "such as response_time_ms.p99")
    try:
        check_name(name[1])
    except UnknownMetricError as error:
        known = "the names are those of the JSON report: logan analyze LOG --json"
        raise fail(str(error), name.start(1), None if error.similar else known) from None
    at = name.end()
    below = names_below(name[1])
    if below is not None:
        what = "a list of rows" if name[1] in LISTS else "a group of metrics"
        hint = f"name one, such as {below}" if below else None
        raise fail(f"{name[1]} is {what}", name.start(1), hint)
    op = _pattern(_OPERATOR).match(expression, at)
    if op is None:
        hint = "equality is written ==" if expression[at : at + 1] == "=" else None
        raise fail("expected one of < <= > >= == !=", at, hint)
    value, end = _parse_value(expression, op.end(), name[1], op[1], fail)
    rest = expression[end:].lstrip()
    if rest:
        raise fail("expected nothing after the value", len(expression) - len(rest))
    return Expectation(expression.strip(), name[1], op[1], value)


def _parse_value(
    expression: str,
    at: int,
    name: str,
    op: str,
    fail: Callable[..., ExpectationError],
) -> tuple[float | bool | None, int]:
    word = re.compile(r"[a-z]+").match(expression, at)
    if word is not None and word[0] in _WORDS:
        if op not in ("==", "!="):
            raise fail(f"{word[0]} can only be compared by == and !=", at)
        return _WORDS[word[0]], word.end()
    number = _pattern(_NUMBER).match(expression, at)
    if number is None:
        raise fail("expected a number, null, true or false", at)
    value = float(number[0].strip().replace("_", ""))
    if not math.isfinite(value):
        raise fail("too large a number", at)
    unit = _pattern(_UNIT).match(expression, number.end())
    if unit is None:
        raise fail("expected a unit (ns us ms s min, or %) or nothing", number.end())
    if unit[1] is None:
        return value, unit.end()
    factor = _factor(name, unit[1])
    if factor is None:
        hint = None
        if unit[1] == "%" and name in _PER_MINUTE:
            hint = f"{name} is errors/min; for the share of errors write {_as_share(op, value)}"
        raise fail(f"{name} is not measured in {unit[1]}", number.end(), hint)
    return value * factor, unit.end()


def _factor(name: str, unit: str) -> float | None:
    """By what a value in `unit` is multiplied to be in the figure's own unit, if it can be."""
    own = unit_of(name)
    if unit == "%":
        return 0.01 if own == "ratio" else None
    if own in ("ms", "s"):
        return _MILLISECONDS[unit] / _MILLISECONDS[own]
    return None
