"""A job while the cluster works on it: what is known of it besides its leases.

The scheduler knows which chunks are out; this knows what they are, which figures came back, what
is missing, and how much each worker did. Blocking work (`verify`, `conclude`, `open_planned`) is
for threads.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import trio

from logan import _logan
from logan._logan import Fingerprint, MergeTree, Spec, Summary
from logan.cluster.coordinator.ending import Outcome, SubmittedJob
from logan.cluster.coordinator.refusals import REFUSALS, Refusals
from logan.cluster.limits import ALARMS_KEPT_MAX, RECOVERIES_KEPT_MAX
from logan.cluster.probes import Probes
from logan.cluster.scanning import Times, digest_of, read_note
from logan.errors import InputError, LoganError, SourceChangedError, SummaryError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Missing, Plan, Result, join_missing
from logan.planning.prepare import Job
from logan.report.builder import build_report
from logan.report.explanation import Explain, unexplained
from logan.scan import in_decoded_offsets
from logan.scheduler.actions import LostChunk, Recovered
from logan.scheduler.events import WorkItem
from logan.sources.inputs import shown_name
from logan.sources.roots import Opened, open_regular
from logan.wire.bodies import JobBody, JobSource, Note
from logan.wire.messages import Job as JobMessage

__all__ = ["ActiveJob", "WorkerStats", "describe_paths", "drawn", "job_body", "probes_of"]

STOPPED: Final = "stopped on request before its end; run it again for complete results"


@dataclass(slots=True)
class WorkerStats:
    """What one worker did for a job. Times are of trio's clock, `since` of its first lease."""

    since: float
    until: float
    chunks_done: int = 0
    chunks_lost: int = 0
    bytes: int = 0
    peak_rss_bytes: int = 0
    cpu_percent_sum: float = 0.0
    beats: int = 0

    def describe(self, name: str) -> dict[str, Any]:
        """The worker's entry in the report's `performance`."""
        seconds = self.until - self.since
        return {
            "worker": name,
            "chunks_done": self.chunks_done,
            "chunks_lost": self.chunks_lost,
            "bytes": self.bytes,
            "bytes_per_second": round(self.bytes / seconds) if seconds > 0 else None,
            "peak_rss_bytes": self.peak_rss_bytes or None,
            "cpu_percent": round(self.cpu_percent_sum / self.beats, 1) if self.beats else None,
        }


@dataclass(slots=True)
class ActiveJob:
    """A job from its plan to its end.

    Attributes:
        id: its name on the wire and in the journal.
        plan: what is to be read.
        urls: the path of each source, as workers shall open it.
        holders: per source the only workers that have it, or None.
        local: whether the coordinator can hand out the sources' bytes.
        confined: whether it may do so only below its roots.
        opened: how its sources are opened here: below the roots, or by name.
        series_points: as for `logan.analyze`.
        explain: whether the intervals of findings are read again.
        part_of: the id of the job that this one explains a finding of; the journal does not know
            it.
        stopped: nothing more is leased for it, not even to explain a finding.
        cut: an explanation was begun, and ended early as it was stopped.
        times: by chunk, the first and last timestamp, where only workers have the sources.
        job: what the report is made from.
        submitted: what the clients that wait for its end hold.
        notes: by chunk, what its worker said beside the figures.
        drawn: chunks that a second worker scans too; `verified` counts those that one did, and
            `alarms` says where it gave different results.
        refusals: which workers cannot read which sources.
        probes: by which copies of its sources show that they differ; None if the coordinator
            cannot read them; `unprobed` are sources of which some chunks were leased without.
        returned: results that were handed to the journal.
        failure: why it ends without a report, if that is known before its end.
        abandoned: its report is no longer wanted.
        minded: a task watches whether it has workers.
        resumed_bytes: of the chunks that were done when it was taken up from the journal.
    """

    submitted: SubmittedJob
    job: Job
    tree: MergeTree
    urls: Sequence[str]
    name: str
    opened: Callable[[str], Opened] = open_regular
    holders: Sequence[frozenset[str] | None] = ()
    local: bool = True
    confined: bool = True
    series_points: int | None = SERIES_POINTS_MAX
    explain: bool = True
    part_of: str | None = None
    stopped: bool = False
    cut: bool = False
    times: dict[int, Times] = field(default_factory=dict)
    cancelled: bool = False
    started_at: float = field(default_factory=trio.current_time)
    done: set[int] = field(default_factory=set)
    returned: int = 0
    notes: dict[int, str] = field(default_factory=dict)
    lost: list[LostChunk] = field(default_factory=list)
    recoveries: list[dict[str, Any]] = field(default_factory=list)
    drawn: frozenset[int] = frozenset()
    verified: int = 0
    alarms: list[str] = field(default_factory=list)
    probes: Probes | None = None
    unprobed: set[int] = field(default_factory=set)
    shares: dict[str, WorkerStats] = field(default_factory=dict)
    threads: dict[str, int] = field(default_factory=dict)
    failure: LoganError | None = None
    abandoned: bool = False
    minded: bool = False
    begun: bool = False
    plan: Plan = field(init=False)
    refusals: Refusals = field(init=False)
    spec: Spec = field(init=False)
    resumed_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.plan = self.job.plan
        self.returned = len(self.done)
        self.refusals = Refusals(self.plan, self.urls, self.done)
        chunks = self.plan.chunks
        self.resumed_bytes = sum(chunks[id].end - chunks[id].start for id in self.done)
        self.spec = Spec(self.plan.spec_json)
        # Kept: it is computed from the whole spec, which has a part for every source.

    def leased(self, worker: str, threads: int) -> None:
        """`worker` is given a lease; at the first, times begin to count, not at the wait for it."""
        if not self.begun:
            self.begun = True
            self.started_at = trio.current_time()
            self.job.started = time.perf_counter()
        self.share(worker, trio.current_time())
        self.threads[worker] = threads

    def heartbeat(self, worker: str, rss_bytes: int, cpu_percent: float, threads: int) -> None:
        """`worker`, which has leases of the job, says how it is."""
        share = self.share(worker, trio.current_time())
        share.peak_rss_bytes = max(share.peak_rss_bytes, rss_bytes)
        share.cpu_percent_sum += cpu_percent
        share.beats += 1
        self.threads[worker] = threads

    def hand_over(self, chunk_id: int, worker: str | None = None, rss_bytes: int = 0) -> None:
        """A chunk's figures go to the journal; `worker`, if it is still there, made them."""
        self.returned += 1
        if worker is None:
            return
        chunk = self.plan.chunks[chunk_id]
        share = self.share(worker, trio.current_time())
        share.chunks_done += 1
        share.bytes += chunk.end - chunk.start
        share.until = trio.current_time()
        # A job may be over before the first heartbeat that lists a lease of it.
        share.peak_rss_bytes = max(share.peak_rss_bytes, rss_bytes)
        self.refusals.accepted(chunk_id, worker)
        if self.probes is not None:
            self.probes.note_read(chunk_id, worker)

    def committed(self, chunk_id: int, note: str | None) -> None:
        """The journal has a chunk's figures."""
        self.done.add(chunk_id)
        if note is not None:
            self.notes[chunk_id] = note

    def checked(self, *, by_another: bool) -> None:
        """A chunk of the sample was looked at again, if another worker could be found for it."""
        self.verified += by_another

    def is_first_unprobed(self, source: int) -> bool:
        """Note that chunks of a source are leased without probes; whether that is news."""
        news = source not in self.unprobed
        self.unprobed.add(source)
        return news

    @property
    def id(self) -> str:
        """Its name on the wire and in the journal."""
        return self.submitted.id

    @property
    def is_nearly_done(self) -> bool:
        """Whether the journal has in hand all that is to come."""
        return self.returned + len(self.lost) >= len(self.plan.chunks)

    def unsettled(self) -> list[int]:
        """The chunks that are neither done nor given up."""
        settled = self.done | {each.chunk for each in self.lost}
        return [chunk.id for chunk in self.plan.chunks if chunk.id not in settled]

    def items(self) -> list[WorkItem]:
        """The chunks as the scheduler sees them."""
        holders = self.holders or [None] * len(self.plan.sources)
        return [
            WorkItem(
                chunk.id,
                chunk.end - chunk.start,
                holders[chunk.source],
                chunk.source,
                chunk.start,
            )
            for chunk in self.plan.chunks
        ]

    def readable(self) -> frozenset[int]:
        """Sources that `look_at` can compare with what was planned: the coordinator's files."""
        sources = enumerate(self.plan.sources) if self.local else ()
        return frozenset(id for id, source in sources if source.fingerprint is not None)

    def message(self) -> JobMessage:
        """JOB, for a worker's first lease of it."""
        return JobMessage(self.id, job_body(self.plan, self.urls, local=self.local))

    def verify(self, chunk_id: int, digest: str, data: bytes, note: Note | None = None) -> Summary:
        """The summary of a chunk, if these bytes are one. Raises `SummaryError`.

        That its lines add up is checked where its bytes are decoded.
        """
        chunk = self.plan.chunks[chunk_id]
        if digest_of(data) != digest:
            raise SummaryError("its bytes are not those of its digest")
        summary = Summary.from_bytes(data)
        if (why := summary.difference(self.spec)) is not None:
            raise SummaryError(f"it was made under another spec: {why}")
        covered = summary.segments()
        if note is not None and self.plan.sources[chunk.source].compression is None:
            raise SummaryError("it has a note about an archive, which its source is not")
        if self.plan.sources[chunk.source].compression is not None:
            # How much it decodes to is not known before, but whose it is and where it begins.
            if len(covered) > 1 or any(each[:2] != (chunk.source, 0) for each in covered):
                raise SummaryError(f"it covers {covered[:3]}, not all of source {chunk.source}")
        elif covered != [(chunk.source, chunk.start, chunk.end)]:
            raise SummaryError(
                f"it covers {covered[:3]}, not bytes {chunk.start} to {chunk.end} "
                f"of source {chunk.source}"
            )
        if not self.local and self.explain and self.part_of is None:
            with suppress(ValueError, OverflowError):  # a year beyond 9999 is in every interval
                self.times[chunk_id] = _times_of(summary)
        return summary

    def share(self, worker: str, now: float) -> WorkerStats:
        """What `worker` did, to be written on."""
        share = self.shares.get(worker)
        if share is None:
            share = self.shares[worker] = WorkerStats(now, now)
        return share

    def recovered(self, action: Recovered) -> dict[str, Any]:
        """Note a recovery; its entry in the report, in seconds since the job began."""
        entry = {
            "worker": action.worker,
            "cause": action.cause,
            "chunk": action.chunk,
            "noticed_s": round(action.noticed_at - self.started_at, 6),
            "leased_s": round(action.leased_at - self.started_at, 6),
            "done_s": round(action.done_at - self.started_at, 6),
        }
        self.share(action.worker, action.noticed_at).chunks_lost += 1
        if len(self.recoveries) < RECOVERIES_KEPT_MAX:
            self.recoveries.append(entry)
        return entry

    def lose(self, action: LostChunk) -> LostChunk:
        """Note that a chunk is given up, and name the workers that could not read it."""
        names = self.refusals.workers(self.plan.chunks[action.chunk].source)
        if names and action.kind in REFUSALS:
            tried = f"{action.why} (tried by {', '.join(names)})"
            action = replace(action, why=tried)
        self.lost.append(action)
        return action

    def alarmed(self, chunk_id: int, what: str) -> None:
        """Two workers got different results for a chunk: there is no telling which is right."""
        chunk = self.plan.chunks[chunk_id]
        name = shown_name(self.plan.sources[chunk.source].url)
        if len(self.alarms) < ALARMS_KEPT_MAX:
            self.alarms.append(f"{name}, bytes {chunk.start:,} to {chunk.end:,}: {what}")

    def missing(self) -> tuple[Missing, ...]:
        """The planned bytes that the figures do not have, and why."""
        gaps = []
        chunks = self.plan.chunks
        for each in self.lost:
            chunk = chunks[each.chunk]
            gaps.append(Missing(chunk.source, chunk.start, chunk.end, each.kind, each.why))
        for id, note in self.notes.items():
            fault, _ = read_note(note)
            if fault is not None:
                chunk = chunks[id]
                gaps.append(Missing(chunk.source, chunk.start, chunk.end, *fault))
        if self.cancelled:
            known = self.done | {each.chunk for each in self.lost}
            gaps += [
                Missing(chunk.source, chunk.start, chunk.end, "cancelled", STOPPED)
                for chunk in chunks
                if chunk.id not in known
            ]
        return join_missing(gaps)

    def open_planned(self, source: int) -> Opened:
        """A source, if it still is the planned file. Blocking. Raises `InputError`."""
        fingerprint = Fingerprint.from_json(self.plan.sources[source].fingerprint or "")
        opened = self.opened(self.urls[source])
        try:
            why = fingerprint.check(opened.path)
            if why is not None:
                raise SourceChangedError(f"{self.urls[source]} changed: {why}")
        except BaseException:
            opened.close()
            raise
        return opened

    def check_planned(self, source: int) -> None:
        """Raise `InputError` if a source is not the planned file any more. Blocking."""
        self.open_planned(source).close()

    def look_at(self, source: int) -> tuple[bool | None, str]:
        """Whether a source is another file than planned, and how that shows; None if that cannot
        be told. Blocking."""
        try:
            self.check_planned(source)
        except InputError as error:
            changed = isinstance(error, SourceChangedError) or error.kind == "missing"
            return changed or None, str(error)
        except (OSError, ValueError) as error:
            return None, str(error)
        return False, ""

    def conclude(self, explain: Explain | None = None) -> Outcome:
        """Merge what there is and make the report; once. Blocking. Raises `SummaryError`.

        `explain` adds to findings what a second pass shows; by default they say that none was made.
        """
        result = self.merged()
        report, error = build_report(
            self.job,
            replace(
                result,
                missing=tuple(replace(each, why=self._as_named(each)) for each in result.missing),
            ),
            engine="cluster",
            series_points=self.series_points,
            changes=self.job.changes(self.opened),
            wall_s=self.job.elapsed_s(),
            peak_rss_bytes=_logan.peak_rss_bytes(),
            explain=explain or unexplained(),
        )
        return Outcome.of(report, error)

    def merged(self) -> Result:
        """What the workers made of the plan; once. Raises `SummaryError`."""
        summary = self.tree.finish()
        sources, chunks = self.plan.sources, self.plan.chunks
        # Only the worker that decoded an archive knows its decoded size.
        split = {i for i, source in enumerate(sources) if source.compression is None}
        covered = sum(summary.covered_bytes(i) for i in split)
        done = [chunks[id] for id in self.done if chunks[id].source in split]
        due = sum(chunk.end - chunk.start for chunk in done)
        archives = {
            chunks[id].source: archive
            for id, note in self.notes.items()
            if (archive := read_note(note)[1]) is not None
        }
        if covered != due:
            raise SummaryError(f"the results cover {covered:,} bytes, but {due:,} were committed")
        return Result(
            summary,
            sum(self.threads.values()),
            tuple(
                in_decoded_offsets(each, self.plan, summary, archives) for each in self.missing()
            ),
            tuple(share.describe(name) for name, share in sorted(self.shares.items())),
            tuple(self.recoveries),
            archives=archives,
            verified=self.verified,
            alarms=tuple(self.alarms),
            resumed_bytes=self.resumed_bytes,
        )

    def _as_named(self, missing: Missing) -> str:
        """Why bytes are missing, with the name that the user gave the file."""
        given = self.job.inputs[self.job.order[missing.source]].path
        return missing.why.replace(self.urls[missing.source], shown_name(given))


def drawn(share: float, chunks: Sequence[int]) -> frozenset[int]:
    """Which chunks a second worker scans too; one at least, if any shall be."""
    if not share or not chunks:
        return frozenset()
    count = max(1, round(share * len(chunks)))
    return frozenset(secrets.SystemRandom().sample(chunks, count))


def probes_of(job: ActiveJob) -> Probes | None:
    """What shows that a worker's copy is not the planned file, where the coordinator can look."""
    if not job.local:
        return None
    return Probes(job.id, job.plan, job.urls, job.opened, job.done)


def _times_of(summary: Summary) -> Times:
    """The first and last timestamp of a chunk, in epoch nanoseconds, rounded outward to seconds."""
    found = json.loads(summary.evaluate(top=1, series_points=1))["time"]
    if found["first"] is None:
        return None
    first, last = (datetime.fromisoformat(found[each]) for each in ("first", "last"))
    return int(first.timestamp() // 1) * 10**9, int(last.timestamp() // 1 + 1) * 10**9


def job_body(plan: Plan, urls: Sequence[str], *, local: bool) -> JobBody:
    """The body of JOB; `urls` are the sources' paths, as workers shall open them."""
    return JobBody(
        spec=plan.spec_json,
        chunk_size=plan.chunk_size,
        expansion_max=plan.expansion_max,
        sources=tuple(
            JobSource(
                url=url,
                size=source.size or 0,
                fingerprint=source.fingerprint,
                local=local,
                compression=source.compression,
                etag=source.etag,
            )
            for url, source in zip(urls, plan.sources, strict=True)
        ),
    )


def describe_paths(paths: Sequence[str]) -> str:
    """A short name for a job: its first file, and how many more."""
    first = os.path.basename(shown_name(paths[0]).rstrip("/")) if paths else "nothing"
    return first if len(paths) < 2 else f"{first} and {len(paths) - 1:,} more"
