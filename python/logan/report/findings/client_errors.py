"""One client or one route with most of the client errors (4xx): a scanner, guessed passwords, a
quota, a link that broke with a release.

Of exact tables only; when it happened is not in them, so these findings have no interval. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change, where_entry

__all__ = ["client_errors"]

_FIELDS: Final = {"client": "clients", "route": "routes"}
"""Fields and their tables; of a burst by one client, it is named first."""


class _Row(NamedTuple):
    name: str
    requests: int
    failed: int


def client_errors(figures: Mapping[str, Any]) -> Iterator[Change]:
    """The client that has most of the client errors, and the route that it has them on; else the
    route."""
    statuses = {
        status: count
        for status, count in (figures.get("status") or {}).items()
        if len(status) == 3 and status.startswith("4")
    }
    total, requests = sum(statuses.values()), figures["total_requests"]
    if total < limits.CLIENT_ERRORS_MIN or total < limits.CLIENT_ERRORS_OF_ALL_MIN * requests:
        return
    found = [
        (field, row)
        for field, table in _FIELDS.items()
        if (row := _leader(figures.get(table), total, requests)) is not None
    ]
    if not found:
        return
    row = found[0][1]
    status, most = min(statuses.items(), key=lambda item: (-item[1], item[0]))
    elsewhere = (total - row.failed) / max(requests - row.requests, 1)
    details: dict[str, Any] = {"records": row.failed}
    if most >= limits.CLIENT_ERRORS_STATUS_MIN * total:
        details["status"] = status
    # Of two leaders both have most of all; only then are they the same requests.
    same = found if sum(each.failed for _, each in found) >= 1.5 * total else found[:1]
    where = [
        where_entry(name, each.name, each.failed / total, each.requests / requests)
        for name, each in same
    ]
    yield Change(
        "client_errors",
        *(None, None, "status.4xx", elsewhere, row.failed / row.requests, float(row.failed)),
        where=tuple(where),
        details=details,
    )


def _leader(table: Mapping[str, Any] | None, total: int, requests: int) -> _Row | None:
    """The row that has most of them, has little else, and is not most of the traffic itself."""
    if not table or not table.get("exact"):
        return None
    for row in _rows(table["top"]):
        others = (total - row.failed) / max(requests - row.requests, 1)
        if (
            row.failed >= limits.CLIENT_ERRORS_MIN
            and row.failed >= limits.CLIENT_ERRORS_OF_ALL_MIN * requests
            and row.failed >= limits.CONCENTRATION_SHARE_MIN * total
            and row.failed >= limits.CONCENTRATION_FAILS_MIN * row.requests
            and row.failed >= limits.CLIENT_ERRORS_TIMES_MIN * others * row.requests
            and 2 * row.requests < requests
        ):
            return row
    return None


def _rows(top: Sequence[Mapping[str, Any]]) -> list[_Row]:
    rows = [
        _Row(
            str(each.get("client", each.get("route"))),
            each["requests"],
            each.get("client_errors") or 0,
        )
        for each in top
    ]
    return sorted(rows, key=lambda row: (-row.failed, row.name))
