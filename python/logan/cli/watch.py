"""`logan watch`: logs as they are written, until Ctrl-C."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from logan.cli.option_types import duration
from logan.cli.report_options import configure_report, expectations_of, options_of
from logan.errors import UsageError
from logan.live import clock
from logan.live.windows import WINDOWS
from logan.options import Storage

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.cli.watch_remote import Told
    from logan.live.alerts import Alerts
    from logan.live.recent import Recent
    from logan.live.remote_watch import RemoteWatch
    from logan.live.watching import Watch
    from logan.options import Options
    from logan.report import Report
    from logan.state.folder import StateFolder

__all__ = ["EPILOG", "HELP", "configure", "configure_serving", "run", "server_of"]

HELP = "Follow logs as they are written: the report of the last minutes, alerts, a live page."
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

PATHS: Final = (
    "log files, folders, quoted globs such as '/var/log/app/*.log', HOST:PATH by ssh, named pipes; "
    "- is standard input, which is also read where no path is given"
)
LINES_INTERVAL_S: Final = 10.0
VIEW_INTERVAL_S: Final = 0.5
"""A line that was just written is seen within a second."""

JSON_INTERVAL_S: Final = 1.0
INTERVAL_S_MIN: Final = 0.1


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help=PATHS)
    live = parser.add_argument_group("watching")
    live.add_argument(
        "--from",
        dest="begin",
        default=None,
        metavar="WHERE",
        help="begin at the start or the end of files that are there, or at the records of the last "
        "while, such as 2h (default: 5m, which fills the 5-minute view)",
    )
    live.add_argument(
        "--window",
        choices=tuple(WINDOWS),
        default="5m",
        help=f"what is shown first, and what --json prints: {', '.join(WINDOWS)} (default: 5m)",
    )
    live.add_argument(
        "--interval",
        type=duration,
        default=None,
        metavar="TIME",
        help="how often (default: 0.5s; without a terminal 10s, with --json 1s)",
    )
    live.add_argument(
        "--for", dest="for_s", type=duration, default=None, metavar="TIME", help="end after TIME"
    )
    live.add_argument(
        "--exit-idle",
        type=duration,
        default=None,
        metavar="TIME",
        help="end when nothing was written for TIME",
    )
    live.add_argument(
        "--save",
        metavar="FILE",
        help="leave the summary of all that was counted in FILE, to be merged with others; with "
        "--state, of what the final report is of",
    )
    live.add_argument(
        "--state",
        metavar="DIR",
        help="keep in DIR what was counted and how far, as `logan analyze --state` does: begin "
        "where the last run ended, even a killed one; the final report is of what no run has "
        "reported",
    )
    live.add_argument(
        "--total",
        action="store_true",
        help="with --state, the final report is of all that was ever counted",
    )
    live.add_argument(
        "--olddir",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder to which logs are rotated (olddir of logrotate), relative to theirs; needed "
        "where files are copied there and truncated, and it is not below theirs; repeatable",
    )
    live.add_argument(
        "--alert",
        action="append",
        default=[],
        metavar="EXPR",
        help="say so while EXPR holds, such as 'errors.ratio over 1m > 5%% for 2m' or 'absent over "
        "5m'; with --on-workers the coordinator looks, with or without a client; repeatable",
    )
    live.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="TARGET",
        help="tell a command (JSON on its standard input) or a URL when an alert fires and when it "
        "ends, as long as this command runs (logan coordinator --notify does so always); "
        "repeatable",
    )
    configure_serving(parser)
    configure_remote(parser)
    configure_report(parser, without=_NOT_OF_WATCH, whole=False)


_NOT_OF_WATCH: Final = (
    *("relative_to", "step", "geoip", "anchor", "explain", "seek", "expansion_max"),
)
"""Options of an analysis that mean nothing while records still come."""


def configure_remote(parser: Parser) -> None:
    """Add what names logs of workers, and the coordinator that has them followed."""
    from logan.cli.cluster_options import configure_peer

    hosts = parser.add_argument_group("many hosts")
    hosts.add_argument(
        "--on-workers",
        action="append",
        default=None,
        metavar="GLOB",
        help="follow files on the workers' own machines, by a job that lives in the coordinator; "
        "repeatable",
    )
    hosts.add_argument("--job", metavar="ID", help="attach to such a job; Ctrl-C leaves it again")
    configure_peer(parser, insecure=False)


def configure_serving(parser: Parser, *, insecure: bool = True) -> None:
    """Add what says where the live page is served; unless `insecure`, the command has an option
    of that name already."""
    from logan.live import PAGE_ADDRESS

    page = parser.add_argument_group("live page")
    page.add_argument(
        "--serve",
        nargs="?",
        const=PAGE_ADDRESS,
        default=None,
        metavar="HOST:PORT",
        help=f"serve a live page and /metrics (default address: {PAGE_ADDRESS})",
    )
    page.add_argument(
        "--serve-token-file",
        metavar="FILE",
        help="the token that viewers must know, needed for an address that others can reach",
    )
    page.add_argument("--serve-cert", metavar="FILE", help="TLS certificate of the page")
    page.add_argument("--serve-key", metavar="FILE", help="key of the certificate")
    if not insecure:
        return
    page.add_argument(
        "--insecure",
        action="store_true",
        help="serve without TLS to others, or connect to a coordinator elsewhere without token "
        "and TLS: token and figures can be read on the way",
    )


def run(args: argparse.Namespace) -> int:
    """Watch, and present the report of all."""
    import trio

    from logan.cli.output import check_outputs
    from logan.cli.terminal import check_saving
    from logan.live.starting import parse_from

    is_remote = args.on_workers is not None or args.job is not None
    if is_remote:
        from logan.cli.watch_remote import check

        check(args)
    paths = args.paths or ["-"]
    if not (args.paths or is_remote) and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("watch needs a path, or a log on standard input", hint="logan watch FILE")
    if args.olddir:
        _check_olddir(args, paths, is_remote=is_remote)
    if args.total and args.state is None:
        raise UsageError("--total needs --state", hint="name the folder: --state DIR")
    if args.state is not None:
        _check_state(args, paths)
    start = parse_from(args.begin or "5m")
    expectations = expectations_of(args)
    alerts = _alerts(args)
    args.rows = tuple(dict.fromkeys((*args.rows, *alerts.rows)))
    options = options_of(args)
    check_outputs(args, [each for each in paths if each != "-"])
    check_saving(args.save, args.output, paths)
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


def _check_olddir(args: argparse.Namespace, paths: list[str], *, is_remote: bool) -> None:
    from logan.sources.hosts import is_remote as is_on_host

    if is_remote or any(map(is_on_host, paths)):
        raise UsageError(
            "--olddir is for logs of this machine",
            hint="other hosts find folders below those of their logs by themselves",
        )
    if args.state is not None:
        raise UsageError(
            "--olddir cannot be combined with --state, which looks for rotated files in the logs' "
            "folders and in those below them alone",
            hint="leave --olddir out, and rotate to a folder below the log's",
        )
    for each in args.olddir:
        folders = [os.path.join(os.path.dirname(path), each) for path in paths]
        if not any(map(os.path.isdir, folders)):
            raise UsageError(
                f"--olddir {each}: there is no such folder",
                hint="a relative one is looked for in the folder of each log",
            )


def _check_state(args: argparse.Namespace, paths: list[str]) -> None:
    if args.begin is not None:
        raise UsageError(
            "--from cannot be combined with --state: logs are read from where the last run ended",
            hint="leave --from out; a log that is new to the folder is read from its start",
        )
    for path in paths:
        if path == "-" or (os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)):
            name = "standard input" if path == "-" else path
            raise UsageError(
                f"{name} cannot be watched with --state: a pipe cannot be read again from where "
                "the last run ended",
                hint="leave --state out, or write it to a file and watch that",
            )


def _alerts(args: argparse.Namespace) -> Alerts:
    from logan.live.alerts import Alerts, parse_alert
    from logan.live.notify import check_target

    for target in args.notify:
        check_target(target)
    if args.notify and not args.alert and args.job is None:
        raise UsageError("--notify needs an alert", hint="such as --alert 'absent over 5m'")
    return Alerts([parse_alert(text) for text in args.alert])


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
        return _end(args, watch, alerts, expectations)
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
        return _end(args, watch, watch.alerts, expectations)

    return await run_remote(args, options, start, show, end)


async def _show(
    args: argparse.Namespace, watch: Watch, alerts: Alerts, told: Told | None = None
) -> None:
    """Show a watch until it ends, or the user wants it to."""
    import trio

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
    screen: Any = None
    recent = Recent()
    if with_view:
        from logan.cli.watch_view import Screen

        screen = Screen(watch, alerts, args)

    async def shown() -> None:
        if screen is not None:
            await screen.refresh()
        elif shows:
            await trio.to_thread.run_sync(_print_line, watch, alerts, recent, args)

    say_now = screen.say if screen is not None else say
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


def server_of(args: argparse.Namespace) -> Any:
    """Where the page is served, as the options say; None for nowhere. Raises `UsageError`."""
    if args.serve is None:
        return None
    from logan.live.serving import settings_of

    return settings_of(
        args.serve,
        token_file=args.serve_token_file,
        cert=args.serve_cert,
        key=args.serve_key,
        insecure=args.insecure,
    )


def _print_line(watch: Watch, alerts: Alerts, recent: Recent, args: argparse.Namespace) -> None:
    """What a pipe or a file gets at every interval: JSON, or a line of text."""
    from logan.cli.terminal import write_stdout
    from logan.live.lines import line_of

    now = clock.now()
    report = watch.view(args.window, now)
    if args.output_format == "json":
        write_stdout(_json_line(report, watch, alerts, args.window, now), encoding="utf-8")
    else:
        findings = recent.look(watch, args.window, now)["findings"]
        line = line_of(report, args.window, now, watch.behind(), alerts, findings)
        write_stdout(line + "\n")


def _json_line(report: Report, watch: Watch, alerts: Alerts, window: str, now: float) -> str:
    from logan.live.lines import live_section

    data = report.to_dict() | {"live": live_section(watch, alerts, window, now)}
    return json.dumps(data, separators=(",", ":")) + "\n"


def _end(args: argparse.Namespace, watch: Watch, alerts: Alerts, expectations: list[Any]) -> int:
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
