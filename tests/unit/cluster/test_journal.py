"""The journal: what was committed is there after any death, what was not is not, nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan import _logan
from logan._logan import MergeTree, Spec, Summary
from logan.cluster.coordinator import journal as journal_module
from logan.cluster.coordinator.commits import ChunkDone, merge_results
from logan.cluster.coordinator.journal import REPORT_AGE_S_MAX, Journal, open_journal
from logan.cluster.coordinator.journal_file import checksum
from logan.cluster.coordinator.records import (
    ChunkLost,
    JobEnded,
    JobForgotten,
    JobSetAside,
    JobStored,
    Record,
    ReportTaken,
    StoredJob,
    StoredReport,
)
from logan.errors import JournalError, SummaryError
from logan.model import Chunk, Plan, Source

CHUNK_BYTES = 100
CHUNKS = 13
READING = {"formats": [], "input_tz": "UTC", "anchor_ns": 1_706_091_332_000_000_000}
SPEC_JSON = json.dumps(
    {"version": 2, "top": 3, "sources": [{"reading": READING}, {"reading": READING}]}
)
SPEC = Spec(SPEC_JSON)


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> list[Summary]:
    """One for each chunk of a small log."""
    log = tmp_path_factory.mktemp("log") / "a.log"
    line = "2024-01-24 10:15:{:02}.{:03} INFO Request {} processed in {}ms\n"
    text = "".join(line.format(i % 60, i, i * 7, i * i % 300) for i in range(100))
    log.write_text(text[: CHUNK_BYTES * CHUNKS])
    return [
        Summary.from_chunk(str(log), i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES, SPEC)
        for i in range(CHUNKS)
    ]


def make_plan(chunks: int = CHUNKS) -> Plan:
    size = chunks * CHUNK_BYTES
    return Plan(
        sources=(Source("odd \udc80 name.log", size, '{"size": 1}', 5), Source("-", None)),
        chunks=tuple(Chunk(i, 0, i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES) for i in range(chunks)),
        chunk_size=CHUNK_BYTES,
        spec_json=SPEC_JSON,
    )


def stored(job: str = "j") -> JobStored:
    return JobStored(job, make_plan(), {"paths": ["a"], "n": 1})


def done(tree: MergeTree, summaries: Sequence[Summary], chunk: int, job: str = "j") -> ChunkDone:
    return ChunkDone(job, chunk, f"digest {chunk}", summaries[chunk], tree)


def commit(journal: Journal, entries: Sequence[ChunkDone | Record]) -> list[JobSetAside]:
    """Merge and store, as `Commits` does; the jobs of which a result does not merge."""
    records, spoilt = merge_results(entries)
    journal.commit(records)
    return spoilt


def whole(summaries: Sequence[Summary], chunks: Sequence[int]) -> bytes:
    tree = MergeTree(SPEC)
    for chunk in chunks:
        tree.insert(chunk, summaries[chunk])
    return tree.finish().to_bytes()


def table_counts(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "journal.sqlite") as database:
        names = ("jobs", "results", "subtrees", "lost", "reports", "set_aside")
        found = {
            name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names
        }
    database.close()
    if not found["set_aside"]:
        del found["set_aside"]
    return found


def only(journal: Journal) -> StoredJob:
    (job,), set_aside = journal.resume()
    assert not set_aside
    return job


def jobs_of(journal: Journal) -> list[str]:
    return [job.job for job in journal.resume()[0]]


# --- What goes in comes out ---


def test_a_job_survives_a_restart(tmp_path: Path, summaries: list[Summary]) -> None:
    journal = open_journal(str(tmp_path / "new" / "state"))
    tree = MergeTree(SPEC)
    lost = ChunkLost("j", 2, "unreadable", "why \udc80", (210, 220))
    commit(journal, [stored()])
    commit(journal, [done(tree, summaries, 0), done(tree, summaries, 1), lost])
    commit(journal, [ChunkLost("j", 5, "changed", "other")])
    journal.close()
    journal = open_journal(str(tmp_path / "new" / "state"))
    job = only(journal)
    assert job.plan == make_plan()
    assert (job.job, job.extra) == ("j", {"paths": ["a"], "n": 1})
    assert job.done == {0: "digest 0", 1: "digest 1"}
    assert job.lost == (
        ChunkLost("j", 2, "unreadable", "why \\udc80", (210, 220)),
        ChunkLost("j", 5, "changed", "other"),
    )
    # A late result of a chunk that was given up counts after all.
    commit(journal, [done(job.tree, summaries, 2)])
    assert [each.chunk for each in only(journal).lost] == [5]
    journal.close()


def test_files_are_the_owners(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        journal = open_journal(str(tmp_path / "state"))
        commit(journal, [stored()])
        for path in [tmp_path / "state", *(tmp_path / "state").iterdir()]:
            assert path.stat().st_mode & 0o077 == 0, path
        journal.close()
    finally:
        os.umask(old)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32))
def test_any_order_grouping_and_restarts_give_the_same_bytes(
    seed: int, tmp_path_factory: pytest.TempPathFactory, summaries: list[Summary]
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("state")
    order = chance.sample(range(CHUNKS), CHUNKS)
    journal = open_journal(str(folder))
    commit(journal, [stored()])
    tree = only(journal).tree
    at = 0
    while at < CHUNKS:
        group = order[at : at + chance.randrange(1, 5)]
        at += len(group)
        commit(journal, [done(tree, summaries, chunk) for chunk in group])
        if chance.random() < 0.4:
            journal.close()
            journal = open_journal(str(folder))
            job = only(journal)
            assert sorted(job.done) == sorted(order[:at])
            assert job.tree.subtrees() == tree.subtrees()
            tree = job.tree
    journal.close()
    counts = table_counts(folder)
    assert counts == {"jobs": 1, "results": 13, "subtrees": 3, "lost": 0, "reports": 0}
    assert tree.finish().to_bytes() == whole(summaries, range(CHUNKS))


def test_only_the_largest_subtrees_are_kept_and_written(
    tmp_path: Path, summaries: list[Summary]
) -> None:
    journal = open_journal(str(tmp_path))
    written: list[str] = []
    tree = MergeTree(SPEC)
    commit(journal, [stored()])
    journal._database.set_trace_callback(written.append)  # type: ignore[attr-defined]
    commit(journal, [done(tree, summaries, i) for i in range(8)])
    assert sum(text.startswith("INSERT INTO subtrees") for text in written) == 1
    journal._database.set_trace_callback(None)  # type: ignore[attr-defined]
    for i in range(8, 12):
        commit(journal, [done(tree, summaries, i)])
    journal.close()
    assert table_counts(tmp_path)["subtrees"] == 2


def test_ended_and_forgotten_jobs_leave_nothing_but_reports(
    tmp_path: Path, summaries: list[Summary]
) -> None:
    journal = open_journal(str(tmp_path))
    first, second = MergeTree(SPEC), MergeTree(SPEC)
    commit(journal, [stored("a"), stored("b"), stored("c")])
    commit(journal, [done(first, summaries, 0, "a"), done(second, summaries, 0, "b")])
    commit(journal, [ChunkLost("a", 1, "changed", "x"), JobEnded("a", "A", b"{}", ["e"])])
    commit(journal, [done(second, summaries, 1, "b"), JobForgotten("b")])
    assert jobs_of(journal) == ["c"]
    assert journal.report("A") == StoredReport("a", "A", b"{}", ["e"])
    assert journal.report("B") is None
    journal.close()
    counts = table_counts(tmp_path)
    assert counts == {"jobs": 1, "results": 0, "subtrees": 0, "lost": 0, "reports": 1}
    journal = open_journal(str(tmp_path))
    assert journal.report("A") == StoredReport("a", "A", b"{}", ["e"])
    commit(journal, [ReportTaken("a"), ReportTaken("never")])
    assert journal.report("A") is None
    journal.close()
    assert table_counts(tmp_path)["reports"] == 0


def test_what_was_under_way_when_a_job_went_is_skipped(
    tmp_path: Path, summaries: list[Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "GONE_JOBS_MAX", 2)
    journal = open_journal(str(tmp_path))
    tree = MergeTree(SPEC)
    commit(journal, [stored("a"), stored("b"), done(tree, summaries, 0, "a")])
    commit(journal, [JobForgotten("a"), done(tree, summaries, 1, "a"), JobForgotten("a")])
    commit(journal, [JobEnded("b", "B", b"{}"), ChunkLost("b", 3, "changed", "x")])
    commit(journal, [JobForgotten("b"), JobEnded("a", "A", b"{}")])
    assert journal.report("A") is None
    assert journal.report("B") is not None
    assert jobs_of(journal) == []
    commit(journal, [stored("a")])  # the id may come again
    assert only(journal).done == {}
    for job in "cde":
        commit(journal, [stored(job), JobForgotten(job)])
    with pytest.raises(JournalError, match="no job 'c'"):
        commit(journal, [ChunkLost("c", 1, "x", "y")])
    journal.close()


def test_reports_are_bounded_in_number_bytes_and_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "REPORTS_MAX", 3)
    monkeypatch.setattr(journal_module, "REPORTS_BYTES_MAX", 100)
    journal = open_journal(str(tmp_path))
    now = time.time()

    def end(job: str, size: int, ended_at: float = now) -> str:
        commit(journal, [stored(job)])
        commit(journal, [JobEnded(job, job, b"x" * size, ended_at=ended_at)])
        return "".join(each for each in "abcdefgh" if journal.report(each) is not None)

    assert end("a", 1) == "a"
    assert end("b", 1) == "ab"
    assert end("c", 1) == "abc"
    assert end("d", 1) == "bcd"
    assert end("e", 99) == "de"
    assert end("f", 101) == "f"
    assert end("g", 1) == "g"
    assert end("h", 1, now - REPORT_AGE_S_MAX - 1) == "g"
    journal.close()
    assert table_counts(tmp_path)["reports"] == 1
    monkeypatch.setattr(journal_module, "REPORT_AGE_S_MAX", -1.0)
    journal = open_journal(str(tmp_path))
    journal.resume()
    journal.close()
    assert table_counts(tmp_path)["reports"] == 0


def test_the_forgetful_journal_merges(summaries: list[Summary]) -> None:
    journal = open_journal(None)
    tree = MergeTree(SPEC)
    commit(journal, [stored()])
    commit(journal, [done(tree, summaries, i) for i in range(CHUNKS)])
    assert journal.resume() == ([], [])
    assert tree.finish().to_bytes() == whole(summaries, range(CHUNKS))


# --- Two at once, foreign and damaged files ---


def test_a_second_coordinator_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path))
    with pytest.raises(JournalError, match=f"in use by another .*process {os.getpid()}") as caught:
        open_journal(str(tmp_path))
    assert "--state" in str(caught.value.hint)
    code = (
        "from logan.cluster.coordinator.journal import open_journal\n"
        f"open_journal({str(tmp_path)!r})"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "is in use by another coordinator" in found.stderr
    # SQLite's own lock holds against processes that do not take ours.
    other = sqlite3.connect(tmp_path / "journal.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM jobs")
    other.close()
    journal.close()
    open_journal(str(tmp_path)).close()


def test_a_program_that_has_the_file_open_is_an_error(tmp_path: Path) -> None:
    open_journal(str(tmp_path)).close()
    other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalError, match=r"journal.sqlite is in use by another program"):
        open_journal(str(tmp_path))
    other.close()
    open_journal(str(tmp_path)).close()


def refused(folder: Path) -> JournalError:
    with (
        pytest.raises(JournalError) as caught,
        contextlib.closing(open_journal(str(folder))) as journal,
    ):
        journal.resume()
    assert str(folder) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_foreign_files(tmp_path: Path) -> None:
    file = tmp_path / "journal.sqlite"
    file.write_bytes(b"2024-01-24 10:15:32 INFO this is a log\n" * 100)
    assert "not a journal of logan" in refused(tmp_path).message
    assert file.read_bytes().startswith(b"2024")
    file.unlink()
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    assert "not a journal of logan" in refused(tmp_path).message
    file.unlink()
    open_journal(str(tmp_path)).close()
    with sqlite3.connect(file) as other:
        other.execute("PRAGMA user_version = 2")
    other.close()
    assert "is a journal of version 2, this logan has 5" in refused(tmp_path).message
    file.unlink()
    file.mkdir()
    refused(tmp_path)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(tmp_path / "file")
    refused(tmp_path / "file" / "below")


def filled(folder: Path, summaries: list[Summary], chunks: int = 7) -> None:
    journal = open_journal(str(folder))
    tree = MergeTree(SPEC)
    commit(journal, [stored()])
    commit(journal, [done(tree, summaries, i) for i in range(chunks)])
    journal.close()


def test_damage_is_never_taken_for_figures(tmp_path: Path, summaries: list[Summary]) -> None:
    """A page of zeros anywhere: either an error that names the file, or nothing was lost."""
    filled(tmp_path, summaries)
    file = tmp_path / "journal.sqlite"
    good = file.read_bytes()
    refusals = named = 0
    for at in range(0, len(good), 4096):
        file.write_bytes(good[:at] + bytes(4096) + good[at + 4096 :])
        try:
            with contextlib.closing(open_journal(str(tmp_path))) as journal:
                jobs, _ = journal.resume()
        except JournalError as error:
            named += str(file) in error.message
            refusals += 1
        else:
            # Zeros where the header was are an empty file: as if it were new.
            assert not jobs or jobs[0].tree.finish().to_bytes() == whole(summaries, range(7))
    assert named == refusals
    assert refusals >= 5


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM results WHERE chunk = 3",
        "DELETE FROM subtrees WHERE level = 2",
        "INSERT INTO results VALUES (1, 9, 'd', NULL, '')",
        "UPDATE results SET note = '5' WHERE chunk = 3",
        "UPDATE results SET note = '5', checksum = sealed(job, chunk, digest, '5')",
        "UPDATE subtrees SET place = 7 WHERE level = 0",
        "UPDATE subtrees SET level = 60 WHERE level = 0",
        "UPDATE subtrees SET summary = x'00' WHERE level = 0",
        "UPDATE subtrees SET level = -1, checksum = sealed(job, -1, place, summary)",
        "UPDATE jobs SET spec = 'x'",
        "UPDATE jobs SET id = x'ff'",
        "UPDATE jobs SET sources = '[1]'",
        "UPDATE jobs SET chunks = '{'",
        "UPDATE jobs SET chunks = '[]'",
        "UPDATE jobs SET extra = replace(extra, 'a', 'b')",
        "UPDATE jobs SET chunk_size = 5, checksum = NULLIF(checksum, '') || 'x'",
    ],
)
def test_a_damaged_job_is_set_aside_and_the_others_go_on(
    tmp_path: Path, summaries: list[Summary], change: str
) -> None:
    filled(tmp_path, summaries)
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.create_function("sealed", -1, lambda *values: checksum(values))
        database.execute(change)
    database.close()
    journal = open_journal(str(tmp_path))
    commit(journal, [stored("other")])
    jobs, set_aside = journal.resume()
    if "'5', checksum" in change:  # a note is the coordinator's affair
        assert [job.job for job in jobs] == ["j", "other"]
        commit(journal, [JobSetAside("j", "an odd note")])
    else:
        assert [job.job for job in jobs] == ["other"]
        (damaged,) = set_aside
        assert str(tmp_path) in damaged.why
        assert "damaged" in damaged.why
    journal.close()
    # For good, so that it can be examined.
    journal = open_journal(str(tmp_path))
    assert jobs_of(journal) == ["other"]
    journal.close()
    counts = table_counts(tmp_path)
    assert (counts["jobs"], counts["set_aside"]) == (2, 1)
    assert counts["results"] >= 6


def test_jobs_that_were_set_aside_are_bounded(
    tmp_path: Path, summaries: list[Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SET_ASIDE_JOBS_MAX", 2)
    journal = open_journal(str(tmp_path))
    for job in "abcd":
        tree = MergeTree(SPEC)
        commit(journal, [stored(job), done(tree, summaries, 0, job), JobSetAside(job, "x" * 9_999)])
        commit(journal, [done(tree, summaries, 1, job)])  # was under way: skipped
    assert jobs_of(journal) == []
    journal.close()
    counts = table_counts(tmp_path)
    assert (counts["jobs"], counts["set_aside"], counts["results"]) == (2, 2, 2)


def test_a_damaged_report_is_not_given(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path))
    commit(journal, [stored("a"), JobEnded("a", "A", b"old")])
    commit(journal, [stored("b"), JobEnded("b", "A", b"new")])
    assert journal.report("A") == StoredReport("b", "A", b"new", None)
    journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("UPDATE reports SET body = x'6e6578' WHERE id = 'b'")
    database.close()
    journal = open_journal(str(tmp_path))
    assert journal.report("A") == StoredReport("a", "A", b"old", None)
    journal.close()


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_result_that_does_not_merge_costs_its_job_alone(
    tmp_path: Path, summaries: list[Summary], on_disk: bool
) -> None:
    journal = open_journal(str(tmp_path) if on_disk else None)
    first, second = MergeTree(SPEC), MergeTree(SPEC)
    commit(journal, [stored("a"), stored("b"), done(first, summaries, 2, "a")])
    overlapping = ChunkDone("a", 3, "d", summaries[2], first)
    (spoilt,) = commit(
        journal,
        [
            done(second, summaries, 0, "b"),
            overlapping,
            done(first, summaries, 4, "a"),
            done(second, summaries, 1, "b"),
        ],
    )
    assert spoilt.job == "a"
    assert spoilt.why.startswith("the result of chunk 3 does not merge with the others: ")
    assert second.subtrees() == [(1, 0)]
    if on_disk:
        (job,), _ = journal.resume()
        assert (job.job, sorted(job.done)) == ("b", [0, 1])
    journal.close()


# --- Failures ---


def test_a_full_disk_stops_the_journal_for_good(tmp_path: Path, summaries: list[Summary]) -> None:
    journal = open_journal(str(tmp_path))
    tree = MergeTree(SPEC)
    commit(journal, [stored()])
    commit(journal, [done(tree, summaries, 0)])
    database = journal._database  # type: ignore[attr-defined]
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="disk is full") as caught:
        commit(journal, [done(tree, summaries, 1), JobEnded("j", "J", b"x" * 100_000)])
    assert "goes on where it was" in str(caught.value.hint)
    with pytest.raises(JournalError, match="disk is full"):
        commit(journal, [])
    with pytest.raises(JournalError, match="disk is full"):
        journal.resume()
    journal.close()
    journal = open_journal(str(tmp_path))
    assert list(only(journal).done) == [0]
    journal.close()


def test_a_failing_write_is_an_error_of_the_journal(
    tmp_path: Path, summaries: list[Summary]
) -> None:
    """In a child, whose files may not grow any more: the kernel refuses the write."""
    filled(tmp_path, summaries)
    code = f"""if True:
        import resource, signal
        from logan.cluster.coordinator.journal import open_journal
        from logan.cluster.coordinator.records import JobEnded
        from logan.errors import JournalError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        journal = open_journal({str(tmp_path)!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        try:
            journal.commit([JobEnded("j", "J", bytes(100_000))])
        except JournalError as error:
            print("refused:", error)
        """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.startswith(f"refused: {tmp_path}")
    journal = open_journal(str(tmp_path))
    assert len(only(journal).done) == 7
    journal.close()


@pytest.mark.parametrize("bad", ["job", "chunk", "order"])
def test_a_group_is_stored_whole_or_not_at_all(
    tmp_path: Path, summaries: list[Summary], bad: str
) -> None:
    journal = open_journal(str(tmp_path))
    tree = MergeTree(SPEC)
    commit(journal, [stored()])
    commit(journal, [done(tree, summaries, 0)])
    spoilt: dict[str, ChunkDone | Record] = {
        "job": ChunkLost("none", 1, "x", "y"),
        "chunk": ChunkDone("j", 0, "d", summaries[5], MergeTree(SPEC)),
        "order": JobStored("k", Plan((), (Chunk(1, 0, 0, 1),), 1, SPEC_JSON)),
    }
    with pytest.raises(JournalError):
        commit(journal, [stored("k2"), done(tree, summaries, 2), spoilt[bad]])
    with pytest.raises(JournalError):
        commit(journal, [stored("k3")])
    journal.close()
    journal = open_journal(str(tmp_path))
    assert list(only(journal).done) == [0]
    journal.close()


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path))
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        commit(journal, [stored()])


# --- Death at any moment ---

GROUPS = ((3, 2), (7, 6, 4), (5, 0, 9, 12), (1, 8, 10, 11))


def work(folder: Path, summaries: list[Summary], acknowledge: int, steps: int) -> int:
    """Do what is left of the job, saying to the pipe what is committed. Dies by SIGKILL before
    the statement `steps` of SQL; returns how many there were."""
    journal = open_journal(str(folder))
    count = 0

    def step(_: str) -> None:
        nonlocal count
        count += 1
        if count == steps:
            os.kill(os.getpid(), signal.SIGKILL)

    journal._database.set_trace_callback(step)  # type: ignore[attr-defined]
    if not jobs_of(journal) and journal.report("J") is None:
        commit(journal, [stored()])
        os.write(acknowledge, b"job\n")
    for job in journal.resume()[0]:
        for group in GROUPS:
            left = [chunk for chunk in group if chunk not in job.done]
            if left:
                commit(journal, [done(job.tree, summaries, chunk) for chunk in left])
                os.write(acknowledge, "".join(f"{chunk}\n" for chunk in left).encode())
                step("between commits")
        commit(journal, [JobEnded("j", "J", job.tree.finish().to_bytes())])
        os.write(acknowledge, b"end\n")
    journal.close()
    return count


def report_of(journal: Journal) -> bytes | None:
    report = journal.report("J")
    return None if report is None else report.body


def work_and_die(folder: Path, summaries: list[Summary], steps: int) -> set[str]:
    """`work` in a child; what it had acknowledged when it died."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            work(folder, summaries, writer, steps)
        os._exit(1)  # it should not have come here
    os.close(writer)
    with open(reader, encoding="ascii") as pipe:
        said = set(pipe.read().split())
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return said


def test_killed_at_every_statement_it_resumes_with_the_same_bytes(
    tmp_path: Path, summaries: list[Summary]
) -> None:
    expected = whole(summaries, range(CHUNKS))
    null = os.open(os.devnull, os.O_WRONLY)
    statements = work(tmp_path / "calm", summaries, null, 0)
    assert statements > 50
    for steps in range(1, statements + 1):
        folder = tmp_path / str(steps)
        said = work_and_die(folder, summaries, steps)
        with contextlib.closing(open_journal(str(folder))) as journal:
            jobs, _ = journal.resume()
            for job in jobs:
                # All that was acknowledged, whole groups, and at most one that was not yet.
                kept = {str(chunk) for chunk in job.done}
                assert said - {"job"} <= kept
                groups = [{str(chunk) for chunk in group} for group in GROUPS]
                assert sum(bool(group & kept) for group in groups) == sum(
                    group <= kept for group in groups
                )
                assert len(kept - said) in {0, *map(len, GROUPS)}
            assert "end" not in said or not jobs
            for job in jobs:
                for chunk in set(range(CHUNKS)) - job.done.keys():
                    job.tree.insert(chunk, summaries[chunk])
                assert job.tree.finish().to_bytes() == expected
            assert jobs or "job" not in said or report_of(journal) == expected
    os.close(null)


def test_killed_again_and_again(tmp_path: Path, summaries: list[Summary]) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    for steps in (5, 20, 25, 22):
        work_and_die(tmp_path, summaries, steps)
    work(tmp_path, summaries, null, 0)
    os.close(null)
    with contextlib.closing(open_journal(str(tmp_path))) as journal:
        assert report_of(journal) == whole(summaries, range(CHUNKS))


def test_a_torn_log_gives_some_commit_and_no_mixture(
    tmp_path: Path, summaries: list[Summary]
) -> None:
    """Power fails while the write-ahead log is written: it ends, or turns to noise, anywhere."""
    live, torn = tmp_path / "live", tmp_path / "torn"
    journal = open_journal(str(live))
    tree = MergeTree(SPEC)
    wal = live / "journal.sqlite-wal"
    order = (3, 2, 7, 6, 4, 5, 0, 1)
    commit(journal, [stored()])
    for count, chunk in enumerate(order, 1):
        commit(journal, [done(tree, summaries, chunk)])
        assert count == len(only(journal).done)
    base, data = (live / "journal.sqlite").read_bytes(), wal.read_bytes()
    seen = set()
    for at in (*range(0, len(data), 5003), len(data)):
        for tail in (b"", b"\xa5" * (len(data) - at)):
            shutil.rmtree(torn, ignore_errors=True)
            torn.mkdir()
            (torn / "journal.sqlite").write_bytes(base)
            (torn / "journal.sqlite-wal").write_bytes(data[:at] + tail)
            again = open_journal(str(torn))
            jobs, _ = again.resume()
            if jobs:
                (job,) = jobs
                count = len(job.done)
                assert set(job.done) == set(order[:count])
                expected = whole(summaries, sorted(order[:count]))
                assert job.tree.finish().to_bytes() == expected
                seen.add(count)
            again.close()
    journal.close()
    assert seen == set(range(len(order) + 1))


def test_memory_does_not_grow_with_the_journal(tmp_path: Path, summaries: list[Summary]) -> None:
    """Many commits leave a small file and no memory behind."""
    journal = open_journal(str(tmp_path))
    chunks = 512
    plan = make_plan(chunks)
    tree = MergeTree(SPEC)
    empty = Summary.empty(SPEC)
    commit(journal, [JobStored("j", plan)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for i in range(0, chunks, 4):
        commit(journal, [ChunkDone("j", i + k, "d" * 64, empty, tree) for k in range(4)])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 20_000  # KiB
    assert tree.subtrees() == [(9, 0)]
    journal.close()
    assert (tmp_path / "journal.sqlite").stat().st_size < 200_000
    assert table_counts(tmp_path)["subtrees"] == 1


# --- The native tree ---


def test_the_tree_reports_and_restores_subtrees(summaries: list[Summary]) -> None:
    tree = MergeTree(SPEC)
    assert [tree.insert(i, summaries[i]) for i in range(4)] == [(0, 0), (1, 0), (0, 2), (2, 0)]
    assert tree.subtrees() == [(2, 0)]
    assert tree.subtree(1, 0) is None
    top = tree.subtree(2, 0)
    assert top is not None
    other = MergeTree(SPEC)
    assert other.insert(4, summaries[4]) == (0, 4)
    assert other.insert_subtree(2, 0, top) == (2, 0)
    assert other.subtrees() == [(0, 4), (2, 0)]
    for level, place in ((0, 3), (1, 1), (3, 0), (2, 0)):
        with pytest.raises(SummaryError, match="twice"):
            other.insert_subtree(level, place, top)
    for level, place in ((0, 1 << 20), (20, 1), (64, 0), (63, 1), (4_000_000_000, 0), (1, 2**63)):
        with pytest.raises(ValueError, match=r"a tree accepts|is beyond"):
            other.insert_subtree(level, place, top)
    assert other.finish().to_bytes() == whole(summaries, range(5))
    for call in (other.subtrees, lambda: other.subtree(0, 0)):
        with pytest.raises(ValueError, match="finished"):
            call()
    assert _logan.MergeTree is MergeTree


def test_a_journal_from_before_follow_jobs_gets_their_tables(tmp_path: Path) -> None:
    open_journal(str(tmp_path)).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as other:
        for table in ("follow_buckets", "follow_sources", "follows"):
            other.execute(f"DROP TABLE {table}")
        other.execute("PRAGMA user_version = 3")
    other.close()
    for _ in range(2):
        with contextlib.closing(open_journal(str(tmp_path))) as journal:
            assert journal.follows() == ([], [])


def test_a_journal_whose_notes_have_no_times_is_taken_up(tmp_path: Path) -> None:
    open_journal(str(tmp_path)).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as other:
        other.execute("PRAGMA user_version = 4")
    other.close()
    open_journal(str(tmp_path)).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as other:
        assert other.execute("PRAGMA user_version").fetchone() == (5,)
    other.close()
