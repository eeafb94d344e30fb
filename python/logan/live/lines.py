"""What a watch says in one line, and what its JSON has beside the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from logan.report import units
from logan.report.units import visible

if TYPE_CHECKING:
    from logan.live.alerts import Alerts
    from logan.live.watched import Watched

__all__ = ["line_of", "live_section", "observed_rate", "verdict"]


ERRORS_BAD_MIN: Final = 0.01
"""A smaller share of errors is what most services have on a good day."""

_MILD: Final = (
    *("traffic_surge", "throttled", "denied", "client_errors"),
    *("message_new", "message_gone", "clock", "malformed"),
)
"""Findings that need not be trouble."""


def verdict(
    report: Mapping[str, Any],
    alerts: Alerts | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> tuple[str, str]:
    """Tone ("good", "warning", "bad", "neutral") and a sentence: is something wrong?

    Alerts come first, then `findings` of `recent` that go on, then the share of errors.
    """
    firing = alerts.firing if alerts is not None else []
    if firing:
        more = f" and {len(firing) - 1} more" if len(firing) > 1 else ""
        return "bad", f"ALERT {visible(firing[0].text)}{more}"
    tone, text = _verdict_of_records(report)
    lasting = [each for each in findings if not each["is_over"]]
    serious = [each for each in lasting if each["kind"] not in _MILD]
    if serious:
        tone, text = "bad", serious[0]["text"]
    elif lasting and tone != "bad":
        tone, text = "warning", lasting[0]["text"]
    inputs = report.get("inputs") or ()
    failed = sum(each["error"] is not None for each in inputs)
    if not failed:
        return tone, text
    # What is not read may have what is wrong.
    return "bad" if tone == "bad" else "warning", f"{text}; {failed:,} of {len(inputs):,} not read"


def _verdict_of_records(report: Mapping[str, Any]) -> tuple[str, str]:
    lines, errors = report["lines"], report["errors"]
    if not lines["parsed"]:
        if lines["malformed"]:
            return "warning", "no line matches a known format"
        return "neutral", "no records in this window"
    if lines["malformed"] * 20 > lines["total"]:
        share = units.percent(lines["malformed"] / lines["total"])
        return "warning", f"{share} of the lines are malformed"
    if errors["total"] is None:
        return "neutral", "no levels, no statuses: errors unknown"
    if errors["total"]:
        tone = "bad" if errors["ratio"] >= ERRORS_BAD_MIN else "warning"
        return tone, f"{units.percent(errors['ratio'])} errors ({units.count(errors['total'])})"
    return "good", "no errors"


def observed_rate(report: Mapping[str, Any]) -> float | None:
    """Records a second between the first and the last one; None if they have no times."""
    time = report["time"]
    timed = report["lines"]["parsed"] - time.get("untimed", 0)
    return timed / time["span_s"] if time["span_s"] else None


def line_of(
    report: Mapping[str, Any],
    window: str,
    now: float,
    behind: int = 0,
    alerts: Alerts | None = None,
    findings: Sequence[Mapping[str, Any]] = (),
) -> str:
    """One line for a pipe or a log: the time (UTC), the window, what it holds, and what stands out
    in it and goes on."""
    times, lines = report["response_time_ms"], report["lines"]
    parts = [f"{datetime.fromtimestamp(now, UTC):%H:%M:%S}Z", f"[{window}]"]
    parts.append(f"{units.count(lines['parsed'])} records")
    if lines["parsed"]:
        parts.append(units.rate(observed_rate(report)))
        parts.append(verdict(report)[1])
    if times["count"] >= 20:
        parts.append(f"p50 {units.duration_ms(times['p50'])}")
        parts.append(f"p95 {units.duration_ms(times['p95'])}")
    if lines["malformed"]:
        parts.append(f"{units.count(lines['malformed'])} malformed")
    if behind > 1 << 20:
        parts.append(f"{units.short(behind, 8)} bytes behind")
    parts += [each["text"] for each in findings if not each["is_over"]]
    if alerts is not None and alerts.firing:
        parts.append(verdict(report, alerts)[1])
    return "  ".join(parts)


def live_section(watch: Watched, alerts: Alerts, window: str, now: float) -> dict[str, Any]:
    """What JSON has of the watch itself: the window, alerts, what happened to the logs."""
    section: dict[str, Any] = {
        "window": window,
        "at": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
        "behind_bytes": watch.behind(),
        "alerts": alerts.to_list(),
        "events": [each.to_dict() for each in alerts.events[-20:]],
        "notices": [
            {"kind": each.kind, "log": each.log, "text": each.text, "start": each.start}
            for each in list(watch.notices)[-20:]
        ],
    }
    if watch.hosts:
        section["hosts"] = [asdict(each) for each in watch.hosts]
    masked: dict[str, Any] = watch.shown(section)
    return masked
