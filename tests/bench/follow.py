"""`just bench-follow`: what a follow job costs, and how old its figures are.

Three workers of as many hosts, a coordinator with a journal, and a client, all on this machine.
Each part prints a row as it ends; all rows go to `.bench/follow.json` too. A missed target is shown
and no failure, as it may be the machine's.

    latency      from the end of writing a line to the figures of the client that have it: single
                 lines at random moments, and the same while 10,000 lines a second are written
    CPU          of the coordinator and of all workers, while 10,000 lines a second are written
    memory       the most that the coordinator and a worker had by then
    control      how late a thread woke that sleeps 100 ms at a time: above 50 ms the machine was
                 too loaded for the latencies to say anything
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Started as a file, Python sees this folder only; the parts are modules of the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
import trio

from logan._logan import Summary
from logan.cli.watch_remote import Told
from logan.cluster.client import Client
from logan.cluster.following import FollowClient
from logan.cluster.request import Submission
from logan.live import clock
from logan.live.remote_watch import RemoteWatch
from logan.options import Options
from tests.bench import machine
from tests.bench.measure import ROOT
from tests.support.cluster_processes import Cluster, wait_until

HOSTS: Final = ("alice", "bob", "carol")
LINES_PER_S: Final = 10_000
BLOCK_S: Final = 0.02
WAKE_S: Final = 0.1
LATE_S_MAX: Final = 0.05

LATENCY_S_MAX: Final = 1.0
"""At the 99th percentile."""

MEMORY_BYTES_MAX: Final = 100 * 1024 * 1024


@dataclass
class Control:
    """A thread that sleeps, and how late it woke at most."""

    most_late_s: float = 0.0
    wakes: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `stop`."""
        due = time.monotonic() + WAKE_S
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self.most_late_s = max(self.most_late_s, time.monotonic() - due)
            self.wakes += 1
            due = time.monotonic() + WAKE_S

    def __enter__(self) -> Control:
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Host:
    """A host's log, and which of its lines were written when."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.path = root / "app.log"
        self._file = self.path.open("ab", buffering=0)
        self.written = 0
        self.counted = 0
        self.lines = 0
        self.waiting: deque[tuple[int, float]] = deque()

    def write(self, count: int, *, sample: bool) -> None:
        """Some lines at once; a sample is waited for."""
        at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        data = b"".join(
            f"10.0.{self.random.randrange(256)}.{self.random.randrange(256)} - - [{at}] "
            f'"GET /items/{self.random.randrange(1_000)} HTTP/1.1" 200 {self.lines + n} "-" '
            f'"Mozilla/5.0" 0.{self.random.randrange(1_000):03}\n'.encode()
            for n in range(count)
        )
        self._file.write(data)
        self.written += len(data)
        self.lines += count
        if sample:
            self.waiting.append((self.written, time.monotonic()))


class Seen(Told):
    """Takes what the client is told, and notes how long it took."""

    def __init__(self, watch: RemoteWatch, hosts: dict[str, Host]) -> None:
        super().__init__(watch, lambda text: print(text, file=sys.stderr))
        self.hosts = hosts
        self.latencies: list[float] = []

    def window(self, at: float | None, summary: Summary) -> None:
        super().window(at, summary)
        now = time.monotonic()
        for each in json.loads(summary.evaluate(top=1, series_points=1)).get("sources", ()):
            host = self.hosts[each["name"].partition(":")[0]]
            host.counted = max(host.counted, *(end for _, end in each["segments"]))
            while host.waiting and host.waiting[0][0] <= host.counted:
                self.latencies.append(now - host.waiting.popleft()[1])

    def lost(self, why: str) -> None:
        raise AssertionError(f"the coordinator is lost: {why}")

    def has_all(self) -> bool | None:
        """Whether all that was written is counted; None if not."""
        return all(each.counted == each.written for each in self.hosts.values()) or None

    def lines(self) -> int:
        """Written so far."""
        return sum(each.lines for each in self.hosts.values())


def latency_row(name: str, latencies: Sequence[float], late_s: float) -> dict[str, object]:
    """Percentiles of one part."""
    ordered = sorted(latencies)
    p99 = ordered[int(len(ordered) * 0.99)]
    p50 = statistics.median(ordered)
    row: dict[str, object] = {
        "name": name,
        "samples": len(ordered),
        "p50_s": p50,
        "p99_s": p99,
        "max_s": ordered[-1],
        "control_late_s": late_s,
    }
    verdict = "met" if p99 <= LATENCY_S_MAX else "MISSED"
    if late_s > LATE_S_MAX:
        verdict += f"; the machine was too loaded: a thread woke {late_s * 1e3:.0f} ms late"
    print(
        f"{name}: p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms, "
        f"max {ordered[-1] * 1e3:.0f} ms of {len(ordered):,} lines (p99 at most "
        f"{LATENCY_S_MAX:g} s: {verdict}); control thread at most {late_s * 1e3:.0f} ms late",
        flush=True,
    )
    return row


def play(folder: Path, samples: int, seconds: float) -> list[dict[str, object]]:
    """All parts; a row for each."""
    hosts = {}
    for number, name in enumerate(HOSTS):
        (folder / name).mkdir()
        hosts[name] = Host(folder / name, number)
        hosts[name].write(50, sample=False)
    with Cluster(folder) as cluster:
        processes = {"coordinator": cluster.coordinator("--state", str(folder / "state"))}
        for name in HOSTS:
            processes[name] = cluster.worker(name, "--root", str(folder / name))
        measured = {name: psutil.Process(each.popen.pid) for name, each in processes.items()}
        watch = RemoteWatch(Options(), now=clock.now())
        seen = Seen(watch, hosts)
        submission = Submission(
            kind="follow", paths=["*.log"], options=Options(), confined=True, begin="start"
        )
        client = FollowClient(Client(cluster.address), submission, seen)
        ends = threading.Event()
        thread = threading.Thread(target=trio.run, args=(_followed, client, ends), daemon=True)
        thread.start()
        wait_until(seen.has_all, "all hosts are followed")
        rows = [quiet(seen, samples), *loaded(seen, samples, seconds, measured), memory(measured)]
        total = seen.lines()
        wait_until(lambda: _counted(watch) == total or None, "each line is counted once", 10)
        print(f"{total:,} of {total:,} lines counted once", flush=True)
        ends.set()
        thread.join(10)
    return rows


def quiet(seen: Seen, samples: int) -> dict[str, object]:
    """Single lines at random moments."""
    choose = random.Random(7)
    with Control() as control:
        for _ in range(samples):
            choose.choice(list(seen.hosts.values())).write(1, sample=True)
            time.sleep(choose.uniform(0.0, 0.06))
        wait_until(seen.has_all, "all lines are counted")
    return latency_row("latency, quiet", seen.latencies, control.most_late_s)


def loaded(
    seen: Seen, samples: int, seconds: float, measured: Mapping[str, psutil.Process]
) -> list[dict[str, object]]:
    """Many lines a second, some of which are samples; and what that costs."""
    seen.latencies.clear()
    before = {name: each.cpu_times() for name, each in measured.items()}
    lines_before = seen.lines()
    began = due = time.monotonic()
    sampled = 0.0
    with Control() as control:
        while (now := time.monotonic()) - began < seconds:
            # What is due by now, so that a late turn does not lower the rate.
            wanted = int((now - began) * LINES_PER_S) - (seen.lines() - lines_before)
            sample = now - sampled >= seconds / samples
            sampled = now if sample else sampled
            for host in seen.hosts.values():
                host.write(max(1, wanted // len(seen.hosts)), sample=sample)
            due += BLOCK_S
            time.sleep(max(0.0, due - time.monotonic()))
        took = time.monotonic() - began
        used = {
            name: (
                sum(each.cpu_times()[:2]) - sum(before[name][:2])  # user and system
            )
            / took
            for name, each in measured.items()
        }
        wait_until(seen.has_all, "all lines are counted")
    rate = (seen.lines() - lines_before) / took
    row = latency_row(f"latency, {rate:,.0f} lines/s", seen.latencies, control.most_late_s)
    workers = sum(used[name] for name in HOSTS)
    print(
        f"CPU at {rate:,.0f} lines/s: coordinator {used['coordinator']:.1%}, three workers "
        f"{workers:.1%} of a core together, for {took:.0f} s",
        flush=True,
    )
    return [row, {"name": "cpu", "lines_per_s": rate, "seconds": took, "share_of_core": used}]


def memory(measured: Mapping[str, psutil.Process]) -> dict[str, object]:
    """The most that each process had by now."""
    peaks = {name: _peak_bytes(each.pid) for name, each in measured.items()}
    worker_peak = max(peaks[name] for name in HOSTS)
    verdict = "met" if max(peaks.values()) <= MEMORY_BYTES_MAX else "MISSED"
    print(
        f"memory, most: coordinator {peaks['coordinator'] / 1e6:.0f} MB, a worker "
        f"{worker_peak / 1e6:.0f} MB (at most {MEMORY_BYTES_MAX / 1e6:.0f} MB: {verdict})",
        flush=True,
    )
    return {"name": "memory", "peak_bytes": peaks}


def _counted(watch: RemoteWatch) -> int:
    figures = json.loads(watch.finish(clock.now()).evaluate(top=1, series_points=1))
    lines: int = figures["lines"]["parsed"]
    return lines


async def _followed(client: FollowClient, ends: threading.Event) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.run)
        await trio.to_thread.run_sync(ends.wait)
        nursery.cancel_scope.cancel()


def _peak_bytes(pid: int) -> int:
    """The most resident memory that a process had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return int(psutil.Process(pid).memory_info().rss)


def main() -> None:
    """Measure once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=1_500)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = play(Path(folder), args.samples, args.seconds)
    target = ROOT / ".bench" / "follow.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"machine": machine.facts(), "rows": rows}, indent=1))
    print(f"all rows: {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
