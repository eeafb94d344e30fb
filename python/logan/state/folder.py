"""The state folder: positions, totals and what was not reported yet, in one SQLite file.

A commit is one transaction: positions move, the total grows, and the new part is stored as pending.
So whatever kills a run, each line is in the total once. Pending parts are cleared when they were
reported; a run that died between leaves one, and the next run reports it again.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn

from logan.errors import StateError, UsageError
from logan.sources.inputs import readable_name
from logan.state.positions import Position
from logan.summaries.saved import Saved

__all__ = ["StateFolder"]

_VERSION: Final = 1
_SCHEMA: Final = """
create table meta (key text primary key, value text not null);
create table summaries (key text primary key, data blob not null);
create table positions (
    log text primary key, name text not null, path text not null, offset integer not null,
    head text not null, tail text not null, device integer not null, inode integer not null,
    size integer not null, mtime_ns integer not null, complete integer not null
);
"""
_FLAGS: Final[Mapping[str, str]] = {
    **{"since_ns": "--since", "until_ns": "--until", "where": "--where", "by": "--by"},
    **{"format": "--format", "input_tz": "--input-tz", "date_order": "--date-order"},
    **{"units": "--unit", "client": "--client", "format_name": "--format"},
}


class StateFolder:
    """An open state folder, which no other process can open meanwhile. Use it in `with`.

    Args:
        path: the folder; made if it is not there.
        options: JSON values of the options that metrics depend on; those of a folder never change.
        user: what others are told who find it in use, such as "logan watch".

    Raises:
        StateError: it is in use, damaged, foreign, or cannot be written.
        UsageError: it was made with other options, which the message names; or this is Windows.
    """

    def __init__(
        self, path: str | os.PathLike[str], options: Mapping[str, Any], *, user: str = "logan"
    ) -> None:
        if sys.platform == "win32":
            raise UsageError(
                "--state does not work on Windows, whose files cannot be locked as it needs",
                hint="analyze whole logs, or run it on Linux or macOS, or in WSL",
            )
        self.path = Path(path)
        self._user = user
        self._lock = self._locked()
        try:
            with self._guarded():
                # A watch counts in other threads, one at a time.
                self._db = sqlite3.connect(
                    self.path / "state.sqlite", isolation_level=None, check_same_thread=False
                )
                self._db.execute("pragma synchronous = full")
                self._begin(options)
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> StateFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others open it."""
        self._db.close()
        os.close(self._lock)

    @property
    def positions(self) -> tuple[Position, ...]:
        """How far each log was counted."""
        with self._guarded():
            rows = self._db.execute("select * from positions order by log").fetchall()
        return tuple(
            Position(
                *(log, os.fsdecode(name), os.fsdecode(path), at, head, tail),
                *((device, inode), (size, mtime), bool(done)),
            )
            for log, name, path, at, head, tail, device, inode, size, mtime, done in rows
        )

    @property
    def total(self) -> Saved | None:
        """All that was counted; None before the first commit."""
        return self._summary("total")

    @property
    def pending(self) -> Saved | None:
        """What was counted and not reported."""
        return self._summary("pending")

    def commit(
        self, new: Saved | None, positions: Iterable[Position], dropped: Iterable[str] = ()
    ) -> None:
        """Add a new part, move positions and forget the logs `dropped`, all at once.

        Raises `MergeError` if the new part has a part of a log that was counted before; nothing
        has changed then.
        """
        parts: dict[str, Saved] = {}
        if new is not None:
            for key in ("total", "pending"):
                before = self._summary(key)
                parts[key] = new if before is None else before.merge(new)
        with self._transaction():
            for key, saved in parts.items():
                self._db.execute(
                    "insert or replace into summaries values (?, ?)", (key, saved.to_bytes())
                )
            for each in positions:
                log, name, path, *counted = astuple(each)[:6]
                row = (log, _kept(name), _kept(path), *counted, *each.inode, *each.stored)
                row = (*row, each.complete)
                marks = ",".join("?" * len(row))
                self._db.execute(f"insert or replace into positions values ({marks})", row)
            for log in dropped:
                self._db.execute("delete from positions where log = ?", (log,))

    def clear_pending(self) -> None:
        """The pending part was reported."""
        with self._transaction():
            self._db.execute("delete from summaries where key = 'pending'")

    def new_logs(self, paths: Sequence[str]) -> list[str]:
        """Names for new logs in these files, `Position.log`, that no log of any folder has."""
        with self._guarded():
            found = dict(self._db.execute("select key, value from meta").fetchall())
            first, of = int(found["logs"]), found.get("folder")
            after = str(first + len(paths))
            self._db.execute("update meta set value = ? where key = 'logs'", (after,))
        number = "{}" if of is None else f"{of}.{{}}"
        shown = map(readable_name, paths)
        return [f"{number.format(first + at)} {path}" for at, path in enumerate(shown)]

    def _summary(self, key: str) -> Saved | None:
        with self._guarded():
            row = self._db.execute("select data from summaries where key = ?", (key,)).fetchone()
        return None if row is None else Saved.from_bytes(row[0], f"{self.path} ({key})")

    def _begin(self, options: Mapping[str, Any]) -> None:
        """Make the tables, or check that they are ours and of these options."""
        if not self._db.execute("select 1 from sqlite_master").fetchone():
            with self._transaction():
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._db.execute(statement)
                for key, value in (
                    ("version", str(_VERSION)),
                    ("options", json.dumps(options)),
                    ("logs", "1"),
                    ("folder", secrets.token_hex(4)),
                ):
                    self._db.execute("insert into meta values (?, ?)", (key, value))
            return
        found = dict(self._db.execute("select key, value from meta").fetchall())
        if found.get("version") != str(_VERSION):
            raise StateError(
                f"{self.path} has version {found.get('version')}, this logan reads {_VERSION}",
                hint="use another folder, or the logan that made it",
            )
        made = json.loads(found["options"])
        for key in sorted(made.keys() | options.keys()):
            if made.get(key) != json.loads(json.dumps(options.get(key))):
                flag = _FLAGS.get(key, key)
                told = [_told(flag, each.get(key)) for each in (made, options)]
                raise UsageError(
                    f"{self.path} was made {told[0]}, this run is {told[1]}: "
                    "their metrics cannot be added up",
                    hint="use the same options, or another folder",
                )

    def _locked(self) -> int:
        import fcntl  # not on Windows

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self._fail(error)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            user = os.pread(fd, 200, 0).decode(errors="replace").strip()
            os.close(fd)
            raise StateError(
                f"{self.path} is in use by {user or 'another logan'}",
                hint="wait until it is done, or use a folder for each",
            ) from error
        with suppress(OSError):  # only a message says it; a full disk fails at the first commit
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{self._user}, process {os.getpid()}\n".encode(), 0)
        return fd

    @contextmanager
    def _transaction(self) -> Any:
        with self._guarded():
            self._db.execute("begin immediate")
            try:
                yield
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    @contextmanager
    def _guarded(self) -> Any:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._fail(error)

    def _fail(self, error: Exception) -> NoReturn:
        why = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, FileExistsError):
            why = "it is not a folder"
        if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
            why = "it holds something else"
        raise StateError(
            f"cannot use the state folder {self.path}: {why}", hint="nothing of it has changed"
        ) from error


def _kept(path: str) -> str | bytes:
    """A path as SQLite can keep it: one that is not UTF-8 as its bytes."""
    data = os.fsencode(path)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _told(flag: str, value: Any) -> str:
    if value is None or value in ("", []):
        return f"without {flag}"
    return f"with {flag} {','.join(map(str, value)) if isinstance(value, list) else value}"
