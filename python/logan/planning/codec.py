"""Plans and inputs as JSON and back, with every check on a plan that comes from elsewhere.

Knows no journal, no message and no network: they keep and carry what stands here. The way back
trusts nothing, as a plan may have been written by another version, or damaged: all values are
checked against their types, and a plan against what `planning.chunks` would make of its sources.
`decode_plan` makes a plan of what `encode_plan` gave, `check_spec` a spec of the text for a number
of sources, and `decode_job` a `Job` of a plan and its `StoredInput`s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import msgspec

from logan._logan import Spec
from logan.errors import InputError, SourceChangedError
from logan.model import Chunk, Detection, Plan, Source
from logan.options import Options
from logan.planning.chunks import is_tiled
from logan.planning.prepare import Job
from logan.planning.seek import SeekResult
from logan.sources.inputs import Input

__all__ = [
    "EncodedPlan",
    "StoredError",
    "StoredInput",
    "StoredSearch",
    "check_spec",
    "decode_job",
    "decode_plan",
    "encode_plan",
]


class EncodedPlan(NamedTuple):
    """A plan in texts and integers.

    Attributes:
        sources: JSON `[{...}]`, keys as in `Source`.
        chunks: JSON `[[source, start, end]]`, in order of ids.
    """

    spec: str
    sources: str
    chunk_size: int
    expansion_max: int
    chunks: str


def encode_plan(plan: Plan) -> EncodedPlan:
    """The plan's texts. Raises `ValueError` if its chunk ids do not count from 0."""
    if [chunk.id for chunk in plan.chunks] != list(range(len(plan.chunks))):
        raise ValueError("chunk ids must count from 0")
    return EncodedPlan(
        plan.spec_json,
        json.dumps([asdict(source) for source in plan.sources]),
        plan.chunk_size,
        plan.expansion_max,
        json.dumps([[c.source, c.start, c.end] for c in plan.chunks]),
    )


def decode_plan(encoded: EncodedPlan) -> Plan:
    """The plan of these texts.

    Raises `ValueError`, `msgspec.ValidationError` or `UsageError` for what is not a valid plan.
    """
    sources = msgspec.convert(json.loads(encoded.sources), tuple[Source, ...])
    chunks = msgspec.convert(json.loads(encoded.chunks), tuple[tuple[int, int, int], ...])
    plan = Plan(
        sources=sources,
        chunks=tuple(Chunk(id, *each) for id, each in enumerate(chunks)),
        chunk_size=encoded.chunk_size,
        spec_json=encoded.spec,
        expansion_max=encoded.expansion_max,
    )
    ranges = [(*source.range, source.size or 0) for source in plan.sources]
    if not all(0 <= start <= end <= size < 2**63 for start, end, size in ranges):
        raise ValueError("its plan has sources without a valid range")
    if plan.expansion_max < 0:
        raise ValueError("its plan has no valid bound of what an archive may decode to")
    if not is_tiled(plan):
        raise ValueError("its chunks do not tile its sources")
    check_spec(plan.spec_json, len(plan.sources))
    return plan


def check_spec(text: str, sources: int) -> Spec:
    """The spec of this text, which must have an entry for each of so many sources.

    Raises `ValueError` or `UsageError`.
    """
    spec = Spec(text)
    if len(json.loads(text)["sources"]) != sources:
        raise ValueError("its spec does not have one entry for each of its sources")
    return spec


@dataclass(frozen=True, slots=True)
class StoredError:
    """An input's error."""

    message: str
    input: str
    kind: str
    hint: str | None
    changed: bool

    @classmethod
    def of(cls, error: InputError) -> StoredError:
        """The values of an error."""
        changed = isinstance(error, SourceChangedError)
        return cls(error.message, error.input, error.kind, error.hint, changed)

    def error(self) -> InputError:
        """An error with these values."""
        made = SourceChangedError if self.changed else InputError
        return made(self.message, input=self.input, kind=self.kind, hint=self.hint)


@dataclass(frozen=True, slots=True)
class StoredInput:
    """An input without its stream; fields as in `Input`."""

    path: str
    source: Source | None
    detection: Detection | None
    error: StoredError | None
    notes: tuple[str, ...]
    first_line: str

    @classmethod
    def of(cls, entry: Input) -> StoredInput:
        """The values of an input."""
        error = None if entry.error is None else StoredError.of(entry.error)
        notes = tuple(entry.notes)
        return cls(entry.path, entry.source, entry.detection, error, notes, entry.first_line)

    def input(self) -> Input:
        """An input with these values."""
        return Input(
            self.path,
            self.source,
            self.detection,
            error=None if self.error is None else self.error.error(),
            notes=list(self.notes),
            first_line=self.first_line,
        )


@dataclass(frozen=True, slots=True)
class StoredSearch:
    """What a search by time found, without the source; fields as in `SeekResult`."""

    skipped_bytes: int
    assumed: str | None
    note: str | None

    @classmethod
    def of(cls, found: SeekResult) -> StoredSearch:
        """The values of a result."""
        return cls(found.skipped_bytes, found.assumed, found.note)


def decode_job(
    plan: Plan,
    inputs: Sequence[StoredInput],
    order: Sequence[int],
    options: Options,
    sought: Sequence[StoredSearch],
    *,
    watched: bool,
) -> Job:
    """The job of a plan and its inputs; arguments as in `Job`.

    Raises `ValueError` if they do not belong together.
    """
    sources = len(plan.sources)
    if not (
        len(order) == sources
        and len(sought) in (0, sources)
        and all(0 <= index < len(inputs) for index in order)
    ):
        raise ValueError("its inputs and its plan differ")
    return Job(
        [each.input() for each in inputs],
        order,
        plan,
        options,
        [
            SeekResult(source, each.skipped_bytes, each.assumed, each.note)
            for source, each in zip(plan.sources, sought, strict=False)
        ],
        watched=watched,
    )
