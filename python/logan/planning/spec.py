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

__all__ = ["SPEC_VERSION", "is_format_name", "spec_json"]

SPEC_VERSION = 1

_NAME: Final = re.compile(r"[\w.-]+")


def is_format_name(text: str) -> bool:
    """Whether this is the name of a format rather than the text of one."""
    return _NAME.fullmatch(text) is not None


def spec_json(
    detections: Sequence[Detection], options: Options, *, anchor_ns: int | Sequence[int]
) -> str:
    """The text from which the native `Spec` is made, one entry per source.

    Sources with one anchor share the job's; where they differ each has its own.
    """
    anchors = [anchor_ns] * len(detections) if isinstance(anchor_ns, int) else list(anchor_ns)
    shared = anchor_ns if isinstance(anchor_ns, int) else max(anchors, default=0)
    sources = [_source_spec(detection, options.format) for detection in detections]
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


def _source_spec(detection: Detection, forced: str | None) -> dict[str, Any]:
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
