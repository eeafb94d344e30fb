"""Coordinator and workers, whole, on memory streams and a mock clock: reports, losses, lies, links.

See `tests/support/memory_cluster.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import logan
from logan._logan import Spec, Summary
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.records import Record, ResultStored
from logan.cluster.limits import (
    COMMIT_PAUSE_S,
    HANDSHAKE_S_MAX,
    WRITE_S_MAX,
)
from logan.cluster.request import Submission
from logan.cluster.transport import TransportLostError
from logan.cluster.worker.worker import Worker
from logan.errors import (
    ClusterError,
    InputError,
    ProtocolError,
    SourceChangedError,
    UsageError,
)
from logan.model import Chunk, Source
from logan.options import Options
from logan.planning import spec
from logan.scan import ChunkResult, scan_chunk
from logan.scheduler.limits import Limits
from logan.wire.messages import (
    Auth,
    Challenge,
    Error,
    Health,
    Hello,
    Ready,
    Result,
    Welcome,
)
from tests.support.memory_cluster import (
    CHUNK,
    LINES,
    CutStream,
    Network,
    ScriptedCoordinator,
    Way,
    new_coordinator,
    open_pair,
    run,
    running,
    session_of,
    worker,
)

pytestmark = pytest.mark.usefixtures("threads_run_inline")


def test_the_report_of_one_machine(network: Network, log: Path) -> None:
    async def main() -> None:
        team = [worker(name, log) for name in ("alice", "bob", "charlie")]
        async with running(*team) as coordinator:
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            seen = await coordinator.monitor_workers()
        assert report == logan.analyze(log, chunk_size=CHUNK)
        assert report["total_requests"] == LINES
        assert [each["id"] for each in seen] == ["alice", "bob", "charlie"]
        assert sum(each["chunks_done"] for each in seen) == len(range(0, log.stat().st_size, CHUNK))

    run(main)


def test_a_panic_of_the_engine_costs_its_chunk(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on one machine: the same figures, the same bytes missing, for the same reason."""
    asked = spec._shared
    bug = {"panic_on": "10:15:03.377"}
    monkeypatch.setattr(spec, "_shared", lambda options: {**asked(options), **bug})

    async def main() -> None:
        async with running(*[worker(name, log) for name in ("alice", "bob")]) as coordinator:
            job = await coordinator.submit(
                Submission("paths", [str(log)], Options(chunk_size=CHUNK))
            )
            report = await coordinator.report_of(job)
        assert report == logan.analyze(log, chunk_size=CHUNK, errors="report")
        [missing] = report["missing"]
        start = log.read_bytes().index(b"10:15:03.377") // CHUNK * CHUNK
        assert (missing["start"], missing["end"]) == (start, start + CHUNK)
        [entry] = report["inputs"]
        assert "the engine failed on bytes" in entry["error"]

    run(main)


def test_result_can_be_asked_for_later(network: Network, log: Path) -> None:
    async def main() -> None:
        async with running(worker("alice", log)) as coordinator:
            job = await coordinator.distribute_work(str(log), chunk_size=CHUNK)
            await trio.sleep(60)
            assert (await coordinator.result(job))["total_requests"] == LINES

    run(main)


def test_results_share_commits_and_the_last_commit_does_not_wait_for_more(
    network: Network, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        groups: list[tuple[float, int]] = []
        async with new_coordinator(state=str(tmp_path / "state")) as coordinator:
            commit = coordinator._commits.journal.commit

            def counted(records: Sequence[Record]) -> None:
                done = sum(isinstance(each, ResultStored) for each in records)
                groups.append((trio.current_time(), done))
                commit(records)

            monkeypatch.setattr(coordinator._commits.journal, "commit", counted)
            async with trio.open_nursery() as tasks:
                tasks.start_soon(worker("alice", log).run)
                report = await coordinator.process_file(str(log), chunk_size=CHUNK)
                ended_at = trio.current_time()
                tasks.cancel_scope.cancel()
        chunks = len(range(0, log.stat().st_size, CHUNK))
        assert report["total_requests"] == LINES
        stored = [(at, done) for at, done in groups if done]
        assert sum(done for _, done in stored) == chunks
        assert len(stored) < chunks / 2
        # No time passes here but that of such waits.
        assert ended_at - stored[-2][0] < COMMIT_PAUSE_S

    run(main)


def test_input_errors_are_raised(network: Network, log: Path) -> None:
    async def main() -> None:
        async with running() as coordinator:
            with pytest.raises(InputError, match="no such file"):
                await coordinator.process_file(str(log.with_name("none.log")))

    run(main)


def test_worker_that_disconnects(network: Network, log: Path) -> None:
    async def main() -> None:
        # A chunk takes alice a second; bob would need longer than the job may take.
        team = [worker("alice", log, pace=CHUNK), worker("bob", log, pace=CHUNK / 1e6)]
        async with running(*team) as coordinator, trio.open_nursery() as nursery:

            async def cut() -> None:
                await trio.sleep(2)
                bob = session_of(coordinator, "bob")
                assert bob.leases
                network.down = True
                await trio.aclose_forcefully(bob.link.stream)

            nursery.start_soon(cut)
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
        assert report["total_requests"] == LINES
        assert not report["partial"]
        recoveries = report["performance"]["recoveries"]
        assert {each["worker"] for each in recoveries} == {"bob"}
        assert all(each["noticed_s"] == pytest.approx(2, abs=0.1) for each in recoveries)

    run(main)


def test_worker_that_freezes_loses_its_lease(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        team = [worker("alice", log, pace=CHUNK), worker("bob", log, pace=CHUNK)]
        async with running(*team) as coordinator, trio.open_nursery() as nursery:

            async def freeze() -> None:
                await trio.sleep(2.5)
                network.down = True
                stream = session_of(coordinator, "bob").link.stream
                monkeypatch.setattr(stream, "receive_some", lambda size: trio.sleep_forever())

            nursery.start_soon(freeze)
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            nursery.cancel_scope.cancel()
        assert report == logan.analyze(log, chunk_size=CHUNK)
        recoveries = report["performance"]["recoveries"]
        assert recoveries
        limits = coordinator.limits
        for each in recoveries:
            assert each["worker"] == "bob"
            assert each["noticed_s"] <= 2.5 + limits.lease_s + 1

    run(main)


def test_heartbeats_do_not_wait_for_a_scan(network: Network, log: Path) -> None:
    async def main() -> None:
        async def for_minutes(work: Callable[..., Any], *_: Any, **__: Any) -> Any:
            await trio.sleep(100)
            return work()

        slow = worker("alice", log, run_in_thread=for_minutes)
        gaps = []
        async with running(slow) as coordinator, trio.open_nursery() as nursery:

            async def listen() -> None:
                while True:
                    await trio.sleep(0.5)
                    (seen,) = await coordinator.monitor_workers()
                    gaps.append(seen["heard_s"])

            nursery.start_soon(listen)
            report = await coordinator.process_file(str(log), chunk_size=10**6)
            nursery.cancel_scope.cancel()
        assert report["performance"]["recoveries"] == []
        assert len(gaps) > 100
        assert max(gaps) < 2 * coordinator.limits.heartbeat_s

    run(main)


@pytest.mark.parametrize("stood_still_s", [0, 12])
def test_worker_notices_a_coordinator_that_is_silent(
    network: Network, log: Path, stood_still_s: float
) -> None:
    """Time in which the worker itself stood still, frozen or without a CPU, is not silence."""

    async def main() -> None:
        said: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker("alice", log, say=said.append).run)
            puppet = ScriptedCoordinator(await network.accept())
            assert isinstance(await puppet.hear(), Hello)
            await puppet.say(Challenge("0" * 64, ""))
            assert isinstance(await puppet.hear(), Auth)
            await puppet.say(Welcome(1.0, 5.0))
            welcomed_at = trio.current_time()
            while not isinstance(await puppet.hear(), Health):
                pass
            clock = trio.lowlevel.current_clock()
            assert isinstance(clock, MockClock)
            clock.jump(stood_still_s)
            await network.accept()  # it has given us up and tries again
            assert 5 <= trio.current_time() - welcomed_at - stood_still_s <= 8
            nursery.cancel_scope.cancel()
        assert any("nothing received for 5 s" in text for text in said)

    run(main)


def test_worker_is_there_when_it_hears_late_that_it_was_let_in(network: Network, log: Path) -> None:
    """It has work by then, which would be lost with the connection."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker("alice", log).run)
            puppet = ScriptedCoordinator(await network.accept())
            assert isinstance(await puppet.hear(), Hello)
            await puppet.say(Challenge("0" * 64, ""))
            assert isinstance(await puppet.hear(), Auth)
            await trio.sleep(HANDSHAKE_S_MAX + 1)  # at the last moment, and a trip of a second
            await puppet.say(Welcome(1.0, 5.0))
            assert isinstance(await puppet.hear(), (Ready, Health))
            nursery.cancel_scope.cancel()

    run(main)


def test_worker_comes_back_within_a_second(network: Network, log: Path) -> None:
    async def main() -> None:
        network.down = True
        async with new_coordinator() as coordinator, trio.open_nursery() as nursery:
            nursery.start_soon(worker("alice", log).run)
            await trio.sleep(30)
            network.down = False
            healed_at = trio.current_time()
            await coordinator.wait_for_workers(1)
            assert trio.current_time() - healed_at <= 1.0
            nursery.cancel_scope.cancel()

    run(main)


def test_holder_that_never_comes_back(network: Network, log: Path, tmp_path: Path) -> None:
    async def main() -> None:
        folders = {}
        for name in ("alice", "bob"):
            folders[name] = tmp_path / name
            folders[name].mkdir()
            (folders[name] / "own.log").write_bytes(log.read_bytes())
        team = [worker(name, folders[name] / "own.log", pace=CHUNK) for name in folders]
        # A second one of the same host sees the same file, which is counted once.
        team.append(worker("carol", folders["alice"] / "own.log"))
        wish = Submission("on_workers", ["*.log"], Options(chunk_size=CHUNK))
        async with running(*team) as coordinator:
            job = await coordinator.submit(wish)
            await trio.sleep(2.5)
            network.down = True
            await trio.aclose_forcefully(session_of(coordinator, "bob").link.stream)
            report = await coordinator.report_of(job)
        names = [f"{name}:{folder / 'own.log'}" for name, folder in folders.items()]
        assert [entry["path"] for entry in report["inputs"]] == names
        assert report["partial"]
        assert {each["input"] for each in report["missing"]} == {names[1]}
        assert "no worker that holds it" in report["missing"][0]["why"]
        assert LINES < report["total_requests"] < 2 * LINES

    run(main)


def test_lying_worker_is_not_believed(network: Network, log: Path) -> None:
    async def main() -> None:
        def scan_another(source: Source, chunk: Chunk, *rest: Any, **options: Any) -> ChunkResult:
            """Another chunk's figures, properly made and sealed."""
            return scan_chunk(source, replace(chunk, start=chunk.start + 1), *rest, **options)

        liar = worker("mallory", log, scan=scan_another)
        async with running(liar, worker("alice", log, pace=CHUNK)) as coordinator:
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            events = list(coordinator.events)
        assert report == logan.analyze(log, chunk_size=CHUNK)
        assert any("refused: it covers" in event.text for event in events)

    run(main)


def test_a_fast_worker_that_joins_late_does_what_a_slow_one_has(
    network: Network, log: Path
) -> None:
    """Alice needs a hundred seconds for the only chunk, and bob less than one."""

    async def main() -> None:
        size = log.stat().st_size
        slow, fast = worker("alice", log, pace=size / 100), worker("bob", log, pace=2 * size)
        async with running(slow) as coordinator, trio.open_nursery() as nursery:
            began = trio.current_time()
            job = await coordinator.distribute_work(str(log))
            await trio.sleep(2.0)
            nursery.start_soon(fast.run)
            report = await coordinator.result(job)
            assert trio.current_time() - began < 2.0 + 0.5 + 3.0
            nursery.cancel_scope.cancel()
        assert report == logan.analyze(log)

    run(main)


def liar(log: Path) -> Worker:
    """Mallory, who says of each file that it has changed."""

    def accuse(*_: Any, **__: Any) -> ChunkResult:
        raise SourceChangedError("the file was rewritten")

    return worker("mallory", log, scan=accuse)


def test_a_file_that_one_worker_calls_changed_is_looked_at(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        team = liar(log), worker("alice", log, pace=4 * CHUNK)
        async with running(*team) as coordinator:
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            events = list(coordinator.events)
        assert report == logan.analyze(log, chunk_size=CHUNK)
        assert not report["partial"]
        assert any(event.kind == "refused" and "mallory reported" in event.text for event in events)

    run(main)


def test_a_file_that_did_change_is_given_up_at_once(network: Network, log: Path) -> None:
    async def main() -> None:
        team = worker("alice", log, pace=CHUNK), worker("bob", log, pace=CHUNK)
        async with running(*team) as coordinator:
            wish = Submission("paths", [str(log)], Options(chunk_size=CHUNK))
            job = await coordinator.submit(wish)
            await trio.sleep(2.5)
            log.write_bytes(log.read_bytes()[: 3 * CHUNK])
            changed_at = trio.current_time()
            report = await coordinator.report_of(job)
            chunks = len(range(0, LINES * 50, CHUNK))
            assert trio.current_time() - changed_at < chunks / len(team) + 1.0
        assert report["partial"]
        assert all("changed" in each["why"] for each in report["missing"])
        assert "witness" not in report["missing"][0]["why"]

    run(main)


def report_with_a_liar(log: Path, verify: float, *team: Worker) -> logan.Report:
    """Of a job by Mallory, who invents figures and seals them properly, and a team."""
    invented = log.with_name("invented")
    invented.write_bytes(log.read_bytes().replace(b"INFO", b"WARN"))

    def invent(_: Source, chunk: Chunk, spec: Spec, **__: Any) -> ChunkResult:
        place = (chunk.start, chunk.end, spec)
        return ChunkResult(Summary.from_chunk(str(invented), *place, source=chunk.source))

    liar = worker("mallory", log, pace=CHUNK, scan=invent)
    found: list[logan.Report] = []

    async def main() -> None:
        async with new_coordinator(verify=verify) as coordinator, trio.open_nursery() as tasks:
            for each in (liar, *team):
                tasks.start_soon(each.run)
            await coordinator.wait_for_workers(1 + len(team))
            found.append(await coordinator.process_file(str(log), chunk_size=CHUNK))
            tasks.cancel_scope.cancel()

    run(main)
    return found[0]


def test_invented_figures_raise_an_alarm_when_all_is_verified(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_with_a_liar(log, 1.0, worker("alice", log, pace=CHUNK))
    chunks = len(range(0, log.stat().st_size, CHUNK))
    assert report["performance"]["verified"] == chunks
    # Each chunk was scanned by both.
    assert len(report["performance"]["alarms"]) == chunks
    assert "mallory" in report["performance"]["alarms"][0]


def test_invented_figures_are_believed_if_nothing_is_verified(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `verify` is for: without it such figures look like any others."""
    report = report_with_a_liar(log, 0.0, worker("alice", log, pace=CHUNK))
    assert report["performance"]["alarms"] == []
    assert report["levels"]["WARN"] > 0


def test_a_liar_alone_is_not_found_out_and_not_waited_for(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_with_a_liar(log, 1.0)
    assert report["performance"]["verified"] == 0
    assert report["performance"]["alarms"] == []


def test_honest_workers_confirm_each_other(network: Network, log: Path) -> None:
    async def main() -> None:
        team = [worker(name, log, pace=CHUNK) for name in ("alice", "bob")]
        async with new_coordinator(verify=0.1) as coordinator, trio.open_nursery() as tasks:
            for each in team:
                tasks.start_soon(each.run)
            await coordinator.wait_for_workers(2)
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            tasks.cancel_scope.cancel()
        chunks = len(range(0, log.stat().st_size, CHUNK))
        assert report == logan.analyze(log, chunk_size=CHUNK)
        assert report["performance"]["verified"] == round(0.1 * chunks)
        assert report["performance"]["alarms"] == []

    run(main)


def test_drained_worker_hands_in_and_ends(network: Network, log: Path) -> None:
    async def main() -> None:
        leaver = worker("bob", log, pace=CHUNK)
        async with running(leaver) as coordinator, trio.open_nursery() as nursery:

            async def leave() -> None:
                await trio.sleep(2.5)
                leaver.drain()
                nursery.start_soon(worker("alice", log).run)

            nursery.start_soon(leave)
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            nursery.cancel_scope.cancel()
        assert report["performance"]["recoveries"] == []
        assert leaver.health()["chunks_done"] > 0
        assert leaver.health()["chunks_lost"] == 0

    run(main)


def test_no_worker_connects(network: Network, log: Path) -> None:
    async def main() -> None:
        async with new_coordinator(worker_timeout_s=30) as coordinator:
            began = trio.current_time()
            with pytest.raises(ClusterError, match="no worker was connected for 30 s"):
                await coordinator.process_file(str(log))
            assert trio.current_time() - began == pytest.approx(30, abs=2)

    run(main)


def test_worker_reports_health_and_scans_alone(network: Network, log: Path) -> None:
    async def main() -> None:
        alone = worker("alice", log)
        size = log.stat().st_size
        parts = [await alone.process_chunk(log, at, CHUNK) for at in range(0, size, CHUNK)]
        assert sum(part["total_requests"] for part in parts) == LINES
        health = await alone.report_health()
        assert health["id"] == "alice"
        assert health["rss_bytes"] > 0
        assert not health["connected"]
        with pytest.raises(InputError):
            await alone.process_chunk(log.with_name("none.log"), 0, 1)

    run(main)


# --- Cuts ---------------------------------------------------------------------------------------

PATIENT = Limits(losses_per_chunk_max=10**6, isolate_after_losses=10**6)
"""The one worker loses every chunk hundreds of times, which is no reason to suspect the chunk."""


CUT_STRIDE = 5


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, CUT_STRIDE))]
)
def test_a_cut_at_every_offset(network: Network, log: Path, way: Way, first: int) -> None:
    """Each connection passes a few bytes more than the last one and breaks, until one lives to see
    the job's end: so, with the slow ones, each offset of greetings, leases, heartbeats and results
    is met once."""
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:4]))
    chunk_size = log.stat().st_size // 2
    connections: list[CutStream] = []

    async def connect_fraying(*arguments: Any) -> tuple[CutStream, str]:
        stream, certificate = await network.dial(*arguments)
        connections.append(CutStream(stream, way, first + CUT_STRIDE * len(connections)))
        return connections[-1], certificate

    found: list[logan.Report] = []

    async def main() -> None:
        async with new_coordinator(limits=PATIENT) as coordinator, trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log, connect=connect_fraying).run)
            found.append(await coordinator.process_file(str(log), chunk_size=chunk_size))
            tasks.cancel_scope.cancel()

    run(main)
    assert found[0] == logan.analyze(log, chunk_size=chunk_size)
    # Each was cut, but perhaps the last: a conversation is that long at least.
    assert all(not each.whole for each in connections[:-1])
    assert len(connections) > 500 // CUT_STRIDE


# --- Links -------------------------------------------------------------------------------------


def test_heartbeat_overtakes_a_long_result() -> None:
    async def main() -> None:
        coordinator, peer, _ = await open_pair()
        peer.post(Result("j", 0, 1, "d", bytes(2**20)))
        peer.post(Health(1, 0.0, 1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.run)
            first, second = await coordinator.receive(), await coordinator.receive()
            nursery.cancel_scope.cancel()
        assert isinstance(first, Health)
        assert isinstance(second, Result)

    run(main)


def test_peer_that_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        _, peer, _ = await open_pair()
        send_stream = peer.stream.send_stream  # type: ignore[attr-defined]
        monkeypatch.setattr(send_stream, "send_all", lambda data: trio.sleep_forever())
        began = trio.current_time()
        peer.post(Ready(1))
        with pytest.raises(TransportLostError, match="accepted nothing"):
            await peer.run()
        assert trio.current_time() - began == pytest.approx(WRITE_S_MAX)
        peer.post(Ready(1))  # dropped, no error

    run(main)


def test_sender_of_bodies_waits_for_room() -> None:
    async def main() -> None:
        coordinator, peer, _ = await open_pair()
        sent = 0

        async def produce() -> None:
            nonlocal sent
            for chunk in range(8):
                await peer.send(Result("j", chunk, 1, "d", bytes(2**20)))
                sent += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(produce)
            await trio.testing.wait_all_tasks_blocked()
            assert sent < 8
            nursery.start_soon(peer.run)
            for chunk in range(8):
                message = await coordinator.receive()
                assert isinstance(message, Result)
                assert message.chunk == chunk
            nursery.cancel_scope.cancel()
        assert sent == 8

    run(main)


def test_peer_that_breaks_the_protocol_is_told() -> None:
    async def main() -> None:
        coordinator, peer, _ = await open_pair()
        await peer.stream.send_all(b"nonsense\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(coordinator.run)
            with pytest.raises(ProtocolError):
                await coordinator.receive()
            answer = await peer.receive()
            nursery.cancel_scope.cancel()
        assert isinstance(answer, Error)

    run(main)


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_share_to_verify_is_from_nothing_to_all(share: float) -> None:
    with pytest.raises(UsageError, match="from 0 to 1"):
        Coordinator(verify=share)
