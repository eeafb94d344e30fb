"""Views of a ring are the sums of what arrived in their time, however it is kept."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence

import pytest

from logan._logan import PartFeed, Spec, Summary
from logan.live.ring import PIECES_MAX, Ring, RunningSum
from logan.live.spill import Spill
from logan.live.windows import SLOT_S, WINDOWS
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json

NOW = 1_706_091_330.0
SIZES = ((SLOT_S, 660.0), (60, 3_900.0), (300, 4_500.0))
REACH_S = 7_200.0


def parts(count: int) -> tuple[Summary, list[Summary]]:
    """Nothing, and so many summaries of a line each."""
    spec = Spec(spec_json([Detection()], Options(), anchor_ns=int(NOW * 1e9)))
    feed = PartFeed(spec)
    found = []
    for n in range(count):
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW + n))
        client, route = f"10.0.{n % 7}.1", f"/r{n % 5}"
        feed.push(f'{client} - - [{stamp}] "GET {route} HTTP/1.1" 200 {n} "-" "c" 0.02\n'.encode())
        found.append(feed.part())
    return Summary.empty(spec), found


class Plain:
    """The slots of a ring as they are described: lists of parts, added up one by one."""

    def __init__(self, empty: Summary, sizes: Sequence[tuple[int, float]]) -> None:
        *finer, (length, age) = sizes
        self.sizes = (*finer, (length, max(age, REACH_S + length)))
        self.empty = empty
        self.slots: dict[tuple[int, int], list[Summary]] = {}
        self.looked = 0

    def add(self, part: Summary, at: float, now: float) -> None:
        self.fold(now)
        for length, age in self.sizes:
            if now - at <= age:
                self.slots.setdefault((length, int(at // length)), []).append(part)
                return

    def fold(self, now: float) -> None:
        if int(now // SLOT_S) == self.looked:
            return
        self.looked = int(now // SLOT_S)
        for (length, age), above in zip(self.sizes, [*self.sizes[1:], None], strict=True):
            for key in [key for key in self.slots if key[0] == length]:
                if now - (key[1] + 1) * length > age:
                    old = self.slots.pop(key)
                    if above is not None:
                        target = above[0], key[1] * length // above[0]
                        self.slots.setdefault(target, []).extend(old)

    def view(self, seconds: float, now: float) -> Summary:
        self.fold(now)
        total = self.empty
        for (length, key), found in self.slots.items():
            if (key + 1) * length > now - seconds:
                for part in found:
                    total = total.merge(part)
        return total


@pytest.mark.parametrize("spills", [False, True])
@pytest.mark.parametrize("sizes", [SIZES, (SIZES[0], SIZES[2])])
@pytest.mark.parametrize("seed", range(3))
def test_a_view_is_the_plain_sum(
    seed: int, sizes: Sequence[tuple[int, float]], spills: bool
) -> None:
    chance = random.Random(seed)
    empty, given = parts(400)
    spill = Spill() if spills else None
    ring, plain = Ring(empty, sizes, REACH_S, spill=spill), Plain(empty, sizes)
    total, counted = RunningSum(empty), empty
    now = NOW
    for part in given:
        now += chance.choice([0.2, 0.2, 0.2, 1, SLOT_S, 61, 300])
        at = now - chance.choice([0, 0, 0, 0, 2, 30, 700, 5_000, 20_000])
        ring.add(part, at, now)
        plain.add(part, at, now)
        total.add(part)
        counted = counted.merge(part)
        if chance.random() < 0.4:
            for seconds in (20, *filter(None, WINDOWS.values()), REACH_S):
                expected = plain.view(seconds, now).to_bytes()
                assert ring.view(seconds, now).to_bytes() == expected, (seed, seconds)
            assert total.value.to_bytes() == counted.to_bytes()


@pytest.mark.parametrize("looks", [False, True])
def test_it_holds_a_bounded_number_of_summaries(looks: bool) -> None:
    empty, given = parts(6_000)
    spill = Spill()
    ring = Ring(empty, SIZES, spill=spill)
    most = sum(age / length + 2 for length, age in SIZES)
    now = NOW
    for n, part in enumerate(given):
        now += 1.0
        ring.add(part, now, now)
        if looks and n % 100 == 0:
            for seconds in filter(None, WINDOWS.values()):
                ring.view(seconds, now)
        # Slots, pieces that wait, sums of blocks and of windows.
        assert ring.entries < most * 1.2 + 3 * PIECES_MAX + len(WINDOWS), n
    assert ring.entries > most / 2
    assert 0 < spill.bytes < 4 * sum(len(each.to_bytes()) for each in given)


def test_a_sum_of_several_is_their_merge() -> None:
    empty, given = parts(40)
    total = empty
    for count, part in enumerate(given, 1):
        total = total.merge(part)
        assert Summary.sum(given[:count]).to_bytes() == total.to_bytes()
    with pytest.raises(ValueError, match="no summaries"):
        Summary.sum([])


def test_a_summary_without_metrics_says_the_same_of_the_others() -> None:
    _, given = parts(40)
    total = Summary.sum(given)
    whole = json.loads(total.evaluate())
    names = ("clients", "dimensions", "slowest", "by")
    for summary in (total.without(names), Summary.sum([each.without(names) for each in given])):
        figures = json.loads(summary.evaluate())
        assert not figures["clients"]["top"]
        for name in ("lines", "time", "levels", "errors", "response_time_ms", "routes", "messages"):
            assert figures[name] == whole[name]
        assert figures["analysis"] == whole["analysis"]
        assert "analysis" not in json.loads(summary.evaluate(analysis=False))
    with pytest.raises(ValueError, match="without"):
        total.without(["totals"])
    with pytest.raises(ValueError, match="without"):
        total.without(["nonsense"])
