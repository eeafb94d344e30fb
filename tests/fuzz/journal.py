"""Damaged journals: whatever is left of one, a coordinator goes on with what is right, or says why
not.

    python -m tests.fuzz.journal --seconds 60

Journals of real small jobs in several states (stored, partly done, with a chunk that was given up,
ended with a report that no client has; closed, and as a killed coordinator leaves them) are
damaged from a seed:

    flip    bits of some bytes of the database, of its write-ahead log, or of both
    cut     a file ends early
    zero    a piece of a file is zeros
    swap    two pages are exchanged
    row     values of a row are changed, as a bug or a disk would: its checksum is not
    sealed  values of a row are changed, as another version would write them: its checksum is right

Then a coordinator starts from it, and clients ask for the same jobs again. Allowed is a
`JournalError` that names the file and the next step, or that jobs are set aside with a note; else
every report is that of one machine, or of the journal before it was damaged. Never comes an
internal error, a hang, or another figure. In a sealed row wrong values may be as right as any, so
there this is asked of the other jobs alone.

Time is a mock clock's, threads run inline. `LOGAN_FUZZ_SEED` plays one round again.
"""

from __future__ import annotations

import faulthandler
import gzip
import json
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import trio
from trio.testing import MockClock

import logan
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.journal import FILE_NAME, open_journal
from logan.cluster.coordinator.journal_file import checksum
from logan.cluster.coordinator.records import ChunkLost
from logan.cluster.request import Submission
from logan.cluster.worker.worker import Worker
from logan.errors import JournalError, LoganError
from logan.options import Options
from logan.report import Report
from tests.fuzz.messages import in_memory, scan_without_child
from tests.fuzz.playing import command, play_for
from tests.fuzz.values import any_json, mutated
from tests.support.memory_cluster import new_client, new_coordinator, new_worker

__all__ = ["KINDS", "play", "prepare"]

CHUNK: Final = 512
WAL_NAME: Final = f"{FILE_NAME}-wal"
PAGE_BYTES: Final = 4096

PATIENCE_S: Final = 3_600.0
"""Of the mock clock; every job is done in seconds."""

ROUND_S_MAX: Final = 30.0
"""Of the clock on the wall: a round that takes longer turns in circles."""

TABLES: Final = {
    "jobs": "number",
    "results": "job",
    "subtrees": "job",
    "lost": "job",
    "reports": "number",
}
"""Table -> its column with a job's number."""

Files = dict[str, bytes]


@dataclass(slots=True)
class Stage:
    """Logs, what is right of them, and journals by the state that they are in.

    Attributes:
        right: by log, reports that may come; the first is that of one machine.
        journals: the files of each.
    """

    folder: Path
    right: dict[str, list[Report]] = field(default_factory=dict)
    journals: dict[str, Files] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def put(self, files: Files) -> None:
        """Make these the journal's files."""
        shutil.rmtree(self.state, ignore_errors=True)
        self.state.mkdir()
        for name, data in files.items():
            (self.state / name).write_bytes(data)

    def taken(self) -> Files:
        """The journal's files, unchanged."""
        names = [name for name in (FILE_NAME, WAL_NAME) if (self.state / name).exists()]
        return {name: (self.state / name).read_bytes() for name in names}


def prepare(folder: Path) -> Stage:
    """A stage with journals of every state."""
    stage = Stage(folder)
    stage.logs.mkdir()
    line = "2024-01-24 10:15:{:02}.{:03} {} Request {} processed in {}ms\n"
    levels = ("INFO", "WARN", "ERROR")
    for index, name in enumerate(("a.log", "b.log.gz", "c.log")):
        text = "".join(
            line.format(i % 60, i, levels[(i + index) % 3], i * 7, i * i % 300) for i in range(40)
        ).encode()
        packed = gzip.compress(text, mtime=0) if name.endswith(".gz") else text
        (stage.logs / name).write_bytes(packed)
        stage.right[name] = [logan.analyze(stage.logs / name, chunk_size=CHUNK)]

    async def main() -> None:
        with in_memory():
            async with _serving(stage) as coordinator, trio.open_nursery() as tasks:
                jobs = {name: await coordinator.submit(_wish(stage, name)) for name in stage.right}
                _keep(stage, "stored")
                tasks.start_soon(_worker("slow", stage, pace=CHUNK).run)
                running = coordinator.jobs[jobs["a.log"].id]
                while len(running.done) < 2:
                    await trio.sleep(0.1)
                await trio.testing.wait_all_tasks_blocked()
                _keep(stage, "partly done")
                await jobs["b.log.gz"].ended.wait()
                await trio.testing.wait_all_tasks_blocked()
                _keep(stage, "ended")
                last = len(running.plan.chunks) - 1
                assert last not in running.done
                lost = ChunkLost(running.id, last, "unreadable", "no worker can", None)
                coordinator._commits.journal.commit([lost])
                _keep(stage, "with a lost chunk")
                for job in coordinator.jobs.values():
                    job.submitted.kept = True
                tasks.cancel_scope.cancel()
            stage.journals["closed"] = stage.taken()

    _run(main)
    for name, files in list(stage.journals.items()):
        stage.put(files)
        reports, set_aside = _played(stage)
        assert not set_aside, name
        for log, report in reports.items():
            if report not in stage.right[log]:
                assert report.partial, (name, log)
                stage.right[log].append(report)
    return stage


def _keep(stage: Stage, name: str) -> None:
    stage.journals[name] = stage.taken()


def _serving(stage: Stage) -> Coordinator:
    return new_coordinator(roots=[str(stage.logs)], state=str(stage.state))


def _worker(name: str, stage: Stage, **options: Any) -> Worker:
    seams = {"scan_isolated": scan_without_child}
    return new_worker(name, roots=[str(stage.logs)], threads=1, **seams | options)


def _wish(stage: Stage, name: str) -> Submission:
    path = str(stage.logs / name)
    return Submission(paths=[path], options=Options(chunk_size=CHUNK), confined=True)


def _run(main: Callable[[], Any]) -> None:
    async def bounded() -> None:
        with trio.fail_after(PATIENCE_S):
            await main()

    trio.run(bounded, clock=MockClock(autojump_threshold=0))


def _played(stage: Stage) -> tuple[dict[str, Report], list[str]]:
    """Start from what the state folder has, and ask for every job again: their reports, and what
    was said of jobs that were set aside. Raises `JournalError`."""
    reports: dict[str, Report] = {}
    set_aside: list[str] = []

    async def ask(name: str) -> None:
        body = await new_client("memory:1").submit(_wish(stage, name))
        reports[name] = Report.from_json(body)

    async def main() -> None:
        with in_memory():
            async with _serving(stage) as coordinator, trio.open_nursery() as tasks:
                tasks.start_soon(_worker("alice", stage).run)
                async with trio.open_nursery() as clients:
                    for name in stage.right:
                        clients.start_soon(ask, name)
                # Jobs that no client asked for end, too.
                for job in list(coordinator.jobs.values()):
                    await job.submitted.ended.wait()
                coordinator.status()
                texts = [each.text for each in coordinator.events]
                assert not [text for text in texts if "internal" in text], texts
                set_aside.extend(text for text in texts if "set aside" in text)
                tasks.cancel_scope.cancel()
        # What is left is a journal that the next coordinator can go on with.
        with closing(open_journal(str(stage.state))) as journal:
            jobs, more = journal.resume()
            assert (jobs, more) == ([], []), (jobs, more)

    try:
        _run(main)
    except BaseExceptionGroup as group:
        journal_errors, rest = group.split(JournalError)
        if rest is not None or journal_errors is None:
            raise
        raise _first(journal_errors) from group
    return reports, set_aside


def _first(group: BaseExceptionGroup[JournalError]) -> JournalError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, JournalError)
    return error


# --- Damage --------------------------------------------------------------------------------------


def flip(files: Files, chance: Random) -> None:
    """Change some bytes."""
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        name = chance.choice([name for name in files if files[name]])
        data = bytearray(files[name])
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        files[name] = bytes(data)


def cut(files: Files, chance: Random) -> None:
    """End a file early."""
    name = chance.choice(list(files))
    files[name] = files[name][: chance.randrange(len(files[name]) + 1)]


def zero(files: Files, chance: Random) -> None:
    """Put zeros into a file."""
    name = chance.choice([name for name in files if files[name]])
    data = files[name]
    at = chance.randrange(len(data))
    size = min(chance.choice([1, 16, 512, PAGE_BYTES]), len(data) - at)
    files[name] = data[:at] + bytes(size) + data[at + size :]


def swap(files: Files, chance: Random) -> None:
    """Exchange two pages of the database."""
    data = files[FILE_NAME]
    pages = [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]
    one, other = chance.randrange(len(pages)), chance.randrange(len(pages))
    pages[one], pages[other] = pages[other], pages[one]
    files[FILE_NAME] = b"".join(pages)


def row(stage: Stage, chance: Random, *, sealed: bool) -> str | None:
    """Change values of a row in the state folder; the log of its job, if one has such rows."""
    with closing(sqlite3.connect(stage.state / FILE_NAME)) as database, database:
        table = chance.choice(list(TABLES))
        columns = [each[1] for each in database.execute(f"PRAGMA table_info({table})")]
        rows = database.execute(f"SELECT * FROM {table}").fetchall()
        if not rows:
            return None
        old = chance.choice(rows)
        new = list(old)
        at = chance.randrange(len(new) - 1)
        new[at] = _changed(new[at], chance)
        if not sealed and chance.random() < 0.2:
            new[-1] = _changed(new[-1], chance)
        if sealed:
            new[-1] = checksum(new[:-1])
        key = old[columns.index(TABLES[table])]
        named = database.execute("SELECT extra FROM jobs WHERE number = ?", (key,)).fetchone()
        is_old = " AND ".join(f"{column} IS ?" for column in columns)
        to_new = ", ".join(f"{column} = ?" for column in columns)
        try:
            database.execute(f"UPDATE {table} SET {to_new} WHERE {is_old}", (*new, *old))
        except sqlite3.Error:
            return None  # no such row can be
        return json.loads(named[0])["name"] if named else "b.log.gz"


def _changed(value: Any, chance: Random) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.dumps(mutated(json.loads(value), chance))
    if isinstance(value, bytes) and value:
        data = bytearray(value)
        data[chance.randrange(len(data))] ^= chance.randrange(1, 256)
        return bytes(data)[: chance.choice([len(data), len(data), chance.randrange(len(data))])]
    match chance.randrange(3):
        case 0:
            return chance.choice([None, "", "x", b"", 0, 1, -1, 2**40, 2**63 - 1, 0.5, 10**15])
        case 1:
            return json.dumps(any_json(chance))
    return value + chance.choice([-1, 1]) if isinstance(value, int) else "é\x00"


# --- Rounds --------------------------------------------------------------------------------------

KINDS: Final = ("flip", "flip", "flip", "cut", "zero", "swap", "row", "row", "sealed", "sealed")


def play(seed: int, stage: Stage) -> str:
    """One round; what came of it. Raises what must not come out of it."""
    chance = Random(seed)
    state = chance.choice(list(stage.journals))
    kind = chance.choice(KINDS)
    files = dict(stage.journals[state])
    damage = {"flip": flip, "cut": cut, "zero": zero, "swap": swap}.get(kind)
    damaged: str | None = None
    if damage is not None:
        damage(files, chance)
        stage.put(files)
    else:
        stage.put(files)
        damaged = row(stage, chance, sealed=kind == "sealed")
    try:
        reports, set_aside = _played(stage)
    except JournalError as error:
        if str(stage.state) not in str(error) or not error.hint:
            raise AssertionError("it must name the file and the next step") from error
        return f"{kind}: refused"
    except LoganError:
        if kind == "sealed":
            return f"{kind}: an error for its client"
        raise
    for name, report in reports.items():
        if kind == "sealed" and damaged == name:
            continue
        assert report in stage.right[name], (name, state, kind, report.to_dict())
    assert kind == "sealed" or reports.keys() == stage.right.keys()
    if set_aside:
        return f"{kind}: set aside"
    return f"{kind}: right"


@contextmanager
def _no_circles() -> Iterator[None]:
    """Raise in the middle of a round that does not end."""

    def stop(*_: object) -> None:
        raise AssertionError(f"a round took more than {ROUND_S_MAX:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, ROUND_S_MAX)
    faulthandler.dump_traceback_later(2 * ROUND_S_MAX, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def main() -> int:
    return command(
        "Coordinators that start from damaged journals.",
        lambda seconds: play_for(seconds, prepare, play, _no_circles),
    )


if __name__ == "__main__":
    sys.exit(main())
