"""What a coordinator must not forget: jobs, finished work and reports, in one SQLite file.

Knows nothing of sessions, leases or trio. Its calls block and are made from a thread, one at a
time. `open_journal(None)` gives a journal that forgets, for coordinators without `--state`.

**What is stored.** A job with its plan; for each finished chunk its digest; for all finished chunks
of a job together the summaries of the largest complete subtrees of the merge tree. When a chunk
completes a subtree, the subtree's summary goes in and those below it go out in the same
transaction, so the file holds about one summary per level, and a resumed tree is exactly the tree
that was. Chunks that were given up are stored as such; an ended job keeps its report only.

**Grouped commits.** `commit` takes any number of records and makes them durable together: one
sync of the disk (WAL, `synchronous=FULL`) for all results that came in meanwhile. A subtree that
a later record of the same group makes part of a larger one is never written. What `commit` has
not returned from may not be acknowledged to anybody.

**When it fails** (disk full, I/O error), `commit` raises `JournalError`, and so does every later
call: merge trees and file may then disagree, and only a restart from the file is honest.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from logan._logan import MergeTree, Spec, Summary
from logan.errors import JournalError, SummaryError
from logan.model import Chunk, Plan, Source

__all__ = [
    "ChunkDone",
    "ChunkLost",
    "FinishedJob",
    "JobEnded",
    "JobForgotten",
    "JobStored",
    "Journal",
    "Record",
    "StoredJob",
    "open_journal",
]

FILE_NAME: Final = "journal.sqlite"
LOCK_NAME: Final = "lock"

APPLICATION_ID: Final = 0x6C6F676E
"""Marks the file as ours, where `file` and SQLite look: "logn"."""

SCHEMA_VERSION: Final = 2
"""Goes up with any change of the tables or of what they mean."""

FINISHED_JOBS_MAX: Final = 100
"""Ended jobs whose reports are kept, newest first, for clients that lost their connection."""

FINISHED_BYTES_MAX: Final = 256 * 1024 * 1024
"""The same in bytes of reports; the newest is kept whatever its size."""

GONE_JOBS_MAX: Final = 10_000
"""Ids of ended and cancelled jobs that are remembered, to skip records that were under way."""

WAL_BYTES_KEPT_MAX: Final = 64 * 1024 * 1024
"""To what the write-ahead log is cut after a checkpoint: it grows with the largest group."""

_SCHEMA: Final = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,         -- in order of arrival
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    sources TEXT NOT NULL,              -- JSON [{...}], as in Source
    chunk_size INTEGER NOT NULL,
    expansion_max INTEGER NOT NULL,
    chunks TEXT NOT NULL,               -- JSON [[source, start, end]], in order of ids
    extra TEXT NOT NULL                 -- JSON object, the coordinator's own
);
CREATE TABLE results (
    job INTEGER NOT NULL REFERENCES jobs,
    chunk INTEGER NOT NULL,
    digest TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (job, chunk)            -- a chunk is done once
) WITHOUT ROWID;
CREATE TABLE subtrees (
    job INTEGER NOT NULL REFERENCES jobs,
    level INTEGER NOT NULL,
    place INTEGER NOT NULL,
    summary BLOB NOT NULL,
    UNIQUE (job, level, place)
);
CREATE TABLE lost (
    job INTEGER NOT NULL REFERENCES jobs,
    chunk INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    bad_start INTEGER,
    bad_end INTEGER,
    PRIMARY KEY (job, chunk)
) WITHOUT ROWID;
CREATE TABLE reports (
    number INTEGER PRIMARY KEY,         -- the job's
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
);
"""
_TABLES_OF_A_JOB: Final = ("results", "subtrees", "lost")


@dataclass(frozen=True, slots=True)
class JobStored:
    """A new job. `kind` and `extra` (JSON values) are the coordinator's own affair."""

    job: str
    plan: Plan
    kind: str = ""
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
    """The job's report; its plan, results and subtrees are dropped."""

    job: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class JobForgotten:
    """The job was cancelled: nothing of it is kept. Of a job that has ended the report stays."""

    job: str


Record = JobStored | ChunkDone | ChunkLost | JobEnded | JobForgotten


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
    kind: str
    extra: Mapping[str, Any]
    done: Mapping[int, str]
    lost: tuple[ChunkLost, ...]
    tree: MergeTree
    notes: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A job that has ended; `Journal.report` has its report."""

    job: str
    kind: str
    bytes: int


class Journal(Protocol):
    """What a coordinator asks of a journal. Every method may raise `JournalError`."""

    def commit(self, records: Sequence[Record]) -> None:
        """Make all records durable, in order, or none. Blocks until the disk has them.

        Records of a job that has ended or was cancelled meanwhile are skipped.
        """

    def resume(self) -> list[StoredJob]:
        """The jobs that have not ended, oldest first."""

    def finished(self) -> list[FinishedJob]:
        """The ended jobs that are kept, newest first."""

    def report(self, job: str) -> tuple[str, bytes] | None:
        """Kind and body of an ended job's report, if it is kept."""

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
    """Merges, stores nothing but the newest reports."""

    def __init__(self) -> None:
        self._reports: dict[str, tuple[str, bytes]] = {}

    def commit(self, records: Sequence[Record]) -> None:
        for record in records:
            match record:
                case ChunkDone(chunk=chunk, summary=summary, tree=tree):
                    tree.insert(chunk, summary)
                case JobEnded(job=job, kind=kind, body=body):
                    self._reports[job] = (kind, body)
                    self._drop_old()
                case _:
                    pass

    def _drop_old(self) -> None:
        while len(self._reports) > 1 and (
            len(self._reports) > FINISHED_JOBS_MAX
            or sum(len(body) for _, body in self._reports.values()) > FINISHED_BYTES_MAX
        ):
            del self._reports[next(iter(self._reports))]

    def resume(self) -> list[StoredJob]:
        return []

    def finished(self) -> list[FinishedJob]:
        found = [FinishedJob(job, kind, len(body)) for job, (kind, body) in self._reports.items()]
        return found[::-1]

    def report(self, job: str) -> tuple[str, bytes] | None:
        return self._reports.get(job)

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

    def commit(self, records: Sequence[Record]) -> None:
        with self._busy:
            self._check_usable()
            try:
                with self._errors("written"):
                    self._commit(records)
            except BaseException as error:
                # Trees have merged what the file does not have: there is no way on from here.
                if not isinstance(error, JournalError):
                    failure = JournalError(f"{self._path}: a commit was broken off: {error}")
                    self._failure = failure
                else:
                    self._failure = error
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                self._numbers.clear()
                raise

    def resume(self) -> list[StoredJob]:
        with self._busy, self._errors("read"):
            self._check_usable()
            rows = self._database.execute("SELECT number FROM jobs ORDER BY number").fetchall()
            return [self._stored_job(number) for (number,) in rows]

    def finished(self) -> list[FinishedJob]:
        with self._busy, self._errors("read"):
            self._check_usable()
            rows = self._database.execute(
                "SELECT id, kind, length(body) FROM reports ORDER BY number DESC"
            )
            return [FinishedJob(*row) for row in rows]

    def report(self, job: str) -> tuple[str, bytes] | None:
        with self._busy, self._errors("read"):
            self._check_usable()
            row = self._database.execute(
                "SELECT kind, body FROM reports WHERE id = ?", (job,)
            ).fetchone()
            return None if row is None else (row[0], row[1])

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
        # Subtrees of this group by job number; only those that stay are written, at the end.
        fresh: dict[int, dict[tuple[int, int], MergeTree]] = {}
        for record in records:
            if record.job in self._gone and not isinstance(record, JobStored):
                continue
            match record:
                case JobStored():
                    self._store_job(record)
                case ChunkDone():
                    number = self._number(record.job)
                    self._store_result(number, record, fresh.setdefault(number, {}))
                case ChunkLost(chunk=chunk, kind=kind, bad_range=bad_range):
                    start, end = bad_range or (None, None)
                    run(
                        "INSERT INTO lost VALUES (?, ?, ?, ?, ?, ?)",
                        (self._number(record.job), chunk, kind, _text(record.detail), start, end),
                    )
                case JobEnded():
                    fresh.pop(self._number(record.job), None)
                    self._store_report(record)
                case JobForgotten(job=job):
                    fresh.pop(self._number(job), None)
                    self._drop(job)
        for number, subtrees in fresh.items():
            for position, tree in subtrees.items():
                self._store_subtree(number, position, tree)
        run("COMMIT")

    def _store_job(self, record: JobStored) -> None:
        plan = record.plan
        if [chunk.id for chunk in plan.chunks] != list(range(len(plan.chunks))):
            raise ValueError("chunk ids must count from 0")
        sources = [asdict(source) for source in plan.sources]
        # Numbers go on behind those of ended jobs, so that "newest" means what it says.
        cursor = self._database.execute(
            "INSERT INTO jobs SELECT 1 + ifnull(max(number), 0), ?, ?, ?, ?, ?, ?, ?, ? "
            "FROM (SELECT number FROM jobs UNION ALL SELECT number FROM reports)",
            (
                record.job,
                record.kind,
                plan.spec_json,
                json.dumps(sources),
                plan.chunk_size,
                plan.expansion_max,
                json.dumps([[c.source, c.start, c.end] for c in plan.chunks]),
                json.dumps(dict(record.extra)),
            ),
        )
        assert cursor.lastrowid is not None
        self._gone.pop(record.job, None)
        self._numbers[record.job] = cursor.lastrowid

    def _store_result(
        self, number: int, record: ChunkDone, fresh: dict[tuple[int, int], MergeTree]
    ) -> None:
        run = self._database.execute
        run(
            "INSERT INTO results VALUES (?, ?, ?, ?)",
            (number, record.chunk, record.digest, record.note),
        )
        run("DELETE FROM lost WHERE job = ? AND chunk = ?", (number, record.chunk))
        level, place = record.tree.insert(record.chunk, record.summary)
        for below, at in [p for p in fresh if p[0] < level and p[1] >> (level - p[0]) == place]:
            del fresh[below, at]
        fresh[level, place] = record.tree

    def _store_subtree(self, number: int, position: tuple[int, int], tree: MergeTree) -> None:
        level, place = position
        summary = tree.subtree(level, place)
        if summary is None:
            raise ValueError("a merge tree was changed by somebody else")
        run = self._database.execute
        run("INSERT INTO subtrees VALUES (?, ?, ?, ?)", (number, level, place, summary.to_bytes()))
        run(
            "DELETE FROM subtrees WHERE job = ? AND level < ? AND place >> (? - level) = ?",
            (number, level, level, place),
        )

    def _store_report(self, record: JobEnded) -> None:
        number = self._number(record.job)
        self._drop(record.job)
        self._database.execute(
            "INSERT INTO reports VALUES (?, ?, ?, ?)",
            (number, record.job, record.kind, record.body),
        )
        kept_bytes = 0
        rows = self._database.execute(
            "SELECT number, length(body) FROM reports ORDER BY number DESC"
        ).fetchall()
        for place, (old, size) in enumerate(rows):
            kept_bytes += size
            if old != number and (place >= FINISHED_JOBS_MAX or kept_bytes > FINISHED_BYTES_MAX):
                self._database.execute("DELETE FROM reports WHERE number = ?", (old,))

    def _drop(self, job: str) -> None:
        number = self._number(job)
        for table in _TABLES_OF_A_JOB:
            self._database.execute(f"DELETE FROM {table} WHERE job = ?", (number,))
        self._database.execute("DELETE FROM jobs WHERE number = ?", (number,))
        del self._numbers[job]
        self._gone[job] = None
        if len(self._gone) > GONE_JOBS_MAX:
            del self._gone[next(iter(self._gone))]

    def _number(self, job: str) -> int:
        number = self._numbers.get(job)
        if number is None:
            row = self._database.execute("SELECT number FROM jobs WHERE id = ?", (job,)).fetchone()
            if row is None:
                raise ValueError(f"the journal has no job {job!r}")
            number = self._numbers[job] = int(row[0])
        return number

    # --- Reading ---

    def _stored_job(self, number: int) -> StoredJob:
        run = self._database.execute
        job, kind, spec_json, sources, chunk_size, expansion_max, chunks, extra = run(
            "SELECT id, kind, spec, sources, chunk_size, expansion_max, chunks, extra FROM jobs "
            "WHERE number = ?",
            (number,),
        ).fetchone()
        plan = Plan(
            sources=tuple(Source(**each) for each in json.loads(sources)),
            chunks=tuple(Chunk(id, *each) for id, each in enumerate(json.loads(chunks))),
            chunk_size=chunk_size,
            spec_json=spec_json,
            expansion_max=expansion_max,
        )
        rows = run(
            "SELECT chunk, digest, note FROM results WHERE job = ? ORDER BY chunk", (number,)
        ).fetchall()
        done = {chunk: digest for chunk, digest, _ in rows}
        notes = {chunk: note for chunk, _, note in rows if note is not None}
        lost = tuple(
            ChunkLost(job, chunk, why, detail, None if start is None else (start, end))
            for chunk, why, detail, start, end in run(
                "SELECT chunk, kind, detail, bad_start, bad_end FROM lost WHERE job = ? "
                "ORDER BY chunk",
                (number,),
            )
        )
        tree = self._tree(number, spec_json, done, len(plan.chunks))
        return StoredJob(job, plan, kind, json.loads(extra), done, lost, tree, notes)

    def _tree(self, number: int, spec_json: str, done: Mapping[int, str], chunks: int) -> MergeTree:
        tree = MergeTree(Spec(spec_json))
        covered = 0
        rows = self._database.execute(
            "SELECT level, place, summary FROM subtrees WHERE job = ?", (number,)
        )
        for level, place, data in rows:
            ids = range(place << level, min((place + 1) << level, chunks + 1))
            if any(id not in done for id in ids):
                raise SummaryError("the results of a job and its subtrees differ")
            tree.insert_subtree(level, place, Summary.from_bytes(data))
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
        except (SummaryError, ValueError, TypeError) as error:
            if what == "written":
                raise
            raise JournalError(
                f"{self._path} is damaged or of another version: {error}", hint=_RENEW
            ) from error


_RENEW: Final = "move it away to start anew (its unfinished jobs are lost), or give another --state"


def _journal_error(path: Path, what: str, error: sqlite3.Error) -> JournalError:
    name = getattr(error, "sqlite_errorname", "")
    if name in ("SQLITE_NOTADB", "SQLITE_CORRUPT") or name.startswith("SQLITE_CORRUPT"):
        return JournalError(f"{path} is no journal of logan, or damaged: {error}", hint=_RENEW)
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
            hint="give another --state, or see to its permissions",
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
            raise JournalError(f"{path} is no journal of logan", hint=_RENEW)
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
        raise JournalError(f"{path} is damaged: {found}", hint=_RENEW)


def _sync_folder(folder: Path) -> None:
    """The names of new files survive a power cut too."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _text(text: str) -> str:
    """SQLite takes valid Unicode only; names of files may be anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
