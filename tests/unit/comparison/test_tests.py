"""The statistics of comparisons against values computed by hand and by simulation."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.comparison.distribution import (
    Distribution,
    percentile_test,
    shift_test,
)
from logan.comparison.tests import binomial_tails, count_test, holm, normal_p, share_test


def exact_tails(k: int, n: int, p: float) -> tuple[float, float]:
    terms = [math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(n + 1)]
    return sum(terms[: k + 1]), sum(terms[k:])


@given(st.integers(1, 60), st.data(), st.floats(0.01, 0.99))
def test_binomial_tails_are_exact(n: int, data: st.DataObject, p: float) -> None:
    k = data.draw(st.integers(0, n))
    for found, expected in zip(binomial_tails(k, n, p), exact_tails(k, n, p), strict=True):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_large_counts_are_normal() -> None:
    below, above = binomial_tails(50_300, 100_000, 0.5)
    assert above == pytest.approx(normal_p(299.5 / math.sqrt(25_000)) / 2, rel=1e-9)
    assert below + above == pytest.approx(1, abs=1e-2)


def test_count_tests() -> None:
    assert count_test(5, 1, 5, 1) == 1.0
    assert count_test(0, 1, 0, 1) == 1.0
    assert count_test(3, 0, 4, 1) is None
    # Ten events against none: twice the chance of ten heads.
    assert count_test(0, 1, 10, 1) == pytest.approx(2 / 2**10)
    # Bursts say less: of twice the dispersion as half as many.
    assert count_test(0, 1, 20, 1, 2.0) == pytest.approx(2 / 2**10)
    wide, narrow = share_test(900, 1_000, 990, 1_000), share_test(100, 1_000, 10, 1_000)
    assert wide == pytest.approx(narrow)
    assert wide is not None
    assert wide < 1e-15


def test_holm_by_hand() -> None:
    assert holm([(0.01, 1), (0.04, 1), (0.03, 1)]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([(0.01, 1), (0.01, 3)]) == pytest.approx([0.04 / 3, 0.04 / 3][::-1], rel=0.5)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_never_below_the_single_test(ps: list[float]) -> None:
    adjusted = holm([(p, 1.0) for p in ps])
    for p, q in zip(ps, adjusted, strict=True):
        assert p <= q <= min(1.0, p * len(ps)) + 1e-12


def sample(made: random.Random, n: int, shift: float = 1.0, bits: int = 4) -> Distribution:
    counts: dict[int, int] = {}
    for _ in range(n):
        value = int(made.lognormvariate(18, 0.7) * shift)
        e = max(value.bit_length() - 1, bits)
        bucket = ((e - bits) << bits) + (value >> (e - bits))
        counts[bucket] = counts.get(bucket, 0) + 1
    first, last = min(counts), max(counts)
    return Distribution(bits, first, tuple(counts.get(i, 0) for i in range(first, last + 1)))


def test_a_shift_is_found_and_its_direction() -> None:
    made = random.Random(1)
    one, slower = sample(made, 5_000), sample(made, 5_000, 1.1)
    found, back = shift_test(one, slower), shift_test(slower, one)
    assert found is not None
    assert back is not None
    assert (found.direction, back.direction) == (1, -1)
    assert found.p < 1e-5
    assert found.p == pytest.approx(back.p, rel=1e-6)
    assert shift_test(one, one) == (1.0, 0)
    assert shift_test(sample(made, 7), one) is None
    assert shift_test(None, one) is None


def test_a_wider_distribution_is_found_without_a_direction() -> None:
    narrow = Distribution(4, 100, (0, 0, 500, 500, 0, 0))
    wide = Distribution(4, 100, (250, 250, 0, 0, 250, 250))
    found = shift_test(narrow, wide)
    assert found is not None
    assert found.p < 1e-10
    assert found.direction == 0


def test_probabilities_are_probabilities() -> None:
    """Of samples of one source, a test at 5 % marks 5 % or fewer."""
    made = random.Random(2)
    pairs = [(sample(made, 300), sample(made, 300)) for _ in range(300)]
    shifts = [shift.p for pair in pairs if (shift := shift_test(*pair)) is not None]
    assert sum(p < 0.05 for p in shifts) <= 0.05 * 300 + 3 * math.sqrt(0.05 * 300)
    quantiles = [p for pair in pairs if (p := percentile_test(*pair, 0.9)) is not None]
    assert len(quantiles) == 300
    assert sum(p < 0.05 for p in quantiles) <= 0.05 * 300
    counts = []
    for _ in range(1_000):
        a, b = (sum(made.random() < 0.03 for _ in range(400)) for _ in range(2))
        counts.append(count_test(a, 400, b, 400))
    assert sum(p is not None and p < 0.05 for p in counts) <= 70


def test_percentiles_that_are_apart() -> None:
    made = random.Random(3)
    one = sample(made, 2_000)
    found = percentile_test(one, sample(made, 2_000, 1.5), 0.95)
    assert found is not None
    assert found < 1e-4
    assert percentile_test(one, one, 0.95) == 1.0
    # With 2,000 values the last thousandth has two.
    assert percentile_test(one, one, 0.999) is None
    middle = one.percentile_ms(0.5)
    assert middle is not None
    assert middle == pytest.approx(math.exp(18) / 1e6, rel=0.08)
