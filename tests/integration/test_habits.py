"""Command lines as users type them out of habit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.test_report_files import ACCESS, logan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text("".join(ACCESS.format(i, 200) for i in range(40)))
    return tmp_path


@pytest.mark.parametrize(
    "args",
    [
        ("access.log", "--json"),
        ("--json", "access.log"),
        ("./access.log", "--json"),
        ("*.log", "--json"),
        (".", "--json"),
    ],
)
def test_a_log_needs_no_command(folder: Path, args: tuple[str, ...]) -> None:
    done = logan(folder, *args)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total_requests"] == 40


@pytest.mark.parametrize("args", [("--json",), ("-", "--json"), ("analyze", "--json")])
def test_a_pipe_needs_no_name(folder: Path, args: tuple[str, ...]) -> None:
    done = logan(folder, *args, stdin=(folder / "access.log").read_text())
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total_requests"] == 40


def test_bare_logan_reads_a_pipe_and_else_shows_its_help(folder: Path) -> None:
    assert "40" in logan(folder, stdin=(folder / "access.log").read_text()).stdout
    for args, code in (([], 0), (["analyze"], 2)):
        done = subprocess.run(
            [sys.executable, "-m", "logan", *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code
        assert ("Usage: logan" in done.stdout) == (code == 0)
        assert ("missing PATH" in done.stderr) == (code == 2)


def test_a_misspelled_command_is_not_a_log(folder: Path) -> None:
    done = logan(folder, "anlyze")
    assert (done.returncode, "did you mean analyze?" in done.stderr) == (2, True)
    done = logan(folder, "missing.log")
    assert (done.returncode, "missing.log: no such file" in done.stderr) == (3, True)


def test_help_by_name_and_the_version(folder: Path) -> None:
    assert logan(folder, "help").stdout == logan(folder, "--help").stdout
    shown = logan(folder, "help", "analyze").stdout
    assert shown == logan(folder, "analyze", "--help").stdout
    titles = ("Filtering:", "Grouping:", "Output:", "Gates:", "Formats And Time:", "Tuning:")
    places = [shown.find(each) for each in titles]
    assert -1 not in places
    assert places == sorted(places)
    assert "did you mean analyze?" in logan(folder, "help", "analize").stderr
    assert logan(folder, "-V").stdout == logan(folder, "--version").stdout


def test_times_as_they_are_said(folder: Path) -> None:
    now = datetime.now(UTC)
    lines = [
        f"192.0.2.7 - - [{now - timedelta(minutes=minutes):%d/%b/%Y:%H:%M:%S} +0000] "
        '"GET /a HTTP/1.1" 200 12 "-" "curl" 0.020\n'
        for minutes in (60 * 24 * 3, 150, 90, 30)
    ]
    (folder / "new.log").write_text("".join(lines))
    for since, count in (("-2h", 2), ("2 hours ago", 2), ("3 hours ago", 3), ("now", 0)):
        done = logan(folder, "new.log", "--json", "--since", since)
        assert json.loads(done.stdout)["lines"]["parsed"] == count, since
    done = logan(folder, "new.log", "--json", "--since", "yesterday", "--until", "now")
    assert json.loads(done.stdout)["lines"]["parsed"] == 3


def test_a_zone_is_stated_where_a_time_is_wrong(folder: Path) -> None:
    done = logan(folder, "access.log", "--since", "10:99", "--input-tz", "Europe/Berlin")
    assert (done.returncode, "in Europe/Berlin" in done.stderr) == (2, True)


def test_the_library_reads_them_too(folder: Path) -> None:
    code = "import logan; print(logan.analyze('access.log', since='yesterday').lines.parsed)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=60,
        check=False,
    )
    assert done.stdout == "0\n", done.stderr
