"""What goes with the summary of a chunk, on the wire and in the journal: its digest, and a *note*.

A note says what there is to say beside the figures: why the end of an archive was not reached, and
what it held. Pure; knows neither messages nor the journal.
"""

from __future__ import annotations

import hashlib
from typing import Final

from logan.errors import ProtocolError
from logan.model import Archive
from logan.scan import Fault
from logan.wire.bodies import ArchiveNote, FaultNote, Note
from logan.wire.codec import clean, decode_body, encode_body

__all__ = ["digest_of", "fault_and_archive", "make_note", "read_note", "write_note"]

_WHY_BYTES_MAX: Final = 1_000
"""Bytes of the reason why the end of a source was not reached, and of the description of a
container: both are sent in a line."""


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
    return fault_and_archive(found)


def fault_and_archive(note: Note) -> tuple[Fault | None, Archive | None]:
    """What a note says."""
    fault, archive = note.fault, note.archive
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


def digest_of(summary: bytes) -> str:
    """What RESULT carries and the scheduler compares: hex SHA-256 of the summary's bytes."""
    return hashlib.sha256(summary).hexdigest()
