"""Archives, conditions and search by time against their bounds: `python -m tests.bench.sources`.

- `gzip -dc` and `zstd -dc` to /dev/null beside `logan analyze` of the same archive of 1 GiB of app
  text; one round runs both, in turn.
- the plain analysis beside one with `--where`, one with `--by` and one with both.
- ten minutes out of an ordered log of 8 GiB beside `logan analyze` of an empty file.
- the most memory of all of these.

Times are from spawn to exit, and CPU seconds of the process with its threads; medians. The ordered
log is the app text, a day later in each copy.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.bench import data, machine, tables
from tests.bench.measure import ROOT, Run, peak_floor_bytes, run, warm

ARCHIVE_RATIO_MAX: Final = 1.1
NARROWED_RATIO_MAX: Final = 1.5
SEEK_S_MAX: Final = 0.1
BLOCK_BYTES: Final = 1 << 20
LOGAN: Final = [sys.executable, "-m", "logan", "analyze", "--json", "-o", "/dev/null"]
DAYS: Final = [b"2024-01-%02d" % day for day in range(24, 32)]


@dataclass
class Timed:
    """One command, measured again and again."""

    name: str
    command: list[str]
    reads: Path
    walls_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def wall_s(self) -> float:
        return statistics.median(self.walls_s)

    @property
    def cpu_s(self) -> float:
        return statistics.median(self.cpus_s)

    def measure(self, scratch: Path) -> None:
        """Once more."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done: Run = run(self.command, scratch)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.walls_s.append(done.wall_s)
        self.cpus_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.peak_bytes = max(self.peak_bytes, done.peak_bytes)

    def to_dict(self) -> dict[str, Any]:
        """For the result file."""
        return {
            "name": self.name,
            "median_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "walls_s": self.walls_s,
            "cpus_s": self.cpus_s,
            "peak_bytes": self.peak_bytes,
        }


@dataclass(frozen=True)
class Bound:
    """What one time must be against another."""

    name: str
    of: str
    against: str
    most: float
    is_difference: bool = False

    def judge(self, field_: dict[str, Timed]) -> tuple[float, float]:
        """By the wall, and by CPU time."""
        of, against = field_[self.of], field_[self.against]
        if self.is_difference:
            return of.wall_s - against.wall_s, of.cpu_s - against.cpu_s
        return of.wall_s / against.wall_s, of.cpu_s / against.cpu_s


def compressed(log: Path, tool: str, cache: Path) -> Path:
    """The log, compressed by the system's own tool at its usual level; made once."""
    suffix = {"gzip": ".gz", "zstd": ".zst"}[tool]
    path = cache / (log.name + suffix)
    if not path.exists():
        print(f"compressing with {tool} ...", file=sys.stderr, flush=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as out:
            subprocess.run([tool, "-c", str(log)], stdout=out, check=True)
        os.replace(partial, path)
    return path


def ordered(log: Path, size_mb: int, cache: Path) -> Path:
    """Copies of the log, each a day later, up to `size_mb`; made once."""
    copies = max(1, (size_mb << 20) // log.stat().st_size)
    path = cache / f"ordered-{size_mb}.log"
    if path.exists() and path.stat().st_size == copies * log.stat().st_size:
        return path
    data.check_disk(cache, size_mb << 20)
    print(f"making {size_mb} MiB in the order of time ...", file=sys.stderr, flush=True)
    with path.open("wb") as out:
        for day in DAYS[:copies]:
            rest = b""
            with log.open("rb") as lines:
                while block := lines.read(BLOCK_BYTES):
                    whole = rest + block
                    cut = whole.rfind(b"\n") + 1
                    out.write(whole[:cut].replace(DAYS[0], day))
                    rest = whole[cut:]
            out.write(rest)
    return path


def contest(args: argparse.Namespace) -> tuple[dict[str, Timed], list[Bound]]:
    """All contestants, and the bounds among them."""
    (dataset,) = data.prepare(["app"], args.size_mb, args.logs)
    (access,) = data.prepare(["access_time"], args.size_mb, args.logs)
    app, combined = dataset.path, access.path
    empty = args.cache / "empty.log"
    empty.touch()
    field_: dict[str, Timed] = {}
    bounds = []

    def add(name: str, command: list[str], reads: Path) -> str:
        field_[name] = Timed(name, command, reads)
        return name

    for tool in ("gzip", "zstd"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: left out", file=sys.stderr)
            continue
        archive = compressed(app, tool, args.cache)
        theirs = add(f"{tool} -dc", [tool, "-dc", str(archive)], archive)
        ours = add(f"analyze {archive.suffix}", [*LOGAN, str(archive)], archive)
        bounds.append(Bound(f"{archive.suffix} input", ours, theirs, ARCHIVE_RATIO_MAX))
    for kind, log, where in (
        ("app", app, "level>=warn or duration>250ms"),
        ("combined", combined, 'status>=500 and route~"^/api"'),
    ):
        plain = add(f"analyze {kind}", [*LOGAN, str(log)], log)
        by = ["--by", "level" if kind == "app" else "route"]
        for name, more in (
            ("--where", ["--where", where]),
            ("--by", by),
            ("--where --by", ["--where", where, *by]),
        ):
            narrowed = add(f"{kind} {name}", [*LOGAN, *more, str(log)], log)
            bounds.append(Bound(f"{kind} {name}", narrowed, plain, NARROWED_RATIO_MAX))
    large = ordered(app, args.large_mb, args.cache)
    day = DAYS[len(DAYS[: (args.large_mb << 20) // app.stat().st_size]) // 2].decode()
    since = ["--since", f"{day} 00:40:00", "--until", f"{day} 00:50:00"]
    start = add("start-up", [*LOGAN, str(empty)], empty)
    ten = add("ten minutes", [*LOGAN, *since, str(large)], empty)
    bounds.append(Bound("ten minutes over start-up (s)", ten, start, SEEK_S_MAX, True))
    return field_, bounds


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    args = _arguments(argv)
    field_, bounds = contest(args)
    scratch = args.cache / "scratch"
    scratch.mkdir(exist_ok=True)
    for number in range(args.rounds):
        turn = list(field_.values())
        for each in turn if number % 2 == 0 else reversed(turn):
            warm(each.reads)
            each.measure(scratch)
    shutil.rmtree(scratch)
    judged = [
        {"name": each.name, "bound": each.most, "wall": wall, "cpu": cpu, "met": wall <= each.most}
        for each in bounds
        for wall, cpu in (each.judge(field_),)
    ]
    document = {
        "version": 1,
        "machine": machine.facts(),
        "settings": {
            "size_mb": args.size_mb,
            "large_mb": args.large_mb,
            "rounds": args.rounds,
        },
        "peak_floor_bytes": peak_floor_bytes(),
        "runs": [each.to_dict() for each in field_.values()],
        "targets": judged,
    }
    (args.cache / "sources.json").write_text(json.dumps(document, indent=2) + "\n")
    tables.show(
        f"sources, medians of {args.rounds}; no peak can be below "
        f"{peak_floor_bytes() / 1e6:.0f} MB",
        ["", "ms", "ms of CPU", "peak MB"],
        [
            [
                each.name,
                f"{each.wall_s * 1e3:.0f}",
                f"{each.cpu_s * 1e3:.0f}",
                f"{each.peak_bytes / 1e6:.0f}",
            ]
            for each in field_.values()
        ],
    )
    tables.show(
        "targets",
        ["", "at most", "by the wall", "by CPU", "met"],
        [
            [
                str(each["name"]),
                f"{each['bound']:.2f}",
                f"{each['wall']:.2f}",
                f"{each['cpu']:.2f}",
                "yes" if each["met"] else "no",
            ]
            for each in judged
        ],
    )
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure archives, conditions and searches.")
    parser.add_argument("--size-mb", type=int, default=1024, metavar="N", help="MiB (1024)")
    parser.add_argument(
        "--large-mb", type=int, default=8192, metavar="N", help="MiB of the ordered log (8192)"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (5)")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".bench", metavar="DIR", help="archives and results"
    )
    parser.add_argument("--logs", type=Path, metavar="DIR", help="where the plain logs lie")
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    args.cache.mkdir(parents=True, exist_ok=True)
    args.logs = (args.logs or args.cache).resolve()
    return args


if __name__ == "__main__":
    sys.exit(main())
