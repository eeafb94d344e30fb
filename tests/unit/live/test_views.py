"""What views show: the board, the terminal at its sizes, and the exposition for Prometheus."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from logan.cli.watch_drawing import SECTIONS, drawn
from logan.cli.watch_view import Screen
from logan.live.alerts import Alerts, parse_alert
from logan.live.board import board
from logan.live.exposition import ROUTES_MAX, Exposition
from logan.live.lines import line_of, verdict
from logan.live.recent import Recent
from logan.live.watching import Watch
from logan.options import Options
from logan.report.text.console import page

NOW = 1_706_091_332.0
HOSTILE = "<script>alert(1)</script>[red]\\x1b[2J"


def request(route: str, *, status: int = 200) -> str:
    stamp = "24/Jan/2024:10:15:30 +0000"
    return f'10.0.0.1 - - [{stamp}] "GET {route} HTTP/1.1" {status} 17 "-" "curl" 0.025\n'


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    lines = [request(f"/r{n % 12}", status=500 if n % 10 == 0 else 200) for n in range(200)]
    path.write_text("".join(lines) + request(f"/{HOSTILE}", status=500))
    return path


def watched(log: Path) -> Watch:
    watch = Watch([str(log)], Options(), start="start", now=NOW)
    while watch.step(NOW):
        pass
    return watch


def board_of(watch: Watch, now: float = NOW) -> dict[str, Any]:
    alerts = Alerts([parse_alert("errors.ratio > 5%")])
    return board(watch, alerts, Recent(), window="all", now=now)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (60, 12), (40, 8)])
@pytest.mark.parametrize("section", SECTIONS)
def test_the_view_fits_the_terminal(log: Path, width: int, height: int, section: str) -> None:
    data = board_of(watched(log))
    lines = page(drawn(data, width, height, section=section), width=width, color=False)
    assert len(lines.rstrip("\n").split("\n")) <= height
    assert all(len(each) <= max(width, 60) for each in lines.split("\n"))
    assert "10.4 % errors (21)" in lines
    assert "\x1b" not in lines


def test_a_board_is_json_and_log_text_is_visible(log: Path) -> None:
    data = json.loads(json.dumps(board_of(watched(log))))
    assert data["tone"] == "bad"
    assert data["facts"][0] == ["201", "requests"]
    assert data["routes"][0]["errors"] == max(each["errors"] for each in data["routes"])
    assert not any("\x1b" in each["route"] for each in data["routes"])


def test_one_line(log: Path) -> None:
    watch = watched(log)
    text = line_of(watch.view("all", NOW), "all", NOW)
    assert text.startswith("10:15:32Z  [all]  201 records")
    assert "10.4 % errors (21)" in text
    assert verdict(watch.view("1m", NOW + 600)) == ("neutral", "no records in this window")


@pytest.mark.trio
async def test_keys(log: Path) -> None:
    args = argparse.Namespace(window="5m", color="never")
    watch = watched(log)
    screen = Screen(watch, Alerts(()), args)
    stopped: list[bool] = []
    screen._stop = lambda: stopped.append(True)
    for key in "ws\tp":
        await screen.key(key)
    assert (screen.window, screen.sort, screen.section, screen.paused) == (
        *("1h", "requests", "routes"),
        True,
    )
    await screen.key("p")
    for key in "/status>":
        await screen.key(key)
    await screen.key("\r")
    assert screen._filtered is None
    assert "expected" in screen.complaint
    for key in "/status>=500":
        await screen.key(key)
    await screen.key("\r")
    assert screen._filtered is not None
    total = screen._filtered.view("all", NOW)
    screen._filtered.close()
    assert total["total_requests"] == 21
    await screen.key("q")
    assert stopped == [True]


def test_counters_never_fall_and_routes_are_bounded(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(request(f"/a{chr(97 + n % 26)}{chr(97 + n // 26)}") for n in range(150)))
    watch = watched(log)
    exposition = Exposition(watch)

    def values() -> dict[str, float]:
        rows = [each for each in exposition.text(NOW).decode().split("\n") if each]
        pairs = (each.rpartition(" ") for each in rows if not each.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    first = values()
    routes = [name for name in first if name.startswith("logan_requests_total")]
    assert len(routes) == ROUTES_MAX + 1
    assert first['logan_requests_total{route="other"}'] == 150 - ROUTES_MAX
    with log.open("a") as file:
        file.write(request("/azz") * 1_000)
    while watch.step(NOW + 1):
        pass
    second = values()
    assert all(second[name] >= value for name, value in first.items() if "_total" in name)
    assert second['logan_requests_total{route="other"}'] == 1_150 - ROUTES_MAX
    assert sum(second[each] for each in routes) == 1_150
    assert second['logan_lines_total{class="parsed"}'] == 1_150


def test_labels_have_no_control_characters_and_come_once(tmp_path: Path) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    paths = ["/a\x1b[2J", "/a\\x1b[2J", "/b\u202e", 'q"uo\\te', "other"]
    path = tmp_path / "a.log"
    entries = [
        {"time": f"2024-01-24T10:15:{n % 60:02}Z", "path": paths[n % 5], "status": 500}
        for n in range(50)
    ]
    lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in entries)
    path.write_text(lines.replace("\x1b", "\\u001b"), encoding="utf-8")
    text = Exposition(watched(path)).text(NOW).decode()
    assert all(each.isprintable() or each == "\n" for each in text)
    for name in ("logan_requests", "logan_request_errors"):
        (family,) = (
            each for each in parser.text_string_to_metric_families(text) if each.name == name
        )
        labels = [sample.labels["route"] for sample in family.samples]
        assert len(set(labels)) == len(labels)
        assert sum(sample.value for sample in family.samples) == 50
