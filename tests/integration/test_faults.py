"""Faults one by one, with real processes: deaths at each step, full disks, clocks that jump.

Programs that die at a given place are made here, by changing a worker or coordinator from outside;
nothing in the package can be told to do so.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import logan
from logan.cluster.coordinator.coordinator import Coordinator
from logan.scheduler.actions import Action
from logan.scheduler.events import Event, WorkerHeard
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine
from logan.simulation.network_proxy import NetworkConditions, open_proxy
from tests.support import jumping_clock
from tests.support.cluster_processes import (
    Cluster,
    Process,
    figures,
    log_lines,
    wait_until,
)
from tests.support.disks import fill, small_disk

CHUNK = "32KiB"
CHUNKS = 30
OPTIONS = ("--chunk-size", CHUNK, "--json")
SLOW = ("--pace", "0.2", "--threads", "1")
"""Six chunks a second."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("logs") / "app.log"
    lines = log_lines(100_000)
    with path.open("w") as file:
        while file.tell() < CHUNKS * 32 * 1024 - 200:
            file.write(next(lines))
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> str:
    with chdir(log.parent):
        return figures(logan.analyze("app.log", chunk_size=32 * 1024).to_json())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def own_job(cluster: Cluster, log: Path, *arguments: str, **extra: Any) -> Process:
    return cluster.coordinator("app.log", *OPTIONS, *arguments, cwd=log.parent, **extra)


def done(cluster: Cluster) -> int:
    return sum(job["chunks_done"] for job in cluster.status()["jobs"])


# --- Killed at each step -----------------------------------------------------------------------

MORTAL_WORKER = """
import os, signal, sys
from functools import partial
from logan.cli.main import main
from logan.cluster.connect import connect
from logan.cluster.worker import worker
from logan.scan import scan_chunk

when, what = os.environ["DIES"].split()
verb = what.encode() + b" "

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def place_of(data):
    # Small frames are written together.
    return 0 if data.startswith(verb) else data.find(b"\\n" + verb) + 1 or None

class Mortal:
    def __init__(self, stream):
        self.stream = stream

    def __getattr__(self, name):
        return getattr(self.stream, name)

    async def send_all(self, data):
        at = place_of(data)
        if at is not None and when in ("before", "within", "behind"):
            ends = {"before": at, "within": (at + len(data)) // 2, "behind": len(data)}
            await self.stream.send_all(data[: ends[when]])
            die()
        await self.stream.send_all(data)

    async def receive_some(self, *arguments):
        data = await self.stream.receive_some(*arguments)
        if when == "at" and place_of(data) is not None:
            die()
        return data

async def connect_mortal(*arguments):
    stream, certificate = await connect(*arguments)
    return Mortal(stream), certificate

def scan_or_die(*arguments, **options):
    if when == "scanning":
        die()
    return scan_chunk(*arguments, **options)

worker.Worker = partial(worker.Worker, connect=connect_mortal, scan=scan_or_die)
sys.exit(main())
"""

STEPS = (
    *("before HELLO", "within HELLO", "behind HELLO", "at CHALLENGE", "within AUTH", "behind AUTH"),
    *("at WELCOME", "behind HEALTH", "within READY", "behind READY", "at JOB", "at LEASE"),
    *("scanning chunks", "before RESULT", "within RESULT", "behind RESULT", "at DONE"),
)
"""Of a worker's life, in their order."""


def test_workers_killed_at_each_step_of_the_protocol(
    cluster: Cluster, log: Path, expected: str
) -> None:
    job = own_job(cluster, log)
    victims = []
    for number, step in enumerate(STEPS):
        victim = cluster.worker(
            f"victim-{number}",
            *("--root", str(log.parent), "--threads", "1"),
            connected=False,
            program=("-c", MORTAL_WORKER),
            env={"DIES": step},
        )
        victims.append((step, victim))
    for step, victim in victims:
        assert victim.wait() == -signal.SIGKILL, f"{step}: {victim.err}"
    cluster.worker("alice", "--root", str(log.parent), "--threads", "1")
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    assert job.json()["performance"]["recoveries"]


MORTAL_COORDINATOR = """
import os, signal, sys
from logan.cli.main import main
from logan.cluster.coordinator import journal

left = int(os.environ["DIES_AFTER"])
opened = journal.open_database

def die_after_some(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def open_mortal(path):
    database = opened(path)
    database.set_trace_callback(die_after_some)
    return database

journal.open_database = open_mortal
sys.exit(main())
"""


def test_coordinator_killed_at_steps_of_its_journal(
    cluster: Cluster, log: Path, expected: str
) -> None:
    """Each life gets a few statements further; the worker is the same all the time."""
    state = str(cluster.folder / "state")
    cluster.take_port()
    worker = cluster.worker("alice", "--root", str(log.parent), *SLOW, connected=False)
    resumed = []
    for life in range(40):
        job = cluster.start(
            "coordinator",
            *("coordinator", "--port", str(cluster.port), "app.log", *OPTIONS, "--state", state),
            program=("-c", MORTAL_COORDINATOR),
            env={"DIES_AFTER": str(5 + 17 * life)},
            cwd=log.parent,
        )
        code = job.wait()
        found = re.search(r"resumed: (\d+) of (\d+) chunks", job.err)
        resumed.append(int(found[1]) if found else 0)
        if code == 0:
            break
        assert code == -signal.SIGKILL, job.err
    assert code == 0
    assert len(resumed) > 5
    # Nothing that was stored is ever lost, and nothing is done twice.
    assert resumed == sorted(resumed)
    assert figures(job.out) == expected
    shares = job.json()["performance"]["workers"]
    assert sum(each["chunks_done"] for each in shares) == CHUNKS - resumed[-1]
    assert worker.popen.poll() is None


# --- Disks and clocks --------------------------------------------------------------------------


def test_disk_full_under_the_journal(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        state = ("--state", str(disk / "state"))
        cluster.take_port()
        job = own_job(cluster, log, *state, port=cluster.port)
        worker = cluster.worker("alice", "--root", str(log.parent), *SLOW)
        wait_until(lambda: done(cluster) > 2, "some chunks to be stored")
        fill(disk / "ballast")
        assert job.wait() == 4, job.err
        assert "the disk is full" in job.err
        assert "Traceback" not in job.err
        assert job.out == ""
        # With room again it goes on; the worker was there all the time.
        (disk / "ballast").unlink()
        again = own_job(cluster, log, *state, port=cluster.port)
        resumed = int(again.said(r"resumed: (\d+) of")[1])
        assert again.wait() == 0, again.err
        assert figures(again.out) == expected
        shares = again.json()["performance"]["workers"]
        assert 2 < resumed < CHUNKS
        assert sum(each["chunks_done"] for each in shares) == CHUNKS - resumed
        assert worker.popen.poll() is None


def test_the_clock_that_jumps_does(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("86400")
    program = (
        "import runpy, sys, time; from pathlib import Path\n"
        "runpy.run_path(sys.argv[1])['jump_by'](Path(sys.argv[2]))\n"
        "print(time.time(), time.time_ns(), time.monotonic())"
    )
    command = [sys.executable, "-c", program, jumping_clock.__file__, str(clock)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    wall, wall_ns, monotonic = map(float, said.split())
    assert wall - time.time() == pytest.approx(86_400, abs=60)
    assert wall_ns / 1e9 - time.time() == pytest.approx(86_400, abs=60)
    assert monotonic - time.monotonic() == pytest.approx(0, abs=60)


def test_clocks_that_jump(cluster: Cluster, log: Path, expected: str) -> None:
    # Three chunks a second each: most of these clocks are looked at before they jump again.
    slow = ("--pace", "0.1", "--threads", "1")
    clocks = {name: cluster.folder / f"{name}.clock" for name in ("coordinator", "alice", "bob")}
    day = 86_400
    for clock in clocks.values():
        clock.write_text("0")

    def jumping(name: str) -> tuple[str, str]:
        return jumping_clock.__file__, str(clocks[name])

    job = own_job(cluster, log, "--expect-workers", "2", program=jumping("coordinator"))
    for name in ("alice", "bob"):
        cluster.worker(name, "--root", str(log.parent), *slow, program=jumping(name))
    for share, name, seconds in (
        *((1, "coordinator", 400 * day), (4, "alice", -3 * day), (7, "bob", 3_600)),
        *((10, "coordinator", -7_200), (13, "alice", 90), (16, "coordinator", 0)),
    ):
        wait_until(partial(lambda least: done(cluster) >= least, share), f"{share} chunks")
        clocks[name].write_text(str(seconds))
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    performance = job.json()["performance"]
    assert performance["recoveries"] == []
    assert 0 < performance["wall_s"] < 60


def test_a_coordinator_that_stood_still_hears_what_waits(
    cluster: Cluster, log: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = Limits(lease_s=3.0, heartbeat_s=1.4)
    beats = 0
    hear = Machine.handle

    def count(machine: Machine, now: float, event: Event) -> list[Action]:
        nonlocal beats
        beats += isinstance(event, WorkerHeard) and bool(event.leases)
        return hear(machine, now, event)

    monkeypatch.setattr(Machine, "handle", count)
    pauses = 0

    async def stand_still() -> None:
        nonlocal pauses
        while True:
            before = beats
            while beats == before:
                await trio.sleep(0.01)
            # The heartbeat is answered. Now for longer than a lease, though the worker, which looks
            # at its clock with every heartbeat, gives up only with the third from here.
            await trio.sleep(0.05)
            time.sleep(limits.lease_s + 0.1)
            pauses += 1

    async def main() -> logan.Report:
        async with Coordinator(port=0, roots=[str(log.parent)], limits=limits) as coordinator:
            cluster.port = coordinator.port
            start = partial(cluster.worker, "alice", "--root", str(log.parent), "--pace", "0.15")
            await trio.to_thread.run_sync(partial(start, connected=False))
            await coordinator.wait_for_workers(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stand_still)
                report = await coordinator.process_file(str(log), chunk_size=128 * 1024)
                nursery.cancel_scope.cancel()
                return report
        raise AssertionError("a nursery that was canceled from within returns")

    report = trio.run(main)
    assert figures(json.dumps(report.to_dict()).replace(str(log), "app.log")) == expected
    assert pauses > 1
    assert report["performance"]["recoveries"] == []


# --- Slow networks, long lines, and no workers -------------------------------------------------


def test_a_network_that_passes_a_few_bytes_at_a_time(
    cluster: Cluster, log: Path, expected: str
) -> None:
    # Each piece is a turn of this process: a heartbeat behind four results may take seconds.
    limits = Limits(lease_s=30.0)

    async def main() -> logan.Report:
        async with (
            Coordinator(port=0, roots=[str(log.parent)], limits=limits) as coordinator,
            open_proxy(("127.0.0.1", coordinator.port), NetworkConditions(piece_bytes=7)) as proxy,
        ):
            cluster.port = proxy.port
            start = partial(cluster.worker, "alice", "--root", str(log.parent), connected=False)
            await trio.to_thread.run_sync(start)
            await coordinator.wait_for_workers(1)
            report = await coordinator.process_file(str(log), chunk_size=32 * 1024)
            assert proxy.connections == 1
            return report

    report = trio.run(main)
    assert figures(json.dumps(report.to_dict()).replace(str(log), "app.log")) == expected
    assert report["performance"]["recoveries"] == []


PATIENT_WORKER = """
import sys, time
from functools import partial
from logan.cli.main import main
from logan.cluster.worker import worker
from logan.scan import scan_chunk

def scan_slowly(*arguments, **options):
    until = time.monotonic() + 3
    while time.monotonic() < until:
        found = scan_chunk(*arguments, **options)
    return found

worker.Worker = partial(worker.Worker, scan=scan_slowly)
sys.exit(main())
"""


def test_heartbeats_go_on_while_the_extension_is_in_a_long_line(
    cluster: Cluster, tmp_path: Path
) -> None:
    """A line of 96 MiB, scanned again and again for three seconds, nearly always in the engine."""
    long = tmp_path / "long.log"
    first = "2024-01-24 10:15:32.125 INFO Request processed in 105ms\n"
    with long.open("w") as file:
        file.write(first)
        for _ in range(96):
            file.write("x" * 2**20)
        file.write(f"\n{first}")
    limits = Limits(heartbeat_s=1.0, lease_s=2.5)
    gaps: list[float] = []

    async def main() -> logan.Report:
        async with Coordinator(port=0, roots=[str(tmp_path)], limits=limits) as coordinator:
            cluster.port = coordinator.port
            start = partial(
                cluster.worker, connected=False, program=("-c", PATIENT_WORKER), cwd=tmp_path
            )
            await trio.to_thread.run_sync(start, "alice", "--threads", "1")
            await coordinator.wait_for_workers(1)

            async def listen() -> None:
                while True:
                    await trio.sleep(0.05)
                    gaps.extend(each.heard_s or 0 for each in coordinator.workers() if each.leases)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                report = await coordinator.process_file(str(long), chunk_size=2**27)
                nursery.cancel_scope.cancel()
            return report

    report = trio.run(main)
    assert report["lines"]["parsed"] == 2
    assert report["performance"]["recoveries"] == []
    # Scanned for longer than a heartbeat, or this shows nothing.
    assert len(gaps) > 20
    assert max(gaps) < 2 * limits.heartbeat_s


def test_the_last_worker_dies_and_another_comes(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log)
    last = cluster.worker("alice", "--root", str(log.parent), *SLOW)
    wait_until(lambda: done(cluster) > 2, "some chunks to be done")
    last.send(signal.SIGKILL)
    job.said("waiting for workers: start one with")
    cluster.worker("bob", "--root", str(log.parent))
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


def test_without_workers_it_ends_if_asked_and_loses_nothing(
    cluster: Cluster, log: Path, expected: str
) -> None:
    state = ("--state", str(cluster.folder / "state"))
    cluster.take_port()
    # She is there first: a process may take longer to start than the coordinator has patience.
    last = cluster.worker("alice", "--root", str(log.parent), *SLOW, connected=False)
    last.said("waiting for a coordinator")
    job = own_job(cluster, log, *state, "--worker-timeout", "2", port=cluster.port)
    wait_until(lambda: done(cluster) > 2, "some chunks to be stored")
    last.send(signal.SIGKILL)
    assert job.wait() == 4, job.err
    assert "no worker was connected for 2 s" in job.err
    again = own_job(cluster, log, *state)
    resumed = int(again.said(r"resumed: (\d+) of")[1])
    cluster.worker("bob", "--root", str(log.parent))
    assert again.wait() == 0, again.err
    assert figures(again.out) == expected
    assert resumed > 2
