"""`Feed`: results for bytes that the caller pushes, from a socket, a pipe or an archive.

The native feed needs a spec, which needs a sample. This one keeps the first bytes until there is
enough to detect from, so it can be used with no preparation at all; the result is that of a file
with the same bytes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Literal

from logan import _logan
from logan._logan import Spec, Summary
from logan.errors import UsageError
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT, SAMPLE_HEAD_BYTES_MAX
from logan.model import Detection, Source
from logan.options import Moment, Options, TimeRange, chosen
from logan.planning import timerange
from logan.planning.spec import anchor_of, identity, spec_json
from logan.report import Report

__all__ = ["Feed"]

Data = bytes | bytearray | memoryview  # inside the class `bytes` means the count


class Feed:
    """Bytes in, results out.

        feed = logan.Feed()
        for data in socket_or_pipe:
            feed.push(data)
        feed.finish()
        print(feed.report().total_requests)

    Args:
        spec: how to read the bytes; by default detected from the first 64 KiB.
        source: which of the spec's sources the bytes are.
        format, input_tz, date_order, units, top, since, until, where, by: as for `analyze`; only
            without `spec`. Relative times count back from when the feed is made.
        name: the input's name in reports.

    Threads may share it: each push is taken whole, in the order in which they come.

    Raises:
        UsageError: an option is invalid.
    """

    def __init__(
        self,
        spec: Spec | None = None,
        *,
        source: int = 0,
        chunk_size: int = CHUNK_SIZE_BYTES_DEFAULT,
        format: str | None = None,
        input_tz: str = "UTC",
        date_order: Literal["mdy", "dmy", "ymd"] | None = None,
        units: Mapping[str, str] | Sequence[str] = (),
        client: Literal["remote", "forwarded"] | None = None,
        top: int = 10,
        since: Moment | None = None,
        until: Moment | None = None,
        where: str | None = None,
        by: str | Sequence[str] = (),
        name: str = "-",
    ) -> None:
        given = locals()
        self._options = timerange.options(
            now_ns=time.time_ns(), **chosen(given, Options, TimeRange)
        )
        self._name = name
        self._source = source
        self._anchor_ns = time.time_ns()
        self._head = bytearray()
        self._lock = Lock()
        if spec is None:
            self._spec_for(Detection())  # an invalid option fails here, not in some push
        self._native = None if spec is None else self._start(spec)
        self._final: Summary | None = None

    @property
    def bytes(self) -> int:
        """Bytes pushed so far."""
        return len(self._head) if self._native is None else self._native.bytes

    def push(self, data: Data) -> None:
        """Take the next bytes, cut anywhere. Raises `ValueError` after `finish`."""
        if not isinstance(data, bytes):
            data = bytes(memoryview(data))
        with self._lock:
            if self._final is not None:
                raise ValueError("this feed is finished")
            if self._native is not None:
                self._native.push(data)
                return
            self._head += data
            if len(self._head) >= SAMPLE_HEAD_BYTES_MAX:
                self._native = self._start_from_head()
                self._head.clear()

    def snapshot(self) -> Summary:
        """Results so far, to be merged or stored; an unfinished last line is not counted."""
        with self._lock:
            if self._final is not None:
                return self._final
            return (self._native or self._start_from_head()).snapshot()

    def finish(self) -> Summary:
        """Results of everything, the last line counted even without its newline."""
        with self._lock:
            if self._final is None:
                self._final = (self._native or self._start_from_head()).finish()
            return self._final

    def report(self) -> Report:
        """Results so far, or of everything after `finish`, as a report."""
        inputs = [""] * self._source + [self._name]
        return Report.from_summary(self.snapshot(), inputs=inputs, top=self._options.top)

    def __enter__(self) -> Feed:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()

    def _start(self, spec: Spec) -> _logan.Feed:
        return _logan.Feed(spec, source=self._source, chunk_size=self._options.chunk_size)

    def _start_from_head(self) -> _logan.Feed:
        """A native feed that holds what was kept; detection sees exactly those bytes."""
        head = bytes(self._head)
        sample = head[:SAMPLE_HEAD_BYTES_MAX]
        detection = Detection.from_dict(json.loads(_logan.detect([(0, sample)])))
        native = self._start(self._spec_for(detection))
        native.push(head)
        return native

    def _spec_for(self, detection: Detection) -> Spec:
        try:
            anchor_ns = anchor_of(detection, written_ns=None, now_ns=self._anchor_ns)
            return Spec(
                spec_json(
                    [detection],
                    self._options,
                    anchor_ns=anchor_ns,
                    identities=[identity(Source(self._name, None), self._name)],
                )
            )
        except UsageError:
            raise
        except ValueError as error:
            raise UsageError(str(error)) from error
