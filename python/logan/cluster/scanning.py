"""What a worker does with a lease, without the network: read a chunk, answer with its summary.

Plain blocking functions for threads and child processes; nothing of trio here. A chunk is read
from a file: the source itself, or a *spool* that holds the fetched bytes at their own offsets and
nothing else.

`LOGAN_TEST_POISON` names bytes that kill the process that scans a line with them. It stands in for
a bug that takes the process down, so that the way around such lines can be tested.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
from dataclasses import dataclass
from typing import Final

from logan._logan import Cancel, Fingerprint, Spec, Summary
from logan.errors import CancelledError, InputError, SourceChangedError
from logan.limits import KIB

__all__ = ["Piece", "digest_of", "first_line_from", "scan", "whole_line_end"]

_POISON: Final = "LOGAN_TEST_POISON"

_STEP_BYTES: Final = 64 * KIB
"""Read at a time when looking for a newline."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, or part of one, and where to read it.

    Attributes:
        path: the file; a spool if `fingerprint` is None.
        size: planned bytes of the source, or what there is of it in the spool.
    """

    path: str
    start: int
    end: int
    source: int
    size: int
    fingerprint: str | None


def scan(piece: Piece, spec: Spec, cancel: Cancel | None = None) -> bytes:
    """The summary's bytes.

    Raises:
        SourceChangedError: the file is not the planned one, before or after the scan.
        InputError: it cannot be read.
        CancelledError: `cancel` was set.
    """
    fingerprint = None if piece.fingerprint is None else Fingerprint.from_json(piece.fingerprint)
    try:
        if fingerprint is not None:
            why = fingerprint.check(piece.path)
            if why is not None:
                raise SourceChangedError(f"{piece.path} changed: {why}", input=piece.path)
        _die_of_poison(piece)
        summary = Summary.from_chunk(
            piece.path,
            piece.start,
            piece.end,
            spec,
            source=piece.source,
            fingerprint=fingerprint,
            cancel=cancel,
        )
    except CancelledError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{piece.path}: {reason}", input=piece.path) from error
    return summary.to_bytes()


def digest_of(summary: bytes) -> str:
    """What RESULT carries and the scheduler compares: hex SHA-256 of the summary's bytes."""
    return hashlib.sha256(summary).hexdigest()


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


def _die_of_poison(piece: Piece) -> None:
    marker = os.environ.get(_POISON, "").encode()
    if not marker:
        return
    first = first_line_from(piece.path, piece.start, piece.end)
    if first is None:
        return
    end = whole_line_end(piece.path, max(piece.end - 1, 0), piece.size)
    with (
        open(piece.path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        if data.find(marker, first, end) >= 0:
            os.kill(os.getpid(), signal.SIGKILL)
