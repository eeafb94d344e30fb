"""Coordinators, workers and clients on memory streams and a mock clock: no sockets, no waiting.

Threads run inline, since a clock that jumps does not wait for them; where a scan shall take time,
it sleeps on that clock. The fixtures to it are in `tests/unit/cluster/conftest.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import trio
from trio.testing import MemoryReceiveStream, MemorySendStream, MockClock, memory_stream_pair

from logan.cluster.client import Client
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.transport import Transport
from logan.cluster.worker.worker import Worker
from logan.options import Options
from logan.planning.prepare import prepare
from logan.wire.codec import Decoder, encode
from logan.wire.connection import Connection
from logan.wire.messages import PROTOCOL_VERSION, Auth, Challenge, Hello, Ready, Welcome

LINES = 3_000
CHUNK = 8 * 1024

Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


class Network(trio.abc.Listener["Stream"]):
    """A listener whose connections are pairs of memory streams."""

    def __init__(self) -> None:
        self._arrivals, self._queue = trio.open_memory_channel[Stream](math.inf)
        self.down = False

    async def accept(self) -> Stream:
        return await self._queue.receive()

    async def aclose(self) -> None:
        await self._queue.aclose()

    def listeners(self) -> list[Network]:
        """For the coordinator that listens next."""
        return [self]

    async def dial(self, address: object, tls: object) -> tuple[Stream, str]:
        await trio.lowlevel.checkpoint()
        if self.down:
            raise ConnectionRefusedError(111, "Connection refused")
        ours, theirs = memory_stream_pair()
        self._arrivals.send_nowait(theirs)
        return ours, ""


network: Any = None
"""Where workers and clients that are made here connect to: the network that the test set."""


async def connect(address: object, tls: object) -> Any:
    """The `connect` of workers and clients that are made here."""
    assert network is not None
    return await network.dial(address, tls)


def new_coordinator(**options: Any) -> Coordinator:
    """One that listens where workers and clients that are made here connect to."""
    assert network is not None
    return Coordinator(port=0, listeners=network.listeners(), **options)


def new_worker(*arguments: Any, **options: Any) -> Worker:
    return Worker(*arguments, **{"connect": connect} | options)


def new_client(*arguments: Any, **options: Any) -> Client:
    return Client(*arguments, **{"connect": connect} | options)


async def inline(work: Callable[..., Any], *args: Any, **_: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return work(*args)


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(3_600):  # of the mock clock
            await main()

    trio.run(bounded, clock=MockClock(autojump_threshold=0))


@asynccontextmanager
async def running(*workers: Worker) -> AsyncIterator[Coordinator]:
    async with new_coordinator() as coordinator, trio.open_nursery() as nursery:
        for worker in workers:
            nursery.start_soon(worker.run)
        await coordinator.wait_for_workers(len(workers))
        yield coordinator
        nursery.cancel_scope.cancel()


def worker(name: str, log: Path, **options: Any) -> Worker:
    return new_worker(name, roots=[str(log.parent)], threads=1, **options)


def session_of(coordinator: Coordinator, name: str) -> WorkerSession:
    return next(each for each in coordinator.sessions.values() if each.name == name)


async def open_pair() -> tuple[Transport, Transport, Stream]:
    """Coordinator and worker, past the handshake; and the coordinator's stream."""
    theirs, ours = memory_stream_pair()
    coordinator, peer = Transport(theirs, "coordinator"), Transport(ours, "worker")
    hello = Hello(PROTOCOL_VERSION, "worker", "alice", "s", "1" * 64, "0")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(coordinator.run)
        nursery.start_soon(peer.run)
        peer.post(hello)
        assert await coordinator.receive() == hello
        coordinator.post(Challenge("0" * 64, ""))
        await peer.receive()
        peer.post(Auth(""))
        await coordinator.receive()
        coordinator.post(Welcome(1.0, 5.0))
        await peer.receive()
        nursery.cancel_scope.cancel()
    return coordinator, peer, theirs


class ScriptedCoordinator:
    """A coordinator's side of a connection that says what the test wants."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._connection = Connection("coordinator")

    async def say(self, message: Any) -> None:
        for frame in self._connection.send(message):
            await self._stream.send_all(frame)

    async def hear(self) -> Any:
        """The first message of those that arrive next."""
        while True:
            data = bytes(await self._stream.receive_some(65_536))
            assert data, "the worker has gone"
            for message in self._connection.receive(data):
                return message


class HostilePeer:
    """An end of a connection that says anything."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._decoder = Decoder()

    @classmethod
    async def at(cls, network: Network, role: str, name: str = "mallory") -> HostilePeer:
        """A worker or client that was let in."""
        rogue = cls((await network.dial(None, None))[0])
        hello = Hello(PROTOCOL_VERSION, role, name, f"of-{name}"[:128], "1" * 64, "0")
        await rogue.stream.send_all(encode(hello))
        await rogue.hear("CHALLENGE")
        await rogue.stream.send_all(encode(Auth("")))
        await rogue.hear("WELCOME")
        return rogue

    @classmethod
    async def leading(cls, network: Network) -> HostilePeer:
        """A coordinator that a peer has connected to."""
        rogue = cls(await network.accept())
        await rogue.hear("HELLO")
        await rogue.stream.send_all(encode(Challenge("2" * 64, "")))
        await rogue.hear("AUTH")
        await rogue.stream.send_all(encode(Welcome(1.0, 5.0)))
        return rogue

    async def say(self, verb: str, body: Any = None, **values: Any) -> None:
        if body is not None:
            values["bytes"] = len(body)
        text = json.dumps(values, separators=(",", ":"))
        await self.stream.send_all(f"{verb} {text}\n".encode() + (body or b""))

    async def hear(self, verb: str) -> Any:
        """The next message with this verb; None if the connection ends before."""
        while True:
            message = self._decoder.next_message()
            if message is None:
                with suppress(trio.BrokenResourceError):
                    data = bytes(await self.stream.receive_some(65_536))
                    self._decoder.feed(data)
                    if data:
                        continue
                return None
            if VERBS.get(type(message).__name__, type(message).__name__.upper()) == verb:
                return message

    async def lease(self) -> tuple[Any, Any]:
        """Ask for one lease; its JOB and LEASE."""
        await self.stream.send_all(encode(Ready(1)))
        job = await self.hear("JOB")
        return job, await self.hear("LEASE")

    async def told(self) -> tuple[str, str]:
        """Code and message of the ERROR that ends the connection."""
        error = await self.hear("ERROR")
        assert error is not None, "the connection ended without a word"
        assert await self.hear("nothing") is None
        return error.code, error.message


VERBS = {"HealthAck": "HEARD", "ProgressReport": "PROGRESS", "StatusReport": "STATE"}


def refused_by_a_worker(
    network: Network,
    log: Path,
    attack: Callable[[HostilePeer], Any],
    code: str,
    named: str,
    **options: Any,
) -> None:
    """The worker says why, and works for the next coordinator."""

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log, **options).run)
            rogue = await HostilePeer.leading(network)
            await attack(rogue)
            found = await rogue.told()
            assert found[0] == code
            assert named in found[1]
            with trio.fail_after(5):
                assert await (await HostilePeer.leading(network)).hear("READY") is not None
            tasks.cancel_scope.cancel()

    run(main)


def lease(chunk: int, **changes: Any) -> dict[str, Any]:
    """Values of a LEASE of the job `j`."""
    place = {"chunk": chunk, "source": 0, "start": chunk * CHUNK, "end": (chunk + 1) * CHUNK}
    return {"job": "j", "attempt": 1, "isolated": False, **place, **changes}


def job_body(log: Path, **changes: Any) -> bytes:
    plan = prepare([str(log)], Options(chunk_size=CHUNK)).plan
    source: dict[str, Any] = {
        "url": str(log),
        "size": plan.sources[0].size,
        "fingerprint": plan.sources[0].fingerprint,
        "local": True,
        "compression": None,
        "etag": None,
    }
    body: dict[str, Any] = {
        "spec": plan.spec_json,
        "chunk_size": CHUNK,
        "expansion_max": 0,
        "sources": [source | changes.pop("source", {})],
    }
    return json.dumps(body | changes).encode()


Way = Literal["up", "down"]


class CutStream(trio.abc.Stream):
    """A stream that breaks after `left` bytes, sent (up) or received (down)."""

    def __init__(self, stream: Stream, way: Way, left: int) -> None:
        self._stream = stream
        self._way = way
        self._left = left
        self.whole = True

    async def send_all(self, data: Any) -> None:
        if self._way == "up":
            data = await self._pass(bytes(data))
            if not self.whole:
                await self._stream.send_all(data)
                await self._break()
        await self._stream.send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = bytes(await self._stream.receive_some(max_bytes))
        if self._way == "down" and data:
            data = await self._pass(data)
            if not self.whole and not data:
                await self._break()
        return data

    async def _pass(self, data: bytes) -> bytes:
        """What of these bytes still passes."""
        await trio.lowlevel.checkpoint()
        passed = data[: self._left]
        self._left -= len(passed)
        self.whole = self.whole and len(passed) == len(data)
        return passed

    async def _break(self) -> None:
        await trio.aclose_forcefully(self._stream)
        raise trio.BrokenResourceError

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        await self._stream.aclose()
