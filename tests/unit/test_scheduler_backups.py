"""Backup leases: near the end of a job, and for leases without progress."""

from __future__ import annotations

from logan.scheduler.actions import CancelLease, EndJob, Grant, Recovered
from tests.unit.scheduling import MB, Stage


def finish_first(stage: Stage, session: str, seconds: float) -> None:
    """The worker needs so long for its first chunk, so its rate is known."""
    (key,) = [grant.key for grant in stage.granted if grant.session == session]
    stage.now = seconds
    stage.finish(session, key)


def slow_and_fast() -> Stage:
    """alice needs 8 s for a chunk and holds the last one; bob needs 1 s and has nothing left."""
    stage = Stage()
    stage.job(3)
    stage.join("alice", 1)
    stage.join("bob", 1)
    finish_first(stage, "bob", 1.0)
    for second in range(2, 9):
        stage.now = float(second)
        stage.beat("alice", MB // 8)
        stage.beat("bob")
    finish_first(stage, "alice", 8.0)
    return stage


def test_the_slowest_chunk_is_backed_up_by_an_idle_worker_and_the_loser_cancelled() -> None:
    stage = slow_and_fast()
    assert stage.ready("alice") == [Grant("alice", ("job", 2, 1))]
    assert stage.ready("bob") == [Grant("bob", ("job", 2, 2))]
    stage.now = 9.0
    stage.finish("bob", ("job", 2, 2))
    assert stage.of(CancelLease) == [CancelLease("alice", ("job", 2, 1))]
    assert EndJob("job") in stage.actions
    assert stage.of(Recovered) == []  # nothing had failed
    assert stage.worker("alice").lost == 0


def test_no_backup_while_fresh_chunks_wait() -> None:
    stage = slow_and_fast()
    stage.job(1, id="other")
    stage.ready("alice")
    assert stage.ready("bob") == [
        stage.actions[0],
        Grant("bob", ("other", 0, 1)),
    ]


def test_a_lease_that_will_be_done_soon_is_not_backed_up() -> None:
    stage = Stage()
    stage.job(3)
    stage.join("alice", 1)
    stage.join("bob", 1)
    finish_first(stage, "bob", 1.0)
    finish_first(stage, "alice", 1.1)
    stage.ready("alice")
    assert stage.ready("bob") == []
    # Overdue by more than bob would need for it from the start.
    stage.wait(3.0, ["alice", "bob"])
    assert stage.leases() == [("bob", ("job", 2, 2))]


def test_without_any_figures_a_lease_time_without_progress_is_slow() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("bob", 1)
    stage.wait(4.5, ["alice", "bob"])
    assert stage.leases() == []
    stage.wait(1.0, ["alice", "bob"])
    assert stage.leases() == [("bob", ("job", 0, 2))]


def test_the_loss_of_a_backup_or_of_what_it_backs_up_leaves_the_other_at_work() -> None:
    for loser in ("alice", "bob"):
        stage = slow_and_fast()
        stage.ready("alice")
        stage.ready("bob")
        stage.leave(loser)
        assert stage.leases() == []
        assert stage.work().chunks["leased"] == 1


def test_never_more_than_two_leases() -> None:
    stage = slow_and_fast()
    stage.ready("alice")
    stage.ready("bob")
    stage.join("carol", 1)
    stage.wait(10.0, ["alice", "bob", "carol"])
    assert stage.leases() == []


def test_only_holders_back_up() -> None:
    stage = Stage()
    stage.job(1, holders=frozenset({"alice"}))
    stage.join("alice", 1)
    stage.join("bob", 1)
    stage.wait(30.0, ["alice", "bob"])
    assert stage.leases() == []


def test_a_lease_without_progress_is_backed_up_after_a_minute_and_then_revoked() -> None:
    stage = Stage()
    stage.job(50)
    stage.join("alice", 1)
    stage.join("bob")
    stage.wait(59.0, ["alice", "bob"])
    stage.ready("bob")
    assert stage.leases() == [("bob", ("job", 1, 1))]
    stage.wait(1.5, ["alice", "bob"])
    stage.finish("bob", ("job", 1, 1))
    # Before all fresh chunks, though alice still renews her lease.
    assert stage.ready("bob") == [Grant("bob", ("job", 0, 2))]
    stage.wait(60.0, ["alice", "bob"], scanned=1)
    assert stage.of(CancelLease) == []
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(121.0, ["alice"])
    assert stage.of(CancelLease) == [CancelLease("alice", ("job", 0, 1))]
    assert stage.ready("alice") == [Grant("alice", ("job", 0, 2))]


def test_progress_keeps_a_long_scan_alive() -> None:
    stage = Stage()
    stage.job(1, bytes=1000 * MB)
    stage.join("alice", 1)
    stage.wait(500.0, ["alice"], scanned=MB)
    assert stage.of(CancelLease) == []
    assert stage.work().scanned_bytes == 500 * MB
