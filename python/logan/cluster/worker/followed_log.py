"""One log that a worker follows for a job: from its files to slots. Blocking; knows no connection.

A slot ends where a *place* can be named (`live.places`), which is behind a whole line. While it
catches up with what was written before, slots are cut where the time of the records crosses five
seconds, and belong to that time; afterward each belongs to the time at which it was read.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from logan._logan import LOOK_BACK_BYTES_MAX, Fingerprint, Spec, Summary
from logan.cluster.scanning import digest_of
from logan.errors import InputError
from logan.limits import KIB, MIB
from logan.live import starting
from logan.live.by_log import last_record
from logan.live.counting import LogCounter
from logan.live.follower import Follower
from logan.live.notices import Notice, Notices
from logan.live.places import FilePlace, Place
from logan.live.windows import SLOT_S
from logan.options import Options
from logan.sources import files
from logan.wire.following import FollowBody, OfferBody, PlaceEntry
from logan.wire.schema import Count

__all__ = ["Cut", "FollowedLog"]

READ_BYTES_MAX: Final = 1 * MIB
CATCH_UP_BYTES: Final = 256 * KIB
"""Read at a time of what was written before: records of so many bytes share a time."""

STEP_BYTES_MAX: Final = 8 * MIB
"""Read in one step: other logs get their turn."""

SLOT_BYTES_MAX: Final = 8 * MIB
"""Bytes of the log in one slot, about."""

SLOT_PACE_S: Final = 0.3
"""Between two slots of a log that are cut by arrival: what users see is this old."""

IN_FLIGHT_MAX: Final = 4
"""Slots that were sent and not acknowledged: beyond it nothing more is read."""

SAMPLE_WAIT_S: Final = 1.0
"""How long the first line waits for others: more lines say more about how to read them."""

SAMPLE_BYTES_ENOUGH: Final = 4 * KIB
HEADER_BYTES_MAX: Final = 4 * KIB


@dataclass(frozen=True, slots=True)
class Cut:
    """A slot, ready to be sent.

    Attributes:
        at: when its lines arrived, by this host's clock.
    """

    start: int
    end: int
    at: float
    digest: str
    body: bytes
    place: PlaceEntry | None
    missing: tuple[tuple[int, int], ...] | None


@dataclass(slots=True)
class _Pending:
    """What will be the next slot."""

    summary: Summary
    end: int
    at: float
    place: Place | None


class FollowedLog:
    """A log below the worker's roots.

    Args:
        path: what it is called.
        current: gives the path that is written to now.
        allowed: whether a file may be read, by its path without links.
        joined: whether it came while the job was known.

    Attributes:
        attempt: of the FOLLOW that it obeys; 0 before the first.
        offered: whether the coordinator was asked how to read it.
    """

    def __init__(
        self,
        path: str,
        current: Callable[[], str | None],
        allowed: Callable[[str], bool],
        now: float,
        *,
        joined: bool,
    ) -> None:
        self.path = path
        self.joined = joined
        self.notices = Notices()
        self.attempt = 0
        self.source = 0
        self.offered = False
        self._current, self._allowed = current, allowed
        self._follower = Follower(path, current, self.notices, now=now, allowed=allowed)
        self._counter: LogCounter | None = None
        self._lines_since: float | None = None
        self._pending: _Pending | None = None
        self._sent_end = 0
        self._sent_at = now
        self._catches_up = True
        self._skew_s = 0.0
        self._skew_at = 0.0
        self._line_end = 0
        self._place: Place | None = None
        self._missing_seen = 0
        self._in_flight: deque[int] = deque()

    def offer(self, now: float) -> OfferBody | None:
        """What the coordinator must know to decide how it is read; None as long as there are no
        lines."""
        file = self._follower.file
        if file is None:
            self._follower.retry(now)
            return None
        head = file.bytes_before(SAMPLE_BYTES_ENOUGH, SAMPLE_BYTES_ENOUGH)
        if b"\n" not in head and len(head) < SAMPLE_BYTES_ENOUGH:
            return None
        if self._lines_since is None:
            self._lines_since = now
        if len(head) < SAMPLE_BYTES_ENOUGH and now - self._lines_since < SAMPLE_WAIT_S:
            return None
        try:
            source, samples = files.open_file(f"/dev/fd/{file.fd}")
            known = json.loads(Fingerprint.of(f"/dev/fd/{file.fd}").to_json())
        except (InputError, OSError) as error:
            self.notices.add(Notice("unreadable", self.path, f"{self.path}: {error}", now, True))
            return None
        if source.compression is not None:
            text = f"{self.path} is compressed: nothing is added to it, it is left out"
            self.notices.add(Notice("unreadable", self.path, text, now, True))
            self.offered = True
            return None
        self.offered = True
        return OfferBody(
            path=self.path,
            samples=tuple(samples),
            mtime_ns=source.mtime_ns,
            host=str(known["host"]),
            device=file.identity[0],
            inode=file.identity[1],
            joined=self.joined,
        )

    def follow(self, source: int, attempt: int, order: FollowBody, now: float) -> None:
        """Go on as the coordinator says. Raises `ValueError` for an order that is not valid."""
        spec = Spec(order.spec)
        if self.attempt:
            self._follower.close()
            self._follower = Follower(
                self.path, self._current, self.notices, now=now, allowed=self._allowed
            )
        self.source, self.attempt = source, attempt
        self._pending, self._place, self._missing_seen = None, None, 0
        self._in_flight.clear()
        self._catches_up, self._sent_at = True, now
        follower = self._follower
        if order.offset is not None and order.place is not None:
            place = _place_of(order.offset, order.place)
            before = follower.resume(place, now)
            self._skew_s = order.place.skew_ms / 1e3
            self._place = place
        else:
            before = self._begin(spec, order.begin, now)
        if order.header:
            before = self._with_header(before)
        self._sent_end = follower.offset
        options = Options(chunk_size=order.chunk_size)
        self._counter = LogCounter(
            self.path, options, now=now, start=follower.offset, before=before, spec=spec
        )

    def _begin(self, spec: Spec, begin: str, now: float) -> bytes:
        """Stand where a log that is new to the job begins; what precedes that."""
        file = self._follower.file
        if file is None:
            return b""
        wanted: str | float = begin if begin in ("start", "end") else float(begin)
        if self.joined:
            wanted = "start"
        status = os.fstat(file.fd)
        path = f"/dev/fd/{file.fd}"
        found = starting.beginning(path, status.st_size, status.st_mtime, spec, wanted, now)
        if found.note is not None:
            text = f"{self.path}: {found.note}"
            self.notices.add(Notice("start", self.path, text, now, True))
        if found.offset:
            self._follower.start_at(found.offset)
        self._skew_s = found.skew
        return self._follower.before(LOOK_BACK_BYTES_MAX)

    def _with_header(self, before: bytes) -> bytes:
        """What precedes the place, with the columns that stand in the file's first lines."""
        file = self._follower.file
        if file is None:
            return before
        head = file.bytes_before(HEADER_BYTES_MAX, HEADER_BYTES_MAX)
        head = head[: head.rfind(b"\n") + 1]
        if len(before) <= len(head):
            return before  # they are in it
        rest = before[len(head) :]
        return head + rest[rest.find(b"\n") + 1 :]

    def done(self, attempt: int, end: int) -> None:
        """The coordinator has it up to `end`."""
        if attempt == self.attempt:
            while self._in_flight and self._in_flight[0] <= end:
                self._in_flight.popleft()

    @property
    def has_room(self) -> bool:
        """Whether a slot may be sent."""
        return self.attempt > 0 and len(self._in_flight) < IN_FLIGHT_MAX

    def step(self, now: float) -> tuple[list[Cut], bool]:
        """Read what there is, up to a bound: the slots to send, and whether there may be more."""
        cuts: list[Cut] = []
        left = STEP_BYTES_MAX
        more = False
        while self.has_room:
            if left <= 0:
                more = True
                break
            size = CATCH_UP_BYTES if self._catches_up else READ_BYTES_MAX
            data = self._follower.read(size, now)
            if not data:
                self._catches_up = False
                break
            left -= len(data)
            self._take(data, now)
            if self._catches_up:
                self._label(cuts, now)
        pending = None
        if self.has_room:
            self._extend(now)
            pending = self._pending
        if pending is not None and now - self._sent_at >= SLOT_PACE_S:
            self._cut(cuts, now)
        return cuts, more

    def finish(self, now: float) -> list[Cut]:
        """Count what is there to its end, the last line also without a newline."""
        cuts: list[Cut] = []
        if self._counter is None:
            return cuts
        while data := self._follower.read(READ_BYTES_MAX, now):
            self._take(data, now)
            self._extend(now)
            if self._pending is not None and self._is_large(self._pending):
                self._cut(cuts, now)
        self._counter.close()
        self._extend(now)
        if self._pending is not None:
            self._pending.end = self._follower.offset
            self._cut(cuts, now, final=True)
        return cuts

    def behind(self) -> int:
        """Bytes of the file that is written to that were not sent, as far as is known."""
        file = self._follower.file
        if file is None:
            return 0
        try:
            unread = max(0, file.size - file.position)
        except OSError:
            unread = 0
        return unread + max(0, self._follower.offset - self._sent_end)

    def close(self) -> None:
        """Close all files."""
        self._follower.close()

    def _take(self, data: bytes, now: float) -> None:
        assert self._counter is not None
        self._counter.push(data, now)
        whole = data.rfind(b"\n") + 1
        if whole:
            self._place = self._follower.place(len(data) - whole, now)
            self._line_end = self._follower.offset - (len(data) - whole)

    def _extend(self, now: float) -> None:
        """Add to the pending slot what was counted since it was looked at last."""
        assert self._counter is not None
        part = self._counter.part()
        if part is None:
            return
        end = max((each[2] for each in part.segments()), default=self._line_end)
        if self._pending is None:
            self._pending = _Pending(part, end, now, self._place)
        else:
            self._pending.summary = self._pending.summary.merge(part)
            self._pending.end, self._pending.place = end, self._place

    def _label(self, cuts: list[Cut], now: float) -> None:
        """Give what was just read its time; what has another one is a slot of its own."""
        assert self._counter is not None
        part = self._counter.part()
        if part is None:
            return
        end = max((each[2] for each in part.segments()), default=self._line_end)
        last = last_record(part)
        at = now if last is None else min(now, last + self._skew_s)
        pending = self._pending
        if pending is not None and (
            int(pending.at // SLOT_S) != int(at // SLOT_S) or self._is_large(pending)
        ):
            self._cut(cuts, now)
            pending = self._pending
        if pending is None:
            self._pending = _Pending(part, end, at, self._place)
        else:
            pending.summary = pending.summary.merge(part)
            pending.end, pending.at, pending.place = end, at, self._place

    def _is_large(self, pending: _Pending) -> bool:
        return pending.end - self._sent_end >= SLOT_BYTES_MAX

    def _cut(self, cuts: list[Cut], now: float, *, final: bool = False) -> None:
        """Make the pending slot one that can be sent, if a place can be named behind it."""
        pending = self._pending
        assert pending is not None
        assert self._counter is not None
        place = pending.place
        if not final and (place is None or place.offset != pending.end):
            return
        if not self._catches_up and now - self._skew_at >= SLOT_S:
            last = last_record(pending.summary)
            self._skew_s = self._skew_s if last is None else pending.at - last
            self._skew_at = now
        fresh = self._counter.missing[self._missing_seen :]
        self._missing_seen += len(fresh)
        body = pending.summary.to_bytes()
        cuts.append(
            Cut(
                self._sent_end,
                pending.end,
                pending.at,
                digest_of(body),
                body,
                None if place is None else _entry_of(place, self._skew_s),
                tuple((each.start, each.end or each.start) for each in fresh) or None,
            )
        )
        self._sent_end, self._sent_at, self._pending = pending.end, now, None
        self._in_flight.append(pending.end)


def _entry_of(place: Place, skew_s: float) -> PlaceEntry:
    files = tuple(
        (
            *(each.role, each.position, each.device, each.inode),
            *(each.head_bytes, each.head, each.tail_bytes, each.tail),
        )
        for each in place.files
    )
    return PlaceEntry(
        files=files,
        queued=place.queued,
        at=place.at,
        skew_ms=round(max(-1e15, min(1e15, skew_s * 1e3))),
    )


def _place_of(offset: Count, entry: PlaceEntry) -> Place:
    return Place(offset, tuple(FilePlace(*each) for each in entry.files), entry.queued, entry.at)
