"""Views of the ring are the sums of its slots, however they are put together."""

from __future__ import annotations

import random
import time

import pytest

from logan._logan import Feed, Spec, Summary
from logan.live.windows import SLOT_S, WINDOWS, Windows
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json

NOW = 1_706_091_330.0


def parts(count: int) -> tuple[Summary, list[Summary]]:
    """Nothing, and so many summaries of a line each."""
    spec = Spec(spec_json([Detection()], Options(), anchor_ns=int(NOW * 1e9)))
    feed = Feed(spec)
    found = []
    for n in range(count):
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW + n))
        feed.push(f'10.0.0.1 - - [{stamp}] "GET /r HTTP/1.1" 200 {n} "-" "c" 0.02\n'.encode())
        found.append(feed.part())
    feed.close()
    return Summary.empty(spec), found


def plain(windows: Windows, empty: Summary, seconds: float, now: float) -> Summary:
    """The sum of the slots that reach into the last seconds."""
    total = empty
    for (length, _), slots in zip(windows._sizes, windows._levels, strict=True):
        for key, slot in slots.items():
            if (key + 1) * length > now - seconds:
                total = total.merge(slot)
    return total


@pytest.mark.parametrize("seed", range(3))
def test_a_view_is_the_sum_of_its_slots(seed: int) -> None:
    chance = random.Random(seed)
    empty, given = parts(400)
    windows = Windows(empty, reach_s=7_200)
    now, counted = NOW, empty
    for part in given:
        now += chance.choice([0.2, 1, SLOT_S, 61, 300])
        late = chance.choice([0, 0, 0, 2, 30, 700, 5_000])
        windows.add(part, now - late, now)
        counted = counted.merge(part)
        if chance.random() < 0.6:
            for seconds in (20, *filter(None, WINDOWS.values()), 7_200):
                assert windows.view(seconds, now) == plain(windows, empty, seconds, now)
            assert windows.view(None, now) == counted
