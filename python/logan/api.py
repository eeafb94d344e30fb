"""The library: from paths to a report in one call.

Puts the layers together and holds no logic of its own: sources say what the inputs are, the plan
cuts them, an engine reads them, the report is assembled from its summary. Knows nothing of the
terminal; whoever wants a progress bar passes `progress`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from logan import engines
from logan._logan import Cancel, Spec
from logan.engines import Progress
from logan.errors import UsageError
from logan.job import check_format, plan_inputs, prepare, raise_first
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    INPUTS_PER_JOB_MAX,
    SERIES_POINTS_MAX,
    THREADS_MAX,
)
from logan.model import Detection, Source
from logan.plan import Options
from logan.report import Report
from logan.sources import Input, open_inputs

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
        anchor: dates without a year lie at or before this moment (+ 48 h); by default, for each
            input, when it was last modified.
        engine: a name of `logan.engines.ENGINES`, or NAME=ADDRESS: "dask" makes a Dask cluster of
            processes for this job, "dask=tcp://host:8786" uses one that is there.
        series_points: most points of the series; None gives all there are.
        progress: called with (bytes done, bytes in all) about ten times a second; the second
            is 0 while the end is not known.
        cancel: set it from elsewhere to stop; the report then covers what was read and is
            partial.
        errors: "raise" raises the first input's error; "report" puts it into that input's
            `error`, reads the others and marks the report partial.

    Raises:
        UsageError: an option makes no sense (also a `ValueError`).
        InputError: an input cannot be read; `SourceChangedError` if it changed meanwhile.
    """
    options = Options(chunk_size=chunk_size, format=format, input_tz=input_tz, top=top)
    _check(threads, errors, series_points)
    runner = engines.load(engine)
    cancel = Cancel() if cancel is None else cancel
    strict = errors == "raise"
    job = prepare(_path_list(paths), options, anchor=anchor, strict=strict, cancel=cancel)
    try:
        result = runner.run(
            job.plan,
            job.spec(),
            streams=job.streams,
            threads=threads,
            progress=progress,
            cancel=cancel,
        )
    finally:
        job.close()
    return job.report(result, engine=runner.name, series_points=series_points, strict=strict)


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
) -> Spec:
    """The spec by which `analyze` would read `paths`, for use with `Summary` and `Feed`.

    Source i of the spec is path i, which must be a file. Without paths it has one source whose
    lines try every format.
    Raises `InputError`, `UsageError`.
    """
    options = Options(format=format, input_tz=input_tz, top=top)
    check_format(format)
    inputs = open_inputs(_path_list(paths)) or [Input("-", Source("-", None), Detection())]
    raise_first(inputs)
    return plan_inputs(inputs, options, anchor=anchor).spec()


def _path_list(paths: PathLike | Iterable[PathLike]) -> list[str]:
    listed = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if len(listed) > INPUTS_PER_JOB_MAX:
        raise UsageError(
            f"{len(listed):,} inputs, at most {INPUTS_PER_JOB_MAX:,} fit into one report",
            hint="analyse them in groups, or as one stream: cat … | logan analyze -",
        )
    return [os.fspath(path) for path in listed]


def _check(threads: int | None, errors: str, series_points: int | None) -> None:
    if series_points is not None and series_points < 1:
        raise UsageError(f"series_points is {series_points}, it must be 1 or more, or None")
    if threads is not None and not 1 <= threads <= THREADS_MAX:
        raise UsageError(f"threads is {threads}, it must be from 1 to {THREADS_MAX:,}")
    if errors not in ("raise", "report"):
        raise UsageError(f'errors is {errors!r}, it must be "raise" or "report"')
