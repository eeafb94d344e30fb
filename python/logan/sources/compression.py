"""How logs are stored that are not lines of UTF-8: compressed, in archives, as UTF-16, or as JSON
objects that are not one line each; what they begin with, when they were written.

Recognized by their first bytes, never by their name, though a name that promises something else is
worth a note. Only the head is decoded here, for detection;
engines decode the rest beside scanning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from logan import _logan
from logan.limits import (
    ARCHIVE_HEAD_BYTES_MAX,
    ARCHIVE_SAMPLE_BYTES_MAX,
    SAMPLE_HEAD_BYTES_MAX,
)
from logan.sources.pieces import leading_lines

__all__ = [
    "MAGIC_BYTES",
    "assumed",
    "compression_of",
    "decoded_sample",
    "is_container",
    "named_otherwise",
    "packed_by_name",
    "settled",
    "without_suffix",
    "written_ns",
]

MAGIC_BYTES: Final = 512
"""Bytes of a head that show whether the file is an archive: the first block of a tar."""


def compression_of(head: bytes) -> str | None:
    """How bytes that begin with `head` are stored; None if they are a log as it is.

    Of a compressed head it may take more to see that there is a tar in it.
    """
    return _logan.compression(head)


def is_container(compression: str | None) -> bool:
    """Whether there are logs in it, not one log."""
    return compression is not None and not {"tar", "zip"}.isdisjoint(compression.split("+"))


_SUFFIXES: Final = {
    "gz": ("gzip",),
    "tgz": ("gzip", "tar"),
    "bz2": ("bzip2",),
    "tbz": ("bzip2", "tar"),
    "tbz2": ("bzip2", "tar"),
    "xz": ("xz",),
    "txz": ("xz", "tar"),
    "zst": ("zstd",),
    "tzst": ("zstd", "tar"),
    "lz4": ("lz4",),
    "tar": ("tar",),
    "zip": ("zip",),
}
"""What the last suffix of a name promises; `.tar` before it counts, too."""


def named_otherwise(path: str, compression: str | None) -> str | None:
    """A note if the name of a path or URL promises an archive that its content is not."""
    name = urlsplit(path).path if "://" in path else path
    first, *suffixes = name.rpartition("/")[2].lower().split(".")
    promised = _SUFFIXES.get(suffixes[-1], ()) if first and suffixes else ()
    if promised and suffixes[-2:-1] == ["tar"]:
        promised = (*promised, "tar")
    found = [] if compression is None else compression.split("+")
    lacking = [each for each in promised if each not in found]
    if not lacking:
        return None
    what = f"read as {compression}" if compression is not None else "read as plain text"
    return f"its name promises {' and '.join(lacking)}, but its content is not that: {what}"


def packed_by_name(path: str) -> bool:
    """Whether a name promises content that does not get smaller."""
    suffix = path.rpartition("/")[2].lower().rpartition(".")[2]
    return suffix in _SUFFIXES and suffix != "tar"


def assumed(compression: str | None) -> tuple[str, ...]:
    """Assumptions about text that is not lines of UTF-8."""
    found = [] if compression is None else compression.split("+")
    return tuple(what for layer, what in _ASSUMED.items() if layer in found)


_ASSUMED: Final = {
    "json": "each JSON object is one record, however many lines it has; brackets, commas and"
    " wrappers are not counted as lines",
    "cr": "lines end with carriage returns",
}


def without_suffix(path: str) -> str:
    """The name that a compressed file had before; `path` if none of its suffixes says so."""
    before, _, suffix = path.rpartition(".")
    return before if suffix.lower() in _SUFFIXES else path


def head_bytes(compression: str) -> int:
    """How much of an archive's head is needed for a sample."""
    if compression.startswith(("utf-16", "json")):
        return SAMPLE_HEAD_BYTES_MAX
    if compression == "bzip2" or is_container(compression):
        return ARCHIVE_HEAD_BYTES_MAX
    return ARCHIVE_SAMPLE_BYTES_MAX


def _may_be_text(head: bytes) -> bool:
    """Whether more than a few bytes decide if a log is lines of UTF-8."""
    if b"\0" in head or (b"\r" in head and b"\n" not in head):
        return True
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[", b"\x1e")


def settled(head: bytes, more: Callable[[int], bytes]) -> tuple[str | None, bytes]:
    """How bytes that begin with `head` are stored, and as much of them as a sample takes.

    `more(n)` gives the first n bytes, or all there are.
    """
    if _may_be_text(head) and len(head) < SAMPLE_HEAD_BYTES_MAX:
        head = more(SAMPLE_HEAD_BYTES_MAX)
    compression = compression_of(head)
    while compression is not None and len(head) < (wanted := head_bytes(compression)):
        longer = more(wanted)
        if len(longer) <= len(head):
            break
        head = longer
        compression = compression_of(head) or compression
    return compression, head


def decoded_sample(head: bytes, compression: str) -> bytes:
    """Decoded bytes for detection, without a line that the sample's end cuts."""
    sample = _logan.decode_head(head, compression, ARCHIVE_SAMPLE_BYTES_MAX)
    if len(sample) < ARCHIVE_SAMPLE_BYTES_MAX and len(head) < head_bytes(compression):
        return sample  # all there is
    return leading_lines(sample)


def written_ns(head: bytes, compression: str) -> int | None:
    """When the log was last written, as a gzip header says; None where nothing says it."""
    if not compression.startswith("gzip") or len(head) < 8:
        return None
    return int.from_bytes(head[4:8], "little") * 1_000_000_000 or None
