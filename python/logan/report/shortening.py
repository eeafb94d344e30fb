"""Texts that are too long for the page: cut so that they still tell one from another.

A log line begins with what is the same for many (its time, thread, the package of its class), and
what it says comes last; cut at its end it says nothing. Pure; knows no renderer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["cut", "distinct", "gist", "shortened"]

ELLIPSIS: Final = "…"

_TIME: Final = re.compile(
    r"""[\[(]?
    (?:[A-Za-z]{3},?\ )?                                                 # Wed
    (?:\d{2,4}[-/.]?\d{2}[-/.]?\d{2,4} | \d{1,2}[-/ ][A-Z][a-z]{2}[-/ ]\d{2,4}
     | [A-Z][a-z]{2}\ +\d{1,2}(?:\ \d{4})?)                              # the date
    [T\ _:-]{0,2}\d{1,2}:\d{2}(?::\d{2})?(?:[.,:]\d+)?                   # the time of day
    (?:\ ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?(?:\ \d{4})?
    [\])]?[:,|]?\s+""",
    re.VERBOSE,
)
"""A date and time of day at the front of a line, as most logs write it."""

_LEVEL: Final = re.compile(
    r"[\[(<]?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|ERR|CRIT(?:ICAL)?|FATAL)[\])>]?:?\s+",
    re.IGNORECASE,
)
_THREAD: Final = re.compile(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]\s*(?:[-:]\s+)?")
"""`[main] `, `[QuorumPeer[myid=1]/0.0.0.0:2181] - `."""

_PACKAGE: Final = re.compile(r"(?:[a-z_$][\w$<>]*\.)+(?=[A-Z][\w$]*(?::\d+|@<?\w+>?)?(?::?\s|$))")
"""`org.apache.hadoop.ipc.` before `Client: `; names of hosts have no capitals."""


def gist(text: str) -> str:
    """The line or message without its time, level and thread, and its logger without its package:
    what it says. All of it where nothing would be left."""
    rest = text
    for pattern in (_TIME, _LEVEL):
        found = pattern.match(rest)
        rest = rest[found.end() :] if found else rest
    while found := _THREAD.match(rest):
        rest = rest[found.end() :]
    found = _PACKAGE.match(rest)
    rest = rest[found.end() :] if found else rest
    return rest if len(rest) >= 3 else text


def cut(text: str, width: int) -> str:
    """At most `width` characters; what is missing at the end is an ellipsis."""
    return text if len(text) <= width else f"{text[: max(width, 1) - 1]}{ELLIPSIS}"


def shortened(text: str, chars_max: int = 200) -> str:
    """A text of users that is quoted in a message: the middle of a long one is left out."""
    if len(text) <= chars_max:
        return text
    tail = chars_max // 4
    return f"{text[: chars_max - tail - 1]}…{text[-tail:]}"


def distinct(texts: Sequence[str], width: int, length: Callable[[str], int] = len) -> Sequence[str]:
    """The texts, each at most `width` long: those that would look the same when cut at their ends
    lose what they have in common instead, between its first word and where they differ."""
    shown = [text if length(text) <= width else cut(text, width) for text in texts]
    alike = {text for text, n in Counter(shown).items() if n > 1}
    for each in alike:
        group = [index for index, text in enumerate(shown) if text == each]
        members = {texts[index] for index in group}
        if len(members) < 2:
            continue
        common = _common_words(members)
        for index in group:
            shown[index] = _without_middle(texts[index], common, width)
    return shown


def _common_words(texts: set[str]) -> int:
    """Characters of whole words that all begin with."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))
    return first.rfind(" ", 0, same) + 1


def _without_middle(text: str, common: int, width: int) -> str:
    """The first words, an ellipsis, and the text from where it differs."""
    rest = text[common:]
    room = max(width // 3, width - len(rest) - 1)
    head = text[:common][: max(room - 1, 0)]
    head = head[: head.rfind(" ") + 1] or head
    return cut(f"{head}{ELLIPSIS}{rest}", width)
