"""From a submission to a job that workers are given: planned anew, or one that is there already.

A job may be there because its client comes back for it, or because the journal of an earlier
coordinator had it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import trio

from logan._logan import MergeTree, Spec
from logan.cluster.coordinator.absence import Absence
from logan.cluster.coordinator.commits import Commits
from logan.cluster.coordinator.conclusion import Conclusion
from logan.cluster.coordinator.ending import Outcome, SubmittedJob
from logan.cluster.coordinator.executor import Executor
from logan.cluster.coordinator.jobs import ActiveJob, drawn, probes_of
from logan.cluster.coordinator.records import JobForgotten, JobSetAside, JobStored, StoredJob
from logan.cluster.coordinator.stored import from_stored, to_stored
from logan.cluster.coordinator.submission import identity_of, opener_of, plan_submission
from logan.cluster.limits import JOBS_MAX, RETURN_S_MAX
from logan.cluster.nurseries import Tasks
from logan.cluster.request import Submission
from logan.errors import ClusterError, LoganError
from logan.log import logger_of
from logan.sources.roots import Roots

__all__ = ["Admission"]

logger = logger_of(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """Begins jobs.

    Args:
        roots: folders below which files are read that clients name.
        verify: share of each job's chunks, 0 to 1, that a second worker scans too.
    """

    roots: Roots
    verify: float
    executor: Executor
    conclusion: Conclusion
    absence: Absence
    commits: Commits
    tasks: Tasks

    async def submit(self, submission: Submission, *, strict: bool = False) -> SubmittedJob:
        """Plan and begin a job.

        If an equal job was resumed from the journal, or has ended before a client received its
        report, and its inputs have the same fingerprints, that job is returned instead.

        Raises `InputError` if `strict`, `UsageError`, `ClusterError`, `JournalError`.
        """
        try:
            return await self._submit(submission, strict=strict)
        except LoganError:
            raise
        except Exception as error:
            raise self.executor.events.internal_error("planning the job", error) from error

    async def _submit(self, submission: Submission, *, strict: bool) -> SubmittedJob:
        await self._wait_for_holders(submission)
        planned = await plan_submission(
            submission, self.roots, self.executor.sessions, strict=strict
        )
        wish, identity = submission.key(), identity_of(submission, planned.job)
        same = await self._take_up(wish, identity)
        if same is not None:
            return same
        if sum(each.part_of is None for each in self.executor.jobs.values()) >= JOBS_MAX:
            raise ClusterError(f"{JOBS_MAX} jobs are running", hint="try again later")
        plan = planned.job.plan
        running = ActiveJob(
            submitted=SubmittedJob(secrets.token_hex(6), wish, identity, plan.bytes),
            job=planned.job,
            tree=MergeTree(Spec(plan.spec_json)),
            urls=planned.urls,
            name=planned.name,
            holders=planned.holders,
            local=planned.local,
            confined=submission.confined,
            opened=opener_of(self.roots, confined=submission.confined),
            series_points=submission.series_points,
            explain=submission.explain,
        )
        running.probes = probes_of(running)
        self.executor.add(running)
        # The journal has the job before any worker gets a chunk of it.
        try:
            await self.commits.commit(JobStored(running.id, plan, to_stored(running)))
        except BaseException:
            self.executor.forget(running)
            self.commits.add(JobForgotten(running.id))  # it may have been written after all
            raise
        running.drawn = drawn(self.verify, running.unsettled())
        self.executor.begin(running)
        self._mind(running)
        return running.submitted

    async def _take_up(self, wish: str, identity: str) -> SubmittedJob | None:
        """The job that a client comes back for, if there is one and its inputs are the same."""
        for job in list(self.executor.jobs.values()):
            submitted = job.submitted
            if submitted.owned or submitted.wish != wish:
                continue
            if identity and submitted.identity == identity:
                submitted.owned = True
                self._mind(job)
                return submitted
            self.executor.events.note(
                "resumed", f"job {job.name} is given up: its inputs have changed since"
            )
            self.conclusion.give_up(submitted)
        ended = self.conclusion.ended.find(identity)
        if ended is None and identity:
            ended = await self._stored_report(wish, identity)
        if ended is not None:
            ended.owned = True
        return ended

    async def _stored_report(self, wish: str, identity: str) -> SubmittedJob | None:
        """A job that ended before this coordinator began, and whose report no client has got."""
        found = await self.commits.report(identity)
        if found is None:
            return None
        known = self.conclusion.ended.get(found.job)
        if known is not None:
            # Another client is receiving it just now; otherwise `ended.find` would have found it.
            return None
        try:
            outcome = await trio.to_thread.run_sync(Outcome.from_stored, found.body, found.error)
        except Exception as error:
            logger.warning("the stored report of job %s cannot be used: %s", found.job, error)
            return None
        submitted = SubmittedJob(found.job, wish, identity, owned=False)
        submitted.end(outcome)
        self.conclusion.ended.add(submitted)
        return submitted

    async def _wait_for_holders(self, submission: Submission) -> None:
        """When a client comes back for a job on files of workers, wait for these workers to come
        back too: without them another job would be planned."""
        wish = submission.key()
        names = {
            name
            for job in self.executor.jobs.values()
            if not job.submitted.owned and job.submitted.wish == wish
            for holders in job.holders
            for name in holders or ()
        }
        sessions = self.executor.sessions
        with trio.move_on_after(RETURN_S_MAX):
            await self.executor.changes.until(
                lambda: names <= {session.name for session in sessions.values()}
            )

    def resume(self, stored: StoredJob) -> None:
        """Go on with a job of the journal; one that cannot be is set aside."""
        try:
            running = from_stored(stored, self.roots)
            running.probes = probes_of(running)
        except Exception as error:
            self.commits.add(JobSetAside(stored.job, f"it cannot be resumed: {error}"))
            self.note_set_aside(stored.job, f"what the journal has of it is not valid: {error}")
            return
        self.executor.add(running)
        chunks, done = len(running.plan.chunks), len(running.done)
        self.executor.events.note(
            "resumed", f"job {running.name} resumed: {done:,} of {chunks:,} chunks are done"
        )
        # What was to be verified when the last coordinator died is drawn anew from what is left.
        running.drawn = drawn(self.verify, running.unsettled())
        self.executor.begin(running)

    def note_set_aside(self, job: str, why: str) -> None:
        """Say that a job of the journal does not go on."""
        text = f"job {job} is set aside, the others go on: {why}; submit it again"
        logger.error("%s", text)
        self.executor.events.note("alarm", text)

    def _mind(self, job: ActiveJob) -> None:
        self.tasks.start(self.absence.mind, job, self.conclusion.cancel)
