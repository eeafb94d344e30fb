"""The native extension: scanning, metrics, summaries. Private; use `logan` instead.

Offsets and sizes are bytes, times are integer nanoseconds since 1970-01-01T00:00:00Z.
Every function that scans detaches from the interpreter while it works.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, final

__all__ = [
    "LOOK_BACK_BYTES_MAX",
    "ArchiveFeed",
    "Batch",
    "Cancel",
    "ChunkFeed",
    "Decoder",
    "Feed",
    "Fingerprint",
    "MergeTree",
    "Outcome",
    "PackedSummary",
    "PartFeed",
    "RecordScan",
    "RecordSchema",
    "Spec",
    "Summary",
    "__version__",
    "compression",
    "condition",
    "content",
    "custom_format",
    "decode_head",
    "detect",
    "formats",
    "group_field",
    "is_copy",
    "last_time",
    "layouts",
    "mean_intervals",
    "moment",
    "occurring",
    "peak_rss_bytes",
    "places",
    "ratio_intervals",
    "record_column",
    "record_columns",
    "scan",
    "seek",
    "turns",
]

__version__: str

LOOK_BACK_BYTES_MAX: int
"""How many bytes before a chunk's start its scan may read: pieces of its first records."""

def formats() -> str:
    """JSON list of the registered formats, in registry order.

    Each is `{"name", "title", "example", "time_field", "duration_field", "duration_unit",
    "is_general", "depends_on_earlier_lines", "also_taken_by"}`: whether it takes lines of other
    formats and is tried after them, whether what a line says depends on lines before it, and the
    names of formats that, asked for alone, take its lines, too.
    """

def custom_format(text: str) -> str:
    """JSON description of a format of the user's own (nginx, Apache or a regular expression).

    `{"dialect": "nginx" | "apache" | "regex", "time_field", "duration_field", "duration_unit"}`,
    the last three of which may be null. Raises `FormatError` with the position of a mistake.
    """

def detect(samples: Sequence[tuple[int, bytes]]) -> str:
    """JSON description of what `samples` (offset in the source, bytes) look like.

    A sample that does not start at offset 0 must begin at a line start.
    Returns `{"encoding": "utf-8" | "utf-16" | "binary", "lines", "blank", "continuation",
    "header", "malformed", "formats": [{"name", "params", "payload": [{"name", "lines"}],
    "lines", "share", "time_field", "duration_field", "duration_unit", "timezone", "example"}],
    "assumed": [str], "time": what was decided about timestamps, as the spec of a source takes it,
    "durations": what was decided about response times without a unit, as the spec takes it,
    "anchor_ns": the latest timestamp where dates without a year stand beside dated ones, else
    null, "compression": null or as `compression()` has it, of what is seen from
    outside}`; formats in the order of trial: those around others first, then by lines, most first.
    `payload` says what an envelope holds, most first, "message" for text of no format.
    """

def layouts(path: str, size: int, *, cancel: Cancel | None = None) -> str:
    """JSON of where `#Fields:` lines change the columns in the first `size` bytes of a file.

    One pass. Returns `{"fields": [str], "changes": [[offset, index of fields]]}`, as the spec of a
    source takes it. Raises `OSError`, `logan.SourceChangedError`, `logan.CancelledError`, and
    `ValueError` if they change too often.
    """

def compression(head: bytes) -> str | None:
    """How a source is stored that begins with `head`; None if it is a log as it is.

    "gzip", "zstd", "bzip2", "xz", "lz4"; "tar" or "zip"; "utf-16le", "utf-16be", "cr" (lines
    end with carriage returns) or "json" (objects that are not one line each); or several, as in
    "gzip+tar".
    Text is judged by at most the first 64 KiB.
    """

def content(head: bytes, tail: bytes, length: int) -> str:
    """JSON of what tells `length` bytes from other logs, given their first and last 4 KiB, or more.

    `{"length", "heads": [int], "tail": int}`: hashes of the first 16, 64, 256, 1,024 and 4,096
    bytes, as far as there are as many, and of the last 4,096 bytes.
    """

def occurring(path: str, size: int, spec: Spec, lines: Sequence[bytes], *, source: int = 0) -> int:
    """How many of `lines`, of another log, a file in the order of time has, too.

    Reads what lies around their timestamps. Raises `OSError`.
    """

def turns(path: str, size: int, spec: Spec, *, source: int = 0) -> tuple[list[int], bool]:
    """Where in a file local time steps back by over 30 minutes, as the clocks of the input's time
    zone went back, and where that hour is over, in turn; and whether it has records in an hour
    that this zone repeats.

    Reads that hour and little else of a file whose timestamps are in order. Raises `OSError`.
    """

def ratio_intervals(
    events: Sequence[int],
    exposure: Sequence[int],
    range: tuple[int, int],
    least_score: float,
    thresholds: tuple[int, int, int, float, int, int],
) -> list[tuple[int, int, float, float]]:
    """Intervals `(start, end, evidence, score)` of a range of buckets `[start, end)` in which there
    are more events for each unit of exposure than in the rest of the range, beyond chance.

    Both as sums of the first 0, 1, … buckets. The evidence is twice the log of the likelihood
    ratio, the score that over the dispersion, `least_score` or more. Thresholds: events inside,
    buckets inside and outside, events expected in a block of which dispersion is measured, blocks,
    intervals of an octave of lengths. Raises `ValueError` for a range that the series has not.
    """

def mean_intervals(
    counts: Sequence[int],
    sums: Sequence[int],
    squares: Sequence[int],
    range: tuple[int, int],
    least_score: float,
    thresholds: tuple[int, int, int, float, int, int],
) -> list[tuple[int, int, float, float]]:
    """As `ratio_intervals`, of measurements whose mean is larger."""

def is_copy(archive: str, compression: str, plain: str) -> bool:
    """Whether a compressed file is a copy of a plain one, or of its beginning.

    Decodes until something differs. Raises `OSError`.
    """

def decode_head(data: bytes, compression: str, limit: int) -> bytes:
    """The first decoded bytes, at most `limit`, of an archive that begins with `data`.

    Of the logs in a container some of the beginning of each, in whole lines. Fewer if `data` ends
    or is damaged before; bzip2 gives nothing before the end of a block, up to 900 kB of stored
    bytes. Raises `ValueError` for an unknown compression.
    """

@final
class Spec:
    """What to compute, and how to read each source. Immutable, picklable, hashable by content.

    `json` is `{"version": 2, "meaning": {}, "top": 10, "sources": [{"reading": {}, "identity":
    {}}]}`. A reading is `{"formats": [{"name": str, "params": {}}], "only": bool, "input_tz": str,
    "anchor_ns": int, "time": {}, "durations": {}, "layouts": {}}`, an identity `{"content": {},
    "origin": str, "name": str}`.

    The meaning may have `"since_ns"` and `"until_ns"` (records from the one up to, but not with,
    the other), `"where"` (a condition, whose timestamps name their time zone or are in UTC) and
    `"by"` (names of fields). Summaries of one meaning can be merged, whatever their sources are and
    however they were read.

    Of a reading `only`, `time`, `durations` and `layouts` are optional. Formats that it does not
    list are tried after the listed ones, in registry order, unless `"only": true`. Its `time` and
    `durations` are what `detect` decided about timestamps and response times; `durations` may
    also have `"chosen"`, units by key, null for what is not a response time. Without `layouts`,
    which `layouts()` gives, `#Fields:` lines mean nothing.

    An identity, which is optional, says what a source is beyond this job: where it was read, what
    it is called, and what tells its content from that of others, as `content()` has it. A stream or
    an archive has no `content` here: it is found out when all of it was read.

    For tests of what a bug costs: `"panic_on"`, a text; the engine panics at lines with it.
    Raises `ValueError` that names the offending key, `logan.ConditionError`.
    """

    def __new__(cls, json: str) -> Self: ...
    def to_json(self) -> str:
        """Canonical JSON; equal specs give equal text."""
    @property
    def digest(self) -> str:
        """Hex digest of the canonical JSON."""
    @property
    def meaning_digest(self) -> str:
        """Hex digest of the meaning; summaries of one meaning can be merged."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Spec], tuple[str]]: ...

@final
class Fingerprint:
    """Identity of a source's planned bytes: size, hashes of head and tail, inode, mtime."""

    @staticmethod
    def of(path: str, size: int | None = None) -> Fingerprint:
        """Read it from the file; `size` limits it to the planned range. Raises `OSError`."""
    @property
    def size(self) -> int: ...
    @property
    def mtime_ns(self) -> int: ...
    @property
    def content(self) -> str | None:
        """JSON as `content()` has it; None of a fingerprint that an older version took."""
    def check(self, path: str) -> str | None:
        """Why `path` no longer holds the same planned bytes, or None if it does.

        A modification time that moved without growth is a doubt, not a reason. Raises `OSError`.
        """
    def to_json(self) -> str: ...
    @staticmethod
    def from_json(json: str) -> Fingerprint:
        """Raises `ValueError`."""
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[[str], Fingerprint], tuple[str]]: ...

@final
class Summary:
    """Mergeable metrics of some byte segments of some sources.

    A commutative, associative merge with an identity (`Summary.empty(spec)`); equal inputs of one
    job give equal bytes. Runs add up, too:

        monday = logan.Summary.from_bytes(Path("monday.logan").read_bytes())
        tuesday = logan.Summary.from_bytes(Path("tuesday.logan").read_bytes())
        print(logan.Report.from_summary(monday.merge(tuesday)).total_requests)
    """

    @staticmethod
    def empty(spec: Spec) -> Summary: ...
    @staticmethod
    def from_chunk(
        path: str,
        start: int,
        end: int,
        spec: Spec,
        *,
        source: int = 0,
        fingerprint: Fingerprint | None = None,
        cancel: Cancel | None = None,
    ) -> Summary:
        """Figures of the lines whose first byte lies in `[start, end)`.

        Raises `OSError`, `logan.SourceChangedError`, `logan.CancelledError`, `ValueError`, and
        `logan.InputError` of kind "panic" if the engine panicked over them twice.
        """
    @staticmethod
    def from_chunk_in_parts(
        path: str,
        start: int,
        end: int,
        spec: Spec,
        cuts: Sequence[tuple[int, Sequence[str]]],
        *,
        source: int = 0,
    ) -> list[Summary]:
        """Figures of the lines up to each of `cuts`, and of the rest: they add up to `from_chunk`.

        A cut is the offset at which a line starts, beyond `start` and at most `end`, and metrics,
        as `without` names them, that go on there: what they count of that part comes with the next
        one whose cut does not name them. Raises as `from_chunk`; `logan.SourceChangedError` also
        if no line starts at a cut.
        """
    @staticmethod
    def from_archive(
        path: str,
        spec: Spec,
        compression: str,
        *,
        source: int = 0,
        chunk_size: int = 33554432,
        expansion_max: int = 0,
        fingerprint: Fingerprint | None = None,
        threads: int = 1,
        cancel: Cancel | None = None,
    ) -> tuple[Summary, tuple[str, str] | None, tuple[int, int, int, int | None, str | None, int]]:
        """Figures of a compressed file, covered in decoded offsets, cut every `chunk_size`.

        `compression` is as `compression()` has it. With them why its end was not
        reached, as (kind, message) like in `Outcome.failures`, or None; the metrics are then those
        of the whole lines before. Last, what `Outcome.archives` has of it.
        `threads` scan beside the decoder and do not affect the results. Raises as `from_chunk`.
        """
    def merge(self, other: Summary) -> Summary:
        """The sum of both, which are not changed: chunks of one job, or runs over any logs.

        A source of both is known by its name and content, not by its index: parts of a log that
        follow one another join, different logs stay apart, and those whose index is taken get
        another one. Of the slowest requests the sum has at least 100.

        Raises `logan.MergeError`, a `ValueError`, if they were made with different `where`, `by`,
        `since` or `until`, or if a part of a log is in both, be it under another name; the message
        names the difference, or the log and the bytes.
        """
    @staticmethod
    def sum(parts: Sequence[Summary]) -> Summary:
        """The sum of several, in their order. Raises as `merge`; `ValueError` for none."""
    def without(self, metrics: Sequence[str]) -> Summary:
        """The same without what some metrics counted: what the others say is as it was.

        Metrics are `http`, `latency`, `series`, `grid`, `routes`, `clients`, `messages`,
        `templates`, `dimensions` (user agents and the like), `slowest` and `by` (groups). Raises
        `ValueError` for other names.
        """
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(data: bytes) -> Summary:
        """Raises `logan.SummaryError` for damaged or foreign bytes, or those of another version."""
    def evaluate_at_step(self, step_s: int) -> str:
        """JSON of `series` and `response_times` with points of so many seconds, each null if that
        is no multiple of what is kept, and of the steps that are kept. Raises `ValueError`."""

    def evaluate(
        self,
        top: int = 10,
        series_points: int | None = 2000,
        *,
        analysis: bool = True,
        orders: dict[str, int] | None = None,
        whole: Sequence[str] = (),
        named: dict[str, list[str]] | None = None,
    ) -> str:
        """JSON with the report's metrics; inputs are given by their index in the spec.

        Each table has its `top` rows of largest volume, in that order, and of the others those that
        are asked for: so many of the first by each of `orders` ("requests", "errors",
        "client_errors", "ratio", "total", "p95", "max", "bytes"; ties are broken by volume), all
        rows of the tables in `whole`, and the rows that `named` lists by table and key. There,
        tables of groups are called "groups.FIELD". With `orders` each table has `"sums"`, the sum
        over all of its rows by order. Raises `ValueError` for an unknown order.

        All keys of the report's contract except `inputs`, `missing`, `partial`,
        `logan_version` and `performance`, and `groups` only where the spec names fields that
        records were counted by; beside them `"sources": [{"source", "name", "bytes", "first",
        "last", "segments": [[start, end]], "formats": [{"name", "lines", ...}]}]`, first and last
        being timestamps or None, and, unless `analysis` is false, which takes less time,
        `"analysis"`, what findings are made of: `"step_s"` and, one
        entry for each time bucket that holds a record,
        `"buckets"` (start, epoch seconds), `"records"`, `"requests"`, `"errors"`, `"measured"`,
        `"log_sum"`, `"log_sq"` (sums over response times of their base-2 logarithm in 1/256, of
        nanoseconds, and of its square); `"routes": [{"name", "at", ...}]` with the same from
        "requests" on, for the buckets whose positions are in `"at"`; `"routes_exact"`;
        `"templates": [{"text", "level", "count", "errors", "first", "last"}]` (epoch nanoseconds,
        or null).
        """
    def distributions(self, top: int) -> str:
        """JSON of the response times behind percentiles: `{"response_time": times, "routes":
        [{"route", "times"}]}` with the `top` routes that had most requests.

        `times` is null without any, else `{"bits", "first", "counts"}`: so many values in bucket
        `first + i` of those that cut each power of two nanoseconds into `1 << bits` parts.
        """
    def numbers(self, other: Summary) -> dict[int, int]:
        """The index that each source of `other` gets by `merge`. Raises as `merge`."""
    def replanned(self, spec: Spec, numbers: Mapping[int, int]) -> Summary:
        """The same as a part of the job of `spec`, whose source `numbers[i]` is source i here.

        Raises `ValueError` if `spec` lacks a source, or two would become one.
        """
    @property
    def malformed_lines(self) -> int:
        """The number in what `evaluate` gives, without evaluating the rest."""
    @property
    def meaning_digest(self) -> str:
        """The `meaning_digest` of the spec under which the summary was made."""
    def difference(self, spec: Spec) -> str | None:
        """How this differs from a part of the job of `spec`, in words; None if it may be one."""
    def segments(self) -> list[tuple[int, int, int]]:
        """What is covered: `(source, start, end)`, in order, neighbors joined."""
    def covered_bytes(self, source: int) -> int: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[[bytes], Summary], tuple[bytes]]: ...

@final
class MergeTree:
    """The fixed binary tree over chunk ids (the shape of RFC 6962's Merkle tree).

    Chunks may arrive in any order; the root does not depend on it. A complete subtree is named by
    its level (0 for a chunk) and its place: it covers the chunks from `place << level` up to, not
    including, `(place + 1) << level`.
    """

    def __new__(cls, spec: Spec) -> Self: ...
    def insert(self, chunk: int, summary: Summary) -> tuple[int, int]:
        """Returns level and place of the largest subtree that this completed.

        Raises `logan.SummaryError` for a chunk that was there, `ValueError` once finished.
        """
    def insert_subtree(self, level: int, place: int, summary: Summary) -> tuple[int, int]:
        """Put back what `subtree` gave, in this tree or another; returns and raises as `insert`."""
    def subtree(self, level: int, place: int) -> Summary | None:
        """A complete subtree; None if it is not complete, or has become part of a larger one."""
    def subtrees(self) -> list[tuple[int, int]]:
        """Level and place of all complete subtrees that are not part of larger ones, sorted."""
    def finish(self) -> Summary:
        """The root over all chunks inserted, those absent counting as empty. Only once."""

@final
class Cancel:
    """A flag that stops scans from another thread or a signal handler."""

    def __new__(cls) -> Self: ...
    def set(self) -> None: ...
    def is_set(self) -> bool: ...
    @property
    def scanned_bytes(self) -> int:
        """Bytes that `Summary.from_chunk` has scanned with this flag; may be read meanwhile."""

@final
class Outcome:
    """What `scan` did."""

    @property
    def summary(self) -> Summary: ...
    @property
    def failures(self) -> list[tuple[int, int, int, str, str]]:
        """`(source, start, end, kind, message)` of each chunk that gave no result.

        kind is "changed", "unreadable", "archive", "panic" or "cancelled". What was decoded of an
        archive before it failed or was canceled is in the summary: its offsets here are stored
        bytes. After a panic of the engine a chunk is scanned once more before it is given up.
        """
    @property
    def archives(self) -> list[tuple[int, int, int, int | None, str | None, int]]:
        """Of each archive: source, decoded bytes, members decoded, and the stored offset behind
        its last member where bytes begin that are not part of it; of a container of logs what was
        in it, in words, and how many of its members were left out."""
    @property
    def cancelled(self) -> bool:
        """Whether chunks are missing because the scan was stopped."""

def scan(
    sources: Sequence[tuple[str, Fingerprint]],
    chunks: Sequence[tuple[int, int, int]],
    spec: Spec,
    *,
    threads: int,
    archives: Mapping[int, str] | None = None,
    chunk_size: int = 33554432,
    expansion_max: int = 0,
    tree: MergeTree | None = None,
    cancel: Cancel | None = None,
    progress: Callable[[int, int], None] | None = None,
    progress_interval_s: float = 0.1,
) -> Outcome:
    """Scan `chunks` (source, start, end) on `threads` threads and merge them along the tree.

    `archives` gives the compression of sources that have one; each is one chunk of all its stored
    bytes, and what it decodes to is cut every `chunk_size` bytes. It ends as damaged when it has
    given more than 1 GiB and more than `expansion_max` bytes for each stored one (0: no limit).
    With `tree`, `chunks[i]` becomes its chunk i, and the outcome's own summary is empty.

    Files are opened when their turn comes; one that cannot be is among the failures.
    `progress(bytes done, bytes in all)` is called on the calling thread, and once at the end.
    Signals are checked there too: what a handler or `progress` raises sets `cancel` and is raised
    here once the scan has ended.
    """

@final
class Feed:
    """Figures of bytes that the caller pushes: standard input, sockets, decoded archives.

    Cut on a grid of `chunk_size` bytes, so the result equals that of a file with the same bytes.
    """

    def __new__(
        cls,
        spec: Spec,
        *,
        source: int = 0,
        chunk_size: int = 33554432,
        start: int = 0,
        before: bytes | None = None,
    ) -> Self:
        """What is pushed follows byte `start` of the source, where a line begins; `before` are the
        bytes that precede it, `LOOK_BACK_BYTES_MAX` of them if there are as many."""
    def push(self, data: bytes) -> None: ...
    def push_fd(
        self,
        fd: int,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Read `fd` to its end and push all of it; returns the bytes read.

        Leaves `fd` open. `progress(bytes done, 0)`, signals and `cancel` are as for `scan`; what
        had been pushed by then stays in the feed. Raises `OSError`, `logan.CancelledError`.
        """
    @property
    def bytes(self) -> int:
        """Bytes pushed so far."""
    def snapshot(self) -> Summary:
        """Figures so far, an unfinished last line not counted; the feed goes on.

        May be called while `push_fd` runs: by its `progress`, or by another thread.
        """
    def close(self) -> None:
        """Count the last line even without its newline: nothing is pushed after this."""
    def finish(self) -> Summary:
        """Figures of everything, the last line counted even without its newline. Only once.

        This, `push` and `push_fd` raise `logan.InputError` of kind "panic" once the engine
        panicked; `snapshot` then gives the summary of the chunks before.
        """

@final
class PartFeed:
    """Figures of bytes that the caller pushes, given away in parts: of a log without an end.

    Arguments are those of `Feed`, which says what they are.
    """

    def __new__(
        cls,
        spec: Spec,
        *,
        source: int = 0,
        chunk_size: int = 33554432,
        start: int = 0,
        before: bytes | None = None,
        head: bytes | None = None,
    ) -> Self:
        """`head`, the first bytes of the source, says that all before `start` was seen elsewhere:
        its content is known then."""
    def push(self, data: bytes) -> None:
        """Raises `logan.InputError` of kind "panic" once the engine panicked; what it had not given
        away by then is lost."""
    def part(self) -> Summary:
        """Figures of the whole lines pushed since the last call."""
    def close(self) -> None:
        """Count the last line even without its newline: nothing is pushed after this."""
    def identified(self, sum: Summary, source: int = 0) -> Summary:
        """A sum of all parts, in which they are that source, with the identity of their content, if
        all of it was seen: while no table is over its cap, what `Feed.snapshot` gives."""

@final
class PackedSummary:
    """A summary that waits, compressed."""

    def __new__(cls, summary: Summary) -> Self: ...
    @staticmethod
    def from_bytes(bytes: bytes, like: Summary) -> PackedSummary:
        """What waited elsewhere: the `to_bytes` of a summary of the meaning that `like` has."""

    def to_bytes(self) -> bytes: ...
    def summary(self) -> Summary:
        """The summary. Raises `logan.SummaryError` if the bytes were damaged where they waited."""

def condition(text: str, *, input_tz: str = "UTC") -> str:
    """Canonical text of a condition; timestamps in it are in `input_tz` if they name no time zone.

    Raises `logan.ConditionError`, `ValueError` for an unknown time zone.
    """

def group_field(name: str) -> str:
    """Canonical name of a field by which group tables can be made. `logan.ConditionError`."""

def moment(text: str, *, input_tz: str = "UTC") -> int | None:
    """Nanoseconds since 1970 of a date, a date and time, or RFC 3339; None if it is none.

    Raises `ValueError` for an unknown time zone.
    """

def seek(path: str, size: int, spec: Spec, *, source: int = 0) -> tuple[str, int, int]:
    """Where in the first `size` bytes of a file the spec's selected time lies.

    `("range", start, end)` if the times found by probes are in order to within 60 s, and all
    records of the selected time are then taken to lie in `[start, end)`; else `("unordered", 0,
    size)`, or `("timeless", 0, size)` if no probe found a time. Raises `OSError`, `ValueError`.
    """

def last_time(path: str, size: int, spec: Spec, *, source: int = 0) -> int | None:
    """The latest time of the records near the end of a file's first `size` bytes, if any."""

def places(
    path: str, start: int, end: int, spec: Spec, times: Sequence[int], *, source: int = 0
) -> list[int]:
    """For each of `times` the offset of the first record of a part of a file that is not older, if
    records are in order; `end` if there is none. A line begins at `start`. Raises `OSError`."""

@final
class Decoder:
    """The decoded bytes of a compressed file, in pieces: those that its offsets count.

    Of a container they are its logs, one after the other; with `any_text` all that are text, not
    only those of a known format. Raises `ValueError` for an unknown compression, `InputError`.
    """

    def __new__(cls, path: str, compression: str, *, any_text: bool = False) -> Self: ...
    def read(self) -> bytes:
        """The next piece, of 1 MiB at most; none at the end. Raises `ValueError` where the data
        ends in the middle, is damaged or needs too much memory, `InputError` if it cannot be
        read."""

@final
class ChunkFeed:
    """Figures of one chunk `[start, end)` of a source whose bytes the caller pushes.

        feed = ChunkFeed(spec, source, start, end)
        for data in bytes_from(feed.position):  # in order, cut anywhere
            if not feed.push(data):
                break
        summary = feed.finish(name)

    The first byte to push lies before the chunk: one, or as many as the source's formats look back.
    `push` answers whether more is wanted: up to `end`, and on until the last line that begins in
    the chunk is whole or has all that counts of it. What is pushed beyond is not looked at.
    """

    def __new__(cls, spec: Spec, source: int, start: int, end: int) -> Self: ...
    @property
    def position(self) -> int:
        """Offset of the byte to push next; before the first push, where to begin."""
    def push(self, data: bytes) -> bool: ...
    def finish(self, name: str = "-") -> Summary:
        """Only once. Raises `logan.SourceChangedError` if the bytes ended before `end`; this and
        `push` raise `logan.InputError` of kind "panic" if the engine panicked."""

def record_columns() -> list[tuple[str, str, bool, str]]:
    """Name, Arrow type, whether it is standard, and meaning of each column that has a name."""

def record_column(text: str) -> str | None:
    """The name in the schema of the column that `text` asks for; None if it is unknown.

    Raises `ValueError` for a key that cannot be one, and for a type where none can be given.
    """

@final
class RecordSchema:
    """The columns of record batches: names, Arrow types, and what they mean.

    `others` adds `kind` and `reason`, which come with lines that are not records. Also an empty
    stream. Raises `ValueError` for a column that does not exist.
    """

    def __new__(cls, columns: Sequence[str], *, others: bool = False) -> Self: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def types(self) -> list[str]: ...
    @property
    def descriptions(self) -> list[str]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A stream of this schema without a batch."""

@final
class Batch:
    """Rows of records, as columns, for any Arrow library (`pa.record_batch(batch)`)."""

    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    @property
    def schema(self) -> RecordSchema: ...
    def __len__(self) -> int: ...
    def values(self, name: str) -> list[Any]:
        """The values of a column, None for null; times are nanoseconds since 1970.

        Raises `ValueError` if the column is unknown."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

@final
class RecordScan:
    """One scan of inputs, whose records come as batches in the order of the stages.

    Args:
        columns: as `record_column` accepts them.
        names: what the column `source` says, by the source's index in the spec.
        sources: path and fingerprint by index; for what is not a file, of any file.
        stages: kind, source, and of "files" the chunks (source, start, end); "archive" for a
            compressed file, "serial" for one that is read from its beginning, "pushed" for a
            source of `streams`.
        streams: by source, its name, its compression, its first bytes, and a descriptor with the
            others; without a descriptor the first bytes are all, or if there are none, `push`
            gives all.
        archives: by source, the compression of files.
        strict: whether what cannot be read ends the scan with an error.
        cancel: stops the scan when set, and is set when its reader is gone.
        used: set when the scan begins; where it is set already, the scan fails.

    The scan begins with the first batch, and keeps `threads` and two more units of 4 MiB of log.
    """

    def __new__(
        cls,
        spec: Spec,
        columns: Sequence[str],
        names: Sequence[str],
        sources: Sequence[tuple[str, Fingerprint]],
        stages: Sequence[tuple[str, int, Sequence[tuple[int, int, int]]]],
        *,
        streams: Mapping[int, tuple[str, str | None, bytes, int | None]] | None = None,
        archives: Mapping[int, str] | None = None,
        threads: int = 1,
        expansion_max: int = 0,
        malformed: bool = False,
        continuation: bool = False,
        strict: bool = True,
        cancel: Cancel | None = None,
        used: Cancel | None = None,
    ) -> Self: ...
    @property
    def schema(self) -> RecordSchema: ...
    def push(self, source: int, data: bytes) -> bool:
        """Give the next bytes of a source that is pushed; whether more are wanted."""
    def end(self, source: int, why: str | None = None) -> None:
        """End a source that is pushed; `why` says why that is not all of it."""
    def read(self) -> Batch | None:
        """The next batch; None after the last. Raises `logan.InputError` if `strict`."""
    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All batches, once."""
    def write(
        self,
        kind: str,
        fd: int,
        *,
        total: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """Write all batches as "parquet", "arrow", "csv" or "jsonl"; the number of rows.

        Raises `OSError` if that fails, `logan.InputError` if `strict`.
        """
    def stats(self) -> dict[str, object]:
        """What was read by now: rows, lines, misfits, failures, complete."""
    def close(self) -> None:
        """Stop the scan."""

@final
class ArchiveFeed:
    """Summarizes a compressed source whose stored bytes the caller pushes, still compressed.

    Decodes and scans on threads of its own, `threads` of them beside the decoder.
    """

    def __new__(
        cls,
        spec: Spec,
        compression: str,
        *,
        name: str | None = None,
        source: int = 0,
        chunk_size: int = 33554432,
        expansion_max: int = 0,
        threads: int = 1,
        cancel: Cancel | None = None,
    ) -> Self: ...
    def push(self, data: bytes) -> bool:
        """Waits while the decoder is behind. Whether more is wanted; not behind end or damage."""
    def push_fd(
        self,
        fd: int,
        *,
        cancel: Cancel | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> int:
        """As `Feed.push_fd`; ends where no more is wanted."""
    def finish(
        self,
    ) -> tuple[Summary, tuple[str, str] | None, tuple[int, int, int, int | None, str | None, int]]:
        """As `Summary.from_archive`. Only once."""

def peak_rss_bytes() -> int:
    """Peak resident memory of this process, without what its parent had at the fork."""
