"""The second job: which records it is over, what it groups by, and when it is not done."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from logan.errors import UsageError
from logan.options import Options
from logan.planning import second_pass
from logan.planning.prepare import Job, prepare
from logan.planning.second_pass import fields_of, interval_plan, why_not

NS = 10**9
START = 1_706_089_800  # 2024-01-24T09:50:00Z
LINE = (
    '{{"time":"2024-01-24T{hour:02}:{minute:02}:00Z","level":"INFO","msg":"request","method":"GET",'
    '"path":"/a","status":200,"client":"10.0.0.1","region":"{region}","id":"{id}"}}\n'
)


def log(folder: Path, name: str = "a.log") -> Path:
    path = folder / name
    path.write_text(
        "".join(
            LINE.format(hour=10 + i // 60, minute=i % 60, region="eu" if i % 3 else "us", id=i)
            for i in range(600)
        )
    )
    return path


def job_of(*paths: Path, options: Options | None = None) -> Job:
    return prepare([str(each) for each in paths], options or Options())


def test_the_job_is_over_the_records_of_the_first_within_the_interval(tmp_path: Path) -> None:
    given = Options(where="status>=200", since_ns=START * NS, until_ns=(START + 7_200) * NS)
    job = job_of(log(tmp_path), options=given)
    found = interval_plan(
        job,
        since_ns=(START + 3_600) * NS,
        until_ns=(START + 9_000) * NS,
        by=("route",),
        where="level=INFO or level=WARN",
    )
    meaning = json.loads(found.plan.spec_json)["meaning"]
    assert {"user_agents", "templates", "response_times"} <= set(meaning.pop("off"))
    assert meaning == {
        "since_ns": (START + 3_600) * NS,
        "until_ns": (START + 7_200) * NS,
        "where": "(status>=200) and (level=INFO or level=WARN)",
        "by": ["route"],
    }
    sources = zip(job.plan.sources, found.plan.sources, strict=True)
    assert all(a.url == b.url and a.fingerprint == b.fingerprint for a, b in sources)
    assert found.plan.bytes < job.plan.bytes, "only that part is read"


def test_an_interval_outside_the_selection_is_refused(tmp_path: Path) -> None:
    job = job_of(log(tmp_path), options=Options(until_ns=START * NS))
    with pytest.raises(UsageError, match="no record"):
        interval_plan(job, since_ns=(START + 1) * NS, until_ns=(START + 2) * NS, by=())


def test_without_seek_all_is_read(tmp_path: Path) -> None:
    job = job_of(log(tmp_path), options=Options(seek=False))
    found = interval_plan(job, since_ns=START * NS, until_ns=(START + 60) * NS, by=())
    assert found.plan.bytes == job.plan.bytes


def test_fields_are_those_that_exist_and_do_not_name_single_records(tmp_path: Path) -> None:
    fields = fields_of(job_of(log(tmp_path)))
    assert fields[0] == "route"
    assert "json.region" in fields
    assert not {"json.id", "json.status", "json.level", "json.time"} & set(fields)


def test_keys_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "many.log"
    keys = ",".join(f'"k{i}":%d' for i in range(60))
    line = f'{{"time":"2024-01-24T10:00:%02dZ","level":"INFO","msg":"m",{keys}}}\n'
    path.write_text("".join(line % (n, *[n % 2] * 60) for n in range(50)))
    fields = fields_of(job_of(path))
    assert sum(each.startswith("json.") for each in fields) == second_pass.KEYS_MAX


def test_plain_files_can_be_read_again(tmp_path: Path) -> None:
    assert why_not(job_of(log(tmp_path))) is None


def test_a_stream_cannot_be_read_again(tmp_path: Path) -> None:
    path = log(tmp_path)
    with path.open() as stream:
        saved = os.dup(0)
        try:
            os.dup2(stream.fileno(), 0)
            job = prepare(["-"], Options())
        finally:
            os.dup2(saved, 0)
            os.close(saved)
        assert why_not(job) == "standard input cannot be read again"
        job.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ssh://web1/var/log/a.log", "files on hosts reached by ssh are not read again"),
        ("s3://bucket/a.log", "objects on servers are not read again"),
    ],
)
def test_what_lies_elsewhere_is_not_read_again(url: str, reason: str, tmp_path: Path) -> None:
    job = job_of(log(tmp_path))
    away = tuple(replace(each, url=url, fingerprint=None) for each in job.plan.sources)
    assert why_not(replace(job, plan=replace(job.plan, sources=away))) == reason


def test_large_archives_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(log(tmp_path).read_bytes()))
    job = job_of(path)
    assert why_not(job) is None
    monkeypatch.setattr(second_pass, "STORED_BYTES_MAX", 100)
    reason = why_not(job)
    assert reason is not None
    assert reason.endswith("compressed bytes would have to be read again")
