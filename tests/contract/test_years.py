"""Timestamps without a year take it from what says more: their envelope, or the day of the week."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

import logan

KLOG = "I1218 06:13:36.831274      16 aggregator.go:115] Building the spec"
ANCHOR = "2026-02-01T00:00:00Z"


def docker(text: str) -> str:
    outer = {"log": text + "\n", "stream": "stderr", "time": "2023-12-18T06:13:36.831359143Z"}
    return json.dumps(outer)


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (f"2023-12-18T06:13:36.831359143Z stderr F {KLOG}", "2023-12-18T06:13:36.831274Z"),
        (docker(KLOG), "2023-12-18T06:13:36.831274Z"),
        (docker("Dec 18 06:13:36 host sshd[7]: session opened"), "2023-12-18T06:13:36Z"),
        (
            "2024-01-01T00:00:00.500Z stdout F I1231 23:59:59.900000 1 main.go:1] x",
            "2023-12-31T23:59:59.900Z",
        ),
        ("<134>Sep 23 13:24:36 filterlog: 61,,,1464380017,re0,match,block", "2025-09-23T13:24:36Z"),
        (
            "<174>Sep 23 13:24:35 nginx: 192.0.2.7 - - [23/Sep/2020:13:24:35 -0400] "
            '"POST /x HTTP/1.1" 200 5 "-" "curl"',
            "2020-09-23T17:24:35Z",
        ),
        ("Mon Aug  5 20:21:42 [initandlisten] MongoDB starting : INFO", "2024-08-05T20:21:42Z"),
    ],
)
def test_the_year_is_the_one_that_is_told(tmp_path: Path, line: str, time: str) -> None:
    log = tmp_path / "some.log"
    log.write_text(f"{line}\n" * 5)
    report = logan.analyze(log, anchor=datetime.fromisoformat(ANCHOR))
    assert report["time"]["first"] == time
    assert report["lines"]["parsed"] == 5


@pytest.mark.parametrize("front", ["01-05 10:00:00 ", "[01-05 10:00:00]", "Jan  5 10:00:00 "])
def test_a_request_of_asp_net_has_the_year_of_its_head(tmp_path: Path, front: str) -> None:
    path = tmp_path / "app.log"
    head = f"{front}info: Microsoft.AspNetCore.Hosting.Diagnostics[2]\n"
    request = "      Request finished HTTP/1.1 GET http://localhost/a - 200 - text/html 1ms\n"
    path.write_text((head + request) * 3, "utf-8")
    written = datetime.fromisoformat("2026-02-01T00:00:00+00:00").timestamp()
    os.utime(path, (written, written))
    report = logan.analyze(path).to_dict()
    assert report["status"] == {"200": 3}
    assert (report["time"]["first"], report["time"]["last"]) == ("2026-01-05T10:00:00Z",) * 2
    timezones = {each["name"]: each["timezone"] for each in report["inputs"][0]["formats"]}
    assert timezones["dotnet"] != "written"
