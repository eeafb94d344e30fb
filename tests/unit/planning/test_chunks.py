"""The plan: chunks tile every source, and nothing but inputs and options decides it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import UsageError
from logan.limits import CHUNKS_PER_JOB_MAX, TOP_ROWS_MAX
from logan.model import Detection, FormatShare, Source
from logan.options import Options
from logan.planning.chunks import chunk_size_for, make_plan, tile
from logan.planning.spec import anchor_of, spec_json

SIZES = st.lists(st.integers(0, 10_000), max_size=8)


@given(SIZES, st.integers(1, 5_000))
def test_chunks_tile_every_source_without_gap_or_overlap(sizes: list[int], chunk_size: int) -> None:
    chunks = tile([(0, size) for size in sizes], chunk_size)
    assert [chunk.id for chunk in chunks] == list(range(len(chunks)))
    for source, size in enumerate(sizes):
        own = [chunk for chunk in chunks if chunk.source == source]
        edges = [chunk.start for chunk in own] + [size]
        assert edges[0] == 0
        assert [chunk.end for chunk in own] == edges[1:]
        assert all(0 < chunk.end - chunk.start <= chunk_size for chunk in own)
    assert [chunk.source for chunk in chunks] == sorted(chunk.source for chunk in chunks)


@given(st.lists(st.integers(0, 2**50), max_size=8), st.integers(1, 2**24))
def test_chunk_size_doubles_until_the_job_is_small_enough(sizes: list[int], wanted: int) -> None:
    chunk_size = chunk_size_for(sizes, wanted)

    def count(each: int) -> int:
        return sum(-(-size // each) for size in sizes)

    assert count(chunk_size) <= CHUNKS_PER_JOB_MAX
    assert chunk_size == wanted or count(chunk_size // 2) > CHUNKS_PER_JOB_MAX
    ratio = chunk_size // wanted
    assert ratio * wanted == chunk_size
    assert ratio & (ratio - 1) == 0


def test_more_sources_than_chunks_are_refused_instead_of_doubling_for_ever() -> None:
    with pytest.raises(UsageError, match="16,384 inputs"):
        chunk_size_for([1] * (CHUNKS_PER_JOB_MAX + 1), 1)


def test_detected_formats_go_into_the_spec_in_their_order() -> None:
    found = Detection(
        formats=(
            FormatShare("combined", 90, 0.9, params={"time_unit": "s"}),
            FormatShare("app", 10, 0.1),
        )
    )
    spec = json.loads(spec_json([found, Detection()], Options(top=3), anchor_ns=7))
    formats = [{"name": "combined", "params": {"time_unit": "s"}}, {"name": "app", "params": {}}]
    assert spec == {
        "version": 2,
        "meaning": {"off": ["templates"]},
        "top": 3,
        "sources": [
            {"reading": {"formats": formats, "input_tz": "UTC", "anchor_ns": 7}},
            {"reading": {"formats": [], "input_tz": "UTC", "anchor_ns": 7}},
        ],
    }


def test_a_forced_format_is_the_only_one_and_keeps_what_was_learnt_about_it() -> None:
    found = Detection(formats=(FormatShare("combined", 1, 1.0, params={"time_unit": "s"}),))
    options = Options(format="combined")
    (source,) = json.loads(spec_json([found], options, anchor_ns=0))["sources"]
    expected = [{"name": "combined", "params": {"time_unit": "s"}}]
    rest = {"only": True, "input_tz": "UTC", "anchor_ns": 0}
    assert source["reading"] == {"formats": expected, **rest}
    (source,) = json.loads(spec_json([Detection()], options, anchor_ns=0))["sources"]
    assert source["reading"] == {"formats": [{"name": "combined", "params": {}}], **rest}


def test_a_plan_is_the_same_for_the_same_inputs_and_options() -> None:
    sources = [Source("a.log", 100, "{}"), Source("b.log", 0, "{}"), Source("-", None)]
    plans = [
        make_plan(sources, [Detection()] * 3, Options(chunk_size=30), anchor_ns=1) for _ in range(2)
    ]
    assert plans[0] == plans[1]
    assert plans[0].bytes == 100
    assert [(chunk.source, chunk.start, chunk.end) for chunk in plans[0].chunks] == [
        (0, 0, 30),
        (0, 30, 60),
        (0, 60, 90),
        (0, 90, 100),
    ]


@pytest.mark.parametrize("options", [{"top": 0}, {"top": TOP_ROWS_MAX + 1}, {"chunk_size": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Options(**options)  # type: ignore[arg-type]


def test_what_was_decided_about_timestamps_travels_with_the_spec() -> None:
    found = Detection(time={"zone_column": True})
    (source,) = json.loads(spec_json([found], Options(date_order="dmy"), anchor_ns=0))["sources"]
    assert source["reading"]["time"] == {"zone_column": True, "date_order": "dmy"}
    (source,) = json.loads(spec_json([Detection()], Options(), anchor_ns=0))["sources"]
    assert "time" not in source["reading"]


@pytest.mark.parametrize(
    ("latest", "written", "anchor"),
    [
        (None, 5, 5),
        (3, 5, 3),
        # What lies behind the end of the file by more than two days was not logged then.
        (10**15, 10**15 - 10**14, 10**15),
        (10**15, 10**15 - 3 * 10**14, 10**15 - 3 * 10**14),
        # A stream goes on from now, unless it is an old log.
        (None, None, 10**18),
        (10**18 - 10**15, None, 10**18),
        (10**17, None, 10**17),
    ],
)
def test_the_anchor_is_the_latest_dated_timestamp(
    latest: int | None, written: int | None, anchor: int
) -> None:
    found = Detection(anchor_ns=latest)
    assert anchor_of(found, written_ns=written, now_ns=10**18) == anchor
