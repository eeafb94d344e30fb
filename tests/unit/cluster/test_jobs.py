"""How jobs end, are stored, and are taken up again: one fault costs one job, and a report is of the
inputs as they are.

Connections are memory streams and time is a mock clock's, as in
`tests/support/memory_cluster.py`.
"""

from __future__ import annotations

import builtins
import gc
import gzip
import json
import math
import os
import sqlite3
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

import logan
from logan import _logan
from logan.cluster.coordinator import jobs as jobs_module
from logan.cluster.coordinator.commits import ChunkDone
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.ending import EndedJobs, Outcome, SubmittedJob
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.coordinator.journal_file import checksum
from logan.cluster.coordinator.records import JobEnded
from logan.cluster.limits import CLAIMED_BYTES_MAX, ENDED_JOBS_MAX
from logan.cluster.request import Submission
from logan.errors import ClusterError, InputError, JournalError, LoganError, SummaryError
from logan.model import Archive, Missing, Result
from logan.options import Options
from logan.planning.prepare import Job, prepare
from logan.report import Report
from logan.report.builder import build_report, report_of
from tests.support import memory_cluster
from tests.support.memory_cluster import (
    CHUNK,
    LINES,
    CutStream,
    Network,
    new_client,
    new_coordinator,
    run,
    worker,
)

pytestmark = pytest.mark.usefixtures("threads_run_inline")

LINE = "2024-01-24 10:16:00.000 INFO Request done in 5ms\n"
MISMATCH = r"(?P<time>\d+) NEVER (?P<status>\d+)"


class Restarts(Network):
    """A network on which one coordinator after the other listens."""

    def listeners(self) -> list[Network]:
        self._arrivals, self._queue = trio.open_memory_channel(math.inf)
        return [self]

    async def dial(self, address: object, tls: object) -> Any:
        try:
            return await super().dial(address, tls)
        except trio.BrokenResourceError as error:
            raise ConnectionRefusedError(111, "Connection refused") from error


@pytest.fixture
def network() -> Network:
    made = memory_cluster.network = Restarts()
    return made


@asynccontextmanager
async def serving(
    log: Path, workers: int = 1, state: Path | None = None, **options: Any
) -> AsyncIterator[Coordinator]:
    """A coordinator with so many workers."""
    async with (
        new_coordinator(
            roots=[str(log.parent)],
            state=None if state is None else str(state),
            **options,
        ) as coordinator,
        trio.open_nursery() as tasks,
    ):
        for i in range(workers):
            tasks.start_soon(worker(f"w{i}", log).run)
        await coordinator.wait_for_workers(workers)
        yield coordinator
        tasks.cancel_scope.cancel()


def wish(*paths: Path | str, **options: Any) -> Submission:
    """What a client submits."""
    return Submission(
        paths=[str(path) for path in paths],
        options=Options(**{"chunk_size": CHUNK} | options),
        confined=True,
    )


async def submit(submission: Submission, **options: Any) -> Report:
    return Report.from_json(await new_client("memory:1", **options).submit(submission))


async def abandon(coordinator: Coordinator) -> None:
    """What a coordinator leaves behind that is killed now: what its journal has."""
    await trio.testing.wait_all_tasks_blocked()
    for job in list(coordinator.jobs.values()):
        job.submitted.kept = True


def rows(state: Path, table: str) -> int:
    with sqlite3.connect(state / "journal.sqlite") as database:
        (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    database.close()
    assert isinstance(count, int)
    return count


def change(state: Path, statement: str) -> None:
    """Change the journal, with checksums as they should be (`sealed`)."""
    with sqlite3.connect(state / "journal.sqlite") as database:
        database.create_function("sealed", -1, lambda *values: checksum(values))
        database.execute(statement)
    database.close()


# --- The same job only with the same inputs ------------------------------------------------------


def test_a_file_that_grew_is_analyzed_anew_after_a_restart(
    network: Network, log: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            assert report.total_requests == LINES
        with log.open("a") as file:
            file.write(LINE * 100)
        async with serving(log, state=state) as coordinator:
            assert not coordinator.jobs
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            assert report.total_requests == LINES + 100
            assert report == logan.analyze(log, chunk_size=CHUNK)
        assert rows(state, "jobs") == rows(state, "reports") == 0

    run(main)


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("who", ["library", "client"])
def test_an_unfinished_job_is_taken_up_if_its_inputs_are_the_same(
    network: Network, log: Path, tmp_path: Path, who: str, grows: bool
) -> None:
    state = tmp_path / "state"

    async def ask(coordinator: Coordinator) -> Report:
        if who == "client":
            return await submit(wish(log))
        return await coordinator.process_file(str(log), chunk_size=CHUNK)

    async def main() -> None:
        async with serving(log, workers=0, state=state) as coordinator, trio.open_nursery() as some:
            some.start_soon(ask, coordinator)
            await trio.testing.wait_all_tasks_blocked()
            (job,) = coordinator.jobs
            network.down = True
            await coordinator.stop()  # with a journal jobs go on at the next start
            some.cancel_scope.cancel()
        network.down = False
        if grows:
            with log.open("a") as file:
                file.write(LINE)
        async with serving(log, workers=0, state=state) as coordinator, trio.open_nursery() as some:
            assert list(coordinator.jobs) == [job]
            found: list[Report] = []

            async def ask_again() -> None:
                found.append(await ask(coordinator))

            some.start_soon(ask_again)
            await trio.testing.wait_all_tasks_blocked()
            assert (list(coordinator.jobs) == [job]) is not grows
            assert len(coordinator.jobs) == 1
            some.start_soon(worker("late", log).run)
            while not found:
                await trio.sleep(1)
            some.cancel_scope.cancel()
        assert found[0] == logan.analyze(log, chunk_size=CHUNK)
        assert found[0].total_requests == LINES + grows
        assert rows(state, "jobs") == rows(state, "reports") == 0

    run(main)


@pytest.mark.parametrize("changed", [None, "grown", "options"])
def test_an_undelivered_report_is_for_the_same_job_alone(
    network: Network, log: Path, tmp_path: Path, changed: str | None
) -> None:
    """The coordinator dies between the end of a job and its REPORT."""
    state = tmp_path / "state"

    async def main() -> None:
        async with serving(log, workers=1, state=state) as coordinator:
            job = await coordinator.submit(wish(log))
            await job.ended.wait()  # and no client asks for the report
        assert rows(state, "reports") == 1
        if changed == "grown":
            with log.open("a") as file:
                file.write(LINE)
        options = {"top": 3} if changed == "options" else {}
        async with serving(log, workers=0, state=state) as coordinator:
            found: list[Report] = []
            with trio.move_on_after(60):
                found.append(await submit(wish(log, **options)))
            # Without a worker there is no other way to have one.
            assert bool(found) is (changed is None)
            if found:
                assert found[0] == logan.analyze(log, chunk_size=CHUNK)
                await trio.testing.wait_all_tasks_blocked()
        if changed is None:
            assert rows(state, "reports") == 0

    run(main)


class Cut(CutStream):
    """A stream that breaks at once when its bytes are used up, whether more come or not."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self.whole:
            await self._break()
        return await super().receive_some(max_bytes)


@pytest.mark.parametrize("durable", [False, True])
def test_a_client_that_loses_its_connection_anywhere_has_one_report_made(
    network: Network,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    durable: bool,
) -> None:
    """Cut before its job ended, the job is given up; cut later, the report waits for it."""
    log.write_text(LINE * 4)
    conclude = ActiveJob.conclude
    concluded: list[str] = []

    def counted(job: ActiveJob, *explain: Any) -> Outcome:
        concluded.append(job.id)
        return conclude(job, *explain)

    monkeypatch.setattr(ActiveJob, "conclude", counted)
    cut = 0

    async def main() -> None:
        nonlocal cut
        async with serving(log, state=tmp_path / "state" if durable else None) as coordinator:
            for left in (*range(0, 6_000, 250), 10**9):
                connections: list[Cut] = []

                async def connect(
                    *arguments: Any, left: int = left, connections: list[Cut] = connections
                ) -> tuple[Cut, str]:
                    stream, certificate = await network.dial(*arguments)
                    connections.append(Cut(stream, "down", 10**9 if connections else left))
                    return connections[-1], certificate

                concluded.clear()
                try:
                    report = await submit(wish(log), connect=connect)
                except ClusterError:
                    assert left < 1_000  # within the handshake: it was never let in
                    continue
                assert report.total_requests == 4
                assert len(concluded) == 1
                cut += len(connections) > 1
                await trio.testing.wait_all_tasks_blocked()
                assert not list(coordinator._conclusion.ended)
        assert cut > 5
        if durable:
            assert rows(tmp_path / "state", "reports") == 0

    run(main)


def test_a_job_whose_inputs_nothing_identifies_is_never_the_same(log: Path) -> None:
    from dataclasses import replace

    from logan.cluster.coordinator.submission import identity_of

    job = prepare([str(log)], Options())
    assert identity_of(wish(log), job)
    (entry,) = job.inputs
    assert entry.source is not None
    job.inputs[0] = replace(entry, source=replace(entry.source, fingerprint=None))
    assert identity_of(wish(log), job) == ""


# --- One end -------------------------------------------------------------------------------------


def test_a_report_can_be_made_twice(log: Path) -> None:
    """Of inputs with something to say of each kind: blank, of no format, missing, an archive."""
    paths = [log.with_name(name) for name in ("blank.log", "odd.log", "gone.log", "full.log")]
    paths[0].write_text("\n\n\n")
    paths[1].write_text("what is this\n" * 3)
    paths[2].write_text(LINE)
    paths[3].write_text(LINE)
    job = prepare([str(path) for path in paths], Options())
    outcome = _logan.Summary.empty(job.spec())
    for index, source in enumerate(job.plan.sources):
        if index != 2:
            part = _logan.Summary.from_chunk(
                source.url, 0, source.size or 0, job.spec(), source=index
            )
            outcome = outcome.merge(part)
    result = Result(
        outcome,
        1,
        (Missing(2, 0, len(LINE), "gone", "it has gone"),),
        archives={3: Archive(5, 1, 7, "1 log", 0)},
    )
    before = [(entry.error, list(entry.notes)) for entry in job.inputs]
    reports = [report_of(job, result, engine="x") for _ in range(3)]
    assert reports[0] == reports[1] == reports[2]
    assert [(entry.error, list(entry.notes)) for entry in job.inputs] == before
    notes = [list(entry.notes) for entry in reports[2].inputs]
    assert notes[0] == ["only blank lines"]
    assert notes[1] == []
    assert "matches a known format" in reports[2].inputs[1].error
    assert len(notes[3]) == 2
    assert "gone" in reports[2].inputs[2].error


@pytest.mark.parametrize("error", [RuntimeError("odd"), SummaryError("odd"), KeyError("odd")])
@pytest.mark.parametrize("durable", [False, True])
def test_a_conclusion_that_fails_costs_its_job_alone(
    network: Network,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    durable: bool,
) -> None:
    state = tmp_path / "state" if durable else None
    other = log.with_name("other.log")
    other.write_text(LINE)

    def fail(job: Job, *args: Any, **options: Any) -> Any:
        if job.inputs[0].path == str(other):
            raise error
        return build_report(job, *args, **options)

    monkeypatch.setattr(jobs_module, "build_report", fail)

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            async with trio.open_nursery() as tasks:

                async def doomed() -> None:
                    with pytest.raises(LoganError, match="odd") as caught:
                        await submit(wish(other))
                    told = isinstance(error, LoganError)
                    assert isinstance(caught.value, type(error) if told else ClusterError)

                tasks.start_soon(doomed)
                assert (await submit(wish(log))).total_requests == LINES
            with pytest.raises(LoganError, match="odd"):
                await coordinator.process_file(str(other))
            assert not coordinator.jobs
            alarms = [each.text for each in coordinator.events if each.kind == "alarm"]
            assert len(alarms) == 2
            assert all("other.log" in text and "odd" in text for text in alarms)
        async with serving(log, state=state) as coordinator:
            assert not coordinator.jobs  # they are not tried again and again
            assert (await submit(wish(log))).total_requests == LINES
        if state is not None:
            assert rows(state, "set_aside") == 2

    run(main)


def test_planning_that_fails_is_answered(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise KeyError("order")

    async def main() -> None:
        async with serving(log) as coordinator:
            with monkeypatch.context() as patch:
                patch.setattr("logan.cluster.coordinator.submission.plan_inputs", fail)
                with pytest.raises(ClusterError, match="internal error while planning"):
                    await submit(wish(log))
            assert (await submit(wish(log))).total_requests == LINES
            assert not coordinator.jobs

    run(main)


@pytest.mark.parametrize("durable", [False, True])
def test_a_result_that_does_not_merge_costs_its_job_alone(
    network: Network,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    durable: bool,
) -> None:
    """As if two results covered the same bytes, which `verify` should not let pass."""
    state = tmp_path / "state" if durable else None

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            add_result = coordinator._commits.add_result

            def spoilt(result: ChunkDone, *rest: Any, **options: Any) -> None:
                if result.chunk == 3:
                    result.tree.insert(3, result.summary)
                add_result(result, *rest, **options)

            with monkeypatch.context() as patch:
                patch.setattr(coordinator._commits, "add_result", spoilt)
                with pytest.raises(SummaryError, match="chunk 3 does not merge"):
                    await submit(wish(log))
            assert not coordinator.jobs
            assert (await submit(wish(log))).total_requests == LINES

    run(main)


def test_a_client_that_leaves_takes_its_job_along(
    network: Network, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ActiveJob, "conclude", lambda job: pytest.fail("no client waits for it"))
    state = tmp_path / "state"

    async def main() -> None:
        async with serving(log, workers=0, state=state) as coordinator:
            with trio.move_on_after(5):
                await submit(wish(log))
            await trio.testing.wait_all_tasks_blocked()
            assert not coordinator.jobs
            assert not list(coordinator._conclusion.ended)
        assert rows(state, "jobs") == 0

    run(main)


# --- What the journal has ------------------------------------------------------------------------


def stored_jobs(network: Network, log: Path, state: Path, *names: str) -> None:
    """Leave a journal with unfinished jobs of a chunk that is done, or more."""
    for name in names:
        log.with_name(name).write_bytes(log.read_bytes())

    async def main() -> None:
        async with (
            new_coordinator(roots=[str(log.parent)], state=str(state)) as coordinator,
            trio.open_nursery() as tasks,
        ):
            for name in names:
                await coordinator.submit(wish(log.with_name(name)))
            tasks.start_soon(worker("slow", log, pace=CHUNK / 2).run)
            while not all(len(job.done) > 1 for job in coordinator.jobs.values()):
                await trio.sleep(0.5)
            await abandon(coordinator)
            network.down = True
            tasks.cancel_scope.cancel()
        network.down = False

    run(main)
    assert rows(state, "jobs") == len(names)


NOTE = "checksum = sealed(job, chunk, digest, {0}), note = {0}"
BLOB = "x'7b7d'"


@pytest.mark.parametrize(
    "damage",
    [
        f"UPDATE results SET {NOTE.format(repr(note))} WHERE job = 1"
        for note in ("5", "[" * 100_000, '{"fault":{"kind":"changed","why":"x"}}', "\x00", "é")
    ]
    + [
        "UPDATE results SET digest = 'x' WHERE job = 1",
        # SQLite keeps any type in any column.
        f"UPDATE results SET {NOTE.format(BLOB)} WHERE job = 1",
        "INSERT INTO lost VALUES (1, 0, 'unreadable', x'', NULL, NULL, "
        "sealed(1, 0, 'unreadable', x'', NULL, NULL))",
        "UPDATE jobs SET extra = '{}' WHERE number = 1",
        *(
            f"UPDATE jobs SET extra = {extra}, checksum = sealed(number, id, spec, sources, "
            f"chunk_size, expansion_max, chunks, {extra}) WHERE number = 1"
            for extra in (
                "'{}'",
                "'[]'",
                "json_set(extra, '$.order', json('[5]'))",
                "json_set(extra, '$.urls', json('[]'))",
                "json_set(extra, '$.options.top', 0)",
                "json_set(extra, '$.options.by', 5)",
                "json_set(extra, '$.inputs[0].detection', json('[]'))",
                "json_set(extra, '$.holders', json('[[5]]'))",
                "json_set(extra, '$.series_points', 0)",
                "json_remove(extra, '$.order')",
            )
        ),
    ],
    ids=lambda text: text[:60],
)
def test_a_stored_job_that_cannot_go_on_is_set_aside(
    network: Network, log: Path, tmp_path: Path, damage: str
) -> None:
    state = tmp_path / "state"
    stored_jobs(network, log, state, "a.log", "b.log")
    change(state, damage)

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            alarms = [each.text for each in coordinator.events if each.kind == "alarm"]
            assert len(alarms) == 1
            assert "is set aside, the others go on" in alarms[0]
            assert "submit it again" in alarms[0]
            (job,) = coordinator.jobs.values()
            assert job.name == "b.log"
            assert (await submit(wish(log.with_name("b.log")))).total_requests == LINES
            report = await submit(wish(log.with_name("a.log")))
            assert report == logan.analyze(log.with_name("a.log"), chunk_size=CHUNK)
        async with serving(log, state=state) as coordinator:
            assert not coordinator.jobs
            assert not coordinator.events or coordinator.events[0].kind == "joined"
        assert rows(state, "set_aside") == 1

    run(main)


@pytest.mark.parametrize(
    "spec",
    [
        "json_set(spec, '$.sources', json('[]'))",
        """json_set(spec, '$.sources[#]', json('{"formats":[]}'))""",
    ],
)
def test_a_stored_job_whose_spec_has_other_sources_is_set_aside(
    network: Network, log: Path, tmp_path: Path, spec: str
) -> None:
    state = tmp_path / "state"
    stored_jobs(network, log, state, "a.log")
    for table in ("results", "subtrees"):  # they would show that the spec is another one
        change(state, f"DELETE FROM {table}")
    change(
        state,
        f"UPDATE jobs SET spec = {spec}, checksum = sealed(number, id, {spec}, sources, "
        f"chunk_size, expansion_max, chunks, extra)",
    )

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            (alarm,) = [each.text for each in coordinator.events if each.kind == "alarm"]
            assert "is set aside, the others go on" in alarm
            report = await submit(wish(log.with_name("a.log")))
            assert report == logan.analyze(log.with_name("a.log"), chunk_size=CHUNK)

    run(main)


@pytest.mark.parametrize(
    "chunks",
    [
        "json_set(chunks, '$[#-1][1]', 1)",
        "json_set(chunks, '$[1][2]', 600)",
        "json_remove(chunks, '$[#-1]')",
        "json_set(chunks, '$[#]', json('[0,0,512]'))",
    ],
)
def test_a_stored_job_whose_chunks_do_not_tile_its_sources_is_set_aside(
    network: Network, log: Path, tmp_path: Path, chunks: str
) -> None:
    state = tmp_path / "state"
    stored_jobs(network, log, state, "a.log")
    for table in ("results", "subtrees"):  # they could show it as well
        change(state, f"DELETE FROM {table}")
    change(
        state,
        f"UPDATE jobs SET chunks = {chunks}, checksum = sealed(number, id, spec, sources, "
        f"chunk_size, expansion_max, {chunks}, extra)",
    )

    async def main() -> None:
        async with serving(log, state=state) as coordinator:
            (alarm,) = [each.text for each in coordinator.events if each.kind == "alarm"]
            assert "do not tile" in alarm
            report = await submit(wish(log.with_name("a.log")))
            assert report == logan.analyze(log.with_name("a.log"), chunk_size=CHUNK)

    run(main)


def test_a_resumed_job_says_what_it_said(network: Network, log: Path, tmp_path: Path) -> None:
    """A search by time leaves bytes out; the report says how many, restart or not."""
    log.write_text(
        "".join(
            f"2024-01-24 {i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d}.000 INFO x in 5ms\n"
            for i in range(0, 80_000, 8)
        )
    )
    state = tmp_path / "state"
    options = {"since_ns": 1_706_054_400_000_000_000 + 60_000_000_000_000}

    async def main() -> None:
        async with serving(log, workers=0, state=state) as coordinator:
            await coordinator.submit(wish(log, **options))
            await abandon(coordinator)
        async with serving(log, state=state) as coordinator:
            report = await submit(wish(log, **options))
        assert report.lines.skipped_bytes > 0
        assert any("in order" in text for text in report.inputs[0].assumed)

    run(main)


@pytest.mark.parametrize("who", ["library", "client"])
def test_a_full_disk_when_a_job_is_stored_is_a_clear_end(
    network: Network, log: Path, tmp_path: Path, who: str
) -> None:
    state = tmp_path / "state"

    async def main() -> None:
        began = trio.current_time()
        refusals: list[LoganError] = []
        many = [log.with_name(f"{i:0200}.log") for i in range(60)]
        for path in many:
            path.write_text(LINE)

        async def ask(coordinator: Coordinator) -> None:
            try:
                if who == "client":
                    await submit(wish(*many))
                else:
                    await coordinator.distribute_work([str(path) for path in many])
            except LoganError as error:
                refusals.append(error)

        async def serve() -> None:
            root = str(log.parent)
            async with (
                new_coordinator(roots=[root], state=str(state)) as coordinator,
                trio.open_nursery() as tasks,
            ):
                database = coordinator._commits.journal._database  # type: ignore[attr-defined]
                (pages,) = database.execute("PRAGMA page_count").fetchone()
                database.execute(f"PRAGMA max_page_count = {pages}")
                (outside if who == "client" else tasks).start_soon(ask, coordinator)
                await trio.sleep(60)

        async with trio.open_nursery() as outside:
            with pytest.raises(JournalError, match="disk is full") as caught:
                await serve()
        assert "start the coordinator again" in str(caught.value.hint)
        assert trio.current_time() - began < 10
        (refusal,) = refusals
        assert isinstance(refusal, JournalError)
        assert "disk is full" in str(refusal)

    run(main)


def test_a_submission_after_the_journal_failed_is_refused(
    network: Network, log: Path, tmp_path: Path
) -> None:
    async def main() -> None:
        async with serving(log, state=tmp_path / "state") as coordinator:
            coordinator._commits._failure = JournalError("the disk is full", hint="make room")
            with pytest.raises(JournalError, match="disk is full"):
                await submit(wish(log))
            assert not coordinator.jobs

    run(main)


# --- Only what is below the roots ----------------------------------------------------------------


class Touched:
    """Every path that Python or the native engine opens or looks at while `watching`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        self.watching = False
        for where, names in (
            (builtins, ("open",)),
            (os, ("open", "stat", "scandir", "listdir", "access", "readlink", "truncate")),
            (_logan, ("layouts", "seek", "last_time")),
        ):
            for name in names:
                monkeypatch.setattr(where, name, self._watched(getattr(where, name)))
        for kind in ("Fingerprint", "Summary"):
            monkeypatch.setattr(_logan, kind, self._class(getattr(_logan, kind)))

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any = ".", *args: Any, **options: Any) -> Any:
            if self.watching and isinstance(path, str | bytes | os.PathLike):
                name = os.fsdecode(path)
                if options.get("dir_fd") is None:
                    self.paths.append(name)
            return call(path, *args, **options)

        return watched

    def _class(self, kind: Any) -> Any:
        """The class, with what of it takes a path watched."""
        watched = {
            name: staticmethod(self._watched(getattr(kind, name)))
            for name in ("of", "from_chunk", "from_archive")
            if hasattr(kind, name)
        }
        rest = {
            name: staticmethod(getattr(kind, name))
            for name in ("from_json", "from_bytes", "empty")
            if hasattr(kind, name)
        }
        return type(kind.__name__, (), watched | rest)


@pytest.fixture
def decoys(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with FIFOs, which would block for ever, by the names of the logs."""
    folder = tmp_path / "cwd"
    (folder / "client").mkdir(parents=True)
    below = log.parent / "logs" / "client"
    below.mkdir(parents=True)
    log.rename(below / "app.log")
    (below / "w3c.log").write_text("#Fields: date time cs-method\n2024-01-24 10:15:32 GET\n" * 9)
    for name in ("app.log", "w3c.log", "x.gz"):
        os.mkfifo(folder / "client" / name)
    (below / "x.gz").write_bytes(gzip.compress((LINE * 99).encode()))
    monkeypatch.chdir(folder)
    return log.parent / "logs"


@pytest.mark.parametrize(
    ("paths", "options"),
    [
        (["client/app.log"], {"format": MISMATCH}),
        (["client/w3c.log", "client/x.gz"], {"format": MISMATCH}),
        (["client"], {}),
        (["client/*.log"], {}),
        (["client/app.log"], {"since_ns": 1_706_091_330_000_000_000}),
        (["client/app.log", "client/w3c.log"], {"since_back_ns": 10**9}),
        (["client/app.log", "client/none.log", "../../client/app.log", "client://x"], {}),
        (["/etc/hostname", "client/../../../etc/hostname", "client/app.log"], {"format": MISMATCH}),
        (["s3://client/app.log", "http://127.0.0.1:1/client/x"], {}),
    ],
    ids=str,
)
def test_a_client_has_the_coordinator_read_below_its_roots_alone(
    network: Network,
    decoys: Path,
    monkeypatch: pytest.MonkeyPatch,
    paths: list[str],
    options: dict[str, Any],
) -> None:
    touched = Touched(monkeypatch)
    real = os.path.realpath(decoys)
    submission = Submission(paths=paths, options=Options(**options), confined=True)
    found: list[Any] = []

    async def main() -> None:
        async with (
            new_coordinator(roots=[str(decoys)]) as coordinator,
            trio.open_nursery() as tasks,
        ):
            tasks.start_soon(worker("alice", decoys / "x").run)
            await coordinator.wait_for_workers(1)
            touched.watching = True
            try:
                found.append(await submit(submission))
            except LoganError as error:
                found.append(error)
            touched.watching = False
            tasks.cancel_scope.cancel()

    run(main)
    foreign = [
        path
        for path in touched.paths
        if ("client" in path or "etc" in path or "://" in path)
        and not (path == real or path.startswith(real + "/"))
        # Modules are imported when they are needed.
        and not path.endswith((".py", ".pyc", "__pycache__"))
        and "/client" in "/" + path
    ]
    assert foreign == []
    assert not any(path in ("/etc/hostname", "/etc") for path in touched.paths)
    if not paths[0].startswith("s3"):
        assert any(path.startswith(("/proc/self/fd/", real)) for path in touched.paths)
    text = json.dumps(found[0].to_dict()) if isinstance(found[0], Report) else str(found[0])
    assert "internal" not in text


def test_an_error_quotes_the_file_below_the_root(
    network: Network, decoys: Path, tmp_path: Path
) -> None:
    """Not the one that goes by the client's name where the coordinator was started."""
    secret = Path("client/app.log")
    secret.unlink()
    secret.write_text("root:*:20228:0:99999:7:::\n")

    async def main() -> None:
        async with (
            new_coordinator(roots=[str(decoys)]) as coordinator,
            trio.open_nursery() as tasks,
        ):
            tasks.start_soon(worker("alice", decoys / "x").run)
            await coordinator.wait_for_workers(1)
            report = await submit(
                Submission(
                    paths=["client/app.log"], options=Options(format=MISMATCH), confined=True
                )
            )
            tasks.cancel_scope.cancel()
        assert "the first line is 2024-01-24 10:15:00.000 INFO" in report.inputs[0].error
        assert "root:" not in json.dumps(report.to_dict())

    run(main)


def swapped(path: Path, how: str) -> None:
    """Put something else in the place of a log, which keeps its number on the device."""
    path.rename(path.parent.parent / "before")
    if how == "fifo":
        os.mkfifo(path)
    elif how == "link":
        secret = path.parent.parent / "secret"
        secret.write_text("root:*:20228:0:99999:7:::\n")
        path.symlink_to(secret)
    elif how == "folder":
        path.mkdir()


@pytest.mark.parametrize("confined", [True, False])
@pytest.mark.parametrize("how", ["fifo", "link", "folder", "gone"])
@pytest.mark.parametrize("when", ["sampled", "leased", "done"])
def test_what_takes_the_place_of_a_log_is_not_read_and_not_waited_for(
    network: Network,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    when: str,
    confined: bool,
) -> None:
    folder = log.parent / "logs"
    folder.mkdir()
    log = log.rename(folder / "app.log")
    plan_inputs = logan.cluster.coordinator.submission.plan_inputs
    merged = ActiveJob.merged

    def after_samples(*args: Any, **options: Any) -> Any:
        if when == "sampled":
            swapped(log, how)
        return plan_inputs(*args, **options)

    def after_all(job: ActiveJob) -> Any:
        if when == "done":
            swapped(log, how)
        return merged(job)

    monkeypatch.setattr("logan.cluster.coordinator.submission.plan_inputs", after_samples)
    monkeypatch.setattr(ActiveJob, "merged", after_all)
    # Workers have no file of that name, so that they are handed its bytes.
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()

    async def main() -> None:
        async with (
            new_coordinator(roots=[str(folder)]) as coordinator,
            trio.open_nursery() as tasks,
        ):
            submission = Submission(
                paths=[str(log)],
                options=Options(chunk_size=CHUNK, since_ns=1_706_091_310_000_000_000),
                confined=confined,
            )
            job = await coordinator.submit(submission)
            if when == "leased":
                swapped(log, how)
            tasks.start_soon(worker("alice", elsewhere / "x").run)
            report = await coordinator.report_of(job)
            tasks.cancel_scope.cancel()
        text = json.dumps(report.to_dict())
        assert "root:" not in text
        assert report.partial is (when != "done")
        if when == "done":
            said = "its name was gone" if how == "gone" else "another file had its name"
            assert any(said in note for note in report.inputs[0].notes)

    run(main)


# --- Memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["client", "library"])
def test_an_ended_job_keeps_nothing_but_its_report(network: Network, log: Path, who: str) -> None:
    jobs = 30
    log.write_text(LINE * 99)

    def alive() -> int:
        gc.collect()
        return sum(isinstance(each, ActiveJob | Job) for each in gc.get_objects())

    async def main() -> None:
        async with serving(log) as coordinator:

            async def one() -> None:
                if who == "client":
                    await submit(wish(log))
                else:
                    await coordinator.process_file(str(log), chunk_size=CHUNK)

            for _ in range(3):
                await one()
            before = alive()
            tracemalloc.start()
            try:
                gc.collect()
                base, _ = tracemalloc.get_traced_memory()
                for _ in range(jobs):
                    await one()
                await trio.testing.wait_all_tasks_blocked()
                gc.collect()
                now, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert alive() <= before + 2
            assert now - base < 50_000 * jobs
            assert not coordinator.jobs
            if who == "client":
                assert not list(coordinator._conclusion.ended)

    run(main)


def outcome(size: int) -> Outcome:
    return Outcome(bytes(size))


def test_reports_in_memory_are_bounded_and_undelivered_ones_stay_longest() -> None:
    async def main() -> None:
        ended = EndedJobs()
        for i in range(ENDED_JOBS_MAX + 5):
            job = SubmittedJob(str(i), identity=str(i), owned=False)
            job.end(outcome(100))
            ended.add(job)
        assert len(list(ended)) == ENDED_JOBS_MAX
        assert ended.get("4") is None
        assert ended.get("5") is ended.find("5") is not None
        for i in range(10, 20):
            ended.claim(str(i))
        assert ended.find("10") is None
        assert ended.get("10") is not None
        large = SubmittedJob("large", identity="large")
        large.end(outcome(CLAIMED_BYTES_MAX))
        ended.add(large)
        assert ended.find("large") is None  # a client waits for it
        ended.claim("large")
        assert [ended.get(str(i)) for i in range(10, 20)] == [None] * 10
        assert ended.get("large") is large
        assert ended.get("21") is not None
        ended.drop("21")
        assert ended.get("21") is None

    run(main)


def test_a_failure_is_raised_anew_for_each_caller() -> None:
    try:
        raise InputError("x", input="a", kind="changed", hint="y")
    except InputError as error:
        made = Outcome.failed(error)
    assert made.failure is not None
    assert made.failure.__traceback__ is None
    for _ in range(2):
        with pytest.raises(InputError, match="x") as caught:
            made.report()
        assert (caught.value.kind, caught.value.hint) == ("changed", "y")
    assert made.failure.__traceback__ is None


def test_an_outcome_survives_storing(log: Path) -> None:
    error = logan.SourceChangedError("it changed", input=str(log), hint="h")
    made = Outcome.of(logan.analyze(log), error)
    body, described = made.stored()
    again = Outcome.from_stored(body, json.loads(json.dumps(described)))
    assert again.report() == logan.analyze(log)
    assert repr(again.input_error) == repr(error)
    malformed: list[Any] = [{}, [], 5, {"message": 5}]
    for wrong in malformed:
        with pytest.raises(msgspec.ValidationError):
            Outcome.from_stored(body, wrong)
    assert isinstance(JobEnded("j", "i", body, described).ended_at, float)
