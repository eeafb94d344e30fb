"""The engine of one process: native threads side by side, no network.

Knows nothing of formats, reports or terminals. Files go through one native `scan` call, which
merges chunks along the fixed tree; each stream goes through a `Feed` cut on the same grid. The
summaries of all of them are joined in source order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from logan import _logan
from logan._logan import Cancel, Fingerprint, Spec, Summary
from logan.cpus import cpus
from logan.engines import Progress
from logan.errors import CancelledError
from logan.model import Missing, Plan, Result, join_missing
from logan.sources.stdin import Stream

__all__ = ["ADDRESS", "read_streams", "run"]

ADDRESS: Final = None


def run(
    plan: Plan,
    spec: Spec,
    *,
    address: str | None = None,
    streams: Mapping[int, Stream],
    threads: int | None = None,
    progress: Progress | None = None,
    cancel: Cancel,
) -> Result:
    """See `EngineModule.run`; `threads` is by default the CPUs this process may use."""
    threads = threads or cpus()
    summary, missing = _scan_files(plan, spec, threads, progress, cancel)
    rest, lost = read_streams(streams, plan, spec, progress, cancel)
    return Result(summary.merge(rest), threads, missing=join_missing(missing + lost))


def read_streams(
    streams: Mapping[int, Stream],
    plan: Plan,
    spec: Spec,
    progress: Progress | None,
    cancel: Cancel,
) -> tuple[Summary, list[Missing]]:
    """What only this process can read: the plan's streams, one after the other."""
    summary = Summary.empty(spec)
    missing: list[Missing] = []
    for source, stream in sorted(streams.items()):
        part, lost = _drain(source, stream, plan, spec, progress, cancel)
        summary = summary.merge(part)
        missing.extend(lost)
    return summary, missing


def _scan_files(
    plan: Plan, spec: Spec, threads: int, progress: Progress | None, cancel: Cancel
) -> tuple[Summary, list[Missing]]:
    if not plan.chunks:
        return Summary.empty(spec), []
    # Sources with a size come first in a plan, so indices of this list are those of the spec.
    files = [
        (source.url, Fingerprint.from_json(source.fingerprint))
        for source in plan.sources
        if source.fingerprint is not None
    ]
    outcome = _logan.scan(
        files,
        [(chunk.source, chunk.start, chunk.end) for chunk in plan.chunks],
        spec,
        threads=threads,
        cancel=cancel,
        progress=progress,
    )
    return outcome.summary, [Missing(*failure) for failure in outcome.failures]


def _drain(
    source: int,
    stream: Stream,
    plan: Plan,
    spec: Spec,
    progress: Progress | None,
    cancel: Cancel,
) -> tuple[Summary, list[Missing]]:
    """Read `stream` to its end. On cancel or a read error an unfinished last line is left out."""
    feed = _logan.Feed(spec, source=source, chunk_size=plan.chunk_size)
    feed.push(stream.head)
    try:
        if not stream.ended and not cancel.is_set():
            feed.push_fd(stream.fd, cancel=cancel, progress=progress)
            stream.ended = not cancel.is_set()
    except CancelledError:
        pass
    except OSError as error:
        return _partial(source, feed, "unreadable", error.strerror or str(error))
    finally:
        stream.close()
    if stream.ended:
        return feed.finish(), []
    why = "stopped on request before its end; run it again for complete figures"
    return _partial(source, feed, "cancelled", why)


def _partial(source: int, feed: _logan.Feed, kind: str, why: str) -> tuple[Summary, list[Missing]]:
    summary = feed.snapshot()
    return summary, [Missing(source, summary.covered_bytes(source), None, kind, why)]
