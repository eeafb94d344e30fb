"""The one way in which rich is set up, for pages and for what moves on the terminal.

Log text is never markup, emoji or something to highlight, and notebooks and old Windows consoles
get no treatment of their own. Knows nothing of reports.
"""

from __future__ import annotations

import io
from typing import Any, Final, TextIO

from rich.console import Console, RenderableType

__all__ = ["PLAIN", "WIDTH_MIN", "page", "terminal"]

WIDTH_MIN: Final = 60
"""A narrower terminal wraps lines by itself, which loses nothing."""

PLAIN: Final[dict[str, Any]] = {
    "force_jupyter": False,
    "legacy_windows": False,
    "markup": False,
    "emoji": False,
    "highlight": False,
}
"""Arguments of every console."""


def terminal(stream: TextIO, *, color: bool) -> Console:
    """A console on a terminal, for what is redrawn."""
    return Console(file=stream, no_color=not color, **PLAIN)


def page(content: RenderableType, *, width: int, color: bool) -> str:
    """`content` as text of `width` columns, at least `WIDTH_MIN`, without trailing blanks."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(WIDTH_MIN, width),
        height=100,
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        **PLAIN,
    )
    console.print(content)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
