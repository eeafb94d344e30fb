"""Keys that only some reports have, for tests of what renders them; `text` is a log's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

ROW: dict[str, Any] = {
    **{"requests": 900, "errors": 12, "client_errors": 30, "share": 0.05, "mean_ms": 95.3},
    **{"p50_ms": 80.0, "p95_ms": 130.0, "p99_ms": 900.0, "max_ms": 2100.0, "bytes": 12_000_000},
}


def moment(minute: int) -> str:
    start = datetime(2024, 1, 24, 8, tzinfo=UTC)
    return (start + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def findings(text: str = "POST /checkout") -> list[dict[str, Any]]:
    where = [{"field": "route", "value": text, "share": 0.97, "share_outside": 0.01}]
    one: dict[str, Any] = {
        **{"kind": "errors", "start": moment(84), "end": moment(87), "metric": "errors.ratio"},
        **{"before": 0.004, "during": 0.31, "where": where},
        "text": f"errors 0.4 % → 31 % from 09:24:00 to 09:27:00: 97 % of them {text}",
        "command": f"logan analyze a.log --since {moment(84)} --where 'route=\"{text}\"'",
    }
    return [one, *({**one, "kind": "latency", "command": None} for _ in range(6))]


def response_times(points: int = 180) -> dict[str, Any]:
    bounds = [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0]
    rows: list[dict[str, Any]] = [
        {
            **{"t": moment(index), "count": 100, "p50_ms": 80.0 + index % 7},
            **{"p95_ms": 300.0 if 84 <= index < 87 else 130.0, "p99_ms": 900.0},
        }
        for index in range(points)
    ]
    counts = [[(index * cell) % 19 for cell in range(len(bounds) - 1)] for index in range(points)]
    return {
        "step_s": 60,
        "relative_error": 0.03,
        "points": rows,
        "heatmap": {"bounds_ms": bounds, "counts": counts},
    }


def optional_keys(text: str = "POST /checkout") -> dict[str, Any]:
    """What a report may have besides what every report has."""
    rows = [ROW, {**ROW, "requests": 40, "errors": 30, "why": "errors, total"}]

    def table(key: str, **more: int) -> dict[str, Any]:
        top = [{key: text, **more, **row} for row in rows]
        return {"exact": True, "error_bound": 0, "top": top}

    return {
        "origins": [
            {"origin": text, "inputs": 2, "failed": 1, "records": 150, "bytes": 12_345},
            {"origin": "", "inputs": 1, "failed": 0, "records": 0, "bytes": 0},
        ],
        "findings": findings(text),
        "response_times": response_times(),
        "user_agents": table("user_agent"),
        "user_agent_families": table("family"),
        "user_agent_systems": table("system"),
        "referrers": table("referrer"),
        "countries": table("country", clients=3),
        "networks": table("network", clients=3),
        "hosts": table("host"),
        "methods": table("method"),
        "not_found": table("route"),
        "expectations": [
            {
                **{"expression": f'routes["{text}"].p95_ms<300', "ok": False, "actual": 310.0},
                "text": f'routes["{text}"].p95_ms<300: is 310, 10 (3.3%) above',
            },
            {
                **{"expression": "errors.total<100", "ok": True, "actual": 40},
                "text": "errors.total<100: is 40",
            },
        ],
        "command": f"logan analyze '{text}.log'",
    }
