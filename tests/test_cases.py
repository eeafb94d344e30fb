"""The four cases that logan was commissioned for, each with real processes: read it, run it.

    python -m pytest -n0 -v tests/test_cases.py

`logan simulate` starts a coordinator and three workers, Alice, Bob and Charlie, as processes of
their own that talk over TCP; the links between them are as slow as the scenario says, and what
fails is really killed. Each case analyzes a log whose figures are known beforehand
(`test_vectors/logs/expected.json`, computed by a program that shares no code with logan). The
figures may differ from those by 1 % at most.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LOGS = Path(__file__).resolve().parents[1] / "test_vectors" / "logs"
EXPECTED: dict[str, dict[str, Any]] = json.loads((LOGS / "expected.json").read_text("utf-8"))
FIGURES = (
    "total_requests",
    "avg_response_time",
    "error_rate",
    "requests_per_second",
    "malformed_lines",
)
WORKERS = {"alice", "bob", "charlie"}


def analyzed_by_a_cluster(scenario: str, log: str, folder: Path) -> dict[str, Any]:
    """The report of a cluster to which the scenario happens."""
    saved = folder / "report.json"
    command = [sys.executable, "-m", "logan", "simulate", scenario, str(LOGS / log)]
    with subprocess.Popen(
        [*command, "--seconds", "4", "-o", str(saved)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=100)
        finally:
            process.terminate()  # it ends its workers
    assert process.returncode == 0, printed
    report: dict[str, Any] = json.loads(saved.read_text("utf-8"))
    return report


def figures_are_as_expected(report: dict[str, Any], log: str) -> None:
    """Within 1 %, and nothing is missing."""
    expected = EXPECTED[log]
    for name in FIGURES:
        assert report[name] == pytest.approx(expected[name], rel=0.01), name
    assert report["lines"]["total"] == expected["lines"]["total"]
    assert report["partial"] is False


def workers(report: dict[str, Any], column: str) -> dict[str, int]:
    """A column of the report's table of workers, by the name of the worker."""
    return {each["worker"]: each[column] for each in report["performance"]["workers"]}


def test_case_1_normal_operation(tmp_path: Path) -> None:
    """Three workers, 10, 15 and 12 ms away. Nothing fails; all three work, none loses anything."""
    report = analyzed_by_a_cluster("normal", "mixed_format.log", tmp_path)
    figures_are_as_expected(report, "mixed_format.log")
    assert set(workers(report, "chunks_done")) == WORKERS
    assert sum(workers(report, "chunks_lost").values()) == 0
    assert report["performance"]["recoveries"] == []


def test_case_2_a_worker_fails_in_the_middle_of_its_work(tmp_path: Path) -> None:
    """Bob is killed (SIGKILL) when half of the job is done. What he had in hand is done by others,
    within seconds, and nothing is lost or counted twice."""
    report = analyzed_by_a_cluster("worker-failure", "mixed_format.log", tmp_path)
    figures_are_as_expected(report, "mixed_format.log")
    assert workers(report, "chunks_lost")["bob"] > 0
    recoveries = report["performance"]["recoveries"]
    assert recoveries
    for each in recoveries:
        assert each["worker"] == "bob"
        assert each["leased_s"] - each["noticed_s"] < 5.0, "another worker has the chunk by then"


def test_case_3_malformed_lines(tmp_path: Path) -> None:
    """Lines cut off, dates that do not exist, bytes that are no text, stack traces: each is counted
    as what it is, and the figures of the others are right."""
    report = analyzed_by_a_cluster("normal", "malformed.log", tmp_path)
    figures_are_as_expected(report, "malformed.log")
    assert report["malformed_lines"] == EXPECTED["malformed.log"]["malformed_lines"] > 0
    for kind in ("parsed", "malformed", "blank", "continuation"):
        assert report["lines"][kind] == EXPECTED["malformed.log"]["lines"][kind]


def test_case_4_high_latency(tmp_path: Path) -> None:
    """Charlie is 1,000 ms away. He is not declared dead, and the others do not wait for him."""
    report = analyzed_by_a_cluster("high-latency", "mixed_format.log", tmp_path)
    figures_are_as_expected(report, "mixed_format.log")
    assert {"alice", "bob"} <= set(workers(report, "chunks_done"))
    assert sum(workers(report, "chunks_lost").values()) == 0
