"""`logan diff`: what changed between two analyses, and what of it is more than chance."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.report_options import configure_analysis, configure_terminal
from logan.errors import UsageError
from logan.options import Execution, Options, Presentation, TimeRange, chosen

if TYPE_CHECKING:
    from logan._logan import Cancel
    from logan.cli.main import Parser
    from logan.comparison import Comparison
    from logan.comparison.limits import Limit
    from logan.comparison.sides import Side

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan diff access.log.1 access.log
  logan diff monday.logan tuesday.logan       # of: logan analyze LOG --save monday.logan
  logan diff 'canary/*.log' 'stable/*.log' --top 20
  logan diff access.log --split-at '2026-11-28 14:00'
  logan diff access.log --before 2026-11-21..2026-11-22 --after 2026-11-28..2026-11-29
  logan diff main.logan branch.logan --fail-if 'p99 > +10%' --fail-if 'errors.ratio > +0.5pp' \\
      --fail-if 'routes[*].p95 > +20% and requests >= 100' --output-format markdown

BEFORE and AFTER are logs, folders, quoted globs, saved summaries or JSON reports. Differences that
chance and the error of percentiles do not explain are marked by an arrow: requests, errors and
messages by the counts, response times by their whole distributions.

A limit fails if it is exceeded and the difference is marked; one that is only exceeded "cannot
tell". What was not measured on a side, and a row that is on neither, has "no data" and fails.
METRIC is a name of the JSON report, p50 to p999, mean, requests or malformed for short, or a
column: routes[*].p95, routes[GET /cart].mean, status[503].share, messages[*].count. An improvement
never fails.

exit codes: 0 ok, 1 a limit failed, 2 usage, 3 an input is unreadable or a side is partial,
4 internal error, 130 and 143 interrupted
"""


_NOT_COMPARED: Final = ("step", "user_agents", "geoip")
"""Options of reports that a comparison has no use for."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    from logan.comparison import OUTPUTS

    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="BEFORE and AFTER; with --split-at, or --before and --after, the logs of both",
    )
    sides = parser.add_argument_group("sides")
    sides.add_argument(
        "--split-at", metavar="TIME", help="compare what is before TIME with what is from it on"
    )
    sides.add_argument(
        "--before", metavar="FROM..TO", help="the time of the first side; either may be left out"
    )
    sides.add_argument("--after", metavar="FROM..TO", help="the time of the second side")
    groups = configure_analysis(parser, Execution, without=_NOT_COMPARED)
    output = groups["output"]
    kinds = output.add_mutually_exclusive_group()
    kinds.add_argument(
        "--output-format",
        choices=tuple(OUTPUTS),
        default="text",
        metavar="NAME",
        help=f"print the comparison as {', '.join(OUTPUTS)} (default: text)",
    )
    kinds.add_argument(
        "--json",
        dest="output_format",
        action="store_const",
        const="json",
        help="short for --output-format json",
    )
    output.add_argument(
        "-o", "--output", metavar="FILE", help="write the output to FILE atomically"
    )
    configure_terminal(parser, output)
    checks = groups["gates"]
    checks.add_argument(
        "--fail-if",
        action="append",
        default=[],
        metavar="LIMIT",
        help="exit 1 if a change exceeds LIMIT, such as 'p99 > +10%%'; repeatable",
    )
    checks.add_argument(
        "--strict",
        action="store_true",
        help="limits fail by the values alone, even where chance may explain the change",
    )


def run(args: argparse.Namespace) -> int:
    """Analyze both sides, compare, print, judge."""
    from logan._logan import Cancel
    from logan.cli.signals import Signals
    from logan.cli.terminal import check_output, say
    from logan.comparison.limits import parse_limit

    if args.by:
        raise UsageError("a comparison has no group tables", hint="leave --by out")
    limits = [parse_limit(text) for text in args.fail_if]
    named = _sides(args)
    check_output(args.output, args.paths)
    cancel = Cancel()
    with Signals().handled(cancel.set) as signals:
        before, after = _analyze(args, named, cancel)
        if signals.signum is not None:
            say("interrupted: nothing was compared")
            return exit_of_signal(signals.signum)
        return _present(args, limits, before, after)


def _sides(args: argparse.Namespace) -> list[tuple[list[str], str, dict[str, Any]]]:
    """Paths, name and time range of each side."""
    times = (args.split_at, args.before, args.after)
    if times == (None, None, None):
        if len(args.paths) != 2:
            raise UsageError(
                f"{len(args.paths)} inputs were given, BEFORE and AFTER are two",
                hint="quote globs, or compare times of the same logs: --split-at TIME",
            )
        if args.paths[0] == args.paths[1] == "-":
            raise UsageError("standard input cannot be both BEFORE and AFTER")
        if _is_one_file(*args.paths):
            raise UsageError(
                f"{args.paths[0]} is both BEFORE and AFTER",
                hint="name two logs, or compare times of one: --split-at TIME",
            )
        return [([path], path, {}) for path in args.paths]
    if "-" in args.paths:
        raise UsageError(
            "standard input cannot be read twice", hint="write it to a file first, and name that"
        )
    name = ", ".join(args.paths[:3])
    _check_times(args)
    if args.split_at is not None:
        if args.before is not None or args.after is not None:
            raise UsageError("--split-at cannot be combined with --before and --after")
        return [
            (args.paths, f"{name} before {args.split_at}", {"until": args.split_at}),
            (args.paths, f"{name} from {args.split_at}", {"since": args.split_at}),
        ]
    if args.before is None or args.after is None:
        raise UsageError("--before and --after need each other", hint="or use --split-at TIME")
    if args.since is not None or args.until is not None:
        raise UsageError("--before and --after cannot be combined with --since and --until")
    return [
        (args.paths, f"{name} {text}", _range(flag, text))
        for flag, text in (("--before", args.before), ("--after", args.after))
    ]


def _is_one_file(before: str, after: str) -> bool:
    try:
        return before == after or os.path.samefile(before, after)
    except (OSError, ValueError):
        return False


def _check_times(args: argparse.Namespace) -> None:
    """That the logs can be split by time, and that the time is one."""
    from logan.comparison.sides import json_report
    from logan.planning import timerange
    from logan.summaries.container import is_saved

    flag = "--before and --after" if args.split_at is None else "--split-at"
    for path in args.paths:
        kind = "saved summary" if is_saved(path) else "JSON report" if json_report(path) else None
        if kind is not None:
            raise UsageError(
                f"{path} is a {kind}: its records cannot be told apart by time",
                hint=f"leave {flag} out, or name the logs themselves",
            )
    for name, text in (("--split-at", args.split_at), *_edges(args)):
        try:
            timerange.window(text or None, None, input_tz=args.input_tz, now_ns=time.time_ns())
        except UsageError as error:
            message = error.message.replace("cannot parse since", f"cannot parse {name}", 1)
            raise UsageError(message, hint=error.hint) from error


def _edges(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Both ends of the times of both sides. Raises `UsageError` for what is no range."""
    given = (("--before", args.before), ("--after", args.after))
    ranges = [(flag, _range(flag, text)) for flag, text in given if text is not None]
    for flag, ends in ranges:
        yield from ((flag, each) for each in ends.values() if each)


def _range(flag: str, text: str) -> dict[str, Any]:
    since, dots, until = (each.strip() for each in text.partition(".."))
    if not dots or not (since or until):
        raise UsageError(
            f"{flag} {text!r} is not a time range",
            hint=f"write it like: {flag} 2026-11-27..2026-11-28",
        )
    return {"since": since or None, "until": until or None}


def _analyze(
    args: argparse.Namespace, named: list[tuple[list[str], str, dict[str, Any]]], cancel: Cancel
) -> list[Side]:
    from contextlib import ExitStack

    from logan.analysis import side
    from logan.cli.progress import ProgressBar
    from logan.cli.terminal import is_terminal, wants_color
    from logan.planning import timerange

    presentation = Presentation(**chosen(vars(args), Presentation) | {"errors": "report"})
    sides: list[Side] = []
    with ExitStack() as stack:
        bar = None
        if not args.no_progress and is_terminal(sys.stderr):
            bar = stack.enter_context(ProgressBar(color=wants_color(args.color, sys.stderr)))
        execution = Execution(**chosen(vars(args), Execution))
        execution = replace(execution, progress=None if bar is None else bar.update, cancel=cancel)
        now_ns = time.time_ns()
        for paths, name, times in named:
            given = chosen(vars(args), Options, TimeRange)
            given |= {key: value for key, value in times.items() if value is not None}
            options = timerange.options(now_ns=now_ns, **given)
            sides.append(side(paths, name, options, presentation, execution))
            if cancel.is_set():
                return [sides[0], sides[-1]]
    return sides


def _present(args: argparse.Namespace, limits: list[Limit], before: Side, after: Side) -> int:
    from logan.cli.terminal import say
    from logan.comparison.compare import compare
    from logan.comparison.limits import judge

    _say_what_is_wrong(before, after)
    comparison = compare(before, after, top=args.top)
    verdicts = judge(limits, comparison, before.report, after.report, strict=args.strict)
    comparison.verdicts = verdicts
    _publish(comparison, args)
    prefixes = {"ok": "  ok    ", "failed": "  FAIL  ", "cannot tell": "  ?     "}
    for each in sorted(verdicts, key=lambda each: each.state == "failed"):
        say(each.text, prefix=prefixes[each.state])
    failed = sum(each.state == "failed" for each in verdicts)
    if failed:
        say("a limit failed" if failed == 1 else f"limits failed {failed:,} times")
    if before.info.partial or after.info.partial:
        return Exit.INPUT
    return Exit.EXPECTATION_FAILED if failed else Exit.OK


def _say_what_is_wrong(before: Side, after: Side) -> None:
    from logan.cli.output import say_unread
    from logan.cli.terminal import say
    from logan.comparison.view import side_line
    from logan.report.labels import input_name

    for side in (before, after):
        for entry in side.report.get("inputs", ()):
            if entry["error"] is not None:
                say_unread(entry) if "unread" in entry else say(entry["error"])
            for note in entry["notes"]:
                say(f"{input_name(entry['path'])}: {note}")
    for side, other in ((before, after), (after, before)):
        if not side.records:
            say(f"{side.info.name}: no records to compare")
            if other.info.first is not None:
                say(f"those of the other side: {side_line(other.info)}", prefix="  hint: ")


def _publish(comparison: Comparison, args: argparse.Namespace) -> None:
    from logan.cli.signals import signals_abort
    from logan.cli.terminal import options_of_file, options_of_stdout, write_file, write_stdout
    from logan.comparison import render

    to_stdout = args.output in (None, "-")
    options = (options_of_stdout if to_stdout else options_of_file)(args.color)
    text = render(args.output_format, comparison, options)
    with signals_abort():
        if to_stdout:
            is_text = args.output_format == "text"
            write_stdout(text, encoding=None if is_text else "utf-8")
        else:
            write_file(args.output, text)
