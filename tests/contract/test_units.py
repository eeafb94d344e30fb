"""Response times without a unit: one unit for a key of a producer and an input, end to end.

Whatever the values are, the unit is decided by all of them together, so that the median comes out
right for each producer and however the work is cut up.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.errors import UsageError

RECORDS = 400
DECADES = (-4.0, 2.0)
"""From 0.1 ms to 100 s."""

Writer = Callable[[float, int], str]


def report_of(tmp_path: Path, lines: list[str], **options: Any) -> dict[str, Any]:
    path = tmp_path / "a.log"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    report: dict[str, Any] = logan.analyze(path, **options).to_dict()
    return report


def times(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["response_time_ms"]
    return found


def assumed(report: dict[str, Any]) -> str:
    return "\n".join(report["inputs"][0]["assumed"])


def stamp(i: int) -> str:
    return f"2024-01-24T10:{i // 60 % 60:02}:{i % 60:02}Z"


def json_line(**keys: Any) -> str:
    return json.dumps(keys, separators=(",", ":"))


def access(tail: Callable[[float], str], agent: str = ' "-" "curl/8.5"') -> Writer:
    """Writes access lines of some sizes; `{sent}` in a tail is the size with the head."""

    def write(seconds: float, i: int) -> str:
        at = f"24/Jan/2024:10:{i // 60 % 60:02}:{i % 60:02} +0000"
        size = i % 7 * 900
        end = tail(seconds).replace("{sent}", str(size + 250))
        return f'192.0.2.7 - - [{at}] "GET /a HTTP/1.1" 200 {size}{agent} {end}'

    return write


WRITERS: dict[str, Writer] = {
    "suffix us": lambda s, i: json_line(time=stamp(i), msg="x", elapsed_us=round(s * 1e6)),
    "suffix s": lambda s, i: json_line(time=stamp(i), msg="x", tookSeconds=round(s, 6)),
    "zap": lambda s, i: json_line(
        level="info", ts=1706091332.25 + i, msg="done", duration=round(s, 9), status=200
    ),
    "Caddy": lambda s, i: json_line(
        level="info",
        ts=1706091332.25 + i,
        logger="http.log.access.log0",
        msg="handled request",
        duration=round(s, 9),
        status=200,
    ),
    "zerolog": lambda s, i: json_line(
        level="info", method="GET", duration=round(s * 1e3, 4), time=stamp(i), message="served"
    ),
    "slog": lambda s, i: json_line(
        time=stamp(i), level="INFO", msg="done", status=200, duration=round(s * 1e9)
    ),
    "echo": lambda s, i: json_line(
        time=stamp(i), method="GET", uri="/a", status=200, latency=round(s * 1e9), latency_human="-"
    ),
    "GitLab": lambda s, i: json_line(
        time=stamp(i), duration=round(s * 1e3, 2), db=1.5, view=2.25, status=200, method="GET"
    ),
    "lograge": lambda s, i: (
        f"time={stamp(i)} level=info method=GET path=/a controller=A action=show status=200 "
        f"duration={s * 1e3:.2f}"
    ),
    "Istio": lambda s, i: json_line(
        start_time=stamp(i), method="GET", path="/a", response_flags="-", duration=round(s * 1e3)
    ),
    "Azure Front Door": lambda s, i: json_line(
        time=stamp(i),
        category="FrontDoorAccessLog",
        properties={"httpMethod": "GET", "requestUri": "/a", "timeTaken": f"{s:.3f}"},
    ),
    "Traefik": lambda s, i: json_line(
        time=stamp(i), RequestPath="/a", RouterName="a@b", Duration=round(s * 1e9)
    ),
    "sidekiq": lambda s, i: json_line(
        ts=stamp(i),
        lvl="INFO",
        msg="done",
        ctx={"class": "A", "jid": "b4a5", "elapsed": f"{s:.3f}"},
    ),
    "nginx escape=json": lambda s, i: json_line(
        time=stamp(i), remote_addr="192.0.2.7", request_time=f"{s:.3f}", status="200"
    ),
    "whole ms": lambda s, i: json_line(at=stamp(i), ts=stamp(i), path="/a", took=round(s * 1e3)),
    "whole us": lambda s, i: json_line(ts=stamp(i), path="/a", took=round(s * 1e6)),
    "whole ns": lambda s, i: json_line(ts=stamp(i), path="/a", took=round(s * 1e9)),
    "quoted ms": lambda s, i: json_line(ts=stamp(i), path="/a", took=f"{s * 1e3:.1f}"),
    "$request_time": access(lambda s: f"{s:.3f}"),
    "$request_time $upstream_response_time $pipe": access(lambda s: f"{s:.3f} {s * 0.9:.3f} ."),
    "$upstream_response_time $request_time": access(lambda s: f"{s * 0.9:.3f} {s:.3f}"),
    "$msec $request_time": access(lambda s: f"1706091332.123 {s:.3f}"),
    "quoted list": access(lambda s: f'"{s:.3f}" "10.0.0.1:80, 10.0.0.2:80" "0.0, {s * 0.5:.3f}"'),
    "%D": access(lambda s: f"{s * 1e6:.0f}"),
    "%I %O %D": access(lambda s: f"712 {{sent}} {s * 1e6:.0f}"),
    "common %D": access(lambda s: f"{s * 1e6:.0f}", agent=""),
    "Tomcat ms": access(lambda s: f"{s * 1e3:.0f} http-nio-8080-exec-1", agent=""),
    "gunicorn": access(lambda s: f"{s:.6f}"),
}


def seconds_of(seed: int) -> Iterator[float]:
    chance = random.Random(seed)
    return (10 ** chance.uniform(*DECADES) for _ in range(RECORDS))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", WRITERS)
def test_the_median_is_right_for_every_producer(tmp_path: Path, name: str, seed: int) -> None:
    values = list(seconds_of(seed))
    lines = [WRITERS[name](seconds, i) for i, seconds in enumerate(values)]
    whole = report_of(tmp_path, lines)
    assert times(whole)["count"] == RECORDS, assumed(whole)
    median_ms = statistics.median(values) * 1e3
    assert times(whole)["p50"] == pytest.approx(median_ms, rel=0.05, abs=1), assumed(whole)
    assert times(report_of(tmp_path, lines, chunk_size=4_096)) == times(whole)


@pytest.mark.parametrize(
    "tail",
    [
        "1706091332.123",
        '"3.26"',
        '"s" "-" 2083',
        "8080",
        "200",
        ". 0",
        "-",
    ],
)
def test_numbers_that_are_no_response_time(tmp_path: Path, tail: str) -> None:
    write = access(lambda _: tail)
    report = report_of(tmp_path, [write(0, 32) for _ in range(4)])
    assert report["total_requests"] == 4
    assert times(report)["count"] == 0, assumed(report)


def test_counters_and_sizes_are_no_response_time(tmp_path: Path) -> None:
    head = '192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET / HTTP/1.1" 200'
    for tail in ("{n}", "700 {sent}", "{sent}"):
        lines = []
        for i in range(40):
            sent = 900 * (i % 5 + 1)
            tail_text = tail.format(n=90_000 + 3 * i, sent=sent + 240)
            lines.append(f'{head} {sent} "-" "curl" {tail_text}')
        report = report_of(tmp_path, lines)
        assert times(report)["count"] == 0, (tail, assumed(report))


def test_the_evidence_is_stated_and_the_user_decides(tmp_path: Path) -> None:
    lines = [WRITERS["whole ns"](0.005, i) for i in range(3)]
    report = report_of(tmp_path, lines)
    assert times(report)["max"] == pytest.approx(5)
    assert "`took` in ns: 3 of 3 values whole, median 5,000,000" in assumed(report)
    for units in ({"took": "us"}, ["took=us"]):
        chosen = report_of(tmp_path, lines, units=units)
        assert times(chosen)["max"] == pytest.approx(5_000)
        assert "`took`" not in assumed(chosen)
    assert times(report_of(tmp_path, lines, units={"took": "none"}))["count"] == 0
    lines = [WRITERS["%D"](0.005, i) for i in range(3)]
    assert times(report_of(tmp_path, lines))["max"] == pytest.approx(5)
    chosen = report_of(tmp_path, lines, units={"response_time": "ms"})
    assert times(chosen)["max"] == pytest.approx(5_000)


def test_a_unit_that_decides_nothing_is_named(tmp_path: Path) -> None:
    lines = [WRITERS["whole ns"](0.005, i) for i in range(3)]
    report = report_of(tmp_path, lines, units={"took": "us", "tok": "ms", "response_time": "s"})
    notes = report["inputs"][0]["notes"]
    assert [each.partition(":")[0] for each in notes] == ["--unit tok=ms", "--unit response_time=s"]


@pytest.mark.parametrize(
    "units", [{"took": "m"}, ["took"], ["=ms"], {f"k{i}": "s" for i in range(99)}]
)
def test_units_that_are_none(tmp_path: Path, units: Any) -> None:
    with pytest.raises(UsageError):
        report_of(tmp_path, ["x"], units=units)


def test_producers_of_one_input_have_their_own_unit(tmp_path: Path) -> None:
    lines = []
    for i in range(40):
        lines.append(json_line(ts=stamp(i), level="info", logger="a", path="/a", took=5 + i % 3))
        lines.append(
            json_line(when=stamp(i), severity="info", service="b", url="/b", took=7_000_000 + i % 3)
        )
    report = report_of(tmp_path, lines)
    assert times(report)["count"] == 80
    assert times(report)["max"] == pytest.approx(7.000002)
    assert times(report_of(tmp_path, lines, chunk_size=1_000)) == times(report)


def test_values_that_nothing_tells_apart_are_left_out(tmp_path: Path) -> None:
    lines = [
        json_line(ts=stamp(i), path="/a", took=(5 + i % 3) * (1_000_000 if i % 2 else 1))
        for i in range(40)
    ]
    report = report_of(tmp_path, lines)
    assert times(report)["count"] == 0
    assert "--unit took=UNIT" in assumed(report)
    assert report["lines"]["parsed"] == 40


def test_seconds_and_nanoseconds_are_one_timestamp(tmp_path: Path) -> None:
    lines = [
        json_line(instant={"epochSecond": 1706091332, "nanoOfSecond": n}, level="INFO", message="x")
        for n in (5, 250_000_000)
    ]
    report = report_of(tmp_path, lines)
    assert report["time"]["first"] == "2024-01-24T10:15:32.000000005Z"
    assert report["time"]["last"] == "2024-01-24T10:15:32.250Z"
    assert times(report)["count"] == 0


def test_detection_shows_unit_and_evidence(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"{WRITERS['slog'](0.005, i)}\n" for i in range(4)), "utf-8")
    found = logan.detect(path)
    (duration,) = (each for each in found.fields if each.name == "duration")
    assert duration.unit == "ns"
    assert "4 of 4 values whole" in (duration.evidence or "")


@pytest.mark.parametrize("status", ["101", "200"])
def test_the_time_of_a_connection_is_no_response_time(tmp_path: Path, status: str) -> None:
    lines = [
        f'192.0.2.7 - - [24/Jan/2024:10:15:3{i} +0000] "GET / HTTP/1.1" {status} 5 "-" "x" {i}.250'
        for i in range(9)
    ]
    report = report_of(tmp_path, lines)
    assert report["total_requests"] == 9
    assert times(report)["count"] == (0 if status == "101" else 9)
    lines = [json_line(ts=stamp(i), status=int(status), path="/ws", took_ms=i) for i in range(9)]
    report = report_of(tmp_path, lines)
    assert times(report)["count"] == (0 if status == "101" else 9)
    tunnel = json_line(ts=stamp(1), status=200, method="CONNECT", took_ms=5)
    assert times(report_of(tmp_path, [tunnel]))["count"] == 0


def logfmt_line(**keys: Any) -> str:
    return " ".join(f"{key}={json.dumps(value)}" for key, value in keys.items())


@pytest.mark.parametrize("write", [json_line, logfmt_line])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("response_code", 0),
        ("response_code", "0"),
        ("response_code", "-"),
        ("status", "-"),
        ("status", "000"),
        ("statusCode", "000"),
    ],
)
def test_a_request_without_an_answer(
    tmp_path: Path, write: Callable[..., str], key: str, value: int | str
) -> None:
    def line(i: int, **status: Any) -> str:
        return write(time=stamp(i), msg="x", method="GET", path="/a", **status)

    lines = [line(i, **{key: 200}) for i in range(9)] + [line(9, **{key: value})]
    report = report_of(tmp_path, lines)
    assert report["status"] == {"0": 1, "200": 9}
    # Of what is no request it says nothing: a process, a call of another protocol.
    exits = [write(time=stamp(i), msg="job ended", **{key: value}) for i in range(9)]
    assert report_of(tmp_path, exits)["status"] == {}


@pytest.mark.parametrize("write", [json_line, logfmt_line])
@pytest.mark.parametrize("key", ["status", "status_code", "statusCode"])
def test_a_status_that_was_never_set_is_none(
    tmp_path: Path, write: Callable[..., str], key: str
) -> None:
    """A program that writes no status sends 200, and its log may say 0."""
    lines = [write(time=stamp(i), msg="x", method="GET", path="/a", **{key: 0}) for i in range(9)]
    assert report_of(tmp_path, lines)["status"] == {}
