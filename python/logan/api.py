"""The library: from paths to a report in one call.

Puts the layers together and holds no logic of its own: sources say what the inputs are, the plan
cuts them, an engine reads them, the report is assembled from its summary. Knows nothing of the
terminal; whoever wants a progress bar passes `progress`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from logan import _logan, engines, narrowing
from logan._logan import Cancel, Spec
from logan.engines import Progress
from logan.errors import InputError, SourceChangedError, UsageError
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    INPUTS_PER_JOB_MAX,
    SERIES_POINTS_MAX,
    THREADS_MAX,
)
from logan.model import Detection, FormatShare, Missing, Plan, Result, Source
from logan.narrowing import Moment, Sought
from logan.plan import Options, make_plan, replan
from logan.report import Report, assemble, input_entry
from logan.sources import Input, local, open_inputs, readable_name

__all__ = ["analyze", "analyze_logs", "detect", "make_spec"]

PathLike = str | os.PathLike[str]


def analyze(
    paths: PathLike | Iterable[PathLike],
    *,
    threads: int | None = None,
    chunk_size: int = CHUNK_SIZE_BYTES_DEFAULT,
    format: str | None = None,
    input_tz: str = "UTC",
    top: int = 10,
    anchor: datetime | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    relative_to: Literal["now", "last"] = "now",
    where: str | None = None,
    by: str | Sequence[str] = (),
    seek: bool = True,
    engine: str = "local",
    series_points: int | None = SERIES_POINTS_MAX,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    errors: Literal["raise", "report"] = "raise",
) -> Report:
    """Analyse logs and give one report of all of them.

    Args:
        paths: a path or several; "-" is standard input.
        threads: chunks read side by side; by default the CPUs this process may use. Never
            changes a figure.
        chunk_size: bytes of a unit of work.
        format: read every line as this format (a name of `logan formats`) instead of detecting.
        input_tz: zone of times that carry none, an IANA name such as "Europe/Berlin".
        top: rows of the top tables and of the slowest requests.
        anchor: dates without a year lie at or before this moment (+ 48 h); by default when the
            newest input was last modified.
        since, until: only records from the one moment up to, but not with, the other; records
            without a time are left out then. A date, a date and time, RFC 3339 (in `input_tz` if
            it names no zone), a `datetime`, or text such as "2h" or "1d12h" or a `timedelta`,
            which count back from `relative_to`. Rates divide by the minutes of the records in
            this time, whether or not `where` keeps them.
        relative_to: "now", taken once for the whole job, or "last", the latest record near the
            end of the inputs (files only).
        where: only records for which this condition holds, such as
            'status>=500 and route~"^/api" and duration>250ms'.
        by: fields by which group tables are made, at most four: route, path, status, level,
            client, host, method, format, json.KEY or logfmt.KEY.
        seek: find the selected time in files that are in its order (to within 60 s) instead of
            reading all of them. False reads everything: the same figures, but for the lines
            outside of the selected time, which are counted as filtered then.
        engine: a name of `logan.engines.ENGINES`.
        series_points: most points of the series; None gives all there are.
        progress: called with (bytes done, bytes in all) about ten times a second; the second
            is 0 while the end is not known.
        cancel: set it from elsewhere to stop; the report then covers what was read and is
            partial.
        errors: "raise" raises the first input's error; "report" puts it into that input's
            `error`, reads the others and marks the report partial.

    Raises:
        UsageError: an option makes no sense (also a `ValueError`); `ConditionError` with its
            position if `where` or `by` does.
        InputError: an input cannot be read; `SourceChangedError` if it changed meanwhile.
    """
    started = time.perf_counter()
    now_ns = time.time_ns()
    options = Options(
        chunk_size=chunk_size,
        format=format,
        input_tz=input_tz,
        top=top,
        where=narrowing.condition(where, input_tz=input_tz),
        by=narrowing.group_fields(by),
    )
    window = narrowing.window(since, until, input_tz=input_tz)
    _check(format, threads, errors, series_points)
    if relative_to not in ("now", "last"):
        raise UsageError(f'relative_to is {relative_to!r}, it must be "now" or "last"')
    if relative_to == "now" or not window.is_relative:
        options = _within(options, window.at(now_ns))
    runner = engines.load(engine)
    cancel = Cancel() if cancel is None else cancel
    inputs = open_inputs(_path_list(paths), cancel=cancel)
    try:
        if errors == "raise":
            _raise_first(inputs)
        order = _source_order(inputs)
        plan = _plan(inputs, order, options, anchor)
        spec = _spec(plan.spec_json)
        if relative_to == "last" and window.is_relative and order:
            last_ns = narrowing.last_time(_pairs(inputs, order), spec)
            options = _within(options, window.at(last_ns))
            plan = _plan(inputs, order, options, anchor)
            spec = _spec(plan.spec_json)
        sought: list[Sought] = []
        if seek and (options.since_ns is not None or options.until_ns is not None):
            pairs = _pairs(inputs, order)
            sought = [narrowing.seek(*pair, index, spec) for index, pair in enumerate(pairs)]
            plan = replan(plan, [each.source for each in sought], options)
        result = runner.run(
            plan,
            spec,
            streams={
                source: stream
                for source, index in enumerate(order)
                if (stream := inputs[index].stream) is not None
            },
            threads=threads,
            progress=progress,
            cancel=cancel,
        )
    finally:
        for entry in inputs:
            if entry.stream is not None:
                entry.stream.close()
    figures = json.loads(result.summary.evaluate(top=top, series_points=series_points))
    _blame(inputs, order, result.missing, figures, format)
    if errors == "raise":
        _raise_first(inputs)
    if options.by:
        figures["groups"] = narrowing.groups_of(figures, options.by)
    return _report(
        inputs, order, plan, result, figures, options, sought, engine=engine, started=started
    )


def analyze_logs(
    paths: PathLike | Iterable[PathLike], threads: int | None = None, **options: Any
) -> Report:
    """`analyze` under the name that it was commissioned by; takes the same options."""
    return analyze(paths, threads=threads, **options)


def detect(path: PathLike) -> Detection:
    """What a log looks like, from a sample of it; "-" is standard input. Raises `InputError`."""
    (entry,) = open_inputs([os.fspath(path)])
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
    options = Options(
        format=format,
        input_tz=input_tz,
        top=top,
        where=narrowing.condition(where, input_tz=input_tz),
        by=narrowing.group_fields(by),
    )
    window = narrowing.window(since, until, input_tz=input_tz)
    options = _within(options, window.at(time.time_ns()))
    _check(format, None, "raise")
    inputs = open_inputs(_path_list(paths)) or [Input("-", Source("-", None), Detection())]
    _raise_first(inputs)
    return _spec(_plan(inputs, range(len(inputs)), options, anchor).spec_json)


def _path_list(paths: PathLike | Iterable[PathLike]) -> list[str]:
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if len(listed) > INPUTS_PER_JOB_MAX:
        raise UsageError(
            f"{len(listed):,} inputs, at most {INPUTS_PER_JOB_MAX:,} fit into one report",
            hint="analyse them in groups, or as one stream: cat … | logan analyze -",
        )
    return [os.fspath(path) for path in listed]


def _check(
    format: str | None, threads: int | None, errors: str, series_points: int | None = None
) -> None:
    if series_points is not None and series_points < 1:
        raise UsageError(f"series_points is {series_points}, it must be 1 or more, or None")
    if threads is not None and not 1 <= threads <= THREADS_MAX:
        raise UsageError(f"threads is {threads}, it must be from 1 to {THREADS_MAX:,}")
    if errors not in ("raise", "report"):
        raise UsageError(f'errors is {errors!r}, it must be "raise" or "report"')
    if format is not None:
        known = [each["name"] for each in json.loads(_logan.formats())]
        if format not in known:
            raise UsageError(
                f"no format is called {format!r}", hint=f"known formats: {', '.join(known)}"
            )


def _raise_first(inputs: Iterable[Input]) -> None:
    for entry in inputs:
        if entry.error is not None:
            raise entry.error


def _source_order(inputs: Sequence[Input]) -> list[int]:
    """Indices of the readable inputs, those with a size before streams: the spec's order."""
    readable = [index for index, entry in enumerate(inputs) if entry.source is not None]
    return sorted(readable, key=lambda index: inputs[index].stream is not None)


def _plan(
    inputs: Sequence[Input], order: Sequence[int], options: Options, anchor: datetime | None
) -> Plan:
    pairs = _pairs(inputs, order)
    sources = [source for source, _ in pairs]
    detections = [detection for _, detection in pairs]
    return make_plan(sources, detections, options, anchor_ns=_anchor_ns(sources, anchor))


def _pairs(inputs: Sequence[Input], order: Sequence[int]) -> list[tuple[Source, Detection]]:
    """The sources in the spec's order, each with what its sample looks like."""
    return [
        (entry.source, entry.detection or Detection())
        for entry in (inputs[index] for index in order)
        if entry.source is not None
    ]


def _within(options: Options, window: tuple[int | None, int | None]) -> Options:
    return replace(options, since_ns=window[0], until_ns=window[1])


def _anchor_ns(sources: Iterable[Source], anchor: datetime | None) -> int:
    if anchor is not None:
        moment = anchor if anchor.tzinfo is not None else anchor.replace(tzinfo=UTC)
        anchor_ns = int(moment.timestamp()) * 1_000_000_000
        if not -(2**63) <= anchor_ns < 2**63:
            raise UsageError(f"anchor is {anchor:%Y-%m-%d}, it must be from 1678 to 2261")
        return anchor_ns
    modified = [source.mtime_ns for source in sources if source.mtime_ns is not None]
    return max(modified, default=time.time_ns())


def _spec(text: str) -> Spec:
    try:
        return Spec(text)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


def _blame(
    inputs: Sequence[Input],
    order: Sequence[int],
    missing: Iterable[Missing],
    figures: Mapping[str, Any],
    forced: str | None,
) -> None:
    """Give inputs whose bytes are missing, or do not fit a forced format, an error of their own."""
    for each in missing:
        entry = inputs[order[each.source]]
        if each.kind == "cancelled" or entry.error is not None:
            continue
        kind = SourceChangedError if each.kind == "changed" else InputError
        name = readable_name(entry.path)
        why = each.why if name in each.why else f"{name}: {each.why}"
        entry.error = kind(why, input=entry.path, kind=each.kind)
    for evaluated in figures["sources"]:
        entry = inputs[order[evaluated["source"]]]
        read = sum(each["lines"] for each in evaluated["formats"])
        if read or not evaluated["bytes"] or entry.error is not None:
            continue
        if entry.detection is not None and entry.detection.blank == entry.detection.lines:
            entry.notes.append("nothing but blank lines")
        elif forced is not None:
            entry.error = _misfit(entry, forced)
        else:
            entry.notes.append("no line fits a known format; see: logan formats")


def _misfit(entry: Input, forced: str) -> InputError:
    found = [each.name for each in entry.detection.formats] if entry.detection else []
    return InputError(
        f"no line of {readable_name(entry.path)} is of format {forced}",
        input=entry.path,
        kind="format",
        hint=f"it looks like {found[0]}: leave the format out" if found else "see: logan formats",
    )


def _report(
    inputs: Sequence[Input],
    order: Sequence[int],
    plan: Plan,
    result: Result,
    figures: Mapping[str, Any],
    options: Options,
    sought: Sequence[Sought],
    *,
    engine: str,
    started: float,
) -> Report:
    evaluated = {order[each["source"]]: each for each in figures["sources"]}
    found = dict(zip(order, sought, strict=False))
    entries = [
        _entry(entry, evaluated.get(index), plan, found.get(index))
        for index, entry in enumerate(inputs)
    ]
    names = [entry["path"] for entry in entries]
    read = sum(entry["bytes"] for entry in entries)
    wall_s = time.perf_counter() - started
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
        selection=narrowing.selection(options),
        skipped_bytes=sum(each.skipped_bytes for each in sought),
        logan_version=_logan.__version__,
        performance={
            "wall_s": round(wall_s, 6),
            "bytes": read,
            "bytes_per_second": round(read / wall_s) if wall_s > 0 else None,
            "peak_rss_bytes": _logan.peak_rss_bytes(),
            "threads": result.threads,
            "engine": engine,
            "workers": list(result.workers),
            "recoveries": list(result.recoveries),
        },
    )


def _entry(
    entry: Input, evaluated: Mapping[str, Any] | None, plan: Plan, sought: Sought | None
) -> dict[str, Any]:
    detection = entry.detection or Detection()
    found = {each.name: each for each in detection.formats}
    notes = list(entry.notes)
    if entry.source is not None and entry.source.size is not None and entry.error is None:
        notes += local.changes_since(entry.source)
    assumed = _assumed(detection, plan)
    if sought is not None and entry.error is None:
        assumed += [sought.assumed] if sought.assumed else []
        notes += [sought.note] if sought.note else []
    return input_entry(
        readable_name(entry.path),
        evaluated,
        compression=detection.compression,
        formats=[
            _format_entry(each, found.get(each["name"]))
            for each in (evaluated or {}).get("formats", ())
        ],
        assumed=assumed,
        notes=notes,
        error=_in_words(entry.error),
    )


def _assumed(detection: Detection, plan: Plan) -> list[str]:
    """What the lines of an input do not say and the figures rest on."""
    spec = json.loads(plan.spec_json)
    assumed = list(detection.assumed)
    if any(each.timezone in ("not written", "written in some lines") for each in detection.formats):
        assumed.append(f"times without a zone are {spec['input_tz']}")
    if any(each.year == "not written" for each in detection.formats):
        anchor = datetime.fromtimestamp(spec["anchor_ns"] / 1e9, UTC)
        assumed.append(f"dates without a year are the latest up to 48 h after {anchor:%Y-%m-%d}")
    if "since_ns" in spec or "until_ns" in spec:
        assumed.append("records without a time are outside of the selected time")
    return assumed


def _in_words(error: InputError | None) -> str | None:
    if error is None:
        return None
    return f"{error}; {error.hint}" if error.hint else str(error)


def _format_entry(evaluated: Mapping[str, Any], found: FormatShare | None) -> dict[str, Any]:
    """Lines as counted over the whole input, fields as detected in its sample."""
    entry: dict[str, Any] = {"name": evaluated["name"], "lines": evaluated["lines"]}
    for key in ("time_field", "duration_field", "duration_unit", "timezone"):
        # The sample knows more than the format does: the unit, and whether there is a time at all.
        entry[key] = evaluated.get(key) if found is None else getattr(found, key)
    return entry
