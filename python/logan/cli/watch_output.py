"""What `logan watch` writes where it draws no view: a line or JSON at intervals, and the report of
all at its end."""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from logan.errors import OutputError
from logan.live import clock

if TYPE_CHECKING:
    from logan.live.alerts import Alerts
    from logan.live.recent import Recent
    from logan.live.watched import Watched
    from logan.report import Report
    from logan.summaries.saved import Saved

__all__ = ["line_now", "present_all"]


def line_now(watch: Watched, alerts: Alerts, recent: Recent, args: argparse.Namespace) -> str:
    """What a pipe or a file gets at every interval: JSON, or a line of text."""
    from logan.live.lines import line_of

    now = clock.now()
    if args.output_format == "json":
        return _json_line(watch.view(args.window, now), watch, alerts, args.window, now)
    findings = recent.look(watch, args.window, now)["findings"]
    report = watch.glance(args.window, now)
    return line_of(report, args.window, now, watch.behind(), alerts, findings) + "\n"


def _json_line(report: Report, watch: Watched, alerts: Alerts, window: str, now: float) -> str:
    from logan.live.lines import live_section

    data = report.to_dict() | {"live": live_section(watch, alerts, window, now)}
    return json.dumps(data, separators=(",", ":")) + "\n"


def present_all(
    args: argparse.Namespace, watch: Watched, alerts: Alerts, expectations: list[Any]
) -> int:
    """The report of all that was counted. Where it cannot be written as it was asked for, it goes
    to standard output: it is all that is left of the watch."""
    from logan.cli.terminal import say

    now = clock.now()
    report, saved = _all_of(watch, args, now)
    unsaved = _unsaved(saved, args.save)
    show = partial(_present, report, args, watch, alerts, expectations, now)
    try:
        code = show()
    except OutputError as error:
        if args.output in (None, "-"):
            raise
        say(f"{error}; the report goes to standard output instead")
        args.output, unsaved = None, unsaved or error
        show()
    if watch.memory is not None:
        watch.memory.reported()
    if unsaved is not None:
        raise unsaved
    return code


def _present(
    report: Report,
    args: argparse.Namespace,
    watch: Watched,
    alerts: Alerts,
    expectations: list[Any],
    now: float,
) -> int:
    from logan.cli.output import completed, judge, present, say_what_is_wrong, write_junit
    from logan.cli.terminal import write_file, write_stdout

    if args.output_format != "json":
        return present(report, args, expectations, None, notes=False)
    report = completed(report, args, expectations)
    say_what_is_wrong(report, quiet=bool(args.quiet), notes=False)
    text = _json_line(report, watch, alerts, "all", now)
    if args.output in (None, "-"):
        write_stdout(text, encoding="utf-8")
    else:
        write_file(args.output, text)
    write_junit(report, args)
    return judge(report, args)


def _all_of(watch: Watched, args: argparse.Namespace, now: float) -> tuple[Report, Saved]:
    """The report of all that was counted, and its summary. Says what happened at the end."""
    from logan.cli.terminal import say

    summary = watch.finish(now)
    memory = watch.memory
    if memory is None:
        report = watch.report(summary, final=True)
        saved = watch.saved(summary, report)
    else:
        report, saved = memory.report(total=args.total)
        if memory.repeated and not args.total:
            say("repeated: the report has lines that an earlier run counted and may have reported")
        if not report.inputs:
            say("nothing new since the last run")
    for notice in watch.notices.take(now):
        if notice.is_fault:
            say(watch.shown(notice.text))
    return report, saved


def _unsaved(saved: Saved, path: str | None) -> OutputError | None:
    """Save the summary, if it is asked for; why it could not be. Neither costs the other: a reader
    of the report may let it wait, a disk may be full."""
    try:
        if path:
            saved.save(path)
    except OutputError as error:
        return error
    return None
