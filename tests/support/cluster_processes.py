"""Coordinators, workers and clients as real processes, for the tests of the cluster."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import trio

from logan.cluster.client import Client

PATIENCE_S = 30.0
"""A deadline, not a duration: what is waited for comes within a second on an idle machine."""

T = TypeVar("T")


def wait_until(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """Poll until `look` gives something."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"in vain: {what}")


class Process:
    """A `logan` command whose output goes to files.

    `prefix` goes in front of it, `program` is given to Python instead of `-m logan`.
    """

    def __init__(self, folder: Path, name: str, arguments: Sequence[str], **extra: Any) -> None:
        self.name = name
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        ours = ("LOGAN_", "AWS_")  # what a test wants of these it says itself
        environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        environment |= extra.pop("env", {})
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                [
                    *extra.pop("prefix", ()),
                    sys.executable,
                    *extra.pop("program", ("-m", "logan")),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=extra.pop("cwd", folder),
                env=environment,
                **extra,
            )

    @property
    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        return self._err.read_text(encoding="utf-8", errors="replace")

    def said(self, pattern: str) -> re.Match[str]:
        """Wait until stderr matches."""

        def look() -> re.Match[str] | None:
            found = re.search(pattern, self.err)
            if found is None and self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended ({self.popen.returncode}): {self.err}")
            return found

        return wait_until(look, f"{self.name} to say {pattern!r}; it said: {self.err}")

    def send(self, signum: int) -> None:
        self.popen.send_signal(signum)

    def wait(self, patience_s: float = 2 * PATIENCE_S) -> int:
        return self.popen.wait(patience_s)

    def json(self) -> Any:
        return json.loads(self.out)


class Cluster:
    """Starts processes in a folder and ends them all on leaving."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._processes: list[Process] = []
        self._number = 0
        self._reserved: list[socket.socket] = []

    def __enter__(self) -> Cluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in self._processes:
            if process.popen.poll() is None:
                process.send(signal.SIGCONT)
                process.popen.kill()
            process.popen.wait()
        for each in self._reserved:
            each.close()

    def start(self, name: str, *arguments: str, **extra: Any) -> Process:
        self._number += 1
        process = Process(self.folder, f"{self._number}-{name}", arguments, **extra)
        self._processes.append(process)
        return process

    def running(self, *names: str) -> list[Process]:
        """Processes by the names that they were started under."""
        by_name = {each.name.split("-", 1)[1]: each for each in self._processes}
        return [by_name[name] for name in names]

    def coordinator(self, *arguments: str, port: int = 0, **extra: Any) -> Process:
        """Started, and listening."""
        process = self.start("coordinator", "coordinator", "--port", str(port), *arguments, **extra)
        self.port = int(process.said(r"listening on [^ ]*:(\d+);")[1])
        return process

    def take_port(self) -> None:
        """Settle on a port before a process listens there.

        The socket stays bound but does not listen: a coordinator of ours may use its port,
        as both allow that, and the system gives it to no other process of this machine.
        """
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        self.port = reserved.getsockname()[1]
        if sys.platform == "linux":
            self._reserved.append(reserved)
        else:
            reserved.close()  # two may not have it there, even if one does not listen

    def worker(self, name: str, *arguments: str, connected: bool = True, **extra: Any) -> Process:
        process = self.start(
            name, "worker", "--id", name, "--coordinator", self.address, *arguments, **extra
        )
        if connected:
            process.said("connected to")
        return process

    def submit(self, *arguments: str, **extra: Any) -> Process:
        return self.start("submit", "submit", "--coordinator", self.address, *arguments, **extra)

    def status(self) -> dict[str, Any]:
        """Asked from here: starting a process would take so long that no worker would be busy."""
        return trio.run(Client(self.address).status).to_dict()

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"


def figures(report: str | dict[str, Any]) -> str:
    """A report's text without the part that may differ between two runs."""
    data = json.loads(report) if isinstance(report, str) else dict(report)
    data.pop("performance")
    return json.dumps(data)


def log_lines(count: int) -> Iterator[str]:
    """App text with some of everything; about 64 bytes a line."""
    for i in range(count):
        level = "ERROR" if i % 97 == 0 else "WARN" if i % 31 == 0 else "INFO"
        clock = f"2024-01-24 10:{i // 6000 % 60:02d}:{i // 100 % 60:02d}.{i % 1000:03d}"
        yield f"{clock} {level} Request {i} processed in {1 + i * 7919 % 983}ms\n"
        if i % 1009 == 0:
            yield "no log line\n"
