"""User agents as families and operating systems, with bots marked, from the table of user agents.

Only the most frequent strings are looked at, and only when a report shows families: the summary
keeps user agents as written. What a string is, the `ua-parser` library and its data say; it is
loaded here and nowhere else. Counts of strings of one family are added up; percentiles of them
are not known. Pure otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

__all__ = ["FAMILIES", "STRINGS_MAX", "SYSTEMS", "with_families"]

STRINGS_MAX: Final = 500
"""Most frequent strings that are looked at."""

FAMILIES: Final = "user_agent_families"
SYSTEMS: Final = "user_agent_systems"

_VERSIONS_SHOWN: Final = 3
_SPIDER: Final = "Spider"
"""The device that the data of ua-parser gives bots."""

Row = Mapping[str, Any]


class Agent(NamedTuple):
    """What a string says: None where it says nothing that is known."""

    family: str | None
    version: str
    system: str | None
    is_bot: bool


@dataclass(slots=True)
class _Sum:
    """What is known of the strings of one family or system."""

    requests: int = 0
    errors: int = 0
    client_errors: int = 0
    measured_ms: float = 0.0
    measured: int = 0
    max_ms: float | None = None
    bytes: int | None = None
    bots: int = 0
    versions: Counter[str] = field(default_factory=Counter)

    def add(self, row: Row, agent: Agent) -> None:
        requests = row["requests"]
        self.requests += requests
        self.errors += row.get("errors") or 0
        self.client_errors += row.get("client_errors") or 0
        if row.get("mean_ms") is not None:
            self.measured_ms += row["mean_ms"] * requests
            self.measured += requests
            self.max_ms = max(self.max_ms or 0.0, row["max_ms"])
        if row.get("bytes") is not None:
            self.bytes = (self.bytes or 0) + row["bytes"]
        self.bots += requests if agent.is_bot else 0
        self.versions[agent.version] += requests


def with_families(figures: Mapping[str, Any]) -> dict[str, Any]:
    """`figures` with the tables of families and of systems, whole, if there are user agents."""
    section = figures.get("user_agents")
    if not section or not section["top"]:
        return dict(figures)
    tables = _tables(section, figures["total_requests"], parser())
    if figures["response_time_ms"]["absent"]:
        # How many requests of a string carry a time is not known: means cannot be added up.
        for table in tables.values():
            for row in table["top"]:
                row["mean_ms"] = None
    return {**figures, **tables}


def parser() -> Callable[[str], Agent]:
    """What tells a user agent from its string."""
    import ua_parser

    def parse(text: str) -> Agent:
        found = ua_parser.parse(text)
        agent, system, device = found.user_agent, found.os, found.device
        return Agent(
            agent.family if agent else None,
            agent.major or "" if agent else "",
            " ".join(filter(None, (system.family, system.major))) if system else None,
            device is not None and device.family == _SPIDER,
        )

    return parse


def _tables(
    section: Mapping[str, Any], requests: int, parse: Callable[[str], Agent]
) -> dict[str, dict[str, Any]]:
    rows: Sequence[Row] = section["top"]
    looked_at = sorted(rows, key=lambda row: (-row["requests"], str(row["user_agent"])))
    families: dict[str, _Sum] = {}
    systems: dict[str, _Sum] = {}
    known = 0
    for row in looked_at[:STRINGS_MAX]:
        agent = parse(str(row["user_agent"]))
        if agent.family is not None:
            known += row["requests"]
            families.setdefault(agent.family, _Sum()).add(row, agent)
        if agent.system is not None:
            systems.setdefault(agent.system, _Sum()).add(row, agent)
    left_out = sum(row["requests"] for row in looked_at[STRINGS_MAX:])
    total = sum(row["requests"] for row in rows)
    common = {
        "exact": bool(section["exact"]) and not left_out,
        "error_bound": section["error_bound"] * len(looked_at) + left_out,
        "strings": min(len(looked_at), STRINGS_MAX),
        "classified_share": known / total if total else None,
    }
    return {
        FAMILIES: {
            **common,
            "distinct": len(families),
            "top": list(_rows("family", families, requests, has_versions=True)),
        },
        SYSTEMS: {
            **common,
            "distinct": len(systems),
            "top": list(_rows("system", systems, requests, has_versions=False)),
        },
    }


def _rows(
    key: str, sums: Mapping[str, _Sum], requests: int, *, has_versions: bool
) -> Iterable[dict[str, Any]]:
    for name, each in sorted(sums.items(), key=lambda item: (-item[1].requests, item[0])):
        row: dict[str, Any] = {
            key: name,
            "requests": each.requests,
            "errors": each.errors,
            "client_errors": each.client_errors,
            "share": each.requests / requests if requests else None,
            "mean_ms": each.measured_ms / each.measured if each.measured else None,
            "max_ms": each.max_ms,
            "bytes": each.bytes,
        }
        if has_versions:
            row["bot"] = "bot" if 2 * each.bots > each.requests else None
            row["versions"] = _versions(each.versions) or None
        yield row


def _versions(counts: Counter[str]) -> str:
    """The most frequent versions: `120, 119, 118 and 4 more`."""
    named = sorted((-n, version) for version, n in counts.items() if version)
    shown = ", ".join(version for _, version in named[:_VERSIONS_SHOWN])
    more = len(named) - _VERSIONS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
