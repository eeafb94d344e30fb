"""Every scenario with real processes, as users type it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from logan.simulation.scenarios import SCENARIOS
from test_vectors.network import OUTCOMES, scenario

LOG = Path(__file__).resolve().parents[2] / "test_vectors" / "logs" / "mixed_format.log"


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "logan", "simulate", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=110)
        except BaseException:
            # On SIGTERM it ends its workers. If it were killed, they would go on connecting to a
            # port that may soon belong to another process.
            process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def test_every_scenario_has_an_outcome() -> None:
    assert list(OUTCOMES) == list(SCENARIOS)
    latencies = [worker.latency_ms for worker in SCENARIOS["normal"].workers]
    assert latencies == [10, 15, 12]
    assert SCENARIOS["worker-failure"].faults[0].at == 0.5
    assert SCENARIOS["high-latency"].workers[2].latency_ms == 1000


COMMISSIONED = ("normal", "worker-failure", "high-latency")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in COMMISSIONED else pytest.mark.slow)
        for name in SCENARIOS
    ],
)
def test_the_figures_stay_the_same(name: str, tmp_path: Path) -> None:
    _, outcome = scenario(name)
    saved = tmp_path / "report.json"
    found = simulate(name, str(LOG), "--seconds", str(outcome.job_s), "-o", str(saved))
    assert found.returncode == 0, found.stdout + found.stderr
    assert "byte for byte" in found.stdout
    performance = json.loads(saved.read_text())["performance"]
    lost = {each["worker"] for each in performance["workers"] if each["chunks_lost"]}
    assert outcome.loses <= lost <= outcome.loses | outcome.may_lose, found.stdout
    for recovery in performance["recoveries"]:
        waited_s = recovery["leased_s"] - recovery["noticed_s"]
        assert 0 <= waited_s <= outcome.leased_again_s_max, recovery


def test_list() -> None:
    found = simulate("--list")
    assert found.returncode == 0
    assert [line.split()[0] for line in found.stdout.splitlines()] == list(SCENARIOS)


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ([], "missing SCENARIO", 2),
        (["earthquake"], "unknown scenario 'earthquake'", 2),
        (["normal"], "missing PATH", 2),
        (["normal", "/no/such.log"], "/no/such.log", 3),
        (["normal", os.devnull], "is not a file", 3),
    ],
)
def test_mistakes(arguments: list[str], message: str, code: int) -> None:
    found = simulate(*arguments)
    assert (found.returncode, message in found.stderr) == (code, True), found.stderr
    assert "Traceback" not in found.stderr


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "logan", "simulate", "normal", str(LOG), "--seconds", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "the job begins" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors
    assert list(tmp_path.iterdir()) == []
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(tmp_path) not in listed.stdout
