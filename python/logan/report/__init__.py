"""Reports and their outputs: from evaluated metrics to text, JSON, CSV and what else is registered.

Pure: an output turns a `Report` and `RenderOptions` into text and touches neither terminal nor
file. To add one, write `report/x.py` with `render(report, options) -> str` and name it in
`OUTPUTS`; the command line offers it as `--output-format x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from importlib import import_module
from typing import Final

from logan.report.document import Report, Section, assemble, input_entry
from logan.report.schema import TABLES

__all__ = [
    "CSV_TABLES",
    "OUTPUTS",
    "RenderOptions",
    "Report",
    "Section",
    "assemble",
    "input_entry",
    "render",
]

OUTPUTS: Final[Mapping[str, str]] = {
    "text": "logan.report.text.layout",
    "json": "logan.report.json",
    "csv": "logan.report.csv",
    "markdown": "logan.report.markdown",
}
"""Name -> module, imported when asked for, because the text output needs rich."""

CSV_TABLES: Final = tuple(TABLES)
"""The tables that the CSV output offers."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the place where a report is shown can do; outputs use what concerns them.

    Attributes:
        width: columns of the text report.
        color: whether ANSI colors may be used.
        ascii_only: whether block and box characters are out of the question.
        table: which of `CSV_TABLES` the CSV output gives.
        zone: what the text report shows times in; JSON and CSV are UTC always.
    """

    width: int = 80
    color: bool = False
    ascii_only: bool = False
    table: str = "series"
    zone: tzinfo = UTC


def render(output: str, report: Report, options: RenderOptions) -> str:
    """`report` as text of the kind `output`, ending in a newline. Raises `KeyError`."""
    text: str = import_module(OUTPUTS[output]).render(report, options)
    return text
