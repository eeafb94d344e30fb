"""Which logs below a worker's roots match the patterns of a follow job. Blocking.

Files of a rotated set are one log, named by the one that is written to. Only files that the roots
allow are found. A link is a log by its own name, so that it stays one when it is pointed elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from logan.live.logs import PACKED
from logan.sources.roots import Roots
from logan.sources.rotation import in_time_order, set_of

__all__ = ["find_logs"]

Current = Callable[[], str | None]


def find_logs(roots: Roots, patterns: Sequence[str]) -> tuple[dict[str, Current], list[str]]:
    """The logs that there are now, by name, each with what gives the path that is written to; and
    what went wrong on the way."""
    paths, errors = roots.search(patterns, keeps_links=True)
    found: dict[str, Current] = {}
    for (folder, base), members in _sets(paths).items():
        whole = os.path.join(folder, base)
        if whole in members:
            found[whole] = _always(whole)
        else:
            found[whole] = _newest_of(roots, patterns, folder, base)
    return found, errors


def _sets(paths: Sequence[str]) -> dict[tuple[str, str], list[str]]:
    sets: dict[tuple[str, str], list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        if not path.lower().endswith(PACKED):
            sets.setdefault((folder, set_of(name)), []).append(path)
    return sets


def _always(path: str) -> Current:
    return lambda: path


def _newest_of(roots: Roots, patterns: Sequence[str], folder: str, base: str) -> Current:
    def current() -> str | None:
        paths, _ = roots.search(patterns, keeps_links=True)
        members = _sets(paths).get((folder, base))
        return in_time_order(sorted(members))[-1] if members else None

    return current
