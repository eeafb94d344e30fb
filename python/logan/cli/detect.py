"""`logan detect`: how a log is read, what can be asked of it, and what nothing reads."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit
from logan.cli.report_options import PATHS_HELP

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.model import Detection, FieldShare, FormatShare, Unread
    from logan.report import RenderOptions

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
logan reads a sample: the start of the file and eight places further in; of a compressed file the
start, of an archive the starts of its first logs. Shares and counts are those of the sample.

Fields have the names that --where and --by of `logan analyze` accept. A format that is proposed for
lines that nothing reads was tried on them.

--json prints a list, one object for each input: path, encoding, compression, counts of lines,
formats, assumed; fields [{name, type, records, share, distinct, examples, read_as, unit, evidence,
where, by}]; unread, null or {lines, reasons, first_lines, format, format_reads, format_tried,
format_fields}, where format is the proposed one or null.

exit codes: 0 ok, 2 usage, 3 an input is unreadable, or no line of it was read
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help=PATHS_HELP)
    parser.add_argument("--json", action="store_true", help="print as JSON")


def run(args: argparse.Namespace) -> int:
    """Describe each input; one that cannot be read does not spoil the others."""
    from logan.cli.terminal import check_output, options_of_stdout, say, write_stdout
    from logan.planning.survey import survey
    from logan.report.json import dumps
    from logan.report.labels import input_name
    from logan.sources.inputs import open_inputs, shown_name

    check_output(None, args.paths)
    code = Exit.OK
    found: dict[str, Detection] = {}
    for entry in open_inputs(args.paths, examine=survey):
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
            if _is_unread(entry.detection):
                code = Exit.INPUT
    if args.json:
        described = [{"path": path, **_as_json(each)} for path, each in found.items()]
        write_stdout(dumps(described) + "\n", encoding="utf-8")
    elif found:
        options = options_of_stdout("never")
        write_stdout(
            "\n\n".join("\n".join(_lines(*item, options)) for item in found.items()) + "\n"
        )
    return code


def _as_json(found: Detection) -> dict[str, Any]:
    data = asdict(found)
    # For jobs: `fields` says more of the first, `assumed` of the others.
    for name in ("fields_present", "time", "time_zone", "anchor_ns", "date_choices", "tables"):
        del data[name]
    return data


def _is_unread(found: Detection) -> bool:
    """Whether there is something to read, and nothing was."""
    return not found.formats and bool(found.malformed or found.continuation)


def _lines(path: str, found: Detection, options: RenderOptions) -> Iterator[str]:
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
            yield _cut(f"    {label:15}{visible(fact)}", options)
    others = {"blank": found.blank, "continuation": found.continuation, "header": found.header}
    if any(others.values()):
        yield "  other lines: " + ", ".join(f"{n:,} {name}" for name, n in others.items() if n)
    for assumption in found.assumed:
        yield f"  assumed: {visible(assumption)}"
    if found.fields:
        yield ""
        yield from _table(found.fields, options)
    if found.unread is not None:
        if found.formats:
            yield ""
        yield from _unread(found.unread, options, alone=not found.formats)


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


_NAME_WIDTH_MAX: Final = 28
"""Width of field names in the table: longer ones push the other columns to the right."""


def _table(fields: Sequence[FieldShare], options: RenderOptions) -> Iterator[str]:
    """The fields, by the names that conditions and group tables take."""
    from logan.report.units import NONE, count, percent, visible

    unasked = [visible(each.name) for each in fields if not each.where]
    fields = [each for each in fields if each.where]
    names = [visible(each.name) for each in fields]
    width = min(_NAME_WIDTH_MAX, max(5, *map(len, names)))
    types = max(4, *(len(each.type) for each in fields))
    yield f"  {'field':{width}}  {'type':{types}}  {'share':>7}  {'values':>6}  examples"
    for name, each in zip(names, fields, strict=True):
        none = "-" if options.ascii_only else NONE
        values = none if each.distinct is None else count(each.distinct)
        read_as = f"[{each.read_as}] " if "." in each.name and each.read_as else ""
        examples = f"{read_as}{', '.join(map(visible, each.examples))}".strip()
        row = f"  {name:{width}}  {each.type:{types}}  {percent(each.share):>7}  {values:>6}"
        yield _cut(f"{row}  {examples}".rstrip(), options)
    only = [each.name for each in fields if not each.by]
    if only:
        yield f"  --where accepts all of them, --by all but {', '.join(only)}"
        if "time" in only:
            yield "  --by also accepts time:5m, source, origin, two of these, a part of a text"
    if unasked:
        yield _cut(f"  in the text, not to be asked for: {', '.join(unasked)}", options)


def _unread(found: Unread, options: RenderOptions, *, alone: bool) -> Iterator[str]:
    """What nothing reads, why, and a format that does; `alone` if there are no other lines."""
    from logan.report.labels import plural, reason
    from logan.report.units import visible

    reasons = ", ".join(
        reason(name) if n == found.lines else f"{n:,} {reason(name)}"
        for name, n in found.reasons.items()
    )
    yield f"  not read: {plural(found.lines, 'line')}{f' ({reasons})' if reasons else ''}"
    for line in found.first_lines:
        yield _cut(f"    | {visible(line)}", options)
    if found.format is None:
        yield "  no format was found that reads them; to write one: logan formats --help"
        return
    tried = plural(found.format_tried, "such line")
    yield f"  this format reads {found.format_reads:,} of {tried}:"
    import shlex

    # Not cut: it is there to be copied.
    yield f"    --format {shlex.quote(visible(found.format))}"
    no_time = "" if "time" in found.format_fields else ", no timestamps"
    yield f"  it finds {', '.join(found.format_fields)}{no_time}"
    if not alone:
        yield "  it reads such lines only: with it, the others are malformed"


def _cut(line: str, options: RenderOptions) -> str:
    """A line that fits the page; it is meant to be recognized, not copied."""
    if len(line) <= options.width:
        return line
    return line[: options.width - 1].rstrip() + ("~" if options.ascii_only else "…")
