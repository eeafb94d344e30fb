"""`logan export`: logs in, a file of their records out."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.record_options import (
    configure_records,
    kind_of,
    open_records,
    progress_of,
    say_what_is_wrong,
)
from logan.errors import UsageError

if TYPE_CHECKING:
    from logan._logan import RecordScan
    from logan.cli.main import Parser
    from logan.cli.signals import Signals
    from logan.options import Progress

__all__ = ["EPILOG", "HELP", "KINDS", "configure", "run"]

HELP = "Write the records of logs to a Parquet, Arrow, CSV or JSON lines file."
EPILOG = """\
examples:
  logan export access.log -o access.parquet
  logan export 'logs/**/*.gz' -o errors.parquet --where 'status>=500' --since 7d
  logan export app.log -o users.csv --columns time,level,message,json.user_id:int
  logan export access.log -o - --output-format jsonl | jq .path

Columns are time, level, message, method, path, route, status, duration_ms, bytes, client, host,
user_agent, referrer, format, source and offset unless --columns names others: also line, raw,
duration_ns, query, json.KEY and logfmt.KEY, which are text unless typed (json.KEY:int, :float,
:bool). A value that does not fit its type is left out, counted and reported. In CSV, text that a
spreadsheet would run as a formula gets a leading apostrophe.

exit codes: 0 ok, 2 usage, 3 an input is unreadable in part (the file holds the rest), 4 the file
cannot be written or an internal error, 130 and 143 interrupted (no file is written)
"""

KINDS: Final = {
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "csv": (".csv",),
    "jsonl": (".jsonl", ".ndjson"),
}
"""What can be written, and the suffixes that mean it."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    configure_records(parser)
    parser.add_argument(
        "--columns", metavar="NAMES", help="columns, separated by commas; only these are parsed"
    )
    parser.add_argument(
        "--output-format",
        choices=tuple(KINDS),
        metavar="NAME",
        help=f"{', '.join(KINDS)} (default: by the suffix of the file)",
    )
    parser.add_argument(
        "--malformed", action="store_true", help="rows for malformed lines, too, with the reason"
    )
    parser.add_argument(
        "--continuation", action="store_true", help="rows for lines that continue a record, too"
    )


def run(args: argparse.Namespace) -> int:
    """Write the file, and say what is not in it."""
    from logan._logan import Cancel
    from logan.cli.signals import Signals
    from logan.cli.terminal import check_output, say

    if args.output is None:
        raise UsageError("export needs a file to write", hint="name it: -o records.parquet")
    kind = kind_of(args.output, args.output_format, KINDS)
    if kind is None:
        suffixes = ", ".join(each[0] for each in KINDS.values())
        raise UsageError(
            f"{args.output}: its suffix names no known kind of file",
            hint=f"end its name in {suffixes}, or give --output-format {'|'.join(KINDS)}",
        )
    check_output(args.output, args.paths)
    cancel = Cancel()
    with Signals().handled(cancel.set) as signals, ExitStack() as stack:
        records = open_records(
            args,
            columns=args.columns,
            malformed=args.malformed,
            continuation=args.continuation,
        )
        stack.callback(records.close)
        progress = stack.enter_context(progress_of(args))
        scan = records.scan(cancel)
        try:
            _write(args.output, scan, kind, records.planned_bytes, progress, signals)
        except _Interrupted:
            say(f"interrupted: {args.output} was not written")
            return exit_of_signal(signals.signum or 2)
    stats = records.stats()
    return Exit.INPUT if say_what_is_wrong(stats) else Exit.OK


class _Interrupted(Exception):
    """The user asked to stop before the file was whole."""


def _write(
    output: str,
    scan: RecordScan,
    kind: str,
    total: int,
    progress: Progress | None,
    signals: Signals,
) -> None:
    from logan.cli.terminal import replacing, writing_to_stdout

    if output == "-":
        if kind in ("parquet", "arrow") and sys.stdout.isatty():
            raise UsageError(f"{kind} is not for a terminal", hint="redirect it: > FILE")
        sys.stdout.flush()
        with writing_to_stdout():
            scan.write(kind, sys.stdout.fileno(), total=total, progress=progress)
        return
    with replacing(output) as fd:
        scan.write(kind, fd, total=total, progress=progress)
        if signals.signum is not None:
            raise _Interrupted
