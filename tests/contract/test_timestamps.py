"""What a report says of timestamps, which are read as they are written: end to end, by kind.

Each log is made up; its right values are worked out by hand. How single timestamps are read is
tested beside the parser.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import logan

MTIME_S = 1_735_689_600
"""2025-01-01T00:00:00Z: years after the logs below, as for a copy of an archive."""


def report_of(tmp_path: Path, text: str, **options: Any) -> dict[str, Any]:
    path = tmp_path / "a.log"
    path.write_text(text, "utf-8")
    os.utime(path, (MTIME_S, MTIME_S))
    return logan.analyze(path, **options).to_dict()


def span(report: dict[str, Any]) -> tuple[str, str]:
    return report["time"]["first"], report["time"]["last"]


def assumed(report: dict[str, Any]) -> str:
    return "\n".join(report["inputs"][0]["assumed"])


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("2023-08-02 14:00:00.250 +0545 [41] ERROR x\n", "2023-08-02T08:15:00.250Z"),
        ("2023-08-02 14:00:00.250 -03 [41] ERROR x\n", "2023-08-02T17:00:00.250Z"),
        ("2023-08-02 14:00:00 NZST x: ERROR\n", "2023-08-02T02:00:00Z"),
        ("2023-08-02 14:00:00 Asia/Kathmandu ERROR x\n", "2023-08-02T08:15:00Z"),
        ("Wed Aug  2 14:00:00 EEST 2023 ERROR x\n", "2023-08-02T11:00:00Z"),
        ("[Wed Aug  2 02:00:00 PM EDT 2023] ERROR x\n", "2023-08-02T18:00:00Z"),
        ("2 Aug 14:00:00 2023 ERROR x\n", "2023-08-02T14:00:00Z"),
        ("2023 Aug 2 14:00:00 ERROR x\n", "2023-08-02T14:00:00Z"),
        ("8/22/2023, 2:00:00\u202fp.m. ERROR x\n", "2023-08-22T14:00:00Z"),
        ("20230802.140000,5 ERROR x\n", "2023-08-02T14:00:00.500Z"),
        (
            '10.0.0.7 - - [2/Aug/2023:14:00:00 +0000] "GET / HTTP/1.1" 200 5\n',
            "2023-08-02T14:00:00Z",
        ),
        (
            '10.0.0.7 - - [08/22/2023:14:00:00 -0000] "GET / HTTP/1.1" 200 5\n',
            "2023-08-22T14:00:00Z",
        ),
        (
            '10.0.0.7 - - [02/Aug/2023: 4:00:00 +0000] "GET / HTTP/1.1" 200 5\n',
            "2023-08-02T04:00:00Z",
        ),
    ],
)
def test_what_is_written_wins(tmp_path: Path, text: str, first: str) -> None:
    report = report_of(tmp_path, text, input_tz="Asia/Tokyo" if "+0" in text else "UTC")
    assert span(report) == (first, first)
    assert report["malformed_lines"] == 0


def test_written_zones_are_not_said_to_be_assumed(tmp_path: Path) -> None:
    report = report_of(tmp_path, "2023-08-02 14:00:00 CEST cron started, ERROR later\n" * 3)
    assert span(report)[0] == "2023-08-02T12:00:00Z"
    assert "without a time zone" not in assumed(report)


def test_an_ambiguous_zone_is_said(tmp_path: Path) -> None:
    text = "2023-12-02 14:00:00 CST ERROR x\n"
    report = report_of(tmp_path, text)
    assert span(report)[0] == "2023-12-02T20:00:00Z"
    assert "CST is UTC-06:00" in assumed(report)
    assert span(report_of(tmp_path, text, input_tz="Asia/Shanghai"))[0] == "2023-12-02T06:00:00Z"


def test_one_order_of_dates_for_all_lines(tmp_path: Path) -> None:
    text = "".join(f"{day:02}/05/2023 08:00:00 WARN x\n" for day in range(9, 16))
    report = report_of(tmp_path, text)
    assert span(report) == ("2023-05-09T08:00:00Z", "2023-05-15T08:00:00Z")
    assert "day first" in assumed(report)
    # Only the first would be a date if the month were first.
    chosen = report_of(tmp_path, text, date_order="mdy")
    assert span(chosen) == ("2023-09-05T08:00:00Z", "2023-12-05T08:00:00Z")
    assert chosen["malformed_lines"] == 3
    assert "numeric dates" not in assumed(chosen)


def test_two_orders_of_dates_are_none(tmp_path: Path) -> None:
    text = "19/05/2023 08:00:00 WARN x\n05/19/2023 08:00:00 WARN x\n2023-05-19 08:00:00 WARN x\n"
    report = report_of(tmp_path, text)
    assert span(report) == ("2023-05-19T08:00:00Z", "2023-05-19T08:00:00Z")
    assert report["lines"]["parsed"] == 3
    assert "--date-order" in assumed(report)


def test_dates_without_a_year_take_that_of_dated_lines(tmp_path: Path) -> None:
    text = (
        "Mar  4 08:00:00 mail postfix/qmgr[7]: ERROR one\n"
        "2019-03-04T08:00:01Z mail postfix/qmgr[7]: ERROR two\n"
        "Mar  4 08:00:02 mail postfix/qmgr[7]: ERROR three\n"
    )
    assert span(report_of(tmp_path, text)) == ("2019-03-04T08:00:00Z", "2019-03-04T08:00:02Z")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "Mar  4 08:00:00 web a2[1]: [core:error] [pid 9:tid 139641073276736] x\n",
            "2024-03-04T08:00:00Z",
        ),
        ("[139641073276736] 2023-03-04 08:00:00,123 INFO x\n", "2023-03-04T08:00:00.123Z"),
        ("INFO: invoice 1654321098765 sent\n", None),
        ("1654321098 ERROR planned for 2023-02-01 08:00:00\n", "2022-06-04T05:38:18Z"),
        ("[1654321098.5] ERROR x\n", "2022-06-04T05:38:18.500Z"),
    ],
)
def test_a_bare_number_is_a_time_only_in_front(
    tmp_path: Path, text: str, first: str | None
) -> None:
    assert span(report_of(tmp_path, text)) == (first, first)


@pytest.mark.parametrize(
    "unset", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1900-01-01 00:00:00"]
)
def test_a_clock_that_was_never_set_has_no_time(tmp_path: Path, unset: str) -> None:
    report = report_of(tmp_path, f"{unset} ERROR x\n2023-08-02T14:00:00Z ERROR x\n")
    assert span(report) == ("2023-08-02T14:00:00Z", "2023-08-02T14:00:00Z")
    assert report["lines"]["parsed"] == 2
    assert report["levels"]["ERROR"] == 2


@pytest.mark.parametrize(
    ("line", "first"),
    [
        (
            "2023-08-02T14:00:01.5+02:00 lb haproxy[7]: 10.0.0.7:4000 [02/Aug/2023:14:00:00.250] "
            'web api/s1 0/0/0/9/9 200 12 - - --NI 1/1/0/0/0 0/0 "GET / HTTP/1.1"\n',
            "2023-08-02T12:00:00.250Z",
        ),
        (
            '{"log":"2023-08-02 09:00:00,250 ERROR x\\n","stream":"stdout",'
            '"time":"2023-08-02T14:00:00.3Z"}\n',
            "2023-08-02T14:00:00.250Z",
        ),
        (
            "2023-08-02 14:00:00 [7] INFO 10.0.0.7 - - [02/Aug/2023:14:00:00 +0545] "
            '"GET / HTTP/1.1" 200 5\n',
            "2023-08-02T08:15:00Z",
        ),
    ],
    ids=["syslog", "docker", "access"],
)
def test_moments_of_the_same_line_tell_the_zone(tmp_path: Path, line: str, first: str) -> None:
    report = report_of(tmp_path, line * 3)
    assert report["time"]["first"] == first
    told = [each for each in report["inputs"][0]["assumed"] if "time zone" in each]
    assert len(told) == 1
    assert "same lines" in told[0]
    # What is said on the command line beats it, and the statement goes.
    here = report_of(tmp_path, line * 3, input_tz="Asia/Tokyo")
    assert "same lines" not in assumed(here)
    assert here["time"]["first"] != first


def test_what_a_message_speaks_of_is_no_time(tmp_path: Path) -> None:
    untimed = "".join(f"INFO:root:job {i} ok\n" for i in range(99))
    report = report_of(tmp_path, untimed + "ERROR:root:no data after 2001-01-15 00:00:00\n")
    assert report["time"]["first"] is None
    assert report["levels"] == {"INFO": 99, "ERROR": 1}
    requests = "".join(
        f'10.0.0.7 - - [02/Aug/2023:14:00:{i:02d} +0000] "GET / HTTP/1.1" 200 5\n'
        for i in range(60)
    )
    report = report_of(tmp_path, requests + "ERROR:root:no data after 2001-01-15 00:00:00\n")
    assert span(report) == ("2023-08-02T14:00:00Z", "2023-08-02T14:00:59Z")


def test_the_header_of_a_journal_tells_the_year(tmp_path: Path) -> None:
    begin, end = "Mon 2021-05-03 10:00:00 UTC", "Tue 2021-05-04 12:00:00 UTC"
    header = f"-- Logs begin at {begin}, end at {end}. --\n"
    report = report_of(tmp_path, header + "May 04 11:00:00 host app[7]: x\n")
    assert report["time"]["first"] == "2021-05-04T11:00:00Z"
