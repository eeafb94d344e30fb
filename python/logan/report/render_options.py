"""What a report may be shown as, whatever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from logan.report.schema import TABLES

__all__ = ["CSV_TABLES", "RenderOptions"]

CSV_TABLES: Final = tuple(TABLES)
"""The tables that the CSV output offers."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the place where a report is shown can do; outputs use what concerns them.

    Attributes:
        width: columns of the text report.
        color: whether ANSI colors may be used.
        ascii_only: whether block and box characters are out of the question.
        height: lines that the text report may have, so that its headline stays on the screen; None
            for as many as it takes.
        table: which of `CSV_TABLES` the CSV output gives.
        zone: what the text report shows times in; JSON and CSV are UTC always.
    """

    width: int = 80
    height: int | None = None
    color: bool = False
    ascii_only: bool = False
    table: str = "series"
    zone: tzinfo = UTC
