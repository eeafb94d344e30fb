"""The side of those who submit jobs and ask how things are."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from ssl import SSLContext, SSLError
from typing import Any

import msgspec
import trio

from logan import errors
from logan.cluster.dial import Address, dial
from logan.cluster.groups import open_flat_nursery
from logan.cluster.limits import LINGER_S_MAX, RECONNECT_PAUSE_S_MAX, RESUBMIT_S_MAX
from logan.cluster.link import Link, LinkLostError, introduce
from logan.cluster.submission import Submission
from logan.errors import ClusterError, InputError, LoganError, ProtocolError
from logan.report import Report as Saved
from logan.report.contract import OPTIONAL, SECTIONS, TOP_LEVEL
from logan.wire.bodies import ErrorBody
from logan.wire.codec import decode_body
from logan.wire.connection import error_message
from logan.wire.messages import (
    Accepted,
    Error,
    Message,
    ProgressReport,
    Report,
    Status,
    StatusReport,
)

__all__ = ["Client", "Progress"]

Progress = Callable[[int, int, Mapping[str, Any]], None]
"""Called with (bytes done, bytes in all, {"workers": […], "events": […]}) some times a second."""


class Client:
    """Talks to the coordinator at `address`; each request is a connection of its own.

    Args:
        token, ssl: as for `Worker`.
        say: called with sentences for people.
    """

    def __init__(
        self,
        address: str,
        *,
        token: bytes | None = None,
        ssl: SSLContext | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.address = Address.parse(address)
        self._token = token
        self._ssl = ssl
        self._say = say or (lambda text: None)

    async def status(self) -> dict[str, Any]:
        """Workers, jobs and what happened lately. Raises `ClusterError`."""
        try:
            async with self._connected() as link:
                link.post(Status())
                message = await link.receive()
        except (LinkLostError, ProtocolError, trio.TooSlowError, OSError) as error:
            raise self._unreachable(error) from error
        if isinstance(message, Error):
            raise self._unreachable(ProtocolError(message.message, code=message.code))
        if not isinstance(message, StatusReport):
            raise ClusterError(f"{self.address} gave no status")
        status: dict[str, Any] = msgspec.to_builtins(message.body)
        return status

    async def submit(self, submission: Submission, progress: Progress | None = None) -> bytes:
        """Have a job done; the JSON of its report.

        A coordinator that goes away while it works is waited for, since it may come back and go
        on. Cancelling gives the job up.

        Raises:
            LoganError: what the coordinator says is wrong, of the class that it had there.
            ClusterError: it cannot be reached, or did not come back.
        """
        give_up_at: float | None = None
        was_there = False
        while True:
            try:
                async with self._connected() as link:
                    give_up_at, was_there = None, True
                    return await self._submit(link, submission, progress)
            except LinkLostError as error:
                if not was_there:
                    raise self._unreachable(error) from error
                if give_up_at is None:
                    self._say(f"{error}; waiting for the coordinator to come back")
                    give_up_at = trio.current_time() + RESUBMIT_S_MAX
            except (ProtocolError, trio.TooSlowError) as error:
                raise self._unreachable(error) from error
            except OSError as error:
                if give_up_at is None:
                    raise self._unreachable(error) from error
            if trio.current_time() > give_up_at:
                raise ClusterError(
                    f"the coordinator at {self.address} went away and did not come back",
                    hint="submit the job again once it runs; with --state it goes on",
                )
            await trio.sleep(RECONNECT_PAUSE_S_MAX / 4)

    async def _submit(self, link: Link, submission: Submission, progress: Progress | None) -> bytes:
        link.post(submission.message())
        job: str | None = None
        try:
            while True:
                message = await link.receive()
                if isinstance(message, Accepted) and job is None:
                    job = message.job
                    continue
                _check_answer(message, job)
                match message:
                    case None:
                        raise LinkLostError("the coordinator closed the connection")
                    case ProgressReport(done_bytes=done, total_bytes=total, body=body):
                        if progress is not None:
                            progress(done, total, msgspec.to_builtins(body))
                    case Report(kind="error", body=data):
                        raise _error_from(decode_body(data, ErrorBody, "REPORT"))
                    case Report(body=data):
                        _check_report(data)
                        return data
                    case Error(code=code, message=text):
                        raise ProtocolError(text, code=code)
        except ProtocolError as error:
            link.post(error_message(error))
            with trio.move_on_after(LINGER_S_MAX):
                await link.flush()
            raise

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Link]:
        """An authenticated link. Raises as `dial` and `introduce` do."""
        try:
            stream, certificate = await dial(self.address, self._ssl)
        except (SSLError, trio.TooSlowError) as error:
            raise self._unreachable(error) from error
        try:
            link = Link(stream, "client")
            async with open_flat_nursery() as nursery:
                nursery.start_soon(_write, link)
                id = f"client-{secrets.token_hex(4)}"
                await introduce(link, "client", id, self._token, certificate)
                yield link
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)

    def _unreachable(self, error: BaseException) -> ClusterError:
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
        if isinstance(error, LinkLostError):
            return ClusterError(f"the coordinator at {self.address}: {error}")
        return ClusterError(f"no coordinator at {self.address}", hint=hint)


async def _write(link: Link) -> None:
    with suppress(LinkLostError):  # the reader notices too
        await link.run()


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
    raise ProtocolError(f"{message.VERB}{of} came, which answers nothing", code="state")


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


def _error_from(body: ErrorBody) -> LoganError:
    """The error that the coordinator had, if its class is one of ours."""
    kind = getattr(errors, body.error, None)
    if isinstance(kind, type) and issubclass(kind, InputError):
        return kind(
            body.message, input=body.input or "", kind=body.kind or "unreadable", hint=body.hint
        )
    if isinstance(kind, type) and issubclass(kind, LoganError):
        return kind(body.message, hint=body.hint)
    return ClusterError(body.message, hint=body.hint)
