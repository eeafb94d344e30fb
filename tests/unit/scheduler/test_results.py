"""Results: commit before acknowledgment, duplicates, late ones, failures."""

from __future__ import annotations

import pytest

from logan.scheduler.actions import (
    Alarm,
    CancelLease,
    Checked,
    Commit,
    EndJob,
    Grant,
    LostChunk,
    Recovered,
    Resolve,
)
from logan.scheduler.events import CommitFailed, JobCancelled, SourcesUnreadable
from logan.scheduler.limits import Limits
from logan.scheduler.states import StateError
from tests.support.scheduling import Stage

FIRST = ("job", 0, 1)
SECOND = ("job", 0, 2)


def test_a_worker_is_told_only_after_the_commit() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    assert stage.give("alice", FIRST) == [Commit("alice", FIRST, "digest")]
    assert stage.commit(0) == [Resolve("alice", FIRST, True), EndJob("job")]


def test_a_failed_commit_acknowledges_nothing_and_the_chunk_is_done_again() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.give("alice", FIRST)
    assert stage.tell(CommitFailed("job", 0, "disk full")) == [Resolve("alice", FIRST, False)]
    assert stage.ready("alice") == [Grant("alice", SECOND)]
    stage.finish("alice", SECOND)
    assert EndJob("job") in stage.actions


def test_commits_that_always_fail_end_as_missing_bytes_and_not_in_a_loop() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    for attempt in range(1, 1 + Limits().failures_per_chunk_max):
        stage.give("alice", ("job", 0, attempt))
        stage.tell(CommitFailed("job", 0, "disk full"))
        lost = stage.of(LostChunk)
        stage.ready("alice")
    assert lost == [LostChunk("job", 0, "internal", "disk full")]


def test_the_first_result_counts_even_if_its_lease_ran_out() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(5.0)
    stage.join("bob", 1)
    assert stage.leases() == [("bob", SECOND)]
    assert stage.give("alice", FIRST) == [Commit("alice", FIRST, "digest")]
    actions = stage.commit(0)
    assert actions[:2] == [Resolve("alice", FIRST, True), CancelLease("bob", SECOND)]
    assert stage.give("bob", SECOND) == [Resolve("bob", SECOND, False)]  # the job is over


def test_a_result_counts_even_if_its_session_is_gone() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.leave("alice")
    assert stage.give("alice", FIRST) == [Commit("alice", FIRST, "digest")]
    assert Resolve("alice", FIRST, True) not in stage.commit(0)
    assert EndJob("job") in stage.actions


def test_a_second_equal_result_is_acknowledged_with_the_first() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("alice", 1)
    stage.wait(5.0)
    stage.join("bob", 1)
    stage.give("bob", SECOND)
    assert stage.give("alice", FIRST) == []
    stage.commit(0)
    assert stage.of(Resolve) == [Resolve("bob", SECOND, True), Resolve("alice", FIRST, True)]
    assert stage.give("alice", FIRST) == [Resolve("alice", FIRST, True)]


@pytest.mark.parametrize("committed", [False, True])
def test_a_second_result_that_differs_raises_an_alarm(committed: bool) -> None:
    stage = Stage()
    stage.job(2)
    stage.join("alice", 1)
    stage.wait(5.0)
    stage.join("bob", 1)
    stage.give("bob", SECOND, "one")
    if committed:
        stage.commit(0)
    stage.give("alice", FIRST, "other")
    (alarm,) = stage.of(Alarm)
    assert (alarm.chunk, "one" in alarm.what, "other" in alarm.what) == (0, True, True)
    assert stage.of(Resolve) == [Resolve("alice", FIRST, False)]


def test_what_a_journal_says_is_done_is_not_leased_and_any_copy_is_acknowledged() -> None:
    stage = Stage()
    stage.job(3, done=frozenset({0, 2}))
    stage.join("alice", 3)
    assert stage.leases() == [("alice", ("job", 1, 1))]
    assert stage.give("alice", FIRST) == [Resolve("alice", FIRST, True)]
    stage.finish("alice", ("job", 1, 1))
    assert EndJob("job") in stage.actions


def test_results_of_unknown_jobs_and_chunks_are_declined() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    assert stage.give("alice", ("other", 0, 1)) == [Resolve("alice", ("other", 0, 1), False)]
    assert stage.give("alice", ("job", 7, 1)) == [Resolve("alice", ("job", 7, 1), False)]


def test_a_chunk_that_one_worker_cannot_read_goes_to_another_only() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("bob")
    stage.fail("alice", FIRST)
    assert stage.ready("alice") == []
    stage.wait(30.0, ["alice", "bob"])
    assert stage.leases() == []
    stage.ready("bob")
    assert stage.leases() == [("bob", SECOND)]


def test_a_chunk_that_no_other_worker_could_read_is_tried_again_after_a_while() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.fail("alice", FIRST)
    stage.ready("alice")
    stage.wait(4.0, ["alice"])
    assert stage.leases() == []
    stage.wait(1.5, ["alice"])
    assert stage.leases() == [("alice", SECOND)]


def test_a_chunk_that_too_many_could_not_read_is_given_up() -> None:
    stage = Stage()
    stage.job(1)
    for attempt, name in enumerate(("alice", "bob", "carol", "dave"), 1):
        stage.join(name, 1)
        assert stage.leases() == [(name, ("job", 0, attempt))]
        stage.fail(name, ("job", 0, attempt))
    assert stage.actions == [LostChunk("job", 0, "unreadable", "no such file"), EndJob("job")]


def test_chunks_that_no_worker_can_read_are_given_up_unless_they_are_leased() -> None:
    stage = Stage()
    stage.job(4)
    stage.join("alice", 1)
    stage.tell(SourcesUnreadable("job", [0, 1, 2], "permission", "no credentials"))
    assert stage.actions[-2:] == [
        LostChunk("job", 1, "permission", "no credentials"),
        LostChunk("job", 2, "permission", "no credentials"),
    ]
    stage.fail("alice", FIRST, "permission")
    stage.tell(SourcesUnreadable("job", [0, 1, 2], "permission", "no credentials"))
    assert stage.actions[-1] == LostChunk("job", 0, "permission", "no credentials")
    stage.ready("alice")
    assert stage.leases() == [("alice", ("job", 3, 1))]
    stage.tell(SourcesUnreadable("unknown", [0], "permission", "no credentials"))


def test_a_fail_for_a_lease_that_ran_out_changes_nothing() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(5.0)
    assert stage.fail("alice", FIRST, final=True) == []
    assert stage.work().chunks["pending"] == 1


def test_a_recovery_tells_when_it_was_noticed_leased_and_done() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.now = 1.0
    stage.leave("alice")
    stage.now = 1.5
    stage.join("bob", 1)
    stage.now = 2.0
    stage.finish("bob", SECOND)
    assert stage.of(Recovered) == [Recovered("job", 0, "alice", "connection reset", 1.0, 1.5, 2.0)]


def test_cancelling_a_job_stops_its_leases_and_forgets_its_results() -> None:
    stage = Stage()
    stage.job(3)
    stage.join("alice", 2)
    stage.give("alice", FIRST)
    assert stage.tell(JobCancelled("job")) == [
        CancelLease("alice", ("job", 1, 1)),
        Resolve("alice", FIRST, False),
        EndJob("job", cancelled=True),
    ]
    assert stage.commit(0) == []
    assert stage.ready("alice", 2) == []
    assert stage.tell(JobCancelled("job")) == []


def test_a_commit_of_nothing_tells_its_story() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    with pytest.raises(
        StateError, match=r"chunk 0 of job job: 'commit' while it is leased"
    ) as info:
        stage.commit(0)
    assert "pending, then 'grant' (attempt 1)" in str(info.value)


# --- Second opinions ---------------------------------------------------------------------------


def checks(stage: Stage) -> list[bool | None]:
    return [action.agreed for action in stage.of(Checked)]


def test_a_drawn_chunk_is_confirmed_by_another_worker_before_the_job_ends() -> None:
    stage = Stage()
    stage.job(1, verify=frozenset({0}))
    stage.join("alice", 1)
    stage.give("alice", FIRST)
    stage.ready("alice", 1)
    stage.join("bob", 1)
    stage.commit(0)
    # She is acknowledged at once; he, not she, is asked.
    assert stage.of(Resolve) == [Resolve("alice", FIRST, True)]
    assert stage.leases() == [("bob", SECOND)]
    assert not stage.of(EndJob)
    stage.give("bob", SECOND)
    assert checks(stage) == [True]
    assert stage.of(EndJob)


def test_another_second_opinion_raises_an_alarm_and_ends_the_check() -> None:
    stage = Stage()
    stage.job(1, verify=frozenset({0}))
    stage.join("mallory", 1)
    stage.join("bob", 1)
    stage.give("mallory", FIRST, "one")
    stage.commit(0)
    stage.give("bob", SECOND, "another")
    (alarm,) = stage.of(Alarm)
    assert "one from mallory, another from bob" in alarm.what
    assert checks(stage) == [False]
    assert stage.of(Resolve) == [Resolve("bob", SECOND, False)]
    assert stage.of(EndJob)


def test_a_backup_that_is_under_way_becomes_the_second_opinion() -> None:
    stage = Stage()
    stage.job(1, verify=frozenset({0}))
    stage.join("alice", 1)
    stage.join("bob", 1)
    stage.wait(6.0, ["alice", "bob"])
    assert len(stage.granted) == 2
    stage.give("alice", FIRST)
    stage.commit(0)
    assert not stage.of(CancelLease)
    stage.give("bob", SECOND)
    assert checks(stage) == [True]


def test_a_check_lost_with_its_worker_is_done_by_the_next() -> None:
    stage = Stage()
    stage.job(1, verify=frozenset({0}))
    stage.join("alice", 1)
    stage.give("alice", FIRST)
    stage.join("bob", 1)
    stage.join("carol", 1)
    stage.commit(0)
    stage.leave("bob")
    assert stage.leases() == [("carol", ("job", 0, 3))]
    stage.give("carol", ("job", 0, 3))
    assert checks(stage) == [True]


def test_without_another_worker_verification_is_not_waited_for() -> None:
    stage = Stage()
    stage.job(2, verify=frozenset({0, 1}))
    stage.join("alice", 2)
    stage.finish("alice", FIRST)
    # Another worker may connect while there is other work.
    assert checks(stage) == []
    stage.finish("alice", ("job", 1, 1))
    assert checks(stage) == [None, None]
    assert stage.of(EndJob)


def test_a_worker_that_does_not_ask_for_work_is_waited_for_only_so_long() -> None:
    stage = Stage()
    stage.job(1, verify=frozenset({0}))
    stage.join("alice", 1)
    stage.join("bob", 0)
    stage.finish("alice", FIRST)
    stage.wait(9.0, ["alice", "bob"])
    assert checks(stage) == []
    stage.wait(2.0, ["alice", "bob"])
    assert checks(stage) == [None]
    assert stage.of(EndJob)


def test_many_checks_that_no_worker_can_do_do_not_hide_a_lost_chunk() -> None:
    stage = Stage()
    stage.job(40, verify=frozenset(range(39)))
    stage.join("alice", 1)
    for chunk in range(39):
        stage.finish("alice", ("job", chunk, 1))
        stage.ready("alice", 1)
    stage.leave("alice")
    stage.join("alice/2", 1)
    assert stage.leases() == [("alice/2", ("job", 39, 2))]
