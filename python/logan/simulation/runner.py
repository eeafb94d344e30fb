"""Plays a scenario with real processes on this machine: a coordinator, workers behind proxies, and
the faults that the scenario lists.

The job is submitted like any other and its progress tells when a fault is due. Everything that
happens is told at once, with the seconds since the job was submitted, and nothing survives the
block: processes are killed, the folder of the coordinator's state is removed.

Whether the figures are right is for the caller to check.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import trio

from logan.cluster.client import Client
from logan.cluster.request import Submission
from logan.errors import ClusterError
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT, KIB
from logan.options import Options
from logan.simulation.network_proxy import NetworkConditions, Proxy, open_proxy
from logan.simulation.scenarios import Fault, Scenario, WorkerSetup
from logan.wire.bodies import ProgressBody

__all__ = ["Told", "chunk_size_for", "run_scenario"]

CHUNKS_WANTED: Final = 60
"""Enough that a fault halfway finds chunks before and behind it, whatever the size."""

START_S_MAX: Final = 30.0
"""For processes to start and find each other, on a busy machine."""

POLL_S: Final = 0.02
OUTPUT_SHOWN_CHARS_MAX: Final = 2_000

Told = Callable[[float, str], None]
"""Called with seconds since the start of the job and what happened."""


def chunk_size_for(total_bytes: int) -> int:
    """A chunk size that cuts an input of any size into some dozens of chunks."""
    return max(4 * KIB, min(CHUNK_SIZE_BYTES_DEFAULT, total_bytes // CHUNKS_WANTED))


async def run_scenario(
    scenario: Scenario, paths: Sequence[str], options: Options, *, job_s: float, tell: Told
) -> dict[str, Any]:
    """Play it; the report of the job that was done meanwhile, as JSON has it.

    Workers are slowed down so that the job takes about `job_s` seconds with all of them.

    Raises:
        ClusterError: the processes did not come up, or the coordinator failed.
        LoganError: what `analyze` would raise for these paths.
    """
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(
            _local_cluster(scenario, paths, options, job_s, tell)
        )
        return await stage.play()


class _LocalCluster:
    """The processes of one run."""

    def __init__(
        self,
        scenario: Scenario,
        paths: Sequence[str],
        options: Options,
        job_s: float,
        tell: Told,
        folder: Path,
        nursery: trio.Nursery,
    ) -> None:
        self._scenario = scenario
        self._paths = [os.path.abspath(path) for path in paths]
        self._options = options
        self._tell = tell
        self._folder = folder
        self._nursery = nursery
        self._port = _free_port()
        self._coordinator: trio.Process | None = None
        self._workers: dict[str, trio.Process] = {}
        self._proxies: dict[str, Proxy] = {}
        self._started = math.inf
        self._share = 0.0
        total = sum(os.path.getsize(path) for path in self._paths)
        workers = sum(not setup.late for setup in scenario.workers)
        self._pace = max(total / 1e6 / workers / job_s, 0.001)
        self._events_seen = 0

    async def play(self) -> dict[str, Any]:
        """Start all processes, submit the job, and inject the faults."""
        await self._start_coordinator()
        for setup in self._scenario.workers:
            self._proxies[setup.name] = await self._nursery.start(
                _keep_proxy, self._port, NetworkConditions(latency_s=setup.latency_ms / 1e3)
            )
            if not setup.late:
                await self._start_worker(setup)
        await self._wait_for_workers()
        self._started = trio.current_time()
        self._say("the job begins")
        async with trio.open_nursery() as nursery:
            for fault in self._scenario.faults:
                nursery.start_soon(self._let_happen, fault)
            client = Client(f"127.0.0.1:{self._port}")
            submission = Submission("paths", self._paths, self._options, confined=True)
            body = await client.submit(submission, self._follow)
            nursery.cancel_scope.cancel()
        self._say("the job ends")
        report: dict[str, Any] = json.loads(body)
        return report

    async def close(self) -> None:
        """Kill all processes."""
        for process in [*self._workers.values(), self._coordinator]:
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()

    def _say(self, text: str) -> None:
        self._tell(max(0.0, trio.current_time() - self._started), text)

    def _follow(self, done: int, total: int, news: ProgressBody) -> None:
        self._share = done / total if total else 0.0
        for event in news.events:
            if event.kind != "joined" or self._share > 0:
                self._say(event.text)

    # -- processes

    async def _start_coordinator(self) -> None:
        arguments = ["coordinator", "--port", str(self._port)]
        if self._scenario.keeps_state:
            arguments += ["--state", str(self._folder / "state")]
        self._coordinator = await self._spawn("coordinator", arguments)
        client = Client(f"127.0.0.1:{self._port}")
        with trio.move_on_after(START_S_MAX):
            while self._coordinator.returncode is None:
                with suppress(ClusterError, OSError):
                    await client.status()
                    return
                await trio.sleep(POLL_S)
        raise self._failed("coordinator")

    async def _start_worker(self, setup: WorkerSetup) -> None:
        address = f"127.0.0.1:{self._proxies[setup.name].port}"
        pace = f"{self._pace:.6f}"
        arguments = ["worker", "--id", setup.name, "--coordinator", address]
        arguments += ["--threads", "1", "--pace", pace]
        self._workers[setup.name] = await self._spawn(setup.name, arguments)

    async def _spawn(self, name: str, arguments: Sequence[str]) -> trio.Process:
        roots = sorted({os.path.dirname(path) for path in self._paths})
        command = [sys.executable, "-m", "logan", *arguments]
        for root in roots:
            command += ["--root", root]
        with open(self._folder / f"{name}.log", "ab") as output:
            return await trio.lowlevel.open_process(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C is for us; we kill them.
                start_new_session=True,
            )

    async def _wait_for_workers(self) -> None:
        client = Client(f"127.0.0.1:{self._port}")
        expected = {setup.name for setup in self._scenario.workers if not setup.late}
        with trio.move_on_after(START_S_MAX):
            while True:
                workers = (await client.status()).workers
                if expected <= {each.id for each in workers}:
                    return
                for name, process in self._workers.items():
                    if process.returncode is not None:
                        raise self._failed(name)
                await trio.sleep(POLL_S)
        raise ClusterError(f"the workers did not all join within {START_S_MAX:.0f} s")

    def _failed(self, name: str) -> ClusterError:
        output = (self._folder / f"{name}.log").read_text(errors="replace")
        return ClusterError(
            f"{name} did not start: {output[-OUTPUT_SHOWN_CHARS_MAX:].strip() or 'no output'}"
        )

    # -- faults

    async def _let_happen(self, fault: Fault) -> None:
        while self._share < fault.at:
            await trio.sleep(POLL_S)
        happen = {
            "kill": self._kill,
            "freeze": self._freeze,
            "partition": self._partition,
            "flap": self._flap,
            "kill-coordinator": self._kill_coordinator,
            "join": self._join,
        }[fault.kind]
        await happen(fault)

    async def _kill(self, fault: Fault) -> None:
        self._say(f"* {fault.worker} is killed (SIGKILL) at {self._share:.0%} of the job")
        process = self._workers[fault.worker]
        process.kill()
        await process.wait()

    async def _freeze(self, fault: Fault) -> None:
        self._say(f"* {fault.worker} is frozen (SIGSTOP) for {fault.for_s:g} s")
        process = self._workers[fault.worker]
        process.send_signal(signal.SIGSTOP)
        try:
            await trio.sleep(fault.for_s)
        finally:
            process.send_signal(signal.SIGCONT)
        self._say(f"* {fault.worker} goes on (SIGCONT)")

    async def _partition(self, fault: Fault) -> None:
        self._say(f"* {fault.worker} is cut off for {fault.for_s:g} s")
        await self._silence(fault)
        self._say(f"* {fault.worker} can be reached again")

    async def _flap(self, fault: Fault) -> None:
        self._say(
            f"* the link of {fault.worker} goes down {fault.times} times, {fault.for_s:g} s each"
        )
        for _ in range(fault.times):
            await self._silence(fault)
            await trio.sleep(fault.for_s)
        self._say(f"* the link of {fault.worker} is steady again")

    async def _silence(self, fault: Fault) -> None:
        proxy = self._proxies[fault.worker]
        proxy.set_link(up=False, down=False)
        try:
            await trio.sleep(fault.for_s)
        finally:
            proxy.set_link(up=True, down=True)

    async def _kill_coordinator(self, fault: Fault) -> None:
        self._say(f"* the coordinator is killed (SIGKILL) at {self._share:.0%} of the job")
        if self._coordinator is not None:
            self._coordinator.kill()
            await self._coordinator.wait()
        await self._start_coordinator()
        self._say("* a new coordinator has taken over its state")

    async def _join(self, fault: Fault) -> None:
        self._say(f"* {fault.worker} starts at {self._share:.0%} of the job")
        (setup,) = (each for each in self._scenario.workers if each.name == fault.worker)
        await self._start_worker(setup)


@asynccontextmanager
async def _local_cluster(
    scenario: Scenario, paths: Sequence[str], options: Options, job_s: float, tell: Told
) -> AsyncIterator[_LocalCluster]:
    with tempfile.TemporaryDirectory(prefix="logan-") as folder:
        async with trio.open_nursery() as nursery:
            stage = _LocalCluster(scenario, paths, options, job_s, tell, Path(folder), nursery)
            try:
                yield stage
            finally:
                with trio.CancelScope(shield=True):
                    await stage.close()
                nursery.cancel_scope.cancel()


async def _keep_proxy(
    port: int,
    link: NetworkConditions,
    *,
    task_status: trio.TaskStatus[Proxy] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with open_proxy(("127.0.0.1", port), link) as proxy:
        task_status.started(proxy)
        await trio.sleep_forever()


def _free_port() -> int:
    # The coordinator that takes over must listen where the first one did, so the system cannot
    # choose at that moment.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
