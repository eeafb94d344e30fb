"""Alerts: when they fire, when they end, and what they say nothing about."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from logan.errors import ExpectationError, UsageError
from logan.live.alerts import Alert, AlertEvent, Alerts, parse_alert
from logan.live.notify import check_target

NOW = 1_706_091_332.0


def report(errors: int, records: int) -> dict[str, Any]:
    return {
        "total_requests": records,
        "lines": {"total": records, "parsed": records, "malformed": 0, "continuation": 0},
        "levels": {"ERROR": errors, "INFO": records - errors},
        "status": {},
        "errors": {"total": errors, "ratio": errors / records if records else None},
    }


def run(alert: Alert, holds: list[bool], step: float = 1.0) -> list[tuple[int, AlertEvent]]:
    """What happens at evaluations, each of which holds or not."""
    events = []
    for index, each in enumerate(holds):
        event = alert.evaluate(report(50 if each else 0, 100), NOW + index * step)
        if event is not None:
            events.append((index, event))
    return events


def test_one_alert_until_it_was_false_for_30_s() -> None:
    alert = parse_alert("errors.ratio over 1m > 5% for 2s")
    assert (alert.over_s, alert.for_s) == (60, 2)
    flaps = [True] * 3 + [False] * 20 + [True] * 3 + [False] * 29 + [True] + [False] * 31
    events = run(alert, flaps)
    assert [(index, each.state) for index, each in events] == [(2, "firing"), (86, "ended")]
    assert events[0][1].since == NOW
    assert events[0][1].value == 0.5


def test_for_counts_without_a_break() -> None:
    alert = parse_alert("errors.ratio > 5% for 3s")
    holds = [True, True, True, False, True, True, True, True]
    assert [index for index, _ in run(alert, holds)] == [7]


def test_few_records_say_nothing() -> None:
    alert = parse_alert("errors.ratio > 5%")
    assert alert.evaluate(report(10, 19), NOW) is None
    assert alert.evaluate(report(0, 0), NOW) is None
    event = alert.evaluate(report(10, 20), NOW)
    assert event is not None
    assert event.state == "firing"


def test_a_pause_of_the_log_ends_nothing_until_it_is_longer_than_the_window() -> None:
    alert = parse_alert("errors.ratio over 1m > 5%")
    assert alert.evaluate(report(50, 100), NOW) is not None
    for second in range(1, 90):
        assert alert.evaluate(report(2, 2), NOW + second) is None
    assert alert.evaluate(report(50, 100), NOW + 90) is None  # it is the same incident
    for second in range(91, 181):
        assert alert.evaluate(report(0, 0), NOW + second) is None
    event = alert.evaluate(report(0, 0), NOW + 181)
    assert event is not None
    assert (event.state, event.reason) == ("ended", "there are too few records to tell")
    assert event.sentence.endswith("> 5% (there are too few records to tell)")


def test_what_was_false_stays_so_through_a_pause() -> None:
    alert = parse_alert("errors.ratio over 1m > 5%")
    assert alert.evaluate(report(50, 100), NOW) is not None
    assert alert.evaluate(report(0, 100), NOW + 1) is None
    assert alert.evaluate(report(0, 0), NOW + 30) is None
    event = alert.evaluate(report(0, 0), NOW + 31)
    assert event is not None
    assert (event.state, event.reason) == ("ended", None)


def test_what_fires_ends_with_its_watch() -> None:
    alerts = Alerts([parse_alert("errors.ratio > 5%"), parse_alert("errors.ratio > 90%")])
    assert len(alerts.evaluate(lambda seconds: report(50, 100), NOW)) == 1
    (event,) = alerts.end(NOW + 5, "the watch has ended")
    assert (event.state, event.alert, event.since) == ("ended", "errors.ratio > 5%", NOW)
    assert event.to_dict()["reason"] == "the watch has ended"
    assert alerts.end(NOW + 6, "the watch has ended") == []
    assert [each.state for each in alerts.events] == ["firing", "ended"]
    assert not alerts.firing


def test_absence_is_seen_when_its_window_is_over_not_when_a_slot_is() -> None:
    alerts = Alerts([parse_alert("absent over 30s")])
    asked = []

    def view_of(seconds: float) -> dict[str, Any]:
        asked.append(seconds)
        return report(0, 1 if seconds == 30 else 0)

    assert alerts.evaluate(view_of, NOW - 40, NOW - 40) == []
    assert alerts.evaluate(view_of, NOW, NOW - 29.9) == []
    (event,) = alerts.evaluate(view_of, NOW + 1, NOW - 29.9)
    assert event.state == "firing"
    assert asked == [30, 30, 25]


def test_absent() -> None:
    alert = parse_alert("absent over 5m for 10s")
    assert (alert.over_s, alert.for_s) == (300, 10)
    for second in range(-300, 0, 30):  # what was before the watch is not known
        assert alert.evaluate(report(0, 0), NOW + second) is None
    assert alert.evaluate(report(0, 0), NOW) is None
    event = alert.evaluate(report(0, 0), NOW + 10)
    assert event is not None
    assert event.to_dict()["records"] == 0
    assert parse_alert("absent").over_s == 60


def test_each_window_is_looked_at_once() -> None:
    alerts = Alerts([parse_alert("errors.ratio > 5%"), parse_alert("errors.total over 60s > 3")])
    asked = []

    def view_of(seconds: float) -> dict[str, Any]:
        asked.append(seconds)
        return report(50, 100)

    assert len(alerts.evaluate(view_of, NOW)) == 2
    assert asked == [60]
    assert [each["state"] for each in alerts.to_list()] == ["firing"] * 2


@pytest.mark.parametrize(
    ("text", "why", "position"),
    [
        ("errors.ration over 1m > 5%", "no metric", 0),
        ("errors.ratio over > 5%", "expected a duration after 'over'", 13),
        ("errors.ratio over 0s > 5%", "from 1s to 1d", 13),
        ("errors.ratio over 1m", "expected one of", 20),
        ("errors.ratio over 1m > 5% for long", "expected a duration after 'for'", 26),
        ("errors.ratio over 1m > five", "expected a number", 23),
    ],
)
def test_a_mistake_is_shown_where_it_is(text: str, why: str, position: int) -> None:
    with pytest.raises(ExpectationError, match=why) as found:
        parse_alert(text)
    assert found.value.expression == text
    assert found.value.position == position


@pytest.mark.parametrize("operator", [">", ">>", "|", "&&", ";", "2>", "2>&1", "&"])
def test_targets_with_words_of_a_shell(operator: str) -> None:
    with pytest.raises(UsageError, match="runs no shell") as found:
        check_target(f"cat 'a b' {operator} x")
    assert found.value.hint is not None
    quoted = shlex.split(found.value.hint)[-1]
    assert shlex.split(quoted) == ["sh", "-c", f"cat 'a b' {operator} x"]
    check_target(quoted)
    check_target("cat 'a > b'")


@pytest.mark.parametrize("target", ["", "no-such-command-here", "'unclosed"])
def test_targets_that_cannot_be_told(target: str) -> None:
    with pytest.raises(UsageError, match="--notify"):
        check_target(target)


def test_an_alert_that_never_has_data_says_so_once() -> None:
    texts = ["response_time_ms.p95 > 1s", "errors.ratio > 5%", "absent over 10s"]
    alerts = Alerts([parse_alert(text) for text in texts])
    seen = {**report(0, 100), "response_time_ms": {"count": 0, "p95": None}}
    for second in range(60):
        alerts.evaluate(lambda _: seen, NOW + second)
        assert alerts.unjudged(NOW + second) == []
    (told,) = alerts.unjudged(NOW + 60)
    assert told.startswith("the alert response_time_ms.p95 > 1s has seen no data so far: ")
    assert told.endswith("has no data: there are 0 values, p95 needs 20")
    assert alerts.unjudged(NOW + 120, is_over=True) == []


def test_an_alert_that_had_too_few_records_says_so_when_its_window_is_full_or_at_the_end() -> None:
    alerts = Alerts([parse_alert(f"errors.ratio over {over} > 5%") for over in ("5m", "1m")])
    alerts.evaluate(lambda _: report(1, 3), NOW)
    assert alerts.unjudged(NOW + 59) == []
    (first,) = alerts.unjudged(NOW + 299)
    assert "over 1m" in first
    assert first.endswith("fewer than 20 records in 60 s")
    (second,) = alerts.unjudged(NOW + 299, is_over=True)
    assert "over 5m" in second


def test_an_alert_that_was_judged_once_is_silent_because_all_is_well() -> None:
    alerts = Alerts([parse_alert("errors.ratio > 5%")])
    alerts.evaluate(lambda _: report(0, 100), NOW)
    alerts.evaluate(lambda _: report(0, 0), NOW + 100)
    assert alerts.unjudged(NOW + 1_000, is_over=True) == []
