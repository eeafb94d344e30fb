"""Expected figures and expectations: every mismatch, and errors that point at their cause."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logan
from logan.errors import ExpectationError, UsageError
from logan.report.comparison import validate_results
from logan.report.expectation_parser import parse_expectation
from logan.report.expectations import Verdict

REPORT: dict[str, Any] = {
    "partial": False,
    "total_requests": 3000,
    "avg_response_time": 109.0,
    "error_rate": 0.0,
    "malformed": {"reasons": {"no format": 3}, "samples": []},
    "levels": {"INFO": 2000, "ERROR": 0},
    "status": {"200": 900, "500": 7},
    "errors": {"total": 7, "per_minute": 0.5, "ratio": 0.0035},
    "response_time_ms": {"count": 3000, "p99": 127.0, "p999": None},
    "throughput": {"peak_step_s": 1},
    "routes": {"exact": True, "top": [{"route": "GET /", "requests": 10, "mean_ms": 1.5}]},
}


def names(expected: dict[str, Any], tolerance: float = 0.01) -> list[str]:
    return [each.name for each in validate_results(REPORT, expected, tolerance)]


def test_matching_figures_give_an_empty_list() -> None:
    expected = {
        "total_requests": 2980,
        "avg_response_time": 109,
        "error_rate": 0,
        "response_time_ms": {"p99": 126.0, "p999": None},
        "status.500": 7,
        "status": {"200": 900, "404": 0},
        "levels.FATAL": 0,
        "malformed.reasons.no format": 3,
        "malformed": {"reasons": {"no time": 0}},
        "routes.top.0.route": "GET /",
        "routes": {"exact": True, "top": [{"requests": 10}]},
        "partial": False,
    }
    assert validate_results(REPORT, expected) == []


def test_every_mismatch_is_returned_in_the_order_of_the_expectations() -> None:
    expected = {
        "total_requests": 2900,
        "avg_response_time": None,
        "error_rate": 0.001,
        "errors": {"total": 0, "nope": 1},
        "response_time_ms.p999": 5,
        "routes": {"top": [{"mean_ms": 3.0}]},
        "partial": 0,
        "status.404": 1,
        "p99": 127,
    }
    assert names(expected) == [
        "total_requests",
        "avg_response_time",
        "error_rate",
        "errors.total",
        "errors.nope",
        "response_time_ms.p999",
        "routes.top.0.mean_ms",
        "partial",
        "status.404",
        "p99",
    ]


def test_a_mismatch_says_both_values_and_the_difference() -> None:
    (mismatch,) = validate_results(REPORT, {"response_time_ms.p99": 100})
    assert (mismatch.expected, mismatch.actual) == (100, 127.0)
    assert str(mismatch) == (
        "response_time_ms.p99: is 127, expected 100, off by 27.000% (allowed 1.000%)"
    )


def test_an_unknown_figure_names_the_one_that_was_meant() -> None:
    (mismatch,) = validate_results(REPORT, {"p99": 127})
    assert "did you mean response_time_ms.p99" in mismatch.why


def test_lists_must_be_equally_long() -> None:
    (mismatch,) = validate_results(REPORT, {"routes.top": []})
    assert mismatch.why == "has 1 rows, expected 0"


@given(
    st.floats(min_value=1e-6, max_value=1e12),
    st.floats(min_value=-0.5, max_value=0.5),
    st.floats(min_value=0, max_value=0.4),
)
def test_tolerance_is_relative_to_the_expected_value(
    wanted: float, off: float, tolerance: float
) -> None:
    actual = wanted * (1 + off)
    mismatches = validate_results({"error_rate": actual}, {"error_rate": wanted}, tolerance)
    assert bool(mismatches) == (abs(actual - wanted) > tolerance * wanted)


@given(st.floats(min_value=-1e300, max_value=1e300), st.floats(0, 10))
def test_an_expected_zero_must_match_exactly(actual: float, tolerance: float) -> None:
    assert bool(validate_results({"error_rate": actual}, {"error_rate": 0}, tolerance)) == (
        actual != 0
    )


@pytest.mark.parametrize("tolerance", [-0.1, math.nan, math.inf])
def test_a_senseless_tolerance_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError):
        validate_results(REPORT, {}, tolerance)


@pytest.mark.parametrize("wanted", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_finite_number_matches_nothing_else(wanted: float) -> None:
    (mismatch,) = validate_results({"error_rate": 1.0}, {"error_rate": wanted})
    assert mismatch.why.endswith("exactly")


@pytest.mark.parametrize(
    ("expression", "ok", "text"),
    [
        ("response_time_ms.p99<=300", True, "is 127"),
        ("response_time_ms.p99 <= 0.1s", False, "is 127, 27 (27.0%) above"),
        ("response_time_ms.p99<127", False, "is 127"),
        ("avg_response_time<=109000us", True, "is 109"),
        ("total_requests>=3_000", True, "is 3,000"),
        ("total_requests>4e3", False, "is 3,000, 1,000 (25.0%) below"),
        ("status.500<10", True, "is 7"),
        ("status.503==0", True, "is 0"),
        ("status.503>0", False, "is 0"),
        ("levels.FATAL==0", True, "is 0"),
        ("errors.ratio<1%", True, "is 0.0035"),
        ("errors.ratio<.1%", False, "is 0.0035, 0.0025 (250.0%) above"),
        ("error_rate != 0", False, "is 0"),
        ("response_time_ms.p999<=300", False, "response_time_ms.p999 has no data"),
        ("response_time_ms.p999==null", True, "is null"),
        ("response_time_ms.p99==null", False, "is 127"),
        ("partial==false", True, "is false"),
        ("throughput.peak_step_s<=1min", True, "is 1"),
        ("routes.top.0.mean_ms<2ms", True, "is 1.5"),
    ],
)
def test_expectations(expression: str, ok: bool, text: str) -> None:
    verdict = parse_expectation(expression).check(REPORT)
    assert verdict.ok is ok
    assert str(verdict).startswith(f"{expression}: {text}")


def test_a_figure_that_this_report_lacks_fails_the_expectation() -> None:
    verdict = parse_expectation("routes.top.5.requests>0").check(REPORT)
    assert not verdict.ok
    assert str(verdict).endswith("the report has no metric 'routes.top.5.requests'")


@pytest.mark.parametrize(
    ("expression", "position", "message"),
    [
        ("", 0, "name of a metric"),
        ("  <3", 2, "name of a metric"),
        ("p98<300", 0, "no metric 'p98'"),
        ("  error_rat<3", 2, "did you mean error_rate"),
        ("error_rate", 10, "expected one of"),
        ("error_rate=<3", 10, "expected one of"),
        ("error_rate<", 11, "expected a number"),
        ("error_rate< x", 12, "expected a number"),
        ("error_rate<3 apples", 13, "expected a unit"),
        ("error_rate<3ms", 12, "not measured in ms"),
        ("error_rate<3%", 12, "not measured in %"),
        ("error_rate<null", 11, "only be compared by =="),
        ("error_rate==null 3", 17, "nothing after"),
        ("response_time_ms.count<3ms", 24, "not measured in ms"),
        (" series<1", 1, "series is a group of metrics"),
        ("status==0", 0, "status is a group of metrics"),
        ("malformed.reasons<2", 0, "malformed.reasons is a group of metrics"),
        ("routes.top<1", 0, "routes.top is a list of rows"),
        ("missing==0", 0, "missing is a list of rows"),
        ("error_rate<1e999", 11, "too large a number"),
        ("x" * 500, 400, "longer than 400"),
    ],
)
def test_an_expectation_that_cannot_be_read_says_where(
    expression: str, position: int, message: str
) -> None:
    with pytest.raises(ExpectationError, match=message) as caught:
        parse_expectation(expression)
    assert caught.value.position == position
    line, caret = caught.value.pointer().split("\n")
    if len(expression) <= 160:
        assert (line, caret) == (expression, " " * position + "^")
    else:  # shown around the place
        assert len(line) <= 162
        assert line.strip("…") in expression
        assert (line + " ")[len(caret) - 1] == (expression + " ")[position]


def test_a_single_equals_sign_gets_a_hint() -> None:
    with pytest.raises(ExpectationError) as caught:
        parse_expectation("error_rate=3")
    assert caught.value.hint == "equality is written =="


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(expression: str) -> None:
    try:
        expectation = parse_expectation(expression)
    except ExpectationError as error:
        position = error.position
    else:
        expectation.check(REPORT)
        position = 0
    assert 0 <= position <= len(expression)


# What was not measured.


def report_of(**changed: Any) -> dict[str, Any]:
    """A report of 5,000 records with everything, apart from what is given."""
    whole: dict[str, Any] = {
        **REPORT,
        "lines": {"total": 5000, "parsed": 5000, "malformed": 0, "filtered": 0, "skipped_bytes": 0},
        "selection": None,
        "clients": {"distinct": 3},
        "response_time_ms": {"count": 5000, "mean": 3.0, "p50": 2.0, "p95": 9.0, "p99": 99.0},
    }
    return {**whole, **changed}


def verdict(expression: str, report: dict[str, Any], *, allow_empty: bool = False) -> Verdict:
    return parse_expectation(expression).check(report, allow_empty=allow_empty)


NOTHING = {"total": 9, "parsed": 0, "malformed": 0, "filtered": 9, "skipped_bytes": 0}


def empty(where: str | None, *present: str) -> dict[str, Any]:
    """The report of a selection of nothing."""
    return report_of(
        lines=NOTHING,
        total_requests=0,
        error_rate=None,
        levels={},
        status={},
        errors={"total": None, "per_minute": None, "ratio": None},
        response_time_ms={"count": 0, "p99": None},
        clients={"distinct": 0},
        selection={"where": where, "fields_present": list(present)},
    )


EVERYTHING = (
    *("total_requests<1", "error_rate<1", "errors.total<1", "errors.ratio<1%", "status.500<1"),
    *("levels.ERROR==0", "response_time_ms.count<1", "response_time_ms.p99<1s", "error_rate!=7"),
    *("clients.distinct<9", "total_requests!=5"),
)


@pytest.mark.parametrize("expression", EVERYTHING)
def test_nothing_passes_where_nothing_was_read(expression: str) -> None:
    unread = {**NOTHING, "malformed": 9, "filtered": 0}
    found = verdict(expression, {**empty(None), "lines": unread, "selection": None})
    assert not found.ok
    assert "has no data: none of 9 lines was parsed" in found.text
    # Emptiness may be allowed, a log that cannot be read is not empty.
    allowed = {**empty(None), "lines": unread, "selection": None}
    assert not verdict(expression, allowed, allow_empty=True).ok


@pytest.mark.parametrize("expression", EVERYTHING)
@pytest.mark.parametrize(
    "where",
    [None, 'path = "/chekout"', 'status >= 500 and path = "/x"', "json.code = 5", 'message ~ "x"'],
)
def test_nothing_passes_on_an_empty_selection_that_may_be_a_slip(
    expression: str, where: str | None
) -> None:
    report = empty(where, "status", "level", "duration", "bytes")
    found = verdict(expression, report)
    assert not found.ok
    assert "has no data: no record was selected" in found.text
    allowed = verdict(expression, report, allow_empty=True)
    assert allowed.ok, allowed.text


def test_a_count_is_0_where_a_good_run_leaves_nothing() -> None:
    by_status = empty("status >= 500 and not duration < 5ms", "status", "duration")
    assert verdict("total_requests==0", by_status).ok
    assert verdict("errors.total<1", by_status).ok
    assert verdict("error_rate<1", by_status).ok
    assert verdict("status.500<1", by_status).ok
    assert not verdict("levels.ERROR<1", by_status).ok  # no record has a level
    assert not verdict("errors.ratio<1%", by_status).ok  # a share of nothing
    assert not verdict("response_time_ms.p99<1s", by_status).ok
    assert not verdict("total_requests>0", by_status).ok
    # The field of the condition must be there: "level" is not, and may never be.
    assert not verdict("errors.total<1", empty("level = ERROR", "status")).ok
    assert verdict("errors.total<1", empty("level in (ERROR, FATAL)", "level")).ok
    assert verdict("errors.total<1", empty("bytes exists", "bytes", "status")).ok
    assert not verdict("errors.total<1", empty("bytes exists", "bytes")).ok


def test_a_time_range_without_records_is_no_good_run() -> None:
    report = empty("status >= 500", "status")
    report["selection"] |= {"since": "2024-01-24T10:00:00Z", "until": None}
    report["time"] = {"minutes": 0}
    assert not verdict("errors.total<1", report).ok
    report["time"] = {"minutes": 7}  # of records that the condition did not select
    assert verdict("errors.total<1", report).ok


def test_a_name_in_quotes_is_not_a_field() -> None:
    where = 'status >= 500 and level != "path = x"'
    assert verdict("errors.total<1", empty(where, "status", "level")).ok


def test_allowed_emptiness_still_fails_what_asks_for_records() -> None:
    assert not verdict("total_requests>=1", empty(None), allow_empty=True).ok
    text = verdict("response_time_ms.p99<1s", empty(None), allow_empty=True).text
    assert text.endswith("no records, nothing to check")


@pytest.mark.parametrize("name", ["lines.total", "malformed_lines", "lines.malformed", "partial"])
def test_what_is_said_of_the_input_has_data_always(name: str) -> None:
    report = {**empty(None), "malformed_lines": 0}
    value = "false" if name == "partial" else "9" if name == "lines.total" else "0"
    assert verdict(f"{name}=={value}", report).ok


def test_errors_are_measured_by_levels_or_statuses_only() -> None:
    neither = report_of(levels={"NONE": 5000}, status={}, errors={"total": None, "ratio": None})
    for expression in ("errors.total<1", "errors.ratio<1%", "error_rate<1", "errors.total!=3"):
        found = verdict(expression, neither)
        assert not found.ok
        assert "no data: no record has a known level or a status" in found.text
    assert verdict("errors.total==null", neither).ok
    rows = {"top": [{"route": "GET /", "requests": 10, "errors": None}]}
    assert "no data" in verdict("routes.top.0.errors<1", {**neither, "routes": rows}).text
    assert "no record has a status" in verdict("status.500<1", neither).text
    assert "no record has a level" in verdict("levels.ERROR<1", neither).text
    assert verdict("errors.total<9", report_of(levels={"NONE": 4999, "INFO": 1}, status={})).ok
    assert verdict("errors.total<9", report_of(levels={}, status={"200": 1})).ok


@pytest.mark.parametrize(
    ("name", "least"), [("p50", 2), ("p90", 10), ("p95", 20), ("p99", 100), ("p999", 1000)]
)
def test_a_percentile_needs_values(name: str, least: int) -> None:
    for count in (least - 1, least):
        report = report_of(response_time_ms={"count": count, name: 5.0})
        found = verdict(f"response_time_ms.{name}<1s", report)
        assert found.ok is (count >= least)
        if not found.ok:
            there = "is 1 value" if count == 1 else f"are {count:,} values"
            assert f"has no data: there {there}, {name} needs {least:,}" in found.text


def test_a_percentile_of_a_row_needs_requests() -> None:
    rows = [{"requests": 19, "p95_ms": 1.0, "max_ms": 2.0}, {"requests": 20, "p95_ms": 1.0}]
    report = report_of(routes={"top": rows})
    assert "p95 needs 20" in verdict("routes.top.0.p95_ms<5", report).text
    assert verdict("routes.top.1.p95_ms<5", report).ok
    assert verdict("routes.top.0.max_ms<5", report).ok


@pytest.mark.parametrize("name", ["error_rate", "errors.per_minute"])
def test_a_rate_is_not_taken_for_a_share(name: str) -> None:
    with pytest.raises(ExpectationError, match="not measured in %") as caught:
        parse_expectation(f"{name}<1%")
    assert str(caught.value.hint).endswith("for the share of errors write errors.ratio<1%")
    report = report_of(error_rate=11.76, errors={"total": 7, "per_minute": 11.76})
    found = verdict(f"{name}<=1", report)
    assert found.text.startswith(f"{name}<=1: is 11.76 errors/min, 10.76 above")
    assert found.text.endswith("; for the share of errors write errors.ratio<=1%")
    assert verdict(f"{name}<20", report).text == f"{name}<20: is 11.76 errors/min"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("status.5xx", "status.500"),
        ("levels.error", "levels.ERROR"),
        ("levels.WARNING", "levels.WARN"),
        ("latency", "response_time_ms.p95"),
        ("error_share", "errors.ratio"),
    ],
)
def test_a_name_that_no_report_can_have_is_refused(name: str, meant: str) -> None:
    with pytest.raises(ExpectationError, match=f"did you mean {meant}"):
        parse_expectation(f"{name}<1")
    (mismatch,) = validate_results(REPORT, {name: 0})
    assert mismatch.actual is None


def test_a_name_like_none_says_where_names_are_found() -> None:
    with pytest.raises(ExpectationError) as caught:
        parse_expectation("zzz<1")
    assert "logan analyze LOG --json" in str(caught.value.hint)


def test_a_name_that_several_rows_are_shown_by_is_that_of_none(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 look alike; a gate must not pass on whichever comes last."""
    path = tmp_path / "access.log"
    line = b'10.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /caf%s HTTP/1.1" 200 5\n'
    path.write_bytes(b"".join(line % key for key in (b"\xe9", b"\xff", b"\xe8") for _ in range(30)))
    name = 'routes["GET /caf\ufffd"]'
    for report in (logan.analyze(path), logan.analyze(path, top=1, rows=(name,))):
        verdict = parse_expectation(f"{name}.requests > 5").check(report.to_dict())
        assert not verdict.ok
        assert "several routes, or of none: its bytes are not UTF-8" in verdict.text
