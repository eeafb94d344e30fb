"""What each metric that can be switched off costs: `python -m tests.bench.metrics`.

The figure is CPU time of a scan with everything on, less that of a scan without the metric, in
nanoseconds a line; one thread over each kind of log. Scans take turns and every second round goes
backward, so the medians of paired differences hold on a busy machine, too. The last rows are a scan
with everything on, and one with all of these metrics off. Writes `metrics.json` to the cache
folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from logan import _logan
from logan.api import make_spec
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT
from logan.planning.chunks import chunk_size_for, tile
from tests.bench import data, machine, tables
from tests.bench.measure import ROOT, warm

METRICS: Final = (
    *("clients_per_day", "hosts", "methods", "not_found", "referrers"),
    *("response_times", "routes_over_time", "user_agents"),
)
"""Those that are on by default."""
KINDS: Final = ("app", "app_unlike", "access_time", "access_unlike", "json_unlike", "mixed_unlike")
SIZE_MB: Final = 256
ROUNDS: Final = 7
ALL: Final = "everything on"
NONE: Final = "all of these off"


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Print what each metric costs.")
    parser.add_argument("--kinds", default=",".join(KINDS), metavar="A,B")
    parser.add_argument("--log", type=Path, help="this log instead")
    parser.add_argument("--size-mb", type=int, default=SIZE_MB, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", metavar="DIR")
    args = parser.parse_args(argv)
    args.cache.mkdir(exist_ok=True)
    if args.log is not None:
        logs = {args.log.name: args.log}
    else:
        try:
            prepared = data.prepare(args.kinds.split(","), args.size_mb, args.cache)
        except data.DiskFullError as error:
            print(f"metrics: {error}", file=sys.stderr)
            return 1
        logs = {each.kind: each.path for each in prepared}
    found = {}
    for name, path in logs.items():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        found[name] = costs(path, args.rounds)
    document = {"machine": machine.facts(), "ns_a_line": found}
    (args.cache / "metrics.json").write_text(json.dumps(document, indent=2) + "\n")
    rows = [
        [metric, *(f"{costs[metric]:.0f}" for costs in found.values())]
        for metric in (*METRICS, ALL, NONE)
    ]
    tables.show("CPU time of each metric, ns a line", ["metric", *found], rows)
    return 0


def costs(path: Path, rounds: int) -> dict[str, float]:
    """CPU nanoseconds a line of each metric, of all, and of a scan without them."""
    warm(path)
    given = make_spec(path)
    fingerprint = _logan.Fingerprint.of(str(path))
    size = fingerprint.size
    plan = tile([(0, size)], chunk_size_for([size], CHUNK_SIZE_BYTES_DEFAULT))
    chunks = [(chunk.source, chunk.start, chunk.end) for chunk in plan]

    def without(metrics: Sequence[str]) -> _logan.Spec:
        spec = json.loads(given.to_json())
        spec["meaning"]["off"] = sorted({*spec["meaning"].get("off", ()), *metrics})
        return _logan.Spec(json.dumps(spec))

    specs = {ALL: given, NONE: without(METRICS), **{each: without([each]) for each in METRICS}}

    def scan(spec: _logan.Spec) -> tuple[float, int]:
        started = time.process_time()
        outcome = _logan.scan([(str(path), fingerprint)], chunks, spec, threads=1)
        took_s = time.process_time() - started
        if outcome.failures:
            raise RuntimeError(f"the scan left something out: {outcome.failures[0]}")
        return took_s, json.loads(outcome.summary.evaluate())["lines"]["total"]

    lines = scan(given)[1]
    taken: dict[str, list[float]] = {name: [] for name in specs}
    for number in range(rounds):
        names = list(specs)
        for name in reversed(names) if number % 2 else names:
            taken[name].append(scan(specs[name])[0] * 1e9 / lines)
    whole = taken[ALL]

    def buys(name: str) -> float:
        return statistics.median(w - o for w, o in zip(whole, taken[name], strict=True))

    rest = {name: statistics.median(taken[name]) for name in (ALL, NONE)}
    return {**{name: buys(name) for name in METRICS}, **rest}


if __name__ == "__main__":
    sys.exit(main())
