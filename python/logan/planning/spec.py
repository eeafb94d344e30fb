"""The spec: the text that says how each source is read and which records count, for all engines.

Pure: from options and what samples look like to the JSON of which the native `Spec` is made. It
has two parts: what the figures mean, which must be one for figures to be added up, and the sources,
each with how it is read and with its identity, by which it is known beyond this job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from logan.model import Detection, Source
from logan.options import CUSTOM, Options
from logan.sources.hosts import is_remote
from logan.sources.inputs import shown_name

__all__ = [
    "SPEC_VERSION",
    "anchor_of",
    "identity",
    "is_format_name",
    "meaning",
    "spec_json",
    "time_zone_of",
]

SPEC_VERSION = 2

_HALF_YEAR_NS: Final = 183 * 86_400 * 10**9
"""A dated timestamp of a stream that is older says that the stream is an old log: its dates without
a year are nearer to that one than to now."""

_SLACK_NS: Final = 48 * 3_600 * 10**9
"""How far clocks and time zones put a timestamp behind the moment at which it was written."""

_DAY_NS: Final = 86_400 * 10**9

_OFF: Final = ("templates",)
"""What a job does without: to mask every message makes logs of programs take 2.5 times as long."""

_NAME: Final = re.compile(r"[\w.-]+")


def is_format_name(text: str) -> bool:
    """Whether this is the name of a format rather than the text of one."""
    return _NAME.fullmatch(text) is not None


def anchor_of(detection: Detection, *, written_ns: int | None, now_ns: int) -> int:
    """The moment at or before which dates without a year lie (plus 48 h).

    The latest timestamp of the sample if some have a year beside others that have none; else, or if
    that is later, when the source was written. A stream goes on, so that for one the moment is now,
    unless its dates are old.
    """
    latest = detection.anchor_ns
    if written_ns is None:
        is_old = latest is not None and now_ns - latest > _HALF_YEAR_NS
        return latest if latest is not None and is_old else now_ns
    # Behind the end of the file lies the date of something else: when a certificate expires.
    if latest is None or latest > written_ns + _SLACK_NS:
        return written_ns
    return latest


def identity(source: Source, name: str) -> dict[str, Any]:
    """What a source is, whatever its index in a job; `name` is what reports call it. Nothing in it
    is secret, as it travels with the results."""
    known = {} if source.content is None else {"content": json.loads(source.content)}
    # The URL of a file on a host says which part is the host; what is shown does not.
    origin = source.url if is_remote(source.url) else shown_name(source.url)
    return {**known, "origin": _valid(origin), "name": _valid(name)}


def spec_json(
    detections: Sequence[Detection],
    options: Options,
    *,
    anchor_ns: int | Sequence[int],
    identities: Sequence[Mapping[str, Any]] | None = None,
    also: Sequence[str] = (),
) -> str:
    """The text from which the native `Spec` is made, one entry per source.

    `anchor_ns` is one for all sources, or one for each. `identities`, of all sources, are as
    `identity` makes them; without them sources are known by their index alone. `also` names tables
    that the plan adds.
    """
    anchors = [anchor_ns] * len(detections) if isinstance(anchor_ns, int) else list(anchor_ns)
    sources: list[dict[str, Any]] = [
        {"reading": _reading(detection, options, anchor)}
        for detection, anchor in zip(detections, anchors, strict=True)
    ]
    if identities is not None:
        for source, each in zip(sources, identities, strict=True):
            source["identity"] = each
    more = {"also": list(also)} if also else {}
    return json.dumps({**_shared(options), **more, "sources": sources}, separators=(",", ":"))


def _valid(text: str) -> str:
    """The text without what JSON does not have: the bytes of a name that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def _shared(options: Options) -> dict[str, Any]:
    """What is said once for all sources."""
    return {"version": SPEC_VERSION, "meaning": meaning(options), "top": options.top}


def meaning(options: Options) -> dict[str, Any]:
    """The keys that say which records count, and what is not counted of them."""
    keys = {
        "since_ns": options.since_ns,
        "until_ns": options.until_ns,
        "where": options.where,
        "by": list(options.by) or None,
        "off": list(_OFF),
    }
    return {key: value for key, value in keys.items() if value is not None}


def _reading(detection: Detection, options: Options, anchor_ns: int) -> dict[str, Any]:
    """How to read a source."""
    return {
        **_with_clients(_formats(detection, options.format), options.client),
        **_time(detection, options.date_order, anchor_ns),
        **_durations(detection, options.units),
        "input_tz": time_zone_of(detection, options),
        "anchor_ns": anchor_ns,
    }


def time_zone_of(detection: Detection, options: Options) -> str:
    """The time zone of a source's timestamps without one, by the user or else by its records."""
    return options.input_tz if options.input_tz != "UTC" else detection.time_zone or "UTC"


def _time(detection: Detection, date_order: str | None, anchor_ns: int) -> dict[str, Any]:
    """What was decided about its timestamps, by the user or else by detection."""
    time = dict(detection.time)
    if date_order is not None:
        time["date_order"] = date_order
    elif orders := _orders_of_the_past(detection, anchor_ns):
        time["date_orders"] = {**time.get("date_orders", {}), **orders}
    return {"time": time} if time else {}


def _orders_of_the_past(detection: Detection, anchor_ns: int) -> dict[str, str]:
    """By layout, the order of dates that custom did not choose, where the customary one has days
    after the one on which the source was written and this one has none."""
    last_day = anchor_ns // _DAY_NS + 1
    orders: dict[str, str] = {}
    for each in detection.date_choices:
        usual = detection.time.get("date_orders", {}).get(each["layout"])
        past = [order for order, day in each["latest"].items() if day <= last_day]
        if usual in each["latest"] and usual not in past and len(past) == 1:
            orders[each["layout"]] = past[0]
    return orders


def _durations(detection: Detection, units: Sequence[str]) -> dict[str, Any]:
    """What was decided about response times without a unit, by the user or else by detection."""
    durations = dict(detection.durations)
    if units:
        pairs = (each.rpartition("=") for each in units)
        durations["chosen"] = {key: None if unit == "none" else unit for key, _, unit in pairs}
    return {"durations": durations} if durations else {}


def _with_clients(spec: dict[str, Any], place: str | None) -> dict[str, Any]:
    """`spec` with the user's choice of who is the client, which formats without one ignore."""
    if place is None or "formats" not in spec:
        return spec
    for each in spec["formats"]:
        kept = {key: value for key, value in each["params"].items() if key != "client_place"}
        each["params"] = kept | ({"client_place": "listed"} if place == "forwarded" else {})
    return spec


def _formats(detection: Detection, forced: str | None) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if detection.layouts is not None:
        spec["layouts"] = detection.layouts
    elif detection.header:
        # A stream carries its columns along.
        spec["layouts"] = {"fields": [], "changes": []}
    if forced is None:
        spec["formats"] = [{"name": each.name, "params": each.params} for each in detection.formats]
        return spec
    if not is_format_name(forced):
        return {**spec, "formats": [{"name": CUSTOM, "params": {"pattern": forced}}], "only": True}
    # A forced format keeps what detection learned about it, such as the unit of a field.
    params = next((each.params for each in detection.formats if each.name == forced), {})
    return {**spec, "formats": [{"name": forced, "params": params}], "only": True}
