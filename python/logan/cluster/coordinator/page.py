"""What the coordinator's page shows: workers, jobs, recoveries, followed logs, finished reports.

Plain data for the page's script, from what STATE has. Knows neither the web server nor connections.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import trio

from logan.cluster.coordinator.ending import Outcome
from logan.live import clock
from logan.report import units
from logan.report.units import visible
from logan.wire.bodies import JobStatus, StateBody, WorkerStatus

__all__ = ["CoordinatorContent", "FinishedReports"]

REPORTS_MAX: Final = 20
REPORTS_BYTES_MAX: Final = 16 * 1024 * 1024
"""Compressed reports that the page still has; the newest is there whatever its size."""


@dataclass(frozen=True, slots=True)
class _Finished:
    id: str
    name: str
    at: float
    outcome: Outcome


@dataclass(slots=True)
class FinishedReports:
    """The newest reports of jobs that have ended, for viewers of the page."""

    _kept: OrderedDict[str, _Finished] = field(default_factory=OrderedDict)
    _rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, id: str, name: str, outcome: Outcome) -> None:
        """A job has ended."""
        self._kept[id] = _Finished(id, name, clock.now(), outcome)
        sizes = [len(each.outcome.packed) for each in self._kept.values()]
        while len(sizes) > 1 and (len(sizes) > REPORTS_MAX or sum(sizes) > REPORTS_BYTES_MAX):
            self._kept.popitem(last=False)
            del sizes[0]

    def __contains__(self, id: object) -> bool:
        return id in self._kept

    def text(self, id: str) -> bytes:
        """A report's JSON; "{}" if there is none any more, or the job ended without one."""
        found = self._kept.get(id)
        if found is None or not found.outcome.packed:
            return b"{}"
        return zlib.decompress(found.outcome.packed)

    def rows(self) -> list[dict[str, Any]]:
        """A row of the page for each, the newest first."""
        found = []
        for each in reversed(list(self._kept.values())):
            row = self._rows.get(each.id) or _report_row(each)
            found.append(row)
        self._rows = {row["id"]: row for row in found}
        return found


def _report_row(each: _Finished) -> dict[str, Any]:
    row = {"id": each.id, "name": visible(each.name), "at": _clock(each.at), "partial": False}
    if not each.outcome.packed:
        why = visible(str(each.outcome.failure or "canceled"))
        return row | {"name": f"{visible(each.name)}: {why}", "records": "–", "errors": "–"}
    report = json.loads(zlib.decompress(each.outcome.packed))
    return row | {
        "records": units.count(report["lines"]["parsed"]),
        "errors": units.count(report["errors"]["total"]),
        "partial": report["partial"],
    }


class CoordinatorContent:
    """The coordinator's page; a `live.web.Content`.

    Args:
        state: gives what STATE has, in the coordinator's event loop; the page has its own.
        note: takes a kind and a sentence for the log of events, there, too.
        loop: the coordinator's event loop.
    """

    name = "coordinator"
    title = "logan coordinator"
    windows = ("now",)

    def __init__(
        self,
        state: Callable[[], StateBody],
        finished: FinishedReports,
        note: Callable[[str, str], None],
        loop: trio.lowlevel.TrioToken,
    ) -> None:
        self._state_there = state
        self._finished = finished
        self._note = note
        self._loop = loop
        self.texts = {
            "/state.json": (self._state_text, "application/json"),
            "/report.json": (self._report_text, "application/json"),
        }

    async def board(self, window: str) -> bytes:
        """What the page shows now, as JSON."""
        return await trio.to_thread.run_sync(self._made)

    def _made(self) -> bytes:
        return json.dumps(self._board(self._state()), separators=(",", ":")).encode()

    def _state(self) -> StateBody:
        return trio.from_thread.run_sync(self._state_there, trio_token=self._loop)

    def tell(self, text: str) -> None:
        """Something is wrong with the page itself."""
        self._loop.run_sync_soon(self._note, "alarm", text)

    def is_known(self, path: str, window: str) -> bool:
        """Whether there is such a report."""
        return path == "/report.json" and window in self._finished

    async def _state_text(self, window: str) -> bytes:
        state = await trio.to_thread.run_sync(self._state)
        return json.dumps(state.to_dict()).encode()

    async def _report_text(self, window: str) -> bytes:
        return await trio.to_thread.run_sync(self._finished.text, window)

    def _board(self, state: StateBody) -> dict[str, Any]:
        about = state.coordinator
        recovered = about.recoveries
        after = f"{units.span(recovered.done_s_max)}" if recovered.count else "–"
        tone, verdict = _verdict(state)
        speed = sum(each.bytes_per_second for each in state.workers)
        facts = [
            (units.count(about.connections), "workers"),
            (units.count(len(state.jobs)), "jobs"),
            (units.count(len(state.follows)), "follow jobs"),
            (f"{units.bytes_size(speed)}/s", "speed"),
            (units.count(recovered.count), "chunks redone"),
            (after, "redone within"),
        ]
        return {
            "address": about.address,
            "at": _clock(clock.now()),
            "uptime": units.span(round(about.uptime_s)),
            "tone": tone,
            "verdict": verdict,
            "facts": facts,
            "workers": [_worker_row(each) for each in state.workers],
            "jobs": [_job_row(each) for each in state.jobs],
            "follows": [
                {
                    "job": each.job,
                    "name": visible(each.name),
                    "hosts": f"{each.hosts:,}" + (f", {each.away:,} away" if each.away else ""),
                    "tone": "bad" if each.away else "",
                    "counted": units.bytes_size(each.counted_bytes),
                    "behind": units.bytes_size(each.behind_bytes),
                    "lost": each.lost,
                    "viewers": each.viewers,
                }
                for each in state.follows
            ],
            "reports": self._finished.rows(),
            "events": [
                {
                    "at": _clock(each.at),
                    "text": visible(each.text),
                    "tone": "bad" if each.kind in ("alarm", "missing") else "",
                }
                for each in reversed(state.events)
            ],
        }


def _verdict(state: StateBody) -> tuple[str, str]:
    away = sum(each.away for each in state.follows)
    firing = [each for follow in state.follows for each in follow.firing]
    missing = sum(each.chunks_missing for each in state.jobs)
    if missing:
        return "bad", f"{units.count(missing)} chunks are given up"
    if firing:
        more = f" and {len(firing) - 1} more" if len(firing) > 1 else ""
        return "bad", f"ALERT {visible(firing[0])}{more}"
    if away:
        return "bad", f"{units.count(away)} followed hosts are away"
    if not state.coordinator.connections:
        tone = "warning" if state.jobs or state.follows else "neutral"
        return tone, "no worker is connected"
    if not state.jobs and not state.follows:
        return "neutral", "nothing to do"
    return "good", "no faults"


def _worker_row(each: WorkerStatus) -> dict[str, Any]:
    return {
        "name": visible(each.id),
        "state": each.state,
        "tone": {"active": "good", "gone": "bad", "silent": "bad"}.get(each.state, "warning"),
        "speed": f"{units.bytes_size(each.bytes_per_second)}/s" if each.leases else "idle",
        "chunks": each.chunks_done,
        "lost": each.chunks_lost,
        "memory": "–" if each.rss_bytes is None else units.bytes_size(each.rss_bytes),
        "cpu": "–" if each.cpu_percent is None else f"{each.cpu_percent:.0f} %",
        "heard": "–" if each.heard_s is None else f"{each.heard_s:.1f} s ago",
    }


def _job_row(each: JobStatus) -> dict[str, Any]:
    share = each.done_bytes / each.total_bytes if each.total_bytes else 1.0
    return {
        "name": visible(each.name),
        "done": f"{share:.0%} of {units.bytes_size(each.total_bytes)}",
        "chunks": f"{each.chunks_done:,} of {each.chunks:,}",
        "missing": each.chunks_missing,
        "recoveries": each.recoveries,
        "elapsed": units.span(round(each.elapsed_s)),
    }


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
