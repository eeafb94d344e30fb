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
    "ENDINGS",
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
    "svg": "logan.report.text.svg",
}
"""Name -> module, imported when asked for, because the text output needs rich."""


ENDINGS: Final[Mapping[str, str]] = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".csv": "csv",
    ".svg": "svg",
}
"""Output by the ending of a file's name, in lower case; other files hold text."""


def render(output: str, report: Report, options: RenderOptions) -> str:
    """`report` as text of the kind `output`, ending in a newline. Raises `KeyError`."""
    text: str = import_module(OUTPUTS[output]).render(report, options)
    return text
