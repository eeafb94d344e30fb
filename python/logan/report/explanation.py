"""The second pass: reads the interval of a finding again, to name what is common to it.

Puts planning (which bytes, which groups) and `findings.explain` (which values) together; the
caller's `run` is any engine. Where bytes cannot be read again the finding says why and keeps what
the first pass proves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from logan.errors import InputError, LoganError
from logan.model import Result
from logan.planning.prepare import Job
from logan.planning.second_pass import (
    FIELDS_PER_JOB,
    HERE,
    Access,
    SecondPass,
    fields_of,
    interval_plan,
    why_not,
)
from logan.report.findings import EXPLAINED_KINDS
from logan.report.findings import thresholds as limits
from logan.report.findings import unexplained as not_explained
from logan.report.findings.commands import joined_conditions, quoted, slower_than
from logan.report.findings.explain import (
    IMPLIED,
    Candidate,
    Counts,
    candidates,
    chosen,
    counts_of_rows,
    dominant,
)
from logan.report.findings.grid import OUTCOMES
from logan.report.findings.outcomes import condition
from logan.report.rows import LEADERS_MAX

__all__ = ["STOPPED", "Explain", "Run", "Span", "explained", "unexplained"]

Run = Callable[[SecondPass], Result]
Finding = Mapping[str, Any]

_ORDERS: Final = {"errors": LEADERS_MAX, "total": LEADERS_MAX}
"""Rows that are looked at beside the most frequent: what is wrong may be rare."""

NO_SECOND_PASS: Final = "no second pass was made"
STOPPED: Final = "the analysis was stopped"
Tables = Mapping[str, Counts]
Span = tuple[str | None, str | None]
"""First and last timestamp of the log."""
Explain = Callable[[Sequence[Finding], Span], Sequence[Finding]]


def explained(
    job: Job, findings: Sequence[Finding], run: Run, span: Span, access: Access = HERE
) -> list[Finding]:
    """The findings, the first few of them with what a second pass over their intervals found.

    `span` are the first and last timestamp of the log; `run` has an engine do a job.
    """
    done: list[Finding] = []
    budget = _Budget(max(limits.READ_AGAIN_BYTES, job.plan.bytes // limits.READ_AGAIN_ONE_IN))
    fields: tuple[str, ...] | None = None
    reason: str | None = None
    if any(each["kind"] in EXPLAINED_KINDS and each["start"] is not None for each in findings):
        reason = why_not(job, access)
    for index, each in enumerate(findings):
        if each["kind"] not in EXPLAINED_KINDS or each["start"] is None:
            done.append(each)
        elif reason is not None:
            done.append({**each, "why_not": reason})
        elif index >= limits.EXPLAINED_MAX:
            done.append({**each, "why_not": f"only the first {limits.EXPLAINED_MAX} are explained"})
        else:
            fields = fields_of(job, access) if fields is None else fields
            try:
                made = _Explanation(job, each, budget.of(run), fields, span, access)
                done.append(made.finding())
            except LoganError as error:
                done.append({**each, "why_not": str(error)})
    return done


def unexplained(why_not: str = NO_SECOND_PASS) -> Explain:
    """What says of findings why there was no second pass."""

    def explain(findings: Sequence[Finding], span: Span) -> Sequence[Finding]:
        return not_explained(findings, why_not)

    return explain


class _Budget:
    """The bytes that all second passes of a report may read: a log whose timestamps are in no order
    is read in whole for each interval."""

    def __init__(self, left: int) -> None:
        self._left = left

    def of(self, run: Run) -> Run:
        """`run` within the budget; raises `LoganError` for a job that is beyond it."""

        def within(job: SecondPass) -> Result:
            self._left -= job.plan.bytes
            if self._left < 0:
                raise LoganError("too many bytes would have to be read again")
            return run(job)

        return within


class _Explanation:
    """One finding: its interval, a reference of equal length, and the tables of both."""

    def __init__(
        self,
        job: Job,
        finding: Finding,
        run: Run,
        fields: Sequence[str],
        span: Span,
        access: Access,
    ) -> None:
        self.access = access
        self.job, self.given, self.run, self.fields = job, finding, run, fields
        self.kind = finding["kind"]
        start, end = _nanos(finding["start"]), finding["end"]
        first = start if span[0] is None else _nanos(span[0])
        last = start if span[1] is None else _nanos(span[1]) + 10**9
        self.inside = start, (last if end is None else _nanos(end))
        length = self.inside[1] - start
        # Before the interval, or after it where the log begins with it. Its edges are known to a
        # bucket only, which is left out.
        bucket = (finding["step_s"] or 0) * 10**9
        before = max(first, start - bucket - length), start - bucket
        after = self.inside[1] + bucket, min(last, self.inside[1] + bucket + length)
        wide_enough = before[1] - before[0] >= min(length, after[1] - after[0]) // 2
        self.reference = before if wide_enough else after
        if self.kind == "clock":
            self.reference = first, last

    def finding(self) -> Finding:
        """The finding with `where` of the second pass."""
        if self.reference[0] >= self.reference[1]:
            return {**self.given, "why_not": "there is nothing beside the interval to compare with"}
        own = self._own_condition()
        found = self._candidates(own)
        if self.kind == "latency":
            # Routes were compared by the first pass. Here those that take longer anyway would seem
            # to explain that all do.
            known = {"route", *IMPLIED["route"]}
            others = [each for each in found if each.field not in known]
            where = [*self.given["where"], *(each.entry() for each in chosen(others))]
        elif found:
            # Of requests that were refused it matters more who made them.
            leads = "client" if self.kind in ("throttled", "denied") else None
            best = chosen(found, leads=leads)[0]
            # A value that merely occurs with the best one is not over-represented beside it.
            within: dict[str, list[Candidate]] = {}
            # No condition names an input.
            if best.field != "source" and any(each.field != best.field for each in found):
                narrow = joined_conditions(own, f"{best.field}={quoted(best.value)}")
                for each in self._candidates(narrow):
                    within.setdefault(each.field, []).append(each)
            where = [each.entry() for each in chosen(found, within, leads=leads)]
        else:
            where = [] if self.kind != "errors" else self._messages() or list(self.given["where"])
        return {**self.given, "where": where[: limits.WHERE_MAX], "explained": "second_pass"}

    def _messages(self) -> list[Mapping[str, Any]]:
        """The message that carries the errors, where no field explains them."""
        if self.given.get("message"):
            return []
        inside, reference = (self._templates(each) for each in (self.inside, self.reference))
        return [each.entry() for each in candidates("template", inside, reference)[:1]]

    def _templates(self, interval: tuple[int, int]) -> Counts:
        """By message of level ERROR and above: how often, of all records."""
        job = interval_plan(
            self.job, since_ns=interval[0], until_ns=interval[1], by=(), access=self.access
        )
        figures = self._evaluated(job)
        parsed = figures["lines"]["parsed"]
        return {
            each["template"]: (each["count"], parsed)
            for each in figures["messages"]["top"]
            if each["level"] in ("ERROR", "FATAL")
        }

    def _own_condition(self) -> str | None:
        """The condition that keeps to the finding's own route, for response times."""
        if self.kind != "latency":
            return None
        routes = [each["value"] for each in self.given["where"] if each["field"] == "route"]
        return f"route={quoted(routes[0])}" if routes else None

    def _candidates(self, where: str | None) -> list[Candidate]:
        inside, reference = (self._tables(each, where) for each in (self.inside, self.reference))
        found: list[Candidate] = []
        for field in self.fields:
            if field not in inside or field not in reference:
                continue
            if self.kind == "clock":
                found += dominant(field, inside[field], reference[field])
            else:
                is_volume = self.kind == "traffic_surge"
                found += candidates(field, inside[field], reference[field], is_volume=is_volume)
        return found

    def _tables(self, interval: tuple[int, int], where: str | None) -> Tables:
        """By field, what is wrong and all in an interval."""
        if self.kind == "errors":
            return self._groups(interval, where, "errors")
        if self.kind == "latency":
            slow = slower_than(self.given["before"], self.given["during"])
            return self._shares(interval, where, slow, "duration exists")
        if self.kind in OUTCOMES:
            return self._shares(interval, where, condition(self.kind), "status exists")
        return self._groups(interval, where, "records")

    def _shares(
        self, interval: tuple[int, int], where: str | None, wrong: str, any_: str
    ) -> Tables:
        """By field, for how many of the records of one condition another one holds."""
        some = self._groups(interval, joined_conditions(where, wrong), "records")
        all_ = self._groups(interval, joined_conditions(where, any_), "records")
        return {
            field: {
                value: (some.get(field, {}).get(value, (0, 0))[0], count)
                for value, (_, count) in counts.items()
            }
            for field, counts in all_.items()
        }

    def _groups(self, interval: tuple[int, int], where: str | None, wrong: str) -> Tables:
        found: dict[str, Counts] = {}
        for at in range(0, len(self.fields), FIELDS_PER_JOB):
            job = interval_plan(
                self.job,
                since_ns=interval[0],
                until_ns=interval[1],
                by=self.fields[at : at + FIELDS_PER_JOB],
                where=where,
                access=self.access,
            )
            figures = self._evaluated(job)
            total = figures["errors"]["total"] if wrong == "errors" else figures["lines"]["parsed"]
            for field, group in figures.get("groups", {}).items():
                if "." in field and group["distinct"] > limits.VALUES_MAX:
                    continue
                counts = counts_of_rows(group["top"], wrong, "records")
                covered = sum(each[0] for each in counts.values())
                if covered >= limits.EXPLAINS_COVERED_MIN * (total or 0):
                    found[field] = counts
        return found

    def _evaluated(self, job: SecondPass) -> dict[str, Any]:
        result = self.run(job)
        if result.missing:
            raise InputError(result.missing[0].why, kind=result.missing[0].kind)
        figures: dict[str, Any] = json.loads(
            result.summary.evaluate(top=limits.VALUES_MAX, series_points=1, orders=_ORDERS)
        )
        return figures


def _nanos(text: str) -> int:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 10**9 + int(f"{fraction:0<9}"[:9] or 0)
