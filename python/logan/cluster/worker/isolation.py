"""A scan in a process of its own, for chunks that may take the process down.

The child is `python -m logan.cluster.worker.isolated_child`. This is the parent's side: it asks the
child for the whole chunk; when the child dies it halves the range until it holds one line that
kills. Only a scan of the whole chunk gives a result, never its parts: the bytes are those of any
other worker. A chunk that is not a range of a file is not searched: its offsets are not
known before it is read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final

import trio

from logan._logan import Spec, Summary
from logan.cluster.scanning import fault_and_archive
from logan.cluster.worker.isolated_child import EXIT_ORDERLY, first_line_from, whole_line_end
from logan.errors import InputError
from logan.model import Chunk, Source
from logan.scan import ChunkResult
from logan.wire.bodies import Note
from logan.wire.codec import decode_body

__all__ = ["Isolation", "Poison"]


COMMAND: Final = (sys.executable, "-m", "logan.cluster.worker.isolated_child")
"""Starts a child: its `main` with a chunk on stdin."""


class Poison(Exception):
    """Bytes `[start, end)` end any process that scans them."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class Isolation:
    """Scans a chunk in child processes.

    Args:
        source, chunk, spec, chunk_size, expansion_max: as for `scan_chunk`.
        path: where to read the source; None for an object.
        url_roots: below which an object must lie; below none, nothing does.
        progress: called with the bytes of a scan that has just ended, so that a long search for
            the line does not count as a standstill.
        command: starts the child.
    """

    def __init__(
        self,
        source: Source,
        chunk: Chunk,
        spec: Spec,
        progress: Callable[[int], None],
        *,
        path: str | None,
        chunk_size: int = 0,
        expansion_max: int = 0,
        url_roots: Sequence[str] = (),
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = command
        self._source = source
        self._chunk = chunk
        self._path = path
        self._task = {
            "source": asdict(source),
            "spec": spec.to_json(),
            "path": path,
            "chunk_size": chunk_size,
            "expansion_max": expansion_max,
            "url_roots": list(url_roots),
        }
        self._progress = progress

    async def scan(self) -> ChunkResult:
        """What the child found. Raises `Poison`, `InputError`. Canceling ends the child."""
        for _ in range(2):
            found = await self._child(self._chunk)
            if found is not None:
                return found
            if self._source.compression is None and self._path is not None:
                await self._search(self._path, self._chunk.start, self._chunk.end)
        # Each part passed, twice the whole did not: too much memory, say. No line is to blame.
        raise Poison(self._chunk.start, self._chunk.end)

    async def _search(self, path: str, start: int, end: int) -> None:
        """Raise `Poison` for a line that kills, if there is one in the range."""
        while True:
            middle = await trio.to_thread.run_sync(_middle, path, start, end)
            if middle is None:
                break
            if await self._child(replace(self._chunk, start=start, end=middle)) is None:
                end = middle
            elif await self._child(replace(self._chunk, start=middle, end=end)) is None:
                start = middle
            else:
                return
        size = self._source.size or 0
        first = await trio.to_thread.run_sync(first_line_from, path, start, end)
        if first is not None:
            raise Poison(first, await trio.to_thread.run_sync(whole_line_end, path, first, size))

    async def _child(self, chunk: Chunk) -> ChunkResult | None:
        """What was found in a part of the chunk, or None if the child died of it."""
        task = json.dumps(self._task | {"chunk": asdict(chunk)}).encode()
        process = await trio.run_process(
            self._command,
            stdin=task,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            start_new_session=True,  # Ctrl-C is the worker's to handle
        )
        self._progress(chunk.end - chunk.start)
        if process.returncode == 0:
            note, _, summary = bytes(process.stdout).partition(b"\n")
            rest = fault_and_archive(decode_body(note, Note, "a note")) if note else (None, None)
            return ChunkResult(await trio.to_thread.run_sync(Summary.from_bytes, summary), *rest)
        if process.returncode == EXIT_ORDERLY:
            what = json.loads(process.stderr)
            raise InputError(
                what["message"],
                input=self._path or self._source.url,
                kind=what["kind"],
                hint=what["hint"],
            )
        return None


def _middle(path: str, start: int, end: int) -> int | None:
    """A place between two lines that begin in the range, near its middle; None: there is one
    line at most."""
    first = first_line_from(path, start, end)
    if first is None:
        return None
    middle = first_line_from(path, max((start + end) // 2, first + 1), end)
    return middle if middle is not None else first_line_from(path, first + 1, end)
