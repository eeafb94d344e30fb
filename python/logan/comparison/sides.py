"""A side of a comparison: a report and, unless only its JSON is left, the summary behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from logan._logan import Summary
from logan.comparison.distribution import Distribution
from logan.comparison.document import SideInfo
from logan.errors import InputError
from logan.limits import JSON_INPUT_BYTES_MAX
from logan.report.document import Report
from logan.report.schema import COUNT_TABLES, errors_measured
from logan.sources.inputs import readable_name

__all__ = ["ROWS_MAX", "Side", "json_report", "side_of_json", "side_of_summary"]

ROWS_MAX: Final = 10_000
"""Rows of a table that are looked up: as many as a summary keeps."""

_REPORT: Final = re.compile(rb'\s*\{\s*"schema_version"\s*:')
"""How a JSON report begins."""

_NEEDED: Final = ("lines", "errors", "response_time_ms", "throughput", "time", "series", "routes")


@dataclass(slots=True)
class Side:
    """What a comparison needs of one side.

    Attributes:
        report: with all rows that there are.
        times: distribution of all response times; None of a JSON report.
        route_times: by route.
        complete: by table, whether a key that is absent did not occur.
        is_json: there are no distributions, and only top rows.
    """

    info: SideInfo
    report: Mapping[str, Any]
    times: Distribution | None = None
    route_times: Mapping[str, Distribution] = field(default_factory=dict)
    complete: Mapping[str, bool] = field(default_factory=dict)
    is_json: bool = False

    @property
    def records(self) -> int:
        """Records counted."""
        return int(self.report["lines"]["parsed"])

    @property
    def has_errors(self) -> bool:
        """Whether any of its records could have been an error."""
        return errors_measured(self.report)

    def rows(self, table: str) -> dict[str, Mapping[str, Any]]:
        """Rows of a table by key: messages by level and template, for a status its count."""
        if table in COUNT_TABLES:
            counted = self.report.get(table) or {}
            return {key: {"count": count} for key, count in counted.items() if count}
        section = (self.report.get(table) or {}).get("top") or ()
        if table == "messages":
            return {f"{each['level']} {each['template']}": each for each in section}
        return {each["route"]: each for each in section}


def side_of_summary(name: str, summary: Summary, report: Report) -> Side:
    """The side of a summary; `report` is any report of it."""
    figures = json.loads(summary.evaluate(top=ROWS_MAX, series_points=None))
    known = {**report.to_dict(), **{key: figures[key] for key in ("series", "routes", "messages")}}
    distributions = json.loads(summary.distributions(ROWS_MAX))
    times = {
        each["route"]: found
        for each in distributions["routes"]
        if (found := Distribution.of(each["times"])) is not None
    }
    return Side(
        _info(name, known),
        known,
        Distribution.of(distributions["response_time"]),
        times,
        {
            "status": True,
            "levels": True,
            **{each: bool(known[each]["exact"]) for each in ("routes", "messages")},
        },
    )


def json_report(path: str) -> Mapping[str, Any] | None:
    """The JSON report in a file; None of a file that is none. Raises `InputError`."""
    try:
        if not Path(path).is_file():
            return None
        with open(path, "rb") as file:
            if _REPORT.match(file.read(200)) is None:
                return None
            file.seek(0)
            data = file.read(JSON_INPUT_BYTES_MAX + 1)
    except OSError:
        return None  # reading it as a log says what is wrong
    name = readable_name(path)
    if len(data) > JSON_INPUT_BYTES_MAX:
        raise InputError(f"{name} is too large to be a report", input=path)
    try:
        report = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{name} is a JSON report that is cut off or damaged: {error}",
            input=path,
            hint="make it again: logan analyze LOG --json -o FILE",
        ) from error
    return report if isinstance(report, dict) else None


def side_of_json(name: str, report: Mapping[str, Any]) -> Side:
    """The side of a JSON report. Raises `InputError` for an object that is none."""
    if "schema_version" not in report or any(key not in report for key in _NEEDED):
        raise InputError(
            f"{name} is a JSON object, but not a report of logan",
            input=name,
            hint="a report is made by: logan analyze LOG --json -o report.json",
        )
    try:
        info = _info(name, report)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} is not a complete report: {error}", input=name) from error
    return Side(info, report, complete={"status": True, "levels": True}, is_json=True)


def _info(name: str, report: Mapping[str, Any]) -> SideInfo:
    lines, time = report["lines"], report["time"]
    notes = []
    if report.get("partial"):
        notes.append("partial: bytes are missing or inputs had errors")
    return SideInfo(
        name,
        time["first"],
        time["last"],
        int(lines["parsed"]),
        int(lines["total"]),
        bool(report.get("partial")),
        tuple(notes),
        tuple(report.get("findings") or ()),
    )
