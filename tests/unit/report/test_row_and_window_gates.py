"""Expectations about rows by name and about windows of time, and the forms of their verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import analyze_logs
from logan.errors import ExpectationError
from logan.report import Report
from logan.report.expectation_parser import parse_expectation
from logan.report.expectations import Verdict
from logan.report.rows import keep_rows
from logan.report.verdicts import entries, github_annotations, junit
from tests.support.report_document import ROW, findings, moment, response_times
from tests.unit.report.test_document import empty_report, figures, older_report, report


def check(expression: str, one: Report, **options: bool) -> Verdict:
    return parse_expectation(expression).check(one, **options)


def with_routes(count: int, *named: str, exact: bool = True, top: int = 3) -> Report:
    rows = [{"route": f"GET /{n}", **ROW, "requests": 900 - n, "errors": n} for n in range(count)]
    routes = {**figures()["routes"], "top": rows, "distinct": count, "exact": exact}
    routes["error_bound"] = 0 if exact else 5
    kept = keep_rows({**figures(), "routes": routes}, top=top, named=named)
    return report(routes=kept["routes"])


# Rows.


def test_a_row_is_found_by_its_name_whatever_its_rank() -> None:
    expectation = parse_expectation('routes["GET /40"].errors <= 40')
    assert expectation.row_reference == 'routes["GET /40"]'
    one = with_routes(60, expectation.row_reference)
    assert check('routes["GET /40"].errors <= 40', one).ok
    failed = check("routes['GET /40'].p95_ms < 0.1 s", one)
    assert (failed.ok, failed.actual) == (False, 130.0)
    assert "is 130, 30 (30.0%) above" in str(failed)


def test_a_row_that_is_not_there_is_no_data_and_fails() -> None:
    expression = 'routes["GET /x"].errors < 1'
    kept = with_routes(60, 'routes["GET /x"]')
    for one, why in (
        (kept, "has no data: 'GET /x' is not among the routes"),
        (with_routes(60), "has no data: the report has only 3 of its routes"),
        (with_routes(2), "has no data: 'GET /x' is not among the routes; did you mean 'GET /"),
        (with_routes(60, 'routes["GET /x"]', exact=False), "too many routes to keep each"),
    ):
        for options in ({}, {"allow_empty": True}):
            verdict = check(expression, one, **options)
            assert not verdict.ok
            assert why in str(verdict)
    assert check(expression, empty_report(), allow_empty=True).ok
    assert not check(expression, empty_report()).ok


def test_a_table_that_the_report_does_not_have_is_no_data() -> None:
    assert "no table groups.route (--by route" in str(check('groups.route["x"].errors<1', report()))
    assert "no table not_found" in str(check('not_found["/x"].requests<1', older_report()))


def test_counts_of_an_inexact_table_hold_with_their_bound() -> None:
    one = with_routes(60, exact=False)
    assert check('routes["GET /1"].errors <= 6', one).ok
    failed = check('routes["GET /1"].errors <= 5', one)
    assert not failed.ok
    assert "low by up to 5" in str(failed)
    assert check('routes["GET /1"].errors >= 1', one).ok
    assert not check('routes["GET /1"].errors >= 2', one).ok


def test_a_percentile_of_a_row_needs_enough_requests() -> None:
    rows = [{"route": "GET /", **ROW, "requests": 19}]
    one = report(routes={**figures()["routes"], "top": rows})
    assert "there are 19 values, p95 needs 20" in str(check('routes["GET /"].p95_ms<9s', one))


@pytest.mark.parametrize(
    ("expression", "position", "message"),
    [
        ('rotes["GET /"].errors<1', 0, "no table 'rotes'"),
        ('routes["GET /"].colour<1', 15, "expected a column"),
        ('routes["GET /"]<1', 15, "expected a column"),
        ('routes["GET /"].errors<1 in every 5m', 0, "rows have no windows"),
        ("status.500<1 in every 5m", 0, "not known by window"),
        ("errors.ratio<1% in every", 24, "expected the length of a window"),
        ("errors.ratio<1% in every 5 parsecs", 24, "expected the length of a window"),
        ("errors.ratio<1% in every 0m", 25, "a window needs a length"),
        ("errors.ratio==null in every 5m", 14, "compared with numbers"),
    ],
)
def test_what_cannot_be_read_says_where(expression: str, position: int, message: str) -> None:
    with pytest.raises(ExpectationError, match=message) as caught:
        parse_expectation(expression)
    assert caught.value.position == position


# Windows.


def test_the_worst_window_is_reported() -> None:
    verdict = check("errors.ratio < 1% in every 5m", report())
    assert not verdict.ok
    assert verdict.at == moment(90)
    assert verdict.actual == pytest.approx(40 / 600)
    assert "1 of 36 windows fail, the worst begins at 2024-01-24T09:30:00Z" in str(verdict)
    held = check("errors.ratio < 10% in every 5m", report())
    assert (held.ok, held.at) == (True, moment(90))
    assert check("errors.ratio < 1% in every 1h", report()).ok


def _with_outage() -> Report:
    """Ten minutes of 100 requests each, then an hour without a line, then ten more minutes."""
    base = figures()["series"]["points"][0]
    minutes = [*range(10), *range(70, 80)]
    points = [{**base, "t": moment(n), "records": 100, "requests": 100} for n in minutes]
    time = {**figures()["time"], "first": moment(0), "last": moment(80)}
    return report(series={"step_s": 60, "points": points}, time=time)


@pytest.mark.parametrize(
    ("expression", "ok"),
    [
        ("total_requests >= 100 in every 1m", False),
        ("lines.parsed > 0 in every 5m", False),
        ("requests_per_second > 0.1 in every 5m", False),
        ("total_requests != 0 in every 5m", False),
        ("total_requests == 500 in every 5m", False),
        ("total_requests >= 100 in every 1m and requests >= 1", True),
        ("total_requests <= 100 in every 1m", True),
        ("errors.ratio <= 1 in every 1m", True),
        ("response_time_ms.max > 0 in every 1m", True),
    ],
)
def test_a_lower_bound_on_counts_does_not_hold_through_an_outage(expression: str, ok: bool) -> None:
    verdict = check(expression, _with_outage())
    assert verdict.ok == ok
    if not ok:
        assert (verdict.actual, verdict.at) == (0, moment(10))
    if expression == "total_requests >= 100 in every 1m":
        assert "60 of 80 windows fail" in str(verdict)


def test_a_clock_that_is_far_off_makes_no_outage() -> None:
    one = _with_outage()
    points = [{**one.series.points[0], "t": "2019-01-01T00:00:00Z"}, *one.series.points[:10]]
    time = {**one.time, "typical": {"first": moment(0), "last": moment(10)}}
    time["first"] = "2019-01-01T00:00:01Z"
    off = report(series={"step_s": 60, "points": points}, time=time)
    assert check("total_requests >= 100 in every 1m", off).ok


def test_means_of_windows_are_weighted_only_where_each_request_has_a_time() -> None:
    base = figures()["series"]["points"][0]
    slow = {**base, "t": moment(0), "requests": 10, "mean_ms": 400.0}
    fast = {**base, "t": moment(1), "requests": 30, "mean_ms": 200.0}
    series = {"step_s": 60, "points": [slow, fast]}
    times = figures()["response_time_ms"]
    timed = report(series=series, total_requests=40, response_time_ms={**times, "count": 40})
    assert check("avg_response_time <= 250 in every 1h", timed).ok
    assert check("avg_response_time <= 249 in every 1h", timed).actual == 250
    some = report(series=series, total_requests=40, response_time_ms={**times, "count": 12})
    for expression, ok, actual in (
        ("avg_response_time <= 399 in every 1h", False, 400),
        ("avg_response_time <= 400 in every 1h", True, 400),
        ("response_time_ms.mean > 201 in every 1h", False, 200),
        ("response_time_ms.mean == 250 in every 1h", False, 400),
        ("response_time_ms.mean != 250 in every 1h", False, 200),
        ("response_time_ms.mean != 500 in every 1h", True, 400),
    ):
        verdict = check(expression, some)
        assert (verdict.ok, verdict.actual) == (ok, actual), expression


def test_a_lower_bound_on_a_percentile_is_compared_with_the_least_of_the_steps() -> None:
    one = report(response_times=response_times())
    least = check("response_time_ms.p95 > 1s in every 1m", one).actual
    assert least < 300
    whole = check("response_time_ms.p95 >= 300ms in every 3h", one)
    assert (whole.ok, whole.actual) == (False, least)


def test_windows_lie_at_round_times_and_empty_ones_are_skipped() -> None:
    point = {**figures()["series"]["points"][0], "errors": 0}
    points = [{**point, "t": moment(3)}, {**point, "t": moment(64), "errors": 60}]
    time = {**figures()["time"], "first": moment(3), "last": moment(65)}
    one = report(series={"step_s": 60, "points": points}, time=time)
    verdict = check("errors.total < 1 in every 5m", one)
    assert (verdict.at, verdict.actual) == (moment(60), 60)
    assert "1 of 2 windows fail" in str(verdict)


def test_windows_with_too_little_are_skipped() -> None:
    expression = "errors.total < 1 in every 5m and requests >= {}"
    assert not check(expression.format(500), report()).ok
    assert "no window with 501 requests" in str(check(expression.format(501), report()))


def test_a_window_that_the_log_covers_in_part_does_not_fail_a_lower_bound() -> None:
    time = {**figures()["time"], "first": moment(0), "last": moment(177)}
    points = figures()["series"]["points"][:178]
    one = report(series={"step_s": 60, "points": points}, time=time)
    assert check("total_requests >= 500 in every 5m", one).ok
    assert not check("total_requests > 500 in every 5m", one).ok


def test_a_coarser_step_is_no_data() -> None:
    for seconds in (600, 240):
        one = report(series={**figures()["series"], "step_s": seconds})
        verdict = check("errors.total < 1000 in every 5m", one)
        assert not verdict.ok
        assert "has no data: series has steps of" in str(verdict)


def test_percentiles_over_windows_are_at_most_those_of_their_steps() -> None:
    one = report(response_times=response_times())
    verdict = check("response_time_ms.p95 < 200ms in every 10m", one)
    assert (verdict.ok, verdict.actual, verdict.at) == (False, 300.0, moment(80))
    assert check("response_time_ms.p95 <= 300ms in every 10m", one).ok
    assert "no percentiles over time" in str(
        check("response_time_ms.p95<1s in every 10m", older_report())
    )


def test_errors_that_were_not_measured_are_no_data() -> None:
    one = report(levels={"NONE": 21_600}, status={})
    assert "no record has a known level or a status" in str(
        check("errors.ratio<1% in every 5m", one)
    )


@given(st.lists(st.integers(0, 99), min_size=180, max_size=180), st.sampled_from([1, 5, 7, 60]))
def test_it_holds_if_it_holds_in_each_window(errors: list[int], minutes: int) -> None:
    base = figures()["series"]["points"]
    points = [{**point, "errors": n} for point, n in zip(base, errors, strict=True)]
    one = report(series={"step_s": 60, "points": points})
    sums: dict[int, int] = {}
    start = 28_434_720  # 2024-01-24T08:00Z in minutes of the epoch
    for index, n in enumerate(errors):
        sums[(start + index) // minutes] = sums.get((start + index) // minutes, 0) + n
    most = max(sums.values())
    assert check(f"errors.total <= {most} in every {minutes}m", one).ok
    verdict = check(f"errors.total < {most} in every {minutes}m", one)
    assert (verdict.ok, verdict.actual) == (False, most)


# Verdicts.


def judged(**changes: Any) -> Report:
    expressions = ('routes["a<b>"].errors<1', "errors.total<100", "errors.ratio<1% in every 5m")
    verdicts = [check(each, report()) for each in expressions]
    return report(expectations=entries(verdicts), **changes)


def test_the_report_has_the_verdict() -> None:
    first, second, third = judged().to_dict()["expectations"]
    assert set(first) == {"expression", "ok", "actual", "text"}
    assert (first["ok"], second["ok"], second["actual"]) == (False, True, 40)
    assert third["at"] == moment(90)


def test_junit_has_a_case_for_each_and_is_xml() -> None:
    root = ElementTree.fromstring(junit(judged()))
    assert root.attrib == {"tests": "4", "failures": "2"}
    cases = root.findall("./testsuite/testcase")
    assert [case.get("name") for case in cases] == [
        *('routes["a<b>"].errors<1', "errors.total<100", "errors.ratio<1% in every 5m"),
        "all inputs were read",
    ]
    assert [len(case.findall("failure")) for case in cases] == [1, 0, 1, 0]


def test_annotations_are_one_line_each() -> None:
    text = "a\r\nb 100% ::error::x"
    lines = [*github_annotations(judged(findings=[{**findings()[0], "text": text}]))]
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::error", "::warning"]
    assert all("\n" not in line and "\r" not in line for line in lines)
    assert lines[2] == "::warning title=logan%3A finding::a\\r\\nb 100%25 ::error::x"


@pytest.mark.parametrize(
    "expression",
    [
        *("error_rate < 1", "errors.per_minute < 1", "requests_per_second > 0"),
        *("throughput.observed_rps > 0", "errors.ratio < 50% in every 5m"),
    ],
)
def test_records_without_a_time_leave_rates_without_data(tmp_path: Path, expression: str) -> None:
    log = tmp_path / "a.log"
    request = '"method": "GET", "path": "/x", "status"'
    dated = [f'{{"time": "2024-01-24T10:{n:02}:32Z", {request}: 200}}\n' * 7 for n in range(30)]
    for count, is_known in [(0, True), (2, True), (3, False), (300, False)]:
        log.write_text("".join(dated) + f"{{{request}: 500}}\n" * count)
        verdict = check(expression, analyze_logs(log))
        said = f"has no data: {count} of {210 + count} records have no time" in str(verdict)
        assert said != is_known, str(verdict)
        assert is_known or not verdict.ok
    assert not check("errors.ratio < 50%", analyze_logs(log)).ok
