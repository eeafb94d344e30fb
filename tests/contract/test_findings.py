"""Findings are a function of the log: the same in any cut, from a stream and from a summary; and
what the engine counts for them is what a slow count of the lines gives."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import logan
from logan._logan import Summary
from test_vectors.incidents.quiet import make_log
from tests.support.analysis import analysis_of, ranges_of
from tests.support.scanner_log import write_scanner_log

SCALE = 0.2
KEYS = ("kind", "start", "end", "metric", "before", "during")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with an incident."""
    log = make_log("retry_storm", 1, scale=SCALE)
    ((name, data),) = log.files
    found = tmp_path_factory.mktemp("findings") / name
    found.write_bytes(data)
    return found


def evaluated(path: Path) -> dict[str, Any]:
    summary = Summary.from_chunk(
        str(path), 0, path.stat().st_size, logan.make_spec([path]), source=0
    )
    figures: dict[str, Any] = json.loads(summary.evaluate())
    assert "analysis" in figures
    return figures


def core(report: Any) -> list[dict[str, Any]]:
    return [{key: each[key] for key in KEYS} for each in report["findings"]]


def test_any_cut_and_any_number_of_threads_give_the_same_findings(path: Path) -> None:
    evaluated(path)
    whole = logan.analyze(path, threads=1).to_dict()
    assert whole["findings"]
    for chunk_size, threads in ((40_000, 1), (100_000, 3)):
        cut = logan.analyze(path, chunk_size=chunk_size, threads=threads).to_dict()
        assert cut["findings"] == whole["findings"]


def test_a_summary_has_the_same_findings(path: Path) -> None:
    evaluated(path)
    whole = logan.analyze(path).to_dict()
    summary = Summary.from_chunk(str(path), 0, path.stat().st_size, logan.make_spec([path]))
    report = logan.Report.from_summary(summary, inputs=[str(path)]).to_dict()
    assert core(report) == core(whole)
    assert {each["explained"] for each in report["findings"]} == {"summary"}


def test_a_stream_has_the_same_findings_and_says_why_it_is_not_read_again(path: Path) -> None:
    evaluated(path)
    whole = logan.analyze(path).to_dict()
    with path.open("rb") as stream:
        found = subprocess.run(
            [sys.executable, "-m", "logan", "analyze", "--json", "-"],
            stdin=stream,
            capture_output=True,
            check=True,
        )
    report = json.loads(found.stdout)
    assert core(report) == core(whole)
    assert report["findings"][0]["why_not"] == "standard input cannot be read again"
    assert report["findings"][0]["command"].startswith("logan lines PATH…")


def test_client_errors_do_not_depend_on_the_rows_that_a_report_keeps(tmp_path: Path) -> None:
    """From a file in any cut, a stream and a summary that shows one row."""
    path = tmp_path / "access.log"
    write_scanner_log(path)
    whole = logan.analyze(path).to_dict()
    (found,) = whole["findings"]
    assert (found["kind"], found["status"], found["records"]) == ("client_errors", "403", 150)
    assert found["where"][0] == {
        **{"field": "client", "value": "203.0.113.9"},
        **{"share": 1.0, "share_outside": 0.025},
    }
    cut = logan.analyze(path, chunk_size=30_000, threads=2).to_dict()
    short = logan.analyze(path, top=1).to_dict()
    assert cut["findings"] == short["findings"] == whole["findings"]
    summary = Summary.from_chunk(str(path), 0, path.stat().st_size, logan.make_spec([path]))
    report = logan.Report.from_summary(summary, inputs=[str(path)], top=1).to_dict()
    assert report["findings"] == whole["findings"]
    feed = logan.Feed(logan.make_spec([path]))
    feed.push(path.read_bytes())
    stream = logan.Report.from_summary(feed.finish(), inputs=[str(path)])
    assert stream.to_dict()["findings"] == whole["findings"]


@pytest.mark.parametrize(
    ("kind", "statuses", "says"),
    [
        ("throttled", (429,), "requests throttled (429) 0 % → 33.3 %"),
        ("denied", (401, 403), "requests denied (401, 403) 0 % → 33.3 %"),
        ("unanswered", (499, 0), "requests without an answer 0 % → 33.3 %"),
    ],
)
def test_requests_that_are_refused_or_have_no_answer_are_found_when_and_where(
    kind: str, statuses: tuple[int, ...], says: str, tmp_path: Path
) -> None:
    """Every third request of a quarter of an hour, all of one client."""
    lines, wrong = [], 0
    for i in range(12_000):
        minute, second = divmod(i // 2, 60)
        is_wrong = 40 <= minute < 55 and i % 3 == 0
        status = statuses[wrong % len(statuses)] if is_wrong else 200
        wrong += is_wrong
        client = "203.0.113.9" if is_wrong else f"10.0.0.{i % 40}"
        clock = f"{10 + minute // 60}:{minute % 60:02}:{second:02}"
        lines.append(
            f"{client} - - [24/Jan/2024:{clock} +0000] "
            f'"GET /item/{i % 7}/x HTTP/1.1" {status} 10 "-" "curl/8.1" 0.0{i % 9 + 1}\n'
        )
    path = tmp_path / "access.log"
    path.write_text("".join(lines))
    report = logan.analyze(path).to_dict()
    (found,) = report["findings"]
    assert (found["kind"], found["explained"]) == (kind, "second_pass")
    assert (found["start"], found["end"]) == ("2024-01-24T10:40:00Z", "2024-01-24T10:55:00Z")
    assert (found["before"], found["during"]) == (0.0, 0.333333)
    assert found["where"][0] == {
        **{"field": "client", "value": "203.0.113.9"},
        **{"share": 1.0, "share_outside": 0.0},
    }
    assert found["text"].startswith(says)
    shown = subprocess.run(
        [sys.executable, "-m", *shlex.split(found["command"])],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert len(shown.splitlines()) == wrong == sum(report["status"][str(s)] for s in statuses)


@pytest.mark.parametrize("kind", ["retry_storm", "deploy_message", "bad_clock"])
def test_the_engine_counts_what_a_slow_count_gives(kind: str, tmp_path: Path) -> None:
    log = make_log(kind, 1, scale=SCALE)
    ((name, data),) = log.files
    path = tmp_path / name
    path.write_bytes(data)
    figures = evaluated(path)
    counted, slow = figures["analysis"], analysis_of(log.files)
    columns = ("records", "requests", "errors", "measured", "unanswered", "throttled", "denied")
    for key in ("step_s", "buckets", *columns):
        assert counted[key] == slow[key], key
    _same_logs(counted, slow)
    routes = {each["name"]: each for each in counted["routes"]}
    for each in slow["routes"]:
        for key in ("at", "requests", "errors", "measured"):
            assert routes[each["name"]][key] == each[key], (each["name"], key)
        _same_logs(routes[each["name"]], each)
    (source,) = figures["sources"]
    ((first, last),) = ranges_of(log.files)
    if "first" in source:
        moments = [logan._logan.moment(source[key]) for key in ("first", "last")]
        assert [each and each // 10**9 for each in moments] == [first, last]


def _same_logs(counted: dict[str, Any], slow: dict[str, Any]) -> None:
    """Sums of logarithms differ by what response times are rounded to: buckets of 3.2 %."""
    for n, a, b in zip(counted["measured"], counted["log_sum"], slow["log_sum"], strict=True):
        assert abs(a - b) <= 14 * n
