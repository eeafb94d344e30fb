"""How much more counts vary than independent events: from the series of a report, and from rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Final

from logan.report.units import time_of

__all__ = ["of_errors", "of_requests", "of_rows"]

_BLOCKS_MAX: Final = 32
"""Blocks of time that a side is cut into: long enough that a burst lies within one."""

_DISPERSION_MAX: Final = 10.0
"""Of rows: where most rows really changed, they must not hide each other."""

_ROWS_MIN: Final = 8
_MEDIAN_OF_CHI_SQUARE: Final = 0.4549


def of_errors(report: Mapping[str, Any]) -> float:
    """Dispersion of the share of errors over time, 1 or more."""
    total = sum(each["errors"] or 0 for each in report["series"]["points"])
    blocks = [each for each in _blocks(report, int(total) // 5) if each[0] > 0]
    records = sum(each[0] for each in blocks)
    if len(blocks) < 3 or not 0 < total < records:
        return 1.0
    share = total / records
    chi = sum((errors - share * n) ** 2 / (share * (1 - share) * n) for n, _, errors in blocks)
    return _inflated(chi, len(blocks) - 1)


def of_requests(report: Mapping[str, Any]) -> float:
    """Dispersion of requests over time, 1 or more."""
    total = sum(each["requests"] for each in report["series"]["points"])
    blocks = _blocks(report, int(total) // 5)
    if len(blocks) < 3 or not total:
        return 1.0
    mean = total / len(blocks)
    return _inflated(sum((each[1] - mean) ** 2 for each in blocks) / mean, len(blocks) - 1)


def _inflated(chi: float, degrees: int) -> float:
    """The dispersion, on the safe side of what so few blocks can say."""
    return max(1.0, chi / degrees * (1 + math.sqrt(2 / degrees)))


def _blocks(report: Mapping[str, Any], at_most: int) -> list[tuple[int, int, int]]:
    """Records, requests and errors in equally long stretches of time from first to last point."""
    points = report["series"]["points"]
    count = min(_BLOCKS_MAX, max(4, at_most))
    moments = [moment.timestamp() for each in points if (moment := time_of(each["t"]))]
    step = report["series"]["step_s"]
    if len(moments) != len(points) or not moments:
        return []
    start, end = min(moments), max(moments) + step
    count = min(count, round((end - start) / step))
    blocks = [[0, 0, 0] for _ in range(count)]
    for at, each in zip(moments, points, strict=True):
        block = blocks[min(count - 1, int((at - start) / (end - start) * count))]
        for index, key in enumerate(("records", "requests", "errors")):
            block[index] += each[key] or 0
    return [(a, b, c) for a, b, c in blocks]


def of_rows(rows: Sequence[tuple[float, float, float, float]]) -> float:
    """Dispersion that most rows show between the sides, 1 or more; rows as for `share_test`.

    Where fewer than half of the rows really changed, their median does not know of it.
    """
    squares = []
    for a, of_a, b, of_b in rows:
        if not of_a or not of_b:
            continue
        pooled = (a + b) / (of_a + of_b)
        if a + b >= 20 and 0 < pooled < 1:
            variance = pooled * (1 - pooled) * (1 / of_a + 1 / of_b)
            squares.append((a / of_a - b / of_b) ** 2 / variance)
    if len(squares) < _ROWS_MIN:
        return 1.0
    return min(_DISPERSION_MAX, max(1.0, median(squares) / _MEDIAN_OF_CHI_SQUARE))
