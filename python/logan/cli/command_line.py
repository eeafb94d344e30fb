"""What users leave out or write their own way: `logan access.log`, `cat x | logan`, `--since -2h`.

Pure but for a look at what exists: from the arguments as typed to those that the parser knows.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Sequence
from typing import TextIO

__all__ = ["is_piped", "join_ages", "probable_meaning", "with_command"]

_TIMES = ("--since", "--until", "--from")
_OF_LOGAN = ("-h", "--help", "-V", "--version")
"""Options of `logan` itself."""


def join_ages(argv: Sequence[str]) -> list[str]:
    """`--since -2h` as `--since=-2h`, which the parser does not mistake for an option."""
    joined: list[str] = []
    for each in argv:
        if joined and joined[-1] in _TIMES and re.match(r"-\s*\d", each):
            joined[-1] += f"={each}"
        else:
            joined.append(each)
    return joined


def with_command(argv: Sequence[str], commands: Collection[str]) -> list[str]:
    """The arguments with a command first: `analyze` where a log stands, or comes by a pipe;
    `--help` of what `help` is asked about."""
    import sys

    first = argv[0] if argv else ""
    if first == "help":
        return [*argv[1:2], "--help"]
    if first in commands or first in _OF_LOGAN:
        return [*argv]
    if first and not first.startswith("-"):
        return ["analyze", *argv] if _is_log(first) else [*argv]
    if any(_is_log(each) for each in argv):
        return ["analyze", *argv]
    return ["analyze", *argv] if is_piped(sys.stdin) else [*argv]


def _is_log(text: str) -> bool:
    """Whether an argument is a log rather than a command that is misspelled."""
    return (
        text == "-"
        or os.path.exists(text)
        or re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE) is not None
        or (not text.startswith("-") and re.search(r"[/*?\[.]", text) is not None)
        or _is_on_host(text)
    )


def _is_on_host(text: str) -> bool:
    """Whether an argument is `HOST:PATH`."""
    if ":" not in text:
        return False
    from logan.sources.hosts import as_url, is_remote

    return is_remote(as_url(text))


def probable_meaning(text: str) -> str | None:
    """What a first argument that is neither a command nor a log is likely meant to be."""
    if re.fullmatch(r"[\w.@-]*[A-Za-z][\w.@-]*:", text):
        return f"to read a log of that host, name its path: {text}/var/log/app.log"
    if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", text):
        return f"to read records from that time on: logan FILE --since {text}"
    if re.fullmatch(r"[\w.-]+:\d{1,5}", text):
        return f"if that is a coordinator: logan status --coordinator {text}"
    return None


def is_piped(stream: TextIO | None) -> bool:
    """Whether a stream is a pipe or a file, which has an end, and no terminal or null device."""
    try:
        mode = os.fstat(stream.fileno()).st_mode if stream is not None else 0
    except (OSError, ValueError):  # closed, or not a file of the system
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
