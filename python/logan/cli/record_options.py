"""The options of the commands that read records, and what they ask for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit
from logan.cli.report_options import GROUPS, PATHS_HELP, add_flag, configure_terminal
from logan.errors import UsageError
from logan.options import Execution, Options, Presentation, TimeRange, chosen, flags

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.cli.signals import Signals
    from logan.options import Progress
    from logan.record_stream import Records, Stats

__all__ = [
    "Reading",
    "configure_kinds",
    "configure_records",
    "exit_after",
    "kind_of_output",
    "open_records",
    "reading",
    "say_what_is_wrong",
]

_OF_REPORTS: Final = ("step", "user_agents", "geoip")
_NOT_OF_RECORDS: Final = ("top", "sort", "by", "chunk_size", "engine", "explain", *_OF_REPORTS)
"""Options that records have no use for."""


def configure_records(parser: Parser) -> None:
    """Add the inputs, and what every command has that reads records."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS_HELP)
    groups = {name: parser.add_argument_group(name) for name in GROUPS if name != "gates"}
    for name, default, flag in flags(TimeRange, Execution, Options, Presentation):
        if name not in _NOT_OF_RECORDS:
            add_flag(parser, groups[flag.group], name, default, flag)
    output = groups["output"]
    output.add_argument(
        *("-o", "--output"),
        metavar="FILE",
        help="write to FILE, which is replaced when all is written",
    )
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


def configure_kinds(
    parser: Parser, kinds: Mapping[str, tuple[str, ...]], *, columns: str, otherwise: str = ""
) -> None:
    """Add which columns are read, and as what the output is written."""
    parser.add_argument("--columns", metavar="NAMES", help=columns)
    parser.add_argument(
        "--output-format",
        choices=tuple(kinds),
        metavar="NAME",
        help=f"{', '.join(kinds)} (default: by the suffix of the file{otherwise})",
    )


def kind_of_output(
    args: argparse.Namespace,
    kinds: Mapping[str, tuple[str, ...]],
    *,
    of_stdout: str | None = None,
    binary: tuple[str, ...] = (),
) -> str:
    """What to write to the output: what was asked for, else what its suffix says.

    `kinds` has the suffixes of each, `of_stdout` is what standard output gets unless it was asked
    for, `binary` are those that a terminal cannot show. Raises `UsageError` if nothing says it, and
    as `check_output` does.
    """
    from logan.cli.terminal import check_output

    path: str | None = args.output
    to_stdout = path in (None, "-")
    kind: str | None = args.output_format
    if kind is None and to_stdout:
        kind = of_stdout
    elif kind is None and path is not None:
        lower = path.lower()
        kind = next((each for each, ends in kinds.items() if lower.endswith(ends)), None)
    if kind is None:
        suffixes = ", ".join(each[0] for each in kinds.values())
        hint = f"give --output-format {'|'.join(kinds)}"
        raise UsageError(
            "standard output has no suffix that names the kind of file to write"
            if to_stdout
            else f"{path}: its suffix names no known kind of file",
            hint=hint if to_stdout else f"end its name in {suffixes}, or {hint}",
        )
    if kind in binary and to_stdout and sys.stdout.isatty():
        raise UsageError(f"{kind} is not for a terminal", hint="redirect it: > FILE, or -o FILE")
    check_output(path, args.paths)
    return kind


class Reading:
    """What a command that reads records works with.

    Attributes:
        signals: which signal came, if one did.
        progress: shows how far the work is, where that is wanted.
    """

    def __init__(
        self,
        args: argparse.Namespace,
        stack: ExitStack,
        signals: Signals,
        progress: Progress | None,
    ) -> None:
        self._args, self._stack = args, stack
        self.signals, self.progress = signals, progress

    def open(self, **options: Any) -> Records:
        """The records that the arguments ask for; they are closed at the end of the block."""
        records = open_records(self._args, **options)
        self._stack.callback(records.close)
        return records


@contextmanager
def reading(args: argparse.Namespace, stop: Callable[[], object]) -> Iterator[Reading]:
    """Signals call `stop` in the block, and progress is shown."""
    from logan.cli.signals import Signals

    with ExitStack() as stack:
        signals = stack.enter_context(Signals().handled(stop))
        progress = stack.enter_context(_progress_of(args))
        yield Reading(args, stack, signals, progress)


def exit_after(stats: Stats) -> Exit:
    """Say what is not among the records, and the exit code for it."""
    return Exit.INPUT if say_what_is_wrong(stats) else Exit.OK


@contextmanager
def _progress_of(args: argparse.Namespace) -> Iterator[Progress | None]:
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
