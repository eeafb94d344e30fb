"""Reports: the document, its outputs, and that log text can do no harm in any of them."""

import copy
import csv
import io
import json
import pickle
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.report import CSV_TABLES, OUTPUTS, RenderOptions, Report, assemble, input_entry, render
from logan.report.json import dumps
from logan.report.schema import LISTS, OPTIONAL, SECTIONS, SWITCHABLE, TABLES, TOP_LEVEL, figure
from logan.report.timezones import Local, in_zone
from tests.support.report_document import optional_keys

HOSTILE = 'a\x1b[31mb\x07\r\n\t[red]x[/red] \u202e\u200b\x9b =1+1 日本語 "q"'


def moment(minute: int) -> str:
    start = datetime(2024, 1, 24, 8, tzinfo=UTC)
    return (start + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


TABLES_OF_REQUESTS = {
    **{"routes": "route", "not_found": "route", "methods": "method", "hosts": "host"},
    **{"user_agents": "user_agent", "referrers": "referrer"},
}


def figures(text: str = "GET /api/data") -> dict[str, Any]:
    """Evaluated figures as the native extension gives them, `text` wherever a log's text goes."""
    point = {"records": 120, "requests": 100, "mean_ms": 95.0, "max_ms": 1200.0}
    points = [{"t": moment(i), **point, "errors": 40 if i == 90 else 0} for i in range(180)]
    row = {
        **{"requests": 900, "errors": 12, "client_errors": 3, "share": 0.05},
        **{"mean_ms": 95.3, "p50_ms": 90.0, "p95_ms": 130.0, "p99_ms": 190.0, "max_ms": 2100.0},
        "bytes": 10**6,
    }
    exact = {"exact": True, "error_bound": 0, "distinct": 412}
    message = {
        **{"template": text, "level": "ERROR", "count": 40, "share": 0.002, "sample": text},
        **{"first": moment(90), "last": moment(91)},
    }
    quantiles = {"count": 100, "p50_ms": 90.0, "p95_ms": 130.0, "p99_ms": 190.0}
    return {
        "total_requests": 18_000,
        "avg_response_time": 95.25,
        "error_rate": 0.22,
        "requests_per_second": 1.67,
        "malformed_lines": 3,
        "sources": [
            {
                "source": 0,
                "bytes": 2**30,
                "segments": [[0, 2**30]],
                "formats": [{"name": "app", "lines": 21_600, "time_field": text}],
            }
        ],
        "lines": {
            **{"total": 21_606, "parsed": 21_600, "malformed": 3, "blank": 3},
            **{"continuation": 0, "header": 0, "filtered": 0},
        },
        "malformed": {
            "reasons": {"no format": 3},
            "samples": [{"input": 0, "offset": 1234, "text": text}],
        },
        "time": {
            **{"first": moment(0), "last": moment(180), "span_s": 10_800.0},
            **{"minutes": 181, "out_of_order": 0, "untimed": 0, "untimed_filtered": 0},
        },
        "levels": {"INFO": 21_550, "ERROR": 40, "FATAL": 0, "NONE": 10},
        "status": {"200": 17_000, "404": 960, "503": 40},
        "bytes_sent": 10**9,
        "errors": {
            **{"total": 40, "per_minute": 0.22, "ratio": 0.0019},
            **{"request_ratio": 0.0022, "record_ratio": 0.0019},
        },
        "response_time_ms": {
            **{"count": 17_999, "absent": 1, "mean": 95.25, "min": 0.43, "max": 4312.5},
            **{"p50": 95.0, "p90": 127.0, "p95": 310.0, "p99": 1210.0, "p999": 2900.0},
            "relative_error": 0.01,
            "histogram": {"bounds_ms": [0.2, 100.0, 5000.0], "counts": [9_000, 8_999]},
        },
        "throughput": {
            **{"requests_per_second": 1.67, "observed_rps": 1.67},
            **{"peak_rps": 31.0, "peak_at": moment(90), "peak_step_s": 1},
        },
        "series": {"step_s": 60, "points": points},
        "response_times": {
            **{"step_s": 30, "relative_error": 0.032},
            "points": [{"t": moment(0), **quantiles}],
            "heatmap": {"bounds_ms": [0.2, 5000.0], "counts": [[100]]},
        },
        **{
            name: {**exact, "relative_error": 0.032, "top": [{key: text, **row}]}
            for name, key in TABLES_OF_REQUESTS.items()
        },
        "clients": {
            **{"exact": False, "error_bound": 7, "distinct": 9120, "distinct_error": 0.016},
            "top": [
                {
                    **{"client": text, "requests": 900, "errors": 0, "client_errors": 0},
                    **{"share": 0.05, "bytes": 10**6},
                }
            ],
        },
        "clients_per_day": [{"day": "2024-01-24", "days": 1, "distinct": 9120}],
        "messages": {**exact, "top": [message]},
        "templates": {**exact, "top": [{**message, "level": "INFO", "why": "errors"}]},
        "slowest": [
            {"ms": 4312.5, "time": moment(90), "input": 0, "offset": 99, "text": text},
            {"ms": 430.0, "time": None, "input": 0, "offset": 1099, "text": text},
        ],
    }


def nothing() -> dict[str, Any]:
    """Evaluated figures of an empty log."""
    data = figures()

    def empty(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: empty(each) for key, each in value.items()}
        if isinstance(value, list):
            return []
        return 0 if isinstance(value, int) and not isinstance(value, bool) else None

    return {
        **{key: empty(value) for key, value in data.items()},
        **{"levels": {}, "status": {}, "series": {"step_s": 1, "points": []}},
        "malformed": {"reasons": {}, "samples": []},
    }


PERFORMANCE = {
    **{"wall_s": 0.2134, "bytes": 2**30, "bytes_per_second": 5_030_000_000},
    **{"peak_rss_bytes": 13_400_000, "threads": 2, "engine": "local"},
    **{"workers": [], "recoveries": [], "verified": 0, "alarms": [], "repeated": False},
}


def report(text: str = "GET /api/data", **changes: Any) -> Report:
    findings = changes.pop("findings", None)
    data = {**figures(text), **changes}
    entries = [input_entry(text, data["sources"][0], assumed=[text], notes=[text])]
    made = assemble(data, entries, logan_version="0.1.0", performance=PERFORMANCE).to_dict()
    if findings is None:
        del made["findings"]  # as in reports of older versions
    else:
        made["findings"] = findings
    return Report(made)


def older_report(text: str = "GET /api/data", **changes: Any) -> Report:
    """A report of a version that counted less."""
    data = report(text, **changes).to_dict()
    for key in SWITCHABLE:
        data.pop(key, None)
    for name in ("routes", "clients"):
        for row in data[name]["top"]:
            for column in ("client_errors", "share", "p50_ms", "p99_ms", "bytes"):
                row.pop(column, None)
    return Report(data)


def empty_report() -> Report:
    return assemble(nothing(), [input_entry("empty.log")], performance=PERFORMANCE)


# The document.


def test_keys_come_in_the_order_of_the_contract() -> None:
    data = json.loads(older_report().to_json())
    assert list(data) == [key for key in TOP_LEVEL if key not in OPTIONAL]
    for section, keys in SECTIONS.items():
        assert tuple(data.get(section, keys)) == keys
    more = json.loads(report(**optional_keys()).to_json())
    assert list(more) == [key for key in TOP_LEVEL if key in more]
    assert set(more) - set(data) == set(OPTIONAL) - {"selection", "groups", "anonymized"}


def test_lists_of_rows_are_named_with_columns_of_theirs() -> None:
    data = json.loads(report(**optional_keys()).to_json())
    for name, columns in LISTS.items():
        rows: Any = None if name.startswith("selection.") else figure(data, name)
        assert rows is None or isinstance(rows, list), name
        for column in columns if rows else ():
            assert rows is not None
            if column in rows[0]:
                assert isinstance(figure(data, f"{name}.0.{column}"), (int, float)), name
            else:
                (table,) = (each for each in TABLES.values() if name.startswith(each.section))
                assert next(each for each in table.columns if each.name == column).optional


def test_what_was_asked_for_and_its_tables_are_in_the_page() -> None:
    row = {"requests": 900, "errors": 12, "mean_ms": 95.3, "p95_ms": 130.0, "max_ms": 2100.0}
    table = {"exact": True, "error_bound": 0, "distinct": 1, "relative_error": 0.032, "absent": 7}
    asked = {"since": moment(0), "until": None, "where": 'route ~ "^/\x1b"', "by": ["json.x"]}
    asked["fields_present"] = None
    groups = {"json.x": {**table, "top": [{"key": "[bold]a\x1b[31m", "records": 907, **row}]}}
    one = assemble(
        {**figures(), "groups": groups},
        [input_entry("a.log")],
        selection=asked,
        skipped_bytes=2**30,
        performance=PERFORMANCE,
    )
    assert tuple(one.selection) == SECTIONS["selection"]
    assert list(one).index("selection") == TOP_LEVEL.index("selection")
    page = render("text", one, RenderOptions(width=100))
    assert "time range: from 2024" in page
    assert "1.07 GB outside the time range not read" in page
    assert "By json.x" in page
    assert "[bold]a" in page
    assert "7 records without" in page
    assert "\x1b" not in page


def test_attributes_and_items_are_the_same_figures() -> None:
    one = report()
    assert one.response_time_ms.p99 == one["response_time_ms"]["p99"] == 1210.0
    assert one.routes.top[0].route == "GET /api/data"
    assert one.figure("status.503") == 40
    assert one.figure("status.500") == 0
    assert dict(one.status) == {"200": 17_000, "404": 960, "503": 40}
    with pytest.raises(AttributeError, match="no metric 'nope'"):
        _ = one.response_time_ms.nope  # type: ignore[attr-defined]


def test_a_report_is_read_only_and_to_dict_is_a_copy() -> None:
    one = report()
    with pytest.raises(AttributeError):
        one.total_requests = 1
    copied = one.to_dict()
    copied["errors"]["total"] = 0
    assert one.errors.total == 40


def test_sources_are_named_by_their_inputs() -> None:
    data = figures()
    entries = [input_entry("bad", error="bad: no such file"), input_entry("good.log")]
    one = assemble(data, entries, input_of_source=[1])
    assert one.slowest[0].input == one.malformed.samples[0].input == "good.log"
    assert one.partial is True


def test_equality_leaves_out_performance() -> None:
    other = Report({**report().to_dict(), "performance": None})
    assert report() == other
    assert report() != report(total_requests=1)


def test_a_report_survives_json_pickle_and_deepcopy() -> None:
    one = report(HOSTILE)
    assert Report.from_json(one.to_json()) == one
    assert pickle.loads(pickle.dumps(one)) == one
    assert copy.deepcopy(one) == one


def test_repr_is_short() -> None:
    assert repr(report()) == ("<Report of GET /api/data: total_requests=18000, malformed_lines=3>")


# JSON.


def test_json_refuses_nan() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        report(error_rate=float("nan")).to_json()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=30,
    )
)
def test_json_layout_changes_no_value(value: Any) -> None:
    assert json.loads(dumps(value)) == value


# CSV.


@pytest.mark.parametrize("table", CSV_TABLES)
def test_csv_has_a_header_and_a_line_for_each_row(table: str) -> None:
    text = render("csv", report(HOSTILE, **optional_keys(HOSTILE)), RenderOptions(table=table))
    rows = list(csv.reader(io.StringIO(text)))
    data = report(**optional_keys()).to_dict().get(table, {"top": []})  # groups: a header alone
    assert len(rows) == 1 + len(data[TABLES[table].rows])
    assert len(text.splitlines()) == len(rows)
    assert all(len(row) == len(rows[0]) for row in rows)


@given(st.text(max_size=20), st.sampled_from("=+-@\t\r|%\uff1d"))
def test_csv_cells_start_no_formula(text: str, start: str) -> None:
    out = render("csv", report(start + text), RenderOptions(table="routes"))
    cell = list(csv.reader(io.StringIO(out)))[1][0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "|", "%", "\uff1d"))


# Text.


def widths(text: str) -> set[int]:
    from rich.cells import cell_len

    return {cell_len(line) for line in text.split("\n")}


@pytest.mark.parametrize("width", [60, 72, 80, 100, 120, 200])
@pytest.mark.parametrize("text", ["GET /api/data", HOSTILE, "x" * 500, "日本" * 100, ""])
def test_no_line_is_wider_than_the_page(width: int, text: str) -> None:
    page = render("text", report(text), RenderOptions(width=width))
    assert max(widths(page)) <= width
    assert "Response time" in page
    assert "4.31 s" in page


def test_a_narrow_terminal_loses_no_figure() -> None:
    assert render("text", report(), RenderOptions(width=20)) == render(
        "text", report(), RenderOptions(width=60)
    )


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_empty_report_can_be_shown(output: str) -> None:
    page = render(output, empty_report(), RenderOptions())
    assert page.endswith("\n")
    assert "Timeline" not in page


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_log_text_cannot_steer_the_terminal(text: str, color: bool) -> None:
    page = render("text", report(text), RenderOptions(color=color))
    plain = re.sub(r"\x1b\[[0-9;]*m", "", page) if color else page
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", plain)


def test_log_text_is_no_markup() -> None:
    assert "[red]x[/red]" in render("text", report("[red]x[/red]"), RenderOptions(width=120))


def test_without_colour_there_is_no_escape_and_errors_are_still_told() -> None:
    page = render("text", report(), RenderOptions())
    assert "\x1b" not in page
    (line,) = [line for line in page.split("\n") if line.strip().startswith("errors │")]
    assert line.count("█") == 1


def test_colour_adds_nothing_but_colour() -> None:
    coloured = render("text", report(), RenderOptions(color=True))
    assert "\x1b[" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in plain.split("\n")] == render(
        "text", report(), RenderOptions()
    ).split("\n")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert render("text", report(), RenderOptions(ascii_only=True)).isascii()


def test_names_are_shown_in_words() -> None:
    data = figures()
    data["malformed"]["reasons"] = {"invalid_json": 1, "invalid_timestamp": 1200, "no_timestamp": 3}
    data["sources"][0]["formats"] = [
        {
            **{"name": "app", "lines": 3, "timezone": "not written"},
            **{"duration_field": "number and unit in the message", "duration_unit": "in the text"},
        },
        {
            **{"name": "combined", "lines": 1, "timezone": "written"},
            **{"duration_field": "the number after the user agent", "duration_unit": "us"},
        },
        {"name": "unused", "lines": 0},
    ]
    page = render("text", assemble(data, [input_entry("-", data["sources"][0])]), RenderOptions())
    assert "no level" in page
    assert "NONE" not in page
    assert "logan  standard input" in page
    # Too long for the line of its title, and nothing of it is cut.
    reasons = "impossible or incomplete timestamp ×1,200, no timestamp ×3, invalid JSON ×1"
    assert f"Malformed lines\n  {reasons}\n" in page
    assert "app       75.0 %  timestamps without time zone; response time from the text" in page
    assert "combined  25.0 %  timestamps with time zone; response time in microseconds" in page
    assert "unused" not in page


def test_times_are_shown_in_the_zone_asked_for_and_the_day_is_the_zones_own() -> None:
    made = report()
    in_utc = render("text", made, RenderOptions())
    assert "2024-01-24 08:00:00 → 11:00:00 UTC" in in_utc
    kolkata = render("text", made, RenderOptions(zone=ZoneInfo("Asia/Kolkata")))
    assert "2024-01-24 13:30:00 → 16:30:00 Asia/Kolkata" in kolkata
    # Behind the date line the period spans two days, and the axis begins at a round local time.
    apia = render("text", made, RenderOptions(zone=ZoneInfo("Pacific/Apia")))
    assert "2024-01-24 21:00:00 → 2024-01-25 00:00:00 Pacific/Apia" in apia
    assert re.search(r"^ +21:00 .*00:00$", apia, re.MULTILINE)
    assert render("json", made, RenderOptions(zone=ZoneInfo("Asia/Kolkata"))) == render(
        "json", made, RenderOptions()
    )


def test_a_zone_with_summer_time_has_the_offset_of_the_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    winter = {"time": {"first": "2024-01-24T08:00:00Z", "last": "2024-07-24T08:00:00Z"}}
    expected = ["2024-01-24T09:00:00+01:00", "2024-07-24T10:00:00+02:00"]
    assert [*in_zone(winter, ZoneInfo("Europe/Berlin"))["time"].values()] == expected
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        assert [*in_zone(winter, Local())["time"].values()] == expected
    finally:
        monkeypatch.undo()
        time.tzset()


def test_one_is_no_plural_and_one_moment_no_period() -> None:
    data = figures()
    data["lines"]["total"] = 1
    data["time"] = {**data["time"], "last": moment(0), "span_s": 0.0}
    page = render(
        "text", assemble(data, [input_entry("a.log", data["sources"][0])]), RenderOptions()
    )
    assert "1 line " in page
    assert page.split("\n")[1] == "2024-01-24 08:00:00 UTC"


def test_a_partial_report_says_so_at_its_head() -> None:
    data = figures()
    missing = [{"input": "a", "start": 0, "end": 16_000_000, "why": "truncated"}]
    one = assemble(data, [input_entry("a", data["sources"][0])], missing=missing)
    assert "PARTIAL: 16.0 MB not counted (truncated)" in render("text", one, RenderOptions())


def test_an_input_error_is_shown_and_the_others_are_too() -> None:
    data = figures()
    entries = [
        input_entry("good.log", data["sources"][0]),
        input_entry("bad.log", error="bad.log: no such file; check the path"),
    ]
    page = render("text", assemble(data, entries), RenderOptions())
    assert "✗ bad.log: no such file; check the path" in page
    assert "good.log  1.07 GB" in page
    assert "PARTIAL: 1 of 2 inputs with errors" in page


def test_rich_prints_a_report_at_the_width_of_its_console() -> None:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=80).print(report())
    assert "Top routes" in out.getvalue()
    assert max(widths(out.getvalue())) <= 80


def test_findings_say_their_times_in_the_zone_of_the_report() -> None:
    finding = {
        **{"kind": "errors", "metric": "errors.ratio", "before": 0.01, "during": 0.5, "where": []},
        **{"start": "2026-01-01T22:00:00Z", "end": "2026-01-01T22:10:00Z", "text": "in UTC"},
    }
    (found,) = in_zone({"findings": [finding]}, ZoneInfo("Asia/Kolkata"))["findings"]
    assert found["text"] == "errors 1 % → 50 % from 03:30:00 to 03:40:00 on 2026-01-02"
    assert found["start"] == finding["start"]
