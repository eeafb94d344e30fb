"""A log of a follow job whose worker is killed early, among rotations: counted once, or named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from logan.cluster.coordinator.follow_job import FollowJob
from logan.cluster.worker.followed_log import FollowedLog
from logan.options import Options
from logan.wire.following import Slot

NOW = 1_706_091_332.0


def lines(first: int, last: int) -> str:
    return "".join(
        f"2024-01-24 10:15:00.123 INFO request {n} {'x' * 60}\n" for n in range(first, last)
    )


def write(log: Path, first: int, last: int) -> None:
    with log.open("a") as file:
        file.write(lines(first, last))


def renamed(log: Path) -> None:
    log.rename(log.with_name("a.log.1"))


def copied_and_truncated(log: Path) -> None:
    shutil.copy(log, log.with_name("a.log.1"))
    with log.open("r+") as file:
        file.truncate(0)


def following(log: Path, job: FollowJob, session: str) -> FollowedLog:
    """A worker's log that was offered and is to be followed."""
    found = FollowedLog(str(log), lambda: str(log), lambda real: True, NOW, joined=False)
    found.offer(NOW)
    body = found.offer(NOW + 2)
    assert body is not None
    source = job.offer(session, "alice", body, NOW + 2)
    assert source is not None
    found.follow(0, source.attempt, job.order(source), NOW + 2)
    return found


def counted(job: FollowJob, log: FollowedLog, session: str, steps: int) -> int:
    """What the job has after so many steps of a worker."""
    now = NOW + 3
    for _ in range(steps):
        cuts, _ = log.step(now)
        now += 1.0
        for cut in cuts:
            slot = Slot(
                *(job.id, 0, log.attempt, cut.start, cut.end, 0.0, cut.digest),
                *(cut.place, cut.missing, cut.body),
            )
            accepted = job.accept(session, slot, job.check(slot), now)
            assert accepted is not None
            job.merge([accepted], now)
            log.done(log.attempt, cut.end)
    return job.total().covered_bytes(0)


@pytest.mark.parametrize("rotate", [renamed, copied_and_truncated])
def test_killed_before_anything_was_counted(tmp_path: Path, rotate: Callable[[Path], None]) -> None:
    log = tmp_path / "a.log"
    write(log, 0, 100)
    job = FollowJob("job", ("*.log",), Options(), "start", NOW)
    first = following(log, job, "one")
    cuts = first._beginning(NOW + 3)  # all that is sent before it is killed
    slot = Slot(
        *("job", 0, first.attempt, cuts[0].start, cuts[0].end, 0.0),
        *(cuts[0].digest, cuts[0].place, None, cuts[0].body),
    )
    accepted = job.accept("one", slot, job.check(slot), NOW + 3)
    assert accepted is not None
    job.merge([accepted], NOW + 3)
    first.close()
    job.left("alice", "one", NOW + 4)
    write(log, 100, 150)
    rotate(log)
    write(log, 150, 220)
    second = following(log, job, "two")
    assert counted(job, second, "two", 10) == len(lines(0, 220))
    assert not job.notices


def test_killed_before_it_told_where_it_begins(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    write(log, 0, 100)
    job = FollowJob("job", ("*.log",), Options(), "start", NOW)
    following(log, job, "one").close()
    job.left("alice", "one", NOW + 4)
    renamed(log)
    write(log, 100, 220)
    second = following(log, job, "two")
    assert counted(job, second, "two", 10) == len(lines(100, 220))
    (notice,) = job.notices
    assert "was rotated before its worker told where it begins" in notice.entry.text
