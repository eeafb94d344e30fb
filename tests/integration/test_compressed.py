"""Compressed logs through the library and the command: the figures are those of the plain file."""

import bz2
import gzip
import json
import lzma
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan
from logan.model import Detection, Source
from logan.options import Options
from logan.planning.chunks import make_plan
from tests.support.archives import counted_so_far, run

CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
SEPARATE = ("performance", "inputs")


def text(lines: int) -> bytes:
    return b"".join(
        b"2024-01-24 10:%02d:32.%03d %s Request processed in %dms\n"
        % (number // 50 % 60, number % 1000, (b"INFO", b"ERROR")[number % 7 == 0], number % 900)
        for number in range(lines)
    )


def figures(report: logan.Report) -> dict[str, Any]:
    """All of a report but what differs between an archive and the plain file."""
    found = report.to_dict()
    for request in found["slowest"]:
        request.pop("input", None)
    return {key: value for key, value in found.items() if key not in SEPARATE}


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("threads", [1, 3])
def test_an_archive_has_the_figures_of_the_file(tmp_path: Path, codec: str, threads: int) -> None:
    data = text(20_000)
    plain, packed = tmp_path / "app.log", tmp_path / "no-suffix"
    plain.write_bytes(data)
    # Two members, as `cat a.gz b.gz` makes.
    half = data.index(b"\n", len(data) // 2) + 30
    packed.write_bytes(CODECS[codec](data[:half]) + CODECS[codec](data[half:]))
    options: dict[str, Any] = {"threads": threads, "chunk_size": 100_000}
    expected = logan.analyze(plain, **options)
    report = logan.analyze(packed, **options)
    assert figures(report) == figures(expected)
    (entry,) = report.inputs
    assert entry.compression == codec
    assert entry.bytes == len(data)
    assert entry.notes == []


def test_archives_and_files_together(tmp_path: Path) -> None:
    data = text(6_000)
    paths = [tmp_path / name for name in ("app.log.3.gz", "app.log.2.xz", "app.log.1", "app.log")]
    quarter = len(data) // 4
    cuts = [0, *(data.index(b"\n", quarter * part) + 1 for part in (1, 2, 3)), len(data)]
    parts = [data[start:end] for start, end in pairwise(cuts)]
    packers: list[Callable[[bytes], bytes]] = [gzip.compress, lzma.compress, bytes, bytes]
    for path, part, pack in zip(paths, parts, packers, strict=True):
        path.write_bytes(pack(part))
    reports = [
        logan.analyze([tmp_path / "app.log*"], threads=threads, chunk_size=10_000)
        for threads in (1, 2, 5)
    ]
    assert reports[0] == reports[1] == reports[2]
    assert [entry.path for entry in reports[0].inputs] == [str(path) for path in paths]
    assert reports[0].total_requests == 6_000


def test_compressed_standard_input() -> None:
    data = text(5_000)
    plain = json.loads(run("analyze", "-", "--json", data=data).stdout)
    for codec, pack in CODECS.items():
        done = run("analyze", "-", "--json", data=pack(data))
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["inputs"][0]["compression"] == codec
        assert report["response_time_ms"] == plain["response_time_ms"]
        assert report["series"] == plain["series"]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("by", ["path", "stdin"])
def test_a_truncated_archive_is_counted_so_far_flagged_and_exit_3(
    tmp_path: Path, codec: str, by: str
) -> None:
    packed = CODECS[codec](text(60_000))
    # bzip2 gives whole blocks of 900 kB alone.
    report = counted_so_far(tmp_path / "a.log.z", packed[: len(packed) * 3 // 4], by)
    assert 0 < report["total_requests"] < 60_000


def test_an_error_is_raised_by_default(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(text(1_000))[:-9])
    with pytest.raises(logan.InputError, match="ends in the middle") as caught:
        logan.analyze(path)
    assert caught.value.kind == "archive"


def test_foreign_bytes_behind_an_archive_are_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    packed = gzip.compress(text(100))
    path.write_bytes(packed + b"what is this")
    done = run("analyze", "--json", str(path))
    assert done.returncode == 0
    (entry,) = json.loads(done.stdout)["inputs"]
    assert entry["notes"] == [
        f"bytes that are not part of the archive follow it from byte {len(packed):,} on; "
        "they were not read"
    ]


def test_an_empty_archive_is_no_error(tmp_path: Path) -> None:
    for codec, pack in CODECS.items():
        path = tmp_path / codec
        path.write_bytes(pack(b""))
        report = logan.analyze(path)
        assert report.total_requests == 0
        assert not report.partial


def test_a_gzip_header_dates_lines_without_a_year(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    with gzip.GzipFile(path, "wb", mtime=1_500_000_000) as file:
        file.write(b"01-24 16:13:38.811  1702  2395 D Tag: x\n" * 10)
    first = logan.analyze(path).time.first
    assert first is not None
    assert first.startswith("2017-01-24")


def test_what_holds_no_log_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(gzip.compress(text(10))))
    with pytest.raises(logan.InputError, match="compressed twice"):
        logan.analyze(path)
    path.write_bytes(gzip.compress(b"\x7fELF" + bytes(range(256)) * 8))
    with pytest.raises(logan.InputError, match="binary"):
        logan.analyze(path)


def test_memory_is_bounded_whatever_comes_out(tmp_path: Path) -> None:
    """A thousand times what is stored: 512 MiB out of half a MiB."""
    path = tmp_path / "bomb.gz"
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    block = text(1)[:-1].ljust(1023) + b"\n"
    with path.open("wb") as file:
        for _ in range(512):
            file.write(packer.compress(block * 1024))
        file.write(packer.flush())
    done = run("analyze", "--json", "--threads", "2", str(path))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["total_requests"] == 512 * 1024
    assert report["performance"]["peak_rss_bytes"] < 160 << 20


def test_the_native_ways_to_an_archive_agree(tmp_path: Path) -> None:
    data = text(3_000)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(data))
    print_ = _logan.Fingerprint.of(str(path))
    source = Source(str(path), print_.size, print_.to_json(), compression="gzip")
    plan = make_plan([source], [Detection()], Options(chunk_size=10_000), anchor_ns=0)
    assert [(each.start, each.end) for each in plan.chunks] == [(0, print_.size)]
    spec = logan.Spec(plan.spec_json)
    expected = _logan.Feed(spec, chunk_size=10_000)
    expected.push(data)
    by_path, fault, known = logan.Summary.from_archive(
        str(path), spec, "gzip", chunk_size=10_000, fingerprint=print_, threads=2
    )
    assert (fault, known) == (None, (0, len(data), 1, None, None, 0))
    feed = _logan.ArchiveFeed(spec, "gzip", chunk_size=10_000)
    assert feed.push(path.read_bytes())
    pushed, fault, _ = feed.finish()
    assert fault is None
    assert by_path.to_bytes() == pushed.to_bytes() == expected.finish().to_bytes()
    with pytest.raises(ValueError, match="no compression"):
        _logan.ArchiveFeed(spec, "rar")


def test_chunks_that_are_pushed(tmp_path: Path) -> None:
    data = text(500)
    path = tmp_path / "a.log"
    path.write_bytes(data)
    spec = logan.make_spec([path])
    for start, end in [(0, 1_000), (1_000, 5_555), (5_555, len(data))]:
        feed = _logan.ChunkFeed(spec, 0, start, end)
        assert feed.position == 0  # lines look back 64 KiB
        at = feed.position
        while at < len(data) and feed.push(data[at : at + 700]):
            at += 700
        expected = logan.Summary.from_chunk(str(path), start, end, spec)
        assert feed.finish("a.log").to_bytes() == expected.to_bytes()
    with pytest.raises(logan.SourceChangedError, match=r"a\.log"):
        _logan.ChunkFeed(spec, 0, 0, 10).finish("a.log")
