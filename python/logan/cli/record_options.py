"""The options of the commands that read records, and what they ask for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from logan.cli.report_options import GROUPS, PATHS_HELP, add_flag, configure_terminal
from logan.options import Execution, Options, Presentation, TimeRange, chosen, flags

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.options import Progress
    from logan.record_stream import Records, Stats

__all__ = ["configure_records", "kind_of", "open_records", "progress_of", "say_what_is_wrong"]

_NOT_OF_RECORDS: Final = ("top", "sort", "by", "chunk_size", "engine", "explain")
"""Options that records have no use for."""


def configure_records(parser: Parser) -> None:
    """Add the inputs, and what every command has that reads records."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS_HELP)
    groups = {name: parser.add_argument_group(name) for name in GROUPS if name != "gates"}
    for name, default, flag in flags(TimeRange, Execution, Options, Presentation):
        if name not in _NOT_OF_RECORDS:
            add_flag(parser, groups[flag.group], name, default, flag)
    output = groups["output"]
    output.add_argument("-o", "--output", metavar="FILE", help="write to FILE atomically")
    configure_terminal(parser, output)


def open_records(args: argparse.Namespace, **more: Any) -> Records:
    """The records that the arguments ask for; what cannot be read is left for `Records.stats`,
    unless that is all."""
    from logan.api import records
    from logan.cli.terminal import say

    if "-" in args.paths and sys.stdin is not None and sys.stdin.isatty():
        say("reading standard input; press Ctrl-D to end it")
    given = chosen(vars(args), Options, TimeRange, Presentation)
    given |= {"threads": args.threads, "errors": "report"}
    opened = records(args.paths, **(given | more))
    opened.raise_if_nothing()
    return opened


def kind_of(
    path: str | None, asked: str | None, kinds: Mapping[str, tuple[str, ...]]
) -> str | None:
    """What to write to `path`: what was asked for, else what its suffix says; None if neither.

    `kinds` has the suffixes of each.
    """
    if asked is not None or path is None:
        return asked
    lower = path.lower()
    return next((kind for kind, suffixes in kinds.items() if lower.endswith(tuple(suffixes))), None)


@contextmanager
def progress_of(args: argparse.Namespace) -> Iterator[Progress | None]:
    """The progress bar, if one is to be shown."""
    from logan.cli.progress import ProgressBar
    from logan.cli.terminal import is_terminal, wants_color

    if args.no_progress or not is_terminal(sys.stderr):
        yield None
        return
    with ProgressBar(color=wants_color(args.color, sys.stderr)) as bar:
        yield bar.update


def say_what_is_wrong(stats: Stats) -> bool:
    """Say what is not among the records; whether inputs were not read, or none of their lines."""
    from logan.cli.terminal import say
    from logan.report.labels import plural

    said = set()
    for failure in stats.failures:
        if failure.why not in said:
            said.add(failure.why)
            say(failure.why)
            if failure.hint:
                say(failure.hint, prefix="  hint: ")
    for column, count in stats.misfits.items():
        say(f"{column}: {plural(count, 'value')} of another type left out (null)")
    lines = stats.lines
    malformed, total = lines.get("malformed", 0), lines.get("total", 0)
    read = lines.get("parsed", 0) + lines.get("filtered", 0)
    if 2 * malformed > total:
        say(f"{malformed:,} of {total:,} lines are malformed")
        say("logan detect FILE shows them, and a format that reads them", prefix="  hint: ")
    return bool(stats.failures) or (malformed > 0 and not read)
