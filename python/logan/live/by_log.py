"""Which log of a watch each source of a summary is of, and when its records were written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from logan._logan import Summary
from logan.live.timeline import TABLES
from logan.report.units import time_of
from logan.sources.rotation import set_of

__all__ = ["by_log_of", "last_record", "last_time", "log_of_each"]


def log_of_each(
    sources: Iterable[Mapping[str, Any]], names: Sequence[str], *, full: bool
) -> dict[int, int]:
    """The index of the log of each source; `full` where sources have the full names of files,
    rotated ones too, as in a state folder."""
    places = {name: index for index, name in enumerate(names)}
    if full:
        for name, index in list(places.items()):
            path = os.path.abspath(name)
            places[path] = index
            places.setdefault(_set(path), index)
    found = {}
    for each in sources:
        name = each.get("name") or ""
        found[each["source"]] = places.get(name, places.get(_set(name), 0))
    return found


def by_log_of(
    sources: Iterable[Mapping[str, Any]], places: Mapping[int, int]
) -> dict[int, Mapping[str, Any]]:
    """What a summary has of each log, by its index: sources of one log are added up."""
    found: dict[int, Mapping[str, Any]] = {}
    for each in sources:
        place = places[each["source"]]
        found[place] = _sum(found[place], each) if place in found else each
    return found


def _sum(known: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    formats: dict[str, Any] = {}
    for each in (*known["formats"], *more["formats"]):
        before = formats.get(each["name"], {**each, "lines": 0})
        formats[each["name"]] = {**before, "lines": before["lines"] + each["lines"]}
    total = known["bytes"] + more["bytes"]
    return {**more, "bytes": total, "formats": list(formats.values())}


def last_time(part: Summary, now: float, skew: float = 0.0) -> float:
    """When the last record of a part arrived, by its timestamp; now if it has none."""
    last = last_record(part)
    return now if last is None else min(now, last + skew)


def last_record(part: Summary) -> float | None:
    """The latest timestamp of a part, in seconds since 1970."""
    figures = json.loads(part.without(TABLES).evaluate(1, 1, analysis=False))
    last = time_of(figures["time"]["last"] or "")
    return None if last is None else last.timestamp()


def _set(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, set_of(name))
