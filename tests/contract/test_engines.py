"""Every engine gives the bytes of the local one: whatever the inputs, the chunks, the losses."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import engines
from logan._logan import Cancel, MergeTree, Summary
from logan.engines import ENGINES, dask, dask_connection
from logan.model import Chunk
from logan.options import Execution, Options
from logan.planning import spec
from logan.planning.prepare import prepare
from logan.report import RenderOptions, render
from tests.support.dask_cluster import dask_cluster

LOGS = Path(__file__).resolve().parents[2] / "test_vectors" / "logs"
INPUTS = [
    [LOGS / "mixed_format.log"],
    [LOGS / "normal.log", LOGS / "crlf.log", LOGS / "bom.log", LOGS / "no_final_newline.log"],
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Dask cluster of two processes, shared by the tests of this file."""
    with dask_cluster(memory_limit=0) as cluster:
        yield cluster


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "dask":
        return f"dask={request.getfixturevalue('cluster').scheduler_address}"
    return name


def figures(paths: list[Path], engine: str, **options: Any) -> dict[str, Any]:
    report = logan.analyze(paths, engine=engine, **options).to_dict()
    assert report.pop("performance")["engine"] == engine.partition("=")[0]
    return report


@pytest.mark.parametrize("paths", INPUTS, ids=["one", "several"])
def test_the_same_figures(engine: str, paths: list[Path]) -> None:
    expected = figures(paths, "local", chunk_size=4096, threads=1)
    assert figures(paths, engine, chunk_size=4096) == expected


@pytest.mark.parametrize(
    "by",
    [
        ["method,status", "time:1m", "source", 'message~"in (\\d)"'],
        ["timer", "outgoing", "protocol", "origin"],
    ],
)
def test_the_same_group_tables(engine: str, by: list[str]) -> None:
    options: dict[str, Any] = {"by": by, "step": "2s", "user_agents": "families"}
    expected = figures(INPUTS[0], "local", chunk_size=1 << 20, threads=1, **options)
    assert any(each["distinct"] for each in expected["groups"].values())
    assert figures(INPUTS[0], engine, chunk_size=4096, **options) == expected


def test_the_report_for_people_names_the_workers(cluster: Any) -> None:
    report = logan.analyze(INPUTS[0], engine=f"dask={cluster.scheduler_address}", chunk_size=4096)
    workers = report.to_dict()["performance"]["workers"]
    assert sum(each["chunks_done"] for each in workers) == 80
    assert sum(each["bytes"] for each in workers) == INPUTS[0][0].stat().st_size
    text = render("text", report, RenderOptions(width=80))
    assert "Workers" in text
    for each in workers:
        assert f"  {each['worker']}\n" in text


def test_progress_ends_at_the_end(engine: str) -> None:
    seen: list[tuple[int, int]] = []
    path = INPUTS[0][0]
    figures([path], engine, chunk_size=65536, progress=lambda *now: seen.append(now))
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert seen == sorted(seen)


def test_cancelled_at_once(engine: str) -> None:
    cancel = Cancel()
    cancel.set()
    report = figures(INPUTS[0], engine, cancel=cancel)
    assert report["partial"]
    assert report["total_requests"] == 0
    assert report["missing"][0]["end"] == INPUTS[0][0].stat().st_size


def test_what_changed_is_missing(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(INPUTS[0][0].read_bytes())

    inputs = [LOGS / "normal.log", path]
    job = prepare([str(each) for each in inputs], Options(chunk_size=4096))
    os.truncate(path, 100)
    result = engines.load(engine).run(job.plan, job.spec(), Execution(threads=1, cancel=Cancel()))
    assert {each.source for each in result.missing} == {1}
    assert {each.kind for each in result.missing} == {"changed"}
    assert result.summary.covered_bytes(0) == inputs[0].stat().st_size


@pytest.fixture
def planted_bug(monkeypatch: pytest.MonkeyPatch) -> str:
    """A text; the engine panics at every line with it."""
    text = "a planted bug is here"
    asked = spec._shared
    monkeypatch.setattr(spec, "_shared", lambda each: {**asked(each), "panic_on": text})
    monkeypatch.delenv("RUST_BACKTRACE", raising=False)  # it adds a backtrace to the output
    return text


@pytest.mark.parametrize("kind", ["log", "gz"])
def test_a_panic_costs_its_chunk_on_every_engine(
    engine: str, tmp_path: Path, planted_bug: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = (LOGS / "normal.log").read_bytes().splitlines(keepends=True)
    lines[500:500] = [f"2024-01-24 10:15:32 ERROR {planted_bug}\n".encode()]
    log = b"".join(lines)
    at = log.index(planted_bug.encode())
    start = at - at % 4096
    path = tmp_path / f"a.{kind}"
    path.write_bytes(log if kind == "log" else gzip.compress(log, mtime=0))
    options: dict[str, Any] = {"chunk_size": 4096, "errors": "report"}
    found = figures([path], engine, **options)
    assert found == figures([path], "local", threads=1, **options)
    assert found["partial"]
    [missing] = found["missing"]
    assert (missing["start"], missing["end"]) == (start, start + 4096)
    [entry] = found["inputs"]
    packed = "" if kind == "log" else " of what it decodes to"
    said = f"{path}: the engine failed on bytes {start} to {start + 4096}{packed}: a planted bug"
    assert entry["error"].startswith(said)
    # Nothing but that one chunk.
    expected = logan.analyze(LOGS / "normal.log", chunk_size=4096)
    assert found["lines"]["total"] > 0.8 * expected["lines"]["total"]
    assert "panicked" not in capfd.readouterr().err


def test_unknown_engines_and_addresses() -> None:
    with pytest.raises(logan.UsageError, match="no engine is called 'spark'"):
        engines.load("spark")
    with pytest.raises(logan.UsageError, match="does not accept an address"):
        engines.load("local=x")
    with pytest.raises(logan.UsageError, match="names no address"):
        engines.load("dask=")


def test_a_dask_worker_killed_in_the_middle_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    path.write_bytes(INPUTS[0][0].read_bytes() * 40)
    expected = figures([path], "local", chunk_size=32768)
    with cluster.get_client() as client:
        pids = list(client.run(os.getpid).values())
    killed: list[int] = []

    def kill_one(done: int, total: int) -> None:
        if not killed and 0 < done < total:
            os.kill(pids[0], signal.SIGKILL)
            killed.append(done)

    address = f"dask={cluster.scheduler_address}"
    assert figures([path], address, chunk_size=32768, progress=kill_one) == expected
    assert killed


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_connection, "CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(logan.ClusterError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1"):
        figures(INPUTS[0], "dask=tcp://127.0.0.1:1")


def test_another_version_is_refused(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logan._logan.__version__", "0.0.1")
    with pytest.raises(logan.ClusterError, match=r"has logan .*, this is 0\.0\.1"):
        figures(INPUTS[0], f"dask={cluster.scheduler_address}")


def test_blocks_are_whole_subtrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "BLOCKS_MAX", 4)
    chunks = [Chunk(i, 0, i, i + 1) for i in range(19)]
    made = dask.blocks(chunks)
    assert [len(block) for block in made] == [8, 8, 3]
    assert [chunk for block in made for chunk in block] == chunks
    # And so the tree over blocks is the rest of the tree over chunks.
    path = INPUTS[0][0]
    spec = logan.make_spec(path)
    size = path.stat().st_size
    edges = [size * i // 19 for i in range(20)]
    leaves = [Summary.from_chunk(str(path), start, end, spec) for start, end in pairwise(edges)]
    whole, upper = MergeTree(spec), MergeTree(spec)
    for i, leaf in enumerate(leaves):
        whole.insert(i, leaf)
    for i, block in enumerate(made):
        lower = MergeTree(spec)
        for place, chunk in enumerate(block):
            lower.insert(place, leaves[chunk.id])
        upper.insert(i, lower.finish())
    assert upper.finish().to_bytes() == whole.finish().to_bytes()
