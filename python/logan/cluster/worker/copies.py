"""Whether a file at the planned path is the planned file, and which sources are known not to be.

A worker reads a file itself only where its size, ends and probes are those of the plan. Blocking
functions; knows no connection and no lease table.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from logan._logan import Fingerprint
from logan.cluster.probes import differs_at
from logan.errors import InputError
from logan.sources.roots import Opened, Roots
from logan.wire.bodies import JobSource
from logan.wire.messages import Lease

__all__ = ["OtherCopies", "OtherCopyError", "check_probes", "open_planned", "planned_path"]

OTHER_COPIES_MAX: Final = 1_024
"""Sources that are remembered; more than that are not a matter of a few files."""


class OtherCopyError(Exception):
    """A file at the planned path has other bytes than the planned file."""


class OtherCopies:
    """Sources of which a worker's own file is known to be another one.

    Outlives a connection: otherwise each connection would have to find that out again.
    """

    def __init__(self) -> None:
        self._sources: OrderedDict[JobSource, None] = OrderedDict()

    def __contains__(self, source: JobSource) -> bool:
        return source in self._sources

    def add(self, source: JobSource) -> None:
        """Remember a source; beyond the bound the oldest is forgotten."""
        self._sources[source] = None
        if len(self._sources) > OTHER_COPIES_MAX:
            self._sources.popitem(last=False)


def open_planned(roots: Roots, source: JobSource) -> Opened | None:
    """The source, if it is the planned file, on this host and below the roots; otherwise None."""
    try:
        opened = roots.open(source.url)
    except InputError:
        return None
    try:
        fingerprint = Fingerprint.from_json(source.fingerprint or "")
        if fingerprint.check(opened.path) is None:
            return opened
    except (OSError, ValueError):
        pass
    opened.close()
    return None


def planned_path(roots: Roots, source: JobSource) -> str | None:
    """The path of the planned file, for a process that has no descriptor of it; or None."""
    opened = open_planned(roots, source)
    if opened is None:
        return None
    with opened:
        return opened.name


def check_probes(file: int, worker: str, source: JobSource, lease: Lease) -> None:
    """Compare an open file with the lease's probes. Raises `OtherCopyError`."""
    at = differs_at(file, lease.probes or (), lease.end)
    if at is not None:
        raise OtherCopyError(
            f"{source.url}: the file on {worker} differs from the planned one after byte {at:,}"
        )
