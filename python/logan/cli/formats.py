"""`logan formats`: the formats that logan knows, in the order in which they are tried."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from logan.cli.exit_codes import Exit

if TYPE_CHECKING:
    from logan.cli.main import Parser

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
Formats are detected from content; `logan analyze --format NAME` insists on one, by any of its names
(`--format nginx`). FORMAT can also be
the text of nginx's log_format or Apache's LogFormat, or a regular expression with the groups time,
level, status, duration (or duration_s, _ms, _us, _ns), method, path, request, client, bytes,
message, host. Name custom formats in the configuration file (LOGAN_CONFIG, else
logan/config.toml in XDG_CONFIG_HOME or ~/.config):

  [formats]
  shop = '$remote_addr [$time_local] "$request" $status $request_time'
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="show this format only, by any of its names"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the registry of the native extension."""
    from logan import _logan
    from logan.cli.config import check_format, load
    from logan.cli.terminal import write_stdout
    from logan.planning.format_names import aliases_of, check_name, resolved
    from logan.planning.spec import is_format_name
    from logan.report.json import dumps
    from logan.report.labels import unit
    from logan.report.units import visible

    formats = json.loads(_logan.formats())
    config = load()
    for name, text in config.formats.items():
        check_format(name, text)
        told = json.loads(_logan.custom_format(text)) if not is_format_name(text) else {}
        fields = {key: told.get(key) for key in ("time_field", "duration_field", "duration_unit")}
        fields |= {"is_general": False, "depends_on_earlier_lines": False, "also_taken_by": []}
        formats.append(
            {"name": name, "title": f"custom, from {config.path}", "example": text, **fields}
        )
    for each in formats:
        # A configured format comes before another name of one that logan knows.
        each["aliases"] = [name for name in aliases_of(each["name"]) if name not in config.formats]
    if args.name is not None:
        wanted = args.name if args.name in config.formats else resolved(args.name)
        if wanted not in config.formats:
            check_name(args.name)
        formats = [each for each in formats if each["name"] == wanted]
    if args.json:
        write_stdout(dumps(formats) + "\n", encoding="utf-8")
        return Exit.OK
    width = max(len(each["name"]) for each in formats)
    lines = []
    for each in formats:
        lines.append(f"{each['name']:{width}}  {each['title']}")
        label = "example" if each["name"] not in config.formats else "format"
        lines.append(f"{'':{width}}  {label}: {visible(' '.join(each['example'].split()))}")
        if each["aliases"]:
            lines.append(f"{'':{width}}  also called: {', '.join(each['aliases'])}")
        if each.get("duration_field"):
            facts = ", ".join(filter(None, (each["duration_field"], unit(each))))
            lines.append(f"{'':{width}}  response time: {facts}")
    write_stdout("\n".join(lines) + "\n")
    return Exit.OK
