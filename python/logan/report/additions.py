"""What a report says beyond the engine's own tables, where it was asked for.

The series at another step, families of user agents, places of clients: each from whole tables of
the root summary, before rows are chosen, so that every engine gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from logan._logan import Summary
from logan.errors import UsageError
from logan.report.units import span

__all__ = ["with_additions"]


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
        figures: evaluated with all rows.
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
    if user_agents == "families":
        from logan.report.user_agents import with_families  # and a library

        changed = with_families(changed)
    if geoip:
        from logan.report.geoip import with_places  # and a library

        changed = with_places(changed, geoip)
    return changed


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
