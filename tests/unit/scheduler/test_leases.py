"""Leases: which worker gets one, what keeps it, and what happens when it is lost."""

from __future__ import annotations

import pytest

from logan.errors import UsageError
from logan.scheduler.actions import CancelLease, CloseSession, Grant, LostChunk, SendJob
from logan.scheduler.events import Progress, TimePassed, WorkerHeard
from logan.scheduler.limits import Limits
from tests.support.scheduling import Stage


def test_a_worker_gets_as_many_leases_as_it_asks_for_and_the_job_first() -> None:
    stage = Stage()
    stage.job(3)
    assert stage.join("alice", 2) == [
        SendJob("alice", "job"),
        Grant("alice", ("job", 0, 1)),
        Grant("alice", ("job", 1, 1)),
    ]
    assert stage.ready("alice", 1) == [Grant("alice", ("job", 2, 1))]


def test_ready_is_an_absolute_number() -> None:
    stage = Stage()
    stage.join("alice", 2)
    stage.ready("alice", 2)
    stage.job(9)
    assert len(stage.leases()) == 2


def test_a_session_holds_no_more_than_a_heartbeat_lists() -> None:
    stage = Stage()
    stage.job(40)
    assert len(stage.join("alice", 1_000_000)) == 1 + Limits().leases_per_session_max


def test_an_idle_worker_gets_work_the_moment_there_is_some() -> None:
    stage = Stage()
    stage.join("alice", 1)
    stage.job(1)
    assert stage.leases() == [("alice", ("job", 0, 1))]


def test_heartbeats_keep_the_leases_that_they_list() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("alice", 2)
    for _ in range(12):
        stage.wait(1.0)
        stage.tell(WorkerHeard("alice", (Progress(("job", 0, 1), 0),)))
    assert stage.worker("alice").leases[0].key == ("job", 0, 1)
    assert stage.work().chunks["leased"] == 2
    # The other was not listed: it ran out, and went to the worker that has a place free for it.
    assert ("alice", ("job", 1, 2)) in [(each.session, each.key) for each in stage.granted]


def test_any_frame_proves_life_but_renews_nothing() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(4.0)
    stage.ready("alice", 0)
    stage.wait(0.9)
    assert stage.work().chunks["leased"] == 1
    stage.wait(0.2)
    assert stage.work().chunks["pending"] == 1


def test_a_silent_workers_lease_runs_out_after_five_seconds_and_goes_to_another() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("bob")
    stage.wait(4.5, ["bob"])
    stage.ready("bob")
    assert stage.leases() == []
    stage.wait(0.5)
    assert ("bob", ("job", 0, 2)) in stage.leases()
    assert stage.worker("alice").lost == 1


def test_a_heartbeat_after_the_deadline_revives_nothing() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(5.0)
    stage.tell(WorkerHeard("alice", (Progress(("job", 0, 1), 10),)))
    assert stage.worker("alice").leases == ()
    assert stage.of(CancelLease) == []  # its result may still be the first


def test_a_worker_that_scans_what_is_done_is_told_to_stop() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("alice", 1)
    stage.wait(5.0)
    stage.join("bob", 1)
    stage.finish("bob", ("job", 0, 2))
    stage.tell(WorkerHeard("alice", (Progress(("job", 0, 1), 10),)))
    assert stage.of(CancelLease) == [CancelLease("alice", ("job", 0, 1))]


def test_a_worker_that_hangs_in_what_it_has_no_lease_for_is_told_to_stop() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("alice/2", 0)
    stray = (Progress(("job", 0, 1), 10),)
    for _ in range(60):
        assert stage.tell(WorkerHeard("alice/2", stray)) == []
        stage.wait(1.0)
    assert stage.tell(WorkerHeard("alice/2", stray)) == [CancelLease("alice/2", ("job", 0, 1))]


def test_a_closed_connection_frees_its_leases_at_once() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("bob", 1)
    stage.now = 0.1
    stage.leave("alice")
    assert stage.leases() == [("bob", ("job", 0, 2))]


def test_lost_chunks_go_first() -> None:
    stage = Stage()
    stage.job(5)
    stage.join("alice", 2)
    stage.leave("alice")
    stage.join("bob", 3)
    assert [key[1] for _, key in stage.leases()] == [0, 1, 2]


def test_after_two_losses_a_chunk_is_scanned_isolated() -> None:
    stage = Stage()
    stage.job(1)
    isolated = []
    for session in ("alice", "bob", "carol"):
        stage.join(session, 1)
        isolated.append(stage.of(Grant)[0].isolated)
        stage.leave(session)
    assert isolated == [False, False, True]


def test_a_lease_given_back_with_a_goodbye_is_no_loss() -> None:
    stage = Stage()
    stage.job(1)
    for number in range(3):
        stage.join(f"alice/{number}", 1)
        stage.leave(f"alice/{number}", clean=True)
    stage.join("bob", 1)
    assert stage.of(Grant) == [Grant("bob", ("job", 0, 4), isolated=False)]
    assert stage.worker("alice").lost == 0


def test_lost_connections_give_a_chunk_up_only_after_very_many() -> None:
    stage = Stage()
    stage.job(2)
    for number in range(Limits().losses_per_chunk_max):
        assert stage.of(LostChunk) == []
        stage.join(f"worker{number}", 1)
        stage.leave(f"worker{number}")
    (lost,) = stage.of(LostChunk)
    assert (lost.chunk, lost.kind) == (0, "poison")
    assert "16 times" in lost.why
    assert "worker15" in lost.why
    stage.join("bob", 1)
    assert [key[1] for _, key in stage.leases()] == [1]


def test_a_reconnecting_worker_replaces_its_own_old_session() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("alice", 1)
    stage.join("alice/2", 1)
    assert [each.session for each in stage.of(CloseSession)] == ["alice"]
    assert stage.leases() == [("alice/2", ("job", 0, 2))]
    assert stage.leave("alice") == []  # of the old session, which is gone already


def test_a_silent_session_gets_nothing_until_it_speaks_and_is_closed_in_the_end() -> None:
    stage = Stage()
    stage.join("alice", 2)
    stage.wait(3.0)
    stage.job(1)
    assert stage.leases() == []
    assert stage.worker("alice").state == "silent"
    stage.tell(WorkerHeard("alice"))
    assert stage.leases() == [("alice", ("job", 0, 1))]
    stage.wait(60.0)
    assert [each.session for each in stage.of(CloseSession)] == ["alice"]
    assert stage.worker("alice").state == "gone"


def test_a_coordinator_that_slept_does_not_take_it_for_the_workers_silence() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.now = 60.0
    stage.tell(TimePassed())
    stage.beat("alice")
    assert stage.work().chunks["leased"] == 1
    # If the worker is silent indeed, that is found a moment later.
    stage.now = 60.5
    stage.wait(5.0)
    assert stage.work().chunks["pending"] == 1


def test_a_clock_that_goes_back_changes_nothing() -> None:
    stage = Stage()
    stage.job(1)
    stage.now = 100.0
    stage.join("alice", 1)
    stage.now = 0.0
    stage.tell(TimePassed())
    assert stage.machine.next_deadline() == 105.0


def test_the_next_deadline_is_in_the_future_and_none_without_workers() -> None:
    stage = Stage()
    assert stage.machine.next_deadline() is None
    stage.job(1)
    assert stage.machine.next_deadline() is None
    stage.join("alice", 1)
    assert stage.machine.next_deadline() == 5.0
    stage.leave("alice")
    assert stage.machine.next_deadline() is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lease_s": 1.0}, "lease of 1.0 s is too short"),
        ({"stall_s": 0.0}, "stall_s is 0.0"),
        ({"pause_s_max": float("nan")}, "pause_s_max is nan"),
    ],
)
def test_limits_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Limits(**settings)  # type: ignore[arg-type]


def test_a_silent_worker_that_says_ready_gets_what_it_says_and_no_more() -> None:
    stage = Stage()
    stage.join("alice", 2)
    stage.job(6)
    stage.wait(1.0, ["alice"])
    # Its heartbeats did not list them, so both places are free again when they run out.
    stage.now = 1.5
    stage.tell(WorkerHeard("alice"))
    stage.wait(4.5)
    stage.ready("alice", 1)
    assert len(stage.leases()) == 1


def test_a_lease_that_got_lost_takes_up_no_place_even_if_it_ran_out_in_a_silence() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.wait(6.0)
    # What was held up arrives first, and is older than the lease.
    stage.tell(WorkerHeard("alice"))
    stage.wait(3.0, ["alice"])
    assert stage.granted == [Grant("alice", ("job", 0, 1))]
    stage.wait(2.0, ["alice"])
    assert stage.granted[1:] == [Grant("alice", ("job", 0, 2))]


def test_a_lease_that_ran_out_in_a_silence_keeps_its_place_while_its_worker_goes_on_with_it() -> (
    None
):
    stage = Stage()
    stage.job(2)
    stage.join("alice", 1)
    stage.wait(6.0)
    for scanned in range(1, 20):
        stage.now += 1.0
        stage.tell(WorkerHeard("alice", (Progress(("job", 0, 1), scanned),)))
        stage.tell(TimePassed())
    assert len(stage.granted) == 1
    stage.give("alice", ("job", 0, 1))
    assert stage.ready("alice") == [Grant("alice", ("job", 1, 1))]
