"""Files of records: which kinds there are, and writing one so that it is whole or not there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from logan._logan import RecordScan
from logan.atomic import cannot_write, is_special, replacing, resolved
from logan.errors import OutputError, UsageError
from logan.options import RECORD_FILES

__all__ = ["kind_of", "refuse_inputs", "write_batches", "write_scan"]


def kind_of(path: str, asked: str | None = None) -> str:
    """What to write to `path`: what was asked for, else what its suffix says.

    Raises `UsageError` if neither names one.
    """
    if asked is not None:
        if asked not in RECORD_FILES:
            raise UsageError(
                f"records cannot be written as {asked!r}",
                hint=f"known kinds: {', '.join(RECORD_FILES)}",
            )
        return asked
    found = next((kind for kind, ends in RECORD_FILES.items() if path.lower().endswith(ends)), None)
    if found is None:
        suffixes = ", ".join(each[0] for each in RECORD_FILES.values())
        raise UsageError(
            f"{path}: its suffix names no known kind of file",
            hint=f"end its name in {suffixes}, or name the kind: {', '.join(RECORD_FILES)}",
        )
    return found


def refuse_inputs(path: str, inputs: Iterable[str]) -> None:
    """Raise `UsageError` if the file to write is one of the inputs, by whatever name."""
    if any(_is_same_file(path, each) for each in inputs):
        raise UsageError(
            f"{path} is both an input and the file to write", hint="write to another file"
        )


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.isfile(one) and os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def write_batches(
    scan: RecordScan,
    kind: str,
    fd: int,
    *,
    total: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write all batches of a scan to a descriptor; the number of rows. Raises `OSError`."""
    try:
        return scan.write(kind, fd, total=total, progress=progress)
    except OSError as error:
        # The writer of CSV hands on no more than the text of the system's error.
        found = re.search(r"\(os error (\d+)\)$", str(error))
        if found is None:
            raise
        code = int(found[1])
        raise OSError(code, os.strerror(code)) from error


def write_scan(
    scan: RecordScan,
    path: str,
    kind: str,
    *,
    total: int = 0,
    progress: Callable[[int, int], None] | None = None,
    check: Callable[[], None] = lambda: None,
) -> int:
    """Write all batches of a scan to `path`, which then holds all of them or what it held before;
    pipes and devices are written to directly. The number of rows. What `check` raises at the end
    leaves the file as it was.

    Raises `OutputError`.
    """
    try:
        target = _checked(path)
        with replacing(path) as fd:
            rows = write_batches(scan, kind, fd, total=total, progress=progress)
            if not is_special(target):
                check()
            return rows
    finally:
        scan.close()


def _checked(path: str) -> Path:
    try:
        target = resolved(Path(path))
        if target.is_dir():
            raise OutputError(f"{path} is a folder", hint="name a file in it")
        if not target.parent.is_dir():
            raise OutputError(
                f"cannot write {path}: no such folder: {target.parent}", hint="create it first"
            )
    except (OSError, ValueError) as error:  # a name too long, a NUL, a loop of links
        raise cannot_write(path, error) from error
    return target
