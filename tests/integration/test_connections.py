"""Connections over real sockets: links that fall silent, processes that stand still, and crowds."""

from __future__ import annotations

import json
import selectors
import signal
import socket
import ssl
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest
import trio
import trustme

import logan
from logan.cluster.client import Client
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.handshake import client_handshake
from logan.cluster.limits import (
    CLIENT_SILENCE_LEASES,
    CLIENTS_MAX,
    CONNECTIONS_MAX,
    UNAUTHENTICATED_MAX,
)
from logan.cluster.request import Submission
from logan.cluster.transport import Transport, TransportLostError
from logan.cluster.worker.worker import Worker
from logan.scheduler.limits import Limits
from logan.simulation.network_proxy import NetworkConditions as Network
from logan.simulation.network_proxy import open_proxy
from logan.wire.codec import encode
from logan.wire.messages import PROTOCOL_VERSION, Error, Hello

pytestmark = pytest.mark.trio

HASTY = Limits(lease_s=0.8, heartbeat_s=0.2)
"""Silence is noticed after some leases, which no test should take long to wait for."""

LINES = 20_000

HELLO = Hello(
    protocol=PROTOCOL_VERSION, role="client", id="eve", session="s", nonce="1" * 64, logan="0"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "logs" / "app.log"
    path.parent.mkdir()
    path.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * LINES)
    return path


async def until(condition: Callable[[], object]) -> None:
    with trio.fail_after(30):
        while not condition():
            await trio.sleep(0.01)


# --- Silence -----------------------------------------------------------------------------------


class Relay:
    """Carries connections to `port`. Those that it has when it is frozen pass nothing any more, not
    even their end, as if a firewall had forgotten them; new ones are carried as before."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.carried = 0
        self._frozen = trio.Event()

    def freeze(self) -> None:
        self._frozen.set()
        self._frozen = trio.Event()

    async def carry(self, near: trio.SocketStream) -> None:
        """One connection, until the relay ends."""
        far = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.carried += 1
        frozen = self._frozen
        async with near, far:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_copy, near, far)
                nursery.start_soon(_copy, far, near)
                await frozen.wait()
                nursery.cancel_scope.cancel()
            await trio.sleep_forever()


async def _copy(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError):
        async for data in source:
            await sink.send_all(data)
        await sink.send_eof()


@asynccontextmanager
async def relay_to(port: int) -> AsyncIterator[tuple[Relay, str]]:
    """A relay, and the address to connect to."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    relay = Relay(port)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, relay.carry, [listener]))
        yield relay, f"127.0.0.1:{listener.socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


async def test_a_client_on_a_silent_link_gets_its_report_from_a_restarted_coordinator(
    log: Path, tmp_path: Path, nursery: trio.Nursery
) -> None:
    reports: list[bytes] = []
    said: list[str] = []

    def coordinator() -> Coordinator:
        state = str(tmp_path / "state")
        return Coordinator(port=0, limits=HASTY, roots=[str(log.parent)], state=state)

    async def submit(address: str) -> None:
        client = Client(address, say=said.append)
        reports.append(await client.submit(Submission(paths=[str(log)], confined=True)))

    async with relay_to(0) as (relay, address):
        async with coordinator() as first:
            relay.port = first.port
            nursery.start_soon(submit, address)
            await until(lambda: first.jobs)
            await trio.sleep(2 * HASTY.heartbeat_s)  # it is stored, and accepted
            relay.freeze()
        async with coordinator() as second:
            relay.port = second.port
            assert second.jobs
            worker = Worker("alice", f"127.0.0.1:{second.port}", roots=[str(log.parent)])
            nursery.start_soon(worker.run)
            await until(lambda: not second.jobs)
            assert not reports  # it does not know yet that it has been cut off
            await until(lambda: reports)
            nursery.cancel_scope.cancel()
    assert relay.carried == 2
    assert [text for text in said if "nothing heard" in text]
    report = logan.Report.from_json(reports[0])
    assert report == logan.analyze(log)


async def test_a_client_that_stood_still_gets_its_report(log: Path, nursery: trio.Nursery) -> None:
    """Stopped for longer than the coordinator waits for signs of life, as by Ctrl-Z."""
    async with Coordinator(port=0, limits=HASTY, roots=[str(log.parent)]) as coordinator:
        command = [sys.executable, "-m", "logan", "submit", log.name, "--json", "--coordinator"]
        address = f"127.0.0.1:{coordinator.port}"
        client = await trio.lowlevel.open_process(
            [*command, address], cwd=log.parent, stdout=PIPE, stderr=DEVNULL
        )
        try:
            await until(lambda: coordinator.jobs)
            client.send_signal(signal.SIGSTOP)
            await trio.sleep((CLIENT_SILENCE_LEASES + 1) * HASTY.lease_s)
            [job] = coordinator.jobs.values()
            assert not job.submitted.owned  # the coordinator has given the connection up
            client.send_signal(signal.SIGCONT)
            worker = Worker("alice", address, roots=[str(log.parent)])
            nursery.start_soon(worker.run)
            assert client.stdout is not None
            output = b"".join([piece async for piece in client.stdout])
            with trio.fail_after(30):
                assert await client.wait() == 0
        finally:
            if client.returncode is None:
                client.kill()
            with trio.CancelScope(shield=True):
                await client.wait()
        nursery.cancel_scope.cancel()
    assert json.loads(output)["total_requests"] == LINES


# --- Crowds ------------------------------------------------------------------------------------


@contextmanager
def idle_connections(port: int, count: int, says: bytes = b"") -> Iterator[None]:
    """So many connections that say this and nothing more, each opened anew as soon as it is
    closed."""
    over = threading.Event()

    def flood() -> None:
        with selectors.DefaultSelector() as open_:

            def connect() -> None:
                stranger = socket.socket()
                stranger.connect(("127.0.0.1", port))
                stranger.sendall(says)
                open_.register(stranger, selectors.EVENT_READ)

            for _ in range(count):
                connect()
            while not over.is_set():
                for key, _ in open_.select(0.05):
                    assert isinstance(key.fileobj, socket.socket)
                    with suppress(OSError):
                        if key.fileobj.recv(4096):
                            continue
                    open_.unregister(key.fileobj)
                    key.fileobj.close()
                    connect()
            for key in list(open_.get_map().values()):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def test_idle_connections_keep_out_neither_clients_nor_a_distant_worker(
    log: Path, nursery: trio.Nursery
) -> None:
    """All from one address, the worker 1,000 ms away each way."""
    async with (
        Coordinator(port=0, roots=[str(log.parent)]) as coordinator,
        open_proxy(("127.0.0.1", coordinator.port), Network(latency_s=1.0)) as proxy,
    ):
        with idle_connections(coordinator.port, 64):
            await trio.sleep(0.2)
            worker = Worker("far", f"127.0.0.1:{proxy.port}", roots=[str(log.parent)])
            nursery.start_soon(worker.run)
            client = Client(f"127.0.0.1:{coordinator.port}")
            asked = 0
            with trio.fail_after(20):
                while not coordinator.sessions:
                    await client.status()
                    asked += 1
                    await trio.sleep(0.1)
        assert asked > 10
        assert proxy.connections == 1  # it got in at its first try
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("says", [b"", b"H", encode(HELLO)], ids=["nothing", "a byte", "HELLO"])
async def test_more_idle_connections_than_there_is_room_for_keep_no_client_out(says: bytes) -> None:
    async with Coordinator(port=0) as coordinator:
        with idle_connections(coordinator.port, 2 * UNAUTHENTICATED_MAX, says):
            await trio.sleep(0.5)
            client = Client(f"127.0.0.1:{coordinator.port}")
            for _ in range(10):
                with trio.fail_after(10):
                    await client.status()


async def test_a_distant_worker_gets_in_while_its_own_address_floods(
    nursery: trio.Nursery,
) -> None:
    """Its HELLO follows right behind its connection; what it is answered takes two seconds."""
    async with Coordinator(port=0) as coordinator:
        with idle_connections(coordinator.port, 2 * UNAUTHENTICATED_MAX):
            await trio.sleep(0.5)
            plain = await trio.open_tcp_stream("127.0.0.1", coordinator.port)
            distant = Late(plain)
            link = Transport(distant, "worker")
            nursery.start_soon(_write, link)

            async def travel() -> None:
                await trio.sleep(2)
                distant.arrived.set()

            nursery.start_soon(travel)
            with trio.fail_after(10):
                await client_handshake(link, "worker", "alice", None, "")
        await trio.aclose_forcefully(plain)
        nursery.cancel_scope.cancel()


async def test_a_peer_that_has_begun_with_tls_stays_while_idle_connections_arrive(
    nursery: trio.Nursery,
) -> None:
    """TLS takes a distant worker some seconds, in which it has said more than they have."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(trusting)
    async with Coordinator(port=0, ssl=server) as coordinator:
        plain = await trio.open_tcp_stream("127.0.0.1", coordinator.port)
        distant = Late(plain)
        secure = trio.SSLStream(distant, trusting, server_hostname="localhost")
        nursery.start_soon(secure.do_handshake)
        await distant.spoken.wait()
        strangers = [
            await trio.open_tcp_stream("127.0.0.1", coordinator.port)
            for _ in range(2 * UNAUTHENTICATED_MAX)
        ]
        assert await strangers[0].receive_some() == b""  # there was no room for all of them
        distant.arrived.set()
        link = Transport(secure, "worker")
        nursery.start_soon(_write, link)
        with trio.fail_after(10):
            await client_handshake(link, "worker", "alice", None, "")
        for each in (*strangers, plain):
            await trio.aclose_forcefully(each)
        nursery.cancel_scope.cancel()


class Late(trio.abc.Stream):
    """A stream on which nothing is received before `arrived` is set."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.spoken = trio.Event()
        self.arrived = trio.Event()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)
        self.spoken.set()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        await self.arrived.wait()
        return await self._stream.receive_some(max_bytes)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_idle_clients_keep_out_neither_clients_nor_workers(
    log: Path, nursery: trio.Nursery
) -> None:
    evicted: list[str] = []

    async def idle(stream: trio.SocketStream, link: Transport) -> None:
        async with stream:
            with suppress(TransportLostError):
                while (message := await link.receive()) is not None:
                    if isinstance(message, Error):
                        evicted.append(message.message)

    async with Coordinator(port=0, roots=[str(log.parent)]) as coordinator:

        async def come(number: int) -> None:
            stream = await trio.open_tcp_stream("127.0.0.1", coordinator.port)
            link = Transport(stream, "client")
            nursery.start_soon(_write, link)
            await client_handshake(link, "client", f"client-{number}", None, "")
            nursery.start_soon(idle, stream, link)

        with trio.fail_after(30):
            for number in range(CONNECTIONS_MAX - 1):
                await come(number)
            status = await Client(f"127.0.0.1:{coordinator.port}").status()
            assert not status.workers
            nursery.start_soon(Worker("alice", f"127.0.0.1:{coordinator.port}").run)
            await coordinator.wait_for_workers(1)
        # Those that made room know why.
        assert len(evicted) >= CONNECTIONS_MAX - 1 - CLIENTS_MAX
        assert all("idle" in text for text in evicted)
        nursery.cancel_scope.cancel()


async def _write(link: Transport) -> None:
    with suppress(TransportLostError):
        await link.run()


async def test_a_coordinator_serves_on_listeners_that_it_is_given(log: Path) -> None:
    """The embedding program may have opened them: as root, or for its supervisor."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    roots = [str(log.parent)]
    async with (
        Coordinator(port=1, listeners=listeners) as coordinator,
        trio.open_nursery() as tasks,
    ):
        assert coordinator.port == port
        tasks.start_soon(Worker("alice", f"127.0.0.1:{port}", roots=roots).run)
        report = await coordinator.process_file(str(log))
        tasks.cancel_scope.cancel()
    assert report["total_requests"] == LINES
    with pytest.raises(OSError, match=r"refused|all attempts"):
        await trio.open_tcp_stream("127.0.0.1", port)
