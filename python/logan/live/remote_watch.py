"""`RemoteWatch`: a watch whose logs are read elsewhere, and whose figures arrive as summaries.

What it is told is plain data; who tells it, it does not know. Views, alerts and reports see a watch
like any other, with a line for each host. Its windows lie on the clock of the one who tells: the
difference of both clocks is taken from what is said with each state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import inf
from types import SimpleNamespace
from typing import Any, Final

from logan._logan import Spec, Summary
from logan.live.alerts import EVENTS_KEPT_MAX, Alert, AlertEvent, Alerts, ViewOf
from logan.live.notices import Notice
from logan.live.timeline import Point
from logan.live.watched import Watched
from logan.model import Detection, Missing
from logan.options import Options

__all__ = ["HostState", "RemoteLog", "RemoteWatch", "ToldAlerts"]

SAME_S: Final = 0.5
"""Notices with the same words that are no further apart are the same one: their ages are taken
from two clocks."""


@dataclass(frozen=True, slots=True)
class HostState:
    """A host, as `board` and JSON have it.

    Attributes:
        state: "live", "away", or "late": it had not sent all when the job ended.
        since_s: for how long it is so.
        behind_bytes: written there and not counted yet, as far as is known.
        behind_s: how long ago its last counted line arrived; None if none is counted.
        lost: how often something of its logs was gone for good.
    """

    host: str
    state: str
    since_s: float
    logs: int
    counted_bytes: int
    behind_bytes: int
    behind_s: float | None
    lost: int


@dataclass(frozen=True, slots=True)
class RemoteLog:
    """A log of a host."""

    name: str
    host: str
    spec: Spec
    assumed: tuple[str, ...]
    missing: tuple[tuple[int, int], ...]
    gone: tuple[tuple[int, str], ...] = ()


class ToldAlerts(Alerts):
    """Alerts that are evaluated elsewhere: `evaluate` gives what was told since its last call."""

    def __init__(self) -> None:
        super().__init__([])
        self._fresh: list[AlertEvent] = []

    def tell(self, alerts: Sequence[Alert], news: Sequence[AlertEvent]) -> None:
        """The alerts as they are now, and what happened to them since."""
        self.alerts = list(alerts)
        fresh = [
            each
            for each in news
            if not any(
                (old.alert, old.state) == (each.alert, each.state)
                and abs(old.at - each.at) < SAME_S
                for old in self.events
            )
        ]
        self.events = [*self.events, *fresh][-EVENTS_KEPT_MAX:]
        self._fresh += fresh

    def evaluate(self, view_of: ViewOf, now: float) -> list[AlertEvent]:
        """What happened since the last call; nothing is looked at."""
        fresh, self._fresh = self._fresh, []
        return fresh


@dataclass(slots=True)
class _Counter:
    """What a report asks of a log's counter."""

    spec: Spec
    detection: Detection
    missing: list[Missing] = field(default_factory=list)


class RemoteWatch(Watched):
    """A watch of logs on other hosts.

    Args:
        shown: options of `options.REPORTING`, and `rows`, that count for the reports of this watch
            whatever the job was begun with.

    Attributes:
        alerts: those of the job.
        ready: whether all that there was has arrived.
        job_ended: whether nothing more will come.
        lost_since: since when the one who tells is away; None if it is not.
    """

    def __init__(
        self,
        options: Options,
        *,
        shown: Mapping[str, Any] | None = None,
        now: float,
        anonymize: bool = False,
    ) -> None:
        super().__init__([], options, now=now, anonymize=anonymize)
        self.alerts = ToldAlerts()
        self.patterns: tuple[str, ...] = ()
        self.ready = False
        self.job_ended = False
        self.lost_since: float | None = None
        self._shown = dict(shown or {})
        self._seen: dict[tuple[str, str, str], float] = {}
        self._unread: tuple[tuple[str, str, str], ...] = ()
        self._ahead_s = 0.0
        self._told_at = now
        self._early: list[tuple[float | None, Summary]] = []
        self._host_states: tuple[HostState, ...] = ()
        self.begin(now)

    # What it is told.

    def begin(self, now: float) -> None:
        """All that was told is told again."""
        with self._lock:
            self.ready = False
            self._early = []
            self._restart(now)

    def take_options(self, options: Options) -> None:
        """What is computed, of a job that was begun by another."""
        with self._lock:
            asked = self._options
            self._options = options = replace(options, **self._shown)
            if options != asked:
                self._restart(self.last_data)

    def add(self, part: Summary, at: float | None, now: float) -> None:
        """Figures that arrived at `at`, by the clock of the one who tells; None if long ago."""
        with self._lock:
            self.last_data = now
            if not self.ready:
                self._early.append((at, part))
            else:
                self._put(part, at, now - self._ahead_s)

    def _put(self, part: Summary, at: float | None, now: float) -> None:
        if at is None:
            self._counted.add_old(part)
        else:
            self._counted.add(part, min(at, now), now)

    def tell(
        self,
        *,
        there: float,
        now: float,
        patterns: Sequence[str],
        hosts: Sequence[HostState],
        logs: Sequence[RemoteLog],
        notices: Sequence[tuple[Notice, float]],
        unread: Sequence[tuple[str, str, str]] = (),
        ended: bool,
    ) -> None:
        """How things stand. `there` is the time of the one who tells, `now` ours; each notice
        comes with its age in seconds; `unread` are host, name and reason of logs that cannot be
        read."""
        with self._lock:
            self._ahead_s = now - there
            self._told_at = now
            self.patterns = tuple(patterns)
            self._paths = list(patterns)
            self._host_states = tuple(hosts)
            self.lost_since = None
            for log in logs:
                counter = _Counter(log.spec, Detection(assumed=log.assumed))
                counter.missing = [
                    Missing(0, start, end, "panic", "the engine failed over them")
                    for start, end in log.missing
                ]
                counter.missing += [
                    Missing(0, start, None, "lost", text) for start, text in log.gone
                ]
                values: Any = SimpleNamespace(reader=None, counter=counter, cuts=[], host=log.host)
                self._logs[log.name] = values
            self._unread = tuple(unread)
            for notice, age_s in notices:
                # After a new connection all is told again.
                key = notice.kind, notice.log, notice.text
                if there - age_s <= self._seen.get(key, -inf) + SAME_S:
                    continue
                self._seen[key] = there - age_s
                self.notices.add(
                    Notice(
                        *(notice.kind, notice.log, notice.text, now - age_s),
                        *(notice.is_fault, notice.start, notice.end),
                    )
                )
            if not self.ready:
                self.ready = True
                early, self._early = self._early, []
                for at, part in early:
                    self._put(part, at, there)
            self.job_ended = self.job_ended or ended

    def lost(self, now: float) -> None:
        """The one who tells cannot be reached."""
        with self._lock:
            if self.lost_since is None:
                self.lost_since = now
                text = "the coordinator cannot be reached: these are its last figures"
                self.notices.add(Notice("vanished", "", text, now))

    # A watch as others see it.

    @property
    def hosts(self) -> tuple[HostState, ...]:
        """The hosts, in order of name."""
        return self._host_states

    @property
    def ended(self) -> bool:
        """Whether the job has ended."""
        return self.job_ended

    def _never_read(self, *, final: bool) -> list[tuple[str, str | None, str]]:
        return [(name, host, why) for host, name, why in self._unread if name not in self._logs]

    def _origin_and_error(self, name: str, log: Any) -> tuple[str | None, str | None]:
        host = next((each for each in self._host_states if each.host == log.host), None)
        if host is not None and host.state == "late":
            why = f"{host.host} had not sent all of it when the job ended"
            return log.host, f"{name}: {why}: what is left is not counted"
        if host is not None and host.state == "away":
            # Whole minutes: the text must not be another one every second.
            since = datetime.fromtimestamp(self._told_at - host.since_s, UTC)
            why = f"{host.host} is away since {since:%Y-%m-%d %H:%M} UTC"
            return log.host, f"{name}: {why}: what was written to it since is not counted"
        errors = (why for _, other, why in self._unread if other == name)
        return log.host, next(errors, None)

    def step(self, now: float) -> bool:
        """Nothing is read here."""
        self.last_step = now
        return False

    def pipes(self) -> list[Any]:
        """None."""
        return []

    def folders(self) -> set[str]:
        """None."""
        return set()

    def summary(self, seconds: float | None, now: float) -> Summary:
        """The summary of the last `seconds`, or of all with None."""
        with self._lock:
            return self._counted.whole(seconds, now - self._ahead_s)

    def figures(self, seconds: float | None, now: float) -> Summary:
        """The same without the tables that views do not show; see `counted`."""
        with self._lock:
            return self._counted.figures(seconds, now - self._ahead_s)

    def total(self) -> Summary:
        """The summary of all that was counted."""
        with self._lock:
            return self._counted.whole(None, self.last_step - self._ahead_s)

    def finish(self, now: float) -> Summary:
        """The summary of all that was counted."""
        return self.summary(None, now)

    def history(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The timeline of a window: the seconds of its steps, and a point for each."""
        return super().history(window, now - self._ahead_s)

    def behind(self) -> int:
        """Bytes that are written already and not counted yet, as far as is known."""
        return sum(each.behind_bytes for each in self._host_states)

    def close(self) -> None:
        """Nothing is open."""
