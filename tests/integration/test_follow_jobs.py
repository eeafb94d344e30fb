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

JUMPING = Path(__file__).parents[1] / "support" / "jumping_clock.py"

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


@pytest.mark.parametrize("who", ["coordinator", "alice"])
def test_a_system_clock_that_is_set(tmp_path: Path, hosts: list[Path], who: str) -> None:
    log, ahead = hosts[0] / "app.log", tmp_path / "ahead"
    ahead.write_text("0")
    write(log, lines(0, 10))

    def program(name: str) -> tuple[str, ...]:
        return (str(JUMPING), str(ahead)) if name == who else ("-m", "logan")

    with Cluster(tmp_path) as cluster:
        cluster.coordinator(program=program("coordinator"))
        cluster.worker("alice", "--root", str(hosts[0]), program=program("alice"))
        alert = ("--alert", "errors.ratio over 1m > 50%")
        watch, _ = follow(cluster, "--from", "start", *alert)
        until(watch, 10)
        ahead.write_text("-7200")
        watch.said(f"{who}: the system's clock was set back by 2 h: windows and alerts go on")
        write(log, lines(10, 30))
        report = until(watch, 30)
        assert report["live"]["hosts"][0]["state"] == "live"
        assert watch.err.count("was set back") == 1
        assert "ALERT" not in watch.err


def test_random_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    play = Play(tmp_path, seed=3)
    with play.cluster:
        report, (count, total) = play.run(18.0, 0.8)
    assert play.kills >= 20
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


def cancel(cluster: Cluster, job: str, *arguments: str) -> Process:
    return cluster.start("cancel", "cancel", job, "--coordinator", cluster.address, *arguments)


def test_a_host_that_is_away_makes_the_final_report_partial(
    tmp_path: Path, hosts: list[Path]
) -> None:
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        workers = []
        for root in hosts:
            write(root / "app.log", lines(0, 50))
            workers.append(cluster.worker(root.name, "--root", str(root)))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 100)
        workers[1].send(signal.SIGKILL)
        workers[1].popen.wait()
        write(hosts[1] / "app.log", lines(50, 60))

        def partial() -> dict[str, Any] | None:
            return next((each for each in reports(watch) if each["partial"]), None)

        live = wait_until(partial, "a partial view")
        assert live["live"]["hosts"][1]["state"] == "away"
        ended = cancel(cluster, job, "--json", "--expect", "total_requests>0")
        assert ended.wait() == 3, ended.err
        report = json.loads(ended.out)
        assert report["partial"]
        assert report["total_requests"] == 100
        assert report["logan_version"] == logan.__version__
        errors = [each["error"] for each in report["inputs"]]  # in the order in which they came
        assert errors.count(None) == 1
        assert any("bob is away since" in str(each) for each in errors)
        assert ended.err.count("bob is away") == 1
        assert sorted(each["failed"] for each in report["origins"]) == [0, 1]
        assert watch.wait() == 3  # its job was ended by another
        assert f"job {job} was ended by `logan cancel`" in watch.err


def test_a_loss_is_in_the_report_and_said_once(tmp_path: Path, hosts: list[Path]) -> None:
    log = hosts[0] / "app.log"
    with Cluster(tmp_path) as cluster:
        cluster.coordinator("--state", str(tmp_path / "state"))
        write(log, lines(0, 100))
        worker = cluster.worker("alice", "--root", str(hosts[0]))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 100)
        worker.send(signal.SIGKILL)
        worker.popen.wait()
        log.unlink()
        write(log, lines(200, 230))
        cluster.worker("alice", "--root", str(hosts[0]))
        until(watch, 130)
        coordinator = cluster.running("coordinator")[0]
        coordinator.send(signal.SIGKILL)  # the journal knows what is lost
        coordinator.popen.wait()
        cluster.coordinator("--state", str(tmp_path / "state"), port=cluster.port)
        wait_until(lambda: not cluster.status()["follows"][0]["away"] or None, "the worker is back")
        ended = cancel(cluster, job, "--json", "--expect", "total_requests>0")
        assert ended.wait() == 3, ended.err
    report = json.loads(ended.out)
    assert report["partial"]
    (missing,) = report["missing"]
    assert missing["input"].startswith("alice:")
    assert missing["end"] is None
    assert missing["start"] > 0
    assert "is lost" in missing["why"]
    assert watch.err.count("is lost") == 1
    assert "alice: alice:" not in watch.err


def test_a_worker_whose_coordinator_was_killed_is_waited_for(
    tmp_path: Path, hosts: list[Path]
) -> None:
    log = hosts[0] / "app.log"
    state = ("--state", str(tmp_path / "state"))
    with Cluster(tmp_path) as cluster:
        coordinator = cluster.coordinator(*state)
        write(log, lines(0, 10))
        worker = cluster.worker("alice", "--root", str(hosts[0]))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 10)
        coordinator.send(signal.SIGKILL)
        coordinator.popen.wait()
        worker.send(signal.SIGKILL)
        worker.popen.wait()
        write(log, lines(10, 20) + LINE.format(3, 3)[:-1])
        cluster.coordinator(*state, port=cluster.port)
        ended = cancel(cluster, job, "--json")
        wait_until(lambda: cluster.status()["follows"] or None, "the job goes on")
        cluster.worker("alice", "--root", str(hosts[0]))
        assert ended.wait() == 0, ended.err
    assert json.loads(ended.out)["total_requests"] == 21


ERROR = LINE.replace(" 200 ", " 500 ")


def test_alerts_fire_while_nobody_is_attached(tmp_path: Path, hosts: list[Path]) -> None:
    """Once, although the coordinator is killed meanwhile; and those who attach later see them."""
    log = hosts[0] / "app.log"
    told = tmp_path / "told.jsonl"
    script = tmp_path / "page.sh"
    script.write_text(f'#!/bin/sh\ncat >> "{told}"; echo >> "{told}"\n', encoding="utf-8")
    script.chmod(0o755)
    serving = ("--state", str(tmp_path / "state"), "--notify", str(script))
    alert = "errors.ratio over 1m > 5%"
    with Cluster(tmp_path) as cluster:
        coordinator = cluster.coordinator(*serving)
        write(log, lines(0, 50))
        cluster.worker("alice", "--root", str(hosts[0]))
        watch, job = follow(cluster, "--from", "start", "--alert", alert)
        until(watch, 50)
        watch.send(signal.SIGINT)
        assert watch.wait() == 0
        assert json.loads(watch.out.splitlines()[-1])["live"]["alerts"][0]["state"] == "ok"
        assert not told.exists()
        write(log, "".join(ERROR.format(n % 60, n) for n in range(50)))
        wait_until(lambda: (told.exists() and told.read_text()) or None, "the alert to be told")
        event = json.loads(told.read_text())
        assert (event["alert"], event["state"], event["job"]) == (alert, "firing", job)
        assert event["logs"] == "*.log"
        assert list(cluster.status()["follows"][0]["firing"]) == [alert]
        status = cluster.start("status", "status", "--coordinator", cluster.address)
        assert status.wait() == 0
        assert f"ALERT {alert}" in status.out

        coordinator.send(signal.SIGKILL)
        coordinator.popen.wait()
        cluster.coordinator(*serving, port=cluster.port)
        again = cluster.start(
            *("again", "watch", "--job", job, "--coordinator", cluster.address),
            *("--json", "--interval", "0.2s", "--window", "all"),
        )
        report = until(again, 100)
        assert report["live"]["alerts"][0]["state"] == "firing"
        write(log, "".join(ERROR.format(n % 60, n) for n in range(10)))
        until(again, 110)
        assert cancel(cluster, job).wait() == 0
        wait_until(lambda: len(told.read_text().splitlines()) == 2 or None, "its end is told, too")
        event = json.loads(told.read_text().splitlines()[1])
        assert (event["alert"], event["state"], event["job"]) == (alert, "ended", job)
        assert event["reason"] == "the job has ended"
        again.wait()
        assert again.err.count(f"alert ended: {alert} (the job has ended)") == 1


def test_a_coordinator_that_ends_ends_its_alerts(tmp_path: Path, hosts: list[Path]) -> None:
    """Without a journal its jobs end with it."""
    told = tmp_path / "told.jsonl"
    script = tmp_path / "page.sh"
    script.write_text(f'#!/bin/sh\ncat >> "{told}"; echo >> "{told}"\n', encoding="utf-8")
    script.chmod(0o755)
    with Cluster(tmp_path) as cluster:
        coordinator = cluster.coordinator("--notify", str(script))
        cluster.worker("alice", "--root", str(hosts[0]))
        write(hosts[0] / "app.log", "".join(ERROR.format(n % 60, n) for n in range(50)))
        watch, _ = follow(cluster, "--from", "start", "--alert", "errors.ratio over 1m > 5%")
        watch.said("ALERT: errors.ratio over 1m > 5%")
        coordinator.send(signal.SIGTERM)
        assert coordinator.wait() == 0
        watch.wait()
    states = [json.loads(each)["state"] for each in told.read_text().splitlines()]
    assert states == ["firing", "ended"]


def test_hosts_that_go_and_come_back_are_said(tmp_path: Path, hosts: list[Path]) -> None:
    """On stderr and among what happened, as often as it happens, while the others go on."""
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        workers = {}
        for root in hosts:
            write(root / "app.log", lines(0, 50))
            workers[root.name] = cluster.worker(root.name, "--root", str(root))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 100)
        workers["bob"].send(signal.SIGKILL)
        watch.said("bob is away: what is written to its 1 log is not counted until it is back")
        write(hosts[0] / "app.log", lines(50, 60))
        write(hosts[1] / "app.log", lines(50, 65))
        last = until(watch, 110)
        assert "bob is away: what" in json.dumps(last["live"]["notices"])
        cluster.worker("bob", "--root", str(hosts[1]))
        watch.said("bob is back: its logs go on where they were counted to")
        until(watch, 125)
        assert watch.err.count("bob is away: what") == 1
        assert cancel(cluster, job).wait() == 0


def test_a_link_that_is_pointed_elsewhere_stays_one_log(tmp_path: Path, hosts: list[Path]) -> None:
    """As a program does that begins a file a day and keeps a link to it."""
    root = hosts[0]
    link = root / "current.log"
    with Cluster(tmp_path) as cluster:
        cluster.coordinator()
        write(root / "data-0", lines(0, 20))
        link.symlink_to("data-0")
        cluster.worker("alice", "--root", str(root))
        watch, job = follow(cluster, "--from", "start")
        until(watch, 20)
        count = 20
        for number in range(1, 4):
            write(root / f"data-{number - 1}", lines(count, count + 5))  # not told yet
            write(root / f"data-{number}", lines(count + 5, count + 15))
            fresh = root / "fresh"
            fresh.symlink_to(f"data-{number}")
            fresh.rename(link)
            count += 15
            until(watch, count)
        ended = cancel(cluster, job, "--json")
        assert ended.wait() == 0, ended.err
    report = json.loads(ended.out)
    assert [each["path"] for each in report["inputs"]] == [f"alice:{link}"]
    assert report["total_requests"] == count


@pytest.mark.parametrize(
    "arguments",
    [
        ("--where", "status>=500"),
        ("--since", "1h"),
        ("--until=1h"),
        ("--by", "status"),
        ("--format", "combined"),
        ("--input-tz", "Europe/Berlin"),
        ("--chunk-size", "1MiB"),
        ("--from", "end"),
        ("--alert", "absent over 5m"),
        ("--csv", "routes"),
        ("--no-explain",),
        ("--anchor", "2024-01-24"),
    ],
)
def test_what_cannot_apply_to_a_job_that_runs_is_refused(arguments: tuple[str, ...]) -> None:
    """Before anything is connected to: nobody listens at port 1."""
    given = [arguments] if isinstance(arguments, str) else list(arguments)
    for command in (["cancel", "4f0c"], ["watch", "--job", "4f0c"]):
        code, err = run_here([*command, "--coordinator", "localhost:1", *given])
        assert code == 2, (command, err)
        assert given[0].partition("=")[0] in err
        assert len(err.splitlines()) <= 2


def run_here(arguments: list[str]) -> tuple[int, str]:
    import contextlib
    import io

    from logan.cli.main import main

    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = main(arguments)
    return code, err.getvalue()


@pytest.mark.parametrize("option", ["--where", "--since", "--by", "--format", "--threads", "--csv"])
def test_cancel_offers_nothing_that_cannot_apply(option: str) -> None:
    from logan.cli.main import command_parser

    parser = command_parser(["cancel"]).parse_args(["cancel", "7"]).parser
    assert option not in parser.options()
    assert {"--top", "--sort", "--expect", "--junit", "--save", "-q"} <= set(parser.options())


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "names no file"),
        ("./", "names no file"),
        ("../*", "'..'"),
        ("a/../b", "'..'"),
        ("s3://bucket/*", "is a URL"),
        ("*.gz", "compressed"),
        ("/".join("a" * 70), "64 components"),
    ],
)
def test_a_pattern_that_no_worker_can_match_begins_no_job(pattern: str, why: str) -> None:
    code, err = run_here(["watch", "--on-workers", pattern, "--coordinator", "localhost:1"])
    assert code == 2
    assert why in err


@pytest.mark.parametrize("job", ["", " ", "a b", "é", "x" * 500])
def test_what_is_no_id_of_a_job(job: str) -> None:
    for command in (["cancel", job], ["watch", "--job", job]):
        code, err = run_here([*command, "--coordinator", "localhost:1"])
        assert code == 2
        assert "is not the id of a job" in err
        assert len(err) < 400
