"""The library: from paths to a report in one call.

Puts the layers together and holds no logic of its own: sources say what the inputs are, the plan
cuts them, an engine reads them, the report is assembled from its summary. Knows nothing of the
terminal; a caller that wants a progress bar passes `progress`. The signatures are written out for
editors; names, types, defaults and bounds are those of `options`, and a test compares them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from logan import engines
from logan._logan import Cancel, Spec
from logan.errors import UsageError
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    EXPANSION_MAX_DEFAULT,
    INPUTS_PER_JOB_MAX,
    SERIES_POINTS_MAX,
)
from logan.model import Detection, Source
from logan.options import (
    CUSTOM,
    Execution,
    Moment,
    Options,
    Presentation,
    Progress,
    TimeRange,
    chosen,
)
from logan.planning import timerange
from logan.planning.prepare import Job, check_format, plan_inputs, prepare, raise_first
from logan.report import Report
from logan.report.builder import report_of
from logan.report.explanation import Explain, Span, explained, unexplained
from logan.sources.inputs import Input, open_inputs

__all__ = ["analyze", "analyze_logs", "detect", "make_spec"]

PathLike = str | os.PathLike[str]


def analyze(
    paths: PathLike | Iterable[PathLike],
    *,
    threads: int | None = None,
    chunk_size: int = CHUNK_SIZE_BYTES_DEFAULT,
    format: str | None = None,
    format_name: str = CUSTOM,
    input_tz: str = "UTC",
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    units: Mapping[str, str] | Sequence[str] = (),
    top: int = 10,
    expansion_max: int = EXPANSION_MAX_DEFAULT,
    anchor: datetime | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    relative_to: Literal["now", "last"] = "now",
    where: str | None = None,
    by: str | Sequence[str] = (),
    seek: bool = True,
    engine: str = "local",
    series_points: int | None = SERIES_POINTS_MAX,
    explain: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    errors: Literal["raise", "report"] = "raise",
) -> Report:
    """Analyze logs and return one report of all of them.

    Args:
        paths: a path or several: files, compressed or not, tar and zip archives of logs, folders,
            patterns such as "logs/**/*.gz", "-" for standard input, URLs (http(s)://, s3://,
            gs://, az://).
        threads: number of threads; by default the CPUs this process may use. Does not affect
            results.
        chunk_size: bytes of a unit of work.
        format: read every line as this format instead of detecting: a name of `logan formats`
            ("nginx" is one of "combined"), the text of nginx's `log_format` or Apache's `LogFormat`
            with its directive or without, or a regular expression with groups such as `(?<time>…)`
            and `(?<duration_ms>…)`.
        format_name: what the report calls a format that is given as text.
        input_tz: time zone of timestamps without one, an IANA name such as "Europe/Berlin".
        date_order: the order of dates of numbers, such as 03/04/2024 and 24-01-23: "mdy" (month
            first), "dmy" or "ymd"; by default what the dates of each input say.
        units: units of the numbers without one that are response times, by key, such as
            `{"duration": "ms"}`: "ns", "us", "ms", "s", or "none" for what is not a response time;
            "response_time" is the number after an access log's user agent. By default the
            name of the key, the producer or the values of each input decide.
        top: rows of the top tables and of the slowest requests.
        expansion_max: maximum decompression ratio (a guard against zip bombs), checked after
            the first 1 GiB; 0 for no limit.
        anchor: reference date for timestamps without a year, which are the latest up to 48 h
            after it; by default when each input was last modified or, of an archive, written.
        since, until: only records from the one moment up to, but not with, the other; records
            without a time are left out then. A date, a date and time, RFC 3339 (in `input_tz` if
            it names no time zone), a `datetime`, or text such as "2h" or "1d12h" or a `timedelta`,
            which count back from `relative_to`. Rates divide by the minutes of the records in
            this time, whether or not `where` keeps them.
        relative_to: "now", taken once for the whole job, or "last", the latest record near the
            end of the inputs (files only).
        where: only records for which this condition holds, such as
            'status>=500 and route~"^/api" and duration>250ms'.
        by: fields by which group tables are made, at most four: route, path, status, level,
            client, host, method, format, user_agent, referrer, json.KEY or
            logfmt.KEY.
        seek: find the selected time range in files in chronological order (to within 60 s)
            instead of reading all of them. False reads everything: the results are the same,
            except that lines outside the time range are then counted as filtered.
        engine: a name of `logan.engines.ENGINES`, or NAME=ADDRESS: "dask" makes a Dask cluster of
            processes for this job, "dask=tcp://host:8786" uses a running one.
        series_points: most points of the series; None for all.
        explain: read the intervals of findings again, to name what is common to them.
        progress: called with (bytes done, bytes in all) about ten times a second; the second
            is 0 while the end is not known.
        cancel: set it from elsewhere to stop; the report then covers what was read and is
            partial.
        errors: "raise" raises the first input's error; "report" puts it into that input's
            `error`, reads the others and marks the report partial.

    Raises:
        UsageError: an option is invalid (also a `ValueError`); `ConditionError` or
            `FormatError` with its position if `where`, `by` or `format` does.
        InputError: an input cannot be read; `SourceChangedError` if it changed meanwhile,
            `UnreadableLogError` if none of its lines is of a known format, with its first lines
            and a format that was found to read them.
    """
    given = locals()
    presentation = Presentation(**chosen(given, Presentation))
    options = timerange.options(now_ns=time.time_ns(), **chosen(given, Options, TimeRange))
    execution = Execution(**chosen(given, Execution))
    cancel = Cancel() if cancel is None else cancel
    runner = engines.load(execution.engine)
    strict = presentation.errors == "raise"
    job = prepare(_path_list(paths), options, anchor=anchor, strict=strict, cancel=cancel)
    try:
        execution = replace(execution, cancel=cancel, streams=job.streams)
        result = runner.run(job.plan, job.spec(), execution)
    finally:
        job.close()
    return report_of(
        job,
        result,
        engine=runner.name,
        series_points=presentation.series_points,
        strict=strict,
        explain=_explanation(job, execution) if presentation.explain else unexplained(),
    )


def _explanation(job: Job, execution: Execution) -> Explain:
    """What adds to findings what a second pass over their intervals shows. It reads little, so
    this process does it, whichever engine read all."""
    quiet = replace(execution, progress=None, streams={})
    local = engines.load("local")

    def explain(findings: Sequence[Mapping[str, Any]], span: Span) -> Sequence[Mapping[str, Any]]:
        if quiet.cancel is not None and quiet.cancel.is_set():
            return unexplained("the analysis was stopped")(findings, span)
        return explained(job, findings, lambda each: local.run(each.plan, each.spec, quiet), span)

    return explain


def analyze_logs(
    paths: PathLike | Iterable[PathLike], threads: int | None = None, **options: Any
) -> Report:
    """Another name of `analyze`, which documents the options."""
    return analyze(paths, threads=threads, **options)


def detect(path: PathLike) -> Detection:
    """What a log looks like, from a sample of it; "-" is standard input.

    Besides the formats: `fields`, what its records have and `where` and `by` can ask for, and
    `unread`, the lines that nothing reads, with a format for them if one was found that does.
    Raises `InputError`.
    """
    from logan.planning.survey import survey  # only here, and it is not small

    (entry,) = open_inputs([os.fspath(path)], literal=True, examine=survey)
    if entry.stream is not None:
        entry.stream.close()
    if entry.error is not None:
        raise entry.error
    return entry.detection or Detection()


def make_spec(
    paths: PathLike | Iterable[PathLike] = (),
    *,
    format: str | None = None,
    input_tz: str = "UTC",
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    units: Mapping[str, str] | Sequence[str] = (),
    top: int = 10,
    anchor: datetime | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    where: str | None = None,
    by: str | Sequence[str] = (),
) -> Spec:
    """The spec by which `analyze` would read `paths`, for use with `Summary` and `Feed`.

    Source i of the spec is path i, which must be a file. Without paths it has one source whose
    lines try every format. `since` and `until` that are relative count back from now.
    Raises `InputError`, `UsageError`.
    """
    given = locals()
    options = timerange.options(
        now_ns=time.time_ns(), seek=False, **chosen(given, Options, TimeRange)
    )
    check_format(format)
    inputs = open_inputs(_path_list(paths), literal=True) or [
        Input("-", Source("-", None), Detection())
    ]
    raise_first(inputs)
    return plan_inputs(inputs, options, anchor=anchor).spec()


def _path_list(paths: PathLike | Iterable[PathLike]) -> list[str]:
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if len(listed) > INPUTS_PER_JOB_MAX:
        raise UsageError(
            f"{len(listed):,} inputs: one report can have at most {INPUTS_PER_JOB_MAX:,}",
            hint="analyze them in groups, or as one stream: cat … | logan analyze -",
        )
    return [os.fspath(path) for path in listed]
