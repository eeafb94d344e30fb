"""A program that writes numbered lines, and what rotates its log: each kind of rotation as
logrotate and others do it."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

KINDS = ("rename", "create", "copytruncate", "dated", "compress", "copycompress", "link")
"""Rotation by renaming with the writer going on for a while, or at once in a new file; by copying
and truncating; to a new file with another date; the first and the third with compression; a link
that is pointed to another file."""


OLDDIR_KINDS = ("olddir", "olddir-create", "olddir-compress", "olddir-copytruncate")
"""Rotation into another folder, in which older archives lie already."""


class Writer:
    """Writes lines with numbers, in pieces that need not be whole lines.

    Attributes:
        path: the log as it is watched.
        written: what was written of each line, in the order of writing.
    """

    def __init__(self, folder: Path, kind: str, seed: int) -> None:
        self.folder, self.kind = folder, kind
        self.random = random.Random(seed)
        self.path = folder / ("app-*.log" if kind == "dated" else "app.log")
        self.lines = 0
        self.rotations = 0
        self._open: list[int] = []
        self.archive = folder / "old" if kind in OLDDIR_KINDS else folder
        if kind in OLDDIR_KINDS:
            self.archive.mkdir()
            for number in range(1, 4):
                text = f"2024-01-23 10:15:00.123 INFO request 99999{number} {'x' * 80}\n"
                (self.archive / f"app.log.{number}").write_text(text)
        self._target()

    def _target(self) -> None:
        if self.kind == "dated":
            name = f"app-2024-{1 + self.rotations // 28:02}-{1 + self.rotations % 28:02}.log"
        elif self.kind == "link":
            name = f"data-{self.rotations}/real.log"
        else:
            name = "app.log"
        target = self.folder / name
        target.parent.mkdir(exist_ok=True)
        self.fd = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if self.kind == "link":
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(target)

    def write(self, count: int = 1) -> None:
        """Some lines; now and then the last one in two writes."""
        for _ in range(count):
            line = self._line()
            cut = self.random.randrange(len(line)) if self.random.random() < 0.1 else 0
            for piece in (line[:cut], line[cut:]):
                if piece:
                    os.write(self.fd, piece)

    def _line(self) -> bytes:
        line = f"2024-01-24 10:15:{self.lines % 60:02}.123 INFO request {self.lines} "
        self.lines += 1
        return f"{line}{'x' * self.random.randrange(60)}\n".encode()

    def rotate(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """One rotation of the writer's kind. `meanwhile` is called when the log was renamed and the
        writer was not told yet."""
        self.rotations += 1
        current = self.folder / "app.log"
        if self.kind in ("dated", "link"):
            self._reopen()
            return
        suffix = ".gz" if self.kind in ("compress", "copycompress", "olddir-compress") else ""
        for number in range(12, 0, -1):
            for ending in {suffix, ""} if self.archive != self.folder else {suffix}:
                old = self.archive / f"app.log.{number}{ending}"
                if old.exists():
                    old.rename(self.archive / f"app.log.{number + 1}{ending}")
        first = self.archive / "app.log.1"
        if self.kind in ("copytruncate", "copycompress", "olddir-copytruncate"):
            line = self._line()
            cut = self.random.randrange(len(line))
            os.write(self.fd, line[:cut])  # a line may be written on both sides
            shutil.copy2(current, first)
            os.truncate(current, 0)
            os.write(self.fd, line[cut:])
        else:
            current.rename(first)
            if self.kind in ("create", "olddir-create"):
                current.touch()
            meanwhile()
            if self.random.random() < 0.5:
                self.write(self.random.randrange(4))  # it was not told yet
            self._reopen()
        if suffix:
            with first.open("rb") as source, gzip.open(f"{first}.gz", "wb") as target:
                shutil.copyfileobj(source, target)
            first.unlink()

    def _reopen(self) -> None:
        os.close(self.fd)
        self._target()

    def close(self) -> None:
        os.close(self.fd)
