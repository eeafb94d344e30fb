"""Events a second and memory of the pure scheduler: `python -m tests.bench.scheduler`.

1,000 workers pull the chunks of one job, return and commit them, and send a heartbeat a second that
lists what they hold; a worker in fifty loses its connection and comes back. Seconds are those of
this process's CPU, so other load on the machine matters little; the drive itself is counted in.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import tracemalloc
from heapq import heappop, heappush

from logan.scheduler.actions import Commit, EndJob, Grant
from logan.scheduler.events import (
    ChunkCommitted,
    ChunkReturned,
    Event,
    JobAdded,
    LeaseKey,
    Progress,
    TimePassed,
    WorkerHeard,
    WorkerJoined,
    WorkerLeft,
    WorkerReady,
    WorkItem,
)
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine

CHUNK_BYTES = 16 * 1024 * 1024
SECONDS_A_CHUNK = 4.0
LEASES_AT_ONCE = 2


class Drive:
    """A cluster without faults but cut connections, in virtual time."""

    def __init__(self, workers: int, chunks: int) -> None:
        self.machine = Machine(Limits())
        self.random = random.Random(7)
        self.heap: list[tuple[float, int, str, Event | None]] = []
        self.order = 0
        self.held: dict[str, dict[LeaseKey, float]] = {}
        self.names: dict[str, str] = {}
        self.events = 0
        self.over = False
        self.now = 0.0
        self.feed("", JobAdded("job", [WorkItem(id, CHUNK_BYTES) for id in range(chunks)]))
        for worker in range(workers):
            self.join(f"worker-{worker}", 0)

    def join(self, name: str, life: int) -> None:
        session = f"{name}/{life}"
        self.held[session] = {}
        self.names[session] = name
        self.feed(session, WorkerJoined(session, name))
        self.feed(session, WorkerReady(session, LEASES_AT_ONCE))
        self.later(self.random.random(), session, None)
        if self.random.random() < 0.02:
            self.later(20.0 * self.random.random(), session, WorkerLeft(session, "cut"))

    def later(self, delay_s: float, session: str, event: Event | None) -> None:
        self.order += 1
        heappush(self.heap, (self.now + delay_s, self.order, session, event))

    def feed(self, session: str, event: Event) -> None:
        self.events += 1
        for action in self.machine.handle(self.now, event):
            if isinstance(action, Grant):
                seconds = SECONDS_A_CHUNK * (0.5 + self.random.random())
                self.held[action.session][action.key] = self.now
                returned = ChunkReturned(action.session, action.key, "digest")
                self.later(seconds, action.session, returned)
            elif isinstance(action, Commit):
                self.later(0.01, "", ChunkCommitted(action.key[0], action.key[1]))
            elif isinstance(action, EndJob):
                self.over = True

    def run(self) -> None:
        while not self.over:
            deadline = self.machine.next_deadline()
            if deadline is not None and deadline < self.heap[0][0]:
                self.now = deadline
                self.feed("", TimePassed())
                continue
            self.now, _, session, event = heappop(self.heap)
            if session and session not in self.held:
                continue
            if event is None:
                self.heartbeat(session)
            elif isinstance(event, WorkerLeft):
                del self.held[session]
                self.feed(session, event)
                name, _, life = session.partition("/")
                self.join(name, int(life) + 1)
            elif isinstance(event, ChunkReturned):
                del self.held[session][event.key]
                self.feed(session, event)
                self.feed(session, WorkerReady(session, LEASES_AT_ONCE - len(self.held[session])))
            else:
                self.feed(session, event)

    def heartbeat(self, session: str) -> None:
        held = self.held[session]
        leases = tuple(
            Progress(key, int((self.now - since) * CHUNK_BYTES / SECONDS_A_CHUNK))
            for key, since in held.items()
        )
        self.feed(session, WorkerHeard(session, leases))
        self.later(1.0, session, None)


def measure(workers: int, chunks: int) -> dict[str, object]:
    """Events and CPU seconds of one job."""
    started_s = time.process_time()
    drive = Drive(workers, chunks)
    added_s = time.process_time() - started_s
    drive.run()
    cpu_s = time.process_time() - started_s
    return {
        "workers": workers,
        "chunks": chunks,
        "events": drive.events,
        "adding_ms": round(1000 * added_s, 1),
        "cpu_s": round(cpu_s, 3),
        "events_per_s": round(drive.events / cpu_s),
    }


def memory(workers: int, chunks: int) -> int:
    """Bytes that a machine holds with all workers busy and half of the chunks done."""
    tracemalloc.start()
    machine = Machine(Limits())
    machine.handle(0.0, JobAdded("job", [WorkItem(id, CHUNK_BYTES) for id in range(chunks)]))
    for id in range(chunks // 2):
        key = ("job", id, 0)
        machine.handle(0.0, ChunkReturned("", key, f"{id:064x}"))
        machine.handle(0.0, ChunkCommitted("job", id))
    for worker in range(workers):
        machine.handle(0.0, WorkerJoined(f"{worker}/0", f"worker-{worker}"))
        machine.handle(0.0, WorkerReady(f"{worker}/0", LEASES_AT_ONCE))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--chunks", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(options.workers, chunks) for chunks in options.chunks]
    held = memory(options.workers, max(options.chunks))
    if options.json:
        json.dump({"rows": rows, "memory_bytes": held}, sys.stdout)
        return
    print(f"{'workers':>8} {'chunks':>8} {'events':>9} {'CPU s':>7} {'events/s':>9}")
    for row in rows:
        print(
            f"{row['workers']:>8,} {row['chunks']:>8,} {row['events']:>9,} "
            f"{row['cpu_s']:>7} {row['events_per_s']:>9,}"
        )
    print(
        f"memory with {max(options.chunks):,} chunks and {options.workers:,} workers: "
        f"{held / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
