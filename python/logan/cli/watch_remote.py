"""`logan watch --on-workers`: the view of a follow job that lives in a coordinator."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from logan.cli.exit_codes import Exit
from logan.errors import UsageError
from logan.live import clock

if TYPE_CHECKING:
    from logan._logan import Summary
    from logan.live.alerts import Alerts
    from logan.live.remote_watch import RemoteWatch
    from logan.options import Options
    from logan.wire.following import Following

READY_POLL_S: Final = 0.02

__all__ = ["Told", "attach_hint", "check", "run_remote"]


def check(args: argparse.Namespace) -> None:
    """Raises `UsageError` for options that do not belong together."""
    if args.job is not None and args.on_workers:
        raise UsageError(
            "--job attaches to a job that is there, --on-workers begins one", hint="give one"
        )
    if args.state is not None:
        raise UsageError(
            "--state is for logs of this machine: what workers follow, the coordinator remembers",
            hint="start the coordinator with --state",
        )
    if args.paths:
        what = "--job" if args.job is not None else "--on-workers"
        raise UsageError(
            f"{what} and PATHs do not go together: the workers read the logs",
            hint="logan watch --on-workers 'GLOB' --coordinator HOST:PORT",
        )


def attach_hint(args: argparse.Namespace, job: str) -> str:
    """How to get back to a job, and how to end it."""
    where = "" if args.coordinator == "localhost:8000" else f" --coordinator {args.coordinator}"
    return (
        f"attach again: logan watch --job {job}{where}; end it with its final report: "
        f"logan cancel {job}{where}"
    )


class Told:
    """Passes on what a coordinator says to a `RemoteWatch`. A `cluster.following.Listener`."""

    def __init__(self, watch: RemoteWatch, say: Callable[[str], object]) -> None:
        self.job: str | None = None
        self.say = say
        self._watch = watch
        self._known = False

    def accepted(self, job: str) -> None:
        """The job has this id; all of it is told from the beginning."""
        if self._known:
            self.say("the coordinator is back")
        self.job, self._known = job, True
        self._watch.begin(clock.now())

    def window(self, at: float | None, summary: Summary) -> None:
        """Figures to be added."""
        self._watch.add(summary, at, clock.now())

    def following(self, message: Following) -> None:
        """How the hosts are."""
        import json

        import msgspec

        from logan._logan import Spec
        from logan.live.notices import Notice
        from logan.live.remote_watch import HostState, RemoteLog
        from logan.options import Options

        body = message.body
        if not self._watch.ready:
            self._watch.take_options(msgspec.convert(json.loads(body.options), Options))
        hosts = [HostState(**each.to_dict()) for each in body.hosts]
        logs = [
            RemoteLog(each.name, each.host, Spec(each.spec), each.assumed, each.missing)
            for each in body.logs
        ]
        notices = []
        for each in body.notices:
            name = f"{each.host}:{each.log}" if each.log else each.host
            text = each.text if each.text.startswith(each.host) else f"{each.host}: {each.text}"
            notice = Notice(each.kind, name, text, 0.0, each.is_fault, each.start)
            notices.append((notice, each.age_s))
        self._watch.tell(
            there=message.now,
            now=clock.now(),
            patterns=body.patterns,
            hosts=hosts,
            logs=logs,
            notices=notices,
            ended=message.ended,
        )

    def lost(self, why: str) -> None:
        """The connection is lost."""
        if self._watch.lost_since is None:
            self.say(f"{why}; waiting for the coordinator to come back")
        self._watch.lost(clock.now())


async def run_remote(
    args: argparse.Namespace,
    options: Options,
    start: str | float,
    alerts: Alerts,
    show: Callable[[RemoteWatch, Told], Awaitable[None]],
    end: Callable[[RemoteWatch], int],
) -> int:
    """Show the job until it ends, or until the user leaves it."""
    import trio

    from logan.cli.cluster_options import secrets_of_peer
    from logan.cli.terminal import say
    from logan.cluster.client import Client
    from logan.cluster.following import FollowClient
    from logan.cluster.request import Submission
    from logan.live.remote_watch import RemoteWatch

    token, tls = secrets_of_peer(args)
    reach_s = max((each.over_s for each in alerts.alerts), default=0.0)
    watch = RemoteWatch(options, reach_s=reach_s, now=clock.now(), anonymize=args.anonymize)
    told = Told(watch, say)
    wanted: Submission | str = args.job or Submission(
        kind="follow",
        paths=args.on_workers,
        options=options,
        confined=True,
        begin=start if isinstance(start, str) else f"{start:g}",
    )
    follower = FollowClient(Client(args.coordinator, token=token, ssl=tls), wanted, told)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follower.run)
        while not watch.ready:
            await trio.sleep(READY_POLL_S)
        if isinstance(wanted, Submission):
            assert told.job is not None
            say(f"job {told.job} lives in the coordinator; {attach_hint(args, told.job)}")
        await show(watch, told)
        nursery.cancel_scope.cancel()
    if not watch.job_ended:
        assert told.job is not None
        say(f"detached: job {told.job} goes on; {attach_hint(args, told.job)}")
        return Exit.OK
    return end(watch)
