"""Backup leases: near the end of a job, and for leases without progress."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from logan.scheduler.actions import CancelLease, EndJob, Grant, Recovered
from logan.scheduler.events import LeaseKey, Progress, TimePassed, WorkerHeard
from tests.support.scheduling import MB, Stage


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


def test_a_third_worker_takes_the_place_of_the_slower_of_two() -> None:
    stage = slow_and_fast()
    stage.ready("alice")
    stage.ready("bob")
    stage.join("carol", 1)
    stage.wait(2.0, ["alice", "bob", "carol"])
    assert stage.leases() == []
    # Bob, who is fast, has not come forward either; alice needs six more seconds at least.
    stage.wait(8.0, ["alice", "bob", "carol"])
    assert stage.of(CancelLease) == [CancelLease("alice", ("job", 2, 1), "replaced")]
    assert stage.leases() == [("carol", ("job", 2, 3))]
    assert stage.worker("alice").lost == 0


@pytest.mark.parametrize("end", ["lost", "failed"])
def test_a_replaced_worker_is_asked_again_when_the_faster_lease_came_to_nothing(end: str) -> None:
    stage = slow_and_fast()
    stage.ready("alice")
    stage.ready("bob")
    stage.join("carol", 1)
    stage.wait(10.0, ["alice", "bob", "carol"])
    assert stage.leases() == [("carol", ("job", 2, 3))]  # in the place of alice
    stage.ready("alice")
    stage.wait(20.0, ["alice", "bob", "carol"])
    assert stage.leases() == []
    if end == "lost":
        stage.leave("bob")
    else:
        stage.fail("bob", ("job", 2, 2))
    stage.wait(5.0, ["alice", "carol"])
    assert ("alice", ("job", 2, 4)) in [(each.session, each.key) for each in stage.granted]


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
    assert stage.of(CancelLease) == [CancelLease("alice", ("job", 0, 1), "no progress")]
    assert stage.ready("alice") == [Grant("alice", ("job", 0, 2))]


def test_progress_keeps_a_long_scan_alive() -> None:
    stage = Stage()
    stage.job(1, bytes=1000 * MB)
    stage.join("alice", 1)
    stage.wait(500.0, ["alice"], scanned=MB)
    assert stage.of(CancelLease) == []
    assert stage.work().scanned_bytes == 500 * MB


def reports(stage: Stage, session: str, *scanned: int, others: Sequence[str] = ()) -> None:
    """What the session reports of its only lease, a second after the other; `others` are heard."""
    for bytes in scanned:
        stage.now += 1.0
        leases = stage.worker(session).leases
        stage.tell(WorkerHeard(session, tuple(Progress(each.key, bytes) for each in leases)))
        for name in others:
            stage.beat(name)
        stage.tell(TimePassed())


def test_progress_tells_that_a_lease_is_slow_before_anything_was_returned() -> None:
    stage = Stage()
    stage.job(1, bytes=30 * MB)
    stage.join("alice", 1)
    reports(stage, "alice", 300_000, 600_000)
    stage.join("bob", 1)
    assert stage.leases() == [("bob", ("job", 0, 2))]


def test_a_worker_that_is_slow_at_what_it_holds_is_no_help_to_others() -> None:
    stage = Stage()
    stage.job(2, bytes=30 * MB)
    stage.join("alice", 1)
    stage.join("bob", 1)
    stage.ready("alice")
    stage.ready("bob")
    stage.wait(8.0, ["alice", "bob"], scanned=300_000)
    stage.join("carol", 1)
    stage.wait(0.3)
    assert [grant.session for grant in stage.granted] == ["alice", "bob", "carol"]


def test_progress_that_does_not_come_true_is_not_believed() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("mallory", 1)
    stage.join("bob", 1)
    reports(stage, "mallory", 900_000, 990_000, others=["bob"])
    assert stage.granted == [Grant("mallory", ("job", 0, 1))]
    reports(stage, "mallory", 999_000, 999_900, others=["bob"])
    assert stage.granted[1:] == [Grant("bob", ("job", 0, 2))]


def test_progress_that_is_not_believed_does_not_make_its_worker_slow() -> None:
    stage = Stage()
    stage.job(1, id="small", bytes=1000)
    stage.job(2)
    stage.join("carol", 2)
    stage.join("alice", 1)
    for second, scanned in enumerate((900, 990, *[999] * 8), start=1):
        stage.now = float(second)
        true = Progress(("job", 0, 1), second * MB // 11)
        stage.tell(WorkerHeard("carol", (Progress(("small", 0, 1), scanned), true)))
        stage.beat("alice", 10_000)
        stage.tell(TimePassed())
    # A megabyte in ten seconds, beside the chunk that does not end.
    stage.finish("carol", ("job", 0, 1))
    stage.leave("carol")
    stage.give("bob", ("small", 0, 9))
    stage.commit(0, "small")
    stage.join("carol/2", 1)
    stage.wait(1.0)
    assert stage.granted[-1] == Grant("carol/2", ("job", 1, 2))


def test_a_lease_that_only_reports_progress_is_revoked_like_one_without() -> None:
    stage = Stage()
    stage.job(1, bytes=1000)
    stage.join("mallory", 1)
    reports(stage, "mallory", *range(900, 999), *[999] * 40)
    assert stage.worker("mallory").lost == 1


def test_a_worker_that_breaks_such_promises_again_and_again_is_paused() -> None:
    stage = Stage()
    stage.job(9)
    stage.join("bob")
    for number in range(4):
        stage.join(f"mallory/{number}", 1)
        key = stage.granted[-1].key
        for _ in range(8):
            stage.now += 1.0
            stage.tell(WorkerHeard(f"mallory/{number}", (Progress(key, MB),)))
            stage.tell(WorkerHeard("bob"))
            stage.tell(TimePassed())
        # Another worker finishes the chunk meanwhile.
        stage.give("bob", (key[0], key[1], 9))
        stage.commit(key[1])
        stage.leave(f"mallory/{number}", clean=True)
    assert stage.worker("mallory").pauses == 1


def test_workers_of_unknown_speed_are_tried_one_after_the_other_and_within_bounds() -> None:
    """Ten equal workers, and one chunk of half a minute: few of them scan it in vain."""
    stage = Stage()
    stage.job(1, bytes=30 * MB)
    names = [f"w{number}" for number in range(10)]
    for name in names:
        stage.join(name, 1)
    since: dict[LeaseKey, float] = {("job", 0, 1): 0.0}
    for second in range(1, 30):
        stage.wait(second - stage.now)
        for name in names:
            leases = stage.worker(name).leases
            scanned = tuple(
                Progress(each.key, int((second - since.setdefault(each.key, stage.now)) * MB))
                for each in leases
            )
            stage.tell(WorkerHeard(name, scanned))
    assert 2 <= len(stage.granted) <= 5
    assert [each.key for each in stage.worker("w0").leases] == [("job", 0, 1)]
    stage.give("w0", ("job", 0, 1))
    stage.commit(0)
    assert EndJob("job") in stage.actions


def test_a_distant_worker_is_not_backed_up_for_the_time_that_messages_take() -> None:
    """Each way takes a second: it answers three seconds after the grant, and is as fast as any."""
    stage = Stage()
    stage.job(3, bytes=4 * MB)
    stage.join("near", 1)
    finish_first(stage, "near", 4.0)
    stage.join("distant", 1)
    key = stage.granted[-1].key
    stage.ready("near")
    for number in range(1, 4):
        stage.now = 4.0 + 2.0 + number
        stage.tell(WorkerHeard("distant", (Progress(key, number * MB),)))
        stage.beat("near", MB)
        stage.tell(TimePassed())
    stage.finish("near", ("job", 2, 1))
    stage.ready("near")
    stage.now += 1.0
    stage.tell(TimePassed())
    assert len(stage.granted) == 3
    stage.finish("distant", key)
    assert EndJob("job") in stage.actions
