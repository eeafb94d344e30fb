"""From a verified result to its acknowledgement: merge, store in groups, and only then acknowledge.

    queue    results of chunks, and all other records of the journal, in order
    group    what was queued while the last group was written
    merge    each result into its job's tree; in a thread, like the journal
    journal  one transaction, one sync of the disk
    tell     `Listener`, and the tasks that wait in `commit`

A result that does not merge with the others of its job spoils that job alone. When the journal
fails nothing can be acknowledged any more: `run` raises, after it has told the waiting tasks.

Knows neither workers nor the scheduler.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

import trio

from logan._logan import MergeTree, Summary
from logan.cluster.coordinator.journal import Journal, open_journal
from logan.cluster.coordinator.records import (
    JobEnded,
    JobForgotten,
    JobSetAside,
    Record,
    ResultStored,
    StoredFollow,
    StoredJob,
    StoredReport,
    SubtreeStored,
)
from logan.cluster.limits import COMMIT_PAUSE_S, INLINE_BYTES_MAX
from logan.errors import JournalError

__all__ = ["ChunkDone", "Commits", "Listener", "merge_results"]

_ENTRIES_MAX: Final = 1024
"""Entries of one group: what is more waits for the next."""


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk's result, to be put into `tree`, the job's own, and stored, if the journal is to
    `keep` it.

    The caller has checked that the summary is of the job's spec and covers the chunk and nothing
    else; a chunk that was given up before is done all the same.
    """

    job: str
    chunk: int
    digest: str
    summary: Summary
    tree: MergeTree
    note: str | None = None
    keep: bool = True


class Listener(Protocol):
    """Receives from `Commits` what became of results."""

    def committed(self, result: ChunkDone) -> None:
        """The journal has the result."""

    def not_committed(self, result: ChunkDone, why: str) -> None:
        """The record will not be written to the journal."""

    def unmerged(self, job: str, why: str) -> None:
        """A result of the job does not merge with its others, so that it has no figures."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is to be written, if anything, and what is to be done then."""

    what: ChunkDone | Record | None
    then: Callable[[], None] | None = None
    size: int = 0


class Commits:
    """The journal's queue. `open` it, then `run` it in a task of its own.

    Args:
        state: the journal's folder; None for a journal that forgets.
    """

    def __init__(self, state: str | None) -> None:
        self.is_durable = state is not None
        self._state = state
        self._journal: Journal | None = None
        self._entries: deque[_Entry] = deque()
        self._wanted = trio.Event()
        self._hurry = trio.Event()
        self._waiters: set[trio.Event] = set()
        self._failure: JournalError | None = None

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def journal(self) -> Journal:
        """The journal, once it is open."""
        assert self._journal is not None
        return self._journal

    async def open(self) -> tuple[list[StoredJob], list[JobSetAside]]:
        """Open the journal; the jobs it has, and those of them that are damaged. Raises
        `JournalError`."""
        self._journal = await trio.to_thread.run_sync(open_journal, self._state)
        return await trio.to_thread.run_sync(self.journal.resume)

    async def follows(self) -> tuple[list[StoredFollow], list[JobSetAside]]:
        """The follow jobs that the journal has, and those of them that are damaged."""
        return await trio.to_thread.run_sync(self.journal.follows)

    async def close(self) -> None:
        """Free the journal, if it is open."""
        if self._journal is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._journal.close)

    async def report(self, identity: str) -> StoredReport | None:
        """The report of that identity that the journal has, if it has one."""
        return await trio.to_thread.run_sync(self.journal.report, identity)

    def add_result(self, result: ChunkDone, size: int, *, last: bool) -> None:
        """Merge and write a result, whose summary has `size` bytes; `last` if nothing else of its
        job is to come, so that waiting for more would only delay its end."""
        self._put(_Entry(result, size=size), hurry=last)

    def add(self, record: Record | None, then: Callable[[], None] | None = None) -> None:
        """Write `record`, if any, and do `then` after it."""
        self._put(_Entry(record, then), hurry=True)

    async def commit(self, record: Record) -> None:
        """Return once the journal has the record. Raises `JournalError` if it never will."""
        written = trio.Event()
        if self._failure is None:
            self.add(record, written.set)
            self._waiters.add(written)
            try:
                await written.wait()
            finally:
                self._waiters.discard(written)
        if self._failure is not None:
            raise JournalError(self._failure.message, hint=self._failure.hint)

    def _put(self, entry: _Entry, *, hurry: bool) -> None:
        self._entries.append(entry)
        if hurry:
            self._hurry.set()
        self._wanted.set()

    async def run(self, listener: Listener) -> None:
        """Write what is to be written, together, and only then go on with what waited for it.

        Raises `JournalError` when the journal fails.
        """
        began = -math.inf
        while True:
            if not self._entries:
                self._wanted = trio.Event()
                await self._wanted.wait()
            if self.is_durable:
                with trio.move_on_at(began + COMMIT_PAUSE_S):
                    await self._hurry.wait()
                self._hurry = trio.Event()
                began = trio.current_time()
            count = min(len(self._entries), _ENTRIES_MAX)
            group = [self._entries.popleft() for _ in range(count)]
            try:
                spoilt = await self._write(group)
            except JournalError as error:
                self._fail(group, listener, error)
                raise
            for each in spoilt:
                listener.unmerged(each.job, each.why)
            for entry in group:
                if isinstance(entry.what, ChunkDone):
                    listener.committed(entry.what)
                if entry.then is not None:
                    entry.then()

    async def _write(self, group: list[_Entry]) -> list[JobSetAside]:
        """Merge and store; the jobs of which a result does not merge."""
        entries = [entry.what for entry in group if entry.what is not None]
        if not self.is_durable and sum(entry.size for entry in group) <= INLINE_BYTES_MAX:
            spoilt = self._merge_and_store(entries)  # it only merges
            await trio.lowlevel.checkpoint()
            return spoilt
        return await trio.to_thread.run_sync(self._merge_and_store, entries) if entries else []

    def _merge_and_store(self, entries: list[ChunkDone | Record]) -> list[JobSetAside]:
        records, spoilt = merge_results(entries, keep=self.is_durable)
        self.journal.commit(records)
        return spoilt

    def _fail(self, group: list[_Entry], listener: Listener, error: JournalError) -> None:
        self._failure = error
        for entry in group:
            if isinstance(entry.what, ChunkDone):
                listener.not_committed(entry.what, str(error))
        for written in self._waiters:
            written.set()


def merge_results(
    entries: Iterable[ChunkDone | Record], *, keep: bool = True
) -> tuple[list[Record], list[JobSetAside]]:
    """Put results into their jobs' trees; what the journal shall have of `entries`, in order, and
    the jobs of which a result does not merge.

    Of the subtrees that a group completes only the largest are to be stored, at its end; none if
    not `keep`. Blocking.
    """
    records: list[Record] = []
    spoilt: dict[str, JobSetAside] = {}
    fresh: dict[str, dict[tuple[int, int], MergeTree]] = {}
    for each in entries:
        if not isinstance(each, ChunkDone):
            if isinstance(each, JobEnded | JobForgotten | JobSetAside):
                fresh.pop(each.job, None)
            records.append(each)
            continue
        if each.job in spoilt:
            continue
        try:
            level, place = each.tree.insert(each.chunk, each.summary)
        except Exception as error:
            why = f"the result of chunk {each.chunk} does not merge with the others: {error}"
            spoilt[each.job] = JobSetAside(each.job, why)
            fresh.pop(each.job, None)
            if each.keep:
                records.append(spoilt[each.job])
            continue
        if not each.keep:
            continue
        records.append(ResultStored(each.job, each.chunk, each.digest, each.note))
        subtrees = fresh.setdefault(each.job, {})
        for below, at in [p for p in subtrees if p[0] < level and p[1] >> (level - p[0]) == place]:
            del subtrees[below, at]
        subtrees[level, place] = each.tree
    if keep:
        for job, subtrees in fresh.items():
            for (level, place), tree in subtrees.items():
                summary = tree.subtree(level, place)
                if summary is None:
                    raise JournalError("a merge tree was changed by another process")
                records.append(SubtreeStored(job, level, place, summary.to_bytes()))
    return records, list(spoilt.values())
