"""What a scan of records has read, and what it could not read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Failure", "Stats"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Bytes of an input of which there are no records; `end` is None where it is not known."""

    input: str
    start: int
    end: int | None
    kind: str
    why: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """What a scan has read so far.

    Attributes:
        rows: rows handed out.
        lines: by class (total, parsed, malformed, blank, continuation, header, filtered), as the
            report has them.
        misfits: by column, values that did not fit its type and are null.
        failures: what could not be read.
        complete: whether the scan has read everything that can be read.
    """

    rows: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    misfits: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    complete: bool = False
