"""Files that hold all of what is written, or what they held before.

Where a file cannot do without a name before it is whole, that is `.logan-…`, in the same folder.
Its writer holds a lock on it, so what a killed process left can be told from what another one
writes, and is removed by the next write to that folder.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from logan.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["cannot_write", "is_special", "replaced", "replacing", "resolved", "write_whole"]

PREFIX: Final = ".logan-"
_SUFFIX_CHARS: Final = 8
"""Of `tempfile`'s names, and so of ours."""


def is_special(target: Path) -> bool:
    """Whether `target` is a pipe or a device, which can only be written to directly."""
    return target.exists() and not target.is_file()


def resolved(target: Path) -> Path:
    """`target` with every link in it followed. Raises `OSError` for a link that leads to itself,
    and for a name that no file can have or that may not be looked at.

    `Path.resolve` raises `RuntimeError` for such a link before Python 3.13, and returns it since,
    so that writing would replace it. `Path.is_symlink` hides all errors since Python 3.14.
    """
    try:
        found = target.resolve()
    except RuntimeError as error:
        raise _link_loop() from error
    try:
        mode = os.lstat(found).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return found
    if stat.S_ISLNK(mode):
        raise _link_loop()
    return found


def _link_loop() -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def cannot_write(path: str | os.PathLike[str], error: Exception) -> OutputError:
    """The error for users of what went wrong with writing to `path`."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = "nothing was written there; choose another place"
    return OutputError(f"cannot write {os.fspath(path)}: {why}", hint=hint)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[int]:
    """A descriptor to write to, so that `path` holds either all of it or what it held before.

    Pipes and devices are written to directly. Raises `OutputError` for what goes wrong in the block
    with writing, too.
    """
    from pathlib import Path  # not for `logan --help`

    try:
        target = Path(path)
        direct = is_special(target)
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        raise cannot_write(path, error) from error
    try:
        if direct:
            with open(target, "wb", buffering=0) as file:
                yield file.fileno()
            return
        with replaced(target) as fd:
            yield fd
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from error


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file as `replacing` does. Raises `OutputError`."""
    with replacing(path) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)


@contextmanager
def replaced(target: Path) -> Iterator[int]:
    """A descriptor to write to what `target`, which links are followed to, holds after the block.

    Where the file system can, the new file has no name until it is whole, so that nothing is left
    of it however the process ends; elsewhere the next write removes it. Raises `OSError`.
    """
    target = resolved(target)
    if sys.platform == "win32":
        with _replaced_unlocked(target) as fd:
            yield fd
        return
    _sweep(target.parent)
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
def _replaced_unlocked(target: Path) -> Iterator[int]:
    """The same on Windows, which neither has such locks nor replaces by a file that is open. What a
    killed process left stays."""
    import tempfile

    fd, temporary = tempfile.mkstemp(prefix=PREFIX, dir=target.parent)
    try:
        try:
            yield fd
            os.fsync(fd)
        finally:
            os.close(fd)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def _new_file(folder: Path) -> Iterator[tuple[int, str | None]]:
    """A new file in `folder`, and its name if it has one; that is gone if the block raises."""
    temporary = None
    try:
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        _lock(fd)
    except (AttributeError, OSError):  # neither every system nor every file system can
        fd, temporary = _named_file(folder)
    try:
        yield fd, temporary
    except BaseException:
        if temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
        raise
    finally:
        os.close(fd)


def _named_file(folder: Path) -> tuple[int, str]:
    """A new file that is locked, and its name."""
    import tempfile

    while True:
        # Not named for the target: with more to it, a name that is just short enough were too long.
        fd, name = tempfile.mkstemp(prefix=PREFIX, dir=folder)
        _lock(fd)
        if os.fstat(fd).st_nlink:
            return fd, name
        os.close(fd)  # another writer took it for one that was left, before it was locked


def _lock(fd: int, *, wait: bool = True) -> bool:
    """Lock a file for as long as it is open; False if that is not possible, or without `wait` if
    another process has it locked."""
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(folder: Path) -> None:
    """Remove files that writers left that no longer live."""
    with suppress(OSError), os.scandir(folder) as entries:
        names = [
            each.path
            for each in entries
            if each.name.startswith(PREFIX)
            and len(each.name) == len(PREFIX) + _SUFFIX_CHARS
            and each.is_file(follow_symlinks=False)
        ]
        for name in names:
            with suppress(OSError):
                fd = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    if _lock(fd, wait=False):
                        os.unlink(name)
                finally:
                    os.close(fd)


def _name_for(fd: int, folder: Path) -> str:
    """A name for a file that has none."""
    import secrets

    name = str(folder / f"{PREFIX}{secrets.token_hex(4)}")
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
