"""What is found in series made to order: each kind, and what must not be found."""

import json
import math
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.report.findings import find, finished, thresholds
from tests.support.figures import START, analysis, evaluated, route, template


def noise(count: int, mean: float, dispersion: float = 2.0, seed: int = 0) -> list[int]:
    """Counts whose variance is `dispersion` times their mean."""
    rng = Random(seed)
    spread = math.sqrt(dispersion * mean)
    return [max(0, round(rng.gauss(mean, spread))) for _ in range(count)]


def changed(values: list[int], first: int, last: int, factor: float) -> list[int]:
    return [round(v * factor) if first <= i < last else v for i, v in enumerate(values)]


def only(found: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(found) == 1, found
    return found[0]


def at(bucket: int, step_s: int = 10) -> str:
    figures = evaluated(analysis([1] * (bucket + 1), step_s=step_s))
    from datetime import UTC, datetime

    assert figures
    return f"{datetime.fromtimestamp(START + bucket * step_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_a_burst_of_errors_has_its_interval_and_levels() -> None:
    requests = [100] * 200
    errors = changed([1] * 200, 90, 110, 30)
    found = only(find(evaluated(analysis(requests, errors))))
    assert (found["kind"], found["start"], found["end"]) == ("errors", at(90), at(110))
    assert (found["before"], found["during"]) == (0.01, 0.3)
    assert found["explained"] == "summary"


@pytest.mark.parametrize(
    ("usual", "during", "is_found"),
    [(40, 80, True), (40, 75, True), (55, 100, True), (40, 62, False), (55, 75, False)],
)
def test_errors_that_cannot_double_halve_the_rest(
    usual: int, during: int, *, is_found: bool
) -> None:
    errors = [during if 100 <= i < 130 else usual + (i % 3) - 1 for i in range(200)]
    found = find(evaluated(analysis([100] * 200, errors)))
    assert [each["kind"] for each in found] == ["errors"] * is_found


@pytest.mark.parametrize("kind", ["unanswered", "throttled", "denied"])
def test_other_ends_of_requests_have_an_interval_of_their_own(kind: str) -> None:
    counts = changed([1] * 200, 90, 110, 30)
    figures = evaluated(analysis([100] * 200, outcomes={kind: counts}))
    found = only(find(figures))
    assert (found["kind"], found["start"], found["end"]) == (kind, at(90), at(110))
    assert (found["metric"], found["before"], found["during"]) == (
        f"status.{kind}_ratio",
        0.01,
        0.3,
    )
    # Where an older version counted a part of it they are not known.
    assert find(evaluated(analysis([100] * 200, outcomes={kind: None}))) == []


def test_denied_requests_that_are_found_over_time_are_not_said_twice() -> None:
    """One client guesses passwords: the table of clients shows it, too."""
    counts = [10 if 90 <= i < 110 else 0 for i in range(200)]
    figures = evaluated(analysis([100] * 200, outcomes={"denied": counts}))
    row = {"client": "203.0.113.9", "requests": 200, "client_errors": 200}
    figures |= {
        "status": {"200": 19_800, "401": 200},
        "clients": {"exact": True, "top": [row]},
        "routes": {"exact": True, "top": []},
    }
    assert [each["kind"] for each in find(figures)] == ["denied"]
    # Those of the row may be the others, which came all along.
    elsewhere = figures | {"status": {"200": 19_600, "401": 200, "404": 200}}
    assert [each["kind"] for each in find(elsewhere)] == ["denied", "client_errors"]


def test_what_comes_back_each_night_does_not_hide_what_comes_once() -> None:
    """Seven nights of a batch that fails, and one noon."""
    days, noon = 7, range(4 * 48 + 24, 4 * 48 + 28)
    errors = [60 if i % 48 in (6, 7, 8) else 30 if i in noon else 1 for i in range(days * 48)]
    found = only(find(evaluated(analysis([200] * len(errors), errors, step_s=1_800))))
    assert (found["kind"], found["start"]) == ("errors", at(noon[0], 1_800))
    assert found["end"] == at(noon[-1] + 1, 1_800)
    nights = [60 if i % 48 in (6, 7, 8) else 1 for i in range(days * 48)]
    assert find(evaluated(analysis([200] * len(nights), nights, step_s=1_800))) == []


@pytest.mark.parametrize("level", [10, 40])
@pytest.mark.parametrize(("step_s", "minutes"), [(300, 60), (60, 15), (30, 5)])
def test_a_job_that_fails_each_time_does_not_hide_a_burst(
    step_s: int, minutes: int, level: int
) -> None:
    """Its bucket is too short for an interval, and was the dispersion that all else drowned in."""
    every = minutes * 60 // step_s
    size = 24 * every
    burst = range(size // 2 + 5, size // 2 + 11)
    job = dict.fromkeys(range(3, size, every), 90)
    usual = Random(every).choices((0, 1, 2), k=size)
    errors = [job.get(i, level if i in burst else usual[i]) for i in range(size)]
    found = only(find(evaluated(analysis([100] * size, errors, step_s=step_s))))
    assert (found["kind"], found["start"], found["end"]) == (
        "errors",
        at(burst[0], step_s),
        at(burst[-1] + 1, step_s),
    )
    assert found["before"] == pytest.approx(0.01, rel=0.2)
    alone = [job.get(i, usual[i]) for i in range(size)]
    assert find(evaluated(analysis([100] * size, alone, step_s=step_s))) == []


@pytest.mark.parametrize("quiet", [20, 60])
def test_what_fails_most_of_the_time_is_no_job(quiet: int) -> None:
    """Each bucket of the hour is high in nearly all hours, and none stands out."""
    errors = [i % 3 for i in range(quiet)] + [30 + i % 3 for i in range(288 - quiet)]
    found = only(find(evaluated(analysis([100] * 288, errors, step_s=300))))
    assert (found["start"], found["end"]) == (at(quiet, 300), None)


@pytest.mark.parametrize("share", [8, 30, 90])
@pytest.mark.parametrize("start", [-1, 0, 1])
def test_an_outage_that_meets_a_job_is_whole(share: int, start: int) -> None:
    """A quarter of an hour in which all fails, over or beside the bucket of an hourly job."""
    outage = range(12 * 9 + start, 12 * 9 + start + 3)
    errors = [100 if i in outage else share if i % 12 == 0 else i % 2 for i in range(12 * 24)]
    found = find(evaluated(analysis([100] * len(errors), errors, step_s=300)))
    if share < 90:  # beside a job that nearly always fails, three buckets are no news
        assert found[0]["end"] == at(outage[-1] + 1, 300)
        # The job's bucket may look like its beginning.
        assert found[0]["start"] in (at(outage[0], 300), at(outage[0] - 1, 300))
        assert found[0]["during"] > 0.8


@pytest.mark.parametrize("until", [8, 16, 48])
def test_an_outage_over_a_nightly_batch_is_whole(until: int) -> None:
    """On the fifth day all fails from one o'clock on, through the batch of two to four."""
    first = 4 * 48 + 2
    last = 4 * 48 + until
    batch = {day * 48 + i: 30 for day in range(5) for i in range(4, 8)}
    errors = [100 if first <= i < last else batch.get(i, i % 2) for i in range(5 * 48)]
    found = find(evaluated(analysis([100] * len(errors), errors, step_s=1_800)))
    assert found[0]["start"] == at(first, 1_800)
    assert found[0]["end"] == (None if until == 48 else at(last, 1_800))


def test_errors_that_last_have_no_end() -> None:
    errors = changed([1] * 200, 150, 200, 30)
    found = only(find(evaluated(analysis([100] * 200, errors))))
    assert (found["start"], found["end"]) == (at(150), None)


def test_a_small_route_that_fails_is_found_though_the_total_barely_moves() -> None:
    """2.5 % of the traffic fail: the share of all errors rises by 2.4 points over a third."""
    size = 120
    rest = route("GET /rest", [195] * size, [8] * size)
    small = route("POST /pay", [5] * size, [0] * 80 + [5] * 40)
    errors = [a + b for a, b in zip(rest["errors"], small["errors"], strict=True)]
    found = find(evaluated(analysis([200] * size, errors, routes=[rest, small])))
    assert found[0]["kind"] == "errors"
    assert found[0]["start"] == at(80)
    assert found[0]["where"][0]["field"] == "route"
    assert found[0]["where"][0]["value"] == "POST /pay"


def test_a_route_that_carries_a_burst_is_named_once() -> None:
    size = 200
    rest = route("GET /rest", [90] * size, [1] * size)
    broken = route("POST /checkout", [10] * size, changed([1] * size, 60, 80, 9))
    errors = [a + b for a, b in zip(rest["errors"], broken["errors"], strict=True)]
    found = only(find(evaluated(analysis([100] * size, errors, routes=[rest, broken]))))
    assert found["where"] == [
        {"field": "route", "value": "POST /checkout", "share": 0.9, "share_outside": 0.5}
    ]
    text = finished(found, ["a.log"], figures={})["text"]
    assert text.endswith("90 % of them POST /checkout")


def test_clumped_errors_are_no_finding() -> None:
    """Ten errors come at once now and then, all along."""
    rng = Random(5)
    errors = [10 if rng.random() < 0.15 else 0 for _ in range(300)]
    assert find(evaluated(analysis([100] * 300, errors))) == []


def test_few_errors_of_a_route_end_with_the_last_of_them() -> None:
    """Buckets without a request of the route say nothing, and are not in the interval."""
    size = 240
    errors = [int(60 <= i < 140 and i % 2 == 0) for i in range(size)]
    requests = [each or int(not 60 <= i < 140) for i, each in enumerate(errors)]
    requests[139:150] = [0] * 11
    few = route("GET /few", requests, errors)
    total = route("GET /rest", [60] * size)
    both = [a + b for a, b in zip(requests, total["requests"], strict=True)]
    found = only(find(evaluated(analysis(both, errors, routes=[total, few]))))
    assert (found["start"], found["end"]) == (at(60), at(139))


@pytest.mark.parametrize(("tail", "lasts"), [(1, True), (2, True), (40, False)])
def test_what_a_few_last_buckets_do_not_refute_lasts_to_the_end(*, tail: int, lasts: bool) -> None:
    """An error in eight requests: two or three buckets of four without one say nothing."""
    errors = [1, 0] * 30 + [0] * tail
    figures = analysis([4] * (140 + len(errors)), [0] * 140 + errors)
    found = only(find(evaluated(figures)))
    assert (found["end"] is None) is lasts


def test_a_message_that_is_new_with_errors_dates_them() -> None:
    """One error in five buckets or so: its edges are open, the message's are not."""
    errors = [int(100 <= i < 300 and i % 5 == 0) for i in range(400)]
    new = template("no connection", "ERROR", 41, 960, 3_010)
    found = only(find(evaluated(analysis([20] * 400, errors, templates=[new]))))
    assert found["message"] == "no connection"
    assert (found["start"], found["end"]) == (at(96), at(302))
    late = template("no connection", "ERROR", 3, 960, 3_010)
    found = only(find(evaluated(analysis([20] * 400, errors, templates=[late]))))
    assert found["start"] == at(100), "a few of them say little of the rest"


@pytest.mark.parametrize("times", [1, 3])
def test_retries_are_named(times: int) -> None:
    size = 200
    usual = [300] * size
    some = changed([30] * size, 80, 100, times)
    broken = route("POST /pay", some, changed([0] * size, 0, 1, 1))
    broken["errors"] = [n // 2 if 80 <= i < 100 else 0 for i, n in enumerate(some)]
    rest = route("GET /rest", usual)
    both = [a + b for a, b in zip(usual, some, strict=True)]
    found = only(find(evaluated(analysis(both, broken["errors"], routes=[rest, broken]))))
    assert found.get("times_as_many") == (3.0 if times == 3 else None)
    text = finished(found, ["a.log"], figures={})["text"]
    assert text.endswith("3 times as many requests as usual (retries?)") is (times == 3)


def test_more_traffic_of_all_routes_is_no_retry() -> None:
    size = 200
    usual, some = changed([150] * size, 80, 84, 2), changed([30] * size, 80, 84, 2)
    broken = route("POST /pay", some)
    broken["errors"] = [n // 2 if 80 <= i < 84 else 0 for i, n in enumerate(some)]
    both = [a + b for a, b in zip(usual, some, strict=True)]
    parts = [route("GET /rest", usual), broken]
    found = find(evaluated(analysis(both, broken["errors"], routes=parts)))
    assert found[0]["kind"] == "errors"
    assert "times_as_many" not in found[0]


def test_more_records_of_other_kinds_are_no_error() -> None:
    """Errors per time stay as they are, while half of the log has other lines, too."""
    records = changed([100] * 200, 0, 100, 6)
    figures = analysis([0] * 200, [6] * 200, records=records)
    assert [each["kind"] for each in find(evaluated(figures))] == []


def test_response_times_that_double() -> None:
    logs = [5_000 + (256 if i >= 120 else 0) for i in range(200)]
    found = only(find(evaluated(analysis(noise(200, 60), logs=logs))))
    assert (found["kind"], found["start"], found["end"]) == ("latency", at(120), None)
    assert found["during"] == pytest.approx(2 * found["before"], rel=0.02)


def test_a_shift_of_less_than_a_quarter_is_no_finding() -> None:
    logs = [5_000 + (60 if i >= 120 else 0) for i in range(200)]
    assert find(evaluated(analysis([500] * 200, logs=logs))) == []


def test_a_mix_of_routes_that_moves_is_no_latency() -> None:
    """A slow route gets more of the traffic: each route is as fast as before."""
    size = 200
    fast, slow = [80] * 100 + [40] * 100, [20] * 100 + [60] * 100
    parts = []
    for name, counts, mean in (("GET /fast", fast, 5_000), ("GET /slow", slow, 6_500)):
        entry = route(name, counts)
        entry["measured"] = counts
        entry["log_sum"] = [n * mean for n in counts]
        entry["log_sq"] = [n * (mean * mean + 150 * 150) for n in counts]
        parts.append(entry)
    figures = analysis([100] * size, routes=parts)
    for key in ("measured", "log_sum", "log_sq"):
        figures[key] = [a + b for a, b in zip(parts[0][key], parts[1][key], strict=True)]
    assert find(evaluated(figures)) == []


@pytest.mark.parametrize("dispersion", [2, 10])
def test_traffic_that_drops(dispersion: float) -> None:
    requests = changed(noise(240, 200, dispersion, seed=3), 100, 130, 0.2)
    found = only(find(evaluated(analysis(requests))))
    assert (found["kind"], found["start"], found["end"]) == ("traffic_drop", at(100), at(130))


def test_a_gap_is_a_drop_to_nothing() -> None:
    times = [START + i * 10 for i in range(240) if not 100 <= i < 130]
    found = only(find(evaluated(analysis([200] * len(times), buckets=times))))
    assert (found["kind"], found["during"]) == ("traffic_drop", 0.0)
    assert (found["start"], found["end"]) == (at(100), at(130))


def test_a_surge_has_its_end() -> None:
    requests = changed(noise(240, 100, 4, seed=7), 60, 90, 4)
    found = only(find(evaluated(analysis(requests))))
    assert (found["kind"], found["start"], found["end"]) == ("traffic_surge", at(60), at(90))


@pytest.mark.parametrize("amplitude", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("step_s", [60, 300, 600])
def test_daily_rhythm_is_no_finding(amplitude: float, step_s: int) -> None:
    size = 400
    rhythm = [1 + amplitude * math.sin(i * step_s * 2 * math.pi / 86_400) for i in range(size)]
    counts = [
        round(n * share) for n, share in zip(noise(size, 150, 5, seed=step_s), rhythm, strict=True)
    ]
    assert find(evaluated(analysis(counts, step_s=step_s))) == []


@pytest.mark.parametrize("seed", range(4))
def test_traffic_that_halves_is_found_where_it_rises_and_falls_daily(seed: int) -> None:
    """Half of it is missing for three hours, on a slope of its rhythm."""
    size, step_s = 400, 300
    rhythm = [1 + 0.5 * math.sin(i * step_s * 2 * math.pi / 86_400) for i in range(size)]
    usual = noise(size, 200, 5, seed=seed)
    counts = [round(n * share) for n, share in zip(usual, rhythm, strict=True)]
    assert find(evaluated(analysis(counts, step_s=step_s))) == []
    found = only(find(evaluated(analysis(changed(counts, 250, 286, 0.5), step_s=step_s))))
    assert found["kind"] == "traffic_drop"
    truth = START + 250 * step_s, START + 286 * step_s
    for key, moment in zip(("start", "end"), truth, strict=True):
        apart = abs(datetime.fromisoformat(found[key]).timestamp() - moment)
        assert apart <= found["step_s"], (key, found)


@pytest.mark.parametrize("dispersion", [2, 40, 200])
def test_clumped_traffic_is_no_finding(dispersion: float) -> None:
    for seed in range(5):
        rng = Random(seed)
        size = 400
        counts = [
            round(rng.gammavariate(100 / (dispersion - 1), dispersion - 1)) for _ in range(size)
        ]
        assert find(evaluated(analysis(counts, step_s=60))) == [], seed


@pytest.mark.parametrize("seed", range(3))
def test_edges_in_clumped_traffic_are_stated_as_exact_as_they_can_be_told(seed: int) -> None:
    rng = Random(seed)

    def found(dispersion: float) -> dict[str, Any]:
        counts = [
            rng.gammavariate(200 / (dispersion - 1), dispersion - 1) * (0.4 if 90 <= i < 140 else 1)
            for i in range(300)
        ]
        return only(find(evaluated(analysis([round(each) for each in counts]))))

    assert found(2)["step_s"] == 10
    assert found(25)["step_s"] > 10


def _days(count: int, usual: int, nightly: int, nights: range) -> list[int]:
    """Counts of half hours, with others from 2 to 4 o'clock on some days."""
    return [nightly if 4 <= i % 48 < 8 and i // 48 in nights else usual for i in range(48 * count)]


def test_what_comes_back_every_night_is_no_finding() -> None:
    size = 48 * 5
    every, one = (_days(5, 1, 30, nights) for nights in (range(5), range(2, 3)))
    assert find(evaluated(analysis([100] * size, every, step_s=1_800))) == []
    found = only(find(evaluated(analysis([100] * size, one, step_s=1_800))))
    assert (found["kind"], found["start"]) == ("errors", at(2 * 48 + 4, 1_800))
    for low, high in ((100, 600), (400, 100)):
        requests = _days(5, low, high, range(5))
        assert find(evaluated(analysis(requests, step_s=1_800))) == []
    logs = _days(5, 5_000, 5_600, range(5))
    assert find(evaluated(analysis([100] * size, logs=logs, step_s=1_800))) == []


def test_an_hour_that_clocks_skipped_is_no_silence() -> None:
    """2024-03-31 02:00 to 03:00 by a clock in Berlin; the same at any other time is silence."""
    skipped = 1_711_850_400
    for begin, kinds in ((skipped, []), (skipped + 86_400, ["traffic_drop"])):
        times = [
            t for t in range(begin - 14_400, begin + 18_000, 60) if not begin <= t < begin + 3_600
        ]
        figures = evaluated(analysis([200] * len(times), step_s=60, buckets=times))
        assert [each["kind"] for each in find(figures)] == kinds


def test_what_a_log_begins_with_begins_with_it() -> None:
    errors = changed([1] * 200, 0, 40, 30)
    found = only(find(evaluated(analysis([100] * 200, errors))))
    assert (found["start"], found["end"]) == (at(0), at(40))


def test_one_incident_is_not_cut_where_it_is_weaker() -> None:
    rng = Random(2)
    logs = [5_000 + (160 if 100 <= i < 150 else 0) + rng.randint(-25, 25) for i in range(300)]
    logs[112:116] = [5_040] * 4
    found = only(find(evaluated(analysis([400] * 300, logs=logs))))
    assert (found["start"], found["end"]) == (at(100), at(150))


def test_traffic_is_judged_only_where_the_same_inputs_are() -> None:
    """A second host begins in the middle: that is no surge. A rotation is missing: no gap."""
    two_hosts = changed([100] * 240, 120, 240, 2)
    assert find(evaluated(analysis(two_hosts), ranges=[(0, 2_399), (1_200, 2_399)])) == []
    times = [START + i * 10 for i in range(240) if not 100 <= i < 130]
    gap = analysis([200] * len(times), buckets=times)
    assert find(evaluated(gap, ranges=[(0, 999), (1_300, 2_399)])) == []
    unknown = evaluated(analysis(two_hosts), ranges=[(0, 2_399), (1_200, 2_399)])
    for source in unknown["sources"]:
        del source["first"], source["last"]
    assert find(unknown) == []


def test_traffic_is_not_judged_where_bytes_are_missing() -> None:
    requests = changed([200] * 240, 100, 130, 0.0)
    figures = evaluated(analysis(requests))
    assert find(figures)[0]["kind"] == "traffic_drop"
    assert find(figures, is_partial=True) == []


def test_a_restart_that_says_so_is_no_drop() -> None:
    requests = changed([200] * 240, 100, 120, 0.0)
    said = [
        template("Shutting down gracefully", "INFO", 1, 1_001, 1_001),
        template("Started application in <num> s", "INFO", 1, 1_199, 1_199),
    ]
    assert find(evaluated(analysis(requests)))[0]["kind"] == "traffic_drop"
    assert find(evaluated(analysis(requests, templates=said))) == []


def test_a_drop_as_short_as_a_restart_is_none() -> None:
    assert find(evaluated(analysis(changed([200] * 240, 100, 112, 0.0)))) == []


def test_a_message_that_is_new() -> None:
    warned = template("Cache node <num> does not answer", "WARN", 60, 1_000, 1_990)
    found = only(find(evaluated(analysis([100] * 200, templates=[warned]))))
    assert (found["kind"], found["start"], found["during"]) == ("message_new", at(100), 60.0)
    text = finished(found, ["a.log"], figures={})["text"]
    assert text == (
        "new message, 60 times since 00:16:40 on 2024-01-24: Cache node <num> does not answer"
    )


@pytest.mark.parametrize(
    "message",
    [
        template("INFO explains only", "INFO", 60, 1_000, 1_990),
        template("rare", "WARN", 4, 1_000, 1_990),
        template("a clump", "WARN", 60, 1_000, 1_010),
        template("there all along", "WARN", 60, 30, 1_990),
    ],
    ids=lambda each: each["text"],
)
def test_messages_that_are_not_new(message: dict[str, Any]) -> None:
    assert find(evaluated(analysis([100] * 200, templates=[message]))) == []


@pytest.mark.parametrize("level", ["WARN", "INFO", "NONE"])
def test_words_known_at_another_level_are_not_new(level: str) -> None:
    warned = template("request completed", "ERROR", 60, 1_000, 1_990)
    known = template("request completed", level, 900, 30, 1_990)
    assert find(evaluated(analysis([100] * 200, templates=[warned, known]))) == []
    errors = [0] * 100 + [30] * 100
    found = only(find(evaluated(analysis([100] * 200, errors, templates=[warned, known]))))
    assert (found["kind"], found.get("message")) == ("errors", None)
    found = only(find(evaluated(analysis([100] * 200, errors, templates=[warned]))))
    assert found["message"] == "request completed"


def test_messages_that_begin_together_are_one_finding() -> None:
    both = [template(f"message {name}", "WARN", 60, 1_000, 1_990) for name in "ab"]
    found = only(find(evaluated(analysis([100] * 200, templates=both))))
    assert found["more"] == 1
    assert finished(found, ["a.log"], figures={})["text"].endswith("message a (and 1 more)")


def test_one_clock_far_from_the_others() -> None:
    far = [START - 40 * 86_400 + i * 10 for i in range(3)]
    times = far + [START + i * 10 for i in range(100)]
    figures = analysis([5] * 3 + [100] * 100, buckets=times)
    found = only(find(evaluated(figures, out_of_order=10)))
    assert found["kind"] == "clock"
    assert finished(found, ["a.log"], figures={})["text"].startswith(
        "a clock is wrong: 15 records lie 40 days before all others"
    )
    assert find(evaluated(figures)) == [], "in order it is two periods of one log"


def test_a_route_that_fails_all_along() -> None:
    rest, broken = route("GET /", [80] * 60, [0] * 60), route("GET /x", [4] * 60, [4] * 60)
    figures = analysis([84] * 60, [4] * 60, routes=[rest, broken])
    found = only(find(evaluated(figures)))
    assert (found["kind"], found["where"][0]["value"]) == ("concentration", "GET /x")
    assert found["during"] == 1.0


def table(**rows: tuple[int, int]) -> dict[str, Any]:
    """Clients by name: requests and client errors."""
    top = [
        {"client": name, "requests": n, "errors": 0, "client_errors": failed}
        for name, (n, failed) in rows.items()
    ]
    return {"exact": True, "top": sorted(top, key=lambda row: -row["requests"])}


def refused(clients: dict[str, Any], status: dict[str, int], **more: Any) -> list[dict[str, Any]]:
    return find({**evaluated(analysis([100] * 100)), "clients": clients, "status": status, **more})


def test_a_client_with_most_of_the_client_errors() -> None:
    clients = table(scanner=(900, 890), one=(5_000, 60), two=(4_100, 50))
    found = only(refused(clients, {"200": 9_000, "404": 950, "403": 50}))
    assert (found["kind"], found["start"], found["end"]) == ("client_errors", None, None)
    assert (found["records"], found["status"]) == (890, "404")
    assert found["where"] == [
        {"field": "client", "value": "scanner", "share": 0.89, "share_outside": 0.09}
    ]
    assert found["during"] == pytest.approx(890 / 900, rel=1e-5)
    assert found["before"] == pytest.approx(110 / 9_100, rel=1e-5)


@pytest.mark.parametrize(
    "rows",
    [
        {"many": (900, 95), "one": (9_100, 5)},  # too few of them
        {"many": (900, 300), "one": (9_100, 20)},  # most of its requests are answered
        {"a": (900, 880), "b": (900, 880), "c": (900, 880), "one": (7_300, 40)},  # none has most
        {"all": (6_000, 5_900), "one": (4_000, 20)},  # what most of the traffic is
        {"many": (900, 890), "one": (9_100, 4_000)},  # and what others have as well
    ],
)
def test_client_errors_that_stand_out_in_nothing(rows: dict[str, tuple[int, int]]) -> None:
    failed = sum(each[1] for each in rows.values())
    assert refused(table(**rows), {"200": 10_000 - failed, "404": failed}) == []


def test_client_errors_of_a_table_that_is_not_whole_say_nothing() -> None:
    clients = {**table(scanner=(900, 890), one=(9_100, 10)), "exact": False}
    assert refused(clients, {"200": 9_100, "404": 900}) == []


def test_client_errors_of_one_client_on_one_route_name_both() -> None:
    clients = table(guesser=(900, 890), one=(9_100, 10))
    top = [
        {"route": "GET /", "requests": 9_000, "client_errors": 5},
        {"route": "POST /login", "requests": 1_000, "client_errors": 895},
    ]
    routes = {"exact": True, "top": top}
    found = only(refused(clients, {"200": 9_100, "401": 900}, routes=routes))
    assert [each["value"] for each in found["where"]] == ["guesser", "POST /login"]
    link = only(refused(table(one=(10_000, 900)), {"200": 9_100, "404": 900}, routes=routes))
    assert [each["value"] for each in link["where"]] == ["POST /login"]


def test_malformed_lines_are_a_finding_from_a_share_on() -> None:
    found = only(find(evaluated(None, malformed=25)))
    assert (found["kind"], found["during"]) == ("malformed", 0.2)
    assert find(evaluated(None, malformed=4)) == []


def test_short_logs_are_not_judged() -> None:
    errors = changed([0] * 25, 10, 15, 0)
    errors[10:15] = [80] * 5
    assert find(evaluated(analysis([100] * 25, errors))) == []


def test_at_most_five_most_important_first() -> None:
    errors = [1] * 400
    for first in (60, 140, 220):
        errors = changed(errors, first, first + 12, 40)
    messages = [template(f"m{i}", "WARN", 90, 1_500 + 300 * i, 3_990) for i in range(5)]
    found = find(evaluated(analysis([100] * 400, errors, templates=messages)))
    assert len(found) == thresholds.SHOWN_MAX
    assert [each["kind"] for each in found] == ["errors"] * 3 + ["message_new"] * 2


counts = st.lists(st.integers(0, 500), min_size=1, max_size=120)


@settings(max_examples=60, deadline=None)
@given(counts, st.integers(1, 2**31), st.integers(0, 3), st.data())
def test_any_series_gives_valid_findings(
    requests: list[int], seed: int, gaps: int, data: st.DataObject
) -> None:
    """Never an error, never a number that JSON lacks, the same again, edges on the grid."""
    rng = Random(seed)
    errors = [rng.randint(0, n) for n in requests]
    logs = [rng.randint(0, 10_000) for _ in requests]
    times, now = [], START
    for _ in requests:
        times.append(now)
        now += 10 * (1 + rng.randint(0, gaps) ** 6)
    some = route("GET /a", [n // 2 for n in requests], [n // 3 for n in requests])
    some["errors"] = [min(a, b) for a, b in zip(some["errors"], errors, strict=True)]
    figures = evaluated(
        analysis(requests, errors, logs=logs, buckets=times, routes=[some]),
        out_of_order=data.draw(st.integers(0, 5)),
    )
    found = find(figures)
    assert find(json.loads(json.dumps(figures))) == found
    for each in found:
        json.dumps(finished(each, ["a.log"], figures={}), allow_nan=False)
        if each["start"] is not None and each["end"] is not None:
            assert each["start"] < each["end"]
