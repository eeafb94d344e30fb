"""What the engine makes of a sample: metrics of a few lines, read as a plan would read them.

A sample is small, so questions about it are asked by scanning it again: which fields its records
have, which lines nothing reads, whether a proposed format reads them. Knows no paths and no report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from logan import _logan
from logan.model import Detection, Source
from logan.options import CUSTOM
from logan.planning.spec import SPEC_VERSION

__all__ = [
    "Sample",
    "custom_source",
    "fields_present",
    "fields_present_of_formats",
    "with_fields_present",
]

_LINES_LOOKED_AT_MAX: Final = 1_500
"""Lines that are searched for those that nothing reads."""

_BLOCK_LINES: Final = 32
"""Lines that are pushed together as long as all of them are read."""


def custom_source(pattern: str) -> dict[str, Any]:
    """How the spec says that every line of a source is of this custom format."""
    return {"formats": [{"name": CUSTOM, "params": {"pattern": pattern}}], "only": True}


class Sample:
    """Lines of one input, and how they are read.

    Attributes:
        data: the lines, each with its newline.
        source: the input's reading in a spec; by default its lines try every format.
    """

    def __init__(
        self,
        data: bytes,
        source: Mapping[str, Any] | None = None,
        *,
        input_tz: str = "UTC",
        anchor_ns: int = 0,
    ) -> None:
        self.data = data if not data or data.endswith(b"\n") else data + b"\n"
        self.source = dict(source or {"formats": []})
        self._clock = {"input_tz": input_tz, "anchor_ns": anchor_ns}

    @classmethod
    def of(
        cls, samples: Sequence[tuple[int, bytes]], detection: Detection, *, anchor_ns: int = 0
    ) -> Sample:
        """Samples of an input (offset, whole lines), read as detection says."""
        pieces = (data if data.endswith(b"\n") else data + b"\n" for _, data in samples if data)
        source: dict[str, Any] = {
            "formats": [{"name": each.name, "params": each.params} for each in detection.formats]
        }
        if detection.durations:
            source["durations"] = detection.durations
        if detection.header:
            source["layouts"] = {"fields": [], "changes": []}  # they stand in the sample itself
        zone = detection.time_zone or "UTC"
        return cls(b"".join(pieces), source, input_tz=zone, anchor_ns=anchor_ns)

    def metrics(
        self,
        *,
        by: Sequence[str] = (),
        where: str | None = None,
        top: int = 10,
        source: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The report's metrics of the sample, as `Summary.evaluate` gives them."""
        feed = self._feed(by, where, top, source or self.source)
        feed.push(self.data)
        found: dict[str, Any] = json.loads(feed.finish().evaluate(top=top))
        return found

    def unread_lines(self, most: int = 200) -> list[bytes]:
        """The first lines that are malformed, as the engine counts them."""
        if not self.data:
            return []
        return list(self._unread(most))

    def _unread(self, most: int) -> Iterator[bytes]:
        # One feed goes ahead and finds the blocks in which a line by itself must be looked at.
        ahead, feed = (self._feed((), None, 1, self.source) for _ in range(2))
        lines = self.data.splitlines(keepends=True)[:_LINES_LOOKED_AT_MAX]
        before = found = 0
        for at in range(0, len(lines), _BLOCK_LINES):
            block = lines[at : at + _BLOCK_LINES]
            ahead.push(b"".join(block))
            after = ahead.snapshot().malformed_lines
            if after == before:
                feed.push(b"".join(block))
                continue
            for line in block:
                feed.push(line)
                now = feed.snapshot().malformed_lines
                if now > before and line.strip():
                    yield line.rstrip(b"\r\n")
                    found += 1
                before = now
                if found == most:
                    return

    def _feed(
        self, by: Sequence[str], where: str | None, top: int, source: Mapping[str, Any]
    ) -> _logan.Feed:
        meaning: dict[str, Any] = {}
        if by:
            meaning["by"] = list(by)
        if where is not None:
            meaning["where"] = where
        reading = {**self._clock, **source}
        spec = {
            "version": SPEC_VERSION,
            "meaning": meaning,
            "top": top,
            "sources": [{"reading": reading}],
        }
        return _logan.Feed(_logan.Spec(json.dumps(spec)))


def fields_present(figures: Mapping[str, Any]) -> set[str]:
    """Which of status, level, duration and bytes any record of these metrics has."""
    found = {
        "status": any(figures["status"].values()),
        "level": any(
            count for name, count in figures["levels"].items() if name not in ("NONE", "OTHER")
        ),
        "duration": bool(figures["response_time_ms"]["count"]),
        "bytes": figures["bytes_sent"] is not None,
    }
    return {name for name, present in found.items() if present}


def with_fields_present(
    samples: Sequence[tuple[int, bytes]], detection: Detection, source: Source | None = None
) -> Detection:
    """`detection` with what its samples have, for jobs whose inputs cannot be looked at again."""
    found = fields_present(Sample.of(samples, detection).metrics(top=1))
    return replace(detection, fields_present=tuple(sorted(found)))


def fields_present_of_formats(names: Sequence[str]) -> set[str]:
    """Which of them the lines of these formats have, going by the example of each.

    Formats whose lines name their fields, and those around lines of other formats, say nothing.
    """
    present: set[str] = set()
    for each in json.loads(_logan.formats()):
        if each["name"] in names and each["name"] not in _OPEN_FORMATS:
            source = {"formats": [{"name": each["name"], "params": {}}]}
            present |= fields_present(Sample(each["example"].encode(), source).metrics(top=1))
    return present


_OPEN_FORMATS: Final = frozenset(
    {
        *("json", "logfmt", "iis", "cloudfront", "w3c", "app", "text", "leveled", "custom"),
        *("cri", "docker", "journald-json", "journald-export", "syslog", "syslog-5424", "compose"),
    }
)
"""Formats whose lines may or may not have a field, whatever their example has."""
