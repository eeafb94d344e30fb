"""Where output goes: never onto an input, never half-written, and each way to fail is said."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# In the words of the C library, of which there are several.
LOOP, TOO_LONG = os.strerror(errno.ELOOP), os.strerror(errno.ENAMETOOLONG)

LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
CONTENT = LINE * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with one log under several names, and the report of it."""
    (tmp_path / "in.log").write_bytes(CONTENT)
    os.link(tmp_path / "in.log", tmp_path / "hard")
    (tmp_path / "soft").symlink_to("in.log")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.log").write_bytes(CONTENT)
    (tmp_path / "report.json").write_bytes(run("analyze --json in.log", tmp_path).stdout)
    (tmp_path / "expected.json").write_text('{"total_requests": 200}')
    return tmp_path


def run(command: str, folder: Path, **options: str) -> subprocess.CompletedProcess[bytes]:
    """`logan` with these arguments, as a shell reads them."""
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m logan {command}'],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
        env=os.environ | options,
    )
    assert b"Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("analyze in.log -o in.log", "in.log is both an input and the output (-o)"),
        ("analyze in.log --json -o hard", "in.log is both an input and the output (-o)"),
        ("analyze soft -o in.log", "soft is both an input and the output (-o)"),
        ("analyze none hard -o soft", "hard is both an input and the output (-o)"),
        ("analyze - -o in.log < in.log", "standard input is both an input and the output (-o)"),
        ("analyze in.log -o /dev/stdout >> in.log", "in.log is both an input and the output (-o)"),
        ("analyze in.log >> in.log", "in.log is both an input and standard output"),
        ("analyze in.log -o - >> hard", "in.log is both an input and standard output"),
        ("analyze - < soft >> in.log", "standard input is both an input and standard output"),
        ("analyze sub -o sub/a.log", "sub/a.log is both an input and the output (-o)"),
        ("analyze 'sub/*.log' -o sub/a.log", "sub/a.log is both an input and the output (-o)"),
        ("detect in.log >> in.log", "in.log is both an input and standard output"),
        ("validate report.json expected.json >> report.json", "report.json is both an input and "),
        ("submit in.log -o in.log", "in.log is both an input and the output (-o)"),
        ("submit --on-workers '*.log' -o in.log", "in.log is both an input and the output (-o)"),
        ("coordinator in.log --port 0 -o hard", "in.log is both an input and the output (-o)"),
        ("simulate worker-failure in.log -o hard", "in.log is both an input and the output (-o)"),
    ],
)
def test_an_input_is_never_the_output(command: str, said: str, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = run(command, folder)
    first, second = done.stderr.decode().splitlines()
    assert first.startswith(f"logan: {said}")
    assert second == "  hint: write to another file"
    assert (done.returncode, done.stdout) == (2, b"")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_input_that_the_shell_has_emptied_for_the_output_is_said(folder: Path) -> None:
    done = run("analyze in.log > in.log", folder)
    assert done.returncode == 2
    assert b"in.log is both an input and standard output" in done.stderr


def test_outputs_beside_inputs_are_fine(folder: Path) -> None:
    # The shell makes the file first, so it is found in the folder; empty, it is left out.
    assert run("analyze sub > sub/report.txt", folder).returncode == 0
    assert b"sub/a.log" in (folder / "sub" / "report.txt").read_bytes()
    assert run("analyze in.log -o report.json --json", folder).returncode == 0
    assert run("analyze in.log < in.log > /dev/null", folder).returncode == 0


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("sub", 4, "sub is a folder"),
        ("''", 2, "-o needs a file name"),
        ("none/x", 4, "cannot write none/x: no such folder: "),
        ("in.log/x", 4, "cannot write in.log/x: no such folder: "),
        ("loop", 4, f"cannot write loop: {LOOP}"),
        ("loop/x", 4, f"cannot write loop/x: {LOOP}"),
        ("n" * 256, 4, f"cannot write {'n' * 149}…{'n' * 50}: {TOO_LONG}"),
        ("/dev/full", 4, "cannot write /dev/full: No space left on device"),
    ],
)
def test_an_output_that_cannot_be_written(output: str, code: int, said: str, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    before = sorted(os.listdir(folder))
    for command in ("analyze in.log", "simulate worker-failure in.log --seconds 0.1"):
        if output == "/dev/full" and command.startswith("simulate"):
            continue  # known only when it is written to
        done = run(f"{command} -o {output}", folder)
        assert done.returncode == code
        assert done.stderr.decode().startswith(f"logan: {said}")
        assert done.stdout == b""
    assert sorted(os.listdir(folder)) == before


def test_a_name_that_is_just_short_enough_can_be_written(folder: Path) -> None:
    assert run(f"analyze in.log --json -o {'n' * 255}", folder).returncode == 0
    assert json.loads((folder / ("n" * 255)).read_bytes())["total_requests"] == 200


@pytest.mark.parametrize(
    "command",
    [
        "--help",
        "--version",
        "analyze --help",
        "analyze in.log --csv series",
        "detect in.log",
        "formats",
        "completion bash",
        "simulate --list",
        "validate report.json expected.json",
    ],
)
def test_a_full_or_closed_standard_output_is_said_by_every_command(
    command: str, folder: Path
) -> None:
    full = run(f"{command} > /dev/full", folder)
    assert full.stderr == b"logan: cannot write to standard output: No space left on device\n"
    closed = run(f"{command} >&-", folder)
    assert closed.stderr.startswith(b"logan: standard output is closed\n")
    assert full.returncode == closed.returncode == 4
    assert closed.stdout == b""


# --- A working directory that was deleted -------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("analyze in.log", 3),
        ("analyze '*.log'", 3),
        ("analyze .", 3),
        ("analyze {log} -o x", 2),
        ("analyze {log} --engine dask --threads 1", 2),
        ("detect in.log", 3),
        ("validate a.json b.json", 3),
        ("submit in.log", 2),
        ("simulate worker-failure {log} --seconds 0.1", 2),
    ],
)
def test_a_deleted_working_directory_is_named(command: str, code: int, folder: Path) -> None:
    if "dask" in command and importlib.util.find_spec("distributed") is None:
        pytest.skip("distributed is not installed, which wheels are tried without")
    gone = folder / "gone"
    gone.mkdir()
    log = folder / "in.log"
    done = subprocess.run(
        ["sh", "-c", f'rmdir "{gone}"; "{sys.executable}" -m logan {command.format(log=log)}'],
        cwd=gone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"the working directory {gone} has been deleted" in done.stderr
    assert "cd to a folder that exists" in done.stderr
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (code, "")


def test_a_deleted_working_directory_does_not_matter_to_whole_paths(folder: Path) -> None:
    gone = folder / "gone"
    gone.mkdir()
    log, out = folder / "in.log", folder / "out.json"
    command = f'"{sys.executable}" -m logan analyze "{log}" --json -o "{out}"'
    done = subprocess.run(
        ["sh", "-c", f'rmdir "{gone}"; {command}'], cwd=gone, timeout=60, check=False
    )
    assert done.returncode == 0
    assert json.loads(out.read_bytes())["total_requests"] == 200
