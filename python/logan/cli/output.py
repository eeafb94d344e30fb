"""The end of every command that makes a report: say what is wrong, print or write it, judge it.

Knows the parsed arguments of `report_options`; nothing of how the report was made.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.option_types import Limit
from logan.cli.report_options import output_of
from logan.errors import UsageError
from logan.report import RenderOptions, render

if TYPE_CHECKING:
    from logan.report import Report
    from logan.report.expectations import Expectation

__all__ = ["check_outputs", "completed", "judge", "present", "say_what_is_wrong", "write_junit"]


def present(
    report: Report,
    args: argparse.Namespace,
    expectations: Sequence[Expectation],
    signum: int | None,
    *,
    notes: bool = True,
) -> int:
    """Say what is wrong, print or write the report, judge it; the command's exit code.

    `signum` is the signal that ended the work early, if one did. Without `notes` only errors are
    said of the inputs.
    """
    from logan.cli.terminal import say

    report = completed(report, args, expectations)
    say_what_is_wrong(report, quiet=bool(args.quiet), notes=notes)
    if signum is not None:
        say("interrupted: the report is partial")
    _publish(report, args)
    return judge(report, args, signum)


def judge(report: Report, args: argparse.Namespace, signum: int | None = None) -> int:
    """Say how a report that was printed or written is judged; the command's exit code."""
    from logan.cli.terminal import say

    failed = _say_verdicts(report, quiet=bool(args.quiet))
    if args.github:
        from logan.report.verdicts import github_annotations

        for line in github_annotations(report):
            say(line, prefix="")
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


def check_outputs(args: argparse.Namespace, inputs: Sequence[str]) -> None:
    """Whether everything can be written when the work is done, before anything is read.

    Raises `UsageError`, `OutputError`.
    """
    from logan.cli.terminal import check_output, say

    check_output(args.output, inputs)
    if args.junit is not None:
        others = [each for each in (args.output, getattr(args, "save", None)) if each is not None]
        if args.junit == "-" or any(_same_place(args.junit, each) for each in others):
            raise UsageError("--junit needs a file of its own", hint="such as: --junit logan.xml")
        check_output(args.junit, inputs, flag="--junit")
    if args.anonymize and getattr(args, "save", None) is not None:
        say(f"{args.save} will not be anonymized: a saved summary keeps clients, routes and lines")


def _same_place(one: str, other: str) -> bool:
    """Whether two names are of one regular file, or of one that does not exist yet."""
    path = os.path.realpath(one)
    return path == os.path.realpath(other) and (os.path.isfile(path) or not os.path.exists(path))


def say_what_is_wrong(report: Report, *, quiet: bool = False, notes: bool = True) -> None:
    """Errors of the inputs and, unless `quiet`, `notes`; a partial report never goes unnoticed."""
    from logan.cli.terminal import say
    from logan.report.labels import input_name

    for entry in report.inputs:
        if entry.error is not None:
            say_unread(entry) if "unread" in entry else say(entry.error)
        for note in entry.notes if notes and not quiet else ():
            say(f"{input_name(entry.path)}: {note}")
    if quiet:
        return
    selection = report.get("selection")
    lines = report.lines
    if 2 * lines.malformed > lines.total and lines.parsed + lines.filtered:
        _say_most_are_malformed(report)
    if selection and not lines.parsed and (lines.filtered or lines.skipped_bytes):
        _say_nothing_is_selected(report, selection)


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


def _say_nothing_is_selected(report: Report, selection: Mapping[str, Any]) -> None:
    from logan.cli.terminal import say

    if not selection.get("where"):
        say("no records in the selected time range")
        untimed = report.time.get("untimed_filtered", 0)
        if untimed and untimed == report.lines.filtered:
            say("none of the records has a timestamp that can be used", prefix="  hint: ")
            return
        hint = (
            "what names no time zone is in --input-tz (default: UTC); "
            "without --since and --until the report shows the time range of the records; "
            "with --relative-to last, 2h counts back from the last of them"
        )
    else:
        timed = any(selection.get(each) is not None for each in ("since", "until"))
        say(f"no records {'in the selected time range ' if timed else ''}match the condition")
        hint = "logan detect FILE lists the fields of its records, with examples"
    say(hint, prefix="  hint: ")


def completed(
    report: Report, args: argparse.Namespace, expectations: Sequence[Expectation]
) -> Report:
    """The report with the verdict on the expectations and, for pages, the command that made it;
    anonymized if that was asked for."""
    verdicts = [each.check(report, allow_empty=args.allow_empty) for each in expectations]
    data = report.to_dict()
    if verdicts:
        from logan.report.verdicts import entries

        data["expectations"] = entries(verdicts)
    if output_of(args)[0] in _WITH_COMMAND:
        data["command"] = _command(args.argv)
    if args.anonymize:
        from logan.report.anonymize import anonymized

        data = anonymized(data)
    performance = data.pop("performance")
    return type(report)({**data, "performance": performance})


_WITH_COMMAND: Final = ("html", "markdown")
"""Outputs that say how they were made; the JSON report depends on logs and options alone."""


def _command(argv: Sequence[str]) -> str:
    """The command as it can be pasted, without what may be secret."""
    import shlex

    from logan.report.anonymize import without_secrets
    from logan.sources.hosts import masked
    from logan.sources.inputs import shown_name

    shown = []
    for each in argv:
        option, mark, value = each.partition("=") if each.startswith("--") else ("", "", each)
        shown.append(
            f"{option}{mark}{without_secrets(shown_name(masked(value)))}" if value else each
        )
    return shlex.join(["logan", *shown])


def _publish(report: Report, args: argparse.Namespace) -> None:
    from logan.cli.signals import signals_abort
    from logan.cli.terminal import options_of_file, options_of_stdout, write_file, write_stdout

    output, table = output_of(args)
    to_stdout = args.output in (None, "-")
    text: str | None
    if output == "text" and to_stdout and all(entry.error is not None for entry in report.inputs):
        text = None  # stderr has said all there is to say
    elif output == "text":
        if to_stdout:
            fit = "top" not in args.given
            options = options_of_stdout(args.color, args.output_tz, fit=fit)
        else:
            options = options_of_file(args.color, args.output_tz)
        text = render(output, report, options)
    else:
        text = render(output, report, RenderOptions(table=table, zone=args.output_tz))
    with signals_abort():
        if text is not None and to_stdout:
            if args.quiet < 1 or output != "text":
                write_stdout(text, encoding=None if output == "text" else "utf-8")
        elif text is not None:
            write_file(args.output, text)
        write_junit(report, args)


def write_junit(report: Report, args: argparse.Namespace) -> None:
    """Write the verdict on the expectations where `--junit` says."""
    if args.junit is not None:
        from logan.cli.terminal import write_file
        from logan.report.verdicts import junit

        write_file(args.junit, junit(report))


def _say_verdicts(report: Report, *, quiet: bool) -> bool:
    """Say how each expectation fared; whether one failed."""
    from logan.cli.terminal import say

    judged = report.get("expectations") or ()
    for each in judged:
        if not (quiet and each["ok"]):
            say(each["text"], prefix="  ok    " if each["ok"] else "  FAIL  ")
    failed = sum(not each["ok"] for each in judged)
    if failed:
        say(f"{failed} of {len(judged)} expectations failed")
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
