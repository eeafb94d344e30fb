"""Metrics of a report against a table of expected ones, with a tolerance.

Pure: it compares and says what differs by how much. Both name metrics as the JSON report does, dots
stepping into sections: `response_time_ms.p99`, `status.500`, `levels.ERROR`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from logan.errors import UsageError
from logan.report.schema import COUNT_TABLES, UnknownMetricError, errors_measured, figure
from logan.report.untimed import is_over_time

__all__ = ["Mismatch", "is_number", "show", "validate_results"]


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
        for each in _compare(name, actual, wanted, tolerance):
            yield _with_reason(report, each)


def _with_reason(report: Mapping[str, Any], mismatch: Mismatch) -> Mismatch:
    """Say why a figure is null, where that is known."""
    name = mismatch.name
    if mismatch.actual is not None or mismatch.expected is None:
        return mismatch
    if name in _ERRORS_MEASURED and not errors_measured(report):
        why = "no record has a known level or a status"
    elif is_over_time(name) and not (report.get("time") or {}).get("minutes"):
        why = "no record has a time"
    else:
        return mismatch
    return replace(mismatch, why=f"is null ({why}), expected {show(mismatch.expected)}")


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
    elif is_number(wanted) and is_number(actual):
        if not _is_close(actual, wanted, tolerance):
            yield Mismatch(name, wanted, actual, _difference(actual, wanted, tolerance))
    elif type(wanted) is not type(actual) or wanted != actual:
        yield Mismatch(name, wanted, actual, f"is {show(actual)}, expected {show(wanted)}")


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
    words = f"is {show(actual)}, expected {show(wanted)}"
    if wanted == 0 or not (_is_finite(wanted) and _is_finite(actual)):
        return f"{words} exactly"
    off = abs(actual - wanted) / abs(wanted)
    return f"{words}, off by {off:.3%} (allowed {tolerance:.3%})"


def is_number(value: object) -> bool:
    """Whether it is a number; JSON's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def show(value: Any) -> str:
    """A value in a sentence."""
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
