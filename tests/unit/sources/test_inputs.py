"""Inputs: samples of whole lines, and errors that name the input and the next step."""

import errno
import gzip
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logan
from logan._logan import Cancel
from logan.errors import InputError
from logan.limits import SAMPLE_HEAD_BYTES_MAX, SAMPLE_PLACE_BYTES_MAX, SAMPLE_PLACES_MAX
from logan.sources.files import changes_since, input_error, open_file, sample
from logan.sources.inputs import open_inputs

LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
GZIPPED = gzip.compress(LINE, mtime=0)  # the name of a test must not depend on the clock
SAMPLE_BYTES = SAMPLE_HEAD_BYTES_MAX + SAMPLE_PLACES_MAX * SAMPLE_PLACE_BYTES_MAX


@pytest.mark.parametrize("lines", [0, 1, 1_000, 5_000, 50_000])
def test_samples_are_whole_lines_at_their_offsets(tmp_path: Path, lines: int) -> None:
    data = b"".join(b"%d " % number + LINE for number in range(lines))
    path = tmp_path / "a.log"
    path.write_bytes(data)
    samples = sample(str(path), len(data))
    assert sum(len(each) for _, each in samples) <= SAMPLE_BYTES
    end = 0
    for offset, each in samples:
        assert offset >= end
        assert data[offset : offset + len(each)] == each
        assert offset == 0 or data[offset - 1 : offset] == b"\n"
        assert each.endswith(b"\n")
        end = offset + len(each)
    assert bool(samples) == bool(lines)
    if lines == 50_000:
        assert len(samples) == 1 + SAMPLE_PLACES_MAX
        assert samples[-1][0] > 0.95 * len(data)


def test_a_file_of_one_line_is_sampled_by_its_head_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"x" * (SAMPLE_BYTES + 1))
    assert sample(str(path), SAMPLE_BYTES + 1) == [(0, b"x" * SAMPLE_HEAD_BYTES_MAX)]


def test_only_planned_bytes_are_sampled(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 3)
    assert sample(str(path), len(LINE)) == [(0, LINE)]


@pytest.mark.parametrize(
    ("name", "content", "kind", "hint"),
    [
        ("none.log", None, "missing", "check the path"),
        ("a.gz", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "compressed", "zcat "),
        ("core", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8, "binary", "file "),
    ],
)
def test_what_cannot_be_read_is_an_error_with_a_next_step(
    tmp_path: Path, name: str, content: object, kind: str, hint: str
) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    good = tmp_path / "good.log"
    good.write_bytes(LINE)
    bad, fine = open_inputs([str(path), str(good)])
    assert bad.source is None
    assert bad.error is not None
    assert bad.error.kind == kind
    assert bad.error.input == str(path)
    assert name in str(bad.error)
    assert bad.error.hint is not None
    assert hint in bad.error.hint
    assert fine.error is None
    assert fine.source is not None
    assert fine.source.size == len(LINE)


def test_a_file_that_may_not_be_read_says_how_to_read_it() -> None:
    error = input_error("a b.log", PermissionError(errno.EACCES, "Permission denied"))
    assert error.kind == "permission"
    assert error.hint == "read it as a user with permission: sudo cat 'a b.log' | logan analyze -"


@pytest.mark.parametrize(
    ("denied", "error", "note"),
    [
        ("", "{}: no permission to read this folder", None),
        ("sub", None, "a folder with 1 log; left out: 1 without permission (sub)"),
    ],
)
def test_a_folder_that_may_not_be_read_is_said_plainly(
    denied: str,
    error: str | None,
    note: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "a.log").write_bytes(LINE)
    (tmp_path / "sub").mkdir()
    scandir = os.scandir

    def refusing(path: str) -> object:
        if path == str(tmp_path / denied):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    folder = open_inputs([str(tmp_path)])[0]
    if error is None:
        assert folder.notes == [note]
    else:
        assert folder.error is not None
        assert str(folder.error) == error.format(tmp_path)
        assert folder.error.kind == "permission"
        assert folder.error.hint == f"run logan as a user with access; see: ls -ld {tmp_path}"


def test_one_file_under_two_names_is_counted_once(tmp_path: Path) -> None:
    real, link = tmp_path / "app.log", tmp_path / "current.log"
    real.write_bytes(LINE)
    link.symlink_to(real)
    first, second = open_inputs([str(real), str(link)])
    assert first.source is not None
    assert (second.source, second.error) == (None, None)
    assert second.notes == [f"the same file as {real}, counted once"]


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()
    (entry,) = open_inputs([str(path)])
    assert entry.error is None
    assert entry.notes == ["empty: nothing to analyze"]


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="no /proc here")
def test_a_file_that_does_not_hold_what_its_size_says_is_read_to_its_end(tmp_path: Path) -> None:
    named = ["/proc/version", "/proc/self/limits"]
    named += [each for each in ["/sys/class/net/lo/mtu"] if os.path.exists(each)]
    for path in named:
        (entry,) = open_inputs([path])
        assert entry.error is None
        assert entry.stream is not None
        assert entry.stream.head == Path(path).read_bytes()
        entry.stream.close()
        with pytest.raises(InputError, match="only be read to its end") as raised:
            open_file(path)
        assert raised.value.kind == "sizeless"
    total = logan.analyze(named[:2], errors="report").to_dict()["lines"]["total"]
    assert total == sum(Path(each).read_bytes().count(b"\n") for each in named[:2])


@pytest.mark.skipif(not os.path.exists("/proc/sys/kernel"), reason="no /proc here")
def test_a_folder_leaves_out_files_without_a_true_size_and_says_so() -> None:
    folder = open_inputs(["/proc/sys/kernel/random"])[0]
    said = " ".join(folder.notes) + str(folder.error)
    assert "without a true size" in said
    assert "empty" not in said


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("a.tar", LINE, "its name promises tar, but its content is not that: read as plain text"),
        ("a.zip", LINE, "its name promises zip, but its content is not that: read as plain text"),
        ("A.GZ", LINE, "its name promises gzip, but its content is not that: read as plain text"),
        ("a.log.zst", GZIPPED, "its name promises zstd, but its content is not that: "
         "read as gzip"),
        ("a.tar.gz", GZIPPED, "its name promises tar, but its content is not that: "
         "read as gzip"),
        ("a.tgz", LINE, "its name promises gzip and tar, but its content is not that: read as "
         "plain text"),
        ("a.log.gz", GZIPPED, None),
        ("a.log", GZIPPED, None),
        ("gz", LINE, None),
        (".gz", LINE, None),
        ("a.gz.log", LINE, None),
        ("a.tar.log", LINE, None),
        ("a.bz2", b"", "empty: nothing to analyze"),
    ],
)  # fmt: skip
def test_a_name_that_promises_another_content_is_noted(
    name: str, content: bytes, note: str | None, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    (entry,) = open_inputs([str(path)])
    assert entry.error is None
    assert entry.notes == ([] if note is None else [note])


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_with_a_damaged_first_header_is_not_read_as_text_in_silence(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{kind}"
    member = tmp_path / "member.log"
    member.write_bytes(LINE * 100)
    if kind == "tar":
        with tarfile.open(path, "w") as archive:
            archive.add(member, "member.log")
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
            stored.write(member, "member.log")
    assert "promises" not in str(logan.analyze(path).to_dict()["inputs"])
    data = bytearray(path.read_bytes())
    data[1] ^= 0x40
    path.write_bytes(data)
    (entry,) = logan.analyze(path, errors="report").to_dict()["inputs"]
    assert f"its name promises {kind}, but" in " ".join(entry["notes"]) or entry["error"]


@pytest.mark.parametrize("name", ["nul\0.log", "x" * 5_000, ""])
def test_a_path_that_cannot_exist_is_an_error(name: str) -> None:
    (entry,) = open_inputs([name])
    assert entry.error is not None


def test_a_fifo_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_bytes(LINE * 3))
    writer.start()
    (entry,) = open_inputs([str(path)])
    writer.join()
    assert entry.stream is not None
    assert (entry.stream.head, entry.stream.ended) == (LINE * 3, True)
    entry.stream.close()


def test_waiting_for_a_writer_that_never_comes_ends_when_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    cancel = Cancel()
    cancel.set()
    (entry,) = open_inputs([str(path)], cancel=cancel)
    assert entry.stream is not None
    assert (entry.stream.head, entry.stream.ended) == (b"", False)
    entry.stream.close()


def test_what_happened_to_a_file_during_the_analysis(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE)
    source, _ = open_file(str(path))
    assert changes_since(source) == []
    os.utime(path, ns=(0, 0))
    assert changes_since(source) == [
        "its modification time moved during the analysis, its size did not"
    ]
    path.write_bytes(LINE * 2)
    assert changes_since(source)[0].startswith(f"grew by {len(LINE)} bytes")
    path.rename(tmp_path / "a.log.1")
    assert "gone" in changes_since(source)[0]
    path.write_bytes(LINE * 3)
    assert changes_since(source)[0].startswith("another file")


@given(st.sampled_from(sorted(errno.errorcode)), st.text(max_size=20))
def test_every_system_error_becomes_one_line_that_names_the_input(code: int, path: str) -> None:
    error = input_error(path, OSError(code, os.strerror(code)))
    assert str(error).startswith(path)
    assert error.input == path
