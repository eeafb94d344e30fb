"""The CSV output: one table of the report, with a header line.

Text from a log may start with `=`, `+`, `-` or `@`, which spreadsheets run as a formula; such
cells get a leading apostrophe. Control characters are made visible, so a row stays a line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from logan.report.units import visible

if TYPE_CHECKING:
    from logan.report import Look, Report

__all__ = ["render"]

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "series": ("t", "records", "requests", "errors", "mean_ms", "max_ms"),
    "routes": ("route", "requests", "errors", "mean_ms", "p95_ms", "max_ms"),
    "clients": ("client", "requests", "errors"),
    "messages": ("template", "level", "count", "first", "last", "sample"),
}
_GROUP_COLUMNS: Final = ("key", "records", "requests", "errors", "mean_ms", "p95_ms", "max_ms")
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the first four in full width, which some spreadsheets take for the same."""


def render(report: Report, look: Look) -> str:
    """The table `look.table` of the report; of `groups`, all tables below one another."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if look.table == "groups":
        writer.writerow(("field", *_GROUP_COLUMNS))
        for field, table in report.to_dict().get("groups", {}).items():
            for row in table["top"]:
                writer.writerow([_cell(field), *(_cell(row.get(name)) for name in _GROUP_COLUMNS)])
        return out.getvalue()
    section = report.to_dict()[look.table]
    rows = section["points" if look.table == "series" else "top"]
    columns = _COLUMNS[look.table]
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA_STARTS) else shown
