"""`logan formats`: the formats that logan knows, in the order in which they are tried."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from logan.cli.exits import Exit

if TYPE_CHECKING:
    from logan.cli.shell import Parser

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "List the log formats that logan knows, each with an example."
EPILOG = "Formats are detected from content; `logan analyze --format NAME` insists on one."


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the registry of the native extension."""
    from logan import _logan
    from logan.cli.terminal import write_stdout
    from logan.report.json import dumps
    from logan.report.units import visible
    from logan.report.words import unit

    formats = json.loads(_logan.formats())
    if args.json:
        write_stdout(dumps(formats) + "\n", encoding="utf-8")
        return Exit.OK
    width = max(len(each["name"]) for each in formats)
    lines = []
    for each in formats:
        lines.append(f"{each['name']:{width}}  {each['title']}")
        lines.append(f"{'':{width}}  such as: {visible(each['example'])}")
        if each.get("duration_field"):
            facts = ", ".join(filter(None, (each["duration_field"], unit(each))))
            lines.append(f"{'':{width}}  response time: {facts}")
    write_stdout("\n".join(lines) + "\n")
    return Exit.OK
