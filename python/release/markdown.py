"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["joined", "prose"]


def prose(text: str) -> str:
    """Text whose `*` and `<` are not Markdown's."""
    parts = text.split("`")
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(r"\*|<(?=\w)", r"\\\g<0>", parts[at])
    return "`".join(parts)


def joined(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
