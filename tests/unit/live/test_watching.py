"""A watch counts what `analyze` counts, whatever the pieces, and each line of a log once."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from logan import _logan, load
from logan.errors import InputError, UsageError
from logan.live.starting import parse_from
from logan.live.watching import Watch
from logan.options import Options
from tests.support.rotating import KINDS, Writer

NOW = 1_706_091_332.0  # 2024-01-24T10:15:32Z


def line(second: int, *, status: int = 200, text: str = "/api/items/7") -> bytes:
    hour, minute = 10 + second // 3600, second // 60 % 60
    stamp = f"24/Jan/2024:{hour:02}:{minute:02}:{second % 60:02} +0000"
    return f'10.0.0.1 - - [{stamp}] "GET {text} HTTP/1.1" {status} 17 "-" "curl" 0.025\n'.encode()


def watch_of(*paths: Path | str, start: str | float = "start", **options: object) -> Watch:
    return Watch([str(each) for each in paths], Options(**options), start=start, now=NOW)  # type: ignore[arg-type]


def lines_of(watch: Watch, window: str, now: float) -> int:
    return int(watch.view(window, now)["lines"]["total"])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    return path


def read_all(watch: Watch, now: float) -> None:
    for _ in range(5):
        while watch.step(now):
            pass
        now += 1.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_summary_of_all_is_that_of_the_same_bytes(tmp_path: Path, kind: str) -> None:
    writer = Writer(tmp_path, kind, 7)
    watch = watch_of(writer.path, chunk_size=10_000)
    (log,) = watch._logs.values()
    read, seen = log.reader.read, bytearray()

    def recorded(most: int, now: float) -> bytes:
        data = read(most, now)
        seen.extend(data)
        return data

    log.reader.read = recorded  # type: ignore[method-assign]
    now = NOW
    for _ in range(20):
        writer.write(17)
        read_all(watch, now)
        watch.view("1m", now + 5)
        writer.rotate()
        now += 7
    writer.write(3)
    os.write(writer.fd, b"2024-01-24 10:16:00.000 INFO no newline")
    read_all(watch, now)
    total = watch.finish(now + 9)
    (spec,) = watch.specs().values()
    feed = _logan.Feed(spec, chunk_size=10_000)
    feed.push(bytes(seen))
    assert total.to_bytes() == feed.finish().to_bytes()
    assert json.loads(total.evaluate())["lines"]["parsed"] == writer.lines + 1


def test_from_the_middle_equals_the_range(log: Path) -> None:
    log.write_bytes(b"".join(line(each) for each in range(600)))
    os.utime(log, (NOW, NOW))
    watch = watch_of(log, start=60.0)
    read_all(watch, NOW)
    total = watch.finish(NOW)
    segments = total.segments()
    assert len(segments) == 1
    _, start, end = segments[0]
    assert end == log.stat().st_size
    assert start % len(line(0)) == 0
    assert 440 <= start // len(line(0)) <= 540  # and no record of that minute is left out
    (spec,) = watch.specs().values()
    whole = _logan.Summary.from_chunk(str(log), start, end, spec)
    assert json.loads(whole.evaluate()) | {"sources": 0} == json.loads(total.evaluate()) | {
        "sources": 0
    }


def test_records_that_were_there_are_placed_by_their_time(log: Path) -> None:
    log.write_bytes(b"".join(line(each) for each in range(3_000)))
    os.utime(log, (NOW - 10, NOW - 10))
    watch = watch_of(log)
    read_all(watch, NOW)
    assert lines_of(watch, "all", NOW) == 3_000
    assert 285 <= lines_of(watch, "5m", NOW) <= 330
    assert 40 <= lines_of(watch, "1m", NOW) <= 80
    assert lines_of(watch, "1m", NOW + 90) == 0
    assert lines_of(watch, "1h", NOW + 90) == 3_000


def test_windows_forget_and_the_sum_does_not(log: Path) -> None:
    watch = watch_of(log)
    now = NOW
    for minute in range(90):
        with log.open("ab") as file:
            file.write(line(minute * 60) * 2)
        watch.step(now)
        watch.step(now + 2)
        assert lines_of(watch, "1m", now + 3) in (2, 4)
        now += 60
    assert lines_of(watch, "all", now) == 180
    assert 118 <= lines_of(watch, "1h", now) <= 130
    assert 118 <= watch.glance("1h", now)["lines"]["total"] <= 124
    assert 8 <= lines_of(watch, "5m", now) <= 12
    step, day = watch.history("all", now)
    assert step == 300
    assert sum(each["records"] for each in day) == 180
    assert sum(each["records"] for each in watch.history("5m", now)[1]) in (8, 10)
    read_all(watch, now + 30 * 3_600)
    assert lines_of(watch, "1h", now + 30 * 3_600) == 0
    assert lines_of(watch, "all", now + 30 * 3_600) == 180


def test_a_line_counts_when_it_is_whole(log: Path) -> None:
    watch = watch_of(log)
    with log.open("ab", buffering=0) as file:
        file.write(line(0) + line(1)[:20])
        read_all(watch, NOW)
        assert lines_of(watch, "all", NOW + 6) == 1
        read_all(watch, NOW + 7_200)
        assert lines_of(watch, "all", NOW + 7_200) == 1
        file.write(line(1)[20:])
        read_all(watch, NOW + 7_300)
    assert lines_of(watch, "1m", NOW + 7_300) == 1
    assert lines_of(watch, "all", NOW + 7_300) == 2


def test_new_files_join_and_equal_logs_stay_two(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(line(0) * 30)
    watch = watch_of(tmp_path / "*.log")
    read_all(watch, NOW)
    (tmp_path / "b.log").write_bytes(line(0) * 30)
    (tmp_path / "c.log.gz").write_bytes(gzip.compress(line(0)))
    read_all(watch, NOW + 10)
    report = watch.view("all", NOW + 20)
    assert [each["path"] for each in report["inputs"]] == watch.names
    assert [each["bytes"] for each in report["inputs"]] == [30 * len(line(0))] * 2
    final = watch.report(watch.finish(NOW + 30), final=True)
    assert final["total_requests"] == 60


def test_faults_are_named_and_what_exists_is_read(log: Path) -> None:
    watch = watch_of(log)
    log.write_bytes(line(0) * 3)
    read_all(watch, NOW)
    log.write_bytes(line(1) * 5)  # truncated and grown past the old offset, before the next look
    read_all(watch, NOW + 10)
    assert lines_of(watch, "all", NOW + 20) == 8
    (lost,) = [each for each in watch.notices if each.kind == "lost"]
    assert f"after byte {3 * len(line(0))}" in lost.text
    assert lost.start == 3 * len(line(0))
    log.unlink()
    read_all(watch, NOW + 20)
    log.mkdir()
    read_all(watch, NOW + 30)
    log.rmdir()
    log.write_bytes(line(2))
    read_all(watch, NOW + 40)
    assert lines_of(watch, "all", NOW + 50) == 9
    kinds = [each.kind for each in watch.notices]
    assert [each for each in kinds if each in ("vanished", "unreadable")] == [
        "vanished",
        "unreadable",
    ]
    report = watch.report(watch.finish(NOW + 60), final=True)
    assert any("lost" in note for note in report["inputs"][0]["notes"])


def test_a_writer_that_does_not_append_leaves_a_hole(log: Path) -> None:
    watch = watch_of(log)
    with log.open("wb", buffering=0) as file:
        file.write(line(0) * 200)
        read_all(watch, NOW)
        os.truncate(log, 0)
        file.write(line(1) * 2)
        read_all(watch, NOW + 10)
        file.write(line(2))
        read_all(watch, NOW + 20)
    assert lines_of(watch, "all", NOW + 30) == 203
    assert watch.view("all", NOW + 30)["malformed_lines"] == 0


def test_what_comes_later_is_waited_for(tmp_path: Path) -> None:
    watch = watch_of(tmp_path / "later.log")
    read_all(watch, NOW)
    assert "waiting" in [each.kind for each in watch.notices]
    (tmp_path / "later.log").write_bytes(line(0) * 2)
    read_all(watch, NOW + 10)
    assert lines_of(watch, "all", NOW + 20) == 2


def test_an_error_of_the_engine_costs_its_lines_alone(log: Path) -> None:
    watch = watch_of(log)
    log.write_bytes(line(0) * 3)
    read_all(watch, NOW)
    (entry,) = watch._logs.values()
    spec = json.loads(entry.counter.spec.to_json()) | {"panic_on": "boom"}  # type: ignore[union-attr]
    entry.counter._spec = _logan.Spec(json.dumps(spec))
    entry.counter._feed = entry.counter._native(log.stat().st_size, b"")
    for text in (line(1), line(1, text="/boom"), line(2) * 4):
        with log.open("ab") as file:
            file.write(text)
        read_all(watch, NOW + 10)
    report = watch.report(watch.summary(None, NOW + 20), final=True)
    assert report["lines"]["total"] == 8
    assert report["partial"]
    assert report["missing"][0]["start"] == 4 * len(line(0))


@pytest.mark.parametrize(
    ("path", "why"), [("s3://b/a.log", "this machine"), ("a.log.gz", "compressed")]
)
def test_what_cannot_be_followed_is_refused(path: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        watch_of(path)


def test_content_that_is_compressed_is_refused(log: Path) -> None:
    log.write_bytes(gzip.compress(line(0)))
    with pytest.raises(InputError, match="gzip"):
        watch_of(log)


def test_from() -> None:
    assert parse_from("1h30m") == parse_from("-1h30m") == 5_400
    assert parse_from("end") == "end"
    with pytest.raises(UsageError, match="--from 'noon'"):
        parse_from("noon")


@pytest.mark.parametrize("start", ["start", "end", 60.0])
def test_columns_that_a_header_says(log: Path, start: str | float) -> None:
    header = b"#Fields: date time cs-method cs-uri-stem sc-status time-taken\n"

    def row(second: int) -> bytes:
        stamp = f"2024-01-24 10:{second // 60:02}:{second % 60:02}"
        return f"{stamp} GET /items {200 if second % 2 else 500} 25\n".encode()

    log.write_bytes(header + b"".join(row(each) for each in range(900)))
    os.utime(log, (NOW, NOW))
    watch = watch_of(log, start=start)
    read_all(watch, NOW)
    before = lines_of(watch, "all", NOW + 5)
    with log.open("ab") as file:
        file.write(row(900) + row(901))
    read_all(watch, NOW + 6)
    log.rename(log.with_suffix(".log.1"))
    other = b"#Fields: date time sc-status cs-method cs-uri-stem\n"
    log.write_bytes(other + b"2024-01-24 10:20:00 500 GET /other\n")
    read_all(watch, NOW + 12)
    report = watch.view("all", NOW + 20)
    assert report["lines"]["total"] == before + 4
    assert report["malformed_lines"] == 0
    assert report["status"]["500"] >= 2
    assert {each["route"] for each in report["routes"]["top"]} == {"GET /items", "GET /other"}


def test_records_that_are_cut_into_pieces(log: Path) -> None:
    """A container runtime's line before the place where a watch begins belongs to one after it."""

    def piece(tag: str, text: str) -> bytes:
        return f"2024-01-24T10:15:30.000000000Z stdout {tag} {text}\n".encode()

    text = '{"level":"error","msg":"db ' + "x" * 200
    log.write_bytes(piece("F", '{"level":"info","msg":"ok"}') * 50 + piece("P", text))
    watch = watch_of(log, start="end")
    read_all(watch, NOW)
    with log.open("ab") as file:
        file.write(piece("F", 'failed"}') + piece("F", '{"level":"info","msg":"ok"}'))
    read_all(watch, NOW + 3)
    report = watch.view("all", NOW + 5)
    assert report["lines"]["total"] == 2
    assert report["errors"]["total"] == 1


def test_logs_far_behind_and_a_clock_that_is_set(log: Path) -> None:
    watch = watch_of(log)
    with log.open("ab") as file:
        file.write(line(0) * 30)
    for now in (NOW, NOW - 3_000, NOW + 9):
        watch.step(now)
        watch.view("5m", now)
    assert lines_of(watch, "all", NOW + 10) == 30


@pytest.mark.parametrize("there", ["nothing new", "empty", "absent"])
def test_a_summary_of_nothing_is_one(tmp_path: Path, there: str) -> None:
    quiet, busy = tmp_path / "quiet.log", tmp_path / "busy.log"
    busy.write_bytes(line(0) * 3)
    if there != "absent":
        quiet.write_bytes(line(0) if there == "nothing new" else b"")
    saved = []
    for path, start in [(quiet, "end"), (busy, "start")]:
        watch = watch_of(path, start=start)
        read_all(watch, NOW)
        total = watch.finish(NOW + 9)
        whole = watch.saved(total, watch.report(total, final=True))
        whole.save(tmp_path / "saved.logan")
        saved.append(load(tmp_path / "saved.logan"))
        watch.close()
    assert saved[0].report()["lines"]["total"] == 0
    for first, second in [saved, saved[::-1]]:
        both = first.merge(second).report()
        assert both["lines"]["total"] == 3
        assert any(each["path"] == str(busy) for each in both["inputs"])


def test_a_watch_says_what_it_assumed(log: Path) -> None:
    log.write_bytes(b"2024-01-24 10:15:32 INFO started\n" * 3)
    watch = watch_of(log)
    read_all(watch, NOW)
    for final in (False, True):
        (entry,) = watch.report(watch.summary(None, NOW), final=final)["inputs"]
        assert "timestamps without a time zone are UTC" in entry["assumed"]


def test_a_file_by_two_names_counts_once(log: Path) -> None:
    log.write_bytes(line(0) * 30)
    link = log.with_name("current.log")
    link.symlink_to(log)
    watch = watch_of(log, link, log.parent / "*.log")
    read_all(watch, NOW)
    assert lines_of(watch, "all", NOW + 5) == 30
    said = [each.text for each in watch.notices]
    assert len([each for each in said if "by another name" in each]) == 1


@pytest.mark.parametrize("where", ["old", "../elsewhere"])
def test_rotated_files_that_a_pattern_names_count_once(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "logs"
    old = folder / where
    folder.mkdir()
    old.mkdir()
    log = folder / "a.log"
    log.write_bytes(line(0) * 3)
    (old / "a.log.1").write_bytes(line(1) * 50)
    patterns = [str(folder / "*.log"), str(old / "*")]
    watch = Watch(patterns, Options(), start="start", now=NOW, folders=[where])
    read_all(watch, NOW)
    assert watch.names == [str(log)]
    assert ["rotated files of" in each.text for each in watch.notices].count(True) == 1
    (old / "a.log.1").rename(old / "a.log.2")
    log.rename(old / "a.log.1")
    read_all(watch, NOW + 5)  # it is away
    log.write_bytes(line(2) * 4)
    for second in range(5):
        read_all(watch, NOW + 20 + 2 * second)
    assert lines_of(watch, "all", NOW + 40) == 7
    assert watch.names == [str(log)]
    watch.close()
