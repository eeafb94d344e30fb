"""What odd or hostile workers say of the logs of a follow job stays within what can be said on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from logan._logan import ChunkFeed, Spec, Summary
from logan.cli.watch_remote import Told
from logan.cluster.coordinator.follow_job import FollowedSource, FollowJob
from logan.cluster.coordinator.follow_viewers import Viewer, hosts_of
from logan.cluster.limits import JOBS_MAX
from logan.cluster.scanning import digest_of
from logan.cluster.worker.following import FollowTable
from logan.errors import ProtocolError
from logan.live import clock
from logan.live.remote_watch import RemoteWatch
from logan.options import Options
from logan.wire.codec import encode
from logan.wire.following import (
    Following,
    NoticeEntry,
    OfferBody,
    Slot,
    Watch,
    WatchBody,
    Window,
)
from logan.wire.limits import INTEGER_MAX

NOW = 1_800_000_000.0
DATA = b"".join(b"2026-01-01T00:00:%02dZ INFO took 3ms\n" % n for n in range(50))


def offer(path: str, inode: int) -> OfferBody:
    return OfferBody(
        path=path,
        samples=((0, DATA),),
        mtime_ns=None,
        host="h",
        device=1,
        inode=inode,
        joined=False,
    )


def job_with(*paths: str) -> FollowJob:
    job = FollowJob("f", ("/x/*.log",), Options(), "start", NOW)
    job.joined("evil", NOW)
    for inode, path in enumerate(paths):
        assert job.offer("session", "evil", offer(path, inode), NOW) is not None
    return job


def slot(source: FollowedSource, **changes: Any) -> tuple[Slot, Summary]:
    feed = ChunkFeed(Spec(source.spec.to_json()), 0, 0, len(DATA))
    feed.push(DATA)
    summary = feed.finish("x")
    body = summary.to_bytes()
    values = {"start": 0, "end": len(DATA), "age_s": 0.0, "digest": digest_of(body), **changes}
    made = Slot(job="f", source=source.index, attempt=source.attempt, body=body, **values)
    return made, summary


def following(job: FollowJob) -> Following:
    return Following("f", NOW, False, Viewer(job)._body())


def test_lines_from_before_1970_are_shown() -> None:
    job = job_with("/x/a.log")
    made, summary = slot(job.sources[0], age_s=NOW + 1e9)
    accepted = job.accept("session", made, job.check(made), NOW)
    assert accepted is not None
    assert encode(Window("f", accepted.at, summary.to_bytes()))
    job.merge([accepted], NOW)
    assert encode(following(job))


def test_sums_are_what_the_protocol_can_say() -> None:
    job = job_with("/x/a.log", "/x/b.log")
    for source in job.sources:
        made, _ = slot(source, end=INTEGER_MAX, missing=((len(DATA), INTEGER_MAX),))
        assert job.accept("session", made, job.check(made), NOW) is not None
        job.is_behind("session", source.index, INTEGER_MAX)
    (host,) = hosts_of(job, NOW)
    assert (host.counted_bytes, host.behind_bytes) == (INTEGER_MAX, INTEGER_MAX)
    assert encode(following(job))


def test_only_who_follows_a_log_says_how_far_behind_it_is() -> None:
    job = job_with("/x/a.log")
    job.is_behind("another", 0, 7)
    job.is_behind("session", 1, 7)
    assert job.sources[0].behind_bytes == 0
    job.is_behind("session", 0, 7)
    assert job.sources[0].behind_bytes == 7


def test_a_log_that_is_offered_again_and_again_is_kept_once() -> None:
    job = job_with("/x/a.log")
    for _ in range(5):
        assert job.offer("second", "other", offer("/x/a.log", 0), NOW) is None
    assert [each[2].samples for each in job._standby] == [()]
    ((taken, _),) = job.left("evil", "session", NOW)
    assert taken == "second"


@pytest.mark.parametrize("age_s", [0.0, 1e12, 1e300])
def test_a_client_shows_notices_of_any_age(age_s: float) -> None:
    job = job_with("/x/a.log")
    entry = NoticeEntry(kind="odd", log="/x/a.log", text="\x1b[31m", age_s=age_s, is_fault=True)
    job.note("evil", entry, NOW)
    watch = RemoteWatch(Options(), now=clock.now())
    told = Told(watch, lambda text: None)
    told.accepted("f")
    told.following(following(job))
    (notice,) = watch.notices
    assert 0 <= notice.at <= clock.now()
    assert watch.report(watch.finish(clock.now()), final=True).to_dict()["inputs"]


def test_a_worker_follows_a_bounded_number_of_jobs() -> None:
    started: list[str] = []
    nursery: Any = SimpleNamespace(start_soon=lambda run, job: started.append(job.id))
    table = FollowTable(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    body = WatchBody(patterns=("/x/*.log",), begin="end")
    for n in range(JOBS_MAX):
        table.watch(Watch(f"j{n}", body), nursery)
    table.watch(Watch("j0", body), nursery)
    assert len(started) == JOBS_MAX
    with pytest.raises(ProtocolError, match="more than 64 follow jobs"):
        table.watch(Watch("one more", body), nursery)
