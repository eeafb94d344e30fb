"""What stands out in a watch just now: findings that go on or are new, and messages that are new.

A window of a minute shows no baseline, so findings are those of the last hour, or of a longer
window that is looked at; of these, what touches the window. A message is new if it was first
written in the last five minutes, and the log was counted for some time before. Both are the same
for every viewer, whenever they came, and are looked for once in `SLOT_S`, or less often where the
log is large.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from logan.limits import SERIES_POINTS_MAX
from logan.live.watched import Watched
from logan.live.windows import SLOT_S, WINDOWS
from logan.report.findings import find, sentence
from logan.report.units import count, time_of, visible

__all__ = ["NEW_S", "Recent"]

NEW_S: Final = 300
"""What began so long ago at most is new."""

LOOK_PAUSE: Final = 50
"""Between two looks, as a multiple of what the last one took: they use a fiftieth of a core at most
for each window that is looked at."""

BEFORE_S_MIN: Final = 30
"""A message cannot be called new unless the log was counted for so long without it."""

NEW_SHOWN_MAX: Final = 50
WARNINGS: Final = ("WARN", "ERROR", "FATAL")
UNDATED_MAX: Final = 10_000

NOT_MESSAGES: Final = ("http", "latency", "series", "grid", "routes")
"""What new messages need nothing of, of the figures of a watch."""

Row = dict[str, Any]


class Recent:
    """What was found last, of a watch and each of its windows."""

    def __init__(self) -> None:
        self._looked: dict[str, tuple[Watched, float, Row]] = {}
        self._undated = _Undated()

    def look(self, watch: Watched, window: str, now: float) -> Row:
        """What stands out in a window of `WINDOWS`.

        `findings` are `{"kind", "text", "is_new", "is_over"}`, those that go on first; `new` are
        messages, `{"at", "level", "count", "text"}`, the latest first.
        """
        known = self._looked.get(window)
        if known is None or known[0] is not watch or now >= known[1]:
            begun = time.thread_time()
            found = {"findings": _findings(watch, window, now), "new": self._messages(watch, now)}
            pause_s = max(SLOT_S, LOOK_PAUSE * (time.thread_time() - begun))
            self._looked[window] = known = watch, now + pause_s, found
        return known[2]

    def _messages(self, watch: Watched, now: float) -> list[Row]:
        figures = json.loads(watch.figures(None, now).without(NOT_MESSAGES).evaluate(1, 1))
        templates = figures["analysis"]["templates"]
        begun, last = time_of(figures["time"]["first"]), time_of(figures["time"]["last"])
        if begun is None or last is None:
            return self._undated.look(watch, templates, now)
        since = max(last.timestamp() - NEW_S, begun.timestamp() + BEFORE_S_MIN)
        firsts: dict[str, int] = {}
        for each in templates:  # some programs log the same words at INFO and at ERROR
            if each["first"] is not None:
                firsts[each["text"]] = min(firsts.get(each["text"], each["first"]), each["first"])
        found = [
            (firsts[each["text"]], each)
            for each in templates
            if each["level"] in WARNINGS and firsts.get(each["text"], 0) / 1e9 >= since
        ]
        found.sort(key=lambda each: (-each[0], each[1]["text"]))
        return [_row(watch, each, first / 1e9) for first, each in found[:NEW_SHOWN_MAX]]


class _Undated:
    """Messages of logs without timestamps: new is what was not there at the first look."""

    def __init__(self) -> None:
        self._first_at: dict[str, float | None] | None = None

    def look(self, watch: Watched, templates: Sequence[Mapping[str, Any]], now: float) -> list[Row]:
        warned = [each for each in templates if each["level"] in WARNINGS]
        if self._first_at is None:
            if not templates:
                return []
            self._first_at = dict.fromkeys((each["text"] for each in warned), None)
        for each in warned:
            if len(self._first_at) < UNDATED_MAX:
                self._first_at.setdefault(each["text"], now)
        found = [
            (at, each)
            for each in warned
            if (at := self._first_at.get(each["text"])) is not None and at >= now - NEW_S
        ]
        found.sort(key=lambda each: (-each[0], each[1]["text"]))
        return [_row(watch, each, at) for at, each in found[:NEW_SHOWN_MAX]]


def _row(watch: Watched, template: Mapping[str, Any], at: float) -> Row:
    text = visible(watch.shown(template["text"]))
    level, number = template["level"], template["count"]
    return {"at": f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}", "level": level} | {
        "count": count(number),
        "text": text,
    }


def _findings(watch: Watched, window: str, now: float) -> list[Row]:
    seconds = WINDOWS[window]
    wide = None if seconds is None else max(seconds, WINDOWS["1h"] or 0)
    figures = json.loads(watch.figures(wide, now).evaluate(top=1, series_points=SERIES_POINTS_MAX))
    figures.setdefault("sources", [])
    last = time_of(figures["time"]["last"])
    if last is None:
        return []
    rows = []
    for each in find(figures):
        start, end = time_of(each["start"]), time_of(each["end"])
        if end is not None and seconds is not None and end.timestamp() < last.timestamp() - seconds:
            continue
        is_new = start is not None and start.timestamp() >= last.timestamp() - NEW_S
        # Masked before it is a sentence, whose numbers may look like secrets.
        text = sentence(watch.shown(each)).replace(f" on {last:%Y-%m-%d}", "")
        row = {"kind": each["kind"], "text": visible(text)}
        rows.append(row | {"is_new": is_new, "is_over": end is not None})
    rows.sort(key=lambda row: (row["is_over"], not row["is_new"]))
    return rows
