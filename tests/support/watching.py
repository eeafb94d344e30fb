"""`logan watch` as real processes: one that prints JSON and serves the page, one on a terminal."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from tests.support.cluster_processes import wait_until

__all__ = ["Piped", "Views", "Watched", "opened"]

COLUMNS, LINES = 200, 50
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")
_HOME = b"\x1b[H"

T = TypeVar("T")


class Watched:
    """A `logan watch` whose stderr goes to a file, as a service's does."""

    def __init__(
        self, folder: Path, name: str, args: Sequence[object], before: Sequence[str], **more: Any
    ) -> None:
        self.errors = folder / f"{name}.err"
        program = more.pop("program", ("-m", "logan"))
        command = [*before, sys.executable, *program, "watch", *map(str, args)]
        with self.errors.open("wb") as file:
            self.process = subprocess.Popen(command, stderr=file, **more)

    @property
    def err(self) -> str:
        """What it said on stderr so far."""
        return self.errors.read_text(errors="replace")

    def said(self, pattern: str, patience_s: float = 30.0) -> re.Match[str]:
        """Wait until stderr matches."""
        return self._until(lambda: re.search(pattern, self.err), pattern, patience_s)

    def end(self, signum: int = signal.SIGINT, patience_s: float = 30.0) -> int:
        """End it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.process.wait(patience_s)

    def close(self) -> None:
        """Kill it."""
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _until(self, look: Callable[[], T | None], what: str, patience_s: float) -> T:
        def alive() -> T | None:
            found = look()
            if not found and self.process.poll() is not None and not (found := look()):
                raise AssertionError(f"it ended ({self.process.returncode}): {self.err}")
            return found

        try:
            return wait_until(alive, what, patience_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said: {self.err}; {self.seen()}") from None

    def seen(self) -> str:
        """What it showed last."""
        return ""


class Piped(Watched):
    """JSON on a pipe, of all that was counted, and the page where it can be served."""

    def __init__(self, folder: Path, *args: object, before: Sequence[str] = (), **more: Any):
        self.last: dict[str, Any] = {}
        common = ("--json", "--interval", "0.2s", "--window", "all")
        super().__init__(
            folder,
            "piped",
            (*common, *args),
            before,
            stdout=subprocess.PIPE,
            start_new_session=True,
            **more,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(ValueError):
                self.last = json.loads(line)

    @property
    def count(self) -> int:
        """Lines that were counted so far."""
        return int(self.last["lines"]["total"]) if self.last else -1

    def counted(self, lines: int, patience_s: float = 30.0) -> None:
        """Wait until so many lines were counted."""
        self._until(lambda: self.count >= lines, f"{lines} lines", patience_s)
        assert self.count == lines

    def notices(self) -> str:
        """What its JSON says happened to the logs."""
        return json.dumps(self.last.get("live", {}).get("notices", ()), ensure_ascii=False)

    def shown(self, pattern: str, patience_s: float = 30.0) -> None:
        """Wait until JSON and, if there is one, the page show it."""
        self._until(lambda: re.search(pattern, self.notices()), f"JSON: {pattern}", patience_s)
        if "live page: " in self.err:
            self._until(lambda: re.search(pattern, self._board()), f"page: {pattern}", patience_s)

    def _board(self) -> str:
        """What the page is told now."""
        port = int(self.said(r"live page: https?://\S+:(\d+)/")[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/events?window=all")
        with connection.getresponse() as response:
            line = response.readline().decode()
        connection.close()
        return json.dumps(json.loads(line.removeprefix("data: ")), ensure_ascii=False)

    def end(self, signum: int = signal.SIGINT, patience_s: float = 30.0) -> int:
        code = super().end(signum, patience_s)
        self._reader.join(10)
        return code

    def seen(self) -> str:
        return f"counted {self.count}; {self.notices()}"

    def close(self) -> None:
        super().close()
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Screen(Watched):
    """The view on a terminal."""

    def __init__(self, folder: Path, *args: object, before: Sequence[str] = (), **more: Any):
        self._controller, terminal = pty.openpty()
        size = struct.pack("HHHH", LINES, COLUMNS, 0, 0)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        environment |= {"TERM": "xterm", "NO_COLOR": "1"} | more.pop("env", {})
        super().__init__(
            folder,
            "screen",
            args,
            before,
            stdin=terminal,
            stdout=terminal,
            start_new_session=True,
            env=environment,
            **more,
        )
        os.close(terminal)
        self._data = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # how Linux reports the end of a terminal
            while data := os.read(self._controller, 65_536):
                self._data += data
                del self._data[:-1_000_000]

    def seen(self) -> str:
        """The lines that were drawn last."""
        data = bytes(self._data)
        # Each drawing begins at the top; the last one may not be whole yet.
        drawings = data.split(_HOME)[-2:]
        text = b"\n".join(_ESCAPES.sub(b"", each) for each in drawings)
        return text.decode(errors="replace").replace("\r", "")

    def shown(self, pattern: str, patience_s: float = 30.0) -> None:
        """Wait until it is on the screen."""
        self._until(lambda: re.search(pattern, self.seen()), f"screen: {pattern}", patience_s)

    def close(self) -> None:
        super().close()
        self._reader.join(10)
        os.close(self._controller)


class Views:
    """The same logs, watched on a terminal, and on a pipe with a page."""

    def __init__(self, folder: Path, args: Sequence[object], **more: Any) -> None:
        self.piped = Piped(folder, *args, "--serve", "127.0.0.1:0", **more)
        self.screen = Screen(folder, "--window", "all", *args, **more)

    def tell(self, pattern: str, patience_s: float = 30.0) -> None:
        """Wait until it is in all views, and on both stderrs."""
        for each in (self.piped, self.screen):
            each.said(pattern, patience_s)
            each.shown(pattern, patience_s)

    def counted(self, lines: int) -> None:
        """Wait until so many lines were counted, in all views."""
        self.piped.counted(lines)
        self.screen.shown(rf"\b{lines:,} ")

    def end(self) -> int:
        """End both; the exit code."""
        codes = {self.piped.end(), self.screen.end()}
        for each in (self.piped, self.screen):
            assert "Traceback" not in each.err, each.err
        (code,) = codes
        return code


@contextmanager
def opened(folder: Path, *args: object, **more: Any) -> Iterator[Views]:
    """Views that end with the context."""
    views = Views(folder, args, **more)
    try:
        yield views
    finally:
        for each in (views.piped, views.screen):
            each.close()
