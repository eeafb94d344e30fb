"""Files of records: which kinds there are, and writing one so that it is whole or not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from logan._logan import RecordScan
from logan.atomic import is_special, replaced
from logan.errors import CancelledError, OutputError, UsageError
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
    is_stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Write all batches of a scan to `path`, which then holds all of them or what it held before;
    pipes and devices are written to directly. The number of rows.

    Raises:
        OutputError: it cannot be written.
        CancelledError: `is_stopped` says so at the end; nothing was written.
    """
    target = Path(path)
    try:
        if is_special(target) and not target.is_dir():
            with open(target, "wb") as file:
                return scan.write(kind, file.fileno(), total=total, progress=progress)
        if target.is_dir():
            raise OutputError(f"{path} is a folder", hint="name a file in it")
        with replaced(target) as fd:
            rows = scan.write(kind, fd, total=total, progress=progress)
            if is_stopped():
                raise CancelledError(f"interrupted: {path} was not written")
            return rows
    except BrokenPipeError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, (OutputError, UsageError)):
            raise
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = "nothing was written there; choose another place"
        raise OutputError(f"cannot write {path}: {why}", hint=hint) from error
    finally:
        scan.close()
