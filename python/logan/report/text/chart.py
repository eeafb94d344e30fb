"""The timeline of the text report: volume, errors and response times on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from logan.report import units, view
from logan.report.charts import drawn, percentiles
from logan.report.text.timeline import add_times, axis, bars, sparkline, timeline
from logan.report.text.widgets import BAR, ERROR, INDENT, NOTE, WARNING, cropped, title

__all__ = ["timeline_section"]

_LABEL_WIDTH: Final = 9

_FULL_MIN: Final = 4
"""Fewest errors of a column that fill its line."""

_MOST_WIDTH: Final = 7
"""What is kept free to the right, for the largest value of a line."""


def timeline_section(
    report: Mapping[str, Any], width: int, *, bars_height: int
) -> RenderableType | None:
    """The chart of the report's series; None if there is less than two steps to draw."""
    told = drawn(report)
    chart_width = width - len(INDENT) - _LABEL_WIDTH - _MOST_WIDTH
    chart = timeline(told.points, told.step_s, chart_width)
    notes: list[RenderableType] = [Text(f"{INDENT}{each}", style=WARNING) for each in told.notes]
    if chart is None or len(chart.bins) < 2:
        return Group(*notes) if notes else None
    noun = view.subject(report)
    values = [each.requests if noun == "requests" else each.records for each in chart.bins]
    errors = [each.errors for each in chart.bins]
    timed, key = percentiles(report)
    if key is not None:
        step_s = told.step_s if key == "mean_ms" else report["response_times"]["step_s"]
        add_times(chart, timed, key, step_s)
    # How much of each column's height stands for errors: those cells are red.
    shares = [each.errors / each.records if each.records else 0.0 for each in chart.bins]
    lines: list[RenderableType] = [title("Timeline", f"{noun} per {units.span(chart.bin_s)}")]
    most = max(values) or 1
    for index, row in enumerate(bars(values, bars_height, chart.columns)):
        level = bars_height - 1 - index
        label = units.short(most, _LABEL_WIDTH - 2) if index == 0 else "0" if level == 0 else ""
        line = _labelled(label)
        # A cell is red when at least half of it stands for errors.
        red = [
            share * n * bars_height / most >= level + 0.5
            for share, n in zip(shares, values, strict=True)
        ]
        cells = ((char, red[position // chart.columns]) for position, char in enumerate(row))
        for is_red, run in groupby(cells, itemgetter(1)):
            style = ERROR if is_red else BAR
            line.append("".join(char for char, _ in run), style=f"not dim {style}")
        lines.append(line)
    room = chart_width + _MOST_WIDTH - len(chart.bins) * chart.columns
    if any(errors):
        line = _labelled("errors")
        # A few single errors are no wall of them.
        line.append(sparkline(errors, chart.columns, _FULL_MIN), style=f"not dim bold {ERROR}")
        lines.append(_with_most(line, units.count(max(errors)), room))
    durations = [each.ms or 0.0 for each in chart.bins]
    is_enough = noun == "requests" or report["response_time_ms"]["count"] >= view.VALUES_MIN
    if key is not None and any(durations) and is_enough:
        line = _labelled(key.removesuffix("_ms"))
        line.append(sparkline(durations, chart.columns), style="not dim magenta")
        lines.append(_with_most(line, units.duration_ms(max(durations)), room))
    lines.append(Text(axis(chart, len(INDENT) + _LABEL_WIDTH), style=NOTE))
    return Group(*(cropped(line) for line in lines), *notes)


def _labelled(label: str) -> Text:
    return Text(f"{INDENT}{label:>{_LABEL_WIDTH - 2}} │", style=NOTE)


def _with_most(line: Text, most: str, room: int) -> Text:
    """The line with its largest value after it, where there is room."""
    for label in (f" max {most}", f" {most}"):
        if len(label) <= room:
            line.append(label)
            break
    return line
