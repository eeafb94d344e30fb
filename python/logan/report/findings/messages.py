"""Messages that are new or gone, and those that began with an error.

Only first and last occurrence and the count of a template are known. What stays away for so much of
the log by chance alone, were it as frequent all along, is no finding. Messages at WARN and above
count; others may explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from logan.report.findings import thresholds as limits
from logan.report.findings.change import Change, where_entry
from logan.report.findings.grid import Grid, prefix

__all__ = ["with_messages"]

_WARNINGS: Final = ("WARN", "ERROR", "FATAL")
_ERRORS: Final = ("ERROR", "FATAL")


def with_messages(
    changes: list[Change], grid: Grid, templates: Sequence[Mapping[str, Any]]
) -> list[Change]:
    """The changes, with messages that began with them, and messages that are new or gone."""
    warned = [each for each in templates if each["level"] in _WARNINGS]
    span = _spans(templates)
    done: list[Change] = []
    attached: set[str] = set()
    for change in changes:
        if change.kind == "errors" and change.start is not None:
            began = [
                each
                for each in warned
                if each["level"] in _ERRORS
                and each["count"] >= limits.MESSAGE_COUNT_MIN
                and each["first"] >= change.start - change.step_s
                and (change.end is None or each["first"] < change.end)
                and (change.end is None or each["last"] < change.end + change.step_s)
                and span[each["text"]][0] >= change.start - change.step_s
            ]
            began.sort(key=lambda each: (-each["count"], each["text"]))
            attached |= {each["text"] for each in began}
            if began:
                new = {"message": began[0]["text"], "count": began[0]["count"]}
                details = {**change.details, **new}
                change = replace(_with_edges(change, began[0], grid), details=details)  # noqa: PLW2901
        done.append(change)
    sums = prefix(grid.records)
    alone: list[Change] = []
    for each in sorted(warned, key=lambda each: (-each["count"], each["text"])):
        if each["text"] not in attached and span[each["text"]] == (each["first"], each["last"]):
            alone += _new_or_gone(each, grid, sums, len(warned))
    return done + _joined_messages(alone, done)


def _with_edges(change: Change, message: Mapping[str, Any], grid: Grid) -> Change:
    """Errors from the first to the last occurrence of the message that is new with them, if that is
    longer: these are known exactly, while few errors in a bucket leave edges open."""
    assert change.start is not None
    if message["count"] < limits.EXPLAINS_COVERED_MIN * change.weight:
        return change
    first, last = (int(message[key]) // grid.step_s * grid.step_s for key in ("first", "last"))
    start, end = min(change.start, first), change.end
    if end is not None:
        end = max(end, last + grid.step_s)
        # One that may come at any time stays away so long in one of twenty cases.
        gap = limits.EDGE_LIKELIHOOD_MIN * (message["last"] - message["first"]) / message["count"]
        end = end if message["last"] + max(gap, grid.step_s) < grid.last_s else None
    return replace(change, start=start, end=end)


def _spans(templates: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """First and last occurrence of each text, at whatever level: some programs log the same words
    at INFO and at ERROR, and these are not new."""
    spans: dict[str, tuple[int, int]] = {}
    for each in templates:
        first, last = spans.get(each["text"], (each["first"], each["last"]))
        spans[each["text"]] = min(first, each["first"]), max(last, each["last"])
    return spans


def _together_s(change: Change) -> int:
    """Seconds within which what begins has begun together."""
    return max(2 * change.step_s, limits.TOGETHER_S)


def _joined_messages(messages: Sequence[Change], others: Sequence[Change]) -> list[Change]:
    """Messages that began (or ended) together as one change; none that began with an error."""
    joined: list[Change] = []
    for each in messages:
        assert each.start is not None
        began = [
            other.start
            for other in others
            if other.kind == "errors" and other.end is None and other.start is not None
        ]
        if each.kind == "message_new" and any(
            abs(each.start - start) <= _together_s(each) for start in began
        ):
            continue
        at = next(
            (
                i
                for i, other in enumerate(joined)
                if other.kind == each.kind
                and other.start is not None
                and abs(other.start - each.start) <= _together_s(each)
            ),
            None,
        )
        if at is None:
            joined.append(each)
        else:
            more = joined[at].details.get("more", 0) + 1
            joined[at] = replace(joined[at], details={**joined[at].details, "more": more})
    return joined


def _new_or_gone(
    template: Mapping[str, Any], grid: Grid, sums: Sequence[int], tried: int
) -> Iterator[Change]:
    """By chance a message would have been there before: its occurrences, at most one for each
    bucket as they come in clumps, all fall into one end of the log's records."""
    first, last = template["first"], template["last"]
    begin, end = grid.first_s, grid.last_s
    if not begin <= first <= last <= end or not sums[-1]:
        return
    spanned = int((last - first) // grid.step_s) + 1
    occurrences = min(template["count"], spanned)
    if occurrences < limits.MESSAGE_COUNT_MIN:
        return
    least = limits.MESSAGE_CHANCE_MAX / max(tried, 1)

    def share_before(moment: float) -> float:
        index = sum(t + grid.step_s <= moment for t in grid.times)
        return sums[index] / sums[-1]

    before, after = share_before(first), 1 - share_before(last + grid.step_s)
    # What was there neither before nor after is part of another incident, or a clump.
    if before >= limits.MESSAGE_LATE_MIN > after and (1 - before) ** occurrences < least:
        kind, start = "message_new", int(first)
    elif (
        after >= limits.MESSAGE_GONE_MIN
        and before < limits.MESSAGE_LATE_MIN
        and min(last - first, end - last) >= limits.MESSAGE_GONE_MIN * (end - begin)
        and (1 - after) ** occurrences < least
    ):
        kind, start = "message_gone", int(last)
    else:
        return
    yield Change(
        kind,
        start,
        None,
        "messages",
        0.0 if kind == "message_new" else float(template["count"]),
        float(template["count"]) if kind == "message_new" else 0.0,
        float(template["count"]),
        grid.step_s,
        where=(where_entry("template", template["text"], 1.0, 0.0),),
        details={"level": template["level"]},
    )
