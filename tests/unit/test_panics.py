"""A bug of the engine costs the chunk that it shows in: what each way to scan makes of it.

The bug is planted in the spec: the engine panics at lines with a text. That all engines agree is
shown by `tests/contract/test_engines.py`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import logan
from logan import _logan
from logan._logan import Cancel, Spec, Summary
from logan.cli.exit_codes import Exit
from logan.cli.main import main
from logan.engines import local
from logan.errors import InputError
from logan.model import Archive, Chunk, Detection, Missing, Plan, Source
from logan.options import Execution, Options
from logan.planning import spec as planning
from logan.planning.chunks import make_plan
from logan.scan import ChunkResult, missing_of_archive, result_of_archive, scan_chunk
from logan.sources.streams import Stream

BUG = "the bug"
LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
BAD = f"2024-01-24 10:15:33.123 ERROR {BUG}\n".encode()
CHUNK = 560  # ten lines


def log_with_a_bug(before: int, after: int) -> bytes:
    return LINE * before + BAD + LINE * after


def planted(plan: Plan) -> Spec:
    return Spec(json.dumps({**json.loads(plan.spec_json), "panic_on": BUG}))


def plan_of(source: Source) -> tuple[Plan, Spec]:
    plan = make_plan([source], [Detection()], Options(chunk_size=CHUNK), anchor_ns=0)
    return plan, planted(plan)


def lines_of(summary: Summary) -> int:
    total: int = json.loads(summary.evaluate())["lines"]["total"]
    return total


def scan_part(
    path: Path, start: int, end: int, spec: Spec, cancel: Cancel | None = None
) -> ChunkResult:
    chunk, size = Chunk(0, 0, start, end), path.stat().st_size
    options: dict[str, Any] = {"chunk_size": 0, "expansion_max": 0, "cancel": cancel}
    return scan_chunk(Source("a", size), chunk, spec, path=str(path), **options)


def test_a_leased_chunk_fails_with_a_kind_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(log_with_a_bug(25, 25))
    _, spec = plan_of(Source(str(path), 1))
    cancel = Cancel()
    with pytest.raises(
        InputError, match=r"a\.log: the engine failed on bytes 1120 to 1680"
    ) as info:
        scan_part(path, 1120, 1680, spec, cancel)
    assert info.value.kind == "panic"
    assert info.value.input == str(path)
    # Twice, but that does not show.
    assert cancel.scanned_bytes <= CHUNK
    assert scan_part(path, 0, 1120, spec).summary


@pytest.mark.parametrize("head", [0, 70, 1500, 2000])
def test_a_stream_keeps_the_chunks_before(head: int) -> None:
    plan, spec = plan_of(Source("-", None))
    data = log_with_a_bug(25, 50)
    read, write = os.pipe()
    os.write(write, data[head:])
    os.close(write)
    stream = Stream(read, data[:head], ended=False, owned=True)
    result = local.run(plan, spec, Execution(streams={0: stream}, threads=1))
    [missing] = result.missing
    assert (missing.source, missing.start, missing.end, missing.kind) == (0, 1120, None, "panic")
    assert "the engine failed on bytes 1120 to 1680: a planted bug" in missing.why
    assert lines_of(result.summary) == 20


def test_the_last_line_of_a_stream_without_its_end() -> None:
    plan, spec = plan_of(Source("-", None))
    stream = Stream(-1, LINE * 25 + BAD.rstrip(), ended=True, owned=False)
    result = local.run(plan, spec, Execution(streams={0: stream}, threads=1))
    assert [(each.start, each.kind) for each in result.missing] == [(1120, "panic")]
    assert lines_of(result.summary) == 20


def test_a_feed_that_failed_says_so_again() -> None:
    _, spec = plan_of(Source("-", None))
    feed = _logan.Feed(spec, chunk_size=CHUNK)
    with pytest.raises(InputError, match="the engine failed"):
        feed.push(log_with_a_bug(25, 50))
    for again in (lambda: feed.push(LINE), feed.finish, feed.finish):
        with pytest.raises(InputError, match="the engine failed"):
            again()
    assert lines_of(feed.snapshot()) == 20


class Fetcher:
    """An object on a server."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def pieces(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
        """Its bytes from `start` on."""
        self.asked.append((start, end))
        data = io.BytesIO(self.data[start:])
        yield from iter(lambda: data.read(100), b"")


def test_a_chunk_of_an_object_is_fetched_and_scanned_once_more() -> None:
    data = log_with_a_bug(25, 25)
    source = Source("https://example.org/a.log", len(data), etag="1")
    fetcher = Fetcher(data)
    _, spec = plan_of(source)

    def scan(start: int, end: int) -> Any:
        how: dict[str, Any] = {"chunk_size": CHUNK, "expansion_max": 0, "cancel": Cancel()}
        chunk = Chunk(0, 0, start, end)
        return scan_chunk(source, chunk, spec, fetcher=cast(Any, fetcher), **how)

    said = "https://example.org/a.log: the engine failed on bytes 1120 to 1680"
    with pytest.raises(InputError, match=said) as info:
        scan(1120, 1680)
    assert info.value.kind == "panic"
    assert fetcher.asked == [(0, 1680)] * 2  # lines look back 64 KiB
    assert lines_of(scan(560, 1120).summary) == 10
    assert len(fetcher.asked) == 3


def test_an_archive_lacks_that_chunk_alone(tmp_path: Path) -> None:
    data = log_with_a_bug(25, 50)
    for path, places in (("middle.gz", (25, 50)), ("last.gz", (25, 0)), ("only.gz", (2, 1))):
        data = log_with_a_bug(*places)
        (tmp_path / path).write_bytes(gzip.compress(data))
        _, spec = plan_of(Source("-", None))
        ended = Summary.from_archive(str(tmp_path / path), spec, "gzip", chunk_size=CHUNK)
        found = result_of_archive(*ended)
        assert found.fault is not None
        missing = missing_of_archive(0, found.summary, found.fault, found.archive)
        start = data.index(BAD) // CHUNK * CHUNK
        assert (missing.start, missing.end) == (start, min(start + CHUNK, len(data)))
        assert lines_of(found.summary) < sum(places)


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        ([], (0, 100)),
        ([(0, 40), (60, 100)], (40, 60)),
        ([(20, 100)], (0, 20)),
        ([(0, 80)], (80, 100)),
        ([(0, 20), (40, 60), (80, 100)], (20, 80)),
        ([(20, 40), (60, 80)], (0, 100)),
    ],
)
def test_what_archives_lack(covered: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    class Covering:
        def segments(self) -> list[tuple[int, int, int]]:
            """Of the archive and of another source."""
            return [(0, 0, 50), *((1, *each) for each in covered), (2, 0, 70)]

    summary = cast(Summary, Covering())
    archive = Archive(100, 1)
    missing = missing_of_archive(1, summary, ("panic", "why"), archive)
    assert missing == Missing(1, *expected, "panic", "why")
    # Where decoding did not go on, the end is unknown.
    for fault, known in ((("archive", "cut"), archive), (("panic", "why"), None)):
        missing = missing_of_archive(1, summary, fault, known)
        assert missing == Missing(1, expected[0], None, *fault)


def test_the_command_says_so_and_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = planning._shared
    monkeypatch.setattr(planning, "_shared", lambda each: {**asked(each), "panic_on": BUG})
    monkeypatch.delenv("RUST_BACKTRACE", raising=False)  # it adds a backtrace to the output
    path = tmp_path / "a.log"
    path.write_bytes(log_with_a_bug(25, 25))
    assert main(["analyze", str(path), "--json", "--chunk-size", str(CHUNK)]) == Exit.INPUT
    out, err = capfd.readouterr()
    report = json.loads(out)
    assert report["partial"]
    assert [(each["start"], each["end"]) for each in report["missing"]] == [(1120, 1680)]
    assert "the engine failed on bytes 1120 to 1680: a planted bug" in err
    assert "panicked" not in err
    assert "Traceback" not in err


def test_an_input_over_which_detection_panics_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, line in (("a.log", LINE), ("b.log", BAD)):
        (tmp_path / name).write_bytes(line * 10)
    detect = _logan.detect

    def careless(samples: Any) -> str:
        if BUG.encode() in samples[0][1]:
            raise InputError("the engine failed on bytes 0 to 460: why", kind="panic")
        return detect(samples)

    monkeypatch.setattr(_logan, "detect", careless)
    paths = [tmp_path / name for name in ("a.log", "b.log")]
    report = logan.analyze(paths, errors="report")
    assert report["total_requests"] == 10
    assert report["partial"]
    assert report["inputs"][0]["error"] is None
    said = f"{paths[1]}: the engine failed on bytes 0 to 460: why"
    assert report["inputs"][1]["error"] == said


@pytest.mark.parametrize("formats", [["app"], ["redis", "app"], []])
def test_rows_of_a_longer_block_do_not_show_in_a_shorter_one(formats: list[str]) -> None:
    """Records of formats that fill other columns, in blocks of different lengths."""
    app = b"2024-01-24 10:15:32.123 INFO up\n"
    redis = b"123:M 24 Jan 2024 10:15:33.123 # no config file\n"
    request = b'10.0.0.1 - - [24/Jan/2024:10:15:34 +0000] "GET /item HTTP/1.1" 200 5\n'
    edge = b"x" * 100 + b"\n"
    long = edge + b"x" * 1000 + b"\n" + app + redis * 2 + app + edge
    short = edge + app * 3 + request + edge
    plan = make_plan([Source("-", None)], [Detection()], Options(), anchor_ns=0)
    described = json.loads(plan.spec_json)
    described["sources"][0]["reading"]["formats"] = [
        {"name": name, "params": {}} for name in formats
    ]
    described["sources"][0]["reading"]["layouts"] = {"fields": [], "changes": []}
    spec = Spec(json.dumps(described))
    whole = _logan.Feed(spec)
    whole.push(long + short)
    feed = _logan.Feed(spec)
    feed.push(long)
    feed.push(short)
    assert feed.finish() == whole.finish()
