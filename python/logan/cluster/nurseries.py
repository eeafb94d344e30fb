"""Nurseries that end with one error.

Tasks of a connection fail together: the reader, the writer and the heartbeat all notice that it
broke. Which of them was first does not matter to the caller, and `except*` in every shell
would repeat that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio

__all__ = ["Tasks", "main_error", "open_flat_nursery"]


@asynccontextmanager
async def open_flat_nursery() -> AsyncIterator[trio.Nursery]:
    """Like `trio.open_nursery`, but raises the main error alone instead of a group."""
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        raise main_error(group) from None


def main_error(group: BaseExceptionGroup[Any]) -> BaseException:
    """The error to raise: what ends the process before other errors, these before cancellations."""
    errors: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending.extend(error.exceptions)
        else:
            errors.append(error)
    return min(errors, key=_rank)


def _rank(error: BaseException) -> int:
    if isinstance(error, trio.Cancelled):
        return 2
    return 1 if isinstance(error, Exception) else 0


class Tasks:
    """Starts tasks for objects that are made before the nursery is opened."""

    def __init__(self) -> None:
        self.nursery: trio.Nursery | None = None

    def start(self, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Run `work` until it ends, or the nursery does."""
        assert self.nursery is not None
        self.nursery.start_soon(work, *arguments)
