"""The metrics of a summary with those rows of its tables among which a report chooses.

A table may have a hundred thousand rows, of which a report shows a few. The engine gives the first
in each order in which `find` and `keep_rows` look for rows, those that are named, and the sums of
all; chosen from these, rows are those that would be chosen from whole tables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from logan.limits import SERIES_POINTS_MAX
from logan.report.findings.thresholds import ROWS_JUDGED_MAX
from logan.report.rows import LEADERS_MAX, names_by_table

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["figures_of"]

_ORDERS: Final = {
    "errors": max(LEADERS_MAX, ROWS_JUDGED_MAX),
    "total": LEADERS_MAX,
    "client_errors": ROWS_JUDGED_MAX,
}
"""By order, rows that are looked at beside those that a report shows for their rank."""

_WHOLE: Final = ("groups.timer",)
"""Tables that `with_groups` parts by the names of their rows."""


def figures_of(
    summary: Summary,
    *,
    top: int,
    sort: str = "requests",
    named: Iterable[str] = (),
    whole: Iterable[str] = (),
    series_points: int | None = SERIES_POINTS_MAX,
    analysis: bool = True,
) -> dict[str, Any]:
    """The evaluated metrics of `summary` with the rows for `find` and for `keep_rows` with the same
    `top`, `sort` and `named`.

    Args:
        whole: tables all rows of which are needed.
        series_points: most points of the series.
        analysis: whether to add what findings are made of.
    """
    text = summary.evaluate(
        top=top,
        series_points=series_points,
        analysis=analysis,
        orders={**_ORDERS, sort: max(top, _ORDERS.get(sort, 0))},
        whole=[*_WHOLE, *whole],
        named=names_by_table(named),
    )
    figures: dict[str, Any] = json.loads(text)
    return figures
