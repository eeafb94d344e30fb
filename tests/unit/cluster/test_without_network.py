"""The parts of the cluster that need no network: addresses, submissions, poison, paces, tables."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import logan
from logan._logan import MergeTree, Spec, Summary
from logan.cluster.connect import Address
from logan.cluster.coordinator.ending import SubmittedJob
from logan.cluster.coordinator.jobs import ActiveJob, describe_paths
from logan.cluster.coordinator.records import StoredJob
from logan.cluster.coordinator.stored import from_stored, to_stored
from logan.cluster.coordinator.submission import _plan_found
from logan.cluster.file_search import find_files
from logan.cluster.metrics import coordinator_metrics, worker_metrics
from logan.cluster.process_stats import ProcessStats
from logan.cluster.request import Submission
from logan.cluster.scanning import digest_of
from logan.cluster.worker.isolated_child import first_line_from, whole_line_end
from logan.cluster.worker.isolation import Isolation, Poison
from logan.cluster.worker.rate_limit import RateLimit
from logan.cluster.worker.worker import Worker
from logan.errors import ProtocolError, SourceChangedError, SummaryError, UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Chunk
from logan.options import Options
from logan.planning.prepare import Job, prepare
from logan.report import RenderOptions, render
from logan.scan import ChunkResult, scan_chunk
from logan.scheduler.actions import LostChunk
from logan.sources.roots import Roots
from logan.wire.bodies import CoordinatorStatus, RecoveryStatus, StateBody, WorkerStatus
from logan.wire.codec import Decoder
from logan.wire.messages import Submit
from tests.support.poison import CHILD

LINE = "2024-01-24 10:15:32.{:03d} INFO Request processed in 127ms\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("".join(LINE.format(i % 1000) for i in range(500)))
    return path


# --- Addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost:8000", "localhost", 8000),
        ("http://localhost:8000", "localhost", 8000),
        ("http://localhost:8000/", "localhost", 8000),
        ("localhost", "localhost", 8000),
        ("[::1]:9", "::1", 9),
        ("logs.example:81", "logs.example", 81),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize("text", ["", ":8000", "a:b", "a:99999", "a/b", "me@a:1", "a:1?x=1"])
def test_wrong_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="not a valid address"):
        Address.parse(text)


@pytest.mark.parametrize("id", ["", "a" * 65, "a\n"])
def test_names_of_workers_are_bounded(id: str) -> None:
    with pytest.raises(UsageError, match="not a valid name"):
        Worker(id)


# --- Submissions -------------------------------------------------------------------------------


def test_submission_survives_the_wire() -> None:
    wish = Submission("paths", ["a.log"], Options(top=3), series_points=None, base="/x")
    again = Submission.from_message(wish.message())
    assert again.confined
    assert (again.paths, again.options, again.series_points, again.base) == (
        ("a.log",),
        Options(top=3),
        None,
        "/x",
    )
    assert again.key() == Submission.from_message(wish.message()).key()
    assert again.key() != wish.key()  # one is confined to the roots, one is not


def received(**changes: Any) -> Submission:
    """What a coordinator makes of a SUBMIT with such a body."""
    body = {"paths": ["a"], "base": None, "options": {}} | changes
    data = json.dumps(body).encode()
    decoder = Decoder()
    decoder.feed(f'SUBMIT {{"kind":"paths","bytes":{len(data)}}}\n'.encode() + data)
    message = decoder.next_message()
    assert isinstance(message, Submit)
    return Submission.from_message(message)


def test_options_that_are_left_out_have_their_defaults() -> None:
    submission = received(options={"top": 3, "by": ["route"]})
    assert submission.options == Options(top=3, by=("route",))
    assert submission.series_points == SERIES_POINTS_MAX


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"paths": "a"}, "paths: expected array"),
        ({"paths": [1]}, "paths[0]: expected str"),
        ({"paths": ["a\0b"]}, "paths[0]: has characters"),
        ({"paths": ["a"] * 10_001}, "paths: expected array of length <= 10000"),
        ({"base": 1}, "base: expected str"),
        ({"more": 1}, "unknown field more"),
        ({"options": {"nonsense": 1}}, "options: object contains unknown field nonsense"),
        ({"options": {"top": "x"}}, "options.top: expected int"),
        ({"options": {"top": 0}}, "options.top: expected int >= 1"),
        ({"options": {"top": 2**62}}, "options.top: expected int <= 1000"),
        ({"options": {"by": "route"}}, "options.by: expected array"),
        ({"options": {"by": ["a"] * 5}}, "options.by: expected array of length <= 4"),
        ({"options": {"by": [["a"]]}}, "options.by[0]: expected str"),
        ({"options": {"chunk_size": "x"}}, "options.chunk_size"),
        ({"options": {"chunk_size": 0}}, "options.chunk_size: expected int >= 1"),
        ({"options": {"chunk_size": 1.5}}, "options.chunk_size: expected int, got float"),
        ({"options": {"series_points": 0}}, "options.series_points"),
        ({"options": {"anchor": "x"}}, "options.anchor"),
        ({"options": {"format": 5}}, "options.format"),
        ({"options": {"input_tz": None}}, "options.input_tz"),
        ({"options": {"since_ns": 2**63 - 1 + 0.5}}, "options.since_ns"),
        ({"options": {"where": ["a"]}}, "options.where"),
        ({"options": {"where": "\ud800"}}, "options.where: has characters"),
        ({"options": {"seek": 1}}, "options.seek: expected bool"),
        ({"options": {"expansion_max": -1}}, "options.expansion_max"),
        ({"options": []}, "options: expected object"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_submission_is_refused_by_the_name_of_the_option(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ProtocolError, match=re.escape(named)) as caught:
        received(**changes)
    assert caught.value.code == "field"
    assert caught.value.message.startswith("SUBMIT: ")


def test_options_that_contradict_each_other_are_the_users_error() -> None:
    with pytest.raises(UsageError, match="since is not before until"):
        received(options={"since_ns": 5, "until_ns": 5})


# --- Jobs --------------------------------------------------------------------------------------


def test_inputs_survive_a_restart(log: Path) -> None:
    paths = [str(log), str(log), str(log.with_name("none.log"))]
    options = Options(by=("route",), since_ns=1)
    prepared = prepare(paths, options)
    tree = MergeTree(prepared.spec())

    async def main() -> Job:
        submitted = SubmittedJob("j", "wish", "identity")
        job = ActiveJob(submitted, prepared, tree, [str(log)], "app.log", opened=Roots().open)
        extra = json.loads(json.dumps(to_stored(job)))
        stored = StoredJob("j", prepared.plan, extra, {}, (), tree)
        return from_stored(stored, Roots()).job

    job = trio.run(main)
    assert (job.options, job.plan, list(job.sought)) == (
        options,
        prepared.plan,
        list(prepared.sought),
    )
    for before, after in zip(prepared.inputs, job.inputs, strict=True):
        assert after.first_line == before.first_line
        assert (after.path, after.source, after.notes) == (before.path, before.source, before.notes)
        assert after.detection == before.detection
        assert str(after.error) == str(before.error)


@pytest.fixture
def job(log: Path) -> ActiveJob:
    async def make() -> ActiveJob:
        prepared = prepare([str(log)], Options(chunk_size=10_000))
        submitted, tree = SubmittedJob("j"), MergeTree(prepared.spec())
        return ActiveJob(submitted, prepared, tree, [str(log)], "app.log")

    return trio.run(make)


def summary_of(job: ActiveJob, start: int, end: int, spec: Spec | None = None) -> bytes:
    return Summary.from_chunk(job.urls[0], start, end, spec or job.spec).to_bytes()


def test_results_are_believed_only_when_checked(job: ActiveJob, log: Path) -> None:
    good = summary_of(job, 0, 10_000)
    assert job.verify(0, digest_of(good), good).segments() == [(0, 0, 10_000)]
    with pytest.raises(SummaryError, match="digest"):
        job.verify(0, digest_of(b""), good)
    with pytest.raises(SummaryError):
        job.verify(0, digest_of(good[:-1]), good[:-1])
    for wrong in (summary_of(job, 0, 9_999), summary_of(job, 10_000, 20_000)):
        with pytest.raises(SummaryError, match="covers"):
            job.verify(0, digest_of(wrong), wrong)
    other = summary_of(job, 0, 10_000, logan.make_spec(log, where="status>=500"))
    with pytest.raises(SummaryError, match="another spec: one was made with --where"):
        job.verify(0, digest_of(other), other)
    other = summary_of(job, 0, 10_000, logan.make_spec(log, input_tz="Europe/Berlin"))
    with pytest.raises(SummaryError, match=r"another spec: .*app\.log was read in another way"):
        job.verify(0, digest_of(other), other)


def test_a_job_that_was_stopped_names_what_is_missing(job: ActiveJob) -> None:
    job.done = {0}
    job.cancelled = True
    (missing,) = job.missing()
    assert (missing.start, missing.end, missing.kind) == (10_000, job.plan.bytes, "cancelled")


def test_a_source_is_hopeless_when_all_connected_workers_refused_it(job: ActiveJob) -> None:
    assert job.refusals.note(0, "alice", "permission", 10.0)
    assert not job.refusals.note(1, "alice", "permission", 11.0)
    assert not job.refusals.is_hopeless(0, ["alice"], 14.0)  # others may be about to come
    assert job.refusals.is_hopeless(0, ["alice"], 15.0)
    assert not job.refusals.is_hopeless(0, ["alice", "bob"], 15.0)
    assert job.refusals.note(0, "bob", "unreadable", 16.0)
    assert not job.refusals.is_hopeless(0, ["alice", "bob"], 16.0)  # the server may come back
    assert job.refusals.is_hopeless(0, ["alice", "bob"], 70.0)
    assert job.refusals.note(0, "bob", "missing", 17.0)
    assert job.refusals.is_hopeless(0, ["alice", "bob"], 17.0)
    job.done.add(2)
    assert not job.refusals.is_hopeless(0, ["alice", "bob"], 17.0)


def test_why_a_chunk_was_given_up_names_the_workers_that_tried(job: ActiveJob) -> None:
    job.refusals.note(0, "bob", "permission", 1.0)
    job.refusals.note(1, "alice", "permission", 1.0)
    lost = job.lose(LostChunk("j", 0, "permission", "no credentials"))
    assert lost.why == "no credentials (tried by alice, bob)"
    assert job.lost == [lost]
    assert job.lose(LostChunk("j", 1, "poison", "it kills")).why == "it kills"


def test_jobs_are_named_without_secrets() -> None:
    assert describe_paths(["https://me:pw@host/a.log?signature=x", "b.log"]) == "a.log and 1 more"
    assert describe_paths(["s3://bucket/logs/"]) == "logs"


# --- Scans -------------------------------------------------------------------------------------


def test_lines_are_found(log: Path) -> None:
    size, line = log.stat().st_size, len(LINE.format(0))
    path = str(log)
    assert first_line_from(path, 0, size) == 0
    assert first_line_from(path, 1, size) == line
    assert first_line_from(path, line, size) == line
    assert first_line_from(path, 1, line) is None
    assert first_line_from(path, size - 1, size) is None
    assert whole_line_end(path, 0, size) == line
    assert whole_line_end(path, size - line, size) == size


def test_changed_files_are_refused_before_the_scan(log: Path) -> None:
    job = prepare([str(log)], Options())
    source = job.plan.sources[0]
    log.write_text("x" * log.stat().st_size)
    with pytest.raises(SourceChangedError, match="changed"):
        scan_chunk(source, Chunk(0, 0, 0, 100), job.spec(), chunk_size=0, expansion_max=0)


def test_the_line_that_kills_is_found(log: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)[:60]
    lines[33] = "2024-01-24 10:15:32.333 INFO POISON processed in 127ms\n"
    log.write_text("".join(lines))
    start = sum(map(len, lines[:33]))
    job = prepare([str(log)], Options())
    source = job.plan.sources[0]
    size = source.size or 0
    steps: list[int] = []

    async def main(begin: int, end: int) -> ChunkResult:
        what = (source, Chunk(0, 0, begin, end), job.spec())
        return await Isolation(*what, steps.append, path=str(log), command=CHILD).scan()

    with pytest.raises(Poison) as found:
        trio.run(main, 0, size)
    assert (found.value.start, found.value.end) == (start, start + len(lines[33]))
    assert len(steps) < 2 * math.log2(60) + 4
    healthy = Summary.from_chunk(str(log), 0, 1_000, job.spec())
    result = trio.run(main, 0, 1_000)
    assert result.summary.to_bytes() == healthy.to_bytes()
    assert (result.fault, result.archive) == (None, None)


# --- Health ------------------------------------------------------------------------------------


def test_pace_is_kept() -> None:
    async def main() -> None:
        began = trio.current_time()
        pace = RateLimit(100.0)
        for _ in range(5):
            await pace.spend(50)
        assert trio.current_time() - began == pytest.approx(2.5)
        await trio.sleep(100)  # what was not used is not saved up
        began = trio.current_time()
        await pace.spend(50)
        assert trio.current_time() - began == pytest.approx(0.5)

    trio.run(main, clock=MockClock(autojump_threshold=0))


def test_vitals() -> None:
    sample = ProcessStats().sample()
    assert sample["rss_bytes"] > 1_000_000
    assert sample["cpu_percent"] >= 0


def test_metrics_name_every_worker() -> None:
    async def main() -> dict[str, Any]:
        return Worker("alice", roots=[os.curdir]).health()

    health = trio.run(main)
    names = {metric.name for metric in worker_metrics(health)}
    assert "logan_worker_resident_memory_bytes" in names
    bob = WorkerStatus(
        id="bob",
        state="active",
        address=None,
        threads=1,
        leases=0,
        chunks_done=3,
        chunks_lost=1,
        bytes_done=5,
        bytes_per_second=7,
        rss_bytes=None,
        cpu_percent=None,
        heard_s=0.5,
    )
    recoveries = RecoveryStatus(count=2, leased_s=0.5, done_s=3.0, done_s_max=2.0)
    about = CoordinatorStatus(address="", uptime_s=1, connections=1, recoveries=recoveries)
    status = StateBody(coordinator=about, workers=(bob,), jobs=(), events=())
    families = {m.name: m for m in coordinator_metrics(status)}
    recovery = {s.name: s.value for s in families["logan_recovery_done_seconds"].samples}
    assert recovery == {"logan_recovery_done_seconds_count": 2} | {
        "logan_recovery_done_seconds_sum": 3.0
    }
    (sample,) = families["logan_cluster_worker_chunks_done"].samples
    assert (sample.labels, sample.value) == ({"worker": "bob"}, 3)
    assert families["logan_cluster_worker_resident_memory_bytes"].samples == []


# --- The report --------------------------------------------------------------------------------


def test_report_shows_the_work_of_each_worker(log: Path) -> None:
    data = logan.analyze(log).to_dict()
    assert "Workers" not in render("text", logan.Report(data), RenderOptions(width=80))
    data["performance"]["workers"] = [
        {
            "worker": "bob\x1b",
            "chunks_done": 3,
            "chunks_lost": 1,
            "bytes": 10,
            "bytes_per_second": None,
            "peak_rss_bytes": None,
            "cpu_percent": None,
        }
    ]
    data["performance"]["recoveries"] = [
        {
            "worker": "bob\x1b",
            "cause": "its connection was cut",
            "chunk": i,
            "noticed_s": 1.0,
            "leased_s": 1.01,
            "done_s": 1.5,
        }
        for i in range(8)
    ]
    for width in (60, 80, 200):
        text = render("text", logan.Report(data), RenderOptions(width=width))
        assert "Workers" in text
        assert "its connection" in text  # cut off where there is no room
        assert "and 2 more" in text
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= width


def test_a_file_on_a_worker_whose_name_promises_another_content_is_noted(tmp_path: Path) -> None:
    line = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
    (tmp_path / "a.tar").write_bytes(line)
    (tmp_path / "b.log").write_bytes(line)
    found = find_files(Roots([str(tmp_path)]), ["*"])
    planned = _plan_found(
        Submission(paths=["*"], options=Options(), kind="on_workers"), {"w": found}
    )
    first, second = planned.job.inputs
    assert first.notes == ["its name promises tar, but its content is not that: read as plain text"]
    assert second.notes == []
