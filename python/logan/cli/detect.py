"""`logan detect`: which formats a log has, and why logan thinks so."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from logan.cli.exit_codes import Exit
from logan.cli.report_options import PATHS_HELP

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.model import Detection, FormatShare

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "Show detected formats, time and duration fields, and assumptions."
EPILOG = """\
logan reads a sample: the start of the file and eight places further in; of a compressed file the
start, of an archive the starts of its first logs.
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS_HELP)
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args: argparse.Namespace) -> int:
    """Describe each input; one that cannot be read does not spoil the others."""
    from logan.cli.terminal import check_output, say, write_stdout
    from logan.report.json import dumps
    from logan.report.labels import input_name
    from logan.sources.inputs import open_inputs, shown_name

    check_output(None, args.paths)
    code = Exit.OK
    found: dict[str, Detection] = {}
    for entry in open_inputs(args.paths):
        name = shown_name(entry.path)
        if entry.stream is not None:
            entry.stream.close()
        if entry.error is not None:
            say(f"{entry.error}; {entry.error.hint}" if entry.error.hint else str(entry.error))
            code = Exit.INPUT
            continue
        for note in entry.notes:
            say(f"{input_name(name)}: {note}")
        if entry.detection is not None:
            found[name] = entry.detection
    if args.json:
        described: Any = [{"path": path, **asdict(each)} for path, each in found.items()]
        write_stdout(dumps(described) + "\n", encoding="utf-8")
    elif found:
        write_stdout("\n\n".join("\n".join(_lines(*item)) for item in found.items()) + "\n")
    return code


def _lines(path: str, found: Detection) -> Iterator[str]:
    from logan.report.labels import input_name, plural
    from logan.report.units import percent, visible

    name = visible(input_name(path))
    packed = f", {found.compression}" if found.compression is not None else ""
    if not found.lines:
        empty = "no log lines in the sample" if packed else "empty, nothing to detect"
        yield f"{name}: {empty}{packed}"
        return
    yield f"{name}: {plural(found.lines, 'line')} sampled, {found.encoding}{packed}"
    for each in found.formats:
        yield f"  {visible(each.name)}  {percent(each.share)}, {plural(each.lines, 'line')}"
        for label, fact in _facts(each):
            yield f"    {label:15}{visible(fact)}"
    others = {
        "malformed": found.malformed,
        "blank": found.blank,
        "continuation": found.continuation,
        "header": found.header,
    }
    if not found.formats and found.blank < found.lines:
        yield "  no known format; see: logan formats"
    if any(others.values()):
        yield "  other lines: " + ", ".join(f"{n:,} {name}" for name, n in others.items() if n)
    for assumption in found.assumed:
        yield f"  assumed: {visible(assumption)}"


def _facts(found: FormatShare) -> Iterator[tuple[str, str]]:
    """What is known of a format, by label: the field first, then what it lacks or is in."""
    from logan.report.labels import unit, zone

    described = asdict(found)
    if found.time_field:
        yield "time", "; ".join(filter(None, (found.time_field, zone(described))))
    if found.duration_field:
        yield "response time", ", ".join(filter(None, (found.duration_field, unit(described))))
    if found.payload:
        yield (
            "inner formats",
            ", ".join(f"{each['name']} ({each['lines']:,})" for each in found.payload),
        )
    if found.example:
        yield "example", found.example
