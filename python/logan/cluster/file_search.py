"""Which files below a worker's roots match: the answer to SEARCH. Blocking; reads samples only.

An answer must fit into one message. With many files each is sampled less, down to its beginning;
what does not fit even so is named in the answer's errors, as is a file that cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from logan.errors import InputError
from logan.limits import KIB, MIB
from logan.sources import files
from logan.sources.roots import Roots
from logan.wire.bodies import FoundBody, FoundFile
from logan.wire.codec import check_body, encode_json
from logan.wire.limits import JSON_BODY_BYTES_MAX

__all__ = ["find_files"]

ERRORS_SENT_MAX: Final = 10
"""More errors than these do not help the user before the next try."""

ERROR_CHARS_MAX: Final = 4_000

SAMPLES_BYTES_MAX: Final = 8 * MIB
"""Samples of all files of an answer: in base64 two thirds of what a body may have."""

SAMPLE_BYTES_MIN: Final = 1 * KIB
"""Sample of each file, however many there are: for most, a few lines show the format."""

REST_BYTES: Final = 64 * KIB
"""The part of an answer for errors and brackets."""


def find_files(roots: Roots, patterns: Sequence[str]) -> FoundBody:
    """The body of FOUND."""
    paths, errors = roots.search(patterns)
    share = max(SAMPLES_BYTES_MAX // max(len(paths), 1), SAMPLE_BYTES_MIN)
    room = JSON_BODY_BYTES_MAX - REST_BYTES
    files: list[FoundFile] = []
    for at, path in enumerate(paths):
        try:
            file = _found(roots, path, share)
            size = len(encode_json(check_body(file))) + 1
        except InputError as error:
            errors.append(str(error))
            continue
        except ValueError as error:
            errors.append(f"{path}: {error}")
            continue
        if size > room:
            left = len(paths) - at
            errors.insert(
                0,
                f"{left:,} of {len(paths):,} files do not fit into one answer; "
                "give a narrower pattern",
            )
            break
        room -= size
        files.append(file)
    kept = tuple(error[:ERROR_CHARS_MAX] for error in errors[:ERRORS_SENT_MAX])
    return FoundBody(files=tuple(files), errors=kept)


def _found(roots: Roots, path: str, sampled_bytes_max: int) -> FoundFile:
    """A file with so much of its samples. Raises `InputError`."""
    with roots.open(path) as opened:
        try:
            source, samples = files.open_file(opened.path)
        except InputError as error:
            raise InputError(error.message.replace(opened.path, path), input=path) from error
    if source.size is None or source.fingerprint is None:
        raise InputError(f"{path} is not a regular file", input=path)
    kept: list[tuple[int, bytes]] = []
    for at, data in samples:
        piece = data[:sampled_bytes_max]
        sampled_bytes_max -= len(piece)
        if piece or not kept:
            kept.append((at, piece))
    return FoundFile(
        url=path,
        size=source.size,
        fingerprint=source.fingerprint,
        mtime_ns=source.mtime_ns,
        compression=source.compression,
        written_ns=source.written_ns,
        samples=tuple(kept),
    )
