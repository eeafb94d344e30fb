"""Requests that end in ways that are no errors of the server, but may be trouble: without an
answer, refused as too many, or denied. Of each, when their share of the requests is higher. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change
from logan.report.findings.grid import OUTCOMES, Grid
from logan.report.findings.rhythm import Rhythm
from logan.report.findings.scan import Ratio, find_intervals

__all__ = ["condition", "outcome_changes"]


def outcome_changes(grid: Grid) -> Iterator[Change]:
    """Intervals in which more requests than usual end like this."""
    requests = grid.total.requests
    for kind, counts in grid.outcomes.items():
        if sum(counts) < limits.EVENTS_MIN:
            continue
        rhythm = Rhythm(grid, counts, requests, limits.ERRORS_POINTS_MIN)
        for each in find_intervals(Ratio(counts, requests), limits.LIKELIHOOD_MIN, rhythm):
            per_bucket = each.excess / max(each.end - each.start, 1)
            yield Change(
                kind,
                grid.start_of(each.start),
                grid.end_of(each.end),
                f"status.{kind}_ratio",
                each.outside,
                each.inside,
                each.excess,
                grid.resolution(sum(requests) / len(requests), per_bucket),
                each.score,
            )


def condition(kind: str) -> str:
    """The condition of such requests."""
    statuses = OUTCOMES[kind]
    if len(statuses) == 1:
        return f"status={statuses[0]}"
    return f"status in ({','.join(map(str, statuses))})"
