"""Tests of whether two samples differ by more than chance: counts, and many tests at once.

Probabilities are two-sided. Counts are over-dispersed: errors come in bursts, so a factor says how
much more they vary than independent events would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["binomial_tails", "count_test", "holm", "normal_p", "share_test"]

_NORMAL_FROM = 400.0
"""Variance of a binomial count from which the normal distribution replaces it."""


def normal_p(z: float) -> float:
    """Two-sided probability of a standard normal value at least as far from 0 as `z`."""
    return math.erfc(abs(z) / math.sqrt(2))


def share_test(
    a: float, of_a: float, b: float, of_b: float, dispersion: float = 1.0
) -> float | None:
    """Whether `a` of `of_a` and `b` of `of_b` have one share; None if either is of nothing."""
    if of_a <= 0 or of_b <= 0:
        return None
    if (a + b) > (of_a + of_b) / 2:
        # The rarer outcome decides: the test takes it for independent events.
        a, b = of_a - a, of_b - b
    return count_test(a, of_a, b, of_b, dispersion)


def count_test(
    a: float, exposure_a: float, b: float, exposure_b: float, dispersion: float = 1.0
) -> float | None:
    """Whether `a` and `b` events come at one rate for each unit of exposure.

    The exact conditional test of two Poisson rates, with counts divided by `dispersion` (1 or
    more); None without exposure.
    """
    if exposure_a <= 0 or exposure_b <= 0:
        return None
    total = (a + b) / dispersion
    if total <= 0:
        return 1.0
    below, above = binomial_tails(a / dispersion, total, exposure_a / (exposure_a + exposure_b))
    return min(1.0, 2 * min(below, above))


def binomial_tails(k: float, n: float, p: float) -> tuple[float, float]:
    """Probabilities that of `n` trials at most, and at least, `k` succeed; `n` and `k` need not be
    whole."""
    mean, variance = n * p, n * p * (1 - p)
    if variance > _NORMAL_FROM:
        scale = math.sqrt(2 * variance)
        return 0.5 * math.erfc((mean - k - 0.5) / scale), 0.5 * math.erfc((k - 0.5 - mean) / scale)
    below = 1.0 if k >= n else 1 - _beta(p, k + 1, n - k)
    above = 1.0 if k <= 0 else _beta(p, k, n - k + 1)
    return max(0.0, below), max(0.0, above)


def _beta(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function, by its continued fraction."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    result = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            c = 1 + term / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            result *= c * d
        if abs(c * d - 1) < 1e-12:
            break
    return front * result


def holm(tests: Sequence[tuple[float, float]]) -> list[float]:
    """Adjusted probabilities of tests, each (probability, weight), in their order.

    Holm's step-down method: among all that an adjusted probability of `q` or less marks, there is
    a false one with probability `q` at most, however the tests depend on each other. A test of
    larger weight gets more of what may go wrong.
    """
    order = sorted(range(len(tests)), key=lambda index: tests[index][0] / tests[index][1])
    rest = sum(weight for _, weight in tests)
    adjusted = [1.0] * len(tests)
    least = 0.0
    for index in order:
        p, weight = tests[index]
        least = min(1.0, max(least, p * rest / weight))
        adjusted[index] = least
        rest -= weight
    return adjusted
