"""A finding as a sentence: what, how much, from when to when, and what is common to it.

Text from the log is made visible and cut. Times are in the zone that the caller asks for; the text
in the JSON is in UTC. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from logan.report import units
from logan.report.shortening import cut, gist
from logan.report.units import brief, visible

__all__ = ["findings_lines", "sentence"]

_VALUE_CHARS_MAX: Final = 60
_WHERE_MAX: Final = 3
_LABELS: Final = {
    **{"route": "", "path": "", "method": "", "client": "from client ", "host": "on "},
    **{"source": "in ", "origin": "on ", "user_agent": "by user agent "},
    "template": "with the message ",
}
_OUTCOMES: Final = {
    "unanswered": "requests without an answer",
    "throttled": "requests throttled (429)",
    "denied": "requests denied (401, 403)",
}
_NOUNS: Final = {"records_per_second": "records", "requests_per_second": "requests"}


def findings_lines(report: Mapping[str, Any], zone: tzinfo = UTC) -> list[str]:
    """One sentence for each finding of a report, most important first."""
    return [sentence(each, zone) for each in report.get("findings") or ()]


def sentence(finding: Mapping[str, Any], zone: tzinfo = UTC) -> str:
    """What a finding says, without its command."""
    kind, before, during = finding["kind"], finding["before"], finding["during"]
    when = _when(finding["start"], finding["end"], zone)
    where = _common(finding)
    if kind == "errors":
        head = f"errors {_percent(before)} → {_percent(during)}{when}"
    elif kind in _OUTCOMES:
        head = f"{_OUTCOMES[kind]} {_percent(before)} → {_percent(during)}{when}"
    elif kind == "latency":
        slower = f"{brief(units.duration_ms(before))} → {brief(units.duration_ms(during))}"
        head = f"response time {slower}{when}"
    elif kind in ("traffic_drop", "traffic_surge"):
        noun = _NOUNS[finding["metric"]]
        head = f"{noun} {_rates(before, during)}{when}"
    elif kind in ("message_new", "message_gone"):
        return _message(finding, when)
    elif kind == "concentration":
        head = f"errors {_percent(during)} all along"
    elif kind == "client_errors":
        return _client_errors(finding)
    elif kind == "clock":
        days = during / 86_400
        far = f"{days / 365.25:.3g} years" if days > 730 else f"{days:.3g} days"
        return f"a clock is wrong: {units.count(finding['records'])} records lie {far} " + (
            f"{finding['direction']} all others{when}"
        )
    else:
        head = f"{_percent(during)} of all lines are malformed"
    text = f"{head}: {where}" if where else head
    times = finding.get("times_as_many")
    if times and any(each["field"] == "route" for each in finding["where"][:_WHERE_MAX]):
        text += f"; {times:.3g} times as many requests as usual (retries?)"
    added = finding.get("message")
    return f"{text}; new message: {_cut(added)}" if added else text


def _percent(share: float) -> str:
    return brief(units.percent(share))


def _rates(before: float, during: float) -> str:
    return " → ".join(map(brief, units.rates(before, during)))


def _client_errors(finding: Mapping[str, Any]) -> str:
    """`client errors, mostly 404: 4,213 (88 % of all) from client 203.0.113.9, …`"""
    first = finding["where"][0]
    status = f", mostly {finding['status']}" if finding.get("status") else ""
    count, share = units.count(finding["records"]), _percent(first["share"])
    named = ", ".join(map(_named, finding["where"]))
    during, before = _percent(finding["during"]), _percent(finding["before"])
    text = f"client errors{status}: {count} ({share} of all) {named}"
    return f"{text}; {during} of its requests, {before} elsewhere"


def _named(entry: Mapping[str, Any]) -> str:
    """`from client 203.0.113.9`, `on GET /old.css`."""
    field = entry["field"]
    return f"{'on ' if field == 'route' else _label(field, entry['value'])}{_cut(entry['value'])}"


def _label(field: str, value: str | None) -> str:
    """What stands before a value; the name of a masked client is that of its network."""
    is_network = field == "client" and "/" in (value or "")
    return "from a client of " if is_network else _LABELS.get(field, f"{field} ")


def _message(finding: Mapping[str, Any], when: str) -> str:
    text, more = _cut(finding["where"][0]["value"]), finding.get("more")
    if more:
        text += f" (and {units.count(more)} more)"
    if finding["kind"] == "message_new":
        return f"new message, {units.count(finding['during'])} times{when}: {text}"
    moment = when.replace(" since ", " after ")
    return f"message gone{moment}, {units.count(finding['before'])} times before: {text}"


def _common(finding: Mapping[str, Any]) -> str:
    """What is common to it: "97 % of them POST /checkout, all on web3"."""
    parts: Sequence[Mapping[str, Any]] = finding["where"][:_WHERE_MAX]
    said = []
    for each in parts:
        value, field, share = _cut(each["value"]), each["field"], each["share"]
        name = f"{_label(field, each['value'])}{value}"
        if finding["kind"] in ("latency", "malformed"):
            said.append(name if share >= 0.995 else f"{name} ({_percent(share)})")
        elif share >= 0.995:
            said.append(f"all {name}")
        else:
            noun = " of them" if not said else ""
            said.append(f"{_percent(share)}{noun} {name}")
    return ", ".join(said)


def _when(start: str | None, end: str | None, zone: tzinfo) -> str:
    if start is None:
        return ""
    first = _moment(start, zone)
    if end is None:
        return f" since {first:%H:%M:%S} on {first:%Y-%m-%d}"
    last = _moment(end, zone)
    if first.date() == last.date():
        return f" from {first:%H:%M:%S} to {last:%H:%M:%S} on {first:%Y-%m-%d}"
    return f" from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S}"


def _moment(text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)


def _cut(value: object) -> str:
    return cut(gist(visible(str(value))), _VALUE_CHARS_MAX)
