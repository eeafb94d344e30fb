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
    UnknownMetricError,
    check_name,
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
        UsageError: `tolerance` is negative or not a number, or `expected` is no mapping.
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
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
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

    def check(self, report: Mapping[str, Any]) -> Verdict:
        """Compare with the report's figure; one without data meets only `==null`, `!=`."""
        try:
            actual = figure(report, self.name)
        except UnknownMetricError as error:
            return Verdict(False, None, f"{self.expression}: {error}")
        comparable = _is_number(actual) and _is_number(self.value)
        if comparable or self.op in ("==", "!="):
            ok = _OPERATORS[self.op](actual, self.value)
        else:
            ok = False
        if ok:
            return Verdict(True, actual, f"{self.expression}: is {_show(actual)}")
        if actual is None:
            return Verdict(False, None, f"{self.expression}: {self.name} has no data")
        if not comparable:
            why = "" if self.op in ("==", "!=") else ", which is not a number"
            return Verdict(False, actual, f"{self.expression}: is {_show(actual)}{why}")
        return Verdict(False, actual, f"{self.expression}: is {_show(actual)}{self._off(actual)}")

    def _off(self, actual: float) -> str:
        value = float(self.value or 0)
        off = actual - value
        if not off or not math.isfinite(off):
            return ""
        ratio = abs(off) / abs(value) if value else 0.0
        share = f" ({ratio:.1%})" if 0 < ratio < 10 else ""
        return f", {_show(abs(off))}{share} {'above' if off > 0 else 'below'}"


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
        raise fail(str(error), name.start(1)) from None
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
        raise fail(f"{name} is not measured in {unit[1]}", number.end())
    return value * factor, unit.end()


def _factor(name: str, unit: str) -> float | None:
    """By what a value in `unit` is multiplied to be in the figure's own unit, if it can be."""
    own = unit_of(name)
    if unit == "%":
        return 0.01 if own == "ratio" else None
    if own in ("ms", "s"):
        return _MILLISECONDS[unit] / _MILLISECONDS[own]
    return None
