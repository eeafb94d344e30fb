"""Alerts of a follow job: evaluated in the coordinator, whether or not a client is attached.

Pure but for `now` arguments. Conditions come with the job, from a client; whom an alert is told of
is the coordinator's own choice (`--notify`), since a client must not have commands run here, nor
addresses asked that only this machine reaches. An alert that fired before the coordinator was
started again does not fire anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from logan.errors import UsageError
from logan.limits import ROWS_NAMED_MAX
from logan.live.alerts import AlertEvent, Alerts, parse_alert
from logan.live.figures import report_of_window
from logan.options import Options
from logan.wire.bodies import ALERTS_MAX
from logan.wire.following import AlertEntry, AlertNews

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["JobAlerts"]

SETTLE_S_MIN: Final = 2.0
SETTLE_S_MAX: Final = 10.0
"""After the job began, or the coordinator was started again, workers catch up first: what is
missing until then is no reason for an alert."""

NEWS_KEPT_MAX: Final = 200


class JobAlerts:
    """The alerts of a job.

    Args:
        texts: conditions, as `live.alerts.parse_alert` reads them.
        options: of the job.

    Attributes:
        texts: the conditions.
        reach_s: how far back they look, in seconds.
        news: what happened, each with a number that goes up; the latest ones.
        told: how many there ever were.

    Raises:
        ExpectationError: a text is not a valid condition.
        UsageError: there are too many.
    """

    def __init__(self, texts: Sequence[str], options: Options) -> None:
        if len(texts) > ALERTS_MAX:
            raise UsageError(f"a follow job has at most {ALERTS_MAX} alerts, not {len(texts):,}")
        self._alerts = Alerts([parse_alert(each) for each in texts])
        self.texts = tuple(texts)
        self.reach_s = max((each.over_s for each in self._alerts.alerts), default=0.0)
        rows = dict.fromkeys((*options.rows, *self._alerts.rows))
        if len(rows) > ROWS_NAMED_MAX:
            raise UsageError(f"alerts and expectations name more than {ROWS_NAMED_MAX} rows")
        self._options = replace(options, rows=tuple(rows))
        self._begun: float | None = None
        self.news: deque[tuple[int, AlertEvent]] = deque(maxlen=NEWS_KEPT_MAX)
        self.told = 0

    def __len__(self) -> int:
        return len(self.texts)

    def resume(self, firing: Mapping[str, float]) -> None:
        """Those that were firing, since when, when the journal was written last."""
        for each in self._alerts.alerts:
            if each.text in firing:
                each.firing_since = each.held_since = firing[each.text]

    def firing_since(self) -> dict[str, float]:
        """Those that fired and have not ended, and since when."""
        return {
            each.text: each.firing_since
            for each in self._alerts.alerts
            if each.firing_since is not None
        }

    def evaluate(
        self,
        view: Callable[[float], Summary],
        now: float,
        *,
        caught_up: bool,
        last_at: float | None = None,
    ) -> list[AlertEvent]:
        """Look at every window once; what happens. Blocking; one call at a time.

        `view` gives the summary of the last seconds; `caught_up`: whether all is counted that was
        written before; `last_at`: when the last lines arrived.
        """
        if self._begun is None:
            self._begun = now
        age_s = now - self._begun
        if age_s < SETTLE_S_MIN or (age_s < SETTLE_S_MAX and not caught_up):
            return []
        return self._note(
            self._alerts.evaluate(
                lambda s: report_of_window(view(s), self._options), now, last_at=last_at
            )
        )

    def unjudged(self, now: float) -> list[str]:
        """A sentence for each alert that has had no data for long; each is said once."""
        return self._alerts.unjudged(now)

    def end(self, now: float, reason: str) -> list[AlertEvent]:
        """The job is over: what was firing ends, for this reason."""
        return self._note(self._alerts.end(now, reason))

    def _note(self, fresh: list[AlertEvent]) -> list[AlertEvent]:
        for each in fresh:
            self.told += 1
            self.news.append((self.told, each))
        return fresh

    def entries(self, now: float) -> tuple[AlertEntry, ...]:
        """As clients are told of them."""
        return tuple(
            AlertEntry(
                alert=each.text,
                since_s=None if each.held_since is None else max(0.0, now - each.held_since),
                firing=each.firing_since is not None,
            )
            for each in self._alerts.alerts
        )

    def news_after(self, seen: int, now: float) -> tuple[AlertNews, ...]:
        """What happened after the `seen` first events."""
        return tuple(
            AlertNews(
                alert=each.alert,
                state="firing" if each.state == "firing" else "ended",
                age_s=max(0.0, now - each.at),
                since_s=max(0.0, now - each.since),
                value=each.value if isinstance(each.value, int | float) else None,
                records=each.records,
                reason=each.reason,
            )
            for n, each in self.news
            if n > seen
        )
