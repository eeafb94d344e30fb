"""A job: from paths to a plan, and from an engine's result to the report.

Whoever runs plans does both here, so a report does not depend on who ran it: `prepare` looks at
the inputs and plans, an engine or a coordinator runs `Job.plan`, `Job.report` names what is
missing and puts the report together. Knows no engine, no network and no terminal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from logan import _logan
from logan._logan import Cancel, Spec
from logan.errors import InputError, SourceChangedError, UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.model import Detection, FormatShare, Missing, Plan, Result, Source
from logan.plan import Options, make_plan
from logan.report import Report, assemble, input_entry
from logan.sources import Input, local, open_inputs, readable_name
from logan.sources.stdin import Stream

__all__ = [
    "Job",
    "check_format",
    "inputs_from_json",
    "inputs_to_json",
    "plan_inputs",
    "prepare",
    "raise_first",
]


@dataclass(slots=True)
class Job:
    """Inputs, how they are read, and the plan of all that can be read.

    Attributes:
        order: source i of the plan is input `order[i]`.
        watched: the inputs are files here, which can be looked at again in the end.
        started: `time.perf_counter` when the job began.
    """

    inputs: list[Input]
    order: Sequence[int]
    plan: Plan
    options: Options
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

        An input whose bytes are missing gets an error of its own; `strict` raises the first.
        """
        top = self.options.top
        figures = json.loads(result.summary.evaluate(top=top, series_points=series_points))
        _blame(self.inputs, self.order, result.missing, figures, self.options.format)
        if strict:
            raise_first(self.inputs)
        return _report(self, result, figures, engine=engine)


def inputs_to_json(inputs: Sequence[Input]) -> list[dict[str, Any]]:
    """What `inputs_from_json` needs to make the same inputs in another process; no streams."""
    described = []
    for entry in inputs:
        error = entry.error
        described.append(
            {
                "path": entry.path,
                "source": None if entry.source is None else asdict(entry.source),
                "detection": None if entry.detection is None else asdict(entry.detection),
                "error": None if error is None else [error.message, error.kind, error.hint],
                "notes": list(entry.notes),
            }
        )
    return described


def inputs_from_json(described: Sequence[Mapping[str, Any]]) -> list[Input]:
    """Inputs from what `inputs_to_json` gave."""
    inputs = []
    for each in described:
        entry = Input(each["path"], notes=list(each["notes"]))
        if each["source"] is not None:
            entry.source = Source(**each["source"])
        if each["detection"] is not None:
            entry.detection = Detection.from_dict(each["detection"])
        if each["error"] is not None:
            message, kind, hint = each["error"]
            entry.error = InputError(message, input=entry.path, kind=kind, hint=hint)
        inputs.append(entry)
    return inputs


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
) -> Job:
    """The job of inputs that were looked at already."""
    order = _source_order(inputs)
    plan = _plan(inputs, order, options, anchor)
    started = time.perf_counter() if started is None else started
    return Job(inputs, order, plan, options, watched, started)


def check_format(format: str | None) -> None:
    """Raises `UsageError` for the name of a format that is not known."""
    if format is None:
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
    """Indices of the readable inputs, those with a size before streams: the spec's order."""
    readable = [index for index, entry in enumerate(inputs) if entry.source is not None]
    return sorted(readable, key=lambda index: inputs[index].stream is not None)


def _plan(
    inputs: Sequence[Input], order: Sequence[int], options: Options, anchor: datetime | None
) -> Plan:
    pairs = [(each.source, each.detection) for each in (inputs[index] for index in order)]
    sources = [source for source, _ in pairs if source is not None]
    detections = [detection or Detection() for _, detection in pairs]
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
    return [now if source.mtime_ns is None else source.mtime_ns for source in sources]


def _spec(text: str) -> Spec:
    try:
        return Spec(text)
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


def _report(job: Job, result: Result, figures: Mapping[str, Any], *, engine: str) -> Report:
    inputs, order = job.inputs, job.order
    evaluated = {order[each["source"]]: each for each in figures["sources"]}
    specs = _specs(job)
    entries = [
        _entry(entry, evaluated.get(index), job, specs.get(index, {}))
        for index, entry in enumerate(inputs)
    ]
    names = [entry["path"] for entry in entries]
    read = sum(entry["bytes"] for entry in entries)
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


def _specs(job: Job) -> dict[int, Mapping[str, Any]]:
    """How each readable input is read, with what it has in common with the others."""
    spec = json.loads(job.plan.spec_json)
    shared = {key: spec[key] for key in ("input_tz", "anchor_ns")}
    return {
        index: {**shared, **each} for index, each in zip(job.order, spec["sources"], strict=True)
    }


def _entry(
    entry: Input, evaluated: Mapping[str, Any] | None, job: Job, spec: Mapping[str, Any]
) -> dict[str, Any]:
    detection = entry.detection or Detection()
    found = {each.name: each for each in detection.formats}
    notes = list(entry.notes)
    has_size = entry.source is not None and entry.source.size is not None
    if job.watched and entry.source is not None and has_size and entry.error is None:
        notes += local.changes_since(entry.source)
    return input_entry(
        readable_name(entry.path),
        evaluated,
        compression=detection.compression,
        formats=[
            _format_entry(each, found.get(each["name"]))
            for each in (evaluated or {}).get("formats", ())
        ],
        assumed=_assumed(detection, spec) if spec else (),
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
