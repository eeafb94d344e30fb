"""The bytes of a saved analysis: a header, a description in JSON, and the summary.

```text
"LOGANRUN"  version: u16  0: u16  length of the description: u32  length of the summary: u64
SHA-256 of what follows  description  summary
```

Integers are little endian. Equal analyses have equal bytes.
Nothing is trusted: lengths and digest are verified before anything is decoded. The summary has a
version of its own.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from logan.errors import InputError
from logan.limits import SAVED_MAGIC as MAGIC

__all__ = ["VERSION", "is_saved", "pack", "read_file", "unpack"]

VERSION: Final = 1
_HEADER: Final = struct.Struct("<8sHHIQ32s")
_BYTES_MAX: Final = 256 << 20
"""A summary has at most 64 MiB, the description of 10,000 inputs some ten."""


def is_saved(path: str) -> bool:
    """Whether `path` is a file here that begins as a saved analysis does; False if unreadable."""
    try:
        if not Path(path).is_file():
            return False
        with open(path, "rb", buffering=0) as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def pack(description: Mapping[str, Any], summary: bytes) -> bytes:
    """The bytes of a saved analysis."""
    text = json.dumps(description, separators=(",", ":"), allow_nan=False)
    body = text.encode() + summary
    lengths = len(body) - len(summary), len(summary)
    return _HEADER.pack(MAGIC, VERSION, 0, *lengths, _digest(body)) + body


def unpack(data: bytes, name: str) -> tuple[dict[str, Any], bytes]:
    """Description and summary; `name` is that of the file. Raises `InputError`."""

    def fault(why: str, hint: str | None = None) -> InputError:
        return InputError(f"{name} {why}", input=name, kind="unreadable", hint=hint)

    again = "save it again: logan analyze LOG --save FILE"
    if not data.startswith(MAGIC[: len(data)]) or not data:
        raise fault("is not a saved summary", again)
    if len(data) < _HEADER.size:
        raise fault("is a saved summary that is cut off", again)
    _, version, zero, described, summarized, digest = _HEADER.unpack_from(data)
    if version > VERSION:
        raise fault(
            f"was saved in version {version}, this logan reads up to {VERSION}",
            "use the newer logan that made it, here too",
        )
    body = data[_HEADER.size :]
    if len(body) < described + summarized:
        missing = described + summarized - len(body)
        raise fault(f"is a saved summary that is cut off: {missing:,} bytes are missing", again)
    if len(body) > described + summarized or version < 1 or zero or _digest(body) != digest:
        raise fault("is a saved summary that is damaged: its checksum is wrong", again)
    try:
        description = json.loads(body[:described], parse_constant=_refuse)
    except (ValueError, RecursionError):
        description = None
    if not isinstance(description, dict):
        raise fault("is a saved summary that is damaged: its description is not valid", again)
    return description, body[described:]


def read_file(path: str) -> bytes:
    """All of a file. Raises `InputError`."""
    from logan.sources.files import input_error

    try:
        with open(path, "rb") as file:
            data = file.read(_BYTES_MAX + 1)
    except OSError as error:
        raise input_error(path, error) from error
    except ValueError as error:  # a NUL
        raise InputError(
            f"{path!r} is not a valid path: {error}", input=path, kind="missing"
        ) from error
    if len(data) > _BYTES_MAX:
        raise InputError(f"{path} is too large to be a saved summary", input=path)
    return data


def _refuse(constant: str) -> None:
    """NaN and the like are not JSON, and could not be written again."""
    raise ValueError(f"{constant} is not JSON")


def _digest(body: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(body).digest()
