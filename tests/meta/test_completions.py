"""Completions in real shells: TAB is pressed in a terminal, and what then stands there is read."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "python" / "logan" / "share" / "completions"
PROMPT = "ready> "
PATIENCE_S = 20.0
_CONTROL = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|[\x07\r]")

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "-i"],
}


class Terminal:
    """A shell in a terminal."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.text = ""

    def press(self, keys: str) -> None:
        """Type."""
        self.text = ""
        os.write(self.fd, keys.encode())

    def wait_for(self, wanted: str) -> bool:
        """Whether the text came to stand there."""
        deadline = time.monotonic() + PATIENCE_S
        while wanted not in _CONTROL.sub("", self.text):
            readable, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not readable:
                return False
            try:
                data = os.read(self.fd, 1 << 16)
            except OSError:  # the shell ended
                return False
            self.text += data.decode(errors="replace")
        return True


@contextmanager
def terminal(command: list[str], folder: Path) -> Iterator[Terminal]:
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(folder), "TERM": "dumb", "PS1": PROMPT}
        os.execvpe(command[0], command, environment)
    try:
        yield Terminal(fd)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def install(shell: str, folder: Path) -> str:
    """Put the script where `logan completion --help` says; the line that makes a shell see it."""
    script = SCRIPTS / f"logan.{shell}"
    match shell:
        case "bash":
            return f"source '{script}'"
        case "zsh":
            (folder / "functions").mkdir()
            shutil.copy(script, folder / "functions" / "_logan")
            return f"fpath=('{folder}/functions' $fpath); autoload -U compinit; compinit -u -D"
        case _:
            target = folder / ".config" / "fish" / "completions"
            target.mkdir(parents=True)
            shutil.copy(script, target / "logan.fish")
            return "true"  # it looks there by itself


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "some.log").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "logan").touch(0o755)  # fish completes only commands that it finds
    setup = install(shell, tmp_path)
    with terminal(SHELLS[shell], tmp_path) as shown:
        shown.press(f"{setup}; echo inst'alled'\n")
        assert shown.wait_for("installed"), shown.text
        for typed, completed in (
            ("logan ana", "lyze "),
            ("logan analyze --output-f", "ormat "),
            ("logan analyze --output-format mark", "down "),
            ("logan analyze so", "me.log "),
        ):
            shown.press(f"{typed}\t")
            assert shown.wait_for(typed + completed), shown.text
            shown.press("\x15\n")  # forget the line


def test_a_wrong_completion_would_be_seen(tmp_path: Path) -> None:
    with terminal(["sh"], tmp_path) as shown:
        shown.press("exit\n")
        assert not shown.wait_for("what it does not print")
