"""Results as users write code against them: mypy in strict mode checks this file like all others,
and the values are of the types that it was told.

`assert_type` fails in mypy if a type is wider or narrower. An `ignore` that is not needed fails,
too, so each below says that mypy finds a misspelled name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

import pytest

import logan

LOG = Path(__file__).resolve().parents[3] / "test_vectors" / "logs" / "mixed_format.log"


@pytest.fixture(scope="module")
def report() -> logan.Report:
    return logan.analyze(LOG, by="client")


def test_figures(report: logan.Report) -> None:
    p99 = report.response_time_ms.p99
    assert_type(p99, float | None)
    assert isinstance(p99, float)
    assert_type(report.total_requests, int)
    assert_type(report.error_rate, float | None)
    assert_type(report.errors.ratio, float | None)
    assert_type(report.lines.malformed, int)
    assert_type(report.time.first, str | None)
    assert_type(report.throughput.peak_rps, float | None)
    assert report.lines.malformed == report.malformed_lines
    # Sections that depend on the log can be asked for anything.
    assert report.performance.engine == "local"
    assert report.status["200"] > 0


def test_tables(report: logan.Report) -> None:
    top = report.routes.top[0]
    assert_type(top.route, str)
    assert_type(top.p95_ms, float | None)
    assert isinstance(top.route, str)
    assert isinstance(top.p95_ms, float)
    assert_type(report.routes.distinct, int)
    assert_type(report.clients.top[0].client, str)
    assert_type(report.messages.top[0].count, int)
    slow = [each.route for each in report.routes.top if (each.p95_ms or 0) > 100]
    assert_type(slow, list[str])
    group = report.groups["client"].top[0]
    assert_type(group.requests, int)
    assert group.key == report.clients.top[0].client
    not_found: Sequence[str] = [each.route for each in report.not_found.top]
    assert all(isinstance(each, str) for each in not_found)


def test_series(report: logan.Report) -> None:
    columns = report.series.columns()
    assert_type(columns, dict[str, list[Any]])
    assert all(isinstance(each, datetime) for each in columns["t"])
    assert sum(columns["records"]) == report.lines.parsed
    assert_type(report.series.step_s, int | None)
    assert_type(report.series.points, list[dict[str, Any]])
    assert len(report.response_times.columns()["p99_ms"]) == len(report.response_times.points)


def test_records() -> None:
    records = logan.records(LOG, columns=["time", "status"])
    assert_type(records, logan.Records)
    assert_type(records.schema.names, list[str])
    for batch in records:
        assert_type(batch.num_rows, int)
        assert_type(batch.values("status"), list[Any])
    assert_type(records.stats().rows, int)


def test_misspelled_names_are_found_before_they_run(report: logan.Report) -> None:
    with pytest.raises(AttributeError, match=r"'p9999'; did you mean p999\?"):
        report.response_time_ms.p9999  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"'rotues'; did you mean routes\?"):
        report.rotues  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no metric 'rows'"):
        report.series.rows  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(TypeError):
        logan.records(LOG, colums="time")  # type: ignore[call-arg]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(logan.UsageError) as wrong:
        logan.records(LOG, columns="statsu")
    assert_type(wrong.value.hint, str | None)
    assert wrong.value.hint == "did you mean status?"
    with pytest.raises(logan.InputError) as missing:
        logan.analyze(tmp_path / "none.log")
    assert_type(missing.value.input, str)
    assert_type(missing.value.kind, str)
    assert missing.value.kind == "missing"
