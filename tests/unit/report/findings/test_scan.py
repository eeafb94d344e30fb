"""The engine's search for intervals against its slow reference, and what it must find."""

import math
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan._logan import ratio_intervals as native_ratio_intervals
from logan.report.findings import thresholds as limits
from logan.report.findings.scan import Interval, Mean, Ratio
from tests.support.intervals import mean_intervals, ratio_intervals


def clumped(rng: random.Random, size: int, mean: float) -> list[int]:
    """Counts with a slow rhythm, clumps, gaps, and now and then a burst."""
    level = [1 + 0.5 * math.sin(at * rng.choice([0.02, 0.2])) for at in range(size)]
    counts = [int(rng.gammavariate(4, mean * each / 4)) for each in level]
    for _ in range(rng.randrange(3)):
        start = rng.randrange(size)
        times = rng.choice([0, 2, 10])
        for at in range(start, min(size, start + rng.randrange(1, size + 1))):
            counts[at] *= times
    return counts


def alike(found: Sequence[Interval], expected: Sequence[Interval]) -> None:
    assert [each[:2] for each in found] == [each[:2] for each in expected]
    for each, other in zip(found, expected, strict=True):
        assert each[2:] == pytest.approx(other[2:], rel=1e-6)


def part(rng: random.Random, size: int) -> tuple[int, int]:
    if rng.random() < 0.5:
        return 0, size
    low, high = sorted((rng.randrange(size + 1), rng.randrange(size + 1)))
    return low, high


seeds = st.integers(0, 2**32)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_intervals_of_a_ratio_are_those_of_the_reference(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.randrange(1, 90)
    exposure = clumped(rng, size, rng.choice([1, 30, 1_000]))
    share = clumped(rng, size, 10)
    events = [each * min(of, 100) // 100 for each, of in zip(exposure, share, strict=True)]
    range_, least = part(rng, size), rng.choice([0.5, 5.0, 38.0])
    found = Ratio(events, exposure).intervals(*range_, least)
    alike(found, ratio_intervals(events, exposure, range_, least))


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_intervals_of_a_mean_are_those_of_the_reference(seed: int) -> None:
    rng = random.Random(seed)
    size = rng.randrange(1, 90)
    counts = clumped(rng, size, rng.choice([1, 30, 1_000]))
    levels = [5_000 + 40 * each for each in clumped(rng, size, 10)]
    sums = [n * each + rng.randrange(n + 1) for n, each in zip(counts, levels, strict=True)]
    squares = [
        s * s // max(n, 1) + n * rng.randrange(1, 200_000)
        for n, s in zip(counts, sums, strict=True)
    ]
    range_, least = part(rng, size), rng.choice([0.5, 5.0, 38.0])
    found = Mean(counts, sums, squares).intervals(*range_, least)
    alike(found, mean_intervals(counts, sums, squares, range_, least))


@pytest.mark.parametrize("scale", [1, 10**6, 10**9])
def test_the_number_of_records_has_no_bound(scale: int) -> None:
    counts = [100 * scale] * 60
    level = [16_000 if 20 <= at < 30 else 8_000 for at in range(60)]
    sums = [n * each for n, each in zip(counts, level, strict=True)]
    squares = [n * (each * each + 10_000) for n, each in zip(counts, level, strict=True)]
    found = Mean(counts, sums, squares).intervals(0, 60, limits.LIKELIHOOD_MIN)
    assert max(found, key=lambda each: each[3])[:2] == (20, 30)


@pytest.mark.parametrize("range_", [(3, 2), (0, 4)])
def test_a_range_that_is_none_is_told(range_: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{range_[0]} to {range_[1]}"):
        native_ratio_intervals([0, 1, 2, 3], [0, 1, 2, 3], range_, 1.0, (20, 3, 5, 5.0, 4, 3))


@pytest.mark.parametrize(
    "quiet",
    [lambda size: Ratio([0] * size, [9] * size), lambda size: Ratio([9] * size, [9] * size)],
)
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 500])
def test_an_even_series_has_none(quiet: Callable[[int], Ratio], size: int) -> None:
    assert quiet(size).intervals(0, size, limits.LIKELIHOOD_MIN) == []
