"""`logan watch --on-workers`: the view of a follow job that lives in a coordinator."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from logan.errors import UsageError
from logan.live import clock
from logan.options import REPORTING, Options, TimeRange, flags

if TYPE_CHECKING:
    from logan._logan import Summary
    from logan.live.alerts import Alert, AlertEvent
    from logan.live.remote_watch import HostState, RemoteWatch
    from logan.wire.following import AlertEntry, AlertNews, Following, HostEntry

READY_POLL_S: Final = 0.02

__all__ = ["Told", "attach_hint", "check", "run_remote", "shown_options"]


_OF_THE_JOB: Final = ("begin", "alert")
"""Options of `watch` that are chosen when a job begins, beside those of the library."""


def check(args: argparse.Namespace) -> None:
    """Raises `UsageError` for options that do not belong together, or that cannot apply."""
    from logan.cluster.request import check_job_id
    from logan.live.logs import PACKED
    from logan.sources.roots import check_patterns

    if args.job is not None and args.on_workers is not None:
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
    if args.job is None:
        check_patterns(args.on_workers, packed=PACKED)
        return
    check_job_id(args.job)
    written = args.parser.written(args.argv)
    fixed = {name for name, *_ in flags(TimeRange, Options)} - {*REPORTING}
    for name in written:
        if name in fixed or name in _OF_THE_JOB:
            raise UsageError(
                f"{written[name]} cannot apply to a job that runs: it was chosen when job "
                f"{args.job} began",
                hint=f"leave it out, or begin another job: logan watch --on-workers 'GLOB' "
                f"{written[name]} …",
            )


def attach_hint(args: argparse.Namespace, job: str) -> str:
    """How to get back to a job, and how to end it."""
    where = "" if args.coordinator == "localhost:8000" else f" --coordinator {args.coordinator}"
    return (
        f"attach again: logan watch --job {job}{where}; end it with its final report: "
        f"logan cancel {job}{where}"
    )


def shown_options(args: argparse.Namespace) -> dict[str, Any]:
    """What reports of a job that runs show as this command asks for: the options that were given,
    and the rows of its expectations. Other options are the job's."""
    given = {*args.parser.written(args.argv), *args.given}
    asked = {name: getattr(args, name) for name in REPORTING if name in given}
    return {**asked, "rows": tuple(args.rows)} if args.rows else asked


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
        from logan.live.remote_watch import RemoteLog

        body = message.body
        if not self._watch.ready:
            self._watch.take_options(msgspec.convert(json.loads(body.options), Options))
        now = clock.now()
        hosts = [_host(each, now) for each in body.hosts]
        logs = [
            RemoteLog(
                *(each.name, each.host, Spec(each.spec), each.assumed, each.missing, each.gone)
            )
            for each in body.logs
        ]
        notices = []
        for each in body.notices:
            name = f"{each.host}:{each.log}" if each.log else each.host
            text = each.text if each.text.startswith(each.host) else f"{each.host}: {each.text}"
            notice = Notice(each.kind, name, text, 0.0, each.is_fault, each.start)
            notices.append((notice, min(each.age_s, now)))
        self._watch.alerts.tell(
            [_alert(each, now) for each in body.alerts], [_event(each, now) for each in body.news]
        )
        self._watch.tell(
            there=message.now,
            now=now,
            patterns=body.patterns,
            hosts=hosts,
            logs=logs,
            notices=notices,
            unread=[(each.host, f"{each.host}:{each.log}", each.why) for each in body.unread],
            ended=message.ended,
        )

    def lost(self, why: str) -> None:
        """The connection is lost."""
        if self._watch.lost_since is None:
            self.say(f"{why}; waiting for the coordinator to come back")
        self._watch.lost(clock.now())


def _host(entry: HostEntry, now: float) -> HostState:
    """A host; nothing began before 1970, whatever the coordinator says."""
    from logan.live.remote_watch import HostState

    values = entry.to_dict()
    behind_s = values["behind_s"]
    values["since_s"] = min(values["since_s"], now)
    values["behind_s"] = None if behind_s is None else min(behind_s, now)
    return HostState(**values)


def _alert(entry: AlertEntry, now: float) -> Alert:
    from logan.live.alerts import Alert

    since = None if entry.since_s is None else max(0.0, now - entry.since_s)
    alert = Alert(entry.alert, None, 0.0, 0.0, held_since=since)
    if entry.firing:
        alert.firing_since = now if since is None else since
    return alert


def _event(entry: AlertNews, now: float) -> AlertEvent:
    from logan.live.alerts import AlertEvent

    return AlertEvent(
        *(entry.alert, entry.state, max(0.0, now - entry.age_s), max(0.0, now - entry.since_s)),
        *(entry.value, entry.records, entry.reason),
    )


async def run_remote(
    args: argparse.Namespace,
    options: Options,
    start: str | float,
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
    watch = RemoteWatch(
        options, shown=shown_options(args), now=clock.now(), anonymize=args.anonymize
    )
    told = Told(watch, say)
    wanted: Submission | str = args.job or Submission(
        kind="follow",
        paths=args.on_workers,
        options=options,
        confined=True,
        begin=start if isinstance(start, str) else f"{start:g}",
        alerts=args.alert,
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
    assert told.job is not None
    if watch.job_ended:
        say(f"job {told.job} was ended by `logan cancel`, or with its coordinator")
        return end(watch)
    code = end(watch)
    say(f"detached: job {told.job} goes on; {attach_hint(args, told.job)}")
    return code
