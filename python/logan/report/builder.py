"""From a job and what an engine made of it to the report.

`build_report` is a pure function of its arguments: it reads no file and no clock, and changes
neither job nor result, so that two calls give the same report whichever engine ran the job.
`report_of` is for callers in the process that planned: it first looks at the files again and at
the clock. Knows no engine, no network and no terminal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from logan import _logan
from logan.errors import InputError, SourceChangedError, UnreadableLogError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Archive, Detection, FormatShare, Missing, Result
from logan.options import CUSTOM, Options
from logan.planning.added_tables import is_lifetime, is_timing
from logan.planning.prepare import Job
from logan.planning.seek import SeekResult
from logan.planning.spec import is_format_name
from logan.planning.unreadable import has_unread, unreadable
from logan.report.additions import with_additions
from logan.report.document import Report, assemble, input_entry
from logan.report.findings import find
from logan.report.rows import keep_rows
from logan.report.units import visible
from logan.sources import files
from logan.sources.compression import decoded_sample
from logan.sources.inputs import Input, next_step, origin_of, shown_name
from logan.sources.streams import Stream

if TYPE_CHECKING:
    from logan.report.explanation import Explain

__all__ = [
    "ALL_ROWS",
    "build_report",
    "report_of",
    "selection",
    "with_groups",
]

ALL_ROWS: Final = 1 << 30
"""More than any table keeps."""


_SHOWN_CHARACTERS_MAX: Final = 400
"""Characters of a format and of a line in an error: enough to see where they differ."""


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
    # Whole tables: which of their rows are kept is decided below.
    figures = json.loads(result.summary.evaluate(top=ALL_ROWS, series_points=series_points))
    _input_errors(result.missing, figures, job)
    _note_archives(inputs, job.order, result)
    for source, notes in changes.items():
        entry = inputs[job.order[source]]
        entry.notes += notes if entry.error is None else ()
    figures = with_groups(figures, job.options.by)
    findings: Sequence[Mapping[str, Any]] = find(figures, is_partial=bool(result.missing))
    asked = job.options
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


def _input_errors(missing: Iterable[Missing], figures: Mapping[str, Any], job: Job) -> None:
    """Give inputs whose bytes are missing, or do not fit a forced format, an error of their own."""
    inputs, order = job.inputs, job.order
    missing = list(missing)
    incomplete = {each.source for each in missing}
    for each in missing:
        entry = inputs[order[each.source]]
        if each.kind == "cancelled" or entry.error is not None:
            continue
        kind = SourceChangedError if each.kind in ("changed", "gone") else InputError
        name = shown_name(entry.path)
        why = each.why if name in each.why else f"{name}: {each.why}"
        hint = next_step(entry.path, each.kind, each.why)
        entry.error = kind(why, input=entry.path, kind=each.kind, hint=hint)
    any_read = any(each["lines"] for source in figures["sources"] for each in source["formats"])
    for evaluated in figures["sources"]:
        entry = inputs[order[evaluated["source"]]]
        read = sum(each["lines"] for each in evaluated["formats"])
        if read or not evaluated["bytes"] or entry.error is not None:
            continue
        if entry.detection is not None and entry.detection.blank == entry.detection.lines:
            entry.notes.append("only blank lines")
        elif job.options.format is not None:
            entry.error = _format_mismatch(entry, job.options.format, job)
        elif evaluated["source"] not in incomplete and has_unread(entry):
            if entry.matched and any_read:
                entry.notes.append("no line matches a known format")
            else:
                entry.error = unreadable(entry)


def _note_archives(inputs: Sequence[Input], order: Sequence[int], result: Result) -> None:
    """Say what was in archives, and what is strange about them, though no error."""
    for source, archive in result.archives.items():
        _note_contents(inputs[order[source]], archive)
        if archive.foreign_at is not None:
            inputs[order[source]].notes.append(
                f"bytes that are not part of the archive follow it from byte "
                f"{archive.foreign_at:,} on; they were not read"
            )


def _note_contents(entry: Input, archive: Archive) -> None:
    """Say what was in a container; one without logs is an error, as a folder without is."""
    if archive.contents is None:
        return
    if archive.members or not archive.left_out or entry.error is not None:
        entry.notes.append(f"an archive with {archive.contents}")
        return
    entry.error = InputError(
        f"{shown_name(entry.path)} is an archive with {archive.contents}",
        input=entry.path,
        kind="archive",
        hint="unpack it and name a file of it to read it anyway",
    )


def _format_mismatch(entry: Input, forced: str, job: Job) -> InputError:
    if not is_format_name(forced):
        return InputError(
            f"no line in {shown_name(entry.path)} matches the format {job.options.format_name}",
            input=entry.path,
            kind="format",
            hint=_side_by_side(entry, forced),
        )
    found = [each.name for each in entry.detection.formats] if entry.detection else []
    return InputError(
        f"no line in {shown_name(entry.path)} matches the format {forced}",
        input=entry.path,
        kind="format",
        hint=f"it looks like {found[0]}: leave the format out" if found else "see: logan formats",
    )


def _side_by_side(entry: Input, text: str) -> str:
    """The first line of an input and the format that it should have."""
    shown = [("the format", " ".join(text.split())), ("the first line", entry.first_line)]
    return "; ".join(
        f"{label} is {visible(each[:_SHOWN_CHARACTERS_MAX])}" for label, each in shown if each
    )


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
    specs = _specs(job)
    sought = dict(zip(order, job.sought, strict=False))
    entries = [
        _entry(
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


def _specs(job: Job) -> dict[int, Mapping[str, Any]]:
    """How each readable input is read, with what its figures mean."""
    spec = json.loads(job.plan.spec_json)
    return {
        index: {**spec["meaning"], **each["reading"]}
        for index, each in zip(job.order, spec["sources"], strict=True)
    }


def _entry(
    entry: Input,
    evaluated: Mapping[str, Any] | None,
    sought: SeekResult | None,
    job: Job,
    spec: Mapping[str, Any],
    *,
    timed: bool,
) -> dict[str, Any]:
    detection = entry.detection or Detection()
    found = {each.name: each for each in detection.formats}
    notes = list(entry.notes)
    assumed = _assumed(detection, spec) if spec else []
    if sought is not None and entry.error is None:
        assumed += [sought.assumed] if sought.assumed else []
        notes += [sought.note] if sought.note else []
    return input_entry(
        shown_name(entry.path),
        evaluated,
        compression=detection.compression,
        formats=[
            _format_entry(each, found.get(each["name"]), job.options, timed=timed)
            for each in (evaluated or {}).get("formats", ())
        ],
        assumed=assumed,
        notes=notes,
        error=_in_words(entry.error),
        unread=_unread(entry.error),
        origin=origin_of(entry.path),
    )


def _unread(error: InputError | None) -> dict[str, Any] | None:
    if not isinstance(error, UnreadableLogError):
        return None
    return {
        "first_lines": list(error.first_lines),
        "proposed_format": error.proposed_format,
        "hint": error.hint,
    }


def _assumed(detection: Detection, spec: Mapping[str, Any]) -> list[str]:
    """What the lines of an input do not say and the figures rest on."""
    assumed = list(detection.assumed)
    if "date_order" in spec.get("time", {}):
        assumed = [each for each in assumed if not each.startswith("numeric dates")]
    for key in spec.get("durations", {}).get("chosen", {}):
        if key == "response_time":
            assumed = [each for each in assumed if "--unit response_time" not in each]
        else:
            assumed = [each for each in assumed if not each.startswith(f"`{key}`")]
    if any(each.timezone in ("not written", "written in some lines") for each in detection.formats):
        assumed.append(f"timestamps without a time zone are {spec['input_tz']}")
    if any(each.year == "not written" for each in detection.formats):
        anchor = datetime.fromtimestamp(spec["anchor_ns"] / 1e9, UTC)
        assumed.append(
            f"timestamps without a year are the latest up to 48 h after {anchor:%Y-%m-%d} "
            "that fit a written weekday"
        )
    if "since_ns" in spec or "until_ns" in spec:
        assumed.append("records without a timestamp are outside the selected time range")
    return assumed


def _in_words(error: InputError | None) -> str | None:
    if error is None:
        return None
    # What is to be done about a log that nothing reads stands beside its lines.
    has_hint = error.hint is not None and not isinstance(error, UnreadableLogError)
    return f"{error}; {error.hint}" if has_hint else str(error)


def _format_entry(
    evaluated: Mapping[str, Any], found: FormatShare | None, options: Options, *, timed: bool
) -> dict[str, Any]:
    """Lines as counted over the whole input, fields as detected in its sample.

    Where no record was `timed` no format is said to have a response time: one may, but none had.
    """
    entry: dict[str, Any] = {"name": evaluated["name"], "lines": evaluated["lines"]}
    if evaluated["name"] == CUSTOM and options.format is not None:
        told = json.loads(_logan.custom_format(options.format))
        entry["name"] = options.format_name
        for key in ("time_field", "duration_field", "duration_unit"):
            entry[key] = told[key]
        return entry | {"timezone": None}
    for key in ("time_field", "duration_field", "duration_unit", "timezone"):
        # The sample knows more than the format does: the unit, and whether there is a time at all.
        entry[key] = evaluated.get(key) if found is None else getattr(found, key)
    if found is None and not timed:
        entry["duration_field"] = entry["duration_unit"] = None
    return entry


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
        if name == "timer":
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
                groups.setdefault(part, {**table, "top": rows, "distinct": distinct})
    rest = {key: value for key, value in figures.items() if key not in ("groups", "tables")}
    return {**rest, "groups": groups} if groups else rest


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
