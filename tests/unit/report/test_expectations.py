"""Expected figures and expectations: every mismatch, and errors that point at their cause."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import ExpectationError, UsageError
from logan.report.expectations import parse_expectation, validate_results

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
        ("p99<300", 0, "did you mean response_time_ms.p99"),
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
        ("x" * 300, 200, "longer than 200"),
    ],
)
def test_an_expectation_that_cannot_be_read_says_where(
    expression: str, position: int, message: str
) -> None:
    with pytest.raises(ExpectationError, match=message) as caught:
        parse_expectation(expression)
    assert caught.value.position == position
    assert caught.value.pointer() == f"{expression}\n{' ' * position}^"


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
