"""What a coordinator must not forget: jobs, finished work and reports, in one SQLite file.

Knows nothing of sessions, leases or trio. Its calls block and are made from a thread, one at a
time. `open_journal(None)` gives a journal that forgets, for coordinators without `--state`.

**What is stored.** A job with its plan; for each finished chunk its digest; for all finished chunks
of a job together the summaries of the largest complete subtrees of the merge tree. When a chunk
completes a subtree, the subtree's summary goes in and those below it go out in the same
transaction, so the file holds about one summary per level, and a resumed tree is exactly the tree
that was. Chunks that were given up are stored as such. Of an ended job its report is kept until
somebody has it; it is named by what was asked for and the fingerprints of the inputs, so that it is
never given for other ones.

**What is read is what was written.** Each row ends in a checksum over all that stands before it.
A job with a damaged row, or that does not add up, is *set aside*: it stays in the file for whoever
wants to look into it, is never resumed again, and does not keep the others from going on.

**Grouped commits.** `commit` takes any number of records and makes them durable together: one
sync of the disk (WAL, `synchronous=FULL`) for all results that came in meanwhile. A subtree that
a later record of the same group makes part of a larger one is never written. What `commit` has
not returned from may not be acknowledged to anybody. A result that does not merge with the others
of its job sets that job aside and spoils nothing else of the group.

**When it fails** (disk full, I/O error), `commit` raises `JournalError`, and so does every later
call: merge trees and file may then disagree, and only a restart from the file is honest.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from logan._logan import MergeTree, Spec, Summary
from logan.errors import JournalError, SummaryError
from logan.model import Chunk, Plan, Source
from logan.planning.codec import EncodedPlan, decode_plan, encode_plan

__all__ = [
    "ChunkDone",
    "ChunkLost",
    "JobEnded",
    "JobForgotten",
    "JobSetAside",
    "JobStored",
    "Journal",
    "Record",
    "ReportTaken",
    "StoredJob",
    "StoredReport",
    "open_journal",
]

FILE_NAME: Final = "journal.sqlite"
LOCK_NAME: Final = "lock"

APPLICATION_ID: Final = 0x6C6F676E
"""Marks the file as ours, where `file` and SQLite look: "logn"."""

SCHEMA_VERSION: Final = 3
"""Goes up with any change of the tables or of what they mean."""

REPORTS_MAX: Final = 100
"""Ended jobs whose reports are kept, newest first, for clients that lost their connection."""

REPORTS_BYTES_MAX: Final = 256 * 1024 * 1024
"""The same in bytes of reports; the newest is kept whatever its size."""

REPORT_AGE_S_MAX: Final = 24 * 3600.0
"""Who has not come back for a report by then does not come."""

ID_CHARS_MAX: Final = 64
"""Of a job's id."""

SET_ASIDE_JOBS_MAX: Final = 16
"""Jobs that could not be resumed and are kept all the same, newest first."""

SET_ASIDE_CHARS_MAX: Final = 2_000
"""Of the reason why a job was set aside."""

GONE_JOBS_MAX: Final = 10_000
"""Ids of ended and canceled jobs that are remembered, to skip records that were under way."""

WAL_BYTES_KEPT_MAX: Final = 64 * 1024 * 1024
"""To what the write-ahead log is cut after a checkpoint: it grows with the largest group."""

_SCHEMA: Final = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,         -- in order of arrival
    id TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    sources TEXT NOT NULL,              -- JSON [{...}], as in Source
    chunk_size INTEGER NOT NULL,
    expansion_max INTEGER NOT NULL,
    chunks TEXT NOT NULL,               -- JSON [[source, start, end]], in order of ids
    extra TEXT NOT NULL,                -- JSON object, the coordinator's own
    checksum TEXT NOT NULL              -- of all columns before, as in every table
);
CREATE TABLE set_aside (                -- jobs that are not resumed
    job INTEGER PRIMARY KEY REFERENCES jobs,
    why TEXT NOT NULL,
    checksum TEXT NOT NULL
);
CREATE TABLE results (
    job INTEGER NOT NULL REFERENCES jobs,
    chunk INTEGER NOT NULL,
    digest TEXT NOT NULL,
    note TEXT,
    checksum TEXT NOT NULL,
    PRIMARY KEY (job, chunk)            -- a chunk is done once
) WITHOUT ROWID;
CREATE TABLE subtrees (
    job INTEGER NOT NULL REFERENCES jobs,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    summary BLOB NOT NULL,
    checksum TEXT NOT NULL,
    UNIQUE (job, level, place)
);
CREATE TABLE lost (
    job INTEGER NOT NULL REFERENCES jobs,
    chunk INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    bad_start INTEGER,
    bad_end INTEGER,
    checksum TEXT NOT NULL,
    PRIMARY KEY (job, chunk)
) WITHOUT ROWID;
CREATE TABLE reports (
    number INTEGER PRIMARY KEY,         -- the job's
    id TEXT NOT NULL UNIQUE,
    identity TEXT NOT NULL,             -- of what was asked for, and of the inputs
    ended_at REAL NOT NULL,             -- seconds since 1970
    error TEXT NOT NULL,                -- JSON, of the first input that has one
    body BLOB NOT NULL,
    checksum TEXT NOT NULL
);
"""
_TABLES_OF_A_JOB: Final = ("results", "subtrees", "lost", "set_aside")


# SQLite keeps any type in any column; these are the types of those above, without checksums.


class _JobRow(NamedTuple):
    number: int
    id: str
    spec: str
    sources: str
    chunk_size: int
    expansion_max: int
    chunks: str
    extra: str


class _ResultRow(NamedTuple):
    job: int
    chunk: int
    digest: str
    note: str | None


class _SubtreeRow(NamedTuple):
    job: int
    level: int
    place: int
    summary: bytes


class _LostRow(NamedTuple):
    job: int
    chunk: int
    kind: str
    detail: str
    bad_start: int | None
    bad_end: int | None


class _SetAsideRow(NamedTuple):
    job: int
    why: str


class _ReportRow(NamedTuple):
    number: int
    id: str
    identity: str
    ended_at: float
    error: str
    body: bytes


_Row = TypeVar("_Row", _JobRow, _ResultRow, _SubtreeRow, _LostRow, _SetAsideRow, _ReportRow)


@dataclass(frozen=True, slots=True)
class JobStored:
    """A new job. `extra` (JSON values) is the coordinator's own affair."""

    job: str
    plan: Plan
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChunkDone:
    """A chunk's result. `commit` puts `summary` into `tree`, the job's own, and stores both.

    The caller has checked that the summary is of the job's spec and covers the chunk and nothing
    else; a chunk that was given up before is done all the same.
    """

    job: str
    chunk: int
    digest: str
    summary: Summary
    tree: MergeTree
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkLost:
    """A chunk that was given up; fields as in the scheduler's `LostChunk`."""

    job: str
    chunk: int
    kind: str
    detail: str
    bad_range: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class JobEnded:
    """The job's report; its plan, results and subtrees are dropped.

    Attributes:
        identity: of what was asked for and of the inputs; by it the report is found again.
        error: a JSON value, the coordinator's own affair.
        ended_at: seconds since 1970.
    """

    job: str
    identity: str
    body: bytes
    error: Any = None
    ended_at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """Who waited for the job's report has it: it is dropped."""

    job: str


@dataclass(frozen=True, slots=True)
class JobForgotten:
    """The job was canceled: nothing of it is kept. Of a job that has ended the report stays."""

    job: str


@dataclass(frozen=True, slots=True)
class JobSetAside:
    """The job cannot go on, for the reason `why`: it is kept, and not resumed."""

    job: str
    why: str


Record = JobStored | ChunkDone | ChunkLost | JobEnded | ReportTaken | JobForgotten | JobSetAside


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job that has not ended.

    Attributes:
        done: digest of each chunk that needs no more work.
        notes: what came with some of their summaries.
        tree: their summaries, merged as far as they go; give it to `ChunkDone`.
    """

    job: str
    plan: Plan
    extra: Mapping[str, Any]
    done: Mapping[int, str]
    lost: tuple[ChunkLost, ...]
    tree: MergeTree
    notes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The report of a job that has ended; fields as in `JobEnded`."""

    job: str
    identity: str
    body: bytes
    error: Any


class Journal(Protocol):
    """What a coordinator asks of a journal. Every method may raise `JournalError`."""

    def commit(self, records: Sequence[Record]) -> list[JobSetAside]:
        """Make all records durable, in order, or none. Blocks until the disk has them.

        Returns the jobs that were set aside because a result does not merge. Records of these,
        and of a job that has ended or was canceled meanwhile, are skipped.
        """

    def resume(self) -> tuple[list[StoredJob], list[JobSetAside]]:
        """The jobs that have not ended, oldest first, and those that were set aside just now
        because they cannot be resumed."""

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
    """Merges, and stores nothing."""

    def commit(self, records: Sequence[Record]) -> list[JobSetAside]:
        spoilt: dict[str, JobSetAside] = {}
        for record in records:
            if isinstance(record, ChunkDone) and record.job not in spoilt:
                try:
                    record.tree.insert(record.chunk, record.summary)
                except Exception as error:
                    spoilt[record.job] = JobSetAside(record.job, _unmerged(record, error))
        return list(spoilt.values())

    def resume(self) -> tuple[list[StoredJob], list[JobSetAside]]:
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
        self._lock_fd = _lock(Path(folder))
        try:
            with self._errors("opened"):
                self._database = _open(self._path)
        except BaseException:
            os.close(self._lock_fd)
            raise

    def commit(self, records: Sequence[Record]) -> list[JobSetAside]:
        with self._busy:
            self._check_usable()
            try:
                with self._errors("written"):
                    return self._commit(records)
            except BaseException as error:
                # Trees have merged what the file does not have: there is no way on from here.
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
        with self._busy, self._errors("read"):
            self._check_usable()
            self._database.execute("BEGIN IMMEDIATE")
            rows = self._database.execute("SELECT number, id FROM jobs ORDER BY number").fetchall()
            jobs: list[StoredJob] = []
            set_aside: list[JobSetAside] = []
            for number, id in rows:
                try:
                    if self._rows("set_aside", _SetAsideRow, number):
                        continue
                    jobs.append(self._stored_job(number))
                    self._numbers[id] = number
                except sqlite3.Error:
                    raise
                except Exception as error:
                    why = f"what {self._path} has of it is damaged: {error}"
                    set_aside.append(JobSetAside(_text(str(id)), why))
                    self._set_aside(number, why)
            self._drop_old_reports()
            self._database.execute("COMMIT")
            return jobs, set_aside

    def report(self, identity: str) -> StoredReport | None:
        with self._busy, self._errors("read"):
            self._check_usable()
            rows = self._database.execute(
                "SELECT number, id, identity, ended_at, error, body, checksum FROM reports "
                "WHERE identity = ? AND ended_at > ? ORDER BY number DESC",
                (identity, time.time() - REPORT_AGE_S_MAX),
            ).fetchall()
        for row in rows:
            # One that is damaged is of no use: the job is done again.
            with contextlib.suppress(Exception):
                stored = _checked(row, _ReportRow)
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

    def _commit(self, records: Sequence[Record]) -> list[JobSetAside]:
        run = self._database.execute
        spoilt: list[JobSetAside] = []
        run("BEGIN IMMEDIATE")
        # Subtrees of this group by job; only those that stay are written, at the end.
        fresh: dict[str, dict[tuple[int, int], MergeTree]] = {}
        for record in records:
            if record.job in self._gone and not isinstance(record, JobStored | ReportTaken):
                continue
            match record:
                case JobStored():
                    self._store_job(record)
                case ChunkDone():
                    why = self._store_result(record, fresh.setdefault(record.job, {}))
                    if why is not None:
                        spoilt.append(JobSetAside(record.job, why))
                        del fresh[record.job]
                        self._end(spoilt[-1])
                case ChunkLost(job=job, chunk=chunk, kind=kind, detail=detail):
                    bad = record.bad_range or (None, None)
                    self._insert("lost", self._number(job), chunk, kind, _text(detail), *bad)
                case ReportTaken(job=job):
                    run("DELETE FROM reports WHERE id = ?", (job,))
                case JobEnded() | JobForgotten() | JobSetAside():
                    fresh.pop(record.job, None)
                    self._end(record)
        for job, subtrees in fresh.items():
            for position, tree in subtrees.items():
                self._store_subtree(self._number(job), position, tree)
        run("COMMIT")
        return spoilt

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
        self._database.execute(
            f"INSERT INTO {table} VALUES ({marks})", (*values, _checksum(values))
        )

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

    def _store_result(
        self, record: ChunkDone, fresh: dict[tuple[int, int], MergeTree]
    ) -> str | None:
        """Merge and store a result; why it does not merge."""
        number = self._number(record.job)
        try:
            level, place = record.tree.insert(record.chunk, record.summary)
        except Exception as error:
            return _unmerged(record, error)
        self._insert("results", number, record.chunk, record.digest, record.note)
        self._database.execute(
            "DELETE FROM lost WHERE job = ? AND chunk = ?", (number, record.chunk)
        )
        for below, at in [p for p in fresh if p[0] < level and p[1] >> (level - p[0]) == place]:
            del fresh[below, at]
        fresh[level, place] = record.tree
        return None

    def _store_subtree(self, number: int, position: tuple[int, int], tree: MergeTree) -> None:
        level, place = position
        summary = tree.subtree(level, place)
        if summary is None:
            raise ValueError("a merge tree was changed by another process")
        self._insert("subtrees", number, level, place, summary.to_bytes())
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
        self._insert("set_aside", number, _text(why[:SET_ASIDE_CHARS_MAX]))
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
        stored = _checked(row, _JobRow)
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
        rows = self._rows("results", _ResultRow, number)
        done = {each.chunk: each.digest for each in rows}
        notes = {each.chunk: each.note for each in rows if each.note is not None}
        lost = tuple(
            ChunkLost(job, each.chunk, each.kind, each.detail, _bad_range(each))
            for each in self._rows("lost", _LostRow, number)
        )
        if any(not 0 <= id < len(plan.chunks) for id in (*done, *(each.chunk for each in lost))):
            raise SummaryError("it has results of chunks that are not in its plan")
        tree = self._tree(number, plan, done)
        return StoredJob(job, plan, json.loads(stored.extra), done, lost, tree, notes)

    def _rows(self, table: str, row_type: type[_Row], number: int) -> list[_Row]:
        """What a table has of a job, without checksums. Raises `SummaryError`."""
        found = self._database.execute(f"SELECT * FROM {table} WHERE job = ?", (number,))
        rows = [_checked(row, row_type) for row in found]
        if any(row[0] != number for row in rows):
            raise SummaryError("a row is of another job")
        return rows

    def _tree(self, number: int, plan: Plan, done: Mapping[int, str]) -> MergeTree:
        spec, chunks = Spec(plan.spec_json), len(plan.chunks)
        tree = MergeTree(spec)
        covered = 0
        for _, level, place, data in self._rows("subtrees", _SubtreeRow, number):
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

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        """Errors of SQLite and of what the file holds, in words that name it and the next step."""
        try:
            yield
        except sqlite3.Error as error:
            raise _journal_error(self._path, what, error) from error
        except OSError as error:
            raise JournalError(
                f"{self._path} cannot be {what}: {error.strerror or error}",
                hint="check the disk and the folder's permissions",
            ) from error
        except JournalError:
            raise
        except Exception as error:
            if what == "written":
                raise
            raise JournalError(
                f"{self._path} is damaged or of another version: {error}", hint=_RENEW
            ) from error


_RENEW: Final = "move it away to start anew (its unfinished jobs are lost), or give another --state"


def _journal_error(path: Path, what: str, error: sqlite3.Error) -> JournalError:
    name = getattr(error, "sqlite_errorname", "")
    # The statements are right, so that an error in one is a table that is not as it was made.
    if name in ("SQLITE_NOTADB", "SQLITE_ERROR") or name.startswith("SQLITE_CORRUPT"):
        return JournalError(f"{path} is not a journal of logan, or damaged: {error}", hint=_RENEW)
    if name in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return JournalError(
            f"{path} is in use by another program", hint="close it, or give another --state"
        )
    if name == "SQLITE_FULL":
        hint = "make room, then start the coordinator again: it goes on where it was"
        return JournalError(f"{path} cannot be {what}: the disk is full", hint=hint)
    hint = "check the disk and the folder's permissions, then start the coordinator again"
    return JournalError(f"{path} cannot be {what}: {error}", hint=hint)


def _lock(folder: Path) -> int:
    """Make the folder if need be and lock it: an open file that the kernel unlocks when we die."""
    try:
        # Summaries and reports hold parts of logs: nobody else's business.
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(
            f"{folder} cannot be used as state folder: {error.strerror or error}",
            hint="give another --state, or check its permissions",
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(fd, 200, 0).decode("utf-8", "replace").strip()
        os.close(fd)
        known = f" ({holder})" if holder.isprintable() and holder else ""
        raise JournalError(
            f"{folder} is in use by another coordinator{known}",
            hint="stop that one first, or give another --state",
        ) from error
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
    return fd


def _open(path: Path) -> sqlite3.Connection:
    # SQLite would make the file readable for all; its companions take over the file's mode.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    # Damaged text must come so far that its row's checksum can tell.
    database.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        _prepare(database, path)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    run = database.execute
    # Second check of the lock, against programs that know nothing of ours; set before the first
    # access, it also spares the shared memory file.
    run("PRAGMA locking_mode = EXCLUSIVE")
    (application,) = run("PRAGMA application_id").fetchone()
    (version,) = run("PRAGMA user_version").fetchone()
    (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
    if (application, version, tables) != (0, 0, 0):
        if application != APPLICATION_ID:
            raise JournalError(f"{path} is not a journal of logan", hint=_RENEW)
        if version != SCHEMA_VERSION:
            raise JournalError(
                f"{path} is a journal of version {version}, this logan has {SCHEMA_VERSION}",
                hint="use the logan that wrote it, or give another --state",
            )
    (mode,) = run("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise JournalError(
            f"{path}: the file system has no write-ahead log", hint="give --state on a local disk"
        )
    run("PRAGMA synchronous = FULL")
    run("PRAGMA foreign_keys = ON")
    run(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX}")
    if tables == 0:
        pragmas = f"PRAGMA application_id={APPLICATION_ID};PRAGMA user_version={SCHEMA_VERSION};"
        database.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{pragmas}COMMIT;")
        _sync_folder(path.parent)
        return
    (found,) = run("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise JournalError(f"{path} is damaged: {_text(str(found))}", hint=_RENEW)
    if _tables(database) != _expected_tables():
        raise JournalError(f"{path} is damaged: its tables are not as they were made", hint=_RENEW)


def _tables(database: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(database.execute("SELECT type, name, sql FROM sqlite_master"))


def _expected_tables() -> set[tuple[str, str, str | None]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(_SCHEMA)
        return _tables(fresh)


def _sync_folder(folder: Path) -> None:
    """The names of new files survive a power cut too."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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


def _checksum(values: Sequence[object]) -> str:
    """Tells whether a row is the one that was written."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        digest.update(f"{type(value).__name__} {len(data)} ".encode())
        digest.update(data)
    return digest.hexdigest()


def _checked(row: Sequence[Any], row_type: type[_Row]) -> _Row:
    """A row without its last column, its checksum. Raises `SummaryError`."""
    *values, checksum = row
    if _checksum(values) != checksum:
        raise SummaryError("a row is not as it was written")
    try:
        return msgspec.convert(values, row_type)
    except msgspec.ValidationError as error:
        raise SummaryError(f"a row has a value of another type: {error}") from error


def _bad_range(row: _LostRow) -> tuple[int, int] | None:
    if row.bad_start is None or row.bad_end is None:
        return None
    return row.bad_start, row.bad_end


def _unmerged(record: ChunkDone, error: Exception) -> str:
    return f"the result of chunk {record.chunk} does not merge with the others: {error}"


def _text(text: str) -> str:
    """SQLite takes valid Unicode only; names of files may be anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
