"""Tables on stdout, by rich where it is installed.

rich is imported when the first table is printed, which must be after all measuring (measure.py).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

from tests.bench.answers import Answer
from tests.bench.contestants import COMMAND, WC, Contestant
from tests.bench.targets import Target

WIDTH_MAX = 120


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; all columns but the first are numbers."""
    if importlib.util.find_spec("rich") is None:
        _plain(title, head, rows)
        return
    console_type = importlib.import_module("rich.console").Console
    console = console_type()
    if not console.is_terminal:
        console = console_type(width=WIDTH_MAX)
    rich_table = importlib.import_module("rich.table").Table
    table = rich_table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left", no_wrap=number > 0)
    for row in rows:
        table.add_row(*(_unmarked(cell) for cell in row))
    console.print(table)


def contest(
    kind: str, size_bytes: int, field: Sequence[Contestant], floor_bytes: int
) -> tuple[str, list[str], list[list[str]]]:
    """The table of one kind of log: title, head and rows for `show`."""
    medians = {each.name: each.spread.median_s for each in field if each.spread}
    rows = []
    for each in field:
        spread = each.spread
        if spread is None:
            rows.append([each.name, each.status.splitlines()[-1][:40], *[""] * 6])
            continue
        peak_bytes = max(each.peaks_bytes)
        rows.append(
            [
                each.name,
                f"{spread.median_s:.3f}",
                f"{spread.min_s:.3f}-{spread.max_s:.3f}",
                str(len(each.walls_s)),
                f"{size_bytes / spread.median_s / 1e9:.2f}",
                _times(spread.median_s, medians.get(WC)),
                _times(spread.median_s, medians.get(COMMAND)),
                f"{peak_bytes / 1e6:.0f}"
                if peak_bytes > floor_bytes
                else f"<{floor_bytes / 1e6:.0f}",
            ]
        )
    head = ["contestant", "median s", "min-max", "runs", "GB/s", "x wc -l", "x ours", "peak MB"]
    return f"{kind}, {size_bytes / 2**20:,.0f} MiB", head, rows


def answers(expected: Answer, field: Sequence[Contestant]) -> list[list[str]]:
    """Rows of figures, the expected first."""
    shown = [("expected", expected)]
    shown += [(each.name, each.answer) for each in field if each.answer is not None]
    return [
        [name, *(_figure(getattr(answer, figure)) for figure in ANSWER_FIGURES)]
        for name, answer in shown
    ]


ANSWER_FIGURES = (
    *("lines", "requests", "errors", "bytes_sent"),
    *("mean_ms", "p50_ms", "p95_ms", "p99_ms"),
)


def targets(judged: Sequence[Target]) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the targets."""
    rows = []
    for each in judged:
        bound = f"<= {each.at_most:g}" if each.at_most is not None else f">= {each.at_least:g}"
        measured = "" if each.measured is None else f"{each.measured:.2f} {each.unit}"
        rows.append([each.name, f"{bound} {each.unit}", measured, each.verdict])
    return ["target", "bound", "measured", "verdict"], rows


def _times(seconds: float, of: float | None) -> str:
    return f"{seconds / of:.2f}" if of else ""


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _unmarked(cell: str) -> str:
    """Text that rich takes as it is."""
    return cell.replace("[", r"\[")


def _plain(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(row[column]) for row in lines) for column in range(len(head))]
    print(f"\n{title}")
    for row in lines:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  ".join((first, *rest)).rstrip())
