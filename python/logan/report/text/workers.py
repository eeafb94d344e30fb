"""The section of the text report about workers and recovered failures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from logan.report import units
from logan.report.text.widgets import NOTE, STRONG, alert, indented, table
from logan.report.units import visible

__all__ = ["workers_section"]

RECOVERIES_SHOWN_MAX: Final = 6
"""More would push the figures off the screen; the JSON report has them all."""

WORKERS_SHOWN_MAX: Final = 20

_MADE_GOOD: Final = "all lost chunks were redone"


def workers_section(report: Mapping[str, Any], width: int) -> RenderableType | None:
    """A table of the workers and, below it, what was lost and how fast it was recovered."""
    performance = report["performance"]
    if not performance or not performance["workers"]:
        return None
    workers, recoveries = performance["workers"], performance["recoveries"]
    note = f"{len(workers):,} workers" if len(workers) > WORKERS_SHOWN_MAX else ""
    cells = [
        [
            Text(units.count(each["chunks_done"])),
            alert(units.count(each["chunks_lost"]), each["chunks_lost"]),
            Text(units.bytes_size(each["bytes"])),
            Text(_speed(each["bytes_per_second"])),
            Text(units.bytes_size(each["peak_rss_bytes"])),
            Text(_cpu(each["cpu_percent"])),
            Text(visible(each["worker"]), style=STRONG),
        ]
        for each in workers[:WORKERS_SHOWN_MAX]
    ]
    header = ["chunks", "lost", "read", "speed", "memory", "CPU", "<worker"]
    parts = [table("Workers", note, header, cells, width)]
    if recoveries:
        parts += [Text(), _recoveries(recoveries, "" if report["missing"] else _MADE_GOOD, width)]
    if performance["alarms"]:
        parts += [
            Text(),
            *(Text(visible(each), style="bold red") for each in performance["alarms"]),
        ]
    if performance["verified"]:
        count = performance["verified"]
        said = f"{count:,} {'chunk' if count == 1 else 'chunks'} verified by a second worker"
        parts += [Text(), indented(Text(said, style=NOTE))]
    return Group(*(part for part in parts if part is not None))


def _recoveries(recoveries: list[Mapping[str, Any]], note: str, width: int) -> RenderableType:
    cells = [
        [
            Text(units.span(each["noticed_s"])),
            Text(f"+{units.span(each['leased_s'] - each['noticed_s'])}"),
            Text(f"+{units.span(each['done_s'] - each['noticed_s'])}"),
            Text(units.count(each["chunk"])),
            Text(f"{visible(each['worker'])}: {visible(each['cause'])}"),
        ]
        for each in recoveries[:RECOVERIES_SHOWN_MAX]
    ]
    header = ["noticed", "leased", "done", "chunk", "<lost by"]
    hidden = len(recoveries) - len(cells)
    body = table("Recoveries", note, header, cells, width)
    assert body is not None
    if not hidden:
        return body
    return Group(body, indented(Text(f"… and {hidden:,} more", style=NOTE)))


def _speed(bytes_per_second: float | None) -> str:
    return units.NONE if bytes_per_second is None else f"{units.bytes_size(bytes_per_second)}/s"


def _cpu(percent: float | None) -> str:
    return units.NONE if percent is None else f"{percent:.0f} %"
