"""What `logan watch` writes where it draws no view: a line or JSON at intervals, and the report of
all at its end."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from logan.live import clock

if TYPE_CHECKING:
    from logan.live.alerts import Alerts
    from logan.live.recent import Recent
    from logan.live.watched import Watched
    from logan.report import Report

__all__ = ["present_all", "print_line"]


def print_line(watch: Watched, alerts: Alerts, recent: Recent, args: argparse.Namespace) -> None:
    """What a pipe or a file gets at every interval: JSON, or a line of text."""
    from logan.cli.terminal import write_stdout
    from logan.live.lines import line_of

    now = clock.now()
    if args.output_format == "json":
        report = watch.view(args.window, now)
        write_stdout(_json_line(report, watch, alerts, args.window, now), encoding="utf-8")
    else:
        report = watch.glance(args.window, now)
        findings = recent.look(watch, args.window, now)["findings"]
        line = line_of(report, args.window, now, watch.behind(), alerts, findings)
        write_stdout(line + "\n")


def _json_line(report: Report, watch: Watched, alerts: Alerts, window: str, now: float) -> str:
    from logan.live.lines import live_section

    data = report.to_dict() | {"live": live_section(watch, alerts, window, now)}
    return json.dumps(data, separators=(",", ":")) + "\n"


def present_all(
    args: argparse.Namespace, watch: Watched, alerts: Alerts, expectations: list[Any]
) -> int:
    """The report of all that was counted."""
    from logan.cli.output import completed, judge, present, say_what_is_wrong, write_junit
    from logan.cli.terminal import say, write_file, write_stdout

    now = clock.now()
    summary = watch.finish(now)
    memory = watch.memory
    if memory is not None:
        report, saved = memory.report(total=args.total)
    else:
        report = watch.report(summary, final=True)
        saved = watch.saved(summary, report)
    if memory is not None and memory.repeated and not args.total:
        say("repeated: the report has lines that an earlier run counted and may have reported")
    if memory is not None and not report.inputs:
        say("nothing new since the last run")
    if args.output_format != "json":
        code = present(report, args, expectations, None, notes=False)
    else:
        report = completed(report, args, expectations)
        say_what_is_wrong(report, quiet=bool(args.quiet), notes=False)
        text = _json_line(report, watch, alerts, "all", now)
        if args.output in (None, "-"):
            write_stdout(text, encoding="utf-8")
        else:
            write_file(args.output, text)
        write_junit(report, args)
        code = judge(report, args)
    if args.save:  # after the report, which a disk that is full must not cost
        saved.save(args.save)
    if memory is not None:
        memory.reported()
    return code
