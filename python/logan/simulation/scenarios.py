"""What may go wrong in a cluster, as data: which workers there are, and what happens to whom when.

Faults happen at a share of the job's bytes, so that a scenario means the same for every input.
How a scenario is played is the business of `runner`; nothing here starts a process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["SCENARIOS", "Fault", "Scenario", "WorkerSetup"]

FaultKind = Literal["kill", "freeze", "partition", "flap", "kill-coordinator", "join"]


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """A worker at the start.

    Attributes:
        name: its id.
        latency_ms: of its link to the coordinator, each way.
        late: it is not started at first; a "join" fault starts it.
    """

    name: str
    latency_ms: float = 0.0
    late: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that happens once.

    Attributes:
        at: share of the job's bytes that are done when it happens, 0 to 1.
        kind: "kill" (SIGKILL), "freeze" (SIGSTOP, then SIGCONT), "partition" (no byte passes),
            "flap" (the link goes down and up), "kill-coordinator" (SIGKILL, then a new one on the
            same state), "join" (a late worker starts).
        worker: whom it happens to; "" where it is the coordinator.
        for_s: seconds until it is over, where it ends: of each flap, too.
        times: how often a flapping link goes down.
    """

    at: float
    kind: FaultKind
    worker: str = ""
    for_s: float = 0.0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Scenario:
    """Workers and faults, with one sentence for people."""

    name: str
    title: str
    workers: tuple[WorkerSetup, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def keeps_state(self) -> bool:
        """Whether the coordinator needs a journal to survive it."""
        return any(fault.kind == "kill-coordinator" for fault in self.faults)


def _three(
    *, latencies_ms: tuple[float, float, float] = (10, 15, 12)
) -> tuple[WorkerSetup, WorkerSetup, WorkerSetup]:
    one, two, three = latencies_ms
    return WorkerSetup("alice", one), WorkerSetup("bob", two), WorkerSetup("charlie", three)


_ALL = (
    Scenario("normal", "three workers, 10, 15 and 12 ms away; nothing fails", _three()),
    Scenario(
        "worker-failure",
        "bob is killed when half of the job is done",
        _three(),
        (Fault(0.5, "kill", "bob"),),
    ),
    Scenario(
        "high-latency",
        "charlie is 1,000 ms away",
        _three(latencies_ms=(10, 15, 1000)),
    ),
    Scenario(
        "partition",
        "no byte passes between bob and the coordinator for 8 s",
        _three(),
        (Fault(0.3, "partition", "bob", for_s=8.0),),
    ),
    Scenario(
        "flapping",
        "bob's link goes down and up five times, a second each",
        _three(),
        (Fault(0.2, "flap", "bob", for_s=1.0, times=5),),
    ),
    Scenario(
        "freeze",
        "bob stands still for 8 s and then goes on as if nothing had happened",
        _three(),
        (Fault(0.3, "freeze", "bob", for_s=8.0),),
    ),
    Scenario(
        "coordinator-killed",
        "the coordinator is killed when half of the job is done; a new one takes over its state",
        _three(),
        (Fault(0.5, "kill-coordinator"),),
    ),
    Scenario(
        "late-joiner",
        "charlie joins when half of the job is done",
        (WorkerSetup("alice", 10), WorkerSetup("bob", 15), WorkerSetup("charlie", 12, late=True)),
        (Fault(0.5, "join", "charlie"),),
    ),
)

SCENARIOS: Final[Mapping[str, Scenario]] = {scenario.name: scenario for scenario in _ALL}
"""By name, the three common ones first."""
