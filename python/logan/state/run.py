"""A run over what is new: find it, scan it, commit it, and give the report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, NamedTuple

from logan import _logan, engines
from logan._logan import Cancel, ChunkFeed, Spec, Summary
from logan.errors import CancelledError, InputError, SourceChangedError, UsageError
from logan.model import Result
from logan.options import Execution, Options, Presentation, Storage
from logan.planning.chunks import replan
from logan.planning.given_spec import GivenSpec
from logan.planning.prepare import Job, prepare
from logan.planning.spec import SPEC_VERSION, meaning
from logan.report import Report
from logan.report.builder import report_of, selection
from logan.sources.inputs import readable_name
from logan.state.folder import StateFolder
from logan.state.growth import Growth, Part, find_growth
from logan.state.look import Seen
from logan.state.positions import Position, decoded_pieces
from logan.summaries.saved import READING_OPTIONS, Saved

__all__ = ["Counted", "Run", "count", "open_state", "report_of_folder", "run"]

_ATTEMPTS_MAX: Final = 3
"""Runs into a rotation until one gives up: the next one has nothing to lose."""


def open_state(storage: Storage, options: Options, *, user: str = "logan analyze") -> StateFolder:
    """The state folder of these options. Raises as `StateFolder`, and `UsageError` for options that
    do not go with one."""
    if storage.spec is not None:
        raise UsageError(
            "a state folder keeps how its logs are read: --spec cannot be combined with it",
            hint="leave out --spec, or use a new folder",
        )
    if options.since_back_ns is not None or options.until_back_ns is not None:
        raise UsageError(
            "a time range that counts back from the last record cannot be combined with a state "
            "folder",
            hint="each run reads only what is new: leave the time range out",
        )
    given = asdict(options)
    kept = {name: given[name] for name in READING_OPTIONS} | meaning(options)
    assert storage.state is not None
    return StateFolder(storage.state, {**kept, "units": list(options.units)}, user=user)


class Run:
    """What a run found.

    Attributes:
        report: of the new part, or of all.
        saved: what the report was made of.
        notes: what must be said: logs that were lost, copies.
        errors: of inputs that were not counted.
        repeated: the report has a part that an earlier run counted, and may have reported.
    """

    def __init__(
        self, report: Report, saved: Saved, growth: Growth, folder: StateFolder, *, repeated: bool
    ) -> None:
        self.report = report
        self.saved = saved
        self.notes = growth.notes
        self.errors = growth.errors
        self.repeated = repeated
        self._folder = folder

    def reported(self) -> None:
        """The report has reached the user: the next one does not repeat it."""
        self._folder.clear_pending()


def run(
    paths: Sequence[str],
    folder: StateFolder,
    options: Options,
    presentation: Presentation,
    execution: Execution,
    *,
    total: bool = False,
) -> Run:
    """Count what is new in `paths`, and give its report, or that of `total`.

    Nothing is committed if the scan fails or is canceled. Raises `InputError`, `CancelledError`,
    `StateError`.
    """
    started = time.perf_counter()
    repeated = not total and folder.pending is not None
    found = count(paths, folder, options, presentation, execution)
    report, shown = report_of_folder(
        folder,
        options,
        total=total,
        repeated=repeated,
        series_points=presentation.series_points,
        geoip=presentation.geoip,
        performance=found.performance or _performance(execution, started),
    )
    return Run(report, shown, found.growth, folder, repeated=repeated)


class Counted(NamedTuple):
    """What was found and committed, of which files; `new` is None if there was nothing."""

    growth: Growth
    seen: Seen
    new: Saved | None
    performance: Mapping[str, Any] | None


def count(
    paths: Sequence[str],
    folder: StateFolder,
    options: Options,
    presentation: Presentation,
    execution: Execution,
) -> Counted:
    """Count and commit what is new in `paths`. Raises as `run`."""
    for attempt in range(1, _ATTEMPTS_MAX + 1):
        any_text = options.format is not None
        growth = find_growth(paths, folder.positions, any_text=any_text)
        try:
            found = _scan(growth, folder, options, presentation, execution)
            seen = growth.look.seen()
            break
        except SourceChangedError:
            if attempt == _ATTEMPTS_MAX:
                raise
        finally:
            growth.close()
    folder.commit(found.new, [*growth.moved, *found.positions], growth.dropped)
    return Counted(growth, seen, found.new, found.performance)


def report_of_folder(
    folder: StateFolder,
    options: Options,
    *,
    total: bool,
    repeated: bool,
    series_points: int | None,
    geoip: Sequence[str] = (),
    performance: Mapping[str, Any] | None = None,
    read: tuple[int, float] = (0, 0.0),
) -> tuple[Report, Saved]:
    """The report of what was not reported yet, or of `total`; and what it was made of. `read` says
    how many bytes in how many seconds, where no `performance` does."""
    shown = folder.total if total else folder.pending
    if shown is None:
        shown = _nothing(options)
    if performance is None:
        performance = {**_performance(Execution(), 0.0), "wall_s": round(read[1], 6)}
        performance |= {"bytes": read[0], "bytes_per_second": round(read[0] / (read[1] or 1.0))}
    report = shown.report(
        top=options.top,
        series_points=series_points,
        performance={**performance, "repeated": repeated},
        sort=options.sort,
        named=options.rows,
        step=options.step,
        user_agents=options.user_agents,
        geoip=geoip,
    )
    return report, shown


def _nothing(options: Options) -> Saved:
    """What a run without anything new has."""
    spec = {"version": SPEC_VERSION, "meaning": meaning(options), "top": options.top, "sources": []}
    native = Spec(json.dumps(spec))
    return Saved("nothing", Summary.empty(native), native, (), selection=selection(options))


class _Found(NamedTuple):
    new: Saved | None
    positions: list[Position]
    performance: Mapping[str, Any] | None


def _scan(
    growth: Growth,
    folder: StateFolder,
    options: Options,
    presentation: Presentation,
    execution: Execution,
) -> _Found:
    """Metrics of the new parts, and how far their logs are counted then.

    Raises `SourceChangedError` if a file was rotated or rewritten meanwhile.
    """
    parts = growth.parts
    if not parts:
        return _Found(None, [], None)
    total = folder.total
    given = None
    if total is not None:
        spec = json.loads(total.spec.to_json())
        given = GivenSpec(str(folder.path), spec, {}, is_lenient=True)
    cancel = Cancel() if execution.cancel is None else execution.cancel
    runner = engines.load(execution.engine)
    job = prepare(
        [each.path for each in parts],
        options,
        anchor=presentation.anchor,
        cancel=cancel,
        given=given,
        literal=True,
    )
    try:
        growth.errors += [each.error for each in job.inputs if each.error is not None]
        new = iter(folder.new_logs([each.path for each in parts if each.position is None]))
        logs = [
            (next(new), each.path)
            if each.position is None
            else (each.position.log, each.position.name)
            for each in parts
        ]
        job = _limited(job, parts, logs)
        execution = replace(execution, cancel=cancel, streams={})
        result = runner.run(job.plan, job.spec(), execution)
        result = _with_archives(job, parts, result, cancel)
        if cancel.is_set():
            raise CancelledError("stopped on request; nothing was counted")
        _check_complete(job, parts, result)
        report = report_of(job, result, engine=runner.name, series_points=1)
        saved = Saved.of(job, result, report)
        growth.notes += [
            str(each.entry["error"])
            for each in saved.inputs
            if each.source is not None and each.entry["error"] is not None
        ]
        # What is wrong with an input is said in the run that meets it.
        inputs = tuple(
            replace(each, entry=_without_errors(each.entry))
            for each in saved.inputs
            if each.source is not None
        )
        positions = [
            _position(part, log, result.summary, source)
            for (part, log, source) in _by_source(job, parts, logs)
        ]
    finally:
        job.close()
    return _Found(
        replace(saved, inputs=inputs, missing=()), positions, report["performance"].to_dict()
    )


def _without_errors(entry: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in entry.items() if key != "unread"}
    return {**kept, "notes": [], "error": None}


def _check_complete(job: Job, parts: Sequence[Part], result: Result) -> None:
    """That each file was read as it was found, whole."""
    for missing in result.missing:
        name = readable_name(job.plan.sources[missing.source].url)
        changed = missing.kind in ("changed", "gone", "missing")
        kind = SourceChangedError if changed else InputError
        raise kind(
            f"{name}: {missing.why}; nothing was counted",
            input=name,
            hint="the next run reads it again",
        )
    for part, _, source in _by_source(job, parts, [("", "")] * len(parts)):
        fingerprint = json.loads(job.plan.sources[source].fingerprint or "{}")
        same = (fingerprint.get("device"), fingerprint.get("inode")) == part.file.inode
        if not same or not part.is_unchanged():
            raise SourceChangedError(
                f"{readable_name(part.path)} was rotated or rewritten while it was read; "
                "nothing was counted",
                input=part.path,
                hint="the next run reads it again",
            )


def _by_source(
    job: Job, parts: Sequence[Part], logs: Sequence[tuple[str, str]]
) -> list[tuple[Part, tuple[str, str], int]]:
    source_of = {index: source for source, index in enumerate(job.order)}
    return [
        (part, log, source_of[index])
        for index, (part, log) in enumerate(zip(parts, logs, strict=True))
        if index in source_of
    ]


def _limited(job: Job, parts: Sequence[Part], logs: Sequence[tuple[str, str]]) -> Job:
    """The job of the new parts alone, its sources known as the logs that they are of."""
    spec = json.loads(job.plan.spec_json)
    sources = list(job.plan.sources)
    for part, (log, name), source in _by_source(job, parts, logs):
        # Without content: which log it is was found out here, by more than its beginning.
        spec["sources"][source]["identity"] = {"origin": log, "name": readable_name(name)}
        if part.compression is None:
            sources[source] = replace(sources[source], start=part.start, end=part.end)
        elif part.end is not None:
            sources[source] = replace(sources[source], start=0, end=0)  # pushed, see below
    plan = replan(job.plan, sources, job.options)
    return replace(job, plan=replace(plan, spec_json=json.dumps(spec, separators=(",", ":"))))


def _with_archives(job: Job, parts: Sequence[Part], result: Result, cancel: Cancel) -> Result:
    """Add the rest of archives, of which the beginning was counted while they were plain."""
    summary, spec = result.summary, job.spec()
    for part, _, source in _by_source(job, parts, [("", "")] * len(parts)):
        if part.compression is None or part.end is None:
            continue
        feed = ChunkFeed(spec, source, part.start, part.end)
        at, first = 0, feed.position
        pieces = decoded_pieces(part.path, part.compression, any_text=part.file.any_text)
        for piece in pieces:
            if cancel.is_set():
                break
            if at + len(piece) > first and not feed.push(piece[max(0, first - at) :]):
                break
            at += len(piece)
        if not cancel.is_set():
            summary = summary.merge(feed.finish(readable_name(part.path)))
    return replace(result, summary=summary)


def _position(part: Part, log: tuple[str, str], summary: Summary, source: int) -> Position:
    file = part.file
    end = summary.covered_bytes(source) if part.end is None else part.end
    head, tail = part.edges or file.edges(end)
    complete = file.is_compressed or file.stored[0] == end
    # Where links lead: they may be pointed to another file, and this one still grow.
    path = os.path.realpath(part.path)
    return Position(*log, path, end, head, tail, file.inode, file.stored, complete=complete)


def _performance(execution: Execution, started: float) -> Mapping[str, Any]:
    return {
        "wall_s": round(time.perf_counter() - started, 6),
        "bytes": 0,
        "bytes_per_second": None,
        "peak_rss_bytes": _logan.peak_rss_bytes(),
        "threads": execution.threads or os.cpu_count() or 1,
        "engine": execution.engine,
        **{"workers": [], "recoveries": [], "verified": 0, "alarms": []},
    }
