"""The end of every command that makes a report: say what is wrong, print or write it, judge it.

Knows the parsed arguments of `report_options`; nothing of how the report was made.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.option_types import Limit
from logan.cli.report_options import output_of
from logan.report import RenderOptions, render

if TYPE_CHECKING:
    from logan.report import Report
    from logan.report.expectations import Expectation

__all__ = ["judge", "present", "say_what_is_wrong"]


def present(
    report: Report,
    args: argparse.Namespace,
    expectations: Sequence[Expectation],
    signum: int | None,
    *,
    notes: bool = True,
) -> int:
    """Say what is wrong, print or write the report, judge it; the command's exit code.

    `signum` is the signal that ended the work early, if one did. `notes`: say the inputs' notes,
    too, which a command may have said already.
    """
    from logan.cli.terminal import say

    say_what_is_wrong(report, notes=notes)
    if signum is not None:
        say("interrupted: the report is partial")
    _publish(report, args)
    return judge(report, args, expectations, signum)


def judge(
    report: Report,
    args: argparse.Namespace,
    expectations: Sequence[Expectation],
    signum: int | None = None,
) -> int:
    """Judge a report that was printed or written; the command's exit code."""
    from logan.cli.terminal import say

    failed = _check(expectations, report, args.allow_empty)
    failed |= _has_too_many_malformed(report, args.max_malformed)
    alarms = (report.get("performance") or {}).get("alarms", ())
    for alarm in alarms:
        say(alarm)
    if alarms:
        say("workers disagree: one of them computed wrong results, so the report is not reliable")
    if signum is not None:
        return exit_of_signal(signum)
    if alarms:
        return Exit.INTERNAL
    if report.partial:
        return Exit.INPUT
    return Exit.EXPECTATION_FAILED if failed else Exit.OK


def say_what_is_wrong(report: Report, *, notes: bool = True) -> None:
    """Errors and notes of the inputs; a partial report never goes unnoticed."""
    from logan.cli.terminal import say
    from logan.report.labels import input_name

    for entry in report.inputs:
        if entry.error is not None:
            say_unread(entry) if "unread" in entry else say(entry.error)
        for note in entry.notes if notes else ():
            say(f"{input_name(entry.path)}: {note}")
    selection = report.get("selection")
    lines = report.lines
    if 2 * lines.malformed > lines.total and lines.parsed + lines.filtered:
        _say_most_are_malformed(report)
    if selection and not lines.parsed and (lines.filtered or lines.skipped_bytes):
        _say_nothing_is_selected(selection)


def say_unread(entry: Mapping[str, Any]) -> None:
    """What nothing reads, and what would, on stderr."""
    from logan.cli.terminal import say

    unread = entry["unread"]
    say(f"{entry['error']}; its first lines:")
    for line in unread["first_lines"]:
        say(line, prefix="  | ")
    if unread["hint"]:
        say(unread["hint"], prefix="  hint: ")


def _say_most_are_malformed(report: Report) -> None:
    """The report is of the lesser part of the lines."""
    import shlex

    from logan.cli.terminal import say

    paths = [entry.path for entry in report.inputs if entry.bytes]
    asked = shlex.quote(paths[0]) if len(paths) == 1 and paths[0] != "-" else "FILE"
    lines = report.lines
    say(f"{lines.malformed:,} of {lines.total:,} lines are malformed; see: logan detect {asked}")


def _say_nothing_is_selected(selection: Mapping[str, Any]) -> None:
    from logan.cli.terminal import say

    if not selection.get("where"):
        say("no records in the selected time range")
        hint = (
            "without --since and --until the report shows the time range of the records; "
            "with --relative-to last, 2h counts back from the last of them"
        )
    else:
        timed = any(selection.get(each) is not None for each in ("since", "until"))
        say(f"no records {'in the selected time range ' if timed else ''}match the condition")
        hint = "logan detect FILE lists the fields of its records, with examples"
    say(hint, prefix="  hint: ")


def _publish(report: Report, args: argparse.Namespace) -> None:
    from logan.cli.signals import signals_abort
    from logan.cli.terminal import options_of_file, options_of_stdout, write_file, write_stdout

    output, table = output_of(args)
    to_stdout = args.output in (None, "-")
    if output == "text" and to_stdout and all(entry.error is not None for entry in report.inputs):
        return  # stderr has said all there is to say
    if output == "text":
        options_of = options_of_stdout if to_stdout else options_of_file
        options = options_of(args.color, args.output_tz)
    else:
        options = RenderOptions(table=table)
    text = render(output, report, options)
    with signals_abort():
        if to_stdout:
            write_stdout(text, encoding=None if output == "text" else "utf-8")
        else:
            write_file(args.output, text)


def _check(expectations: Sequence[Expectation], report: Report, allow_empty: bool) -> bool:
    """Say how each expectation fared; whether one failed."""
    from logan.cli.terminal import say

    verdicts = [each.check(report, allow_empty=allow_empty) for each in expectations]
    for verdict in verdicts:
        say(str(verdict), prefix="  ok    " if verdict.ok else "  FAIL  ")
    failed = sum(not verdict.ok for verdict in verdicts)
    if failed:
        say(f"{failed} of {len(verdicts)} expectations failed")
    return failed > 0


def _has_too_many_malformed(report: Report, limit: Limit | None) -> bool:
    """Whether more lines are malformed than allowed, and say so."""
    from logan.cli.terminal import say

    malformed, total = report.lines.malformed, report.lines.total
    if limit is None or malformed <= limit.lines(total):
        return False
    share = malformed / total
    say(f"{malformed:,} of {total:,} lines are malformed ({share:.2%}), more than {limit.text}")
    say("see: logan analyze --json, key malformed; or --format NAME", prefix="  hint: ")
    return True
