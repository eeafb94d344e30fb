"""Files of records where something goes wrong: the disk is full, the reader is gone, the process is
killed at any moment. The file holds all records or what it held before, by command and library."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import logan
from logan.cli.main import main
from tests.support.disks import small_disk

KINDS = ("parquet", "arrow", "csv", "jsonl")
LINE = (
    '192.0.2.{} - - [24/Jan/2024:10:{:02}:{:02} +0000] "GET /item/{} HTTP/1.1" {} {} "-" '
    '"agent {}" 0.{:03}\n'
)


def lines(count: int) -> str:
    return "".join(
        LINE.format(n % 250, n // 60 % 60, n % 60, n, (200, 503)[n % 2], n * 7919, n % 40, n % 999)
        for n in range(count)
    )


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "access.log"
    path.write_text(lines(60_000))
    return path


def export(log: Path, target: Path | str, *more: str) -> list[str]:
    return [sys.executable, "-m", "logan", "export", str(log), "-o", str(target), *more]


def question(log: Path, target: Path | str, *more: str) -> list[str]:
    sql = "select * from log order by bytes desc"
    return [sys.executable, "-m", "logan", "sql", sql, str(log), "-o", str(target), *more]


def killed_at_random(
    command: Callable[..., list[str]], log: Path, folder: Path, kind: str, moments: int
) -> None:
    """Start `command` again and again over a file that exists, and kill it at any moment."""
    target = folder / f"out.{kind}"
    started = time.monotonic()
    subprocess.run(command(log, target), check=True, capture_output=True)
    whole_s = time.monotonic() - started
    whole = target.read_bytes()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    outcomes = set()
    for _ in range(moments):
        target.write_bytes(b"before")
        process = subprocess.Popen(command(log, target), stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 1.2) * whole_s)
        process.kill()
        process.wait(30)
        content = target.read_bytes()
        assert content in (b"before", whole), f"seed {seed}: {len(content)} bytes"
        outcomes.add(content == whole)
        # A file may have had a name for an instant before it took that of the target.
        left = [each for each in os.listdir(folder) if each != target.name]
        assert len(left) <= 1
        assert all(each.startswith(".logan-") for each in left)
    subprocess.run(command(log, target), check=True, capture_output=True)
    assert os.listdir(folder) == [target.name]
    if moments >= 50:
        assert outcomes == {False, True}, "some are killed before the end, and some after it"


def test_an_export_killed_at_any_moment(log: Path, tmp_path: Path) -> None:
    killed_at_random(export, log, tmp_path, "parquet", 4)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", KINDS)
def test_an_export_killed_at_many_moments(log: Path, tmp_path: Path, kind: str) -> None:
    killed_at_random(export, log, tmp_path, kind, 50)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_question_killed_at_many_moments(log: Path, tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    killed_at_random(question, log, tmp_path, "jsonl", 50)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up(
    log: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        for name in ("new", "old"):
            target = disk / f"{name}.{kind}"
            if name == "old":
                target.write_bytes(b"before")
            assert main(["export", str(log), "-o", str(target)]) == 4
            said = capsys.readouterr().err
            assert f"cannot write {target}: No space left on device" in said
            assert "hint: nothing was written there" in said
            with pytest.raises(logan.OutputError, match="No space left on device"):
                logan.records(log).write(target)
            assert target.exists() == (name == "old")
        assert os.listdir(disk) == [f"old.{kind}"]
        assert target.read_bytes() == b"before"


@pytest.mark.parametrize("kind", ["table", "csv", "json", "jsonl", "parquet"])
def test_an_answer_on_a_disk_that_fills_up(
    log: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("duckdb")
    with small_disk(tmp_path / "disk", "256k") as disk:
        target = disk / f"x.{'txt' if kind == 'table' else kind}"
        sql = 'select *, hash("offset") as h from log limit 4000'
        assert main(["sql", sql, str(log), "-o", str(target)]) == 4
        said = capsys.readouterr().err
        assert f"cannot write {target}: No space left on device" in said
        assert os.listdir(disk) == []


@pytest.mark.parametrize("command", [export, question])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_reader_that_goes(command: Callable[..., list[str]], log: Path, kind: str) -> None:
    pytest.importorskip("duckdb")
    process = subprocess.Popen(
        command(log, "-", "--output-format", kind), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(30) == 141
    process.stderr.close()


def test_a_pipe_whose_reader_goes(log: Path, tmp_path: Path) -> None:
    """The library says so as Python does."""
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)

    def read_little() -> None:
        with fifo.open("rb") as file:
            file.read(10)

    reader = threading.Thread(target=read_little)
    reader.start()
    with pytest.raises(BrokenPipeError):
        logan.records(log).write(fifo, "csv")
    reader.join()
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    ("name", "kind", "error", "message", "hint"),
    [
        ("x.xyz", None, logan.UsageError, "its suffix names no known kind of file", ".parquet"),
        ("x.csv", "excel", logan.UsageError, "cannot be written as 'excel'", "parquet, arrow"),
        ("access.log", "csv", logan.UsageError, "both an input and the file to write", "another"),
        ("link.csv", None, logan.UsageError, "both an input and the file to write", "another"),
        ("none/x.csv", None, logan.OutputError, "no such folder", "create it first"),
        ("folder", "csv", logan.OutputError, "is a folder", "name a file in it"),
        ("loop.csv", None, logan.OutputError, "cannot write", "choose another place"),
        ("a\0b.csv", None, logan.OutputError, "cannot write", "choose another place"),
        (f"{'x' * 300}.csv", None, logan.OutputError, "File name too long", "another place"),
    ],
)
def test_files_that_cannot_be_written(
    tmp_path: Path,
    name: str,
    kind: str | None,
    error: type[logan.LoganError],
    message: str,
    hint: str,
) -> None:
    log = tmp_path / "access.log"
    log.write_text(lines(100))
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.csv").symlink_to(log)
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(error) as raised:
        logan.records(log).write(tmp_path / name, kind)
    assert message in str(raised.value)
    assert hint in (raised.value.hint or "")
    assert sorted(os.listdir(tmp_path)) == before
    assert log.read_text() == lines(100)


def test_records_write_what_the_suffix_says(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(lines(500))
    told: list[tuple[int, int]] = []
    for kind in KINDS:
        target = tmp_path / f"x.{kind}"
        target.write_text("before")
        records = logan.records(log, where="status>=500")
        assert records.write(target, progress=lambda *both: told.append(both)) == 250
        assert records.stats().rows == 250
        direct = tmp_path / "direct"
        assert (
            main(
                [
                    "export",
                    str(log),
                    "-o",
                    str(direct),
                    "--output-format",
                    kind,
                    "--where",
                    "status>=500",
                ]
            )
            == 0
        )
        assert target.read_bytes() == direct.read_bytes()


def test_a_file_that_existed_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(lines(10))
    target = tmp_path / "x.csv"
    target.write_text("before")
    target.chmod(0o600)
    assert main(["export", str(log), "-o", str(target)]) == 0
    assert target.read_text().startswith("time,level")
    assert target.stat().st_mode & 0o777 == 0o600


def test_inputs_that_cannot_be_read_leave_the_file_as_it_was(tmp_path: Path) -> None:
    log, target = tmp_path / "access.log", tmp_path / "x.csv"
    log.write_text(lines(5_000))
    target.write_text("before")
    records = logan.records(log)
    log.write_text(lines(10))
    with pytest.raises(logan.InputError, match="changed"):
        records.write(target)
    strange = tmp_path / "strange.log"
    strange.write_text("no format\n" * 20)
    with pytest.raises(logan.UnreadableLogError, match="matches a known format"):
        logan.records(strange)
    with pytest.raises(logan.InputError, match="none of the 20 lines"):
        logan.records(strange, format=r"(?<time>\S+Z) .*").write(target)
    assert target.read_text() == "before"
    assert logan.records(strange, malformed=True).write(target) == 20


def test_a_stream_is_scanned_once(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_text, args=(lines(50),))
    writer.start()
    records = logan.records(fifo)
    writer.join()
    assert "read them to see rows" in records._repr_html_()
    assert records.write(tmp_path / "x.csv") == 50
    with pytest.raises(logan.InputError, match="can be read only once") as raised:
        records.write(tmp_path / "x.csv")
    assert raised.value.hint == "save it to a file, or keep what was read, as in pa.table(records)"
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 51
