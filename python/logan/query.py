"""SQL over the records of logs, by DuckDB (extra `sql`).

`Query` plans: it asks DuckDB which columns of `log` a statement needs, by explaining it over an
empty table of the same columns, so that no others are parsed. `Query.run` then gives DuckDB the
records as a stream. A statement that scans `log` more than once over inputs that can be read only
once loads them into a temporary table first. DuckDB's times have microseconds here: with
nanoseconds it can do little.
"""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from logan.errors import ExpressionError, InputError, LoganError, UsageError
from logan.record_stream import Records, column_names, settled_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from logan._logan import RecordSchema
    from logan.options import Progress

__all__ = ["Query", "QueryError", "Scans"]

_TABLE: Final = "logan_records"
"""What DuckDB knows the stream by; `log` is a view of it."""

_NO_OPTIMIZERS: Final = "statistics_propagation,empty_result_pullup,late_materialization"
"""What would show a plan that an empty table has and a stream has not."""

_KEY: Final = re.compile(r'"((?:json|logfmt)\.(?:[^"]|"")+)"')
_BARE_KEY: Final = re.compile(r"(?<![\w.\"'])((?:json|logfmt)\.[A-Za-z_]\w*(?:\.\w+)*)")
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.S)


class QueryError(ExpressionError):
    """SQL that DuckDB does not accept, with its position."""


class Open(Protocol):
    """Opens the records of the inputs with these columns."""

    def __call__(self, columns: Sequence[str]) -> Records: ...


@dataclass(frozen=True, slots=True)
class Scans:
    """How a statement reads `log`: the columns, and how many times."""

    columns: tuple[str, ...]
    count: int


class Query:
    """One statement over `log`.

    Args:
        sql: a SELECT, or FROM, WITH, VALUES, DESCRIBE, SUMMARIZE, PIVOT.
        typed: columns to add, such as json.user_id:int; keys that the statement names in quotes
            are added as text.

    Raises:
        UsageError: DuckDB is not installed, `sql` is not one such statement, or `typed` names a
            column that there is not.
        QueryError: DuckDB does not accept it.
    """

    def __init__(self, sql: str, typed: Sequence[str] = ()) -> None:
        self.sql = sql.strip().rstrip(";").rstrip()
        self._typed = settled_columns(typed) if typed else []
        self._duckdb = _load()
        self._connection: DuckDBPyConnection = self._duckdb.connect()
        with self.explained():
            self._check_kind()
            self._connection.execute("SET TimeZone = 'UTC'")
        self.scans = self._plan()

    def run(self, open_records: Open, progress: Progress | None = None) -> Answer:
        """Read the inputs and answer. Rows are computed as they are read."""
        columns = self._with_types(self.scans.columns)
        records = open_records(columns or ["offset"])
        connection = self._connection
        _name_columns(connection, records.schema, None)
        connection.register(_TABLE, records)
        answer = Answer(self._duckdb, connection, records, self, progress)
        if records.once and self.scans.count > 1:
            with answer.reading(), self.explained():
                connection.execute(f"CREATE TEMP TABLE logan_copy AS SELECT * FROM {_TABLE}")
                connection.unregister(_TABLE)
                connection.execute(f"CREATE VIEW {_TABLE} AS SELECT * FROM logan_copy")
        with self.explained():
            _name_columns(connection, records.schema, _TABLE)
        return answer

    def _with_types(self, names: Sequence[str]) -> list[str]:
        """Columns as `logan.records` is asked for them."""
        from logan import _logan

        typed = {_logan.record_column(each) or each: each for each in self._typed}
        return [typed.get(name, name) for name in names]

    def _check_kind(self) -> None:
        statements = self._duckdb.extract_statements(self.sql)
        if len(statements) != 1:
            raise UsageError(
                f"{len(statements)} SQL statements are given, it must be one",
                hint='write it like: logan sql "select route, count(*) from log group by 1" FILE',
            )
        kind = statements[0].type.name
        if kind not in ("SELECT", "RELATION", "EXPLAIN", "PRAGMA", "CALL"):
            raise UsageError(
                f"{kind} statements are not possible: logan sql only answers questions",
                hint="write a SELECT; -o FILE writes its rows",
            )

    def _plan(self) -> Scans:
        """Which columns the statement needs, by its plan over an empty table."""
        from logan._logan import RecordSchema

        wanted = dict.fromkeys([*column_names(), *self._typed, *self._quoted_keys()])
        schema = RecordSchema(_once_each(wanted))
        connection = self._connection
        connection.register("logan_schema", schema)
        connection.execute(f"CREATE TABLE {_TABLE} AS FROM logan_schema")
        connection.unregister("logan_schema")
        _name_columns(connection, schema, _TABLE)
        connection.execute(f"SET disabled_optimizers = '{_NO_OPTIMIZERS}'")
        with self.explained():
            rows = connection.execute(f"EXPLAIN (FORMAT json) {self.sql}").fetchall()
        connection.execute("RESET disabled_optimizers")
        connection.execute("DROP VIEW log")
        connection.execute(f"DROP TABLE {_TABLE}")
        known = schema.names
        found: list[str] = []
        count = 0
        for scan in _scans(json.loads(rows[0][1])):
            count += 1
            found += _columns_of(scan, known)
        return Scans(tuple(name for name in known if name in found), count)

    def _quoted_keys(self) -> list[str]:
        """Keys that the statement names as columns, in quotes, and that are not typed."""
        from logan import _logan

        typed = {_logan.record_column(each) for each in self._typed}
        text = _LITERAL.sub(" ", self.sql)
        names = [each.replace('""', '"') for each in _KEY.findall(text)]
        found = []
        for each in dict.fromkeys(names):
            try:
                if _logan.record_column(each) == each and each not in typed:
                    found.append(each)
            except ValueError:
                continue  # DuckDB names the unknown column
        return found

    def explained(self) -> _Explained:
        """Turns DuckDB's errors in the block into errors that show where they are."""
        return _Explained(self._duckdb, self.sql)


class Answer:
    """The rows of a statement.

    Attributes:
        records: what they are computed from; `records.stats()` says what could not be read.
    """

    def __init__(
        self,
        duckdb: Any,
        connection: DuckDBPyConnection,
        records: Records,
        query: Query,
        progress: Progress | None = None,
    ) -> None:
        self._duckdb, self._connection, self._query = duckdb, connection, query
        self._progress = progress
        self.records = records

    def rows(self, size: int = 1024) -> Iterator[list[tuple[Any, ...]]]:
        """The column names as the first row of the first list, then all rows, in lists."""
        with self.reading(), self._query.explained():
            result = self._connection.execute(self._query.sql)
            names = tuple(each[0] for each in result.description or ())
            yield [names]
            while batch := result.fetchmany(size):
                yield batch

    def write(self, fd: int, kind: str, text_cell: str | None = None) -> None:
        """Write all rows to a descriptor as "csv", "json", "jsonl" or "parquet". `text_cell`:
        what CSV has of a text, an expression of SQL about `cell`.

        Raises `OSError` for what goes wrong with the descriptor.
        """
        options = {
            "csv": "FORMAT csv, HEADER true",
            "json": "FORMAT json, ARRAY true",
            "jsonl": "FORMAT json, ARRAY false",
            "parquet": "FORMAT parquet, COMPRESSION zstd",
        }[kind]
        try:
            with self.reading(), self._query.explained():
                sql = self._query.sql if text_cell is None else self._with_cells(text_cell)
                self._connection.execute(
                    f"COPY ({sql}\n) TO '/dev/fd/{fd}' ({options}, USE_TMP_FILE false)"
                )
        except UsageError as error:
            # DuckDB's own IO errors say no more than the system's text.
            for code in (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
                if isinstance(error.__cause__, self._duckdb.IOException) and os.strerror(
                    code
                ) in str(error):
                    raise OSError(code, os.strerror(code)) from error
            raise

    def _with_cells(self, text_cell: str) -> str:
        """The statement with other cells of text."""
        columns = self._connection.execute(f"DESCRIBE {self._query.sql}").fetchall()
        self._connection.execute(f"CREATE OR REPLACE TEMP MACRO logan_cell(cell) AS {text_cell}")
        shown = []
        for index, (name, kind, *_) in enumerate(columns):
            cell = f"c{index}"
            if kind == "BLOB":
                cell = f"logan_cell(coalesce(try(decode({cell})), {cell}::VARCHAR))"
            elif kind.startswith(("VARCHAR", "ENUM", "JSON")) and not kind.endswith("]"):
                cell = f"logan_cell({cell}::VARCHAR)"
            shown.append(f'{cell} AS "{name.replace(chr(34), chr(34) * 2)}"')
        names = ", ".join(f"c{index}" for index in range(len(columns)))
        return f"SELECT {', '.join(shown)} FROM ({self._query.sql}\n) AS answer({names})"

    def interrupt(self) -> None:
        """Stop, from another thread or a signal's handler."""
        self._connection.interrupt()

    def reading(self) -> _Reading:
        """Where an input cannot be read, its own error is raised in place of DuckDB's."""
        return _Reading(self.records, self._duckdb, self._progress)


class _Reading:
    def __init__(self, records: Records, duckdb: Any, progress: Progress | None) -> None:
        self._records, self._duckdb, self._progress = records, duckdb, progress
        self._ended = threading.Event()

    def __enter__(self) -> None:
        if self._progress is not None:
            self._watcher = threading.Thread(target=self._watch, args=(self._progress,))
            self._watcher.start()

    def _watch(self, progress: Progress) -> None:
        """DuckDB has the caller's thread meanwhile; how far it is, the scan knows."""
        records = self._records
        while not self._ended.wait(0.1):
            progress(records.scanned_bytes, records.planned_bytes)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self._progress is not None:
            self._ended.set()
            self._watcher.join()
            if error is None:
                self._progress(self._records.scanned_bytes, self._records.planned_bytes)
        if isinstance(error, (self._duckdb.Error, LoganError)) and not isinstance(
            error, InputError
        ):
            failures = self._records.stats().failures
            if failures and failures[0].why in str(error):
                raise InputError(failures[0].why, input=failures[0].input) from error


class _Explained:
    """Turns DuckDB's errors into errors that show where in the statement they are."""

    def __init__(self, duckdb: Any, sql: str) -> None:
        self._duckdb, self._sql = duckdb, sql

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, self._duckdb.Error):
            return
        if isinstance(error, self._duckdb.InterruptException):
            return
        text = str(error)
        told, mark, place = text.partition("\n\nLINE ")
        message = " ".join(each.strip() for each in told.splitlines() if each.strip())
        position = _position(self._sql, place) if mark else None
        hint = _hint(self._sql, text)
        if position is None:
            raise UsageError(f"DuckDB: {message}", hint=hint) from error
        raise QueryError(
            f"DuckDB: {message}", expression=self._sql, position=position, hint=hint
        ) from error


def _position(sql: str, place: str) -> int | None:
    """Where in the statement DuckDB's caret points; `place` is its text after "LINE "."""
    head, _, rest = place.partition("\n")
    number, colon, shown = head.partition(": ")
    caret = rest.partition("\n")[0].find("^")
    if not colon or not number.isdigit() or caret < 0:
        return None
    lines = sql.split("\n")
    # EXPLAIN (FORMAT json) stands before the first line, and COPY ( before that of a file.
    column = caret - len(f"LINE {number}: ")
    index = int(number) - 1
    if column < 0 or index >= len(lines):
        return None
    start = sum(len(each) + 1 for each in lines[:index])
    at = shown[column:].removesuffix("...")
    before = shown[:column].removeprefix("...")
    line = lines[index]
    for length in range(len(before), -1, -1):
        found = line.find(before[len(before) - length :] + at)
        if found >= 0:
            return start + found + length
    return None


def _hint(sql: str, text: str) -> str | None:
    bare = _BARE_KEY.findall(_LITERAL.sub(" ", sql))
    if bare:
        return f'write keys in double quotes: "{bare[0]}"'
    if "not found in FROM clause" in text or "Referenced column" in text:
        return f'the columns of log are {", ".join(column_names())}, and keys such as "json.KEY"'
    if "Table with name" in text:
        return "the records of the inputs are the table log"
    return None


def _load() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise UsageError(
            "logan sql needs DuckDB, which is not installed",
            hint="pip install 'logan-analyzer[sql]'",
        ) from error
    return duckdb


def _once_each(columns: Mapping[str, None]) -> list[str]:
    return settled_columns(list(columns))


def _name_columns(connection: DuckDBPyConnection, schema: RecordSchema, table: str | None) -> None:
    """Make `log` the view of the table that holds the records."""
    if table is None:
        return

    def shown(name: str) -> str:
        quoted = '"' + name.replace('"', '""') + '"'
        return f"{quoted}::TIMESTAMPTZ AS {quoted}" if name == "time" else quoted

    columns = ", ".join(map(shown, schema.names))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW log AS SELECT {columns} FROM {table}")


def _scans(plan: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for node in plan:
        info = node.get("extra_info") or {}
        table = str(info.get("Table", ""))
        if table.rpartition(".")[2].strip('"') == _TABLE:
            yield info
        yield from _scans(node.get("children") or ())


def _columns_of(scan: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    """The columns that a scan reads: those that it hands on, and those that it filters by."""

    def listed(key: str) -> list[str]:
        value = scan.get(key) or []
        return [value] if isinstance(value, str) else list(value)

    projected = listed("Projections")
    filters = " ".join(listed("Filters"))
    return [
        name
        for name in known
        if name in projected
        or re.search(rf"(?<![\w.]){re.escape(name)}(?![\w.])", filters) is not None
    ]
