"""`logan analyze`: logs in, a report out."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from logan.cli.command_line import is_piped
from logan.cli.output import check_outputs, present
from logan.cli.report_options import (
    PATHS_HELP,
    adjust_to_output,
    configure_report,
    expectations_of,
    series_points_of,
)
from logan.errors import UsageError
from logan.options import Execution, Options, Presentation, Storage, TimeRange, chosen

if TYPE_CHECKING:
    from logan._logan import Cancel
    from logan.cli.main import Parser
    from logan.report import Report

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "Analyze logs and print a report: errors, response times, throughput, top routes."
EPILOG = """\
examples:
  logan access.log
  kubectl logs deploy/web | logan
  logan analyze access.log -o report.html
  logan analyze access.log --since 10:15 --until 10:30 --sort errors
  logan analyze *.log --json -o report.json
  logan analyze access.log --since 2h --where 'status>=500 and duration>250ms' --by route
  logan analyze app.log*                      # a rotated set, compressed or not
  logan analyze 'logs/**/*.gz' /var/log/nginx logs.tar.gz
  logan analyze s3://bucket/access.log.zst https://example.org/app.log
  logan analyze access.log.1 --save monday.logan && logan analyze monday.logan access.log
  logan analyze app.log --expect 'response_time_ms.p99<=300' --expect 'errors.ratio<1%'
  logan analyze app.log --expect 'errors.ratio<1% in every 5m and requests>=20'
  logan analyze app.log --expect 'routes["POST /pay"].p95_ms<300' --junit logan.xml -o report.md

conditions: status level duration bytes time route path method client host user_agent
referrer message format json.KEY logfmt.KEY; operators = != < <= > >= ~ !~ in (…), exists,
and or not (…); quote text

An expectation about something that was not measured fails with "no data": no record was selected,
none has a level or a status, or a percentile has too few values (p95 needs 20, p99 100, p99.9
1,000). A count is 0 where --where asks only for status, level, duration or bytes, and the log has
them; --allow-empty accepts any empty selection.

exit codes: 0 ok, 1 an expectation failed or too many lines are malformed, 2 usage, 3 an input is
unreadable, no line of it was read, or the report is partial, 4 internal error, 130 and 143
interrupted
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS_HELP)
    configure_report(parser, Execution, Storage)


def run(args: argparse.Namespace) -> int:
    """Analyze, print or write the report, and say what is wrong."""
    from logan._logan import Cancel
    from logan.cli.signals import Signals
    from logan.cli.terminal import check_saving, say

    if not args.paths:
        if not is_piped(sys.stdin):
            raise UsageError("missing PATH", hint="name a log, or pipe one: some-program | logan")
        args.paths = ["-"]
    adjust_to_output(args)
    expectations = expectations_of(args)
    if args.csv == "groups" and not args.by:
        raise UsageError("--csv groups needs a table to print", hint="name a field: --by route")
    check_outputs(args, args.paths)
    check_saving(args.save, args.output, args.paths)
    cancel = Cancel()
    with Signals().handled(cancel.set) as signals:
        report = _analyze(args, cancel)
        if args.save is not None and cancel.is_set():
            say(f"interrupted: {args.save} was not written")
        return present(report, args, expectations, signals.signum)


def _analyze(args: argparse.Namespace, cancel: Cancel) -> Report:
    from contextlib import ExitStack

    from logan.api import analyze
    from logan.cli.progress import ProgressBar
    from logan.cli.terminal import is_terminal, say, wants_color

    if "-" in args.paths and sys.stdin is not None and sys.stdin.isatty():
        say("reading standard input; press Ctrl-D to end it")
    with ExitStack() as stack:
        bar = None
        if not args.no_progress and is_terminal(sys.stderr):
            bar = stack.enter_context(ProgressBar(color=wants_color(args.color, sys.stderr)))
        given = chosen(vars(args), Options, TimeRange, Presentation, Execution, Storage)
        given |= {
            "series_points": series_points_of(args),
            "progress": None if bar is None else bar.update,
            "cancel": cancel,
            "errors": "report",
        }
        return analyze(args.paths, **given)
