"""Reports and their outputs: from evaluated metrics to text, JSON, CSV and what else is registered.

Pure: an output turns a `Report` and `RenderOptions` into text and touches neither terminal nor
file. To add one, write `report/x.py` with `render(report, options) -> str` and name it in
`OUTPUTS`; the command line offers it as `--output-format x`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from logan.report.document import Report, assemble, input_entry
from logan.report.render_options import CSV_TABLES, RenderOptions
from logan.report.section import Section

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
    "html": "logan.report.html",
}
"""Name -> module, imported when asked for, because the text output needs rich."""


def render(output: str, report: Report, options: RenderOptions) -> str:
    """`report` as text of the kind `output`, ending in a newline. Raises `KeyError`."""
    text: str = import_module(OUTPUTS[output]).render(report, options)
    return text
