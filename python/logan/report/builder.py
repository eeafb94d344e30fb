"""From a job and what an engine made of it to the report.

`build_report` is a pure function of its arguments: it reads no file and no clock, and changes
neither job nor result, so that two calls give the same report whichever engine ran the job.
`report_of` is for callers in the process that planned: it first looks at the files again and at
the clock. Knows no engine, no network and no terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from logan import _logan
from logan.errors import InputError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Result
from logan.options import Options
from logan.planning.added_tables import is_lifetime, is_timing
from logan.planning.prepare import Job
from logan.report.additions import whole_tables, with_additions
from logan.report.document import Report, assemble
from logan.report.entries import entry_of, specs_of
from logan.report.evaluation import figures_of
from logan.report.findings import find
from logan.report.health_checks import TABLES as HEALTH_TABLES
from logan.report.input_errors import note_archives, note_errors
from logan.report.rows import keep_rows
from logan.sources import files
from logan.sources.compression import decoded_sample
from logan.sources.streams import Stream

if TYPE_CHECKING:
    from logan.report.explanation import Explain

__all__ = [
    "build_report",
    "report_of",
    "selection",
    "with_groups",
]


def report_of(
    job: Job,
    result: Result,
    *,
    engine: str,
    series_points: int | None = SERIES_POINTS_MAX,
    geoip: Sequence[str] = (),
    strict: bool = False,
    explain: Explain | None = None,
) -> Report:
    """The report of what an engine made of a plan, as of now.

    An input whose bytes are missing gets an error of its own in the report; `strict` raises the
    first.
    """
    report, error = build_report(
        job,
        result,
        engine=engine,
        series_points=series_points,
        geoip=geoip,
        changes=job.changes(),
        look=_fields_of_files,
        explain=explain,
        wall_s=job.elapsed_s(),
        peak_rss_bytes=_logan.peak_rss_bytes(),
    )
    if strict and error is not None:
        raise error
    return report


def build_report(
    job: Job,
    result: Result,
    *,
    engine: str,
    series_points: int | None,
    changes: Mapping[int, Sequence[str]],
    wall_s: float,
    peak_rss_bytes: int | None,
    geoip: Sequence[str] = (),
    look: Callable[[Job], set[str] | None] = lambda job: None,
    explain: Explain | None = None,
) -> tuple[Report, InputError | None]:
    """The report, and the error of the first input that has one.

    Args:
        changes: by source, notes about files that were written to after the plan was made.
        wall_s: how long the job took.
        peak_rss_bytes: most memory that this process has used.
        look: which of status, level, duration and bytes the records of the inputs have; asked where
            a condition left none, and None if the inputs cannot be looked at again. By default
            what was seen of them when they were opened decides.
        explain: adds what is common to the findings, given them and the first and last timestamp;
            by default they hold what the summary proves.
    """
    inputs = [replace(entry, notes=list(entry.notes)) for entry in job.inputs]
    job = replace(job, inputs=inputs)
    asked = job.options
    figures = figures_of(
        result.summary,
        top=asked.top,
        sort=asked.sort,
        named=asked.rows,
        whole=[*HEALTH_TABLES, *whole_tables(user_agents=asked.user_agents, geoip=geoip)],
        series_points=series_points,
    )
    note_errors(result.missing, figures, job)
    note_archives(inputs, job.order, result)
    for source, notes in changes.items():
        entry = inputs[job.order[source]]
        entry.notes += notes if entry.error is None else ()
    figures = with_groups(figures, asked.by)
    findings: Sequence[Mapping[str, Any]] = find(figures, is_partial=bool(result.missing))
    figures = with_additions(
        figures, result.summary, step=asked.step, user_agents=asked.user_agents, geoip=geoip
    )
    figures = keep_rows(figures, top=asked.top, sort=asked.sort, named=asked.rows)
    error = next((entry.error for entry in inputs if entry.error is not None), None)
    selected = selection(job.options)
    if selected is not None and selected["where"] and not figures["lines"]["parsed"]:
        present = look(job)
        if present is None:
            present = _fields_seen(job, figures)
        selected["fields_present"] = sorted(present)
    if explain is not None and findings:
        findings = explain(findings, (figures["time"]["first"], figures["time"]["last"]))
    report = _report(
        job,
        result,
        figures,
        findings,
        engine=engine,
        wall_s=wall_s,
        peak_rss_bytes=peak_rss_bytes,
        selected=selected,
    )
    return report, error


def _fields_seen(job: Job, figures: Mapping[str, Any]) -> set[str]:
    """What was seen when the inputs were opened; else what the formats of their lines have."""
    seen = [each.detection.fields_present for each in job.inputs if each.detection is not None]
    if seen and all(each is not None for each in seen):
        return {name for each in seen for name in each or ()}
    from logan.planning.sample import fields_present_of_formats

    return fields_present_of_formats(_formats_read(figures))


def _formats_read(figures: Mapping[str, Any]) -> list[str]:
    return [each["name"] for source in figures["sources"] for each in source["formats"]]


def _fields_of_files(job: Job) -> set[str] | None:
    """What the samples of the job's inputs have, looked at once more; None for inputs that cannot
    be read twice."""
    from logan.planning.sample import Sample, fields_present

    present: set[str] = set()
    sources = json.loads(job.plan.spec_json)["sources"]
    for source, reading, index in zip(job.plan.sources, sources, job.order, strict=True):
        stream = job.inputs[index].stream
        if stream is None and source.fingerprint is None:
            return None
        try:
            samples = _samples_of(source.url, stream, source.compression)
            spec = {key: value for key, value in reading.items() if key != "layouts"}
            if "layouts" in reading:
                spec["layouts"] = {"fields": [], "changes": []}
            data = b"".join(piece for _, piece in samples)
            present |= fields_present(Sample(data, spec, input_tz=job.options.input_tz).metrics())
        except (InputError, ValueError):
            return None
    return present


def _samples_of(
    path: str, stream: Stream | None, compression: str | None
) -> Sequence[tuple[int, bytes]]:
    if stream is None:
        return files.open_file(path)[1]
    return [(0, stream.head if compression is None else decoded_sample(stream.head, compression))]


def _report(
    job: Job,
    result: Result,
    figures: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    *,
    engine: str,
    wall_s: float,
    peak_rss_bytes: int | None,
    selected: Mapping[str, Any] | None,
) -> Report:
    inputs, order = job.inputs, job.order
    evaluated = {order[each["source"]]: each for each in figures["sources"]}
    specs = specs_of(job)
    sought = dict(zip(order, job.sought, strict=False))
    entries = [
        entry_of(
            *(entry, evaluated.get(index), sought.get(index), job, specs.get(index, {})),
            timed=bool(figures["response_time_ms"]["count"]),
        )
        for index, entry in enumerate(inputs)
    ]
    names = [entry["path"] for entry in entries]
    read = sum(entry["bytes"] for entry in entries)
    fresh = max(0, read - result.resumed_bytes)
    return assemble(
        figures,
        entries,
        input_of_source=order,
        missing=[
            {
                "input": names[order[each.source]],
                "start": each.start,
                "end": each.end,
                "why": each.why,
            }
            for each in result.missing
        ],
        selection=selected,
        findings=findings,
        skipped_bytes=sum(each.skipped_bytes for each in job.sought),
        logan_version=_logan.__version__,
        performance={
            "wall_s": round(wall_s, 6),
            "bytes": read,
            "bytes_per_second": round(fresh / wall_s) if wall_s > 0 else None,
            "peak_rss_bytes": peak_rss_bytes,
            "threads": result.threads,
            "engine": engine,
            "workers": list(result.workers),
            "recoveries": list(result.recoveries),
            "verified": result.verified,
            "alarms": list(result.alarms),
            "repeated": False,
        },
    )


def selection(options: Options) -> dict[str, Any] | None:
    """The report's `selection`; None where every record counts and nothing is grouped.

    `fields_present` is filled in where a condition left no record.
    """
    asked = (options.since_ns, options.until_ns, options.where, options.by)
    if asked == (None, None, None, ()):
        return None
    return {
        "since": _rfc3339(options.since_ns),
        "until": _rfc3339(options.until_ns),
        "where": options.where,
        "by": list(options.by),
        "fields_present": None,
    }


def with_groups(figures: Mapping[str, Any], by: Sequence[str]) -> dict[str, Any]:
    """`figures` with the report's `groups` in place of the engine's tables: in the order asked for,
    a table that no record came to being empty, and behind them those that the plan added, as far as
    they have something."""
    found = figures.get("groups", {})
    groups = {name: found.get(name, _EMPTY) for name in by}
    for name, table in figures.get("tables", {}).items():
        rest = table
        if name == "timer":
            rest = {key: value for key, value in table.items() if key != "sums"}  # of both parts
            named = [row for row in table["top"] if is_timing(row["key"])]
            parts = {
                "session": [row for row in named if is_lifetime(row["key"])],
                "timer": [row for row in named if not is_lifetime(row["key"])],
            }
        else:
            parts = {name: table["top"]}
        for part, rows in parts.items():
            if rows:
                dropped = len(table["top"]) - len(rows)
                distinct = table["distinct"] - dropped
                groups.setdefault(part, {**rest, "top": rows, "distinct": distinct})
    others = {key: value for key, value in figures.items() if key not in ("groups", "tables")}
    return {**others, "groups": groups} if groups else others


_EMPTY: Final[Mapping[str, Any]] = {
    "exact": True,
    "error_bound": 0,
    "distinct": 0,
    "relative_error": None,
    "absent": 0,
    "top": [],
}


def _rfc3339(nanos: int | None) -> str | None:
    if nanos is None:
        return None
    seconds, rest = divmod(nanos, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fraction = f".{rest:09}".rstrip("0") if rest else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"
