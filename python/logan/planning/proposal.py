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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from logan.errors import UsageError
from logan.model import Unread
from logan.planning.marked_pattern import pattern_of
from logan.planning.marks import READS_MIN, Mark, compiled, marks_of, times_of
from logan.planning.sample import Sample, custom_source
from logan.sources.inputs import FIRST_LINE_CHARS_MAX

__all__ = ["Proposal", "propose", "unread"]

LINES_TRIED_MAX: Final = 200
"""Lines that a proposal is made of and tried on; they show what a log of millions looks like."""

FIRST_LINES_MAX: Final = 3
"""Unread lines that are shown."""

_LINE_CHARS_MAX: Final = 2_000
"""Longer lines are searched up to here: a format describes their header."""

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
    for time in (*times_of(texts), None):
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
        marked = [marks_of(text, time, refused) for text in texts]
        made = pattern_of(texts, marked)
        if made is None:
            return None
        text, kinds = made
        try:
            figures = sample.metrics(source=custom_source(text))
        except (UsageError, ValueError):
            return None
        if figures["lines"]["parsed"] < READS_MIN * len(lines):
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


def _durations_agree(marked: Sequence[Sequence[Mark]], figures: Mapping[str, Any]) -> bool:
    """Whether the engine read the response times in the units that stand there."""
    values = [_ms(mark) for marks in marked for mark in marks if mark.kind == "duration"]
    times = figures["response_time_ms"]
    least, most = min(values, default=0.0), max(values, default=0.0)
    near = 1e-3 * most + 1e-6
    return bool(least - near <= times["min"] <= times["max"] <= most + near)


def _ms(mark: Mark) -> float:
    number = compiled(r"[\d.]+").match(mark.text)
    unit = mark.text.lstrip("0123456789. ") or mark.detail.rpartition("_")[2]
    factor = next(size for start, size in _UNIT_SIZES if unit.startswith(start))
    return float(number[0]) * factor if number is not None else 0.0


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
