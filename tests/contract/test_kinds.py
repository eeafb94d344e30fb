"""Kinds of logs that were read wrong: each has made-up lines, with the right values worked out by
hand, end to end.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import logan

T = "2024-01-24 10:15:3"


def report_of(tmp_path: Path, *lines: str, **options: Any) -> dict[str, Any]:
    path = tmp_path / "a.log"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return logan.analyze(path, **options).to_dict()


def assumed(report: dict[str, Any]) -> str:
    return "\n".join(report["inputs"][0]["assumed"])


@pytest.mark.parametrize(
    ("lines", "levels"),
    [
        pytest.param(
            [f"{T}0 Info HttpServer: up", f"{T}1 Error App: Error in x", f"{T}2 Warn App: slow"],
            {"INFO": 1, "WARN": 1, "ERROR": 1},
            id="words with a capital",
        ),
        pytest.param(
            [f"{T}0 [7] main/1 I> up", f"{T}1 [7] main/1 E> error in x", f"{T}2 [7] main/1 W> a"],
            {"INFO": 1, "WARN": 1, "ERROR": 1},
            id="letters before an angle",
        ),
        pytest.param(
            [f"{T}0 I server up", f"{T}1 E query: syntax error", f"{T}2 A server listens"],
            {"INFO": 1, "ERROR": 1, "OTHER": 1},
            id="letters alone",
        ),
        pytest.param(
            [f"{T}0 *INFO* [main] a", f"{T}1 *ERROR* [main] b"],
            {"INFO": 1, "ERROR": 1},
            id="between asterisks",
        ),
        pytest.param(
            [f"{T}0 INFO a", f"{T}1 FEHLER b", f"{T}2 WARNUNG c"],
            {"INFO": 1, "WARN": 1, "ERROR": 1},
            id="in another language",
        ),
        pytest.param(
            [f"{T}0,500:140021:INFO:jobs:started", f"{T}1,500:140021:ERROR:jobs:/srv/a is gone"],
            {"INFO": 1, "ERROR": 1},
            id="before a path",
        ),
        pytest.param(
            [f"{T}0 C 90 % full", f"{T}1 D 91 % full", f"{T}2 E 92 % full"],
            {"NONE": 3},
            id="drives",
        ),
        pytest.param(
            [f"{T}0 eth0 I", f"{T}1 eth1 E", f"{T}2 eth2 D"],
            {"NONE": 3},
            id="letters further in",
        ),
        pytest.param(
            [f"{T}0 I think that it works", f"{T}1 I think so, too"],
            {"NONE": 2},
            id="the same letter in all of them",
        ),
        pytest.param(
            [f"{T}0 INFO a", "Traceback (most recent call last):", "  x", "ValueError: 5"],
            {"INFO": 1, "ERROR": 1},
            id="a traceback that no record tells of",
        ),
        pytest.param(
            [f"{T}0 ERROR a", "Traceback (most recent call last):", "  x", "ValueError: 5"],
            {"ERROR": 1},
            id="a traceback of a record",
        ),
    ],
)
def test_levels(tmp_path: Path, lines: list[str], levels: dict[str, int]) -> None:
    report = report_of(tmp_path, *lines)
    assert {name: count for name, count in report["levels"].items() if count} == levels
    assert report["malformed_lines"] == 0


def test_levels_that_are_not_known_are_no_errors_and_none_missed(tmp_path: Path) -> None:
    lines = [f'{{"time":"{T}{i}Z","level":{i},"msg":"a"}}' for i in range(7)]
    report = report_of(tmp_path, *(line.replace(" ", "T", 1) for line in lines))
    assert report["levels"] == {"OTHER": 7}
    assert report["errors"]["total"] is report["errors"]["ratio"] is None


def test_numbers_of_levels_may_be_of_another_scale(tmp_path: Path) -> None:
    lines = [f'{{"time":"2024-01-24T10:15:3{i}Z","level":{10 * i},"msg":"a"}}' for i in range(1, 6)]
    assert "Python's are one step" in assumed(report_of(tmp_path, *lines))
    pino = [line.replace('"msg"', '"pid":1,"hostname":"a","msg"') for line in lines]
    assert "Python" not in assumed(report_of(tmp_path, *pino))


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (f'{{"time":"{T}0.5 +0100 CET m=+0.001","msg":"a"}}', "2024-01-24T09:15:30.500Z"),
        (f'{{"time":"{T}0 +0000 UTC","msg":"a"}}', "2024-01-24T10:15:30Z"),
        (
            '{"time":"Wed Jan 24 2024 10:15:30 GMT+0100 (Central European Standard Time)","a":1}',
            "2024-01-24T09:15:30Z",
        ),
        ('{"Timestamp":"2024-01-24T10:15:30.500Z ","Message":"a"}', "2024-01-24T10:15:30.500Z"),
        ('{"date":"2024-01-24","time":"10:15:30","msg":"a"}', "2024-01-24T10:15:30Z"),
        ("2024-01-24 at 10:15:30 | INFO | a", "2024-01-24T10:15:30Z"),
        ("24 janvier 2024 à 10:15:30 INFO a", "2024-01-24T10:15:30Z"),
        ("+0545 2024-01-24 16:00:30 INFO a", "2024-01-24T10:15:30Z"),
        ("[2024-01-24 11:15:30 (UTC+0100)] INFO a", "2024-01-24T10:15:30Z"),
    ],
)
def test_times(tmp_path: Path, line: str, time: str) -> None:
    assert report_of(tmp_path, line)["time"]["first"] == time


def test_a_time_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    report = report_of(tmp_path, *['{"timestamp":[2024,1,24,10,15],"level":"INFO","m":"a"}'] * 3)
    assert "`timestamp` cannot be read as a timestamp ([2024)" in assumed(report)


def test_fields_of_a_header_are_no_records(tmp_path: Path) -> None:
    report = report_of(
        tmp_path,
        f"{T}0 INFO response",
        "HTTP/1.1 200 OK",
        "Expires: Thu, 19 Nov 1981 08:52:00 GMT",
        "Last-Modified: Wed, 13 Jan 2010 08:52:00 GMT",
        f"{T}1 INFO done",
    )
    assert report["time"]["first"] == "2024-01-24T10:15:30Z"
    assert report["lines"]["parsed"] == 2


def test_dates_in_the_future_are_in_another_order(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("06/05/2024 10:15:30 INFO a\n06/05/2024 10:15:31 INFO b\n")
    first = []
    for written in (datetime(2024, 5, 7, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)):
        os.utime(path, (written.timestamp(), written.timestamp()))
        report = logan.analyze(path).to_dict()
        first.append(report["time"]["first"])
        assert "numeric dates" in assumed(report)
    assert first == ["2024-05-06T10:15:30Z", "2024-06-05T10:15:30Z"]


@pytest.mark.parametrize(
    ("text", "status", "ms"),
    [
        ("ERROR GET /a failed with HTTP 503", 503, None),
        ("INFO completed GET /a 200 in 45ms (12ms db)", 200, 45.0),
        ("INFO completed GET /a 200 in 45ms, db 12ms", 200, 45.0),
        ('DEBUG "HTTP GET /a 200 12ms" pid:7', 200, 12.0),
        ("INFO <= 200 GET /a [+12.5 ms]", 200, 12.5),
        ("LOG [HTTP] GET /a 200 15ms +37ms", 200, 15.0),
        ("LOG [HTTP] GET /a 200 +37ms", 200, None),
        ("INFO GET /a 200 3ms (45ms total)", 200, None),
        ("INFO p99 latency 1200ms in last 60s", None, None),
        ("INFO Syncing est_time: 3 mins, speed: 0.1 slots/sec", None, None),
    ],
)
def test_requests_in_text(tmp_path: Path, text: str, status: int | None, ms: float | None) -> None:
    report = report_of(tmp_path, f"{T}0 {text}")
    assert report["status"] == ({} if status is None else {str(status): 1})
    assert report["response_time_ms"]["max"] == ms


@pytest.mark.parametrize(
    ("value", "ms"), [("850Âµs", 0.85), ("1.00:00:05.5", 86_405_500.0), ("0:00:05", 5_000.0)]
)
def test_durations(tmp_path: Path, value: str, ms: float) -> None:
    line = f'{{"time":"2024-01-24T10:15:30Z","path":"/a","status":200,"duration":"{value}"}}'
    assert report_of(tmp_path, line)["response_time_ms"]["max"] == ms


@pytest.mark.parametrize(
    ("value", "status"),
    [('"OK"', 200), ('"NOT_FOUND"', 404), ('"Bad Gateway"', 502), ("500.0", 500), ('"up"', None)],
)
def test_statuses_under_a_key_of_http(tmp_path: Path, value: str, status: int | None) -> None:
    line = f'{{"time":"2024-01-24T10:15:30Z","method":"GET","path":"/a","httpStatus":{value}}}'
    assert report_of(tmp_path, line)["status"] == ({} if status is None else {str(status): 1})


def test_names_of_columns_in_other_languages(tmp_path: Path) -> None:
    report = report_of(
        tmp_path,
        "Datum;Uhrzeit;Stufe;Methode;Pfad;Status;Dauer_ms",
        "24.01.2024;10:15:30;FEHLER;GET;/a;503;12,5",
        "24.01.2024;10:15:31;INFO;GET;/a;200;8",
    )
    assert report["levels"] == {"INFO": 1, "ERROR": 1}
    assert report["status"] == {"200": 1, "503": 1}
    assert report["response_time_ms"]["max"] == 12.5
    assert report["time"]["first"] == "2024-01-24T10:15:30Z"


FORWARDED = (
    '10.0.0.1 - - [24/Jan/2024:10:15:3{} +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8" "203.0.113.{}"'
)


def test_clients_behind_proxies(tmp_path: Path) -> None:
    lines = [FORWARDED.format(i, i) for i in range(5)]
    report = report_of(tmp_path, *lines)
    assert report["clients"]["distinct"] == 5
    assert "one private address" in assumed(report)
    asked = {place: report_of(tmp_path, *lines, client=place) for place in ("remote", "forwarded")}
    assert [each["clients"]["distinct"] for each in asked.values()] == [1, 5]
    assert "--client" not in assumed(asked["remote"])
    public = [line.replace("10.0.0.1", f"198.51.100.{i}") for i, line in enumerate(lines)]
    assert {row["client"] for row in report_of(tmp_path, *public)["clients"]["top"]} == {
        f"198.51.100.{i}" for i in range(5)
    }
    forced = report_of(tmp_path, *public, client="forwarded")
    assert {row["client"] for row in forced["clients"]["top"]} == {
        f"203.0.113.{i}" for i in range(5)
    }
    named = '"time":"2024-01-24T10:15:3{}Z","client":"10.0.0.1","x_forwarded_for":"203.0.113.{}"'
    told = assumed(report_of(tmp_path, *(f"{{{named.format(i, i)}}}" for i in range(5))))
    assert "are not counted" in told


def test_two_formats_tell_of_the_same_requests(tmp_path: Path) -> None:
    lines = []
    for i in range(10, 40):
        lines.append(f"2024-01-24 10:15:{i},100 INFO app req=r{i} GET /a/{i} 200 12ms")
        stamp = f"24/Jan/2024:10:15:{i} +0000"
        lines.append(f'203.0.113.4 - - [{stamp}] "GET /a/{i} HTTP/1.1" 200 5 "-" "curl/8"')
    assert "tell of the same requests (30 of 30" in assumed(report_of(tmp_path, *lines))
    others = [line.replace("GET /a/", "GET /b/") if "INFO" in line else line for line in lines]
    assert "same requests" not in assumed(report_of(tmp_path, *others))


def test_messages_that_were_left_out(tmp_path: Path) -> None:
    report = report_of(
        tmp_path,
        "Jan 24 10:15:30 h sshd[1]: error: no matching key",
        "Jan 24 10:15:31 h last message repeated 4 times",
        "Jan 24 10:15:34 h systemd-journald[1]: Suppressed 500 messages from x.service",
    )
    assert "504 messages were left out" in assumed(report)


def test_shares_of_errors_and_health_checks(tmp_path: Path) -> None:
    stamp = "24/Jan/2024:10:15:3{} +0000"
    line = "203.0.113.4 - - [" + stamp + '] "GET {} HTTP/1.1" {} 5 "-" "{}"'
    report = report_of(
        tmp_path,
        *(line.format(i, "/healthz", 200, "kube-probe/1.29") for i in range(6)),
        line.format(7, "/a", 503, "curl/8"),
        line.format(8, "/a", 200, "curl/8"),
        f"{T}9 DEBUG a",
        f"{T}9 ERROR b",
    )
    checks = report["health_checks"]
    assert checks == {"requests": 6, "share": 0.75, "errors": 0, "by": ["GET /healthz"]}
    errors = report["errors"]
    assert errors["request_ratio"] == pytest.approx(1 / 8)
    assert errors["record_ratio"] == pytest.approx(2 / 9)
    assert errors["ratio"] == pytest.approx(2 / 10)


def test_commas_before_decimals(tmp_path: Path) -> None:
    lines = [f"{T}0 INFO request took 0,250 s", f"{T}1 INFO request took 1,500 s"]
    report = report_of(tmp_path, *lines)
    assert report["response_time_ms"]["max"] == 1_500.0
    assert "read as decimal points (1,500)" in assumed(report)
    alone = report_of(tmp_path, lines[1])
    assert alone["response_time_ms"]["max"] == 1_500_000.0


def test_what_looks_like_these_kinds_and_is_none(tmp_path: Path) -> None:
    zoned = report_of(tmp_path, "-0500 2024-01-24T10:15:30Z ERROR a", f"{T}1 (+0530) b")
    assert zoned["time"]["first"] == "2024-01-24T10:15:30Z"
    names = [f'{{"time":"{T}{i}","client":"Smith, {name}"}}' for i, name in enumerate("AB")]
    assert report_of(tmp_path, *names)["clients"]["distinct"] == 2
    head = "timestamp,level,data,hora,path,status,estado"
    row = "2024-01-24T10:15:30Z,INFO,2023-05-06,09:00:00,/a,500,200"
    table = report_of(tmp_path, head, row)
    assert table["time"]["first"] == "2024-01-24T10:15:30Z"
    assert table["status"] == {"500": 1}
    spoken = report_of(tmp_path, *["INFO backup of 2024-01-20 at 10:00:00 done"] * 3)
    assert spoken["time"]["first"] is None
    count = '{"time":"2024-01-24T10:15:30Z","path":"/a","status":"503 service calls"}'
    assert report_of(tmp_path, count)["status"] == {}
