"""The options of every command that ends with a report, and what they ask for.

`configure_report` adds them, `options_of` and `expectations_of` turn them into the library's
objects. Printing the report is `output`'s.
"""

from __future__ import annotations

import argparse
from datetime import UTC
from typing import TYPE_CHECKING

from logan.cli.option_types import (
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
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT, EXPANSION_MAX_DEFAULT, MIB
from logan.plan import CUSTOM, Options
from logan.report import CSV_TABLES

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.report.expectations import Expectation

__all__ = ["PATHS_HELP", "configure_report", "expectations_of", "options_of"]

PATHS_HELP = (
    "log files (also .gz .zst .bz2 .xz .lz4), archives of logs (.tar .tar.gz .zip), folders, "
    "quoted patterns such as 'logs/**/*.gz', URLs (http(s)://, s3://, gs://, az://); "
    "- is standard input"
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
