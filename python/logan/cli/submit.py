"""`logan submit`: have a coordinator analyze logs, and print the report of `analyze`."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import TYPE_CHECKING

from logan.cli.cluster_options import configure_peer, run_trio, secrets_of_peer
from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.output import check_outputs, present
from logan.cli.report_options import (
    adjust_to_output,
    configure_report,
    expectations_of,
    options_of,
    series_points_of,
)
from logan.cli.signals import Signals
from logan.errors import UsageError

if TYPE_CHECKING:
    from logan.cli.cluster_view import ClusterView
    from logan.cli.main import Parser
    from logan.cluster.client import Client
    from logan.cluster.request import Submission
    from logan.wire.bodies import ProgressBody

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan submit access.log --json -o report.json
  logan submit --on-workers '/var/log/nginx/*.log' --coordinator logs.example:8000

PATHs are read by the coordinator. With --on-workers, every worker looks for matching files of its
own and analyzes them locally.

exit codes: those of analyze; 4 if the cluster failed
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="logs, as the coordinator sees them: files, folders, quoted globs, URLs",
    )
    parser.add_argument(
        "--on-workers",
        action="append",
        default=[],
        metavar="GLOB",
        help="analyze files on the workers' own machines; repeatable",
    )
    configure_peer(parser)
    configure_report(parser, without=("geoip",))


def run(args: argparse.Namespace) -> int:
    """Submit, show progress, present the report."""
    from logan.cli.cluster_view import ClusterView
    from logan.cluster.client import Client
    from logan.report import Report

    if bool(args.paths) == bool(args.on_workers):
        raise UsageError("give either PATHs or --on-workers GLOB", hint="see: logan submit --help")
    adjust_to_output(args)
    expectations = expectations_of(args)
    check_outputs(args, [*args.paths, *args.on_workers])
    token, tls = secrets_of_peer(args)
    signals = Signals()
    found: list[bytes] = []
    with ClusterView(color=args.color, live=not args.no_progress, lines=False) as view:
        client = Client(args.coordinator, token=token, ssl=tls, say=view.tell)
        code = run_trio(partial(_main, args, client, signals, view, found))
    if not found:
        return code
    report = Report.from_json(found[0])
    return present(report, args, expectations, signals.signum)


async def _main(
    args: argparse.Namespace,
    client: Client,
    signals: Signals,
    view: ClusterView,
    found: list[bytes],
) -> int:
    import trio

    from logan.cli.cluster_view import JobLine
    from logan.sources.inputs import shown_name

    started = time.monotonic()
    resumed: list[int] = []
    name = ", ".join(shown_name(each) for each in args.paths or args.on_workers)

    def show(done: int, total: int, body: ProgressBody) -> None:
        for event in body.events:
            view.event(event)
        if not resumed:
            resumed.append(done)
        job = JobLine(name, done, total, time.monotonic() - started, resumed[0])
        all_gone = all(each.state == "gone" for each in body.workers)
        view.update([job], body.workers, "waiting for workers" if all_gone else "")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(signals.watch, nursery.cancel_scope.cancel)
        body = await client.submit(_submission(args), show)
        found.append(body)
        nursery.cancel_scope.cancel()
    if signals.signum is not None:
        view.tell("canceled: the coordinator was asked to stop the job")
        return exit_of_signal(signals.signum)
    return Exit.OK


def _submission(args: argparse.Namespace) -> Submission:
    from logan.cluster.request import Submission
    from logan.sources.files import working_directory
    from logan.sources.hosts import as_url

    return Submission(
        kind="on_workers" if args.on_workers else "paths",
        paths=args.on_workers or [as_url(each) for each in args.paths],
        options=options_of(args),
        anchor=args.anchor,
        series_points=series_points_of(args),
        explain=args.explain,
        base=None if args.on_workers else working_directory(),
        confined=True,
    )
