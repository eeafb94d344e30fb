"""Connections of the cluster: which are admitted, which must go, and what happens to silent ones.

On memory streams and a mock clock, so seconds pass at once, as in
`tests/support/memory_cluster.py`.
"""

from __future__ import annotations

import math
import socket
import ssl
import statistics
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
import trio
import trustme
from trio.testing import MemoryReceiveStream, MemorySendStream, MockClock, memory_stream_pair

import logan
from logan.cluster.client import Client
from logan.cluster.coordinator.places import Place, Places, Step, network_of
from logan.cluster.handshake import client_handshake, server_handshake
from logan.cluster.keepalive import Backoff, keep_alive
from logan.cluster.limits import (
    ANSWER_S_MAX,
    CLIENT_IDLE_S_MAX,
    CLIENTS_MAX,
    CONNECTIONS_MAX,
    HANDSHAKE_S_MAX,
    RECONNECT_PAUSE_S_MAX,
    RECONNECT_PAUSE_S_MIN,
    RESUBMIT_S_MAX,
    UNAUTHENTICATED_MAX,
)
from logan.cluster.metrics import names_this_machine
from logan.cluster.request import Submission
from logan.cluster.transport import Transport, TransportLostError
from logan.errors import ClusterError, ProtocolError
from logan.wire.bodies import ProgressBody
from logan.wire.messages import Accepted, Ping, ProgressReport, Welcome
from tests.support import memory_cluster
from tests.support.memory_cluster import new_client, new_coordinator, new_worker

Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


class Network(trio.abc.Listener["Stream"]):
    """A listener whose connections are pairs of memory streams.

    `tries` has the time of each try to connect; `broken` says what a try raises instead.
    """

    def __init__(self) -> None:
        self._arrivals, self._queue = trio.open_memory_channel[Stream](math.inf)
        self.tries: list[float] = []
        self.streams: list[Stream] = []
        self.broken: Callable[[], BaseException | None] = lambda: None

    async def accept(self) -> Stream:
        return await self._queue.receive()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()  # another coordinator may listen later

    def listeners(self) -> list[Network]:
        """For the coordinator that listens next."""
        return [self]

    async def dial(self, address: object, tls: object) -> tuple[Stream, str]:
        await trio.lowlevel.checkpoint()
        self.tries.append(trio.current_time())
        error = self.broken()
        if error is not None:
            raise error
        ours, theirs = memory_stream_pair()
        self._arrivals.send_nowait(theirs)
        self.streams.append(ours)
        return ours, ""


async def inline(work: Callable[..., Any], *args: Any, **_: Any) -> Any:
    await trio.lowlevel.checkpoint()
    return work(*args)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    monkeypatch.setattr(trio.to_thread, "run_sync", inline)
    made = memory_cluster.network = Network()
    return made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * 2_000)
    return path


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        with trio.fail_after(100_000):  # of the mock clock
            await main()

    trio.run(bounded, clock=MockClock(autojump_threshold=0))


async def run_link(link: Transport) -> None:
    with suppress(TransportLostError):
        await link.run()


async def welcome(link: Transport) -> None:
    """The handshake of a coordinator that accepts every peer."""
    await server_handshake(link, None, "", lambda _: None, lambda _: None, Welcome(1.0, 5.0))


async def come(
    network: Network, tasks: trio.Nursery, role: Literal["worker", "client"], id: str
) -> Transport:
    """An authenticated connection that says nothing more. Raises as `client_handshake` does."""
    stream, _ = await network.dial(None, None)
    link = Transport(stream, role)
    tasks.start_soon(run_link, link)
    await client_handshake(link, role, id, None, "")
    return link


# --- Signs of life -----------------------------------------------------------------------------


def test_a_client_whose_connection_goes_silent_gets_its_report_all_the_same(
    network: Network, log: Path
) -> None:
    """What the coordinator sends is lost from some moment on, without the end of the stream."""

    async def main() -> None:
        submission = Submission(paths=[str(log)])
        reports: list[bytes] = []

        async def submit() -> None:
            reports.append(await new_client("memory:8000").submit(submission))

        async with new_coordinator(roots=[str(log.parent)]), trio.open_nursery() as tasks:
            tasks.start_soon(submit)
            await trio.sleep(1)
            # Nothing that either side writes arrives any more.
            stream = network.streams[0]
            swallow(stream)
            worker = new_worker("alice", roots=[str(log.parent)])
            tasks.start_soon(worker.run)
            while not reports:
                await trio.sleep(1)
            tasks.cancel_scope.cancel()
        report = logan.Report.from_json(reports[0])
        assert report["total_requests"] == 2_000
        assert trio.current_time() < RESUBMIT_S_MAX

    def swallow(stream: Stream) -> None:
        async def forever(max_bytes: int | None = None) -> bytes:
            await trio.sleep_forever()
            raise AssertionError

        async def nowhere(data: object) -> None:
            await trio.lowlevel.checkpoint()

        stream.receive_some = forever  # type: ignore[method-assign]
        stream.send_all = nowhere  # type: ignore[method-assign]

    run(main)


@pytest.mark.parametrize("standstill_s", [0, 100])
def test_silence_is_noticed_and_our_own_standstill_is_not_taken_for_it(
    standstill_s: int,
) -> None:
    async def main() -> None:
        ours, _theirs = memory_stream_pair()
        link = Transport(ours, "client")
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, MockClock)
        beats: list[float] = []

        def beat() -> None:
            beats.append(trio.current_time())
            if len(beats) == 2:
                clock.jump(standstill_s)

        with pytest.raises(TransportLostError, match="nothing received for 3 s"):
            await keep_alive(link, 1.0, 3.0, beat)
        assert trio.current_time() - standstill_s == pytest.approx(3, abs=1.01)
        assert link.lost is not None

    run(main)


def test_a_client_that_is_silent_loses_its_job_only_if_it_does_not_come_back(
    network: Network, log: Path
) -> None:
    async def main() -> None:
        submission = Submission(paths=[str(log)])
        async with (
            new_coordinator(roots=[str(log.parent)]) as coordinator,
            trio.open_nursery() as tasks,
        ):
            link = await come(network, tasks, "client", "carol")
            link.post(submission.message())
            await trio.sleep(1)
            [job] = coordinator.jobs
            await trio.sleep(20)  # it says nothing for longer than some leases
            assert list(coordinator.jobs) == [job]
            # The one that comes back is given the same job.
            again = await come(network, tasks, "client", "carol")
            again.post(submission.message())
            while True:
                message = await again.receive()
                if isinstance(message, Accepted):
                    assert message.job == job
                    break
            await trio.sleep(20 + RESUBMIT_S_MAX)
            assert not coordinator.jobs
            tasks.cancel_scope.cancel()

    run(main)


def test_a_client_that_comes_back_and_is_lost_again_has_all_of_the_time_again(
    network: Network, log: Path
) -> None:
    async def main() -> None:
        submission = Submission(paths=[str(log)])

        async def submit_and_vanish(after_s: float) -> None:
            """A client that shows signs of life for so long, and then is silent for ever."""
            async with trio.open_nursery() as own:
                link = await come(network, own, "client", "carol")
                link.post(submission.message())
                with trio.move_on_after(after_s):
                    while True:
                        link.post(Ping())
                        await trio.sleep(1)
                own.cancel_scope.cancel()

        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            await submit_and_vanish(2)
            [job] = coordinator.jobs
            await trio.sleep(RESUBMIT_S_MAX / 3)
            await submit_and_vanish(RESUBMIT_S_MAX / 2)
            # What the first loss gave it is over; the second was noticed only a while ago.
            await trio.sleep(RESUBMIT_S_MAX * 2 / 3)
            assert list(coordinator.jobs) == [job]
            await trio.sleep(RESUBMIT_S_MAX)
            assert not coordinator.jobs

    run(main)


def test_a_client_without_a_request_is_let_go_after_a_while(network: Network) -> None:
    async def main() -> None:
        async with new_coordinator(), trio.open_nursery() as tasks:
            link = await come(network, tasks, "client", "carol")

            async def live() -> None:
                while True:
                    link.post(Ping())
                    await trio.sleep(1)

            tasks.start_soon(live)
            began = trio.current_time()
            while isinstance(message := await link.receive(), Ping):
                pass
            assert "idle" in str(message)
            assert trio.current_time() - began == pytest.approx(CLIENT_IDLE_S_MAX, abs=3)
            tasks.cancel_scope.cancel()

    run(main)


# --- Coming back -------------------------------------------------------------------------------


async def rogue(network: Network, *, accepts: bool, progresses: bool = False) -> None:
    """A coordinator that admits every peer and then ends the connection, again and again."""
    done_bytes = 0

    async def serve(stream: Stream) -> None:
        nonlocal done_bytes
        link = Transport(stream, "coordinator")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_link, link)
            with suppress(TransportLostError, ProtocolError):
                await welcome(link)
                await link.receive()
                if accepts:
                    link.post(Accepted("job"))
                if progresses:
                    done_bytes += 1
                    link.post(
                        ProgressReport(
                            "job", done_bytes, 2**40, ProgressBody(workers=(), events=())
                        )
                    )
                await link.flush()
            nursery.cancel_scope.cancel()
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        while True:
            nursery.start_soon(serve, await network.accept())


@pytest.mark.parametrize("accepts", [False, True])
def test_a_client_does_not_submit_for_ever(network: Network, log: Path, accepts: bool) -> None:
    async def main() -> None:
        said: list[str] = []
        async with trio.open_nursery() as tasks:
            tasks.start_soon(partial(rogue, network, accepts=accepts))
            client = new_client("memory:8000", say=said.append)
            wrong = r"within 60 s and \d+ connections; last error: "
            with pytest.raises(ClusterError, match=wrong):
                await client.submit(Submission(paths=[str(log)]))
            tasks.cancel_scope.cancel()
        assert trio.current_time() == pytest.approx(RESUBMIT_S_MAX, abs=3)
        assert len(network.tries) < 3 * RESUBMIT_S_MAX / RECONNECT_PAUSE_S_MAX
        assert len(said) == 1

    run(main)


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError(111, "Connection refused"),
        trio.TooSlowError(),
        ConnectionResetError("reset"),
    ],
    ids=["refused", "timed out", "reset"],
)
def test_a_client_tries_again_whatever_way_it_could_not_connect(
    network: Network, log: Path, failure: BaseException
) -> None:
    async def main() -> None:
        client = new_client("memory:8000")
        async with trio.open_nursery() as tasks:
            with trio.CancelScope() as before:
                async with new_coordinator(roots=[str(log.parent)]):
                    tasks.start_soon(submit, client)
                    await trio.sleep(2)
                    network.broken = lambda: failure
                    before.cancel()
                    await trio.sleep(0)
            await trio.sleep(10)
            network.broken = lambda: None
            async with new_coordinator(roots=[str(log.parent)]):
                tasks.start_soon(new_worker("alice", roots=[str(log.parent)]).run)
                while not reports:
                    await trio.sleep(1)
            tasks.cancel_scope.cancel()
        assert logan.Report.from_json(reports[0])["total_requests"] == 2_000

    reports: list[bytes] = []

    async def submit(client: Client) -> None:
        reports.append(await client.submit(Submission(paths=[str(log)])))

    run(main)


@pytest.mark.parametrize("who", ["worker", "client"])
@pytest.mark.parametrize(
    "failure",
    [
        None,
        ConnectionRefusedError(111, "Connection refused"),
        ConnectionResetError(104, "Connection reset by peer"),
        OSError(113, "No route to host"),
        socket.gaierror(-3, "Temporary failure in name resolution"),
        trio.TooSlowError(),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_no_failure_is_repeated_without_a_pause(
    network: Network, log: Path, who: str, failure: Exception | None
) -> None:
    """The first connection is ended as soon as it is made; each further one, too, or there is none,
    which takes no time at all."""
    network.broken = lambda: None if len(network.tries) == 1 else failure

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(partial(rogue, network, accepts=False))
            with trio.move_on_after(RESUBMIT_S_MAX - 1) as time:
                if who == "worker":
                    await new_worker("alice").run()
                else:
                    await new_client("memory:8000").submit(Submission(paths=[str(log)]))
            tasks.cancel_scope.cancel()
        assert time.cancelled_caught
        pauses = [b - a for a, b in zip(network.tries, network.tries[1:], strict=False)]
        assert min(pauses) >= RECONNECT_PAUSE_S_MIN / 8
        assert statistics.median(pauses) >= RECONNECT_PAUSE_S_MAX / 4
        assert len(pauses) > RESUBMIT_S_MAX / RECONNECT_PAUSE_S_MAX / 2  # and it is repeated

    run(main)


def test_progress_that_is_claimed_does_not_shorten_the_pauses(network: Network, log: Path) -> None:
    """A coordinator that says at each connection that a little more is done, and ends it."""

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(partial(rogue, network, accepts=True, progresses=True))
            with trio.move_on_after(3 * RESUBMIT_S_MAX) as time:
                await new_client("memory:8000").submit(Submission(paths=[str(log)]))
            tasks.cancel_scope.cancel()
        # It may be the truth, so it goes on; but not at the pace of the network.
        assert time.cancelled_caught
        assert len(network.tries) < 2.5 * 3 * RESUBMIT_S_MAX / RECONNECT_PAUSE_S_MAX

    run(main)


def test_status_is_not_waited_for_for_ever(network: Network) -> None:
    """A coordinator that shows signs of life, and nothing else."""

    async def live() -> None:
        link = Transport(await network.accept(), "coordinator")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run_link, link)
            await welcome(link)
            while True:
                link.post(Ping())
                await trio.sleep(1)

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(live)
            with trio.fail_after(2 * ANSWER_S_MAX), pytest.raises(ClusterError, match="answer"):
                await new_client("memory:8000").status()
            tasks.cancel_scope.cancel()

    run(main)


def test_pauses_grow_and_are_never_nothing() -> None:
    backoff = Backoff()
    pauses = [backoff.next_s(spent_s=1e9) for _ in range(20)]
    assert min(pauses) > 0
    assert pauses[-1] <= RECONNECT_PAUSE_S_MAX
    assert pauses[-1] > pauses[0]
    backoff.reset()
    assert backoff.next_s(1e9) < pauses[-1]


# --- Places ------------------------------------------------------------------------------------


def arrive(places: Places, host: str, count: int = 1) -> list[Place]:
    made = [Place(host) for _ in range(count)]
    for each in made:
        places.enter(each)
    return made


def gone(places: list[Place]) -> int:
    return sum(each.evicted is not None for each in places)


def test_a_flood_drives_out_itself() -> None:
    places = Places()
    [distant] = arrive(places, "192.0.2.7")
    [silent] = arrive(places, "192.0.2.8")
    flood = arrive(places, "198.51.100.1", 10_000)
    assert distant.evicted is None
    assert silent.evicted is None
    assert gone(flood) == 10_000 + 2 - UNAUTHENTICATED_MAX
    assert flood[0].evicted is not None
    assert flood[-1].evicted is None
    assert len(places) == UNAUTHENTICATED_MAX


def test_a_flood_from_many_addresses_of_one_network_is_one_flood() -> None:
    """A host with one IPv6 address has 2**64 of them."""
    places = Places()
    [distant] = arrive(places, "[2001:db8:0:1::7]")
    flood = [arrive(places, f"[2001:db8:0:2::{i:x}]")[0] for i in range(1_000)]
    assert distant.evicted is None
    assert gone(flood) == 1_001 - UNAUTHENTICATED_MAX


def test_a_flood_from_one_address_does_not_drive_out_its_neighbors() -> None:
    """Machines of one site share a network of IPv6."""
    places = Places()
    [distant] = arrive(places, "[2001:db8:0:1::7]")
    flood = arrive(places, "[2001:db8:0:1::8]", 1_000)
    assert distant.evicted is None
    assert gone(flood) == 1_001 - UNAUTHENTICATED_MAX


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("[::ffff:192.0.2.7]", "192.0.2.7"),
        ("[2001:db8::1:2:3:4]", "2001:db8::/64"),
        ("[fe80::1%eth0]", "fe80::/64"),
        ("memory", "memory"),
    ],
)
def test_network_of(host: str, network: str) -> None:
    assert network_of(host) == network


def test_of_one_address_those_stay_whose_handshake_goes_on() -> None:
    places = Places()
    [worker] = arrive(places, "127.0.0.1")
    worker.reach(Step.SPOKEN)
    flood = arrive(places, "127.0.0.1", 1_000)
    assert worker.evicted is None
    assert gone(flood) == 1_001 - UNAUTHENTICATED_MAX
    assert places.admit(worker, "worker") is None


def admitted(places: Places, role: Literal["worker", "client"], count: int) -> list[Place]:
    async def main() -> None:
        for each in made:
            places.enter(each)
            refused.append(places.admit(each, role))

    made = [Place("127.0.0.1") for _ in range(count)]
    refused: list[str | None] = []
    trio.run(main, clock=MockClock())
    assert refused == [None] * count
    return made


def test_clients_leave_places_for_workers() -> None:
    places = Places()
    clients = admitted(places, "client", CLIENTS_MAX)
    for each in clients:
        each.idle_since = None  # all have an open request
    late = Place("127.0.0.1")
    places.enter(late)
    assert "too many" in (places.admit(late, "client") or "")
    workers = admitted(places, "worker", CONNECTIONS_MAX - CLIENTS_MAX)
    assert gone(workers) == gone(clients) == 0


def test_the_client_that_was_idle_for_longest_makes_room() -> None:
    places = Places()
    clients = admitted(places, "client", CLIENTS_MAX)
    for at, each in enumerate(clients):
        each.idle_since = None if at % 2 else 1_000.0 - at
    admitted(places, "client", 1)
    assert [each.evicted is not None for each in clients].index(True) == CLIENTS_MAX - 2
    assert gone(clients) == 1


def test_a_place_that_is_left_is_free() -> None:
    places = Places()
    workers = admitted(places, "worker", CONNECTIONS_MAX)
    late = Place("127.0.0.1")
    places.enter(late)
    assert places.admit(late, "worker") is not None
    places.leave(workers[0])
    assert places.admit(late, "worker") is None


def flood(places: Places, step: Step, count: int) -> None:
    """So many that come one after the other, go on to some step, and then no further."""
    for _ in range(count):
        arrive(places, "127.0.0.1")[0].reach(step)


@pytest.mark.parametrize("step", list(Step)[1:])
def test_a_peer_at_a_later_step_does_not_make_room_for_a_flood(step: Step) -> None:
    """All from one address."""
    places = Places()
    [worker] = arrive(places, "127.0.0.1")
    worker.reach(step)
    worker.reach(Step.CONNECTED)  # nothing goes back
    flood(places, Step(step - 1), 1_000)
    assert worker.evicted is None
    flood(places, step, 1_000)
    assert worker.evicted is not None  # at the same step nothing tells it from the others


@pytest.mark.parametrize("step", list(Step)[1:])
def test_a_new_peer_does_not_make_room_for_peers_that_stopped(step: Step) -> None:
    """All from one address."""
    places = Places()
    flood(places, step, 1_000)
    [newcomer] = arrive(places, "127.0.0.1")
    for reached in Step:
        newcomer.reach(reached)
        flood(places, step, UNAUTHENTICATED_MAX // len(Step) - 1)
        assert newcomer.evicted is None


def test_idle_clients_keep_no_worker_out(network: Network) -> None:
    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            for i in range(CONNECTIONS_MAX - 1):
                await come(network, tasks, "client", f"client-{i}")
            await come(network, tasks, "worker", "alice")
            await coordinator.wait_for_workers(1)
            tasks.cancel_scope.cancel()

    run(main)


def test_a_peer_that_makes_room_is_told_so(network: Network) -> None:
    async def main() -> None:
        async with new_coordinator():
            strangers = [
                (await network.dial(None, None))[0] for _ in range(UNAUTHENTICATED_MAX + 1)
            ]
            assert b'"busy"' in await strangers[0].receive_some(1024)
            assert trio.current_time() < 1
            for stranger in strangers[1:]:
                assert b"slow" in await stranger.receive_some(1024)
            assert trio.current_time() == pytest.approx(HANDSHAKE_S_MAX, abs=0.5)

    run(main)


def test_under_tls_peers_are_let_in_and_silent_connections_make_room(network: Network) -> None:
    """One that has got as far as TLS stays when there is room for no more that say nothing."""
    authority = trustme.CA()
    server, trusting = (
        ssl.SSLContext(each) for each in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(trusting)

    async def secured() -> trio.SSLStream[Stream]:
        plain, _ = await network.dial(None, None)
        stream = trio.SSLStream(plain, trusting, server_hostname="localhost", https_compatible=True)
        await stream.do_handshake()
        return stream

    async def main() -> None:
        async with new_coordinator(ssl=server), trio.open_nursery() as tasks:
            early = await secured()
            strangers = [(await network.dial(None, None))[0] for _ in range(UNAUTHENTICATED_MAX)]
            assert await strangers[0].receive_some(1) == b""
            assert trio.current_time() < 1
            link = Transport(early, "client")
            tasks.start_soon(run_link, link)
            await client_handshake(link, "client", "carol", None, "")
            link = Transport(await secured(), "worker")
            tasks.start_soon(run_link, link)
            await client_handshake(link, "worker", "alice", None, "")
            tasks.cancel_scope.cancel()

    run(main)


# --- HTTP --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ("localhost:9100", True),
        ("LOCALHOST", True),
        ("127.0.0.1:9100", True),
        ("[::1]:9100", True),
        ("192.0.2.1", True),
        ("metrics.internal:1", True),
        ("", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example:9100", False),
        ("localhost.evil.example", False),
        ("[::1", False),
    ],
)
def test_pages_of_others_do_not_reach_the_metrics(header: str, right: bool) -> None:
    assert names_this_machine(header, "metrics.internal") is right
