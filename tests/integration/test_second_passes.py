"""Findings of a cluster are explained by its workers, as on one machine, whatever dies.

Real processes and sockets.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

import logan
from test_vectors.incidents.quiet import make_log
from tests.support.cluster_processes import Cluster, figures, wait_until
from tests.support.scanner_log import write_scanner_log

CHUNK = 64 * 1024
OPTIONS = ("--chunk-size", str(CHUNK), "--json")
SLOW = ("--pace", "2", "--threads", "1")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some dozens of chunks, with errors that one host carries."""
    path = tmp_path_factory.mktemp("logs") / "incident.log"
    ((_, data),) = make_log("error_burst", 1, scale=0.3).files
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> str:
    with chdir(log.parent):
        report = logan.analyze(log.name, chunk_size=CHUNK)
    assert any(each["explained"] == "second_pass" for each in report["findings"])
    return figures(report.to_json())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def explaining(cluster: Cluster) -> bool:
    """Whether a chunk of a second pass is leased, or done."""
    jobs = cluster.status()["jobs"]
    return any("explains" in each["name"] for each in jobs)


def test_the_workers_explain_what_one_machine_does(
    cluster: Cluster, log: Path, expected: str
) -> None:
    done = cluster.coordinator(*OPTIONS, log.name, cwd=log.parent)
    for name in ("alice", "bob"):
        cluster.worker(name, "--root", str(log.parent), connected=False)
    assert done.wait() == 0, done.err
    assert figures(done.out) == expected


@pytest.mark.parametrize("kind", ["latency_shift", "bot", "bad_clock"])
def test_findings_of_all_kinds_have_the_same_bytes(
    kind: str, cluster: Cluster, tmp_path: Path
) -> None:
    """Each kind asks other questions; two workers answer them."""
    (tmp_path / "logs").mkdir()
    ((name, data),) = make_log(kind, 1, scale=0.3).files
    (tmp_path / "logs" / name).write_bytes(data)
    with chdir(tmp_path / "logs"):
        report = logan.analyze(name, chunk_size=CHUNK)
    assert any(each["explained"] == "second_pass" for each in report["findings"])
    cluster.coordinator("--root", str(tmp_path / "logs"))
    for worker in ("alice", "bob"):
        cluster.worker(worker, "--root", str(tmp_path / "logs"))
    done = cluster.submit(*OPTIONS, name, cwd=tmp_path / "logs")
    assert done.wait() == 0, done.err
    assert figures(done.out) == figures(report.to_json())


def test_a_finding_without_an_interval_has_the_same_bytes(cluster: Cluster, tmp_path: Path) -> None:
    """Nothing is read again for it: the tables of all workers together tell."""
    folder = tmp_path / "logs"
    folder.mkdir()
    write_scanner_log(folder / "access.log")
    with chdir(folder):
        report = logan.analyze("access.log", chunk_size=CHUNK)
    assert [each["kind"] for each in report["findings"]] == ["client_errors"]
    cluster.coordinator("--root", str(folder))
    for worker in ("alice", "bob"):
        cluster.worker(worker, "--root", str(folder))
    done = cluster.submit(*OPTIONS, "access.log", cwd=folder)
    assert done.wait() == 0, done.err
    assert figures(done.out) == figures(report.to_json())


def test_a_client_that_wants_no_explanation(cluster: Cluster, log: Path) -> None:
    cluster.coordinator("--root", str(log.parent))
    cluster.worker("alice", "--root", str(log.parent))
    done = cluster.submit(*OPTIONS, "--no-explain", str(log))
    assert done.wait() == 0, done.err
    found = done.json()["findings"]
    assert found
    assert all(each["explained"] == "summary" for each in found)
    assert "no second pass was made" in {each["why_not"] for each in found}


def test_a_worker_that_dies_while_it_explains(cluster: Cluster, log: Path, expected: str) -> None:
    cluster.coordinator("--root", str(log.parent))
    slow = cluster.worker("alice", *SLOW, "--root", str(log.parent))
    done = cluster.submit(*OPTIONS, log.name, cwd=log.parent)
    wait_until(lambda: explaining(cluster), "a second pass")
    slow.send(signal.SIGKILL)
    cluster.worker("bob", "--root", str(log.parent))
    assert done.wait() == 0, done.err
    assert figures(done.out) == expected


def test_a_coordinator_that_dies_while_it_explains(
    cluster: Cluster, log: Path, expected: str
) -> None:
    """The journal has all of the job, and nothing of what explains it."""
    state = str(cluster.folder / "state")
    cluster.take_port()
    options = ("--root", str(log.parent), "--state", state)
    first = cluster.coordinator(*options, port=cluster.port)
    cluster.worker("alice", *SLOW, "--root", str(log.parent))
    done = cluster.submit(*OPTIONS, log.name, cwd=log.parent)
    wait_until(lambda: explaining(cluster), "a second pass")
    first.send(signal.SIGKILL)
    first.popen.wait()
    cluster.worker("bob", "--root", str(log.parent), connected=False)
    cluster.coordinator(*options, port=cluster.port)
    assert done.wait() == 0, done.err
    assert figures(done.out) == expected


def test_a_coordinator_that_is_stopped_while_it_explains_goes_on(
    cluster: Cluster, log: Path, expected: str
) -> None:
    state = str(cluster.folder / "state")
    cluster.take_port()
    options = ("--root", str(log.parent), "--state", state)
    first = cluster.coordinator(*options, port=cluster.port)
    cluster.worker("alice", *SLOW, "--root", str(log.parent), connected=False)
    done = cluster.submit(*OPTIONS, log.name, cwd=log.parent)
    wait_until(lambda: explaining(cluster), "a second pass")
    first.send(signal.SIGINT)
    first.wait()
    cluster.coordinator(*options, port=cluster.port)
    cluster.worker("bob", "--root", str(log.parent), connected=False)
    assert done.wait() == 0, done.err
    assert figures(done.out) == expected


def test_logs_that_only_workers_have(cluster: Cluster, log: Path, expected: str) -> None:
    """The chunks around the interval are read again, by those who have them."""
    (cluster.folder / "nothing").mkdir()
    cluster.coordinator("--root", str(cluster.folder / "nothing"))
    cluster.worker("alice", "--root", str(log.parent))
    done = cluster.submit(*OPTIONS, "--on-workers", str(log))
    assert done.wait() == 0, done.err
    assert told(done.json()) == told(json.loads(expected))


def test_what_only_workers_have_is_explained_by_a_coordinator_that_took_the_job_up(
    cluster: Cluster, log: Path, expected: str
) -> None:
    """It knows from the journal which chunks are around the interval."""
    (cluster.folder / "nothing").mkdir()
    cluster.take_port()
    options = ("--root", "nothing", "--state", str(cluster.folder / "state"))
    first = cluster.coordinator(*options, port=cluster.port)
    cluster.worker("alice", "--pace", "30", "--threads", "1", "--root", str(log.parent))
    done = cluster.submit("--chunk-size", "4096", "--json", "--on-workers", str(log))
    wait_until(lambda: explaining(cluster), "a second pass")
    first.send(signal.SIGKILL)
    first.popen.wait()
    cluster.coordinator(*options, port=cluster.port)
    assert done.wait() == 0, done.err
    assert told(done.json()) == told(json.loads(expected))


def told(report: Any) -> list[Any]:
    return [(each["kind"], each["where"], each["explained"]) for each in report["findings"]]
