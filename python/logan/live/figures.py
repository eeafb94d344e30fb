"""The report of a window's summary alone: what conditions are evaluated on, without findings and
without what is known of the logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from logan.limits import SERIES_POINTS_MAX
from logan.options import Options
from logan.report import Report, assemble
from logan.report.builder import with_groups
from logan.report.rows import ALL_ROWS, keep_rows

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["report_of_window"]


def report_of_window(summary: Summary, options: Options) -> Report:
    """The report of a summary, with the rows that `options` name. Blocking."""
    top = ALL_ROWS if options.sort != "requests" or options.rows else options.top
    figures = json.loads(summary.evaluate(top, SERIES_POINTS_MAX, analysis=False))
    figures = with_groups(figures, options.by)
    figures = keep_rows(figures, top=options.top, sort=options.sort, named=options.rows)
    return assemble(figures, (), input_of_source=(), findings=())
