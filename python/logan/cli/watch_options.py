"""Options of `logan watch`, with the checks of those that do not go together, and those of the live
page, which `logan coordinator` has, too."""

from __future__ import annotations

import argparse
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from logan.cli.option_types import duration
from logan.cli.report_options import configure_report
from logan.errors import UsageError
from logan.live.windows import WINDOWS

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.live.alerts import Alerts

__all__ = [
    "alerts_of",
    "check_local",
    "check_olddir",
    "check_state",
    "configure",
    "configure_serving",
    "server_of",
]

PATHS: Final = (
    "log files, folders, quoted globs such as '/var/log/app/*.log', HOST:PATH by ssh, named pipes; "
    "- is standard input, which is also read where no path is given"
)


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
        help="how often (default: 0.3s; without a terminal 10s, with --json 1s)",
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


def check_local(args: argparse.Namespace) -> None:
    """Options of a connection to a coordinator mean nothing for logs of this machine."""
    for option, value in (("--token-file", args.token_file), ("--tls-ca", args.tls_ca)):
        if value is not None:
            raise UsageError(
                f"{option} is for a coordinator, which this watch needs none of",
                hint="logs of workers are named with --on-workers GLOB, a job with --job ID",
            )


def check_olddir(args: argparse.Namespace, paths: list[str], *, is_remote: bool) -> None:
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
                f"--olddir {each}: no such folder",
                hint="a relative one is looked for in the folder of each log",
            )


def check_state(args: argparse.Namespace, paths: list[str]) -> None:
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


def alerts_of(args: argparse.Namespace) -> Alerts:
    """What is watched for; targets are told of nothing else. Raises `UsageError`."""
    from logan.live.alerts import Alerts, parse_alert
    from logan.live.notify import check_target

    for target in args.notify:
        check_target(target)
    if args.notify and not args.alert and args.job is None:
        raise UsageError("--notify needs an alert", hint="such as --alert 'absent over 5m'")
    return Alerts([parse_alert(text) for text in args.alert])


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
