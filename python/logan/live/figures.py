"""The report of a window's summary alone: what conditions are evaluated on, without findings and
without what is known of the logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logan.options import Options
from logan.report import Report, assemble
from logan.report.builder import with_groups
from logan.report.evaluation import figures_of
from logan.report.rows import keep_rows

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["report_of_window"]


def report_of_window(summary: Summary, options: Options) -> Report:
    """The report of a summary, with the rows that `options` name. Blocking."""
    top, sort, named = options.top, options.sort, options.rows
    figures = figures_of(summary, top=top, sort=sort, named=named, analysis=False)
    figures = keep_rows(with_groups(figures, options.by), top=top, sort=sort, named=named)
    return assemble(figures, (), input_of_source=(), findings=())
