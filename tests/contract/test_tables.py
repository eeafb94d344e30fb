"""The keys of a report are those of the schema, in its order, and rows agree with totals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan
from logan.report.schema import ADDED, OPTIONAL, SECTIONS, SWITCHABLE, TABLES, TOP_LEVEL

AGENTS = ("curl/8.5", "Mozilla/5.0 (X)", "a bot")
ROUTES = ("/slow", "/broken", *(f"/page-{name}" for name in "abcdefgh"))


def access_log(path: Path) -> Path:
    """Two days; few slow requests of one route, errors of another one, 404 of a third."""
    lines = []
    for n in range(1_200):
        route = ROUTES[2 + n % 8]
        status, seconds = 200, 0.010 + n % 7 / 1_000
        if n % 200 == 7:
            route, seconds = "/slow", 9.5
        elif n % 100 == 3:
            route, status = "/broken", 503
        elif n % 60 == 5:
            route, status = "/page-a", 404
        time = f"{24 + n // 600}/Jan/2024:10:{n % 600 // 60:02}:{n % 60:02} +0000"
        lines.append(
            f"10.0.0.{n % 5} - - [{time}] "
            f'"{"POST" if n % 4 == 0 else "GET"} {route} HTTP/1.1" {status} {100 + n} '
            f'"https://example.com/{n % 2}" "{AGENTS[n % 3]}" {seconds:.3f}\n'
        )
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = access_log(tmp_path_factory.mktemp("tables") / "access.log")
    return logan.analyze([path], top=4).to_dict()


def test_the_keys_are_those_of_the_schema(report: dict[str, Any]) -> None:
    not_asked_for = (
        *("origins", "selection", "groups", "templates"),
        *("expectations", "anonymized", "command"),
        *ADDED,
    )
    assert list(report) == [key for key in TOP_LEVEL if key not in not_asked_for]
    assert set(SWITCHABLE) < set(OPTIONAL)
    for section, keys in SECTIONS.items():
        if report.get(section) is not None:
            assert set(report[section]) == set(keys), section
    for name, table in TABLES.items():
        if name in ("groups", "templates", *ADDED):
            continue
        for row in report[table.section][table.rows]:
            assert set(table.names()) - {"why", "merged"} <= set(row) <= set(table.names()), name


def test_rows_that_lead_by_errors_or_time_are_beside_the_most_frequent(
    report: dict[str, Any],
) -> None:
    rows = {row["route"]: row.get("why") for row in report["routes"]["top"]}
    assert len([why for why in rows.values() if why is None]) == 4
    assert [name for name, why in rows.items() if why and "errors" in why] == ["GET /broken"]
    assert "GET /slow" in [name for name, why in rows.items() if why and "total" in why]


def test_rows_agree_with_the_totals(report: dict[str, Any]) -> None:
    for name, rows in (("methods", 2), ("user_agents", 3), ("referrers", 2)):
        table = report[name]
        assert table["distinct"] == len(table["top"]) == rows
        assert sum(row["requests"] for row in table["top"]) == report["total_requests"]
        assert sum(row["share"] for row in table["top"]) == pytest.approx(1)
        assert sum(row["bytes"] for row in table["top"]) == report["bytes_sent"]
        assert sum(row["errors"] for row in table["top"]) == report["errors"]["total"]
        assert sum(row["client_errors"] for row in table["top"]) == report["status"]["404"]
    assert report["hosts"]["top"] == []
    (missing,) = report["not_found"]["top"][:1]
    assert missing["requests"] == missing["client_errors"]
    assert missing["errors"] == 0
    for name in ("routes", "methods", "user_agents", "referrers"):
        for row in report[name]["top"]:
            assert row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"] <= row["max_ms"]
    days = [(row["day"], row["days"], row["distinct"]) for row in report["clients_per_day"]]
    assert days == [("2024-01-24", 1, 5), ("2024-01-25", 1, 5)]


def test_response_times_over_time(report: dict[str, Any]) -> None:
    times, total = report["response_times"], report["response_time_ms"]
    assert times["step_s"] == 30  # kept every 5 s, where points would have five values
    assert sum(point["count"] for point in times["points"]) == total["count"]
    heatmap = times["heatmap"]
    assert len(heatmap["counts"]) == len(times["points"])
    for row, point in zip(heatmap["counts"], times["points"], strict=True):
        assert len(row) == len(heatmap["bounds_ms"]) - 1
        assert sum(row) == point["count"]
        assert (point["p95_ms"] is None) == (point["count"] < 20)
    histogram = total["histogram"]
    assert sum(histogram["counts"]) == total["count"]
    assert histogram["bounds_ms"] == sorted(histogram["bounds_ms"])
    assert histogram["bounds_ms"][0] <= total["min"]
    assert histogram["bounds_ms"][-1] >= total["max"]
    assert [sum(column) for column in zip(*heatmap["counts"], strict=True)] == histogram["counts"]


def _scan(path: Path, **meaning: Any) -> dict[str, Any]:
    spec = json.dumps(
        {
            "version": 2,
            "meaning": meaning,
            "top": 10,
            "sources": [{"reading": {"formats": [], "input_tz": "UTC", "anchor_ns": 0}}],
        }
    )
    feed = _logan.Feed(_logan.Spec(spec))
    feed.push(path.read_bytes())
    evaluated: dict[str, Any] = json.loads(feed.finish().evaluate())
    return evaluated


def test_the_analysis_grid_agrees_with_the_totals(tmp_path: Path) -> None:
    analysis = _scan(access_log(tmp_path / "access.log"))["analysis"]
    columns = ("records", "requests", "errors", "measured", "log_sum", "log_sq")
    assert analysis["buckets"] == sorted(analysis["buckets"])
    assert all(len(analysis[name]) == len(analysis["buckets"]) for name in columns)
    assert analysis["routes_exact"]
    for name in columns[1:]:
        total = sum(sum(route[name]) for route in analysis["routes"])
        assert total == sum(analysis[name]), name
    for route in analysis["routes"]:
        assert route["at"] == sorted(route["at"])
        assert all(len(route[name]) == len(route["at"]) for name in columns[1:])
        for at, requests in zip(route["at"], route["requests"], strict=True):
            assert requests <= analysis["requests"][at]


def test_all_other_messages_by_template(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    levels = ("INFO", "ERROR", "DEBUG", "INFO")
    lines = [f"2024-01-24 10:15:{n % 60:02} {levels[n % 4]} step {n} done\n" for n in range(200)]
    path.write_text("".join(lines))
    evaluated = _scan(path)
    rows = [
        (row["level"], row["template"], row["count"], row["share"])
        for row in evaluated["templates"]["top"]
    ]
    assert rows == [
        ("INFO", "step <num> done", 100, 0.5),
        ("DEBUG", "step <num> done", 50, 0.25),
    ]
    (errors,) = evaluated["messages"]["top"]
    assert (errors["level"], errors["count"], errors["share"]) == ("ERROR", 50, 0.25)
    found = {
        (each["level"], each["count"], each["errors"])
        for each in evaluated["analysis"]["templates"]
    }
    assert found == {("INFO", 100, 0), ("DEBUG", 50, 0), ("ERROR", 50, 50)}


@pytest.mark.parametrize("off", SWITCHABLE)
def test_what_is_switched_off_is_not_in_the_report(off: str, tmp_path: Path) -> None:
    path = access_log(tmp_path / "access.log")
    evaluated = _scan(path, off=[off])
    assert off not in evaluated
    whole = _scan(path)
    del whole[off]
    for each in (evaluated, whole):
        del each["analysis"]
    assert evaluated == whole
