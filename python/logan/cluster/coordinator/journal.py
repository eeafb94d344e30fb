"""What a coordinator must not forget: jobs, finished work and reports, in one SQLite file.

Knows nothing of sessions, leases or trio, and merges nothing: `commits` does. Its calls block and
are made from a thread, one at a time. `open_journal(None)` gives a journal that forgets, for
coordinators without `--state`.

**What is stored.** A job with its plan; for each finished chunk its digest; for all finished chunks
of a job together the summaries of the largest complete subtrees of the merge tree. When a chunk
completes a subtree, the subtree's summary goes in and those below it go out in the same
transaction, so the file holds about one summary per level, and a resumed tree is exactly the tree
that was. Chunks that were given up are stored as such. Of an ended job its report is kept until
a client has received it; its key is made of the options and the fingerprints of the inputs, so that
it is never returned for other ones.

**What is read is what was written.** Each row ends in a checksum over all that stands before it.
A job with a damaged row, or with inconsistent rows, is *set aside*: it stays in the file so that it
can be examined, is never resumed again, and does not keep the others from going on.

**Grouped commits.** `commit` takes any number of records and makes them durable together: one
sync of the disk (WAL, `synchronous=FULL`) for all results that came in meanwhile. A
record may be acknowledged to a peer only after its `commit` has returned.

**When it fails** (disk full, I/O error), `commit` raises `JournalError`, and so does every later
call: merge trees and file may then disagree, and only a restart from the file is honest.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from logan._logan import MergeTree, Spec, Summary
from logan.cluster.coordinator import follow_journal
from logan.cluster.coordinator.journal_file import (
    JobRow,
    LostRow,
    ReportRow,
    ResultRow,
    Row,
    SetAsideRow,
    SubtreeRow,
    checked,
    checksum,
    journal_errors,
    lock_folder,
    open_database,
    storable,
)
from logan.cluster.coordinator.records import (
    ChunkLost,
    FollowAdvanced,
    FollowChanged,
    FollowEnded,
    FollowStored,
    JobEnded,
    JobForgotten,
    JobSetAside,
    JobStored,
    Record,
    ReportTaken,
    ResultStored,
    StoredFollow,
    StoredJob,
    StoredReport,
    SubtreeStored,
)
from logan.errors import JournalError, SummaryError
from logan.model import Chunk, Plan, Source
from logan.planning.codec import EncodedPlan, decode_plan, encode_plan

__all__ = ["Journal", "open_journal"]

FILE_NAME: Final = "journal.sqlite"

REPORTS_MAX: Final = 100
"""Ended jobs whose reports are kept, newest first, for clients that lost their connection."""

REPORTS_BYTES_MAX: Final = 256 * 1024 * 1024
"""Bytes of the reports that are kept; the newest is kept whatever its size."""

REPORT_AGE_S_MAX: Final = 24 * 3600.0
"""How long a report is kept: a client that has not come back by then will not."""

ID_CHARS_MAX: Final = 64
"""Characters of a job's id."""

SET_ASIDE_JOBS_MAX: Final = 16
"""Jobs that could not be resumed but are kept, newest first."""

SET_ASIDE_CHARS_MAX: Final = 2_000
"""Characters of the reason why a job was set aside."""

GONE_JOBS_MAX: Final = 10_000
"""Ids of ended and canceled jobs that are remembered, to skip records that were under way."""

_TABLES_OF_A_JOB: Final = ("results", "subtrees", "lost", "set_aside")


class Journal(Protocol):
    """What a coordinator asks of a journal. Every method may raise `JournalError`."""

    def commit(self, records: Sequence[Record]) -> None:
        """Make all records durable, in order, or none. Blocks until the disk has them.

        Records of a job that has ended, was canceled or set aside meanwhile are skipped.
        """

    def resume(self) -> tuple[list[StoredJob], list[JobSetAside]]:
        """The jobs that have not ended, oldest first, and those that were set aside just now
        because they cannot be resumed."""

    def follows(self) -> tuple[list[StoredFollow], list[JobSetAside]]:
        """The follow jobs that have not ended, oldest first, and those that are damaged."""

    def report(self, identity: str) -> StoredReport | None:
        """The newest report of that identity, if one is kept and undamaged."""

    def close(self) -> None:
        """Free the folder. Nothing that was committed depends on it."""


def open_journal(folder: str | None) -> Journal:
    """The journal in `folder`, made if need be; without a folder one that forgets.

    Raises:
        JournalError: another coordinator uses the folder; the file is damaged, foreign or of a
            newer logan; the folder cannot be written.
    """
    return _MemoryJournal() if folder is None else _SqliteJournal(folder)


class _MemoryJournal:
    """Stores nothing."""

    def commit(self, records: Sequence[Record]) -> None:
        pass

    def resume(self) -> tuple[list[StoredJob], list[JobSetAside]]:
        return [], []

    def follows(self) -> tuple[list[StoredFollow], list[JobSetAside]]:
        return [], []

    def report(self, identity: str) -> StoredReport | None:
        return None

    def close(self) -> None:
        pass


class _SqliteJournal:
    def __init__(self, folder: str) -> None:
        self._path = Path(folder) / FILE_NAME
        self._failure: JournalError | None = None
        self._busy = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._gone: dict[str, None] = {}  # jobs that ended or were forgotten, oldest first
        self._lock_fd = lock_folder(Path(folder))
        try:
            with journal_errors(self._path, "opened"):
                self._database = open_database(self._path)
        except BaseException:
            os.close(self._lock_fd)
            raise

    def commit(self, records: Sequence[Record]) -> None:
        with self._busy:
            self._check_usable()
            try:
                with journal_errors(self._path, "written"):
                    self._commit(records)
            except BaseException as error:
                # Trees have merged what the file does not have: the process cannot go on from here.
                failure = error if isinstance(error, JournalError) else self._broken_off(error)
                self._failure = failure
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                self._numbers.clear()
                if isinstance(error, Exception):
                    raise failure from error
                raise

    def _broken_off(self, error: BaseException) -> JournalError:
        return JournalError(
            f"{self._path}: a commit was broken off: {type(error).__name__}: {error}",
            hint="start the coordinator again: it goes on where it was",
        )

    def resume(self) -> tuple[list[StoredJob], list[JobSetAside]]:
        with self._busy, journal_errors(self._path, "read"):
            self._check_usable()
            self._database.execute("BEGIN IMMEDIATE")
            rows = self._database.execute("SELECT number, id FROM jobs ORDER BY number").fetchall()
            jobs: list[StoredJob] = []
            set_aside: list[JobSetAside] = []
            for number, id in rows:
                try:
                    if self._rows("set_aside", SetAsideRow, number):
                        continue
                    jobs.append(self._stored_job(number))
                    self._numbers[id] = number
                except sqlite3.Error:
                    raise
                except Exception as error:
                    why = f"what {self._path} has of it is damaged: {error}"
                    set_aside.append(JobSetAside(storable(str(id)), why))
                    self._set_aside(number, why)
            self._drop_old_reports()
            self._database.execute("COMMIT")
            return jobs, set_aside

    def follows(self) -> tuple[list[StoredFollow], list[JobSetAside]]:
        with self._busy, journal_errors(self._path, "read"):
            self._check_usable()
            return follow_journal.read(self._database)

    def report(self, identity: str) -> StoredReport | None:
        with self._busy, journal_errors(self._path, "read"):
            self._check_usable()
            rows = self._database.execute(
                "SELECT number, id, identity, ended_at, error, body, checksum FROM reports "
                "WHERE identity = ? AND ended_at > ? ORDER BY number DESC",
                (identity, time.time() - REPORT_AGE_S_MAX),
            ).fetchall()
        for row in rows:
            # A damaged report is skipped: the job is done again.
            with contextlib.suppress(Exception):
                stored = checked(row, ReportRow)
                _check_id(stored.id)
                return StoredReport(stored.id, identity, stored.body, json.loads(stored.error))
        return None

    def close(self) -> None:
        with self._busy:
            if self._failure is None:
                self._failure = JournalError(f"{self._path} is closed")
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            if self._lock_fd >= 0:
                os.close(self._lock_fd)
                self._lock_fd = -1

    # --- Writing ---

    def _commit(self, records: Sequence[Record]) -> None:
        run = self._database.execute
        run("BEGIN IMMEDIATE")
        for record in records:
            if record.job in self._gone and not isinstance(record, JobStored | ReportTaken):
                continue
            match record:
                case JobStored():
                    self._store_job(record)
                case ResultStored(job=job, chunk=chunk):
                    number = self._number(job)
                    self._insert("results", number, chunk, record.digest, record.note)
                    run("DELETE FROM lost WHERE job = ? AND chunk = ?", (number, chunk))
                case SubtreeStored():
                    self._store_subtree(record)
                case ChunkLost(job=job, chunk=chunk, kind=kind, detail=detail):
                    bad = record.bad_range or (None, None)
                    self._insert("lost", self._number(job), chunk, kind, storable(detail), *bad)
                case ReportTaken(job=job):
                    run("DELETE FROM reports WHERE id = ?", (job,))
                case JobEnded() | JobForgotten() | JobSetAside():
                    self._end(record)
                case FollowStored() | FollowChanged() | FollowAdvanced() | FollowEnded():
                    follow_journal.write(self._database, record)
        run("COMMIT")

    def _end(self, record: JobEnded | JobForgotten | JobSetAside) -> None:
        number = self._find(record.job)
        match record:
            case JobForgotten() if number is None:
                return  # it was never stored
            case JobSetAside(why=why):
                self._set_aside(self._number(record.job), why)
            case _:
                self._delete(self._number(record.job))
        if isinstance(record, JobEnded):
            self._store_report(self._number(record.job), record)
        del self._numbers[record.job]
        # Records of the job that are still under way are skipped from now on.
        self._gone[record.job] = None
        if len(self._gone) > GONE_JOBS_MAX:
            del self._gone[next(iter(self._gone))]

    def _insert(self, table: str, *values: object) -> None:
        marks = ", ".join("?" * (len(values) + 1))
        self._database.execute(f"INSERT INTO {table} VALUES ({marks})", (*values, checksum(values)))

    def _store_job(self, record: JobStored) -> None:
        encoded = encode_plan(record.plan)
        # Numbers go on after those of ended jobs, so that "newest" means what it says.
        (number,) = self._database.execute(
            "SELECT 1 + ifnull(max(number), 0) "
            "FROM (SELECT number FROM jobs UNION ALL SELECT number FROM reports)"
        ).fetchone()
        self._insert(
            "jobs",
            number,
            record.job,
            *encoded,
            json.dumps(dict(record.extra)),
        )
        self._gone.pop(record.job, None)
        self._numbers[record.job] = number

    def _store_subtree(self, record: SubtreeStored) -> None:
        number, level, place = self._number(record.job), record.level, record.place
        self._insert("subtrees", number, level, place, record.summary)
        self._database.execute(
            "DELETE FROM subtrees WHERE job = ? AND level < ? AND place >> (? - level) = ?",
            (number, level, level, place),
        )

    def _store_report(self, number: int, record: JobEnded) -> None:
        # An id may come again.
        self._database.execute("DELETE FROM reports WHERE id = ?", (record.job,))
        error = json.dumps(record.error)
        ended_at = float(record.ended_at)
        self._insert("reports", number, record.job, record.identity, ended_at, error, record.body)
        self._drop_old_reports()

    def _drop_old_reports(self) -> None:
        now = time.time()
        rows = self._database.execute(
            "SELECT number, length(body), ended_at FROM reports ORDER BY number DESC"
        ).fetchall()
        kept_bytes = 0
        for place, (number, size, ended_at) in enumerate(rows):
            kept_bytes += size
            too_many = place >= REPORTS_MAX or (place > 0 and kept_bytes > REPORTS_BYTES_MAX)
            if too_many or now - ended_at > REPORT_AGE_S_MAX:
                self._database.execute("DELETE FROM reports WHERE number = ?", (number,))

    def _set_aside(self, number: int, why: str) -> None:
        run = self._database.execute
        run("DELETE FROM set_aside WHERE job = ?", (number,))
        self._insert("set_aside", number, storable(why[:SET_ASIDE_CHARS_MAX]))
        old = run(
            "SELECT job FROM set_aside ORDER BY job DESC LIMIT -1 OFFSET ?", (SET_ASIDE_JOBS_MAX,)
        ).fetchall()
        for (each,) in old:
            self._delete(each)

    def _delete(self, number: int) -> None:
        for table in _TABLES_OF_A_JOB:
            self._database.execute(f"DELETE FROM {table} WHERE job = ?", (number,))
        self._database.execute("DELETE FROM jobs WHERE number = ?", (number,))

    def _number(self, job: str) -> int:
        number = self._find(job)
        if number is None:
            raise ValueError(f"the journal has no job {job!r}")
        return number

    def _find(self, job: str) -> int | None:
        if job not in self._numbers:
            row = self._database.execute("SELECT number FROM jobs WHERE id = ?", (job,)).fetchone()
            if row is None:
                return None
            self._numbers[job] = int(row[0])
        return self._numbers[job]

    # --- Reading ---

    def _stored_job(self, number: int) -> StoredJob:
        row = self._database.execute("SELECT * FROM jobs WHERE number = ?", (number,)).fetchone()
        stored = checked(row, JobRow)
        job = stored.id
        _check_id(job)
        plan = decode_plan(
            EncodedPlan(
                stored.spec,
                stored.sources,
                stored.chunk_size,
                stored.expansion_max,
                stored.chunks,
            )
        )
        rows = self._rows("results", ResultRow, number)
        done = {each.chunk: each.digest for each in rows}
        notes = {each.chunk: each.note for each in rows if each.note is not None}
        lost = tuple(
            ChunkLost(job, each.chunk, each.kind, each.detail, _bad_range(each))
            for each in self._rows("lost", LostRow, number)
        )
        if any(not 0 <= id < len(plan.chunks) for id in (*done, *(each.chunk for each in lost))):
            raise SummaryError("it has results of chunks that are not in its plan")
        tree = self._tree(number, plan, done)
        return StoredJob(job, plan, json.loads(stored.extra), done, lost, tree, notes)

    def _rows(self, table: str, row_type: type[Row], number: int) -> list[Row]:
        """What a table has of a job, without checksums. Raises `SummaryError`."""
        found = self._database.execute(f"SELECT * FROM {table} WHERE job = ?", (number,))
        rows = [checked(row, row_type) for row in found]
        if any(row[0] != number for row in rows):
            raise SummaryError("a row is of another job")
        return rows

    def _tree(self, number: int, plan: Plan, done: Mapping[int, str]) -> MergeTree:
        spec, chunks = Spec(plan.spec_json), len(plan.chunks)
        tree = MergeTree(spec)
        covered = 0
        for _, level, place, data in self._rows("subtrees", SubtreeRow, number):
            if not (0 <= level < 64 and 0 <= place <= chunks):
                raise SummaryError("a subtree is not of its tree")
            ids = range(place << level, min((place + 1) << level, chunks + 1))
            if any(id not in done for id in ids):
                raise SummaryError("the results of a job and its subtrees differ")
            summary = Summary.from_bytes(data)
            if summary.difference(spec) is not None:
                raise SummaryError("a subtree was made under another spec")
            if not _covers(summary, [plan.chunks[id] for id in ids], plan.sources):
                raise SummaryError("a subtree covers other bytes than its chunks")
            tree.insert_subtree(level, place, summary)
            covered += len(ids)
        if covered != len(done):
            raise SummaryError("the results of a job and its subtrees differ")
        return tree

    # --- Errors ---

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise self._failure


def _check_id(id: object) -> None:
    """Raise `SummaryError` for what cannot name a job on the wire."""
    if not (isinstance(id, str) and id.isascii() and id.isalnum() and len(id) <= ID_CHARS_MAX):
        raise SummaryError("it has no valid id")


def _covers(summary: Summary, chunks: Sequence[Chunk], sources: Sequence[Source]) -> bool:
    """Whether a summary covers these chunks and nothing else, as far as that is known: what an
    archive decodes to is not."""
    expected: list[tuple[int, int, int]] = []
    for chunk in chunks:
        if sources[chunk.source].compression is not None:
            continue
        if expected and expected[-1][::2] == (chunk.source, chunk.start):
            expected[-1] = (chunk.source, expected[-1][1], chunk.end)
        else:
            expected.append((chunk.source, chunk.start, chunk.end))
    packed = {each.source for each in chunks if sources[each.source].compression is not None}
    return [each for each in summary.segments() if each[0] not in packed] == expected


def _bad_range(row: LostRow) -> tuple[int, int] | None:
    if row.bad_start is None or row.bad_end is None:
        return None
    return row.bad_start, row.bad_end
