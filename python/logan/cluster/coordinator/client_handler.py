"""The coordinator's side of what an authenticated client asks for.

`server` decides which peers may connect at all. Decides nothing about jobs: `admission` begins and
`conclusion` ends them, and this sends what comes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import trio

from logan._logan import __version__
from logan.cluster.coordinator.admission import Admission
from logan.cluster.coordinator.conclusion import Conclusion
from logan.cluster.coordinator.ending import SubmittedJob
from logan.cluster.coordinator.events import Changes
from logan.cluster.coordinator.follows import Follows
from logan.cluster.coordinator.places import Place
from logan.cluster.coordinator.status import Status
from logan.cluster.keepalive import keep_alive
from logan.cluster.limits import (
    CLIENT_IDLE_S_MAX,
    CLIENT_SILENCE_LEASES,
    EVENTS_SENT_MAX,
    PROGRESS_S,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.request import Submission
from logan.cluster.transport import Transport
from logan.errors import ClusterError, ExpressionError, LoganError, ProtocolError
from logan.wire import messages
from logan.wire.bodies import ErrorBody, EventEntry
from logan.wire.codec import encode_body
from logan.wire.limits import INTEGER_MAX, REPORT_BODY_BYTES_MAX

__all__ = ["ClientHandler", "ClientServices", "Waiting"]

ERROR_CHARS_MAX: Final = 8_000
"""Characters of each text in an error's body; it may quote what the user wrote."""


@dataclass(slots=True)
class Waiting:
    """What clients wait for: ends of jobs, and answers to submissions."""

    ends: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class ClientServices:
    """What a coordinator does for clients."""

    admission: Admission
    conclusion: Conclusion
    status: Status
    changes: Changes
    waiting: Waiting
    follows: Follows


class ClientHandler:
    """What a client asks for."""

    def __init__(
        self, services: ClientServices, link: Transport, welcome: messages.Welcome, place: Place
    ) -> None:
        self._services = services
        self._link = link
        self._welcome = welcome
        self._place = place
        self._busy = False
        self._reported: SubmittedJob | None = None
        self._attached: str | None = None

    async def serve(self) -> None:
        """Serve the client, from WELCOME to the end of the connection."""
        try:
            await self._read()
        finally:
            if self._reported is not None:
                self._services.conclusion.undelivered(self._reported)

    async def _read(self) -> None:
        async with open_flat_nursery() as nursery:
            nursery.start_soon(self._keep_alive)
            while True:
                message = await self._link.receive()
                match message:
                    case messages.Ping():
                        pass
                    case None:
                        break
                    case messages.Bye():
                        if self._reported is not None:
                            self._services.conclusion.delivered(self._reported)
                            self._reported = None
                        break
                    case messages.Status():
                        await self._link.send(messages.StatusReport(self._services.status.state()))
                        if self._place.idle_since is not None:
                            self._place.idle_since = trio.current_time()
                    case messages.Submit() | messages.Attach() if not self._busy:
                        self._busy = True
                        self._place.idle_since = None
                        nursery.start_soon(self._begin, message)
                    case messages.Cancel() if self._attached == message.job:
                        nursery.start_soon(self._services.follows.finish, message.job)
                    case messages.Cancel() | messages.Error():
                        break
                    case _:
                        raise ProtocolError("one job per connection", code="order")
            nursery.cancel_scope.cancel()

    async def _keep_alive(self) -> None:
        """Show that the coordinator lives, and end with a client that does not, or that has had no
        open request for long."""
        welcome = self._welcome
        silence_s = CLIENT_SILENCE_LEASES * welcome.lease_s
        await keep_alive(self._link, welcome.heartbeat_s, silence_s, self._beat)

    def _beat(self) -> None:
        self._link.post(messages.Ping())
        since = self._place.idle_since
        if since is not None and trio.current_time() - since > CLIENT_IDLE_S_MAX:
            self._place.evict(f"idle for more than {CLIENT_IDLE_S_MAX:g} s")

    async def _work(self, message: messages.Submit) -> None:
        """Plan, run and report; being canceled means that the client has gone."""
        self._services.waiting.ends += 1
        try:
            await self._serve_job(message)
        finally:
            self._services.waiting.ends -= 1
            self._services.changes.notify()
            self._place.idle_since = trio.current_time()

    async def _begin(self, message: messages.Submit | messages.Attach) -> None:
        if isinstance(message, messages.Submit) and message.kind != "follow":
            await self._work(message)
        else:
            await self._follow(message)

    async def _follow(self, message: messages.Submit | messages.Attach) -> None:
        """Begin a follow job, or find one, and show it. It goes on without this client."""
        services = self._services
        try:
            if isinstance(message, messages.Attach):
                job = message.job
                services.follows.check(job)
            else:
                job = await services.follows.submit(Submission.from_message(message))
        except LoganError as error:
            await self._link.send(messages.Report("", "error", _describe(error)))
            await self._link.flush()
            return
        self._attached = job
        await self._link.send(messages.Accepted(job))
        await services.follows.show(job, self._link)
        self._place.idle_since = trio.current_time()

    async def _serve_job(self, message: messages.Submit) -> None:
        services = self._services
        services.waiting.answers += 1
        try:
            job = await services.admission.submit(Submission.from_message(message))
        except LoganError as error:
            await self._link.send(messages.Report("", "error", _describe(error)))
            await self._link.flush()
            return
        finally:
            services.waiting.answers -= 1
            services.changes.notify()
        try:
            await self._link.send(messages.Accepted(job.id))
            async with open_flat_nursery() as nursery:
                nursery.start_soon(self._show_progress, job)
                await job.ended.wait()
                nursery.cancel_scope.cancel()
        finally:
            broke = self._link.lost is not None and not self._link.is_refused
            if not job.ended.is_set() and broke:
                services.conclusion.await_return(job)
            elif not job.ended.is_set():
                services.conclusion.give_up(job)
        if services.conclusion.resumes_later(job):
            # It goes on when the coordinator comes back, which the client waits for.
            await trio.sleep_forever()
        await self._finish(job)

    async def _finish(self, job: SubmittedJob) -> None:
        assert job.outcome is not None
        self._reported = job
        self._say_progress(job)
        try:
            body = await trio.to_thread.run_sync(job.outcome.body)
            if len(body) > REPORT_BODY_BYTES_MAX:
                raise ClusterError(
                    f"the report has {len(body):,} bytes, at most {REPORT_BODY_BYTES_MAX:,} can "
                    "be sent",
                    hint="ask for fewer points of the series or fewer group tables",
                )
        except LoganError as error:
            self._reported = None
            await self._link.send(messages.Report(job.id, "error", _describe(error)))
        else:
            await self._link.send(messages.Report(job.id, "report", body))
        await self._link.flush()

    async def _show_progress(self, job: SubmittedJob) -> None:
        events = self._services.status.events
        seen = events.total
        while True:
            fresh = min(events.total - seen, EVENTS_SENT_MAX)
            seen = events.total
            self._say_progress(job, events.newest(fresh))
            await trio.sleep(PROGRESS_S)

    def _say_progress(self, job: SubmittedJob, events: tuple[EventEntry, ...] = ()) -> None:
        status = self._services.status
        total = min(job.total_bytes, INTEGER_MAX)
        done = min(status.done_bytes(job.id), total)
        self._link.post(messages.ProgressReport(job.id, done, total, status.progress(events)))


def _describe(error: LoganError) -> bytes:
    def cut(text: str | None) -> str | None:
        return text if text is None else text[:ERROR_CHARS_MAX]

    message = str(error)
    if isinstance(error, ExpressionError) and error.expression not in message:
        message = f"{error.expression!r}: {message}"
    return encode_body(
        ErrorBody(
            error=type(error).__name__,
            message=message[:ERROR_CHARS_MAX],
            hint=cut(error.hint),
            input=cut(getattr(error, "input", None)),
            kind=getattr(error, "kind", None),
            logan=__version__,
        )
    )
