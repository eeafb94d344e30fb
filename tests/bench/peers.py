"""The same figures by other tools, each with the fastest query found for it.

As a program (`python -m tests.bench.peers NAME KIND PATH`) it runs one Python peer and prints its
answer as JSON; every measurement is such a process, so that it includes the import, as ours does.
Peers may use as many threads as they like.

The queries do far less than `logan` does: no routes, clients, messages, series or malformed lines,
and they know beforehand what the lines look like. They use any short cut that gives the right
figures on these logs and that a user with such logs might take: the last word of an app line is a
response time if it ends in a unit and the line does not speak of retrying; the status is what
follows the first quote and blank. Plain string functions stand where they were faster than one
regular expression, and the other way round.

A peer gives the requests, the errors, and the mean and percentiles of the response time; for the
access kind, which has no response time, the lines, the errors and the bytes sent.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tests.bench.answers import Answer, nearest_ranks

KINDS: Final = ("app", "access", "access_time", "json")
"""Kinds that peers are measured on."""
_TIMES: Final = ("requests", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "errors")
_COUNTS: Final = ("requests", "errors", "bytes_sent")


def names_of(kind: str) -> tuple[str, ...]:
    """The figures that a peer gives for a kind, in the order of its result row."""
    return _COUNTS if kind == "access" else _TIMES


# ---------------------------------------------------------------------------------------------
# DuckDB: a line is the only column of a CSV file without delimiter or quote.

_DUCKDB_LINES: Final = (
    "read_csv($path, columns={'l': 'VARCHAR'}, header=false, delim='\x1f', quote='', escape='', "
    "auto_detect=false)"
)
_DUCKDB_TIMES: Final = (
    "count(d), avg(d), quantile_disc(d, 0.5), quantile_disc(d, 0.95), quantile_disc(d, 0.99), "
    "count(*) FILTER (e)"
)
DUCKDB: Final[Mapping[str, str]] = {
    "app": rf"""
        SELECT {_DUCKDB_TIMES} FROM (SELECT
            l[25:29] IN ('ERROR', 'FATAL') AS e,
            TRY_CAST(regexp_extract(
                l, '(?:d in |took |elapsed=|duration=)([0-9.]+)[mu]?s$', 1) AS DOUBLE)
            * CASE WHEN ends_with(l, 'ms') THEN 1.0::DOUBLE
                   WHEN ends_with(l, 'us') THEN 0.001::DOUBLE ELSE 1000.0::DOUBLE END AS d
            FROM {_DUCKDB_LINES})""",
    "access": rf"""
        SELECT count(*), count(*) FILTER (t[1] = '5'),
            sum(TRY_CAST(split_part(t, ' ', 2) AS BIGINT))
        FROM (SELECT split_part(l, '" ', 2) AS t FROM {_DUCKDB_LINES})""",
    "access_time": rf"""
        SELECT {_DUCKDB_TIMES} FROM (SELECT
            split_part(l, '" ', 2)[1] = '5' AS e,
            1000 * TRY_CAST(split_part(l, '" ', -1) AS DOUBLE) AS d
            FROM {_DUCKDB_LINES})""",
    "json": rf"""
        SELECT {_DUCKDB_TIMES} FROM (SELECT duration_ms AS d,
            level IN ('ERROR', 'FATAL') OR status >= 500 AS e
            FROM read_json($path, format='newline_delimited',
                columns={{level: 'VARCHAR', status: 'INT', duration_ms: 'DOUBLE'}}))""",
}


def duckdb(kind: str, path: str) -> tuple[Any, ...]:
    """The result row of DuckDB."""
    row: tuple[Any, ...] = (
        importlib.import_module("duckdb").execute(DUCKDB[kind], {"path": path}).fetchone()
    )
    return row


# ---------------------------------------------------------------------------------------------
# chDB (ClickHouse): a line is a value of the format LineAsString.

_CHDB_TIMES: Final = (
    "countIf(d > 0), avgIf(d, d > 0), quantileExactIf(0.5)(d, d > 0), "
    "quantileExactIf(0.95)(d, d > 0), quantileExactIf(0.99)(d, d > 0), countIf(e)"
)
CHDB: Final[Mapping[str, str]] = {
    "app": rf"""
        SELECT {_CHDB_TIMES} FROM (SELECT
            substring(line, 25, 5) IN ('ERROR', 'FATAL') AS e,
            multiIf(endsWith(line, 'ms'), 1., endsWith(line, 'us'), 0.001,
                endsWith(line, 's') AND position(line, 'retrying in') = 0, 1000., 0.) AS unit,
            if(unit > 0, toFloat64OrZero(extract(substringIndex(line, ' ', -1), '[0-9.]+')), 0)
                * unit AS d
            FROM file({{path:String}}, LineAsString))""",
    "access": r"""
        SELECT count(), countIf(substring(line, at + 2, 1) = '5'),
            sum(toUInt64OrZero(substringIndex(substring(line, at + 6, 20), ' ', 1)))
        FROM (SELECT line, position(line, '" ') AS at FROM file({path:String}, LineAsString))""",
    "access_time": rf"""
        SELECT {_CHDB_TIMES} FROM (SELECT
            substring(line, position(line, '" ') + 2, 1) = '5' AS e,
            1000 * toFloat64OrZero(substringIndex(line, ' ', -1)) AS d
            FROM file({{path:String}}, LineAsString))""",
    "json": rf"""
        SELECT {_CHDB_TIMES} FROM (SELECT duration_ms AS d,
            level IN ('ERROR', 'FATAL') OR status >= 500 AS e
            FROM file({{path:String}}, JSONEachRow,
                'level String, status UInt16, duration_ms Float64'))
        SETTINGS input_format_skip_unknown_fields = 1""",
}


def chdb(kind: str, path: str) -> tuple[Any, ...]:
    """The result row of chDB."""
    found = importlib.import_module("chdb").query(
        CHDB[kind], "JSONCompactEachRow", params={"path": path}
    )
    return tuple(
        float(value) if isinstance(value, str) else value for value in json.loads(str(found))
    )


# ---------------------------------------------------------------------------------------------
# Polars: lazy, on its streaming engine; lines by `scan_lines`.


def polars(kind: str, path: str) -> tuple[Any, ...]:
    """The result row of Polars."""
    pl = importlib.import_module("polars")
    line, d, e = pl.col("l"), pl.col("d"), pl.col("e")
    lines = pl.scan_lines(path, name="l")
    if kind == "access":
        tail = line.str.extract_groups(r'" ([0-9]{3}) ([0-9]+|-) ')
        rows = lines.select(m=tail).select(
            e=pl.col("m").struct.field("1") >= "500",
            b=pl.col("m").struct.field("2").cast(pl.Int64, strict=False),
        )
        figures = [pl.len(), e.sum(), pl.col("b").sum()]
    else:
        quantiles = [d.quantile(q, "nearest").alias(f"q{q}") for q in (0.5, 0.95, 0.99)]
        figures = [d.count().alias("n"), d.mean().alias("mean"), *quantiles, e.sum()]
        if kind == "app":
            unit = (
                pl.when(line.str.ends_with("ms"))
                .then(1.0)
                .when(line.str.ends_with("us"))
                .then(1e-3)
                .otherwise(1e3)
            )
            number = line.str.tail(18).str.extract(
                r"(?:d in |took |elapsed=|duration=)([0-9.]+)[mu]?s$", 1
            )
            rows = lines.select(
                d=number.cast(pl.Float64) * unit,
                e=line.str.slice(24, 5).is_in(["ERROR", "FATAL"]),
            )
        elif kind == "access_time":
            rows = lines.select(
                d=line.str.extract(r" ([0-9.]+)$", 1).cast(pl.Float64) * 1e3,
                e=line.str.extract(r'" ([0-9])', 1) == "5",
            )
        else:
            rows = lines.select(
                d=line.str.extract(r'"duration_ms": ?([0-9.]+)', 1).cast(pl.Float64),
                e=line.str.contains(r'"level": ?"(?:ERROR|FATAL)"|"status": ?5'),
            )
    row: tuple[Any, ...] = rows.select(figures).collect(engine="streaming").row(0)
    return row


# ---------------------------------------------------------------------------------------------
# mawk: counts by value, from which the reader of its output takes the percentiles.

_MAWK_TIMES: Final = (
    "END { for (v in seen) printf "
    r'"%.9g %d\n", v, seen[v]; printf "= %d %d %.6f\n", n, e, sum }'
)
MAWK: Final[Mapping[str, str]] = {
    "app": r"""
        $3 == "ERROR" || $3 == "FATAL" { e++ }
        $NF ~ /[0-9][mu]?s$/ && $(NF - 2) != "retrying" {
            t = $NF; sub(/^[a-z]+=/, "", t); u = substr(t, length(t) - 1)
            d = u == "ms" ? t + 0 : u == "us" ? t / 1000 : t * 1000
            n++; sum += d; seen[d]++
        }"""
    + _MAWK_TIMES,
    "access": r"""
        BEGIN { FS = "\" " }
        { n++; if (substr($2, 1, 1) == "5") e++; sum += substr($2, 5) + 0 }
        END { printf "= %d %d %.0f\n", n, e, sum }""",
    "access_time": r"""
        BEGIN { FS = "\" " }
        { if (substr($2, 1, 1) == "5") e++; d = $NF * 1000; n++; sum += d; seen[d]++ }"""
    + _MAWK_TIMES,
    "json": r"""
        /"level": ?"(ERROR|FATAL)"|"status": ?5/ { e++ }
        {
            at = index($0, "\"duration_ms\":")
            if (at) { d = substr($0, at + 14, 9) + 0; n++; sum += d; seen[d]++ }
        }"""
    + _MAWK_TIMES,
}


def read_mawk(kind: str, stdout: bytes) -> Answer:
    """The answer in what `MAWK[kind]` printed."""
    *values, last = stdout.decode().splitlines()
    _, requests, errors, total = last.split()
    if kind == "access":
        return Answer(requests=int(requests), errors=int(errors), bytes_sent=int(total))
    pairs = (line.split() for line in values)
    p50, p95, p99 = nearest_ranks((float(value), int(count)) for value, count in pairs)
    return Answer(
        requests=int(requests),
        errors=int(errors),
        mean_ms=float(total) / int(requests) if int(requests) else None,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


# ---------------------------------------------------------------------------------------------

PYTHON_PEERS: Final[Mapping[str, Callable[[str, str], tuple[Any, ...]]]] = {
    "duckdb": duckdb,
    "polars": polars,
    "chdb": chdb,
}


def is_installed(name: str) -> bool:
    """Whether the peer can be run from here; does not import it."""
    if name in PYTHON_PEERS:
        return importlib.util.find_spec(name) is not None
    return shutil.which(name) is not None


def command(name: str, kind: str, path: Path) -> list[str]:
    """What to run for a peer."""
    if name in PYTHON_PEERS:
        return [sys.executable, "-m", "tests.bench.peers", name, kind, str(path)]
    return [name, MAWK[kind], str(path)]


def read_answer(name: str, kind: str, stdout: bytes) -> Answer:
    """The answer in what `command` printed."""
    if name in PYTHON_PEERS:
        return Answer.from_dict(json.loads(stdout))
    return read_mawk(kind, stdout)


def _main() -> None:
    """NAME KIND PATH: prints the answer as JSON."""
    name, kind, path = sys.argv[1:]
    row = PYTHON_PEERS[name](kind, path)
    json.dump(dict(zip(names_of(kind), row, strict=True)), sys.stdout)


if __name__ == "__main__":
    _main()
