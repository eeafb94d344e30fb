"""A format for lines that nothing reads: proposed from what they have in common, and tried.

The lines are searched for what a log line usually says (time, level, client, request, status,
response time, size). What nearly all have, in one order, becomes a regular expression with named
groups; the text between is kept where it is the same in all lines. The engine then reads the lines
with it: what it does not find as named is left out and the rest tried again, and what reads too few
lines is not proposed. So a proposal claims only what was read.

The rules for response times are those of every format: a number counts by its name, or by words
and a unit, never by its place alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from logan.errors import UsageError
from logan.model import Unread
from logan.planning.sample import Sample, custom_source
from logan.sources.inputs import FIRST_LINE_CHARS_MAX

__all__ = ["Proposal", "propose", "unread"]

LINES_TRIED_MAX: Final = 200
"""Lines that a proposal is made of and tried on; they show what a log of millions looks like."""

FIRST_LINES_MAX: Final = 3
"""Unread lines that are shown."""

_LINE_CHARS_MAX: Final = 2_000
"""Longer lines are searched up to here: a format describes their header."""

_READS_MIN: Final = 0.8
"""Share of the lines that a proposal must read."""

_ALL: Final = 0.95
_SOME: Final = 0.05
"""What so many lines have is part of the pattern; what fewer have is optional, or left out."""

_YEARS: Final = ("1995", "2100")
"""A timestamp outside of them was no timestamp."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A text for `--format`, and what the engine read with it.

    Attributes:
        reads, tried: how many lines it reads, of how many.
        fields: what it finds: "time", "level", "status", …
    """

    format: str
    reads: int
    tried: int
    fields: tuple[str, ...]


class _Mark(NamedTuple):
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

_METHODS: Final = "GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS"

# The group `v` is the value.
_REQUEST: Final = (
    rf"\b(?P<method>{_METHODS})(?P<gap>[)\]]? +|\"?[,;|\t]\"?)(?P<path>[^\s\"',;|]+)"
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


def unread(figures: Mapping[str, Any], lines: Sequence[bytes]) -> Unread:
    """What is known of the lines of a sample that nothing reads.

    `figures` are the sample's metrics, `lines` the first of those lines.
    """
    proposal = propose(lines)
    found = Unread(
        figures["lines"]["malformed"] or figures["lines"]["continuation"],
        dict(figures["malformed"]["reasons"]),
        tuple(shortened(each) for each in lines[:FIRST_LINES_MAX]),
    )
    return found if proposal is None else _with(found, proposal)


def shortened(line: bytes) -> str:
    """A line as text, cut to a readable length."""
    text = line[: 4 * FIRST_LINE_CHARS_MAX].decode("utf-8", "replace").strip()
    return text if len(text) <= FIRST_LINE_CHARS_MAX else f"{text[: FIRST_LINE_CHARS_MAX - 1]}…"


def propose(lines: Sequence[bytes]) -> Proposal | None:
    """A format that reads most of these lines, tried on them; None if none was found."""
    tried = [each for each in lines if each.strip()][:LINES_TRIED_MAX]
    if not tried:
        return None
    texts = [each[:_LINE_CHARS_MAX].decode("utf-8", "replace") for each in tried]
    best: Proposal | None = None
    for time in (*_times_of(texts), None):
        found = _tried_with(time, texts, tried)
        if found is not None and (best is None or _worth(found) > _worth(best)):
            best = found
        if best is not None and "time" in best.fields:
            break
    return best


def _worth(proposal: Proposal) -> tuple[bool, int, int]:
    return "time" in proposal.fields, proposal.reads, len(proposal.fields)


def _tried_with(time: str | None, texts: Sequence[str], lines: Sequence[bytes]) -> Proposal | None:
    """The best that reads the lines with this layout of timestamps."""
    refused: set[str] = set()
    sample = Sample(b"\n".join(lines))
    for _ in range(6):
        marked = [_marks(text, time, refused) for text in texts]
        made = _pattern(texts, marked)
        if made is None:
            return None
        text, kinds = made
        try:
            figures = sample.metrics(source=custom_source(text))
        except (UsageError, ValueError):
            return None
        if figures["lines"]["parsed"] < _READS_MIN * len(lines):
            # What is in the way is most likely what fewest lines have where it is expected.
            drop: str | None = next((kind for kind in _LOOSE if kind in kinds), None)
        else:
            found = _found(figures)
            if "(?<message>" not in text:
                found.discard("message")
            if "duration" in found and not _durations_agree(marked, figures):
                found.discard("duration")
            drop = next((kind for kind in kinds if kind not in found), None)
            if drop is None:
                fields = tuple(each for each in _ORDER if each in found)
                return Proposal(text, figures["lines"]["parsed"], len(lines), fields)
        if drop is None or drop == "time":
            return None
        refused.add(drop)
    return None


_LOOSE: Final[Sequence[str]] = ("bytes", "duration", "status", "client", "level", "request")
"""The order in which fields are dropped while the proposal reads too few lines."""

_ORDER: Final = ("time", "level", "client", "request", "status", "duration", "bytes", "message")


def _found(figures: Mapping[str, Any]) -> set[str]:
    """What the engine found in the lines, by the kinds of marks."""
    first, last = figures["time"]["first"], figures["time"]["last"]
    in_our_time = first is not None and _YEARS[0] <= first[:4] and last[:4] < _YEARS[1]
    found = {
        "time": in_our_time,
        "level": any(n for name, n in figures["levels"].items() if name not in ("NONE", "OTHER")),
        "client": bool(figures["clients"]["distinct"]),
        "request": bool(figures["routes"]["distinct"]),
        "status": any(figures["status"].values()),
        "duration": bool(figures["response_time_ms"]["count"]),
        "bytes": figures["bytes_sent"] is not None,
    }
    return {kind for kind, there in found.items() if there} | {"message"}


_UNIT_SIZES: Final = (
    ("n", 1e-6),
    ("u", 1e-3),
    ("µ", 1e-3),
    ("micro", 1e-3),
    ("m", 1.0),
    ("s", 1e3),
)
"""Milliseconds of the units that begin so."""


def _durations_agree(marked: Sequence[Sequence[_Mark]], figures: Mapping[str, Any]) -> bool:
    """Whether the engine read the response times in the units that stand there."""
    values = [_ms(mark) for marks in marked for mark in marks if mark.kind == "duration"]
    times = figures["response_time_ms"]
    least, most = min(values, default=0.0), max(values, default=0.0)
    near = 1e-3 * most + 1e-6
    return bool(least - near <= times["min"] <= times["max"] <= most + near)


def _ms(mark: _Mark) -> float:
    number = _compiled(r"[\d.]+").match(mark.text)
    unit = mark.text.lstrip("0123456789. ") or mark.detail.rpartition("_")[2]
    factor = next(size for start, size in _UNIT_SIZES if unit.startswith(start))
    return float(number[0]) * factor if number is not None else 0.0


# What a line says, and where.


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _times_of(texts: Sequence[str]) -> list[str]:
    """The layouts that most lines have, those that stand furthest left first."""
    found: list[tuple[int, int, str]] = []
    for layout in _TIMES:
        places = [
            match.start()
            for text in texts
            if (match := _compiled(_NOT_WITHIN_A_NUMBER.format(layout)).search(text))
        ]
        if len(places) >= _READS_MIN * len(texts):
            found.append((sorted(places)[len(places) // 2], len(found), layout))
    return [layout for _, _, layout in sorted(found)]


def _marks(text: str, time: str | None, refused: set[str]) -> list[_Mark]:
    """What a line says, from left to right, without overlaps."""
    marks: list[_Mark] = []
    for mark in _candidates(text, time):
        if mark.kind in refused or any(mark.kind == each.kind for each in marks):
            continue
        if all(mark.end <= each.start or each.end <= mark.start for each in marks):
            marks.append(mark)
    return sorted(marks, key=lambda mark: mark.start)


def _candidates(text: str, time: str | None) -> Iterator[_Mark]:
    """Everything that may be said, the surest first."""
    after = 0
    if time is not None and (match := _compiled(_NOT_WITHIN_A_NUMBER.format(time)).search(text)):
        yield _Mark("time", *match.span(), match[0], time)
        after = match.end()
    yield from _level(text, after)
    request = _compiled(_REQUEST).search(text)
    if request is not None:
        yield _Mark("request", *request.span(), request[0], text[request.end() :][:1])
    if match := _compiled(_DURATION_SUFFIX).search(text):
        yield _Mark("duration", *match.span("v"), match["v"], _UNIT_OF_SUFFIX[match["unit"]])
    by_unit = [*_DURATION_UNIT, *((_DURATION_AFTER_REQUEST,) if request is not None else ())]
    for expression in by_unit:
        match = _compiled(expression).search(text, request.end() if request else after)
        if match is not None and not _compiled(_NO_TIMER).search(text[: match.start("v")].lower()):
            yield _Mark("duration", *match.span("v"), match["v"], "duration")
            break
    status = _compiled(_STATUS_BY_NAME).search(text)
    if status is None and request is not None:
        status = _compiled(_STATUS_BY_PLACE).search(text, request.end())
    if status is not None:
        yield _Mark("status", *status.span("v"), status["v"])
    if match := _compiled(_CLIENT).search(text):
        yield _Mark("client", *match.span(), match[0])
    if match := _compiled(_SIZE).search(text):
        yield _Mark("bytes", *match.span("v"), match["v"])


def _level(text: str, after: int) -> Iterator[_Mark]:
    """A level in brackets or in capitals near the front."""
    bracketed = _compiled(r"\[ ?([IWEDFTC]|[A-Za-z]{4,8}) ?\]")
    for match in bracketed.finditer(text, 0, after + _FRONT_CHARS):
        word = match[1].upper()
        if len(word) == 1 or _compiled(_LEVELS).fullmatch(word):
            yield _Mark("level", *match.span(1), match[1])
            return
    word_alone = _compiled(rf"\b(?:{_LEVELS})\b").search(text, 0, after + _FRONT_CHARS)
    if word_alone is not None:
        yield _Mark("level", *word_alone.span(), word_alone[0])


# The pattern of what marks of one kind have in common, with its groups.


def _group(marks: Sequence[_Mark]) -> str:
    values = [mark.text for mark in marks]
    kind, detail = marks[0].kind, marks[0].detail
    if kind == "time":
        return rf"(?<time>{_shape(values) or detail})"
    if kind == "level":
        return rf"(?<level>{'[A-Z]+' if all(each.isupper() for each in values) else '[A-Za-z]+'})"
    if kind == "request":
        return _request(values, any(mark.detail in ('"', "'") for mark in marks))
    if kind == "duration":
        group = detail if all(mark.detail == detail for mark in marks) else "duration"
        return rf"(?<{group}>{_amount(values)})"
    return {
        "status": r"(?<status>\d{3})",
        "client": r"(?<client>[\d.]+)",
        "bytes": r"(?<bytes>\d+)",
    }[kind]


def _shape(values: Sequence[str]) -> str | None:
    """Timestamps of one shape, digit by digit; None if their shapes differ."""
    for exact in (True, False):
        shapes = {_shape_of(each, exact) for each in values}
        if len(shapes) == 1:
            return shapes.pop()
    return None


def _shape_of(value: str, exact: bool) -> str:
    parts = []
    for piece in _compiled(r"\d+|[A-Za-z]+|.").findall(value):
        if piece.isdecimal():
            parts.append(r"\d" * len(piece) if len(piece) < 3 else rf"\d{{{len(piece)}}}")
            parts[-1] = parts[-1] if exact else r"\d+"
        elif piece.isalpha() and len(piece) == 3:
            parts.append("[A-Z][a-z]{2}")
        else:
            parts.append(_literal(piece))
    return "".join(parts)


def _request(values: Sequence[str], quoted: bool) -> str:
    found = [match for each in values if (match := _compiled(_REQUEST).match(each))]
    gaps = {match["gap"] for match in found}
    columns = any(set(gap) & set(",;|") for gap in gaps)
    path = r'[^\s",;|]+' if columns else r'[^\s"]+' if quoted else r"\S+"
    gap = _literal(gaps.pop()) if len(gaps) == 1 else " +" if not columns else r"\W+"
    protocols = [match["protocol"] is not None for match in found]
    protocol = r" +HTTP/[\d.]+" if any(protocols) else ""
    if protocol and not all(protocols):
        protocol = f"(?:{protocol})?"
    return rf"(?<method>[A-Z]+){gap}(?<path>{path}){protocol}"


def _amount(values: Sequence[str]) -> str:
    """A number with the units that occur, if the values have units."""
    units = {_compiled(r"[\d. ]+").sub("", each) for each in values}
    blank = " " if all(" " in each for each in values) else ""
    blank = " ?" if not blank and any(" " in each for each in values) else blank
    # Other lines may have decimals where these have none.
    if len(units) == 1:
        return rf"[\d.]+{blank}{units.pop()}"
    return rf"[\d.]+{blank}(?:{'|'.join(sorted(units, key=lambda each: (-len(each), each)))})"


# From the lines to one expression.


def _pattern(
    texts: Sequence[str], marked: Sequence[Sequence[_Mark]]
) -> tuple[str, tuple[str, ...]] | None:
    """The expression of what most lines say, and the kinds in it; None if that is too little."""
    # Lines without the timestamp that most have, or without anything, are others' lines.
    timed = any(mark.kind == "time" for marks in marked for mark in marks)
    like = [
        (text, marks)
        for text, marks in zip(texts, marked, strict=True)
        if (any(mark.kind == "time" for mark in marks) if timed else marks)
    ]
    needed, optional = _kinds([marks for _, marks in like])
    if not needed:
        return None
    whole = [
        (text, {mark.kind: mark for mark in marks})
        for text, marks in like
        if {mark.kind for mark in marks} >= set(needed) and _in_order(marks, needed)
    ]
    if len(whole) < _READS_MIN * len(texts):
        return None
    # Optional ones stand behind the needed ones, where a pattern can do without them.
    header = [kind for kind in needed if kind in ("time", "level")]
    tail = [kind for kind in needed if kind not in header]
    if any(needed.index(kind) > needed.index(other) for kind in header for other in tail):
        header, tail = list(needed), []
    if header and tail and all(_is_named(whole, kind) for kind in tail):
        # Found by their names anywhere, so lines without them are read as well.
        tail, optional = [], [*tail, *optional]
    parts = ["^"]
    ends = [0] * len(whole)
    message = not tail or len(header) > 0
    for at, kind in enumerate((*header, *tail)):
        marks = [found[kind] for _, found in whole]
        gaps = [
            text[end : mark.start] for (text, _), end, mark in zip(whole, ends, marks, strict=True)
        ]
        gap = _gap(gaps)
        if message and at == len(header):
            lead = _common_lead(gaps)
            parts.append(f"{_literal(lead)}(?<message>{_gap([each[len(lead) :] for each in gaps])}")
        else:
            parts.append(gap)
        parts.append(_group(marks))
        ends = [mark.end for mark in marks]
    rests = [text[end:] for (text, _), end in zip(whole, ends, strict=True)]
    opened = message and bool(tail)
    extra = "".join(_optional(whole, kind) for kind in optional)
    if opened:
        parts.append(f"{extra}.*)")
    elif message:
        lead = _common_lead(rests)
        parts.append(f"{_literal(lead)}(?<message>{extra}.*)")
    else:
        parts.append(f"{extra}.*" if extra else "")
    return "".join(parts), (*header, *tail, *optional)


def _kinds(marked: Sequence[Sequence[_Mark]]) -> tuple[list[str], list[str]]:
    """What nearly all lines say, and what some say behind it, each in its usual order."""
    starts: dict[str, list[int]] = {}
    for marks in marked:
        for place, mark in enumerate(marks):
            starts.setdefault(mark.kind, []).append(place)
    usual = {kind: sorted(places)[len(places) // 2] for kind, places in starts.items()}
    columns: dict[str, list[int]] = {}
    for marks in marked:
        for mark in marks:
            columns.setdefault(mark.kind, []).append(mark.start)
    median = {kind: sorted(each)[len(each) // 2] for kind, each in columns.items()}
    order = sorted(starts, key=lambda kind: (median[kind], usual[kind]))
    needed = [kind for kind in order if len(starts[kind]) >= _ALL * len(marked)]
    last = max((median[kind] for kind in needed), default=0)
    optional = [
        kind
        for kind in order
        if kind not in needed and len(starts[kind]) >= _SOME * len(marked) and median[kind] > last
    ]
    return needed, optional


def _in_order(marks: Sequence[_Mark], needed: Sequence[str]) -> bool:
    return [mark.kind for mark in marks if mark.kind in needed] == list(needed)


def _is_named(whole: Sequence[tuple[str, Mapping[str, _Mark]]], kind: str) -> bool:
    """Whether a mark is known by itself or by what always stands right before it, not by place."""
    return kind == "request" or _before(whole, kind) != r"\b"


def _optional(whole: Sequence[tuple[str, Mapping[str, _Mark]]], kind: str) -> str:
    """The pattern of what only some lines say."""
    marks = [found[kind] for _, found in whole if kind in found]
    if not marks:
        return ""
    group = _group(marks)
    if kind == "request":
        # Nothing but the method says where it is.
        return rf"(?:.*?\b{group.replace('[A-Z]+', _METHODS, 1)})?"
    return f"(?:.*?{_before(whole, kind)}{group})?"


def _before(whole: Sequence[tuple[str, Mapping[str, _Mark]]], kind: str) -> str:
    """The name that stands right before an optional mark, such as `took `, if it always does."""
    names = {
        match[0]
        if (match := _compiled(r"[\w-]+[=: ]+\"?$").search(text[: found[kind].start]))
        else ""
        for text, found in whole
        if kind in found
    }
    return rf"\b{_literal(names.pop())}" if len(names) == 1 and names != {""} else r"\b"


def _common_lead(gaps: Sequence[str]) -> str:
    """What all begin with, up to the first letter or digit."""
    shortest = min(gaps, key=len)
    lead = ""
    for at, char in enumerate(shortest):
        if char.isalnum() or any(gap[at] != char for gap in gaps):
            break
        lead += char
    return lead


def _gap(gaps: Sequence[str]) -> str:
    """What stands between two marks: as it is where it is the same in all lines."""
    if len(set(gaps)) == 1:
        return _constant(gaps[0])
    split = [_compiled(r"\s+|\S+").findall(gap) for gap in gaps]
    if len({len(each) for each in split}) != 1:
        lead, trail = _common_lead(gaps), _common_lead([gap[::-1] for gap in gaps])[::-1]
        if len(lead) + len(trail) > min(map(len, gaps)):
            trail = ""
        return f"{_literal(lead)}.*?{_literal(trail)}"
    return "".join(_token(column) for column in zip(*split, strict=True))


def _token(column: Sequence[str]) -> str:
    """A word that may differ from line to line, with the punctuation that does not."""
    if len(set(column)) == 1:
        return _constant(column[0])
    if all(each.isspace() for each in column):
        return r"\s+"
    if any(each.isspace() for each in column):
        return ".*?"
    lead, trail = _common_lead(column), _common_lead([each[::-1] for each in column])[::-1]
    if len(lead) + len(trail) >= min(map(len, column)):
        return r"\S+"
    inner = [each[len(lead) : len(each) - len(trail)] for each in column]
    kind = r"\d+" if all(each.isdecimal() for each in inner) else r"\S+?" if trail else r"\S+"
    return f"{_literal(lead)}{kind}{_literal(trail)}"


def _constant(text: str) -> str:
    """Text that all lines have; its numbers may be others tomorrow."""
    return _compiled(r"\d+").sub(lambda _: r"\d+", _literal(text))


def _literal(text: str) -> str:
    """`text` for the engine's expressions; runs of blanks stay readable."""
    return re.sub(r"[\\.^$*+?()\[\]{}|]", lambda found: f"\\{found[0]}", text)


def _with(found: Unread, proposal: Proposal) -> Unread:
    return Unread(
        found.lines,
        found.reasons,
        found.first_lines,
        proposal.format,
        proposal.reads,
        proposal.tried,
        proposal.fields,
    )
