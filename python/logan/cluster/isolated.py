"""A scan in a process of its own, for chunks that may take the process down.

The child is `python -m logan.cluster.scanning`. This is the parent's side: it asks the child for
the whole chunk; when the child dies it halves the range until it holds one line that kills. Only a
scan of the whole chunk gives a result, never its pieces: the bytes are those of any other worker.
What is no range of a file is not searched: its places are not known before it is read.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Final

import trio

from logan._logan import Spec
from logan.cluster.scanning import EXIT_ORDERLY, Piece, Scanned, first_line_from, whole_line_end
from logan.errors import InputError
from logan.wire.bodies import Note
from logan.wire.codec import decode_body

__all__ = ["Isolation", "Poison"]


COMMAND: Final = (sys.executable, "-m", "logan.cluster.scanning")
"""Starts a child: `scanning.main` with a piece on stdin."""


class Poison(Exception):
    """Bytes `[start, end)` end any process that scans them."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__(start, end)
        self.start = start
        self.end = end


class Isolation:
    """Scans a piece in child processes.

    Args:
        progress: called with the bytes of a scan that has just ended, so that a long search for
            the line is not taken for a standstill.
        command: starts the child.
    """

    def __init__(
        self,
        piece: Piece,
        spec: Spec,
        progress: Callable[[int], None],
        *,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = command
        self._piece = piece
        self._spec = spec
        self._progress = progress

    async def scan(self) -> Scanned:
        """What the child found. Raises `Poison`, `InputError`. Canceling ends the child."""
        for _ in range(2):
            found = await self._child(self._piece)
            if found is not None:
                return found
            if self._piece.compression is None and not self._piece.is_object:
                await self._search(self._piece.start, self._piece.end)
        # Each piece passed, twice the whole did not: too much memory, say. No line is to blame.
        raise Poison(self._piece.start, self._piece.end)

    async def _search(self, start: int, end: int) -> None:
        """Raise `Poison` for a line that kills, if there is one in the range."""
        while True:
            middle = await trio.to_thread.run_sync(self._middle, start, end)
            if middle is None:
                break
            if await self._child(replace(self._piece, start=start, end=middle)) is None:
                end = middle
            elif await self._child(replace(self._piece, start=middle, end=end)) is None:
                start = middle
            else:
                return
        path, size = self._piece.path, self._piece.size
        first = await trio.to_thread.run_sync(first_line_from, path, start, end)
        if first is not None:
            raise Poison(first, await trio.to_thread.run_sync(whole_line_end, path, first, size))

    def _middle(self, start: int, end: int) -> int | None:
        """A place between two lines that begin in the range, near its middle; None: there is one
        line at most."""
        path = self._piece.path
        first = first_line_from(path, start, end)
        if first is None:
            return None
        middle = first_line_from(path, max((start + end) // 2, first + 1), end)
        return middle if middle is not None else first_line_from(path, first + 1, end)

    async def _child(self, piece: Piece) -> Scanned | None:
        """What was found in a piece, or None if the child died of it."""
        task = json.dumps({"piece": asdict(piece), "spec": self._spec.to_json()}).encode()
        process = await trio.run_process(
            self._command,
            stdin=task,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            start_new_session=True,  # Ctrl-C is the worker's to handle
        )
        self._progress(piece.end - piece.start)
        if process.returncode == 0:
            note, _, summary = bytes(process.stdout).partition(b"\n")
            return Scanned(summary, decode_body(note, Note, "a note") if note else None)
        if process.returncode == EXIT_ORDERLY:
            what = json.loads(process.stderr)
            raise InputError(
                what["message"], input=piece.path, kind=what["kind"], hint=what["hint"]
            )
        return None
