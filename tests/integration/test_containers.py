"""tar and zip archives of logs, as users make and name them, against the logs in them."""

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan
from tests.support.archives import counted_so_far, run

Members = list[tuple[str, bytes]]
SEPARATE = ("performance", "inputs")


def text(lines: int, name: str = "Request") -> bytes:
    return b"".join(
        b"2024-01-24 10:%02d:32.%03d %s %s processed in %dms\n"
        % (
            number // 50 % 60,
            number % 1000,
            (b"INFO", b"ERROR")[number % 7 == 0],
            name.encode(),
            number % 900,
        )
        for number in range(lines)
    )


def logs(lines: int = 2_000) -> Members:
    """Logs in folders, one of which lacks its last newline and one is compressed."""
    return [
        ("logs/app.log", text(lines)[:-1]),
        ("logs/" + "deep/" * 40 + "long.log", text(lines, "Job")),
        ("logs/app.log.1.gz", gzip.compress(text(lines // 2, "Old"))),
        ("logs/größe.log", text(lines, "Size")),
    ]


NO_LOGS: Members = [
    ("logs/core", b"\x7fELF" + bytes(range(256)) * 3),
    ("logs/empty.log", b""),
    ("__MACOSX/logs/._app.log", b"\0\5\x16\7\0\2\0\0Mac OS X"),
    ("logs/README", b"What is here\nand there\n"),
]


def joined(members: Members) -> bytes:
    """The lines that are in the logs among the members."""
    parts = [gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data for _, data in members]
    return b"".join(part if part.endswith(b"\n") else part + b"\n" for part in parts)


def tarred(members: Members, format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        folder = tarfile.TarInfo("logs")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            # A time with a fraction makes a pax header for each.
            info.mtime = 1_706_091_332.5
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("logs/latest.log")
        link.type, link.linkname = tarfile.SYMTYPE, "app.log"
        archive.addfile(link)
    return buffer.getvalue()


class Forward(io.RawIOBase):
    """A file that cannot go back, as a pipe is."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.data += data
        return len(data)


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED, *, piped: bool = False) -> bytes:
    file: Any = Forward() if piped else io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("logs/", b"")
        for name, data in members:
            archive.writestr(name, data)
    return bytes(file.data) if piped else file.getvalue()


WRITERS: dict[str, tuple[str, Callable[[Members], bytes]]] = {
    "pax.tar": ("tar", tarred),
    "gnu.tar": ("tar", lambda members: tarred(members, tarfile.GNU_FORMAT)),
    "logs.tar.gz": ("gzip+tar", lambda members: gzip.compress(tarred(members))),
    "logs.tar.bz2": ("bzip2+tar", lambda members: bz2.compress(tarred(members))),
    "logs.txz": ("xz+tar", lambda members: lzma.compress(tarred(members))),
    "logs.zip": ("zip", zipped),
    "stored.zip": ("zip", lambda members: zipped(members, zipfile.ZIP_STORED)),
    "piped.zip": ("zip", lambda members: zipped(members, piped=True)),
    "piped-stored.zip": ("zip", lambda members: zipped(members, zipfile.ZIP_STORED, piped=True)),
}


def figures(report: Any) -> dict[str, Any]:
    """All of a report but what differs between an archive and the plain file."""
    found = report.to_dict() if isinstance(report, logan.Report) else dict(report)
    for each in found["slowest"] + found["malformed"]["samples"]:
        each.pop("input", None)
    for each in found["findings"]:
        each.pop("command")
    return {key: value for key, value in found.items() if key not in SEPARATE}


@pytest.mark.parametrize("name", WRITERS)
def test_an_archive_has_the_figures_of_its_logs(tmp_path: Path, name: str) -> None:
    compression, write = WRITERS[name]
    plain, packed = tmp_path / "all.log", tmp_path / name
    plain.write_bytes(joined(logs()))
    # What is none stands before, between and behind.
    packed.write_bytes(write([*NO_LOGS[:2], *logs()[:2], *NO_LOGS[2:], *logs()[2:]]))
    for threads, chunk_size in ((1, 10_000), (3, 1 << 22)):
        expected = logan.analyze(plain, threads=threads, chunk_size=chunk_size)
        report = logan.analyze(packed, threads=threads, chunk_size=chunk_size)
        assert figures(report) == figures(expected)
        assert report.malformed_lines == 0
        (entry,) = report.inputs
        assert entry.compression == compression
        assert entry.bytes == len(joined(logs()))
        (note,) = entry.notes
        assert note.startswith("an archive with 4 logs; left out: 1 binary (logs/core), ")
        for what in ("1 empty", "1 of macOS", "1 of no known format (logs/README)"):
            assert what in note
        assert ("linking elsewhere" in note) == ("tar" in compression)


@pytest.mark.parametrize("name", WRITERS)
def test_standard_input(name: str) -> None:
    compression, write = WRITERS[name]
    plain = json.loads(run("analyze", "-", "--json", data=joined(logs())).stdout)
    done = run("analyze", "-", "--json", data=write(logs()))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["inputs"][0]["compression"] == compression
    assert figures(report) == figures(plain)


def test_detection_sees_all_of_the_first_logs(tmp_path: Path) -> None:
    access = b'1.2.3.4 - - [24/Jan/2024:10:15:32 +0000] "GET / HTTP/1.1" 200 5 "-" "x" 0.024\n'
    members = [("big.log", text(10_000)), ("access.log", access * 100)]
    for name in ("pax.tar", "logs.tar.gz", "logs.zip"):
        path = tmp_path / name
        path.write_bytes(WRITERS[name][1](members))
        done = run("detect", str(path))
        assert done.returncode == 0, done.stderr
        assert b"app" in done.stdout
        assert b"combined" in done.stdout


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("by", ["path", "stdin"])
def test_a_truncated_archive_is_counted_so_far_flagged_and_exit_3(
    tmp_path: Path, name: str, by: str
) -> None:
    stored = WRITERS[name][1](logs(20_000))
    report = counted_so_far(tmp_path / "logs.archive", stored[: len(stored) * 2 // 3], by)
    assert 0 < report["total_requests"] < 70_000


def test_a_wrong_sum_in_a_zip_is_flagged(tmp_path: Path) -> None:
    stored = zipped(logs(), zipfile.ZIP_STORED)
    at = stored.index(b"Job processed")
    path = tmp_path / "logs.zip"
    path.write_bytes(stored[:at] + b"j" + stored[at + 1 :])
    done = run("analyze", "--json", str(path))
    assert done.returncode == 3
    assert b"sum (CRC) is wrong" in done.stderr
    assert b"long.log" in done.stderr
    assert json.loads(done.stdout)["total_requests"] == 4_000


def test_encrypted_members_are_left_out(tmp_path: Path) -> None:
    stored = bytearray(zipped(logs()[:2]))
    # What a writer sets for an encrypted member; nothing of it is read.
    stored[stored.index(b"logs/app.log") - 24] |= 1
    path = tmp_path / "logs.zip"
    path.write_bytes(stored)
    report = logan.analyze(path)
    assert report.total_requests == 2_000
    assert report.inputs[0].notes == ["an archive with 1 log; left out: 1 encrypted (logs/app.log)"]


def test_an_archive_without_logs_is_an_error_and_says_why(tmp_path: Path) -> None:
    for name in ("pax.tar", "logs.tar.gz", "logs.zip"):
        path = tmp_path / name
        path.write_bytes(WRITERS[name][1](NO_LOGS))
        done = run("analyze", str(path))
        assert done.returncode == 3
        assert b"is an archive with no logs; left out: 1 binary (logs/core)" in done.stderr


def test_an_archive_of_nothing_is_no_error(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("logs")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    for name, stored in (("a.tar", buffer.getvalue()), ("a.zip", zipped([])[-22:])):
        path = tmp_path / name
        path.write_bytes(stored)
        report = logan.analyze(path)
        assert report.total_requests == 0
        assert report.inputs[0].notes == ["an archive with no logs"]


def test_of_a_forced_format_is_all_text(tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    members = [("a.log", b"took=5\ntook=7\n"), ("b.bin", bytes(100))]
    path.write_bytes(zipped(members))
    report = logan.analyze(path, format=r"took=(?P<duration_ms>\d+)")
    assert report.total_requests == 2
    with pytest.raises(logan.InputError, match="1 of no known format"):
        logan.analyze(path)


def test_a_folder_with_archives(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log").write_bytes(text(100))
    (folder / "b.tar.gz").write_bytes(gzip.compress(tarred(logs(100))))
    (folder / "c.zip").write_bytes(zipped(logs(100)))
    (folder / "d.jar").write_bytes(zipped([("A.class", b"\xca\xfe\xba\xbe" + bytes(50))]))
    report = logan.analyze(folder)
    assert report.total_requests == 100 + 2 * 350
    assert [os.path.basename(each.path) for each in report.inputs] == [
        "logs",
        "a.log",
        "b.tar.gz",
        "c.zip",
    ]
    assert report.inputs[0].notes == ["a folder with 3 logs; left out: 1 without logs (d.jar)"]


def test_a_log_that_only_begins_like_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"PK\n" + text(10) + b"ustar\n" * 100)
    report = logan.analyze(path)
    assert report.inputs[0].compression is None
    assert report.total_requests == 10


def test_a_gzip_header_dates_lines_without_a_year(tmp_path: Path) -> None:
    path = tmp_path / "logs.tar.gz"
    with gzip.GzipFile(path, "wb", mtime=1_500_000_000) as file:
        file.write(tarred([("a.log", b"01-24 16:13:38.811  1702  2395 D Tag: x\n" * 10)]))
    first = logan.analyze(path).time.first
    assert first is not None
    assert first.startswith("2017-01-24")


def test_memory_is_bounded_whatever_is_left_out(tmp_path: Path) -> None:
    """More than a gigabyte of nothing in a megabyte."""
    path = tmp_path / "bomb.tar.gz"
    info = tarfile.TarInfo("core")
    info.size = 1_100 << 20
    parts = [info.tobuf(), *[bytes(100 << 20)] * 11, tarred(logs(100))]
    made = {part: gzip.compress(part, 1) for part in set(parts)}
    path.write_bytes(b"".join(made[part] for part in parts))
    done = run("analyze", "--json", "--threads", "2", str(path))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["total_requests"] == 350
    assert report["performance"]["peak_rss_bytes"] < 160 << 20
    done = run("analyze", "--json", "--max-expansion", "100", str(path))
    assert done.returncode == 3
    assert b"--max-expansion" in done.stderr


def test_the_native_ways_to_an_archive_agree(tmp_path: Path) -> None:
    content = joined(logs(500))
    for name, (compression, write) in WRITERS.items():
        stored = write(logs(500))
        path = tmp_path / name
        path.write_bytes(stored)
        assert _logan.compression(stored) == compression
        spec = logan.make_spec([path])
        expected = _logan.Feed(spec, chunk_size=10_000)
        expected.push(content)
        by_path, fault, known = logan.Summary.from_archive(
            str(path), spec, compression, chunk_size=10_000, threads=2
        )
        assert fault is None
        assert known[:4] == (0, len(content), 4, None)
        assert by_path.to_bytes() == expected.finish().to_bytes()
        pushed: Iterable[bytes] = (stored[at : at + 777] for at in range(0, len(stored), 777))
        feed = _logan.ArchiveFeed(spec, compression, chunk_size=10_000)
        for piece in pushed:
            assert feed.push(piece)
        assert feed.finish()[0].to_bytes() == by_path.to_bytes()
