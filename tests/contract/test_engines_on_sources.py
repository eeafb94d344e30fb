"""The same bytes give the same figures, wherever they lie and whichever engine reads them.

Every way in which a log can be given (a file, an archive, a pipe, an object on a server, that
compressed or in a tar or zip) against the plain file read in one go, for the formats whose lines
hang on lines before them and a few others, at chunk sizes that cut everything apart; and every
engine against every way.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import logan
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.worker.worker import Worker
from tests.support.dask_cluster import dask_cluster
from tests.support.served import served

VECTORS = Path(__file__).resolve().parents[2] / "test_vectors" / "formats"
ANCHOR = "2024-06-01T00:00:00Z"

FORMATS = [
    "w3c",
    "iis",
    "cloudfront",
    "cri",
    "docker",
    "journald-json",
    "journald-export",
    "mysql-slow",
    "dotnet",
    "erlang",
    "oracle-alert",
    "syslog",
    "app",
    "json",
]
MIXES = {"all": FORMATS, **{name: [name] for name in FORMATS}}
CHUNK_SIZES = [512, 4096]


def text_of(names: list[str]) -> bytes:
    """Some 60 KB: far more than a chunk, and columns that change in the middle."""
    samples = [(VECTORS / name / "sample.log").read_bytes() for name in names]
    once = b"".join(sample if sample.endswith(b"\n") else sample + b"\n" for sample in samples)
    lines = once.splitlines(keepends=True)
    data = once
    while len(data) < 60_000:
        # Without its first directive a log goes on in the columns that it had.
        data += b"".join(lines[len(data) % len(lines) :])
    return data


def tarred(*logs: bytes) -> bytes:
    """A tar with these logs, and one that is none."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number, data in enumerate((bytes(99), *logs)):
            info = tarfile.TarInfo(f"logs/{number}.log")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(*logs: bytes) -> bytes:
    """As `tarred`, as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, data in enumerate((bytes(99), *logs)):
            archive.writestr(f"logs/{number}.log", data)
    return buffer.getvalue()


def figures(report: Any) -> dict[str, Any]:
    """What does not say where a log lies."""
    found = report.to_dict() if isinstance(report, logan.Report) else dict(report)
    for key in ("performance", "inputs"):
        found.pop(key)
    for each in [*found["slowest"], *found["malformed"]["samples"], *found["missing"]]:
        each.pop("input")
    # What explains a finding is read again, which not every source allows.
    found["findings"] = [
        {key: each[key] for key in ("kind", "start", "end", "metric", "before", "during")}
        for each in found["findings"]
    ]
    return found


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {}


@pytest.fixture(scope="module")
def web(files: dict[str, bytes]) -> Iterator[str]:
    pytest.importorskip("obstore")
    with served(files) as url:
        yield url


def piped(data: bytes, chunk_size: int) -> dict[str, Any]:
    options = ["--json", "--anchor", ANCHOR, "--chunk-size", str(chunk_size)]
    found = subprocess.run(
        [sys.executable, "-m", "logan", "analyze", *options, "-"],
        input=data,
        stdout=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def analyze(path: str, chunk_size: int, **options: Any) -> dict[str, Any]:
    from datetime import datetime

    anchor = datetime.fromisoformat(ANCHOR)
    report = logan.analyze(path, chunk_size=chunk_size, anchor=anchor, errors="report", **options)
    return report.to_dict()


@pytest.mark.parametrize("mix", MIXES)
def test_every_way_in(mix: str, tmp_path: Path, web: str, files: dict[str, bytes]) -> None:
    data = text_of(MIXES[mix])
    path = tmp_path / "a.log"
    path.write_bytes(data)
    stored = {"a.log.gz": gzip.compress(data), "a.tar.gz": gzip.compress(tarred(data))}
    stored["a.zip"] = zipped(data)
    for name, packed in stored.items():
        (tmp_path / name).write_bytes(packed)
    files.update({"a.log": data, **stored})
    expected = figures(analyze(str(path), 1 << 24))
    assert expected["lines"]["total"] == data.count(b"\n")
    for chunk_size in CHUNK_SIZES:
        for where in (tmp_path, web):
            for name in ("a.log", *stored):
                found = figures(analyze(f"{where}/{name}", chunk_size, threads=2))
                assert found == expected, f"{where}/{name} in chunks of {chunk_size}"
    for packed in (data, *stored.values()):
        assert figures(piped(packed, CHUNK_SIZES[0])) == expected


def test_columns_that_change_too_often_for_a_list(tmp_path: Path) -> None:
    changes = []
    for number in range(1_000):
        changes.append(b"#Fields: date time sc-status x-%d time-taken\n" % number)
        changes.append(b"2024-01-24 10:15:%02d 200 - 127\n" % (number % 60))
    data = b"".join(changes)
    path = tmp_path / "a.log"
    path.write_bytes(data)
    found = analyze(str(path), 4096)
    assert found["lines"]["parsed"] == found["total_requests"] == 1_000
    assert found["response_time_ms"]["mean"] == 127.0
    assert figures(found) == figures(piped(data, 4096))


# --- Every engine -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dask_address() -> Iterator[str]:
    with dask_cluster(memory_limit=0) as cluster:
        yield cluster.scheduler_address


SOURCES = ["a.log", "a.log.gz", "cut.gz", "a.w3c", "a.tar", "a.tar.gz", "a.zip", "cut.zip"]
SOURCES += [
    f"url:{name}" for name in ("a.log", "a.w3c", "a.log.gz", "cut.gz", "a.tar.gz", "cut.zip")
]


@pytest.fixture(scope="module")
def given(
    tmp_path_factory: pytest.TempPathFactory, web: str, files: dict[str, bytes]
) -> dict[str, str]:
    """A path or URL for each of `SOURCES`."""
    folder = tmp_path_factory.mktemp("given")
    log, w3c = text_of(["app", "cri", "json"]), text_of(["w3c", "iis"])
    packed = gzip.compress(log)
    contents = {"a.log": log, "a.log.gz": packed, "cut.gz": packed[:-700], "a.w3c": w3c}
    tar, zip = tarred(log, log), zipped(log, log)
    contents |= {"a.tar": tar, "a.tar.gz": gzip.compress(tar), "a.zip": zip, "cut.zip": zip[:-700]}
    files.update(contents)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return {
        each: f"{web}/{each[4:]}" if each.startswith("url:") else str(folder / each)
        for each in SOURCES
    }


def by_cluster(paths: list[str], *, readable: bool = True) -> dict[str, Any]:
    """What a coordinator and two workers make of it; if not `readable`, the workers may read no
    file and are handed the bytes."""
    elsewhere = [os.path.dirname(__file__)]
    roots = [os.path.dirname(next(p for p in paths if "://" not in p))] if readable else elsewhere
    roots += [f"{os.path.dirname(path)}/" for path in paths if "://" in path]

    async def main() -> logan.Report:
        from datetime import datetime

        async with Coordinator(port=0) as coordinator, trio.open_nursery() as nursery:
            for name in ("alice", "bob"):
                address = f"localhost:{coordinator.port}"
                worker = Worker(name, address, roots=roots, threads=2)
                nursery.start_soon(worker.run)
            await coordinator.wait_for_workers(2)
            anchor = datetime.fromisoformat(ANCHOR)
            with trio.fail_after(60):
                id = await coordinator.distribute_work(paths, chunk_size=4096, anchor=anchor)
                running = coordinator.jobs[id]
                report = await coordinator.report_of(running.submitted)
            nursery.cancel_scope.cancel()
        return report

    return trio.run(main).to_dict()


def whole(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "performance"}


@pytest.mark.parametrize("engine", ["dask", "cluster", "cluster without files"])
def test_every_engine_and_every_way_in(
    engine: str, given: dict[str, str], request: pytest.FixtureRequest
) -> None:
    from datetime import datetime

    paths = list(given.values())
    options: dict[str, Any] = {"anchor": datetime.fromisoformat(ANCHOR), "errors": "report"}
    local = logan.analyze(paths, chunk_size=4096, **options).to_dict()
    assert [bool(each["error"]) for each in local["inputs"]] == ["cut" in name for name in given]
    assert local["partial"]
    assert len(local["missing"]) == 4
    if engine == "dask":
        address = request.getfixturevalue("dask_address")
        found = logan.analyze(paths, chunk_size=4096, engine=f"dask={address}", **options).to_dict()
    else:
        found = by_cluster(paths, readable=engine == "cluster")
    assert whole(found) == whole(local)
