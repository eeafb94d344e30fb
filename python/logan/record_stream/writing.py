"""Files of records: which kinds there are, and writing one so that it is whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from logan._logan import RecordScan
from logan.atomic import is_special, replaced
from logan.errors import OutputError, UsageError
from logan.options import RECORD_FILES

__all__ = ["kind_of", "write_scan"]


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
        if is_special(target):
            with open(target, "wb") as file:
                return scan.write(kind, file.fileno(), total=total, progress=progress)
        with replaced(target) as fd:
            rows = scan.write(kind, fd, total=total, progress=progress)
            check()
            return rows
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    finally:
        scan.close()


def _checked(path: str) -> Path:
    try:
        target = Path(path).resolve()
        if target.is_dir():
            raise OutputError(f"{path} is a folder", hint="name a file in it")
        if not target.parent.is_dir():
            raise OutputError(
                f"cannot write {path}: no such folder: {target.parent}", hint="create it first"
            )
    except (ValueError, RuntimeError) as error:  # a NUL, a loop of links
        raise _cannot_write(path, str(error)) from error
    return target


def _cannot_write(path: str, why: str) -> OutputError:
    hint = "nothing was written there; choose another place"
    return OutputError(f"cannot write {path}: {why}", hint=hint)
