"""Records as lines for a pipe or a terminal, and as JSON objects."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from logan.cli.line_groups import Line, LineGroup
from logan.report.units import visible

__all__ = ["Look", "TextLines", "as_json"]

_OFF: Final = b"\x1b[0m"
_NAME, _MARK = b"\x1b[35m", b"\x1b[36m"
_LEVELS: Final = {
    "FATAL": (rb"fatal|crit(?:ical)?|emerg(?:ency)?|panic|alert|f", b"\x1b[1;31m"),
    "ERROR": (rb"error|err|severe|e", b"\x1b[31m"),
    "WARN": (rb"warn(?:ing)?|w", b"\x1b[33m"),
    "INFO": (rb"info(?:rmation)?|notice|i", b"\x1b[32m"),
    "DEBUG": (rb"debug|d", b"\x1b[34m"),
    "TRACE": (rb"trace|verbose|t", b"\x1b[34m"),
}
"""By level: how logs write it, and its color."""

_LEVEL_PATTERNS: Final = {
    level: re.compile(rb"(?<![\w.-])(?:" + words + rb")(?![\w.-])", re.IGNORECASE)
    for level, (words, _) in _LEVELS.items()
}


@dataclass(frozen=True, slots=True)
class Look:
    """How lines are printed.

    Attributes:
        names: each line after the name of its input.
        offsets: each line after the name of its input and where it starts, as `logan lines` takes
            them.
        context: groups of lines that do not follow each other have `--` between them.
        color: the names, the level and the status are colored.
        escaped: what could steer a terminal is spelled out.
    """

    names: bool = False
    offsets: bool = False
    context: bool = False
    color: bool = False
    escaped: bool = False


class TextLines:
    """Turns groups into the bytes to print."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._last: tuple[str, int] | None = None

    def __call__(self, group: LineGroup) -> bytes:
        """All lines of a group."""
        parts: list[bytes] = []
        if self._look.context:
            start = group.before[0][0] if group.before else group.offset
            if self._last is not None and self._last != (group.input, start):
                parts.append(self._painted(b"--", _MARK) + b"\n")
            last = group.after[-1] if group.after else group.lines[-1]
            self._last = (group.input, last[0] + len(last[1]) + 1)
        parts += [self._line(group.input, line, b"-") for line in group.before]
        for index, line in enumerate(group.lines):
            parts.append(self._line(group.input, line, b":", None if index else group))
        parts += [self._line(group.input, line, b"-") for line in group.after]
        return b"".join(parts)

    def _line(self, name: str, line: Line, mark: bytes, group: LineGroup | None = None) -> bytes:
        offset, raw = line
        prefix = b""
        if self._look.names or self._look.offsets:
            shown = name.encode("utf-8", "surrogateescape")
            shown = _escaped(shown) if self._look.escaped else shown
            prefix = self._painted(shown, _NAME)
            if self._look.offsets:
                prefix += self._painted(b":", _MARK) + b"%d" % offset
            prefix += self._painted(mark, _MARK)
        if self._look.escaped:
            raw = _escaped(raw)
        if self._look.color and group is not None:
            raw = _highlighted(raw, group)
        return prefix + raw + b"\n"

    def _painted(self, text: bytes, color: bytes) -> bytes:
        return color + text + _OFF if self._look.color else text


def _escaped(raw: bytes) -> bytes:
    text = raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")
    return "\t".join(visible(part) for part in text.split("\t")).encode()


def _highlighted(raw: bytes, group: LineGroup) -> bytes:
    """The line with the word of its level, or else its status, in color."""
    level, status = group.values.get("level"), group.values.get("status")
    if status:
        color = b"\x1b[31m" if status >= 500 else b"\x1b[33m" if status >= 400 else b"\x1b[32m"
        pattern = re.compile(rb'(?<=[\s":=,])%d(?=[\s",;}]|$)' % status)
    elif level in _LEVELS:
        color, pattern = _LEVELS[level][1], _LEVEL_PATTERNS[level]
    else:
        return raw
    found = pattern.search(raw)
    if found is None:
        return raw
    start, end = found.span()
    return raw[:start] + color + raw[start:end] + _OFF + raw[end:]


def as_json(group: LineGroup) -> bytes:
    """A group as one JSON object; bytes that are not UTF-8 are spelled `\\xNN`.

    `line` is the number of its first line, `text` its lines.
    """
    told: dict[str, Any] = {
        "time": None if group.time is None else _rfc3339(group.time),
        "source": group.input.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        "offset": group.offset,
        **group.values,
        "text": _text(group.lines),
    }
    for name, lines in (("before", group.before), ("after", group.after)):
        if lines:
            told[name] = [_text([line]) for line in lines]
    kept = {key: value for key, value in told.items() if value is not None}
    return json.dumps(kept, ensure_ascii=False).encode() + b"\n"


def _text(lines: list[Line]) -> str:
    return b"\n".join(line for _, line in lines).decode("utf-8", "backslashreplace")


def _rfc3339(nanos: int) -> str:
    seconds, rest = divmod(nanos, 1_000_000_000)
    shown = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return shown + (f".{rest:09}".rstrip("0") if rest else "") + "Z"
