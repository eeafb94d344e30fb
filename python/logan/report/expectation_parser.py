"""From the text of an expectation to an `Expectation`; errors name the place that does not fit.

Knows the names of metrics, tables and columns, and no report.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from logan.errors import ExpectationError, UsageError
from logan.limits import EXPRESSION_CHARS_MAX
from logan.report import windows
from logan.report.comparison import is_number
from logan.report.expectations import PER_MINUTE, Expectation, as_share, pattern
from logan.report.rows import row_reference
from logan.report.schema import (
    LISTS,
    SHORT_NAMES,
    TABLES,
    UnknownMetricError,
    check_name,
    names_below,
    unit_of,
)

__all__ = ["parse_expectation"]

_NAME: Final = r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)\s*"
_OPERATOR: Final = r"(<=|>=|==|!=|<|>)\s*"
_NUMBER: Final = r"[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\s*"
_UNIT: Final = r"(ns|us|µs|ms|s|min|%)?\s*$"
_MILLISECONDS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}
_WORDS: Final[Mapping[str, bool | None]] = {"null": None, "true": True, "false": False}


def parse_expectation(expression: str) -> Expectation:
    """Parse `NAME OP VALUE`, and perhaps `in every 5m and requests >= 20` after it.

    NAME is a metric of the report or `TABLE["KEY"].COLUMN`. OP is one
    of < <= > >= == !=; VALUE is a number, `null`, `true` or `false`. Metrics in milliseconds take a
    unit (`ns us ms s min`), ratios take `%`.

    Raises:
        ExpectationError: with the position of the first character that does not fit.
    """

    def fail(message: str, position: int, hint: str | None = None) -> ExpectationError:
        return ExpectationError(message, expression=expression, position=position, hint=hint)

    if len(expression) > EXPRESSION_CHARS_MAX:
        raise fail(f"longer than {EXPRESSION_CHARS_MAX} characters", EXPRESSION_CHARS_MAX)
    start = len(expression) - len(expression.lstrip())
    body, every_s, least = _split_windows(expression, fail)
    row = None
    try:
        found = row_reference(expression)
    except UsageError as error:
        raise fail(str(error), start, error.hint) from None
    if found is not None:
        row, at = _parse_column(expression, found, fail)
        name = expression[start:at].strip()
        unit = unit_of(f"groups.x.top.0.{row[2]}" if "." in row[0] else f"{row[0]}.top.0.{row[2]}")
        if every_s is not None:
            raise fail("rows have no windows of time", start, "leave out: in every")
    else:
        name, at = _parse_name(expression, fail)
        unit = unit_of(name)
    if every_s is not None and name not in windows.METRICS:
        known = ", ".join(windows.METRICS)
        raise fail(f"{name} is not known by window", start, f"known by window: {known}")
    op = pattern(_OPERATOR).match(body, at)
    if op is None:
        hint = "equality is written ==" if expression[at : at + 1] == "=" else None
        raise fail("expected one of < <= > >= == !=", at, hint)
    value, end = _parse_value(body, op.end(), name, unit, op[1], fail)
    rest = body[end:].lstrip()
    if rest:
        raise fail("expected nothing after the value", len(body) - len(rest))
    if every_s is not None and not is_number(value):
        raise fail("windows are compared with numbers", op.end())
    return Expectation(expression.strip(), name, op[1], value, row, every_s, least)


Fail = Callable[..., ExpectationError]


def _parse_name(expression: str, fail: Fail) -> tuple[str, int]:
    name = pattern(_NAME).match(expression)
    if name is None:
        start = len(expression) - len(expression.lstrip())
        raise fail("expected the name of a metric", start, "such as response_time_ms.p99")
    named = SHORT_NAMES.get(name[1], name[1])
    try:
        check_name(named)
    except UnknownMetricError as error:
        known = "the names are those of the JSON report: logan analyze LOG --json"
        raise fail(str(error), name.start(1), None if error.similar else known) from None
    below = names_below(named)
    if below is not None:
        what = "a list of rows" if named in LISTS else "a group of metrics"
        hint = f"name one, such as {below}" if below else None
        raise fail(f"{name[1]} is {what}", name.start(1), hint)
    return named, name.end()


def _parse_column(
    expression: str, found: tuple[str, str, int], fail: Fail
) -> tuple[tuple[str, str, str], int]:
    """The column after `TABLE["KEY"]`, and where it ends."""
    table, key, at = found
    column = re.compile(r"\.([a-z_0-9]+)\s*").match(expression, at)
    columns = TABLES[table.partition(".")[0]].numbers()
    if column is None or column[1] not in columns:
        raise fail("expected a column of the table", at, f"such as .{', .'.join(columns)}")
    return (table, key, column[1]), column.end()


_WINDOWS: Final = (
    r"\s+in\s+every\s+(\d{1,6})\s*(s|min|m|h|d)"
    r"(?:\s+and\s+(requests|records)\s*>=\s*(\d{1,15}))?\s*$"
)
_WINDOW_SECONDS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}


def _split_windows(expression: str, fail: Fail) -> tuple[str, int | None, tuple[str, int] | None]:
    """The expression without `in every 5m and requests >= 20`, and what that says."""
    found = pattern(_WINDOWS).search(expression)
    if found is not None:
        seconds = int(found[1]) * _WINDOW_SECONDS[found[2]]
        if not seconds:
            raise fail("a window needs a length", found.start(1))
        least = (found[3], int(found[4])) if found[3] else None
        return expression[: found.start()], seconds, least
    wrong = re.search(r"\bin\s+every\b(?![^\[]*\])", expression)
    if wrong is not None:
        hint = "such as: errors.ratio < 1% in every 5m and requests >= 20"
        raise fail("expected the length of a window, and nothing else after it", wrong.end(), hint)
    return expression, None, None


def _parse_value(
    expression: str,
    at: int,
    name: str,
    own: str | None,
    op: str,
    fail: Fail,
) -> tuple[float | bool | None, int]:
    word = re.compile(r"[a-z]+").match(expression, at)
    if word is not None and word[0] in _WORDS:
        if op not in ("==", "!="):
            raise fail(f"{word[0]} can only be compared by == and !=", at)
        return _WORDS[word[0]], word.end()
    number = pattern(_NUMBER).match(expression, at)
    if number is None:
        raise fail("expected a number, null, true or false", at)
    value = float(number[0].strip().replace("_", ""))
    if not math.isfinite(value):
        raise fail("too large a number", at)
    unit = pattern(_UNIT).match(expression, number.end())
    if unit is None:
        raise fail("expected a unit (ns us ms s min, or %) or nothing", number.end())
    if unit[1] is None:
        return value, unit.end()
    factor = _factor(own, unit[1])
    if factor is None:
        hint = None
        if unit[1] == "%" and name in PER_MINUTE:
            hint = f"{name} is errors/min; for the share of errors write {as_share(op, value)}"
        raise fail(f"{name} is not measured in {unit[1]}", number.end(), hint)
    return value * factor, unit.end()


def _factor(own: str | None, unit: str) -> float | None:
    """By what a value in `unit` is multiplied to be in the metric's `own` unit, if it can be."""
    if unit == "%":
        return 0.01 if own == "ratio" else None
    if own in ("ms", "s"):
        return _MILLISECONDS[unit] / _MILLISECONDS[own]
    return None
