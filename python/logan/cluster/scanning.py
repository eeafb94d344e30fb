"""What goes with the summary of a chunk, on the wire and in the journal: its digest, and a *note*.

A note says what there is to say beside the figures: why the end of an archive was not reached, and
what it held. In the journal it also has the times of a chunk that only workers can read. Pure;
knows neither messages nor the journal.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from msgspec import Meta

from logan.errors import ProtocolError
from logan.model import Archive
from logan.scan import Fault
from logan.wire.bodies import ArchiveNote, FaultNote, Note
from logan.wire.codec import clean, decode_body, encode_body
from logan.wire.schema import Signed

__all__ = [
    "Times",
    "digest_of",
    "fault_and_archive",
    "make_note",
    "read_note",
    "read_times",
    "write_note",
]

Times = tuple[int, int] | None
"""The first and the last timestamp of a chunk, epoch nanoseconds; None if it has none."""


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


class _KeptNote(Note, frozen=True):
    """A note as the journal keeps it: `times` are two, none where a chunk has no timestamp, and
    unset where the coordinator can look itself."""

    times: Annotated[tuple[Signed, ...], Meta(max_length=2)] | None = None


def write_note(note: Note | None, times: Times | tuple[()] = ()) -> str | None:
    """A note, and the times of a chunk unless they are `()`, as the text that the journal keeps;
    None if there is nothing to keep."""
    if note is None and times == ():
        return None
    note = note or Note()
    kept = _KeptNote(
        fault=note.fault, archive=note.archive, times=None if times == () else times or ()
    )
    return encode_body(kept).decode("ascii")


def read_note(note: str) -> tuple[Fault | None, Archive | None]:
    """Fault and archive of a note's text. Raises `ValueError`."""
    return fault_and_archive(_read(note))


def read_times(note: str) -> Times | tuple[()]:
    """The times of a note's text, `()` if it has none. Raises `ValueError`."""
    times = _read(note).times
    if times is None:
        return ()
    return (times[0], times[1]) if len(times) == 2 else None


def _read(note: str) -> _KeptNote:
    try:
        return decode_body(note.encode("ascii"), _KeptNote, "a note")
    except (ProtocolError, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from error


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
