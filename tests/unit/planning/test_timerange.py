"""What the user asks for, from text to numbers; and that a search leaves to the engine what it
cannot do."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import ConditionError, UsageError
from logan.model import Detection, Source
from logan.options import Moment, Options
from logan.planning import timerange
from logan.planning.chunks import make_plan, replan
from logan.report.builder import selection

SECOND = 10**9
DAY_NS = 1_706_054_400 * SECOND  # 2024-01-24


@pytest.mark.parametrize(
    ("value", "zone", "nanos"),
    [
        ("2024-01-24", "UTC", DAY_NS),
        ("2024-01-24", "Europe/Berlin", DAY_NS - 3_600 * SECOND),
        ("2024-01-24 10:15", "UTC", DAY_NS + 36_900 * SECOND),
        ("2024-01-24T10:15:00.5+01:00", "UTC", DAY_NS + 33_300 * SECOND + SECOND // 2),
        (datetime(2024, 1, 24), "Europe/Berlin", DAY_NS - 3_600 * SECOND),
        (datetime(2024, 1, 24, tzinfo=UTC), "Europe/Berlin", DAY_NS),
        (
            datetime(2024, 1, 24, tzinfo=timezone(timedelta(hours=1))),
            "UTC",
            DAY_NS - 3_600 * SECOND,
        ),
        (datetime(2024, 1, 24, microsecond=123_456, tzinfo=UTC), "UTC", DAY_NS + 123_456_000),
        ("2h", "UTC", -7_200 * SECOND),
        ("1d 12h", "UTC", -129_600 * SECOND),
        ("90s", "UTC", -90 * SECOND),
        ("5min", "UTC", -300 * SECOND),
        ("250ms", "UTC", -SECOND // 4),
        ("1w", "UTC", -7 * 86_400 * SECOND),
        (timedelta(minutes=30), "UTC", -1_800 * SECOND),
    ],
)
def test_moments(value: Moment, zone: str, nanos: int) -> None:
    window = timerange.window(value, None, input_tz=zone)
    assert window.at(5) == (nanos + 5 if nanos < 0 else nanos, None)
    assert window.at(0) == (nanos, None)


@pytest.mark.parametrize(
    "value", ["", "25:15", "soon", "2 fortnights", "--2h", "2", "h", "2024-13-01"]
)
def test_no_moments(value: str) -> None:
    with pytest.raises(UsageError, match="not a valid time"):
        timerange.window(None, value, input_tz="UTC")


def test_an_unknown_zone_and_times_out_of_reach_are_said() -> None:
    with pytest.raises(UsageError, match="unknown time zone"):
        timerange.window("2024-01-24", None, input_tz="Mars/Olympus")
    with pytest.raises(UsageError, match="unknown time zone"):
        timerange.condition("status = 200", input_tz="Mars/Olympus")
    with pytest.raises(UsageError, match="1678 to 2261"):
        timerange.window("999999999w", None, input_tz="UTC").at(0)


def test_positions_are_characters_not_bytes() -> None:
    text = "message = 'äöü' und status = 5"
    with pytest.raises(ConditionError) as caught:
        timerange.condition(text, input_tz="UTC")
    assert caught.value.position == text.index("und")
    assert caught.value.pointer() == f"{text}\n{' ' * 16}^"


def test_group_fields_are_canonical_and_named_once() -> None:
    assert timerange.group_fields("STATUS") == ("status",)
    assert timerange.group_fields(["route", 'json."a"', "route"]) == ("route", "json.a")
    with pytest.raises(ConditionError, match="cannot group by"):
        timerange.group_fields(["duration"])


def test_nothing_asked_for_is_no_selection() -> None:
    assert selection(Options()) is None
    options = Options(since_ns=DAY_NS + 1_500_000, where="status = 200", by=("route",))
    assert selection(options) == {
        "since": "2024-01-24T00:00:00.0015Z",
        "until": None,
        "where": "status = 200",
        "by": ["route"],
        "fields_present": None,
    }
    with pytest.raises(UsageError, match="not before"):
        Options(since_ns=5, until_ns=5)
    with pytest.raises(UsageError, match="at most 4"):
        Options(by=("route", "path", "status", "level", "client"))


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=4),
    st.integers(1, 100),
)
def test_ranges_are_tiled_from_where_they_begin(
    ranges: list[tuple[int, int]], chunk_size: int
) -> None:
    sources = [Source("x", 1_000, "{}")] * len(ranges)
    options = Options(chunk_size=chunk_size)
    plan = make_plan(sources, [Detection()] * len(ranges), options, anchor_ns=0)
    found = [Source("x", 1_000, "{}", start=min(ends), end=max(ends)) for ends in ranges]
    plan = replan(plan, found, options)
    for index, source in enumerate(found):
        own = [(chunk.start, chunk.end) for chunk in plan.chunks if chunk.source == index]
        assert sum(end - start for start, end in own) == source.range[1] - source.range[0]
        if own:
            assert (own[0][0], own[-1][1]) == source.range
            assert [end for _, end in own[:-1]] == [start for start, _ in own[1:]]
    assert [chunk.id for chunk in plan.chunks] == list(range(len(plan.chunks)))
    assert plan.bytes == sum(max(ends) - min(ends) for ends in ranges)
