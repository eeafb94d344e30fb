"""From paths to a plan: what `Job` holds, and how it comes about, whichever engine runs it.

`prepare` looks at the inputs and plans. What an engine made of `Job.plan` becomes a report in
`report.builder`. Knows no engine, no report, no network and no terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from logan import _logan
from logan._logan import Cancel, Spec
from logan.errors import InputError, UsageError
from logan.model import Detection, Plan, Source
from logan.options import Options
from logan.planning import timerange
from logan.planning.added_tables import AddedTables, added
from logan.planning.chunks import make_plan, replan
from logan.planning.format_names import check_name
from logan.planning.given_spec import GivenSpec
from logan.planning.overlap import note_overlaps
from logan.planning.seek import SeekResult, seek
from logan.planning.spec import anchor_of, is_format_name, time_zone_of
from logan.planning.zone_names import zone_info
from logan.sources import fetching, files
from logan.sources.files import Opener, by_name
from logan.sources.inputs import Input, open_inputs, shown_name
from logan.sources.streams import Stream

__all__ = [
    "Job",
    "check_format",
    "plan_inputs",
    "prepare",
    "raise_first",
]


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
    sought: Sequence[SeekResult] = ()
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

    def changes(self, opened: Opener = by_name) -> dict[int, list[str]]:
        """By source, notes about files that were written to after the plan was made."""
        if not self.watched:
            return {}
        found = {
            index: notes
            for index, source in enumerate(self.plan.sources)
            if source.fingerprint is not None and (notes := files.changes_since(source, opened))
        }
        return found | fetching.changes(dict(enumerate(self.plan.sources)))

    def elapsed_s(self) -> float:
        """Seconds since the job began."""
        return time.perf_counter() - self.started


def prepare(
    paths: Iterable[str],
    options: Options,
    *,
    anchor: datetime | None = None,
    strict: bool = False,
    cancel: Cancel | None = None,
    given: GivenSpec | None = None,
    literal: bool = False,
) -> Job:
    """Look at the inputs and plan what can be read of them; `strict` raises the first error.

    With `given` the lines are read as that spec says, of which `options` are then. With `literal`
    each path is one input, whatever it looks like.

    Raises `UsageError` for options that make no sense, `InputError` if `strict`.
    """
    started = time.perf_counter()
    check_format(options.format)
    inputs = open_inputs(paths, cancel=cancel, literal=literal, examine=AddedTables())
    try:
        if strict:
            raise_first(inputs)
        return plan_inputs(inputs, options, anchor=anchor, started=started, given=given)
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
    given: GivenSpec | None = None,
) -> Job:
    """The job of inputs that were looked at already; `opened` gives their places."""
    started = time.perf_counter() if started is None else started
    order = _source_order(inputs)
    pairs = _pairs(inputs, order)
    names = [shown_name(inputs[index].path) for index in order]
    plan = _plan(pairs, names, options, anchor, given)
    if not watched and (options.since_back_ns, options.until_back_ns) != (None, None):
        raise UsageError(
            "the last record of files on other hosts is not known before they are read",
            hint="give since and until as absolute times, or count back from now",
        )
    zones = {time_zone_of(detection, options) for _, detection in pairs}
    if zones - {"UTC"}:
        if watched and _repeat_hours(inputs, order, plan, opened):
            pairs = _pairs(inputs, order)
            plan = _plan(pairs, names, options, anchor, given)
        if any(_has_summer_time(zone) for zone in zones):
            _assume_first_passes(inputs, order, plan, watched)
    _note_idle_units(inputs, options)
    if watched and len(order) > 1:
        note_overlaps(inputs, order, plan, _spec(plan.spec_json), opened)
    sources = [source for source, _ in pairs]
    settled = timerange.settle(options, sources, _spec(plan.spec_json), opened)
    if settled != options:
        options, plan = settled, _plan(pairs, names, settled, anchor, given)
    sought: list[SeekResult] = []
    if watched and options.seek and (options.since_ns, options.until_ns) != (None, None):
        spec = _spec(plan.spec_json)
        sought = [seek(source, index, spec, opened) for index, source in enumerate(sources)]
        plan = replan(plan, [each.source for each in sought], options)
    return Job(inputs, order, plan, options, sought, watched, started)


def _repeat_hours(
    inputs: Sequence[Input], order: Sequence[int], plan: Plan, opened: Opener
) -> bool:
    """Find where the local time of files steps back; whether there is such a place."""
    spec, any_found = _spec(plan.spec_json), False
    for index, source in enumerate(plan.sources):
        entry = inputs[order[index]]
        if source.fingerprint is None or not source.splittable or entry.detection is None:
            continue
        try:
            with opened(source.url) as place:
                found, met = _logan.turns(place.path, source.size or 0, spec, source=index)
        except (OSError, InputError):
            continue  # the engine will say what is wrong with it
        if not met:
            continue
        time = dict(entry.detection.time)
        if not found:
            assumed = "timestamps in the hour that local time repeats are of its first pass"
        else:
            time["turns"], any_found = found, True
            places = " and ".join(f"{each:,}" for each in found[::2])
            assumed = f"local time repeats an hour from byte {places} on"
        entry.detection = replace(
            entry.detection, time=time, assumed=(*entry.detection.assumed, assumed)
        )
    return any_found


def _note_idle_units(inputs: Sequence[Input], options: Options) -> None:
    """Note on the first input each `--unit` that decides for no number of the samples."""
    detections = [entry.detection for entry in inputs if entry.detection is not None]
    if not detections or any(_has_table(each) for each in detections):
        return  # the columns of tables are not told one by one
    for each in options.units:
        key = each.rpartition("=")[0]
        if key == "response_time":
            decides = any(each.durations.keys() - {"keys"} for each in detections)
        else:
            decides = any(key in each.durations.get("keys", {}) for each in detections)
        if not decides:
            inputs[0].notes.append(
                f"--unit {each}: the samples have no number under this key that lacks a unit"
            )


def _has_table(detection: Detection) -> bool:
    return any("table" in each.params for each in detection.formats)


def _has_summer_time(zone: str) -> bool:
    """Whether local time repeated an hour in one of the last two years."""
    try:
        tz = zone_info(zone)
    except ValueError:
        return False  # no zone, which the engine will say
    now = datetime.now(UTC)
    offsets = {
        (now - timedelta(days=days)).astimezone(tz).utcoffset() for days in range(0, 731, 30)
    }
    return len(offsets) > 1


def _assume_first_passes(
    inputs: Sequence[Input], order: Sequence[int], plan: Plan, watched: bool
) -> None:
    """Say of inputs that are not read beforehand that repeated hours are not told apart."""
    assumed = "timestamps in an hour that local time repeats are of its first pass"
    for index, source in enumerate(plan.sources):
        entry = inputs[order[index]]
        is_read = watched and source.fingerprint is not None and source.splittable
        if is_read or entry.detection is None:
            continue
        if any(each.timezone not in ("written", None) for each in entry.detection.formats):
            entry.detection = replace(entry.detection, assumed=(*entry.detection.assumed, assumed))


def check_format(format: str | None) -> None:
    """Raises `UsageError` for the name of a format that is not known, `FormatError` for the text
    of one that cannot be understood."""
    if format is None:
        return
    if is_format_name(format):
        check_name(format)
    else:
        _logan.custom_format(format)


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
    pairs: Sequence[tuple[Source, Detection]],
    names: Sequence[str],
    options: Options,
    anchor: datetime | None,
    given: GivenSpec | None,
) -> Plan:
    sources = [source for source, _ in pairs]
    detections = [detection for _, detection in pairs]
    anchors_ns = _anchors_ns(pairs, anchor)
    also = added(detections, options.by)
    plan = make_plan(sources, detections, options, anchor_ns=anchors_ns, names=names, also=also)
    return plan if given is None else given.applied(plan)


def _anchors_ns(
    pairs: Iterable[tuple[Source, Detection]], anchor: datetime | None
) -> int | list[int]:
    """One moment for all sources if the user gave it, else the latest timestamp of each that has
    some with a year beside others, else when it was last modified."""
    if anchor is not None:
        moment = anchor if anchor.tzinfo is not None else anchor.replace(tzinfo=UTC)
        anchor_ns = int(moment.timestamp()) * 1_000_000_000
        if not -(2**63) <= anchor_ns < 2**63:
            raise UsageError(f"anchor is {anchor:%Y-%m-%d}, it must be from 1678 to 2261")
        return anchor_ns
    now = time.time_ns()
    # What an archive says of its content is older and truer than when the archive was written.
    return [
        anchor_of(detection, written_ns=source.written_ns or source.mtime_ns, now_ns=now)
        for source, detection in pairs
    ]


def _spec(text: str) -> Spec:
    try:
        return Spec(text)
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
