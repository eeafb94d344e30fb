"""Follow jobs in the journal's file: each with its logs and its figures.

What a follow job has counted, and up to where, is written in one transaction; so a coordinator that
is killed at any moment goes on from the last one, and what came after it is read again.
"""

from __future__ import annotations

import sqlite3

from logan.cluster.coordinator.journal_file import (
    FollowBucketRow,
    FollowRow,
    FollowSourceRow,
    checked,
    checksum,
    storable,
)
from logan.cluster.coordinator.records import (
    FollowAdvanced,
    FollowChanged,
    FollowEnded,
    FollowStored,
    JobSetAside,
    StoredFollow,
)
from logan.errors import SummaryError

__all__ = ["read", "write"]


def write(
    database: sqlite3.Connection,
    record: FollowStored | FollowChanged | FollowAdvanced | FollowEnded,
) -> None:
    """Within a transaction of the journal."""
    run = database.execute
    if isinstance(record, FollowStored):
        (number,) = run("SELECT 1 + ifnull(max(number), 0) FROM follows").fetchone()
        _insert(database, "follows", number, record.job, record.body)
        return
    row = run("SELECT number FROM follows WHERE id = ?", (record.job,)).fetchone()
    if row is None:
        return  # it has ended, and this was under way
    number = row[0]
    if isinstance(record, FollowChanged):
        values = (number, record.job, record.body)
        run(
            "UPDATE follows SET body = ?, checksum = ? WHERE number = ?",
            (record.body, checksum(values), number),
        )
        return
    if isinstance(record, FollowEnded):
        run("DELETE FROM follow_buckets WHERE job = ?", (number,))
        run("DELETE FROM follow_sources WHERE job = ?", (number,))
        run("DELETE FROM follows WHERE number = ?", (number,))
        return
    for source, body in record.sources.items():
        run("DELETE FROM follow_sources WHERE job = ? AND source = ?", (number, source))
        _insert(database, "follow_sources", number, source, body)
    for (seconds, at), summary in record.buckets.items():
        run(
            "DELETE FROM follow_buckets WHERE job = ? AND seconds = ? AND at = ?",
            (number, seconds, at),
        )
        if summary is not None:
            _insert(database, "follow_buckets", number, seconds, at, summary)


def read(database: sqlite3.Connection) -> tuple[list[StoredFollow], list[JobSetAside]]:
    """The follow jobs that there are, oldest first, and those that are damaged: these stay in the
    file, and do not keep others from going on."""
    found: list[StoredFollow] = []
    damaged: list[JobSetAside] = []
    for row in database.execute("SELECT * FROM follows ORDER BY number").fetchall():
        try:
            found.append(_read(database, row))
        except SummaryError as error:
            why = f"what the journal has of it is damaged: {error}"
            damaged.append(JobSetAside(storable(str(row[1])), why))
    return found, damaged


def _read(database: sqlite3.Connection, row: tuple[object, ...]) -> StoredFollow:
    job = checked(row, FollowRow)
    sources = {}
    for each in database.execute("SELECT * FROM follow_sources WHERE job = ?", (job.number,)):
        source = checked(each, FollowSourceRow)
        sources[source.source] = source.body
    if sorted(sources) != list(range(len(sources))):
        raise SummaryError("one of its logs is not there")
    buckets = {}
    for each in database.execute("SELECT * FROM follow_buckets WHERE job = ?", (job.number,)):
        bucket = checked(each, FollowBucketRow)
        buckets[bucket.seconds, bucket.at] = bucket.summary
    return StoredFollow(job.id, job.body, sources, buckets)


def _insert(database: sqlite3.Connection, table: str, *values: object) -> None:
    marks = ", ".join("?" * (len(values) + 1))
    database.execute(f"INSERT INTO {table} VALUES ({marks})", (*values, checksum(values)))
