"""Regular runs read only what is new, through rotation, and count each line once."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.errors import InputError, StateError, UsageError
from logan.options import Options
from logan.state.folder import StateFolder
from logan.state.run import open_state
from tests.support.disks import fill, small_disk


def lines(first: int, count: int) -> str:
    """Lines whose time is their number, in seconds."""
    made = ""
    for n in range(first, first + count):
        clock = f"{n // 3_600:02}:{n // 60 % 60:02}:{n % 60:02}"
        made += f"2026-01-01T{clock}Z INFO request {n} took {n % 97}ms\n"
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "app.log"
    path.write_text(lines(0, 100))
    return path


@pytest.fixture
def new(log: Path, tmp_path: Path) -> Callable[..., int]:
    """A run; how many lines its report has."""

    def run(*paths: Path, **options: Any) -> int:
        report = logan.analyze(paths or log, state=tmp_path / "state", **options)
        return int(report.lines.total)

    return run


def test_only_what_is_new(log: Path, new: Callable[..., int]) -> None:
    assert new() == 100
    assert new() == 0
    with log.open("a") as file:
        file.write(lines(100, 30))
        file.write(lines(130, 1)[:20])  # not yet a line
    assert new() == 30
    assert new() == 0
    with log.open("a") as file:
        file.write(lines(130, 1)[20:] + lines(131, 4))
    assert new() == 5
    assert new(total=True) == 135


def _renamed(log: Path) -> None:
    log.rename(f"{log}.1")


def _copied(log: Path) -> None:
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)


def _dated(log: Path) -> None:
    log.rename(f"{log}-20260101")


def _compressed(log: Path) -> None:
    Path(f"{log}.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()


@pytest.mark.parametrize("rotate", [_renamed, _copied, _dated, _compressed])
@pytest.mark.parametrize("size", [100, 3])
def test_rotation(
    log: Path, new: Callable[..., int], rotate: Callable[[Path], None], size: int
) -> None:
    log.write_text(lines(0, size))
    assert new() == size
    with log.open("a") as file:
        file.write(lines(size, 40))
    rotate(log)
    log.write_text(lines(1_000, 5))
    # The rest of the old log, which was not named, and the new one.
    assert new() == 45
    assert new() == 0
    assert new(log.parent) == 0
    with log.open("a") as file:
        file.write(lines(1_005, 1))
    assert new() == 1
    assert new(total=True) == size + 46


def test_a_whole_life(log: Path, new: Callable[..., int]) -> None:
    """Rename, then compress, then shift, as logrotate does with delaycompress."""
    assert new(log.parent) == 100
    log.rename(f"{log}.1")
    log.write_text(lines(200, 50))
    assert new(log.parent) == 50
    Path(f"{log}.2.gz").write_bytes(gzip.compress(Path(f"{log}.1").read_bytes()))
    Path(f"{log}.1").unlink()
    log.rename(f"{log}.1")
    log.write_text(lines(300, 2))
    assert new(log.parent) == 2
    Path(f"{log}.2.gz").rename(f"{log}.3.gz")
    assert new(log.parent) == 0
    Path(f"{log}.3.gz").unlink()
    assert new(log.parent) == 0
    assert new(log.parent, total=True) == 152


def test_copies_count_once(log: Path, new: Callable[..., int]) -> None:
    assert new() == 100
    shutil.copy(log, f"{log}.1")
    Path(f"{log}.2.gz").write_bytes(gzip.compress(log.read_bytes()))
    assert new(log.parent) == 0
    assert new(log.parent, total=True) == 100


def test_a_beginning_in_common_is_no_copy(log: Path, new: Callable[..., int]) -> None:
    banner = "2026-01-01T00:00:00Z INFO started\n"
    log.write_text(banner)
    assert new() == 1
    log.rename(f"{log}.1")
    log.write_text(banner + lines(7, 3))
    with Path(f"{log}.1").open("a") as file:
        file.write(lines(1, 2))
    assert new() == 6
    assert new(total=True) == 7


def test_a_log_that_is_gone_is_named(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(tmp_path / "state")
    assert main(["analyze", str(log), "--state", state]) == 0
    log.write_text(lines(500, 10))
    capsys.readouterr()
    assert main(["analyze", str(log), "--state", state, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["lines"]["total"] == 10
    assert "app.log was counted up to byte" in err
    assert "lines that were added since are not counted" in err
    assert main(["analyze", str(log), "--state", state]) == 0
    assert capsys.readouterr().err == "logan: nothing new since the last run\n"


def test_an_archive_that_is_being_written_waits(log: Path, new: Callable[..., int]) -> None:
    data = gzip.compress(lines(200, 50).encode())
    archive = Path(f"{log}.1.gz")
    archive.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="not yet complete"):
        new(log.parent)
    archive.write_bytes(data)
    assert new(log.parent, total=True) == 150


def test_what_was_not_reported_is_repeated(
    log: Path, new: Callable[..., int], tmp_path: Path
) -> None:
    from logan.options import Execution, Presentation, Storage
    from logan.state.run import run

    with open_state(Storage(state=tmp_path / "state"), Options()) as folder:
        run([str(log)], folder, Options(), Presentation(), Execution())  # and dies
    with log.open("a") as file:
        file.write(lines(100, 7))
    report = logan.analyze(log, state=tmp_path / "state")
    assert report.lines.total == 107
    assert report["performance"]["repeated"] is True
    assert new() == 0
    assert new(total=True) == 107


def test_other_options_and_two_users_are_refused(
    log: Path, new: Callable[..., int], tmp_path: Path
) -> None:
    assert new(where="duration>50ms") == 100
    with pytest.raises(UsageError, match=r"made with --where duration > 50ms, .* without --where"):
        new()
    with pytest.raises(UsageError, match="without --unit, this run is with --unit a=ms"):
        new(where="duration>50ms", units={"a": "ms"})
    with pytest.raises(UsageError, match="keeps how its logs are read"):
        new(where="duration>50ms", spec=tmp_path / "x")
    kept = {"where": "x"}
    user = f"in use by logan watch, process {os.getpid()}"
    with (
        StateFolder(tmp_path / "other", kept, user="logan watch"),
        pytest.raises(StateError, match=user),
    ):
        StateFolder(tmp_path / "other", kept)
    StateFolder(tmp_path / "other", kept).close()


def test_a_foreign_folder_is_refused(log: Path, new: Callable[..., int], tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.sqlite").write_text("something else, and rather long for a header of SQLite")
    with pytest.raises(StateError, match="it holds something else"):
        new()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StateError, match="cannot use the state folder"):
        logan.analyze(log, state=tmp_path / "file")


def test_the_sum_of_runs_is_one_run(log: Path, new: Callable[..., int], tmp_path: Path) -> None:
    for first in range(100, 400, 60):
        new()
        with log.open("a") as file:
            file.write(lines(first, 60))
    total = logan.analyze(log, state=tmp_path / "state", total=True)
    whole = logan.analyze(log)
    for section in ("lines", "time", "levels", "errors", "response_time_ms", "series", "messages"):
        assert total[section] == whole[section]


def test_commands_that_do_not_fit(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", str(log), "--total"]) == 2
    assert "--total needs --state" in capsys.readouterr().err


def test_a_folder_of_a_newer_version(log: Path, new: Callable[..., int], tmp_path: Path) -> None:
    assert new() == 100
    database = sqlite3.connect(tmp_path / "state" / "state.sqlite")
    with database:
        database.execute("update meta set value = '9' where key = 'version'")
    database.close()
    with pytest.raises(StateError, match="state has version 9, this logan reads 1") as found:
        new()
    assert found.value.hint is not None


def test_a_damaged_folder(log: Path, new: Callable[..., int], tmp_path: Path) -> None:
    assert new() == 100
    path = tmp_path / "state" / "state.sqlite"
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(StateError, match=r"cannot use the state folder .*malformed"):
        new()


def test_a_disk_that_is_full(log: Path, tmp_path: Path) -> None:
    """Nothing is counted, nothing is lost: the next run counts it."""
    with small_disk(tmp_path / "disk", "300k") as disk:
        assert logan.analyze(log, state=disk / "state").lines.total == 100
        with log.open("a") as file:
            file.write(lines(100, 50))
        fill(disk / "other")
        with pytest.raises(StateError, match=r"cannot use the state folder .*full"):
            logan.analyze(log, state=disk / "state")
        (disk / "other").unlink()
        assert logan.analyze(log, state=disk / "state").lines.total == 50


@pytest.mark.parametrize("rotations", [2, 5])
def test_files_that_came_and_went_between_two_runs(
    log: Path, new: Callable[..., int], rotations: int
) -> None:
    """Only the log is named, and it was rotated more than once since."""
    log.with_name("app.log.9").write_text(lines(5_000, 3))  # from before the first run
    assert new() == 100
    for number in range(rotations):
        for older in range(number, 0, -1):
            log.with_name(f"app.log.{older}").rename(log.with_name(f"app.log.{older + 1}"))
        log.rename(f"{log}.1")
        log.write_text(lines(1_000 + 10 * number, 10))
    assert new() == 10 * rotations
    assert new() == 0


@pytest.mark.parametrize("kind", ["zstd", "lz4", "xz", "tar"])
def test_archives_of_every_kind(
    log: Path, new: Callable[..., int], tmp_path: Path, kind: str
) -> None:
    """A counted log that is compressed, with more in it."""
    assert new() == 100
    with log.open("a") as file:
        file.write(lines(100, 5_000))
    if kind == "tar":
        archive = tmp_path / "logs.tar.gz"
        with tarfile.open(archive, "w:gz") as made:
            made.add(log, "app.log")
    else:
        if shutil.which(kind) is None:
            pytest.skip(f"needs {kind}")
        archive = log.with_name(f"app.log.1.{kind}")
        packed = subprocess.run([kind, "-c", str(log)], stdout=subprocess.PIPE, check=True)
        archive.write_bytes(packed.stdout)
        log.unlink()
    assert new(archive) == 5_000
    assert new(archive) == 0


def test_what_is_saved_is_what_is_reported(
    log: Path, new: Callable[..., int], tmp_path: Path
) -> None:
    days = []
    for first in (100, 130):
        days.append(tmp_path / f"{first}.logan")
        assert new(save=days[-1]) == first if first == 100 else 30
        with log.open("a") as file:
            file.write(lines(first, 30))
    all_ = tmp_path / "all.logan"
    assert new(save=all_, total=True) == 160
    assert logan.load(all_).report().lines.total == 160
    assert logan.load(days[0]).report().lines.total == 100


def test_days_of_a_folder_add_up(log: Path, new: Callable[..., int], tmp_path: Path) -> None:
    names = [str(tmp_path / f"{day}.logan") for day in range(3)]
    for day, name in enumerate(names):
        new(save=name)
        with log.open("a") as file:
            file.write(lines(100 + 20 * day, 20))
    assert main(["merge", *names, "-o", str(tmp_path / "sum.logan")]) == 0
    assert logan.load(tmp_path / "sum.logan").report().lines.total == 140


def test_the_work_of_a_look_grows_with_the_number_of_files(tmp_path: Path) -> None:
    """Of calls, not of time: many logs in one folder took the square of their number."""
    import sys

    from logan.state.growth import find_growth

    def calls(files: int) -> int:
        folder = tmp_path / f"of {files}"
        folder.mkdir()
        for n in range(files):
            (folder / f"f{'x' * (n % 3)}-{'abcdefghij'[n % 10]}{n}x.log").write_text(lines(n, 1))
        count = 0

        def counted(frame: object, event: str, argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            growth = find_growth([str(folder)], [])
        finally:
            sys.setprofile(None)
        assert len(growth.parts) == files
        growth.close()
        return count

    assert calls(160) < 6 * calls(40)
