"""The program that scans one chunk apart from the worker: `python -m` this module.

Takes the arguments of `scan_chunk` as JSON on stdin; gives on stdout a line with the note, in JSON
(empty if there is none), and behind it the summary. Ends with `EXIT_ORDERLY`, and a line of JSON on
stderr, for what went wrong in an orderly way; any other end is a death. The worker's side is
`isolation`. Blocking; knows nothing of trio, which would only make it start slowly.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Final

from logan._logan import Spec
from logan.cluster.scanning import make_note
from logan.errors import InputError
from logan.limits import KIB
from logan.model import Chunk, Source
from logan.scan import ChunkResult, scan_chunk
from logan.sources.url_roots import UrlRoots
from logan.wire.codec import encode_body

__all__ = ["EXIT_ORDERLY", "first_line_from", "main", "whole_line_end"]

EXIT_ORDERLY: Final = 3

_STEP_BYTES: Final = 64 * KIB
"""Read at a time when looking for a newline."""


def first_line_from(path: str, offset: int, end: int) -> int | None:
    """Where the first line starts that begins at or behind `offset`, but before `end`."""
    if offset == 0:
        return 0
    with open(path, "rb", buffering=0) as file:
        at = offset - 1
        while at < end:
            data = os.pread(file.fileno(), _STEP_BYTES, at)
            if not data:
                return None
            newline = data.find(b"\n")
            if newline >= 0:
                start = at + newline + 1
                return start if start < end else None
            at += len(data)
    return None


def whole_line_end(path: str, offset: int, size: int) -> int:
    """Where the line ends that begins at `offset`: behind its newline, or at `size`."""
    following = first_line_from(path, offset + 1, size)
    return size if following is None else following


def main(scan: Callable[..., ChunkResult] = scan_chunk) -> int:
    """Scan the chunk that stands on stdin. The exit status."""
    task = json.load(sys.stdin)
    try:
        found = scan(
            Source(**task["source"]),
            Chunk(**task["chunk"]),
            Spec(task["spec"]),
            chunk_size=task["chunk_size"],
            expansion_max=task["expansion_max"],
            path=task["path"],
            url_roots=UrlRoots(task["url_roots"]),
            keep_partial=False,
        )
    except InputError as error:
        told = {"kind": error.kind, "message": str(error), "hint": error.hint}
        print(json.dumps(told), file=sys.stderr)
        return EXIT_ORDERLY
    note = make_note(found.fault, found.archive)
    head = b"" if note is None else encode_body(note)
    sys.stdout.buffer.write(head + b"\n" + found.summary.to_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
