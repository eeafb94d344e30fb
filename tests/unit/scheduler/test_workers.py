"""Workers and jobs: pauses, holders, several jobs, drain, figures."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from logan.scheduler.actions import DrainSession, EndJob, Grant, LostChunk
from logan.scheduler.events import (
    ChunkCommitted,
    ChunkReturned,
    DrainAsked,
    JobAdded,
    Progress,
    WorkerHeard,
    WorkerJoined,
    WorkerReady,
    WorkItem,
)
from logan.scheduler.limits import Limits
from logan.scheduler.machine import Machine
from logan.scheduler.states import CHUNK_STATES, CHUNK_STEPS, SESSION_STEPS, StateError
from tests.support.scheduling import MB, Stage


def fail_often(stage: Stage, times: int) -> None:
    for _ in range(times):
        stage.now += 0.1
        stage.ready("alice")
        (grant,) = stage.of(Grant)
        stage.fail("alice", grant.key, "internal")


def test_a_worker_that_fails_often_is_paused_and_readmitted() -> None:
    stage = Stage()
    stage.job(50)
    stage.join("alice")
    fail_often(stage, 3)
    assert stage.worker("alice").state == "paused"
    assert stage.ready("alice") == []
    stage.wait(1.1, ["alice"])
    assert len(stage.of(Grant)) == 1
    assert stage.worker("alice").pauses == 1


def test_pauses_grow_and_end_with_good_results() -> None:
    stage = Stage()
    stage.job(1000)
    stage.join("alice")
    fail_often(stage, 3)
    lengths = []
    for _ in range(8):
        lengths.append(stage.worker("alice").paused_until - stage.now)
        stage.wait(lengths[-1], ["alice"])
        fail_often(stage, 1)
    assert lengths == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60])
    stage.wait(60.0, ["alice"])
    for _ in range(8):
        stage.ready("alice")
        stage.finish("alice", stage.of(Grant)[0].key)
    fail_often(stage, 2)
    assert stage.worker("alice").state == "active"


def test_lost_connections_pause_for_a_second_at_most_so_that_healing_is_quick() -> None:
    stage = Stage()
    stage.job(50)
    for number in range(9):
        stage.join(f"alice/{number}", 1)
        stage.leave(f"alice/{number}")
        assert stage.worker("alice").paused_until <= stage.now + 1.0
        stage.wait(1.0)
    assert stage.worker("alice").pauses > 3


def test_a_connection_that_takes_many_leases_with_it_is_one_failure() -> None:
    stage = Stage()
    stage.job(50)
    stage.join("alice", 10)
    stage.leave("alice")
    assert stage.worker("alice").lost == 10
    assert stage.worker("alice").pauses == 0


def test_chunks_go_only_to_workers_that_hold_their_source() -> None:
    stage = Stage()
    stage.join("alice", 5)
    stage.join("bob", 5)
    stage.job(2, id="hers", holders=frozenset({"alice"}))
    assert {session for session, _ in stage.leases()} == {"alice"}
    stage.leave("alice")
    assert stage.leases() == []
    stage.join("alice/2", 2)
    assert len(stage.leases()) == 2


def test_chunks_whose_holders_are_gone_are_given_up_after_a_while() -> None:
    stage = Stage()
    stage.job(3, holders=frozenset({"alice", "bob"}))
    stage.join("alice", 1)
    stage.finish("alice", ("job", 0, 1))
    stage.leave("alice")
    stage.wait(50.0)
    stage.join("bob")
    stage.leave("bob")
    stage.wait(59.0)
    assert stage.actions == []
    stage.wait(2.0)
    assert [(each.chunk, each.kind) for each in stage.of(LostChunk)] == [(1, "lost"), (2, "lost")]
    assert "alice, bob" in stage.of(LostChunk)[0].why
    assert stage.actions[-1] == EndJob("job")


def test_holders_that_never_came_are_waited_for_as_long() -> None:
    stage = Stage()
    stage.job(1, holders=frozenset({"alice"}))
    assert stage.machine.next_deadline() == 60.0
    stage.wait(60.0)
    assert stage.actions[-1] == EndJob("job")


def test_held_and_open_jobs_take_turns_at_a_holder() -> None:
    stage = Stage()
    stage.job(4, id="open")
    stage.job(4, id="held", holders=frozenset({"alice"}))
    stage.join("alice", 8)
    assert [key[0] for _, key in stage.leases()] == ["held", "open"] * 4


def test_jobs_take_turns_chunk_by_chunk() -> None:
    stage = Stage()
    stage.job(100, id="large")
    stage.job(2, id="small")
    stage.join("alice", 6)
    assert [key[:2] for _, key in stage.leases()] == [
        ("large", 0),
        ("small", 0),
        ("large", 1),
        ("small", 1),
        ("large", 2),
        ("large", 3),
    ]


def test_a_job_without_chunks_ends_at_once_and_so_does_one_that_was_done() -> None:
    stage = Stage()
    assert stage.job(0) == [EndJob("job")]
    assert stage.job(2, done=frozenset({0, 1})) == [EndJob("job")]


def test_a_drained_session_finishes_what_it_has_and_gets_nothing_more() -> None:
    stage = Stage()
    stage.job(4)
    stage.join("alice", 1)
    stage.join("bob", 1)
    assert stage.tell(DrainAsked("alice")) == [DrainSession("alice")]
    assert stage.ready("alice") == []
    stage.finish("alice", ("job", 0, 1))
    assert stage.leave("alice", clean=True) == []
    assert len(stage.ready("bob", 2)) == 2


def test_draining_all_includes_workers_that_connect_later() -> None:
    stage = Stage()
    stage.job(1)
    stage.tell(DrainAsked())
    assert stage.join("alice", 1) == [DrainSession("alice")]
    assert stage.worker("alice").state == "draining"


def test_figures_of_jobs_and_workers() -> None:
    stage = Stage()
    stage.job(5, done=frozenset({4}))
    stage.join("alice", 2)
    stage.now = 2.0
    stage.beat("alice", 300_000)
    stage.give("alice", ("job", 0, 1))
    view = stage.work()
    assert view.chunks == {
        **{"pending": 2, "leased": 1, "committing": 1},
        **{"checking": 0, "done": 1, "lost": 0},
    }
    assert sum(view.bytes.values()) == 5 * MB
    assert view.scanned_bytes == 2_300_000
    alice = stage.worker("alice")
    assert (alice.done, alice.done_bytes, alice.bytes_per_s) == (1, MB, MB / 2.0)
    statistics = stage.machine.statistics()
    assert (statistics.sessions, statistics.leases, statistics.idle) == (1, 1, 0)


def test_the_shells_own_mistakes_are_told() -> None:
    stage = Stage()
    stage.job(1)
    with pytest.raises(StateError, match="job job was added twice"):
        stage.job(1)
    stage.join("alice")
    with pytest.raises(StateError, match="session alice joined twice"):
        stage.join("alice")
    twice = [WorkItem(0, MB), WorkItem(0, MB)]
    with pytest.raises(StateError, match="two chunks 0"):
        stage.machine.handle(0.0, JobAdded("other", twice))


def test_names_of_workers_that_are_gone_are_forgotten_in_the_end() -> None:
    stage = Stage(Limits(workers_remembered_max=10))
    stage.join("alice")
    for number in range(50):
        stage.join(f"worker{number}")
        stage.leave(f"worker{number}")
    names = [each.name for each in stage.machine.statistics().workers]
    assert len(names) <= 10
    assert {"alice", "worker49"} <= set(names)


def test_ended_jobs_are_forgotten_in_the_end() -> None:
    stage = Stage(Limits(jobs_remembered_max=3))
    for number in range(9):
        stage.job(0, id=f"job{number}")
    assert [each.job for each in stage.machine.statistics().jobs] == ["job6", "job7", "job8"]


def test_the_tables_list_every_state_and_lead_to_states_only() -> None:
    assert tuple(CHUNK_STEPS) == CHUNK_STATES
    for table in (CHUNK_STEPS, SESSION_STEPS):
        for steps in table.values():
            assert set(steps.values()) <= set(table)
    assert CHUNK_STEPS["done"] == CHUNK_STEPS["lost"] == {}


def test_an_event_costs_the_same_however_many_chunks_and_workers_there_are() -> None:
    small = opcodes_per_event(chunks=1_000, workers=50)
    assert opcodes_per_event(chunks=8_000, workers=50) < 1.1 * small
    assert opcodes_per_event(chunks=1_000, workers=400) < 1.1 * small


def opcodes_per_event(chunks: int, workers: int) -> float:
    """Python's steps per event of fifty busy workers among all, so that no scan can hide."""
    machine = Machine()
    machine.handle(0.0, JobAdded("job", [WorkItem(chunk, MB) for chunk in range(chunks)]))
    held = []
    for worker in range(workers):
        machine.handle(0.0, WorkerJoined(f"s{worker}", f"w{worker}"))
        held += [
            (action.session, action.key)
            for action in machine.handle(0.0, WorkerReady(f"s{worker}", 1))
            if isinstance(action, Grant)
        ]
    opcodes = 0

    def count(frame: FrameType, event: str, _: object) -> Any:
        nonlocal opcodes
        frame.f_trace_opcodes = True
        opcodes += event == "opcode"
        return count

    events = [
        event
        for session, key in held[:50]
        for event in (
            WorkerHeard(session, (Progress(key, 1),)),
            ChunkReturned(session, key, "digest"),
            ChunkCommitted("job", key[1]),
            WorkerReady(session, 1),
        )
    ]
    tracing = sys.gettrace()
    sys.settrace(count)
    try:
        for event in events:
            machine.handle(1.0, event)
    finally:
        sys.settrace(tracing)
    return opcodes / len(events)
