"""The vectors check themselves: generator against oracle, oracle against the worked examples."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from test_vectors import expected as oracle
from test_vectors import generate

SIZE_MB = 1.5
COUNTED_MB = 0.5
"""The oracle is slow; a log of so much has everything that its kind has."""

BYTES_PER_LINE: Mapping[str, float] = {
    "app": 55,
    "access": 180,
    "access_time": 186,
    "json": 190,
    "hostile": 150,
}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", generate.ALL_KINDS)
def test_bytes_depend_on_size_kind_and_seed_alone(kind: str, tmp_path: Path) -> None:
    logs = [
        generate.generate_test_logs(0.4, tmp_path / name, kind, seed)
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    ]
    same, again, other = (_sha256(log.path) for log in logs)
    assert same == again
    assert same != other


@pytest.mark.parametrize("kind", generate.ALL_KINDS)
def test_stated_counts_hold(kind: str, tmp_path: Path) -> None:
    log = generate.generate_test_logs(COUNTED_MB, tmp_path / "x.log", kind, seed=3)
    figures = oracle.expected(log.path)
    times = figures["response_time_ms"]
    found = {
        "lines": figures["lines"]["total"],
        **{name: figures["lines"][name] for name in ("parsed", "malformed", "blank")},
        "continuation": figures["lines"]["continuation"],
        "requests": figures["total_requests"],
        "errors": figures["errors"]["total"],
        "response_times": times["count"],
        "bytes_sent": figures["bytes_sent"] or 0,
        **{name: figures[name]["distinct"] for name in ("routes", "clients", "messages")},
        **{name: figures["time"][name] for name in ("first", "last")},
        **{name: figures[name] for name in ("levels", "status")},
    }
    assert found == {name: getattr(log, name) for name in found}
    assert sum(log.malformed_sorts.values()) == log.malformed
    if log.response_times:
        assert times["mean"] == pytest.approx(log.response_time_sum_ns / log.response_times / 1e6)
        assert 1.0 <= times["min"] <= times["max"] <= 5_001.0
    # Lines with and without milliseconds stand side by side in the unlike kinds.
    unordered = kind == "hostile" or kind in generate.UNLIKE_KINDS
    assert (figures["time"]["out_of_order"] > 0) == unordered


@pytest.mark.parametrize("kind", generate.ALL_KINDS)
def test_size_is_hit_to_within_a_line(kind: str, tmp_path: Path) -> None:
    log = generate.generate_test_logs(SIZE_MB, tmp_path / "x.log", kind)
    data = log.path.read_bytes()
    longest = max(map(len, data.splitlines(keepends=True)))
    assert len(data) == log.bytes
    assert 0 <= int(SIZE_MB * 2**20) - log.bytes < longest
    assert data.endswith(b"\n")
    assert data.count(b"\n") == log.lines
    if kind in BYTES_PER_LINE:
        assert log.bytes / log.lines == pytest.approx(BYTES_PER_LINE[kind], rel=0.07)


def test_hostile_repeats_nothing(tmp_path: Path) -> None:
    log = generate.generate_test_logs(SIZE_MB, tmp_path / "x.log", "hostile")
    assert log.routes == log.clients == sum(log.status.values())
    assert log.messages == log.levels["ERROR"]
    assert log.routes + log.messages == log.lines


def test_unlike_logs_have_long_tails(tmp_path: Path) -> None:
    """Fifty thousand clients of whom a fifth comes once; routes, agents and lengths galore."""
    log = generate.generate_test_logs(24, tmp_path / "x.log", "access_unlike")
    lines = log.path.read_bytes().splitlines()
    clients = Counter(line.split(b" ", 1)[0] for line in lines if b' +0000] "' in line)
    once = sum(seen == 1 for seen in clients.values())
    assert len(clients) > 0.6 * generate.UNLIKE_CLIENTS
    assert once > len(clients) / 5
    assert len({line.rsplit(b'"', 2)[1] for line in lines if line.endswith(b'"')}) > 2_000
    assert log.routes > 10_000
    others = sum(b' +0000] "' not in line for line in lines)
    assert others / len(lines) == pytest.approx(generate.UNLIKE_OTHER_SHARE, rel=0.1)
    lengths = sorted(map(len, lines))
    assert lengths[len(lines) * 99 // 100] > 2 * lengths[len(lines) // 20]


def test_malformed_has_its_share_of_every_sort(tmp_path: Path) -> None:
    log = generate.generate_test_logs(SIZE_MB, tmp_path / "x.log", "malformed")
    assert set(log.malformed_sorts) == set(generate.BROKEN)
    assert log.malformed / log.lines == pytest.approx(generate.BROKEN_SHARE, rel=0.1)
    assert log.blank
    assert log.continuation


def test_the_spike_is_in_its_window(tmp_path: Path) -> None:
    log = generate.generate_test_logs(4, tmp_path / "x.log", "error_spike")
    _, records = oracle.read(log.path.read_bytes())
    # Blocks are whole seconds, so the window's edges are blurred by one block.
    low, high = (log.bytes * share for share in (0.48, 0.55))
    inside = [record.is_error for record in records if low <= record.offset < high]
    before = [record.is_error for record in records if record.offset < 0.44 * log.bytes]
    assert sum(inside) / len(inside) == pytest.approx(generate.SPIKE_ERROR_SHARE, abs=0.03)
    assert sum(before) / len(before) < 0.01


@pytest.mark.parametrize(
    ("kind", "size_mb", "message"), [("nope", 1, "unknown kind"), ("app", 0, "smallest")]
)
def test_wrong_arguments_are_named(kind: str, size_mb: float, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        generate.generate_test_logs(size_mb, tmp_path / "x.log", kind)


def test_committed_logs_are_what_the_generator_makes() -> None:
    differing = [
        name
        for name, make in generate.SMALL_LOGS.items()
        if (generate.LOGS / name).read_bytes() != make()
    ]
    assert differing == []
    assert {path.name for path in generate.LOGS.glob("*.log")} == set(generate.SMALL_LOGS)


def test_committed_figures_are_what_the_oracle_gives() -> None:
    assert oracle.EXPECTED_JSON.read_text(encoding="utf-8") == oracle.expected_table()


HEADLINES = (
    "total_requests",
    "avg_response_time",
    "error_rate",
    "requests_per_second",
    "malformed_lines",
)


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("worked_app.log", (3000, 109.0, 0.0, 50.0, 0)),
        ("worked_mixed.log", (3000, 109.0, 0.0, 50.0, 0)),
        ("worked_errors.log", (200, 127.0, 50.0, 200 / 60, 0)),
        ("worked_malformed.log", (200, 127.0, 0.0, 200 / 60, 30)),
        ("empty.log", (0, None, None, None, 0)),
    ],
)
def test_worked_examples(name: str, figures: tuple[float | None, ...]) -> None:
    found = oracle.expected(generate.LOGS / name)
    assert tuple(found[key] for key in HEADLINES) == figures


def test_every_line_is_in_one_class() -> None:
    table: dict[str, dict[str, Any]] = json.loads(oracle.EXPECTED_JSON.read_text("utf-8"))
    for name, figures in table.items():
        lines = dict(figures["lines"])
        assert lines.pop("total") == sum(lines.values()), name


def test_hard_files() -> None:
    table: dict[str, dict[str, Any]] = json.loads(oracle.EXPECTED_JSON.read_text("utf-8"))
    parsed = {name: figures["lines"]["parsed"] for name, figures in table.items()}
    malformed = {name: figures["lines"]["malformed"] for name, figures in table.items()}
    assert (parsed["bom.log"], malformed["bom.log"]) == (50, 0)
    assert (parsed["crlf.log"], table["crlf.log"]["lines"]["blank"]) == (201, 1)
    assert parsed["no_final_newline.log"] == 50
    assert (parsed["invalid_utf8.log"], malformed["invalid_utf8.log"]) == (54, 1)
    assert (parsed["nul_bytes.log"], malformed["nul_bytes.log"]) == (101, 1)
    assert parsed["epoch_edges.log"] == len(generate.EDGES)
    assert malformed["epoch_edges.log"] == len(generate.NO_DATES)
    assert table["epoch_edges.log"]["time"]["first"] == "1969-12-31T23:59:59.999Z"
    assert (parsed["epoch_far.log"], malformed["epoch_far.log"]) == (2, 2)
    assert table["zones.log"]["time"]["span_s"] == 0.0
    assert table["out_of_order.log"]["time"]["out_of_order"] > 50


def test_a_long_line_is_one_line(tmp_path: Path) -> None:
    path = generate.long_line_log(tmp_path / "long.log")
    figures = oracle.expected(path)
    assert path.stat().st_size > generate.LONG_LINE_BYTES
    assert figures["lines"]["parsed"] == figures["lines"]["total"] == 201
    assert figures["slowest"][0]["ms"] == 127.0


@pytest.mark.parametrize(
    ("message", "nanoseconds"),
    [
        ("Request processed in 127ms", 127_000_000),
        ("took 1.5 s", 1_500_000_000),
        ("elapsed=850us rows=3", 850_000),
        ("waited 3s, took 12µs", 12_000),
        ("done (time:7ms)", 7_000_000),
        ("in 3ms, then in 5ms", 5_000_000),
        ("retrying in 30s", None),
        ("stored in 4ms, retrying in 30s", 4_000_000),
        ("next run in 5s", None),
        ("listed 127ms", None),
        ("in 127", None),
        ("in 127mss", None),
        ("within 5ms", None),
    ],
)
def test_durations_in_text(message: str, nanoseconds: int | None) -> None:
    assert oracle.duration_in_text(message) == nanoseconds


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ("Slow query took 1240ms", "Slow query took <num>ms"),
        ("No answer from 10.1.2.3:8080", "No answer from <ip>"),
        ("Order 0b6ff8a0-1111-4222-8333-444455556666 rejected", "Order <uuid> rejected"),
        ("Block 0xdead is damaged", "Block <hex> is damaged"),
        ("Commit 4ea667c1a57a lost", "Commit <hex> lost"),
        ("defaced facade deadbeef", "defaced facade deadbeef"),
        ('Key "a 7 /b" is missing', "Key <str> is missing"),
        ("Cannot open /srv/a/b.db", "Cannot open <path>"),
        ("Disk at 91.5% on shard-7", "Disk at <num>% on shard-<num>"),
    ],
)
def test_templates(message: str, template: str) -> None:
    assert oracle.template_of(message) == template


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/api/items/42?x=1", "GET /api/items/{id}"),
        ("/a/0b6ff8a0-1111-4222-8333-444455556666/b", "GET /a/{id}/b"),
        ("/a/4ea667c1a57a", "GET /a/{id}"),
        ("/a/deadbeef/v1/", "GET /a/deadbeef/v1/"),
        ("/", "GET /"),
    ],
)
def test_routes(target: str, route: str) -> None:
    assert oracle.route_of("GET", target) == route


def test_percentiles_are_nearest_rank() -> None:
    values = list(range(1, 11))
    ranks = [oracle.percentile(values, q) for q in (500, 900, 950, 990, 999)]
    assert ranks == [5, 9, 10, 10, 10]
    assert oracle.percentile([7], 500) == 7
