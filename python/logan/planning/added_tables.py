"""Tables that a plan adds to those that users ask for: where samples have what they are of.

Calls to other services, timers beside the response time and lifetimes of connections are looked
for in every line again, so that only logs pay for it that have them: whether they do is decided by
the samples of the inputs, and is part of the plan. What is added is no part of what the figures
mean, so runs with and without add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from logan import _logan
from logan.model import Detection, Source
from logan.planning.sample import Sample

__all__ = ["AddedTables", "added", "is_lifetime", "is_timing"]

TABLES: Final = ("outgoing", "timer")

_LIFETIMES: Final = frozenset(
    {"connection", "connections", "session", "sessions", "tunnel", "lifetime"}
)
"""Words that name what lasts until it is closed. Formats whose records are connections call
their timer `connection`."""

INPUTS_MAX: Final = 32
"""Inputs of a job that are looked at: its first."""

PIECES: Final = 16
"""Places of an input that are looked at: a fourth of those that detection samples."""

SHARE_MIN: Final = 0.01
"""Of the records of a sample that a table must be of."""

_SPANS: Final = re.compile(r"(?:time|times|duration|latency|elapsed|took|delay|wait)$")
_PARTS: Final = re.compile(r"[_.\- ]")
_NAMES: Final = frozenset(
    {
        *("activerecord", "app", "backend", "bind", "cache", "commit", "compile", "connect", "cpu"),
        *("database", "db", "disk", "dns", "download", "execute", "fetch", "first_byte", "flush"),
        *("gc", "handshake", "http", "io", "load", "lock", "lookup", "mysql", "network", "parse"),
        *(
            "plan",
            "postgres",
            "process",
            "processing",
            "queries",
            "query",
            "queue",
            "queued",
            "read",
        ),
        *(
            "redis",
            "remote",
            "render",
            "rendering",
            "request",
            "response",
            "rpc",
            "runtime",
            "scan",
        ),
        *(
            "search",
            "serialize",
            "server",
            "service",
            "sql",
            "ssl",
            "sync",
            "system",
            "tls",
            "total",
        ),
        *("transfer", "ttfb", "upload", "upstream", "user", "view", "views", "waiting", "wall"),
        *("write"),
    }
)
"""Words that name what took a time. In sentences any word may stand before a span (`for 5 s`)."""


def is_timing(name: str) -> bool:
    """Whether the name of a timer, in lower case, says what took the time."""
    return (
        is_lifetime(name)
        or _SPANS.search(name) is not None
        or any(each in _NAMES for each in _PARTS.split(name.strip("._-")))
    )


def is_lifetime(name: str) -> bool:
    """Whether the name of a timer, in lower case, is a lifetime's, for which nothing waits."""
    return any(each in _LIFETIMES for each in _PARTS.split(name))


class AddedTables:
    """Looks at the samples of a job's first inputs; an `Examine` of `sources.inputs`."""

    def __init__(self) -> None:
        self._left = INPUTS_MAX

    def __call__(
        self,
        samples: Sequence[tuple[int, bytes]],
        detection: Detection,
        source: Source | None = None,
    ) -> Detection:
        """`detection` with the tables that its samples have something for."""
        if not self._left or not detection.formats:
            return detection
        self._left -= 1
        step = max(1, -(-len(samples) // PIECES))
        figures = Sample.of(samples[::step], detection).metrics(by=TABLES, top=1_000)
        return replace(detection, tables=tuple(_present(figures)))


def _present(figures: Mapping[str, Any]) -> Iterable[str]:
    least = max(1, SHARE_MIN * figures["lines"]["parsed"])
    groups = figures.get("groups", {})
    if groups.get("outgoing", {}).get("top"):
        yield "outgoing"
    rows = groups.get("timer", {}).get("top", ())
    if any(
        is_lifetime(row["key"]) or (row["records"] >= least and is_timing(row["key"]))
        for row in rows
    ):
        yield "timer"


def added(detections: Iterable[Detection], by: Iterable[str]) -> list[str]:
    """The tables that a plan adds, in order, to those that are made `by` what a user asked for."""
    asked = {_logan.group_field(each) for each in by}
    found = {name for each in detections for name in each.tables}
    return [name for name in TABLES if name in found and name not in asked]
