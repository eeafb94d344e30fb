"""What the lines of an unknown log usually say, and where: time, level, client, request, status,
response time, size. Found by layouts and names, before any format is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

__all__ = ["METHODS", "READS_MIN", "REQUEST", "Mark", "compiled", "marks_of", "times_of"]

READS_MIN: Final = 0.8
"""Share of the lines that a proposal must read."""


class Mark(NamedTuple):
    """Something that a line says, and where; `detail` is what the pattern of such text needs."""

    kind: str
    start: int
    end: int
    text: str
    detail: str = ""


# Layouts of timestamps that the engine reads, the more telling first.
_TIMES: Final = (
    r"\d{4}[-/.]\d\d[-/.]\d\d[T _]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?",
    r"\d{1,2}/[A-Z][a-z]{2}/\d{4}[: ]\d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})?",
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}",
    r"\d{1,2}[- ][A-Z][a-z]{2}[- ]\d{4},? \d\d:\d\d:\d\d(?:[.,]\d+)?",
    r"\d\d[-./]\d\d[-./]\d{4},? \d\d:\d\d:\d\d(?:[.,]\d+)?",
    r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?",
    r"\d{8}[T ]\d{6}(?:[.,]\d+)?Z?",
    r"\d{8} \d\d:\d\d:\d\d(?:[.,]\d+)?",
    r"(?:1\d{9}\.\d+|1\d{9}|1\d{12}|1\d{15}|1\d{18})",
)
_NOT_WITHIN_A_NUMBER: Final = r"(?<![\w.]){}(?![\w])"

_FRONT_CHARS: Final = 60
"""How far behind the timestamp a level may stand: later words are the message's."""

_LEVELS: Final = (
    r"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRIT(?:ICAL)?|FATAL|SEVERE|ALERT|EMERG|PANIC"
)
_UNITS: Final = (
    r"ns|us|µs|ms|msec|millis|milliseconds?|microseconds?|nanoseconds?|s|sec|secs|seconds?"
)
_NUMBER: Final = r"\d+(?:\.\d+)?"
_TIMER_NAMES: Final = (
    r"t|rt|dt|dur|took|time|elapsed|duration|latency|cost|"
    r"(?:request|response|resp|exec|execution|processing|total|elapsed)[_-]?time|time[_-]?taken"
)
_UNIT_OF_SUFFIX: Final = {"ms": "duration_ms", "us": "duration_us", "ns": "duration_ns"}

METHODS: Final = "GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS"

# The group `v` is the value.
REQUEST: Final = (
    rf"\b(?P<method>{METHODS})(?P<gap>[)\]]? +|\"?[,;|\t]\"?)(?P<path>[^\s\"',;|]+)"
    r"(?P<protocol> +HTTP/[\d.]+)?"
)
_STATUS_BY_NAME: Final = (
    r"\b(?:status|code|http_status|status_code|sc)(?:=|: ?)\"?(?P<v>[1-5]\d\d)\b"
)
_STATUS_BY_PLACE: Final = r"(?<=[\s\"\]|;,])(?P<v>[1-5]\d\d)(?=[\s\"\]|;,]|$)"
_DURATION_UNIT: Final = (
    rf"\b(?:{_TIMER_NAMES})(?:=|: ?)\"?(?P<v>{_NUMBER} ?(?:{_UNITS}))\b",
    rf"\b(?:took|(?:completed|processed|finished|done|served|handled|responded|executed|rendered)"
    rf"(?: \w+){{0,2}} (?:in|after))[: ]+(?P<v>{_NUMBER} ?(?:{_UNITS}))\b",
)
_DURATION_SUFFIX: Final = rf"\b(?:{_TIMER_NAMES})_(?P<unit>ms|us|ns)(?:=|: ?)\"?(?P<v>{_NUMBER})\b"
_DURATION_AFTER_REQUEST: Final = rf"(?<![\w.=:])(?P<v>{_NUMBER} ?(?:{_UNITS}))\b"
_NO_TIMER: Final = (
    r"(?:retr\w*|again|wait\w*|time-?out\w*|expir\w*|every|interval|ttl|age|uptime|delay\w*|sleep\w*"
    r"|back-?off|renew\w*|attempts?|limit|rate)\W*(?:(?:in|after|for|of|is|at)\W*)?$"
)
"""What stands before a number of seconds that is not a response time."""

_CLIENT: Final = r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"
_SIZE: Final = r"\b(?:bytes|size|bytes_sent|body_bytes|length)(?:=|: ?)\"?(?P<v>\d+)\b"


@cache
def compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


def times_of(texts: Sequence[str]) -> list[str]:
    """The layouts that most lines have, those that stand furthest left first."""
    found: list[tuple[int, int, str]] = []
    for layout in _TIMES:
        places = [
            match.start()
            for text in texts
            if (match := compiled(_NOT_WITHIN_A_NUMBER.format(layout)).search(text))
        ]
        if len(places) >= READS_MIN * len(texts):
            found.append((sorted(places)[len(places) // 2], len(found), layout))
    return [layout for _, _, layout in sorted(found)]


def marks_of(text: str, time: str | None, refused: set[str]) -> list[Mark]:
    """What a line says, from left to right, without overlaps."""
    marks: list[Mark] = []
    for mark in _candidates(text, time):
        if mark.kind in refused or any(mark.kind == each.kind for each in marks):
            continue
        if all(mark.end <= each.start or each.end <= mark.start for each in marks):
            marks.append(mark)
    return sorted(marks, key=lambda mark: mark.start)


def _candidates(text: str, time: str | None) -> Iterator[Mark]:
    """Everything that may be said, the surest first."""
    after = 0
    if time is not None and (match := compiled(_NOT_WITHIN_A_NUMBER.format(time)).search(text)):
        yield Mark("time", *match.span(), match[0], time)
        after = match.end()
    yield from _level(text, after)
    request = compiled(REQUEST).search(text)
    if request is not None:
        yield Mark("request", *request.span(), request[0], text[request.end() :][:1])
    if match := compiled(_DURATION_SUFFIX).search(text):
        yield Mark("duration", *match.span("v"), match["v"], _UNIT_OF_SUFFIX[match["unit"]])
    by_unit = [*_DURATION_UNIT, *((_DURATION_AFTER_REQUEST,) if request is not None else ())]
    for expression in by_unit:
        match = compiled(expression).search(text, request.end() if request else after)
        if match is not None and not compiled(_NO_TIMER).search(text[: match.start("v")].lower()):
            yield Mark("duration", *match.span("v"), match["v"], "duration")
            break
    status = compiled(_STATUS_BY_NAME).search(text)
    if status is None and request is not None:
        status = compiled(_STATUS_BY_PLACE).search(text, request.end())
    if status is not None:
        yield Mark("status", *status.span("v"), status["v"])
    if match := compiled(_CLIENT).search(text):
        yield Mark("client", *match.span(), match[0])
    if match := compiled(_SIZE).search(text):
        yield Mark("bytes", *match.span("v"), match["v"])


def _level(text: str, after: int) -> Iterator[Mark]:
    """A level in brackets or in capitals near the front."""
    bracketed = compiled(r"\[ ?([IWEDFTC]|[A-Za-z]{4,8}) ?\]")
    for match in bracketed.finditer(text, 0, after + _FRONT_CHARS):
        word = match[1].upper()
        if len(word) == 1 or compiled(_LEVELS).fullmatch(word):
            yield Mark("level", *match.span(1), match[1])
            return
    word_alone = compiled(rf"\b(?:{_LEVELS})\b").search(text, 0, after + _FRONT_CHARS)
    if word_alone is not None:
        yield Mark("level", *word_alone.span(), word_alone[0])
