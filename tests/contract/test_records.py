"""A record in Arrow says what the report counted, for every format; readers of Arrow and of files
agree; and where a log is cut makes no difference."""

from __future__ import annotations

import gzip
import json
import math
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import logan
from logan.options import Options
from logan.planning.prepare import prepare
from logan.record_stream import Records, column_names, standard_columns

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
pl = pytest.importorskip("polars")
duckdb = pytest.importorskip("duckdb")

FOLDER = Path(__file__).resolve().parents[2] / "test_vectors" / "formats"
VECTORS = sorted(path.parent.name for path in FOLDER.glob("*/sample.log"))
ANCHOR = datetime(2024, 2, 1, tzinfo=UTC)
ALL = [*standard_columns(), "line", "duration_ns", "query"]


def rows_of(records: Records) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(records).to_pylist()
    return rows


def count(rows: list[dict[str, Any]], column: str) -> dict[str, int]:
    return dict(Counter(str(row[column]) for row in rows if row[column] is not None))


@pytest.mark.parametrize("vector", VECTORS)
def test_records_are_what_the_report_counted(vector: str) -> None:
    path = FOLDER / vector / "sample.log"
    report = logan.analyze(path, anchor=ANCHOR).to_dict()
    records = logan.records(path, anchor=ANCHOR, columns=ALL, malformed=True, continuation=True)
    rows = rows_of(records)
    lines = {key: value for key, value in report["lines"].items() if key != "skipped_bytes"}
    stats = records.stats()
    assert dict(stats.lines) == lines
    assert stats.complete
    assert stats.rows == len(rows)
    assert not stats.misfits
    kinds = count(rows, "kind")
    found = [row for row in rows if row["kind"] == "record"]
    assert len(found) == lines["parsed"]
    assert kinds.get("malformed", 0) == lines["malformed"]
    assert kinds.get("continuation", 0) == lines["continuation"]
    assert count(found, "status") == {k: v for k, v in report["status"].items() if v}
    levels = {k: v for k, v in report["levels"].items() if v and k != "NONE"}
    assert count(found, "level") == levels
    sizes = [row["bytes"] for row in found if row["bytes"] is not None]
    assert (sum(sizes) if sizes else None) == report["bytes_sent"]
    times = [row["duration_ms"] for row in found if row["duration_ms"] is not None]
    latency = report["response_time_ms"]
    assert len(times) == latency["count"]
    if times:
        assert math.fsum(times) / len(times) == pytest.approx(latency["mean"])
        assert max(times) == pytest.approx(latency["max"])
    errors = report["errors"]["total"]
    if errors is not None:
        is_error = [
            row["level"] in ("ERROR", "FATAL") or 500 <= (row["status"] or 0) < 600 for row in found
        ]
        assert sum(is_error) == errors
    content = path.read_bytes()
    assert [row["offset"] for row in rows] == sorted(row["offset"] for row in rows)
    for row in rows:
        assert content[: row["offset"]].count(b"\n") + 1 == row["line"]
        ns, ms = row["duration_ns"], row["duration_ms"]
        assert ms == (None if ns is None else ns / 1e6)


def facts_of(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says that its records must add up to."""
    times = [report["time"][each] for each in ("first", "last")]
    latency = report["response_time_ms"]
    return {
        "records": report["lines"]["parsed"],
        "first": times[0] and nanoseconds(times[0]),
        "last": times[1] and nanoseconds(times[1]),
        "status": {int(k): v for k, v in report["status"].items() if v},
        "levels": {k: v for k, v in report["levels"].items() if v and k != "NONE"},
        "bytes": report["bytes_sent"],
        "timed": latency["count"],
        "total_ms": pytest.approx((latency["mean"] or 0) * latency["count"], abs=1e-6),
        "slowest_ms": pytest.approx(latency["max"]),
    }


def nanoseconds(text: str) -> int:
    """Since 1970, of RFC 3339 text in UTC with up to nine decimals."""
    seconds, _, decimals = text.removesuffix("Z").partition(".")
    whole = datetime.fromisoformat(seconds).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 10**9 + int(decimals.ljust(9, "0"))


def by_pyarrow(records: Records) -> dict[str, Any]:
    table = pa.table(records)
    pc = pytest.importorskip("pyarrow.compute")

    def counts(name: str) -> dict[Any, int]:
        found = pc.value_counts(table[name].combine_chunks()).to_pylist()
        return {each["values"]: each["counts"] for each in found if each["values"] is not None}

    times = pc.min_max(table["time"].cast(pa.int64())).as_py()
    return {
        "records": table.num_rows,
        "first": times["min"],
        "last": times["max"],
        "status": counts("status"),
        "levels": counts("level"),
        "bytes": pc.sum(table["bytes"]).as_py(),
        "timed": pc.count(table["duration_ms"]).as_py(),
        "total_ms": pc.sum(table["duration_ms"]).as_py() or 0,
        "slowest_ms": pc.max(table["duration_ms"]).as_py(),
    }


def by_polars(records: Records) -> dict[str, Any]:
    frame = pl.DataFrame(records)

    def counts(name: str, kind: Any) -> dict[Any, int]:
        return dict(frame[name].drop_nulls().cast(kind).value_counts().rows())

    times = frame["time"].to_physical()
    sizes = frame["bytes"].drop_nulls()
    return {
        "records": frame.height,
        "first": times.min(),
        "last": times.max(),
        "status": counts("status", pl.Int64),
        "levels": counts("level", pl.String),
        "bytes": sizes.sum() if len(sizes) else None,
        "timed": frame["duration_ms"].count(),
        "total_ms": frame["duration_ms"].sum(),
        "slowest_ms": frame["duration_ms"].max(),
    }


def by_pandas(records: Records) -> dict[str, Any]:
    frame = pa.table(records).to_pandas()

    def counts(name: str) -> dict[Any, int]:
        return {k: int(v) for k, v in frame[name].value_counts().items() if v}

    times = frame["time"].dropna().astype("int64")
    return {
        "records": len(frame),
        "first": int(times.min()) if len(times) else None,
        "last": int(times.max()) if len(times) else None,
        "status": counts("status"),
        "levels": counts("level"),
        "bytes": int(frame["bytes"].sum()) if frame["bytes"].count() else None,
        "timed": int(frame["duration_ms"].count()),
        "total_ms": float(frame["duration_ms"].sum()),
        "slowest_ms": frame["duration_ms"].max() if frame["duration_ms"].count() else None,
    }


def by_duckdb(records: Records) -> dict[str, Any]:
    query = """
        select count(*), epoch_us(min(time)::timestamptz), epoch_us(max(time)::timestamptz),
            sum(bytes)::bigint, count(duration_ms), coalesce(sum(duration_ms), 0), max(duration_ms),
            histogram(status), histogram(level::varchar)
        from records
    """
    (row,) = duckdb.sql(query).fetchall()
    names = ("records", "first_us", "last_us", "bytes", "timed", "total_ms", "slowest_ms")
    return {**dict(zip(names, row, strict=False)), "status": row[7] or {}, "levels": row[8] or {}}


@pytest.mark.parametrize("vector", VECTORS)
def test_every_reader_says_what_the_report_counted(vector: str) -> None:
    path = FOLDER / vector / "sample.log"
    expected = facts_of(logan.analyze(path, anchor=ANCHOR, explain=False).to_dict())
    records = logan.records(path, anchor=ANCHOR)
    for read in (by_pyarrow, by_polars, by_pandas):
        assert read(records) == expected, read.__name__
    for name in ("first", "last"):  # DuckDB's TIMESTAMPTZ has microseconds
        ns = expected.pop(name)
        expected[f"{name}_us"] = ns and pytest.approx(ns / 1000, rel=0, abs=1)
    assert by_duckdb(records) == expected


def exported(records: Records, kind: str, path: Path) -> None:
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        records.scan().write(kind, fd)
    finally:
        os.close(fd)


def test_all_readers_of_parquet_read_the_same(tmp_path: Path) -> None:
    paths = [FOLDER / vector / "sample.log" for vector in VECTORS]
    records = logan.records(paths, anchor=ANCHOR, malformed=True)
    path = tmp_path / "all.parquet"
    exported(records, "parquet", path)
    expected = pa.table(records)
    read = pq.read_table(path)
    assert read.schema.field("time").type == pa.timestamp("ns", "UTC")
    assert [read.schema.field(name).type for name in ("status", "bytes", "duration_ms")] == [
        pa.int16(),
        pa.int64(),
        pa.float64(),
    ]
    for name in read.schema.names:
        assert read.schema.field(name).metadata[b"description"]
        assert read[name].to_pylist() == expected[name].to_pylist(), name
    count = expected.num_rows
    by_polars = pl.read_parquet(path)
    assert by_polars.height == count
    for name in ("status", "bytes", "duration_ms", "route", "message", "kind", "source"):
        assert by_polars[name].to_list() == expected[name].to_pylist(), name
        by_duckdb = duckdb.sql(f"select {name} from '{path}'").fetchall()
        assert [value for (value,) in by_duckdb] == expected[name].to_pylist(), name
    nanoseconds = pl.DataFrame(records)["time"].to_physical().to_list()
    assert by_polars["time"].to_physical().to_list() == nanoseconds
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_every_kind_of_file_holds_every_row(tmp_path: Path) -> None:
    paths = [FOLDER / vector / "sample.log" for vector in VECTORS]
    records = logan.records(paths, anchor=ANCHOR)
    expected = pa.table(records)
    exported(records, "arrow", tmp_path / "x.arrow")
    with pa.ipc.open_file(tmp_path / "x.arrow") as file:
        read = file.read_all()
    for name in expected.schema.names:
        assert read[name].to_pylist() == expected[name].to_pylist(), name
    exported(records, "jsonl", tmp_path / "x.jsonl")
    lines = (tmp_path / "x.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == expected.num_rows
    for line, status, route in zip(
        lines, expected["status"].to_pylist(), expected["route"].to_pylist(), strict=True
    ):
        row = json.loads(line)
        assert (row.get("status"), row.get("route")) == (status, route)
    exported(records, "csv", tmp_path / "x.csv")
    read_csv = duckdb.sql(f"select count(*), sum(status) from read_csv('{tmp_path}/x.csv')")
    statuses = [each for each in expected["status"].to_pylist() if each is not None]
    assert read_csv.fetchall() == [(expected.num_rows, sum(statuses))]


def test_one_line_each_into_what_reads_arrow() -> None:
    records = logan.records(FOLDER / "combined" / "sample.log")
    rows = pa.table(records).num_rows
    assert rows > 0
    assert pl.DataFrame(records).height == rows
    assert len(pa.table(records).to_pandas()) == rows
    assert duckdb.sql("from records").fetchall()
    assert sum(pa.record_batch(batch).num_rows for batch in records) == rows
    assert pa.schema(records.schema) == pa.table(records).schema


LINES = [
    "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
    "2024-01-24 10:15:33.124 ERROR Database connection failed",
    "java.lang.IllegalStateException: no room",
    "\tat com.foo.Bar.baz(Bar.java:12)",
    "\tat com.foo.Bar.run(Bar.java:7)",
    '127.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a/17?b=1 HTTP/1.1" 503 512 "-" "x"',
    '{"time": "2024-01-24T10:15:33Z", "level": "warn", "msg": "m", "status": 404, "n": 5}',
    "no format",
    "",
    "x" * 300,
]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    lines=st.lists(st.sampled_from(LINES), max_size=60),
    chunk_size=st.integers(40, 900),
    where=st.sampled_from([None, "level=ERROR", "status>=400", "not level=ERROR"]),
    end=st.sampled_from(["", "\n"]),
)
def test_where_a_log_is_cut_does_not_show(
    tmp_path: Path, lines: list[str], chunk_size: int, where: str | None, end: str
) -> None:
    path = tmp_path / "app.log"
    path.write_text(LINES[0] + "\n" + "\n".join(lines) + end)
    columns = ["line", "offset", "message", "level", "status", "json.n:int", "path"]

    def read(path: Path, size: int, threads: int) -> Any:
        job = prepare([str(path)], Options(chunk_size=size, where=where))
        records = Records(job, columns, threads=threads, malformed=True, continuation=True)
        return pa.table(records).to_pylist(), records.stats()

    whole, stats = read(path, 1 << 20, 1)
    cut, others = read(path, chunk_size, 3)
    assert cut == whole
    assert others == stats
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(packed, 1 << 20, 2)[0] == whole
    kinds = Counter(row["kind"] for row in whole)
    assert kinds["record"] == stats.lines["parsed"]
    if where is None:
        assert kinds["continuation"] == stats.lines["continuation"]
    # A continuation line is there if its record is.
    kept = [row["line"] for row in whole if row["kind"] == "record"]
    everything = logan.records(path, columns=["line"], malformed=True, continuation=True)
    owner, expected = 0, []
    for row in rows_of(everything):
        if row["kind"] == "record":
            owner = row["line"]
        if row["kind"] == "continuation" and owner in kept:
            expected.append(row["line"])
    assert [row["line"] for row in whole if row["kind"] == "continuation"] == expected


def test_every_column_can_be_asked_for_alone() -> None:
    path = FOLDER / "combined-time" / "sample.log"
    path = path if path.exists() else FOLDER / "combined" / "sample.log"
    everything = pa.table(logan.records(path, columns=column_names()))
    for name in column_names():
        alone = pa.table(logan.records(path, columns=name))
        assert alone.column_names == [name]
        assert alone[name].to_pylist() == everything[name].to_pylist()
