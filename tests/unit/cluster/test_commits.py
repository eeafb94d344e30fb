"""Results on their way into the journal, without workers and a coordinator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import trio
from trio.testing import MockClock

import logan
from logan._logan import MergeTree, Summary
from logan.cluster.coordinator import events
from logan.cluster.coordinator.commits import ChunkDone, Commits, merge_results
from logan.cluster.coordinator.events import Changes, EventLog
from logan.cluster.coordinator.records import (
    ChunkLost,
    JobEnded,
    JobForgotten,
    JobSetAside,
    Record,
    ResultStored,
    SubtreeStored,
)
from logan.cluster.limits import EVENTS_KEPT_MAX
from logan.errors import JournalError
from tests.support.memory_cluster import inline

SPEC = logan.make_spec()
EMPTY = Summary.empty(SPEC)


def result(tree: MergeTree, chunk: int, job: str = "j") -> ChunkDone:
    return ChunkDone(job, chunk, f"{chunk}", EMPTY, tree)


class Broken:
    """A journal on a disk that is full; `groups` is what it was asked to store."""

    def __init__(self) -> None:
        self.groups: list[Sequence[Record]] = []

    def commit(self, records: Sequence[Record]) -> None:
        self.groups.append(records)
        raise JournalError("the disk is full", hint="make room")

    def close(self) -> None:
        pass


class Told:
    """What became of results."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    def committed(self, result: ChunkDone) -> None:
        self.heard.append(("committed", result.chunk))

    def not_committed(self, result: ChunkDone, why: str) -> None:
        self.heard.append(("not committed", result.chunk))

    def unmerged(self, job: str, why: str) -> None:
        self.heard.append(("unmerged", job))


def run(main: Callable[[], Any]) -> None:
    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_only_the_largest_subtrees_of_a_group_are_stored_behind_its_results() -> None:
    tree, other = MergeTree(SPEC), MergeTree(SPEC)
    lost = ChunkLost("j", 9, "missing", "gone")
    entries: list[ChunkDone | Record] = [result(tree, 0), lost, result(other, 4, "k")]
    entries += [result(tree, 1), result(tree, 2)]
    records, spoilt = merge_results(entries)
    assert spoilt == []
    kinds = [type(each) for each in records]
    assert kinds == [ResultStored, ChunkLost, *[ResultStored] * 3, *[SubtreeStored] * 3]
    stored = [each for each in records if isinstance(each, SubtreeStored)]
    assert [(each.job, each.level, each.place) for each in stored] == [
        ("j", 1, 0),
        ("j", 0, 2),
        ("k", 0, 4),
    ]
    assert merge_results([result(tree, 3)], keep=False)[0] == [ResultStored("j", 3, "3")]


@pytest.mark.parametrize(
    "end", [JobEnded("j", "J", b"{}"), JobForgotten("j"), JobSetAside("j", "")]
)
def test_no_subtree_of_a_job_that_ends_is_stored(end: Record) -> None:
    tree = MergeTree(SPEC)
    records, _ = merge_results([result(tree, 0), end])
    assert records == [ResultStored("j", 0, "0"), end]


def test_a_result_that_does_not_merge_sets_its_job_aside() -> None:
    tree, other = MergeTree(SPEC), MergeTree(SPEC)
    twice = [result(tree, 0), result(tree, 0), result(other, 0, "k"), result(tree, 1)]
    records, (spoilt,) = merge_results(twice)
    assert spoilt.job == "j"
    assert spoilt.why.startswith("the result of chunk 0 does not merge with the others: ")
    assert [type(each) for each in records] == [
        ResultStored,
        JobSetAside,
        ResultStored,
        SubtreeStored,
    ]


def test_the_journal_never_hears_of_a_job_that_is_not_kept() -> None:
    tree, other = MergeTree(SPEC), MergeTree(SPEC)
    mine = [replace(result(tree, chunk), keep=False) for chunk in range(2)]
    records, spoilt = merge_results([*mine, result(other, 0, "k"), mine[0]])
    assert [each.job for each in spoilt] == ["j"]
    assert [(type(each), each.job) for each in records] == [
        (ResultStored, "k"),
        (SubtreeStored, "k"),
    ]
    assert tree.finish().to_bytes() == EMPTY.to_bytes()


def test_tasks_that_wait_for_a_journal_that_fails_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trio.to_thread, "run_sync", inline)

    async def main() -> None:
        commits, told, journal = Commits("state"), Told(), Broken()
        commits._journal = cast(Any, journal)
        tree = MergeTree(SPEC)
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(JournalError, match="disk is full") as caught:
                    await commits.commit(JobForgotten("k"))
                assert caught.value.hint == "make room"

            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            commits.add_result(result(tree, 0), 1, last=True)
            with pytest.raises(JournalError, match="disk is full"):
                await commits.run(told)
        assert told.heard == [("not committed", 0)]
        assert len(journal.groups) == 1
        with pytest.raises(JournalError, match="disk is full"):
            await commits.commit(JobForgotten("k"))
        assert len(commits) == 0, "what can never be written is not kept"

    run(main)


def test_results_are_told_of_and_what_follows_them_is_done_in_order() -> None:
    async def main() -> None:
        commits, told = Commits(None), Told()
        await commits.open()
        tree = MergeTree(SPEC)
        for chunk in (0, 1):
            commits.add_result(result(tree, chunk), 1, last=False)
        commits.add(None, lambda: told.heard.append(("then", None)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commits.run, told)
            await commits.commit(JobForgotten("k"))
            nursery.cancel_scope.cancel()
        assert told.heard == [("committed", 0), ("committed", 1), ("then", None)]
        await commits.close()

    trio.run(main)


def test_events_are_bounded_and_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "EVENT_CHARS_MAX", 5)
    told: list[str] = []
    log = EventLog(lambda event: told.append(event.text))
    for number in range(EVENTS_KEPT_MAX + 2):
        log.note("joined", f"{number:05d} and more")
    assert len(log) == EVENTS_KEPT_MAX
    assert log.total == len(told) == EVENTS_KEPT_MAX + 2
    assert [event.text for event in log.newest(2)] == told[-2:]
    assert log.newest(0) == ()
    assert log[0].n == 3


def test_changes_wake_all_waiting_tasks() -> None:
    async def main() -> None:
        changes, there = Changes(), [False]

        async def wait() -> None:
            await changes.until(lambda: there[0])

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            changes.notify()  # not what they wait for
            await trio.testing.wait_all_tasks_blocked()
            assert len(nursery.child_tasks) == 3
            there[0] = True
            changes.notify()

    run(main)
