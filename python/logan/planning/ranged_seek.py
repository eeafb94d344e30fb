"""Where a selected time lies in a file that is read in ranges, as over ssh: a search in few rounds.

Each round asks for several pieces at once, so it costs one trip to the host: first a grid over all
of the file, which also tells whether its timestamps are in order, then finer ones around both ends
of the selected time. What is assumed is what `_logan.seek` assumes of files: that no record is more
than a minute earlier than one before it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from logan._logan import Spec, Summary
from logan.limits import KIB, MIB
from logan.sources.pieces import inner_lines
from logan.sources.sampling import Ranged

__all__ = ["Found", "last_time", "search"]

SLACK_NS: Final = 60_000_000_000
PIECE_BYTES: Final = 32 * KIB
GRID_PIECES: Final = 32
FINER_PIECES: Final = 16
ROUNDS_MAX: Final = 5
"""A file of a terabyte is narrowed down to `ENOUGH_BYTES` by then."""

ENOUGH_BYTES: Final = 1 * MIB
"""What is narrowed down to so much is read rather than searched on."""

SIZE_BYTES_MIN: Final = 8 * MIB
"""A smaller file is read as a whole: the grid alone is an eighth of it."""

TAIL_BYTES: Final = 256 * KIB


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: with "range", that everything of the selected time lies in
    `[start, end)`, which begin and end at line starts or the file's edges."""

    kind: Literal["range", "unordered", "timeless"]
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Probe:
    """Whole lines in `[start, end)`, and the first and the last of their timestamps."""

    start: int
    end: int
    first_ns: int
    last_ns: int


def search(ranged: Ranged, size: int, spec: Spec, index: int) -> Found:
    """Where in a file of `size` bytes, source `index` of the spec, its selected time lies.

    Raises `InputError`.
    """
    meaning = json.loads(spec.to_json())["meaning"]
    since, until = meaning.get("since_ns"), meaning.get("until_ns")
    if size < SIZE_BYTES_MIN:
        return Found("range", 0, size)
    bounds = [since - SLACK_NS if since is not None else None]
    bounds += [until + SLACK_NS if until is not None else None]
    plain = _without_selection(spec)
    probes = _probed(ranged, size, plain, index, _grid(0, size, GRID_PIECES))
    for _ in range(ROUNDS_MAX - 1):
        if not probes or not _in_order(probes):
            break
        places: set[int] = set()
        for bound in bounds:
            if bound is not None:
                low, high = _around(probes, bound, size)
                if high - low > ENOUGH_BYTES:
                    places.update(_grid(low, high, FINER_PIECES)[1:])
        if not places:
            break
        probes += _probed(ranged, size, plain, index, sorted(places))
        probes.sort(key=lambda each: each.start)
    if not probes:
        return Found("timeless")
    if not _in_order(probes):
        return Found("unordered")
    start = 0 if bounds[0] is None else _around(probes, bounds[0], size)[0]
    end = size if bounds[1] is None else _around(probes, bounds[1], size)[1]
    return Found("range", start, max(start, end))


def last_time(ranged: Ranged, size: int, spec: Spec, index: int) -> int | None:
    """The latest time near the end of a file (epoch nanoseconds). Raises `InputError`."""
    at = max(0, size - TAIL_BYTES)
    found = _probed(ranged, size, _without_selection(spec), index, [at], TAIL_BYTES)
    return max((each.last_ns for each in found), default=None)


def _around(probes: Sequence[_Probe], bound_ns: int, size: int) -> tuple[int, int]:
    """Line starts between which the first record lies that is not earlier than the bound."""
    low = max((each.start for each in probes if each.last_ns < bound_ns), default=0)
    high = min((each.start for each in probes if each.first_ns >= bound_ns), default=size)
    return low, max(low, high)


def _grid(start: int, end: int, pieces: int) -> list[int]:
    return [start + (end - start) * place // pieces for place in range(pieces)]


def _in_order(probes: Sequence[_Probe]) -> bool:
    for place, each in enumerate(probes):
        before = (one.last_ns for one in probes[:place] if one.end <= each.start)
        if each.first_ns < max(before, default=each.first_ns) - SLACK_NS:
            return False
    return True


def _probed(
    ranged: Ranged,
    size: int,
    spec: Spec,
    index: int,
    places: Sequence[int],
    length: int = PIECE_BYTES,
) -> list[_Probe]:
    """Probes of the pieces at these places, without those that have no record with a time."""
    wanted = [(at, min(size, at + length)) for at in places]
    found = []
    for (at, end), data in zip(wanted, ranged.ranges(wanted), strict=True):
        inner = inner_lines(data, to_start=not at, to_end=end == size)
        times = inner and _times(data[slice(*inner)], spec, index)
        if inner and times:
            first, last = inner
            found.append(_Probe(at + first, at + last, *times))
    return found


def _times(data: bytes, spec: Spec, index: int) -> tuple[int, int] | None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        summary = Summary.from_chunk(file.name, 0, len(data), spec, source=index)
    time = json.loads(summary.evaluate(top=1, series_points=1))["time"]
    first, last = _ns(time["first"]), _ns(time["last"])
    return None if first is None or last is None else (first, last)


def _ns(text: str | None) -> int | None:
    return None if text is None else round(datetime.fromisoformat(text).timestamp() * 1e6) * 1_000


def _without_selection(spec: Spec) -> Spec:
    """Reads all lines, whatever their time and content: the search is for those selected."""
    text = json.loads(spec.to_json())
    for name in ("since_ns", "until_ns", "where", "by"):
        text["meaning"].pop(name, None)
    text.pop("also", None)
    return Spec(json.dumps(text))
