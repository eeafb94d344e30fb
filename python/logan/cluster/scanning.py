"""What a worker does with a lease: read a chunk, answer with its summary.

Plain blocking functions for threads and child processes; nothing of trio here. A chunk is read
from a file: the source itself, or a *spool* that holds the fetched bytes at their own offsets and
nothing else; or from an object on a server. An archive is one chunk; what there is to say beside
its figures goes into a *note*.

As a program, `python -m logan.cluster.scanning`, it scans one piece apart from the worker: JSON on
stdin, the summary on stdout, `EXIT_ORDERLY` with a line of JSON on stderr for what went wrong in an
orderly way. Any other end is a death. Before the summary stands a line with the note, in JSON; it
is empty if there is none.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from logan._logan import Cancel, Fingerprint, Spec, Summary
from logan.errors import CancelledError, InputError, ProtocolError, SourceChangedError
from logan.limits import KIB
from logan.model import Archive, Chunk, Source
from logan.scan import ChunkResult, Fault, result_of_archive, scan_object
from logan.sources.url_roots import UrlRoots
from logan.wire.bodies import ArchiveNote, FaultNote, Note
from logan.wire.codec import clean, decode_body, encode_body

__all__ = [
    "EXIT_ORDERLY",
    "Piece",
    "Scanned",
    "digest_of",
    "first_line_from",
    "main",
    "make_note",
    "read_note",
    "scan",
    "whole_line_end",
    "write_note",
]

EXIT_ORDERLY: Final = 3

_WHY_BYTES_MAX: Final = 1_000
"""Of why the end of a source was not reached, and of what a container holds: both travel in a
line."""

_STEP_BYTES: Final = 64 * KIB
"""Read at a time when looking for a newline."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A chunk, or part of one, and where to read it.

    Attributes:
        path: the file; a spool if `fingerprint` is None; a URL if `is_object`.
        size: planned bytes of the source, or what there is of it in the spool.
        compression, etag: as in `Source`.
        chunk_size, expansion_max: as in `Plan`, for archives.
        url_roots: below which an object must lie; below none, nothing does.
    """

    path: str
    start: int
    end: int
    source: int
    size: int
    fingerprint: str | None
    is_object: bool = False
    compression: str | None = None
    etag: str | None = None
    chunk_size: int = 0
    expansion_max: int = 0
    url_roots: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Scanned:
    """The bytes of a summary, and a note; None where there is nothing to say."""

    summary: bytes
    note: Note | None = None


def make_note(fault: Fault | None, archive: Archive | None) -> Note | None:
    """What there is to say beside the figures; None if that is nothing."""
    if fault is None and archive is None:
        return None
    told = held = None
    if fault is not None:
        told = FaultNote(kind=fault[0], why=clean(fault[1], _WHY_BYTES_MAX))
    if archive is not None:
        held = ArchiveNote(
            decoded=archive.decoded,
            members=archive.members,
            foreign_at=archive.foreign_at,
            contents=archive.contents and clean(archive.contents, _WHY_BYTES_MAX),
            left_out=archive.left_out,
        )
    return Note(fault=told, archive=held)


def write_note(note: Note) -> str:
    """A note as the text that the journal keeps."""
    return encode_body(note).decode("ascii")


def read_note(note: str) -> tuple[Fault | None, Archive | None]:
    """Fault and archive of a note's text. Raises `ValueError`."""
    try:
        found = decode_body(note.encode("ascii"), Note, "a note")
    except (ProtocolError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error
    fault, archive = found.fault, found.archive
    kind_and_why = None if fault is None else (fault.kind, fault.why)
    if archive is None:
        return kind_and_why, None
    return kind_and_why, Archive(
        archive.decoded,
        archive.members,
        archive.foreign_at,
        archive.contents,
        archive.left_out,
    )


def scan(
    piece: Piece,
    spec: Spec,
    cancel: Cancel | None = None,
    counted: Callable[[int], None] = lambda size: None,
) -> Scanned:
    """The summary's bytes; `counted` is told of bytes that `cancel` does not count.

    Raises:
        SourceChangedError: the file is not the planned one, before or after the scan.
        InputError: it cannot be read.
        CancelledError: `cancel` was set.
    """
    if piece.is_object:
        return _of_object(piece, spec, cancel or Cancel(), counted)
    fingerprint = None if piece.fingerprint is None else Fingerprint.from_json(piece.fingerprint)
    try:
        if fingerprint is not None:
            why = fingerprint.check(piece.path)
            if why is not None:
                raise SourceChangedError(f"{piece.path} changed: {why}", input=piece.path)
        if piece.compression is not None:
            return _of_archive(piece, spec, fingerprint, cancel or Cancel())
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
    return Scanned(summary.to_bytes())


def _of_object(piece: Piece, spec: Spec, cancel: Cancel, counted: Callable[[int], None]) -> Scanned:
    from logan.sources.objects import Fetcher

    found = scan_object(
        Source(
            piece.path,
            piece.size,
            compression=piece.compression,
            etag=piece.etag,
        ),
        Chunk(0, piece.source, piece.start, piece.end),
        spec,
        chunk_size=piece.chunk_size,
        expansion_max=piece.expansion_max,
        cancel=cancel,
        fetcher=Fetcher(piece.path, piece.etag, roots=UrlRoots(piece.url_roots)),
        counted=counted,
        keep_partial=False,  # another worker may have better luck, or the credentials
    )
    return _finished(found, cancel)


def _of_archive(
    piece: Piece, spec: Spec, fingerprint: Fingerprint | None, cancel: Cancel
) -> Scanned:
    assert piece.compression is not None
    ended = Summary.from_archive(
        piece.path,
        spec,
        piece.compression,
        source=piece.source,
        chunk_size=piece.chunk_size,
        expansion_max=piece.expansion_max,
        fingerprint=fingerprint,
        cancel=cancel,
    )
    return _finished(result_of_archive(ended), cancel)


def _finished(found: ChunkResult, cancel: Cancel) -> Scanned:
    if cancel.is_set():
        raise CancelledError("stopped on request before all input was read")
    return Scanned(found.summary.to_bytes(), make_note(found.fault, found.archive))


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


def main(scan: Callable[[Piece, Spec], Scanned] = scan) -> int:
    """The program of a child process: scan the piece that stands on stdin. The exit status."""
    task = json.load(sys.stdin)
    try:
        found = scan(Piece(**task["piece"]), Spec(task["spec"]))
    except InputError as error:
        told = {"kind": error.kind, "message": str(error), "hint": error.hint}
        print(json.dumps(told), file=sys.stderr)
        return EXIT_ORDERLY
    note = b"" if found.note is None else encode_body(found.note)
    sys.stdout.buffer.write(note + b"\n" + found.summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
