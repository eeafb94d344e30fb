"""What logan reports about logs of programs that people run.

A vector is a folder in `test_vectors/programs`, named `program` or `program/layout`. It holds
`sample.log` and `expected.json`, which is worked out by hand from the program's documentation:

- `program`, `source` (URL of the documentation), `notes` (what is awkward in the layout);
- `options`: `input_tz` and `anchor` for `logan.analyze`;
- `lines`: how many lines are of each kind; `null` where that is not decided;
- `records`: one object per record, in the order of the file, with what the record says. `null`
  means that the record does not say it (a number that is not a response time, no level). A key is
  left out where the documentation leaves two readings open.

The report has no records, so that the metrics that follow from the records are compared.
`KNOWN_GAPS.txt` lists the vectors that logan does not read right, with the metrics that differ;
the list must be exact, so that a mended vector has to be taken from it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import logan

FOLDER = Path(__file__).resolve().parents[2] / "test_vectors" / "programs"
GAPS_FILE = FOLDER / "KNOWN_GAPS.txt"

KEYS = ("time", "level", "status", "ms", "method", "path", "client")
LEVELS = ("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "FATAL", "OTHER")
KINDS_OF_LINES = ("parsed", "malformed", "blank", "continuation", "header")
ANCHOR = "2024-02-01T00:00:00Z"
"""Dates without a year lie before this, unless a vector gives its own anchor."""
PROGRAMS_MIN = 120

Record = dict[str, Any]
Metrics = dict[str, Any]


def vector_name(expected_file: Path) -> str:
    return expected_file.parent.relative_to(FOLDER).as_posix()


VECTORS: dict[str, dict[str, Any]] = {
    vector_name(path): json.loads(path.read_text("utf-8"))
    for path in sorted(FOLDER.glob("**/expected.json"))
}


def parse_gaps(text: str) -> dict[str, list[str]]:
    """The metrics that are known to differ, by vector."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    pairs = (line.split(": ", 1) for line in lines)
    return {vector: metrics.split(", ") for vector, metrics in pairs}


GAPS = parse_gaps(GAPS_FILE.read_text("utf-8"))


def parse_time(text: str) -> datetime:
    """An RFC 3339 timestamp, to the microsecond."""
    head, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{head}.{fraction[:6]:0<6}+00:00")


class Column:
    """The values of one key in all records: known ones, and how many are left open."""

    def __init__(self, records: Iterable[Record], key: str) -> None:
        rows = list(records)
        self.values = [row[key] for row in rows if row.get(key) is not None]
        self.open = sum(key not in row for row in rows)

    def counts(self, name: Callable[[Any], str] = str) -> Counter[str]:
        return Counter(map(name, self.values))


def counts_fit(got: dict[str, int], want: Counter[str], open_max: int) -> bool:
    """Whether a table of counts holds what is known, and beyond it at most what is left open."""
    return all(got.get(key, 0) >= count for key, count in want.items()) and (
        sum(got.values()) <= sum(want.values()) + open_max
    )


def response_times_fit(got: Metrics, column: Column) -> bool:
    """Count, extremes and mean, to the nanosecond."""
    known: list[float] = column.values
    if not len(known) <= got["count"] <= len(known) + column.open:
        return False
    if column.open:
        return True
    if not known:
        return all(got[key] is None for key in ("min", "max", "mean"))
    want = {"min": min(known), "max": max(known), "mean": sum(known) / len(known)}
    return all(got[key] == pytest.approx(value, rel=1e-9, abs=1e-6) for key, value in want.items())


def requests_fit(got: int, records: list[Record]) -> bool:
    """A request is a record with a status or a response time."""

    def count(unless_given: int | None) -> int:
        values = [(row.get("status", unless_given), row.get("ms", unless_given)) for row in records]
        return sum(pair != (None, None) for pair in values)

    return count(None) <= got <= count(0)


def lines_fit(got: dict[str, int], want: dict[str, int | None]) -> bool:
    return all(n is None or got[kind] == n for kind, n in want.items())


def span_fits(got: Metrics, column: Column) -> bool:
    """The first and the last timestamp, to the microsecond."""
    if column.open:
        return True
    times = sorted(map(parse_time, column.values))
    want = (times[0], times[-1]) if times else (None, None)
    first, last = (got[key] and parse_time(got[key]) for key in ("first", "last"))
    return (first, last) == want


def second(time: str) -> str:
    return parse_time(time).replace(microsecond=0).isoformat()


def table(report: Metrics, field: str) -> dict[str, int]:
    """Records by value of a field."""
    return {row["key"]: row["records"] for row in report["groups"][field]["top"]}


def differences(report: Metrics, expected: dict[str, Any]) -> list[str]:
    """The metrics of a report that do not follow from the expected records."""
    records: list[Record] = expected["records"]
    columns = {key: Column(records, key) for key in KEYS}
    levels = columns["level"].counts()
    levels["NONE"] = len(records) - columns["level"].open - levels.total()
    timeline = {second(point["t"]): point["records"] for point in report["series"]["points"]}
    fits = {
        "lines": lines_fit(report["lines"], expected["lines"]),
        "span": span_fits(report["time"], columns["time"]),
        "timeline": counts_fit(timeline, columns["time"].counts(second), columns["time"].open),
        "levels": counts_fit(report["levels"], levels, columns["level"].open),
        "status": counts_fit(report["status"], columns["status"].counts(), columns["status"].open),
        "requests": requests_fit(report["total_requests"], records),
        "response_time": response_times_fit(report["response_time_ms"], columns["ms"]),
    }
    for key in ("method", "path", "client"):
        fits[key] = counts_fit(table(report, key), columns[key].counts(), columns[key].open)
    return [metric for metric, right in fits.items() if not right]


def analyze(vector: str) -> Metrics:
    options = VECTORS[vector]["options"]
    report = logan.analyze(
        FOLDER / vector / "sample.log",
        anchor=datetime.fromisoformat(options.get("anchor", ANCHOR)),
        input_tz=options.get("input_tz", "UTC"),
        by=["method", "path", "client"],
        top=200,
        series_points=None,
        errors="report",
    ).to_dict()
    assert report["series"]["step_s"] in (1, None), "timestamps are compared by the second"
    return report


def gap_line(vector: str, metrics: list[str]) -> str:
    return f"{vector}: {', '.join(metrics)}"


def test_the_corpus_covers_many_programs() -> None:
    assert len({vector.split("/")[0] for vector in VECTORS}) >= PROGRAMS_MIN


def test_known_gaps_name_vectors() -> None:
    lines = [
        line
        for line in GAPS_FILE.read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert lines == [gap_line(vector, metrics) for vector, metrics in sorted(GAPS.items())]
    assert GAPS.keys() <= VECTORS.keys()


@pytest.mark.parametrize("vector", VECTORS)
def test_vector_is_well_formed(vector: str) -> None:
    expected = VECTORS[vector]
    content = (FOLDER / vector / "sample.log").read_bytes()
    assert set(expected) == {"program", "source", "notes", "options", "lines", "records"}
    assert expected["source"].startswith("https://")
    assert expected["program"]
    assert expected["notes"]
    assert expected["options"].keys() <= {"input_tz", "anchor"}
    lines, records = expected["lines"], expected["records"]
    assert tuple(lines) == ("total", *KINDS_OF_LINES)
    if None not in lines.values():
        assert lines["total"] == sum(lines[kind] for kind in KINDS_OF_LINES)
    assert lines["parsed"] == len(records)
    assert content.endswith(b"\n") or content.endswith("\n".encode("utf-16-le"))
    anchor = datetime.fromisoformat(expected["options"].get("anchor", ANCHOR))
    for row in records:
        assert list(row) == [key for key in KEYS if key in row]
        assert row.get("level") is None or row["level"] in LEVELS
        assert row.get("time") is None or parse_time(row["time"]) <= anchor
        assert row.get("ms") is None or (isinstance(row["ms"], float) and row["ms"] >= 0)


@pytest.mark.parametrize("vector", VECTORS)
def test_report_agrees_with_the_records(vector: str) -> None:
    known = GAPS.get(vector, [])
    found = differences(analyze(vector), VECTORS[vector])
    if found != known:
        advice = gap_line(vector, found) if found else f"no line for {vector}"
        pytest.fail(f"differs in {found}, KNOWN_GAPS.txt says {known}: it should hold: {advice}")
