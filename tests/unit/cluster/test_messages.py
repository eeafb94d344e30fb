"""What a peer with the token may say at worst, on every side: its connection ends, nothing else.

Connections are memory streams and time is a mock clock's, as in
`tests/support/memory_cluster.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import trio

import logan
from logan._logan import Fingerprint, Spec, Summary
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.request import Submission
from logan.cluster.scanning import digest_of
from logan.cluster.worker.leases import ActiveLease
from logan.errors import ClusterError, InputError, UsageError
from logan.options import Options
from logan.report import Report
from logan.scheduler.limits import Limits
from logan.wire import limits
from logan.wire.codec import encode, encode_json
from logan.wire.messages import (
    Challenge,
    Error,
    Lease,
)
from tests.support.memory_cluster import (
    CHUNK,
    HostilePeer,
    Network,
    job_body,
    new_client,
    new_coordinator,
    open_pair,
    refused_by_a_worker,
    run,
    worker,
)

pytestmark = pytest.mark.usefixtures("threads_run_inline")


def result_of(log: Path, lease: Lease, spec: str) -> tuple[dict[str, Any], bytes]:
    """A RESULT of the lease as it must be."""
    made = Summary.from_chunk(str(log), lease.start, lease.end, Spec(spec), source=lease.source)
    data = made.to_bytes()
    key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
    return key | {"digest": digest_of(data)}, data


def spec_of(coordinator: Coordinator, lease: Lease) -> str:
    return coordinator.jobs[lease.job].plan.spec_json


def nothing_internal(coordinator: Coordinator) -> None:
    assert not [each for each in coordinator.events if "internal" in each.text]


def beside_an_honest_job(
    network: Network, log: Path, attack: Callable[[Coordinator, HostilePeer], Any]
) -> None:
    """Have a hostile worker attack, with a lease of a job that an honest worker then finishes."""

    async def main() -> None:
        async with (
            new_coordinator(roots=[str(log.parent)]) as coordinator,
            trio.open_nursery() as tasks,
        ):
            rogue = await HostilePeer.at(network, "worker")
            found: list[bytes] = []

            async def submit() -> None:
                wish = Submission(paths=[str(log)], options=Options(chunk_size=CHUNK))
                answer = await new_client("memory:8000").submit(wish)
                found.append(answer if isinstance(answer, bytes) else answer[1])

            async with trio.open_nursery() as nursery:
                nursery.start_soon(submit)
                await attack(coordinator, rogue)
                tasks.start_soon(worker("alice", log).run)
            nothing_internal(coordinator)
            status = await new_client("memory:8000").status()
            assert {each.id for each in status.workers} == {"alice", "mallory"}
            assert Report.from_json(found[0]) == logan.analyze(log, chunk_size=CHUNK)
            tasks.cancel_scope.cancel()

    run(main)


# --- RESULT ------------------------------------------------------------------------------------

DEEP: Any = 1
for _ in range(14):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "note",
    [
        "5",
        "[" * 1_000,
        5,
        [],
        [None, [0] * 8],
        DEEP,
        {"fault": ["missing", "why"]},
        {"fault": {"kind": {"a": 1}, "why": [2]}},
        {"fault": {"kind": "missing", "why": "x" * 1_201}},
        {"archive": {"decoded": -1, "members": 1}},
        {"archive": {"decoded": 1, "members": 1, "more": 1}},
    ],
    ids=lambda note: json.dumps(note)[:40],
)
def test_a_malformed_note_ends_the_connection_it_came_over(
    network: Network, log: Path, note: Any
) -> None:
    async def attack(coordinator: Coordinator, rogue: HostilePeer) -> None:
        _, lease = await rogue.lease()
        values, data = result_of(log, lease, spec_of(coordinator, lease))
        await rogue.say("RESULT", data, **values, note=note)
        code, text = await rogue.told()
        assert code == "field"
        assert text.startswith("RESULT: note")

    beside_an_honest_job(network, log, attack)


def test_a_note_about_an_archive_is_refused_where_there_is_none(
    network: Network, log: Path
) -> None:
    """Else bytes that the figures have would be reported as missing."""

    async def attack(coordinator: Coordinator, rogue: HostilePeer) -> None:
        _, lease = await rogue.lease()
        values, data = result_of(log, lease, spec_of(coordinator, lease))
        note = {"fault": {"kind": "unreadable", "why": "made up"}, "archive": None}
        await rogue.say("RESULT", data, **values, note=note)
        assert await rogue.hear("STALE") is not None
        assert "an archive" in coordinator.events[-1].text
        await rogue.say("BYE")

    beside_an_honest_job(network, log, attack)


@pytest.mark.parametrize(
    "changes", [{"attempt": 7}, {"chunk": 9}, {"chunk": 16_383}, {"job": "x"}], ids=str
)
@pytest.mark.parametrize("verb", ["RESULT", "FAIL", "HEALTH"])
def test_nothing_is_said_of_a_lease_that_was_never_granted(
    network: Network, log: Path, verb: str, changes: dict[str, Any]
) -> None:
    async def attack(coordinator: Coordinator, rogue: HostilePeer) -> None:
        _, lease = await rogue.lease()
        key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt} | changes
        if verb == "RESULT":
            _, data = result_of(log, lease, spec_of(coordinator, lease))
            await rogue.say("RESULT", data, **key, digest=digest_of(data))
        elif verb == "FAIL":
            await rogue.say("FAIL", **key, error="gone", detail="made up", final=True)
        else:
            leases = [key | {"scanned_bytes": 1}]
            await rogue.say("HEALTH", rss_bytes=1, cpu_percent=1, threads=1, leases=leases)
        code, text = await rogue.told()
        assert code == "state"
        assert "was never leased" in text

    beside_an_honest_job(network, log, attack)


# --- HEALTH ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scanned", [CHUNK + 1, 2**63 - 1])
def test_progress_beyond_the_lease_is_refused(network: Network, log: Path, scanned: int) -> None:
    async def attack(coordinator: Coordinator, rogue: HostilePeer) -> None:
        _, lease = await rogue.lease()
        key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
        for size in (1, scanned):
            leases = [key | {"scanned_bytes": size}]
            await rogue.say("HEALTH", rss_bytes=1, cpu_percent=1, threads=1, leases=leases)
            await trio.sleep(0)
        await new_client("memory:8000").status()
        code, text = await rogue.told()
        assert code == "state"
        assert f"{scanned:,} bytes scanned" in text

    beside_an_honest_job(network, log, attack)


def test_a_worker_reports_progress_within_its_lease() -> None:
    """Also where bytes are gone through more often than was known before."""
    for isolated in (False, True):
        held = ActiveLease(Lease("j", 0, 1, 0, 100, 1_100, isolated), cast(Any, None))
        before = 0
        for _ in range(20):
            held.count(700)
            now = held.scanned_bytes
            assert before <= now <= 1_000
            assert not isolated or before < now < 1_000  # it is seen to go on
            before = now


def test_what_was_under_way_when_a_lease_or_a_job_ended_is_no_violation(
    network: Network, log: Path
) -> None:
    async def main() -> None:
        async with new_coordinator() as coordinator:
            rogue = await HostilePeer.at(network, "worker")
            job = await coordinator.distribute_work(str(log), chunk_size=CHUNK)
            _, lease = await rogue.lease()
            key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
            values, data = result_of(log, lease, spec_of(coordinator, lease))
            health: dict[str, Any] = {"rss_bytes": 1, "cpu_percent": 1, "threads": 1}
            leases = [key | {"scanned_bytes": CHUNK}]
            await trio.sleep(coordinator.limits.lease_s + 1)  # it has run out
            await rogue.say("HEALTH", **health, leases=leases)
            assert await rogue.hear("HEARD") is not None
            coordinator.give_up(coordinator.jobs[job].submitted)
            await coordinator._changes.until(lambda: not coordinator.jobs)
            await rogue.say("HEALTH", **health, leases=leases)
            assert await rogue.hear("HEARD") is not None
            await rogue.say("FAIL", **key, error="cancelled", detail="stopped")
            await rogue.say("RESULT", data, **values)
            assert await rogue.hear("STALE") is not None
            nothing_internal(coordinator)

    run(main)


def test_every_state_and_progress_passes_the_schema_of_the_peers(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where sizes are absurd, heartbeats come at once, and the clock is set back."""
    from logan.wire.codec import check_body

    size = 2**63 - 4_096
    sparse = log.with_name("sparse.log")
    sparse.write_bytes(log.read_bytes())

    async def main() -> None:
        async with new_coordinator() as coordinator:
            rogue = await HostilePeer.at(network, "worker", "x" * 128)
            jobs = []
            for _ in range(3):
                jobs.append(await coordinator.distribute_work(str(sparse), chunk_size=2**40))
            for id in jobs:
                job = coordinator.jobs[id]
                object.__setattr__(job.plan.sources[0], "size", size)
                object.__setattr__(job.plan.chunks[0], "end", size)
            _, lease = await rogue.lease()
            key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
            for scanned in (0, size):
                leases = [key | {"scanned_bytes": scanned}]
                await rogue.say(
                    "HEALTH",
                    rss_bytes=2**63 - 1,
                    cpu_percent=1e300,
                    threads=1_024,
                    leases=leases,
                )
                await rogue.hear("HEARD")
            coordinator.events.note("alarm", "x" * 100_000)
            coordinator.events.note("alarm", "\udcff\x1b")
            coordinator._status.started_at += 3_600
            status = coordinator.status()
            assert status.workers[0].bytes_per_second > 2**61
            check_body(status)
            check_body(coordinator._status.progress(tuple(coordinator.events)))
            assert (await new_client("memory:8000").status()).jobs
            for id in jobs:
                coordinator.give_up(coordinator.jobs[id].submitted)

    run(main)


def test_a_fetched_result_of_a_source_that_changed_is_answered(network: Network, log: Path) -> None:
    """Else its worker would wait for the answer, and with some of them ask for nothing more."""

    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            rogue = await HostilePeer.at(network, "worker")
            job = await coordinator.distribute_work(str(log), chunk_size=CHUNK)
            _, lease = await rogue.lease()
            values, data = result_of(log, lease, spec_of(coordinator, lease))
            await rogue.say("FETCH", id=1, job=job, source=0, start=lease.start, end=lease.end)
            assert await rogue.hear("DATA") is not None
            log.write_text("something else\n")
            await rogue.say("RESULT", data, **values)
            assert await rogue.hear("STALE") is not None
            coordinator.give_up(coordinator.jobs[job].submitted)
            nothing_internal(coordinator)

    run(main)


def test_a_source_that_cannot_be_looked_at_for_a_moment_is_not_given_up(
    network: Network, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched is checked when its result comes; that this failed says nothing of it."""

    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            rogue = await HostilePeer.at(network, "worker")
            job = await coordinator.distribute_work(str(log), chunk_size=CHUNK)
            _, lease = await rogue.lease()
            values, data = result_of(log, lease, spec_of(coordinator, lease))
            await rogue.say("FETCH", id=1, job=job, source=0, start=lease.start, end=lease.end)
            assert await rogue.hear("DATA") is not None
            with monkeypatch.context() as patch:
                patch.setattr(ActiveJob, "look_at", lambda job, source: (None, "no descriptors"))
                await rogue.say("RESULT", data, **values)
                assert await rogue.hear("STALE") is not None
            running = coordinator.jobs[job]
            assert running.lost == []
            report = None
            async with trio.open_nursery() as tasks:
                tasks.start_soon(worker("alice", log).run)
                report = await coordinator.report_of(running.submitted)
                tasks.cancel_scope.cancel()
            assert report == logan.analyze(log, chunk_size=CHUNK)
            nothing_internal(coordinator)

    run(main)


def test_nothing_is_sent_to_a_peer_that_has_ended_the_conversation() -> None:
    """Work may be sent to it until its task has ended; that must not fail in the sender."""

    async def main() -> None:
        coordinator, peer, _ = await open_pair()
        peer.post(Error("tired", "no more"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.run)
            assert isinstance(await coordinator.receive(), Error)
            nursery.cancel_scope.cancel()
        coordinator.post(Lease("j", 0, 1, 0, 0, 10))
        assert coordinator.lost is None

    run(main)


# --- FAIL --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end"),
    [(CHUNK, CHUNK + 1), (0, 0), (5, 4), (0, 2**62), (2**62, 2**63 - 1), (0, None)],
)
def test_bad_bytes_lie_in_the_chunk(
    network: Network, log: Path, start: int, end: int | None
) -> None:
    async def attack(coordinator: Coordinator, rogue: HostilePeer) -> None:
        _, lease = await rogue.lease()
        key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
        bad: dict[str, Any] = {"bad_start": start} | ({} if end is None else {"bad_end": end})
        await rogue.say("FAIL", **key, error="poison", detail="made up", **bad)
        code, text = await rogue.told()
        assert code == ("field" if end is None else "state")
        assert text.startswith("FAIL: ")

    beside_an_honest_job(network, log, attack)


# --- FOUND -------------------------------------------------------------------------------------


def found_file(log: Path, **changes: Any) -> dict[str, Any]:
    file = {
        "url": str(log),
        "size": log.stat().st_size,
        "fingerprint": Fingerprint.of(str(log)).to_json(),
        "mtime_ns": 0,
        "compression": None,
        "written_ns": None,
        "samples": [[0, base64.b64encode(log.read_bytes()[:1_000]).decode()]],
    }
    return {name: value for name, value in (file | changes).items() if value != "left out"}


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "left out"},
        {"url": None},
        {"url": 5},
        {"url": "a\0b"},
        {"url": "x" * 10_000},
        {"size": None},
        {"size": -1},
        {"size": 1.5},
        {"size": 2**63 - 1 + 0.0},
        {"size": "1"},
        {"fingerprint": None},
        {"fingerprint": "no JSON"},
        {"fingerprint": "{}"},
        {"fingerprint": "[" * 10_000},
        {"fingerprint": {}},
        {"mtime_ns": "x"},
        {"compression": 7},
        {"compression": "../../x"},
        {"samples": 5},
        {"samples": [5]},
        {"samples": [[-1, ""]]},
        {"samples": [[0, "no base64!"]]},
        {"samples": [[0, "\ud800"]]},
        {"samples": [[0, ""]] * 100},
        {"more": 1},
        5,
        [],
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_malformed_found_ends_the_connection_it_came_over(
    network: Network, log: Path, changes: Any
) -> None:
    async def main() -> None:
        async with (
            new_coordinator() as coordinator,
            trio.open_nursery() as tasks,
        ):
            tasks.start_soon(worker("alice", log).run)
            rogue = await HostilePeer.at(network, "worker")
            await coordinator.wait_for_workers(2)

            async def answer() -> None:
                search = await rogue.hear("SEARCH")
                file = found_file(log, **changes) if isinstance(changes, dict) else changes
                body = json.dumps({"files": [file], "errors": []}).encode()
                await rogue.say("FOUND", body, id=search.id)
                code, text = await rogue.told()
                assert code == "field"
                assert text.startswith("FOUND: ")

            tasks.start_soon(answer)
            wish = Submission("on_workers", ["*.log"], Options(chunk_size=CHUNK))
            found = await new_client("memory:8000").submit(wish)
            report = Report.from_json(found if isinstance(found, bytes) else found[1])
            assert [entry["path"] for entry in report["inputs"]] == [f"alice:{log}"]
            nothing_internal(coordinator)
            assert [each.name for each in coordinator.sessions.values()] == ["alice"]
            tasks.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize("body", [b"{}", b'{"files":5}', b"5", b"[[[", b"\xff", b""], ids=str)
def test_a_found_that_is_not_an_answer(network: Network, log: Path, body: bytes) -> None:
    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            rogue = await HostilePeer.at(network, "worker")

            async def answer() -> None:
                search = await rogue.hear("SEARCH")
                await rogue.say("FOUND", body, id=search.id)
                assert (await rogue.told())[0] in ("field", "json")

            tasks.start_soon(answer)
            began = trio.current_time()
            with pytest.raises(InputError, match="no file on any worker"):
                await new_client("memory:8000").submit(Submission("on_workers", ["*.log"]))
            assert trio.current_time() - began < 20
            nothing_internal(coordinator)

    run(main)


def test_a_worker_that_answers_no_search_does_not_keep_others_from_searching(
    network: Network, log: Path
) -> None:
    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log).run)
            rogue = await HostilePeer.at(network, "worker")
            await coordinator.wait_for_workers(2)

            async def stay() -> None:
                while await rogue.hear("SEARCH") is not None:
                    await rogue.say("HEALTH", rss_bytes=1, cpu_percent=1, threads=1)

            tasks.start_soon(stay)
            for _ in range(limits.SEARCHES_MAX + 2):
                job = await coordinator.submit(Submission("on_workers", ["*.log"]))
                report = await coordinator.report_of(job)
                assert [entry["path"] for entry in report["inputs"]] == [f"alice:{log}"]
            nothing_internal(coordinator)
            tasks.cancel_scope.cancel()

    run(main)


# --- SUBMIT ------------------------------------------------------------------------------------


def submit_body(**changes: Any) -> bytes:
    return json.dumps({"paths": ["*.log"], "base": None, "options": {}} | changes).encode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"no JSON", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "too deeply"),
        (b"[]", "expected object"),
        (submit_body(paths=5), "paths"),
        (submit_body(paths=["a\0"]), "paths[0]"),
        (submit_body(base=["a"]), "base"),
        (submit_body(options={"top": 2**62}), "options.top"),
        (submit_body(options={"top": "5"}), "options.top"),
        (submit_body(options={"by": "route"}), "options.by"),
        (submit_body(options={"chunk_size": 0}), "options.chunk_size"),
        (submit_body(options={"chunk_size": 2**62}), "options.chunk_size"),
        (submit_body(options={"since_ns": "now"}), "options.since_ns"),
        (submit_body(options={"where": 5}), "options.where"),
        (submit_body(options={"input_tz": 5}), "options.input_tz"),
        (submit_body(options={"series_points": -1}), "options.series_points"),
        (submit_body(options={"anchor": "soon"}), "options.anchor"),
        (submit_body(options={"unheard_of": 1}), "unheard_of"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_submission_of_a_wrong_type_or_range_is_answered(
    network: Network, log: Path, body: bytes, named: str
) -> None:
    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            rogue = await HostilePeer.at(network, "client")
            await rogue.say("SUBMIT", body, kind="paths")
            code, text = await rogue.told()
            assert code in ("json", "field")
            assert text.startswith("SUBMIT: ")
            assert named in text
            nothing_internal(coordinator)

    run(main)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"since_ns": 5, "until_ns": 5}, "since is not before until"),
        ({"where": "status >"}, "status >"),
        ({"format": "(?P<nothing>"}, "(?P<nothing>"),
        ({"input_tz": "Mars/Olympus"}, "Mars/Olympus"),
        ({"anchor": "9999-12-31T23:59:59"}, "anchor"),
        ({"anchor": "0001-01-01T00:00:00"}, "anchor"),
        ({"by": ["colour"]}, "colour"),
    ],
    ids=str,
)
def test_a_submission_that_makes_no_sense_gets_a_report_of_an_error(
    network: Network, log: Path, options: dict[str, Any], named: str
) -> None:
    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            rogue = await HostilePeer.at(network, "client")
            body = submit_body(paths=[str(log)], options=options)
            await rogue.say("SUBMIT", body, kind="paths")
            report = await rogue.hear("REPORT")
            assert report is not None
            assert report.kind == "error"
            assert named in json.loads(report.body)["message"]
            nothing_internal(coordinator)

    run(main)


@pytest.mark.parametrize("path", ["https://[", "s3://[/b", "http://[::1", "http://a]b/c"])
def test_an_invalid_url_is_not_found(network: Network, log: Path, path: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        logan.analyze(path)

    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            found = await new_client("memory:8000").submit(Submission("paths", [path]))
            report = Report.from_json(found if isinstance(found, bytes) else found[1])
            assert report["inputs"][0]["error"] is not None
            nothing_internal(coordinator)

    run(main)


def test_a_second_submission_is_refused_in_words(network: Network, log: Path) -> None:
    async def main() -> None:
        async with new_coordinator(roots=[str(log.parent)]) as coordinator:
            rogue = await HostilePeer.at(network, "client")
            for _ in range(2):
                await rogue.say("SUBMIT", submit_body(paths=[str(log)]), kind="paths")
            assert await rogue.told() == ("order", "one job per connection")
            nothing_internal(coordinator)

    run(main)


# --- WELCOME -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heartbeat_s", "lease_s", "named"),
    [(0, 5, "heartbeat_s"), (1, 1e300, "lease_s"), (1, -1, "lease_s"), ("1", 5, "heartbeat_s")],
)
def test_impossible_intervals_are_refused(
    network: Network, log: Path, heartbeat_s: Any, lease_s: float, named: str
) -> None:
    """A heartbeat each 0 s would be a busy loop."""

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log).run)
            rogue = HostilePeer(await network.accept())
            await rogue.hear("HELLO")
            await rogue.stream.send_all(encode(Challenge("2" * 64, "")))
            await rogue.hear("AUTH")
            await rogue.say("WELCOME", heartbeat_s=heartbeat_s, lease_s=lease_s)
            assert await rogue.hear("HEALTH") is None
            with trio.fail_after(5):
                assert await (await HostilePeer.leading(network)).hear("READY") is not None
            tasks.cancel_scope.cancel()

    run(main)
    with pytest.raises(UsageError, match="workers accept"):
        Coordinator(limits=Limits(lease_s=1e6))


# --- A rogue coordinator -----------------------------------------------------------------------


@pytest.mark.parametrize("body", [{"patterns": 5}, {"patterns": [1, 2]}, {}, [], "x"], ids=str)
def test_a_malformed_search_ends_no_worker(network: Network, log: Path, body: Any) -> None:
    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("SEARCH", json.dumps(body).encode(), id=1)

    refused_by_a_worker(network, log, attack, "field", "SEARCH: ")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"spec": 5}, "spec"),
        ({"spec": "no spec"}, "spec"),
        ({"chunk_size": 0}, "chunk_size"),
        ({"sources": None}, "sources"),
        ({"sources": [1]}, "sources[0]"),
        ({"source": {"size": None}}, "sources[0].size"),
        ({"source": {"size": -1}}, "sources[0].size"),
        ({"source": {"url": None}}, "sources[0].url"),
        ({"source": {"fingerprint": "x"}}, "sources[0]"),
        ({"source": {"local": "yes"}}, "sources[0].local"),
        ({"source": {"compression": 1}}, "sources[0].compression"),
        ({"source": {"more": 1}}, "more"),
    ],
    ids=str,
)
def test_a_malformed_job_is_refused(
    network: Network, log: Path, changes: dict[str, Any], named: str
) -> None:
    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log, **changes), job="j")

    refused_by_a_worker(network, log, attack, "field", named)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"job": "other"}, "no JOB described job other"),
        ({"source": 1}, "source 1 of job j, which has 1"),
        ({"start": 5, "end": 5}, "bytes 5 to 5"),
        ({"end": 2**62}, "of a source of"),
    ],
    ids=str,
)
def test_a_lease_must_fit_its_job(
    network: Network, log: Path, changes: dict[str, Any], named: str
) -> None:
    async def attack(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log), job="j")
        lease: dict[str, Any] = {"job": "j", "chunk": 0, "attempt": 1, "source": 0}
        lease |= {"start": 0, "end": CHUNK}
        await rogue.say("LEASE", **lease | {"isolated": False} | changes)

    refused_by_a_worker(network, log, attack, "state", named)


def test_a_lease_is_given_once_and_a_result_answered_once(network: Network, log: Path) -> None:
    lease: dict[str, Any] = {"job": "j", "chunk": 0, "attempt": 1, "source": 0}
    lease |= {"start": 0, "end": CHUNK}

    async def twice(rogue: HostilePeer) -> None:
        await rogue.say("JOB", job_body(log), job="j")
        for _ in range(2):
            await rogue.say("LEASE", **lease, isolated=False)

    refused_by_a_worker(network, log, twice, "state", "is leased already")

    async def unasked(rogue: HostilePeer) -> None:
        await rogue.say("DONE", job="j", chunk=0, attempt=1)

    refused_by_a_worker(network, log, unasked, "state", "awaits an answer")


def test_jobs_that_a_worker_must_remember_are_bounded(network: Network, log: Path) -> None:
    async def attack(rogue: HostilePeer) -> None:
        for number in range(65):
            await rogue.say("JOB", job_body(log), job=f"j{number}")

    refused_by_a_worker(network, log, attack, "state", "more than 64 jobs")


def test_no_more_jobs_run_than_workers_accept(network: Network, log: Path) -> None:
    """Also where they are all planned at the same time."""

    async def main() -> None:
        async with new_coordinator() as coordinator, trio.open_nursery() as tasks:
            refused = []

            async def submit() -> None:
                try:
                    await coordinator.distribute_work(str(log), chunk_size=10**6)
                except ClusterError as error:
                    refused.append(str(error))

            for _ in range(70):
                tasks.start_soon(submit)
            await trio.testing.wait_all_tasks_blocked()
            assert refused == ["64 jobs are running"] * 6
            tasks.start_soon(worker("alice", log).run)
            await coordinator._changes.until(lambda: not coordinator.jobs)
            assert [each.kind for each in coordinator.events] == ["joined"]
            tasks.cancel_scope.cancel()

    run(main)


def test_a_cancel_may_overtake_what_it_cancels(network: Network, log: Path) -> None:
    async def main() -> None:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(worker("alice", log).run)
            rogue = await HostilePeer.leading(network)
            assert (await rogue.hear("READY")).free == 2
            await rogue.say("CANCEL", job="j")
            await rogue.say("JOB", job_body(log), job="j")
            await rogue.say(
                "LEASE", job="j", chunk=0, attempt=1, source=0, start=0, end=9, isolated=False
            )
            assert (await rogue.hear("READY")).free == 2
            assert await rogue.hear("HEALTH") is not None
            tasks.cancel_scope.cancel()

    run(main)


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        ([("STATE", b"{}", {})], "STATE: "),
        ([("STATE", b"[]", {})], "STATE: "),
        (
            [("ACCEPTED", None, {"job": "j"}), ("ACCEPTED", None, {"job": "j"})],
            "answers no request",
        ),
        ([("REPORT", b"{}", {"job": "j", "kind": "report"})], "answers no request"),
        ([("REPORT", b"{}", {"job": "", "kind": "error"})], "REPORT: "),
        ([("REPORT", b"5", {"job": "", "kind": "error"})], "REPORT: "),
        ([("REPORT", b"{}", {"job": "", "kind": "song"})], "REPORT: kind"),
        (
            [
                ("ACCEPTED", None, {"job": "j"}),
                ("PROGRESS", b"{}", {"job": "j", "done_bytes": 1, "total_bytes": 2}),
            ],
            "PROGRESS: ",
        ),
        (
            [
                ("ACCEPTED", None, {"job": "j"}),
                ("REPORT", b"[" * 100_000, {"job": "j", "kind": "report"}),
            ],
            "not a report",
        ),
        (
            [("ACCEPTED", None, {"job": "j"}), ("REPORT", b"5", {"job": "j", "kind": "report"})],
            "not a report",
        ),
        (
            [("ACCEPTED", None, {"job": "j"}), ("REPORT", b"{}", {"job": "j", "kind": "report"})],
            "it has no schema_version",
        ),
    ],
    ids=str,
)
def test_a_client_refuses_invalid_answers(
    network: Network, messages: list[tuple[str, bytes | None, dict[str, Any]]], named: str
) -> None:
    async def main() -> None:
        async with trio.open_nursery() as tasks:

            async def lead() -> None:
                rogue = await HostilePeer.leading(network)
                assert await rogue.hear("SUBMIT") is not None
                for verb, body, values in messages:
                    await rogue.say(verb, body, **values)
                assert named in (await rogue.told())[1]

            tasks.start_soon(lead)
            with pytest.raises(ClusterError, match=named):
                await new_client("memory:8000").submit(Submission("paths", ["a.log"]))

    run(main)


# --- Answers that must fit ---------------------------------------------------------------------


def test_many_large_files_fit_into_one_answer(tmp_path: Path) -> None:
    from logan.cluster.file_search import find_files
    from logan.sources.roots import Roots

    line = "2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
    (tmp_path / "0.log").write_text(line * 10_000)
    for number in range(1, 100):
        (tmp_path / f"{number}.log").write_text(line * 10_000)
    found = find_files(Roots([str(tmp_path)]), ["*.log"])
    assert len(found.files) == 100
    assert found.errors == ()
    from logan.wire.codec import encode_body

    assert len(encode_body(found)) < limits.JSON_BODY_BYTES_MAX
    assert all(file.samples[0][1].startswith(line.encode()) for file in found.files)


def test_files_that_do_not_fit_into_an_answer_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from logan.cluster import file_search as search
    from logan.sources.roots import Roots

    for number in range(20):
        (tmp_path / f"{number}.log").write_text("2024-01-24 10:15:32.123 INFO x\n")
    monkeypatch.setattr(search, "JSON_BODY_BYTES_MAX", search.REST_BYTES + 4_000)
    found = search.find_files(Roots([str(tmp_path)]), ["*.log"])
    left = 20 - len(found.files)
    assert 0 < left < 20
    assert found.errors[0].startswith(f"{left} of 20 files do not fit into one answer")
    assert len(encode_json([])) == 2
