"""The progress bar on stderr: only on a terminal, and only for runs that take a while.

rich is imported when the bar first shows, not before. The bar is redrawn when the engine reports
and at no other time, so it needs no thread.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from logan.report.units import bytes_size, span

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["ProgressBar"]

SHOW_AFTER_S: Final = 0.5
"""A run that ends before that shows no bar: a flash would only distract."""


class ProgressBar:
    """A context manager whose `update` is an engine's progress callback."""

    def __init__(self, *, color: bool) -> None:
        self._color = color
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def update(self, done: int, total: int) -> None:
        """Bytes done, and bytes in all or 0 while that is not known."""
        elapsed_s = time.monotonic() - self._started
        if self._bar is None:
            if elapsed_s < SHOW_AFTER_S:
                return
            self._show()
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=total or None,
                text=progress_text(done, total, elapsed_s),
                refresh=True,
            )

    def _show(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        from logan.report.text.console import terminal

        self._bar = Progress(
            # Not as wide as the terminal: the echo of Ctrl-C must not wrap the line.
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            console=terminal(sys.stderr, color=self._color),
            transient=True,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=None, text="")
        self._bar.start()


def progress_text(done: int, total: int, elapsed_s: float, before: int = 0) -> str:
    """`42 %  0.45 of 1.07 GB  4.9 GB/s  1 s left`; `before` were done when the clock started."""
    rate = max(0, done - before) / elapsed_s if elapsed_s > 0 else 0.0
    speed = f"{bytes_size(rate)}/s"
    if not total:
        return f"{bytes_size(done)}  {speed}"
    left = f"  {span(max(1, round((total - done) / rate)))} left" if rate else ""
    return f"{done / total:4.0%}  {bytes_size(done)} of {bytes_size(total)}  {speed}{left}"
