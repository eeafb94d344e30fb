"""The SVG output: the first screen of the text report as a picture, for a chat or a slide.

The picture fetches nothing: the fonts that rich would load from a server are left out, and the
viewer's own monospace font is used.
"""

from __future__ import annotations

import inspect
import io
import re
from typing import TYPE_CHECKING, Final

from rich.console import Console

from logan.report.text.console import PLAIN
from logan.report.text.layout import layout

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions
    from logan.report.section import Section

__all__ = ["render"]

WIDTH: Final = 100
HEIGHT: Final = 34
"""Columns and lines: as much as is read at a glance."""

_FONT_FACES: Final = re.compile(r"@font-face\s*\{\{.*?\}\}", re.DOTALL)


def render(report: Section, options: RenderOptions) -> str:
    """The first screen as SVG; times are in `options.zone`."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=WIDTH,
        force_terminal=True,
        color_system="truecolor",
        **PLAIN,
    )
    console.print(layout(report, width=WIDTH, height=HEIGHT, zone=options.zone, hint=False))
    # Equal reports give equal pictures.
    template = inspect.signature(console.export_svg).parameters["code_format"].default
    picture = console.export_svg(
        title="logan", code_format=_FONT_FACES.sub("", template), unique_id="logan"
    )
    return picture.rstrip("\n") + "\n"
