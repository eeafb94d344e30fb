"""What workers do with files of their own that are not the planned ones, and without room for
those they must fetch: real processes, real file systems.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster_processes import Cluster, Process, figures, log_lines
from tests.support.disks import small_disk

EDGE = 4 * 1024
LINES = 500_000


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One chunk of 32 MiB."""
    path = tmp_path_factory.mktemp("logs") / "app.log"
    path.write_text("".join(log_lines(LINES)))
    os.truncate(path, 32 << 20)
    return path


@pytest.fixture(scope="module")
def expected(log: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    with Cluster(tmp_path_factory.mktemp("local")) as cluster:
        local = cluster.start("local", "analyze", "--json", str(log))
        assert local.wait() == 0, local.err
        return figures(local.out)


def on_another_device(cluster: Cluster, name: str, log: Path, copy: Path) -> Process:
    """A worker that has `copy` where the log lies, on a file system that only it sees."""
    folder = log.parent
    script = f'mount -t tmpfs tmpfs {folder} && cp {copy} {log} && exec "$@"'
    isolated = ("unshare", "-m", "sh", "-c")
    able = os.geteuid() == 0 and (
        subprocess.run([*isolated, f"mount -t tmpfs tmpfs {folder}"], check=False).returncode == 0
    )
    if not able:
        pytest.skip("a file system of a process's own needs root")
    return cluster.worker(name, "--root", str(folder), prefix=(*isolated, script, "sh"))


def altered(log: Path, copy: Path, start: int, end: int) -> Path:
    data = log.read_bytes()
    changed = data[start:end].replace(b" INFO ", b" WARN ")
    assert changed != data[start:end]
    copy.write_bytes(data[:start] + changed + data[end:])
    return copy


def test_a_copy_on_another_device_that_differs_between_its_ends(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    """Nearly all of its blocks differ, so that it is found but once in more than 10^20 times."""
    copy = altered(log, tmp_path / "copy.log", EDGE, (32 << 20) - EDGE)
    done = cluster.coordinator("--json", str(log))
    on_another_device(cluster, "alice", log, copy)
    assert done.wait() == 0, done.err
    assert f"alice: {log}: the file on alice differs from the planned one after byte" in done.err
    assert figures(done.out) == expected
    assert done.json()["performance"]["alarms"] == []


def test_a_copy_of_which_a_part_was_read_before_it_was_found(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    """A quarter differs: of 128 blocks that are looked at, some lie there."""
    copy = altered(log, tmp_path / "copy.log", 20 << 20, 28 << 20)
    done = cluster.coordinator("--json", "--chunk-size", "1MiB", str(log))
    on_another_device(cluster, "alice", log, copy)
    assert done.wait() == 4, done.err
    report = done.json()
    (alarm,) = report["performance"]["alarms"]
    assert "the file on alice differs from the planned one after byte" in alarm
    assert "of it that alice scanned before may have been counted from other bytes" in alarm
    assert "differs from the planned one" in done.err
    assert report["lines"] == json.loads(expected)["lines"]


def test_a_true_copy_on_another_device(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.log"
    copy.write_bytes(log.read_bytes())
    done = cluster.coordinator("--json", str(log))
    on_another_device(cluster, "alice", log, copy)
    assert done.wait() == 0, done.err
    assert "differs" not in done.err
    assert figures(done.out) == expected


def test_workers_without_room_for_what_they_must_fetch(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with small_disk(tmp_path / "tiny", "300k") as tiny:
        environment = {"TMPDIR": str(tiny)}
        far = ("--root", str(tmp_path / "empty"))
        done = cluster.coordinator("--json", str(log))
        alice = cluster.worker("alice", *far, env=environment)
        alice.said(f"no room in {tiny} for the 33,554,432 bytes that must be fetched")
        # She stays, and the others do it.
        cluster.worker("bob", "--root", str(log.parent), connected=False)
        assert done.wait() == 0, done.err
        assert figures(done.out) == expected
        assert alice.err.count("connected") == 1
        assert alice.err.count("no room") == 1

        alone = cluster.coordinator("--json", str(log))
        carol = cluster.worker("carol", *far, env=environment)
        assert alone.wait() == 3, alone.err
        report = alone.json()
        assert report["partial"]
        assert f"no room in {tiny}" in report["missing"][0]["why"]
        assert "TMPDIR" in report["missing"][0]["why"]
        assert carol.err.count("connected") == 1
