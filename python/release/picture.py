"""The picture of README: the first screen of a report on a log of the repository."""

from __future__ import annotations

import contextlib
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Final

import logan
from logan.report import RenderOptions, Report, render

__all__ = ["BYTES_MAX", "LOG", "picture", "words"]

LOG: Final = "test_vectors/logs/mixed_format.log"

BYTES_MAX: Final = 40_000
"""More would delay the page that shows it."""

_HIDDEN: Final = re.compile(r"<(style|defs)\b.*?</\1>|<[^>]*>", re.DOTALL)


@cache
def picture(root: Path) -> str:
    """SVG: a function of the log and of how reports look. `root` is that of the repository."""
    with contextlib.chdir(root):
        report = logan.analyze(LOG)
    # How long it took is another figure each time.
    timeless = Report.from_json(json.dumps({**report.to_dict(), "performance": None}))
    return render("svg", timeless, RenderOptions())


def words(svg: str) -> list[str]:
    """What is to be read in a picture: the spaces between, and styles, are of the library that
    draws it, and differ between its versions."""
    return html.unescape(_HIDDEN.sub(" ", svg)).split()
