"""Where to begin in a log on a host: as `starting`, over a copy of its last bytes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from logan._logan import LOOK_BACK_BYTES_MAX, Spec
from logan.errors import InputError
from logan.limits import MIB
from logan.live import starting
from logan.live.starting import Beginning
from logan.model import Detection
from logan.planning import ranged_seek
from logan.sources.hosts import parse, shown
from logan.sources.inputs import open_inputs
from logan.sources.ssh.files import RemoteFile
from logan.sources.ssh.script import EDGE_BYTES
from logan.sources.ssh.session import Answer, Session, Stat

__all__ = ["Start", "start_of"]

BACK_BYTES_MIN: Final = 1 * MIB
BACK_BYTES_MAX: Final = 64 * MIB
"""Fetched at most to find where to begin; what began before that is searched for by its time."""

EARLIER_PARTS: Final = 64
"""Parts that what lies before is counted in: each has the time of its last record."""

WHOLE_BYTES_MAX: Final = 8 * MIB
"""Of a log that is read from its start, so much is looked at for when it was written."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a log begins.

    Attributes:
        offset: in its file.
        before: the bytes before the offset, and
        head: the first bytes of the file, as far as they are before the offset.
        detection: what it looks like; None where its first lines are to tell.
        found: cuts and what could not be done, with offsets in the file.
    """

    offset: int = 0
    before: bytes = b""
    head: bytes = b""
    detection: Detection | None = None
    found: Beginning = field(default_factory=lambda: Beginning(0))


def start_of(
    url: str,
    session: Session,
    status: Stat,
    wanted: str | float,
    now: float,
    spec_of: Callable[[Detection], Spec],
) -> Start:
    """Where the log at `url` begins, whose file is `status` now.

    Raises `InputError` for what cannot be followed, `Lost`, `Denied`.
    """
    if status.size == 0:
        return Start()
    entry = open_inputs([url], literal=True)[0]
    detection = entry.detection
    if entry.error is not None and entry.error.kind not in ("format",):
        raise entry.error
    if entry.source is not None and entry.source.compression is not None:
        raise InputError(
            f"{shown(url)} cannot be followed: its content is {entry.source.compression}",
            input=url,
            hint="read it once: logan analyze",
        )
    if detection is None or not detection.formats:
        if wanted != "end":
            return Start()
        detection = Detection()
    modified = float(status.mtime_s) if status.mtime_s is not None else now
    if wanted == "start" and status.size > WHOLE_BYTES_MAX:
        return Start(0, detection=detection, found=Beginning(0, ((status.size, modified),)))
    reach = WHOLE_BYTES_MAX if wanted == "start" else BACK_BYTES_MIN
    base = max(0, status.size - reach)
    while True:
        data = _bytes(session, url, status, base, min(status.size - base, reach))
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            found = starting.beginning(
                file.name, len(data), modified, spec_of(detection), wanted, now
            )
        # At the very beginning of what was fetched it is not known whether there is more to it.
        if found.offset > LOOK_BACK_BYTES_MAX or base == 0 or reach >= BACK_BYTES_MAX:
            break
        reach *= 4
        base = max(0, status.size - reach)
    note = found.note
    if base and found.offset <= LOOK_BACK_BYTES_MAX and isinstance(wanted, float):
        earlier = _earlier(url, status, spec_of(detection), wanted)
        if earlier is not None and earlier < base:
            step = (base - earlier) // EARLIER_PARTS + 1
            marks = [*range(earlier + step, base, step), base]
            later = ((base + at, when) for at, when in found.cuts)
            cuts = (*((mark, None) for mark in marks), *later)
            beginning = Beginning(earlier, cuts, found.skew)
            return _start(url, session, status, earlier, detection, beginning)
    if base and found.offset <= LOOK_BACK_BYTES_MAX:
        whole = data.find(b"\n") + 1
        found = replace(found, offset=max(found.offset, whole))
        note = note or f"only its last {len(data):,} bytes were looked at for where to begin"
    cuts = tuple((base + at, when) for at, when in found.cuts if at >= found.offset)
    offset = base + found.offset
    beginning = Beginning(offset, cuts, found.skew, note)
    return _start(url, session, status, offset, detection, beginning)


def _start(
    url: str,
    session: Session,
    status: Stat,
    offset: int,
    detection: Detection,
    found: Beginning,
) -> Start:
    back = min(offset, LOOK_BACK_BYTES_MAX)
    before = _bytes(session, url, status, offset - back, back) if back else b""
    edge = min(EDGE_BYTES, offset)
    head = _bytes(session, url, status, 0, edge) if edge else b""
    return Start(offset, before, head, detection, found)


def _earlier(url: str, status: Stat, spec: Spec, reach_s: float) -> int | None:
    """Where the records begin that are at most so much older than the last one; None where that
    cannot be told. Found by few pieces of the file, however long it is."""
    file = RemoteFile(url, f"{status.inode} -")
    try:
        last_ns = ranged_seek.last_time(file, status.size, spec, 0)
        if last_ns is None:
            return None
        text = json.loads(spec.to_json())
        text["meaning"] = {"since_ns": last_ns - int(reach_s * 1e9)}
        found = ranged_seek.search(file, status.size, Spec(json.dumps(text)), 0)
    except InputError:
        return None
    return found.start if found.kind == "range" else None


def _bytes(session: Session, url: str, status: Stat, start: int, length: int) -> bytes:
    answer: list[Answer] = []
    pieces = session.read(parse(url).path, start, length, answer=answer, inode=status.inode)
    data = b"".join(pieces)
    return data[:length]
