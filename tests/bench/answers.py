"""What contestants find out about a log, and whether they agree.

Pure. The generator states the counts and the sum of response times, but no percentiles, so those of
a contestant that computes them exactly are the reference for all others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

MEAN_TOLERANCE: Final = 1e-6
"""Peers add floating-point numbers, in an order that depends on their threads."""
PERCENTILE_TOLERANCE: Final = 0.016
"""The bound of our buckets (1 %), with room for the neighboring rank."""


@dataclass(frozen=True)
class Answer:
    """Figures of one log; None is what a contestant was not asked for. Times in milliseconds."""

    lines: int | None = None
    requests: int | None = None
    errors: int | None = None
    bytes_sent: int | None = None
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Answer:
        """Of the keys that are fields; others are left out."""
        return cls(**{each.name: figures.get(each.name) for each in fields(cls)})

    def to_dict(self) -> dict[str, int | float]:
        """Without what was not asked for."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @property
    def has_percentiles(self) -> bool:
        """Whether any are told."""
        return self.p50_ms is not None


EXACT: Final = ("lines", "requests", "errors", "bytes_sent")
PERCENTILES: Final = ("p50_ms", "p95_ms", "p99_ms")


def stated(facts: Mapping[str, Any]) -> Answer:
    """What the generator says."""
    count = facts["response_times"]
    return Answer(
        lines=facts["lines"],
        requests=facts["requests"],
        errors=facts["errors"],
        bytes_sent=facts["bytes_sent"] or None,
        mean_ms=facts["response_time_sum_ns"] / 1e6 / count if count else None,
    )


def of_report(report: Mapping[str, Any]) -> Answer:
    """What our report says, which is also what `Summary.evaluate` returns."""
    times = report["response_time_ms"]
    return Answer(
        lines=report["lines"]["total"],
        requests=report["total_requests"],
        errors=report["errors"]["total"],
        bytes_sent=report["bytes_sent"],
        mean_ms=report["avg_response_time"],
        p50_ms=times["p50"],
        p95_ms=times["p95"],
        p99_ms=times["p99"],
    )


def with_percentiles(expected: Answer, exact: Answer | None) -> Answer:
    """`expected` with the percentiles of a contestant that has exact ones."""
    if exact is None:
        return expected
    taken = {name: getattr(exact, name) for name in PERCENTILES}
    return Answer.from_dict(asdict(expected) | taken)


def mismatches(name: str, answer: Answer, expected: Answer) -> list[str]:
    """Every figure of `answer` that is not the expected one, in words."""
    wrong = []
    for figure, tolerance in _tolerances():
        got, want = getattr(answer, figure), getattr(expected, figure)
        if got is None or want is None:
            continue
        if not math.isclose(got, want, rel_tol=tolerance, abs_tol=0.0):
            wrong.append(f"{name}: {figure} is {got}, expected {want}")
    return wrong


def _tolerances() -> Iterable[tuple[str, float]]:
    yield from ((figure, 0.0) for figure in EXACT)
    yield "mean_ms", MEAN_TOLERANCE
    yield from ((figure, PERCENTILE_TOLERANCE) for figure in PERCENTILES)


def nearest_ranks(histogram: Iterable[tuple[float, int]]) -> tuple[float, float, float]:
    """p50, p95 and p99 of (value, count) pairs by nearest rank; NaN without values."""
    pairs = sorted(histogram)
    total = sum(count for _, count in pairs)
    ranks = [max(1, math.ceil(total * share / 100)) for share in (50, 95, 99)]
    found = [math.nan, math.nan, math.nan]
    seen = 0
    for value, count in pairs:
        for place, rank in enumerate(ranks):
            if seen < rank <= seen + count:
                found[place] = value
        seen += count
    return found[0], found[1], found[2]
