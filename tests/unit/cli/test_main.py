"""The command's parts: option values, settings, signals, atomic files, the last-resort handler."""

import argparse
import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import errors
from logan._logan import Cancel
from logan.cli import COMMANDS, progress, signals, terminal
from logan.cli import option_types as values
from logan.cli.exit_codes import Exit, exit_code
from logan.cli.main import main
from logan.errors import OutputError

LOG = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * 3


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "app.log"
    path.write_bytes(LOG)
    return str(path)


# Values.


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("4096", 4096),
        ("64k", 65_536),
        ("64K", 65_536),
        ("16MiB", 2**24),
        ("16 mib", 2**24),
        ("16M", 2**24),
        ("16MB", 16_000_000),
        ("1.5GiB", 3 * 2**29),
        ("512b", 512),
    ],
)
def test_byte_sizes(text: str, size: int) -> None:
    assert values.byte_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "16XB", "1 2", "MiB", "inf", "1e3"])
def test_what_is_no_byte_size(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        values.byte_size(text)


@given(st.text(max_size=12))
def test_values_are_parsed_or_refused(text: str) -> None:
    for parse in (
        values.byte_size,
        values.positive,
        values.moment,
        values.switch,
    ):
        with contextlib.suppress(argparse.ArgumentTypeError):
            parse(text)


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["analyze", "--xyz", "a.log"], "unknown option or argument: --xyz", "logan analyze -"),
        (["analyze", "a.log", "--treads=2"], "argument: --treads=2", "did you mean --threads?"),
        (["analyse", "a.log"], "unknown command 'analyse'", "did you mean analyze?"),
        (["xyz"], "unknown command 'xyz'", "known commands: analyze, watch, coordinator, worker"),
        (["analyze", "a.log", "--since", "2x"], "'2x': not a valid time", "2h30m or '2 hours ago'"),
        (
            ["analyze", "a.log", "--input-tz", "Mars/X"],
            "'Mars/X' is not a valid",
            "--help",
        ),
        (
            ["analyze", "a.log", "--input-tz", "Europe/Berln"],
            "did you mean Europe/Berlin?",
            "--help",
        ),
        (
            ["analyze", "a.log", "--output-tz", "Mars/X"],
            "'Mars/X' is not a valid",
            "--help",
        ),
        (["status", "extra"], "unknown option or argument: extra", "logan status --help"),
    ],
)
def test_a_mistake_on_the_command_line_is_named_with_the_next_step(
    argv: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    told = capsys.readouterr().err.splitlines()
    assert message in told[0]
    assert hint in told[1]


def test_detect_takes_folders_and_patterns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.log").write_text("2024-01-24 10:15:32 INFO ready\n")
    (tmp_path / "b.txt").touch()
    assert main(["detect", f"{tmp_path}/*.log"]) == 0
    assert f"{tmp_path}/a.log: 1 line sampled" in capsys.readouterr().out
    assert main(["detect", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert f"{tmp_path}/a.log: 1 line sampled" in shown.out
    assert "a folder with 1 log; left out: 1 empty (b.txt)" in shown.err


@pytest.mark.parametrize(
    ("selected", "message", "hint"),
    [
        (["--since", "2025-01-01"], "no records in the selected time range", "--relative-to last"),
        (["--since", "2h"], "no records in the selected time range", "--relative-to last"),
        (["--where", "level=fatal"], "no records match the condition", "logan detect FILE"),
        (
            ["--until", "2h", "--where", "level=fatal"],
            "no records in the selected time range match the condition",
            "logan detect FILE",
        ),
    ],
)
@pytest.mark.parametrize("lines", [1, 10_000])  # so many that a search by time reads none
def test_nothing_selected_is_said_with_the_next_step(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    selected: list[str],
    message: str,
    hint: str,
    lines: int,
) -> None:
    path = tmp_path / "a.log"
    path.write_text("2024-01-24 10:15:32 INFO ready\n" * lines)
    assert main(["analyze", str(path), *selected]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"logan: {message}"
    assert hint in told[1]


def test_the_heading_names_what_was_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_text("2024-01-24 10:15:32 INFO ready\n")
    monkeypatch.chdir(tmp_path.parent)  # a long path is cut at its end
    assert main(["analyze", tmp_path.name]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"logan  {tmp_path.name}/a.log"


# Settings.


@pytest.mark.parametrize(
    ("flags", "env", "rows"),
    [([], {}, 3), ([], {"LOGAN_TOP": "2"}, 2), (["--top", "1"], {"LOGAN_TOP": "2"}, 1)],
)
def test_a_flag_goes_before_the_environment_before_the_default(
    log: str,
    flags: list[str],
    env: dict[str, str],
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert main(["analyze", log, "--json", *flags]) == Exit.OK
    assert capsys.readouterr().out.count('"offset"') == rows


def test_a_bad_setting_names_its_variable(
    log: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOGAN_CHUNK_SIZE", "16XB")
    assert main(["analyze", log]) == Exit.USAGE
    assert capsys.readouterr().err.startswith("logan: LOGAN_CHUNK_SIZE=16XB: ")


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_command_has_help(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == Exit.OK
    out = capsys.readouterr().out
    assert "usage" in out.lower()
    assert all(name in out for name in (command or COMMANDS))


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_help_has_the_same_words_in_color_and_without(
    command: tuple[str, ...],
    columns: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert main([*command, "--help"]) == Exit.OK
    plain = capsys.readouterr().out
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main([*command, "--help"]) == Exit.OK
    colored = capsys.readouterr().out
    assert "\x1b[" not in plain
    assert "\x1b[" in colored
    # In words: of the column where help starts, rich-argparse has its own opinion.
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored).split() == plain.split()


def test_no_command_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == Exit.OK
    assert "analyze" in capsys.readouterr().out


# Color.


@pytest.mark.parametrize(
    ("choice", "env", "is_terminal", "wanted"),
    [
        ("auto", {}, True, True),
        ("auto", {}, False, False),
        ("auto", {"NO_COLOR": "1"}, True, False),
        ("auto", {"NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {}, True, False),
    ],
)
def test_when_to_colour(
    choice: str,
    env: dict[str, str],
    is_terminal: bool,
    wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)

    class Stream:
        def isatty(self) -> bool:
            return is_terminal

    stream: Any = Stream()
    assert terminal.wants_color(choice, stream) is wanted


# Files.


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o640)
    terminal.write_file(str(path), "new ✓\n")
    assert path.read_text() == "new ✓\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["report.json"]


def test_a_new_file_gets_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        terminal.write_file(str(tmp_path / "report"), "x")
    finally:
        os.umask(before)
    assert (tmp_path / "report").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    link.symlink_to(real)
    terminal.write_file(str(link), "x")
    assert link.is_symlink()
    assert real.read_text() == "x"


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError, match="No space left"):
        terminal.write_file(str(path), "new")
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.json"]


def test_where_nothing_can_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        terminal.check_output(str(tmp_path / "none" / "report"))
    with pytest.raises(OutputError, match="is a folder"):
        terminal.check_output(str(tmp_path))
    terminal.check_output(str(tmp_path / "report"))
    terminal.check_output("/dev/null")


# Signals.


@pytest.fixture
def handlers() -> Iterator[None]:
    before = {signum: signal.getsignal(signum) for signum in signals.SIGNALS}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.mark.parametrize("signum", signals.SIGNALS)
def test_the_first_signal_cancels_and_the_second_aborts(signum: int, handlers: None) -> None:
    cancel = Cancel()
    with signals.Signals().handled(cancel.set) as interrupts:
        assert interrupts.signum is None
        os.kill(os.getpid(), signum)
        assert cancel.is_set()
        assert interrupts.signum == signum
        with pytest.raises(signals.Aborted):
            os.kill(os.getpid(), signum)


def test_an_ignored_signal_stays_ignored_and_handlers_are_put_back(handlers: None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    before = signal.getsignal(signal.SIGINT)
    cancel = Cancel()
    with signals.Signals().handled(cancel.set):
        os.kill(os.getpid(), signal.SIGTERM)
        assert not cancel.is_set()
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("signum", signals.SIGNALS)
@pytest.mark.parametrize("writer", ["write_file", "write_stdout"])
def test_one_signal_ends_the_wait_for_a_reader_of_the_report(
    writer: str, signum: int, handlers: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.log"
    log.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")

    def wait(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signum)
        raise AssertionError("the signal was not heard")

    monkeypatch.setattr(terminal, writer, wait)
    output = ["-o", str(tmp_path / "report")] if writer == "write_file" else []
    assert main(["analyze", str(log), *output]) == 128 + signum


# The end of a command.


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (errors.UsageError("bad top", hint="use 10"), 2, "logan: bad top\n  hint: use 10\n"),
        (errors.InputError("a.log is gone"), 3, "logan: a.log is gone\n"),
        (errors.SourceChangedError("a.log shrank"), 3, "logan: a.log shrank\n"),
        (errors.OutputError("disk full"), 4, "logan: disk full\n"),
        (errors.SummaryError("damaged"), 4, "logan: damaged\n"),
        (signals.Aborted(15), 143, ""),
        (KeyboardInterrupt(), 130, ""),
        (MemoryError(), 4, "logan: out of memory\n"),
        (OSError(5, "Input/output error"), 4, "logan: Input/output error\n"),
        (ZeroDivisionError("oh\x1b[31m"), 4, "internal error: ZeroDivisionError: oh\\x1b[31m\n"),
        (BaseException("native panic"), 4, "internal error: BaseException: native panic\n"),
    ],
)
def test_every_end_is_an_exit_code_and_a_line(
    raised: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(args: argparse.Namespace) -> int:
        raise raised

    monkeypatch.delenv("LOGAN_DEBUG", raising=False)
    monkeypatch.setattr("logan.cli.formats.run", run)
    assert main(["formats"]) == code
    err = capsys.readouterr().err
    assert said in err
    assert bool(said) == bool(err)
    assert "Traceback" not in err
    monkeypatch.setenv("LOGAN_DEBUG", "1")
    if code not in (130, 143):
        main(["formats"])
        assert "Traceback" in capsys.readouterr().err


def test_every_error_of_logan_has_an_exit_code() -> None:
    for name in errors.__all__:
        assert exit_code(getattr(errors, name)("x")) in (2, 3, 4)


# Progress.


@pytest.mark.parametrize(
    ("done", "total", "elapsed_s", "text"),
    [
        (0, 0, 0.0, "0 B  0 B/s"),
        (10**9, 0, 2.0, "1.00 GB  500 MB/s"),
        (10**9, 4 * 10**9, 2.0, " 25%  1.00 GB of 4.00 GB  500 MB/s  6 s left"),
        (0, 10, 1.0, "  0%  0 B of 10 B  0 B/s"),
    ],
)
def test_progress_in_words(done: int, total: int, elapsed_s: float, text: str) -> None:
    assert progress.progress_text(done, total, elapsed_s) == text


def test_speed_leaves_out_what_was_done_before() -> None:
    """By the coordinator that a journal was taken over from, for example."""
    text = progress.progress_text(3 * 10**9, 4 * 10**9, 2.0, before=2 * 10**9)
    assert text == " 75%  3.00 GB of 4.00 GB  500 MB/s  2 s left"


def test_a_short_run_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.ProgressBar(color=False) as bar:
        bar.update(1, 2)
    assert capsys.readouterr().err == ""


def test_a_long_run_shows_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_S", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.ProgressBar(color=False) as bar:
        bar.update(10**9, 4 * 10**9)
        bar.update(2 * 10**9, 0)
    assert " 25%  1.00 GB of 4.00 GB" in capsys.readouterr().err


def test_a_state_folder_without_a_name_is_not_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "a.log"
    log.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert main(["analyze", str(log), "--state", ""]) == 2
    assert list((tmp_path / "here").iterdir()) == []
