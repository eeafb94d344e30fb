"""Where a worker keeps the bytes of chunks that it fetched: temporary files, within bounds.

Room is reserved before a byte is fetched, for all leases of the worker together: what does not fit
beside others waits for them to end, and what does not fit at all is refused at once, with a message
that tells the operator what to do. Free space is a guess about the future, so writing may fail all
the same, with the same error.

A spool has the offsets of its source: a sparse file, without blocks for what was not fetched.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import trio

from logan.errors import NO_ROOM, InputError
from logan.limits import MIB

__all__ = ["Spool", "Spools"]

SPOOL_BYTES_MAX: Final = 64 * 1024 * MIB
"""All spools of a worker, however large its disk: a coordinator decides what is leased. An
archive is one chunk; a larger one must be read on the host that stores it."""

FREE_SHARE_MAX: Final = 0.9
"""Share of the free space that spools may use; the rest is left to other programs."""

ROOM_WAIT_S_MAX: Final = 30.0
"""How long a lease waits for room that other leases of its worker hold: well within the minute
after which a lease without progress counts as stalled."""


class Spool:
    """The bytes of one chunk, at their offsets.

    Attributes:
        name: path of the file, which exists until the spool is closed.
    """

    def __init__(self, url: str, size: int, folder: str) -> None:
        self._no_room = (url, size, folder)
        try:
            # The scan gets its name, since it may run in another process.
            self._file = tempfile.NamedTemporaryFile(prefix="logan-", dir=folder)  # noqa: SIM115
        except OSError as error:
            raise no_room(*self._no_room, str(error.strerror or error)) from error
        self.name = self._file.name
        self.written = 0

    def write(self, data: bytes, offset: int) -> None:
        """Raises `InputError` of kind `NO_ROOM`."""
        try:
            while data:
                # A disk that is nearly full may write a part only.
                count = os.pwrite(self._file.fileno(), data, offset)
                data, offset = data[count:], offset + count
                self.written += count
        except OSError as error:
            raise no_room(*self._no_room, str(error.strerror or error)) from error

    def read(self, size: int, offset: int) -> bytes:
        """Bytes that were written at `offset`."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        """Delete the file."""
        self._file.close()


class Spools:
    """The spools of one worker."""

    def __init__(self) -> None:
        self._open: set[Spool] = set()
        self._reserved = 0
        self._freed = trio.Event()

    @asynccontextmanager
    async def open(self, url: str, size: int) -> AsyncIterator[Spool]:
        """A spool for `size` bytes of the source at `url`, once they fit beside the others.

        Raises `InputError`: of kind `NO_ROOM` if they do not fit at all, "cancelled" if the others
        do not make room for them in time.
        """
        folder = _folder()
        await self._wait_for_room(url, size, folder)
        self._reserved += size
        spool: Spool | None = None
        try:
            spool = Spool(url, size, folder)
            self._open.add(spool)
            yield spool
        finally:
            if spool is not None:
                self._open.discard(spool)
                spool.close()
            self._reserved -= size
            self._freed.set()
            self._freed = trio.Event()

    async def _wait_for_room(self, url: str, size: int, folder: str) -> None:
        deadline = trio.current_time() + ROOM_WAIT_S_MAX
        while True:
            try:
                free = await trio.to_thread.run_sync(_free_bytes, folder)
            except OSError as error:
                raise no_room(url, size, folder, str(error.strerror or error)) from error
            free += sum(spool.written for spool in self._open)
            room = min(SPOOL_BYTES_MAX, int(FREE_SHARE_MAX * free))
            if size > room:
                raise no_room(url, size, folder, f"{room:,} may be used")
            if self._reserved + size <= room:
                return
            with trio.move_on_at(deadline) as patience:
                await self._freed.wait()
            if patience.cancelled_caught:
                raise InputError(
                    f"{url}: other leases of this worker hold the room in {folder} that its "
                    f"{size:,} bytes need",
                    input=url,
                    kind="cancelled",
                )


def no_room(url: str, size: int, folder: str, why: str) -> InputError:
    """The error for `size` bytes of a source that cannot be stored in `folder`."""
    return InputError(
        f"{url}: no room in {folder} for the {size:,} bytes that must be fetched: {why}",
        input=url,
        kind=NO_ROOM,
        hint="free space there, or start the worker with TMPDIR set to a folder that has enough",
    )


def _folder() -> str:
    # Not `gettempdir` alone: where TMPDIR is full it silently uses another folder.
    return os.environ.get("TMPDIR") or tempfile.gettempdir()


def _free_bytes(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
