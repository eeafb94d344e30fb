"""Requests for which no user waits: what orchestrators, load balancers and monitoring ask.

They are told by the tables of a report, so that they are the same from every engine. Rows that a
table has lost add nothing: the count is a lower bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["TABLES", "health_checks"]

TABLES: Final = ("routes",)
"""Tables that tell them of which all rows are needed: user agents that lead will do."""

_HEALTH_PATH: Final = re.compile(
    r"(?:/[a-z0-9._-]+){0,2}/_?(?:health(?:[_-]?checks?|z)?|livez|readyz|startupz|liveness|readiness"
    r"|actuator/health)(?:/(?:live(?:ness)?|ready|readiness|startup|check|status|db|deep))?/?"
    r"|/(?:_?ping|alive|ready|live|metrics|healthy)/?",
    re.IGNORECASE,
)
"""Paths that orchestrators, load balancers and monitoring ask for."""

_PROBES: Final = re.compile(
    r"kube-probe|ELB-HealthChecker|GoogleHC|GoogleStackdriverMonitoring|Consul Health Check"
    r"|Blackbox[ -]Exporter|Prometheus/|HealthChecker|Amazon-Route53-Health-Check|UptimeRobot"
    r"|Edge Health Probe|Envoy/HC",
    re.IGNORECASE,
)
"""User agents of these."""


def health_checks(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The requests that only ask whether a service is there, with preflights of CORS.

    Keys: `requests`, `share` of all requests (None without any), `errors` among them, and `by`: the
    routes or the user agents that tell them, the most frequent first. A request that both tell
    counts once, and what only the other table tells is left out.
    """
    total = figures.get("total_requests") or 0
    routes = [row for row in _rows(figures, "routes") if _is_health_route(str(row["route"]))]
    agents = _rows(figures, "user_agents")
    probes = [row for row in agents if _PROBES.search(str(row["user_agent"]))]
    told = max((routes, probes), key=_requests)
    told = sorted(told, key=lambda row: -row["requests"])
    requests = _requests(told)
    return {
        "requests": requests,
        "share": requests / total if total else None,
        "errors": sum(row.get("errors") or 0 for row in told),
        "by": [str(row.get("route") or row.get("user_agent")) for row in told[:3]],
    }


def _rows(figures: Mapping[str, Any], table: str) -> Iterator[Mapping[str, Any]]:
    yield from (figures.get(table) or {}).get("top") or ()


def _requests(rows: list[Mapping[str, Any]]) -> int:
    return sum(row["requests"] for row in rows)


def _is_health_route(route: str) -> bool:
    method, _, path = route.rpartition(" ")
    return method == "OPTIONS" or bool(_HEALTH_PATH.fullmatch(path.partition("?")[0]))
