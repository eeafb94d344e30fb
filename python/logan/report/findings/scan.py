"""The intervals of a series that differ most from the rest, and which of them matter.

The engine tries them (`rust/logan-core/src/intervals.rs`): `Ratio` compares counts for each unit of
exposure, `Mean` sums of measurements. Pure; integers in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Protocol

from logan._logan import mean_intervals, ratio_intervals
from logan.report.findings import thresholds as limits
from logan.report.findings.grid import prefix

__all__ = ["Found", "Mean", "Ratio", "Series", "apart", "find_intervals", "lengths"]


Span = tuple[int, int]
"""Buckets `[start, end)`."""

Interval = tuple[int, int, float, float]
"""Buckets `[start, end)`, evidence, and score."""

_THRESHOLDS: Final = (
    limits.EVENTS_MIN,
    limits.INSIDE_BUCKETS_MIN,
    limits.OUTSIDE_BUCKETS_MIN,
    float(limits.DISPERSION_EVENTS_MIN),
    limits.DISPERSION_BLOCKS_MIN,
    limits.INTERVALS_MAX,
)


@dataclass(frozen=True, order=True, slots=True)
class Found:
    """Buckets `[start, end)`: level inside and outside, and the evidence that they differ.

    Attributes:
        score: evidence over dispersion.
        evidence: as if events were independent.
        edge_buckets: to how many buckets the edges are known.
    """

    start: int
    end: int
    inside: float
    outside: float
    score: float
    excess: float
    evidence: float = 0.0
    edge_buckets: int = 1


class Series(Protocol):
    """What is compared."""

    size: int

    def intervals(self, low: int, high: int, least_score: float) -> list[Interval]:
        """The best intervals of each octave of lengths in a range, by score: twice the log of the
        likelihood ratio, over the dispersion of the rest."""

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        """The interval, if it matters."""

    def without(self, spans: Sequence[Span]) -> Series:
        """The series as if nothing had been written in some intervals."""


class Recurrence(Protocol):
    """What comes back at the same time of the day or the hour."""

    def has(self, found: Found, usual: float | None = None) -> bool:
        """Whether an interval comes back, by the usual level (that of the whole series if None)."""

    def places(self, found: Found) -> list[Span]:
        """The interval and where it comes back, with what lies next to each."""

    def peaks(self) -> list[Span]:
        """What comes back and is too short for an interval."""


class Ratio:
    """Events for each unit of exposure: errors by requests."""

    def __init__(self, events: Sequence[int], exposure: Sequence[int]) -> None:
        self.size = len(events)
        self.seen = [1] * self.size
        self.events = prefix(events)
        self.exposure = prefix(exposure)
        self.busy = prefix([int(each > 0) for each in exposure])

    def intervals(self, low: int, high: int, least_score: float) -> list[Interval]:
        return ratio_intervals(self.events, self.exposure, (low, high), least_score, _THRESHOLDS)

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        x = self.events[end] - self.events[start]
        n = self.exposure[end] - self.exposure[start]
        rest_x = self.events[high] - self.events[low] - x
        rest_n = self.exposure[high] - self.exposure[low] - n
        busy = self.busy[end] - self.busy[start]
        rest_busy = self.busy[high] - self.busy[low] - busy
        if x < limits.EVENTS_MIN or busy < limits.INSIDE_BUCKETS_MIN:
            return None
        if rest_busy < limits.OUTSIDE_BUCKETS_MIN:
            return None
        inside, outside = x / n, rest_x / rest_n
        is_doubled = inside >= limits.ERRORS_TIMES_MIN * outside
        is_success_halved = outside < 1 and (1 - inside) * limits.ERRORS_TIMES_MIN <= 1 - outside
        if not (is_doubled or is_success_halved) or inside - outside < limits.ERRORS_POINTS_MIN:
            return None
        length = sum(self.seen[start:end])
        rest_length = sum(self.seen[low:high]) - length
        if x * rest_length < limits.ERRORS_PER_TIME_MIN * rest_x * length:
            return None
        return Found(start, end, inside, outside, score, x - n * outside)

    def without(self, spans: Sequence[Span]) -> Ratio:
        series = Ratio(_without(self.events, spans), _without(self.exposure, spans))
        series.seen = _without(prefix(self.seen), spans)
        return series


class Mean:
    """Means of measurements, of which sums and sums of squares are known: logarithms of times."""

    def __init__(self, counts: Sequence[int], sums: Sequence[int], squares: Sequence[int]) -> None:
        self.size = len(counts)
        self.counts = prefix(counts)
        self.sums = prefix(sums)
        self.squares = prefix(squares)
        self.busy = prefix([int(each > 0) for each in counts])

    def intervals(self, low: int, high: int, least_score: float) -> list[Interval]:
        return mean_intervals(
            self.counts, self.sums, self.squares, (low, high), least_score, _THRESHOLDS
        )

    def found(self, start: int, end: int, low: int, high: int, score: float) -> Found | None:
        n = self.counts[end] - self.counts[start]
        s = self.sums[end] - self.sums[start]
        rest_n = self.counts[high] - self.counts[low] - n
        rest_s = self.sums[high] - self.sums[low] - s
        busy = self.busy[end] - self.busy[start]
        rest_busy = self.busy[high] - self.busy[low] - busy
        if n < limits.EVENTS_MIN or busy < limits.INSIDE_BUCKETS_MIN:
            return None
        if rest_n < limits.EVENTS_MIN or rest_busy < limits.OUTSIDE_BUCKETS_MIN:
            return None
        inside, outside = s / n, rest_s / rest_n
        if inside - outside < limits.LATENCY_LOG_MIN:
            return None
        return Found(start, end, inside, outside, score, (inside - outside) * n / 256)

    def without(self, spans: Sequence[Span]) -> Mean:
        return Mean(*(_without(each, spans) for each in (self.counts, self.sums, self.squares)))


def _without(sums: Sequence[int], spans: Sequence[Span]) -> list[int]:
    """The values of a series of sums, 0 within some intervals."""
    values = [after - before for before, after in pairwise(sums)]
    for start, end in spans:
        values[start:end] = [0] * (end - start)
    return values


def lengths(most: int) -> list[int]:
    """Lengths of intervals to try, about three in each octave."""
    found: list[int] = []
    length = float(limits.INSIDE_BUCKETS_MIN)
    while round(length) <= most:
        if not found or round(length) > found[-1]:
            found.append(round(length))
        length *= 1.26
    return found


def find_intervals(series: Series, least_score: float, rhythm: Recurrence) -> list[Found]:
    """The intervals that matter, beyond chance, best first; they do not overlap.

    What comes back is not among them. Where something does, the series is searched once more
    without it, for what does not stand out beside it. What was found first stays as it is: of an
    incident that meets a job, a part is missing then.
    """
    found, recurring = _searched(series, least_score, rhythm.has)
    hidden = rhythm.peaks() + [span for each in recurring for span in rhythm.places(each)]
    if hidden:
        rest, _ = _searched(
            series.without(hidden), least_score, lambda each: rhythm.has(each, each.outside)
        )
        found += [
            each
            for each in rest
            if all(each.end <= other.start or each.start >= other.end for other in found)
        ]
    return sorted(found, key=lambda each: (-each.score, each.start))[: limits.INTERVALS_MAX]


def _searched(
    series: Series, least_score: float, recurs: Callable[[Found], bool]
) -> tuple[list[Found], list[Found]]:
    """The intervals that matter of a series, and of what is left beside them: those that come once,
    and those that recur."""
    todo = [(0, series.size)]
    once: list[Found] = []
    recurring: list[Found] = []
    for _ in range(limits.SEARCHES_MAX):
        if not todo or len(once) >= limits.INTERVALS_MAX:
            break
        low, high = todo.pop(0)
        best = _disjoint(_candidates(series, low, high, least_score), least_score)
        for interval in best:
            (recurring if recurs(interval) else once).append(interval)
        # What is smaller shows beside them; what their edges left over is no incident of its own.
        at = low
        for each in [*best, None] if best else []:
            until = high
            if each is not None:
                until = each.start - 1 - (each.end - each.start) // 8
            if until - at >= limits.BUCKETS_MIN:
                todo.append((at, until))
            if each is not None:
                at = each.end + 1 + (each.end - each.start) // 8
    return once, recurring


def _disjoint(candidates: Sequence[Found], least_score: float) -> list[Found]:
    """The intervals without overlap that have the most evidence together, in the order of time.

    One that spans several incidents has less than these have together, a part of an incident has
    less than the whole of it. All are measured by the same dispersion: shorter ones have been
    compared with less.
    """
    if not candidates:
        return []
    strongest = max(candidates, key=lambda each: (each.evidence, each.start))
    dispersion = strongest.evidence / strongest.score

    def worth(each: Found) -> float:
        return max(each.evidence / dispersion - least_score, each.score / 1_000)

    ordered = sorted(candidates, key=lambda each: (each.end, each.start))
    best: list[tuple[float, list[Found]]] = [(0.0, [])]
    for index, each in enumerate(ordered):
        before = max(i for i in range(index + 1) if i == 0 or ordered[i - 1].end <= each.start)
        total, chosen = best[before]
        taken = (total + worth(each), [*chosen, each])
        best.append(max(best[-1], taken, key=lambda pair: pair[0]))
    return best[-1][1]


def _candidates(series: Series, low: int, high: int, least_score: float) -> list[Found]:
    """The best intervals of each octave of lengths, as far as they matter."""
    candidates = []
    for start, end, evidence, score in series.intervals(low, high, least_score):
        candidate = series.found(start, end, low, high, score)
        if candidate is not None:
            candidates.append(replace(candidate, evidence=evidence))
    return candidates


def apart(found: Sequence[tuple[float, int, int]]) -> list[Span]:
    """The best of overlapping intervals, a few of them; given as (evidence, start, end)."""
    taken: list[Span] = []
    for _, start, end in sorted(found, key=lambda each: (-each[0], each[1], each[2])):
        if all(end <= first or start >= last for first, last in taken):
            taken.append((start, end))
            if len(taken) == limits.INTERVALS_MAX:
                break
    return taken
