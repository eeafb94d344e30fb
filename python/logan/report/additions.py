"""What a report says beyond the engine's own tables, where it was asked for.

The series at another step, families of user agents, places of clients: each from whole tables of
the root summary, before rows are chosen, so that every engine gives the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from logan._logan import Summary
from logan.errors import UsageError
from logan.report.units import span, time_of

__all__ = ["whole_tables", "with_additions"]

_LADDER_S: Final = (*(1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 2_592_000),)
"""Seconds of the steps at which response times over time can be kept; each divides the next."""

_VALUES_MIN: Final = 20
"""Response times of a point without which it has no 95th percentile."""

_ENOUGH_SHARE: Final = 0.9
"""Of all response times: so many lie in points that have a 95th percentile."""

_POINTS_MIN: Final = 8
"""With fewer points a line shows less than the table of percentiles."""


def whole_tables(*, user_agents: str | None = None, geoip: Sequence[str] = ()) -> list[str]:
    """The tables all rows of which `with_additions` needs."""
    return [*["user_agents"] * (user_agents == "families"), *["clients"] * bool(geoip)]


def with_additions(
    figures: Mapping[str, Any],
    summary: Summary,
    *,
    step: int | None = None,
    user_agents: str | None = None,
    geoip: Sequence[str] = (),
) -> dict[str, Any]:
    """`figures` of `summary` with what was asked for.

    Args:
        figures: evaluated with all rows of `whole_tables`.
        step: seconds of a point of the series.
        user_agents: "families" for tables of these.
        geoip: databases of countries and networks.

    Raises:
        UsageError: the series is not kept at that step, or a library is missing.
        InputError: a database cannot be read.
    """
    changed = dict(figures)
    if step is not None:
        changed |= _at_step(figures, summary, step)
    elif (wide := _wide_enough(figures)) is not None:
        found = json.loads(summary.evaluate_at_step(wide))["response_times"]
        if found is not None:
            changed["response_times"] = found
    if user_agents == "families":
        from logan.report.user_agents import with_families  # and a library

        changed = with_families(changed)
    if geoip:
        from logan.report.geoip import with_places  # and a library

        changed = with_places(changed, geoip)
    return changed


def _wide_enough(figures: Mapping[str, Any]) -> int | None:
    """The step at which most response times lie in points that have enough of them for a 95th
    percentile; None where that is the one that is kept, or there would be too few points."""
    times = figures.get("response_times") or {}
    kept: int | None = times.get("step_s")
    if kept is None:
        return None
    counts = [
        (int(moment.timestamp()), point["count"])
        for point in times.get("points") or ()
        if (moment := time_of(point["t"])) is not None
    ]
    total = sum(count for _, count in counts)
    for step in (each for each in _LADDER_S if each >= kept):
        at: Counter[int] = Counter()
        for second, count in counts:
            at[second // step] += count
        if step > kept and len(at) < _POINTS_MIN:
            return None
        enough = sum(count for count in at.values() if count >= _VALUES_MIN)
        if enough >= _ENOUGH_SHARE * total:
            return step if step > kept else None
    return None


def _at_step(figures: Mapping[str, Any], summary: Summary, step: int) -> dict[str, Any]:
    found = json.loads(summary.evaluate_at_step(step))
    if found["series"] is None:
        kept = span(found["series_step_s"])
        raise UsageError(
            f"counts over time are kept at {kept}: there are none for a step of {span(step)}",
            hint=f"give a multiple of {kept}, or select less time",
        )
    changed = {"series": found["series"]}
    # Percentiles over time are kept in fewer and longer steps, and say which.
    if found["response_times"] is not None and figures.get("response_times") is not None:
        changed["response_times"] = found["response_times"]
    return changed
