"""Edges of a step of traffic lie within buckets, and are placed to be at most one off."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.report.findings.rhythm import without_hourly_peaks
from logan.report.findings.trend import likely_end, likely_start, step_beside_trend

SIZE, FIRST, LAST = 60, 20, 40


def clumped(mean: float, dispersion: float, rng: Random) -> int:
    return max(0, round(rng.gauss(mean, (mean * dispersion) ** 0.5)))


def placed(start: float, end: float, dispersion: float, rng: Random) -> tuple[int, int]:
    """The edges found of a drop to a fifth from `start` up to `end`, in buckets."""
    counts = []
    for i in range(SIZE):
        part = max(0.0, min(end, i + 1) - max(start, i))
        counts.append(clumped(100 * (1 - 0.8 * part), dispersion, rng))
    inside = [FIRST <= i < LAST for i in range(SIZE)]
    step = step_beside_trend(counts, inside, 60, dispersion)
    near = range(FIRST - 4, FIRST + 5), range(LAST - 4, LAST + 5)
    return (
        likely_start(counts, step, dispersion, near[0]),
        likely_end(counts, step, dispersion, near[1]),
    )


def test_a_step_between_two_buckets_is_placed_there() -> None:
    assert placed(FIRST, LAST, 1.0, Random(1)) == (FIRST, LAST)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_an_edge_within_a_bucket_is_at_most_one_bucket_off(part: float) -> None:
    """In clumped traffic, too, nearly always."""
    hits = 0
    for seed in range(40):
        first, last = placed(FIRST + part, LAST + part, 6.0, Random(seed))
        hits += abs(first - FIRST) <= 1
        hits += abs(last - 1 - LAST) <= 1
    assert hits >= 76


@given(st.lists(st.integers(0, 500), min_size=12, max_size=60), st.integers(1, 40))
def test_both_edges_are_mirror_images(counts: list[int], dispersion: int) -> None:
    size = len(counts)
    inside = [size // 3 <= i < 2 * size // 3 for i in range(size)]
    step = step_beside_trend(counts, inside, 60, dispersion)
    mirrored = step._replace(usual=step.usual[::-1])
    for near in (range(2, 8), range(0, size + 1)):
        end = likely_end(counts, step, dispersion, near)
        back = range(size - near.stop + 1, size - near.start + 1)
        assert end in near
        assert size - end == likely_start(counts[::-1], mirrored, dispersion, back)


def test_an_hourly_peak_is_taken_off() -> None:
    rng = Random(3)
    even = [clumped(100, 2, rng) for _ in range(12 * 20)]
    peaks = [n + 60 * (i % 12 == 5) for i, n in enumerate(even)]
    flat = without_hourly_peaks(peaks, 300)
    assert all(a == b for i, (a, b) in enumerate(zip(flat, even, strict=True)) if i % 12 != 5)
    off = [a - b for i, (a, b) in enumerate(zip(flat, even, strict=True)) if i % 12 == 5]
    assert max(map(abs, off)) < 25
    assert len(set(off)) == 1


@pytest.mark.parametrize("step_s", [300, 420, 1_800])
def test_counts_without_an_hourly_peak_stay(step_s: int) -> None:
    """Ordinary ones, one that came once, and steps in which hours have no peak."""
    rng = Random(4)
    counts = [clumped(100, 4, rng) for _ in range(12 * 20)]
    counts[77:80] = [900, 950, 900]
    assert without_hourly_peaks(counts, step_s) == counts
