"""The second pass as a whole: what it adds to findings, and what it says where it cannot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import Summary, engines
from logan.model import Result
from logan.options import Execution, Options
from logan.planning.prepare import Job, prepare
from logan.planning.second_pass import Access, SecondPass, why_not
from logan.report import builder
from logan.report.explanation import explained, unexplained
from logan.report.findings import thresholds

SPAN = ("2024-01-24T10:00:00Z", "2024-01-24T10:59:59Z")
FINDING: Mapping[str, Any] = {
    "kind": "errors",
    "start": "2024-01-24T10:30:00Z",
    "end": "2024-01-24T10:40:00Z",
    "step_s": 10,
    "metric": "errors.ratio",
    "before": 0.0,
    "during": 0.25,
    "where": [],
    "explained": "summary",
    "why_not": None,
}


def log(folder: Path) -> Path:
    """An hour of requests, two a second; from 10:30 to 10:40 those on web3 fail."""
    path, lines = folder / "a.log", []
    for i in range(7_200):
        minute, second = divmod(i // 2, 60)
        host = f"web{i % 4 + 1}"
        status = 503 if 30 <= minute < 40 and host == "web3" else 200
        lines.append(
            f'{{"time":"2024-01-24T10:{minute:02}:{second:02}Z","level":"INFO","msg":"request",'
            f'"method":"GET","path":"/{"abc"[i % 3]}","status":{status},"duration_ms":5,'
            f'"client":"10.0.0.{i % 50}","host":"{host}"}}\n'
        )
    path.write_text("".join(lines))
    return path


def local(job: SecondPass) -> Result:
    return engines.load("local").run(job.plan, job.spec, Execution(threads=1))


def job_of(path: Path) -> Job:
    return prepare([str(path)], Options())


def test_it_names_the_host_that_carries_the_errors(tmp_path: Path) -> None:
    (found,) = explained(job_of(log(tmp_path)), [FINDING], local, SPAN)
    assert found["where"] == [
        {"field": "host", "value": "web3", "share": 1.0, "share_outside": 0.25}
    ]
    assert found["explained"] == "second_pass"


def test_a_file_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    path = log(tmp_path)
    job = job_of(path)
    path.write_bytes(path.read_bytes().replace(b"web3", b"web9"))
    (found,) = explained(job, [FINDING], local, SPAN)
    assert (found["explained"], found["where"]) == ("summary", [])
    assert "changed" in found["why_not"]


def test_a_file_that_grew_is_read_as_planned(tmp_path: Path) -> None:
    path = log(tmp_path)
    job = job_of(path)
    with path.open("a") as stream:
        stream.write("not a line of it\n" * 100)
    (found,) = explained(job, [FINDING], local, SPAN)
    assert found["where"][0]["value"] == "web3"


def test_only_the_first_findings_are_explained(tmp_path: Path) -> None:
    many = [FINDING] * (thresholds.EXPLAINED_MAX + 1)
    found = explained(job_of(log(tmp_path)), many, local, SPAN)
    assert [each["explained"] for each in found] == ["second_pass"] * 3 + ["summary"]
    assert "only the first" in found[-1]["why_not"]


def test_findings_without_an_interval_need_no_second_pass(tmp_path: Path) -> None:
    lasting = {**FINDING, "kind": "concentration", "start": None, "end": None}
    assert explained(job_of(log(tmp_path)), [lasting], local, SPAN) == [lasting]
    assert unexplained()([lasting], SPAN) == [lasting]


@pytest.mark.parametrize("explains", [True, False])
def test_the_library_explains_unless_told_not_to(
    explains: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(figures: Mapping[str, Any], *, is_partial: bool = False) -> list[Mapping[str, Any]]:
        assert not is_partial
        return [FINDING]

    monkeypatch.setattr(builder, "find", find)
    path = log(tmp_path)
    (found,) = logan.analyze(path, explain=explains).to_dict()["findings"]
    assert found["explained"] == ("second_pass" if explains else "summary")
    assert found["why_not"] == (None if explains else "no second pass was made")
    assert found["text"].endswith("all on web3" if explains else "on 2024-01-24")
    assert found["command"].startswith(f"logan lines {path} --since 2024-01-24T10:30:00Z")


def test_a_report_without_findings_has_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")
    assert logan.analyze(path).to_dict()["findings"] == []


def test_of_sources_elsewhere_only_the_chunks_around_an_interval_are_read(tmp_path: Path) -> None:
    path = log(tmp_path)
    job = prepare([str(path)], Options(chunk_size=32 * 1024))
    chunks, whole = job.plan.chunks, job.spec()
    assert len(chunks) > 20
    times: dict[int, tuple[int, int] | None] = {}
    for chunk in chunks:
        summary = Summary.from_chunk(str(path), chunk.start, chunk.end, whole)
        time = json.loads(summary.evaluate(top=1, series_points=1))["time"]
        times[chunk.id] = nanos(time["first"]), nanos(time["last"])
    read: list[int] = []

    def run(second: SecondPass) -> Result:
        read.append(second.plan.bytes)
        assert {each.start % job.plan.chunk_size for each in second.plan.chunks} <= {0}
        return local(second)

    here = explained(job, [FINDING], local, SPAN)
    for known in (times, {id: each for id, each in times.items() if id % 3}):
        assert explained(job, [FINDING], run, SPAN, Access(times=known)) == here
        assert known is not times or max(read) < job.plan.bytes / 2
    del times[chunks[-1].id]
    assert explained(job, [FINDING], run, SPAN, Access(times={**times, 0: None})) == here


def nanos(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**9


def test_files_on_another_host_are_only_read_again_by_those_who_have_them(tmp_path: Path) -> None:
    job = replace(job_of(log(tmp_path)), watched=False)
    assert why_not(job) == "the files are on another host"
    assert why_not(job, Access(times={})) is None
