"""Records as a Dask data frame."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import pytest

import logan
from logan.errors import UsageError
from logan.options import Options
from logan.planning.prepare import prepare
from logan.record_stream import Records

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module", autouse=True)
def _dask() -> None:
    """Imported by the process that runs these tests, not by all that collect them."""
    pytest.importorskip("dask.dataframe")


LINE = "2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"


def test_partitions_are_the_records(tmp_path: Path) -> None:
    paths = [tmp_path / "a.log", tmp_path / "b.log.gz"]
    paths[0].write_text(LINE * 50 + "nonsense\n" + LINE.replace("INFO", "ERROR") * 3)
    paths[1].write_bytes(gzip.compress(LINE.encode() * 7))
    job = prepare([str(path) for path in paths], Options(chunk_size=500))
    records = Records(job, ["level", "offset", "source", "duration_ms"], threads=2)
    parts = records.partitions()
    assert len(parts) == len(job.plan.chunks) > 5
    tables = [pa.table(pickle.loads(pickle.dumps(part))) for part in parts]
    rows = [row for table in tables for row in table.to_pylist()]
    assert rows == pa.table(records).to_pylist()
    frame = logan.to_dask(records)
    assert frame.npartitions == len(parts)
    computed = frame.compute(scheduler="synchronous")
    assert computed["level"].to_list() == [row["level"] for row in rows]
    assert (computed.dtypes == frame.dtypes).all()
    assert frame["duration_ms"].sum().compute(scheduler="synchronous") == 60 * 127.0


def test_what_has_no_parts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(LINE)
    with pytest.raises(UsageError, match="column line"):
        logan.records(path, columns="line", engine="dask")
    with pytest.raises(UsageError, match="continues"):
        logan.records(path, continuation=True, engine="dask")
    with pytest.raises(UsageError, match="no engine is called"):
        logan.records(path, engine="dusk")
    reading, writing = os.pipe()
    os.write(writing, LINE.encode())
    os.close(writing)
    with pytest.raises(UsageError, match="read apart"):
        logan.records(f"/dev/fd/{reading}", engine="dask")
    os.close(reading)
