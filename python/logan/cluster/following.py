"""A client of a follow job: begins one or attaches to one, and passes on what the coordinator says.

The job lives in the coordinator. When the connection is lost, the client attaches again, and is
told everything from the beginning; so a coordinator that is started again with its journal goes
on being shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ssl import SSLError
from typing import Protocol

import trio

from logan._logan import Summary
from logan.cluster.client import Client, error_from
from logan.cluster.keepalive import Backoff
from logan.cluster.nurseries import open_flat_nursery
from logan.cluster.request import Submission
from logan.cluster.transport import Transport, TransportLostError
from logan.errors import ClusterError, ProtocolError
from logan.wire.bodies import ErrorBody
from logan.wire.codec import decode_body
from logan.wire.following import Attach, Following, Window
from logan.wire.messages import Accepted, Cancel, Error, Ping, Report

__all__ = ["FollowClient", "Listener"]


class Listener(Protocol):
    """Is told what happens to a follow job."""

    def accepted(self, job: str) -> None:
        """The job has this id; all of it is told from the beginning."""

    def window(self, at: float | None, summary: Summary) -> None:
        """Figures to be added, as `wire.following.Window` has them."""

    def following(self, message: Following) -> None:
        """How the hosts are."""

    def lost(self, why: str) -> None:
        """The connection is lost; the client tries to get another one."""


@dataclass(slots=True)
class FollowClient:
    """Follows one job.

    Args:
        wanted: what to begin, or the id of a job to attach to.

    Attributes:
        job: its id, once it is known.
        cancel: set to end the job.
    """

    client: Client
    wanted: Submission | str
    listener: Listener
    job: str | None = None
    cancel: trio.Event = field(default_factory=trio.Event)

    def __post_init__(self) -> None:
        if isinstance(self.wanted, str):
            self.job = self.wanted

    async def run(self) -> None:
        """Until the job has ended. Being canceled leaves it alone: it goes on.

        Raises `LoganError` for what the coordinator refuses, `ClusterError` if it cannot be
        reached at first.
        """
        backoff = Backoff()
        was_connected = False
        while True:
            try:
                async with self.client.connected() as link:
                    await self._follow(link)
                    return
            except ProtocolError as error:
                if error.code != "busy" or not was_connected:
                    raise self.client.unreachable(error) from error
                why: BaseException = error
            except SSLError as error:
                raise self.client.unreachable(error) from error
            except (TransportLostError, trio.TooSlowError, OSError) as error:
                if self._connected:
                    was_connected = True
                if not was_connected or self.job is None:
                    raise self.client.unreachable(error) from error
                why = error
            if self._connected:
                backoff.reset()
            self._connected = False
            self.listener.lost(str(why) or "it does not answer")
            await trio.sleep(backoff.next_s())

    _connected: bool = False

    async def _follow(self, link: Transport) -> None:
        self._connected = True
        if self.job is not None:
            link.post(Attach(self.job))
        else:
            assert isinstance(self.wanted, Submission)
            link.post(self.wanted.message())
        async with open_flat_nursery() as nursery:
            while True:
                message = await link.receive()
                match message:
                    case None:
                        raise TransportLostError("the coordinator closed the connection")
                    case Ping():
                        continue
                    case Accepted(job=job):
                        self.job = job
                        self.listener.accepted(job)
                        nursery.start_soon(self._cancel, link, job)
                    case Window(at=at, body=data):
                        self.listener.window(at, Summary.from_bytes(data))
                    case Following():
                        self.listener.following(message)
                        if message.ended:
                            nursery.cancel_scope.cancel()
                            return
                    case Report(kind="error", body=data):
                        raise error_from(decode_body(data, ErrorBody, "REPORT"))
                    case Error(code=code, message=text):
                        raise ProtocolError(text, code=code)
                    case _:
                        raise ClusterError(f"{self.client.address} sent {message.VERB}")

    async def _cancel(self, link: Transport, job: str) -> None:
        await self.cancel.wait()
        link.post(Cancel(job))
