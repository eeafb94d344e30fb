"""How the C library keeps memory for a command that runs for days.

By default glibc gives threads pools of their own, and keeps large blocks that were freed once for
later. A watch merges tables of a megabyte several times a second in whatever thread is free: with
one pool, and large blocks given back at once, it takes 30 MiB less, and no more time. What a report
of an hour leaves between blocks that stay has to be asked back.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

__all__ = ["give_back", "keep_little"]

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
SETTINGS: Final = ((M_ARENA_MAX, 1), (M_MMAP_THRESHOLD, 256 * 1024), (M_TRIM_THRESHOLD, 1 << 20))
"""Names and numbers are those of mallopt(3)."""


GIVE_BACK_S: Final = 10.0
"""Going through all that is free takes some milliseconds."""

_given_back_at: list[float] = []


def keep_little() -> bool:
    """Ask for it, before threads begin; whether the C library knows how."""
    import ctypes

    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        return all(mallopt(name, value) == 1 for name, value in SETTINGS)
    return False


def give_back() -> None:
    """Give free memory back to the system, unless that was done just now."""
    import ctypes

    now = time.monotonic()
    if _given_back_at and now - _given_back_at[0] < GIVE_BACK_S:
        return
    _given_back_at[:] = [now]
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
