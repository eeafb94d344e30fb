"""The cluster with real processes and sockets: the figures of one machine, whatever dies."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

import logan
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.limits import UNAUTHENTICATED_MAX
from logan.scheduler.limits import Limits
from tests.support import poison
from tests.support.cluster_processes import (
    Cluster,
    Process,
    figures,
    log_lines,
    wait_until,
)

CHUNK = "256KiB"
OPTIONS = ("--chunk-size", CHUNK, "--json")
SLOW = ("--pace", "0.8", "--threads", "1")
"""About three chunks a second: a job of some seconds, so that there is time to kill a worker."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 3.7 MB: 15 chunks."""
    path = tmp_path_factory.mktemp("logs") / "app.log"
    path.write_text("".join(log_lines(60_000)))
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> str:
    with chdir(log.parent):
        return figures(logan.analyze("app.log", chunk_size=256 * 1024).to_json())


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Cluster]:
    """A coordinator that serves, with three workers, for tests that leave all of them running."""
    with Cluster(tmp_path_factory.mktemp("serving")) as cluster:
        cluster.coordinator("--root", str(log.parent), "--metrics-port", "0")
        for name in ("alice", "bob", "charlie"):
            cluster.worker(name, "--root", str(log.parent), "--port", "0")
        yield cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


def busy(cluster: Cluster, name: str) -> None:
    """Wait until a worker holds a chunk and another chunk is stored for good."""

    def look() -> bool:
        status = cluster.status()
        leases = {each["id"]: each["leases"] for each in status["workers"]}
        return leases.get(name, 0) > 0 and any(job["chunks_done"] for job in status["jobs"])

    wait_until(look, f"{name} to be busy")


def own_job(cluster: Cluster, log: Path, *arguments: str, workers: int = 1) -> Process:
    return cluster.coordinator(
        log.name, *OPTIONS, "--expect-workers", str(workers), *arguments, cwd=log.parent
    )


# --- The same figures --------------------------------------------------------------------------


def test_one_worker(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log)
    cluster.worker("alice", "--root", str(log.parent))
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    performance = job.json()["performance"]
    assert performance["engine"] == "cluster"
    assert [each["worker"] for each in performance["workers"]] == ["alice"]
    assert performance["workers"][0]["bytes"] == log.stat().st_size


def test_three_workers_and_a_client(serving: Cluster, log: Path, expected: str) -> None:
    client = serving.submit("app.log", *OPTIONS, cwd=log.parent)
    assert client.wait() == 0, client.err
    assert figures(client.out) == expected


def test_text_report_names_the_workers(serving: Cluster, log: Path) -> None:
    client = serving.submit("app.log", "--chunk-size", CHUNK, cwd=log.parent)
    assert client.wait() == 0, client.err
    assert "Workers" in client.out
    assert "charlie" in client.out


def test_two_jobs_at_once(serving: Cluster, log: Path, expected: str) -> None:
    clients = [serving.submit("app.log", *OPTIONS, cwd=log.parent) for _ in range(2)]
    other = serving.submit("app.log", "--chunk-size", "64KiB", "--json", cwd=log.parent)
    for client in clients:
        assert client.wait() == 0, client.err
        assert figures(client.out) == expected
    assert other.wait() == 0, other.err
    # Below every cap of its tables a report does not depend on the chunks.
    assert figures(other.out) == expected


def test_workers_that_cannot_read_the_file_fetch_it(
    cluster: Cluster, log: Path, expected: str, tmp_path: Path
) -> None:
    job = own_job(cluster, log, workers=2)
    for name in ("alice", "bob"):
        folder = tmp_path / name
        folder.mkdir()
        cluster.worker(name, "--root", str(folder))
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


def test_fetched_chunks_bring_what_their_records_look_back_to(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Chunks of a few hundred bytes: nearly every record in pieces begins before its chunk."""
    stamp = "2024-01-24T10:15:32.123456789Z stdout"
    record = f"{stamp} P ERROR piece {'y' * 150} \n" * 3 + f"{stamp} F ended in 7ms\n"
    pieces = tmp_path / "source" / "app.log"
    pieces.parent.mkdir()
    pieces.write_text(record * 40)
    whole = json.loads(logan.analyze(pieces).to_json())
    assert whole["levels"] == {"ERROR": 40}
    job = own_job(cluster, pieces, "--chunk-size", "300")
    (tmp_path / "worker").mkdir()
    cluster.worker("remote", "--root", str(tmp_path / "worker"))
    assert job.wait() == 0, job.err
    found = json.loads(job.out)
    for key in ("lines", "levels", "messages", "response_time_ms", "time"):
        assert found[key] == whole[key], key


def test_files_that_lie_on_the_workers(cluster: Cluster, tmp_path: Path) -> None:
    cluster.coordinator()
    parts = {}
    for name in ("alice", "bob"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "app.log").write_text("".join(log_lines(3_000)))
        cluster.worker(name, "--root", str(folder))
        parts[f"{name}:{folder / 'app.log'}"] = 3_000
    client = cluster.submit("--on-workers", "*.log", "--json")
    assert client.wait() == 0, client.err
    report = client.json()
    assert [entry["path"] for entry in report["inputs"]] == sorted(parts)
    assert report["lines"]["parsed"] == 6_000
    assert report["missing"] == []
    nothing = cluster.submit("--on-workers", "/etc/host*", "--json")
    assert nothing.wait() == 3
    assert "no file on" in nothing.err


def test_worker_that_was_there_first(cluster: Cluster, log: Path, expected: str) -> None:
    cluster.take_port()
    worker = cluster.worker("early", "--root", str(log.parent), connected=False)
    worker.said("waiting for a coordinator")
    job = cluster.coordinator("app.log", *OPTIONS, port=cluster.port, cwd=log.parent)
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


# --- Failures ----------------------------------------------------------------------------------


def test_worker_killed(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log, workers=2)
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    victim = cluster.worker("bob", "--root", str(log.parent), *SLOW)
    busy(cluster, "bob")
    victim.send(signal.SIGKILL)
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    recoveries = job.json()["performance"]["recoveries"]
    assert recoveries
    for each in recoveries:
        assert each["worker"] == "bob"
        assert each["noticed_s"] <= each["leased_s"] <= each["done_s"]
    assert "bob left with" in job.err


def test_worker_frozen_past_its_lease(cluster: Cluster, log: Path, expected: str) -> None:
    limits = Limits(lease_s=1.5, heartbeat_s=0.3)

    async def main() -> logan.Report:
        root = str(log.parent)
        async with Coordinator(port=0, roots=[root], limits=limits) as coordinator:
            cluster.port = coordinator.port
            start = partial(cluster.worker, connected=False)
            await trio.to_thread.run_sync(start, "alice", "--root", root, *SLOW)
            frozen = await trio.to_thread.run_sync(start, "bob", "--root", root, *SLOW)
            await coordinator.wait_for_workers(2)

            async def freeze() -> None:
                while not (workers(coordinator)["bob"]["chunks_done"]):
                    await trio.sleep(0.02)
                frozen.send(signal.SIGSTOP)
                while not workers(coordinator)["bob"]["chunks_lost"]:
                    await trio.sleep(0.02)
                frozen.send(signal.SIGCONT)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(freeze)
                with trio.fail_after(60):
                    report = await coordinator.process_file(str(log), chunk_size=256 * 1024)
            return report

    report = trio.run(main)
    recoveries = report["performance"]["recoveries"]
    assert any("no heartbeat for 1.5 s" in each["cause"] for each in recoveries)
    data = report.to_dict()
    # It was asked for by its whole path.
    assert figures(json.dumps(data).replace(str(log), "app.log")) == expected


def workers(coordinator: Coordinator) -> dict[str, dict[str, Any]]:
    return {each.id: each.to_dict() for each in coordinator.workers()}


def test_worker_told_to_stop_hands_in_what_it_holds(
    cluster: Cluster, log: Path, expected: str
) -> None:
    job = own_job(cluster, log, workers=2)
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    leaver = cluster.worker("bob", "--root", str(log.parent), *SLOW)
    busy(cluster, "bob")
    leaver.send(signal.SIGTERM)
    assert leaver.wait() == 0, leaver.err
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    assert job.json()["performance"]["recoveries"] == []


def test_worker_aborted_by_a_second_signal(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log, workers=2)
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    leaver = cluster.worker("bob", "--root", str(log.parent), "--pace", "0.01", "--threads", "1")
    busy(cluster, "bob")
    leaver.send(signal.SIGINT)
    leaver.said("press Ctrl-C again to quit now")
    leaver.send(signal.SIGINT)
    assert leaver.wait() == 130
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


def test_coordinator_killed_resumes(cluster: Cluster, log: Path, expected: str) -> None:
    state = str(cluster.folder / "state")
    cluster.take_port()
    start = partial(
        cluster.coordinator,
        *("app.log", *OPTIONS, "--state", state),
        port=cluster.port,
        cwd=log.parent,
    )
    first = start()
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    busy(cluster, "alice")
    first.send(signal.SIGKILL)
    first.wait()
    second = start()
    resumed = second.said(r"resumed: (\d+) of (\d+) chunks are done")
    assert second.wait() == 0, second.err
    assert figures(second.out) == expected
    done, chunks = int(resumed[1]), int(resumed[2])
    performance = second.json()["performance"]
    workers = performance["workers"]
    assert 0 < done < chunks
    fresh = sum(each["bytes"] for each in workers)
    assert performance["bytes_per_second"] == pytest.approx(fresh / performance["wall_s"], 0.01)
    assert sum(each["chunks_done"] for each in workers) == chunks - done


def test_client_outlives_its_coordinator(cluster: Cluster, log: Path, expected: str) -> None:
    state = str(cluster.folder / "state")
    serve = ("--root", str(log.parent), "--state", state)
    cluster.take_port()
    first = cluster.coordinator(*serve, port=cluster.port)
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    client = cluster.submit("app.log", *OPTIONS, cwd=log.parent)
    busy(cluster, "alice")
    first.send(signal.SIGKILL)
    first.wait()
    cluster.coordinator(*serve, port=cluster.port)
    assert client.wait() == 0, client.err
    assert figures(client.out) == expected


def test_second_coordinator_on_a_state_folder_refuses(cluster: Cluster) -> None:
    cluster.coordinator("--state", "state")
    second = cluster.start("second", "coordinator", "--port", "0", "--state", "state")
    assert second.wait() == 4
    assert "in use by another coordinator" in second.err


def test_poisoned_line_is_found_and_named(cluster: Cluster, tmp_path: Path) -> None:
    lines = list(log_lines(4_000))
    lines[2_500] = "2024-01-24 10:00:00.000 INFO POISON processed in 5ms\n"
    log = tmp_path / "poisoned.log"
    log.write_text("".join(lines))
    start = sum(map(len, lines[:2_500]))
    job = cluster.coordinator(log.name, "--chunk-size", "64KiB", "--json")
    for name in ("a", "b", "c"):  # the first two die of it
        cluster.worker(name, "--threads", "1", connected=False, program=(poison.__file__,))
    assert job.wait() == 3, job.err
    report = job.json()
    assert report["partial"]
    (missing,) = report["missing"]
    assert missing["start"] <= start < missing["end"]
    assert f"{start:,} to {start + len(lines[2_500]):,} ends the process" in missing["why"]


LIAR = """
import os, sys
from functools import partial
from logan._logan import Summary
from logan.cli.main import main
from logan.cluster.worker import worker
from logan.scan import ChunkResult

def invent(source, chunk, spec, **rest):
    made = Summary.from_chunk(os.environ["INVENTED"], chunk.start, chunk.end, spec)
    return ChunkResult(made)

worker.Worker = partial(worker.Worker, scan=invent)
sys.exit(main())
"""
"""A worker that hands in the figures of another file, properly sealed."""


def test_lying_worker_is_found_out_by_verifying(cluster: Cluster, log: Path) -> None:
    invented = cluster.folder / "invented"
    invented.write_bytes(log.read_bytes().replace(b"ERROR", b"DEBUG"))
    job = own_job(cluster, log, "--verify", "0.2", workers=2)
    common = ("--root", str(log.parent), *SLOW)
    cluster.worker("alice", *common)
    cluster.worker("mallory", *common, program=("-c", LIAR), env={"INVENTED": str(invented)})
    assert job.wait() == 4, job.err
    performance = job.json()["performance"]
    assert performance["verified"] == 3
    assert len(performance["alarms"]) == 3
    assert "app.log, bytes" in job.err
    assert "from mallory" in job.err
    assert "workers disagree" in job.err


def test_honest_workers_confirm_each_other(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log, "--verify", "0.2", workers=2)
    for name in ("alice", "bob"):
        cluster.worker(name, "--root", str(log.parent), *SLOW)
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    assert job.json()["performance"]["verified"] == 3
    assert "3 of 3 chunks of a random sample" in job.err


def test_file_truncated_meanwhile_is_reported(cluster: Cluster, log: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.log"
    victim.write_bytes(log.read_bytes())
    job = own_job(cluster, victim)
    cluster.worker("alice", *SLOW)
    busy(cluster, "alice")
    os.truncate(victim, 1_000_000)
    assert job.wait() == 3, job.err
    report = job.json()
    assert report["partial"]
    assert report["missing"]
    assert "victim.log" in job.err


def test_interrupted_coordinator_gives_a_partial_report(cluster: Cluster, log: Path) -> None:
    job = own_job(cluster, log)
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    busy(cluster, "alice")
    job.send(signal.SIGINT)
    assert job.wait() == 130, job.err
    report = job.json()
    assert report["partial"]
    assert report["lines"]["total"] > 0
    assert "stopped on request" in report["missing"][0]["why"]


def test_stopped_coordinator_gives_clients_what_there_is(cluster: Cluster, log: Path) -> None:
    serving = cluster.coordinator("--root", str(log.parent))
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    client = cluster.submit("app.log", *OPTIONS, cwd=log.parent)
    busy(cluster, "alice")
    serving.send(signal.SIGTERM)
    assert serving.wait() == 0, serving.err
    assert client.wait() == 3, client.err
    report = client.json()
    assert report["partial"]
    assert report["lines"]["total"] > 0
    assert "stopped on request" in report["missing"][0]["why"]


def test_no_worker_connects(cluster: Cluster, log: Path) -> None:
    job = cluster.coordinator(
        "app.log", "--expect-workers", "1", "--worker-timeout", "0.5", cwd=log.parent
    )
    assert job.wait() == 4, job.err
    assert "no worker was connected for 0.5 s" in job.err
    assert "logan worker --id" in job.err


def test_bad_inputs_are_reported_without_a_worker(cluster: Cluster) -> None:
    job = cluster.coordinator("none.log", "--json")
    assert job.wait() == 3
    assert "none.log: no such file" in job.err
    assert job.json()["partial"]


def test_client_that_leaves_takes_its_job_along(cluster: Cluster, log: Path) -> None:
    cluster.coordinator("--root", str(log.parent))
    cluster.worker("alice", "--root", str(log.parent), *SLOW)
    client = cluster.submit("app.log", *OPTIONS, cwd=log.parent)
    busy(cluster, "alice")
    client.send(signal.SIGINT)
    assert client.wait() == 130
    wait_until(lambda: not cluster.status()["jobs"], "the job to be given up")


def test_two_workers_of_one_name(cluster: Cluster, log: Path, expected: str) -> None:
    job = own_job(cluster, log)
    first = cluster.worker("alice", "--root", str(log.parent), *SLOW)
    busy(cluster, "alice")
    cluster.worker("alice", "--root", str(log.parent), connected=False)
    # One of them ends: they do not take the name from each other for ever.
    assert first.wait() == 4, first.err
    assert "another worker named alice" in first.err
    assert "--id" in first.err
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


# --- Access ------------------------------------------------------------------------------------


def test_token(cluster: Cluster, log: Path, expected: str) -> None:
    right, wrong = cluster.folder / "right", cluster.folder / "wrong"
    for path, text in ((right, "0123456789abcdef"), (wrong, "fedcba9876543210")):
        path.write_text(text)
        path.chmod(0o600)
    job = own_job(cluster, log, "--token-file", str(right))
    for arguments in (["--token-file", str(wrong)], []):
        stranger = cluster.worker("mallory", *arguments, connected=False)
        assert stranger.wait() == 4, stranger.err
        assert "token" in stranger.err
    client = cluster.start("status", "status", "--coordinator", cluster.address)
    assert client.wait() == 4
    cluster.worker("alice", "--root", str(log.parent), "--token-file", str(right))
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected
    assert "mallory" not in job.err


def test_tls(cluster: Cluster, log: Path, expected: str) -> None:
    authority, other = trustme.CA(), trustme.CA()
    leaf = authority.issue_cert("localhost")
    files = {name: str(cluster.folder / name) for name in ("cert", "key", "ca", "other")}
    leaf.cert_chain_pems[0].write_to_path(files["cert"])
    leaf.private_key_pem.write_to_path(files["key"])
    authority.cert_pem.write_to_path(files["ca"])
    other.cert_pem.write_to_path(files["other"])
    token = cluster.folder / "token"
    token.write_text("0123456789abcdef")
    token.chmod(0o600)
    secret = ("--token-file", str(token))
    job = own_job(cluster, log, "--tls-cert", files["cert"], "--tls-key", files["key"], *secret)
    stranger = cluster.worker("eve", "--tls-ca", files["other"], *secret, connected=False)
    assert stranger.wait() == 4, stranger.err
    assert "tls" in stranger.err.lower()
    cluster.worker("alice", "--root", str(log.parent), "--tls-ca", files["ca"], *secret)
    assert job.wait() == 0, job.err
    assert figures(job.out) == expected


def test_open_address_needs_protection(cluster: Cluster) -> None:
    bare = cluster.start("bare", "coordinator", "--host", "0.0.0.0", "--port", "0")
    assert bare.wait() == 2
    assert "--insecure" in bare.err


@pytest.mark.parametrize("path", ["../../etc/hostname", "/etc/hostname", "out.log"])
def test_clients_read_below_the_roots_only(serving: Cluster, log: Path, path: str) -> None:
    out = log.parent / "out.log"
    if not out.is_symlink():
        out.symlink_to("/etc/hostname")
    client = serving.submit(path, "--json", cwd=log.parent)
    assert client.wait() == 3
    assert "outside" in client.err or "'..'" in client.err
    assert json.loads(client.out)["lines"]["total"] == 0


@pytest.fixture(scope="module")
def logs(log: Path) -> Path:
    """A folder with a rotated set, and with what is no log."""
    logs = log.parent / "logs"
    (logs / "deep").mkdir(parents=True)
    for number, name in enumerate(("web.log.2", "web.log.1", "web.log", "deep/b.log")):
        (logs / name).write_text("".join(log_lines(100 * (number + 1))))
    (logs / "README").write_text("no log\n")
    return logs


NAMED = [["logs/web.log*", "logs/deep/*"], ["logs/**/*.log"], ["logs"]]


@pytest.mark.parametrize("named", NAMED, ids=" ".join)
def test_folders_and_patterns_of_clients(serving: Cluster, logs: Path, named: list[str]) -> None:
    local = serving.start("local", "analyze", "--json", *named, cwd=logs.parent)
    client = serving.submit(*named, "--json", cwd=logs.parent)
    assert client.wait() == local.wait() == 0, client.err
    assert figures(client.out) == figures(local.out)
    if named == ["logs"]:
        assert "a folder with 4 logs; left out: 1 of no known format (README)" in client.err


@pytest.mark.parametrize("named", NAMED, ids=" ".join)
def test_folders_and_patterns_of_a_coordinators_own(
    cluster: Cluster, logs: Path, named: list[str]
) -> None:
    local = cluster.start("local", "analyze", "--json", *named, cwd=logs.parent)
    job = cluster.coordinator("--json", *named, cwd=logs.parent)
    cluster.worker("alice", connected=False, cwd=logs.parent)
    assert job.wait() == local.wait() == 0, job.err
    assert figures(job.out) == figures(local.out)


@pytest.mark.parametrize("named", ["links", "links/**/*", "links/etc"])
def test_folders_and_patterns_do_not_lead_out_of_the_roots(
    serving: Cluster, log: Path, named: str
) -> None:
    links = log.parent / "links"
    if not links.exists():
        links.mkdir()
        (links / "out.log").symlink_to("/etc/hostname")
        (links / "etc").symlink_to("/etc")
    client = serving.submit(named, "--json", cwd=log.parent)
    assert client.wait() == 3
    assert client.json()["lines"]["total"] == 0
    assert "hostname" not in client.out


def talk(cluster: Cluster, data: bytes, *, patience_s: float = 10.0) -> bytes:
    """Send bytes and read what comes until the other side ends."""
    with socket.create_connection(("127.0.0.1", cluster.port), timeout=patience_s) as peer:
        answer = b""
        try:
            peer.sendall(data)
            while piece := peer.recv(65_536):
                answer += piece
        except ConnectionError:
            pass
        return answer


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"line protocol"),
        (b"A" * 5_000, b"ERROR"),
        (b'READY {"free":1}\n', b"ERROR"),
        (b'HELLO {"protocol":1,"role":"worker","id":"x","session":"s","nonce":"n",'
         b'"logan":"0"}\n', b"ERROR"),
        (b'RESULT {"job":"j","chunk":0,"attempt":1,"digest":"","bytes":9999999999}\n', b"ERROR"),
    ],
    ids=["http", "endless-line", "unauthenticated", "nonce", "huge"],
)  # fmt: skip
def test_abuse_ends_one_connection_only(serving: Cluster, data: bytes, word: bytes) -> None:
    started = time.monotonic()
    assert word in talk(serving, data)
    assert time.monotonic() - started < 8.0
    assert len(serving.status()["workers"]) == 3


def test_unauthenticated_connections_are_closed_after_some_seconds(serving: Cluster) -> None:
    there = ("127.0.0.1", serving.port)
    with socket.create_connection(there, timeout=10) as silent:
        assert b"slow" in silent.recv(65_536)
    with socket.create_connection(there, timeout=10) as secure:
        secure.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert b"ERROR" in secure.recv(65_536)


def test_a_flood_of_idle_connections_locks_no_peer_out(serving: Cluster) -> None:
    """Twice as many connections as there is room for, each opened anew when it is closed."""
    there = ("127.0.0.1", serving.port)
    over = threading.Event()

    def flood() -> None:
        mine: list[socket.socket] = []
        while not over.is_set():
            while len(mine) < 2 * UNAUTHENTICATED_MAX:
                mine.append(socket.create_connection(there, timeout=10))
            closed, _, _ = select.select(mine, [], [], 0.02)
            for each in closed:
                each.close()
                mine.remove(each)
        for each in mine:
            each.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        answers = [serving.status() for _ in range(20)]
        late = serving.worker("dora")
    finally:
        over.set()
        thread.join()
    assert all(len(each["workers"]) >= 3 for each in answers)
    late.send(signal.SIGTERM)
    assert late.wait() == 0


# --- What it says of itself --------------------------------------------------------------------


def test_status_for_people(serving: Cluster) -> None:
    process = serving.start("status", "status", "--coordinator", f"http://{serving.address}")
    assert process.wait() == 0, process.err
    assert re_lines(process.out, "alice", "active")
    assert "joined from 127.0.0.1" in process.out


def re_lines(text: str, *words: str) -> list[str]:
    return [line for line in text.splitlines() if all(word in line for word in words)]


def test_metrics_and_health(serving: Cluster) -> None:
    urls = [
        process.said(r"metrics at (http://\S+)/metrics")[1]
        for process in serving.running("coordinator", "alice")
    ]
    for url, name in zip(urls, ("logan_workers 3.0", "logan_worker_connected 1.0"), strict=True):
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            assert name in answer.read().decode()
        with urllib.request.urlopen(f"{url}/health", timeout=10) as answer:
            assert json.load(answer)


def test_no_coordinator(cluster: Cluster) -> None:
    cluster.take_port()
    for arguments in (["status"], ["submit", "app.log"]):
        process = cluster.start("client", *arguments, "--coordinator", cluster.address)
        assert process.wait() == 4
        assert "no coordinator at" in process.err
        assert "Traceback" not in process.err
