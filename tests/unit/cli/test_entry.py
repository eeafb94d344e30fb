"""The command's entry: Ctrl-C before and after the command itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

HOOK = """
import importlib.abc, os, signal, sys
class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "logan.cli.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
"""
AT_EXIT = "import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
RUN = "import sys; from logan.__main__ import main; sys.argv[1:] = ['--version']; sys.exit(main())"


@pytest.mark.parametrize("before", [HOOK, AT_EXIT])
def test_an_interrupt_beside_the_command_shows_no_traceback(before: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", before + RUN], check=False, capture_output=True, timeout=60
    )
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == b""


def test_an_ignored_interrupt_stays_ignored() -> None:
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    ended = subprocess.run(
        [sys.executable, "-c", ignored + HOOK + RUN], check=False, capture_output=True, timeout=60
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"logan ")
