"""`Partition`: the records of one chunk, for other processes."""

from __future__ import annotations

from dataclasses import dataclass

from logan._logan import Fingerprint, RecordScan, Spec
from logan.model import Source

__all__ = ["Partition"]


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
