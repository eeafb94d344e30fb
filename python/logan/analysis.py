"""One analysis of logs and saved summaries: the steps that the library and the commands share.

Puts the layers together and holds no logic of its own: sources say what the inputs are, the plan
cuts them, an engine reads them, the report is assembled from its summary; what was saved before is
added to it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from logan import _logan, engines
from logan._logan import Cancel
from logan.errors import UsageError
from logan.model import Result
from logan.options import Execution, Options, Presentation
from logan.planning.prepare import Job, prepare
from logan.report import Report
from logan.report.builder import report_of, selection
from logan.sources import discovery
from logan.sources.hosts import as_url
from logan.summaries import container

if TYPE_CHECKING:
    from logan.comparison.sides import Side
    from logan.planning.given_spec import GivenSpec
    from logan.report.explanation import Explain, Span
    from logan.summaries.saved import Saved

__all__ = ["run", "side"]


def run(
    paths: Sequence[str],
    options: Options,
    presentation: Presentation,
    execution: Execution,
    *,
    given: GivenSpec | None = None,
    keep: bool = False,
) -> tuple[Report, Saved | None]:
    """The report of `paths`, and with `keep` what a saved summary of it holds.

    Raises `UsageError`, `InputError`, and `MergeError` where summaries do not add up.
    """
    started = time.perf_counter()
    paths = [as_url(each) for each in paths]
    parts = _parts(paths)
    if all(isinstance(each, str) for each in parts):
        report, job, result = _read(paths, options, presentation, execution, given)
        return report, _saved(job, result, report) if keep else None
    from logan.summaries.paths import check_options
    from logan.summaries.saved import merge

    saved = [each for each in parts if not isinstance(each, str)]
    check_options(saved, options)
    logs = [each for each in parts if isinstance(each, str)]
    performance = _without_reading(execution, started)
    if logs:
        report, job, result = _read(logs, options, presentation, execution, given)
        performance = report["performance"].to_dict()
        # All logs are read at once; they stand where the first of them was named.
        at = next(index for index, each in enumerate(parts) if isinstance(each, str))
        before = sum(not isinstance(each, str) for each in parts[:at])
        saved.insert(before, _saved(job, result, report))
    total = merge(saved)
    report = total.report(
        top=options.top,
        series_points=presentation.series_points,
        performance=performance,
        strict=presentation.errors == "raise",
        sort=options.sort,
        step=options.step,
        user_agents=options.user_agents,
        geoip=presentation.geoip,
        named=options.rows,
    )
    return report, total


def side(
    paths: Sequence[str],
    name: str,
    options: Options,
    presentation: Presentation,
    execution: Execution,
) -> Side:
    """One side of a comparison: logs, saved summaries, or one JSON report.

    Raises as `run`.
    """
    from logan.comparison import sides

    paths = [as_url(each) for each in paths]
    found = sides.json_report(paths[0]) if len(paths) == 1 else None
    if found is not None:
        _check_selected(paths[0], found, options)
        return sides.side_of_json(name, found)
    # A comparison shows what stands out in a side, not what explains it: a second pass over logs.
    presentation = replace(presentation, explain=False)
    report, saved = run(paths, options, presentation, execution, keep=True)
    assert saved is not None
    return sides.side_of_summary(name, saved.summary, report)


def _check_selected(path: str, report: Mapping[str, Any], options: Options) -> None:
    """That a JSON report selects what the user asked for. Raises `UsageError`."""
    asked, made = selection(options) or {}, report.get("selection") or {}
    back = options.since_back_ns, options.until_back_ns
    for key in ("since", "until", "where"):
        is_asked = asked.get(key) is not None or (key == "since" and back != (None, None))
        if is_asked and (asked.get(key) != made.get(key) or back != (None, None)):
            raise UsageError(
                f"{path} is a JSON report, made without this --{key}: its records cannot be "
                "selected anew",
                hint=f"leave --{key} out, or name the logs themselves",
            )


def _parts(paths: Sequence[str]) -> Sequence[str | Saved]:
    local = [each for each in paths if each != "-" and not discovery.is_url(each)]
    if not any(discovery.is_pattern(each) or container.is_saved(each) for each in local):
        return paths  # and nothing loaded for it
    from logan.summaries.paths import split

    return split(paths)


def _read(
    paths: Sequence[str],
    options: Options,
    presentation: Presentation,
    execution: Execution,
    given: GivenSpec | None,
) -> tuple[Report, Job, Result]:
    cancel = Cancel() if execution.cancel is None else execution.cancel
    strict = presentation.errors == "raise"
    runner = engines.load(execution.engine)
    job = prepare(
        paths, options, anchor=presentation.anchor, strict=strict, cancel=cancel, given=given
    )
    try:
        execution = replace(execution, cancel=cancel, streams=job.streams)
        result = runner.run(job.plan, job.spec(), execution)
    finally:
        job.close()
    report = report_of(
        job,
        result,
        engine=runner.name,
        series_points=presentation.series_points,
        geoip=presentation.geoip,
        strict=strict,
        explain=_explanation(job, execution, explains=presentation.explain),
    )
    return report, job, result


def _explanation(job: Job, execution: Execution, *, explains: bool) -> Explain:
    """What adds to findings what a second pass over their intervals shows. It reads little, so
    this process does it, whichever engine read all."""
    quiet = replace(execution, progress=None, streams={})
    local = engines.load("local")

    def explain(findings: Sequence[Mapping[str, Any]], span: Span) -> Sequence[Mapping[str, Any]]:
        # Only where there are findings.
        from logan.report.explanation import STOPPED, explained, unexplained

        if not explains:
            return unexplained()(findings, span)
        if quiet.cancel is not None and quiet.cancel.is_set():
            return unexplained(STOPPED)(findings, span)
        return explained(job, findings, lambda each: local.run(each.plan, each.spec, quiet), span)

    return explain


def _saved(job: Job, result: Result, report: Report) -> Saved:
    from logan.summaries.saved import Saved

    return Saved.of(job, result, report)


def _without_reading(execution: Execution, started: float) -> Mapping[str, Any]:
    """The report's `performance` where no log was read."""
    return {
        "wall_s": round(time.perf_counter() - started, 6),
        "bytes": 0,
        "bytes_per_second": None,
        "peak_rss_bytes": _logan.peak_rss_bytes(),
        "threads": execution.threads or 1,
        "engine": execution.engine,
        "workers": [],
        "recoveries": [],
        "verified": 0,
        "alarms": [],
        "repeated": False,
    }
