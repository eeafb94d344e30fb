"""`logan lines`: the lines of the records that a condition selects."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.record_options import configure_records, open_records, say_what_is_wrong
from logan.errors import UsageError

if TYPE_CHECKING:
    from logan._logan import Cancel
    from logan.cli.line_groups import LineGroup
    from logan.cli.main import Parser
    from logan.record_stream import Records, Stats

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan lines access.log --where 'status>=500' --since 10:15 --until 10:20
  logan lines 'logs/*.log' --where 'level>=ERROR' -n -20
  logan lines app.log:48213 -C 3
  logan lines app.log --malformed --json | jq .reason

A record is printed as it is in the log, with the lines that continue it. Several logs are merged
by time, each in its own order, and each line is printed after the name of its log. PATH:OFFSET is
the record at that byte of a log, as --offsets prints it and as a report has it. Malformed lines
have no fields, so --where and --since say nothing of them.

exit codes: 0 lines were found, 1 none were found, 2 usage, 3 an input is unreadable in part (the
rest is printed), 4 internal error, 130 and 143 interrupted, 141 the reader of the output has gone
"""

_LEAST: Final = ("time", "offset", "raw")
_SHOWN: Final = ("level", "status")
_TOLD: Final = ("line", "level", "status", "message")


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    configure_records(parser)
    add = parser.add_argument
    add("-n", "--max-count", type=int, metavar="N", help="the first N records; -n -N: the last N")
    add("-C", "--context", type=_count, metavar="N", help="N lines around each record")
    add("-B", "--before-context", type=_count, metavar="N", help="N lines before each record")
    add("-A", "--after-context", type=_count, metavar="N", help="N lines after each record")
    add("--offsets", action="store_true", help="print PATH:OFFSET before each line")
    add(
        "--filename",
        action=argparse.BooleanOptionalAction,
        help="print the name of its log before each line, or not (default: of several)",
    )
    add("--malformed", action="store_true", help="malformed lines instead of records")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="one JSON object a record")
    what.add_argument("--count", action="store_true", help="print only how many records there are")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines, such as 3")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Print the lines, and say what could not be read."""
    from logan.atomic import replacing
    from logan.cli.signals import Signals
    from logan.cli.terminal import check_output, say, writing_to_stdout

    places = _places(args)
    to_stdout = args.output in (None, "-")
    check_output(args.output, args.paths)
    cancels: list[Cancel] = []  # one for each scan: the end of one is not that of the others

    def stop() -> None:
        for each in cancels:
            each.set()

    with Signals().handled(stop) as signals, ExitStack() as stack:
        work = _Work(args, places, cancels)
        stack.callback(work.records.close)
        if to_stdout:
            sys.stdout.flush()
            stack.enter_context(writing_to_stdout())
            fd = sys.stdout.fileno()
        else:
            fd = stack.enter_context(replacing(args.output))
        found = work.print_to(fd)
        if signals.signum is not None:
            if not to_stdout:
                raise KeyboardInterrupt  # leaves the file as it was
            say("interrupted: there may be more lines")
            return exit_of_signal(signals.signum)
    if say_what_is_wrong(work.stats()):
        return Exit.INPUT
    return Exit.OK if found else Exit.EXPECTATION_FAILED


def _places(args: argparse.Namespace) -> dict[str, list[int]]:
    """By path, the offsets that stand behind it; `args.paths` are without them afterwards."""
    places: dict[str, list[int]] = {}
    paths: list[str] = []
    for path in args.paths:
        found = re.fullmatch(r"(.+):(\d+)", path, re.DOTALL)
        # A server's port is no offset.
        if found is None or os.path.exists(path) or re.fullmatch(r"\w+://[^/]*", path):
            paths.append(path)
            continue
        places.setdefault(found[1], []).append(int(found[2]))
        paths.append(found[1])
    both = [path for path in places if paths.count(path) > len(places[path])]
    if both:
        raise UsageError(
            f"{both[0]} is given with an offset and without one",
            hint="give it once: alone for all of it, or as PATH:OFFSET for one place",
        )
    args.paths = list(dict.fromkeys(paths))
    return places


class _Work:
    """What is to be read, and how it is printed."""

    def __init__(
        self, args: argparse.Namespace, places: dict[str, list[int]], cancels: list[Cancel]
    ) -> None:
        from logan.cli.terminal import is_terminal, wants_color

        self._args, self._places, self._cancels = args, places, cancels
        around = args.context or 0
        self._before = around if args.before_context is None else args.before_context
        self._after = around if args.after_context is None else args.after_context
        to_stdout = args.output in (None, "-")
        self._color = (
            wants_color(args.color, sys.stdout) if to_stdout else args.color == "always"
        ) and not args.json
        self._escaped = to_stdout and is_terminal(sys.stdout)
        more: tuple[str, ...] = _TOLD if args.json else _SHOWN if self._color else ()
        if places:
            more = tuple(each for each in more if each != "line")
        self._more = [*more]
        self.records: Records = open_records(
            args,
            columns=[*_LEAST, *self._more],
            malformed=args.malformed or bool(places),
            continuation=not args.malformed and (self._picks() or not args.count),
        )
        if args.malformed and args.json:
            self._more.append("reason")
        self._sources = self.records.sources()
        several = len(self._sources) > 1
        self._names = several if args.filename is None else args.filename
        self._read: list[Records] = []

    def print_to(self, fd: int) -> int:
        """Write what was asked for; how many records there are."""
        if self._is_plain():
            records = self._part(self._sources[0][0], None)
            records.scan(self._cancel()).write("raw", fd)
            return records.stats().rows
        groups = self._limited(self._groups())
        found = 0
        if self._args.count and not self._picks():
            for source, _ in self._sources:
                scan = self._part(source, None).scan(self._cancel())
                found += sum(len(batch) for batch in iter(scan.read, None))
            groups = ()
        with open(fd, "wb", buffering=1 << 16, closefd=False) as out:
            if self._args.count:
                found += sum(1 for _ in groups)
                out.write(b"%d\n" % found)
                return found
            write = self._writer()
            for group in groups:
                out.write(write(group))
                found += 1
        return found

    def stats(self) -> Stats:
        """What was read, and what could not be."""
        from logan.record_stream import Stats

        each = [part.stats() for part in self._read] or [self.records.stats()]
        lines: dict[str, int] = {}
        for one in each:
            for name, count in one.lines.items():
                lines[name] = lines.get(name, 0) + count
        failures = dict.fromkeys(failure for one in each for failure in one.failures)
        return Stats(lines=lines, failures=tuple(failures))

    def _is_plain(self) -> bool:
        """Whether the lines are printed as they are read, all and nothing else."""
        args = self._args
        return (
            len(self._sources) == 1
            and not (args.json or args.count or args.offsets or self._names)
            and not (self._color or self._escaped or self._before or self._after)
            and not self._picks()
        )

    def _picks(self) -> bool:
        """Whether not all that is read is printed."""
        args = self._args
        return bool(args.malformed or self._places) or args.max_count is not None

    def _writer(self) -> Callable[[LineGroup], bytes]:
        from logan.cli.line_output import Look, TextLines, as_json

        if self._args.json:
            return as_json
        return TextLines(
            Look(
                names=self._names,
                offsets=self._args.offsets,
                context=bool(self._before or self._after),
                color=self._color,
                escaped=self._escaped,
            )
        )

    def _part(self, source: int, offsets: list[int] | None) -> Records:
        threads = None if len(self._sources) == 1 else 1
        part = self.records.of_source(source, around=offsets or (), threads=threads)
        self._read.append(part)
        return part

    def _cancel(self) -> Cancel:
        from logan._logan import Cancel

        self._cancels.append(Cancel())
        return self._cancels[-1]

    def _limited(self, groups: Iterator[LineGroup]) -> Iterable[LineGroup]:
        count = self._args.max_count
        if count is None:
            return groups
        return islice(groups, count) if count >= 0 else deque(groups, maxlen=-count)

    def _groups(self) -> Iterator[LineGroup]:
        from logan.cli.line_groups import merged

        streams = [self._of_source(*each) for each in self._sources]
        return streams[0] if len(streams) == 1 else merged(streams)

    def _of_source(self, source: int, path: str) -> Iterator[LineGroup]:
        from logan.cli.line_context import with_context
        from logan.cli.line_groups import at_offsets, groups_of
        from logan.cli.terminal import say
        from logan.sources.inputs import shown_name

        offsets = self._places.get(path)
        scan = self._part(source, offsets).scan(self._cancel())
        batches: Iterator[Any] = iter(scan.read, None)
        name = "(standard input)" if path == "-" else shown_name(path)
        groups = groups_of(batches, name, self._more)
        if offsets is not None:
            found: set[int] = set()
            groups = at_offsets(groups, offsets, found)
        elif self._args.malformed:
            groups = (each for each in groups if each.kind == "malformed")
        if self._places and offsets is None:
            groups = (each for each in groups if each.kind != "malformed")
        if self._before or self._after:
            file = self.records.plain_file(source)
            if file is None:
                raise UsageError(
                    f"{name} has no lines around records: it is compressed, encoded or a stream",
                    hint="leave out -C, -B and -A, or unpack it to a file first",
                )
            groups = with_context(groups, file, self._before, self._after)
        try:
            yield from groups
        finally:
            scan.close()
        if offsets is not None:
            for offset in sorted(set(offsets) - found):
                say(f"{name}:{offset}: no record of the log is there, or it was not asked for")
