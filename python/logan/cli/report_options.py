"""The options of every command that ends with a report, and what they ask for.

`configure_report` adds them, `options_of` and `expectations_of` turn them into the library's
objects. Printing the report is `output`'s.
"""

from __future__ import annotations

import argparse
import os.path
from collections.abc import Collection
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from logan.cli import option_types
from logan.cli.option_types import one_of, share_or_count, switch, zone
from logan.limits import SERIES_POINTS_MAX
from logan.options import Flag, Options, Presentation, TimeRange, chosen, flags
from logan.report import CSV_TABLES, ENDINGS, OUTPUTS

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.report.expectations import Expectation

__all__ = [
    "GROUPS",
    "PATHS_HELP",
    "add_flag",
    "adjust_to_output",
    "configure_analysis",
    "configure_report",
    "configure_terminal",
    "expectations_of",
    "options_of",
    "output_of",
    "series_points_of",
]

PATHS_HELP = (
    "log files (also .gz .zst .bz2 .xz .lz4), archives (.tar .tar.gz .zip), folders, "
    "quoted globs such as 'logs/**/*.gz', URLs (http(s)://, s3://, gs://, az://), HOST:PATH by "
    "ssh; - is standard input"
)


def configure_report(
    parser: Parser,
    *more: type,
    without: Collection[str] = (),
    only: Collection[str] | None = None,
    whole: bool = True,
) -> None:
    """Add what every command has that ends with a report: the library's options but those named
    in `without`, or those named in `only`, those of the classes `more` of `logan.options` too,
    where the report goes, and what it must fulfill. Unless `whole`, the command reads no logs to
    their end: it prints no CSV and has no progress bar."""
    groups = configure_analysis(parser, *more, without=without, only=only)
    output = groups["output"]
    kinds = output.add_mutually_exclusive_group()
    kinds.add_argument(
        "--output-format",
        choices=tuple(OUTPUTS),
        metavar="NAME",
        help=f"print the report as {', '.join(OUTPUTS)} (default: by the ending of -o's FILE, "
        "else text)",
    )
    kinds.add_argument(
        "--json",
        dest="output_format",
        action="store_const",
        const="json",
        help="short for --output-format json",
    )
    parser.set_defaults(csv=None)
    if whole:
        kinds.add_argument(
            "--csv",
            choices=CSV_TABLES,
            metavar="TABLE",
            help=f"print one table as CSV: {', '.join(CSV_TABLES)}",
        )
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the output to FILE atomically; .html, .md, .json, .csv and .svg say what it is",
    )
    output.add_argument(
        "-q",
        "--quiet",
        action="count",
        default=0,
        help=f"no text report{', no progress bar' if whole else ''} and no notes: only errors and "
        "failed expectations",
    )
    output.add_argument(
        "--anonymize",
        action="store_true",
        help="mask clients (/24 and /48), values of queries, e-mails, tokens and lines of the log",
    )
    parser.setting(
        "--output-tz",
        type=zone,
        default=UTC,
        group=output,
        metavar="TZ",
        help="time zone of the text report, such as Europe/Berlin or local (default: UTC); JSON "
        "and CSV are always in UTC",
    )
    configure_terminal(parser, output, progress=whole)
    checks = groups["gates"]
    checks.add_argument(
        "--junit", metavar="FILE", help="write the verdict on the expectations to FILE as JUnit XML"
    )
    checks.add_argument(
        "--github",
        action="store_true",
        help="print failed expectations and findings as annotations of a GitHub workflow",
    )
    checks.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="EXPR",
        help="exit 1 unless EXPR is true, such as 'response_time_ms.p99<=300', "
        """'routes["POST /pay"].p95_ms<300ms' or 'errors.ratio<1%% in every 5m'; repeatable""",
    )
    checks.add_argument(
        "--allow-empty",
        action="store_true",
        help="expectations may hold where no record was read or selected: counts are then 0",
    )
    checks.add_argument(
        "--max-malformed",
        type=share_or_count,
        default=None,
        metavar="LIMIT",
        help="exit 1 if more lines than this are malformed: a count, or a share such as 1%%",
    )


def configure_analysis(
    parser: Parser,
    *more: type,
    without: Collection[str] = (),
    only: Collection[str] | None = None,
) -> dict[str, argparse._ArgumentGroup]:
    """Add the library's options of an analysis but those named in `without`, or those named in
    `only`; the groups of the help text, by heading."""
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    for name, default, flag in flags(TimeRange, *more, Options, Presentation):
        if name not in without and (only is None or name in only):
            add_flag(parser, groups[flag.group], name, default, flag)
    return groups


def configure_terminal(
    parser: Parser, group: argparse._ArgumentGroup, *, progress: bool = True
) -> None:
    """Add how the terminal is used; `progress`: whether the command has a progress bar."""
    from logan.cli.terminal import COLOR_CHOICES

    parser.setting(
        "--color",
        type=one_of(*COLOR_CHOICES),
        default="auto",
        group=group,
        metavar="WHEN",
        help=f"{', '.join(COLOR_CHOICES)}; auto follows the terminal and NO_COLOR",
    )
    if not progress:
        return
    parser.setting(
        "--no-progress",
        type=switch,
        default=False,
        group=group,
        action="store_const",
        const=True,
        help="no progress bar",
    )


GROUPS: Final = ("filtering", "grouping", "output", "gates", "formats and time", "tuning")
"""Headings of the help text, in their order; `Flag.group` is one of them."""


def add_flag(
    parser: Parser, group: argparse._ArgumentGroup, name: str, default: Any, flag: Flag
) -> None:
    """Add an option of the library to a command."""
    parse = getattr(option_types, flag.parse)
    if flag.environment:
        parser.setting(
            flag.name,
            type=parse,
            default=default,
            group=group,
            dest=name,
            metavar=flag.metavar,
            help=flag.help,
        )
    elif flag.negates:
        group.add_argument(flag.name, dest=name, action="store_false", help=flag.help)
    elif flag.switches:
        group.add_argument(flag.name, dest=name, action="store_true", help=flag.help)
    elif flag.repeatable:
        group.add_argument(
            flag.name,
            dest=name,
            action="append",
            default=list(default),
            metavar=flag.metavar,
            help=flag.help,
        )
    else:
        group.add_argument(
            flag.name,
            dest=name,
            type=parse,
            default=default,
            choices=flag.choices or None,
            metavar=flag.metavar,
            help=flag.help,
        )


def output_of(args: argparse.Namespace) -> tuple[str, str]:
    """The name of the output in `OUTPUTS`, and which table it prints if it prints one."""
    if args.csv:
        return "csv", args.csv
    ending = os.path.splitext(args.output or "")[1].lower()
    return args.output_format or ENDINGS.get(ending, "text"), "series"


def series_points_of(args: argparse.Namespace) -> int | None:
    """Most points of the series in the report: all if they are what is printed."""
    # Windows of time are made of the steps that the engine kept, not of coarser ones.
    has_windows = any(" every " in text for text in args.expect)
    return None if has_windows or output_of(args) == ("csv", "series") else SERIES_POINTS_MAX


_PAGE_ROWS: Final = 100
"""Rows of the tables of a page, which can be sorted and filtered."""


def adjust_to_output(args: argparse.Namespace) -> None:
    """Options that depend on where the report goes, unless they were given: a page, or a high
    terminal, has room for more rows."""
    from logan.cli.terminal import lines_of_stdout

    output = output_of(args)[0]
    if "top" in args.given:
        pass
    elif output == "html":
        args.top = _PAGE_ROWS
    elif output == "text" and args.output in (None, "-"):
        args.top = max(args.top, min(_PAGE_ROWS, (lines_of_stdout() or 0) // 3))
    if output in ("html", "markdown") and args.user_agents is None:
        args.user_agents = "families"
    if args.quiet:
        args.no_progress = True


def expectations_of(args: argparse.Namespace) -> list[Expectation]:
    """What the report must fulfill; `args.rows` are then the rows that it must keep for that.

    Raises `ExpectationError`.
    """
    args.rows = ()
    if not args.expect:
        return []  # and nothing loaded for it
    from logan.report.expectation_parser import parse_expectation

    expectations = [parse_expectation(text) for text in args.expect]
    args.rows = tuple(dict.fromkeys(filter(None, (each.row_reference for each in expectations))))
    return expectations


def options_of(args: argparse.Namespace) -> Options:
    """The options that change results, as far as the command has them."""
    import time

    from logan.planning import timerange

    return timerange.options(now_ns=time.time_ns(), **chosen(vars(args), Options, TimeRange))
