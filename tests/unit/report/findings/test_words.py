"""What findings say."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from logan.report.findings import findings_lines, sentence


def finding(kind: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "start": "2024-01-24T10:24:20Z",
        "end": "2024-01-24T10:27:00Z",
        "metric": "requests_per_second",
        "before": 0.004,
        "during": 0.31,
        "where": [],
        **changes,
    }


def where(field: str, value: str, share: float = 1.0) -> dict[str, Any]:
    return {"field": field, "value": value, "share": share, "share_outside": 0.1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            finding(
                "client_errors",
                start=None,
                end=None,
                records=1_890,
                status="404",
                before=0.012,
                during=0.97,
                where=[where("client", "203.0.113.9", 0.89), where("route", "GET /x")],
            ),
            "client errors, mostly 404: 1,890 (89 % of all) from client 203.0.113.9, on GET /x; "
            "97 % of its requests, 1.2 % elsewhere",
        ),
        (
            finding(
                "errors",
                where=[where("route", "POST /checkout", 0.97), where("host", "web3")],
                message="Database connection failed",
            ),
            "errors 0.4 % → 31 % from 10:24:20 to 10:27:00 on 2024-01-24: 97 % of them "
            "POST /checkout, all on web3; new message: Database connection failed",
        ),
        (
            finding("errors", end=None),
            "errors 0.4 % → 31 % since 10:24:20 on 2024-01-24",
        ),
        (
            finding("latency", before=50, during=1_200, where=[where("route", "GET /a")]),
            "response time 50 ms → 1.2 s from 10:24:20 to 10:27:00 on 2024-01-24: GET /a",
        ),
        (
            finding("traffic_drop", before=120, during=0.0),
            "requests 120/s → 0/s from 10:24:20 to 10:27:00 on 2024-01-24",
        ),
        (
            finding("traffic_surge", before=0.01, during=0.03, where=[where("client", "::1", 0.6)]),
            "requests 0.6/min → 1.8/min from 10:24:20 to 10:27:00 on 2024-01-24: 60 % of them "
            "from client ::1",
        ),
        (
            finding(
                "message_gone", before=90.0, during=0.0, end=None, where=[where("template", "a\nb")]
            ),
            "message gone after 10:24:20 on 2024-01-24, 90 times before: a\\nb",
        ),
        (
            finding(
                "concentration",
                **{"start": None, "end": None, "during": 1.0},
                where=[where("route", "GET /x", 0.8)],
            ),
            "errors 100 % all along: 80 % of them GET /x",
        ),
        (
            finding("malformed", start=None, end=None, during=0.2),
            "20 % of all lines are malformed",
        ),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) else "",
)
def test_sentences(given: dict[str, Any], said: str) -> None:
    assert sentence(given) == said


def test_times_are_in_the_zone_that_is_asked_for() -> None:
    said = findings_lines({"findings": [finding("errors")]}, ZoneInfo("Asia/Kolkata"))
    assert said == ["errors 0.4 % → 31 % from 15:54:20 to 15:57:00 on 2024-01-24"]
    assert findings_lines({}) == []


def test_two_days_are_both_named() -> None:
    said = sentence(finding("errors", start="2024-01-23T23:00:00Z"))
    assert "from 2024-01-23 23:00:00 to 2024-01-24 10:27:00" in said
