"""Alerts: conditions on a window's report, with a memory.

    errors.ratio over 1m > 5% for 2m        absent over 5m

An alert fires when its condition held at every evaluation for as long as `for` says, and ends when
it was false for 30 s; until then it does not fire again. Fewer than 20 records say nothing: no
alert fires for a percentage of two requests, and one that fired does not end just because a log
pauses. If there are so few for longer than the window, it ends all the same, and says so, as it
does when the watch ends. `absent` asks for just that there are none. One that has had nothing to
judge since the watch began is silent for want of data, not because all is well: `unjudged` says so,
once. Pure: the caller gives reports and the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from logan.errors import ExpectationError
from logan.live.windows import SLOT_S
from logan.report.expectation_parser import parse_expectation
from logan.report.expectations import Expectation

__all__ = ["EVENTS_KEPT_MAX", "Alert", "AlertEvent", "Alerts", "ViewOf", "parse_alert"]

RECORDS_MIN: Final = 20
"""Fewer records make any share or percentile jump."""

QUIET_S: Final = 30.0
"""An alert ends when its condition was false for so long: one that flaps fires once."""

TOO_FEW: Final = "there are too few records to tell"

UNJUDGED_S: Final = 60.0
"""After so long without data an alert says that it had none; where there are only too few records,
not before its window is full."""

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
        reason: why it ended, if not because its condition was false.
    """

    alert: str
    state: str
    at: float
    since: float
    value: Any
    records: int
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it. There is no text of a log in it."""
        return {
            "alert": self.alert,
            "state": self.state,
            "at": _rfc3339(self.at),
            "since": _rfc3339(self.since),
            "value": self.value,
            "records": self.records,
            "reason": self.reason,
        }

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        if self.state == "firing":
            return f"ALERT: {self.alert} (is {_value(self.value)})"
        return f"alert ended: {self.alert} ({self.reason or f'is {_value(self.value)}'})"


@dataclass(slots=True)
class Alert:
    """One alert and what is known of it; `expectation` is None for `absent`.

    Attributes:
        begun: when it was looked at first.
        held_since: since when its condition has held; None if it does not.
        left_since: when it was not seen to hold for the first time after it had, and `false_since`,
            when it was seen not to.
        firing_since: since when the condition of an alert that fired had held.
        was_judged: whether there was ever enough to judge.
        doubt: if not, why; `has_too_few` records may become enough, and `is_doubt_told` once it was
            said.
    """

    text: str
    expectation: Expectation | None
    over_s: float
    for_s: float
    begun: float | None = None
    held_since: float | None = None
    left_since: float | None = None
    false_since: float | None = None
    firing_since: float | None = None
    was_judged: bool = False
    doubt: str = ""
    has_too_few: bool = False
    is_doubt_told: bool = False

    @property
    def state(self) -> str:
        """ "ok", "pending" (it holds, but not for long enough), or "firing"."""
        if self.firing_since is not None:
            return "firing"
        return "ok" if self.held_since is None else "pending"

    def window_s(self, now: float, last_at: float | None) -> float:
        """The length of the window to look at. Windows are whole slots, so up to one slot longer
        than they are called; that the last of `absent`'s is over shows before its slot leaves."""
        is_over = last_at is not None and now - last_at >= self.over_s
        if self.expectation is None and is_over and self.over_s > SLOT_S:
            return self.over_s - SLOT_S
        return self.over_s

    def evaluate(self, report: Mapping[str, Any], now: float) -> AlertEvent | None:
        """Look at the report of its window; what happens, if anything does."""
        records = report["lines"]["parsed"]
        value: Any = records
        if self.begun is None:
            self.begun = now
        if self.expectation is None:
            # What was before is not known: a watch that has just begun misses nothing yet.
            holds, is_known = records == 0 and now - self.begun >= self.over_s, True
        else:
            verdict = self.expectation.check(report)
            value = verdict.actual
            is_known = records >= RECORDS_MIN and value is not None
            holds = is_known and verdict.ok
            self.was_judged |= is_known
            self.has_too_few = records < RECORDS_MIN
            if self.has_too_few:
                self.doubt = f"fewer than {RECORDS_MIN} records in {self.over_s:g} s"
            elif not is_known:
                self.doubt = verdict.text.removeprefix(f"{verdict.expression}: ")
        if not holds:
            self.held_since = None
            return self._left(now, value, records, is_known=is_known)
        self.left_since = self.false_since = None
        if self.held_since is None:
            self.held_since = now
        if self.firing_since is None and now - self.held_since >= self.for_s:
            self.firing_since = self.held_since
            return AlertEvent(self.text, "firing", now, self.held_since, value, records)
        return None

    def unjudged(self, now: float, *, is_over: bool) -> str | None:
        """That there was nothing to judge so far, if it is time to say so: once."""
        if self.begun is None or self.expectation is None:
            return None
        least_s = max(UNJUDGED_S, self.over_s) if self.has_too_few else UNJUDGED_S
        if self.was_judged or self.firing_since is not None or self.is_doubt_told:
            return None
        if not is_over and now - self.begun < least_s:
            return None
        self.is_doubt_told = True
        return f"the alert {self.text} has seen no data so far: {self.doubt}"

    def end(self, now: float, reason: str) -> AlertEvent | None:
        """Nothing is looked at any more: end it if it fires."""
        since, self.firing_since = self.firing_since, None
        self.held_since = self.left_since = self.false_since = None
        return (
            None if since is None else AlertEvent(self.text, "ended", now, since, None, 0, reason)
        )

    def _left(self, now: float, value: Any, records: int, *, is_known: bool) -> AlertEvent | None:
        """It does not hold now, as far as is known."""
        if self.firing_since is None:
            return None
        if self.left_since is None:
            self.left_since = now
        if is_known and self.false_since is None:
            self.false_since = now
        reason = None
        if self.false_since is None:
            if now - self.left_since < max(self.over_s, QUIET_S) + QUIET_S:
                return None
            reason = TOO_FEW
        elif now - self.false_since < QUIET_S:
            return None
        since, self.firing_since = self.firing_since, None
        self.left_since = self.false_since = None
        return AlertEvent(self.text, "ended", now, since, value, records, reason)


@dataclass(slots=True)
class Alerts:
    """All alerts of a watch, and what became of them: the latest `EVENTS_KEPT_MAX` events."""

    alerts: Sequence[Alert]
    events: list[AlertEvent] = field(default_factory=list)

    def evaluate(
        self, view_of: ViewOf, now: float, last_at: float | None = None
    ) -> list[AlertEvent]:
        """Look at every window once; what happens. `last_at`: when the last lines arrived, if that
        is known."""
        views: dict[float, Mapping[str, Any]] = {}
        fresh = []
        for alert in self.alerts:
            seconds = alert.window_s(now, last_at)
            if seconds not in views:
                views[seconds] = view_of(seconds)
            event = alert.evaluate(views[seconds], now)
            if event is not None:
                fresh.append(event)
        return self._keep(fresh)

    def unjudged(self, now: float, *, is_over: bool = False) -> list[str]:
        """A sentence for each alert that has had no data for long, or, as the watch `is_over`, at
        all; each is said once."""
        found = (each.unjudged(now, is_over=is_over) for each in self.alerts)
        return [each for each in found if each is not None]

    def end(self, now: float, reason: str) -> list[AlertEvent]:
        """Nothing is looked at any more: what was firing ends, for this reason."""
        found = [each.end(now, reason) for each in self.alerts]
        return self._keep([each for each in found if each is not None])

    def _keep(self, fresh: list[AlertEvent]) -> list[AlertEvent]:
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


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rfc3339(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
