"""Claims that the input is at fault: which are believed, and what becomes of the others."""

from __future__ import annotations

from logan.scheduler.actions import CheckSource, EndJob, Grant, LostChunk
from logan.scheduler.events import (
    ChunkFailed,
    ChunkReturned,
    SourceChecked,
    WorkerJoined,
    WorkerReady,
)
from tests.support.scheduling import MB, Stage

FIRST = ("job", 0, 1)
SECOND = ("job", 0, 2)


def changed(stage: Stage, session: str, chunk: int, attempt: int) -> None:
    stage.fail(session, ("job", chunk, attempt), "changed", final=True)


def poisoned(stage: Stage, session: str, chunk: int, attempt: int, start: int) -> None:
    key = ("job", chunk, attempt)
    stage.tell(ChunkFailed(session, key, "poison", "a line kills", bad_range=(start, start + 2)))


def test_the_word_of_one_worker_is_not_enough() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("mallory", 1)
    stage.join("bob", 1)
    changed(stage, "mallory", 0, 1)
    assert stage.actions == []
    stage.finish("bob", ("job", 1, 1))
    assert stage.ready("bob") == [Grant("bob", SECOND)]
    stage.finish("bob", SECOND)
    assert EndJob("job") in stage.actions
    assert stage.work().chunks["lost"] == 0


def test_two_workers_settle_the_whole_source() -> None:
    stage = Stage()
    stage.job(4)
    stage.join("alice", 1)
    stage.join("bob", 1)
    changed(stage, "alice", 0, 1)
    changed(stage, "bob", 1, 1)
    assert [(each.chunk, each.kind) for each in stage.of(LostChunk)] == [
        (0, "changed"),
        (1, "changed"),
    ]
    # From now on one is enough, as it only says what is known.
    stage.ready("alice")
    changed(stage, "alice", 2, 1)
    assert [each.chunk for each in stage.of(LostChunk)] == [2]
    assert stage.worker("alice").pauses == 0


def test_a_look_at_the_source_settles_it_for_all_chunks() -> None:
    stage = Stage()
    stage.job(16_384, readable=True)
    stage.join("alice", 2)
    stage.join("bob", 1)
    changed(stage, "alice", 0, 1)
    assert stage.of(CheckSource) == [CheckSource("job", 0, "alice")]
    changed(stage, "alice", 1, 1)
    assert stage.actions == []  # it is being looked at
    stage.now = 0.01
    stage.tell(SourceChecked("job", 0, True, "app.log changed: it is shorter"))
    assert [(each.chunk, each.why) for each in stage.of(LostChunk)] == [
        (0, "app.log changed: it is shorter"),
        (1, "app.log changed: it is shorter"),
    ]
    machine = stage.machine
    for _ in range(3, 16_384):
        (grant,) = machine.handle(0.02, WorkerReady("alice", 1))
        assert isinstance(grant, Grant)
        actions = machine.handle(
            0.02, ChunkFailed("alice", grant.key, "changed", "it changed", True)
        )
        assert [type(each) for each in actions] == [LostChunk]
    changed(stage, "bob", 2, 1)
    assert EndJob("job") in stage.actions


def test_a_claim_that_a_look_refutes_is_a_failure_of_its_worker() -> None:
    stage = Stage()
    stage.job(8, readable=True)
    stage.join("mallory", 1)
    stage.join("bob", 1)
    for chunk, attempt in ((0, 1), (2, 1), (3, 1)):
        stage.now += 1.0
        stage.beat("bob", 1)
        changed(stage, "mallory", chunk, attempt)
        assert stage.of(LostChunk) == []
        stage.tell(SourceChecked("job", 0, False))
        assert stage.of(LostChunk) == []
        stage.ready("mallory")
    assert stage.worker("mallory").state == "paused"
    stage.finish("bob", ("job", 1, 1))
    assert stage.ready("bob", 3) == [
        Grant("bob", (id, chunk, 2)) for id, chunk in (("job", 0), ("job", 2), ("job", 3))
    ]


def test_two_claims_do_not_overrule_a_look() -> None:
    stage = Stage()
    stage.job(3, readable=True)
    for name in ("mallory", "trudy", "bob"):
        stage.join(name, 1)
    changed(stage, "mallory", 0, 1)
    changed(stage, "trudy", 1, 1)
    stage.tell(SourceChecked("job", 0, False))
    # The second claim came in while it was being looked at, and is looked at by itself.
    assert stage.actions == [CheckSource("job", 0, "trudy")]
    assert stage.tell(SourceChecked("job", 0, False)) == []
    stage.finish("bob", ("job", 2, 1))
    stage.ready("bob", 2)
    assert len(stage.leases()) == 2


def test_where_a_look_does_not_tell_it_takes_two() -> None:
    stage = Stage()
    stage.job(3, readable=True)
    stage.join("alice", 1)
    stage.join("bob", 1)
    changed(stage, "alice", 0, 1)
    assert stage.tell(SourceChecked("job", 0, None, "no permission")) == []
    changed(stage, "bob", 1, 1)
    assert [each.chunk for each in stage.of(LostChunk)] == [0, 1]
    assert stage.of(CheckSource) == []


def test_the_only_worker_is_asked_again_and_named() -> None:
    stage = Stage()
    stage.job(3)
    stage.join("alice", 1)
    changed(stage, "alice", 0, 1)
    stage.ready("alice")
    changed(stage, "alice", 1, 1)
    assert stage.of(LostChunk) == []
    stage.ready("alice", 0)
    stage.wait(5.0, ["alice"])
    stage.ready("alice")
    changed(stage, "alice", stage.granted[-1].key[1], stage.granted[-1].key[2])
    (lost,) = stage.of(LostChunk)
    assert "alice is the only witness" in lost.why
    # What comes after that is not asked twice.
    for _ in range(2):
        stage.ready("alice")
        changed(stage, "alice", stage.granted[-1].key[1], stage.granted[-1].key[2])
        assert len(stage.of(LostChunk)) == 1
    assert EndJob("job") in stage.actions


def test_the_only_holder_is_asked_again_and_named() -> None:
    stage = Stage()
    stage.join("bob", 1)
    stage.job(1, holders=frozenset({"alice"}))
    stage.join("alice", 1)
    changed(stage, "alice", 0, 1)
    stage.ready("alice")
    stage.wait(5.5, ["alice", "bob"])
    changed(stage, "alice", 0, 2)
    assert "alice is the only witness" in stage.of(LostChunk)[0].why


def test_a_worker_that_was_connected_a_moment_ago_is_waited_for() -> None:
    stage = Stage()
    stage.job(2)
    stage.join("bob")
    stage.join("mallory", 1)
    changed(stage, "mallory", 0, 1)
    stage.wait(30.0, ["bob", "mallory"])
    stage.leave("bob")
    stage.ready("mallory")
    changed(stage, "mallory", *stage.granted[-1].key[1:])
    assert stage.of(LostChunk) == []
    stage.join("bob/2", 2)
    assert stage.leases() != []


def test_a_worker_that_cannot_read_a_source_is_not_a_witness_of_it() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.join("bob")
    changed(stage, "alice", 0, 1)
    stage.ready("bob")
    stage.fail("bob", SECOND, "permission")
    stage.ready("alice")
    stage.wait(6.0, ["alice", "bob"])
    changed(stage, "alice", *stage.granted[-1].key[1:])
    assert "alice is the only witness" in stage.of(LostChunk)[0].why


def test_a_worker_whose_claims_are_refuted_is_paused() -> None:
    stage = Stage()
    stage.job(6)
    stage.join("bob", 1)
    for attempt in range(1, 4):
        stage.join(f"mallory/{attempt}", 1)
        key = stage.granted[-1].key
        stage.fail(f"mallory/{attempt}", key, "changed", final=True)
        stage.now += 1.0
        assert stage.worker("mallory").pauses == 0
        stage.tell(ChunkReturned("bob", (key[0], key[1], 7), "digest"))
        stage.commit(key[1])
        stage.leave(f"mallory/{attempt}", clean=True)
    assert stage.worker("mallory").pauses == 1
    assert stage.work().chunks["lost"] == 0


def isolated(stage: Stage) -> None:
    """Alice and bob lose chunk 0 each, so its next scan looks for what kills it."""
    stage.job(2, bytes=MB)
    for name in ("alice", "bob"):
        stage.join(name, 1)
        stage.leave(name)
    stage.now += 2.0
    stage.tell(WorkerJoined("alice/2", "alice"))
    stage.ready("alice/2")
    assert stage.of(Grant) == [Grant("alice/2", ("job", 0, 3), isolated=True)]


def test_a_line_that_kills_scans_is_quarantined_when_two_have_found_it() -> None:
    stage = Stage()
    isolated(stage)
    poisoned(stage, "alice/2", 0, 3, 7)
    assert stage.of(LostChunk) == []
    stage.tell(WorkerJoined("bob/2", "bob"))
    stage.ready("bob/2")
    assert stage.of(Grant) == [Grant("bob/2", ("job", 0, 4), isolated=True)]
    poisoned(stage, "bob/2", 0, 4, 7)
    assert stage.of(LostChunk) == [LostChunk("job", 0, "poison", "a line kills", (7, 9))]


def test_the_only_worker_that_finds_such_a_line_is_asked_again_and_named() -> None:
    stage = Stage()
    isolated(stage)
    poisoned(stage, "alice/2", 0, 3, 7)
    stage.wait(5.0, ["alice"])
    stage.ready("alice/2")
    poisoned(stage, "alice/2", 0, 4, 7)
    (lost,) = stage.of(LostChunk)
    assert lost.bad_range == (7, 9)
    assert "alice is the only witness" in lost.why


def test_lines_of_other_chunks_and_of_scans_that_looked_for_none_count_for_nothing() -> None:
    for start in (MB, MB - 1 - 10 * MB):
        stage = Stage()
        isolated(stage)
        poisoned(stage, "alice/2", 0, 3, start)
        stage.tell(WorkerJoined("bob/2", "bob"))
        stage.ready("bob/2")
        poisoned(stage, "bob/2", 0, 4, start)
        assert stage.of(LostChunk) == []
    stage = Stage()
    stage.job(2)
    stage.join("mallory", 2)
    stage.join("trudy")
    poisoned(stage, "mallory", 0, 1, 7)
    stage.ready("trudy")
    poisoned(stage, "trudy", 0, 2, 7)
    assert stage.of(LostChunk) == []


# --- Panics, and copies that differ -----------------------------------------------------------


def panicked(stage: Stage, session: str, chunk: int, attempt: int) -> None:
    stage.fail(session, ("job", chunk, attempt), "panic", final=True)


def test_a_panic_says_nothing_of_the_rest_of_the_source() -> None:
    stage = Stage()
    stage.job(4)
    for name in ("alice", "bob"):
        stage.join(name, 1)
    panicked(stage, "alice", 0, 1)
    panicked(stage, "bob", 1, 1)
    assert stage.of(LostChunk) == []
    assert stage.of(CheckSource) == []


def test_a_chunk_over_which_two_workers_panic_is_given_up_alone() -> None:
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    panicked(stage, "alice", 0, 1)
    assert stage.of(LostChunk) == []
    stage.join("bob", 1)
    panicked(stage, "bob", 0, 2)
    assert [(each.chunk, each.kind) for each in stage.of(LostChunk)] == [(0, "panic")]
    assert stage.worker("alice").pauses == stage.worker("bob").pauses == 0


def test_final_counts_only_of_what_is_claimed_of_a_source() -> None:
    stage = Stage()
    stage.job(2)
    for name in ("alice", "bob"):
        stage.join(name, 1)
    for name, chunk in (("alice", 0), ("bob", 1)):
        stage.fail(name, ("job", chunk, 1), "internal", final=True)
    assert stage.of(LostChunk) == []


def test_workers_whose_copies_differ_may_fetch_the_chunk() -> None:
    stage = Stage()
    stage.job(1)
    names = [f"worker-{i}" for i in range(6)]
    for attempt, name in enumerate(names, start=1):
        stage.join(name, 1)
        stage.fail(name, ("job", 0, attempt), "changed")
        assert stage.of(LostChunk) == []
        assert stage.worker(name).pauses == 0
    assert stage.ready(names[0]) == [Grant(names[0], ("job", 0, len(names) + 1))]
    stage.finish(names[0], ("job", 0, len(names) + 1))
    assert EndJob("job") in stage.actions
    assert stage.work().chunks["lost"] == 0


def test_a_copy_is_found_to_differ_once() -> None:
    """Reported again by the same worker, it is only a failure."""
    stage = Stage()
    stage.job(1)
    stage.join("alice", 1)
    stage.fail("alice", ("job", 0, 1), "changed")
    assert stage.ready("alice") == [Grant("alice", SECOND)]
    stage.fail("alice", SECOND, "changed")
    assert stage.ready("alice") == []
