"""The terminal view of a watch: redrawn at intervals and at keys.

Draws what `live.board` holds. Keys are read from the terminal, also where standard input is the
log. Text of logs is printed as `Text`, never as markup.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from logan.cli.terminal import say as say_on_stderr
from logan.cli.watch_drawing import KEYS, SECTIONS, Board, drawn
from logan.errors import LoganError
from logan.live import clock
from logan.live.alerts import Alerts
from logan.live.board import SORTS, board
from logan.live.recent import Recent
from logan.live.watched import Watched
from logan.live.watching import Watch
from logan.live.windows import WINDOWS
from logan.report.units import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from logan.live.runner import Runner

__all__ = ["Screen"]

FILTER_CHARS_MAX: Final = 200

SAID_KEPT_MAX: Final = 20
"""Lines for stderr that wait until the view is over: more would push the report away."""


class Screen:
    """What is on the terminal, and what keys have changed. `say` takes lines for stderr."""

    def __init__(
        self,
        watch: Watched,
        alerts: Alerts,
        args: argparse.Namespace,
        say: Callable[[str], object] = say_on_stderr,
    ) -> None:
        self._watch = watch
        self._alerts = alerts
        self._args = args
        self._filtered: Watch | None = None
        self._where = ""
        self._recent = Recent()
        self.window: str = args.window
        self.sort = "trouble"
        self.section = "overview"
        self.paused = False
        self.typed: str | None = None
        self.complaint = ""
        self._live: Live | None = None
        self._board: Board | None = None
        self._stop: Callable[[], object] = lambda: None
        self._keeps = True
        self._say = say
        self._said: deque[str] = deque(maxlen=SAID_KEPT_MAX)
        self._said_count = 0
        self._lock = trio.Lock()

    @asynccontextmanager
    async def on(self, runner: Runner, nursery: trio.Nursery) -> AsyncIterator[None]:
        """The view is on the terminal in the block. What is said meanwhile goes to stderr at once
        if that is elsewhere; else it follows when the view is over."""
        from rich.live import Live

        from logan.cli.terminal import is_terminal, wants_color
        from logan.report.text.console import terminal

        console = terminal(sys.stdout, color=wants_color(self._args.color, sys.stdout))
        self._stop = runner.stop.set
        self._keeps = is_terminal(sys.stderr)
        try:
            with Live(
                console=console, screen=True, auto_refresh=False, redirect_stderr=False
            ) as self._live:
                nursery.start_soon(self._keys)
                nursery.start_soon(self.refresh)
                yield
        finally:
            self._live = None
            if self._filtered is not None:
                self._filtered.close()
            if (earlier := self._said_count - len(self._said)) > 0:
                self._say(f"{earlier:,} earlier lines are not shown; to have all: 2> FILE")
            for text in self._said:
                self._say(text)

    def say(self, text: str) -> None:
        """A line for stderr."""
        if self._live is None or not self._keeps:
            self._say(text)
        else:
            self._said.append(text)
            self._said_count += 1

    async def refresh(self) -> None:
        """Look again, unless paused, and draw."""
        async with self._lock:
            if not self.paused or self._board is None:
                self._board = await trio.to_thread.run_sync(self._look)
            await self.draw()

    async def draw(self) -> None:
        """Draw what was seen last; a terminal that stands still (Ctrl-S) holds up nothing else."""
        if self._live is not None and self._board is not None:
            size = self._live.console.size
            picture = self._drawn(size.width, size.height)
            update = partial(self._live.update, picture, refresh=True)
            await trio.to_thread.run_sync(update, abandon_on_cancel=True)

    def _look(self) -> Board:
        now = clock.now()
        watch = self._watch
        if self._filtered is not None:
            watch = self._filtered
            while watch.step(now):
                pass
        return board(watch, self._alerts, self._recent, window=self.window, now=now, sort=self.sort)

    def _drawn(self, width: int, height: int) -> RenderableType:
        assert self._board is not None
        state = []
        if self.paused:
            state.append("PAUSED")
        if self._where:
            state.append(f"where {self._where}")
        prompt = None if self.typed is None else f"filter: {self.typed}▏  enter: apply, esc: leave"
        return drawn(
            self._board,
            width,
            height,
            section=self.section,
            sort=self.sort,
            state="  ".join(state),
            foot=prompt or self.complaint or KEYS,
        )

    # Keys.

    async def _keys(self) -> None:
        """Read keys until the view is over."""
        import termios
        import tty

        try:
            fd = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
            before = termios.tcgetattr(fd)
        except (OSError, termios.error):
            return
        try:
            tty.setcbreak(fd)
            while True:
                await trio.lowlevel.wait_readable(fd)
                data = os.read(fd, 256).decode("utf-8", "replace")
                if not data:
                    return
                for key in _split(data):
                    await self.key(key)
        except OSError:
            return
        finally:
            with suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSADRAIN, before)
            os.close(fd)

    async def key(self, key: str) -> None:
        """Do what a key asks for."""
        self.complaint = ""
        if self.typed is not None:
            await self._type(key)
            return
        if key in ("q", "Q"):
            self._stop()
        elif key in ("p", " "):
            self.paused = not self.paused
        elif key == "w":
            self.window = _next(tuple(WINDOWS), self.window)
        elif key == "s":
            self.sort = _next(tuple(SORTS), self.sort)
        elif key == "\t":
            self.section = _next(SECTIONS, self.section)
        elif key == "/":
            self.typed = self._where
        else:
            return
        if key in ("w", "s") and self.paused:
            self._board = None
        await self.refresh() if self.typed is None else await self.draw()

    async def _type(self, key: str) -> None:
        assert self.typed is not None
        if key == "\x1b":
            self.typed = None
        elif key in ("\r", "\n"):
            text, self.typed = self.typed.strip(), None
            await self._filter(text)
            await self.refresh()
            return
        elif key in ("\x7f", "\b"):
            self.typed = self.typed[:-1]
        elif key == "\x15":
            self.typed = ""
        elif key.isprintable() and len(self.typed) < FILTER_CHARS_MAX:
            self.typed += key
        await self.draw()

    async def _filter(self, text: str) -> None:
        """Show only records for which a condition holds: a second watch of the same files."""
        if self._filtered is not None:
            self._filtered.close()
            self._filtered = None
        self._where, self._recent = "", Recent()
        if not text:
            return
        if self._watch.hosts:
            self.complaint = "other hosts count these logs: begin a job with --where"
            return
        if self._watch.pipes():
            self.complaint = "what went through a pipe is gone: start again with --where"
            return
        try:
            self._filtered = await trio.to_thread.run_sync(self._filtered_watch, text)
            self._where = text
        except LoganError as error:
            self.complaint = visible(str(error))

    def _filtered_watch(self, text: str) -> Watch:
        from logan import _logan

        options = self._watch.options
        where = _logan.condition(text, input_tz=options.input_tz)
        if options.where:
            where = f"({options.where}) and ({where})"
        return Watch(
            self._watch.paths,
            replace(options, where=where),
            start=3_600.0,
            now=clock.now(),
            anonymize=self._watch.anonymize,
        )


def _split(data: str) -> list[str]:
    """Single keys; sequences of arrows and the like are left out."""
    if data.startswith("\x1b") and len(data) > 1:
        return []
    return list(data)


def _next(names: Sequence[str], current: str) -> str:
    return names[(names.index(current) + 1) % len(names)]
