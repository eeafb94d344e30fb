"""The page of a watch: boards of its windows, the report as JSON, metrics for Prometheus."""

from __future__ import annotations

import json

import trio

from logan.live import clock
from logan.live.alerts import Alerts
from logan.live.board import board
from logan.live.exposition import Exposition
from logan.live.lines import live_section
from logan.live.notices import Notice
from logan.live.recent import Recent
from logan.live.watched import Watched
from logan.live.windows import WINDOWS

__all__ = ["WatchContent"]


class WatchContent:
    """The page of a watch; see `Content`."""

    name = "watch"
    title = "logan watch"
    windows = ("5m", *(each for each in WINDOWS if each != "5m"))

    def __init__(self, watch: Watched, alerts: Alerts) -> None:
        self._watch = watch
        self._alerts = alerts
        self._exposition = Exposition(watch)
        self._recent = Recent()
        self.texts = {
            "/report.json": (self._report, "application/json"),
            "/metrics": (self._metrics, "text/plain; version=0.0.4; charset=utf-8"),
        }

    async def board(self, window: str) -> bytes:
        """The window's board as JSON."""
        return await trio.to_thread.run_sync(self._made, window)

    def is_known(self, path: str, window: str) -> bool:
        """Whether there is such a window."""
        return window in WINDOWS

    def tell(self, text: str) -> None:
        """Something is wrong with the page itself."""
        self._watch.notices.add(Notice("crowded", "", text, clock.now(), True))

    def _made(self, window: str) -> bytes:
        data = board(self._watch, self._alerts, self._recent, window=window, now=clock.now())
        return json.dumps(data, separators=(",", ":")).encode()

    async def _report(self, window: str) -> bytes:
        return await trio.to_thread.run_sync(self._report_text, window or "all")

    def _report_text(self, window: str) -> bytes:
        now = clock.now()
        live = live_section(self._watch, self._alerts, window, now)
        return json.dumps(self._watch.view(window, now).to_dict() | {"live": live}).encode()

    async def _metrics(self, window: str) -> bytes:
        return await trio.to_thread.run_sync(self._exposition.text, clock.now())
