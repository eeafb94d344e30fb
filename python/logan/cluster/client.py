"""A client of the coordinator: submits jobs and asks for the status.

Each request is a connection of its own. Knows nothing of chunks and leases.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from ssl import SSLContext, SSLError

import trio

from logan import errors
from logan.cluster.connect import Address, Connect, connect, is_refused
from logan.cluster.handshake import client_handshake
from logan.cluster.keepalive import Backoff, keep_alive
from logan.cluster.limits import (
    ANSWER_S_MAX,
    CLIENT_SILENCE_LEASES,
    LINGER_S_MAX,
    RECONNECT_PAUSE_S_MAX,
    RESUBMIT_S_MAX,
)
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.request import Submission
from logan.cluster.transport import Transport, TransportLostError, open_transport
from logan.errors import ClusterError, InputError, LoganError, ProtocolError
from logan.report import Report as Saved
from logan.report.schema import OPTIONAL, SECTIONS, TOP_LEVEL
from logan.wire.bodies import ErrorBody, ProgressBody, StateBody
from logan.wire.codec import decode_body
from logan.wire.connection import error_message
from logan.wire.messages import (
    Accepted,
    Bye,
    Error,
    Message,
    Ping,
    ProgressReport,
    Report,
    Status,
    StatusReport,
)

__all__ = ["Client", "Progress", "error_from"]

Progress = Callable[[int, int, ProgressBody], None]
"""Called with (bytes done, bytes in all, workers and events) some times a second."""


class Client:
    """Sends requests to the coordinator at `address`, each over a connection of its own.

    Args:
        token: the secret shared with the coordinator.
        ssl: a client context that trusts the coordinator's certificate.
        say: called with sentences for the user.
        connect: opens connections, for tests.
    """

    def __init__(
        self,
        address: str,
        *,
        token: bytes | None = None,
        ssl: SSLContext | None = None,
        say: Callable[[str], None] | None = None,
        connect: Connect = connect,
    ) -> None:
        self.address = Address.parse(address)
        self._token = token
        self._ssl = ssl
        self._say = say or (lambda text: None)
        self._connect = connect

    async def status(self) -> StateBody:
        """Workers, jobs and recent events. Raises `ClusterError`."""
        try:
            async with self.connected() as link:
                link.post(Status())
                with trio.fail_after(ANSWER_S_MAX):
                    message = await link.receive()
                    while isinstance(message, Ping):
                        message = await link.receive()
        except (TransportLostError, ProtocolError, trio.TooSlowError, OSError) as error:
            raise self.unreachable(error) from error
        if isinstance(message, Error):
            raise self.unreachable(ProtocolError(message.message, code=message.code))
        if not isinstance(message, StatusReport):
            raise ClusterError(f"{self.address} sent no status")
        return message.body

    async def submit(self, submission: Submission, progress: Progress | None = None) -> bytes:
        """Submit a job and wait for it; returns the JSON of its report.

        If the connection is lost the client connects again, since the coordinator may be restarted
        and resume the job. Canceling cancels the job.

        Raises:
            LoganError: what the coordinator reported as wrong, of the class that it had there.
            ClusterError: it cannot be reached, or could not be reached again.
        """
        attempts = _Attempts()
        while True:
            attempts.begin()
            try:
                async with self.connected() as link:
                    attempts.welcomed()
                    return await self._submit(link, submission, attempts, progress)
            except ProtocolError as error:
                if error.code != "busy" or not attempts.connected:
                    raise self.unreachable(error) from error
                why = str(error)
            except SSLError as error:
                raise self.unreachable(error) from error
            except (TransportLostError, trio.TooSlowError, OSError) as error:
                if not attempts.connected:
                    raise self.unreachable(error) from error
                why = _reason(error)
            if attempts.is_over():
                raise ClusterError(
                    f"the coordinator at {self.address} did not resume the job within "
                    f"{RESUBMIT_S_MAX:g} s and {attempts.count} connections; last error: {why}",
                    hint="submit the job again once the coordinator runs; with --state it resumes",
                )
            if attempts.failed():
                self._say(f"{why}; waiting for the coordinator to come back")
            await trio.sleep(attempts.pause_s())

    async def _submit(
        self,
        link: Transport,
        submission: Submission,
        attempts: _Attempts,
        progress: Progress | None,
    ) -> bytes:
        link.post(submission.message())
        job: str | None = None
        try:
            while True:
                message = await link.receive()
                if isinstance(message, Ping):
                    continue
                if isinstance(message, Accepted) and job is None:
                    job = message.job
                    continue
                _check_answer(message, job)
                match message:
                    case None:
                        raise TransportLostError("the coordinator closed the connection")
                    case ProgressReport(done_bytes=done, total_bytes=total, body=body):
                        attempts.note_progress(done)
                        if progress is not None:
                            progress(done, total, body)
                    case Report(kind="error", body=data):
                        raise error_from(decode_body(data, ErrorBody, "REPORT"))
                    case Report(body=data):
                        _check_report(data)
                        # Otherwise the coordinator keeps it for when we connect again.
                        link.post(Bye())
                        await link.flush()
                        return data
                    case Error(code=code, message=text):
                        raise ProtocolError(text, code=code)
        except ProtocolError as error:
            link.post(error_message(error))
            with trio.move_on_after(LINGER_S_MAX):
                await link.flush()
            raise

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Transport]:
        """An authenticated link that is kept alive. Raises as `connect`, `client_handshake` and
        `keep_alive` do."""
        stream, certificate = await self._connect(self.address, self._ssl)
        async with open_transport(stream, "client", read_on=True) as link:
            id = f"client-{secrets.token_hex(4)}"
            welcome = await client_handshake(link, "client", id, self._token, certificate)
            silence_s = CLIENT_SILENCE_LEASES * welcome.lease_s
            ping = partial(link.post, Ping())
            async with open_flat_nursery() as nursery:
                nursery.start_soon(keep_alive, link, welcome.heartbeat_s, silence_s, ping)
                yield link
                nursery.cancel_scope.cancel()

    def unreachable(self, error: BaseException) -> ClusterError:
        """What is said of a connection that failed."""
        if isinstance(error, ClusterError):
            return error
        hint = f"start one with: logan coordinator --port {self.address.port}"
        if isinstance(error, ProtocolError):
            return ClusterError(f"the coordinator at {self.address}: {error}", hint=error.hint)
        if isinstance(error, SSLError):
            reason = (error.reason or str(error)).lower().replace("_", " ")
            return ClusterError(
                f"no TLS with {self.address}: {reason}", hint="give its CA with --tls-ca"
            )
        if isinstance(error, trio.TooSlowError):
            return ClusterError(f"the coordinator at {self.address} does not answer", hint=hint)
        if isinstance(error, TransportLostError):
            return ClusterError(f"the coordinator at {self.address}: {error}")
        return ClusterError(f"no coordinator at {self.address}", hint=hint)


class _Attempts:
    """The connections over which a client tries to have one job done, and when to stop trying.

    The limit is on all of them together: it begins with the first failure, and anew once more of
    the job is done than ever before, or a connection has lasted for as long as the limit. The
    pauses begin anew only after a connection that has lasted for longer than they do: what the
    coordinator says of the job does not shorten them.
    """

    def __init__(self) -> None:
        self.connected = False
        self.count = 0
        self._backoff = Backoff()
        self._began = 0.0
        self._welcomed_at: float | None = None
        self._give_up_at: float | None = None
        self._done_bytes = 0

    def begin(self) -> None:
        """Note that an attempt to connect begins."""
        self.count += 1
        self._began = trio.current_time()
        self._welcomed_at = None

    def welcomed(self) -> None:
        """Note that the attempt succeeded."""
        self.connected = True
        self._welcomed_at = trio.current_time()

    def note_progress(self, done_bytes: int) -> None:
        """Note how much of the job is done: progress starts the attempts over."""
        if done_bytes > self._done_bytes:
            self._done_bytes = done_bytes
            self._start_over()

    def is_over(self) -> bool:
        """Whether, after a failure, no other try may follow."""
        now = trio.current_time()
        if now - self._began >= RESUBMIT_S_MAX:
            self._start_over()
        return self._give_up_at is not None and now >= self._give_up_at

    def failed(self) -> bool:
        """A try failed; whether it is the first of its series."""
        if self._give_up_at is not None:
            return False
        self._give_up_at = trio.current_time() + RESUBMIT_S_MAX
        return True

    def pause_s(self) -> float:
        """How long to wait before the next try."""
        now = trio.current_time()
        if self._welcomed_at is not None and now - self._welcomed_at > RECONNECT_PAUSE_S_MAX:
            self._backoff.reset()
        return self._backoff.next_s(now - self._began)

    def _start_over(self) -> None:
        self._give_up_at = None
        self.count = 1


def _reason(error: BaseException) -> str:
    if isinstance(error, trio.TooSlowError):
        return "it does not answer"
    if isinstance(error, OSError) and is_refused(error):
        return "connection refused"
    return str(error)


def _check_answer(message: Message | None, job: str | None) -> None:
    """Raise `ProtocolError` for what does not belong to the job that was accepted, if one was."""
    match message:
        case ProgressReport() if message.job == job:
            return
        case Report(kind="error", job=""):
            return
        case Report() if message.job == job:
            return
        case Error() | None:
            return
    of = f" of job {message.job}" if isinstance(message, ProgressReport | Report) else ""
    raise ProtocolError(f"{message.VERB}{of} arrived, which answers no request", code="state")


def _check_report(data: bytes) -> None:
    """Raise `ProtocolError` if a report is not a JSON object with the sections of one."""
    try:
        report = Saved.from_json(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"REPORT: not a report: {error}", code="json") from error
    for name in TOP_LEVEL:
        if name not in report and name not in OPTIONAL:
            raise ProtocolError(f"REPORT: not a report: it has no {name}", code="field")
        if name in SECTIONS and not isinstance(report.get(name, {}), Mapping):
            raise ProtocolError(f"REPORT: not a report: {name} is not an object", code="field")


def error_from(body: ErrorBody) -> LoganError:
    """The error that the coordinator had, if its class is one of ours."""
    kind = getattr(errors, body.error, None)
    if isinstance(kind, type) and issubclass(kind, InputError):
        return kind(
            body.message, input=body.input or "", kind=body.kind or "unreadable", hint=body.hint
        )
    if isinstance(kind, type) and issubclass(kind, LoganError):
        return kind(body.message, hint=body.hint)
    return ClusterError(body.message, hint=body.hint)
