"""Second passes: jobs that read the intervals of a job's findings again, leased like any other.

A job that has all its figures is concluded in a thread (`ActiveJob.conclude`). Where something
stands out, that thread has parts of the job's sources read again: each time a plan that
`planning.second_pass` makes, which becomes a job of its own here. Workers, the scheduler and the
protocol cannot tell it from others, so what is lost is leased again, isolated, verified and given
up in the same way, and the summary has the same bytes as on one machine. The journal does not know
these jobs: a coordinator that is killed meanwhile has all results of the job itself, concludes it
again, and explains it again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import trio

from logan._logan import MergeTree
from logan.cluster.coordinator.ending import SubmittedJob
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.jobs import ActiveJob, drawn, probes_of
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import SEARCH_S_MAX
from logan.errors import InputError
from logan.model import Result, Source
from logan.planning.second_pass import Access, SecondPass
from logan.report.explanation import STOPPED, Explain, Span, explained, unexplained
from logan.sources import files
from logan.wire.bodies import FoundFile

__all__ = ["SecondPasses"]

SAMPLED_FILES_MAX: Final = 64
"""Files of each worker that are sampled again, to find keys of the log's own."""

_WILDCARDS: Final = "*?["


@dataclass(frozen=True, slots=True)
class SecondPasses:
    """Explains findings with the workers that there are.

    Args:
        verify: share of each job's chunks, 0 to 1, that a second worker scans too.
    """

    executor: Executor
    verify: float

    def of(self, job: ActiveJob) -> Explain:
        """What adds to the findings of `job`; for the thread that concludes it."""

        def explain(
            findings: Sequence[Mapping[str, Any]], span: Span
        ) -> Sequence[Mapping[str, Any]]:
            if not job.explain:
                return unexplained()(findings, span)
            if job.cancelled or job.stopped:
                return unexplained(STOPPED)(findings, span)
            run = partial(self._run, job)
            return explained(job.job, findings, run, span, self._access(job))

        return explain

    def _run(self, job: ActiveJob, second: SecondPass) -> Result:
        """Have workers do a plan. Blocking. Raises `LoganError`."""
        part = trio.from_thread.run(self._lease, job, second)
        if part.failure is not None:
            raise part.failure
        return part.merged()

    async def _lease(self, job: ActiveJob, second: SecondPass) -> ActiveJob:
        """The job of a plan, when it has ended."""
        part = ActiveJob(
            submitted=SubmittedJob(secrets.token_hex(6), total_bytes=second.plan.bytes),
            job=replace(job.job, plan=second.plan),
            tree=MergeTree(second.spec),
            urls=job.urls,
            name=f"{job.name}: what explains a finding",
            holders=job.holders,
            local=job.local,
            confined=job.confined,
            opened=job.opened,
            part_of=job.id,
        )
        part.probes = probes_of(part)
        part.drawn = drawn(self.verify, part.unsettled())
        self.executor.add(part)
        self.executor.begin(part)
        if job.stopped:
            self.executor.cancel(part)
        await part.submitted.ended.wait()
        job.cut = job.cut or part.cancelled
        job.alarms += part.alarms
        return part

    def _access(self, job: ActiveJob) -> Access:
        """How the sources are looked at before they are read: by the coordinator, below its roots,
        or by the workers that hold them."""
        if job.local:

            def sampled(source: Source) -> Sequence[tuple[int, bytes]]:
                with job.opened(source.url) as place:
                    return files.open_file(place.path)[1]

            return Access(opened=job.opened, sampled=sampled)
        found: dict[tuple[str, str], FoundFile] | None = None

        def of_worker(source: Source) -> Sequence[tuple[int, bytes]]:
            nonlocal found
            if found is None:
                found = trio.from_thread.run(self._search, job)
            at = next(i for i, each in enumerate(job.plan.sources) if each.url == source.url)
            for worker in sorted(job.holders[at] or ()):
                file = found.get((worker, job.urls[at]))
                if file is not None and _is_same(file, source):
                    return file.samples
            raise InputError(f"{source.url} cannot be sampled again", input=source.url)

        return Access(sampled=of_worker, times=job.times)

    async def _search(self, job: ActiveJob) -> dict[tuple[str, str], FoundFile]:
        """What workers that hold the job's files say of them, by worker and path."""
        found: dict[tuple[str, str], FoundFile] = {}
        asked: dict[str, list[str]] = {}
        for url, holders in zip(job.urls, job.holders, strict=True):
            for worker in holders or ():
                # A name with wildcards in it would be searched for.
                if not any(each in url for each in _WILDCARDS):
                    asked.setdefault(worker, []).append(url)

        async def ask(session: WorkerSession) -> None:
            answer = await session.search(asked[session.name][:SAMPLED_FILES_MAX])
            for file in () if answer is None else answer.files:
                found[session.name, file.url] = file

        with trio.move_on_after(SEARCH_S_MAX):
            async with trio.open_nursery() as nursery:
                for session in self.executor.sessions.values():
                    if session.name in asked:
                        nursery.start_soon(ask, session)
        return found


def _is_same(file: FoundFile, source: Source) -> bool:
    """Whether a file of a worker is the planned one, which may have grown."""
    planned, now = json.loads(source.fingerprint or "{}"), json.loads(file.fingerprint)
    return all(planned.get(key) == now.get(key) for key in ("host", "device", "inode"))
