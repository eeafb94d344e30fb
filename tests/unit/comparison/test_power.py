"""How sure comparisons are: shifts that must be found, and marks that must not be there.

Log-normal response times (sigma 0.7), four routes, errors and warnings, through the engine. Run as
a script, it prints the table: `python tests/unit/comparison/test_power.py [PAIRS]`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable

import pytest

import logan
from logan.comparison.compare import compare
from logan.comparison.document import Comparison
from logan.comparison.sides import Side, side_of_summary

SIGMA = 0.7
ROUTES = ("/cart", "/login", "/search", "/item")


def side(made: random.Random, requests: int, shift: float = 1.0, bursts: bool = False) -> Side:
    """So many requests of `/cart`, slower by `shift`, and half as many of each other route, within
    an hour; with `bursts`, half of all errors come in a few of its minutes."""
    total = requests * 5 // 2
    routes = made.choices(ROUTES, (2, 1, 1, 1), k=total)
    bad = set(made.sample(range(60), 6)) if bursts else set()
    rows = []
    for i, route in enumerate(routes):
        second = 3_600 * i // total
        took = int(made.lognormvariate(11, SIGMA) * (shift if route == "/cart" else 1))
        failed = made.random() < (0.1 if second // 60 in bad else 0.01)
        clock = f"{second // 60:02}:{second % 60:02}"
        rows.append(
            f'10.0.0.1 - - [01/Jan/2026:10:{clock} +0000] "GET {route} HTTP/1.1" '
            f'{500 if failed else 200} 100 "-" "curl/8" {took}\n'
        )
        if made.random() < 0.01:
            kind = made.choice(("queue full", "slow disk", "retry", f"cache {made.randrange(9)}"))
            rows.append(f"2026-01-01T10:{clock}Z WARN {kind}\n")
    with logan.Feed(units={"response_time": "us"}) as feed:
        feed.push("".join(rows).encode())
    return side_of_summary("-", feed.finish(), feed.report())


def is_found(change: Comparison) -> bool:
    """Whether the slower route is marked as such."""
    return any(row.shift == "slower" for row in change.tables[0].rows if row.key == "GET /cart")


def share(
    pairs: int, seed: int, pair: Callable[[random.Random], Comparison], told: Callable[..., bool]
) -> float:
    """Of so many pairs, the share of which something is told."""
    made = random.Random(seed)
    return sum(told(pair(made)) for _ in range(pairs)) / pairs


def shifted(requests: int, shift: float) -> Callable[[random.Random], Comparison]:
    return lambda made: compare(side(made, requests), side(made, requests, shift))


def alike(requests: int, *, bursts: bool = False) -> Callable[[random.Random], Comparison]:
    return lambda made: compare(
        side(made, requests, bursts=bursts), side(made, requests, bursts=bursts)
    )


@pytest.mark.slow
@pytest.mark.parametrize(("requests", "shift"), [(5_000, 1.1), (1_000, 1.25)])
def test_shifts_are_found(requests: int, shift: float) -> None:
    assert share(300, 1, shifted(requests, shift), is_found) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("bursts", [False, True])
def test_samples_of_one_source_have_no_marks(bursts: bool) -> None:
    told = share(1_000, 2, alike(1_000, bursts=bursts), lambda each: each.any_told_apart)
    assert told <= 0.01


def test_one_of_each() -> None:
    assert share(3, 3, shifted(2_000, 1.25), is_found) == 1
    assert share(3, 4, alike(500), lambda each: each.any_told_apart) == 0


def main(pairs: int, alikes: int) -> None:
    """Print the table."""
    print("pairs   requests of the route   difference               marked")
    for requests, shift in ((5_000, 1.1), (1_000, 1.25), (5_000, 1.05), (1_000, 1.1)):
        found = share(pairs, 1, shifted(requests, shift), is_found)
        print(f"{pairs:<7} {requests:<23} {shift - 1:<24.0%} {found:.1%} (the route)", flush=True)
    for bursts in (False, True):
        told = share(alikes, 2, alike(1_000, bursts=bursts), lambda each: each.any_told_apart)
        name = f"none{', errors in bursts' if bursts else ''}"
        print(f"{alikes:<7} {1_000:<23} {name:<24} {told:.1%} (anything)", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, 1_000)
