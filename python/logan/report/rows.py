"""Which rows of tables a report keeps: the top ones, those with trouble, those named.

Pure. Tables come sorted by volume, whole or with those rows that `evaluation` asks the engine
for. A report keeps the first rows in the order that was asked for; rows beyond them that lead by
errors or by total time follow, each with `why` it is there, so that an outage on a route with
little traffic is seen. Rows that an expectation names are kept whatever their rank, under `named`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from logan.errors import UsageError
from logan.report.group_names import is_over_time
from logan.report.schema import TABLES, Table

__all__ = [
    "LEADERS_MAX",
    "SORTS",
    "keep_rows",
    "leading",
    "names_by_table",
    "row_name",
    "row_reference",
]

Row = Mapping[str, Any]

LEADERS_MAX: Final = 3
"""Rows that are added for errors, and for total time: a reader looks at the worst first."""

_LEADER_SHARE_MIN: Final = 0.05
"""Least share of all errors, or of all time, of a row that is added: less explains nothing."""

_REFERENCE: Final = re.compile(
    r'\s*([a-z_]+(?:\.(?:"(?:[^"\\]|\\.)*"|[^"\[\]])+?)?)\[("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')\]'
)


def _number(row: Row, *names: str) -> float:
    for name in names:
        value = row.get(name)
        if isinstance(value, (int, float)):
            return value
    return 0


def _volume(row: Row) -> float:
    return _number(row, "requests", "records", "count")


def _total(row: Row) -> float:
    """Milliseconds to a whole nanosecond, so that equal sums compare equal though a mean is
    rounded; to the bit what the engine orders by."""
    return math.floor(_number(row, "mean_ms") * _number(row, "requests") * 1e6 + 0.5) / 1e6


def _ratio(row: Row) -> float:
    volume = max(_number(row, "records"), _number(row, "requests"))
    return _number(row, "errors") / volume if volume else 0


SORTS: Final[Mapping[str, Callable[[Row], float]]] = {
    "requests": _volume,
    "errors": lambda row: _number(row, "errors"),
    "ratio": _ratio,
    "total": _total,
    "p95": lambda row: _number(row, "p95_ms"),
    "max": lambda row: _number(row, "max_ms"),
    "bytes": lambda row: _number(row, "bytes"),
}
"""What the tables can be sorted by, largest first; rows that are equal stay sorted by volume."""


def row_name(table: Table, row: Row) -> str:
    """What a row is about: its key."""
    value = row.get(table.key.name, row.get("key"))
    return "" if value is None else str(value)


def row_reference(text: str, at: int = 0) -> tuple[str, str, int] | None:
    """Table, key and end of `TABLE["KEY"]` in `text`; None if it is something else.

    Raises `UsageError` for a table that no report has.
    """
    found = _REFERENCE.match(text, at)
    if found is None:
        return None
    quoted = found[2]
    body = quoted if quoted[0] == '"' else '"' + quoted[1:-1].replace('"', '\\"') + '"'
    try:
        key = json.loads(body.replace("\\'", "'"))
    except ValueError:
        key = quoted[1:-1]
    if any("\ud800" <= character <= "\udfff" for character in key):
        raise UsageError(
            f"not a valid name of a row in {found[1]}: {key!a} is not valid Unicode",
            hint="what stands in place of bytes that are not UTF-8 is written \\ufffd",
        )
    table = found[1]
    head = table.partition(".")[0]
    if head not in TABLES or TABLES[head].rows != "top" or (head == "groups") == (table == head):
        known = ", ".join(name for name, each in TABLES.items() if each.rows == "top")
        raise UsageError(
            f"the report has no table {table!r}", hint=f"tables: {known}, groups.FIELD"
        )
    return table, key, found.end()


def keep_rows(
    figures: Mapping[str, Any], *, top: int, sort: str = "requests", named: Iterable[str] = ()
) -> dict[str, Any]:
    """`figures` with tables of at most `top` rows in the order of `sort`, and `why` and `named`.

    Args:
        figures: evaluated metrics, with `groups` in the report's form; their tables are whole, or
            have the rows of `figures_of` with the same arguments.
        named: texts `TABLE["KEY"]` of rows to be kept.
    """
    wanted = names_by_table(named)
    changed: dict[str, Any] = {}
    for name, table in TABLES.items():
        section = figures.get(name)
        if table.rows != "top" or not section:  # points over time are no rows to choose from
            continue
        if name == "groups":
            changed[name] = {
                field: _ordered(
                    field, _kept(table, group, top, sort, wanted.get(f"groups.{field}", ()))
                )
                for field, group in section.items()
            }
        else:
            changed[name] = _kept(table, section, top, sort, wanted.get(name, ()))
    return {**figures, **changed, "slowest": figures["slowest"][:top]}


def names_by_table(named: Iterable[str]) -> dict[str, list[str]]:
    """The keys in texts `TABLE["KEY"]`, by table."""
    names: dict[str, list[str]] = {}
    for text in named:
        reference = row_reference(text)
        if reference is not None:
            names.setdefault(reference[0], []).append(reference[1])
    return names


def _kept(
    table: Table, section: Mapping[str, Any], top: int, sort: str, named: Sequence[str]
) -> dict[str, Any]:
    rows: list[Row] = list(section[table.rows])
    ordered = rows if sort == "requests" else sorted(rows, key=SORTS[sort], reverse=True)
    kept = ordered[:top]
    if sort == "requests" and len(rows) > top and "errors" in table.names():
        found = leading(rows, top, section.get("sums"))
        kept += [{**rows[index], "why": why} for index, why in found.items()]
    changed = {key: value for key, value in section.items() if key != "sums"}
    changed[table.rows] = kept
    if named:
        alike = {name: [row for row in rows if row_name(table, row) == name] for name in named}
        # Keys that are not UTF-8 may be shown alike; then the name stands for none of them.
        changed["named"] = {
            name: rows[0] if len(rows) == 1 else None for name, rows in alike.items()
        }
    return changed


def _ordered(field: str, section: dict[str, Any]) -> dict[str, Any]:
    """Steps of time stand in the order of time, whichever were chosen."""
    if is_over_time(field):
        section["top"] = sorted(section["top"], key=lambda row: str(row["key"]))
    return section


def leading(
    rows: Sequence[Row], top: int, sums: Mapping[str, float] | None = None
) -> dict[int, str]:
    """By index from `top` on, the rows that lead by errors or by total time, and why.

    `sums` are those of the whole table, by default of `rows`.
    """
    why: dict[int, list[str]] = {}
    for name in ("errors", "total"):
        key = SORTS[name]
        values = [key(row) for row in rows]
        whole = math.fsum(values) if sums is None else sums[name]
        least = max(whole * _LEADER_SHARE_MIN, 1e-9)
        # Few of thousands have so large a share, and only they are sorted.
        heavy = [index for index, value in enumerate(values) if value >= least]
        heavy.sort(key=lambda index: -values[index])
        for index in heavy[:LEADERS_MAX]:
            if index >= top:
                why.setdefault(index, []).append(name)
    return {index: ", ".join(why[index]) for index in sorted(why)}
