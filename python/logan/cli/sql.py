"""`logan sql`: a question in SQL, answered from the records of logs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import exit_of_signal
from logan.cli.record_options import (
    configure_kinds,
    configure_records,
    exit_after,
    kind_of_output,
    reading,
)

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.query import Answer

__all__ = ["EPILOG", "configure", "plain_cell", "run"]

EPILOG = """\
examples:
  logan sql 'select route, count(*) from log where status >= 500 group by 1' access.log
  logan sql 'select quantile_cont(duration_ms, 0.99) from log' 'logs/**/*.gz' --since 2h
  logan sql "select time_bucket(interval '5 minutes', time) t, count(*) from log group by t" app.log
  logan sql 'select "json.user_id", count(*) from log group by 1' app.log -o users.parquet

The records are the table log; its columns are time, level, message, method, path, query, route,
status, duration_ms, duration_ns, bytes, client, host, user_agent, referrer, format, source,
offset, line and keys in double quotes ("json.KEY", "logfmt.KEY"), which are text unless --columns
gives them a type (--columns json.KEY:int). Only the columns that the question names are parsed.
In CSV, text that a spreadsheet would run as a formula gets a leading apostrophe.
Needs DuckDB: pip install 'logan-analyzer[sql]'

exit codes: 0 ok, 2 usage or wrong SQL, 3 an input is unreadable in part, 4 the output cannot be
written or an internal error, 130 and 143 interrupted
"""

KINDS: Final = {
    "table": (".txt",),
    "csv": (".csv",),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet", ".pq"),
}
"""What the answer may be, and the suffixes that mean it."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("sql", metavar="SQL", help="a SELECT from the table log; quote it")
    configure_records(parser)
    configure_kinds(
        *(parser, KINDS),
        columns="types of keys, such as json.user_id:int,json.ok:bool",
        otherwise=", else table",
    )


def run(args: argparse.Namespace) -> int:
    """Plan, read, answer, and say what was not read."""
    from logan.query import Query

    kind = kind_of_output(args, KINDS, of_stdout="table", binary=("parquet",))
    typed = [each.strip() for each in (args.columns or "").split(",") if each.strip()]
    query = Query(args.sql, typed)
    stopping: list[Callable[[], None]] = []
    with reading(args, lambda: [each() for each in stopping]) as work:
        answer = query.run(lambda columns: work.open(columns=list(columns)), work.progress)
        stopping.append(answer.interrupt)
        try:
            answered = _answered(args, answer, kind)
        except Exception:
            if work.signals.signum is None:
                raise
        if work.signals.signum is not None:
            return exit_of_signal(work.signals.signum)
    answered()  # after the progress bar is gone
    return exit_after(answer.records.stats())


def _answered(args: argparse.Namespace, answer: Answer, kind: str) -> Callable[[], None]:
    """Compute all rows, and write them to a file if there is one; what is left is to print them."""
    import shutil
    import tempfile

    from logan.atomic import replacing
    from logan.cli.terminal import write_file, write_stdout, writing_to_stdout

    to_stdout = args.output in (None, "-")
    if kind == "table":
        text = _table(args, answer, to_stdout)
        return lambda: write_stdout(text) if to_stdout else write_file(args.output, text)
    if not to_stdout:
        with replacing(args.output) as fd:
            answer.write(fd, kind, plain_cell() if kind == "csv" else None)
        return lambda: None
    # DuckDB opens what it writes to, which would empty a file that stdout appends to.
    file = tempfile.TemporaryFile()  # noqa: SIM115
    answer.write(file.fileno(), kind, plain_cell() if kind == "csv" else None)

    def printed() -> None:
        with file:
            file.seek(0)
            sys.stdout.flush()
            with writing_to_stdout():
                shutil.copyfileobj(file, sys.stdout.buffer, 1 << 20)
                sys.stdout.buffer.flush()

    return printed


_SPELLED: Final = ("Cc", "Cf", "Zl", "Zp")
"""Categories of Unicode: controls, what has no form of its own, line separators."""


def plain_cell() -> str:
    """A cell of `report.csv` in SQL. Few have what must be spelled out, which is looked for
    first."""
    import re
    from unicodedata import category

    from logan.report.csv import FORMULA_STARTS
    from logan.report.units import visible

    spelled = [each for each in map(chr, range(0xFFFE)) if category(each) in _SPELLED]
    text = "cell"
    for each in spelled:
        text = f"replace({text}, chr({ord(each)}), '{visible(each)}')"
    steering = "".join(f"\\x{{{ord(each):x}}}" for each in spelled)
    starts = "".join(re.escape(each) for each in FORMULA_STARTS)
    plain = f"CASE WHEN regexp_matches(cell, '[{steering}]') THEN {text} ELSE cell END"
    return rf"regexp_replace({plain}, '^([\s\p{{Z}}]*[{starts}])', '''\1')"


def _table(args: argparse.Namespace, answer: Answer, to_stdout: bool) -> str:
    """The rows as a table for people; on a terminal that is too narrow, one value a line."""
    from rich.cells import cell_len

    from logan.cli.terminal import options_of_file, options_of_stdout
    from logan.report.units import visible

    lists = answer.rows()
    (header,) = next(lists)
    names = [visible(str(name)) for name in header]
    numeric = [True] * len(names)
    rows: list[list[str]] = []
    for row in (row for each in lists for row in each):
        rows.append([visible(_shown(value)) for value in row])
        for i, value in enumerate(row):
            numeric[i] &= value is None or isinstance(value, (int, float))
    options = (options_of_stdout if to_stdout else options_of_file)(args.color)
    columns = zip(names, *rows, strict=True) if rows else ((name,) for name in names)
    widths = [max(map(cell_len, cells)) for cells in columns]
    bold, plain = ("\x1b[1m", "\x1b[0m") if options.color else ("", "")
    is_narrow = to_stdout and sys.stdout.isatty() and sum(widths) + 2 * len(widths) > options.width
    if is_narrow:
        margin = max(map(cell_len, names))
        lines = []
        for row_number, shown in enumerate(rows, 1):
            lines.append(f"{bold}row {row_number}{plain}")
            for name, cell in zip(names, shown, strict=True):
                lines.append(f"  {_padded(name, margin)}  {cell}".rstrip())
        return "".join(f"{line}\n" for line in lines or ["no rows"])

    def line_of(cells: Sequence[str]) -> str:
        padded = (
            _padded(cell, width, right=right and bool(rows))
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return "  ".join(padded).rstrip()

    head = f"{bold}{line_of(names)}{plain}\n"
    return head + "".join(f"{line_of(row)}\n" for row in rows)


def _padded(text: str, width: int, *, right: bool = False) -> str:
    """`text`, filled up to so many cells of a terminal."""
    from rich.cells import cell_len

    fill = " " * (width - cell_len(text))
    return fill + text if right else text + fill


def _shown(value: Any) -> str:
    """A value as text; none is empty."""
    from datetime import datetime

    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat(sep=" ").replace("+00:00", "Z")
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, bytes):  # raw: the line as it is
        return value.decode("utf-8", "backslashreplace")
    return str(value)
