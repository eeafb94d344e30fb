"""How a job ends, and which clients get its outcome.

A job ends in `Conclusion.conclude` alone: outcome, journal, and the tasks that wait. All others
await `SubmittedJob.ended`, stop the job, or say that no client waits for it anymore.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from logan.cluster.coordinator.commits import Commits
from logan.cluster.coordinator.ending import EndedJobs, Outcome, SubmittedJob
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.jobs import ActiveJob
from logan.cluster.coordinator.page import FinishedReports
from logan.cluster.coordinator.records import (
    JobEnded,
    JobForgotten,
    JobSetAside,
    Record,
    ReportTaken,
)
from logan.cluster.coordinator.second_passes import SecondPasses
from logan.cluster.limits import RESUBMIT_S_MAX
from logan.cluster.nurseries import Tasks
from logan.errors import ClusterError, LoganError
from logan.report import Report

__all__ = ["Conclusion"]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Ends jobs.

    Attributes:
        ended: the newest jobs that have ended.
        finished: the newest reports, for the page.
    """

    executor: Executor
    commits: Commits
    tasks: Tasks
    second_passes: SecondPasses
    ended: EndedJobs = field(init=False, default_factory=EndedJobs)
    finished: FinishedReports = field(init=False, default_factory=FinishedReports)

    async def conclude(self, job: ActiveJob) -> None:
        """End a job, for which the machine has nothing more to do. No other place does."""
        if job.part_of is not None:
            self.executor.forget(job)
            job.submitted.end(Outcome())  # its figures are for the job that it is a part of
            self.executor.changes.notify()
            return
        if job.drawn:
            self.executor.events.note(
                "verified",
                f"{job.verified:,} of {len(job.drawn):,} chunks of a random sample were "
                f"scanned by a second worker too; {len(job.alarms):,} gave different results",
            )
        outcome = await self._outcome(job)
        if job.cut and self.resumes_later(job.submitted):
            job.cancelled = True  # concluded anew, with all that explains it, at the next start
        if not job.cancelled:
            record: Record
            if outcome.failure is None:
                body, error = outcome.stored()
                record = JobEnded(job.id, job.submitted.identity, body, error)
            else:
                record = JobSetAside(job.id, str(outcome.failure))
            await self.commits.commit(record)
        else:
            job.submitted.identity = ""  # no other client gets what it ended with
        self.executor.forget(job)
        self.finished.add(job.id, job.name, outcome)
        if not job.abandoned:
            self.ended.add(job.submitted)
        job.submitted.end(outcome)
        self.executor.changes.notify()

    async def _outcome(self, job: ActiveJob) -> Outcome:
        """What a job ends with, whatever happens on the way."""
        if job.failure is not None or job.abandoned:
            return Outcome.failed(job.failure or ClusterError("no client waits for this job"))
        try:
            return await trio.to_thread.run_sync(job.conclude, self.second_passes.of(job))
        except LoganError as error:
            self.executor.events.note("alarm", f"job {job.name} ended without a report: {error}")
            return Outcome.failed(error)
        except Exception as error:
            doing = f"concluding job {job.name}"
            return Outcome.failed(self.executor.events.internal_error(doing, error))

    async def report_of(self, job: SubmittedJob) -> Report:
        """Wait for a job's end and give its report; what went wrong with inputs is in it.

        Canceling stops the job; a journal still has it. Raises `ClusterError`, or what else it
        failed with.
        """
        try:
            await job.ended.wait()
        except trio.Cancelled:
            self.cancel(job.id)
            raise
        assert job.outcome is not None
        report = await trio.to_thread.run_sync(job.outcome.report)
        self.ended.claim(job.id)
        if self.commits.is_durable:
            await self.commits.commit(ReportTaken(job.id))
        return report

    def delivered(self, job: SubmittedJob) -> None:
        """A client has got the job's report, and asks for nothing more."""
        self.ended.drop(job.id)
        self.commits.add(ReportTaken(job.id))

    def undelivered(self, job: SubmittedJob) -> None:
        """The client has gone before it had the job's report: it may come back for it."""
        job.owned = False

    def await_return(self, job: SubmittedJob) -> None:
        """The connection to the job's client broke: it may come back for the job, for a while."""
        job.owned = False
        job.left_at = trio.current_time()
        if not job.waits_for_return:
            job.waits_for_return = True
            self.tasks.start(self._forget_unclaimed, job)

    async def _forget_unclaimed(self, job: SubmittedJob) -> None:
        """One task for each job, however often its client comes back and is lost again."""
        while not job.ended.is_set():
            # Back meanwhile and gone once more, the client has all of the time again.
            left_at = job.left_at
            assert left_at is not None
            with trio.move_on_at(left_at + RESUBMIT_S_MAX):
                await job.ended.wait()
            if job.left_at == left_at:
                break
        job.waits_for_return = False
        if not job.owned and not job.ended.is_set():
            self.give_up(job)

    def give_up(self, job: SubmittedJob) -> None:
        """The job is no longer wanted."""
        running = self.executor.jobs.get(job.id)
        if running is not None:
            running.abandoned = True
            self.executor.cancel(running)
            self.commits.add(JobForgotten(job.id))

    def cancel(self, job: str) -> None:
        """End a job with what there is; a journal goes on with it at the next start."""
        running = self.executor.jobs.get(job)
        if running is not None:
            running.submitted.kept = self.commits.is_durable
            self.executor.cancel(running)

    def resumes_later(self, job: SubmittedJob) -> bool:
        """Whether the journal goes on with the job at the coordinator's next start, which its
        client may wait for."""
        return job.kept and self.executor.stopping
