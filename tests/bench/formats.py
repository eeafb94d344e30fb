"""How fast each format is analyzed on one thread: `python -m tests.bench.formats`.

Logs of some MiB are scanned by one thread as `logan analyze` would: detection, parsing, all
metrics.
- For each format the *usual* log: the line that `logan formats` shows, behind the headers that the
  format needs, its clock times and epochs going on.
- For each sample of test_vectors/formats its pitfalls: *in turn*, line by line as the sample has
  them, which is one oddity after the other and slower than any log; and *in runs*, each of its
  lines many times before the next.

Bytes per second of the process's CPU time, which says more than wall time while others are at work;
medians; every second round goes backward.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from logan import _logan
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT
from logan.options import Options
from logan.planning.prepare import prepare
from tests.bench import machine, tables
from tests.bench.measure import ROOT, warm

TARGET_BYTES_PER_S: Final = 300e6
VECTORS: Final = ROOT / "test_vectors" / "formats"
VARIED_BYTES: Final = 2 << 20
"""So much is made with times of its own, then repeated."""

RUN_BYTES: Final = 64 << 10
"""So much of a line comes before the next one, in runs."""

USUAL_LINES: Final = 16
"""So many lines of a usual log have the same time."""

HEADER: Final = re.compile(rb"#|version account-id ")
FIELDS: Final = {
    "iis": b"#Software: Microsoft Internet Information Services 10.0\n"
    b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip"
    b" cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n",
    "cloudfront": b"#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method"
    b" cs(Host) cs-uri-stem sc-status time-taken\n",
    "w3c": b"#Fields: date time c-ip cs-method cs-uri-stem sc-status time-taken\n",
}
"""What says which columns the examples of these formats have."""

IN_TURN_ALONE: Final = {"journald-export"}
"""Samples whose lines mean nothing on their own."""

CLOCK: Final = re.compile(rb"(?<!\d)\d\d:(\d\d:\d\d)(?!\d)")
EPOCH: Final = re.compile(rb"(?<!\d)1[4-7]\d{4}(\d{4})(?=\d{0,9}(?!\d))")


@dataclass
class Measured:
    """One format."""

    name: str
    order: str
    path: Path
    size: int
    formats: list[str] = field(default_factory=list)
    walls_s: list[float] = field(default_factory=list)
    cpus_s: list[float] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For the result file."""
        return {
            "name": self.name,
            "order": self.order,
            "bytes": self.size,
            "formats": self.formats,
            "walls_s": self.walls_s,
            "cpus_s": self.cpus_s,
            "bytes_per_second": self.size / statistics.median(self.walls_s),
            "bytes_per_cpu_second": self.size / statistics.median(self.cpus_s),
        }


def grown(sample: bytes, size: int) -> bytes:
    """The sample, repeated, with the minutes, seconds and epochs of each copy its own."""
    sample = sample if sample.endswith(b"\n") else sample + b"\n"
    clocks = [match.start(1) for match in CLOCK.finditer(sample)]
    epochs = [match.start(1) for match in EPOCH.finditer(sample)]
    copies = []
    for number in range(max(1, min(size, VARIED_BYTES) // len(sample))):
        copy = bytearray(sample)
        for at in clocks:
            copy[at : at + 5] = b"%02d:%02d" % (number // 60 % 60, number % 60)
        for at in epochs:
            copy[at : at + 4] = b"%04d" % (number % 10_000)
        copies.append(bytes(copy))
    varied = b"".join(copies)
    return varied * max(1, size // len(varied))


def in_runs(sample: bytes, size: int) -> bytes:
    """As `grown`, each line many times before the next; headers before all."""
    lines = [line for line in sample.splitlines() if line.strip()]
    headers = [line + b"\n" for line in lines if HEADER.match(line)]
    others = [grown(line, RUN_BYTES) for line in lines if not HEADER.match(line)]
    body = b"".join(others)
    return b"".join(headers) + body * max(1, size // len(body))


def usual(example: str, name: str, size: int) -> bytes:
    """The log of a format whose lines are all like its example."""
    line = example.encode() + b"\n" * (not example.endswith("\n"))
    return FIELDS.get(name, b"") + grown(line * USUAL_LINES, size)


def cpu_s() -> float:
    """CPU time of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def scan(measured: Measured) -> None:
    """One more round. Raises `RuntimeError` if the scan left something out."""
    options = Options(chunk_size=CHUNK_SIZE_BYTES_DEFAULT)
    job = prepare([str(measured.path)], options, strict=True)
    source = job.plan.sources[0]
    print_ = _logan.Fingerprint.from_json(source.fingerprint or "")
    chunks = [(chunk.source, chunk.start, chunk.end) for chunk in job.plan.chunks]
    spec = job.spec()
    wall, cpu = time.perf_counter(), cpu_s()
    outcome = _logan.scan([(source.url, print_)], chunks, spec, threads=1)
    measured.walls_s.append(time.perf_counter() - wall)
    measured.cpus_s.append(cpu_s() - cpu)
    if outcome.failures:
        raise RuntimeError(f"{measured.name}: {outcome.failures[0]}")
    figures = json.loads(outcome.summary.evaluate())
    found = figures["sources"][0]["formats"]
    measured.formats = [f"{each['name']} {each['lines']}" for each in found]


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    args = _arguments(argv)
    size = args.size_mb << 20
    samples = {path.parent.name: path.read_bytes() for path in VECTORS.glob("*/sample.log")}
    examples = {info["name"]: info["example"] for info in json.loads(_logan.formats())}
    asked = set(args.formats or (samples | examples))
    if unknown := asked - samples.keys() - examples.keys():
        print(f"bench: no format or sample is called {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    # One after the other, as all of them do not fit into memory.
    logs = itertools.chain(
        ((name, "usual", usual(examples[name], name, size)) for name in examples if name in asked),
        ((name, "in turn", grown(samples[name], size)) for name in samples if name in asked),
        (
            (name, "in runs", in_runs(samples[name], size))
            for name in samples
            if name in asked - IN_TURN_ALONE
        ),
    )
    with tempfile.TemporaryDirectory(prefix="bench-formats-", dir=args.cache) as folder:
        measured = []
        for name, order, log in logs:
            path = Path(folder) / f"{name}-{order.replace(' ', '-')}.log"
            path.write_bytes(log)
            measured.append(Measured(name, order, path, len(log)))
        for number in range(args.rounds):
            for each in measured if number % 2 == 0 else reversed(measured):
                warm(each.path)
                scan(each)
    rows = [each.to_dict() for each in measured]
    rows.sort(key=lambda row: (row["bytes_per_cpu_second"], row["name"]))
    document = {
        "version": 2,
        "machine": machine.facts(),
        "settings": {"size_mb": args.size_mb, "rounds": args.rounds},
        "target_bytes_per_second": TARGET_BYTES_PER_S,
        "formats": rows,
    }
    (args.cache / "formats.json").write_text(json.dumps(document, indent=2) + "\n")
    speeds = {(row["name"], row["order"]): row["bytes_per_cpu_second"] / 1e6 for row in rows}
    how = (
        f"one thread, {args.size_mb} MiB each, MB per second of CPU, medians of {args.rounds}; "
        f"{TARGET_BYTES_PER_S / 1e6:.0f} are aimed at"
    )
    for title, orders in (("usual lines", ["usual"]), ("pitfalls", ["in turn", "in runs"])):
        table = [_row(name, orders, speeds) for name, order in speeds if order == orders[0]]
        tables.show(f"{title}: {how}", ["format", *orders, "reached"], table)
    return 0


def _row(name: str, orders: Sequence[str], speeds: dict[tuple[str, str], float]) -> list[str]:
    found = {order: speeds[name, order] for order in orders if (name, order) in speeds}
    reached = [order for order, one in found.items() if one * 1e6 >= TARGET_BYTES_PER_S]
    return [
        name,
        *(f"{found[order]:.0f}" if order in found else "-" for order in orders),
        "yes" if len(reached) == len(found) else ", ".join(reached) or "no",
    ]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure every format on one thread.")
    parser.add_argument("formats", nargs="*", help="names of formats and samples; all by default")
    parser.add_argument("--size-mb", type=int, default=64, metavar="N", help="MiB of each (64)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (5)")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".bench", metavar="DIR", help="logs and results"
    )
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    args.cache.mkdir(parents=True, exist_ok=True)
    return args


if __name__ == "__main__":
    sys.exit(main())
