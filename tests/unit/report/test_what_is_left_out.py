"""What a stranger reads first: nothing empty, nothing that only looks like trouble."""

from __future__ import annotations

from pathlib import Path

import logan
from logan.report import RenderOptions, render, view
from logan.report.tables import table
from logan.report.text.timeline import sparkline

ACCESS = (
    '10.0.0.{client} - - [24/Jan/2024:10:{minute:02}:{second:02} +0000] "GET /a HTTP/1.1" 200 5'
)


def report_of(folder: Path, *lines: str) -> logan.Report:
    path = folder / "a.log"
    path.write_text("".join(f"{each}\n" for each in lines))
    return logan.analyze(path)


def screen(report: logan.Report, width: int = 80) -> str:
    return render("text", report, RenderOptions(width=width))


def test_tables_have_no_column_without_a_value(tmp_path: Path) -> None:
    lines = [ACCESS.format(client=i % 3, minute=0, second=i % 60) for i in range(60)]
    report = report_of(tmp_path, *lines)
    names = {each.name for each in table(report, "routes").columns}
    assert names.isdisjoint({"mean_ms", "p50_ms", "p95_ms", "max_ms"})
    assert {"requests", "errors", "bytes", "route"} <= names
    assert "percentiles" not in screen(report)
    timed = report_of(tmp_path, *(f"{each} 120ms" for each in lines))
    assert "p95_ms" in {each.name for each in table(timed, "routes").columns}


def test_tables_about_no_requests_have_no_columns_about_them(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("2024-01-24 10:15:33.123 ERROR disk full\n" * 3)
    text = screen(logan.analyze(path, by=["level"])).split("By level")[1]
    heads = text.splitlines()[1].split()
    assert heads == ["records", "errors", "level"]


def test_percentiles_over_time_are_of_steps_with_enough_values(tmp_path: Path) -> None:
    """Nine requests every ten seconds: no step of those that are kept has a p95."""
    lines = [
        f"2024-01-24 10:{at // 60:02}:{at % 60:02}.123 INFO Request processed in {20 + i}ms"
        for at in range(0, 3_600, 10)
        for i in range(9)
    ]
    times = report_of(tmp_path, *lines)["response_times"]
    assert times["step_s"] == 30
    assert all(point["p95_ms"] is not None for point in times["points"])
    assert sum(point["count"] for point in times["points"]) == len(lines)
    assert len(times["heatmap"]["counts"]) == len(times["points"]) == 120
    (lane,) = (
        each for each in screen(logan.analyze(tmp_path / "a.log")).splitlines() if "p95 │" in each
    )
    bars = lane.split("│")[1].split()[0]
    assert len(bars) >= 50


def test_too_few_values_for_percentiles_leave_the_finest_step(tmp_path: Path) -> None:
    lines = [
        f"2024-01-24 10:00:{at:02}.123 INFO Request processed in 20ms" for at in range(0, 60, 2)
    ]
    assert report_of(tmp_path, *lines)["response_times"]["step_s"] == 1


def test_a_timed_line_among_many_others_is_no_headline(tmp_path: Path) -> None:
    plain = [f"2024-01-24 10:15:{i % 60:02}.123 INFO cache is warm" for i in range(300)]
    report = report_of(tmp_path, *plain, "2024-01-24 10:16:00.123 INFO Request took 65s")
    assert view.subject(report) == "records"
    assert [each.label for each in view.headline(report)] == [
        *("records", "rate", "errors", "warnings")
    ]
    assert "mean │" not in screen(report)
    assert "Slowest records" in screen(report)


def test_single_errors_are_no_wall() -> None:
    assert sparkline([1, 0, 1], 1, 4) == "▂ ▂"
    assert sparkline([1, 0, 8], 1, 4) == "▁ █"
    assert sparkline([], 1, 4) == ""
