"""`logan coordinator`: spreads work over workers, for one job or for clients that submit some."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from logan.cli.cluster_options import port_number, run_trio, share
from logan.cli.exit_codes import Exit, exit_of_signal
from logan.cli.option_types import positive, seconds
from logan.cli.output import check_outputs, present
from logan.cli.report_options import (
    adjust_to_output,
    configure_report,
    expectations_of,
    options_of,
    series_points_of,
)
from logan.cli.signals import Signals
from logan.cli.watch_options import configure_serving, server_of
from logan.errors import UsageError

if TYPE_CHECKING:
    import trio

    from logan.cli.cluster_view import ClusterView
    from logan.cli.main import Parser
    from logan.cluster.coordinator.coordinator import Coordinator
    from logan.report import Report

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
examples:
  logan coordinator --port 8000
  logan coordinator access.log --expect-workers 3 --json -o report.json
  logan coordinator --serve                   # http://127.0.0.1:8642/
  logan coordinator --host 0.0.0.0 --token-file token --tls-cert cert.pem --tls-key key.pem

With PATHs it runs one job and prints its report; otherwise it serves until Ctrl-C. The first
signal lets workers finish their current chunks, the second quits at once.

exit codes: those of analyze; 0 if it served and was stopped; 4 if the cluster failed, or if a
second worker computed different results (--verify)
"""

REFRESH_S: Final = 0.25
REFRESH_IDLE_S: Final = 1.0
NAG_S: Final = 2.0
"""How long it waits in silence for a first worker."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="logs to analyze now, as for analyze"
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=8000,
        metavar="P",
        help="port to listen on (default: 8000)",
    )
    parser.setting(
        "--host",
        type=str,
        default="127.0.0.1",
        metavar="HOST",
        help="address to listen on (default: 127.0.0.1)",
    )
    parser.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="folder, or URL such as s3://bucket/logs/, below which the paths of clients must be "
        "(default: the working directory); repeatable",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="keep a journal in DIR, which lets a restarted coordinator resume",
    )
    parser.add_argument(
        "--expect-workers",
        type=positive,
        default=1,
        metavar="N",
        help="wait for N workers before starting (default: 1)",
    )
    parser.add_argument(
        "--worker-timeout",
        type=seconds,
        default=None,
        metavar="S",
        help="give up after S seconds without a worker (default: never)",
    )
    parser.add_argument(
        "--metrics-port",
        type=port_number,
        metavar="P",
        help="serve /metrics and /health on this port of localhost (default: off)",
    )
    parser.add_argument(
        "--notify",
        action="append",
        default=[],
        metavar="TARGET",
        help="tell a command (JSON on its standard input) or a URL when an alert of a follow job "
        "fires and when it ends; repeatable",
    )
    group = parser.add_argument_group("security")
    group.add_argument(
        "--verify",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="re-scan this share of chunks on a second worker, such as 0.01 (default: 0)",
    )
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the secret of workers and clients, mode 0600 [env: LOGAN_TOKEN]",
    )
    group.add_argument("--tls-cert", metavar="FILE", help="use TLS; PEM file of the certificate")
    group.add_argument("--tls-key", metavar="FILE", help="its private key, PEM")
    group.add_argument(
        "--insecure", action="store_true", help="allow remote hosts without token and TLS"
    )
    configure_serving(parser, insecure=False)
    configure_report(parser, without=("geoip",))


def run(args: argparse.Namespace) -> int:
    """Serve, or run the job and present its report."""
    from logan.cli.cluster_view import ClusterView
    from logan.live.notify import check_target
    from logan.sources.files import working_directory

    for target in args.notify:
        check_target(target)
    if args.paths or (args.state is not None and not os.path.isabs(args.state)):
        working_directory()  # raises, before anything listens, if it has been deleted
    adjust_to_output(args)
    expectations = expectations_of(args)
    if args.output is not None and not args.paths:
        raise UsageError("-o needs a PATH: without one there is no report to write")
    check_outputs(args, args.paths)
    signals = Signals()
    view = ClusterView(color=args.color, live=not args.no_progress, quiet=bool(args.quiet))
    found: list[Report] = []
    with view:
        code = run_trio(partial(_main, args, signals, view, found))
    if found:
        return present(found[0], args, expectations, signals.signum)
    return code


async def _main(
    args: argparse.Namespace, signals: Signals, view: ClusterView, found: list[Report]
) -> int:
    import trio

    coordinator = _coordinator(args, view)
    page = server_of(args)
    async with coordinator, trio.open_nursery() as nursery:
        stopped = trio.Event()
        waiting = trio.CancelScope()

        def stop() -> None:
            view.tell(
                "stopping: workers finish their current chunks; press Ctrl-C again to quit now"
            )
            waiting.cancel()
            nursery.start_soon(_stop, coordinator, stopped)

        nursery.start_soon(signals.watch, stop)
        nursery.start_soon(_show, coordinator, view, bool(args.paths))
        if args.metrics_port is not None:
            nursery.start_soon(_serve_metrics, args.metrics_port, coordinator, view)
        view.tell(
            f"listening on {coordinator.host}:{coordinator.port}; start workers with: "
            f"logan worker --id alice --coordinator {_reachable(coordinator)}"
        )
        if page is not None:
            from logan.live.web import serve

            view.tell(f"live page: {await nursery.start(serve, page, coordinator.page())}")
        code: int = Exit.OK
        if not args.paths:
            await stopped.wait()
        else:
            with waiting:
                # One comes when it comes; meanwhile bad inputs are found.
                if args.expect_workers > 1:
                    await coordinator.wait_for_workers(args.expect_workers)
            if signals.signum is None:
                found.append(await _job(args, coordinator))
            else:
                await stopped.wait()
                code = exit_of_signal(signals.signum)
        nursery.cancel_scope.cancel()
        return code
    raise AssertionError("a nursery that was canceled from within returns")


async def _job(args: argparse.Namespace, coordinator: Coordinator) -> Report:
    from logan.cluster.request import Submission
    from logan.sources.files import working_directory

    submission = Submission(
        paths=args.paths,
        options=options_of(args),
        anchor=args.anchor,
        series_points=series_points_of(args),
        explain=args.explain,
        base=working_directory(),
    )
    return await coordinator.report_of(await coordinator.submit(submission))


async def _stop(coordinator: Coordinator, stopped: trio.Event) -> None:
    await coordinator.stop()
    stopped.set()


async def _show(coordinator: Coordinator, view: ClusterView, has_job: bool) -> None:
    """Keep the terminal up to date, and say when no worker comes."""
    import trio

    from logan.cli.cluster_view import JobLine

    hint = (
        "waiting for workers: start one with: "
        f"logan worker --id alice --coordinator {_reachable(coordinator)}"
    )
    absent_since: float | None = trio.current_time()
    said = False
    while True:
        needed = not coordinator.sessions and (has_job or bool(coordinator.jobs))
        if not needed:
            absent_since, said = None, False
        elif absent_since is None:
            absent_since = trio.current_time()
        if needed and not said and trio.current_time() - (absent_since or 0.0) > NAG_S:
            said = True
            if not view.is_live:
                view.tell(hint)
        if view.is_live:
            status = coordinator.status()
            jobs = (
                JobLine(job.name, job.done_bytes, job.total_bytes, job.elapsed_s, job.resumed_bytes)
                for job in status.jobs
            )
            view.update(jobs, status.workers, hint if needed else "")
        # A table that hardly changes is not worth the work of drawing it often.
        await trio.sleep(REFRESH_S if view.is_live and coordinator.jobs else REFRESH_IDLE_S)


async def _serve_metrics(port: int, coordinator: Coordinator, view: ClusterView) -> None:
    import trio

    from logan.cluster.metrics import coordinator_metrics, serve_metrics

    async with serve_metrics("127.0.0.1", port, coordinator.status, coordinator_metrics) as bound:
        view.tell(f"metrics at http://127.0.0.1:{bound}/metrics")
        await trio.sleep_forever()


def _coordinator(args: argparse.Namespace, view: ClusterView) -> Coordinator:
    from logan.cluster.coordinator.coordinator import Coordinator
    from logan.cluster.security import certificate_sha256, read_token, server_context

    if (args.tls_cert is None) != (args.tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together")
    tls: dict[str, Any] = {}
    if args.tls_cert is not None:
        tls["ssl"] = server_context(args.tls_cert, args.tls_key)
        tls["certificate_sha256"] = certificate_sha256(args.tls_cert)
    return Coordinator(
        args.host,
        args.port,
        roots=args.root or (".",),
        token=read_token(args.token_file, os.environ),
        state=args.state,
        insecure=args.insecure,
        verify=args.verify,
        worker_timeout_s=args.worker_timeout,
        notify=args.notify,
        on_event=view.event,
        **tls,
    )


def _reachable(coordinator: Coordinator) -> str:
    host = "localhost" if coordinator.host in ("127.0.0.1", "0.0.0.0", "") else coordinator.host
    return f"{host}:{coordinator.port}"
