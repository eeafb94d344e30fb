"""`logan.records`: columns, selection, streams, failures."""

from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.errors import InputError, UsageError

pa = pytest.importorskip("pyarrow")

LOG = (
    '{"time":"2024-01-24T10:15:32Z","level":"info","msg":"a","user":7,"ok":true,"x":"1.5"}\n'
    '{"time":"2024-01-24T10:16:32Z","level":"error","msg":"b","user":"seven","ok":"no"}\n'
)


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "app.log"
    path.write_text(LOG)
    return str(path)


def rows(records: logan.Records) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.table(records).to_pylist()
    return found


def test_keys_have_types_and_misfits_are_counted(log: str) -> None:
    records = logan.records(log, columns="json.user:int,json.ok:bool,json.x:float,json.none")
    assert rows(records) == [
        {"json.user": 7, "json.ok": True, "json.x": 1.5, "json.none": None},
        {"json.user": None, "json.ok": None, "json.x": None, "json.none": None},
    ]
    assert records.stats().misfits == {"json.user": 1, "json.ok": 1}
    assert rows(logan.records(log, columns=["json.user"])) == [
        {"json.user": "7"},
        {"json.user": "seven"},
    ]


@pytest.mark.parametrize(
    ("columns", "message", "hint"),
    [
        (["statsu"], "there is no column 'statsu'", "did you mean status?"),
        (["nothing-like-it"], "there is no column", "known columns: time, level"),
        (["json."], "expected the name of a key", "json.KEY:int"),
        (["status:int"], "only keys", "json.KEY"),
        ([], "names no column", "known columns"),
        (["json.a", "json.a:int"], "names json.a twice", ""),
        ([f"json.k{n}" for n in range(9)], "more than 8 different keys", ""),
        (["time"] * 300, "at most 256", ""),
    ],
)
def test_columns_that_there_are_not(log: str, columns: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        list(logan.records(log, columns=columns))
    assert message in str(raised.value)
    assert hint in (raised.value.hint or "")


def test_selection_is_that_of_analyze(log: str) -> None:
    for options in (
        {"where": "level=error"},
        {"since": "2024-01-24 10:16"},
        {"until": "2024-01-25"},
    ):
        report = logan.analyze(log, **options)  # type: ignore[arg-type]
        records = logan.records(log, **options)  # type: ignore[arg-type]
        assert len(rows(records)) == report.lines.parsed
        assert records.stats().lines["filtered"] == report.lines.filtered


def test_a_file_can_be_read_any_number_of_times(log: str) -> None:
    records = logan.records(log)
    assert rows(records) == rows(records)
    assert [len(batch) for batch in records] == [2]
    assert repr(next(iter(records))) == "Batch(rows=2, columns=16)"
    records.__arrow_c_stream__()  # not read: nothing is held up
    assert len(rows(records)) == 2


@pytest.mark.parametrize("packed", [False, True])
def test_a_pipe_is_read_once(tmp_path: Path, packed: bool) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    content = gzip.compress(LOG.encode()) if packed else LOG.encode()
    writer = threading.Thread(target=fifo.write_bytes, args=(content,))
    writer.start()
    records = logan.records(fifo, columns="message")
    writer.join()
    schema_only = records.__arrow_c_stream__()  # looks at the schema, as DuckDB does
    assert [row["message"] for row in rows(records)] == ["a", "b"]
    with pytest.raises(InputError, match="can be read only once"):
        rows(records)
    assert schema_only is not None
    records.close()


def test_order_is_that_of_the_inputs(tmp_path: Path, log: str) -> None:
    names = []
    for n in (3, 1, 2):
        path = tmp_path / f"{n}.log{'.gz' if n == 1 else ''}"
        content = LOG.encode()
        path.write_bytes(gzip.compress(content) if n == 1 else content)
        names.append(str(path))
    found = [row["source"] for row in rows(logan.records(names, columns="source"))]
    assert found == [name for name in names for _ in range(2)]


def test_what_cannot_be_read_is_raised_or_noted(tmp_path: Path, log: str) -> None:
    damaged = tmp_path / "x.log.gz"
    damaged.write_bytes(gzip.compress(LOG.encode() * 200)[:-30])
    with pytest.raises(InputError, match=r"x\.log\.gz"):
        list(logan.records([str(damaged), log]))
    records = logan.records([str(damaged), log, str(tmp_path / "none")], errors="report")
    assert len(rows(records)) >= 2
    stats = records.stats()
    assert not stats.complete
    assert [Path(each.input).name for each in stats.failures] == ["none", "x.log.gz"]
    with pytest.raises(InputError, match="none"):
        logan.records(tmp_path / "none")


def test_a_file_that_changed_is_not_handed_out_as_if_it_had_not(log: str) -> None:
    records = logan.records(log)
    Path(log).write_text(LOG[:40])
    with pytest.raises(InputError, match="changed"):
        list(records)


def test_leaving_early_stops_the_scan(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    path.write_text(LOG * 60_000)
    for batch in logan.records(path, threads=2):
        assert len(batch)
        break
    reader = pa.RecordBatchReader.from_stream(logan.records(path, threads=2))
    reader.read_next_batch()
    del reader


def test_constructors_that_do_not_read_arrow_say_what_does(log: str) -> None:
    """pandas would make a frame of the batches, and of a report's table one of its keys."""
    pd = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match=r"pa\.table\(records\)\.to_pandas\(\)"):
        pd.DataFrame(logan.records(log))
    with pytest.raises(TypeError, match=r"pd\.DataFrame\(report\.series\.columns\(\)\)"):
        pd.DataFrame(logan.analyze(log).series)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Status", "status"), ("url", "path"), ("ip", "client"), ("latency", "duration_ms")],
)
def test_names_from_elsewhere_are_understood_in_hints(log: str, name: str, meant: str) -> None:
    with pytest.raises(UsageError) as raised:
        logan.records(log, columns=[name])
    assert raised.value.hint == f"did you mean {meant}?"


def test_what_a_notebook_shows(log: str, tmp_path: Path) -> None:
    records = logan.records(log)
    html = records._repr_html_()
    assert "the first 2 rows" in html
    assert "2024-01-24 10:15:32Z" in html
    assert "<td>ERROR</td>" in html
    assert 'title="Response time in milliseconds."' in html
    assert "<script" not in html
    # Looking is not reading: what `stats` says is of the caller's own scans.
    assert records.stats().rows == 0
    hostile = tmp_path / "hostile.log"
    hostile.write_text(LOG.replace('"a"', '"<script>alert(1)</script>' + "x" * 99 + '"'))
    html = logan.records(hostile)._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;xx" in html
    assert "…</td>" in html
    assert "no rows" in logan.records(log, where="status=999")._repr_html_()
    Path(log).write_text(LOG[:30])
    assert "changed" in records._repr_html_()


def test_looking_for_rows_ends(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from logan.record_stream import preview

    monkeypatch.setattr(preview, "PATIENCE_S", 0.0)
    Path(log).write_text(LOG * 20_000)
    html = logan.records(log, where="status=999")._repr_html_()
    assert "no row was found in the first 0 s" in html or "no rows" in html
