"""/metrics as Prometheus reads it: what its own checks ask for, and histograms that add up."""

from __future__ import annotations

import json
import random
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.live.exposition import BOUNDS_S, ROUTES_MAX, Exposition, by_bound
from logan.live.watching import Watch
from logan.options import Options

NOW = 1_706_091_332.0
SERIES_MAX = 40 + (ROUTES_MAX + 1) * (2 + len(BOUNDS_S) + 3)


def request(route: str, seconds: float, *, status: int = 200) -> str:
    stamp = "24/Jan/2024:10:15:30 +0000"
    return f'10.0.0.1 - - [{stamp}] "GET {route} HTTP/1.1" {status} 17 "-" "c" {seconds:.3f}\n'


def watched(log: Path, **more: Any) -> Watch:
    watch = Watch([str(log)], Options(), start="start", now=NOW, **more)
    read(watch)
    return watch


def read(watch: Watch) -> None:
    while watch.step(NOW):
        pass


def families(text: bytes) -> dict[str, Any]:
    parser = pytest.importorskip("prometheus_client.parser")
    found = list(parser.text_string_to_metric_families(text.decode()))
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


def complaints(text: bytes) -> Iterator[str]:
    """What `promtool check metrics` would say, and what makes a histogram useless."""
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for name, family in families(text).items():
        if not family.documentation:
            yield f"{name}: no help"
        if not re.fullmatch(r"logan_[a-z_]+", name) or "_ms" in name or "milli" in name:
            yield f"{name}: not a name with a base unit"
        if family.type == "counter" and not all(s.name == f"{name}_total" for s in family.samples):
            yield f"{name}: a counter without _total"
        if family.type != "counter" and name.endswith(("_total", "_count", "_sum", "_bucket")):
            yield f"{name}: reserved suffix"
        rows: dict[Any, dict[str, Any]] = defaultdict(dict)
        for sample in family.samples:
            labels = dict(sample.labels)
            key = (sample.name, tuple(sorted(labels.items())))
            if key in seen:
                yield f"{key}: twice"
            seen.add(key)
            le = labels.pop("le", None)
            if sample.value < 0 or (family.type == "counter" and sample.value % 1):
                yield f"{key}: {sample.value}"
            rows[tuple(labels.items())][le or sample.name.rpartition("_")[2]] = sample.value
        if family.type != "histogram":
            continue
        for key, row in rows.items():
            bounds = [each for each in row if each not in ("count", "sum")]
            counts = [row[each] for each in bounds]
            if counts != sorted(counts) or bounds[-1] != "+Inf" or counts[-1] != row["count"]:
                yield f"{name}{key}: {row}"
            if [float(each) for each in bounds[:-1]] != list(BOUNDS_S):
                yield f"{name}{key}: bounds {bounds}"


def histograms(text: bytes, name: str) -> dict[str, tuple[list[int], float]]:
    """By route, how many response times each bucket has, and their sum."""
    rows: dict[str, list[float]] = defaultdict(list)
    sums = {}
    for sample in families(text)[name].samples:
        route = sample.labels.get("route", "")
        if sample.name.endswith("_bucket"):
            rows[route].append(sample.value)
        elif sample.name.endswith("_sum"):
            sums[route] = sample.value
    return {
        route: ([int(b - a) for a, b in zip([0, *row], row, strict=False)], sums[route])
        for route, row in rows.items()
    }


def test_latency_by_route_is_a_histogram(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    chance = random.Random(1)
    truth: dict[str, list[float]] = {"GET /quick": [], "GET /slow": []}
    lines = []
    for _ in range(2_000):
        for route, mean in (("/quick", 0.02), ("/slow", 2.0)):
            # No value stands nearer to a bound than the engine's buckets are wide.
            seconds = round(chance.choice([0.4, 0.7, 1.4, 8.0]) * mean, 3)
            truth[f"GET {route}"].append(seconds)
            lines.append(request(route, seconds))
    log.write_text("".join(lines))
    text = Exposition(watched(log)).text(NOW)
    assert list(complaints(text)) == []
    found = histograms(text, "logan_request_response_time_seconds")
    assert set(found) == set(truth)
    for route, values in truth.items():
        wanted = [0] * (len(BOUNDS_S) + 1)
        for each in values:
            wanted[bisect_left(BOUNDS_S, each)] += 1
        assert found[route][0] == wanted
        assert found[route][1] == pytest.approx(sum(values), rel=1e-6)
    overall = histograms(text, "logan_response_time_seconds")[""]
    assert sum(overall[0]) == 4_000
    assert overall[1] == pytest.approx(sum(sum(each) for each in truth.values()), rel=1e-6)


def test_a_million_paths_are_no_burden(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    names = [f"/{chr(97 + n % 26)}{chr(97 + n // 26)}x" for n in range(300)]
    log.write_text("".join(request(each, 0.03, status=500) for each in names))
    watch = watched(log)
    exposition = Exposition(watch)
    text = exposition.text(NOW)
    assert list(complaints(text)) == []
    assert len([line for line in text.splitlines() if line[:1] != b"#"]) <= SERIES_MAX
    rows = histograms(text, "logan_request_response_time_seconds")
    assert len(rows) == ROUTES_MAX + 1
    assert sum(rows["other"][0]) == 300 - ROUTES_MAX
    with log.open("a") as file:
        file.write("".join(request(each, 0.3) for each in names[::-1]))
    read(watch)
    later = exposition.text(NOW)
    assert list(complaints(later)) == []
    after = histograms(later, "logan_request_response_time_seconds")
    for route, (counts, seconds) in rows.items():
        assert all(b >= a for a, b in zip(counts, after[route][0], strict=True))
        assert after[route][1] >= seconds
    assert sum(sum(counts) for counts, _ in after.values()) == 600


@pytest.mark.parametrize("text", ["", "2024-01-24 10:15:32.123 INFO started\n" * 30, "\n\n", "x\n"])
def test_logs_without_requests_are_valid_metrics(tmp_path: Path, text: str) -> None:
    log = tmp_path / "a.log"
    log.write_text(text)
    assert list(complaints(Exposition(watched(log)).text(NOW))) == []


def test_routes_that_look_the_same_once_masked_are_one(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    users = [f"/u/{name}.doe@example.org" for name in ("jane", "joe")]
    log.write_text("".join(request(each, 0.03) for each in users * 10))
    text = Exposition(watched(log, anonymize=True)).text(NOW)
    assert list(complaints(text)) == []
    assert b"doe" not in text
    assert {
        k: sum(v[0]) for k, v in histograms(text, "logan_request_response_time_seconds").items()
    } == {"GET /u/***": 20}


@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=30))
def test_each_response_time_is_in_one_bucket(milliseconds: list[int]) -> None:
    from logan._logan import Feed, Spec
    from logan.model import Detection
    from logan.planning.spec import spec_json

    feed = Feed(Spec(spec_json([Detection()], Options(), anchor_ns=int(NOW * 1e9))))
    feed.push("".join(request("/r", each / 1e3) for each in milliseconds).encode())
    feed.close()
    times = json.loads(feed.snapshot().distributions(10))
    for row in (times["response_time"], times["routes"][0]["times"]):
        found = by_bound(row)
        assert sum(found) == len(milliseconds)
        for place, bound in enumerate(BOUNDS_S):
            below = sum(found[: place + 1])
            # An engine's bucket is at most 6.3 % wide: so near to a bound either is right.
            assert sum(each / 1e3 < bound * 0.937 for each in milliseconds) <= below
            assert below <= sum(each / 1e3 <= bound * 1.063 for each in milliseconds)
