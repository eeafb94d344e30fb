"""Network scenarios for clusters, and what must be true after each.

The scenarios themselves ship with the package, since `logan simulate` plays them; this table says
what a test may expect. The first three are those that the project was commissioned with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from logan.simulation.scenarios import SCENARIOS, Scenario

__all__ = ["OUTCOMES", "Outcome", "scenario"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must be true; in every scenario the figures are those of one machine.

    Attributes:
        loses: workers that must lose chunks; all others must not lose any.
        may_lose: workers that may.
        leased_again_s_max: from the moment at which a loss was noticed to the next lease of that
            chunk, with a worker that waits for work: generous, since tests share their machine.
        job_s: how long the job should take: silence is a loss only when a lease has run out.
    """

    loses: frozenset[str] = frozenset()
    may_lose: frozenset[str] = frozenset()
    leased_again_s_max: float = 5.0
    job_s: float = 4.0


OUTCOMES: Final[Mapping[str, Outcome]] = {
    "normal": Outcome(),
    "worker-failure": Outcome(loses=frozenset({"bob"})),
    "high-latency": Outcome(),
    "partition": Outcome(loses=frozenset({"bob"}), job_s=9.0),
    "flapping": Outcome(may_lose=frozenset({"bob"})),
    "freeze": Outcome(loses=frozenset({"bob"}), job_s=9.0),
    "coordinator-killed": Outcome(may_lose=frozenset({"alice", "bob", "charlie"})),
    "late-joiner": Outcome(),
}


def scenario(name: str) -> tuple[Scenario, Outcome]:
    """A scenario and what must be true after it. Raises `KeyError`."""
    return SCENARIOS[name], OUTCOMES[name]
