"""What a live view shows, for every renderer: verdict, headline, timeline, tables, what happened.

Plain data, ready for JSON. Text from logs is made visible here; renderers put it in as
text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from logan.live.alerts import Alerts
from logan.live.lines import observed_rate, verdict
from logan.live.recent import Recent
from logan.live.watched import Watched
from logan.report import units
from logan.report.units import time_of, visible

__all__ = ["SORTS", "board"]

Row = Mapping[str, Any]


def _trouble(row: Row) -> tuple[float, float]:
    return (row["errors"] or 0, row["requests"] * (row["mean_ms"] or 0))


SORTS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "trouble": _trouble,
    "requests": lambda row: row["requests"],
    "p95": lambda row: row["p95_ms"] or 0,
}
"""Orders of the routes: by errors and then by all their time, by number, by p95."""

_OF_THE_WATCH: Final = ("verdict", "logs", "alerts", "events")
"""Texts that are not from the report: names of files, conditions."""


def board(
    watch: Watched,
    alerts: Alerts,
    recent: Recent,
    *,
    window: str,
    now: float,
    sort: str = "trouble",
) -> dict[str, Any]:
    """Everything that a view shows of a window."""
    report = watch.glance(window, now).to_dict()
    messages = report["messages"]["top"]
    found = recent.look(watch, window, now)
    tone, text = verdict(report, alerts, found["findings"])
    times, lines = report["response_time_ms"], report["lines"]
    requests = report["total_requests"]
    is_web = requests * 20 >= lines["parsed"] and requests > 0
    enough = times["count"] >= 20
    facts = [
        (units.count(requests if is_web else lines["parsed"]), "requests" if is_web else "records"),
        (units.rate(observed_rate(report)), "rate"),
        (_errors(report), "errors"),
        (units.duration_ms(times["p50"] if enough else None), "p50"),
        (units.duration_ms(times["p95"] if enough else None), "p95"),
        (units.duration_ms(times["p99"] if times["count"] >= 100 else None), "p99"),
        (units.count(report["malformed_lines"]), "malformed"),
    ]
    step, points = watch.history(window, now)
    rows = sorted(report["routes"]["top"], key=SORTS[sort], reverse=True)
    shown: dict[str, Any] = {
        "at": _clock(now),
        "window": window,
        "tone": tone,
        "verdict": text,
        "logs": [visible(each) for each in watch.names],
        "facts": facts,
        "step": step,
        "points": points,
        "routes": [
            {
                "route": visible(row["route"]),
                "requests": row["requests"],
                "errors": row["errors"],
                "p95": units.duration_ms(row["p95_ms"]),
                "mean": units.duration_ms(row["mean_ms"]),
            }
            for row in rows
        ],
        "messages": [
            {
                "count": row["count"],
                "level": row["level"],
                "text": visible(row["template"]),
                "last": _time(row["last"]),
            }
            for row in messages
        ],
        "findings": found["findings"],
        "new": found["new"],
        "alerts": [{"text": visible(each.text), "state": each.state} for each in alerts.alerts],
        "events": _events(watch, alerts),
        "last_record": report["time"]["last"],
        "out_of_order": report["time"].get("out_of_order", 0),
        "behind": watch.behind(),
        "hosts": [host_line(each) for each in watch.hosts],
    }
    return {**shown, **watch.shown({key: shown[key] for key in _OF_THE_WATCH})}


def host_line(host: Any) -> dict[str, Any]:
    """A host as a line of a table: its name, a tone, how it is, and how far it is."""
    if host.state == "away":
        tone, state = "bad", f"away for {units.span(round(host.since_s))}"
    elif host.state == "late":
        tone, state = "bad", "not counted to its end"
    elif host.lost:
        tone, state = "warning", "live"
    else:
        tone, state = "good", "live"
    if host.lost:
        state += f", {units.count(host.lost)} losses"
    last = "–" if host.behind_s is None else f"{units.span(round(host.behind_s))} ago"
    return {
        "host": visible(host.host),
        "tone": tone,
        "state": state,
        "logs": host.logs,
        "counted": units.bytes_size(host.counted_bytes),
        "behind": _behind(host),
        "last": last,
    }


def _behind(host: Any) -> str:
    if host.state == "away":
        return "an unknown amount"
    return units.bytes_size(host.behind_bytes) if host.behind_bytes else "nothing"


def _errors(report: Row) -> str:
    errors = report["errors"]
    if errors["total"] is None:
        return units.count(None)
    return f"{units.percent(errors['ratio'])} ({units.count(errors['total'])})"


def _events(watch: Watched, alerts: Alerts) -> list[dict[str, Any]]:
    """Alerts and notices, the latest first."""
    found = [
        (
            each.at,
            "bad" if each.state == "firing" else "good",
            f"{'alert' if each.state == 'firing' else 'alert ended'}: {each.alert}",
        )
        for each in alerts.events
    ]
    found += [
        (each.at, "warning" if each.is_fault else "neutral", each.text) for each in watch.notices
    ]
    found.sort(key=lambda each: each[0], reverse=True)
    return [
        {"at": _clock(at), "tone": tone, "text": visible(text)} for at, tone, text in found[:50]
    ]


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _time(text: str | None) -> str:
    moment = time_of(text)
    return "" if moment is None else f"{moment:%H:%M:%S}"
