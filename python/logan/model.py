"""The nouns that the layers pass to each other: frozen, comparable, picklable.

Nothing here reads, decides or formats. Sizes and offsets are bytes; `end` is exclusive. A source
is named by its index in `Plan.sources`, which is also its index in the spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = [
    "Archive",
    "Chunk",
    "Detection",
    "FieldShare",
    "FormatShare",
    "Missing",
    "Plan",
    "Result",
    "Source",
    "Unread",
    "join_missing",
]


@dataclass(frozen=True, slots=True)
class FormatShare:
    """One format found in a sample, and how it will be read.

    Attributes:
        payload: of an envelope, what it holds: `name` and `lines` by format, most first.
    """

    name: str
    lines: int
    share: float
    params: Mapping[str, Any] = field(default_factory=dict)
    time_field: str | None = None
    duration_field: str | None = None
    duration_unit: str | None = None
    timezone: str | None = None
    year: str | None = None
    example: str | None = None
    payload: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class FieldShare:
    """A field that records of a sample have.

    Attributes:
        name: as conditions and group tables call it, such as `status` or `json.user.id`.
        type: "timestamp", "level", "duration", "bytes", "integer", "number", "boolean", "address",
            "text" or "mixed".
        records: records of the sample that have it.
        share: of all records of the sample.
        distinct: different values in the sample; None where they were not counted.
        examples: some of its values, most frequent first.
        read_as: what the report makes of it: "timestamp", "response time", "level", "status", …;
            None if it is only there to be asked for.
        unit: in which it is read, for response times.
        evidence: what the unit, or another choice, rests on.
        where, by: whether `--where` and `--by` find it. Where neither does, it is a key within the
            text of an envelope; `records` are then the lines of the sample that have it.
    """

    name: str
    type: str
    records: int
    share: float
    distinct: int | None = None
    examples: tuple[str, ...] = ()
    read_as: str | None = None
    unit: str | None = None
    evidence: str | None = None
    where: bool = True
    by: bool = True


@dataclass(frozen=True, slots=True)
class Unread:
    """The lines of a sample that no format accepted.

    Attributes:
        lines: how many there are.
        reasons: how many for each reason.
        first_lines: the first of them, cut to a readable length.
        format: text for `--format` that was tried on these lines and reads most of them; None if
            none was found.
        format_reads: how many of `format_tried` such lines it reads.
        format_fields: what it finds in them: "time", "level", "status", …
    """

    lines: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    first_lines: tuple[str, ...] = ()
    format: str | None = None
    format_reads: int = 0
    format_tried: int = 0
    format_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """What a source's sample looks like; counts are lines of the sample.

    Attributes:
        fields: what its records have; only `logan.detect` and `logan detect` look for them.
        unread: what nothing reads, if anything; only they look for it.
        fields_present: which of status, level, duration and bytes its records have; None where
            that was not looked at.
        layouts: where in the whole source the columns of its lines change (the native
            `layouts`); None where no line says its columns, or detection did not look.
        time: what was decided about its timestamps (the spec's `time` of a source).
        time_zone: that of timestamps without one, where another field of their records names it.
        anchor_ns: the latest timestamp, where dates without a year stand beside dated ones.
        date_choices: layouts of dates whose order only custom decides, and the latest day in each
            (days since 1970).
        durations: what was decided about response times (the spec's `durations` of a source).
        tables: group tables that its records have something for, besides those asked for; only
            plans look for it.
    """

    encoding: str = "utf-8"
    compression: str | None = None
    lines: int = 0
    blank: int = 0
    continuation: int = 0
    header: int = 0
    malformed: int = 0
    formats: tuple[FormatShare, ...] = ()
    assumed: tuple[str, ...] = ()
    layouts: Mapping[str, Any] | None = None
    fields: tuple[FieldShare, ...] = ()
    unread: Unread | None = None
    fields_present: tuple[str, ...] | None = None
    time: Mapping[str, Any] = field(default_factory=dict)
    time_zone: str | None = None
    anchor_ns: int | None = None
    date_choices: tuple[Mapping[str, Any], ...] = ()
    durations: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Detection:
        """From the decoded JSON of the native `detect`; keys it does not know are left out."""
        known = FormatShare.__slots__
        formats = tuple(
            FormatShare(**{key: value for key, value in each.items() if key in known})
            for each in data.get("formats", ())
        )
        rest = {key: data[key] for key in cls.__slots__ if key in data and key not in _NOT_AS_GIVEN}
        assumed, choices = data.get("assumed", ()), data.get("date_choices", ())
        return cls(formats=formats, assumed=tuple(assumed), date_choices=tuple(choices), **rest)


_NOT_AS_GIVEN = ("formats", "assumed", "date_choices", "fields", "unread", "tables")


@dataclass(frozen=True, slots=True)
class Source:
    """One readable input, fixed when the plan is made.

    Attributes:
        url: the path as given, "-", or a URL.
        size: planned stored bytes; None for a stream, whose end is not known.
        start, end: the bytes to be read of it, line starts both or the edges of `[0, size)`;
            what a search by time left out of a file lies outside of them. `end` is None for all.
        fingerprint: JSON of the native `Fingerprint`; None for what is not a local file.
        mtime_ns: when the content was last modified; None for a stream.
        compression: how the stored bytes are compressed, or what container they are, or both
            ("gzip+tar"); None if they are a log as it is.
        etag: identity of an object's content, as its server gives it.
        written_ns: when the log was written as the archive itself says; None if it does not.
        content: JSON of what tells its content from that of other logs (the native `content`); None
            for a stream or an archive, whose content is known only when it was read.
        sequential: its lines depend on others any distance before, which were not looked for; it is
            read once, from its beginning.
    """

    url: str
    size: int | None
    fingerprint: str | None = None
    mtime_ns: int | None = None
    start: int = 0
    end: int | None = None
    compression: str | None = None
    etag: str | None = None
    written_ns: int | None = None
    sequential: bool = False
    content: str | None = None

    @property
    def range(self) -> tuple[int, int]:
        """First byte, and one past the last byte, to be read; (0, 0) for a stream."""
        size = self.size or 0
        return self.start, size if self.end is None else self.end

    @property
    def splittable(self) -> bool:
        """Whether it can be read from anywhere; else all of it is one chunk."""
        return self.compression is None and not self.sequential


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of a source: the unit of work. It owns the lines whose first byte it holds."""

    id: int
    source: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Plan:
    """All work of a job. A function of inputs and options, never of threads or workers.

    A source that cannot be split has one chunk of all its stored bytes; what it decodes to is cut
    on the same grid of `chunk_size`. `expansion_max` bounds the decoded bytes for each stored one
    (0: no bound), so it may change results too.
    """

    sources: tuple[Source, ...]
    chunks: tuple[Chunk, ...]
    chunk_size: int
    spec_json: str
    expansion_max: int = 0

    @property
    def bytes(self) -> int:
        """Planned bytes of all sources whose size is known."""
        return sum(end - start for start, end in (source.range for source in self.sources))


@dataclass(frozen=True, slots=True)
class Missing:
    """Planned bytes that are not in the results; `end` is None where a stream or an archive was
    left, whose offsets are decoded ones."""

    source: int
    start: int
    end: int | None
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Archive:
    """What a compressed source turned out to hold.

    Attributes:
        members: those decoded; of a container of logs, the logs.
        foreign_at: the stored offset of bytes behind its last member that are no part of it.
        contents: what was in a container, in words; None if it is none.
        left_out: members of a container that are no logs.
    """

    decoded: int
    members: int
    foreign_at: int | None = None
    contents: str | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What an engine hands back.

    Attributes:
        verified: chunks that a second worker scanned too.
        alarms: where two workers had different results.
        resumed_bytes: of chunks that were done before this run, by a coordinator that died.
    """

    summary: Summary
    threads: int
    missing: tuple[Missing, ...] = ()
    workers: tuple[Mapping[str, Any], ...] = ()
    recoveries: tuple[Mapping[str, Any], ...] = ()
    archives: Mapping[int, Archive] = field(default_factory=dict)
    verified: int = 0
    alarms: tuple[str, ...] = ()
    resumed_bytes: int = 0


def join_missing(missing: Iterable[Missing]) -> tuple[Missing, ...]:
    """Neighboring ranges of one cause as one entry, in source and offset order."""
    joined: list[Missing] = []
    for each in sorted(missing, key=lambda each: (each.source, each.start)):
        last = joined[-1] if joined else None
        if last is not None and (last.source, last.end, last.kind) == (
            each.source,
            each.start,
            each.kind,
        ):
            joined[-1] = Missing(last.source, last.start, each.end, last.kind, last.why)
        else:
            joined.append(each)
    return tuple(joined)
