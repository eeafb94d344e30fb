"""The spec: the text that says how each source is read and which records count, for all engines.

Pure: from options and what samples look like to the JSON of which the native `Spec` is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from logan.model import Detection
from logan.options import CUSTOM, Options

__all__ = ["SPEC_VERSION", "anchor_of", "is_format_name", "spec_json"]

SPEC_VERSION = 1

_HALF_YEAR_NS: Final = 183 * 86_400 * 10**9
"""A dated timestamp of a stream that is older says that the stream is an old log: its dates without
a year are nearer to that one than to now."""

_NAME: Final = re.compile(r"[\w.-]+")


def is_format_name(text: str) -> bool:
    """Whether this is the name of a format rather than the text of one."""
    return _NAME.fullmatch(text) is not None


def anchor_of(detection: Detection, *, written_ns: int | None, now_ns: int) -> int:
    """The moment at or before which dates without a year lie (plus 48 h).

    The latest timestamp of the sample if some have a year beside others that have none; else when
    the source was written. A stream goes on, so that for one the moment is now, unless its dates
    are old.
    """
    latest = detection.anchor_ns
    if written_ns is None:
        is_old = latest is not None and now_ns - latest > _HALF_YEAR_NS
        return latest if latest is not None and is_old else now_ns
    return written_ns if latest is None else latest


def spec_json(
    detections: Sequence[Detection], options: Options, *, anchor_ns: int | Sequence[int]
) -> str:
    """The text from which the native `Spec` is made, one entry per source.

    Sources with one anchor share the job's; where they differ each has its own.
    """
    anchors = [anchor_ns] * len(detections) if isinstance(anchor_ns, int) else list(anchor_ns)
    shared = anchor_ns if isinstance(anchor_ns, int) else max(anchors, default=0)
    sources = [_source_spec(detection, options) for detection in detections]
    for source, anchor in zip(sources, anchors, strict=True):
        if anchor != shared:
            source["anchor_ns"] = anchor
    spec = {
        "version": SPEC_VERSION,
        "top": options.top,
        "input_tz": options.input_tz,
        "anchor_ns": shared,
        **_narrowing(options),
        "sources": sources,
    }
    return json.dumps(spec, separators=(",", ":"))


def _narrowing(options: Options) -> dict[str, Any]:
    """The keys that say which records count; none where nothing was asked for."""
    keys = {
        "since_ns": options.since_ns,
        "until_ns": options.until_ns,
        "where": options.where,
        "by": list(options.by) or None,
    }
    return {key: value for key, value in keys.items() if value is not None}


def _source_spec(detection: Detection, options: Options) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    forced = options.format
    reading = dict(detection.time)
    if options.date_order is not None:
        reading["date_order"] = options.date_order
    if reading:
        spec["time"] = reading
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
