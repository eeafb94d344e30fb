"""Runs one process and says how long it took and how much memory it had at most.

Knows nothing of logs or contestants. The time is from spawn to exit, the memory is what the kernel
counted for the process (`wait4`). The kernel starts that count with the memory of the process that
spawned it, so the measuring process must stay small: it loads no data, and it imports nothing heavy
until all measuring is done. `peak_floor_bytes` is that floor; no measured peak can be below it.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
WALL_S_MAX: Final = 900
"""No contestant may take longer; a peer that does is broken rather than slow."""
_ENV: Final = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages are compiled once, ours and the peers', so no start pays for that."""
WARM_BLOCK_BYTES: Final = 1 << 20
_RSS_UNIT: Final = 1 if sys.platform == "darwin" else 1024
_MESSAGE_BYTES_MAX: Final = 2_000


class ProcessFailedError(Exception):
    """A measured process ended badly; the message holds the end of what it said."""


@dataclass(frozen=True)
class Run:
    """One process from spawn to exit."""

    wall_s: float
    peak_bytes: int
    stdout: bytes


@dataclass(frozen=True)
class Spread:
    """Times of one contestant in seconds."""

    median_s: float
    min_s: float
    max_s: float

    @classmethod
    def of(cls, walls_s: Sequence[float]) -> Spread:
        """Of at least one time."""
        return cls(statistics.median(walls_s), min(walls_s), max(walls_s))


def run(command: Sequence[str], scratch: Path) -> Run:
    """Run `command` in the project's root, its output in files where no full pipe can stop it.

    Raises `ProcessFailedError` if it cannot be started, exits with anything but 0, or takes longer
    than `WALL_S_MAX`.
    """
    out_path, err_path = scratch / "stdout", scratch / "stderr"
    with out_path.open("wb") as out, err_path.open("wb") as err:
        started = time.perf_counter()
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=ROOT, env=_ENV
            )
        except OSError as error:
            raise ProcessFailedError(f"cannot start {command[0]}: {error.strerror}") from error
        timer = threading.Timer(WALL_S_MAX, process.kill)
        timer.daemon = True
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - started
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = err_path.read_bytes()[-_MESSAGE_BYTES_MAX:].decode("utf-8", "replace").strip()
        raise ProcessFailedError(f"exit {process.returncode}: {said}")
    return Run(wall_s, usage.ru_maxrss * _RSS_UNIT, out_path.read_bytes())


def peak_floor_bytes() -> int:
    """Peak memory of this process: the least that `Run.peak_bytes` can be."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT


def warm(path: Path) -> None:
    """Read `path` once, so that it lies in the page cache."""
    buffer = bytearray(WARM_BLOCK_BYTES)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
