"""The names of group tables: what `--by` was given, in the engine's canonical text.

Fields, `time:5m`, `source`, `origin`, captures such as `message~"order (\\w+)"`, or two of these
with a comma between. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

__all__ = ["is_capture", "is_over_time", "joined_keys", "parts_of", "shown_name"]

_PART: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')


def parts_of(name: str) -> tuple[str, ...]:
    """What the key of each row consists of: `route,status` -> `route`, `status`."""
    return tuple(_PART.findall(name)) or (name,)


def shown_name(name: str) -> str:
    """The name as headings have it."""
    return ", ".join(parts_of(name))


def is_over_time(name: str) -> bool:
    """Whether the rows of the table are steps of time."""
    return name.startswith("time:") and len(parts_of(name)) == 1


def is_capture(part: str) -> bool:
    """Whether a part is what a regular expression found: free text of the log."""
    return "~" in part.partition('"')[0]


def joined_keys(keys: Sequence[str]) -> str:
    """The `key` of a row of two `keys`: text that no other pair has."""
    return ", ".join(
        json.dumps(each, ensure_ascii=False)
        if ", " in each or each.startswith('"') or each.endswith(",")
        else each
        for each in keys
    )
