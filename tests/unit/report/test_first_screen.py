"""The first screen: what is wrong, since when, where; it fits the terminal and never misleads."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.report import RenderOptions, Report, assemble, charts, input_entry, render, tables, view
from tests.support.report_document import ROW, findings, moment, optional_keys
from tests.unit.report.test_document import PERFORMANCE, figures, older_report, report


def page(one: Report, **options: Any) -> str:
    return render("text", one, RenderOptions(**options))


def changed(**changes: Any) -> Report:
    data = {**figures(), **changes}
    return assemble(data, [input_entry("a.log", data["sources"][0])], performance=PERFORMANCE)


def test_findings_stand_above_the_headline_with_their_commands() -> None:
    text = page(report(findings=findings()), width=100)
    assert text.index("97 % of them POST /checkout") < text.index("p95")
    assert text.count("● ") == view.FINDINGS_SHOWN_MAX
    assert "logan analyze a.log --since" in text


def test_without_findings_a_line_says_so_and_without_their_key_none_does() -> None:
    assert view.NOTHING_STANDS_OUT in page(report(findings=[]))
    assert view.NOTHING_STANDS_OUT not in page(report())


@pytest.mark.parametrize(
    ("ratio", "parsed", "said"),
    [
        (0.0019, 900, "nothing stands out"),
        (None, 900, "nothing stands out"),
        (1.0, 900, "no change stands out; 100 % of the records are errors"),
        (None, 0, "no records"),
    ],
)
@pytest.mark.parametrize("output", ["text", "markdown", "html"])
def test_without_findings_errors_all_along_are_named(
    ratio: float | None, parsed: int, said: str, output: str
) -> None:
    lines = {**report().to_dict()["lines"], "parsed": parsed}
    errors = {"total": None if ratio is None else 40, "per_minute": 0.2, "ratio": ratio}
    shown = render(output, report(findings=[], lines=lines, errors=errors), RenderOptions())
    assert (said.capitalize() if output == "html" else said) in shown


def test_the_headline_leads_with_percentiles_and_the_observed_rate() -> None:
    data = figures()
    data["throughput"]["observed_rps"] = 31.4
    facts = view.headline(changed(throughput=data["throughput"]).to_dict())
    assert [each.label for each in facts] == ["requests", "rate", "p50", "p95", "p99", "errors"]
    assert [each.value for each in facts] == [
        *("18,000", "31.4/s", "95.0 ms", "310 ms", "1.21 s", "0.22 %")
    ]
    assert facts[2].detail == "mean 95.2 ms"
    assert facts[5].detail == "40"


def test_few_requests_among_many_records_are_not_the_subject() -> None:
    times = {**figures()["response_time_ms"], "count": 1}
    one = changed(total_requests=1, response_time_ms=times).to_dict()
    assert view.subject(one) == "records"
    labels = [each.label for each in view.headline(one)]
    assert labels[:4] == ["records", "rate", "errors", "warnings"]
    assert not {"p50", "p95", "p99"} & set(labels)
    assert "records per" in page(changed(total_requests=1, response_time_ms=times))
    assert view.subject(changed(total_requests=1_080).to_dict()) == "requests"


def test_percentiles_need_twenty_values_and_lie_within_what_was_there() -> None:
    times = {**figures()["response_time_ms"], "count": 19}
    few = page(changed(response_time_ms=times), width=120)
    assert "too few for percentiles" in few
    assert "p95 " not in few.partition("Timeline")[0]
    same = {**times, "count": 20, "min": 50.0, "max": 50.0, "p50": 49.3, "p95": 49.3, "p99": 50.4}
    facts = view.headline(changed(response_time_ms=same).to_dict())
    assert [each.value for each in facts[2:5]] == ["50.0 ms"] * 3
    row = {**ROW, "route": "GET /", "p95_ms": 49.3, "max_ms": 50.0}
    routes = {**figures()["routes"], "top": [row]}
    shown = tables.table(changed(response_time_ms=same, routes=routes).to_dict(), "routes")
    assert shown.cells[0][[each.name for each in shown.columns].index("p95_ms")] == "50.0 ms"


def far_off(records: int = 1) -> list[dict[str, Any]]:
    wrong = {"t": "1970-01-01T00:00:00Z", "records": records, "requests": records, "errors": 0}
    return [{**wrong, "mean_ms": 5.0, "max_ms": 9.0}, *figures()["series"]["points"]]


def test_a_clock_that_is_far_off_is_named_and_not_drawn() -> None:
    time = {**figures()["time"], "first": "1970-01-01T00:00:00Z", "span_s": 1.7e9}
    one = changed(series={"step_s": 60, "points": far_off()}, time=time)
    drawn = charts.drawn(one.to_dict())
    assert len(drawn.points) == 180
    text = page(one)
    assert "2024-01-24 08:00:00 → 10:59:00 UTC  (3 h)" in text
    assert "1 record lies up to 54 y" in text
    assert "before the rest (1970-01-01" in text
    assert "08:00" in text
    (rate,) = (each for each in view.headline(one.to_dict()) if each.label == "rate")
    assert rate.value == "1.67/s"  # 18,000 requests in 3 hours


def test_a_gap_between_many_records_is_drawn() -> None:
    drawn = charts.drawn(changed(series={"step_s": 60, "points": far_off(5_000)}).to_dict())
    assert (len(drawn.points), drawn.notes) == (181, [])


@given(
    st.lists(
        st.tuples(st.integers(0, 10**9), st.integers(1, 400)),
        min_size=1,
        max_size=40,
        unique_by=lambda each: each[0],
    )
)
def test_no_more_than_a_thousandth_is_left_out(points: list[tuple[int, int]]) -> None:
    from datetime import UTC, datetime

    made = [
        {"t": datetime.fromtimestamp(t, UTC).isoformat(), "records": n, "requests": n, "errors": 0}
        for t, n in points
    ]
    drawn = charts.drawn(changed(series={"step_s": 1, "points": made}).to_dict())
    total = sum(n for _, n in points)
    assert total - drawn.records <= max(2, total * 0.001)
    assert drawn.is_whole == (drawn.records == total)


def test_the_timeline_has_errors_and_p95_on_one_axis() -> None:
    lines = page(report(**optional_keys())).split("\n")
    labels = [line.split("│")[0].strip() for line in lines if "│" in line]
    assert labels[-2:] == ["errors", "p95"]
    errors, p95 = (next(x for x in lines if x.strip().startswith(f"{n} │")) for n in labels[-2:])
    assert errors.index("█") in [i for i, char in enumerate(p95) if char == "█"] + [
        errors.index("█")
    ]
    assert "mean │" in page(older_report())


@pytest.mark.parametrize("height", [22, 30, 48, 80])
@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_page_fits_its_terminal(width: int, height: int) -> None:
    text = page(
        report(**{**optional_keys(), "findings": findings()[:2]}), width=width, height=height
    )
    assert text.count("\n") <= height + (width == 60) * 9
    assert "97 % of" in text
    assert "18,000" in text


@settings(max_examples=20, deadline=None)
@given(st.integers(10, 120), st.integers(60, 160))
def test_the_first_screen_is_there_whatever_the_height(height: int, width: int) -> None:
    text = page(report(**optional_keys()), width=width, height=height)
    assert "p99" in text
    assert "Timeline" in text


def test_a_higher_page_has_more_rows() -> None:
    rows = [{"route": f"GET /{index}", **ROW} for index in range(10)]
    one = changed(routes={**figures()["routes"], "top": rows})
    pages = [page(one, height=height).partition("Top routes")[2] for height in (24, 30, 120)]
    shown = [len(re.findall(r"2\.10 s  GET /\d", each)) for each in pages]
    assert shown[0] <= shown[1] < shown[2] == 10
    assert "--top N shows all" in page(one, height=26)
    assert "--top N shows all" not in page(one)


def test_rows_with_trouble_are_marked_and_stay() -> None:
    rows = [{"route": f"GET /{index}", **ROW} for index in range(10)]
    rows.append({"route": "POST /pay", **ROW, "errors": 650, "why": "errors, total"})
    one = changed(routes={**figures()["routes"], "top": rows})
    for height in (None, 30):
        assert "▲ POST /pay  most errors, time" in page(one, height=height)
    assert re.search(r"Top routes  \d+ of 412", page(one, height=30))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40), st.integers(1, 40))
def test_a_cut_table_still_shows_the_row_with_most_errors(errors: list[int], count: int) -> None:
    rows = [{"route": f"GET /{index}", **ROW, "errors": n} for index, n in enumerate(errors)]
    one = changed(routes={**figures()["routes"], "top": rows})
    shown = tables.table(one.to_dict(), "routes").first(count)
    assert len(shown.rows) == min(count, len(errors))
    assert len(shown.cells) == len(shown.marks) == len(shown.rows)
    most = max(errors)
    if most >= max(1, sum(errors) * 0.05) and errors.count(most) == 1:
        assert any(row["errors"] == most for row in shown.rows)


def test_columns_are_there_where_a_row_has_them() -> None:
    assert " 4xx  share" not in page(older_report(), width=160)
    text = page(report(**optional_keys()), width=160)
    for title in ("Not found", "Top hosts", "Methods", "Top referrers", "Top user agents"):
        assert title in text
    for column in (" 4xx  share", "p50", "p99", "12.0 MB", "5.0 %"):
        assert column in text


def test_slow_requests_are_told_by_route_and_status() -> None:
    line = '10.0.3.1 - - [24/Jan/2024:10:24:42 +0000] "POST /pay HTTP/1.1" 500 3205 "-" "x" 11.041'
    row = {"ms": 11_041.0, "time": moment(84), "input": "a.log", "offset": 30, "text": line}
    assert "11.0 s  09:24:00  500 POST /pay" in page(changed(slowest=[row]))


def test_numbers_end_below_each_other() -> None:
    values = (5_000.0, 45.0, 124.4, 0.9)
    rows = [{"route": "r", **ROW, "p95_ms": each, "max_ms": 9e9} for each in values]
    text = page(
        changed(
            response_time_ms={**figures()["response_time_ms"], "min": 0.1},
            routes={**figures()["routes"], "top": rows},
        )
    )
    lines = text.partition("Top routes")[2].split("\n")
    ends = {
        match.end(1) for line in lines if (match := re.search(r"(5\.00|45\.0|124|900) +?\S", line))
    }
    assert len(ends) == 1
