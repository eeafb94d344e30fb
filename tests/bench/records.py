"""Records out against their bounds: `python -m tests.bench.records`.

On one combined access log with request times:

- top routes by `logan sql`, and by DuckDB alone, which reads raw lines and takes them apart with a
  regular expression. Both must give the same rows.
- all records as Arrow batches that are dropped at once, of the standard columns and of three.
- all records to Parquet, which DuckDB, Polars and pyarrow then must read alike.

Times are from spawn to exit, and CPU seconds of the process with its threads; medians. The exit
code is 1 if answers differ.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench import data, machine, tables
from tests.bench.measure import ROOT, peak_floor_bytes, run, warm
from tests.bench.sources import Timed

ROUTES_SQL: Final = (
    "select route, count(*) as requests, count(*) filter (status >= 500) as errors from log "
    "where route is not null group by route order by requests desc, route limit 20"
)
LINES: Final = (
    "read_csv($path, columns={'l': 'VARCHAR'}, header=false, delim='\x1f', quote='', escape='', "
    "auto_detect=false)"
)
REQUEST: Final = r'"([A-Z]+) ([^ ?"]+)[^"]*" ([0-9]{3}) '
ID: Final = r"/(?:[0-9]+|[0-9a-f]{12,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(/|$)"
"""The ids of the generated logs."""
ROUTES_DUCKDB: Final = rf"""
    select m || ' ' || regexp_replace(p, '{ID}', '/{{id}}\1', 'g') as route,
        count(*) as requests, count(*) filter (s >= '500') as errors
    from (select r.m as m, r.p as p, r.s as s from (
        select regexp_extract(l, '{REQUEST}', ['m', 'p', 's']) as r from {LINES}))
    where m <> '' group by route order by requests desc, route limit 20
"""
"""A regular expression takes the request apart, another one replaces ids. One id next to another
would be missed, as the slash between them is used up; these logs have none."""

SQL, ALONE = "logan sql", "DuckDB alone"
ALL, THREE, PARQUET = "records", "records, 3 columns", "export to Parquet"
BOUNDS_S: Final = {SQL: 1.5, ALL: 1.2, THREE: 0.8, PARQUET: 4.0}
"""Of 1 GiB on two quiet cores."""
PEAK_BYTES_MAX: Final = 300_000_000
"""Of `ALL`."""

READ: Final = "import sys, logan; [0 for _ in logan.records(sys.argv[1], columns={columns})]"


def contestants(log: Path, parquet: Path) -> list[Timed]:
    """All, in the order of the table."""
    python = sys.executable
    logan = [python, "-m", "logan"]
    alone = [python, "-m", "tests.bench.records", "--duckdb-alone", str(log)]
    three = READ.format(columns=["time", "route", "status"])
    return [
        Timed(SQL, [*logan, "sql", ROUTES_SQL, str(log), "--output-format", "csv"], log),
        Timed(ALONE, alone, log),
        Timed(ALL, [python, "-c", READ.format(columns=None), str(log)], log),
        Timed(THREE, [python, "-c", three, str(log)], log),
        Timed(PARQUET, [*logan, "export", str(log), "-o", str(parquet)], log),
    ]


def print_routes(path: str) -> None:
    """What DuckDB alone answers, as CSV."""
    import duckdb

    rows = duckdb.execute(ROUTES_DUCKDB, {"path": path}).fetchall()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([("route", "requests", "errors"), *rows])


def differences(field_: Sequence[Timed], parquet: Path, scratch: Path) -> list[str]:
    """Answers that are not alike, by runs that are not timed."""
    by_name = {each.name: each for each in field_}
    ours, theirs = (
        list(csv.reader(run(by_name[name].command, scratch).stdout.decode().splitlines()))
        for name in (SQL, ALONE)
    )
    wrong = []
    if ours != theirs or len(ours) < 2:
        pairs = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]]
        wrong.append(f"{SQL} and {ALONE} differ: {pairs[:1] or (len(ours), len(theirs))}")
    run(by_name[PARQUET].command, scratch)
    check = [sys.executable, "-m", "tests.bench.records", "--read-back", str(parquet)]
    sums = json.loads(run(check, scratch).stdout)
    if len({json.dumps(each) for each in sums.values()}) != 1:
        wrong.append(f"{PARQUET} is not read alike: {sums}")
    return wrong


def print_sums(path: str) -> None:
    """Rows, and of some columns sum and nulls, as each library reads the Parquet file."""
    import duckdb
    import polars as pl
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = ("status", "bytes", "duration_ms")
    found: dict[str, Any] = {}
    table = pq.read_table(path, columns=list(names))
    found["pyarrow"] = [table.num_rows] + [
        [round(pc.sum(table[name]).as_py(), 3), table[name].null_count] for name in names
    ]
    frame = pl.read_parquet(path, columns=list(names))
    found["polars"] = [frame.height] + [
        [
            round(frame[name].cast(pl.Float64 if name == "duration_ms" else pl.Int64).sum(), 3),
            frame[name].null_count(),
        ]
        for name in names
    ]
    asked = ", ".join(f"sum({name})::double, count(*) - count({name})" for name in names)
    (row,) = duckdb.execute(f"select count(*), {asked} from '{path}'").fetchall()
    found["duckdb"] = [row[0]] + [
        [round(total, 3) if name == "duration_ms" else int(total), nulls]
        for name, total, nulls in zip(names, row[1::2], row[2::2], strict=True)
    ]
    print(json.dumps(found))


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    args = _arguments(argv)
    if args.duckdb_alone:
        print_routes(args.duckdb_alone)
        return 0
    if args.read_back:
        print_sums(args.read_back)
        return 0
    (dataset,) = data.prepare(["access_time"], args.size_mb, args.logs)
    scratch = args.cache / "scratch"
    scratch.mkdir(exist_ok=True)
    parquet = scratch / "records.parquet"
    field_ = contestants(dataset.path, parquet)
    wrong = differences(field_, parquet, scratch)
    for number in range(args.rounds):
        for each in field_ if number % 2 == 0 else reversed(field_):
            warm(each.reads)
            each.measure(scratch)
    shutil.rmtree(scratch)
    share = args.size_mb / 1024  # of a small log, most of the time is start-up
    rows = []
    for each in field_:
        bound = BOUNDS_S.get(each.name) if share >= 1 else None
        is_met = bound is None or each.wall_s <= bound * share
        if each.name == ALL:
            is_met &= each.peak_bytes <= PEAK_BYTES_MAX
        rows.append(
            [
                each.name,
                f"{each.wall_s * 1e3:.0f}",
                f"{each.cpu_s * 1e3:.0f}",
                f"{each.peak_bytes / 1e6:.0f}",
                "" if bound is None else f"{bound * share * 1e3:.0f}",
                "" if bound is None else ("yes" if is_met else "no"),
            ]
        )
    document = {
        "version": 1,
        "machine": machine.facts(),
        "settings": {"size_mb": args.size_mb, "rounds": args.rounds},
        "peak_floor_bytes": peak_floor_bytes(),
        "runs": [each.to_dict() for each in field_],
        "wrong": wrong,
    }
    (args.cache / "records.json").write_text(json.dumps(document, indent=2) + "\n")
    tables.show(
        f"records of {args.size_mb} MiB, medians of {args.rounds}; start-up is part of each",
        ["", "ms", "ms of CPU", "peak MB", "at most ms", "met"],
        rows,
    )
    for each_wrong in wrong:
        print(each_wrong, file=sys.stderr)
    return int(bool(wrong))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure records, and SQL beside DuckDB alone.")
    parser.add_argument("--size-mb", type=int, default=1024, metavar="N", help="MiB (1024)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (5)")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / ".bench", metavar="DIR", help="results"
    )
    parser.add_argument("--logs", type=Path, metavar="DIR", help="where the plain logs lie")
    parser.add_argument("--duckdb-alone", metavar="LOG", help=argparse.SUPPRESS)
    parser.add_argument("--read-back", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    args.cache.mkdir(parents=True, exist_ok=True)
    args.logs = (args.logs or args.cache).resolve()
    return args


if __name__ == "__main__":
    sys.exit(main())
