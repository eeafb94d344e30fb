"""Inputs: from what the user named to sources that can be read, or an error that says why not.

An input that cannot be read does not spoil the others: its error is kept beside it. Nothing here
knows of chunks, engines or reports.

`open_inputs` looks at each path once: what it is, how large, what a sample of it looks like. A
regular file is read later by offset (`local`); standard input and everything else without a size,
such as a FIFO or a process substitution, is a stream (`stdin`) whose first bytes are kept.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from logan import _logan
from logan._logan import Cancel
from logan.errors import InputError
from logan.model import Detection, Source
from logan.sources import local, stdin
from logan.sources.stdin import Stream

__all__ = ["Input", "open_inputs", "readable_name"]

_DECOMPRESSORS = {
    "gzip": "zcat",
    "zstd": "zstdcat",
    "bzip2": "bzcat",
    "xz": "xzcat",
    "lz4": "lz4cat",
    "zip": "unzip -p",
}


@dataclass(slots=True)
class Input:
    """One input as the user named it: either `source` and `detection`, or `error`, or neither
    when it is another name of an input before it (then `notes` say which)."""

    path: str
    source: Source | None = None
    detection: Detection | None = None
    stream: Stream | None = None
    error: InputError | None = None
    notes: list[str] = field(default_factory=list)


def open_inputs(paths: Iterable[str], *, cancel: Cancel | None = None) -> list[Input]:
    """Look at every path, in order; "-" is standard input. Raises nothing for a bad input."""
    inputs: list[Input] = []
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        inputs.append(_open(path, seen, cancel))
    return inputs


def readable_name(path: str) -> str:
    """`path` as valid Unicode: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def _open(path: str, seen: dict[tuple[int, int], str], cancel: Cancel | None) -> Input:
    entry = Input(path)
    try:
        identity = stdin.identity() if path == "-" else local.identity(path)
        if identity is not None and identity in seen:
            entry.notes.append(_named_before(path, seen[identity]))
            return entry
        if path == "-" or not local.is_regular(path):
            entry.stream = stdin.open_stream(path, cancel=cancel)
            entry.source = Source(path, None)
            samples: Sequence[tuple[int, bytes]] = [(0, entry.stream.head)]
        else:
            entry.source, samples = local.open_file(path)
        entry.detection = _detect(path, samples)
        if entry.stream is None and entry.detection.header:
            layouts = local.layouts(path, entry.source.size or 0, cancel=cancel)
            entry.detection = replace(entry.detection, layouts=layouts)
        if identity is not None:
            seen[identity] = path
    except InputError as error:
        entry.error, entry.source = error, None
        if entry.stream is not None:
            entry.stream.close()
            entry.stream = None
        return entry
    if entry.source.size == 0 or (entry.stream is not None and entry.stream.is_empty):
        entry.notes.append("empty: nothing to analyse")
    return entry


def _named_before(path: str, before: str) -> str:
    if path == before:
        return "named more than once, counted once"
    return f"the same file as {readable_name(before)}, counted once"


def _detect(path: str, samples: Sequence[tuple[int, bytes]]) -> Detection:
    detection = Detection.from_dict(json.loads(_logan.detect(samples)))
    name = "standard input" if path == "-" else readable_name(path)
    shown = "FILE" if path == "-" else shlex.quote(name)
    if detection.compression is not None:
        tool = _DECOMPRESSORS.get(detection.compression, "decompress")
        raise InputError(
            f"{name} is compressed ({detection.compression})",
            input=path,
            kind="compressed",
            hint=f"decompress it on the way: {tool} {shown} | logan analyze -",
        )
    if detection.encoding == "utf-16":
        raise InputError(
            f"{name} is UTF-16 text",
            input=path,
            kind="utf-16",
            hint=f"convert it on the way: iconv -f UTF-16 -t UTF-8 {shown} | logan analyze -",
        )
    if detection.encoding == "binary":
        raise InputError(
            f"{name} is a binary file, not a log",
            input=path,
            kind="binary",
            hint=f"see what it is: file {shown}",
        )
    return detection
