"""Distributions of response times in buckets, and whether two of them differ.

The rank test of Mann and Whitney sees a shift best, that of Kolmogorov and Smirnov any other
change; percentiles differ where their order-statistic intervals do not overlap. Values within a
bucket count as equal, which makes all of them careful rather than hasty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any, Final, NamedTuple

from logan.comparison.tests import binomial_tails, normal_p

__all__ = ["VALUES_MIN", "Distribution", "Shift", "percentile_test", "shift_test"]

VALUES_MIN: Final = 8
"""Fewest values of a side that a distribution is judged by."""

_SHARE_OF_RANKS: Final = 0.85
"""Of what may go wrong so much goes to the rank test, the rest to the other one."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """So many values in bucket `first + i`; each power of two nanoseconds has `1 << bits`."""

    bits: int
    first: int
    counts: tuple[int, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> Distribution | None:
        """From the decoded JSON of the native `Summary.distributions`."""
        if data is None:
            return None
        return cls(data["bits"], data["first"], tuple(data["counts"]))

    @property
    def size(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    def edges_ms(self, bucket: int) -> tuple[float, float]:
        """Smallest and largest value of a bucket, in milliseconds."""
        parts = 1 << self.bits
        if bucket < 2 * parts:
            return bucket / 1e6, bucket / 1e6
        shift = (bucket >> self.bits) - 1
        low = (bucket - (shift << self.bits)) << shift
        return low / 1e6, (low + (1 << shift) - 1) / 1e6

    def percentile_ms(self, q: float) -> float | None:
        """The middle of the bucket with the value of rank `ceil(q * size)`."""
        rank = max(1, math.ceil(q * self.size))
        below = 0
        for index, count in enumerate(self.counts):
            below += count
            if count and below >= rank:
                low, high = self.edges_ms(self.first + index)
                return (low + high) / 2
        return None


class Shift(NamedTuple):
    """How a distribution differs from another one.

    Attributes:
        p: probability of a difference at least as large by chance.
        direction: 1 if values became larger, -1 if smaller, 0 if neither can be said.
    """

    p: float
    direction: int


def shift_test(before: Distribution | None, after: Distribution | None) -> Shift | None:
    """Whether both are samples of one distribution; None if there are too few values to say."""
    if before is None or after is None or min(before.size, after.size) < VALUES_MIN:
        return None
    pairs = _aligned(before, after)
    p_ranks, z = _ranks(pairs, before.size, after.size)
    p_other = _largest_gap(pairs, before.size, after.size)
    p = min(1.0, p_ranks / _SHARE_OF_RANKS, p_other / (1 - _SHARE_OF_RANKS))
    by_ranks = p_ranks / _SHARE_OF_RANKS <= p_other / (1 - _SHARE_OF_RANKS) or p_ranks < 0.01
    return Shift(p, (z > 0) - (z < 0) if by_ranks else 0)


def _aligned(a: Distribution, b: Distribution) -> list[tuple[int, int]]:
    """Counts of both, by bucket."""
    if a.bits != b.bits:
        raise ValueError("distributions have different buckets")
    first = min(a.first, b.first)
    end = max(a.first + len(a.counts), b.first + len(b.counts))

    def padded(one: Distribution) -> list[int]:
        rest = end - one.first - len(one.counts)
        return [0] * (one.first - first) + list(one.counts) + [0] * rest

    return [pair for pair in zip(padded(a), padded(b), strict=True) if any(pair)]


def _ranks(pairs: list[tuple[int, int]], n: int, m: int) -> tuple[float, float]:
    """Mann-Whitney by mid-ranks: probability, and z, above 0 where the second is larger."""
    total = n + m
    seen, rank_sum, ties = 0, 0.0, 0.0
    for one, other in pairs:
        here = one + other
        rank_sum += other * (seen + (here + 1) / 2)
        ties += float(here) ** 3 - here
        seen += here
    off = rank_sum - m * (total + 1) / 2
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0, 0.0
    z = math.copysign(max(0.0, abs(off) - 0.5), off) / math.sqrt(variance)
    return normal_p(z), z


def _largest_gap(pairs: list[tuple[int, int]], n: int, m: int) -> float:
    """Kolmogorov-Smirnov: probability of the largest gap between the shares at or below a value."""
    gap, one, other = 0.0, 0, 0
    for a, b in pairs:
        one, other = one + a, other + b
        gap = max(gap, abs(one / n - other / m))
    root = math.sqrt(n * m / (n + m))
    scaled = (root + 0.12 + 0.11 / root) * gap
    if scaled < 0.2:
        return 1.0
    terms = (-1.0 if k % 2 == 0 else 1.0 for k in range(1, 101))
    p = 2 * sum(sign * math.exp(-2 * (k * scaled) ** 2) for k, sign in enumerate(terms, 1))
    return min(1.0, max(0.0, p))


def percentile_test(a: Distribution | None, b: Distribution | None, q: float) -> float | None:
    """Probability of a difference of a percentile at least as large by chance.

    Order-statistic intervals of both sides are widened until they meet. Two that do not meet say
    more than each for itself, as both would have to be off, so their level is that of the
    difference. None where a side has too few values to hold the percentile: fewer than 4 / (1 - q).
    """
    if a is None or b is None or min(a.size, b.size) * (1 - q) < 4:
        return None
    pairs = _aligned(a, b)
    ones = list(accumulate(one for one, _ in pairs))
    others = list(accumulate(other for _, other in pairs))
    tail = min(_apart(ones, a.size, others, b.size, q), _apart(others, b.size, ones, a.size, q))
    if tail >= 0.5:
        return 1.0
    z = -NormalDist().inv_cdf(max(tail, 1e-300))
    both = (a.size**-0.5 + b.size**-0.5) / (1 / a.size + 1 / b.size) ** 0.5
    return normal_p(z * both)


def _apart(low: list[int], n: int, high: list[int], m: int, q: float) -> float:
    """The tail of both intervals at which the first ends where the second begins.

    At a border between buckets the first ends below it if enough of its values do, the second
    begins above it if few enough do; the one grows and the other falls from border to border.
    """

    def levels(border: int) -> tuple[float, float]:
        return binomial_tails(low[border], n, q)[1], binomial_tails(high[border], m, q)[0]

    first, last = 0, len(low) - 1
    while first < last:
        middle = (first + last) // 2
        ends, begins = levels(middle)
        if ends <= begins:
            last = middle
        else:
            first = middle + 1
    return min(max(levels(border)) for border in {max(0, first - 1), first})
