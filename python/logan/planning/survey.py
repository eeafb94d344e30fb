"""What there is to ask of a log: the fields of its records, and the lines that nothing reads.

Detection says how a sample is read. Here the sample is scanned again with questions, so that what
is stated of a field (how many records have it, how many values, which) is what `--where` and `--by`
find. Keys of JSON and logfmt lines are collected from the text; those that the engine does not find
are listed as such. Knows no paths and no terminal.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_address
from typing import Any, Final

from logan import _logan
from logan.errors import ConditionError
from logan.limits import GROUP_TABLES_MAX
from logan.model import Detection, FieldShare, Source
from logan.planning.proposal import LINES_TRIED_MAX, unread
from logan.planning.sample import Sample

__all__ = ["keys_of", "survey"]

_EXAMPLES_MAX: Final = 3
_VALUES_ASKED: Final = 20
"""Rows of a group table that are looked at, to tell the type of a field by its values."""

_KEYS_MAX: Final = 64
"""Keys of JSON and logfmt that are asked for; a log with more has generated ones."""

_LINES_OF_KEYS_MAX: Final = 2_000
_NESTING_MAX: Final = 6

_GROUPED: Final = (
    *("level", "status", "method", "route", "path", "client", "host", "format"),
    *("user_agent", "referrer", "protocol"),
)
"""Fields of records that group tables can be made by, in the order in which they are listed."""

_TYPES: Final = {"level": "level", "status": "integer", "client": "address"}


def survey(samples: Sequence[tuple[int, bytes]], detection: Detection, source: Source) -> Detection:
    """`detection` with `fields` and `unread`, looked for in the samples that it was made of."""
    sample = _sample_of(samples, detection, source)
    figures = sample.metrics(top=1)
    fields: list[FieldShare] = []
    if figures["lines"]["parsed"]:
        fields += _measured(sample, figures, detection)
        fields += _standard(sample, figures)
        fields += _keys(sample, figures["lines"]["parsed"], detection)
    missed = None
    if figures["lines"]["malformed"]:
        missed = unread(figures, sample.unread_lines(LINES_TRIED_MAX))
    elif figures["lines"]["continuation"] and not figures["lines"]["parsed"]:
        lines = [each for each in sample.data.splitlines() if each.strip()]
        missed = unread(figures, lines[:LINES_TRIED_MAX])
    return replace(detection, fields=tuple(fields), unread=missed)


def keys_of(
    samples: Sequence[tuple[int, bytes]], detection: Detection, source: Source
) -> tuple[FieldShare, ...]:
    """Of the fields that `survey` finds, the keys of JSON and logfmt lines."""
    sample = _sample_of(samples, detection, source)
    parsed = sample.metrics(top=1)["lines"]["parsed"]
    return tuple(_keys(sample, parsed, detection)) if parsed else ()


def _sample_of(
    samples: Sequence[tuple[int, bytes]], detection: Detection, source: Source
) -> Sample:
    anchor_ns = source.written_ns or source.mtime_ns or time.time_ns()
    return Sample.of(samples, detection, anchor_ns=anchor_ns)


def _measured(
    sample: Sample, figures: Mapping[str, Any], detection: Detection
) -> Iterator[FieldShare]:
    """Fields that are measured, not grouped by: time, duration, bytes, message."""
    parsed = figures["lines"]["parsed"]
    times, sizes = figures["time"], figures["bytes_sent"]
    if times["first"] is not None:
        found = _having(sample, "time")
        ends = tuple(dict.fromkeys((times["first"], times["last"])))
        read_from = _first(each.time_field for each in detection.formats)
        yield FieldShare(
            *("time", "timestamp", found, found / parsed),
            examples=ends,
            read_as="timestamp",
            evidence=_joined(read_from, _evidence(detection, "timestamp")),
            by=False,
        )
    durations = figures["response_time_ms"]
    if durations["count"]:
        timed = [each for each in detection.formats if each.duration_field]
        values = dict.fromkeys(durations[key] for key in ("min", "max"))
        yield FieldShare(
            *("duration", "duration", durations["count"], durations["count"] / parsed),
            examples=tuple(f"{each:g} ms" for each in values),
            read_as="response time",
            unit=_first(each.duration_unit for each in timed),
            evidence=_joined(
                _first(each.duration_field for each in timed),
                *(_evidence(detection, each.duration_field) for each in timed),
            ),
            by=False,
        )
    if sizes is not None:
        found = _having(sample, "bytes")
        yield FieldShare("bytes", "bytes", found, found / parsed, read_as="bytes sent", by=False)
    found = _having(sample, "message")
    if found:
        examples = tuple(row["template"] for row in sample.metrics()["messages"]["top"])
        yield FieldShare(
            *("message", "text", found, found / parsed),
            examples=examples[:_EXAMPLES_MAX],
            read_as="message",
            by=False,
        )


def _having(sample: Sample, name: str) -> int:
    parsed: int = sample.metrics(where=f"{name} exists", top=1)["lines"]["parsed"]
    return parsed


def _standard(sample: Sample, figures: Mapping[str, Any]) -> Iterator[FieldShare]:
    parsed = figures["lines"]["parsed"]
    for name, group in _groups(sample, _GROUPED):
        # A field that every record of every format has says nothing where there is one format.
        if name == "format" and group["distinct"] < 2:
            continue
        yield replace(_field(name, group, parsed), type=_TYPES.get(name, "text"), read_as=name)


def _groups(sample: Sample, names: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables of those fields that any record of the sample has."""
    listed = list(names)
    for at in range(0, len(listed), GROUP_TABLES_MAX):
        some = listed[at : at + GROUP_TABLES_MAX]
        tables = sample.metrics(by=some, top=_VALUES_ASKED).get("groups", {})
        for name in some:
            if tables.get(name, {}).get("distinct"):
                yield name, tables[name]


def _field(name: str, group: Mapping[str, Any], parsed: int) -> FieldShare:
    values = [str(row["key"]) for row in group["top"]]
    records = parsed - group["absent"]
    return FieldShare(
        *(name, _type_of(values), records, records / parsed),
        distinct=group["distinct"],
        examples=tuple(values[:_EXAMPLES_MAX]),
    )


# Keys of JSON and logfmt.


@dataclass(slots=True)
class _Key:
    """A key as it stands in the text."""

    lines: int = 0
    types: Counter[str] = field(default_factory=Counter)


def _keys(sample: Sample, parsed: int, detection: Detection) -> Iterator[FieldShare]:
    """The keys of JSON and logfmt lines that the engine finds, in the order of the lines."""
    seen: dict[str, _Key] = {}
    for line in sample.data.splitlines()[:_LINES_OF_KEYS_MAX]:
        for name, kind in dict(_pairs(line.decode("utf-8", "replace"))).items():
            key = seen.setdefault(name, _Key())
            key.lines += 1
            key.types[kind] += 1
    often = sorted(seen, key=lambda name: -seen[name].lines)[:_KEYS_MAX]
    asked = [name for name in seen if name in set(often)]
    roles = _roles(detection)
    tables = dict(_groups(sample, asked))
    looked_at = min(_LINES_OF_KEYS_MAX, sample.data.count(b"\n"))
    for name in asked:
        key = seen[name]
        group = tables.get(name)
        if group is None:
            # Behind some envelopes, keys are in the text but cannot be asked for.
            kind = next(iter(key.types)) if len(key.types) == 1 else "mixed"
            share = min(1.0, key.lines / looked_at)
            yield FieldShare(name, kind, key.lines, share, where=False, by=False)
            continue
        kinds = key.types
        kind = next(iter(kinds)) if len(kinds) == 1 else "mixed"
        kind = "number" if set(kinds) == {"integer", "number"} else kind
        found = _field(name, group, parsed)
        kind = found.type if kind == "text" else kind
        role = next((role for each, role in roles.items() if name.endswith(f".{each}")), None)
        evidence = _evidence(detection, name.partition(".")[2])
        yield replace(found, type=kind, read_as=role, evidence=evidence)


def _roles(detection: Detection) -> dict[str, str]:
    """What the report makes of keys that the formats say they read, by key."""
    roles: dict[str, str] = {}
    for each in detection.formats:
        for key, role in ((each.time_field, "timestamp"), (each.duration_field, "response time")):
            if key is not None and " " not in key:
                roles[key] = role
    return roles


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Name, as `--by` has it, and type of each key of a line."""
    start = line.find("{")
    if start >= 0:
        try:
            found, _ = json.JSONDecoder().raw_decode(line, start)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            yield from _members(found, ())
            return
    for match in _compiled(r'(?<![^\s])([A-Za-z_@][\w.@/-]*)=("(?:[^"\\]|\\.)*"|\S+)').finditer(
        line
    ):
        name = _asked(("logfmt", match[1]))
        if name is not None:
            yield name, _type_of([match[2].strip('"')])


def _members(of: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, value in of.items():
        path = (*above, key)
        if isinstance(value, dict) and len(path) < _NESTING_MAX:
            yield from _members(value, path)
        elif value is not None and not isinstance(value, (dict, list)):
            name = _asked(("json", *path))
            if name is not None:
                yield name, _TYPE_NAMES.get(type(value), "text")
            if isinstance(value, str) and value.startswith("{"):
                # What an envelope holds is asked for as if it stood alone.
                yield from _pairs(value)


_TYPE_NAMES: Final = {bool: "boolean", int: "integer", float: "number"}


@cache
def _asked(path: tuple[str, ...]) -> str | None:
    """A key as conditions write it; None if they cannot."""
    plain = _compiled(r"[A-Za-z0-9_\-@$]+")
    text = ".".join(
        (path[0], *(each if plain.fullmatch(each) else json.dumps(each) for each in path[1:]))
    )
    try:
        return _logan.group_field(text)
    except (ConditionError, ValueError):
        return None


# Words.


@cache
def _compiled(text: str) -> re.Pattern[str]:
    return re.compile(text)


_SHAPES: Final = (
    ("integer", r"[-+]?\d{1,18}"),
    ("number", r"[-+]?\d+\.\d+(?:[eE][-+]?\d+)?"),
    ("boolean", r"true|false"),
    ("timestamp", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"),
    ("duration", r"\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h)"),
)


def _type_of(values: Sequence[str]) -> str:
    """The type that all values are of; "text" if they differ."""
    kinds = {_type(each) for each in values}
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 else "text"


def _type(value: str) -> str:
    for name, shape in _SHAPES:
        if _compiled(shape).fullmatch(value):
            return name
    try:
        ip_address(value)
    except ValueError:
        return "text"
    return "address"


def _first(values: Iterable[str | None]) -> str | None:
    return next(filter(None, values), None)


def _joined(*parts: str | None) -> str | None:
    return "; ".join(dict.fromkeys(filter(None, parts))) or None


def _evidence(detection: Detection, name: str | None) -> str | None:
    """What detection assumed of a field, if it said so."""
    if not name:
        return None
    word = _compiled(rf"(?<!\w){re.escape(name)}(?!\w)")
    return _first(each for each in detection.assumed if word.search(each))
