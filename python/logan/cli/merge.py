"""`logan merge`: saved summaries of several runs as one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from logan.cli.exit_codes import Exit
from logan.errors import InputError

if TYPE_CHECKING:
    from logan.cli.main import Parser

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan analyze access.log.1 --save 2026-11-27.logan
  logan merge 2026-11-*.logan -o 2026-11.logan
  logan analyze 2026-11.logan

Summaries that have the same part of a log, or that were made with different --where, --by, --since
or --until, are refused with both names. --spec has a later run read its logs as an earlier one did:
  logan analyze access.log --spec 2026-11-27.logan --save 2026-11-28.logan

exit codes: 0 ok, 2 usage, or they cannot be added up, 3 a summary is unreadable, or the sum is
partial as one of them is
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths", nargs="+", metavar="FILE", help="saved summaries, or folders of them"
    )
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="write the sum to FILE atomically"
    )


def run(args: argparse.Namespace) -> int:
    """Read, add, write."""
    from logan.cli.terminal import check_saving, say
    from logan.report.labels import plural
    from logan.summaries.paths import saved_of
    from logan.summaries.saved import merge

    check_saving(args.output, None, args.paths, flag="-o")
    parts = saved_of(args.paths)
    if not parts:
        raise InputError("there is nothing to merge")
    total = merge(parts)
    report = total.report(top=1, series_points=1)
    total.save(args.output)
    inputs = sum(each.source is not None for each in total.inputs)
    given = "1 saved summary" if len(parts) == 1 else f"{len(parts):,} saved summaries"
    verb = "is" if len(parts) == 1 else "are"
    held = f"{plural(inputs, 'log')} with {plural(report.lines.total, 'line')}"
    say(f"{given} of {held} {verb} now {args.output}")
    if report.partial:
        say("the sum is partial: bytes are missing or inputs had errors when they were analyzed")
        return Exit.INPUT
    return Exit.OK
