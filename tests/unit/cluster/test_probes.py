"""A worker's copy that differs from the planned file between its ends is found, or said to have
been read.

Connections are memory streams and time is a mock clock's, as in
`tests/support/memory_cluster.py`. A copy on another host is played by a file of another name and a
fingerprint of another host.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio

import logan
from logan import scan as scan_module
from logan._logan import Fingerprint, Summary
from logan.cluster import probes as probes_module
from logan.cluster.probes import BLOCK_BYTES, Probes, differs_at, places
from logan.cluster.worker import copies as copies_module
from logan.cluster.worker.worker import Worker
from logan.limits import MIB
from logan.options import Options
from logan.planning.prepare import prepare
from logan.sources.roots import Opened, Roots
from logan.wire import limits
from logan.wire.codec import encode
from logan.wire.messages import Lease
from tests.support.memory_cluster import (
    CHUNK,
    HostilePeer,
    Network,
    job_body,
    lease,
    new_coordinator,
    new_worker,
    refused_by_a_worker,
    run,
    worker,
)

pytestmark = pytest.mark.usefixtures("threads_run_inline")

# --- Places ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, BLOCK_BYTES, 3 * BLOCK_BYTES + 7, 32 * MIB, 2**50])
def test_places_are_blocks_of_the_chunk_the_same_each_time(size: int) -> None:
    start = 5 * MIB
    found = places("job", 3, start, start + size)
    assert found == sorted(set(found)) == places("job", 3, start, start + size)
    assert all(start <= at < start + size and not (at - start) % BLOCK_BYTES for at in found)
    assert 1 <= len(found) <= limits.PROBES_PER_LEASE_MAX
    if size <= 4 * BLOCK_BYTES:
        assert len(found) == -(-size // BLOCK_BYTES)
    if size == 32 * MIB:
        assert len(found) == 8
        others = [places("job", 4, start, start + size), places("jobs", 3, start, start + size)]
        assert found not in others


def test_a_lease_with_all_its_probes_fits_into_a_line() -> None:
    probe = (limits.INTEGER_MAX, "0" * 16)
    probes = (probe,) * limits.PROBES_PER_LEASE_MAX
    most = limits.INTEGER_MAX
    job = "j" * limits.NAME_CHARS_MAX
    line = encode(Lease(job, 16_383, most, 9_999, most - 1, most, False, probes))
    assert len(line) <= limits.LINE_BYTES_MAX


@pytest.mark.parametrize(("share", "chunks"), [(0.5, 1), (0.1, 1), (0.01, 4), (0.01, 32)])
def test_a_difference_is_found_as_likely_as_stated(share: float, chunks: int) -> None:
    """Blocks that differ lie anywhere, or side by side."""
    tries, size = 600, 32 * MIB
    blocks = chunks * size // BLOCK_BYTES
    count = round(share * blocks)
    stated = 1 - (1 - share) ** (8 * chunks)
    chance = Random(1)
    spread = set(chance.sample(range(blocks), count))
    first = chance.randrange(blocks - count)
    for differing in (spread, range(first, first + count)):
        found = sum(
            any(
                at // BLOCK_BYTES in differing
                for chunk in range(chunks)
                for at in places(f"{number:012x}", chunk, chunk * size, (chunk + 1) * size)
            )
            for number in range(tries)
        )
        # Four standard deviations.
        assert found / tries == pytest.approx(stated, abs=4 * (0.25 / tries) ** 0.5)


# --- What the coordinator makes ----------------------------------------------------------------


def probes_of(log: Path, opened: Callable[[str], Opened] | None = None) -> Probes:
    plan = prepare([str(log)], Options(chunk_size=CHUNK)).plan
    return Probes("job", plan, [str(log)], opened or Roots([str(log.parent)]).open)


def test_probes_are_those_of_the_planned_bytes(log: Path) -> None:
    async def main() -> None:
        probes = probes_of(log)
        assert probes.known(0) is None
        found = await probes.make(0)
        assert found == probes.known(0)
        assert probes.known(1)  # ahead
        with log.open("r+b") as file:
            assert differs_at(file.fileno(), found, CHUNK) is None
            file.seek(found[1][0] + 5)
            file.write(b"?")
            file.flush()
            assert differs_at(file.fileno(), found, CHUNK) == found[1][0]

    run(main)


def test_what_is_kept_is_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes_module, "KNOWN_CHUNKS_MAX", 4)
    monkeypatch.setattr(probes_module, "LOOK_AHEAD_CHUNKS", 3)

    async def main() -> None:
        probes = probes_of(log)
        first = await probes.make(0)
        for chunk in range(12):
            await probes.make(chunk)
        assert len(probes._known) <= 4
        assert await probes.make(0) == first

    run(main)


def test_a_source_that_the_coordinator_cannot_read_any_more(log: Path) -> None:
    async def main() -> None:
        changed = probes_of(log)
        log.write_bytes(log.read_bytes()[:-100])
        found, why = await changed.make_within(0, 1.0)
        assert found == ()
        assert "changed" in why
        log.unlink()
        assert changed.known(5) == ()

    run(main)


def test_a_file_that_its_fingerprint_has_whole_needs_none(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * 100)
    assert probes_of(log).known(0) == ()


# --- Workers with another copy -----------------------------------------------------------------


class Abroad:
    """Reads fingerprints as on another host, where inodes mean nothing."""

    @staticmethod
    def from_json(text: str) -> Fingerprint:
        fingerprint = json.loads(text)
        return Fingerprint.from_json(json.dumps(fingerprint | {"host": fingerprint["host"] ^ 1}))


@pytest.fixture
def abroad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies_module, "Fingerprint", Abroad)
    monkeypatch.setattr(scan_module, "Fingerprint", Abroad)


def with_copy(name: str, log: Path, copy: bytes, **options: Any) -> Worker:
    """A worker that finds `copy` where the log lies."""
    path = log.parent / name / log.name
    path.parent.mkdir()
    path.write_bytes(copy)

    class Elsewhere(Roots):
        def open(self, url: str) -> Opened:
            return Opened(os.open(path, os.O_RDONLY), url)

    return new_worker(name, roots=Elsewhere([str(path.parent)]), **{"threads": 1} | options)


def altered(log: Path, start: int, end: int) -> bytes:
    data = log.read_bytes()
    return data[:start] + data[start:end].replace(b"INFO", b"WARN") + data[end:]


def report_of(log: Path, *team: Worker) -> tuple[logan.Report, list[tuple[str, str]]]:
    """A job's report, and what was said meanwhile."""
    found: list[Any] = []

    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            for each in team:
                tasks.start_soon(each.run)
            await coordinator.wait_for_workers(len(team))
            found.append(await coordinator.process_file(str(log), chunk_size=CHUNK))
            found.append([(each.kind, each.text) for each in coordinator.events])
            tasks.cancel_scope.cancel()

    run(main)
    return found[0], found[1]


def test_a_copy_that_differs_between_its_ends_is_not_counted(
    network: Network, log: Path, abroad: None
) -> None:
    copy = altered(log, 4_096, log.stat().st_size - 4_096)
    assert copy != log.read_bytes()
    report, said = report_of(log, with_copy("alice", log, copy))
    # The first chunk showed it, and she fetched all of them.
    assert report == logan.analyze(log, chunk_size=CHUNK)
    assert report["performance"]["alarms"] == []
    told = [text for kind, text in said if kind == "refused"]
    assert len(told) == 1
    assert f"alice: {log}: the file on alice differs from the planned one after byte" in told[0]


def test_what_was_read_of_it_before_is_put_in_doubt(
    network: Network, log: Path, abroad: None
) -> None:
    """It cannot be taken out of the figures any more."""
    chunks = log.stat().st_size // CHUNK
    at = (chunks - 3) * CHUNK
    report, said = report_of(log, with_copy("alice", log, altered(log, at, at + CHUNK)))
    (alarm,) = report["performance"]["alarms"]
    assert f"the file on alice differs from the planned one after byte {at:,}" in alarm
    counted = re.search(r"; (\d+) chunks of it that alice scanned before may have been", alarm)
    assert counted is not None
    # Chunks are scanned side by side, and nearly in order.
    assert chunks - 8 <= int(counted[1]) <= chunks - 2
    assert [kind for kind, _ in said].count("alarm") == 1
    # All of them were the same, and nothing that differs was counted.
    assert report == logan.analyze(log, chunk_size=CHUNK)


@pytest.mark.parametrize("threads", [1, 8])
def test_others_do_what_the_copy_is_no_good_for(
    network: Network, log: Path, abroad: None, threads: int
) -> None:
    """Leases of it that are under way when one shows what it is count for nothing, too."""
    copy = altered(log, 4_096, log.stat().st_size - 4_096)
    alice = with_copy("alice", log, copy, threads=threads)
    report, _ = report_of(log, alice, worker("bob", log, pace=4 * CHUNK))
    assert report == logan.analyze(log, chunk_size=CHUNK)
    assert not report["partial"]


def test_a_true_copy_raises_no_doubt(network: Network, log: Path, abroad: None) -> None:
    report, said = report_of(log, with_copy("alice", log, log.read_bytes()))
    assert report == logan.analyze(log, chunk_size=CHUNK)
    assert {kind for kind, _ in said} == {"joined"}


def test_isolated_scans_compare_too(network: Network, log: Path, abroad: None) -> None:
    async def scan_isolated(*_: Any, **__: Any) -> scan_module.ChunkResult:
        await trio.lowlevel.checkpoint()
        return scan_module.ChunkResult(Summary.empty(logan.make_spec()))

    async def main() -> None:
        copy = altered(log, 4_096, log.stat().st_size - 4_096)
        probes = await probes_of(log).make(1)
        async with trio.open_nursery() as tasks:
            alice = with_copy("alice", log, copy, scan_isolated=scan_isolated)
            tasks.start_soon(alice.run)
            rogue = await HostilePeer.leading(network)
            await rogue.say("JOB", job_body(log), job="j")
            await rogue.say("LEASE", **lease(1, isolated=True), probes=probes)
            fail = await rogue.hear("FAIL")
            assert (fail.error, fail.final) == ("changed", False)
            tasks.cancel_scope.cancel()

    run(main)


def test_failing_waits_until_all_results_of_the_copy_are_known(
    network: Network, log: Path, abroad: None
) -> None:
    """Else the coordinator would not know what to doubt."""

    async def main() -> None:
        at = 2 * CHUNK
        copy = altered(log, at, at + CHUNK)
        probes = probes_of(log)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(with_copy("alice", log, copy).run)
            rogue = await HostilePeer.leading(network)
            await rogue.say("JOB", job_body(log), job="j")
            for chunk in (1, 2):
                await rogue.say("LEASE", **lease(chunk), probes=await probes.make(chunk))
            assert (await rogue.hear("RESULT")).chunk == 1
            with trio.move_on_after(3) as patience:
                await rogue.hear("FAIL")
            assert patience.cancelled_caught
            await rogue.say("DONE", job="j", chunk=1, attempt=1)
            assert (await rogue.hear("FAIL")).chunk == 2
            tasks.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("probe", [[CHUNK, "0" * 16], [0, "0" * 15], [-1, "0" * 16], [0], 5])
def test_probes_that_are_none_are_refused(network: Network, log: Path, probe: Any) -> None:
    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log), job="j")
        await rogue.say("LEASE", **lease(0), probes=[probe])

    code, named = ("state", "outside") if probe == [CHUNK, "0" * 16] else ("field", "probes")
    refused_by_a_worker(network, log, attack, code, named)


# --- Leases that wait for theirs ---------------------------------------------------------------


def test_a_lease_waits_for_its_probes(
    network: Network, log: Path, abroad: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Probes.make

    async def slowly(self: Probes, chunk: int) -> Any:
        await trio.sleep(1)
        return await make(self, chunk)

    monkeypatch.setattr(Probes, "make", slowly)
    copy = altered(log, 4_096, log.stat().st_size - 4_096)
    report, said = report_of(log, with_copy("alice", log, copy))
    assert report == logan.analyze(log, chunk_size=CHUNK)
    assert "unprobed" not in {kind for kind, _ in said}
    assert report["performance"]["recoveries"] != []  # the chunk that she failed


def test_a_disk_that_hangs_does_not_hold_the_job_up_and_is_named(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(self: Probes, chunk: int) -> Any:
        await trio.sleep_forever()

    monkeypatch.setattr(Probes, "make", hang)
    began: list[float] = []

    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log).run)
            await coordinator.wait_for_workers(1)
            began.append(trio.current_time())
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            assert report == logan.analyze(log, chunk_size=CHUNK)
            assert trio.current_time() - began[0] < coordinator.limits.lease_s
            told = [each.text for each in coordinator.events if each.kind == "unprobed"]
            assert told == [
                f"{log} cannot be compared with the workers' copies: reading it takes more than "
                "2.5 s"
            ]
            tasks.cancel_scope.cancel()

    run(main)


def test_a_lease_that_ended_meanwhile_is_not_sent(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Probes.make

    async def slowly(self: Probes, chunk: int) -> Any:
        await trio.sleep(1)
        return await make(self, chunk)

    monkeypatch.setattr(Probes, "make", slowly)

    async def main() -> None:
        async with new_coordinator() as coordinator:
            rogue = await HostilePeer.at(network, "worker")
            await rogue.say("READY", free=1)
            job = await coordinator.distribute_work(str(log), chunk_size=CHUNK)
            await trio.sleep(0.5)
            coordinator.give_up(coordinator.jobs[job].submitted)
            with trio.move_on_after(3) as patience:
                await rogue.hear("LEASE")
            assert patience.cancelled_caught

    run(main)


def test_whatever_fails_while_probes_are_made_costs_the_comparison_only(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Probes, source: int) -> Any:
        raise ValueError("a fingerprint of another version")

    monkeypatch.setattr(Probes, "_open", broken)
    report, said = report_of(log, worker("alice", log))
    assert report == logan.analyze(log, chunk_size=CHUNK)
    assert "unprobed" in [kind for kind, _ in said]
