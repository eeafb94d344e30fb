"""The cluster on the terminal: jobs, a table of workers, and above them what happened.

Redrawn when it is told to and at no other time. Off a terminal only what happened is said, a line
each. Computes nothing: it shows what `Coordinator.status` or a PROGRESS holds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from logan.cli.progress import progress_text
from logan.cli.terminal import is_terminal, say, wants_color
from logan.report import units
from logan.report.units import visible

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from logan.wire.bodies import EventEntry, WorkerStatus

__all__ = ["ClusterView", "JobLine"]

WORKERS_SHOWN_MAX: Final = 16
JOBS_SHOWN_MAX: Final = 4
"""A screen of 24 lines holds these and some lines of what happened."""

_EVENT_STYLES: Final = {
    "joined": "green",
    "left": "yellow",
    "refused": "yellow",
    "recovered": "cyan",
    "verified": "cyan",
    "missing": "bold red",
    "alarm": "bold red",
}
_STATE_STYLES: Final = {"active": "green", "gone": "red", "silent": "yellow", "paused": "yellow"}


FAULTS: Final = ("missing", "alarm", "refused")
"""Kinds of events that are said also where little is."""


class JobLine(NamedTuple):
    """A job as it is shown: how much of it is done, and was when it was resumed."""

    name: str
    done_bytes: int
    total_bytes: int
    elapsed_s: float
    resumed_bytes: int


class ClusterView:
    """A context manager; `live` shows the table, if stderr is a terminal; `quiet` shows of what
    happened only faults."""

    def __init__(self, *, color: str, live: bool, lines: bool = True, quiet: bool = False) -> None:
        self._color = wants_color(color, sys.stderr)
        self._wants_live = live and is_terminal(sys.stderr)
        self._lines = lines
        self._quiet = quiet
        self._live: Live | None = None

    @property
    def is_live(self) -> bool:
        """Whether `update` shows anything."""
        return self._wants_live

    def __enter__(self) -> ClusterView:
        if self._wants_live:
            from rich.live import Live

            from logan.report.text.console import terminal

            self._live = Live(
                console=terminal(sys.stderr, color=self._color),
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def event(self, event: EventEntry) -> None:
        """Something happened: a line that stays."""
        if self._quiet and event.kind not in FAULTS:
            return
        text = visible(event.text)
        if self._live is None:
            if self._lines:
                say(text)
            return
        self._live.console.print(events_table([event], plain=False))

    def tell(self, text: str) -> None:
        """A sentence of our own, of which none is a fault."""
        if self._quiet:
            return
        if self._live is None:
            say(text)
        else:
            self._live.console.print(f"logan: {visible(text)}")

    def update(
        self, jobs: Iterable[JobLine], workers: Iterable[WorkerStatus], waiting: str = ""
    ) -> None:
        """Show jobs and workers; `waiting` says what is missing, if something is."""
        if self._live is None:
            return
        from rich.console import Group
        from rich.text import Text

        parts: list[RenderableType] = [Text()]
        for job in islice(jobs, JOBS_SHOWN_MAX):
            parts.append(_job_line(job))
        if waiting:
            parts.append(Text(waiting, style="yellow"))
        ordered = sorted(workers, key=lambda each: each.state == "gone")
        shown = ordered[:WORKERS_SHOWN_MAX]
        if shown:
            parts += [Text(), workers_table(shown)]
        hidden = len(ordered) - len(shown)
        if hidden:
            parts.append(Text(f"… and {hidden:,} more", style="dim"))
        self._live.update(Group(*parts), refresh=True)


def workers_table(workers: Sequence[WorkerStatus]) -> RenderableType:
    """A table of what `Coordinator.monitor_workers` gives; fits into 80 columns."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, max_width=20, overflow="ellipsis")
    grid.add_column(no_wrap=True)
    for _ in range(6):
        grid.add_column(justify="right", no_wrap=True)
    heads = ("worker", "state", "speed", "chunks", "lost", "memory", "CPU", "heard")
    grid.add_row(*(Text(head, style="dim") for head in heads))
    for each in workers:
        state = each.state
        lost = each.chunks_lost
        grid.add_row(
            Text(visible(each.id), style="bold"),
            Text(state, style=_STATE_STYLES.get(state, "")),
            Text(_speed(each.bytes_per_second) if state != "gone" else units.NONE),
            Text(units.count(each.chunks_done)),
            Text(units.count(lost), style="red" if lost else "dim"),
            Text(units.bytes_size(each.rss_bytes)),
            Text(units.NONE if each.cpu_percent is None else f"{each.cpu_percent:.0f} %"),
            Text(units.NONE if each.heard_s is None else f"{each.heard_s:.1f} s"),
        )
    return grid


def events_table(events: Sequence[EventEntry], *, plain: bool = True) -> RenderableType:
    """What happened and when, a line each or, where it is too long, wrapped beside the time."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, width=8)
    grid.add_column()
    for event in events:
        clock = time.strftime("%H:%M:%S", time.localtime(event.at))
        style = "dim" if plain else _EVENT_STYLES.get(event.kind, "")
        grid.add_row(Text(clock, style="dim"), Text(visible(event.text), style=style))
    return grid


def _job_line(job: JobLine) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, max_width=24, overflow="ellipsis")
    grid.add_column(width=10)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    done, total = job.done_bytes, job.total_bytes
    grid.add_row(
        Text(visible(job.name), style="bold cyan"),
        ProgressBar(total=total or 1, completed=done, width=10),
        Text(progress_text(done, total, job.elapsed_s, job.resumed_bytes)),
    )
    return grid


def _speed(bytes_per_second: float) -> str:
    return f"{units.bytes_size(bytes_per_second)}/s" if bytes_per_second else "idle"
