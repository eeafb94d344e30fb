"""`logan worker`: scans what a coordinator hands out, until it is told to stop."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentTypeError
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from logan.cli.cluster_options import (
    configure_peer,
    port_number,
    run_trio,
    secrets_of_peer,
)
from logan.cli.exit_codes import Exit
from logan.cli.option_types import positive
from logan.cli.signals import Signals

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.cluster.worker.worker import Worker

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan worker --id alice
  logan worker --id bob --coordinator logs.example:8000 --root /var/log --port 8002
  logan worker --id carol --root s3://bucket/logs/ --root https://logs.example/

It waits for a coordinator that is not running yet, and reconnects when one restarts. The first
Ctrl-C or SIGTERM finishes the current chunks, the second quits at once.

exit codes: 0 stopped on request, 2 usage, 4 if the coordinator rejected it for good
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.setting(
        "--id",
        type=str,
        default=None,
        metavar="NAME",
        help="unique name of this worker (default: host and process id)",
    )
    parser.add_argument(
        "--port",
        type=port_number,
        metavar="P",
        help="serve /metrics and /health on this port of localhost (default: off)",
    )
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR|URL",
        help="folder or URL below which it may read (default: the working directory, no URL); "
        "repeatable",
    )
    parser.setting(
        "--threads",
        type=positive,
        default=None,
        metavar="N",
        help="number of threads (default: available CPUs)",
    )
    parser.setting(
        "--pace",
        type=_pace,
        default=None,
        metavar="MB/s",
        help="limit the read speed, for demonstrations and tests",
    )
    configure_peer(parser)


def run(args: argparse.Namespace) -> int:
    """Work until stopped."""
    from logan.cli.terminal import say
    from logan.cluster.worker.worker import Worker

    token, tls = secrets_of_peer(args)
    name = args.id or _default_name()

    def make() -> Worker:
        return Worker(
            name,
            args.coordinator,
            roots=args.root or (".",),
            threads=args.threads,
            pace=args.pace,
            token=token,
            ssl=tls,
            say=lambda text: say(f"{name}: {text}"),
        )

    return run_trio(partial(_main, make, args.port))


async def _main(make: Callable[[], Worker], port: int | None) -> int:
    import trio

    from logan.cli.terminal import say

    worker = make()
    signals = Signals()

    def stop() -> None:
        say(f"{worker.id}: finishing current chunks; press Ctrl-C again to quit now")
        worker.drain()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(signals.watch, stop)
        if port is not None:
            nursery.start_soon(_serve_metrics, worker, port)
        await worker.run()
        nursery.cancel_scope.cancel()
    return Exit.OK


async def _serve_metrics(worker: Worker, port: int) -> None:
    import trio

    from logan.cli.terminal import say
    from logan.cluster.metrics import serve_metrics, worker_metrics

    async with serve_metrics("127.0.0.1", port, worker.health, worker_metrics) as bound:
        say(f"{worker.id}: metrics at http://127.0.0.1:{bound}/metrics")
        await trio.sleep_forever()


def _default_name() -> str:
    import socket

    return f"{socket.gethostname()}-{os.getpid()}"


def _pace(text: str) -> float:
    """Megabytes per second, as bytes per second."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text!r} is not a valid speed; write MB per second, such as 20")
    return value * 1e6
