"""The library: from paths to a report in one call.

`analysis` puts the layers together; here is what callers see of it. Knows nothing of the terminal;
a caller that wants a progress bar passes `progress`. The signatures are written out for
editors; names, types, defaults and bounds are those of `options`, and a test compares them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from logan import analysis, engines
from logan._logan import Cancel, Spec
from logan.errors import UsageError
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    EXPANSION_MAX_DEFAULT,
    INPUTS_PER_JOB_MAX,
    NAMES_SHOWN_MAX,
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
    Storage,
    TimeRange,
    chosen,
)
from logan.planning import timerange
from logan.planning.prepare import check_format, plan_inputs, prepare, raise_first
from logan.report import Report
from logan.sources.inputs import Input, open_inputs

if TYPE_CHECKING:
    from logan.comparison import Comparison
    from logan.planning.given_spec import GivenSpec
    from logan.record_stream import Records
    from logan.summaries.saved import Saved

__all__ = [
    "analyze",
    "analyze_logs",
    "compare",
    "detect",
    "load",
    "make_spec",
    "records",
    "to_dask",
]

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
    client: Literal["remote", "forwarded"] | None = None,
    top: int = 10,
    sort: Literal["requests", "errors", "ratio", "total", "p95", "max", "bytes"] = "requests",
    rows: tuple[str, ...] = (),
    step: int | str | None = None,
    user_agents: Literal["raw", "families"] | None = None,
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
    geoip: PathLike | Sequence[PathLike] = (),
    explain: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    errors: Literal["raise", "report"] = "raise",
    save: PathLike | None = None,
    spec: PathLike | None = None,
    state: PathLike | None = None,
    total: bool = False,
) -> Report:
    """Analyze logs and return one report of all of them.

    Args:
        paths: a path or several: files, compressed or not, tar and zip archives of logs, folders,
            patterns such as "logs/**/*.gz", "-" for standard input, URLs (http(s)://, s3://,
            gs://, az://); saved summaries, to which the others are added.
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
        client: who the client of an access log is: "remote", the address that a request comes
            from, or "forwarded", the first public one of the list behind the user agent
            (X-Forwarded-For); by default forwarded where all requests come from few private
            addresses.
        top: rows of the top tables and of the slowest requests.
        sort: what the tables are sorted by. With "requests", rows beyond the top that lead by
            errors or by total time follow, with `why`.
        rows: rows that are kept whatever their rank, such as `routes["GET /"]`, under `named`.
        step: seconds of a point of the series, or text such as "1m": a multiple of what is kept.
            `series_points` is then without effect.
        user_agents: "families" for tables of families of user agents, with bots, and of operating
            systems.
        expansion_max: maximum decompression ratio (a guard against zip bombs), checked after
            the first 1 GiB; 0 for no limit.
        anchor: reference date for timestamps without a year, which are the latest up to 48 h
            after it; by default when each input was last modified or, of an archive, written.
        since, until: only records from the one moment up to, but not with, the other; records
            without a time are left out then. A date, a date and time, RFC 3339 (in `input_tz` if
            it names no time zone), "10:15", "today" or "yesterday 9:30" of that zone, a
            `datetime`, or text such as "2h", "1d12h" or "2 hours ago" or a `timedelta`, which
            count back from `relative_to`. Rates divide by the minutes of the records in
            this time, whether or not `where` keeps them.
        relative_to: "now", taken once for the whole job, or "last", the latest record near the
            end of the inputs (files only).
        where: only records for which this condition holds, such as
            'status>=500 and route~"^/api" and duration>250ms'.
        by: fields by which group tables are made, at most four: route, path, status, level,
            client, host, method, format, user_agent, referrer, protocol, json.KEY or
            logfmt.KEY; "time:5m" for steps of time, "source" for inputs, "origin" for the servers
            of URLs; "timer" for timings beside the response time, such as `db=5ms`, and
            lifetimes of connections; "outgoing" for the hosts that client libraries call;
            'message~"order (\\w+)"' for what the group of a regular expression finds in a
            field; or two of these, as in "route,status", whose rows have both in `keys`.
        seek: find the selected time range in files in chronological order (to within 60 s)
            instead of reading all of them. False reads everything: the results are the same,
            except that lines outside the time range are then counted as filtered.
        engine: a name of `logan.engines.ENGINES`, or NAME=ADDRESS: "dask" makes a Dask cluster of
            processes for this job, "dask=tcp://host:8786" uses a running one.
        series_points: most points of the series; None for all.
        geoip: databases in the MMDB format, for tables of the countries and networks of clients.
        explain: read the intervals of findings again, to name what is common to them.
        progress: called with (bytes done, bytes in all) about ten times a second; the second
            is 0 while the end is not known.
        cancel: set it from elsewhere to stop; the report then covers what was read and is
            partial.
        errors: "raise" raises the first input's error; "report" puts it into that input's
            `error`, reads the others and marks the report partial.
        save: a file that gets a saved summary: `load` gives it back, `paths` may name it in place
            of the logs. Not written if `cancel` was set.
        spec: a saved summary, or a spec in JSON, by which these logs are read and counted.
        state: a folder that remembers how far logs were counted, through rotation: only what is
            new is read, and the report is of that.
        total: with `state`, the report is of all that was ever counted.

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
    storage = Storage(**chosen(given, Storage))
    if storage.state is not None:
        return _analyze_new(paths, options, presentation, execution, storage)
    if storage.total:
        raise UsageError("total needs a state folder", hint="name one: state")
    given_spec = _given_spec(storage)
    if given_spec is not None:
        options = given_spec.over(options)
    report, saved = analysis.run(
        _path_list(paths),
        options,
        presentation,
        execution,
        given=given_spec,
        keep=storage.save is not None,
    )
    stopped = execution.cancel is not None and execution.cancel.is_set()
    if storage.save is not None and saved is not None and not stopped:
        saved.save(storage.save)
    return report


def analyze_logs(
    paths: PathLike | Iterable[PathLike], threads: int | None = None, **options: Any
) -> Report:
    """Another name of `analyze`, which documents the options."""
    return analyze(paths, threads=threads, **options)


def records(
    paths: PathLike | Iterable[PathLike],
    *,
    columns: str | Sequence[str] | None = None,
    where: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    relative_to: Literal["now", "last"] = "now",
    malformed: bool = False,
    continuation: bool = False,
    engine: str = "local",
    threads: int | None = None,
    format: str | None = None,
    format_name: str = CUSTOM,
    input_tz: str = "UTC",
    date_order: Literal["mdy", "dmy", "ymd"] | None = None,
    units: Mapping[str, str] | Sequence[str] = (),
    client: Literal["remote", "forwarded"] | None = None,
    anchor: datetime | None = None,
    seek: bool = True,
    expansion_max: int = EXPANSION_MAX_DEFAULT,
    errors: Literal["raise", "report"] = "raise",
) -> Records:
    """The records of logs as Arrow record batches, in the order of the inputs.

    The result can be read any number of times, by whatever reads Arrow streams, each time in one
    pass and bounded memory: `pl.DataFrame(r)`, `pa.table(r)`, `duckdb.sql("from r")`.

    Args:
        paths: as for `analyze`, as are the options that are not named here.
        columns: names, as a sequence or separated by commas; no others are parsed. By default time,
            level, message, method, path, route, status, duration_ms, bytes, client, host,
            user_agent, referrer, format, source and offset. Also: line, raw (its bytes),
            duration_ns, query, and
            keys such as json.user_id or logfmt.x, which are text unless typed: json.user_id:int
            (:float, :bool). A value that does not fit is null and counted in `Records.stats`.
        where, since, until: only records that `analyze` would count with them.
        malformed: rows for malformed lines, too, with the line as `message`. Two columns are added:
            `kind` ("record", "malformed" or "continuation") and `reason`. Malformed lines have no
            fields, so they are there whatever `where` and `since` say.
        continuation: rows for continuation lines, too, such as those of stack traces, of records
            that are selected; with the column `kind`.
        engine: "local", or "dask" if the records are for `to_dask`: what cannot be read in parts is
            then refused at once.
        errors: "raise" raises at the first input that cannot be read; "report" goes on, and
            `Records.stats` says what is missing.

    Raises:
        UsageError: an option is invalid, or a column is unknown.
        InputError: an input cannot be read; `UnreadableLogError` if no sampled line of it is of a
            known format, unless `malformed`.
    """
    given = locals()
    presentation = Presentation(anchor=anchor, errors=errors)
    from logan.record_stream import Records, settled_columns

    asked = settled_columns(columns)
    if "line" in asked:
        given["seek"] = False  # lines that were passed over would not be counted
    execution = Execution(threads=threads, engine=engine)
    if engine not in engines.ENGINES:
        engines.load(engine)  # raises, and names those that there are
    options = timerange.options(now_ns=time.time_ns(), **chosen(given, Options, TimeRange))
    strict = presentation.errors == "raise"
    job = prepare(_path_list(paths), options, anchor=anchor, strict=strict)
    found = Records(
        job,
        asked,
        threads=execution.threads,
        malformed=malformed,
        continuation=continuation,
        errors=errors,
    )
    if strict and not malformed:
        found.raise_if_unreadable()
    if engine == "dask":
        found.partitions()
    return found


def to_dask(records: Records) -> Any:
    """A `dask.dataframe.DataFrame` of records, one partition for each chunk of their plan.

    Workers read the files themselves, at the same paths. Needs pandas and pyarrow beside Dask.
    Raises `UsageError` for inputs that cannot be read in parts, and where a library is missing.
    """
    from logan.engines import dask_records

    return dask_records.to_dask(records)


def detect(path: PathLike) -> Detection:
    """What a log looks like, from a sample of it; "-" is standard input.

    Besides the formats: `fields`, what its records have and `where` and `by` can ask for, and
    `unread`, the lines that nothing reads, with a format for them if one was found that does.
    Raises `InputError`.
    """
    from logan.planning.survey import survey  # only here, and it is not small

    (entry,) = open_inputs(_path_list([path]), literal=True, examine=survey)
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
    client: Literal["remote", "forwarded"] | None = None,
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
    inputs = open_inputs(_path_list(paths, may_be_none=True), literal=True) or [
        Input("-", Source("-", None), Detection())
    ]
    raise_first(inputs)
    return plan_inputs(inputs, options, anchor=anchor).spec()


def compare(
    before: PathLike | Iterable[PathLike], after: PathLike | Iterable[PathLike], **options: Any
) -> Comparison:
    """What changed from one analysis to another, and which changes chance does not explain.

    Each side is logs, saved summaries, or one JSON report, as `logan diff` takes them; `options`
    are those of `analyze`, for both sides.

        change = logan.compare("monday.logan", "tuesday.logan")
        slower = [row.key for row in change.tables[0].rows if row.shift == "slower"]

    Raises as `analyze`.
    """
    from logan.comparison.compare import compare  # only here

    presentation = Presentation(**chosen(options, Presentation))
    resolved = timerange.options(now_ns=time.time_ns(), **chosen(options, Options, TimeRange))
    execution = Execution(**chosen(options, Execution))
    sides = []
    for side in (before, after):
        paths = _path_list(side)
        name = ", ".join(paths[:NAMES_SHOWN_MAX])
        sides.append(analysis.side(paths, name, resolved, presentation, execution))
    return compare(*sides, top=resolved.top)


def load(path: PathLike) -> Saved:
    """A saved summary: `report()` is its report, `merge` adds others, `save` writes it.

        month = logan.load("1.logan").merge(logan.load("2.logan"))
        month.save("month.logan")
        print(month.report().total_requests)

    Raises `InputError` for a file that is none, is damaged, or was made by a newer version.
    """
    from logan.summaries import saved  # only here

    return saved.load(_one_path(path, "load one, and add others to it: load(a).merge(load(b))"))


def _analyze_new(
    paths: PathLike | Iterable[PathLike],
    options: Options,
    presentation: Presentation,
    execution: Execution,
    storage: Storage,
) -> Report:
    from logan.state.run import open_state, run

    with open_state(storage, options) as folder:
        found = run(
            *(_path_list(paths), folder, options, presentation, execution), total=storage.total
        )
        if found.errors and presentation.errors == "raise":
            raise found.errors[0]
        if storage.save is not None:
            found.saved.save(storage.save)
        found.reported()
        return found.report


def _given_spec(storage: Storage) -> GivenSpec | None:
    if storage.spec is None:
        return None
    from logan.summaries.paths import given_spec

    return given_spec(_one_path(storage.spec, "logs are read by one spec"))


def _one_path(path: PathLike, hint: str) -> str:
    """The name of a file; raises `UsageError` for anything else, with the hint if it is several."""
    if isinstance(path, (str, bytes, os.PathLike)):
        return os.fsdecode(path)
    if hasattr(path, "read"):
        raise UsageError("an open file is not a path", hint="give its name")
    raise UsageError(
        f"a value of type {type(path).__name__} is not a path",
        hint=hint if isinstance(path, Iterable) else None,
    )


def _path_list(paths: PathLike | Iterable[PathLike], *, may_be_none: bool = False) -> list[str]:
    is_one = isinstance(paths, (str, bytes, os.PathLike)) or hasattr(paths, "read")
    listed: list[Any] = [paths] if is_one or not isinstance(paths, Iterable) else list(paths)
    for each in listed:
        if not isinstance(each, (str, bytes, os.PathLike)):
            is_file = hasattr(each, "read")
            what = "an open file" if is_file else f"a value of type {type(each).__name__}"
            hint = "give its name, or push its bytes into logan.Feed" if is_file else None
            raise UsageError(f"{what} is not a path", hint=hint)
    if not listed and not may_be_none:
        raise UsageError("no path is given")
    if len(listed) > INPUTS_PER_JOB_MAX:
        raise UsageError(
            f"{len(listed):,} inputs: one report can have at most {INPUTS_PER_JOB_MAX:,}",
            hint="analyze them in groups, or as one stream: cat … | logan analyze -",
        )
    return [os.fsdecode(path) for path in listed]
