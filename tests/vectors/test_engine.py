"""The engine against the oracle: every small log, and generated logs with stated counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan
from test_vectors.generate import (
    KINDS,
    UNLIKE_KINDS,
    GeneratedLog,
    generate_test_logs,
    long_line_log,
)

LOGS = Path(__file__).resolve().parents[2] / "test_vectors" / "logs"
EXPECTED: dict[str, dict[str, Any]] = json.loads((LOGS / "expected.json").read_text("utf-8"))

PERCENTILES = ("p50", "p90", "p95", "p99", "p999")
"""Read off buckets, so compared within the error that the report states."""


def analyze(path: Path, **options: Any) -> logan.Report:
    return logan.analyze([path], **options)


def near(got: Any, want: Any, tolerance: float) -> bool:
    """Equal, or numbers within a relative tolerance."""
    if isinstance(want, (int, float)) and isinstance(got, (int, float)):
        return bool(got == pytest.approx(want, rel=tolerance))
    return bool(got == want)


@pytest.mark.parametrize("name", EXPECTED)
def test_all_figures_of_the_small_logs(name: str) -> None:
    report = analyze(LOGS / name, top=10)
    figures = report.to_dict()
    expected = EXPECTED[name]
    assert figures["lines"].pop("skipped_bytes") == 0
    for key in ("total_requests", "malformed_lines", "lines", "levels", "status", "bytes_sent"):
        assert figures[key] == expected[key], key
    for key in ("avg_response_time", "error_rate", "requests_per_second"):
        assert near(figures[key], expected[key], 1e-9), key
    for section in ("errors", "time", "throughput"):
        for key, value in expected[section].items():
            assert near(figures[section][key], value, 1e-9), f"{section}.{key}"
    times = figures["response_time_ms"]
    for key, value in expected["response_time_ms"].items():
        tolerance = times["relative_error"] if key in PERCENTILES else 1e-9
        assert near(times[key], value, tolerance), f"response_time_ms.{key}"


@pytest.mark.parametrize("name", EXPECTED)
def test_tables_of_the_small_logs(name: str) -> None:
    report = analyze(LOGS / name, top=10).to_dict()
    expected = EXPECTED[name]
    for table in ("routes", "not_found", "methods", "user_agents", "referrers", "clients"):
        for row, want in zip(report[table]["top"], expected[table]["top"], strict=False):
            for key, value in want.items():
                tolerance = 1 / 32 if key in ("p50_ms", "p95_ms", "p99_ms") else 1e-9
                unknown = key == "errors" and report["errors"]["total"] is None
                assert near(row[key], None if unknown else value, tolerance), f"{table} {row} {key}"
        assert len(report[table]["top"]) >= len(expected[table]["top"])
        assert report[table]["distinct"] == expected[table]["distinct"], table
        assert report[table]["exact"]
    for row, want in zip(report["messages"]["top"], expected["messages"]["top"], strict=False):
        assert {key: row[key] for key in want} == want
    assert report["messages"]["distinct"] == expected["messages"]["distinct"]
    days = [(row["day"], row["distinct"]) for row in report["clients_per_day"]]
    assert [day for day, _ in days] == [row["day"] for row in expected["clients_per_day"]]
    for (_, distinct), want in zip(days, expected["clients_per_day"], strict=True):
        assert distinct == pytest.approx(want["distinct"], rel=0.05, abs=1)
    times = report["response_times"]
    assert times["step_s"] == expected["response_times"]["step_s"]
    for point, want in zip(times["points"], expected["response_times"]["points"], strict=False):
        for key, value in want.items():
            tolerance = times["relative_error"] if key.endswith("_ms") else 0
            assert near(point[key], value, tolerance), f"{point} {key}"
    slowest = expected["slowest"]
    for got_slow, want_slow in zip(report["slowest"], slowest, strict=False):
        assert near(got_slow["ms"], want_slow["ms"], 1e-12)
        assert got_slow["offset"] == want_slow["offset"]
        assert got_slow["time"] == want_slow["time"]
    assert len(report["slowest"]) >= len(slowest)


@pytest.mark.parametrize("name", EXPECTED)
def test_templates_of_the_small_logs(name: str) -> None:
    """Of the messages below WARN, which no job counts unless its spec says so."""
    spec = json.loads(logan.make_spec(LOGS / name).to_json())
    spec["meaning"] = {}
    feed = _logan.Feed(_logan.Spec(json.dumps(spec)))
    feed.push((LOGS / name).read_bytes())
    found, expected = json.loads(feed.finish().evaluate())["templates"], EXPECTED[name]["templates"]
    for row, want in zip(found["top"], expected["top"], strict=False):
        assert {key: row[key] for key in want} == want
    assert found["distinct"] == expected["distinct"]


@pytest.mark.parametrize("name", EXPECTED)
def test_validate_results_accepts_them(name: str) -> None:
    stable = ("total_requests", "avg_response_time", "error_rate", "requests_per_second")
    expected = {key: EXPECTED[name][key] for key in (*stable, "malformed_lines", "lines")}
    assert logan.validate_results(analyze(LOGS / name), expected) == []
    wrong = {**expected, "total_requests": expected["total_requests"] + 1_000}
    assert [m.name for m in logan.validate_results(analyze(LOGS / name), wrong)] == [
        "total_requests"
    ]


@pytest.mark.parametrize("kind", [*KINDS, *UNLIKE_KINDS])
def test_generated_logs(kind: str, tmp_path: Path) -> None:
    stated: GeneratedLog = generate_test_logs(3, tmp_path / "x.log", kind=kind, seed=7)
    report = analyze(stated.path, chunk_size=1 << 18).to_dict()
    lines = report["lines"]
    assert lines["total"] == stated.lines
    assert lines["parsed"] == stated.parsed
    assert lines["malformed"] == stated.malformed
    assert (lines["blank"], lines["continuation"]) == (stated.blank, stated.continuation)
    assert report["total_requests"] == stated.requests
    assert report["errors"]["total"] == stated.errors
    assert report["levels"] == dict(stated.levels)
    assert report["status"] == dict(stated.status)
    assert (report["bytes_sent"] or 0) == stated.bytes_sent
    times = report["response_time_ms"]
    assert times["count"] == stated.response_times
    if stated.response_times:
        mean = stated.response_time_sum_ns / stated.response_times / 1e6
        assert times["mean"] == pytest.approx(mean, rel=1e-12)
    assert (report["time"]["first"], report["time"]["last"]) == (stated.first, stated.last)
    for table, count in (("routes", stated.routes), ("clients", stated.clients)):
        if report[table]["exact"]:
            assert report[table]["distinct"] == count, table
        else:
            assert report[table]["distinct"] == pytest.approx(count, rel=0.04), table


def test_a_line_of_ten_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    long_line_log(path)
    whole = analyze(path).to_dict()
    assert whole["lines"]["total"] == path.read_bytes().count(b"\n")
    assert whole["malformed_lines"] == 0
    # Chunks that lie wholly inside the line own nothing, and change nothing.
    parts = analyze(path, chunk_size=1 << 20).to_dict()
    for figures in (whole, parts):
        del figures["performance"]
    assert parts == whole


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("chunk_size", [1, 7, 4096, 1 << 24])
def test_neither_threads_nor_chunks_show(threads: int, chunk_size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes((LOGS / "mixed_format.log").read_bytes()[: 3_000 if chunk_size < 9 else None])
    plain = analyze(path, threads=1).to_dict()
    cut = analyze(path, threads=threads, chunk_size=chunk_size).to_dict()
    for figures in (plain, cut):
        del figures["performance"]
    assert cut == plain
