"""The bytes of one log -> summaries of what came since the last look.

How its lines are read is decided from the first of them, as for any stream, or from the file that
was there when the watch began. The sum of all parts is then that of `analyze` under the same spec.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from logan import _logan
from logan._logan import LOOK_BACK_BYTES_MAX, Spec, Summary
from logan.errors import InputError, UsageError
from logan.limits import SAMPLE_HEAD_BYTES_MAX
from logan.live.notices import Notices
from logan.live.unended import UnendedLine
from logan.model import Detection, Missing, Source
from logan.options import Options
from logan.planning.spec import anchor_of, identity, spec_json

__all__ = ["LogCounter"]

SAMPLE_WAIT_S: Final = 1.0
"""How long the first line waits for others: more lines say more about how to read them."""


class LogCounter:
    """Counts a log.

    Args:
        name: what reports call it.
        options: what is computed.
        now: seconds since 1970; timestamps without a year lie before it.
        detection: what the log looks like, if that is known; else its first lines tell.
        start: offset of the first byte that is counted, where a line begins, and
        before: the bytes that precede it.
        spec: how it is read, if that was decided elsewhere.
        known_as: the identity of the log in its spec; by default it is known by its name.
        reading: gives the text of a spec that reads as an earlier one did.
        notices: where it is said that a line does not end; None for nowhere.

    Attributes:
        missing: bytes that the engine could not read because of an error of its own.
    """

    def __init__(
        self,
        name: str,
        options: Options,
        *,
        now: float,
        detection: Detection | None = None,
        start: int = 0,
        before: bytes = b"",
        spec: Spec | None = None,
        known_as: Mapping[str, Any] | None = None,
        reading: Callable[[str], str] | None = None,
        notices: Notices | None = None,
    ) -> None:
        self.name = name
        self._line = None if notices is None else UnendedLine(name, notices)
        self.detection = detection
        self._known_as = known_as
        self._reading = reading
        self.missing: list[Missing] = []
        self._options = options
        self._anchor_ns = int(now * 1e9)
        self._offset = start
        self._head = bytearray()
        self._head_at: float | None = None
        self._feed: _logan.PartFeed | None = None
        self._spec: Spec | None = None
        self._parts: list[Summary] = []
        self._given_to = start
        self._saw_all = start == 0
        self._skips_line = False
        self._is_fresh = False
        self._closed = False
        if spec is not None:
            self._spec, self._feed = spec, self._native_of(spec, start, before)
            return
        _spec(name, Detection(), options, self._anchor_ns)  # an invalid option fails here
        if detection is not None:
            self._start(detection, start, before)

    @property
    def spec(self) -> Spec | None:
        """How it is read; None as long as no line has come."""
        return self._spec

    def push(self, data: bytes, now: float) -> None:
        """Take the next bytes of the log."""
        if not data:
            return
        if self._line is not None:
            self._line.took(data, now)
        if self._feed is not None:
            self._push(data)
            return
        if self._head_at is None:
            self._head_at = now
        self._head += data
        self.settle(now)

    def settle(self, now: float) -> None:
        """Decide how lines are read, if they waited for others long enough."""
        if self._feed is None and self._head_at is not None:
            waited = now - self._head_at >= SAMPLE_WAIT_S and b"\n" in self._head
            if waited or len(self._head) >= SAMPLE_HEAD_BYTES_MAX:
                self._decide()

    def part(self) -> Summary | None:
        """The whole lines since the last call; None if there are none."""
        if self._feed is None or not (self._is_fresh or self._parts):
            return None
        self._is_fresh = False
        self._take_part()
        parts, self._parts = self._parts, []
        return (Summary.sum(parts) if len(parts) > 1 else parts[0]) if parts else None

    def identified(self, summary: Summary, source: int) -> Summary:
        """A sum of all parts, in which this log is that source, with what tells its content from
        that of others, if all of it was seen; of this log alone, byte for byte that of
        `analyze`."""
        if self._feed is None or self.missing:
            return summary
        return self._feed.identified(summary, source)

    def _take_part(self) -> None:
        assert self._feed is not None
        part = self._feed.part()
        if covered := part.segments():
            self._given_to = covered[-1][2]
            self._parts.append(part)

    def passed(self, end: int, before: bytes, head: bytes) -> None:
        """All up to `end`, where a line begins, was counted elsewhere under its `spec`, and nothing
        here. `before` are the bytes that precede it, and `head` the first ones of the log."""
        assert self._spec is not None
        self._saw_all = self._saw_all and len(before) == min(end, LOOK_BACK_BYTES_MAX)
        self._feed = self._native_of(self._spec, end, before, head if self._saw_all else None)
        self._offset = end

    def close(self) -> None:
        """Nothing follows: the last line counts without its newline. Only once."""
        if self._closed:
            return
        self._closed = True
        if self._feed is None and self._head:
            self._decide()
        if self._feed is not None:
            self._feed.close()
            self._is_fresh = True

    def _decide(self) -> None:
        head = bytes(self._head)
        self._head.clear()
        self._head_at = None
        sample = head[:SAMPLE_HEAD_BYTES_MAX]
        detection = Detection.from_dict(json.loads(_logan.detect([(0, sample)])))
        self._start(detection, self._offset, b"")
        self._push(head)

    def _start(self, detection: Detection, start: int, before: bytes) -> None:
        self.detection = detection
        self._spec = _spec(
            self.name, detection, self._options, self._anchor_ns, self._known_as, self._reading
        )
        self._feed = self._native(start, before)

    def _native(self, start: int, before: bytes) -> _logan.PartFeed:
        assert self._spec is not None
        return self._native_of(self._spec, start, before)

    def _native_of(
        self, spec: Spec, start: int, before: bytes, head: bytes | None = None
    ) -> _logan.PartFeed:
        self._given_to = start
        size = self._options.chunk_size
        return _logan.PartFeed(spec, chunk_size=size, start=start, before=before, head=head)

    def _push(self, data: bytes) -> None:
        assert self._feed is not None
        if self._skips_line:
            whole = data.find(b"\n") + 1
            if not whole:
                self._offset += len(data)
                return
            self._offset += whole
            data, self._skips_line = data[whole:], False
            self._feed = self._native(self._offset, b"")
        self._is_fresh = True
        try:
            self._feed.push(data)
            self._offset += len(data)
        except InputError as error:
            self._go_on_after(data, error)

    def _go_on_after(self, data: bytes, error: InputError) -> None:
        """The engine failed over these bytes: count what was before and what comes after them."""
        assert self._feed is not None
        self._take_part()
        whole = data.rfind(b"\n") + 1
        end = self._offset + (whole or len(data))
        self.missing.append(Missing(0, self._given_to, end, "panic", str(error)))
        self._offset = end
        self._skips_line = not whole
        self._feed = self._native(end, b"")
        if whole and data[whole:]:
            self._push(data[whole:])


def _spec(
    name: str,
    detection: Detection,
    options: Options,
    anchor_ns: int,
    known_as: Mapping[str, Any] | None = None,
    reading: Callable[[str], str] | None = None,
) -> Spec:
    anchor = anchor_of(detection, written_ns=None, now_ns=anchor_ns)
    identities = [known_as or identity(Source(name, None), name)]
    text = spec_json([detection], options, anchor_ns=anchor, identities=identities)
    try:
        return Spec(text if reading is None else reading(text))
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error
