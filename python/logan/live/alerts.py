"""Alerts: conditions on a window's report, with a memory.

    errors.ratio over 1m > 5% for 2m        absent over 5m

An alert fires when its condition held at every evaluation for as long as `for` says, and ends when
it was false for 30 s; until then it does not fire again. Fewer than 20 records say nothing: the
state stays as it is for a percentage of two requests. `absent` asks for just that there are none.
Pure: the caller gives reports and the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from logan.errors import ExpectationError
from logan.report.expectation_parser import parse_expectation
from logan.report.expectations import Expectation

__all__ = ["EVENTS_KEPT_MAX", "Alert", "AlertEvent", "Alerts", "ViewOf", "parse_alert"]

RECORDS_MIN: Final = 20
"""Fewer records make any share or percentile jump."""

QUIET_S: Final = 30.0
"""An alert ends when its condition was false for so long: one that flaps fires once."""

OVER_S_DEFAULT: Final = 60.0
OVER_S_MAX: Final = 86_400.0
EVENTS_KEPT_MAX: Final = 200

_DURATION: Final = r"(?:\d{1,6}(?:ms|s|m|h|d))+"
_PART: Final = r"(\d+)(ms|s|m|h|d)"
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}

ViewOf = Callable[[float], Mapping[str, Any]]
"""Gives the report of the last seconds."""


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """An alert fired or ended.

    Attributes:
        state: "firing" or "ended".
        at: seconds since 1970.
        since: when its condition began to hold.
        value: the metric's, None if it has none.
    """

    alert: str
    state: str
    at: float
    since: float
    value: Any
    records: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it. There is no text of a log in it."""
        return {
            "alert": self.alert,
            "state": self.state,
            "at": _rfc3339(self.at),
            "since": _rfc3339(self.since),
            "value": self.value,
            "records": self.records,
        }


@dataclass(slots=True)
class Alert:
    """One alert and what is known of it; `expectation` is None for `absent`."""

    text: str
    expectation: Expectation | None
    over_s: float
    for_s: float
    held_since: float | None = None
    false_since: float | None = None
    firing_since: float | None = None

    @property
    def state(self) -> str:
        """ "ok", "pending" (it holds, but not for long enough), or "firing"."""
        if self.firing_since is not None:
            return "firing"
        return "ok" if self.held_since is None else "pending"

    def evaluate(self, report: Mapping[str, Any], now: float) -> AlertEvent | None:
        """Look at the report of its window; what happens, if anything does."""
        records = report["lines"]["parsed"]
        value: Any = records
        if self.expectation is None:
            holds = records == 0
        else:
            verdict = self.expectation.check(report)
            value = verdict.actual
            holds = records >= RECORDS_MIN and verdict.ok and value is not None
        if not holds:
            self.held_since = None
            return self._end(now, value, records)
        self.false_since = None
        if self.held_since is None:
            self.held_since = now
        if self.firing_since is None and now - self.held_since >= self.for_s:
            self.firing_since = self.held_since
            return AlertEvent(self.text, "firing", now, self.held_since, value, records)
        return None

    def _end(self, now: float, value: Any, records: int) -> AlertEvent | None:
        if self.firing_since is None:
            return None
        if self.false_since is None:
            self.false_since = now
        if now - self.false_since < QUIET_S:
            return None
        since, self.firing_since, self.false_since = self.firing_since, None, None
        return AlertEvent(self.text, "ended", now, since, value, records)


@dataclass(slots=True)
class Alerts:
    """All alerts of a watch, and what became of them: the latest `EVENTS_KEPT_MAX` events."""

    alerts: Sequence[Alert]
    events: list[AlertEvent] = field(default_factory=list)

    def evaluate(self, view_of: ViewOf, now: float) -> list[AlertEvent]:
        """Look at every window once; what happens."""
        views: dict[float, Mapping[str, Any]] = {}
        fresh = []
        for alert in self.alerts:
            if alert.over_s not in views:
                views[alert.over_s] = view_of(alert.over_s)
            event = alert.evaluate(views[alert.over_s], now)
            if event is not None:
                fresh.append(event)
        self.events += fresh
        del self.events[:-EVENTS_KEPT_MAX]
        return fresh

    @property
    def rows(self) -> tuple[str, ...]:
        """The rows that a report must keep for them, as `Options.rows` names them."""
        found = (each.expectation.row_reference for each in self.alerts if each.expectation)
        return tuple(dict.fromkeys(filter(None, found)))

    @property
    def sections(self) -> set[str]:
        """The sections of a report that their conditions are about."""
        asked = [each.expectation for each in self.alerts if each.expectation]
        names = [name for each in asked for name in (each.name, each.row_reference) if name]
        return {re.split(r"[^a-z_]", name, maxsplit=1)[0] for name in names}

    @property
    def firing(self) -> list[Alert]:
        """Those that fired and have not ended."""
        return [each for each in self.alerts if each.state == "firing"]

    def to_list(self) -> list[dict[str, Any]]:
        """Each alert's text, state, and since when, as JSON has it."""
        return [
            {
                "alert": each.text,
                "state": each.state,
                "since": None if each.held_since is None else _rfc3339(each.held_since),
            }
            for each in self.alerts
        ]


def parse_alert(text: str) -> Alert:
    """Parse `NAME [over WINDOW] OP VALUE [for DURATION]`, or `absent [over WINDOW] [for …]`.

    Raises `ExpectationError` with the position of the first character that does not fit.
    """
    blanked, over_s = _taken(text, rf"\bover\s+({_DURATION})(?=\s|$)", OVER_S_DEFAULT)
    blanked, for_s = _taken(blanked, rf"\bfor\s+({_DURATION})\s*$", 0.0)
    if over_s is None or not 1 <= over_s <= OVER_S_MAX:
        at = text.find("over")
        raise ExpectationError(
            "the window must be from 1s to 1d", expression=text, position=max(at, 0)
        )
    if blanked.strip() == "absent":
        return Alert(text.strip(), None, over_s, for_s)
    for word, example in (("over", "over 1m"), ("for", "for 2m")):
        if (found := re.search(rf"\b{word}\b", blanked)) is not None:
            raise ExpectationError(
                f"expected a duration after {word!r}, such as {example}",
                expression=text,
                position=found.start(),
            )
    try:
        expectation = parse_expectation(blanked.rstrip())
    except ExpectationError as error:
        raise ExpectationError(
            str(error.args[0]) if error.args else str(error),
            expression=text,
            position=len(text) if error.position >= len(blanked.rstrip()) else error.position,
            hint=error.hint,
        ) from None
    return Alert(text.strip(), expectation, over_s, for_s)


def _taken(text: str, pattern: str, default: float) -> tuple[str, float]:
    """The text with what matches made blank, so that positions stay, and its seconds."""
    found = re.search(pattern, text)
    if found is None:
        return text, default
    seconds = sum(int(n) * _SECONDS[unit] for n, unit in re.findall(_PART, found[1]))
    blank = " " * (found.end() - found.start())
    return text[: found.start()] + blank + text[found.end() :], seconds


def _rfc3339(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
