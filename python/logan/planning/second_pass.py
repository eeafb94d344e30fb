"""A second job over a part of a log that was analyzed: what its records have in common.

Planned from the first plan and an interval alone: the sources are read as they were, the records
are those of the first job that lie in the interval, and a search by time finds their bytes. Its
groups are the fields that may explain a finding. Knows no findings, no engine and no report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from logan import _logan
from logan._logan import Spec
from logan.errors import ConditionError, InputError, UsageError
from logan.limits import GROUP_TABLES_MAX, MIB
from logan.model import Plan, Source
from logan.planning.chunks import replan
from logan.planning.prepare import Job
from logan.planning.seek import seek
from logan.sources import files
from logan.sources.files import Opener, by_name
from logan.sources.hosts import is_remote

__all__ = [
    "FIELDS_PER_JOB",
    "HERE",
    "Access",
    "SecondPass",
    "fields_of",
    "interval_plan",
    "why_not",
]

STORED_BYTES_MAX: Final = 1_024 * MIB
"""Compressed bytes, all of which must be decoded to find a part, that are read again."""

KEYS_MAX: Final = 32
"""Keys of a log's own that are looked at."""

FIELDS_PER_JOB: Final = GROUP_TABLES_MAX
"""Group tables of one job."""

_DISTINCT_SHARE_MAX: Final = 0.5
"""Share of different values in a sample above which a key names single records, as ids do."""

_STANDARD: Final = (*("route", "client", "host", "method", "user_agent", "source", "template"),)
"""Fields that may explain a finding; those that this engine cannot group by are left out."""

_OUTCOMES: Final = ("time", "timestamp", "level", "status", "duration", "message", "msg")
"""Keys that tell what became of a request, not whose it was."""

_OFF: Final = (
    *("clients_per_day", "hosts", "methods", "not_found", "referrers"),
    *("response_times", "routes_over_time", "templates", "user_agents"),
)
"""Metrics that an explanation does not look at: its group tables have what it needs of them."""

_READ_AS: Final = ("route", "path", "client", "host", "method", "user_agent", "timestamp")


Samples = Sequence[tuple[int, bytes]]
"""Parts of a source, with their offsets."""


@dataclass(frozen=True, slots=True)
class SecondPass:
    """One job: its plan and the spec made of it."""

    plan: Plan
    spec: Spec


def _sampled(source: Source) -> Samples:
    return files.open_file(source.url)[1]


@dataclass(frozen=True, slots=True)
class Access:
    """How the sources of a job are looked at again, before they are read again.

    Attributes:
        opened: opens a source on this machine, to search it by time.
        sampled: samples of a source. Raises `InputError`.
        times: of sources that lie on workers, by chunk of the job's plan, the first and the last
            timestamp (epoch nanoseconds) that the first pass met, None where it met none: what
            is read again are the chunks around the interval, and those that are not in it. None
            for sources that can be searched here.
    """

    opened: Opener = by_name
    sampled: Callable[[Source], Samples] = _sampled
    times: Mapping[int, tuple[int, int] | None] | None = None


HERE: Final = Access()
"""The sources are files on this machine, by their names."""


def why_not(job: Job, access: Access = HERE) -> str | None:
    """Why the bytes of a job cannot be read again, or at what cost; None if they can.

    Whether files are still the planned ones is for the engine to check, as in the first pass.
    """
    if job.streams:
        return "standard input cannot be read again"
    if not job.watched and access.times is None:
        return "the files are on another host"
    if any(is_remote(source.url) for source in job.plan.sources):
        return "files on hosts reached by ssh are not read again"
    if any(source.fingerprint is None for source in job.plan.sources):
        return "objects on servers are not read again"
    stored = sum(source.size or 0 for source in job.plan.sources if not source.splittable)
    if stored > STORED_BYTES_MAX:
        return f"{stored:,} compressed bytes would have to be read again"
    return None


def fields_of(job: Job, access: Access = HERE) -> tuple[str, ...]:
    """The fields that may explain a finding: the standard ones, and keys of the log's own."""
    known = [name for name in _STANDARD if _is_field(name)]
    if len(job.plan.sources) < 2:
        known.remove("source")
    keys: list[str] = []
    for name in _keys(job, access):
        if name not in keys and len(keys) < KEYS_MAX:
            keys.append(name)
    return (*known, *keys)


def _is_field(name: str) -> bool:
    try:
        return bool(_logan.group_field(name))
    except (ConditionError, ValueError):
        return False


def _keys(job: Job, access: Access) -> Iterator[str]:
    """Keys of JSON and logfmt lines that have few values."""
    from logan.planning.survey import keys_of  # only here, and it is not small

    for index in job.order:
        entry = job.inputs[index]
        if entry.source is None or entry.source.fingerprint is None or entry.detection is None:
            continue
        try:
            fields = keys_of(access.sampled(entry.source), entry.detection, entry.source)
        except (InputError, ValueError):
            continue
        for each in fields:
            family, _, key = each.name.partition(".")
            if family not in ("json", "logfmt") or not each.by or not each.distinct:
                continue
            if key.lower() in (*_OUTCOMES, *_READ_AS) or each.read_as is not None:
                continue
            if any(each.examples and example.startswith("[") for example in each.examples):
                continue  # the survey's mark of a timestamp or a response time
            if 1 < each.distinct <= max(20, each.records * _DISTINCT_SHARE_MAX):
                yield each.name


def interval_plan(
    job: Job,
    *,
    since_ns: int,
    until_ns: int,
    by: Sequence[str],
    where: str | None = None,
    access: Access = HERE,
) -> SecondPass:
    """The job over the records of `job` in `[since_ns, until_ns)` for which `where` holds.

    Raises `UsageError` if none can be.
    """
    spec = json.loads(job.plan.spec_json)
    meaning = spec["meaning"]
    meaning["since_ns"] = max(since_ns, meaning.get("since_ns", since_ns))
    meaning["until_ns"] = min(until_ns, meaning.get("until_ns", until_ns))
    if meaning["since_ns"] >= meaning["until_ns"]:
        raise UsageError("no record of the report lies in the interval")
    conditions = [each for each in (meaning.get("where"), where) if each]
    if conditions:
        meaning["where"] = " and ".join(f"({each})" for each in conditions)
    meaning["off"] = list(_OFF)
    meaning.pop("by", None)
    spec.pop("also", None)
    if by:
        meaning["by"] = list(by)
    text = json.dumps(spec, separators=(",", ":"))
    try:
        plan, native = replace(job.plan, spec_json=text), Spec(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if access.times is not None:
        within = meaning["since_ns"], meaning["until_ns"]
        plan = replan(plan, _around(job.plan, access.times, *within), job.options)
    elif job.options.seek:
        found = [seek(source, i, native, access.opened) for i, source in enumerate(plan.sources)]
        plan = replan(plan, [each.source for each in found], job.options)
    return SecondPass(plan, native)


def _around(
    plan: Plan, times: Mapping[int, tuple[int, int] | None], since_ns: int, until_ns: int
) -> list[Source]:
    """The sources of a plan, each from the first of its chunks to the last that may hold a record
    of the interval."""
    ranges: dict[int, tuple[int, int]] = {}
    for chunk in plan.chunks:
        met = times.get(chunk.id, (since_ns, since_ns))  # unknown: it may
        if met is None or met[1] < since_ns or met[0] >= until_ns:
            continue
        start, _ = ranges.get(chunk.source, (chunk.start, 0))
        ranges[chunk.source] = start, chunk.end
    return [
        replace(source, start=ranges.get(index, (0, 0))[0], end=ranges.get(index, (0, 0))[1])
        if source.splittable
        else source
        for index, source in enumerate(plan.sources)
    ]
