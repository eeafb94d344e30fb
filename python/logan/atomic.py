"""Files that hold all of what is written, or what they held before. Imports nothing of logan."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_special", "replace_file", "replaced"]


def is_special(target: Path) -> bool:
    """Whether `target` is a pipe or a device, which can only be written to directly."""
    return target.exists() and not target.is_file()


def replace_file(target: Path, data: bytes) -> None:
    """Write `data` to `target`, which links are followed to, at once. Raises `OSError`."""
    with replaced(target) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)


@contextmanager
def replaced(target: Path) -> Iterator[int]:
    """A descriptor to write to what `target`, which links are followed to, holds after the block.

    Where the file system can, the new file has no name until it is whole, so that nothing is left
    of it however the process ends. Raises `OSError`.
    """
    target = target.resolve()
    with _new_file(target.parent) as (fd, temporary):
        yield fd
        os.fchmod(fd, _mode_for(target))
        os.fsync(fd)
        named = _name_for(fd, target.parent) if temporary is None else temporary
        try:
            os.replace(named, target)
        except BaseException:
            if temporary is None:
                os.unlink(named)
            raise


@contextmanager
def _new_file(folder: Path) -> Iterator[tuple[int, str | None]]:
    """A new file in `folder`, and its name if it has one; that is gone if the block raises."""
    import tempfile

    temporary = None
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except (AttributeError, OSError):  # neither every system nor every file system can
        # Not named for the target: with more to it, a name that is just short enough were too long.
        fd, temporary = tempfile.mkstemp(prefix=".logan-", dir=folder)
    try:
        yield fd, temporary
    except BaseException:
        if temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise
    finally:
        os.close(fd)


def _name_for(fd: int, folder: Path) -> str:
    """A name for a file that has none."""
    import secrets

    name = str(folder / f".logan-{secrets.token_hex(8)}")
    links = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.link(str(fd), name, src_dir_fd=links, follow_symlinks=True)
    finally:
        os.close(links)
    return name


def _mode_for(target: Path) -> int:
    """The mode of the file to be replaced, else what the umask gives a new one."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except OSError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask
