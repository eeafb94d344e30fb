"""The journal's file: its folder, its lock, its tables, and the checksum of each row.

Knows what a file of ours looks like, and says in words when one does not; not what its rows mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from logan.errors import JournalError, SummaryError

__all__ = [
    "FollowBucketRow",
    "FollowRow",
    "FollowSourceRow",
    "JobRow",
    "LostRow",
    "ReportRow",
    "ResultRow",
    "Row",
    "SetAsideRow",
    "SubtreeRow",
    "checked",
    "checksum",
    "journal_errors",
    "lock_folder",
    "open_database",
    "storable",
]

LOCK_NAME: Final = "lock"

APPLICATION_ID: Final = 0x6C6F676E
"""Marks the file as ours, where `file` and SQLite look: "logn"."""

SCHEMA_VERSION: Final = 5
"""Goes up with any change of the tables or of what they mean."""

WITHOUT_FOLLOWS: Final = 3
"""The version before follow jobs: everything else is the same."""

WITHOUT_TIMES: Final = 4
"""The version whose notes have no times of chunks: everything else is the same."""

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

_FOLLOW_SCHEMA: Final = """
CREATE TABLE follows (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,                 -- JSON object, the follow job's own
    checksum TEXT NOT NULL
);
CREATE TABLE follow_sources (
    job INTEGER NOT NULL REFERENCES follows,
    source INTEGER NOT NULL,
    body TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (job, source)
) WITHOUT ROWID;
CREATE TABLE follow_buckets (
    job INTEGER NOT NULL REFERENCES follows,
    seconds INTEGER NOT NULL,
    at INTEGER NOT NULL,                -- its first second, since 1970
    summary BLOB NOT NULL,
    checksum TEXT NOT NULL,
    UNIQUE (job, seconds, at)
);
"""
"""Came with version 4: a journal of version 3 gets these tables when it is opened."""

# SQLite keeps any type in any column; these are the types of those above, without checksums.


class JobRow(NamedTuple):
    """A row of the table of jobs."""

    number: int
    id: str
    spec: str
    sources: str
    chunk_size: int
    expansion_max: int
    chunks: str
    extra: str


class ResultRow(NamedTuple):
    """A row of the table of finished chunks."""

    job: int
    chunk: int
    digest: str
    note: str | None


class SubtreeRow(NamedTuple):
    """A row of the table of complete subtrees."""

    job: int
    level: int
    place: int
    summary: bytes


class LostRow(NamedTuple):
    """A row of the table of chunks that were given up."""

    job: int
    chunk: int
    kind: str
    detail: str
    bad_start: int | None
    bad_end: int | None


class SetAsideRow(NamedTuple):
    """A row of the table of jobs that cannot be resumed."""

    job: int
    why: str


class ReportRow(NamedTuple):
    """A row of the table of reports of ended jobs."""

    number: int
    id: str
    identity: str
    ended_at: float
    error: str
    body: bytes


class FollowRow(NamedTuple):
    """A row of the table of follow jobs."""

    number: int
    id: str
    body: str


class FollowSourceRow(NamedTuple):
    """A row of the table of their logs."""

    job: int
    source: int
    body: str


class FollowBucketRow(NamedTuple):
    """A row of the table of their figures."""

    job: int
    seconds: int
    at: int
    summary: bytes


Row = TypeVar(
    "Row",
    JobRow,
    ResultRow,
    SubtreeRow,
    LostRow,
    SetAsideRow,
    ReportRow,
    FollowRow,
    FollowSourceRow,
    FollowBucketRow,
)


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


@contextlib.contextmanager
def journal_errors(path: Path, what: str) -> Iterator[None]:
    """Errors of SQLite and of what the file holds, in words that name it and the next step."""
    try:
        yield
    except sqlite3.Error as error:
        raise _journal_error(path, what, error) from error
    except OSError as error:
        raise JournalError(
            f"{path} cannot be {what}: {error.strerror or error}",
            hint="check the disk and the folder's permissions",
        ) from error
    except JournalError:
        raise
    except Exception as error:
        if what == "written":
            raise
        raise JournalError(
            f"{path} is damaged or of another version: {error}", hint=_RENEW
        ) from error


def lock_folder(folder: Path) -> int:
    """Make the folder if need be and lock it: an open file that the kernel unlocks when we die."""
    try:
        # Summaries and reports hold parts of logs: only their owner may read them.
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


def open_database(path: Path) -> sqlite3.Connection:
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
        if version not in (SCHEMA_VERSION, WITHOUT_FOLLOWS, WITHOUT_TIMES):
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
        database.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{_FOLLOW_SCHEMA}{pragmas}COMMIT;")
        _sync_folder(path.parent)
        return
    (found,) = run("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise JournalError(f"{path} is damaged: {storable(str(found))}", hint=_RENEW)
    if version != SCHEMA_VERSION:
        more = _FOLLOW_SCHEMA if version == WITHOUT_FOLLOWS else ""
        pragmas = f"PRAGMA user_version={SCHEMA_VERSION};"
        database.executescript(f"BEGIN IMMEDIATE;{more}{pragmas}COMMIT;")
    if _tables(database) != _expected_tables():
        raise JournalError(f"{path} is damaged: its tables are not as they were made", hint=_RENEW)


def _tables(database: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(database.execute("SELECT type, name, sql FROM sqlite_master"))


def _expected_tables() -> set[tuple[str, str, str | None]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as fresh:
        fresh.executescript(_SCHEMA + _FOLLOW_SCHEMA)
        return _tables(fresh)


def _sync_folder(folder: Path) -> None:
    """The names of new files survive a power cut too."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def checksum(values: Sequence[object]) -> str:
    """Tells whether a row is the one that was written."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        digest.update(f"{type(value).__name__} {len(data)} ".encode())
        digest.update(data)
    return digest.hexdigest()


def checked(row: Sequence[Any], row_type: type[Row]) -> Row:
    """A row without its last column, its checksum. Raises `SummaryError`."""
    *values, stored = row
    if checksum(values) != stored:
        raise SummaryError("a row is not as it was written")
    try:
        return msgspec.convert(values, row_type)
    except msgspec.ValidationError as error:
        raise SummaryError(f"a row has a value of another type: {error}") from error


def storable(text: str) -> str:
    """SQLite takes valid Unicode only; names of files may be anything."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
