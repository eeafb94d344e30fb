"""Times as users write them, in a stated zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import UsageError
from logan.planning import timerange
from logan.planning.moments import age_ns, dated

NOW = int(datetime(2024, 1, 24, 23, 30, tzinfo=UTC).timestamp()) * 10**9
HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2h", 2 * HOUR),
        ("-2h", 2 * HOUR),
        ("- 2 h", 2 * HOUR),
        ("2 hours ago", 2 * HOUR),
        ("2h ago", 2 * HOUR),
        ("1 hour, 30 minutes ago", 3 * HOUR // 2),
        ("1d12h", 36 * HOUR),
        ("1 Week", 7 * 24 * HOUR),
        ("90min", 3 * HOUR // 2),
        ("500ms", 5 * 10**8),
        ("now", 0),
        *(
            (each, None)
            for each in ("2024", "h", "2 fortnights", "", "ago", "10:15", "2hx", "--2h")
        ),
    ],
)
def test_ages(text: str, nanos: int | None) -> None:
    assert age_ns(text) == nanos


@given(st.integers(0, 10**6), st.sampled_from(["s", "m", "h", "d", "w", "seconds", "min"]))
def test_all_forms_of_an_age_are_the_same(n: int, unit: str) -> None:
    forms = (f"{n}{unit}", f"{n} {unit}", f"-{n}{unit}", f"{n} {unit} ago")
    assert len({age_ns(each) for each in forms}) == 1


@pytest.mark.parametrize(
    ("text", "zone", "date"),
    [
        ("10:15", "UTC", "2024-01-24 10:15:00"),
        ("9:05:07.25", "UTC", "2024-01-24 09:05:07.25"),
        ("today", "UTC", "2024-01-24 00:00:00"),
        ("Yesterday", "UTC", "2024-01-23 00:00:00"),
        ("yesterday 22:10", "UTC", "2024-01-23 22:10:00"),
        ("today at 8:00", "UTC", "2024-01-24 08:00:00"),
        ("10:15", "Asia/Kolkata", "2024-01-25 10:15:00"),
        ("yesterday", "America/New_York", "2024-01-23 00:00:00"),
        *((each, "UTC", None) for each in ("24:00", "10:60", "", "tomorrow", "2024-01-24 10:15")),
    ],
)
def test_days_and_clocks_are_of_the_zone(text: str, zone: str, date: str | None) -> None:
    assert dated(text, now_ns=NOW, zone=zone) == date


def test_a_time_range_of_them() -> None:
    made = timerange.options(
        since="yesterday 9:30", until="10:15", input_tz="Europe/Berlin", now_ns=NOW
    )
    assert made.since_ns == int(datetime(2024, 1, 24, 8, 30, tzinfo=UTC).timestamp()) * 10**9
    assert made.until_ns == int(datetime(2024, 1, 25, 9, 15, tzinfo=UTC).timestamp()) * 10**9
    assert timerange.options(since="-2h", now_ns=NOW).since_ns == NOW - 2 * HOUR
    last = timerange.options(since="2 hours ago", relative_to="last", now_ns=NOW)
    assert last.since_back_ns == 2 * HOUR


def test_a_clock_beside_the_last_record_is_refused() -> None:
    for text in ("10:15", "yesterday"):
        with pytest.raises(UsageError, match="a time of today") as caught:
            timerange.options(since=text, relative_to="last", now_ns=NOW)
        assert "write the date" in str(caught.value.hint)


@pytest.mark.parametrize("relative_to", ["now", "last"])
def test_what_is_no_time_is_refused_with_the_zone(relative_to: str) -> None:
    for text in ("yesterdy", "25:00", "2 fortnights"):
        with pytest.raises(UsageError, match="cannot parse since") as caught:
            timerange.options(
                since=text,
                relative_to=relative_to,  # type: ignore[arg-type]
                input_tz="Europe/Berlin",
                now_ns=NOW,
            )
        assert "in Europe/Berlin" in str(caught.value.hint)
