"""What was there before a watch began: threads count it as one reader would, or leave it alone."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import _logan
from logan._logan import Spec, Summary
from logan.errors import SourceChangedError
from logan.live import backlog, joining
from logan.live.counted import TABLES
from logan.live.timeline import TABLES as TIMELINE_TABLES
from logan.live.watching import Watch
from logan.live.windows import WINDOWS
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json
from tests.unit.live.test_watching import NOW, line, read_all

SPEC = Spec(spec_json([Detection()], Options(), anchor_ns=int(NOW * 1e9)))


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "BACKLOG_BYTES_MIN", 1)
    monkeypatch.setattr(backlog, "UNIT_BYTES_MIN", 20_000)
    monkeypatch.setattr(backlog, "UNIT_BYTES_MAX", 20_000)


def lines(count: int, *, step: int = 1) -> Iterator[bytes]:
    """A log that ends at `NOW`, now and then with a line that is none, or an error."""
    chance = random.Random(count)
    first = 932 - count * step
    for n in range(count):
        second = first + n * step
        status = 500 if chance.random() < 0.1 else 200
        text = f"/{'abc'[n % 3]}/{n}"
        yield line(second, status=status, text=text) if n % 50 else b"Traceback (most recent)\n"


def log_of(path: Path, count: int, *, step: int = 1) -> Path:
    path.write_bytes(b"".join(lines(count, step=step)))
    os.utime(path, (NOW, NOW))
    return path


def watch_of(path: Path) -> Watch:
    return Watch([str(path)], Options(), start="start", now=NOW)


def serial(path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    with monkeypatch.context() as patch:
        patch.setattr(joining, "BACKLOG_BYTES_MIN", 1 << 40)
        return watch_of(path)


cuts_of_lines = st.lists(
    st.tuples(st.integers(1, 299), st.sampled_from([(), TABLES, TIMELINE_TABLES])),
    unique_by=lambda cut: cut[0],
    max_size=12,
).map(sorted)


@given(cuts_of_lines, st.integers(0, 250))
def test_parts_of_a_chunk_add_up_to_it(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[tuple[int, tuple[str, ...]]], first: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "parts.log"
    text = list(lines(300))
    path.write_bytes(b"".join(text))
    places = [0]
    for each in text:
        places.append(places[-1] + len(each))
    wanted = [(places[n], held) for n, held in cuts if n > first]
    args = (str(path), places[first], places[-1], SPEC)
    parts = Summary.from_chunk_in_parts(*args, wanted)
    assert len(parts) == len(wanted) + 1
    assert Summary.sum(parts).to_bytes() == Summary.from_chunk(*args).to_bytes()
    since = places[first]
    for part, (place, held) in zip(parts, wanted, strict=False):
        # Without what goes on, it is what a chunk of its own says; lines before may go on in it.
        alone = Summary.from_chunk(str(path), since, place, SPEC)
        assert part.without(TIMELINE_TABLES) == alone.without(TIMELINE_TABLES)
        assert part.without(held) == part
        since = place


@pytest.mark.parametrize("cuts", [[(0, [])], [(140, []), (140, [])], [(10**9, [])]])
def test_cuts_that_cannot_be(tmp_path: Path, cuts: list[tuple[int, list[str]]]) -> None:
    path = log_of(tmp_path / "a.log", 50)
    with pytest.raises(ValueError, match="cuts must lie in the chunk"):
        Summary.from_chunk_in_parts(str(path), 0, path.stat().st_size, SPEC, cuts)


def test_cuts_at_which_no_line_starts(tmp_path: Path) -> None:
    path = log_of(tmp_path / "a.log", 50)
    for start, cut in [(0, 5), (3, 4), (3, 200)]:
        with pytest.raises(SourceChangedError, match=f"no line starts at byte {cut} any more"):
            Summary.from_chunk_in_parts(str(path), start, 1_000, SPEC, [(cut, [])])


@given(st.lists(st.integers(0, 90), min_size=1, max_size=80), st.lists(st.integers(-5, 99)))
def test_places_are_those_of_the_first_records_that_are_not_older(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int], wanted: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "places.log"
    seconds.sort()
    pad = "x" * 1_200  # several reads of a probe
    text = [b"nothing of the kind\n", *(line(each, text=f"/{pad}") for each in seconds)]
    path.write_bytes(b"".join(text))
    ends = [0]
    for each in text:
        ends.append(ends[-1] + len(each))
    begin = 1_706_090_400  # the second that `line` counts from
    found = _logan.places(str(path), 0, ends[-1], SPEC, [(begin + each) * 10**9 for each in wanted])
    for second, place in zip(wanted, found, strict=True):
        older = sum(each < second for each in seconds)
        assert place == (ends[-1] if older == len(seconds) else ends[1 + older])


@pytest.mark.parametrize("step", [1, 60])
def test_windows_and_timelines_are_those_of_one_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    path = log_of(tmp_path / "a.log", 3_000, step=step)
    one, many = serial(path, monkeypatch), watch_of(path)
    assert [log.backlog is None for log in (*one._logs.values(), *many._logs.values())] == [
        True,
        False,
    ]
    for watch in (one, many):
        read_all(watch, NOW)
        with path.open("ab") as file:
            file.write(line(933))
        read_all(watch, NOW + 8)
        path.write_bytes(path.read_bytes()[: -len(line(933))])
        os.utime(path, (NOW, NOW))
    now = NOW + 14
    for window, seconds in WINDOWS.items():
        assert many.history(window, now) == one.history(window, now), window
        for figures in ("figures", "summary"):
            found, expected = (
                json.loads(getattr(watch, figures)(seconds, now).evaluate())
                for watch in (many, one)
            )
            assert found == expected, (window, figures)
    assert many.finish(now).to_bytes() == one.finish(now).to_bytes()


def test_the_summary_is_that_of_the_file(tmp_path: Path) -> None:
    path = log_of(tmp_path / "a.log", 3_000)
    watch = watch_of(path)
    read_all(watch, NOW)
    (spec,) = watch.specs().values()
    total = watch.finish(NOW + 9)
    feed = _logan.Feed(spec)
    feed.push(path.read_bytes())
    assert total.to_bytes() == feed.finish().to_bytes()


@pytest.mark.parametrize("units", [0, 1, 3])
@pytest.mark.parametrize("how", ["truncated", "rewritten", "renamed", "copied and truncated"])
def test_a_file_that_changes_meanwhile(tmp_path: Path, how: str, units: int) -> None:
    path = log_of(tmp_path / "a.log", 3_000)
    before = path.read_bytes()
    watch = watch_of(path)
    for _ in range(units):
        assert watch.step(NOW)
    fresh = b"".join(line(940 + n, text="/fresh") for n in range(40))
    if how == "renamed":
        path.rename(tmp_path / "a.log.1")
    elif how == "copied and truncated":
        (tmp_path / "a.log.1").write_bytes(before)
    if how == "rewritten":
        path.write_bytes(before.replace(b"/a/", b"/z/") + fresh)
    else:
        path.write_bytes(fresh)
    read_all(watch, NOW + 2)
    (counter,) = (log.counter for log in watch._logs.values())
    total = json.loads(watch.finish(NOW + 9).evaluate())
    counted = total["lines"]["total"]
    if how in ("renamed", "copied and truncated"):
        assert counted == 3_000 + 40
        assert not counter.missing
    else:
        # What was counted before stays, what is there now is counted, and the gap is told.
        at_least = 40 if how == "truncated" else 3_040
        assert at_least <= counted <= 3_040 + 3_000
        assert any(each.is_fault and "lost" in each.text for each in watch.notices)
        if not units:
            assert counted == at_least


@pytest.mark.parametrize("left", [0, 1, 100_000])
def test_a_log_that_is_cut_while_it_waits(tmp_path: Path, left: int) -> None:
    log_of(tmp_path / "a.log", 1_500)
    path = log_of(tmp_path / "b.log", 3_000)
    watch = Watch([str(tmp_path)], Options(), start="start", now=NOW)
    watch.step(NOW)
    kept = path.read_bytes()[:left].rpartition(b"\n")[0] + b"\n" if left else b""
    path.write_bytes(kept)
    read_all(watch, NOW)
    report = watch.report(watch.finish(NOW), final=True)
    assert report["lines"]["total"] == 1_500 + kept.count(b"\n")
    assert report["partial"] or any("is lost" in each.text for each in watch.notices)
    assert any(each.is_fault and each.log == str(path) for each in watch.notices)


def test_of_many_logs_one_is_counted_at_a_time(tmp_path: Path) -> None:
    paths = [log_of(tmp_path / f"{name}.log", 1_500 + at) for at, name in enumerate("abc")]
    watch = Watch([str(tmp_path)], Options(), start="start", now=NOW)
    logs = [watch._logs[str(each)] for each in paths]
    while any(log.backlog is not None for log in logs):
        assert watch.step(NOW)
        begun = [log.backlog._threads is not None for log in logs if log.backlog is not None]
        assert sum(begun) <= 1
    read_all(watch, NOW)
    lines = json.loads(watch.finish(NOW).evaluate())["lines"]["total"]
    assert lines == sum(1_500 + at for at in range(3))


def test_ctrl_c_while_it_is_counted(tmp_path: Path) -> None:
    path = log_of(tmp_path / "a.log", 3_000)
    watch = watch_of(path)
    for _ in range(3):
        watch.step(NOW)
    total = watch.finish(NOW)
    watch.close()
    report = watch.report(total, final=True)
    ((_, start, end),) = total.segments()
    (missing,) = report["missing"]
    assert (missing["start"], missing["end"]) == (end, path.stat().st_size)
    assert "bytes that were there already were not read" in missing["why"]
    assert report["partial"]
    assert start == 0
    assert 0 < end < path.stat().st_size
    (spec,) = watch.specs().values()
    feed = _logan.Feed(spec)
    feed.push(path.read_bytes()[:end])
    assert total.to_bytes() == feed.finish().to_bytes()


def test_an_error_of_the_engine_is_left_to_the_reader(tmp_path: Path) -> None:
    path = log_of(tmp_path / "a.log", 3_000)
    watch = Watch([str(path)], Options(format="access"), start="start", now=NOW)
    (log,) = watch._logs.values()
    assert log.backlog is not None
    log.backlog._spec = Spec(  # as if the engine failed over each unit
        json.dumps(json.loads(log.backlog._spec.to_json()) | {"panic_on": "/b/1003"})
    )
    while log.backlog is not None:
        assert watch.step(NOW)
    assert 0 < log.read < path.stat().st_size // 2
    read_all(watch, NOW)
    assert json.loads(watch.finish(NOW).evaluate())["lines"]["total"] == 3_000
