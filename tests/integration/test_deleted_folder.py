"""Commands that are started in a folder that has been deleted: one sentence that names it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "logan"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other systems do not allow it")


def run_in_deleted(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`logan` with these arguments, started by a process whose working directory is gone."""
    program = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); "
        "os.execv(sys.executable, [sys.executable, '-m', 'logan', *sys.argv[2:]])"
    )
    folder.mkdir()
    return subprocess.run(
        [sys.executable, "-c", program, str(folder), *arguments],
        env={**os.environ, "PWD": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command",
    [
        "coordinator --port 0",
        "coordinator --port 0 --root logs",
        "coordinator --port 0 --root / access.log",
        "coordinator --port 0 --root / --state state",
        "worker --id alice",
        "worker --id alice --root logs",
        "submit access.log --coordinator localhost:1",
        "submit /access.log -o report.json --coordinator localhost:1",
        "analyze /etc/passwd -o report.json",
    ],
)
def test_the_error_names_the_folder_and_the_next_step(tmp_path: Path, command: str) -> None:
    folder = tmp_path / "a folder that goes"
    found = run_in_deleted(folder, *command.split())
    assert found.returncode == 2
    assert found.stdout == ""
    assert found.stderr.splitlines() == [
        f"logan: the working directory {folder} has been deleted",
        "  hint: cd to a folder that exists, then run the command again",
    ]


def test_what_needs_no_working_directory_works_without_one(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")
    found = run_in_deleted(tmp_path / "gone", "analyze", "--json", str(log))
    assert found.returncode == 0, found.stderr


def test_nothing_else_asks_for_the_working_directory() -> None:
    """A caller that does gets an error that names no folder."""
    asking = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bos\.getcwdb?\(|\bgetcwd\b.*import|Path\.cwd\(", path.read_text("utf-8"))
    }
    assert asking == {"sources/files.py"}
