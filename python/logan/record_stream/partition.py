"""`Partition`: the records of one chunk, for other processes; and which chunks hold an offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from logan._logan import Fingerprint, RecordScan, Spec
from logan.model import Chunk, Source

__all__ = ["Partition", "near"]


@dataclass(frozen=True, slots=True)
class Partition:
    """The records of one chunk; it can be sent to another process, which must see the file.

    Reads like `Records`, with one thread; what cannot be read raises `InputError`.
    """

    source: Source
    index: int
    name: str
    start: int
    end: int
    spec_json: str
    columns: tuple[str, ...]
    expansion_max: int
    malformed: bool = False

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new scan, for Arrow's C stream interface."""
        planned = self.source
        file = (planned.url, Fingerprint.from_json(planned.fingerprint or ""))
        kind = "files" if planned.splittable else "serial"
        scan = RecordScan(
            Spec(self.spec_json),
            self.columns,
            [self.name] * (self.index + 1),
            [file] * (self.index + 1),
            [
                ("archive", self.index, [])
                if planned.compression is not None
                else (kind, self.index, [(self.index, self.start, self.end)])
            ],
            archives={} if planned.compression is None else {self.index: planned.compression},
            threads=1,
            expansion_max=self.expansion_max,
            malformed=self.malformed,
        )
        return scan.__arrow_c_stream__(requested_schema)


def near(chunks: list[Chunk], offsets: Sequence[int]) -> list[Chunk]:
    """The chunks that hold the offsets, each with the one before it, where its record may begin,
    and the one after it, where it may go on."""
    if not offsets:
        return chunks
    chunks = sorted(chunks, key=lambda each: each.start)
    found: set[int] = set()
    for at, chunk in enumerate(chunks):
        if any(chunk.start <= offset < chunk.end for offset in offsets):
            found |= {at - 1, at, at + 1}
    return [chunk for at, chunk in enumerate(chunks) if at in found]
