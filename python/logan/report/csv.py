"""The CSV output: one table of the report, with a header line.

Text from a log may start with `=`, `+`, `-` or `@`, which spreadsheets run as a formula; such
cells get a leading apostrophe. Control characters are made visible, so a row stays a line.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from logan.report.schema import TABLES
from logan.report.units import visible

if TYPE_CHECKING:
    from logan.report import RenderOptions, Report

__all__ = ["FORMULA_STARTS", "render"]

FORMULA_STARTS: Final = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are the first four in full width, which some spreadsheets treat alike."""


def render(report: Report, options: RenderOptions) -> str:
    """The table `options.table` of the report; of `groups`, all tables below one another."""
    table = TABLES[options.table]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    data = report.to_dict()
    if table.section == "groups":
        groups = data.get("groups", {})
        rows = [row for group in groups.values() for row in group[table.rows]]
        columns = table.columns_of(rows)
        names = [each.name for each in columns if each.kind != "texts"]
        writer.writerow(("field", *names))
        for field, group in groups.items():
            for row in group[table.rows]:
                writer.writerow([_cell(field), *(_cell(row.get(name)) for name in names)])
        return out.getvalue()
    rows = (data.get(table.section) or {}).get(table.rows, ())
    names = [each.name for each in table.columns_of(rows)]
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA_STARTS) else shown
