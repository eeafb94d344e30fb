"""`just bench`: our speed and memory beside `wc -l` and other tools, and the targets.

Puts the parts together: data.py has the logs, contestants.py measures, answers.py compares,
targets.py judges, tables.py prints, scaling.py is the other mode. Exit code 1 means that answers
differ or that a contestant failed; a missed target or a peer that is not installed is shown and no
failure, as it may be the machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

# Started as a file, Python sees this folder only; the parts are modules of the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import data, machine, scaling, tables
from tests.bench.answers import Answer
from tests.bench.contestants import Contestant, compete, disagreements, line_up
from tests.bench.measure import ROOT, peak_floor_bytes
from tests.bench.targets import Target, judge

TUNED: Final = ("app", "access", "json", "mixed")
KINDS_DEFAULT: Final = (*TUNED, *(f"{kind}_unlike" for kind in TUNED), "hostile")
KINDS: Final = (*KINDS_DEFAULT, "access_time", "logfmt", "malformed", "error_spike")
ROUNDS_DEFAULT: Final = 5
SIZE_MB_DEFAULT: Final = 1024
QUICK_ROUNDS: Final = 3
QUICK_SIZE_MB: Final = 64
JSON_VERSION: Final = 1
LOAD_MAX: Final = 0.5
"""Above this, others are at work on the machine, and the figures say little."""


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = _arguments(argv)
    args.cache.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=args.cache) as scratch:
            if args.scaling:
                return _scale(args, Path(scratch))
            return _contest(args, Path(scratch))
    except data.DiskFullError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2


def _contest(args: argparse.Namespace, scratch: Path) -> int:
    document = _document(args) | {"kinds": {}, "targets": []}
    datasets = data.prepare(args.kinds, args.size_mb, args.cache)
    file = args.cache / "results.json"
    results: dict[str, list[Contestant]] = {}
    expected: dict[str, Answer] = {}
    wrong: dict[str, list[str]] = {}
    for dataset in datasets:
        print(f"measuring {dataset.kind} ...", file=sys.stderr, flush=True)
        field = results[dataset.kind] = line_up(dataset.kind)
        compete(field, dataset.path, args.rounds, scratch)
        expected[dataset.kind], wrong[dataset.kind] = disagreements(field, dataset)
        document["kinds"][dataset.kind] = _of_kind(
            dataset, field, expected[dataset.kind], wrong[dataset.kind]
        )
        document["peak_floor_bytes"] = peak_floor_bytes()
        _write(file, document)  # as they come: a run cut short keeps what it has
    judged = judge(results)
    document["targets"] = [target.to_dict() for target in judged]
    _write(file, document)
    floor = document["peak_floor_bytes"]
    for dataset in datasets:
        field = results[dataset.kind]
        tables.show(*tables.contest(dataset.kind, dataset.size_bytes, field, floor))
        tables.show(
            f"{dataset.kind}: answers",
            ["contestant", *tables.ANSWER_FIGURES],
            tables.answers(expected[dataset.kind], field),
        )
    _show_targets(judged, args)
    failed = [
        f"{kind}: {each.name}: {each.error}"
        for kind, field in results.items()
        for each in field
        if each.error is not None
    ]
    return _verdict([f"{kind}: {each}" for kind in wrong for each in wrong[kind]], failed)


def _scale(args: argparse.Namespace, scratch: Path) -> int:
    document = _document(args)
    found = scaling.measure(args.rounds, args.cache, scratch, quick=args.quick)
    floor = peak_floor_bytes()
    document |= {"peak_floor_bytes": floor} | found.to_dict()
    _write(args.cache / "scaling.json", document)
    for size_mb, field in found.fields.items():
        tables.show(*tables.contest("app", found.sizes_bytes[size_mb], field, floor))
    rows = [
        [
            name,
            f"{line.fixed_s * 1e3:.1f}",
            f"{1 / line.per_byte_s / 1e9:.2f}" if line.per_byte_s > 0 else "",
            f"{line.deviation_percent:.1f}",
        ]
        for name, line in found.lines.items()
    ]
    tables.show("straight lines", ["contestant", "fixed ms", "GB/s", "worst distance %"], rows)
    if found.left_out_mb:
        print(f"left out, as they do not fit into memory: {found.left_out_mb} MiB")
    _show_targets(found.targets(), args)
    return _verdict(found.wrong, found.failed)


def _show_targets(judged: Sequence[Target], args: argparse.Namespace) -> None:
    head, rows = tables.targets(judged)
    stated = args.quick or (not args.scaling and args.size_mb != SIZE_MB_DEFAULT)
    tables.show(f"targets{' (stated for full sizes)' if stated else ''}", head, rows)


def _verdict(wrong: Sequence[str], failed: Sequence[str]) -> int:
    for each in wrong:
        print(f"MISMATCH {each}")
    for each in failed:
        print(f"FAILED {each}")
    if not wrong:
        print("all answers agree")
    return 1 if wrong or failed else 0


def _document(args: argparse.Namespace) -> dict[str, Any]:
    facts = machine.facts()
    load = facts["load_before"][0]
    if load > LOAD_MAX:
        print(f"bench: the load is {load}: others are at work, do not trust times", file=sys.stderr)
    return {
        "version": JSON_VERSION,
        "machine": facts,
        "settings": {
            "mode": "scaling" if args.scaling else "contest",
            "size_mb": None if args.scaling else args.size_mb,
            "rounds": args.rounds,
            "quick": args.quick,
        },
    }


def _of_kind(
    dataset: data.Dataset, field: Sequence[Contestant], expected: Answer, wrong: Sequence[str]
) -> dict[str, Any]:
    return {
        "bytes": dataset.size_bytes,
        "lines": dataset.facts["lines"],
        "expected": expected.to_dict(),
        "contestants": [_of_contestant(each, dataset.size_bytes) for each in field],
        "mismatches": list(wrong),
    }


def _of_contestant(each: Contestant, size_bytes: int) -> dict[str, Any]:
    spread = each.spread
    return {
        "name": each.name,
        "group": each.group,
        # What failed may have named paths; only that it failed is for others to see.
        "status": "failed" if each.error is not None else each.status,
        "median_s": spread.median_s if spread else None,
        "min_s": spread.min_s if spread else None,
        "max_s": spread.max_s if spread else None,
        "bytes_per_second": size_bytes / spread.median_s if spread else None,
        "peak_bytes": max(each.peaks_bytes) if spread else None,
        "walls_s": each.walls_s,
        "answer": each.answer.to_dict() if each.answer else None,
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(document, indent=2) + "\n")
    os.replace(partial, path)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure logan beside wc -l and other tools.")
    parser.add_argument("--size-mb", type=int, metavar="N", help=f"MiB ({SIZE_MB_DEFAULT})")
    parser.add_argument(
        "--kinds", type=_kinds, default=KINDS_DEFAULT, metavar="A,B", help=",".join(KINDS)
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"of each ({ROUNDS_DEFAULT})")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_SIZE_MB} MiB and {QUICK_ROUNDS} rounds"
    )
    parser.add_argument("--scaling", action="store_true", help="time and memory against size")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".bench", metavar="DIR", help="logs and results"
    )
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    args.size_mb = args.size_mb or (QUICK_SIZE_MB if args.quick else SIZE_MB_DEFAULT)
    args.rounds = args.rounds or (QUICK_ROUNDS if args.quick else ROUNDS_DEFAULT)
    if args.size_mb < 1 or args.rounds < 1:
        parser.error("sizes and rounds are at least 1")
    return args


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(text.split(",")))
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"unknown kind {kind!r}: {', '.join(KINDS)}")
    return kinds


if __name__ == "__main__":
    sys.exit(main())
