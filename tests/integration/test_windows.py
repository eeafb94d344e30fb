"""What README.md promises of Windows, tried without one: see `tests.support.windows`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from logan.cli import COMMANDS, NOT_ON_WINDOWS

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "test_vectors" / "logs" / "mixed_format.log"


def logan(*arguments: object, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """The result of a command line on what takes itself for Windows."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.windows", *map(str, arguments)],
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LOGAN_DEBUG": "1"},
    )


def here(*arguments: object) -> bytes:
    """What the same command line prints on this system."""
    return subprocess.run(
        [sys.executable, "-m", "logan", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout


def figures(output: bytes) -> dict[str, object]:
    """A JSON report without what differs from run to run."""
    found: dict[str, object] = json.loads(output)
    return {key: value for key, value in found.items() if key != "performance"}


def test_analyze() -> None:
    done = logan("analyze", LOG, "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert figures(done.stdout) == figures(here("analyze", LOG, "--json"))


def test_analyze_reads_standard_input() -> None:
    done = logan("analyze", "-", "--json", data=LOG.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["lines"] == json.loads(here("analyze", LOG, "--json"))["lines"]


def test_analyze_shows_a_report_for_people() -> None:
    done = logan("analyze", LOG)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") > 10


@pytest.mark.parametrize("suffix", ["html", "json", "md", "svg", "csv"])
def test_reports_replace_files(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"report.{suffix}"
    for _ in range(2):
        done = logan("analyze", LOG, "-o", target)
        assert done.returncode == 0, done.stderr
    assert target.stat().st_size > 100
    assert [each.name for each in tmp_path.iterdir()] == [target.name]


def test_detect() -> None:
    done = logan("detect", LOG)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == here("detect", LOG)


def test_diff_of_a_log_and_a_summary(tmp_path: Path) -> None:
    saved = tmp_path / "before.logan"
    assert logan("analyze", LOG, "--save", saved).returncode == 0
    done = logan("diff", saved, LOG, "--output-format", "json")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_export(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"records.{suffix}"
    for _ in range(2):
        done = logan("export", LOG, "-o", target)
        assert done.returncode == 0, done.stderr
    assert [each.name for each in tmp_path.iterdir()] == [target.name]
    other = tmp_path / f"here.{suffix}"
    here("export", LOG, "-o", other)
    assert target.read_bytes() == other.read_bytes()


def test_export_reads_standard_input(tmp_path: Path) -> None:
    target = tmp_path / "records.csv"
    done = logan("export", "-", "-o", target, data=LOG.read_bytes())
    assert done.returncode == 0, done.stderr
    assert target.read_bytes().count(b"\n") > 10


def script(code: str) -> subprocess.CompletedProcess[bytes]:
    """The result of Python code with `main`, the command line on what takes itself for Windows."""
    setup = (
        "from tests.support.windows import pretend; pretend()\nfrom logan.cli.main import main\n"
    )
    return subprocess.run(
        [sys.executable, "-c", setup + code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_commands_that_need_posix_say_so() -> None:
    arguments: dict[str, list[object]] = {
        "watch": [LOG],
        "worker": ["--id", "a"],
        "submit": [LOG],
        "cancel": ["0123456789ab"],
        "simulate": ["worker-failure", LOG],
    }
    commands = sorted(NOT_ON_WINDOWS)
    lines = [[each, *map(str, arguments.get(each, []))] for each in commands]
    done = script(f"print([int(main(each)) for each in {lines}])")
    assert done.stdout.decode() == f"{[2] * len(commands)}\n", done.stderr
    for command in commands:
        assert f"logan {command} does not run on Windows" in done.stderr.decode()
    assert done.stderr.decode().count("WSL") == len(commands)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", LOG, "--state", "state"], "--state does not work on Windows"),
        (["analyze", "web1:/var/log/app.log"], "cannot be read by ssh on Windows"),
        (["analyze", LOG, "--engine", "dask"], "the dask engine does not run on Windows"),
    ],
)
def test_options_that_need_posix_say_so(arguments: list[object], message: str) -> None:
    done = logan(*arguments)
    assert done.returncode in (2, 3)
    assert message in done.stderr.decode()


def test_help_is_shown() -> None:
    done = script(f"print([int(main([each, '--help'])) for each in {COMMANDS}])")
    assert done.stderr == b""
    assert done.stdout.decode().endswith(f"{[0] * len(COMMANDS)}\n")
    for command in COMMANDS:
        assert f"logan {command}" in done.stdout.decode()


def test_the_pretense_takes_away_what_it_says() -> None:
    """Otherwise the tests above could not fail."""
    code = (
        "import tests.support.windows as windows, os, sys; windows.pretend()\n"
        "assert sys.platform == 'win32' and not hasattr(os, 'pread')\n"
        "try:\n import fcntl\nexcept ModuleNotFoundError:\n pass\nelse:\n raise SystemExit(1)\n"
        "try:\n os.open(os.devnull, os.O_RDONLY)\nexcept AssertionError:\n raise SystemExit(7)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 7
