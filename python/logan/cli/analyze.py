"""`logan analyze`: logs in, a report out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.option_types import (
    Limit,
    byte_size,
    moment,
    one_of,
    positive,
    share_or_count,
    switch,
    whole,
    zone,
    zone_name,
)
from logan.errors import UsageError
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT, EXPANSION_MAX_DEFAULT, MIB, SERIES_POINTS_MAX
from logan.plan import CUSTOM, Options
from logan.report import CSV_TABLES, Look, render

if TYPE_CHECKING:
    from logan._logan import Cancel
    from logan.cli.main import Parser
    from logan.report import Report
    from logan.report.expectations import Expectation

__all__ = [
    "EPILOG",
    "HELP",
    "PATHS_HELP",
    "configure",
    "configure_report",
    "options_of",
    "present",
    "run",
]

HELP = "Analyze logs and print a report: errors, response times, throughput, top routes."
PATHS_HELP = (
    "log files (also .gz .zst .bz2 .xz .lz4), archives of logs (.tar .tar.gz .zip), folders, "
    "quoted patterns such as 'logs/**/*.gz', URLs (http(s)://, s3://, gs://, az://); "
    "- is standard input"
)
EPILOG = """\
examples:
  logan analyze access.log
  logan analyze *.log --json -o report.json
  logan analyze access.log --since 2h --where 'status>=500 and duration>250ms' --by route
  logan analyze app.log*                      # a rotated set, compressed or not
  logan analyze 'logs/**/*.gz' /var/log/nginx logs.tar.gz
  logan analyze s3://bucket/access.log.zst https://example.org/app.log
  kubectl logs deploy/web | logan analyze -
  logan analyze app.log --expect 'response_time_ms.p99<=300' --expect 'error_rate<1'

conditions: status level duration bytes time route path method client host message format
json.KEY logfmt.KEY; = != < <= > >= ~ !~ in (…), exists, and or not (…); text in quotes

exit codes: 0 ok, 1 an expectation failed or too many lines are malformed, 2 usage, 3 some input
unreadable or the report partial, 4 internal, 130 and 143 interrupted
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS_HELP)
    parser.setting(
        "--threads",
        type=positive,
        default=None,
        metavar="N",
        help="chunks read side by side (the CPUs it may use); never changes a figure",
    )
    configure_report(parser)
    parser.setting(
        "--engine",
        type=str,
        default="local",
        metavar="NAME",
        help="where to work: local, dask, or dask=SCHEDULER (local); never changes a figure",
    )


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
    parser.add_argument(
        "--max-malformed",
        type=share_or_count,
        default=None,
        metavar="LIMIT",
        help="fail (exit 1) if more lines are malformed: a count, or a share of all such as 1%%",
    )
    narrowing = parser.add_argument_group("narrowing")
    narrowing.add_argument(
        "--since",
        metavar="TIME",
        help='only records from then on: a date, "2024-01-24 10:15", RFC 3339, or 2h, 30m, 7d ago',
    )
    narrowing.add_argument("--until", metavar="TIME", help="only records before then")
    narrowing.add_argument(
        "--relative-to",
        choices=("now", "last"),
        default="now",
        help="what 2h counts back from: now (default), or the last record",
    )
    narrowing.add_argument(
        "--where", metavar="EXPR", help="only records for which it holds, such as 'status>=500'"
    )
    narrowing.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="FIELD",
        help="a table by route, path, status, level, client, host, method, format, json.KEY or "
        "logfmt.KEY; repeatable",
    )
    narrowing.add_argument(
        "--no-seek",
        action="store_true",
        help="read whole files even if they are in the order of time",
    )
    parser.setting(
        "--top", type=positive, default=10, metavar="N", help="rows of the top tables (10)"
    )
    parser.set_defaults(format_name=CUSTOM)
    parser.setting(
        "--format",
        type=str,
        default=None,
        metavar="FORMAT",
        help="read every line as this format: a name of `logan formats`, the text of nginx's "
        "log_format or Apache's LogFormat, or a regular expression with named groups",
    )
    parser.setting(
        "--input-tz",
        type=zone_name,
        default="UTC",
        metavar="TZ",
        help="zone of times that carry none (UTC)",
    )
    parser.setting(
        "--output-tz",
        type=zone,
        default=UTC,
        metavar="TZ",
        help="zone that the report shows times in, such as Europe/Berlin or local (UTC); JSON and "
        "CSV are UTC always",
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
        help=f"unit of work, such as 4MiB ({CHUNK_SIZE_BYTES_DEFAULT // MIB}MiB)",
    )
    parser.setting(
        "--max-expansion",
        type=whole,
        default=EXPANSION_MAX_DEFAULT,
        metavar="N",
        help="bytes that an archive may give for each stored one, once it has given 1 GiB, before "
        "it is taken for a bomb (2000); 0 is no limit",
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
    from logan.cli.terminal import check_output

    expectations = expectations_of(args)
    if args.csv == "groups" and not args.by:
        raise UsageError("--csv groups has no table to print", hint="name a field: --by route")
    check_output(args.output, args.paths)
    cancel = Cancel()
    with Interrupts(cancel) as interrupts:
        report = _analyze(args, cancel)
        return present(report, args, expectations, interrupts.signum)


def expectations_of(args: argparse.Namespace) -> list[Expectation]:
    """What the report must fulfil. Raises `ExpectationError`."""
    if not args.expect:
        return []  # and nothing loaded for it
    from logan.report.expectations import parse_expectation

    return [parse_expectation(text) for text in args.expect]


def options_of(args: argparse.Namespace) -> Options:
    """The options that change figures, as far as the command has them."""
    import time

    from logan import narrowing

    return narrowing.options(
        chunk_size=args.chunk_size,
        format=args.format,
        format_name=args.format_name,
        input_tz=args.input_tz,
        top=args.top,
        since=args.since,
        until=args.until,
        relative_to=args.relative_to,
        where=args.where,
        by=args.by,
        seek=not args.no_seek,
        expansion_max=args.max_expansion,
        now_ns=time.time_ns(),
    )


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
    failed |= _has_too_many_malformed(report, args.max_malformed)
    alarms = (report.get("performance") or {}).get("alarms", ())
    for alarm in alarms:
        say(alarm)
    if alarms:
        say("workers disagree: the figures of one of them are wrong, and with them the report")
    if signum is not None:
        return exit_of_signal(signum)
    if alarms:
        return Exit.INTERNAL
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
            format_name=args.format_name,
            input_tz=args.input_tz,
            top=args.top,
            expansion_max=args.max_expansion,
            anchor=args.anchor,
            engine=args.engine,
            since=args.since,
            until=args.until,
            relative_to=args.relative_to,
            where=args.where,
            by=args.by,
            seek=not args.no_seek,
            series_points=None if args.csv == "series" else SERIES_POINTS_MAX,
            progress=None if bar is None else bar.update,
            cancel=cancel,
            errors="report",
        )


def _say_what_is_wrong(report: Report) -> None:
    """Errors and notes of the inputs; a partial report never goes unnoticed."""
    from logan.cli.terminal import say
    from logan.report.labels import input_name

    for entry in report.inputs:
        if entry.error is not None:
            say(entry.error)
        for note in entry.notes:
            say(f"{input_name(entry.path)}: {note}")
    selection = report.get("selection")
    lines = report.lines
    if selection and not lines.parsed and (lines.total or lines.skipped_bytes):
        _say_nothing_is_selected(selection)


def _say_nothing_is_selected(selection: Mapping[str, Any]) -> None:
    from logan.cli.terminal import say

    if not selection.get("where"):
        say("no record is in the selected time")
        hint = (
            "without --since and --until the report says which time the records are of; "
            "with --relative-to last, 2h counts back from the last of them"
        )
    else:
        timed = any(selection.get(each) is not None for each in ("since", "until"))
        say(f"no record {'is in the selected time and ' if timed else ''}meets the condition")
        hint = "logan detect FILE shows a line of each format and its fields"
    say(hint, prefix="  hint: ")


def _publish(report: Report, args: argparse.Namespace) -> None:
    from logan.cli.signals import signals_abort
    from logan.cli.terminal import look_of_file, look_of_stdout, write_file, write_stdout

    output = "json" if args.json else "csv" if args.csv else "text"
    to_stdout = args.output in (None, "-")
    if output == "text" and to_stdout and all(entry.error is not None for entry in report.inputs):
        return  # stderr has said all there is to say
    if output == "text":
        look_of = look_of_stdout if to_stdout else look_of_file
        look = look_of(args.color, args.output_tz)
    else:
        look = Look(table=args.csv or "series")
    text = render(output, report, look)
    with signals_abort():
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


def _has_too_many_malformed(report: Report, limit: Limit | None) -> bool:
    """Whether more lines are malformed than allowed, and say so."""
    from logan.cli.terminal import say

    malformed, total = report.lines.malformed, report.lines.total
    if limit is None or malformed <= limit.lines(total):
        return False
    share = malformed / total
    say(f"{malformed:,} of {total:,} lines are malformed ({share:.2%}), more than {limit.text}")
    say("see: logan analyze --json, key malformed; or --format NAME", prefix="  hint: ")
    return True
