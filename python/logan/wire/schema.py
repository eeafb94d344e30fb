"""Types of the values in messages and bodies: what each may be, stated once for both sides.

`codec` checks every message and every body of JSON against these types, when it is sent and when
it arrives (`msgspec`); the receiver gets a value of the type, within its bounds. What only the
state of a conversation can tell (whether a lease was granted, whether a range lies in its chunk)
is checked by the handler that receives the message.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from logan.limits import CHUNKS_PER_JOB_MAX, INPUTS_PER_JOB_MAX, KIB, THREADS_MAX
from logan.wire import limits

__all__ = [
    "TEXT_BYTES_MAX",
    "UNSAFE",
    "Amount",
    "Attempt",
    "Body",
    "ChunkId",
    "Count",
    "ErrorText",
    "Free",
    "Name",
    "Path",
    "Sentence",
    "Signed",
    "SourceIndex",
    "Text",
    "Threads",
    "Unicode",
    "extras_of",
    "fault_of",
]

UNSAFE: Final = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff"
"""Class of characters that no line may hold: control characters, line separators, overrides of
direction, halves of surrogate pairs."""

TEXT_BYTES_MAX: Final = "text_bytes_max"
"""Key of `Meta.extra`: a text for people, which is cleaned and cut to so many bytes when sent."""

_SAFE: Final = rf"\A[^{UNSAFE}]*\Z"
_AMOUNT_MAX: Final = 1e300

# --- Numbers -----------------------------------------------------------------------------------

Count = Annotated[int, Meta(ge=0, le=limits.INTEGER_MAX)]
"""Bytes, offsets, numbers of things."""

Signed = Annotated[int, Meta(ge=-limits.INTEGER_MAX, le=limits.INTEGER_MAX)]
"""Nanoseconds since 1970, which may be before it."""

Amount = Annotated[float, Meta(ge=0, le=_AMOUNT_MAX)]
"""Seconds, percentages: finite."""

ChunkId = Annotated[int, Meta(ge=0, lt=CHUNKS_PER_JOB_MAX)]
SourceIndex = Annotated[int, Meta(ge=0, lt=INPUTS_PER_JOB_MAX)]
Attempt = Annotated[int, Meta(ge=1, le=limits.INTEGER_MAX)]
Free = Annotated[int, Meta(ge=0, le=limits.LEASES_PER_HEALTH_MAX)]
"""Leases that a worker has room for: no more than one heartbeat can renew."""

Threads = Annotated[int, Meta(ge=1, le=THREADS_MAX)]

# --- Strings -----------------------------------------------------------------------------------

Name = Annotated[str, Meta(max_length=limits.NAME_CHARS_MAX, pattern=_SAFE)]
"""Ids, digests, nonces, proofs, words for programs."""

Text = Annotated[
    str,
    Meta(
        max_length=limits.TEXT_BYTES_MAX,
        pattern=_SAFE,
        extra={TEXT_BYTES_MAX: limits.TEXT_BYTES_MAX},
    ),
]
"""A sentence for people in a line."""

ErrorText = Annotated[
    str,
    Meta(
        max_length=limits.TEXT_BYTES_MAX,
        pattern=_SAFE,
        extra={TEXT_BYTES_MAX: limits.ERROR_TEXT_BYTES_MAX},
    ),
]
"""The same in an ERROR, which must fit into a line of the handshake."""

Sentence = Annotated[str, Meta(max_length=8 * KIB)]
"""A sentence for people in a body; it may quote a path."""

Path = Annotated[str, Meta(max_length=8 * KIB, pattern=r"\A[^\x00\ud800-\udc7f\udd00-\udfff]*\Z")]
"""A path, a pattern or a URL. Bytes that are not UTF-8 stand as `os.fsdecode` gives them."""

Unicode = Annotated[
    str, Meta(max_length=limits.JSON_BODY_BYTES_MAX, pattern=r"\A[^\ud800-\udfff]*\Z")
]
"""Text for the engine: specs, fingerprints."""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what a body of JSON holds. Unknown fields are refused."""

    def to_dict(self) -> dict[str, Any]:
        """The same as dictionaries and lists."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


def fault_of(error: msgspec.ValidationError | ValueError) -> str:
    """What is wrong with a value and where, from what `msgspec.convert` raised."""
    if not isinstance(error, msgspec.ValidationError):
        return "has a string that is not valid Unicode"  # in a key, or where base64 is expected
    what, _, where = str(error).partition(" - at `$")
    what = what.replace("`", "")
    if "matching regex" in what:
        what = "has characters that are not allowed there"
    where = where.rstrip("`").removeprefix(".")
    what = what[:1].lower() + what[1:]
    return f"{where}: {what}" if where else what


def extras_of(hint: Any) -> dict[str, Any]:
    """`Meta.extra` of an annotated type, whether or not it may be None."""
    found: dict[str, Any] = {}
    for each in (hint, *getattr(hint, "__args__", ())):
        for meta in getattr(each, "__metadata__", ()):
            found |= (meta.extra or {}) if isinstance(meta, Meta) else {}
    return found
