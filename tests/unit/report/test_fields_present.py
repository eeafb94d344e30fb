"""Which fields an input has where a condition left nothing of it: looked at again, seen when it was
opened, or told by its formats."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logan import _logan
from logan.model import Result
from logan.options import Options
from logan.planning.prepare import Job, prepare
from logan.planning.sample import with_fields_present
from logan.report.builder import build_report
from logan.sources import files

JSON = '{"ts":"2024-01-24T10:15:32Z","level":"info","status":200,"path":"/a","method":"GET"}\n'
SQUID = (
    "1706091332.123    127 192.0.2.7 TCP_MISS/200 512 GET http://a.test/ - HIER_DIRECT/1 text/x\n"
)
APP = "2024-01-24 10:15:32 something happened\n"


def job_of(path: Path) -> Job:
    return prepare([str(path)], Options(where="status >= 500"))


def present(job: Job, **how: Any) -> list[str]:
    summary = _logan.Summary.empty(job.spec())
    for index, source in enumerate(job.plan.sources):
        made = _logan.Summary.from_chunk(source.url, 0, source.size or 0, job.spec(), source=index)
        summary = summary.merge(made)
    report, _ = build_report(
        job,
        Result(summary, 1, ()),
        engine="x",
        series_points=None,
        changes={},
        wall_s=1.0,
        peak_rss_bytes=None,
        **how,
    )
    assert report.lines.parsed == 0
    found: list[str] = report.selection.fields_present
    return found


@pytest.mark.parametrize(
    ("text", "seen", "by_format"),
    [
        (JSON, ["level", "status"], []),  # keys of JSON are not known before they are seen
        (SQUID, ["bytes", "duration", "status"], ["bytes", "duration", "status"]),
        (APP, [], []),
    ],
)
def test_fields_present(tmp_path: Path, text: str, seen: list[str], by_format: list[str]) -> None:
    path = tmp_path / "x.log"
    path.write_text(text * 3)
    job = job_of(path)
    assert present(job) == by_format
    (entry,) = job.inputs
    assert entry.detection is not None
    _, samples = files.open_file(str(path))
    job.inputs[0] = replace(entry, detection=with_fields_present(samples, entry.detection))
    assert present(job) == seen
    assert present(job, look=lambda job: {"level"}) == ["level"]
