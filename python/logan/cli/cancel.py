"""`logan cancel`: end a follow job of a coordinator, with its final report."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from logan.cli.cluster_options import configure_peer, run_trio, secrets_of_peer
from logan.cli.exit_codes import Exit
from logan.cli.output import check_outputs, present
from logan.cli.report_options import adjust_to_output, configure_report, expectations_of
from logan.options import REPORTING

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.live.remote_watch import RemoteWatch

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan cancel 4f0c2a91d35e
  logan cancel 4f0c2a91d35e --coordinator logs.example:8000 --json -o report.json

The workers count what is written by then, the last lines included. `logan status` lists the jobs.
What is counted was chosen when the job began; the options below say how the report shows it. A
worker that was lost just now is waited for, for some seconds. What is not counted, of a worker that
does not come back or of a file that is gone, makes the report partial.

exit codes: those of analyze, 3 if the report is partial; 4 if the coordinator has no such job
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("job", metavar="ID", help="the job, as `logan status` has it")
    parser.add_argument(
        "--save",
        metavar="FILE",
        help="leave the summary of all that was counted in FILE, to be merged with others",
    )
    configure_peer(parser)
    configure_report(parser, only=REPORTING, whole=False)


def run(args: argparse.Namespace) -> int:
    """End the job, and present its report."""
    from logan.cli.terminal import check_saving
    from logan.cluster.request import check_job_id
    from logan.live import clock

    check_job_id(args.job)
    adjust_to_output(args)
    expectations = expectations_of(args)
    check_outputs(args, [])
    check_saving(args.save, args.output)
    found: list[RemoteWatch] = []
    code = run_trio(partial(_main, args, found))
    if not found:
        return code
    watch = found[0]
    summary = watch.finish(clock.now())
    report = watch.report(summary, final=True)
    code = present(report, args, expectations, None, notes=False)
    if args.save:  # last, so that a disk that is full costs only the file
        watch.saved(summary, report).save(args.save)
    return code


async def _main(args: argparse.Namespace, found: list[RemoteWatch]) -> int:
    from logan.cli.terminal import say
    from logan.cli.watch_remote import Told, shown_options
    from logan.cluster.client import Client
    from logan.cluster.following import FollowClient
    from logan.live import clock
    from logan.live.remote_watch import RemoteWatch
    from logan.options import Options

    token, tls = secrets_of_peer(args)
    watch = RemoteWatch(Options(), shown=shown_options(args), now=clock.now())
    told = Told(watch, say)
    follower = FollowClient(Client(args.coordinator, token=token, ssl=tls), args.job, told)
    follower.cancel.set()
    await follower.run()
    for notice in watch.notices.take():
        if notice.is_fault and not args.quiet:
            say(notice.text)
    found.append(watch)
    return Exit.OK
