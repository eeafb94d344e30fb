"""`logan watch`: logs as they are written, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from logan.cli.report_options import expectations_of, options_of
from logan.cli.watch_options import (
    alerts_of,
    check_local,
    check_olddir,
    check_state,
    configure,
    server_of,
)
from logan.cli.watch_output import line_now, present_all
from logan.errors import UsageError
from logan.live import clock
from logan.options import Storage

if TYPE_CHECKING:
    from logan.cli.watch_remote import Told
    from logan.live.alerts import Alerts
    from logan.live.remote_watch import RemoteWatch
    from logan.live.watched import Watched
    from logan.options import Options
    from logan.state.folder import StateFolder

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan watch /var/log/nginx/access.log
  logan watch '/var/log/app/*.log'            # files that come later join
  logan watch web1:/var/log/nginx/access.log web2:/var/log/nginx/access.log
  kubectl logs -f deploy/web | logan watch
  logan watch app.log --alert 'errors.ratio over 1m > 5% for 2m' --notify ./page.sh
  logan watch app.log --alert 'response_time_ms.p95 over 5m > 800ms' --alert 'absent over 5m'
  logan watch app.log --json --interval 5s --window 1m
  logan watch access.log --serve              # http://127.0.0.1:8642/
  logan watch --on-workers '/var/log/nginx/*.log' --coordinator logs.example:8000
  logan watch access.log --state /var/lib/logan/live      # goes on where the last one ended

A log is what rotation strings together: renamed, copied and truncated, dated, compressed. Each
complete line counts once. What is lost, such as lines written between copying and truncating, is
named. Ctrl-C ends with the report of all that was counted, and exit code 0.

In the terminal: w window, p pause, s sort, / filter, tab section, q quit.

exit codes: 0 ok, 1 an expectation failed or too many lines are malformed, 2 usage, 3 an input can
never be followed, or bytes are missing in the report, 4 internal error
"""

LINES_INTERVAL_S: Final = 10.0
VIEW_INTERVAL_S: Final = 0.3
"""A line that was just written is seen within half a second."""

JSON_INTERVAL_S: Final = 1.0
INTERVAL_S_MIN: Final = 0.1


def run(args: argparse.Namespace) -> int:
    """Watch, and present the report of all."""
    import trio

    from logan.cli.output import check_outputs
    from logan.cli.terminal import check_saving
    from logan.live.allocator import keep_little
    from logan.live.starting import parse_from

    is_remote = args.on_workers is not None or args.job is not None
    if is_remote:
        from logan.cli.watch_remote import check

        check(args)
    else:
        check_local(args)
    paths = args.paths or ["-"]
    if not (args.paths or is_remote) and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("watch needs a path, or a log on standard input", hint="logan watch FILE")
    if args.olddir:
        check_olddir(args, paths, is_remote=is_remote)
    if args.total and args.state is None:
        raise UsageError("--total needs --state", hint="name the folder: --state DIR")
    if args.state is not None:
        check_state(args, paths)
    start = parse_from(args.begin or "5m")
    expectations = expectations_of(args)
    alerts = alerts_of(args)
    args.rows = tuple(dict.fromkeys((*args.rows, *alerts.rows)))
    options = options_of(args)
    check_outputs(args, [each for each in paths if each != "-"])
    check_saving(args.save, args.output, paths)
    keep_little()
    now = clock.now()
    try:
        if is_remote:
            return trio.run(_main_remote, args, options, start, expectations)
        with ExitStack() as stack:
            folder = None
            if args.state is not None:
                from logan.state.run import open_state

                storage = Storage(state=args.state, total=args.total)
                folder = stack.enter_context(open_state(storage, options, user="logan watch"))
            main = partial(
                _main, args, paths, options, start, alerts, expectations, now, folder=folder
            )
            return trio.run(main)
    except BaseExceptionGroup as group:
        from logan.cluster.nurseries import main_error

        raise main_error(group) from None


async def _main(
    args: argparse.Namespace,
    paths: list[str],
    options: Options,
    start: str | float,
    alerts: Alerts,
    expectations: list[Any],
    now: float,
    *,
    folder: StateFolder | None,
) -> int:
    from logan.live.watching import Watch

    reach_s = max((each.over_s for each in alerts.alerts), default=0.0)
    watch = Watch(
        paths,
        options,
        start=start,
        reach_s=reach_s,
        now=now,
        anonymize=args.anonymize,
        state=folder,
        folders=args.olddir,
    )
    try:
        await _show(args, watch, alerts)
        return present_all(args, watch, alerts, expectations)
    finally:
        watch.close()


async def _main_remote(
    args: argparse.Namespace,
    options: Options,
    start: str | float,
    expectations: list[Any],
) -> int:
    from logan.cli.watch_remote import run_remote

    async def show(watch: RemoteWatch, told: Told) -> None:
        await _show(args, watch, watch.alerts, told)

    def end(watch: RemoteWatch) -> int:
        return present_all(args, watch, watch.alerts, expectations)

    return await run_remote(args, options, start, show, end)


async def _show(
    args: argparse.Namespace, watch: Watched, alerts: Alerts, told: Told | None = None
) -> None:
    """Show a watch until it ends, or the user wants it to."""
    import trio

    from logan.cli.side_output import Sayer, StdoutLines
    from logan.cli.signals import Signals
    from logan.cli.terminal import is_terminal, say
    from logan.live.recent import Recent
    from logan.live.runner import Limits, Runner

    is_json = args.output_format == "json"
    shows = args.output in (None, "-") and (is_json or not args.quiet)
    with_view = not is_json and is_terminal(sys.stdout) and shows
    usual_s = VIEW_INTERVAL_S if with_view else JSON_INTERVAL_S if is_json else LINES_INTERVAL_S
    interval_s = args.interval or usual_s
    if interval_s < INTERVAL_S_MIN:
        raise UsageError(f"--interval must be {INTERVAL_S_MIN:g}s or more")
    server = server_of(args)
    sayer = Sayer(say)
    screen: Any = None
    recent = Recent()
    if with_view:
        from logan.cli.watch_view import Screen

        screen = Screen(watch, alerts, args, sayer.say)
    say_now = screen.say if screen is not None else sayer.say
    lines = StdoutLines(say_now)

    async def shown() -> None:
        if screen is not None:
            await screen.refresh()
        elif shows:
            await lines.write(partial(line_now, watch, alerts, recent, args))

    if told is not None:
        told.say = say_now
    runner = Runner(
        watch,
        interval_s=interval_s,
        shown=shown,
        say=say_now,
        alerts=alerts,
        targets=tuple(args.notify),
        limits=Limits(args.for_s, args.exit_idle),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Signals().watch, runner.stop.set)
        if server is not None:
            from logan.live.web import WatchContent, serve

            page = await nursery.start(serve, server, WatchContent(watch, alerts))
            say_now(f"live page: {page}")
        if screen is not None:
            async with screen.on(runner, nursery):
                await runner.run()
        else:
            await runner.run()
        nursery.cancel_scope.cancel()
    lines.finish()
    sayer.close()
