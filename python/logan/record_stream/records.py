"""`Records`: the parsed records of logs as Arrow record batches.

It is what `logan.records` returns. It holds a plan and begins a new scan each time that
someone reads it; the scan itself is native (`RecordScan`). Anything that reads Arrow's C stream
interface reads it, so no Arrow library is needed here. Knows no terminal and no report.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NoReturn

from logan._logan import Batch, Cancel, Fingerprint, RecordScan, RecordSchema
from logan.cpus import cpus
from logan.errors import InputError, UsageError
from logan.model import Chunk
from logan.planning.prepare import Job, raise_first
from logan.planning.unreadable import has_unread, unreadable
from logan.record_stream.columns import reason
from logan.record_stream.partition import Partition, near
from logan.record_stream.pushing import after, fetched, push
from logan.record_stream.stats import Failure, Stats
from logan.sources.inputs import shown_name

__all__ = ["Records"]

Errors = Literal["raise", "report"]
Progress = Callable[[int, int], None] | None


class Records:
    """What `logan.records` gives: records of logs, to be read as Arrow batches as often as wanted.

    Pass it to whatever reads Arrow streams: `pl.DataFrame(r)`, `pa.table(r)`,
    `duckdb.sql("from r")`, `pa.table(r).to_pandas()`, from pandas 3 on
    `pd.DataFrame.from_arrow(r)`. Each time it is read a new scan begins, with the first batch;
    inputs that can be read only once (standard input, pipes) say so the second time.

    Columns of few different values (level, method, route, host, user_agent, referrer, format,
    source) are dictionaries in Arrow, and so categories in Polars and pandas; pandas makes floats
    of integers with nulls (`pa.table(r).to_pandas(types_mapper=pd.ArrowDtype)` does not).

    Attributes:
        schema: the columns; see `RecordSchema`.

    Raises:
        InputError: while it is read, an input cannot be, unless it was made with
            `errors="report"`. Arrow libraries raise errors of their own with the same text.
    """

    def __init__(
        self,
        job: Job,
        columns: Sequence[str],
        *,
        threads: int | None = None,
        malformed: bool = False,
        continuation: bool = False,
        errors: Errors = "raise",
        source: int | None = None,
        around: Sequence[int] = (),
    ) -> None:
        self._job = job
        self._spec = job.spec()
        self._columns = list(columns)
        self._threads = threads or cpus()
        self._malformed, self._continuation = malformed, continuation
        self._errors = errors
        self._source, self._around = source, tuple(around)
        self._scan: RecordScan | None = None
        self._cancel = Cancel()
        self._used = Cancel()
        self.schema: RecordSchema = RecordSchema(self._columns, others=malformed or continuation)

    @property
    def once(self) -> bool:
        """Whether an input can be read only once."""
        return bool(self._job.streams)

    def raise_if_nothing(self) -> None:
        """Raise the first input's error if there is no input that can be read."""
        if not self._job.plan.sources:
            raise_first(self._job.inputs)

    def raise_if_unreadable(self) -> None:
        """Raise `UnreadableLogError` for the first file of which no sampled line is of a known
        format; of what a folder or a pattern led to, only if that holds for all of it."""
        if self._job.options.format is not None:
            return
        inputs = [each for each in self._job.inputs if each.error is None]
        unread = [each for each in inputs if each.stream is None and has_unread(each)]
        for each in unread:
            if not each.matched or len(unread) == len(inputs):
                raise unreadable(each)

    def _raise_if_none_was_read(self) -> None:
        """An empty result would look like an answer where there are lines, but no record."""
        lines = self.stats().lines
        is_empty = not lines.get("parsed", 0) + lines.get("filtered", 0)
        if self._errors == "raise" and not self._malformed and is_empty and lines.get("malformed"):
            raise InputError(
                f"none of the {lines['malformed']:,} lines in {self._shown_inputs()} matches "
                + ("the format" if self._job.options.format else "a known format"),
                input=self._job.inputs[0].path,
                kind="format",
                hint="see: logan detect FILE; malformed=True gives the lines",
            )

    @property
    def planned_bytes(self) -> int:
        """Bytes that a scan is going to read; 0 if that is not known."""
        return 0 if self.once else self._job.plan.bytes

    @property
    def scanned_bytes(self) -> int:
        """Bytes that the latest scan has read so far."""
        return self._cancel.scanned_bytes

    def scan(self, cancel: Cancel | None = None) -> RecordScan:
        """A new scan, which begins with its first batch. Setting `cancel` stops it."""
        self._cancel = Cancel() if cancel is None else cancel
        self._scan = self._new_scan(self._cancel)
        return self._scan

    def _new_scan(self, cancel: Cancel) -> RecordScan:
        if self.once and self._used.is_set():
            raise self._read_before()
        plan = self._job.plan
        files = {
            index: (source.url, Fingerprint.from_json(source.fingerprint))
            for index, source in enumerate(plan.sources)
            if source.fingerprint is not None
        }
        any_file = next(iter(files.values()), None)
        stages, streams, pushers = self._stages(cancel)
        scan = self._native(
            self._spec,
            self._columns,
            [shown_name(self._job.inputs[index].path) for index in self._job.order],
            []
            if any_file is None
            else [files.get(index, any_file) for index in range(max(files) + 1)],
            stages,
            streams=streams,
            archives={
                index: plan.sources[index].compression or ""
                for index in files
                if plan.sources[index].compression is not None
            },
            threads=self._threads,
            expansion_max=plan.expansion_max,
            malformed=self._malformed,
            continuation=self._continuation,
            strict=self._errors == "raise",
            cancel=cancel,
            used=self._used if self.once else None,
        )
        for source, pieces in pushers:
            threading.Thread(
                target=push, args=(scan, source, pieces), name="logan-push", daemon=True
            ).start()
        return scan

    def __iter__(self) -> Iterator[Batch]:
        """Batches in the order of the input. Leaving the loop stops the scan."""
        scan = self.scan()
        try:
            while (batch := scan.read()) is not None:
                yield batch
            self._raise_if_none_was_read()
        finally:
            scan.close()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new scan, for Arrow's C stream interface."""
        return self.scan().__arrow_c_stream__(requested_schema)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """`pd.DataFrame(records)` would make a frame of batches, one a row."""
        raise TypeError(
            "NumPy and pandas' constructor do not read Arrow: use pa.table(records).to_pandas(), "
            "from pandas 3 on pd.DataFrame.from_arrow(records)"
        )

    def __arrow_c_schema__(self) -> object:
        """The schema, for Arrow's C data interface."""
        return self.schema.__arrow_c_schema__()

    def stats(self) -> Stats:
        """What the latest scan has read so far."""
        unopened = tuple(
            Failure(each.path, 0, None, each.error.kind, str(each.error), each.error.hint)
            for each in self._job.inputs
            if each.error is not None
        )
        if self._scan is None:
            return Stats(failures=unopened)
        found: Mapping[str, Any] = self._scan.stats()
        failures = tuple(
            Failure(self._name(source), start, end, kind, why)
            for source, start, end, kind, why in found["failures"]
        )
        return Stats(
            rows=found["rows"],
            lines=found["lines"],
            misfits=found["misfits"],
            failures=unopened + failures,
            complete=found["complete"] and not unopened and not failures,
        )

    def write(
        self, path: str | os.PathLike[str], kind: str | None = None, *, progress: Progress = None
    ) -> int:
        """Write all records to a file: "parquet", "arrow", "csv" or "jsonl", by default as its
        suffix says; the number of rows.

        The file holds all of them, or what it held before. `progress` is called with (bytes done,
        bytes in all), the second 0 while that is not known.

            logan.records("access.log", where="status>=500").write("errors.parquet")

        Raises:
            UsageError: the suffix names no kind of file, or the file is one of the inputs.
            OutputError: the file cannot be written.
            InputError: an input cannot be read; the file is then as it was.
        """
        from logan.record_stream.writing import kind_of, refuse_inputs, write_scan

        target = os.fspath(path)
        chosen = kind_of(target, kind)
        refuse_inputs(target, (each.url for each in self._job.plan.sources))
        return write_scan(
            *(self.scan(), target, chosen),
            total=self.planned_bytes,
            progress=progress,
            check=self._raise_if_none_was_read,
        )

    def close(self) -> None:
        """Stop the latest scan and close the inputs that are open."""
        if self._scan is not None:
            self._scan.close()
        self._job.close()

    def sources(self) -> list[tuple[int, str]]:
        """The inputs that can be read, in the order given: their number in the plan, and path."""
        order = self._job.order
        numbers = sorted(range(len(self._job.plan.sources)), key=lambda each: order[each])
        return [(each, self._name(each)) for each in numbers]

    def of_source(
        self, source: int, *, around: Sequence[int] = (), threads: int | None = None
    ) -> Records:
        """The records of one input alone, read as they are among the others.

        With `around`, of a file that can be read in parts, those parts at least that hold these
        offsets; line numbers then do not count from its first line.
        """
        return Records(
            self._job,
            self._columns,
            threads=threads or self._threads,
            malformed=self._malformed,
            continuation=self._continuation,
            errors=self._errors,
            source=source,
            around=around,
        )

    def plain_file(self, source: int) -> str | None:
        """The path of an input whose bytes at an offset are those of the file; None for others."""
        planned = self._job.plan.sources[source]
        is_plain = planned.fingerprint is not None and planned.compression is None
        return planned.url if is_plain and planned.splittable else None

    def partitions(self) -> list[Partition]:
        """The records in parts that can be read apart, in any process that sees the files: one for
        each chunk of the plan, in order.

        Raises `UsageError` where a part does not know enough of those before it.
        """
        if self.once or any(each.fingerprint is None for each in self._job.plan.sources):
            raise UsageError(
                "standard input, pipes and objects on servers have no parts that can be read apart",
                hint="read them in one process, or save them to files",
            )
        if "line" in self._columns:
            raise UsageError(
                "the column line is not known of a part of a file",
                hint="ask for the column offset, or read the records in one process",
            )
        if self._continuation:
            raise UsageError(
                "which record a line continues is not known of a part of a file",
                hint="leave out continuation lines, or read the records in one process",
            )
        plan, job = self._job.plan, self._job
        chunks = sorted(plan.chunks, key=lambda each: (job.order[each.source], each.start))
        return [
            Partition(
                source=plan.sources[chunk.source],
                index=chunk.source,
                name=shown_name(job.inputs[job.order[chunk.source]].path),
                start=chunk.start,
                end=chunk.end,
                spec_json=plan.spec_json,
                columns=tuple(self._columns),
                expansion_max=plan.expansion_max,
                malformed=self._malformed,
            )
            for chunk in chunks
        ]

    def __repr__(self) -> str:
        return f"<Records of {self._shown_inputs()}: {', '.join(self.schema.names)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the columns, and the first rows of files."""
        from logan.record_stream.preview import preview

        plan = self._job.plan
        is_local = all(each.fingerprint is not None for each in plan.sources)
        can_look = is_local and not self.once
        return preview(self._shown_inputs(), self.schema, self._new_scan if can_look else None)

    def _shown_inputs(self) -> str:
        inputs = self._job.inputs
        return shown_name(inputs[0].path) if len(inputs) == 1 else f"{len(inputs):,} inputs"

    @staticmethod
    def _native(*args: Any, **options: Any) -> RecordScan:
        try:
            return RecordScan(*args, **options)
        except ValueError as error:
            raise UsageError(reason(error)) from error

    def _name(self, source: int) -> str:
        return self._job.inputs[self._job.order[source]].path

    def _read_before(self) -> InputError:
        names = [self._name(source) for source in self._job.streams]
        shown = "standard input" if names[0] == "-" else names[0]
        return InputError(
            f"{shown} was read already and can be read only once",
            input=names[0],
            hint="save it to a file, or keep what was read, as in pa.table(records)",
        )

    def _stages(
        self, cancel: Cancel
    ) -> tuple[
        list[tuple[str, int, list[tuple[int, int, int]]]],
        dict[int, tuple[str, str | None, bytes, int | None]],
        list[tuple[int, Iterable[bytes]]],
    ]:
        """Inputs in the order given, as the native scan reads them; what streams are, and what
        this process pushes."""
        plan, job = self._job.plan, self._job
        chunks: dict[int, list[Chunk]] = {}
        for chunk in plan.chunks:
            chunks.setdefault(chunk.source, []).append(chunk)
        stages: list[tuple[str, int, list[tuple[int, int, int]]]] = []
        streams: dict[int, tuple[str, str | None, bytes, int | None]] = {}
        pushers: list[tuple[int, Iterable[bytes]]] = []
        numbers = [each for each, _ in self.sources()]
        for source in numbers if self._source is None else [self._source]:
            planned = plan.sources[source]
            name = "standard input" if planned.url == "-" else planned.url
            if source in job.streams:
                stream = job.streams[source]
                if stream.is_empty:
                    continue
                fd = None if stream.ended or stream.pieces is not None else stream.fd
                head = b"" if stream.pieces is not None else stream.head
                streams[source] = (name, planned.compression, head, fd)
                if stream.pieces is not None:
                    pushers.append((source, after(stream.head, stream.pieces)))
                stages.append(("pushed", source, []))
            elif planned.fingerprint is None:
                if not planned.size:
                    continue
                streams[source] = (name, planned.compression, b"", None)
                pushers.append((source, fetched(planned.url, planned.etag, planned.size, cancel)))
                stages.append(("pushed", source, []))
            elif planned.compression is not None:
                stages.append(("archive", source, []))
            elif not planned.splittable:
                stages.append(("serial", source, []))
            else:
                wanted = near(chunks.get(source, []), self._around)
                ranges = [(each.source, each.start, each.end) for each in wanted]
                if stages and stages[-1][0] == "files":
                    stages[-1][2].extend(ranges)
                elif ranges:
                    stages.append(("files", source, ranges))
        return stages, streams, pushers
