"""The key `analysis` of evaluated metrics, computed line by line: slow, for tests.

Reads the lines that `test_vectors.incidents` writes, with regular expressions of its own, and
shares no code with the engine.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple

from test_vectors.incidents.traffic import LADDER_S

__all__ = ["analysis_of", "ranges_of"]

BUCKETS_MAX: Final = 512
_ACCESS: Final = re.compile(r'(\S+) - - \[([^\]]+)\] "(\S+ \S+) [^"]*" (\d+) .* ([\d.]+)$')
_APP: Final = re.compile(
    r"(\S+ \S+) ([A-Z]+) (?:([A-Z]+ /\S*) (\d+) completed in ([\d.]+)ms|(.*))$"
)
_OUTCOMES: Final = {
    "unanswered": (444, 460, 463, 499),
    "throttled": (429,),
    "denied": (401, 403),
}
_WARN: Final = ("WARN", "ERROR", "FATAL")


class _Record(NamedTuple):
    t: int
    level: str
    route: str | None
    is_error: bool
    status: int
    ns: int | None
    message: str


@cache
def _epoch(text: str, form: str) -> int:
    return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp())


def _records(data: bytes) -> Iterator[_Record]:
    for line in data.decode().splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            t = _epoch(entry["time"][:19], "%Y-%m-%dT%H:%M:%S")
            route, status, ns = None, 0, None
            if "method" in entry:
                route, status = f"{entry['method']} {entry['path']}", entry["status"]
                ns = round(entry["duration_ms"] * 1e6)
            level, message = entry["level"], entry["msg"]
        elif (found := _ACCESS.match(line)) is not None:
            t = _epoch(found[2][:20], "%d/%b/%Y:%H:%M:%S")
            route, status, ns = found[3], int(found[4]), round(float(found[5]) * 1e9)
            level, message = "NONE", ""
        else:
            found = _APP.match(line)
            assert found is not None, line
            t = _epoch(found[1][:19], "%Y-%m-%d %H:%M:%S")
            level, route, message = found[2], found[3], found[6] or ""
            status = int(found[4] or 0)
            ns = round(float(found[5]) * 1e6) if found[5] else None
            if route is not None:
                message = f"{route} {status} completed in {found[5]}ms"
        failed = level in ("ERROR", "FATAL") or status >= 500
        yield _Record(t, level, route, failed, status, ns, message)


def _step(times: Iterable[int]) -> int:
    seconds = set(times)
    for step in LADDER_S:
        if len({t // step for t in seconds}) <= BUCKETS_MAX:
            return step
    return LADDER_S[-1]


def ranges_of(files: Iterable[tuple[str, bytes]]) -> list[tuple[int, int]]:
    """First and last timestamp of each file, in seconds."""
    times = [[each.t for each in _records(data)] for _, data in files]
    return [(min(each), max(each)) for each in times]


def analysis_of(files: Iterable[tuple[str, bytes]]) -> dict[str, Any]:
    """What the engine has as `analysis` of these files, whose lines are those of incidents."""
    records = [each for _, data in files for each in _records(data)]
    step = _step(each.t for each in records)
    starts = sorted({each.t // step for each in records})
    at = {start: index for index, start in enumerate(starts)}
    total = _Series()
    routes: Mapping[str, _Series] = defaultdict(_Series)
    templates: dict[tuple[str, str], dict[str, Any]] = {}
    for each in records:
        index = at[each.t // step]
        total.add(index, each)
        if each.route is not None:
            routes[each.route].add(index, each)
        if each.message:
            text = re.sub(r"\d+(\.\d+)?", "<num>", each.message)
            entry = templates.setdefault(
                (each.level, text),
                {"text": text, "level": each.level, "count": 0, "errors": 0}
                | {"first": each.t * 10**9, "last": each.t * 10**9},
            )
            entry["count"] += 1
            entry["errors"] += each.is_error
            entry["first"] = min(entry["first"], each.t * 10**9)
            entry["last"] = max(entry["last"], each.t * 10**9)
    everywhere = range(len(starts))
    ranked = sorted(routes.items(), key=lambda item: (-item[1].requests.total(), item[0]))
    return {
        "step_s": step,
        "buckets": [start * step for start in starts],
        "records": [total.records[i] for i in everywhere],
        **total.lists(everywhere),
        **{name: [total.ended[i, name] for i in everywhere] for name in _OUTCOMES},
        "routes": [
            {"name": name, "at": sorted(each.requests), **each.lists(sorted(each.requests))}
            for name, each in ranked
        ],
        "routes_exact": True,
        "templates": sorted(
            templates.values(), key=lambda each: (-each["errors"], -each["count"], each["text"])
        ),
    }


class _Series:
    """Counts by index of a bucket."""

    def __init__(self) -> None:
        self.records: Counter[int] = Counter()
        self.requests: Counter[int] = Counter()
        self.errors: Counter[int] = Counter()
        self.measured: Counter[int] = Counter()
        self.log_sum: Counter[int] = Counter()
        self.log_sq: Counter[int] = Counter()
        self.ended: Counter[tuple[int, str]] = Counter()

    def add(self, index: int, record: _Record) -> None:
        self.records[index] += 1
        self.errors[index] += record.is_error
        self.requests[index] += record.route is not None
        for name, statuses in _OUTCOMES.items():
            self.ended[index, name] += record.status in statuses
        if record.ns is not None:
            log = round(256 * math.log2(max(1, record.ns)))
            self.measured[index] += 1
            self.log_sum[index] += log
            self.log_sq[index] += log * log

    def lists(self, places: Iterable[int]) -> dict[str, list[int]]:
        names = ("requests", "errors", "measured", "log_sum", "log_sq")
        return {name: [getattr(self, name)[i] for i in places] for name in names}
