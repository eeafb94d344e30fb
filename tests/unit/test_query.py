"""Which columns of the records a statement needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.sql import plain_cell
from logan.query import Query

pytest.importorskip("duckdb")


@pytest.mark.parametrize(
    ("sql", "columns", "count"),
    [
        ("select route, count(*) from log where status >= 500 group by 1", "route status", 1),
        ("select count(*) from log", "", 1),
        ("select route from log order by bytes desc limit 3", "route bytes", 1),
        ("select count(*) from log where message like '%x%' or path = 'y'", "message path", 1),
        ("select a.route from log a join log b using (status) where b.bytes > 5", "", 2),
        ("with l as (from log) select max(bytes) from l where status in (1, 2)", "status bytes", 1),
        ('select "json.user" from log', "json.user", 1),
        ("select 'json.x' from log where host is null", "host", 1),
        ("select max(time) - min(time) from log", "time", 1),
        (
            "select status from (select *, row_number() over (order by time) r from log) "
            "where r = 1",
            "time status",
            1,
        ),
        ("select 1", "", 0),
    ],
)
def test_only_named_columns_are_read(sql: str, columns: str, count: int) -> None:
    scans = Query(sql).scans
    assert scans.count == count
    if columns:
        assert set(scans.columns) == set(columns.split())
    if sql == "select count(*) from log":
        assert scans.columns == ()


def test_the_stream_has_those_columns_alone(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text('{"time":"2024-01-24T10:15:32Z","level":"warn","msg":"a","n":7}\n')
    asked: list[list[str]] = []

    def opened(columns: Any) -> logan.Records:
        asked.append(list(columns))
        return logan.records(log, columns=columns)

    answer = Query('select level, "json.n" + 1 as m from log', ["json.n:int"]).run(opened)
    lists = [row for rows in answer.rows() for row in rows]
    assert lists == [("level", "m"), ("WARN", 8)]
    assert asked == [["level", "json.n:int"]]
    assert answer.records.stats().complete


def test_cells_of_csv_are_neither_formulas_nor_escapes(tmp_path: Path) -> None:
    import csv
    import json

    texts = ["=1+1", "\u00a0@SUM(1)", "\t-2", "\x1b[31mred", "\u202egnp", '"quoted", plain', "ok"]
    log = tmp_path / "a.log"
    line = {"time": "2024-01-24T10:15:32Z", "level": "warn", "n": -7}
    log.write_text("".join(json.dumps({**line, "msg": text}) + "\n" for text in texts))
    sql = 'select message, message as again, "json.n", raw from log order by "offset" -- the end'
    answer = Query(sql, ["json.n:int"]).run(lambda names: logan.records(log, columns=names))
    out = tmp_path / "out.csv"
    with out.open("wb") as file:
        answer.write(file.fileno(), "csv", plain_cell())
    head, *rows = csv.reader(out.read_text("utf-8").splitlines())
    assert head == ["message", "again", "json.n", "raw"]
    expected = ["'=1+1", "'\u00a0@SUM(1)", "\\t-2", "\\x1b[31mred", "\\u{202e}gnp", *texts[5:]]
    assert [row[0] for row in rows] == [row[1] for row in rows] == expected
    assert {row[2] for row in rows} == {"-7"}
    assert json.loads(rows[0][3])["msg"] == "=1+1"
