"""Watches that keep their counts in a state folder and are killed at any moment: no line is lost or
counted twice, through rotation of each kind, be it while they run or while none does.

Each line has a second of its own, so the series of the total tells every line that is missing and
every one that was counted twice.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.forked import in_child

KINDS = ("rename", "late", "copy", "compress", "copycompress")
"""By renaming, with the writer going on in the new file at once or after one more line; by copying
and truncating; both with compression."""


class Writer:
    """A program and its logrotate, of one kind of rotation or of all."""

    def __init__(self, folder: Path, made: random.Random, kinds: Sequence[str]) -> None:
        self.folder, self.made, self.kinds = folder, made, kinds
        self.log = folder / "app.log"
        self.written = self.rotations = 0
        self.file = self._open()

    def _open(self) -> int:
        return os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def _line(self) -> bytes:
        day, second = divmod(self.written, 86_400)
        clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
        text = f"2026-01-{day + 1:02}T{clock}Z INFO request {self.written} took 3ms\n"
        self.written += 1
        return text.encode()

    def append(self) -> None:
        text = b"".join(self._line() for _ in range(self.made.choice([1, 3, 20, 150])))
        cut = self.made.randrange(len(text))
        os.write(self.file, text[:cut])
        os.write(self.file, text[cut:])

    def rotate(self) -> None:
        self.rotations += 1
        kind = self.made.choice(self.kinds)
        rotated = self.log.with_name(f"app.log-2026{self.rotations:04}")
        if kind in ("copy", "copycompress"):
            temporary = self.folder / "tmp"
            if kind == "copy":
                shutil.copyfile(self.log, temporary)
            else:
                temporary.write_bytes(gzip.compress(self.log.read_bytes()))
                rotated = rotated.with_name(f"{rotated.name}.gz")
            temporary.rename(rotated)
            os.truncate(self.log, 0)
            return
        old = self.file
        self.log.rename(rotated)
        self.file = self._open()
        if kind == "late":
            os.write(old, self._line())  # it was not told yet
        os.close(old)
        if kind == "compress":
            temporary = self.folder / "tmp"
            temporary.write_bytes(gzip.compress(rotated.read_bytes()))
            temporary.rename(f"{rotated}.gz")
            rotated.unlink()

    def step(self) -> None:
        if self.made.random() < 0.3 and self.log.stat().st_size:
            self.rotate()
        else:
            self.append()


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def play(
    folder: Path, seed: int, kills: int, kinds: Sequence[str], *, pause: float = 0.15, long: int = 8
) -> tuple[int, int]:
    """Kill so many watches, some of which end by themselves; now and then a run of `analyze` comes
    between. How many lines were written, and how many rotations there were."""
    import logan.live.runner
    import logan.live.watching  # noqa: F401

    made = random.Random(seed)
    logs, state, out = folder / "logs", folder / "state", folder / "out"
    logs.mkdir()
    writer = Writer(logs, made, kinds)
    log = str(logs / "app.log")
    keep = ["--state", str(state)]
    watch = ["watch", log, *keep, "--json", "--interval", "100ms"]
    analyze = ["analyze", log, *keep, "--json", "--no-progress"]
    writer.append()
    assert ended(in_child(analyze, out)) == 0, out.read_text()  # from now on it is known
    died = 0
    while died < kills:
        for _ in range(made.randrange(4)):
            writer.step()
        if made.random() < 0.1:
            assert ended(in_child(analyze, out)) in (0, 3), out.read_text()
        pid = in_child(watch, out)
        # Most while they catch up, some among commits.
        until = time.monotonic() + made.uniform(0, 2 * pause * made.choice((1, 1, 1, long)))
        while time.monotonic() < until:
            time.sleep(made.uniform(0, pause / 4))
            writer.step()
        if made.random() < 0.1:
            until = time.monotonic() + 20
            while not out.read_text() and time.monotonic() < until:  # it handles signals then
                time.sleep(0.01)
            os.kill(pid, signal.SIGINT)
            assert ended(pid) == 0, out.read_text()
        else:
            os.kill(pid, signal.SIGKILL)
            assert ended(pid) == -signal.SIGKILL, out.read_text()
            died += 1
    assert ended(in_child([*watch, "--exit-idle", "300ms"], out)) == 0, out.read_text()
    # What a watch reads only after a while: the end of a file that its writer left.
    code = ended(in_child(["analyze", log, *keep, "--total", "--csv", "series"], out))
    text = out.read_text()
    assert code == 0, text
    rows = [line.split(",") for line in text.splitlines()[1:]]
    counted = {row[0]: int(row[1]) for row in rows if row[0].startswith("2026-")}
    assert sum(counted.values()) == writer.written, text[-2_000:]
    # A line a second; of many, steps of several seconds.
    assert len(set(list(counted.values())[:-1])) == 1
    return writer.written, writer.rotations


@pytest.mark.parametrize("kind", KINDS)
def test_killed_watches(tmp_path: Path, kind: str) -> None:
    written, rotations = play(tmp_path, len(kind), 4, (kind,), pause=0.08, long=1)
    assert written > 4
    assert rotations


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_killed_watches(tmp_path: Path, seed: int) -> None:
    kinds = (KINDS[seed],) if seed < len(KINDS) else KINDS
    print(json.dumps(play(tmp_path, 100 + seed, 100, kinds)))
