"""`logan export`: logs in, a file of their records out."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from logan.cli.exit_codes import exit_of_signal
from logan.cli.record_options import (
    configure_kinds,
    configure_records,
    exit_after,
    kind_of_output,
    reading,
)
from logan.errors import CancelledError, UsageError
from logan.options import RECORD_FILES

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.record_stream.stats import Stats

__all__ = ["EPILOG", "configure", "run"]

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

BINARY: Final = ("parquet", "arrow")


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    configure_records(parser)
    configure_kinds(
        parser, RECORD_FILES, columns="columns, separated by commas; only these are parsed"
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
    from logan.cli.terminal import say, writing_to_stdout
    from logan.record_stream.writing import write_batches, write_scan

    if args.output is None:
        raise UsageError("export needs a file to write", hint="name it: -o records.parquet")
    kind = kind_of_output(args, RECORD_FILES, binary=BINARY)
    cancel = Cancel()
    with reading(args, cancel.set) as work:
        records = work.open(
            columns=args.columns, malformed=args.malformed, continuation=args.continuation
        )
        scan = records.scan(cancel)
        total, progress, signals = records.planned_bytes, work.progress, work.signals

        def check() -> None:
            if signals.signum is not None:
                raise CancelledError(f"interrupted: {args.output} was not written")

        if args.output == "-":
            sys.stdout.flush()
            with writing_to_stdout():
                write_batches(*(scan, kind, sys.stdout.fileno()), total=total, progress=progress)
        else:
            try:
                write_scan(*(scan, args.output, kind), total=total, progress=progress, check=check)
            except CancelledError as error:
                say(str(error))
                return exit_of_signal(signals.signum or 2)
        if signals.signum is not None:
            return exit_of_signal(signals.signum)
    stats = records.stats()
    _say_if_empty(args, stats)
    return exit_after(stats)


def _say_if_empty(args: argparse.Namespace, stats: Stats) -> None:
    """A file without rows looks like any other."""
    from logan.cli.terminal import say
    from logan.report.labels import plural

    lines = stats.lines
    kinds = {"parsed": True, "malformed": args.malformed, "continuation": args.continuation}
    if any(lines.get(kind, 0) for kind, is_written in kinds.items() if is_written):
        return
    where = "" if args.output == "-" else f" in {args.output}"
    filtered = lines.get("filtered", 0)
    total = lines.get("total", 0)
    if filtered:
        why = f"{plural(filtered, 'record')} read, none in the time range and of the condition"
    else:
        why = f"{plural(total, 'line')} read, none is a record" if total else "nothing to read"
    say(f"no records{where}: {why}")
