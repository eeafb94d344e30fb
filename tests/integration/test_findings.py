"""Planted incidents are found, dated and explained, and quiet logs have no findings.

A small fixed part of `python -m test_vectors.incidents`, which tries many more.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import engines
from logan.cli.main import main
from logan.options import Execution, Options
from logan.planning.prepare import prepare
from logan.report.explanation import explained
from logan.report.findings import find, finished
from test_vectors.incidents.quiet import INCIDENTS, QUIET, IncidentLog, make_log
from test_vectors.incidents.suite import judged
from tests.support.analysis import analysis_of

SCALE = 0.3
"""Of the logs' usual size, so that they are made in a moment."""

Finding = Mapping[str, Any]


def findings_of(log: IncidentLog, folder: Path, *, explains: bool = True) -> Sequence[Finding]:
    """What a report would say of the log."""
    paths = []
    for name, data in log.files:
        path = folder / name
        path.write_bytes(data)
        paths.append(str(path))
    job = prepare(paths, Options())
    execution = Execution(threads=1)
    engine = engines.load("local")
    result = engine.run(job.plan, job.spec(), execution)
    figures = json.loads(result.summary.evaluate())
    figures["analysis"] = analysis_of(log.files)
    found: Sequence[Finding] = find(figures)
    if explains:
        span = figures["time"]["first"], figures["time"]["last"]
        found = explained(
            job, found, lambda each: engine.run(each.plan, each.spec, execution), span
        )
    return [finished(each, paths, figures=figures) for each in found]


SEEDS = dict.fromkeys(INCIDENTS, 1) | {"traffic_drop": 2, "two_at_once": 2}


@pytest.mark.parametrize("kind", INCIDENTS)
def test_a_planted_incident_is_found_dated_and_explained(kind: str, tmp_path: Path) -> None:
    log = make_log(kind, SEEDS[kind], scale=SCALE)
    for verdict in judged(log, findings_of(log, tmp_path)):
        assert verdict.right, verdict


@pytest.mark.parametrize(
    ("kind", "marks"),
    [("bot", "BadBot/1.0"), ("deploy_message", "WARN|ERROR"), ("retry_storm", " 503 |:503,")],
)
def test_the_truth_is_what_stands_in_the_log(kind: str, marks: str) -> None:
    """It begins with the first record of the incident, and ends with the last one."""
    log = next(
        each
        for each in (make_log(kind, seed, scale=SCALE) for seed in range(50))
        if each.service.kind == ("json" if kind == "deploy_message" else "access")
    )
    (truth,) = log.truths
    ((_, data),) = log.files
    lines = [each for each in data.decode().splitlines() if re.search(marks, each)]
    if truth.message:
        lines = [each for each in lines if truth.message in each]
    if truth.where and "route" in truth.where:
        lines = [each for each in lines if truth.where["route"] in each]
    for moment, line in ((truth.start, lines[0]), (truth.end, lines[-1])):
        if moment is not None:
            at = datetime.fromtimestamp(moment, UTC)
            assert f"{at:%d/%b/%Y:%H:%M:%S}" in line or f"{at:%Y-%m-%dT%H:%M:%S}" in line


@pytest.mark.parametrize("kind", QUIET)
def test_a_quiet_log_has_no_findings(kind: str, tmp_path: Path) -> None:
    log = make_log(kind, 1, scale=SCALE)
    assert findings_of(log, tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*INCIDENTS, *QUIET])
def test_most_of_many_are_right(kind: str, tmp_path: Path) -> None:
    verdicts = []
    for seed in range(1_000, 1_010):
        log = make_log(kind, seed)
        verdicts += judged(log, findings_of(log, tmp_path))
    if kind in QUIET:
        assert not any(each.found for each in verdicts), verdicts
    else:
        assert sum(each.right for each in verdicts) >= 0.8 * len(verdicts), verdicts


def test_edges_that_meet_are_no_finding(tmp_path: Path) -> None:
    """The best edges of this drop have no time between them, which once was divided by."""
    log = make_log("traffic_drop", 7_800_138)
    assert {each["kind"] for each in findings_of(log, tmp_path)} <= {"traffic_drop"}


@pytest.mark.parametrize("kind", INCIDENTS)
def test_the_command_of_a_finding_shows_its_lines(
    kind: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    found = findings_of(make_log(kind, SEEDS[kind], scale=SCALE), tmp_path)
    commands = [shlex.split(each["command"]) for each in found]
    for finding, command in zip(found, commands, strict=True):
        if command[1] != "lines":
            continue
        words = [word for word in command[1:] if word != "PATH…"]
        paths = [] if "PATH…" not in command else [str(each) for each in tmp_path.iterdir()]
        code = main([*words, *paths, "--count"])
        out, err = capfdbinary.readouterr()
        given = dict(pairwise(words))
        expected = logan.analyze(
            paths or [word for word in words if word.startswith(str(tmp_path))],
            since=given.get("--since"),
            until=given.get("--until"),
            where=given.get("--where"),
        ).to_dict()["lines"]["parsed"]
        assert (code, int(out), err) == (0 if expected else 1, expected, b""), command
        if finding["kind"] in ("errors", "latency", "traffic_surge", "message_new"):
            assert expected, command
