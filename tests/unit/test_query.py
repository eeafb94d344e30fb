"""Which columns of the records a statement needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import logan
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
