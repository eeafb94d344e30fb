"""Where in a file a selected time lies, and when the last record of files was.

Searches files by probing them: how is the native extension's, and `ranged_seek`'s for files on
hosts that are read over ssh. Knows no options and no plan.

What reads over ssh is imported where a file is on a host: it is a quarter of all that `logan
analyze` would import.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from logan import _logan
from logan._logan import Spec
from logan.errors import InputError, UsageError
from logan.model import Source
from logan.sources.files import Opener, by_name
from logan.sources.hosts import is_remote

if TYPE_CHECKING:
    from logan.sources.ssh.files import RemoteFile

__all__ = ["SeekResult", "last_time", "seek"]


@dataclass(frozen=True, slots=True)
class SeekResult:
    """What a search by time found out about a source."""

    source: Source
    skipped_bytes: int = 0
    assumed: str | None = None
    note: str | None = None


def seek(source: Source, index: int, spec: Spec, opened: Opener = by_name) -> SeekResult:
    """`source` with the range that the spec's selected time is in, where it can be searched.

    Only regular files that are not compressed can; whatever fails is left to the engine, which
    reads all of it and says what is wrong.
    """
    if not _can_search(source) or not source.size:
        return SeekResult(source)
    found: str
    try:
        if is_remote(source.url):
            from logan.planning import ranged_seek

            there = ranged_seek.search(_on_host(source), source.size, spec, index)
            found, start, end = there.kind, there.start, there.end
        else:
            with opened(source.url) as place:
                found, start, end = _logan.seek(place.path, source.size, spec, source=index)
    except (OSError, InputError):
        return SeekResult(source)
    if found == "unordered":
        note = "its timestamps are not in order: all of it was read to find the selected time range"
        return SeekResult(source, note=note)
    if found == "timeless" or (start, end) == (0, source.size):
        return SeekResult(source)
    skipped = source.size - (end - start)
    return SeekResult(
        replace(source, start=start, end=end),
        skipped,
        assumed=f"its timestamps are in order to within 60 s: {skipped:,} bytes outside the "
        "selected time range were not read",
    )


def last_time(sources: Sequence[Source], spec: Spec, opened: Opener = by_name) -> int:
    """The latest time near the ends of all sources. Raises `UsageError` where it cannot be known
    before they are read."""
    times = []
    for index, source in enumerate(sources):
        if not _can_search(source):
            name = "standard input" if source.url == "-" else source.url
            raise UsageError(
                f"the last record of {name} is not known before all of it is read",
                hint="give since and until as absolute times, or count back from now",
            )
        try:
            if is_remote(source.url):
                from logan.planning import ranged_seek

                time = ranged_seek.last_time(_on_host(source), source.size or 0, spec, index)
            else:
                with opened(source.url) as place:
                    time = _logan.last_time(place.path, source.size or 0, spec, source=index)
        except (OSError, InputError):
            continue  # the engine will say what is wrong with it
        if time is not None:
            times.append(time)
    if not times:
        raise UsageError(
            "no record near the end of the input has a timestamp to count back from",
            hint="give since and until as absolute times",
        )
    return max(times)


def _can_search(source: Source) -> bool:
    """Whether parts of it can be looked at before all of it is read."""
    return source.splittable and (source.fingerprint is not None or is_remote(source.url))


def _on_host(source: Source) -> RemoteFile:
    from logan.sources.ssh.files import RemoteFile

    return RemoteFile(source.url, source.etag)
