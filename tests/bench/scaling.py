"""Does the time grow in a straight line with the size, and does memory stay where it is?

Prefixes of one app log, halved from the largest size down to 256 MiB, lie side by side as files of
their own, so that rounds can be interleaved over the sizes too. All of them must fit into the page
cache at once; where memory does not allow that, the largest sizes are left out, and said to be. The
files are deleted afterward.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench import data, machine
from tests.bench.contestants import (
    COMMAND,
    Contestant,
    compete,
    disagreements,
    engine_name,
    line_up,
    play,
)
from tests.bench.data import Dataset, copy_prefix
from tests.bench.targets import GROWTH_MB_MAX, LINE_DEVIATION_PERCENT_MAX, Target

SIZES_MB: Final = (256, 512, 1024, 2048, 4096, 8192)
QUICK_SIZES_MB: Final = (8, 16, 32, 64)
GROWTH_FROM_MB: Final = 1024
GROWTH_TO_MB: Final = 8192
POINTS_MIN: Final = 2
"""Of a line."""
MEMORY_SHARE_MAX: Final = 0.85
"""Of the available memory that the logs may fill."""
FITTED: Final = (engine_name(2), COMMAND)


@dataclass(frozen=True)
class Line:
    """`seconds = fixed_s + per_byte_s * bytes`, and the worst point's distance from it."""

    fixed_s: float
    per_byte_s: float
    deviation_percent: float


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """Least squares over (bytes, seconds), each point weighted by 1 / seconds².

    Noise is a share of the time, so relative errors are what is squared; unweighted, the largest
    log alone would place the line. Needs two sizes.
    """
    weights = [1 / seconds**2 for _, seconds in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    common = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    slope = common / spread
    fixed = mean_y - slope * mean_x
    worst = max(abs(y / (fixed + slope * x) - 1) for x, y in points)
    return Line(fixed, slope, worst * 100)


@dataclass(frozen=True)
class Scaling:
    """What was measured: sizes in bytes, contestants by size (MiB), lines by contestant."""

    sizes_bytes: Mapping[int, int]
    fields: Mapping[int, Sequence[Contestant]]
    lines: Mapping[str, Line]
    wrong: Sequence[str]
    left_out_mb: Sequence[int]

    @property
    def failed(self) -> list[str]:
        """Contestants that broke, and how."""
        return [
            f"{size_mb} MiB: {each.name}: {each.error}"
            for size_mb, field in self.fields.items()
            for each in field
            if each.error is not None
        ]

    def peaks_mb(self, name: str) -> dict[int, float]:
        """Peak memory (MB) of a contestant by size (MiB)."""
        return {
            size_mb: max(each.peaks_bytes) / 1e6
            for size_mb, field in self.fields.items()
            for each in field
            if each.name == name and each.peaks_bytes
        }

    def targets(self) -> list[Target]:
        """What is asked of the line and of memory."""
        peaks = self.peaks_mb(COMMAND)
        complete = GROWTH_FROM_MB in peaks and GROWTH_TO_MB in peaks
        growth = peaks[GROWTH_TO_MB] - peaks[GROWTH_FROM_MB] if complete else None
        judged = [
            Target(
                f"{name}: worst distance from a straight line",
                "%",
                self.lines[name].deviation_percent if name in self.lines else None,
                at_most=LINE_DEVIATION_PERCENT_MAX,
            )
            for name in FITTED
        ]
        judged.append(
            Target(
                "command: more memory at 8 GiB than at 1 GiB", "MB", growth, at_most=GROWTH_MB_MAX
            )
        )
        return judged

    def to_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return {
            "sizes": {
                str(size_mb): {
                    each.name: {
                        "median_s": each.spread.median_s if each.spread else None,
                        "walls_s": each.walls_s,
                        "peak_bytes": max(each.peaks_bytes, default=None),
                        "status": each.status,
                    }
                    for each in field
                }
                for size_mb, field in self.fields.items()
            },
            "lines": {name: vars(line) for name, line in self.lines.items()},
            "left_out_mb": list(self.left_out_mb),
            "mismatches": list(self.wrong),
            "targets": [target.to_dict() for target in self.targets()],
        }


def measure(rounds: int, folder: Path, scratch: Path, *, quick: bool) -> Scaling:
    """Generate, measure, delete. Raises `data.DiskFullError`."""
    wanted = QUICK_SIZES_MB if quick else SIZES_MB
    sizes_mb = _that_fit(wanted)
    folder.mkdir(parents=True, exist_ok=True)
    data.check_disk(folder, sum(sizes_mb) * 2**20)
    place = Path(tempfile.mkdtemp(prefix="scaling-", dir=folder))
    try:
        whole = data.prepare(["app"], sizes_mb[-1], place)[0]
        logs = {size_mb: _prefix(whole, size_mb, place) for size_mb in sizes_mb}
        fields = {size_mb: line_up("app", threads=(2,), with_peers=False) for size_mb in sizes_mb}
        for size_mb in sizes_mb:
            compete(fields[size_mb], logs[size_mb], 0, scratch)
        for number in range(rounds):
            for size_mb in sizes_mb:
                print(f"{size_mb} MiB", file=sys.stderr)
                play(fields[size_mb], logs[size_mb], number, scratch)
        sizes_bytes = {size_mb: log.stat().st_size for size_mb, log in logs.items()}
        wrong = _wrong(fields, whole)
    finally:
        shutil.rmtree(place)
    left_out = [size_mb for size_mb in wanted if size_mb not in sizes_mb]
    return Scaling(sizes_bytes, fields, _lines(sizes_bytes, fields), wrong, left_out)


def _that_fit(wanted: Sequence[int]) -> list[int]:
    """The sizes that can be held in memory together."""
    available = machine.available_bytes()
    fitting: list[int] = []
    for size_mb in sorted(wanted):
        needed = (sum(fitting) + size_mb) * 2**20
        if available is None or needed <= MEMORY_SHARE_MAX * available or len(fitting) < POINTS_MIN:
            fitting.append(size_mb)
    return fitting


def _prefix(whole: Dataset, size_mb: int, place: Path) -> Path:
    path = place / f"prefix-{size_mb}.log"
    if size_mb * 2**20 >= whole.size_bytes:
        return whole.path
    copy_prefix(whole.path, path, size_mb * 2**20)
    return path


def _lines(
    sizes_bytes: Mapping[int, int], fields: Mapping[int, Sequence[Contestant]]
) -> dict[str, Line]:
    lines = {}
    for place, name in enumerate(each.name for each in next(iter(fields.values()))):
        spreads = {size_mb: field[place].spread for size_mb, field in fields.items()}
        points = [
            (float(sizes_bytes[size_mb]), spread.median_s)
            for size_mb, spread in spreads.items()
            if spread is not None
        ]
        if len(points) == len(fields):
            lines[name] = fit(points)
    return lines


def _wrong(fields: Mapping[int, Sequence[Contestant]], whole: Dataset) -> list[str]:
    """The whole log against its facts; prefixes, which have none, against `wc -l`."""
    largest = max(fields)
    _, wrong = disagreements(fields[largest], whole)
    for size_mb, field in fields.items():
        counts = {each.answer.lines for each in field if each.answer is not None}
        if len(counts) > 1:
            wrong.append(f"{size_mb} MiB: the lines differ: {sorted(map(str, counts))}")
    return wrong
