"""The Dask engine when processes die, freeze or forget: the same bytes, or one error that says so.

Every cluster here is one of real processes: the engine's own, or a scheduler and workers that are
started for the test. Faults happen while the job runs, from its own progress.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import logan
from logan.engines import dask, dask_connection
from test_vectors.incidents.quiet import make_log
from tests.support.dask_cluster import dask_cluster
from tests.support.scanner_log import write_scanner_log

MIXED = Path(__file__).resolve().parents[2] / "test_vectors" / "logs" / "mixed_format.log"
CHUNK_SIZE = 32768


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 400 chunks: a job of a second, so that something can happen meanwhile."""
    path = tmp_path_factory.mktemp("logs") / "big.log"
    path.write_bytes(MIXED.read_bytes() * 40)
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> dict[str, Any]:
    return figures(log, "local")


@pytest.fixture(scope="module", autouse=True)
def _dask() -> None:
    """Imported by the process that runs these tests, not by all that collect them."""
    pytest.importorskip("distributed")


def figures(path: Path, engine: str, **options: Any) -> dict[str, Any]:
    report = logan.analyze(path, engine=engine, chunk_size=CHUNK_SIZE, **options).to_dict()
    del report["performance"]
    return report


def once(act: Callable[[], object], times: int = 1) -> Callable[[int, int], None]:
    """A progress callback that does `act` so many times in the middle of the job, each time after
    something else was done; once more if that is False."""
    state = {"left": times, "done": 0}

    def progress(done: int, total: int) -> None:
        if state["left"] and state["done"] < done < total and act() is not False:
            state["left"] -= 1
            state["done"] = done

    return progress


def kill_own_workers() -> bool:
    """Kill the worker processes of this process's own clusters; whether there were some."""
    killed = False
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it ended by itself
            if "spawn_main" in " ".join(each.cmdline()):
                each.kill()
                killed = True
    return killed


@contextmanager
def outside_cluster(folder: Path, workers: int = 1) -> Iterator[tuple[str, list[Any]]]:
    """The address of a scheduler, and the processes of it and of its workers."""
    import distributed

    described = folder / "scheduler.json"
    module = [sys.executable, "-m"]
    where = ["--scheduler-file", str(described), "--no-dashboard"]
    commands = [[*module, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]]
    worker = [*module, "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1"]
    commands += [[*worker, "--memory-limit", "0", "--name", f"w{i}"] for i in range(workers)]
    with ExitStack() as stack:
        processes = []
        for command in commands:
            process = subprocess.Popen(
                [*command, *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
        deadline = time.monotonic() + 30
        while not described.exists() or not described.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address: str = json.loads(described.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=30)
        yield address, processes


# --- Findings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["error_burst", "latency_shift", "bot", "bad_clock"])
def test_findings_and_what_explains_them_are_those_of_one_machine(
    kind: str, tmp_path: Path
) -> None:
    paths = []
    for name, data in make_log(kind, 1, scale=0.3).files:
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    there, here = (
        logan.analyze(paths, engine=engine, threads=2, chunk_size=CHUNK_SIZE).to_dict()
        for engine in ("dask", "local")
    )
    del there["performance"], here["performance"]
    assert [each["explained"] for each in here["findings"]][:1] == ["second_pass"]
    assert json.dumps(there) == json.dumps(here)


def test_a_finding_without_an_interval_is_that_of_one_machine(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    write_scanner_log(path)
    there, here = (
        logan.analyze(path, engine=engine, threads=2, chunk_size=50_000).to_dict()
        for engine in ("dask", "local")
    )
    del there["performance"], here["performance"]
    assert [each["kind"] for each in here["findings"]] == ["client_errors"]
    assert json.dumps(there) == json.dumps(here)


# --- Lost workers -------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
def test_all_workers_of_its_own_cluster_killed_at_once_change_nothing(
    times: int, log: Path, expected: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    progress = once(kill_own_workers, times)
    assert figures(log, "dask", threads=2, progress=progress) == expected
    assert capfd.readouterr() == ("", "")


def test_one_worker_killed_or_frozen_for_a_while_changes_nothing(
    log: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    with outside_cluster(tmp_path, workers=3) as (address, (_, first, second, _third)):
        frozen_at: list[float] = []

        def fault() -> None:
            first.kill()
            second.send_signal(signal.SIGSTOP)
            frozen_at.append(time.monotonic())

        def progress(done: int, total: int) -> None:
            start(done, total)
            if frozen_at and time.monotonic() - frozen_at[0] > 1:
                second.send_signal(signal.SIGCONT)

        start = once(fault)
        assert figures(log, f"dask={address}", progress=progress) == expected
        assert frozen_at


def test_no_worker_left_is_an_error_after_a_while(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "CHECK_INTERVAL_S", 0.2)
    monkeypatch.setattr(dask, "WORKERS_WAIT_MAX_S", 1)
    with outside_cluster(tmp_path) as (address, (_, worker)):
        with pytest.raises(logan.ClusterError, match="has had no worker for 1 s") as raised:
            figures(log, f"dask={address}", progress=once(worker.kill))
        assert raised.value.hint == f"start some with: dask worker {address}"
        with pytest.raises(logan.ClusterError, match="has no workers"):
            figures(log, f"dask={address}")


def dies(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_block_that_kills_its_workers_is_missing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "scan_block", dies)
    with dask_cluster(workers=1) as cluster:
        cluster.scheduler.allowed_failures = 0
        report = logan.analyze(
            MIXED, engine=f"dask={cluster.scheduler_address}", errors="report"
        ).to_dict()
    assert report["partial"]
    (missing,) = report["missing"]
    assert (missing["start"], missing["end"]) == (0, MIXED.stat().st_size)
    assert missing["why"] == "1 worker died while scanning it; see the workers' logs"


# --- Forgotten tasks ----------------------------------------------------------------------------


def forget() -> None:
    """As when the connection of the client to its scheduler broke: all that it asked for."""
    import distributed

    client = distributed.Client.current()
    client.cancel([distributed.Future(key, client) for key in list(client.futures)], force=True)


def test_what_dask_forgets_is_submitted_again(log: Path, expected: dict[str, Any]) -> None:
    progress = once(forget, dask.RESUBMISSIONS_MAX)
    assert figures(log, "dask", threads=2, progress=progress) == expected


def test_what_dask_loses_again_and_again_is_missing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask, "RESUBMISSIONS_MAX", 0)
    report = figures(log, "dask", threads=2, progress=once(forget), errors="report")
    assert report["partial"]
    assert report["missing"]
    for each in report["missing"]:
        assert "Dask lost it 1 time" in each["why"]
    lost = sum(each["end"] - each["start"] for each in report["missing"])
    (entry,) = report["inputs"]
    assert entry["bytes"] == log.stat().st_size - lost


# --- The scheduler ------------------------------------------------------------------------------


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_scheduler_is_one_error(
    signum: int,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(dask_connection, "CONNECT_TIMEOUT_S", 2)
    monkeypatch.setattr(dask_connection, "CLOSE_TIMEOUT_S", 1)
    for name in ("CHECK_INTERVAL_S", "ANSWER_TIMEOUT_S", "FETCH_TIMEOUT_S", "CLOSE_TIMEOUT_S"):
        monkeypatch.setattr(dask, name, 1)
    with outside_cluster(tmp_path) as (address, (scheduler, _)):
        fault = once(lambda: scheduler.send_signal(signum))
        with pytest.raises(logan.ClusterError, match=f"lost the Dask scheduler at {address}"):
            figures(log, f"dask={address}", progress=fault)
        if signum == signal.SIGSTOP:
            with pytest.raises(logan.ClusterError, match=f"no Dask scheduler at {address}"):
                figures(log, f"dask={address}")
    assert capfd.readouterr() == ("", "")


def test_the_command_says_in_one_sentence_that_the_scheduler_is_lost(
    log: Path, tmp_path: Path
) -> None:
    code = (
        "import os, sys\n"
        "from logan.engines import dask, dask_connection\n"
        "from logan.cli.main import main\n"
        "dask_connection.CONNECT_TIMEOUT_S = 1\n"
        "tell = dask._Job._tell\n"
        "def killing(job):\n"
        "    tell(job)\n"
        f"    os.kill(int(sys.argv.pop()), {int(signal.SIGKILL)}) if len(sys.argv) > 1 else None\n"
        "dask._Job._tell = killing\n"
        "sys.exit(main(['analyze', sys.argv.pop(1), '--engine', sys.argv.pop(1),\n"
        "               '--chunk-size', '4096', '--json']))\n"
    )
    with outside_cluster(tmp_path) as (address, (scheduler, _)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(log), f"dask={address}", str(scheduler.pid)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    first, second = done.stderr.splitlines()
    assert first.startswith(f"logan: lost the Dask scheduler at {address}: ")
    assert second == "  hint: see its log; run the job again once it runs"
    assert (done.returncode, done.stdout) == (4, "")


def test_a_second_signal_ends_the_job_without_a_word_and_without_processes(log: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from logan.engines import dask\n"
        "from logan.cli.main import main\n"
        "merge = dask._Job._merge\n"
        "def interrupted(*arguments):\n"
        "    merge(*arguments)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "dask._Job._merge = interrupted\n"
        "sys.exit(main(['analyze', sys.argv[1], '--engine', 'dask', '--threads', '2',\n"
        "               '--chunk-size', '4096', '--json']))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        # Pipes end when the last process that has them has ended.
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")


# --- What tasks raise ---------------------------------------------------------------------------


def raises(*_: Any) -> None:
    raise logan.InputError("a.log: odd", input="a.log", kind="odd", hint="see")


def fails(*_: Any) -> None:
    raise OSError("no such luck")


def test_errors_of_tasks_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask, "scan_block", raises)
    with pytest.raises(logan.InputError, match=r"a\.log: odd") as raised:
        figures(MIXED, "dask", threads=1)
    assert (raised.value.input, raised.value.kind, raised.value.hint) == ("a.log", "odd", "see")
    monkeypatch.setattr(dask, "scan_block", fails)
    with pytest.raises(logan.ClusterError, match="a Dask worker failed: OSError: no such luck"):
        figures(MIXED, "dask", threads=1)


def test_dasks_loggers_are_silent_during_a_run_and_as_before_after_it() -> None:
    loggers = [logging.getLogger(name) for name in ("distributed.client", "tornado.application")]
    seen: list[bool] = []

    def progress(done: int, total: int) -> None:
        seen.extend(each.disabled for each in loggers)

    figures(MIXED, "dask", threads=1, progress=progress)
    assert set(seen) == {True}
    assert not any(each.disabled for each in loggers)
