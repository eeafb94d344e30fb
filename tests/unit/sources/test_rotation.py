"""The order of rotated logs, and what patterns and folders stand for."""

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import InputError, UsageError
from logan.sources import discovery, objects
from logan.sources.inputs import open_inputs
from logan.sources.rotation import in_time_order

LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(*names: str, content: bytes = LINE) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content + name.encode() + b"\n")


@pytest.mark.parametrize(
    "oldest_first",
    [
        ["app.log.10.gz", "app.log.2.gz", "app.log.1", "app.log"],
        ["app.10.log", "app.9.log", "app.log"],
        ["app.log-20240101.gz", "app.log-20240102.gz", "app.log-20240103", "app.log"],
        ["app.log.2024-01-01", "app.log.2024-01-02.zst", "app.log"],
        ["app-2024-01-31.log.bz2", "app-2024-02-01.log.xz", "app.log"],
        ["2024-01-31_app.log", "2024-02-01_app.log", "app.log"],
        ["app.2024-01-24-9.log", "app.2024-01-24-10.log"],
        ["app.log-1706091332", "app.log-1706094932", "app.log"],
        ["a/app.log.1", "a/app.log"],
        ["app.log.2.zip", "app.log.1.tar.gz", "app.log.tgz"],
    ],
    ids=" ".join,
)
def test_sets_are_oldest_first(oldest_first: list[str]) -> None:
    assert in_time_order(oldest_first) == oldest_first
    assert in_time_order(oldest_first[::-1]) == oldest_first
    assert in_time_order(sorted(oldest_first)) == oldest_first


def test_what_is_in_no_set_stays_where_it_is() -> None:
    paths = ["z.log", "b.log", "x/b.log.1", "y/b.log.2", "a.log", "b.log.1"]
    assert in_time_order(paths) == ["z.log", "b.log.1", "x/b.log.1", "y/b.log.2", "a.log", "b.log"]


@given(st.lists(st.text("ab.-_0129gzlog/", max_size=12)))
def test_ordering_loses_nothing(paths: list[str]) -> None:
    assert sorted(in_time_order(paths)) == sorted(paths)


def names(*paths: str) -> list[str]:
    return [each.path for each in discovery.expand(paths)[0]]


def test_patterns_are_expanded_sorted() -> None:
    write("logs/a10.log", "logs/a9.log", "logs/deep/er/b.log", "logs/.hidden.log", "c.log")
    assert names("logs/*.log") == ["logs/a9.log", "logs/a10.log"]
    assert names("logs/**/*.log") == ["logs/a9.log", "logs/a10.log", "logs/deep/er/b.log"]
    assert names("c.log", "logs/a?.log") == ["c.log", "logs/a9.log"]
    assert names("logs/*") == ["logs/a9.log", "logs/a10.log"]


def test_a_file_whose_name_looks_like_a_pattern_is_itself() -> None:
    write("a[1].log", "a1.log")
    assert names("a[1].log") == ["a[1].log"]


def test_a_pattern_that_matches_nothing_is_an_error_that_says_so() -> None:
    (entry,) = open_inputs(["none/**/*.gz"])
    assert entry.error is not None
    assert entry.error.hint == "no file matches this pattern"


def test_a_folder_is_its_logs_and_says_what_it_left_out() -> None:
    write("logs/app.log", "logs/app.log.1", "logs/sub/b.log", "logs/.git/config", "logs/.a.swp")
    Path("logs/empty.log").touch()
    Path("logs/core").write_bytes(b"\x7fELF" + bytes(range(256)))
    Path("logs/README").write_bytes(b"what is here\nand there\n")
    with zipfile.ZipFile("logs/a.zip", "w") as archive:
        archive.writestr("core", b"\x7fELF" + bytes(range(256)))
    os.mkfifo("logs/fifo")
    os.symlink("nowhere", "logs/broken")
    os.symlink("..", "logs/sub/loop")
    os.symlink("app.log", "logs/current.log")
    folder, *logs = open_inputs(["logs"])
    assert [each.path for each in logs] == ["logs/app.log.1", "logs/app.log", "logs/sub/b.log"]
    assert all(each.error is None for each in logs)
    (note,) = folder.notes
    assert note.startswith("a folder with 3 logs; left out: ")
    for what in [
        "1 binary (core)",
        "1 empty (empty.log)",
        "1 of no known format (README)",
        "1 without logs (a.zip)",
        "1 not a file (fifo)",
        "1 leading nowhere (broken)",
        "1 counted under another name (current.log)",
        "2 hidden (.a.swp, .git)",
    ]:
        assert what in note


def test_a_folder_without_logs_is_an_error() -> None:
    Path("logs").mkdir()
    Path("logs/x.bin").write_bytes(bytes(100))
    (entry,) = open_inputs(["logs"])
    assert entry.error is not None
    assert entry.error.kind == "folder"
    assert "1 binary (x.bin)" in str(entry.error)


def test_what_is_named_is_never_left_out() -> None:
    write("README", content=b"no log\n")
    (entry,) = open_inputs(["README"])
    assert entry.source is not None


def test_too_many_files_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "INPUTS_PER_JOB_MAX", 3)
    write(*(f"logs/{number}.log" for number in range(4)))
    with pytest.raises(UsageError, match="more than 3 inputs"):
        discovery.expand(["logs"])
    monkeypatch.setattr(discovery, "FOLDER_ENTRIES_MAX", 3)
    with pytest.raises(UsageError, match="more than 3 files"):
        discovery.expand(["logs"])


# --- Object stores ------------------------------------------------------------------------------

STORED = [
    "logs/a9.log",
    "logs/a10.log",
    "logs/.hidden.log",
    "logs/deep",
    "logs/deep/b.log",
    "logs/deep/er/c d.log",
    "logs/deep/50% #1?.log",
    "logs/app.log.1",
    "logs/app.log",
]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket `b` with `STORED`, of which `logs/deep` stands for a folder."""

    def listed(url: str, *, deep: bool) -> Iterator[tuple[str, int]]:
        if not url.startswith("s3://b/"):
            raise InputError("no such bucket")
        prefix = url.removeprefix("s3://b/")
        for key in STORED:
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and (deep or "/" not in name):
                yield name, 0 if key == "logs/deep" else 9

    monkeypatch.setattr(objects, "listed", listed)


DEEP = "deep/50%25 %231%3F.log deep/b.log deep/er/c d.log"


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("logs/*.log", "a9.log a10.log app.log"),
        ("logs/a[0-9].log", "a9.log"),
        ("logs/app.log*", "app.log.1 app.log"),
        ("logs/.*", ".hidden.log"),
        (
            "logs/**/*.log",
            "a9.log a10.log app.log deep/50%25 %231%3F.log deep/b.log deep/er/c d.log",
        ),
        ("logs/deep/**", "deep/50%25 %231%3F.log deep/b.log deep/er/c d.log"),
        ("logs/*/[bc]*.log", "deep/b.log"),
        ("*/deep/b.log", "deep/b.log"),
        ("logs/**/er/**/c%20d.log*", "deep/er/c d.log"),
        ("logs/a9.log", "a9.log"),
    ],
)
def test_patterns_of_objects(pattern: str, found: str) -> None:
    expected = re.split(r" (?=deep|a|\.)", found)
    assert names(f"s3://b/{pattern}") == [f"s3://b/logs/{name}" for name in expected]


@pytest.mark.usefixtures("bucket")
def test_a_prefix_is_a_folder_if_it_ends_with_a_slash() -> None:
    assert names("s3://b/logs/deep") == ["s3://b/logs/deep"]
    named, (folder,) = discovery.expand(["s3://b/logs/"])
    assert [each.path.removeprefix("s3://b/logs/") for each in named] == [
        "a9.log",
        "a10.log",
        "app.log.1",
        "app.log",
        "deep/50%25 %231%3F.log",
        "deep/b.log",
        "deep/er/c d.log",
    ]
    assert folder.skipped == {"hidden": 1}
    assert names("s3://b") == names("s3://b/")
    assert len(names("s3://b")) == 7


@pytest.mark.usefixtures("bucket")
def test_what_cannot_be_listed_stays_as_it_is() -> None:
    assert names("s3://none/*.log", "s3://*/a.log") == ["s3://none/*.log", "s3://*/a.log"]
    # A web server cannot be listed.
    assert names("https://b/*.log", "https://b/logs/") == ["https://b/*.log", "https://b/logs/"]
    named, (folder,) = discovery.expand(["s3://none/"])
    assert not named
    assert isinstance(folder.error, InputError)


@pytest.mark.usefixtures("bucket")
def test_too_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "FOLDER_ENTRIES_MAX", 3)
    with pytest.raises(UsageError, match="s3://b/logs: more than 3 files"):
        discovery.expand(["s3://b/logs/*.gz"])
