"""The regular expression of lines whose marks are known: what all say, in one order, and what
stands between, which is kept where it is the same in all lines.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from logan.planning.marks import METHODS, READS_MIN, REQUEST, Mark, compiled

__all__ = ["pattern_of"]

_ALL: Final = 0.95
_SOME: Final = 0.05
"""What so many lines have is part of the pattern; what fewer have is optional, or left out."""


# The pattern of what marks of one kind have in common, with its groups.


def _group(marks: Sequence[Mark]) -> str:
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
    for piece in compiled(r"\d+|[A-Za-z]+|.").findall(value):
        if piece.isdecimal():
            parts.append(r"\d" * len(piece) if len(piece) < 3 else rf"\d{{{len(piece)}}}")
            parts[-1] = parts[-1] if exact else r"\d+"
        elif piece.isalpha() and len(piece) == 3:
            parts.append("[A-Z][a-z]{2}")
        else:
            parts.append(_literal(piece))
    return "".join(parts)


def _request(values: Sequence[str], quoted: bool) -> str:
    found = [match for each in values if (match := compiled(REQUEST).match(each))]
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
    units = {compiled(r"[\d. ]+").sub("", each) for each in values}
    blank = " " if all(" " in each for each in values) else ""
    blank = " ?" if not blank and any(" " in each for each in values) else blank
    # Other lines may have decimals where these have none.
    if len(units) == 1:
        return rf"[\d.]+{blank}{units.pop()}"
    return rf"[\d.]+{blank}(?:{'|'.join(sorted(units, key=lambda each: (-len(each), each)))})"


# From the lines to one expression.


def pattern_of(
    texts: Sequence[str], marked: Sequence[Sequence[Mark]]
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
    if len(whole) < READS_MIN * len(texts):
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


def _kinds(marked: Sequence[Sequence[Mark]]) -> tuple[list[str], list[str]]:
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


def _in_order(marks: Sequence[Mark], needed: Sequence[str]) -> bool:
    return [mark.kind for mark in marks if mark.kind in needed] == list(needed)


def _is_named(whole: Sequence[tuple[str, Mapping[str, Mark]]], kind: str) -> bool:
    """Whether a mark is known by itself or by what always stands right before it, not by place."""
    return kind == "request" or _before(whole, kind) != r"\b"


def _optional(whole: Sequence[tuple[str, Mapping[str, Mark]]], kind: str) -> str:
    """The pattern of what only some lines say."""
    marks = [found[kind] for _, found in whole if kind in found]
    if not marks:
        return ""
    group = _group(marks)
    if kind == "request":
        # Nothing but the method says where it is.
        return rf"(?:.*?\b{group.replace('[A-Z]+', METHODS, 1)})?"
    return f"(?:.*?{_before(whole, kind)}{group})?"


def _before(whole: Sequence[tuple[str, Mapping[str, Mark]]], kind: str) -> str:
    """The name that stands right before an optional mark, such as `took `, if it always does."""
    names = {
        match[0]
        if (match := compiled(r"[\w-]+[=: ]+\"?$").search(text[: found[kind].start]))
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
    split = [compiled(r"\s+|\S+").findall(gap) for gap in gaps]
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
    return compiled(r"\d+").sub(lambda _: r"\d+", _literal(text))


def _literal(text: str) -> str:
    """`text` for the engine's expressions; runs of blanks stay readable."""
    return re.sub(r"[\\.^$*+?()\[\]{}|]", lambda found: f"\\{found[0]}", text)
