"""Which files below a worker's roots match: the answer to SEARCH. Blocking; reads samples only."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

from logan.cluster.secure import Roots
from logan.errors import InputError
from logan.sources import local

__all__ = ["find_files"]

ERRORS_SENT_MAX: Final = 10
"""Who asked cannot mend more than these before asking again."""


def find_files(roots: Roots, patterns: Sequence[str]) -> dict[str, Any]:
    """The body of FOUND; a file that matches and cannot be read is named in its `errors`."""
    paths, errors = roots.search(patterns)
    files = []
    for path in paths:
        try:
            source, samples = local.open_file(path)
        except InputError as error:
            errors.append(str(error))
            continue
        files.append(
            {
                "url": path,
                "size": source.size,
                "fingerprint": source.fingerprint,
                "mtime_ns": source.mtime_ns,
                "compression": source.compression,
                "written_ns": source.written_ns,
                "samples": [[at, base64.b64encode(data).decode("ascii")] for at, data in samples],
            }
        )
    return {"files": files, "errors": errors[:ERRORS_SENT_MAX]}
