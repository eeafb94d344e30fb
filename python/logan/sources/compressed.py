"""Compressed logs: which compression, what they begin with, when they were written.

Recognised by their first bytes, never by their name. Only the head is decoded here, for detection;
engines decode the rest beside scanning.
"""

from __future__ import annotations

import json

from logan import _logan
from logan.limits import ARCHIVE_HEAD_BYTES_MAX, ARCHIVE_SAMPLE_BYTES_MAX

__all__ = ["CANNOT_BE_READ", "compression_of", "decoded_sample", "head_bytes", "written_ns"]

CANNOT_BE_READ = {"zip": "unzip -p"}
"""Kinds of archives that are recognised and not read, with what decodes them."""


def compression_of(head: bytes) -> str | None:
    """How bytes that begin with `head` are compressed; None if they are not, or not readably."""
    found: str | None = json.loads(_logan.detect([(0, head[:64])]))["compression"]
    return None if found in CANNOT_BE_READ else found


def head_bytes(compression: str) -> int:
    """How much of an archive's head is needed for a sample."""
    return ARCHIVE_HEAD_BYTES_MAX if compression == "bzip2" else ARCHIVE_SAMPLE_BYTES_MAX


def decoded_sample(head: bytes, compression: str) -> bytes:
    """Decoded bytes for detection, without a line that the sample's end cuts."""
    sample = _logan.decode_head(head, compression, ARCHIVE_SAMPLE_BYTES_MAX)
    if len(sample) < ARCHIVE_SAMPLE_BYTES_MAX and len(head) < head_bytes(compression):
        return sample  # all there is
    return sample[: sample.rfind(b"\n") + 1] or sample


def written_ns(head: bytes, compression: str) -> int | None:
    """When the log was last written, as a gzip header says; None where nothing says it."""
    if compression != "gzip" or len(head) < 8:
        return None
    return int.from_bytes(head[4:8], "little") * 1_000_000_000 or None
