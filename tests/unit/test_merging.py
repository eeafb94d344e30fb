"""Runs add up: summaries of different jobs merge, whatever their sources are and however those were
read, and what would be counted twice is refused by name."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan
from logan.errors import MergeError, SummaryError
from logan.model import Detection, Source
from logan.options import Options
from logan.planning.chunks import make_plan
from logan.planning.prepare import prepare


def text(seed: int, lines: int) -> bytes:
    """Requests, errors and lines that are malformed; no two requests take the same time."""
    made = []
    for i in range(lines):
        n = (seed * 1_009 + i) * 7 + 1
        clock = f"2024-01-24 10:{n // 60 % 60:02}:{n % 60:02}.000"
        made.append(
            (f"{clock} INFO took {n}ms", f"{clock} ERROR no answer {n}", f"nonsense {n}")[n % 3]
        )
    return ("\n".join(made) + "\n").encode()


def counted(*paths: Path, **options: Any) -> logan.Summary:
    """A run over whole files, with the options of `make_spec`."""
    spec = logan.make_spec(paths, **options)
    summary = logan.Summary.empty(spec)
    for index, path in enumerate(paths):
        size = path.stat().st_size
        part = logan.Summary.from_chunk(str(path), 0, size, spec, source=index)
        summary = summary.merge(part)
    return summary


@pytest.fixture
def logs(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one.log", tmp_path / "other.log"
    one.write_bytes(text(1, 300))
    other.write_bytes(text(2, 200))
    return one, other


def test_runs_over_different_logs_add_up(logs: tuple[Path, Path]) -> None:
    one, other = logs
    total = counted(one, top=5).merge(counted(other, top=50, input_tz="Europe/Berlin"))
    report = logan.Report.from_summary(total, top=1_000)
    assert report.lines.total == 500
    assert [each.path for each in report.inputs] == [str(one), str(other)]
    # Both had index 0; each row names the log that it is of.
    found = json.loads(total.evaluate(1_000))
    for row in [*found["slowest"], *found["malformed"]["samples"]]:
        data = logs[row["input"]].read_bytes()
        assert data[row["offset"] :].startswith(row["text"].encode())
    assert {row["input"] for row in found["slowest"]} == {0, 1}
    assert logan.Summary.from_bytes(total.to_bytes()) == total


def test_the_sum_has_the_metrics_of_one_run(logs: tuple[Path, Path]) -> None:
    one, other = logs
    for total in (
        counted(one).merge(counted(other)),
        counted(other).merge(counted(one)),
        counted(other, one),
    ):
        report = logan.Report.from_summary(total)
        expected = logan.Report.from_summary(counted(one, other))
        for section in ("total_requests", "levels", "response_time_ms", "errors", "time", "lines"):
            assert getattr(report, section) == getattr(expected, section)


def test_a_log_saved_at_noon_goes_on_at_midnight(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    data = text(1, 20_000)
    cut = data.index(b"\n", len(data) // 2) + 1
    log.write_bytes(data[:cut])
    noon = counted(log)
    log.write_bytes(data)
    # All of it again is refused by name, and nothing has changed.
    before = noon.to_bytes()
    for again in (counted(log), counted(log, input_tz="Europe/Berlin")):
        with pytest.raises(MergeError, match=rf"access\.log is in both, bytes 0–{cut:,};"):
            noon.merge(again)
    assert noon.to_bytes() == before
    rest = logan.Summary.from_chunk(str(log), cut, len(data), logan.make_spec(log))
    assert noon.merge(rest).segments() == [(0, 0, len(data))]
    assert rest.merge(noon).segments() == [(0, 0, len(data))]


def test_a_rotated_log_is_another_one(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(text(1, 300))
    monday = counted(log)
    log.write_bytes(text(2, 300))
    assert monday.merge(counted(log)).segments()[1][0] == 1


def test_a_copy_is_refused_with_both_names(logs: tuple[Path, Path], tmp_path: Path) -> None:
    one, _ = logs
    copy, packed = tmp_path / "copy.log", tmp_path / "one.log.gz"
    copy.write_bytes(one.read_bytes())
    packed.write_bytes(gzip.compress(one.read_bytes()))
    with pytest.raises(MergeError, match=r"one\.log and \S*copy\.log are the same log under two"):
        counted(one).merge(counted(copy))
    spec = prepare([str(packed)], Options()).spec()
    decoded, fault, _ = logan.Summary.from_archive(str(packed), spec, "gzip")
    assert fault is None
    with pytest.raises(MergeError, match=r"one\.log and \S*one\.log\.gz are the same log under"):
        counted(one).merge(decoded)
    # One run may have both: the user named both.
    assert counted(one, copy).covered_bytes(1) == one.stat().st_size


def test_different_options_are_named(logs: tuple[Path, Path]) -> None:
    one, other = logs
    with pytest.raises(MergeError, match="made with --where status >= 500, the other without"):
        counted(one, where="status>=500").merge(counted(other))
    with pytest.raises(ValueError, match=r"--since 2024-01-24T10:00:00Z, the other without") as bad:
        counted(one).merge(counted(other, since="2024-01-24T10:00:00Z"))
    assert isinstance(bad.value, SummaryError)
    # The same moment, however it was written.
    berlin = counted(one, since="2024-01-24 11:00", input_tz="Europe/Berlin")
    assert berlin.meaning_digest == counted(other, since="2024-01-24T10:00:00Z").meaning_digest
    berlin.merge(counted(other, since="2024-01-24T10:00:00Z"))


def test_feeds_are_known_by_what_was_pushed() -> None:
    def fed(data: bytes, name: str = "-") -> logan.Summary:
        with logan.Feed(name=name) as feed:
            feed.push(data)
        return feed.finish()

    assert logan.Report.from_summary(fed(text(1, 50)).merge(fed(text(2, 50)))).lines.total == 100
    with pytest.raises(MergeError, match="standard input is in both"):
        fed(text(1, 50)).merge(fed(text(1, 50)))
    with pytest.raises(MergeError, match="web1 and web2 are the same log"):
        fed(text(1, 50), "web1").merge(fed(text(1, 50), "web2"))


def test_an_old_summary_is_refused_with_the_next_step() -> None:
    old = Path(__file__).parents[2] / "test_vectors" / "summary" / "v1.bin"
    with pytest.raises(SummaryError, match="version 1, this logan reads 3 to 4: analyze"):
        logan.Summary.from_bytes(old.read_bytes())


def test_an_identity_shows_no_secret_and_any_name() -> None:
    sources = [
        Source(
            "https://me:pw@host/a.log?signature=x",
            10,
            content=_logan.content(b"a" * 10, b"a" * 10, 10),
        ),
        Source("odd \udc80.log", 10),
    ]
    plan = make_plan(sources, [Detection()] * 2, Options(), anchor_ns=0)
    described = json.loads(logan.Spec(plan.spec_json).to_json())
    web, odd = (each["identity"] for each in described["sources"])
    assert (web["name"], web["origin"]) == ("https://host/a.log",) * 2
    assert web["content"]["length"] == 10
    assert odd["name"].endswith(".log")
    assert "content" not in odd
