"""A step of counts beside a trend: how much of a change the usual rhythm cannot explain.

Counts of some dozens of neighboring buckets are described by a smooth trend (a polynomial of low
degree in time, of the logarithm, that a daily rhythm cannot be steeper than) and a level inside an
interval. The fit is quasi-Poisson, by Newton's method; its evidence is that of counts that come in
clumps (negative binomial), with and without the level. Pure; a few dozen microseconds a bucket.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from logan.report.findings import thresholds as limits

__all__ = ["Step", "edge_width", "likely_end", "likely_start", "step_beside_trend"]

_DAY_H: Final = 24.0
_NEGLIGIBLE: Final = 0.02
"""A term of the trend that cannot change counts by more than this is left out."""
_ROUNDS: Final = 8
_PARTS: Final = (0.125, 0.375, 0.625, 0.875)
"""Parts of a bucket behind an edge within it, that are tried."""


class Step(NamedTuple):
    """What is inside beside what the trend expects there.

    Attributes:
        log_factor, error: log of the factor inside, and its standard error.
        evidence: twice the log of the likelihood ratio with and without it.
        usual: counts that the trend expects of each bucket.
    """

    log_factor: float
    error: float
    evidence: float
    usual: Sequence[float]


def step_beside_trend(
    counts: Sequence[int], inside: Sequence[bool], step_s: int, dispersion: float
) -> Step:
    """The change of `counts` (of neighboring buckets, `step_s` long) where `inside` is true."""
    size = len(counts)
    half_h = size * step_s / 7_200
    reach = 2 * math.pi * half_h / _DAY_H
    able = ((k, reach**k / math.factorial(k)) for k in range(1, limits.TRAFFIC_TREND_DEGREE + 1))
    degrees = [k for k, most in able if most >= _NEGLIGIBLE]
    rows = []
    for i in range(size):
        u = (2 * i + 1 - size) / size * reach
        trend = [u**k / math.factorial(k) for k in degrees]
        rows.append([1.0, *trend, 1.0 if inside[i] else 0.0])
    priors = [0.0, *[1.0] * len(degrees), 0.0]
    without = [row[:-1] for row in rows]
    full, error = _fitted(rows, counts, priors, dispersion)
    null, _ = _fitted(without, counts, priors[:-1], dispersion)
    evidence = _likelihood(rows, full, counts, priors, dispersion)
    evidence -= _likelihood(without, null, counts, priors[:-1], dispersion)
    usual = [math.exp(min(max(_product(row, full[:-1]), -3.0), 30.0)) for row in without]
    return Step(full[-1], error, 2 * evidence, usual)


def likely_start(counts: Sequence[int], step: Step, dispersion: float, reach: range) -> int:
    """The bucket within `reach` in which the interval of `step` begins."""
    return _likely_edge(counts, step, dispersion, reach)


def likely_end(counts: Sequence[int], step: Step, dispersion: float, reach: range) -> int:
    """One past the bucket within `reach` in which the interval of `step` ends."""
    size = len(counts)
    mirrored = Step(step.log_factor, step.error, step.evidence, step.usual[::-1])
    back = range(max(size - reach.stop + 1, 0), size - reach.start + 1)
    return size - _likely_edge(counts[::-1], mirrored, dispersion, back)


def _likely_edge(counts: Sequence[int], step: Step, dispersion: float, reach: range) -> int:
    """A place that has the edge within one bucket with the highest probability.

    The edge lies somewhere within a bucket, which then is in the interval in part; so the clear
    step between two whole buckets lies after it as a rule, and is not its most likely place.
    """
    factor = math.exp(step.log_factor)
    low, high = max(reach.start - 1, 0), min(reach.stop + 1, len(counts))
    if high - low < 2:
        return reach.start
    outside = [_log_chance(counts[i], step.usual[i], dispersion) for i in range(low, high)]
    after, weights, steps = 0.0, [0.0] * (high - low), [0.0] * (high - low)
    for i in reversed(range(low, high)):
        usual, count, at = step.usual[i], counts[i], i - low
        parts = [
            _log_chance(count, usual * (1 + part * (factor - 1)), dispersion) - outside[at]
            for part in _PARTS
        ]
        most = max(parts)
        mean = most + math.log(sum(math.exp(each - most) for each in parts) / len(parts))
        weights[at] = after + mean
        after += _log_chance(count, usual * factor, dispersion) - outside[at]
        steps[at] = after
    most = max(weights)
    chances = [math.exp(each - most) for each in weights]
    near = [sum(chances[max(at - 1, 0) : at + 2]) for at in range(high - low)]
    places = [i for i in reach if low <= i < high]
    clear = max(places, key=lambda i: (steps[i - low], -i))
    enough = limits.EDGE_CHANCE_SHARE_MIN * max(near[i - low] for i in places)
    good = [i for i in places if near[i - low] >= enough]
    return min(good, key=lambda i: (abs(i - clear), i))


def edge_width(inside: float, outside: float, dispersion: float) -> int:
    """How many buckets tell an edge between two levels (counts of a bucket) from its neighbors."""
    inside, outside = max(inside, 0.1), max(outside, 0.1)
    apart = (inside * math.log(inside / outside) - inside + outside) / dispersion
    return max(1, math.ceil(limits.EDGE_LIKELIHOOD_MIN / max(apart, 1e-3)))


def _product(row: Sequence[float], fit: Sequence[float]) -> float:
    return sum(map(float.__mul__, row, fit))


def _log_chance(count: int, expected: float, dispersion: float) -> float:
    """Of a count, up to a constant: Poisson, or negative binomial where counts are clumped."""
    if dispersion <= 1.001:
        return count * math.log(expected) - expected
    size = expected / (dispersion - 1)
    return math.lgamma(count + size) - math.lgamma(size) - size * math.log(dispersion)


def _fitted(
    rows: Sequence[Sequence[float]],
    counts: Sequence[int],
    priors: Sequence[float],
    dispersion: float,
) -> tuple[list[float], float]:
    """Coefficients, and the standard error of the last one. `priors` are precisions."""
    width = len(priors)
    mean = max(sum(counts) / len(counts), 0.5)
    fit = [math.log(mean), *[0.0] * (width - 1)]
    error = math.inf
    for _ in range(_ROUNDS):
        matrix = [[0.0] * width for _ in range(width)]
        slope = [0.0] * width
        for row, count in zip(rows, counts, strict=True):
            eta = _product(row, fit)
            expected = math.exp(min(max(eta, -3.0), 30.0))
            away = (count - expected) / dispersion
            weight = expected / dispersion
            for i, value in enumerate(row):
                if value:
                    slope[i] += away * value
                    scaled = weight * value
                    line = matrix[i]
                    for j in range(i, width):
                        line[j] += scaled * row[j]
        for i in range(width):
            slope[i] -= priors[i] * fit[i]
            matrix[i][i] += priors[i] + 1e-9
            for j in range(i):
                matrix[i][j] = matrix[j][i]
        moves, variance = _solved(matrix, slope)
        error = math.sqrt(max(variance, 0.0))
        largest = max(map(abs, moves))
        slowed = min(1.0, 2.0 / max(largest, 1e-9))
        fit = [a + b * slowed for a, b in zip(fit, moves, strict=True)]
        if largest < 1e-4:
            break
    return fit, error


def _solved(matrix: list[list[float]], right: list[float]) -> tuple[list[float], float]:
    """The solution of a symmetric positive system, and the last element of the inverse's diagonal
    (Cholesky)."""
    size = len(right)
    lower = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            value = matrix[i][j] - sum(lower[i][k] * lower[j][k] for k in range(j))
            lower[i][j] = math.sqrt(max(value, 1e-12)) if i == j else value / lower[j][j]
    half = [0.0] * size
    for i in range(size):
        half[i] = (right[i] - sum(lower[i][k] * half[k] for k in range(i))) / lower[i][i]
    found = [0.0] * size
    for i in reversed(range(size)):
        rest = sum(lower[k][i] * found[k] for k in range(i + 1, size))
        found[i] = (half[i] - rest) / lower[i][i]
    return found, 1 / lower[-1][-1] ** 2


def _likelihood(
    rows: Sequence[Sequence[float]],
    fit: Sequence[float],
    counts: Sequence[int],
    priors: Sequence[float],
    dispersion: float,
) -> float:
    """The log of the likelihood, up to a constant, with what the priors take off."""
    total = -0.5 * sum(p * b * b for p, b in zip(priors, fit, strict=True))
    for row, count in zip(rows, counts, strict=True):
        expected = math.exp(min(max(_product(row, fit), -3.0), 30.0))
        total += _log_chance(count, expected, dispersion)
    return total
