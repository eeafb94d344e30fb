"""A job: from paths to a plan, and from an engine's result to the report.

Whoever runs plans does both here, so a report does not depend on who ran it: `prepare` looks at
the inputs and plans, an engine or a coordinator runs `Job.plan`, `Job.report` names what is
missing and puts the report together. Knows no engine, no network and no terminal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from logan import _logan
from logan._logan import Cancel, Spec
from logan.errors import InputError, SourceChangedError, UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Archive, Detection, FormatShare, Missing, Plan, Result, Source
from logan.planning import timerange
from logan.planning.chunks import CUSTOM, Options, is_format_name, make_plan, replan
from logan.planning.timerange import Sought
from logan.report import Report, assemble, input_entry
from logan.report.units import visible
from logan.sources import files
from logan.sources.files import Opener, by_name
from logan.sources.inputs import Input, next_step, open_inputs, shown_name
from logan.sources.streams import Stream

__all__ = [
    "Job",
    "check_format",
    "plan_inputs",
    "prepare",
    "raise_first",
]


_SHOWN_CHARACTERS_MAX = 400
"""Of a format and of a line, in an error: enough to see where they differ."""


@dataclass(slots=True)
class Job:
    """Inputs, how they are read, and the plan of all that can be read.

    Attributes:
        order: source i of the plan is input `order[i]`.
        sought: what a search for the selected time found, by source; empty without a search.
        watched: the inputs are files here, which can be looked at again in the end.
        started: `time.perf_counter` when the job began.
    """

    inputs: list[Input]
    order: Sequence[int]
    plan: Plan
    options: Options
    sought: Sequence[Sought] = ()
    watched: bool = True
    started: float = field(default_factory=time.perf_counter)

    @property
    def streams(self) -> dict[int, Stream]:
        """The inputs without a size, by source."""
        return {
            source: stream
            for source, index in enumerate(self.order)
            if (stream := self.inputs[index].stream) is not None
        }

    def spec(self) -> Spec:
        """The native spec of the plan. Raises `UsageError`."""
        return _spec(self.plan.spec_json)

    def close(self) -> None:
        """Close the streams."""
        _close(self.inputs)

    def report(
        self,
        result: Result,
        *,
        engine: str,
        series_points: int | None = SERIES_POINTS_MAX,
        strict: bool = False,
    ) -> Report:
        """The report of what an engine made of the plan.

        An input whose bytes are missing gets an error of its own in the report; `strict` raises
        the first.
        """
        report, error = self.reported(
            result, engine=engine, series_points=series_points, changes=self.changes()
        )
        if strict and error is not None:
            raise error
        return report

    def changes(self, opened: Opener = by_name) -> dict[int, list[str]]:
        """By source, notes about files that were written to after the plan was made."""
        return {
            index: notes
            for index, source in enumerate(self.plan.sources)
            if self.watched
            and source.fingerprint is not None
            and (notes := files.changes_since(source, opened))
        }

    def reported(
        self,
        result: Result,
        *,
        engine: str,
        series_points: int | None,
        changes: Mapping[int, Sequence[str]],
    ) -> tuple[Report, InputError | None]:
        """The report, and the error of the first input that has one.

        Reads nothing and changes nothing: what else is to be said of the files, `changes` says.
        """
        inputs = [replace(entry, notes=list(entry.notes)) for entry in self.inputs]
        job = replace(self, inputs=inputs)
        top = self.options.top
        figures = json.loads(result.summary.evaluate(top=top, series_points=series_points))
        _blame(result.missing, figures, job)
        _note_archives(inputs, self.order, result)
        for source, notes in changes.items():
            entry = inputs[self.order[source]]
            entry.notes += notes if entry.error is None else ()
        if self.options.by:
            figures["groups"] = timerange.groups_of(figures, self.options.by)
        error = next((entry.error for entry in inputs if entry.error is not None), None)
        return _report(job, result, figures, engine=engine), error


def prepare(
    paths: Iterable[str],
    options: Options,
    *,
    anchor: datetime | None = None,
    strict: bool = False,
    cancel: Cancel | None = None,
) -> Job:
    """Look at the inputs and plan what can be read of them; `strict` raises the first error.

    Raises `UsageError` for options that make no sense, `InputError` if `strict`.
    """
    started = time.perf_counter()
    check_format(options.format)
    inputs = open_inputs(paths, cancel=cancel)
    try:
        if strict:
            raise_first(inputs)
        return plan_inputs(inputs, options, anchor=anchor, started=started)
    except BaseException:
        _close(inputs)
        raise


def plan_inputs(
    inputs: list[Input],
    options: Options,
    *,
    anchor: datetime | None = None,
    watched: bool = True,
    started: float | None = None,
    opened: Opener = by_name,
) -> Job:
    """The job of inputs that were looked at already; `opened` gives their places."""
    started = time.perf_counter() if started is None else started
    order = _source_order(inputs)
    pairs = _pairs(inputs, order)
    plan = _plan(pairs, options, anchor)
    if not watched and (options.since_back_ns, options.until_back_ns) != (None, None):
        raise UsageError(
            "the last record of files on other hosts is not known before they are read",
            hint="give since and until as moments, or count back from now",
        )
    sources = [source for source, _ in pairs]
    settled = timerange.settle(options, sources, _spec(plan.spec_json), opened)
    if settled != options:
        options, plan = settled, _plan(pairs, settled, anchor)
    sought: list[Sought] = []
    if watched and options.seek and (options.since_ns, options.until_ns) != (None, None):
        spec = _spec(plan.spec_json)
        sought = [
            timerange.seek(source, index, spec, opened) for index, source in enumerate(sources)
        ]
        plan = replan(plan, [each.source for each in sought], options)
    return Job(inputs, order, plan, options, sought, watched, started)


def check_format(format: str | None) -> None:
    """Raises `UsageError` for the name of a format that is not known, `FormatError` for the text
    of one that cannot be understood."""
    if format is None:
        return
    if not is_format_name(format):
        _logan.custom_format(format)
        return
    known = [each["name"] for each in json.loads(_logan.formats())]
    if format not in known:
        raise UsageError(
            f"no format is called {format!r}", hint=f"known formats: {', '.join(known)}"
        )


def raise_first(inputs: Iterable[Input]) -> None:
    """Raise the error of the first input that has one."""
    for entry in inputs:
        if entry.error is not None:
            raise entry.error


def _close(inputs: Iterable[Input]) -> None:
    for entry in inputs:
        if entry.stream is not None:
            entry.stream.close()


def _source_order(inputs: Sequence[Input]) -> list[int]:
    """Indices of the readable inputs, files before objects before streams: the spec's order."""
    kinds = {
        index: (entry.stream is not None, entry.source.fingerprint is None)
        for index, entry in enumerate(inputs)
        if entry.source is not None
    }
    return sorted(kinds, key=lambda index: kinds[index])


def _pairs(inputs: Sequence[Input], order: Sequence[int]) -> list[tuple[Source, Detection]]:
    """The sources in the spec's order, each with what its sample looks like."""
    return [
        (entry.source, entry.detection or Detection())
        for entry in (inputs[index] for index in order)
        if entry.source is not None
    ]


def _plan(
    pairs: Sequence[tuple[Source, Detection]], options: Options, anchor: datetime | None
) -> Plan:
    sources = [source for source, _ in pairs]
    detections = [detection for _, detection in pairs]
    return make_plan(sources, detections, options, anchor_ns=_anchors_ns(sources, anchor))


def _anchors_ns(sources: Iterable[Source], anchor: datetime | None) -> int | list[int]:
    """One moment for all sources if the user gave it, else when each was last modified."""
    if anchor is not None:
        moment = anchor if anchor.tzinfo is not None else anchor.replace(tzinfo=UTC)
        anchor_ns = int(moment.timestamp()) * 1_000_000_000
        if not -(2**63) <= anchor_ns < 2**63:
            raise UsageError(f"anchor is {anchor:%Y-%m-%d}, it must be from 1678 to 2261")
        return anchor_ns
    now = time.time_ns()
    # What an archive says of its content is older and truer than when the archive was written.
    return [source.written_ns or source.mtime_ns or now for source in sources]


def _spec(text: str) -> Spec:
    try:
        return Spec(text)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


def _blame(missing: Iterable[Missing], figures: Mapping[str, Any], job: Job) -> None:
    """Give inputs whose bytes are missing, or do not fit a forced format, an error of their own."""
    inputs, order = job.inputs, job.order
    for each in missing:
        entry = inputs[order[each.source]]
        if each.kind == "cancelled" or entry.error is not None:
            continue
        kind = SourceChangedError if each.kind in ("changed", "gone") else InputError
        name = shown_name(entry.path)
        why = each.why if name in each.why else f"{name}: {each.why}"
        hint = next_step(entry.path, each.kind, each.why)
        entry.error = kind(why, input=entry.path, kind=each.kind, hint=hint)
    for evaluated in figures["sources"]:
        entry = inputs[order[evaluated["source"]]]
        read = sum(each["lines"] for each in evaluated["formats"])
        if read or not evaluated["bytes"] or entry.error is not None:
            continue
        if entry.detection is not None and entry.detection.blank == entry.detection.lines:
            entry.notes.append("nothing but blank lines")
        elif job.options.format is not None:
            entry.error = _misfit(entry, job.options.format, job)
        else:
            entry.notes.append("no line fits a known format; see: logan formats")


def _note_archives(inputs: Sequence[Input], order: Sequence[int], result: Result) -> None:
    """Say what was in archives, and what is strange about them, though no error."""
    for source, archive in result.archives.items():
        _note_contents(inputs[order[source]], archive)
        if archive.foreign_at is not None:
            inputs[order[source]].notes.append(
                f"bytes that are no part of the archive follow it from byte "
                f"{archive.foreign_at:,} on; they were not looked at"
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
        hint="unpack it and name a file of it to read that all the same",
    )


def _misfit(entry: Input, forced: str, job: Job) -> InputError:
    if not is_format_name(forced):
        return InputError(
            f"no line of {shown_name(entry.path)} is of format {job.options.format_name}",
            input=entry.path,
            kind="format",
            hint=_side_by_side(entry, forced),
        )
    found = [each.name for each in entry.detection.formats] if entry.detection else []
    return InputError(
        f"no line of {shown_name(entry.path)} is of format {forced}",
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


def _report(job: Job, result: Result, figures: Mapping[str, Any], *, engine: str) -> Report:
    inputs, order = job.inputs, job.order
    evaluated = {order[each["source"]]: each for each in figures["sources"]}
    specs = _specs(job)
    sought = dict(zip(order, job.sought, strict=False))
    entries = [
        _entry(entry, evaluated.get(index), sought.get(index), job, specs.get(index, {}))
        for index, entry in enumerate(inputs)
    ]
    names = [entry["path"] for entry in entries]
    read = sum(entry["bytes"] for entry in entries)
    fresh = max(0, read - result.resumed_bytes)
    wall_s = time.perf_counter() - job.started
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
        selection=timerange.selection(job.options),
        skipped_bytes=sum(each.skipped_bytes for each in job.sought),
        logan_version=_logan.__version__,
        performance={
            "wall_s": round(wall_s, 6),
            "bytes": read,
            "bytes_per_second": round(fresh / wall_s) if wall_s > 0 else None,
            "peak_rss_bytes": _logan.peak_rss_bytes(),
            "threads": result.threads,
            "engine": engine,
            "workers": list(result.workers),
            "recoveries": list(result.recoveries),
            "verified": result.verified,
            "alarms": list(result.alarms),
        },
    )


def _specs(job: Job) -> dict[int, Mapping[str, Any]]:
    """How each readable input is read, with what it has in common with the others."""
    spec = json.loads(job.plan.spec_json)
    shared = {key: value for key, value in spec.items() if key != "sources"}
    return {
        index: {**shared, **each} for index, each in zip(job.order, spec["sources"], strict=True)
    }


def _entry(
    entry: Input,
    evaluated: Mapping[str, Any] | None,
    sought: Sought | None,
    job: Job,
    spec: Mapping[str, Any],
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
            _format_entry(each, found.get(each["name"]), job.options)
            for each in (evaluated or {}).get("formats", ())
        ],
        assumed=assumed,
        notes=notes,
        error=_in_words(entry.error),
    )


def _assumed(detection: Detection, spec: Mapping[str, Any]) -> list[str]:
    """What the lines of an input do not say and the figures rest on."""
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


def _format_entry(
    evaluated: Mapping[str, Any], found: FormatShare | None, options: Options
) -> dict[str, Any]:
    """Lines as counted over the whole input, fields as detected in its sample."""
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
    return entry
