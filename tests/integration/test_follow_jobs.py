"""Logs of many hosts, followed by workers: each line once, even if processes are killed."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import logan
from tests.support.cluster_processes import Cluster, Process, wait_until
from tests.support.follow_faults import Play

LINE = '10.0.0.1 - - [24/Jan/2024:10:15:{:02} +0000] "GET /a/{} HTTP/1.1" 200 17 "-" "curl" 0.02\n'


def lines(first: int, last: int) -> str:
    return "".join(LINE.format(n % 60, n) for n in range(first, last))


def write(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def reports(process: Process) -> list[dict[str, Any]]:
    return [json.loads(each) for each in process.out.splitlines() if each.endswith("}")]


def until(process: Process, requests: int) -> dict[str, Any]:
    """The first report with so many requests."""

    def look() -> dict[str, Any] | None:
        found = [each for each in reports(process) if each["total_requests"] == requests]
        return found[0] if found else None

    return wait_until(look, f"a report of {requests} requests: {process.err}")


def follow(cluster: Cluster, *arguments: str, name: str = "watch") -> tuple[Process, str]:
    where = ("--coordinator", cluster.address, "--json", "--interval", "0.2s", "--window", "all")
    process = cluster.start(name, "watch", "--on-workers", "*.log", *where, *arguments)
    return process, process.said(r"job ([0-9a-f]+) lives in the coordinator")[1]


@pytest.fixture
def hosts(tmp_path: Path) -> list[Path]:
    roots = [tmp_path / name for name in ("alice", "bob")]
    for root in roots:
        root.mkdir()
    return roots


def test_two_hosts_in_one_view(tmp_path: Path, hosts: list[Path]) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        for root in hosts:
            write(root / "app.log", lines(0, 50))
            cluster.worker(root.name, "--root", str(root))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 100)
        write(hosts[0] / "app.log", lines(50, 60))
        write(hosts[1] / "later.log", lines(0, 30))  # it joins
        report = until(watch, 140)
        assert [each["host"] for each in report["live"]["hosts"]] == ["alice", "bob"]
        assert report["live"]["hosts"][1]["logs"] == 2

        watch.send(signal.SIGINT)
        assert watch.wait() == 0
        assert f"detached: job {job} goes on" in watch.err
        assert f"logan cancel {job}" in watch.err
        write(hosts[0] / "app.log", lines(60, 70) + LINE.format(1, 1)[:-1])

        status = cluster.start("status", "status", "--coordinator", cluster.address)
        assert status.wait() == 0
        assert f"job {job} follows *.log" in status.out

        again = cluster.start(
            *("again", "watch", "--job", job, "--coordinator", cluster.address),
            *("--json", "--interval", "0.2s", "--window", "all"),
        )
        until(again, 150)
        saved = tmp_path / "all.logan"
        ended = cluster.start(
            *("cancel", "cancel", job, "--coordinator", cluster.address),
            *("--json", "--save", str(saved)),
        )
        assert ended.wait() == 0, ended.err
        assert again.wait() == 0, again.err
        assert json.loads(ended.out)["total_requests"] == 151  # the last one without a newline
        assert reports(again)[-1]["total_requests"] == 151

        gone = cluster.start("gone", "watch", "--job", job, "--coordinator", cluster.address)
        assert gone.wait() == 4
        assert f"no follow job {job}" in gone.err
        assert "Traceback" not in gone.err
    assert logan.load(saved).report().total_requests == 151


def test_the_figures_are_those_of_analyze(tmp_path: Path, hosts: list[Path]) -> None:
    """Over a rotation, and with a worker that starts again in between."""
    log = hosts[0] / "app.log"
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        write(log, lines(0, 500))
        worker = cluster.worker("alice", "--root", str(hosts[0]))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 500)
        worker.send(signal.SIGKILL)
        worker.popen.wait()
        write(log, lines(500, 520))
        log.rename(hosts[0] / "app.log.1")
        write(log, lines(520, 530))
        cluster.worker("alice", "--root", str(hosts[0]))
        until(watch, 530)
        ended = cluster.start("cancel", "cancel", job, "--coordinator", cluster.address, "--json")
        assert ended.wait() == 0, ended.err
    whole = tmp_path / "whole.log"
    whole.write_bytes((hosts[0] / "app.log.1").read_bytes() + log.read_bytes())
    plain, found = logan.analyze(whole).to_dict(), json.loads(ended.out)
    for key in ("lines", "errors", "response_time_ms", "routes", "series", "status", "time"):
        assert found[key] == plain[key], key


def test_what_is_gone_for_good_is_named(tmp_path: Path, hosts: list[Path]) -> None:
    log = hosts[0] / "app.log"
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        write(log, lines(0, 100))
        worker = cluster.worker("alice", "--root", str(hosts[0]))
        watch, _ = follow(cluster, "--from", "start")
        until(watch, 100)
        worker.send(signal.SIGKILL)
        worker.popen.wait()
        log.unlink()
        write(log, lines(200, 230))
        cluster.worker("alice", "--root", str(hosts[0]))
        report = until(watch, 130)
        assert report["live"]["hosts"][0]["lost"] == 1
        watch.said("alice: .*app.log: the file that was read to byte .* is lost")


def test_two_workers_of_one_host_count_a_log_once(tmp_path: Path, hosts: list[Path]) -> None:
    log = hosts[0] / "app.log"
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        write(log, lines(0, 40))
        workers = [cluster.worker(name, "--root", str(hosts[0])) for name in ("one", "two")]
        watch, _ = follow(cluster, "--from", "start")
        first = until(watch, 40)["live"]["hosts"]
        write(log, lines(40, 50))
        until(watch, 50)
        owner = next(each["host"] for each in first if each["logs"])
        workers[owner == "two"].send(signal.SIGKILL)
        write(log, lines(50, 60))
        until(watch, 60)  # the other one goes on where the first one was


def test_random_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    play = Play(tmp_path, seed=3)
    with play.cluster:
        report, (count, total) = play.run(6.0, 1.2)
    assert play.kills >= 3
    assert (report["total_requests"], report["bytes_sent"]) == (count, total)
    assert report["malformed_lines"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a.log", "--on-workers", "*.log"), "--on-workers and PATHs do not go together"),
        (("--job", "7", "--on-workers", "*.log"), "give one"),
    ],
)
def test_usage(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    with Cluster(tmp_path) as cluster:
        process = cluster.start("watch", "watch", *arguments)
        assert process.wait() == 2
    assert said in process.err
