"""`logan analyze`: logs in, a report out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from logan.cli.exits import Exit, exit_of_signal
from logan.cli.values import byte_size, moment, one_of, positive, switch
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT, SERIES_POINTS_MAX
from logan.plan import Options
from logan.report import CSV_TABLES, Look, render

if TYPE_CHECKING:
    from logan._logan import Cancel
    from logan.cli.shell import Parser
    from logan.report import Report
    from logan.validate import Expectation

__all__ = ["EPILOG", "HELP", "configure", "configure_report", "options_of", "present", "run"]

HELP = "Analyze logs and print a report: errors, response times, throughput, top routes."
EPILOG = """\
examples:
  logan analyze access.log
  logan analyze *.log --json -o report.json
  zcat access.log.gz | logan analyze -
  logan analyze app.log --expect 'response_time_ms.p99<=300' --expect 'error_rate<1'

exit codes: 0 ok, 1 an expectation failed, 2 usage, 3 some input unreadable or the report
partial, 4 internal, 130 and 143 interrupted
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="log files; - is standard input")
    parser.setting(
        "--threads",
        type=positive,
        default=None,
        metavar="N",
        help="chunks read side by side (the CPUs it may use); never changes a figure",
    )
    configure_report(parser)


def configure_report(parser: Parser) -> None:
    """Add what every command has that ends with a report: its figures, and where they go."""
    from logan.cli.terminal import COLOR_CHOICES

    output = parser.add_argument_group("output")
    kinds = output.add_mutually_exclusive_group()
    kinds.add_argument("--json", action="store_true", help="print the report as JSON")
    kinds.add_argument("--csv", choices=CSV_TABLES, help="print one table of it as CSV")
    output.add_argument(
        "-o", "--output", metavar="FILE", help="write it to FILE, all at once or not at all"
    )
    parser.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="EXPR",
        help="fail (exit 1) unless it holds, such as 'response_time_ms.p99<=300'; repeatable",
    )
    parser.setting(
        "--top", type=positive, default=10, metavar="N", help="rows of the top tables (10)"
    )
    parser.setting(
        "--format",
        type=str,
        default=None,
        metavar="NAME",
        help="read every line as this format instead of detecting; see: logan formats",
    )
    parser.setting(
        "--input-tz",
        type=str,
        default="UTC",
        metavar="TZ",
        help="zone of times that carry none (UTC)",
    )
    parser.setting(
        "--anchor",
        type=moment,
        default=None,
        metavar="TIME",
        help="dates without a year lie before this (when each input was modified)",
    )
    parser.setting(
        "--chunk-size",
        type=byte_size,
        default=CHUNK_SIZE_BYTES_DEFAULT,
        metavar="BYTES",
        help="unit of work, such as 4MiB (16MiB)",
    )
    parser.setting(
        "--engine",
        type=str,
        default="local",
        metavar="NAME",
        help="where to work: local, dask, or dask=SCHEDULER (local); never changes a figure",
    )
    parser.setting(
        "--color",
        type=one_of(*COLOR_CHOICES),
        default="auto",
        metavar="WHEN",
        help=f"{', '.join(COLOR_CHOICES)}; auto follows the terminal and NO_COLOR",
    )
    parser.setting(
        "--no-progress",
        type=switch,
        default=False,
        action="store_const",
        const=True,
        help="no progress bar",
    )


def run(args: argparse.Namespace) -> int:
    """Analyse, print or write, and say what was wrong."""
    from logan._logan import Cancel
    from logan.cli.signals import Interrupts
    from logan.cli.terminal import check_writable
    from logan.validate import parse_expectation

    expectations = [parse_expectation(text) for text in args.expect]
    if args.output is not None:
        check_writable(args.output)
    cancel = Cancel()
    with Interrupts(cancel) as interrupts:
        report = _analyze(args, cancel)
        return present(report, args, expectations, interrupts.signum)


def options_of(args: argparse.Namespace) -> Options:
    """The options that change figures, as far as the command has them."""
    names = [each.name for each in fields(Options) if hasattr(args, each.name)]
    return Options(**{name: getattr(args, name) for name in names})


def present(
    report: Report,
    args: argparse.Namespace,
    expectations: Sequence[Expectation],
    signum: int | None,
) -> int:
    """Say what is wrong, print or write the report, judge it; the command's exit code.

    `signum` is the signal that ended the work early, if one did.
    """
    from logan.cli.terminal import say

    _say_what_is_wrong(report)
    if signum is not None:
        say("interrupted: the report is partial")
    _publish(report, args)
    failed = _check(expectations, report)
    if signum is not None:
        return exit_of_signal(signum)
    if report.partial:
        return Exit.INPUT
    return Exit.EXPECTATION_FAILED if failed else Exit.OK


def _analyze(args: argparse.Namespace, cancel: Cancel) -> Report:
    from contextlib import ExitStack

    from logan.api import analyze
    from logan.cli.progress import ProgressBar
    from logan.cli.terminal import is_terminal, say, wants_color

    if "-" in args.paths and sys.stdin is not None and sys.stdin.isatty():
        say("reading standard input; end it with Ctrl-D")
    with ExitStack() as stack:
        bar = None
        if not args.no_progress and is_terminal(sys.stderr):
            bar = stack.enter_context(ProgressBar(color=wants_color(args.color, sys.stderr)))
        return analyze(
            args.paths,
            threads=args.threads,
            chunk_size=args.chunk_size,
            format=args.format,
            input_tz=args.input_tz,
            top=args.top,
            anchor=args.anchor,
            engine=args.engine,
            series_points=None if args.csv == "series" else SERIES_POINTS_MAX,
            progress=None if bar is None else bar.update,
            cancel=cancel,
            errors="report",
        )


def _say_what_is_wrong(report: Report) -> None:
    """Errors and notes of the inputs; a partial report never goes unnoticed."""
    from logan.cli.terminal import say
    from logan.report.words import input_name

    for entry in report.inputs:
        if entry.error is not None:
            say(entry.error)
        for note in entry.notes:
            say(f"{input_name(entry.path)}: {note}")


def _publish(report: Report, args: argparse.Namespace) -> None:
    from logan.cli.terminal import look_of_file, look_of_stdout, write_file, write_stdout

    output = "json" if args.json else "csv" if args.csv else "text"
    to_stdout = args.output in (None, "-")
    if output == "text" and to_stdout and all(entry.error is not None for entry in report.inputs):
        return  # stderr has said all there is to say
    if output == "text":
        look = look_of_stdout(args.color) if to_stdout else look_of_file(args.color)
    else:
        look = Look(table=args.csv or "series")
    text = render(output, report, look)
    if to_stdout:
        write_stdout(text, encoding=None if output == "text" else "utf-8")
    else:
        write_file(args.output, text)


def _check(expectations: Sequence[Expectation], report: Report) -> bool:
    """Say how each expectation fared; whether one failed."""
    from logan.cli.terminal import say

    verdicts = [expectation.check(report) for expectation in expectations]
    for verdict in verdicts:
        say(str(verdict), prefix="  ok    " if verdict.ok else "  FAIL  ")
    failed = sum(not verdict.ok for verdict in verdicts)
    if failed:
        say(f"{failed} of {len(verdicts)} expectations failed")
    return failed > 0
