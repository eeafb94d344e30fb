"""A watch with a state folder, its log's writer and logrotate, interleaved at each line of code.

Before any line of `logan.live` and `logan.state` the writer may go on by one system call, or the
watch may be killed there: as by SIGKILL nothing that it had not committed is left. A seed decides
all of it, so what fails fails again.
"""

from __future__ import annotations

import fcntl
import gc
import gzip
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

import logan.live
import logan.state
from logan.errors import LoganError
from logan.live.watching import Watch
from logan.options import Execution, Options, Presentation, Storage
from logan.state.folder import StateFolder
from logan.state.run import count, open_state

__all__ = ["KINDS", "Interleaved", "Killed", "Writer"]

_TRACED: Final = tuple(
    f"{os.path.dirname(str(module.__file__))}{os.sep}" for module in (logan.live, logan.state)
)


_WRITER_FD_MIN: Final = 500
FILES_MAX: Final = 40
"""Files of a log beyond which it is not rotated any more."""
ATTEMPTS: Final = 3
"""How often a watch tries to begin while its log changes all the time."""
_SECOND: Final = datetime.fromisoformat
_START: Final = _SECOND("2026-01-01T00:00:00Z")


class Killed(BaseException):
    """The process is gone."""


Calls = Generator[None, None, None]


class Writer:
    """A program and its logrotate. `step` does one system call of theirs.

    Attributes:
        written: whole lines so far; each has a second of its own.
    """

    def __init__(self, folder: Path, made: random.Random, kinds: Sequence[str]) -> None:
        self.folder, self.made, self.kinds = folder, made, kinds
        self.log = folder / ("app-20260000.log" if "dated" in kinds else "app.log")
        self.written = self.rotations = 0
        self.trail: list[str] = []
        self._file = self._open()
        self._calls: Calls = self._append()
        next(self._calls, None)

    def close(self) -> None:
        os.close(self._file)

    def step(self) -> None:
        """The next system call."""
        for _ in self._calls:
            return
        # Each look at a set costs more lines of code the larger it is: it must end some time.
        can_rotate = os.fstat(self._file).st_size > 0 and len(os.listdir(self.folder)) < FILES_MAX
        if can_rotate and self.made.random() < 0.25:
            self.rotations += 1
            kind = self.made.choice(self.kinds)
            self.trail.append(f"{kind} {self.rotations}")
            self._calls = ROTATIONS[kind](self)
        else:
            self._calls = self._append()
        next(self._calls, None)

    def settle(self) -> None:
        """Finish what was begun."""
        for _ in self._calls:
            pass

    def _open(self, path: Path | None = None) -> int:
        """Above the descriptors of the watch, which are closed when it is killed."""
        fd = os.open(path or self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _WRITER_FD_MIN)
        finally:
            os.close(fd)

    def line(self) -> bytes:
        day, second = divmod(self.written, 86_400)
        clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
        text = f"2026-01-{day + 1:02}T{clock}Z INFO request {self.written} took 3ms\n"
        self.written += 1
        return text.encode()

    def _append(self) -> Calls:
        text = b"".join(self.line() for _ in range(self.made.choice([1, 1, 2, 5])))
        cut = self.made.randrange(len(text))
        if cut and self.made.random() < 0.5:
            os.write(self._file, text[:cut])
            yield
            text = text[cut:]
        os.write(self._file, text)
        self.trail.append(f"wrote up to {self.written}")

    @property
    def _rotated(self) -> Path:
        return self.log.with_name(f"app.log-2026{self.rotations:04}")

    def _written(self, path: Path, data: bytes) -> Calls:
        """In pieces."""
        file = self._open(path)
        while data:
            size = self.made.randrange(1, len(data) + 1)
            os.write(file, data[:size])
            data = data[size:]
            yield
        os.close(file)

    def rename(self) -> Calls:
        self.log.rename(self._rotated)
        yield
        old, self._file = self._file, self._open()
        os.close(old)

    def dated(self) -> Calls:
        """Its own name has the date."""
        yield
        self.log = self.folder / f"app-2026{self.rotations:04}.log"
        old, self._file = self._file, self._open()
        os.close(old)

    def late(self) -> Calls:
        self.log.rename(self._rotated)
        old, self._file = self._file, self._open()
        yield
        for _ in range(self.made.randrange(3)):  # it was not told yet
            os.write(old, self.line())
            yield
        os.close(old)

    def numbered(self) -> Calls:
        """Older ones are renamed first."""
        number = 1
        while (older := self.log.with_name(f"app.log.{number}")).exists():
            number += 1
        for n in range(number, 1, -1):
            os.rename(f"{self.log}.{n - 1}", f"{self.log}.{n}")
            yield
        self.log.rename(f"{self.log}.1")
        del older
        yield
        old, self._file = self._file, self._open()
        os.close(old)

    def copy(self) -> Calls:
        yield from self._written(self._rotated, self.log.read_bytes())
        os.truncate(self.log, 0)

    def copy_at_once(self) -> Calls:
        temporary = self.folder / "tmp"
        temporary.write_bytes(self.log.read_bytes())
        temporary.rename(self._rotated)
        yield
        os.truncate(self.log, 0)

    def compress(self) -> Calls:
        rotated = self._rotated
        yield from self.rename()
        yield
        yield from self._written(Path(f"{rotated}.gz"), gzip.compress(rotated.read_bytes()))
        rotated.unlink()

    def copycompress(self) -> Calls:
        rotated = self._rotated
        yield from self.copy()
        yield
        yield from self._written(Path(f"{rotated}.gz"), gzip.compress(rotated.read_bytes()))
        rotated.unlink()

    def compressed_copy(self) -> Calls:
        temporary = self.folder / "tmp"
        temporary.write_bytes(gzip.compress(self.log.read_bytes()))
        temporary.rename(f"{self._rotated}.gz")
        yield
        os.truncate(self.log, 0)


ROTATIONS: Final = {
    "rename": Writer.rename,
    "dated": Writer.dated,
    "late": Writer.late,
    "numbered": Writer.numbered,
    "copy": Writer.copy,
    "copy_at_once": Writer.copy_at_once,
    "compress": Writer.compress,
    "copycompress": Writer.copycompress,
    "compressed_copy": Writer.compressed_copy,
}
KINDS: Final = tuple(ROTATIONS)


class Interleaved:
    """One log, its writer, and the watches that follow it one after another."""

    def __init__(self, folder: Path, seed: int, kinds: Sequence[str] = KINDS) -> None:
        self.made = random.Random(seed)
        (folder / "logs").mkdir(parents=True)
        self.state = folder / "state"
        self.writer = Writer(folder / "logs", self.made, kinds)
        self.pattern = str(self.writer.log)
        if "dated" in kinds:
            self.pattern = str(folder / "logs" / "app*.log")
        self.now = 1_800_000_000.0
        self.trail = self.writer.trail
        self._until_step = self._until_kill = 0
        self._dead = self._undisturbed = False

    def run(self, kills: int) -> None:
        """So many watches, most of which are killed. Raises `AssertionError`."""
        self.writer.settle()
        self._quietly(self._analyze)  # from now on the log is known
        for _ in range(kills):
            for _ in range(self.made.randrange(4)):
                self.writer.step()
            if self.made.random() < 0.2:
                self.alive(self._analyze)
            else:
                self.alive(self._watch)
            self.check()
        self.writer.settle()
        if self.made.random() < 0.5:
            self._alive_to_the_end()
        else:
            self._quietly(self._watch)
            self._quietly(self._analyze)
        self.check(whole=True)
        self.writer.close()

    def _alive_to_the_end(self) -> None:
        """A watch that is not killed has counted all, too, once the writer has settled."""

        def watch(folder: StateFolder) -> None:
            self.trail.append("last watch")
            watch = Watch([self.pattern], Options(), now=self.now, state=folder)
            self.trail.append("last watch began")
            for _ in range(12):
                self.now += self.made.choice([0.1, 0.6, 1.2])
                watch.step(self.now)
            sys.settrace(None)
            self.writer.settle()
            self.trail.append("settled")
            for _ in range(5):
                self.now += 2.0
                while watch.step(self.now):
                    pass
            watch.finish(self.now)
            watch.close()
            self.trail.append("ended")

        for _ in range(ATTEMPTS):
            self.alive(watch, is_killed=False)
            if self.trail[-1] == "ended":
                return
        self._quietly(watch)  # its log was rotated faster than it could look at it

    def _quietly(self, user: Any) -> None:
        self._undisturbed = True
        self.alive(user)
        self._undisturbed = False

    def alive(self, user: Any, *, is_killed: bool = True) -> None:
        """Have a process use the folder until it ends or is killed."""
        before = set(os.listdir("/proc/self/fd"))
        with open_state(Storage(state=self.state), Options()) as folder:
            try:
                with self._traced(is_killed):
                    user(folder)
            except Killed:
                pass
            except LoganError as error:  # it gave up: nothing is half done then
                self.trail.append(f"{type(error).__name__}: {error}")
        gc.collect()
        for fd in map(int, set(os.listdir("/proc/self/fd")) - before):
            if fd < _WRITER_FD_MIN:
                with suppress(OSError):
                    os.close(fd)

    def _analyze(self, folder: StateFolder) -> None:
        self.trail.append("analyze")
        count([self.pattern], folder, Options(), Presentation(errors="report"), Execution())
        self.trail.append("ended")

    def _watch(self, folder: StateFolder) -> None:
        self.trail.append("watch")
        watch = Watch([self.pattern], Options(), now=self.now, state=folder)
        self.trail.append("watch began")
        for _ in range(self.made.choice([2, 4, 8])):
            self.now += self.made.choice([0.1, 0.6, 1.2])
            while watch.step(self.now):
                pass
        self.now += 1
        watch.finish(self.now)
        watch.close()
        self.trail.append("ended")

    # Between two lines of its code.

    @contextmanager
    def _traced(self, is_killed: bool) -> Iterator[None]:
        self._dead = False
        self._until_step = self._pause()
        self._until_kill = int(self.made.choice([300, 3_000, 12_000]) * self.made.random())
        self._until_kill += 0 if is_killed else 1 << 40
        sys.settrace(None if self._undisturbed else self._call)
        try:
            yield
        finally:
            sys.settrace(None)

    def _pause(self) -> int:
        return int(self.made.choice([2, 30, 300, 2_000]) * self.made.random())

    def _call(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(_TRACED) else None

    def _line(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event != "line" or self._dead:
            return self._line
        self._until_step -= 1
        if self._until_step <= 0:
            self._until_step = self._pause()
            where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
            self.trail.append(f"at {where}")
            self.writer.step()
        self._until_kill -= 1
        if self._until_kill <= 0:
            self._dead = True
            where = f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"
            self.trail.append(f"killed at {where}")
            raise Killed
        return self._line

    # What was counted.

    def counted(self) -> Counter[int]:
        """How often each line was counted, by its number."""
        with open_state(Storage(state=self.state), Options()) as folder:
            total = folder.total
        if total is None:
            return Counter()
        found = json.loads(total.summary.evaluate(top=1, series_points=100_000))
        series = found["series"]
        assert series["step_s"] == 1, series["step_s"]
        assert found["lines"]["total"] == found["lines"]["parsed"], (found["lines"], self.told())
        return Counter(
            {
                int((_SECOND(each["t"]) - _START).total_seconds()): each["records"]
                for each in series["points"]
                if each["records"]
            }
        )

    def check(self, *, whole: bool = False) -> None:
        counted = self.counted()
        doubled = sorted(n for n, times in counted.items() if times > 1)
        assert not doubled, f"counted twice: {doubled[0]}..{doubled[-1]}\n{self.told()}"
        if whole:
            lost = sorted(set(range(self.writer.written)) - counted.keys())
            assert not lost, f"lost: {lost}\n{self.told()}"

    def told(self) -> str:
        return "\n".join(self.trail[-40:])
