"""Evaluated metrics with an `analysis` made to order, for tests of findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = ["START", "analysis", "evaluated", "route", "template"]

START = 1_706_054_400


def _rfc3339(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"


def route(name: str, requests: Sequence[int], errors: Sequence[int] = ()) -> dict[str, Any]:
    """Series of a route in every bucket, without response times."""
    size = len(requests)
    return {
        "name": name,
        "at": list(range(size)),
        "requests": list(requests),
        "errors": list(errors) or [0] * size,
        **{key: [0] * size for key in ("measured", "log_sum", "log_sq")},
    }


def template(text: str, level: str, count: int, first: float, last: float) -> dict[str, Any]:
    """A message, first and last seen so many seconds after `START`."""
    return {
        "text": text,
        "level": level,
        "count": count,
        "errors": count if level in ("ERROR", "FATAL") else 0,
        "first": int((START + first) * 10**9),
        "last": int((START + last) * 10**9),
    }


def analysis(
    requests: Sequence[int],
    errors: Sequence[int] = (),
    *,
    step_s: int = 10,
    logs: Sequence[int] | None = None,
    spread: int = 150,
    records: Sequence[int] = (),
    routes: Sequence[Mapping[str, Any]] = (),
    templates: Sequence[Mapping[str, Any]] = (),
    buckets: Sequence[int] = (),
    outcomes: Mapping[str, Sequence[int] | None] | None = None,
) -> dict[str, Any]:
    """Series of all records; `logs` is the mean of 256 * log2(ns) of each bucket."""
    size = len(requests)
    measured = list(requests) if logs is not None else [0] * size
    means = logs or [0] * size
    return {
        "step_s": step_s,
        "buckets": list(buckets) or [START + i * step_s for i in range(size)],
        "records": list(records) or list(requests),
        "requests": list(requests),
        "errors": list(errors) or [0] * size,
        **{name: [0] * size for name in ("unanswered", "throttled", "denied")},
        **(outcomes or {}),
        "measured": measured,
        "log_sum": [n * mean for n, mean in zip(measured, means, strict=True)],
        "log_sq": [
            n * (mean * mean + spread * spread) for n, mean in zip(measured, means, strict=True)
        ],
        "routes": list(routes),
        "routes_exact": True,
        "templates": list(templates),
    }


def evaluated(
    of: Mapping[str, Any] | None,
    *,
    ranges: Sequence[tuple[int, int]] = (),
    out_of_order: int = 0,
    malformed: int = 0,
) -> dict[str, Any]:
    """Metrics as `Summary.evaluate` has them, as far as findings look at them; `ranges` are of the
    inputs, in seconds after `START`."""
    if of is None:
        first, last, records, requests, errors = START, START, 100, 0, 0
    else:
        first, last = of["buckets"][0], of["buckets"][-1] + of["step_s"] - 1
        records, requests, errors = (sum(of[key]) for key in ("records", "requests", "errors"))
    spans = [(START + a, START + b) for a, b in ranges] or [(first, last)]
    figures: dict[str, Any] = {
        "total_requests": requests,
        "malformed_lines": malformed,
        "sources": [
            {
                "source": index,
                "formats": [{"name": "app", "lines": records}],
                "first": _rfc3339(a),
                "last": _rfc3339(b),
            }
            for index, (a, b) in enumerate(spans)
        ],
        "lines": {"total": records + malformed, "parsed": records},
        "time": {"first": _rfc3339(first), "last": _rfc3339(last), "out_of_order": out_of_order},
        "errors": {"total": errors},
        "routes": {"exact": True, "top": []},
    }
    return figures if of is None else {**figures, "analysis": of}
