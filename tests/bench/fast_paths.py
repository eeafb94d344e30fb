"""What each fast path of the engine buys: CPU time without it, beside the time with all of them.

`python -m tests.bench.fast_paths` builds the example `fast_paths` of logan-core and runs it on one
thread over each kind of log. Its runs take turns, so the medians of paired ratios hold on a busy
machine, too; quartiles are in `fast_paths.json` in the cache folder. A path that buys less than 5 %
on every log is a candidate to go.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench import data, instructions, machine, tables
from tests.bench.measure import ROOT, ProcessFailedError, run, warm

KINDS: Final = (
    *("app", "app_unlike", "access", "access_unlike", "json", "json_unlike"),
    *("mixed", "mixed_unlike", "hostile"),
)
SIZE_MB: Final = 64
ROUNDS: Final = 9


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Print what each fast path buys.")
    parser.add_argument("--kinds", default=",".join(KINDS), metavar="A,B")
    parser.add_argument("--size-mb", type=int, default=SIZE_MB, metavar="N")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", metavar="DIR")
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    kinds = args.kinds.split(",")
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser.error(f"unknown kinds {unknown}: choose from {', '.join(KINDS)}")
    try:
        found = _measure(kinds, args)
    except (ProcessFailedError, data.DiskFullError) as error:
        print(f"fast_paths: {error}", file=sys.stderr)
        return 1
    document = {"machine": machine.facts(), "size_mb": args.size_mb, "kinds": found}
    (args.cache / "fast_paths.json").write_text(json.dumps(document, indent=2) + "\n")
    paths = list(next(iter(found.values())))
    rows = [[path, *(_shown(found[kind][path]) for kind in kinds)] for path in paths]
    tables.show("time without each fast path, all of them being 1", ["path", *kinds], rows)
    return 0


def _measure(kinds: Sequence[str], args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    datasets = data.prepare(kinds, args.size_mb, args.cache)
    program = instructions.build("fast_paths")
    found = {}
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=args.cache) as scratch:
        for dataset in datasets:
            print(f"measuring {dataset.kind} ...", file=sys.stderr, flush=True)
            warm(dataset.path)
            names = instructions.FORMATS[dataset.kind.removesuffix("_unlike")]
            command = [str(program), str(dataset.path), str(args.rounds), *names]
            lines = run(command, Path(scratch)).stdout.splitlines()
            rows = [json.loads(line) for line in lines]
            found[dataset.kind] = {row.pop("path"): row for row in rows}
    return found


def _shown(row: dict[str, Any]) -> str:
    if "ratio" in row:
        return f"{row['ratio']:.2f}"
    return f"{row['bytes'] / row['seconds'] / 1e9:.2f} GB/s"


if __name__ == "__main__":
    sys.exit(main())
