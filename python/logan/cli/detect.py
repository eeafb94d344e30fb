"""`logan detect`: which formats a log has, and why logan thinks so."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from logan.cli.exits import Exit

if TYPE_CHECKING:
    from logan.cli.shell import Parser
    from logan.model import Detection

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "Say which formats a log has, which fields are its times, and what is assumed."
EPILOG = "A sample is read: the head of the file and eight places further in."


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="log files; - is standard input")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Describe each input; one that cannot be read does not spoil the others."""
    from logan.api import detect
    from logan.cli.terminal import say, write_stdout
    from logan.errors import InputError
    from logan.report.json import dumps
    from logan.sources import readable_name

    code = Exit.OK
    found: dict[str, Detection] = {}
    for path in args.paths:
        try:
            found[readable_name(path)] = detect(path)
        except InputError as error:
            say(f"{error}; {error.hint}" if error.hint else str(error))
            code = Exit.INPUT
    if args.json:
        described: Any = [{"path": path, **asdict(each)} for path, each in found.items()]
        write_stdout(dumps(described) + "\n", encoding="utf-8")
    elif found:
        write_stdout("\n\n".join("\n".join(_lines(*item)) for item in found.items()) + "\n")
    return code


def _lines(path: str, found: Detection) -> Iterator[str]:
    from logan.report.units import count, percent, visible

    yield f"{visible(path)}: {count(found.lines)} lines of it looked at, {found.encoding}"
    if not found.lines:
        yield "  empty: nothing to detect"
        return
    width = max((len(each.name) for each in found.formats), default=0)
    for each in found.formats:
        facts = [f"{each.name:{width}}  {percent(each.share)} ({count(each.lines)} lines)"]
        if each.time_field:
            facts.append(f"time: {each.time_field}{_bracketed(each.timezone)}")
        if each.duration_field:
            facts.append(f"duration: {each.duration_field}{_bracketed(each.duration_unit)}")
        yield f"  {visible('; '.join(facts))}"
        if each.example:
            yield f"  {'':{width}}  such as: {visible(each.example)}"
    if not found.formats:
        yield "  no known format; see: logan formats"
    others = {
        "malformed": found.malformed,
        "blank": found.blank,
        "continuation": found.continuation,
        "header": found.header,
    }
    if any(others.values()):
        yield "  other lines: " + ", ".join(f"{count(n)} {name}" for name, n in others.items() if n)
    for assumption in found.assumed:
        yield f"  assumed: {visible(assumption)}"


def _bracketed(text: str | None) -> str:
    return f" ({text})" if text else ""
