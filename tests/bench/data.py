"""The logs that are measured: generated once, kept with their facts, checked before use.

Knows where logs and facts lie; what is in a log is the business of `test_vectors/generate.py`. That
runs in a process of its own (generate.py), because the measuring process must stay small. A log is
made anew when its size is wrong or the generator has changed since.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.measure import ROOT

GENERATOR: Final = ROOT / "test_vectors" / "generate.py"
SPARE_BYTES: Final = 1 << 30
"""Disk that stays free whatever is generated."""
_TAIL_BYTES: Final = 1 << 20  # no generated line is longer


class DiskFullError(Exception):
    """The logs would not fit."""


@dataclass(frozen=True)
class Dataset:
    """A log and what its generator states about it."""

    kind: str
    path: Path
    facts: dict[str, Any]

    @property
    def size_bytes(self) -> int:
        """As stated; checked against the file when it was opened."""
        return int(self.facts["bytes"])


def find(kind: str, size_mb: int, folder: Path) -> Dataset | None:
    """The log of this kind and size (MiB) in `folder`, if it is there and up to date."""
    path = _path(kind, size_mb, folder)
    try:
        kept = json.loads(path.with_suffix(".json").read_text())
        right = kept["generator"] == _digest() and kept["facts"]["bytes"] == path.stat().st_size
    except (OSError, ValueError, KeyError):
        return None
    return Dataset(kind, path, kept["facts"]) if right else None


def prepare(kinds: Iterable[str], size_mb: int, folder: Path) -> list[Dataset]:
    """The logs of these kinds; those that are not there are generated.

    Raises `DiskFullError` before anything is written.
    """
    wanted = list(kinds)
    folder.mkdir(parents=True, exist_ok=True)
    absent = [kind for kind in wanted if find(kind, size_mb, folder) is None]
    old_bytes = sum(_size(_path(kind, size_mb, folder)) for kind in absent)
    check_disk(folder, len(absent) * size_mb * 2**20 - old_bytes)
    for kind in absent:
        print(f"generating {size_mb} MiB of {kind} ...", file=sys.stderr, flush=True)
        _generate(kind, size_mb, _path(kind, size_mb, folder))
    found = [find(kind, size_mb, folder) for kind in wanted]
    return [dataset for dataset in found if dataset is not None]


def check_disk(folder: Path, need_bytes: int) -> None:
    """Raises `DiskFullError` unless `need_bytes` fit into `folder` with something to spare."""
    free = shutil.disk_usage(folder).free
    if need_bytes > 0 and need_bytes + SPARE_BYTES > free:
        raise DiskFullError(
            f"{need_bytes / 1e9:.1f} GB of logs and {SPARE_BYTES / 1e9:.1f} GB to spare do not "
            f"fit: {free / 1e9:.1f} GB are free; choose a smaller --size-mb or another --cache"
        )


def copy_prefix(source: Path, target: Path, size_max: int) -> int:
    """Copy whole lines from the start of `source`, at most `size_max` bytes; returns the size."""
    with source.open("rb", buffering=0) as reader:
        start = max(0, size_max - _TAIL_BYTES)
        reader.seek(start)
        tail = reader.read(size_max - start)
        cut = start + tail.rfind(b"\n") + 1
        reader.seek(0)
        with target.open("wb", buffering=0) as writer:
            done = 0
            while done < cut:
                block = reader.read(min(_TAIL_BYTES, cut - done))
                if not block:
                    break
                done += writer.write(block)
    return done


def _path(kind: str, size_mb: int, folder: Path) -> Path:
    return folder / f"{kind}-{size_mb}.log"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest() -> str:
    return hashlib.sha256(GENERATOR.read_bytes()).hexdigest()


def _generate(kind: str, size_mb: int, path: Path) -> None:
    partial = path.with_suffix(".partial")
    path.with_suffix(".json").unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.bench.generate", kind, str(size_mb), str(partial)]
    try:
        made = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=ROOT)
        facts = json.loads(made.stdout)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    kept = {"generator": _digest(), "facts": facts}
    path.with_suffix(".json").write_text(json.dumps(kept, indent=2) + "\n")
