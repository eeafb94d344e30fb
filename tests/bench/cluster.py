"""`just bench-cluster`: what distribution costs, how fast failures are recovered, memory, idle CPU.

Every figure is measured with real processes on this machine, except the coordinator's memory at
1,000 workers, which are simulated. Each part prints a row as it ends; all rows go to
`.bench/cluster.json` too. A missed target is shown and no failure, as it may be the machine's;
figures that are not those of one machine are a failure.

    throughput   the local engine with 2 threads, a coordinator with 2 workers, and the same with
                 journal, token and TLS, in turn; from the first lease to the report
    killed       SIGKILL to the chunk's next lease, while another worker asks for work
    frozen       SIGSTOP to the chunk's next lease
    distant      three workers, one of them 1,000 ms away, beside the same job without it
    resumed      a coordinator killed at 10,000 chunks: start to first lease, and what is done twice
    memory       a coordinator with 100,000 chunks and 1,000 simulated workers
    idle         a coordinator and a worker without work
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, cast

# Started as a file, Python sees this folder only; the parts are modules of the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
import trio
import trustme

from logan._logan import Spec, Summary
from logan.cluster.client import Client
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.request import Submission
from logan.cluster.security import client_context
from logan.cluster.transport import Transport as WireLink
from logan.limits import CHUNKS_PER_JOB_MAX, MIB
from logan.options import Options
from logan.scheduler.events import ChunkReturned, WorkerReady
from logan.simulation.network_proxy import NetworkConditions, open_proxy
from logan.wire.messages import PROTOCOL_VERSION, Hello, Message
from tests.bench import data, machine, tables
from tests.bench.measure import ROOT, warm

LEASE_S: Final = 5.0
TOKEN: Final = b"0123456789abcdef0123456789abcdef"
PATIENCE_S: Final = 120.0

Tell = Callable[[str], None]


@dataclass
class Figure:
    """One row: what was measured, and the bound that it must not exceed."""

    name: str
    value: float
    bound: float
    unit: str
    detail: str = ""
    samples: list[float] = field(default_factory=list)

    @property
    def met(self) -> bool:
        return self.value <= self.bound

    def row(self) -> list[str]:
        verdict = "met" if self.met else "missed"
        return [
            self.name,
            f"{self.value:.3g} {self.unit}",
            f"{self.bound:g}",
            verdict,
            str(len(self.samples)),
            self.detail,
        ]

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "met": self.met}


# --- Processes ---------------------------------------------------------------------------------


class Crew:
    """Processes of `logan`, ended together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []
        self._number = 0

    def start(self, *arguments: str, root: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a command; its stderr goes to a file, see `said`."""
        self._number += 1
        roots = () if root is None else ("--root", str(root))
        err = (self._folder / f"{self._number}.err").open("wb")
        with err:
            process = subprocess.Popen(
                [sys.executable, "-m", "logan", *arguments, *roots],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=err,
                cwd=self._folder,
            )
        self._started.append(process)
        return process

    def cpu_s(self) -> float:
        """Seconds of CPU that all living processes have taken."""
        total = 0.0
        for process in self._started:
            if process.poll() is None:
                times = psutil.Process(process.pid).cpu_times()
                total += times.user + times.system
        return total

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@contextmanager
def crew() -> Iterator[Crew]:
    with tempfile.TemporaryDirectory(prefix="logan-bench-") as folder:
        made = Crew(Path(folder))
        try:
            yield made
        finally:
            made.end()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return cast(int, probe.getsockname()[1])


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll, closely enough that it does not matter."""
    with trio.move_on_after(PATIENCE_S):
        while not condition():
            await trio.sleep(0.002)
        return
    raise TimeoutError(f"in vain: {what}")


async def wait_for_crew(client: Client, count: int) -> None:
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                if len((await client.status()).workers) >= count:
                    return
            except Exception:
                await trio.sleep(0.05)
            await trio.sleep(0.02)


def without_performance(report: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in report.items() if key != "performance"})


class Watched(Coordinator):
    """A coordinator that remembers when each chunk was leased."""

    def __init__(self, **options: Any) -> None:
        super().__init__(port=0, **options)
        self.grants: list[tuple[float, int]] = []
        grant = self.executor._grant

        def noted(id: str, key: tuple[str, int, int], isolated: bool) -> None:
            self.grants.append((trio.current_time(), key[1]))
            grant(id, key, isolated)

        self.executor._grant = noted  # type: ignore[method-assign]

    @property
    def executor(self) -> Executor:
        """What the benchmark looks into and feeds."""
        return self._executor

    def holds(self, name: str) -> set[int]:
        """Chunks that a worker holds now."""
        return {
            key[1]
            for session in self.sessions.values()
            if session.name == name
            for key in session.leases
        }

    def leased_after(self, since: float, chunk: int) -> float | None:
        """When a chunk was next leased."""
        found = None
        for at, granted in reversed(self.grants):
            if at < since:
                break
            if granted == chunk:
                found = at
        return found


# --- Throughput --------------------------------------------------------------------------------


@dataclass
class Contestant:
    name: str
    walls_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)

    def note(self, report: dict[str, Any], cpu_s: float) -> str:
        self.walls_s.append(report["performance"]["wall_s"])
        self.cpus_s.append(cpu_s)
        return without_performance(report)


async def throughput(log: Path, rounds: int, tell: Tell) -> list[Figure]:
    local, plain, secured = (Contestant(name) for name in ("local", "cluster", "secured"))
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(_serving(log, secure=False))
        safe = await stack.enter_async_context(_serving(log, secure=True))
        seen: set[str] = set()
        for number in range(rounds + 1):
            warm(log)
            if number == 1:
                for each in (local, plain, secured):  # the first round only warmed up
                    each.walls_s.clear()
                    each.cpus_s.clear()
            seen.add(local.note(*await trio.to_thread.run_sync(_analyze, log)))
            for each, (client, processes) in ((plain, bare), (secured, safe)):
                before_s = processes.cpu_s()
                submission = Submission(paths=[str(log)], options=Options(), confined=True)
                body = await client.submit(submission)
                seen.add(each.note(json.loads(body), processes.cpu_s() - before_s))
            tell(f"round {number} of {rounds}")
    if len(seen) != 1:
        raise SystemExit("the figures of the cluster are not those of one machine")
    return [
        _ratio("coordinator + 2 workers / local engine, 2 threads", plain, local, 1.25),
        _ratio("journal, token and TLS / without", secured, plain, 1.05),
    ]


def _ratio(name: str, ours: Contestant, theirs: Contestant, bound: float) -> Figure:
    wall = statistics.median(ours.walls_s) / statistics.median(theirs.walls_s)
    cpu = statistics.median(ours.cpus_s) / statistics.median(theirs.cpus_s)
    detail = (
        f"{statistics.median(ours.walls_s):.3f} s / {statistics.median(theirs.walls_s):.3f} s; "
        f"CPU {cpu:.2f} x"
    )
    return Figure(name, wall, bound, "x", detail, ours.walls_s)


def _analyze(log: Path) -> tuple[dict[str, Any], float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "logan", "analyze", "--threads", "2", "--json", str(log)]
    done = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), cpu_s


@asynccontextmanager
async def _serving(log: Path, *, secure: bool) -> AsyncIterator[tuple[Client, Crew]]:
    """A coordinator with two workers of a thread each, and a client."""
    with crew() as processes, tempfile.TemporaryDirectory(prefix="logan-bench-") as folder:
        port = free_port()
        address = f"localhost:{port}"
        ours: list[str] = []
        theirs: list[str] = []
        context: SSLContext | None = None
        if secure:
            files = _secrets(Path(folder))
            token = ["--token-file", files["token"]]
            ours = ["--tls-cert", files["cert"], "--tls-key", files["key"], *token]
            ours += ["--state", str(Path(folder) / "state")]
            theirs = ["--tls-ca", files["ca"], *token]
            context = client_context(files["ca"])
        processes.start("coordinator", "--port", str(port), *ours, root=log.parent)
        for name in ("alice", "bob"):
            who = ("--id", name, "--coordinator", address, "--threads", "1")
            processes.start("worker", *who, *theirs, root=log.parent)
        client = Client(address, token=TOKEN if secure else None, ssl=context)
        await wait_for_crew(client, 2)
        yield client, processes


def _secrets(folder: Path) -> dict[str, str]:
    files = {name: str(folder / name) for name in ("cert", "key", "ca", "token")}
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    leaf.cert_chain_pems[0].write_to_path(files["cert"])
    leaf.private_key_pem.write_to_path(files["key"])
    authority.cert_pem.write_to_path(files["ca"])
    Path(files["token"]).write_bytes(TOKEN)
    os.chmod(files["token"], 0o600)
    return files


# --- Failures ----------------------------------------------------------------------------------


async def killed(log: Path, victims: int, tell: Tell) -> list[Figure]:
    """Alice takes a chunk every few milliseconds; victims hold one or two and die."""
    samples = await _lose(log, victims, signal.SIGKILL, tell)
    p99 = sorted(samples)[min(len(samples) - 1, math.ceil(0.99 * len(samples)) - 1)]
    median_ms = 1e3 * statistics.median(samples)
    return [
        Figure(
            "worker killed: its chunk is leased again, p99",
            1e3 * p99,
            50,
            "ms",
            f"median {median_ms:.1f} ms",
            samples,
        )
    ]


async def frozen(log: Path, victims: int, tell: Tell) -> list[Figure]:
    samples = await _lose(log, victims, signal.SIGSTOP, tell)
    return [
        Figure(
            "worker frozen: its chunk is leased again, worst",
            max(samples),
            LEASE_S + 1,
            "s",
            f"median {statistics.median(samples):.2f} s",
            samples,
        )
    ]


async def _lose(log: Path, victims: int, how: signal.Signals, tell: Tell) -> list[float]:
    """Seconds from the signal to the next lease, of every chunk that a victim held."""
    samples: list[float] = []
    with crew() as processes:
        async with Watched(roots=[str(log.parent)]) as coordinator:
            address = f"localhost:{coordinator.port}"
            # About 200 chunks a second: she asks for work all the time, and has some left.
            pace = ("--pace", "3.2", "--threads", "1")
            processes.start(
                *("worker", "--id", "alice", "--coordinator", address), *pace, root=log.parent
            )
            await coordinator.wait_for_workers(1)
            job = await coordinator.distribute_work(str(log), chunk_size=16 * 1024)
            for number in range(victims):
                name = f"victim-{number}"
                victim = processes.start(
                    *("worker", "--id", name, "--coordinator", address),
                    *("--pace", "0.0001", "--threads", "1"),
                    root=log.parent,
                )
                await until(partial(coordinator.holds, name), name)
                chunks = coordinator.holds(name)
                victim.send_signal(how)
                since = trio.current_time()
                for chunk in chunks:
                    again = partial(coordinator.leased_after, since, chunk)
                    await until(again, "a new lease")
                    samples.append(cast(float, again()) - since)
                tell(f"{name}: {len(chunks)} chunks")
            coordinator.give_up(coordinator.jobs[job].submitted)
    return samples


async def distant(log: Path, rounds: int, tell: Tell) -> list[Figure]:
    """Alice and Bob, then with Charlie, who is 1,000 ms away. The job takes some ten seconds."""
    pace = log.stat().st_size / 1e6 / 20
    without: list[float] = []
    with_him: list[float] = []
    deaths = 0
    for number in range(rounds):
        for walls_s, names in (
            (without, ("alice", "bob")),
            (with_him, ("alice", "bob", "charlie")),
        ):
            with crew() as processes:
                async with AsyncExitStack() as stack:
                    coordinator = await stack.enter_async_context(Watched(roots=[str(log.parent)]))
                    for name in names:
                        link = NetworkConditions(latency_s=1.0 if name == "charlie" else 0.01)
                        there = ("127.0.0.1", coordinator.port)
                        proxy = await stack.enter_async_context(open_proxy(there, link))
                        processes.start(
                            *("worker", "--id", name, "--coordinator", f"localhost:{proxy.port}"),
                            *("--pace", f"{pace:.3f}", "--threads", "1"),
                            root=log.parent,
                        )
                    await coordinator.wait_for_workers(len(names))
                    report = await coordinator.process_file(str(log))
                    walls_s.append(report["performance"]["wall_s"])
                    deaths += sum(each.kind == "left" for each in coordinator.events)
        tell(f"round {number + 1} of {rounds}")
    base = statistics.median(without)
    return [
        Figure(
            "1,000 ms worker among three: whole job",
            statistics.median(with_him),
            1.15 * base + 1,
            "s",
            f"{base:.2f} s without it",
            with_him,
        ),
        Figure("1,000 ms worker among three: false deaths", deaths, 0, "", "", with_him),
    ]


async def resumed(folder: Path, tell: Tell) -> list[Figure]:
    """10,000 chunks, killed when more than half of them are stored."""
    log = folder / "many-chunks.log"
    line = "2024-01-24 10:15:32.125 INFO Request processed in 105ms\n"
    size = 1024
    log.write_text((line * (10_000 * size // len(line) + 1))[: 10_000 * size])
    state = folder / "state"
    port = free_port()
    client = Client(f"localhost:{port}")
    submission = Submission(
        paths=[str(log)], options=Options(chunk_size=size), base=str(folder), confined=True
    )
    serve = ("coordinator", "--port", str(port), "--state", str(state))
    started_at = again_at = 0.0
    done_before = chunks_after = 0
    with crew() as processes:
        first = processes.start(*serve, root=folder)
        who = ("worker", "--id", "alice", "--coordinator", f"localhost:{port}", "--threads", "1")
        # A second or two for all chunks, so that the kill comes in the middle.
        processes.start(*who, "--pace", "3", root=folder)
        await wait_for_crew(client, 1)
        report: dict[str, Any] = {}

        async def submit() -> None:
            body = await client.submit(submission)
            report.update(json.loads(body))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(submit)
            with trio.fail_after(PATIENCE_S):
                while True:
                    jobs = (await client.status()).jobs
                    if jobs and jobs[0].chunks_done > 5_000:
                        break
                    await trio.sleep(0.01)
            first.kill()
            first.wait()
            started_at = trio.current_time()
            second = processes.start(*serve, root=folder)
            with trio.fail_after(PATIENCE_S):
                while True:
                    try:
                        status = await client.status()
                    except Exception:
                        await trio.sleep(0.005)
                        continue
                    again_at = trio.current_time()
                    cpu = psutil.Process(second.pid).cpu_times()
                    done_before = status.jobs[0].chunks_done if status.jobs else 10_000
                    break
        chunks_after = sum(each["chunks_done"] for each in report["performance"]["workers"])
    tell(f"{done_before:,} chunks were done, {chunks_after:,} were left")
    twice = max(0, chunks_after - (10_000 - done_before))
    took_s = again_at - started_at
    return [
        Figure(
            "coordinator killed at 10,000 chunks: process start to first answer",
            took_s,
            1,
            "s",
            f"{done_before:,} chunks were done; {cpu.user + cpu.system:.2f} s of CPU",
            [took_s],
        ),
        Figure("coordinator killed at 10,000 chunks: done again", twice, 0, "chunks", "", [twice]),
    ]


# --- Memory and idleness -----------------------------------------------------------------------


class Silent:
    """A link without a peer at its other end."""

    def post(self, message: Message) -> None:
        """Drop the message."""


async def fill(folder: Path) -> None:
    """A coordinator with 100,000 chunks in jobs as large as they may be, and 1,000 workers, all at
    work, half of the chunks done; prints what it has taken in memory at most."""
    chunks, size = 100_000, 64
    line = "2024-01-24 10:15:32.125 INFO Request processed in 105ms\n"
    async with Watched(roots=[str(folder)]) as coordinator:
        jobs = []
        for number, first in enumerate(range(0, chunks, CHUNKS_PER_JOB_MAX)):
            log = folder / f"{number}.log"
            count = min(CHUNKS_PER_JOB_MAX, chunks - first)
            log.write_text((line * (count * size // len(line) + 1))[: count * size])
            job = await coordinator.distribute_work(str(log), chunk_size=size)
            jobs.append((coordinator.jobs[job], log, count))
        for number in range(1_000):
            name = f"worker-{number}"
            hello = Hello(PROTOCOL_VERSION, "worker", name, name, "", "")
            session = WorkerSession(hello, cast(WireLink, Silent()), "memory")
            coordinator.executor.join(session)
        for running, log, count in jobs:
            spec = Spec(running.plan.spec_json)
            for chunk in range(count // 2):
                at = chunk * size
                made = Summary.from_chunk(str(log), at, at + size, spec)
                key = (running.id, chunk, 1)
                coordinator.executor.keep_result("worker-0", key, made, None, 0)
                coordinator.executor.step(ChunkReturned("worker-0", key, f"{chunk:064x}"))
                if chunk % 500 == 0:
                    await trio.sleep(0.01)  # the journal takes them in
        for name in coordinator.sessions:
            coordinator.executor.step(WorkerReady(name, 2))
        await until(
            lambda: sum(len(job.done) for job, _, _ in jobs) >= chunks // 2 - len(jobs), "commits"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"peak_bytes": peak, "leases": coordinator.executor.statistics().leases}))
        coordinator.executor.sessions.clear()


def memory(tell: Tell) -> list[Figure]:
    command = [sys.executable, "-m", "tests.bench.cluster", "--fill"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    found = json.loads(done.stdout.splitlines()[-1])
    peak_mb = found["peak_bytes"] / 1e6
    detail = f"{found['leases']:,} leases out, half of the chunks done"
    return [
        Figure(
            "coordinator's peak memory, 100,000 chunks, 1,000 workers",
            peak_mb,
            250,
            "MB",
            detail,
            [peak_mb],
        )
    ]


async def idle(seconds: float, tell: Tell) -> list[Figure]:
    with crew() as processes:
        port = free_port()
        coordinator = processes.start("coordinator", "--port", str(port))
        client = Client(f"localhost:{port}")
        worker = processes.start("worker", "--id", "idle", "--coordinator", f"localhost:{port}")
        await wait_for_crew(client, 1)
        await trio.sleep(1)
        figures = []
        before = [psutil.Process(each.pid).cpu_times() for each in (coordinator, worker)]
        await trio.sleep(seconds)
        for name, each, then in zip(
            ("coordinator", "worker"), (coordinator, worker), before, strict=True
        ):
            now = psutil.Process(each.pid).cpu_times()
            took_s = now.user + now.system - then.user - then.system
            percent = 100 * max(0.0, round(took_s, 3)) / seconds
            detail = f"over {seconds:g} s"
            figures.append(Figure(f"idle {name}: CPU", percent, 1, "%", detail, [percent]))
    return figures


# --- The command -------------------------------------------------------------------------------


PARTS: Final = ("throughput", "killed", "frozen", "distant", "resumed", "memory", "idle")


async def measure(args: argparse.Namespace, log: Path, scratch: Path) -> list[Figure]:
    small = scratch / "small.log"
    data.copy_prefix(log, small, 256 * MIB)
    quick = args.quick
    parts: dict[str, Callable[[Tell], Any]] = {
        "throughput": partial(throughput, log, 2 if quick else args.rounds),
        "killed": partial(killed, small, 5 if quick else 50),
        "frozen": partial(frozen, small, 1 if quick else 5),
        "distant": partial(distant, log, 1 if quick else 3),
        "resumed": partial(resumed, scratch),
        "memory": memory,
        "idle": partial(idle, 3.0 if quick else 20.0),
    }
    figures: list[Figure] = []
    for name in args.parts or PARTS:

        def tell(text: str, name: str = name) -> None:
            print(f"{name}: {text}", file=sys.stderr, flush=True)

        found = parts[name](tell)
        rows = found if isinstance(found, list) else await found
        for figure in rows:
            tell(" | ".join(figure.row()))
        figures += rows
        document = {
            "machine": machine.facts(),
            "log_bytes": log.stat().st_size,
            "figures": [each.to_dict() for each in figures],
        }
        (args.cache / "cluster.json").write_text(json.dumps(document, indent=2) + "\n")
    return figures


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="bench-cluster", description=str(__doc__).split("\n", maxsplit=1)[0]
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=f"{PARTS}")
    parser.add_argument("--size-mb", type=int, default=1024, help="size of the log (1024)")
    parser.add_argument("--rounds", type=int, default=7, help="of the throughput (7)")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it all work?")
    parser.add_argument("--log", type=Path, help="measure on this log instead of a generated one")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="logs and results")
    parser.add_argument("--fill", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="logan-bench-") as folder:
        if args.fill:
            trio.run(fill, Path(folder))
            return 0
        args.cache.mkdir(parents=True, exist_ok=True)
        log = args.log
        if log is None:
            log = data.prepare(["app"], args.size_mb, args.cache)[0].path
        figures = trio.run(measure, args, log.resolve(), Path(folder))
    head = ["figure", "measured", "at most", "", "samples", ""]
    tables.show("cluster", head, [figure.row() for figure in figures])
    return 0


if __name__ == "__main__":
    sys.exit(main())
