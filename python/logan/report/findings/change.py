"""What tests find before it is explained and put into words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Change", "where_entry"]


@dataclass(frozen=True, slots=True)
class Change:
    """A finding before it is explained and put into words.

    Attributes:
        start, end: epoch seconds; both None where it is not about time, `end` where it lasts.
        step_s: to what the edges are known.
        before, during: in the unit of `metric`.
        weight: how much of it there is; larger comes first among those of one kind.
        where: as in the report.
        within: the route, if the change is one of a route.
    """

    kind: str
    start: int | None
    end: int | None
    metric: str
    before: float | None
    during: float | None
    weight: float
    step_s: int = 0
    score: float = 0.0
    where: tuple[Mapping[str, Any], ...] = ()
    within: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def overlaps(self, other: Change) -> bool:
        """Whether more than half of the shorter interval is in the other."""
        if self.start is None or other.start is None:
            return False
        ends = [math.inf if each.end is None else each.end for each in (self, other)]
        shared = min(ends) - max(self.start, other.start)
        shorter = min(ends[0] - self.start, ends[1] - other.start)
        return shared > 0.5 * shorter if shorter < math.inf else shared > 0


def where_entry(field: str, value: str | None, share: float, outside: float) -> dict[str, Any]:
    """An element of a finding's `where`."""
    return {
        "field": field,
        "value": value,
        "share": round(share, 4),
        "share_outside": round(outside, 4),
    }
