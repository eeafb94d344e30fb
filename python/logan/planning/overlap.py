"""Files of one folder that have the same lines: `kern.log` is in `syslog`, too.

Some lines of each file's sample that are hardly written twice (with part of a second, or the id of
a process) are looked for in the other files, around their timestamps. What is found is a note, as
both files were asked for. Equal files in different folders are those of two hosts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice, permutations
from typing import Final

from logan import _logan
from logan._logan import Spec
from logan.errors import InputError
from logan.model import Plan
from logan.sources.files import Opener
from logan.sources.inputs import Input, shown_name

__all__ = ["note_overlaps"]

PAIRS_MAX: Final = 1_000
"""Pairs of files that are compared, at a few reads each: those of 32 files in one folder. A note is
a help, not a promise: an input without one may still be in another."""

GLANCE_LINES: Final = 3
"""Of files that have nothing in common so many lines are looked for."""


def note_overlaps(
    inputs: Sequence[Input], order: Sequence[int], plan: Plan, spec: Spec, opened: Opener
) -> None:
    """Note on inputs that half of their lines or more are in another input, too."""
    folders: dict[str, list[int]] = {}
    for index, source in enumerate(plan.sources):
        if source.fingerprint is not None and source.splittable and source.size:
            folders.setdefault(os.path.dirname(source.url), []).append(index)
    noted: set[int] = set()
    pairs = (pair for each in folders.values() for pair in permutations(each, 2))
    for part, whole in islice(pairs, PAIRS_MAX):
        entry, source = inputs[order[part]], plan.sources[whole]
        if part in noted or whole in noted or not entry.rare_lines:
            continue
        try:
            with opened(source.url) as place:
                found = 0
                for lines in (entry.rare_lines[:GLANCE_LINES], entry.rare_lines[GLANCE_LINES:]):
                    if lines:
                        found += _logan.occurring(
                            place.path, source.size or 0, spec, lines, source=whole
                        )
                    if not found:
                        break
        except (OSError, InputError):
            continue  # the engine will say what is wrong with it
        if 2 * found >= len(entry.rare_lines):
            noted.add(part)
            entry.notes.append(
                f"its lines are in {shown_name(inputs[order[whole]].path)}, too "
                f"({found} of {len(entry.rare_lines)} sampled): counted twice; leave one out"
            )
