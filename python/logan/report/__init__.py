"""Reports and their outputs: from evaluated figures to text, JSON and CSV.

Pure: an output turns a `Report` and a `Look` into text and touches neither terminal nor file. To
add one, write `report/x.py` with `render(report, look) -> str` and name it in `OUTPUTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from importlib import import_module
from typing import Final

from logan.report.document import Report, Section, assemble, input_entry

__all__ = [
    "CSV_TABLES",
    "OUTPUTS",
    "Look",
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
}
"""Name -> module, imported when asked for, because the text output needs rich."""

CSV_TABLES: Final = ("series", "routes", "clients", "messages", "groups")
"""The parts of a report that are tables by nature."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the place where a report is shown can do; outputs use what concerns them.

    Attributes:
        width: columns of the text report.
        color: whether ANSI colours may be used.
        ascii_only: whether block and box characters are out of the question.
        table: which of `CSV_TABLES` the CSV output gives.
        zone: what the text report shows times in; JSON and CSV are UTC always.
    """

    width: int = 80
    color: bool = False
    ascii_only: bool = False
    table: str = "series"
    zone: tzinfo = UTC


def render(output: str, report: Report, look: Look) -> str:
    """`report` as text of the kind `output`, ending in a newline. Raises `KeyError`."""
    text: str = import_module(OUTPUTS[output]).render(report, look)
    return text
