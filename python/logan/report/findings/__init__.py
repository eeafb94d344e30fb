"""Findings: what is wrong in a log, since when, and what is common to it.

`find` is a pure function of an evaluated root summary, so findings are the same from every engine
and every split. What a second pass over an interval adds to them is in `explain`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change
from logan.report.findings.changes import changes_of
from logan.report.findings.client_errors import client_errors
from logan.report.findings.commands import command_for, error_condition
from logan.report.findings.grid import OUTCOMES
from logan.report.findings.words import findings_lines, sentence

__all__ = [
    "EXPLAINED_KINDS",
    "find",
    "findings_lines",
    "finished",
    "sentence",
    "unexplained",
]

_ORDER: Final = (
    *("errors", "unanswered", "traffic_drop", "latency", "concentration", "traffic_surge"),
    *("throttled", "denied", "client_errors", "message_new", "malformed", "clock", "message_gone"),
)
"""Kinds, most important first."""


_ADDED: Final = ("message", "level", "more", "status", "times_as_many")
"""Keys that some findings have besides."""


def find(figures: Mapping[str, Any], *, is_partial: bool = False) -> list[dict[str, Any]]:
    """The findings of evaluated metrics, most important first, without text and command.

    `is_partial`: bytes are missing, at times that are not known, so traffic is not judged.
    """
    found: list[Change] = []
    if figures.get("analysis"):
        ranges = _ranges(figures)
        found += changes_of(
            figures, ranges or [], judges_traffic=ranges is not None and not is_partial
        )
    found += _concentrated(figures, found)
    found += [each for each in client_errors(figures) if not _is_said(each, found, figures)]
    found += _malformed(figures)
    found.sort(key=_rank)
    return [_entry(each) for each in found[: limits.SHOWN_MAX]]


def finished(
    finding: Mapping[str, Any],
    paths: Sequence[str],
    where: str | None = None,
    *,
    figures: Mapping[str, Any],
) -> dict[str, Any]:
    """A finding with its text and the command that shows its lines."""
    return {
        **finding,
        "text": sentence(finding),
        "command": command_for(finding, paths, where, error_condition(figures)),
    }


EXPLAINED_KINDS: Final = ("errors", *OUTCOMES, "latency", "traffic_surge", "clock")
"""Kinds whose intervals a second pass reads, to name what is common to them."""


def unexplained(findings: Sequence[Mapping[str, Any]], why_not: str) -> list[dict[str, Any]]:
    """The findings, saying why no second pass explained them."""
    return [
        {**each, "why_not": why_not} if each["kind"] in EXPLAINED_KINDS else dict(each)
        for each in findings
    ]


def _is_said(leader: Change, found: Sequence[Change], figures: Mapping[str, Any]) -> bool:
    """Whether most of the client errors that one row has came in an interval that is found, too.

    When they came is not known; but there are only so many outside of the interval, and only so
    many of another status.
    """
    client_errors = {
        int(status): count for status, count in figures["status"].items() if status[0] == "4"
    }
    total, records = sum(client_errors.values()), leader.details["records"]
    return any(
        each.kind in OUTCOMES and records - (total - each.weight) >= records / 2 for each in found
    )


def _rank(change: Change) -> tuple[Any, ...]:
    start = -1 if change.start is None else change.start
    return (_ORDER.index(change.kind), -change.weight, start, change.within or "")


def _ranges(figures: Mapping[str, Any]) -> list[tuple[int, int]] | None:
    """First and last second of each input; None where that is not known."""
    sources = [each for each in figures["sources"] if any(f["lines"] for f in each["formats"])]
    if any("first" not in each for each in sources):
        if len(sources) != 1 or figures["time"]["first"] is None:
            return None
        return [(_second(figures["time"]["first"]), _second(figures["time"]["last"]))]
    return [
        (_second(each["first"]), _second(each["last"]))
        for each in sources
        if each["first"] is not None
    ]


def _second(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() // 1)


def _entry(change: Change) -> dict[str, Any]:
    """A finding of the report, without text and command."""
    entry: dict[str, Any] = {
        "kind": change.kind,
        "start": _rfc3339(change.start),
        "end": _rfc3339(change.end),
        "step_s": change.step_s or None,
        "metric": change.metric,
        "before": _rounded(change.before),
        "during": _rounded(change.during),
        "where": [dict(each) for each in change.where],
        "explained": "summary",
        "why_not": None,
    }
    if change.kind == "clock":
        direction = "after" if change.details["is_ahead"] else "before"
        entry |= {"records": change.details["records"], "direction": direction}
    if change.kind == "client_errors":
        entry["records"] = change.details["records"]
    entry |= {key: change.details[key] for key in _ADDED if key in change.details}
    return entry


def _rounded(value: float | None) -> float | None:
    """To six significant digits: what lies beyond them is the order of summation."""
    return None if value is None else float(f"{value:.6g}")


def _rfc3339(second: int | None) -> str | None:
    if second is None:
        return None
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _concentrated(figures: Mapping[str, Any], found: Sequence[Change]) -> Iterator[Change]:
    """A route that fails all along, and carries most of the errors."""
    if any(each.kind == "errors" for each in found):
        return
    total = figures["errors"]["total"] or 0
    requests = figures["total_requests"]
    if total < limits.CONCENTRATION_EVENTS_MIN or not figures["routes"]["exact"]:
        return
    rows = _routes_of(figures)
    if len(rows) < 2:
        return
    for name, seen, errors in rows:
        if (
            errors >= limits.CONCENTRATION_EVENTS_MIN
            and errors >= limits.CONCENTRATION_SHARE_MIN * total
            and errors >= limits.CONCENTRATION_FAILS_MIN * seen
            and 2 * seen < requests
        ):
            others = (total - errors) / max(requests - seen, 1)
            where = {
                "field": "route",
                "value": name,
                "share": round(errors / total, 4),
                "share_outside": round(seen / max(requests, 1), 4),
            }
            yield Change(
                "concentration",
                *(None, None, "errors.ratio", others, errors / seen, float(errors)),
                where=(where,),
                within=name,
            )
            return


def _routes_of(figures: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    analysis = figures.get("analysis")
    if analysis and analysis["routes_exact"]:
        rows = [
            (each["name"], sum(each["requests"]), sum(each["errors"]))
            for each in analysis["routes"]
        ]
    else:
        rows = [
            (each["route"], each["requests"], each["errors"]) for each in figures["routes"]["top"]
        ]
    return sorted(rows, key=lambda row: (-row[2], row[0]))


def _malformed(figures: Mapping[str, Any]) -> Iterator[Change]:
    lines, count = figures["lines"], figures["malformed_lines"]
    if not lines["parsed"] or count < limits.MALFORMED_LINES_MIN:
        return
    share = count / lines["total"]
    if share >= limits.MALFORMED_SHARE_MIN:
        yield Change("malformed", None, None, "lines.malformed", None, share, float(count))
