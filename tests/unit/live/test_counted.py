"""What a watch has counted: the same figures with and without tables, bounded for days."""

from __future__ import annotations

import json
import random
import time
from typing import Any

from logan._logan import PartFeed, Spec
from logan.live.counted import FIGURES, Counted
from logan.live.timeline import HISTORY, REACH_S
from logan.live.windows import WINDOWS
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json
from tests.unit.live.test_ring import NOW, parts


def evaluated(summary: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(summary.evaluate())
    return found


def test_figures_say_what_the_whole_says() -> None:
    empty, given = parts(300)
    counted = Counted(empty, 0.0, NOW)
    chance = random.Random(1)
    now = NOW
    for part in given:
        now += chance.choice([0.3, 1, 7, 40])
        counted.add(part, now, now)
        if chance.random() < 0.2:
            for seconds in (60, None):
                whole = evaluated(counted.whole(seconds, now))
                figures = evaluated(counted.figures(seconds, now))
                assert figures["sources"] == whole["sources"]
                for name in FIGURES:
                    assert figures.get(name) == whole.get(name), name
            whole = evaluated(counted.whole(300, now))
            least, most = (evaluated(counted.figures(each, now)) for each in (300, 315))
            assert least["total_requests"] <= whole["total_requests"] <= most["total_requests"]
    assert evaluated(counted.whole(None, now))["clients"]["top"]


def test_a_timeline_counts_every_line_whenever_it_comes() -> None:
    empty, given = parts(400)
    counted = Counted(empty, 0.0, NOW)
    chance = random.Random(2)
    now = NOW
    arrived: list[float] = []
    for part in given:
        now += chance.choice([1, 5, 20])
        at = now - chance.choice([0, 0, 0, 3, 100, 3_000, 40_000])
        counted.add(part, at, now)
        arrived.append(at)
        if chance.random() < 0.1:
            for window in WINDOWS:
                step, points = counted.points(window, now)
                first, last = points[0]["t"], points[-1]["t"] + step
                assert last - step <= now < last
                expected = sum(first <= int(each) < last for each in arrived)
                assert sum(each["records"] for each in points) == expected, window


def test_a_timeline_has_the_errors_of_access_logs() -> None:
    """Whose records have no level: their statuses say that errors would be seen."""
    empty, _ = parts(1)
    counted = Counted(empty, 0.0, NOW)
    feed = PartFeed(Spec(spec_json([Detection()], Options(), anchor_ns=int(NOW * 1e9))))
    for n in range(20):
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW + n))
        status = 500 if n % 4 == 0 else 200
        feed.push(f'10.0.0.1 - - [{stamp}] "GET / HTTP/1.1" {status} 5\n'.encode())
        counted.add(feed.part(), NOW + n, NOW + n)
    _, points = counted.points("1m", NOW + 20)
    found = [each for each in points if each["records"]]
    assert sum(each["records"] for each in found) == 20
    assert sum(each["errors"] for each in found) == 5


def test_percentiles_of_a_step_are_those_of_all_its_lines() -> None:
    empty, given = parts(60)
    counted = Counted(empty, 0.0, NOW)
    start = NOW // 300 * 300
    for n, part in enumerate(given):  # in any order, and late
        counted.add(part, start + (n * 7) % 300, start + 900)
    now = start + 900
    step, points = counted.points("1h", now)
    assert sum(each["records"] for each in points) == 60
    minutes = [(n * 7) % 300 // 60 for n in range(60)]
    found = [each["records"] for each in points if each["t"] >= start]
    assert found[:5] == [minutes.count(n) for n in range(5)]
    late = start + 4_000
    step, points = counted.points("all", late)
    assert step == 300
    (point,) = [each for each in points if each["records"]]
    assert point["p95"] == evaluated(counted.whole(None, late))["response_time_ms"]["p95"]


def test_what_is_kept_is_bounded_for_days() -> None:
    empty, given = parts(3_000)
    counted = Counted(empty, 0.0, NOW)
    most = {
        "figures": 132 + 65 + 75 + 40,
        "whole": 132 + 15 + 40,
        "timeline": sum(reach // step + 2 for step, reach in REACH_S.items()),
    }
    now = NOW
    for n, part in enumerate(given):
        now += 4.0 if n < 1_500 else 120.0
        counted.add(part, now, now)
        if n % 50 == 0:
            for window, seconds in WINDOWS.items():
                counted.figures(seconds, now)
                counted.whole(seconds, now)
                counted.points(window, now)
        for name, count in counted.entries.items():
            assert count <= most[name], (name, n)
    assert now - NOW > 2 * HISTORY["all"][1]
    assert evaluated(counted.whole(None, now))["lines"]["parsed"] == 3_000
