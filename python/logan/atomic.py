"""Files that hold all of what is written, or what they held before. Imports nothing of logan."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["is_special", "replace_file"]


def is_special(target: Path) -> bool:
    """Whether `target` is a pipe or a device, which can only be written to directly."""
    return target.exists() and not target.is_file()


def replace_file(target: Path, data: bytes) -> None:
    """Write `data` to `target`, which links are followed to, at once. Raises `OSError`."""
    import tempfile

    target = target.resolve()
    # Not named for the target: with more to it, a name that is just short enough were too long.
    fd, temporary = tempfile.mkstemp(prefix=".logan-", dir=target.parent)
    try:
        with open(fd, "wb") as file:
            os.fchmod(file.fileno(), _mode_for(target))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _mode_for(target: Path) -> int:
    """The mode of the file to be replaced, else what the umask gives a new one."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
