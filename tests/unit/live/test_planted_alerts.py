"""Alerts over planted runs, on a clock of the test's own: each incident fires once and ends, soon
after it is one; whatever else a log has fires nothing.

The truth is counted here, by the second at which lines were written.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from logan.live.alerts import RECORDS_MIN, Alert, AlertEvent, Alerts, parse_alert
from logan.live.watching import Watch
from logan.options import Options

WINDOW_S, SLOT_S, QUIET_S = 20, 5, 30
LATE_S_MAX = 2
START = 1_706_091_330  # a slot begins


@dataclass
class Second:
    """What is written in one second: lines, failures among them, by how much their timestamps are
    wrong, and how many more lines are far off."""

    lines: int = 20
    errors: int = 0
    skew_s: int = 0
    outliers: int = 0


@dataclass
class Run:
    """A planted run, by the second; `fires` is how often an alert must fire."""

    seconds: list[Second]
    fires: int
    alert: str = f"errors.ratio over {WINDOW_S}s > 10%"
    written: list[tuple[int, int]] = field(default_factory=list)

    def window(self, now: int) -> tuple[int, int]:
        """Lines and failures of the slots that reach into the window that ends with second
        `now`."""
        first = max(0, (now + 1 - WINDOW_S) // SLOT_S * SLOT_S)
        part = self.written[first : now + 1]
        return sum(lines for lines, _ in part), sum(errors for _, errors in part)

    def holds(self, now: int) -> bool:
        lines, errors = self.window(now)
        if self.alert.startswith("absent"):
            return not any(n for n, _ in self.written[max(0, now + 1 - WINDOW_S) : now + 1])
        return lines >= RECORDS_MIN and errors > 0.1 * lines


def quiet(seconds: int, chance: random.Random) -> list[Second]:
    """Traffic with few failures: 2 % on average."""
    found = []
    for _ in range(seconds):
        lines = chance.randrange(15, 30)
        found.append(Second(lines, sum(chance.random() < 0.02 for _ in range(lines))))
    return found


def failing(seconds: int, chance: random.Random, share: float = 0.5) -> list[Second]:
    return [
        Second(lines, round(share * lines))
        for lines in (chance.randrange(15, 30) for _ in range(seconds))
    ]


def silent(seconds: int) -> list[Second]:
    return [Second(0)] * seconds


def no_incident(chance: random.Random) -> Run:
    return Run(quiet(150, chance), 0)


def one_incident(chance: random.Random) -> Run:
    return Run(quiet(40, chance) + failing(30, chance) + quiet(70, chance), 1)


def two_incidents(chance: random.Random) -> Run:
    bad = failing(20, chance)
    return Run(quiet(30, chance) + bad + quiet(75, chance) + bad + quiet(70, chance), 2)


def an_incident_with_a_pause(chance: random.Random) -> Run:
    """The log says nothing for a while, and then goes on as before."""
    pause = silent(chance.randrange(55, 70))
    bad = failing(25, chance)
    return Run(quiet(30, chance) + bad + pause + bad + quiet(70, chance), 1)


def flapping(chance: random.Random) -> Run:
    """False for less than 30 s each time."""
    seconds = quiet(30, chance)
    for _ in range(4):
        seconds += failing(8, chance) + quiet(chance.randrange(26, 34), chance)
    return Run(seconds + quiet(60, chance), 1)


def just_below(chance: random.Random) -> Run:
    """Close to the threshold, and never over it: 2 of 20 lines are 10 %."""
    return Run([Second(20, 2) for _ in range(150)], 0)


def around_the_threshold(chance: random.Random) -> Run:
    """Over and under it, second by second."""
    edge = [Second(20, chance.choice((1, 2, 3, 4))) for _ in range(80)]
    return Run(quiet(30, chance) + failing(10, chance) + edge + quiet(70, chance), 1)


def few_records(chance: random.Random) -> Run:
    """Most of them fail, and they say nothing."""
    seconds = [Second(1, int(chance.random() < 0.7)) if n % 2 else Second(0) for n in range(150)]
    return Run(seconds, 0)


def a_burst_of_good_traffic(chance: random.Random) -> Run:
    burst = [Second(300, 6) for _ in range(15)]
    return Run(quiet(30, chance) + burst + quiet(80, chance), 0)


def late_lines(chance: random.Random) -> Run:
    """Lines whose timestamps lie minutes back, among them all failures of an old incident."""
    late = [Second(20, 1, skew_s=-chance.randrange(60, 900)) for _ in range(40)]
    return Run(quiet(30, chance) + late + failing(25, chance) + quiet(70, chance), 1)


def clocks_far_off(chance: random.Random) -> Run:
    """Some timestamps are years off, before, in and after an incident."""
    seconds = quiet(30, chance) + failing(25, chance) + quiet(70, chance)
    for each in chance.sample(range(len(seconds)), 30):
        seconds[each] = Second(
            seconds[each].lines, seconds[each].errors, outliers=chance.randrange(1, 4)
        )
    return Run(seconds, 1)


def too_short_for_its_for(chance: random.Random) -> Run:
    run = Run(quiet(30, chance) + failing(5, chance, 0.3) + quiet(60, chance), 0)
    run.alert += " for 40s"
    return run


def a_log_that_stops(chance: random.Random) -> Run:
    seconds = quiet(chance.choice((27, 31, 32)), chance) + silent(60) + quiet(60, chance)
    return Run(seconds, 1, f"absent over {WINDOW_S}s")


KINDS: tuple[Callable[[random.Random], Run], ...] = (
    *(no_incident, one_incident, two_incidents, an_incident_with_a_pause, flapping, just_below),
    *(around_the_threshold, few_records, a_burst_of_good_traffic, late_lines, clocks_far_off),
    *(too_short_for_its_for, a_log_that_stops),
)


def lines_of(second: Second, at: int) -> Iterator[bytes]:
    for number in range(second.lines + second.outliers):
        is_outlier = number >= second.lines
        written = at + (
            second.skew_s if not is_outlier else random.Random(at).choice((-1, 1)) * 10**8
        )
        clock = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(written))
        status = 500 if number < second.errors else 200
        yield f'10.0.0.1 - - [{clock}] "GET /a HTTP/1.1" {status} 17 "-" "curl" 0.025\n'.encode()


def play(run: Run, log: Path) -> list[AlertEvent]:
    """Write it, look at it each second as a watch does, and see what happens."""
    log.touch()
    alerts = Alerts([parse_alert(run.alert)])
    watch = Watch([str(log)], Options(), start="start", reach_s=WINDOW_S, now=float(START))
    events = []
    with log.open("ab", buffering=0) as file:
        for second, planned in enumerate(run.seconds):
            file.write(b"".join(lines_of(planned, START + second)))
            run.written.append((planned.lines + planned.outliers, planned.errors))
            watch.step(START + second + 0.4)
            now = START + second + 0.9

            def view_of(seconds: float, now: float = now) -> object:
                return watch.report(watch.summary(seconds, now), final=False, finds=False)

            events += alerts.evaluate(view_of, now, watch.last_data)  # type: ignore[arg-type]
    watch.close()
    return events


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
def test_planted_runs(tmp_path: Path, kind: Callable[[random.Random], Run], seed: int) -> None:
    run = kind(random.Random(seed))
    events = play(run, tmp_path / "a.log")
    states = [each.state for each in events]
    assert states == ["firing", "ended"] * run.fires
    truth = [run.holds(second) for second in range(len(run.seconds))]
    for fired, ended in zip(events[::2], events[1::2], strict=True):
        at, until = int(fired.at) - START, int(ended.at) - START
        since = at
        while since and truth[since - 1]:
            since -= 1
        assert truth[at], "it fired although its condition did not hold"
        assert at - since <= LATE_S_MAX
        held = max(second for second in range(until) if truth[second])
        assert until - held > QUIET_S, "it ended too early"
        assert until - held <= QUIET_S + WINDOW_S + SLOT_S + LATE_S_MAX
    if run.fires == 0 and " for " not in run.alert:
        assert not any(truth), "the run itself is wrong"


def no_hysteresis(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("logan.live.alerts.QUIET_S", 1.0)


def a_share_of_one_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("logan.live.alerts.RECORDS_MIN", 1)


def a_pause_is_an_end(patch: pytest.MonkeyPatch) -> None:
    left = Alert._left

    def known(self: Alert, now: float, value: Any, records: int, *, is_known: bool) -> Any:
        return left(self, now, value, records, is_known=True)

    patch.setattr(Alert, "_left", known)


def absence_by_slots(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Alert, "window_s", lambda self, now, last_at: self.over_s)


MISTAKES: dict[Callable[[pytest.MonkeyPatch], None], Callable[[random.Random], Run]] = {
    no_hysteresis: flapping,
    a_share_of_one_record: few_records,
    a_pause_is_an_end: an_incident_with_a_pause,
    absence_by_slots: a_log_that_stops,
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: each.__name__)
def test_planted_mistakes_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mistake(monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012
        for seed in range(5):
            folder = tmp_path / str(seed)
            folder.mkdir()
            test_planted_runs(folder, MISTAKES[mistake], seed)
