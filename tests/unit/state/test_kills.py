"""Runs that are killed at any moment, among rotations: no line is lost or counted twice.

Each line has a second of its own, so the series of the total tells every line that is missing and
every one that was counted twice.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.forked import in_child

START = "2026-01-01T"


class Writer:
    """A program and its logrotate: appends lines and rotates in every style."""

    def __init__(self, folder: Path, made: random.Random) -> None:
        self.log = folder / "app.log"
        self.made = made
        self.written = 0
        self.rotations = 0
        self.log.touch()

    def append(self) -> None:
        count = self.made.choice([1, 3, 20, 150])
        text = ""
        for n in range(self.written, self.written + count):
            day, second = divmod(n, 86_400)
            clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
            text += f"2026-01-{day + 1:02}T{clock}Z INFO request {n} took {n % 97}ms\n"
        self.written += count
        cut = self.made.randrange(len(text))
        with self.log.open("a") as file:
            file.write(text[:cut])
            file.flush()
            file.write(text[cut:])

    def rotate(self) -> None:
        """One that may be interrupted nowhere: the writer is what rotates."""
        self.rotations += 1
        style = self.made.choice(["rename", "copy", "dated", "compress"])
        rotated = self.log.with_name(f"app.log-2026{self.rotations:04}")
        if style == "copy":
            rotated.write_bytes(self.log.read_bytes())
            os.truncate(self.log, 0)
            return
        self.log.rename(rotated)
        self.log.touch()
        if style == "compress":
            packed = Path(f"{rotated}.gz")
            temporary = packed.with_suffix(".tmp")
            temporary.write_bytes(gzip.compress(rotated.read_bytes()))
            temporary.rename(packed)
            rotated.unlink()

    def step(self) -> None:
        if self.made.random() < 0.3 and self.log.stat().st_size:
            self.rotate()
        else:
            self.append()


def play(folder: Path, seed: int, kills: int) -> tuple[int, int]:
    """Kill so many runs; how many died, and how many lines were written."""
    import logan.analysis
    import logan.state.run  # noqa: F401

    made = random.Random(seed)
    logs, state, out = folder / "logs", folder / "state", folder / "out"
    logs.mkdir()
    writer = Writer(logs, made)
    args = ["analyze", str(logs / "app.log*"), "--state", str(state), "--json", "--no-progress"]
    died, typical = 0, 0.1
    while died < kills:
        writer.step()
        started = time.monotonic()
        pid = in_child(args, out)
        until = started + made.uniform(0, 1.3 * typical)
        while time.monotonic() < until:
            time.sleep(made.uniform(0, typical / 4))
            if made.random() < 0.4:
                writer.step()
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            died += 1
        else:
            typical = 0.8 * typical + 0.2 * (time.monotonic() - started)
            told = out.read_text()
            assert os.WEXITSTATUS(status) in (0, 3), told
            assert os.WEXITSTATUS(status) == 0 or "nothing was counted" in told, told
    pid = in_child(args, out)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, out.read_text()
    pid = in_child([arg for arg in args if arg != "--json"] + ["--total", "--csv", "series"], out)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, out.read_text()
    rows = [line.split(",") for line in out.read_text().splitlines()[1:]]
    counted = [int(row[1]) for row in rows if row[0].startswith("2026-")]
    assert sum(counted) == writer.written
    assert set(counted) == {1}
    return died, writer.written


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_runs(tmp_path: Path, seed: int) -> None:
    died, written = play(tmp_path, seed, kills=25)
    assert died == 25
    assert written > 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_killed_runs(tmp_path: Path, seed: int) -> None:
    print(json.dumps(play(tmp_path, 100 + seed, kills=100)))
