"""Records without a time are in no window and in no rate: gates on those say so."""

from __future__ import annotations

from pathlib import Path

import pytest

import logan
from logan.report import view
from logan.report.expectation_parser import parse_expectation

MINUTE = 60


def line(second: int, text: str) -> str:
    return f"2026-01-24T10:{second // MINUTE:02}:{second % MINUTE:02}Z {text}\n"


def report_of(folder: Path, *, untimed: str, count: int) -> logan.Report:
    """2,000 requests of 5 ms in time, one of them failing, and so many lines without a time."""
    path = folder / "a.log"
    timed = [
        line(at // 400, f"INFO GET /a {500 if at == 7 else 200} in 5ms") for at in range(2_000)
    ]
    path.write_text("".join(timed) + f"{untimed}\n" * count)
    return logan.analyze_logs(path)


def verdict(report: logan.Report, expression: str) -> tuple[bool, str]:
    found = parse_expectation(expression).check(report)
    return found.ok, found.text


ERROR = 'level=ERROR msg=failed method=GET path=/a status=500 duration="9ms"'
INFO = 'level=INFO msg=done method=GET path=/a status=200 duration="5ms"'

OVER_TIME = [
    *("error_rate<=1", "errors.per_minute<=1", "errors.total<=1 in every 1m"),
    *("errors.ratio<=50% in every 1m", "error_rate<=1 in every 5m"),
]


@pytest.mark.parametrize("expression", OVER_TIME)
def test_errors_without_a_time(tmp_path: Path, expression: str) -> None:
    report = report_of(tmp_path, untimed=ERROR, count=6)
    ok, text = verdict(report, expression)
    assert not ok
    assert "has no data: 6 of 7 errors have no time, and would be left out" in text
    assert verdict(report, "errors.total<=7")[0]
    assert "6 of the 7 errors among them" in str(view.untimed(report))


@pytest.mark.parametrize("expression", OVER_TIME)
def test_others_without_a_time(tmp_path: Path, expression: str) -> None:
    report = report_of(tmp_path, untimed=INFO, count=6)
    assert verdict(report, expression)[0]
    assert "errors among them" not in str(view.untimed(report))


def test_the_slowest_without_a_time(tmp_path: Path) -> None:
    report = report_of(tmp_path, untimed=ERROR, count=1)
    ok, text = verdict(report, "response_time_ms.max<6ms in every 5m")
    assert not ok
    assert "the slowest request, 9 ms, has no time" in text
    report = report_of(tmp_path, untimed=INFO, count=1)
    assert verdict(report, "response_time_ms.max<6ms in every 5m")[0]


@pytest.mark.parametrize(
    ("name", "count", "ok"),
    [("p50", 6, True), ("p95", 6, True), ("p95", 12, False), ("p99", 2, True), ("p99", 3, False)],
)
def test_percentiles_in_windows(tmp_path: Path, name: str, count: int, ok: bool) -> None:
    """A few of the slowest are a large part of what is beyond a percentile."""
    report = report_of(tmp_path, untimed=ERROR, count=count)
    expression = f"response_time_ms.{name}<8ms in every 10m"
    assert verdict(report, expression)[0] is ok


@pytest.mark.parametrize("name", ["response_time_ms.mean", "avg_response_time"])
@pytest.mark.parametrize(("count", "ok"), [(2, True), (3, False)])
def test_a_few_slow_ones_change_a_mean(tmp_path: Path, name: str, count: int, ok: bool) -> None:
    report = report_of(tmp_path, untimed=ERROR, count=count)
    assert verdict(report, f"{name}<8ms in every 10m")[0] is ok


def test_requests_without_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    timed = [line(at, "INFO connected") for at in range(2_000)]
    timed[7] = line(7, "INFO GET /a 200 in 5ms")
    path.write_text("".join(timed) + f"{INFO}\n" * 9)
    report = logan.analyze_logs(path)
    ok, text = verdict(report, "requests_per_second<1")
    assert (ok, report["total_requests"]) == (False, 10)
    assert "9 of 10 requests have no time" in text


def test_validation_says_why_a_rate_is_null(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(f"{INFO}\n" * 9 + f"{ERROR}\n")
    report = logan.analyze_logs(path)
    expected = {"errors": {"per_minute": 0, "total": 1}, "requests_per_second": 2}
    errors, requests = logan.validate_results(report, expected)
    assert str(errors) == "errors.per_minute: is null (no record has a time), expected 0"
    assert str(requests) == "requests_per_second: is null (no record has a time), expected 2"
