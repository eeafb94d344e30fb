"""What a coordinator can make a worker do at most: leases, processes, disk, what it reads.

Connections are memory streams and time is a mock clock's, as in
`tests/support/memory_cluster.py`.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

import logan
from logan._logan import Summary
from logan.cluster.worker import spool as spool_module
from logan.cluster.worker.isolation import Isolation
from logan.cluster.worker.leases import SLACK, Offer
from logan.cluster.worker.spool import FREE_SHARE_MAX, SPOOL_BYTES_MAX, Spools
from logan.cluster.worker.worker import Worker
from logan.errors import NO_ROOM, InputError
from logan.limits import MIB
from logan.model import Chunk, Source
from logan.scan import ChunkResult
from logan.scheduler.limits import Limits
from logan.wire.limits import LEASES_PER_HEALTH_MAX
from tests.support.memory_cluster import (
    CHUNK,
    LINES,
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
from tests.support.served import served

pytestmark = pytest.mark.usefixtures("threads_run_inline")

# --- Leases ------------------------------------------------------------------------------------


def test_leases_that_were_not_asked_for_end_the_connection(network: Network, log: Path) -> None:
    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log), job="j")
        for chunk in range(4):  # a worker with one thread asks for two, and forgives one
            await rogue.say("LEASE", **lease(chunk))

    named = "more leases than READY asked for"
    refused_by_a_worker(network, log, attack, "state", named, run_in_thread=trio_forever)


def test_offers_that_are_asked_for_again_and_again_do_not_add_up(
    network: Network, log: Path
) -> None:
    """Each CANCEL of what is not there makes the worker say READY again."""

    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log), job="j")
        with suppress(trio.BrokenResourceError):  # it has refused the rest by then
            for attempt in range(1, 100):
                await rogue.say("CANCEL", job="j", chunk=0, attempt=9_999)
                await rogue.say("LEASE", **lease(0, attempt=attempt))

    named = "more leases than READY asked for"
    refused_by_a_worker(network, log, attack, "state", named, run_in_thread=trio_forever)


async def trio_forever(*_: Any, **__: Any) -> None:
    await trio.sleep_forever()


@settings(max_examples=300, deadline=None)
@example(  # cancellations make room while an earlier offer is still under way
    threads=12,
    steps=[
        *[("to", 0), ("from", 7), ("result", 0), ("to", 0), ("cancel", 0), ("from", 9)],
        *[("result", 0), ("cancel", 0), ("to", 0), ("from", 5)],
    ],
)
@given(
    threads=st.integers(1, 20),
    steps=st.lists(
        st.tuples(st.sampled_from(["result", "cancel", "to", "from", "lose"]), st.integers(0, 9)),
        max_size=120,
    ),
)
def test_an_honest_coordinator_never_exceeds_the_offers(
    threads: int, steps: list[tuple[str, int]]
) -> None:
    """Whatever the delays either way: READYs and LEASEs pass each other, results come in bursts."""
    offer, room = Offer(), min(threads + 1, LEASES_PER_HEALTH_MAX)
    to_coordinator: deque[tuple[str, int]] = deque()
    to_worker: deque[tuple[str, int]] = deque()
    held: list[int] = []
    leased: set[int] = set()
    free = number = 0

    def ask() -> None:
        count = max(0, room - len(held))
        offer.renew(count)
        to_coordinator.append(("READY", count))

    def grant() -> None:
        nonlocal free, number
        while free > 0 and len(leased) < LEASES_PER_HEALTH_MAX:
            free, number = free - 1, number + 1
            leased.add(number)
            to_worker.append(("LEASE", number))

    ask()
    for step, which in steps:
        if step == "result" and held:
            to_coordinator.append(("RESULT", held.pop(which % len(held))))
            ask()
        elif step == "cancel" and leased:
            gone = sorted(leased)[which % len(leased)]
            leased.remove(gone)
            to_worker.append(("CANCEL", gone))
        elif step == "to":
            for verb, value in [to_coordinator.popleft() for _ in range(len(to_coordinator))]:
                if verb == "READY":
                    free = value
                else:
                    leased.discard(value)
                grant()
        elif step == "from":
            for verb, value in [to_worker.popleft() for _ in range(min(which, len(to_worker)))]:
                if verb == "LEASE":
                    assert offer.take(len(held))
                    held.append(value)
                elif value in held:
                    held.remove(value)
                    ask()
        assert len(held) <= LEASES_PER_HEALTH_MAX + SLACK


def test_isolated_scans_run_as_many_at_once_as_threads(network: Network, log: Path) -> None:
    running, seen = 0, []

    async def scan_slowly(*_: Any, **__: Any) -> ChunkResult:
        nonlocal running
        running += 1
        seen.append(running)
        await trio.sleep(1)
        running -= 1
        return ChunkResult(Summary.empty(logan.make_spec()))

    async def main() -> None:
        alice = new_worker("alice", roots=[str(log.parent)], threads=2, scan_isolated=scan_slowly)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(alice.run)
            rogue = await HostilePeer.leading(network)
            await rogue.say("JOB", job_body(log), job="j")
            for chunk in range(3):
                await rogue.say("LEASE", **lease(chunk, isolated=True))
            for _ in range(3):
                assert await rogue.hear("RESULT") is not None
            tasks.cancel_scope.cancel()

    run(main)
    assert max(seen) == 2
    assert len(seen) == 3


# --- What lies on servers ----------------------------------------------------------------------


@pytest.fixture
def secret() -> Iterator[tuple[str, list[str]]]:
    """URL of a web server that others than this machine cannot reach, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/internal/secret", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("roots", [[], ["https://127.0.0.1/"], ["s3://bucket/internal/"]])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_no_url_is_asked_that_the_operator_did_not_name(
    network: Network,
    log: Path,
    secret: tuple[str, list[str]],
    roots: list[str],
    compression: str | None,
) -> None:
    url, asked = secret
    said: list[str] = []

    async def main() -> None:
        alice = new_worker("alice", roots=[str(log.parent), *roots], threads=1, say=said.append)
        source = {"url": url, "fingerprint": None, "compression": compression}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(alice.run)
            rogue = await HostilePeer.leading(network)
            await rogue.say("JOB", job_body(log, source=source), job="j")
            for chunk in range(2):
                await rogue.say("LEASE", **lease(chunk))
                fail = await rogue.hear("FAIL")
                assert (fail.error, fail.final) == ("permission", False)
                assert fail.detail == (
                    f"{url} is not below a root of the worker; give it one: logan worker "
                    f"--root {url.removesuffix('secret')}"
                )
            tasks.cancel_scope.cancel()

    run(main)
    assert asked == []
    assert sum("logan worker --root" in each for each in said) == 1


def test_a_job_of_many_objects_that_no_worker_may_read_ends_soon(
    network: Network, log: Path
) -> None:
    """Each worker says so of one object, and its coordinator knows it of all of the folder."""

    async def main() -> None:
        files = {f"{i}.log": log.read_bytes()[: 9_000 + i] for i in range(40)}
        with served(files) as url:
            async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
                for name in ("alice", "bob"):
                    tasks.start_soon(worker(name, log).run)
                await coordinator.wait_for_workers(2)
                job = await coordinator.distribute_work([str(log), *(f"{url}/{i}" for i in files)])
                began = trio.current_time()
                with pytest.raises(InputError, match="logan worker --root"):
                    await coordinator.result(job)
                assert trio.current_time() - began < 30
                kinds = [each.kind for each in coordinator.events]
                assert kinds.count("refused") == 2
                told = [each.text for each in coordinator.events if each.kind == "missing"]
                assert any("and 39 more are given up: no worker can read them" in t for t in told)
                tasks.cancel_scope.cancel()

    run(main)


def test_an_isolated_scan_has_the_roots_of_its_worker(secret: tuple[str, list[str]]) -> None:
    url, asked = secret
    what = (Source(url, 9), Chunk(0, 0, 0, 9), logan.make_spec())

    async def scan(*roots: str) -> InputError:
        with pytest.raises(InputError) as caught:
            await Isolation(*what, lambda size: None, path=None, url_roots=roots).scan()
        return caught.value

    error = trio.run(scan)
    assert (error.kind, asked) == ("permission", [])
    assert "is not below a root of the worker" in str(error)
    assert "logan worker --root" in str(error.hint)
    trio.run(scan, url.removesuffix("secret"))
    assert asked  # it lies below a root, and is not an object that has ranges


# --- Room for what is fetched ------------------------------------------------------------------


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that are free for spools, in a list of one."""
    found = [10**9]
    monkeypatch.setattr(spool_module, "_free_bytes", lambda folder: found[0])
    return found


def test_what_does_not_fit_is_refused_at_once_in_words(
    free: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    async def main() -> None:
        free[0] = 1_000_000
        with pytest.raises(InputError) as caught:
            async with Spools().open("/logs/a.log", 900_001):
                pass
        assert caught.value.kind == NO_ROOM
        assert str(caught.value) == (
            f"/logs/a.log: no room in {tmp_path} for the 900,001 bytes that must be fetched: "
            f"{int(FREE_SHARE_MAX * 10**6):,} may be used"
        )
        assert "TMPDIR" in str(caught.value.hint)
        async with Spools().open("/logs/a.log", 900_000):
            pass
        free[0] = 2**62
        with pytest.raises(InputError, match="no room"):
            async with Spools().open("/logs/a.log", SPOOL_BYTES_MAX + 1):
                pass

    run(main)
    assert list(tmp_path.iterdir()) == []


def test_what_fits_alone_waits_for_others_to_end(free: list[int]) -> None:
    free[0] = 100 * MIB
    ended: list[float] = []
    spools = Spools()

    async def fetch(size: int) -> None:
        async with spools.open("a.log", size) as spool:
            spool.write(b"x" * MIB, 0)
            free[0] -= MIB
            await trio.sleep(1)
            ended.append(trio.current_time())
            free[0] += MIB

    async def main() -> None:
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(fetch, 40 * MIB)
        assert [round(each - began) for each in ended] == [1, 1, 2, 2]

    run(main)


def test_a_lease_does_not_wait_for_room_until_it_counts_as_stalled(free: list[int]) -> None:
    """It goes back to the coordinator, and does not show that the worker could not hold it."""
    free[0] = 1_000_000

    async def main() -> None:
        spools = Spools()
        async with spools.open("a.log", 600_000):
            with pytest.raises(InputError, match="other leases of this worker") as caught:
                async with spools.open("b.log", 600_000):
                    pytest.fail("there is no room beside the other one")
        assert caught.value.kind == "cancelled"
        assert trio.current_time() < Limits().stall_s
        async with spools.open("b.log", 600_000):
            pass

    run(main)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_writing_may_fail_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def fail(*_: Any) -> int:
        raise OSError(code, os.strerror(code))

    async def main() -> None:
        async with Spools().open("a.log", 100) as spool:
            spool.write(b"abc", 7)
            assert spool.read(3, 7) == b"abc"
            monkeypatch.setattr(os, "pwrite", fail)
            with pytest.raises(InputError, match=os.strerror(code)) as caught:
                spool.write(b"abc", 0)
            assert caught.value.kind == NO_ROOM

    run(main)


def test_a_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))

    async def main() -> None:
        with pytest.raises(InputError, match=r"no room in .*none for .*No such file") as caught:
            async with Spools().open("a.log", 100):
                pass
        assert caught.value.kind == NO_ROOM

    run(main)


def far_away(name: str, tmp_path: Path, said: list[str]) -> Worker:
    """A worker that must fetch all it scans."""
    folder = tmp_path / name
    folder.mkdir()
    return new_worker(name, roots=[str(folder)], threads=1, say=said.append)


@pytest.mark.parametrize("how", ["before", "while writing"])
def test_a_worker_without_room_leaves_its_part_to_others(
    network: Network,
    log: Path,
    tmp_path: Path,
    free: list[int],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    said: list[str] = []
    if how == "before":
        free[0] = 1_000
    else:
        monkeypatch.setattr(os, "pwrite", full)

    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            tasks.start_soon(far_away("alice", tmp_path, said).run)
            tasks.start_soon(worker("bob", log, pace=CHUNK).run)
            await coordinator.wait_for_workers(2)
            report = await coordinator.process_file(str(log), chunk_size=CHUNK)
            events = [(each.kind, each.text) for each in coordinator.events]
            tasks.cancel_scope.cancel()
        assert report == logan.analyze(log, chunk_size=CHUNK)
        assert sum(kind == "refused" for kind, _ in events) == 1
        assert not any("alice left" in text for _, text in events)

    run(main)
    assert sum("no room in" in each for each in said) == 1
    assert sum("connected" in each for each in said) == 1


def full(*_: Any) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("room", [1_000, 60_000])
def test_a_job_that_no_worker_has_room_for_ends_and_says_why(
    network: Network, log: Path, tmp_path: Path, free: list[int], room: int
) -> None:
    """Also where there is room for some of its chunks, which are smaller."""
    free[0] = room
    said: list[str] = []
    small = log.with_name("small.log")
    small.write_bytes(log.read_bytes()[:100])

    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            for name in ("alice", "bob"):
                tasks.start_soon(far_away(name, tmp_path, said).run)
            await coordinator.wait_for_workers(2)
            job = await coordinator.distribute_work([str(log), str(small)], chunk_size=CHUNK)
            submitted = coordinator.jobs[job].submitted
            began = trio.current_time()
            with pytest.raises(InputError) as caught:
                await coordinator.result(job)
            assert trio.current_time() - began < 120
            report = await coordinator.report_of(submitted)
            tasks.cancel_scope.cancel()
        assert caught.value.kind == NO_ROOM
        assert report["partial"]
        assert all("no room in" in each["why"] for each in report["missing"])
        assert "TMPDIR" in report["missing"][0]["why"]
        assert "tried by alice, bob" in report["missing"][0]["why"]
        assert report["total_requests"] < LINES

    run(main)


def test_a_large_range_is_bounded_by_the_room_that_there_is(
    network: Network, log: Path, tmp_path: Path
) -> None:
    """A coordinator may say that a source is as large as it likes."""
    said: list[str] = []

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(far_away("alice", tmp_path, said).run)
            rogue = await HostilePeer.leading(network)
            body = json.loads(job_body(log))
            body["sources"][0]["size"] = 2**62
            await rogue.say("JOB", json.dumps(body).encode(), job="j")
            await rogue.say("LEASE", **lease(0, end=2**62))
            fail = await rogue.hear("FAIL")
            assert fail.error == NO_ROOM
            assert f"{2**62:,} bytes" in fail.detail
            tasks.cancel_scope.cancel()

    run(main)
