"""The bad network: late, silent, in pieces, cut; but never out of order and never made up."""

from __future__ import annotations

import contextlib

import pytest
import trio

from logan.simulation.network_proxy import NetworkConditions, open_proxy

pytestmark = pytest.mark.trio

TEXT = bytes(range(256)) * 40


async def echo(stream: trio.SocketStream) -> None:
    with contextlib.suppress(trio.BrokenResourceError):  # the test's own doing
        async with stream:
            async for data in stream:
                await stream.send_all(data)


@pytest.fixture
async def target(nursery: trio.Nursery) -> tuple[str, int]:
    listeners = await nursery.start(trio.serve_tcp, echo, 0)
    return "127.0.0.1", listeners[0].socket.getsockname()[1]


async def echoed(port: int, data: bytes) -> bytes:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(data)
        await stream.send_eof()
        received = bytearray()
        async for piece in stream:
            received += piece
        return bytes(received)


async def test_bytes_pass_in_order(target: tuple[str, int]) -> None:
    async with open_proxy(target, NetworkConditions(piece_bytes=7)) as proxy:
        assert await echoed(proxy.port, TEXT) == TEXT
        assert proxy.connections == 1


async def test_latency_is_paid_each_way(target: tuple[str, int]) -> None:
    async with open_proxy(target, NetworkConditions(latency_s=0.15)) as proxy:
        started = trio.current_time()
        assert await echoed(proxy.port, b"x") == b"x"
        assert trio.current_time() - started >= 0.3


@pytest.mark.parametrize("direction", ["up", "down"])
async def test_a_partition_is_silence_until_it_heals(
    target: tuple[str, int], direction: str
) -> None:
    async with (
        open_proxy(target) as proxy,
        await trio.open_tcp_stream("127.0.0.1", proxy.port) as stream,
    ):
        await stream.send_all(b"before")
        assert await stream.receive_some() == b"before"
        proxy.set_link(**{direction: False})
        await stream.send_all(b"during")
        with trio.move_on_after(0.2) as silence:
            await stream.receive_some()
        assert silence.cancelled_caught
        proxy.set_link(up=True, down=True)
        assert await stream.receive_some() == b"during"


async def answer(port: int, data: bytes) -> bytes:
    """What comes back until the connection ends, however it ends."""
    received = bytearray()
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(data)
            async for piece in stream:
                received += piece
    except trio.BrokenResourceError:
        pass
    return bytes(received)


async def test_a_connection_is_cut_after_so_many_bytes(target: tuple[str, int]) -> None:
    async with open_proxy(target, NetworkConditions(cut_after_bytes=1000)) as proxy:
        received = await answer(proxy.port, TEXT)
        assert TEXT[:1000].startswith(received)
        proxy.link.cut_after_bytes = None
        assert await echoed(proxy.port, TEXT) == TEXT


async def test_cut_closes_what_is_open(target: tuple[str, int], nursery: trio.Nursery) -> None:
    async with open_proxy(target) as proxy:
        ended = trio.Event()

        async def wait_for_the_end() -> None:
            assert await answer(proxy.port, b"x") in (b"", b"x")
            ended.set()

        nursery.start_soon(wait_for_the_end)
        with trio.fail_after(5):
            while not proxy.connections:
                await trio.sleep(0.01)
            while not ended.is_set():
                await proxy.cut()
                await trio.sleep(0.01)
        assert await echoed(proxy.port, b"again") == b"again"


async def test_no_server_behind_it() -> None:
    async with open_proxy(("127.0.0.1", 1)) as proxy:
        assert await answer(proxy.port, b"x") == b""
