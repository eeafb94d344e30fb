"""Numbers, times and log text as people read them, and the bins of the timeline."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.report import units
from logan.report.text.timeline import bars, sparkline, timeline


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.000043, "43.0 ns"),
        (0.43, "430 µs"),
        (0.9996, "1.00 ms"),
        (9.999, "10.0 ms"),
        (95.27, "95.3 ms"),
        (127, "127 ms"),
        (999.6, "1.00 s"),
        (1234, "1.23 s"),
        (83_200, "83.2 s"),
        (150_000, "2.50 min"),
        (36_000_000, "10.0 h"),
    ],
)
def test_durations(ms: float | None, text: str) -> None:
    assert units.duration_ms(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.213, "213 ms"),
        (59.0, "59 s"),
        (59.9996, "60 s"),
        (60.0, "1 min"),
        (3_900.0, "1 h 5 min"),
        (3_601.0, "1 h"),
        (90_000.0, "1 d 1 h"),
        (40 * 31_557_600.0, "40 y"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert units.span(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.00 kB"),
        (2**30, "1.07 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_sizes(size: float | None, text: str) -> None:
    assert units.bytes_size(size) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(0, "0 %"), (0.00001, "<0.01 %"), (0.0152, "1.52 %"), (0.99999, ">99.9 %"), (1, "100 %")],
)
def test_percentages_never_round_to_nothing_or_all(ratio: float, text: str) -> None:
    assert units.percent(ratio) == text


def test_visible_spells_out_what_could_hide() -> None:
    assert units.visible("a\x1b[0m\t\u202e\x9b\udc80日") == "a\\x1b[0m\\t\\u{202e}\\x9b\\u{dc80}日"


def points(*seconds: int) -> list[dict[str, object]]:
    counts = {"records": 2, "requests": 1}
    return [
        {"t": datetime.fromtimestamp(s, UTC).isoformat(), **counts, "errors": s % 2}
        for s in seconds
    ]


@given(
    st.lists(st.integers(0, 86_400 * 20), min_size=1, max_size=50, unique=True),
    st.sampled_from([1, 10, 60]),
    st.integers(1, 150),
)
def test_bins_keep_every_count_and_fit_the_width(
    seconds: list[int], step_s: int, width: int
) -> None:
    stepped = sorted({second - second % step_s for second in seconds})
    chart = timeline(points(*stepped), step_s, width)
    assert chart is not None
    assert sum(each.requests for each in chart.bins) == len(stepped)
    assert sum(each.records for each in chart.bins) == 2 * len(stepped)
    assert sum(each.errors for each in chart.bins) == sum(second % 2 for second in stepped)
    assert len(chart.bins) * chart.columns <= width
    assert chart.bin_s % step_s == 0
    assert chart.bins[0].records
    assert chart.bins[-1].records


def test_decades_between_two_points_still_fit() -> None:
    far = [{**points(0)[0], "t": t} for t in ("1678-01-01T00:00:00Z", "2262-01-01T00:00:00Z")]
    chart = timeline(far, 1, 60)
    assert chart is not None
    assert len(chart.bins) <= 60


def test_no_points_no_chart() -> None:
    assert timeline([], 1, 80) is None


def test_bars_show_whatever_is_not_zero() -> None:
    assert bars([0, 1, 1_000], 2) == ["  █", " ▁█"]
    assert sparkline([0, 1, 2], columns=2) == "  ▄▄██"
    assert sparkline([0, 0]) == "  "
