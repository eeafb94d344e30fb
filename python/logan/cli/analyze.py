"""`logan analyze`: logs in, a report out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from logan.cli.command_line import is_piped
from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.output import check_outputs, present
from logan.cli.report_options import (
    PATHS_HELP,
    adjust_to_output,
    configure_report,
    expectations_of,
    series_points_of,
)
from logan.errors import CancelledError, UsageError
from logan.options import Execution, Options, Presentation, Storage, TimeRange, chosen

if TYPE_CHECKING:
    from contextlib import ExitStack

    from logan._logan import Cancel
    from logan.cli.main import Parser
    from logan.options import Progress
    from logan.report import Report
    from logan.report.expectations import Expectation

__all__ = ["EPILOG", "configure", "run"]

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
  logan analyze access.log --state /var/lib/logan/nightly     # by cron: what is new since
  logan analyze app.log --expect 'response_time_ms.p99<=300' --expect 'errors.ratio<1%'
  logan analyze app.log --expect 'errors.ratio<1% in every 5m and requests>=20'
  logan analyze app.log --expect 'routes["POST /pay"].p95_ms<300' --junit logan.xml -o report.md

conditions: status level duration bytes time route path method client host user_agent
referrer protocol message format json.KEY logfmt.KEY; operators = != < <= > >= ~ !~ in (…), exists,
and or not (…); quote text

An expectation about something that was not measured fails with "no data": no record was selected,
none has a level or a status, or a percentile has too few values (p95 needs 20, p99 100, p99.9
1,000). A count is 0 where --where asks only for status, level, duration or bytes, and the log has
them; --allow-empty accepts any empty selection.

exit codes: 0 ok, 1 an expectation failed or too many lines are malformed, 2 usage, 3 an input or
the state folder is unreadable or in use, no line of an input was read, or the report is partial,
4 internal error, 130 and 143 interrupted
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
    if args.total and args.state is None:
        raise UsageError("--total needs --state", hint="name the folder: --state DIR")
    cancel = Cancel()
    if args.state == "":
        raise UsageError("--state needs a folder", hint="write it like: --state /var/lib/logan")
    if args.state is not None:
        return _run_new(args, expectations, cancel)
    with Signals().handled(cancel.set) as signals:
        report = _analyze(args, cancel)
        if args.save is not None and cancel.is_set():
            say(f"interrupted: {args.save} was not written")
        return present(report, args, expectations, signals.signum)


def _run_new(args: argparse.Namespace, expectations: list[Expectation], cancel: Cancel) -> int:
    """With a state folder: what is new. It counts as reported once the report is out."""
    from contextlib import ExitStack

    from logan.cli.report_options import options_of
    from logan.cli.signals import Signals
    from logan.cli.terminal import say
    from logan.state.run import open_state, run

    presentation = Presentation(**chosen(vars(args), Presentation) | {"errors": "report"})
    presentation = replace(presentation, series_points=series_points_of(args))
    storage, options = Storage(**chosen(vars(args), Storage)), options_of(args)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals().handled(cancel.set))
        execution = Execution(**chosen(vars(args), Execution))
        execution = replace(execution, cancel=cancel, progress=_progress(args, stack))
        folder = stack.enter_context(open_state(storage, options))
        try:
            found = run(args.paths, folder, options, presentation, execution, total=args.total)
        except CancelledError as error:
            say(str(error))
            return exit_of_signal(signals.signum or 0)
        for note in found.notes:
            say(note)
        for each in found.errors:
            say(str(each))
            if each.hint:
                say(each.hint, prefix="  hint: ")
        if found.repeated:
            say("repeated: the report has lines that an earlier run counted and may have reported")
        if not found.report.inputs and not found.errors:
            say("nothing new since the last run")
        if args.save is not None:
            found.saved.save(args.save)
        code = present(found.report, args, expectations, None)
        found.reported()
        return Exit.INPUT if found.errors and code in (Exit.OK, Exit.EXPECTATION_FAILED) else code


def _progress(args: argparse.Namespace, stack: ExitStack) -> Progress | None:
    from logan.cli.progress import ProgressBar
    from logan.cli.terminal import is_terminal, wants_color

    if args.no_progress or not is_terminal(sys.stderr):
        return None
    return stack.enter_context(ProgressBar(color=wants_color(args.color, sys.stderr))).update


def _analyze(args: argparse.Namespace, cancel: Cancel) -> Report:
    from contextlib import ExitStack

    from logan.api import analyze
    from logan.cli.terminal import say

    if "-" in args.paths and sys.stdin is not None and sys.stdin.isatty():
        say("reading standard input; press Ctrl-D to end it")
    with ExitStack() as stack:
        given = chosen(vars(args), Options, TimeRange, Presentation, Execution, Storage)
        given |= {
            "series_points": series_points_of(args),
            "progress": _progress(args, stack),
            "cancel": cancel,
            "errors": "report",
        }
        return analyze(args.paths, **given)
