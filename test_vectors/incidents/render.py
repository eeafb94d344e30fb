"""Events as lines of a log: an access log with response times, JSON, or an application's text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Final

from test_vectors.incidents.traffic import Event

__all__ = ["rendered"]


def rendered(events: Iterable[Event], kind: str) -> bytes:
    """The log, in the order of `events`."""
    line = _LINES[kind]
    return "".join(filter(None, map(line, events))).encode()


@cache
def _second(t: int) -> datetime:
    return datetime.fromtimestamp(t, UTC)


def _access(event: Event) -> str:
    if event.route is None:
        return ""
    stamp = _second(int(event.t)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return (
        f'{event.client} - - [{stamp}] "{event.route} HTTP/1.1" {event.status} 512 "-" '
        f'"{event.agent}" {event.ms / 1_000:.3f}\n'
    )


def _json(event: Event) -> str:
    millis = int(event.t * 1_000) % 1_000
    time = f"{_second(int(event.t)):%Y-%m-%dT%H:%M:%S}.{millis:03}Z"
    entry: dict[str, object] = {"time": time, "level": event.level}
    if event.route is None:
        entry |= {"msg": event.message, "host": event.host}
    else:
        method, _, path = event.route.partition(" ")
        entry |= {"msg": "request", "method": method, "path": path, "status": event.status}
        entry |= {"duration_ms": round(event.ms, 2), "client": event.client, "host": event.host}
    return json.dumps(entry, separators=(",", ":")) + "\n"


def _app(event: Event) -> str:
    millis = int(event.t * 1_000) % 1_000
    time = f"{_second(int(event.t)):%Y-%m-%d %H:%M:%S}.{millis:03}"
    if event.route is None:
        return f"{time} {event.level} {event.message}\n"
    return f"{time} {event.level} {event.route} {event.status} completed in {event.ms:.1f}ms\n"


_LINES: Final[Mapping[str, Callable[[Event], str]]] = {
    "access": _access,
    "json": _json,
    "app": _app,
}
