"""What a comparison says to people, whatever draws it: sentences, values with units, marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from logan.comparison.document import Cell, Comparison, Row, SideInfo, Table
from logan.report import units
from logan.report.labels import input_name
from logan.report.units import visible

__all__ = [
    "COLUMNS",
    "Shown",
    "change",
    "findings",
    "headline",
    "label",
    "legend",
    "mark",
    "named",
    "notes",
    "row_name",
    "rows_shown",
    "side_line",
    "state",
    "summary",
    "table_note",
    "value",
]

_LABELS: Final = {
    "total_requests": "requests",
    "requests_per_second": "requests/s",
    "errors.ratio": "errors",
    "malformed_share": "malformed",
    "avg_response_time": "mean time",
    "bytes_sent": "bytes sent",
    **{f"response_time_ms.{name}": name for name in ("p50", "p90", "p95", "p99", "max")},
    "response_time_ms.p999": "p99.9",
    **{"mean_ms": "mean", "p95_ms": "p95", "count": "count", "share": "share"},
    "requests": "requests",
}

COLUMNS: Final = {
    "routes": ("requests", "errors.ratio", "mean_ms", "p95_ms"),
    "status": ("count", "share"),
    "messages": ("count", "share"),
}
"""Columns of each table."""

FINDINGS_MAX: Final = 5
"""Findings of each side that are shown."""

_UP, _DOWN = "▲", "▼"


class Shown(NamedTuple):
    """A cell in words.

    Attributes:
        mark: "▲" or "▼" where the difference is told apart, else "".
        tone: "worse", "better" or "neutral" with a mark, "" without.
    """

    before: str
    after: str
    change: str
    mark: str
    tone: str


def label(metric: str) -> str:
    """What people call a metric."""
    return _LABELS.get(metric, metric)


def value(cell: Cell, number: float | None) -> str:
    """A value with its unit."""
    if number is None:
        return units.NONE
    if cell.kind == "ratio":
        return units.percent(number)
    if cell.kind == "ms":
        return units.duration_ms(number)
    if cell.kind == "rate":
        return units.rate(number)
    return units.bytes_size(number) if cell.kind == "bytes" else units.count(number)


def change(cell: Cell) -> str:
    """The change: of shares in percentage points, of all else relative to before."""
    if cell.change is None:
        return ""
    if cell.change == 0:
        return "="
    if cell.kind == "ratio":
        return _signed(cell.change * 100, " pp", 0.005)
    if cell.relative is None:
        sign = "+" if cell.change > 0 else "-"
        return sign + value(cell, abs(cell.change))
    return _signed(cell.relative * 100, " %", 0.05)


def _signed(number: float, unit: str, least: float) -> str:
    size = abs(number)
    if size < least:
        return f"±0{unit}"
    shown = f"{size:,.0f}" if size >= 99.5 else f"{size:.1f}" if least > 0.01 else f"{size:.2f}"
    return f"{'+' if number > 0 else '-'}{shown}{unit}"


def mark(cell: Cell) -> str:
    """An arrow where the difference is told apart."""
    if not cell.told_apart:
        return ""
    return _UP if (cell.change or 0) > 0 else _DOWN


def shown(cell: Cell) -> Shown:
    """A cell in words."""
    return Shown(
        value(cell, cell.before),
        value(cell, cell.after),
        change(cell),
        mark(cell),
        cell.tone if cell.told_apart else "",
    )


def headline(comparison: Comparison) -> Iterator[tuple[str, Shown]]:
    """Label and cell of each metric of the headline that has a value."""
    for cell in comparison.headline:
        if cell.before is not None or cell.after is not None:
            yield label(cell.metric), shown(cell)


def rows_shown(comparison: Comparison, table: Table) -> Iterator[tuple[Row, list[Shown]]]:
    """Rows for people, with the cells of `COLUMNS`."""
    for row in table.shown(comparison.top):
        yield row, [shown(row.cells[name]) for name in COLUMNS[table.name]]


def row_name(row: Row) -> str:
    """What names a row, after what no arrow says: new, or changed otherwise."""
    word = state(row) or ("changed" if row.shift == "changed" else "")
    level = f"{row.about['level']} " if "level" in row.about else ""
    return f"{f'[{word}] ' if word else ''}{level}{visible(row.key)}"


def state(row: Row) -> str:
    """Whether a row is on one side only."""
    return "" if row.state == "both" else row.state


def table_note(comparison: Comparison, table: Table) -> str:
    """What must be known to read a table."""
    left = len(table.rows) - len(table.shown(comparison.top))
    more = [f"{units.count(left)} more rows without a mark" if left else ""]
    marked = sum(row.is_marked for row in table.rows)
    if left and marked > 5 * comparison.top:
        more = [f"{units.count(left)} more rows"]
    return ", ".join(filter(None, [*table.notes, *more]))


def named(info: SideInfo) -> str:
    """The name of a side."""
    return visible(input_name(info.name))


def side_line(info: SideInfo) -> str:
    """The time of a side, and how much there is of it."""
    if info.first is None:
        period = "no times"
    else:
        until = units.moment(info.last, info.first)
        period = f"{units.moment(info.first)} → {until} UTC"
    records = f"{units.count(info.records)} records"
    return ", ".join([period, records, *info.notes])


def findings(comparison: Comparison) -> list[tuple[str, str]]:
    """Side and text of what stands out within a side, the first `FINDINGS_MAX` of each."""
    found = []
    for name, side in (("before", comparison.before), ("after", comparison.after)):
        texts = [visible(each["text"]) for each in side.findings]
        found += [(name, text) for text in texts[:FINDINGS_MAX]]
        left = len(texts) - FINDINGS_MAX
        if left > 0:
            found.append((name, f"{units.count(left)} more in the report of this side alone"))
    return found


def summary(comparison: Comparison) -> str:
    """The comparison in a sentence."""
    within = [
        f"{len(side.findings)} finding{'s' if len(side.findings) > 1 else ''} within {name}"
        for name, side in (("before", comparison.before), ("after", comparison.after))
        if side.findings
    ]
    return "; ".join([_differences(comparison), *within])


def _differences(comparison: Comparison) -> str:
    found = [
        f"{label(each.metric)} {change(each)}"
        for each in comparison.headline
        if each.told_apart and each.worse
    ]
    for table in comparison.tables:
        marked = sum(row.is_marked for row in table.rows)
        if marked:
            noun = {"routes": "route", "status": "status code"}.get(table.name, "message")
            found.append(f"{marked:,} {noun}{'s' if marked > 1 else ''}")
    if found:
        return f"differs by more than chance explains: {'; '.join(found)}"
    rest = [label(each.metric) for each in comparison.headline if each.told_apart]
    if rest:
        return f"differs by more than chance explains: {', '.join(rest)}"
    return "no difference that chance does not explain"


def legend(comparison: Comparison) -> str:
    """What the marks mean."""
    return (
        f"▲▼ more than chance and the error of percentiles explain; of {comparison.tests:,} "
        f"differences tested, a false mark at all has a probability of {comparison.level:.1%} "
        "at most. Without a mark: may be chance."
    )


def notes(comparison: Comparison) -> list[str]:
    """What else must be known."""
    return [visible(each) for each in comparison.notes]
