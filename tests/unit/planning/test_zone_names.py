"""Time zones as users name them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import _logan
from logan.planning.zone_names import near_zone, zone_info

NOON = datetime(2024, 1, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("+02:00", 2),
        ("-0530", -5.5),
        ("+2", 2),
        ("UTC+8", 8),
        ("GMT-03:00", -3),
        ("+00:00", 0),
        ("UTC", 0),
        ("Europe/Berlin", 1),
        ("Asia/Kolkata", 5.5),
    ],
)
def test_offsets_and_names(name: str, hours: float) -> None:
    assert zone_info(name).utcoffset(NOON) == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["", "+", "2", "+15", "-13", "+02:07", "+1:2:3", "Mars/Olympus"])
def test_no_zones(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone is"):
        zone_info(name)
    with pytest.raises(ValueError, match="unknown time zone"):
        _logan.moment("2024-01-24", input_tz=name)


@given(
    sign=st.sampled_from("+-"),
    hours=st.integers(0, 19),
    minutes=st.integers(0, 59) | st.sampled_from([0, 15, 30, 45]),
    colon=st.sampled_from(["", ":"]),
    prefix=st.sampled_from(["", "UTC", "GMT"]),
)
def test_engine_and_planning_agree(
    sign: str, hours: int, minutes: int, colon: str, prefix: str
) -> None:
    name = f"{prefix}{sign}{hours:02}{colon}{minutes:02}"
    try:
        moment = _logan.moment("2024-01-24T12:00:00", input_tz=name)
    except ValueError:
        with pytest.raises(ValueError, match="no time zone is"):
            zone_info(name)
        return
    local = datetime(2024, 1, 24, 12, tzinfo=zone_info(name))
    assert moment == int(local.timestamp()) * 10**9


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("CEST", "Europe/Berlin"),
        ("ist", "Asia/Kolkata"),
        ("zzzz", None),
    ],
)
def test_what_was_meant(slip: str, meant: str | None) -> None:
    assert near_zone(slip) == meant
