"""Tables that plans add where samples have something for them, and what reports make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.options import Options
from logan.planning.added_tables import INPUTS_MAX, is_lifetime, is_timing
from logan.planning.prepare import prepare

PLAIN = "2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
QUEUED = "2024-01-24 10:15:33.123 INFO request GET /a took 120ms (queue time 45ms) status=200\n"
CLOSED = "2024-01-24 10:15:36.123 INFO Session disconnected, session duration 35m\n"
CALLED = (
    "2024-01-24 10:15:35.123 INFO HTTP Request: POST https://api.openai.com/v1/chat/completions "
    '"HTTP/1.1 200 OK"\n'
)
JUNK = "2024-01-24 10:15:36.123 INFO 25 interrupts. 4ms of sleep for 12 ms\n"


def log(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("".join(lines))
    return path


def also(paths: Sequence[Path], **options: Any) -> list[str]:
    plan = prepare([str(each) for each in paths], Options(**options)).plan
    found: list[str] = json.loads(plan.spec_json).get("also", [])
    return found


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((PLAIN,), []),
        ((PLAIN, JUNK), []),
        ((PLAIN, QUEUED), ["timer"]),
        ((PLAIN, CLOSED), ["timer"]),
        ((PLAIN, CALLED), ["outgoing"]),
        ((CALLED, CLOSED), ["outgoing", "timer"]),
        ((QUEUED, *[PLAIN] * 200), []),
    ],
)
def test_only_logs_that_have_them_pay_for_them(
    lines: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    assert also([log(tmp_path, "a.log", *lines)]) == expected


def test_what_was_asked_for_is_not_added(tmp_path: Path) -> None:
    path = log(tmp_path, "a.log", QUEUED, CALLED)
    assert also([path], by=("timer",)) == ["outgoing"]
    report = logan.analyze(path, by=["timer"])
    assert {row["key"] for row in report["groups"]["timer"]["top"]} == {"queue time"}


def test_of_many_inputs_the_first_are_looked_at(tmp_path: Path) -> None:
    plain = [log(tmp_path, f"{i:03}.log", PLAIN) for i in range(INPUTS_MAX - 1)]
    late = [log(tmp_path, f"{i:03}.log", QUEUED) for i in (500, 501)]
    assert also([*plain, late[0]]) == ["timer"]
    assert also([*plain, log(tmp_path, "300.log", PLAIN), late[0]]) == []


def test_lifetimes_are_sessions_and_the_rest_other_timings(tmp_path: Path) -> None:
    path = log(tmp_path, "a.log", QUEUED, QUEUED.replace("45ms", "15ms"), CLOSED, JUNK)
    report = logan.analyze(path)
    groups = report["groups"]
    (session,) = groups["session"]["top"]
    assert (session["key"], session["records"], session["max_ms"]) == (
        "session duration",
        1,
        35 * 60_000.0,
    )
    (timer,) = groups["timer"]["top"]
    assert (timer["key"], timer["records"], timer["mean_ms"]) == ("queue time", 2, 30.0)
    assert groups["timer"]["distinct"] == 1
    # Neither is a response time, nor bounded by one.
    assert report["response_time_ms"]["max"] == 120.0
    text = text_of(report)
    assert "Connections and sessions" in text
    assert "30.0 ms" in text.split("Other timings")[1].split("queue time")[0]


def text_of(report: logan.Report) -> str:
    from logan.report import RenderOptions, render

    return render("text", report, RenderOptions(width=100))


def test_runs_with_and_without_add_up(tmp_path: Path) -> None:
    saved = []
    for name, lines in (("mon", (PLAIN, QUEUED)), ("tue", (PLAIN,)), ("wed", (CALLED, QUEUED))):
        path = log(tmp_path, f"{name}.log", *lines)
        saved.append(tmp_path / f"{name}.logan")
        logan.analyze(path, save=str(saved[-1]))
    merged = [
        logan.analyze([str(each) for each in order]).to_dict()
        for order in (saved, list(reversed(saved)))
    ]
    for each in merged:
        assert counts(each["groups"]["timer"]) == {"queue time": 2}
        assert counts(each["groups"]["outgoing"]) == {"api.openai.com": 1}
    assert merged[0]["groups"] == merged[1]["groups"]


def counts(table: Mapping[str, Any]) -> dict[str, int]:
    return {row["key"]: row["records"] for row in table["top"]}


def test_names_of_timers() -> None:
    for name in ("queue time", "db", "render", "view_duration", "elapsed", "backup took"):
        assert is_timing(name), name
        assert not is_lifetime(name), name
    for name in ("connection", "session duration", "lifetime"):
        assert is_timing(name), name
        assert is_lifetime(name), name
    for name in ("for", "interrupts.", "info", "over", "knownn", "at"):
        assert not is_timing(name), name
