"""What all connections of a worker share: identity, roots, threads, disk and counters.

`Worker` makes it once; a `Session` works with it. It holds no connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from logan._logan import Cancel, Spec
from logan.cluster.isolated import Isolation
from logan.cluster.process_stats import ProcessStats
from logan.cluster.scanning import Piece, Scanned
from logan.cluster.worker.copies import OtherCopies
from logan.cluster.worker.rate_limit import RateLimit
from logan.cluster.worker.scan_threads import ScanThreads
from logan.cluster.worker.spool import Spools
from logan.sources.roots import Roots

__all__ = ["Counters", "IsolatedScan", "Resources", "Scan", "scan_isolated"]

Scan = Callable[[Piece, Spec, Cancel, Callable[[int], None]], Scanned]
"""Scans a chunk: what to read, how, what stops it, and whom to tell of bytes that this does not
count. Blocking. `logan.cluster.scanning.scan` but in tests."""

IsolatedScan = Callable[[Piece, Spec, Callable[[int], None]], Awaitable[Scanned]]
"""Scans a chunk in a child process. `scan_isolated` but in tests."""


async def scan_isolated(piece: Piece, spec: Spec, progress: Callable[[int], None]) -> Scanned:
    """What a child process found. Raises `Poison`, `InputError`."""
    return await Isolation(piece, spec, progress).scan()


@dataclass(slots=True)
class Counters:
    """What a worker has done, over all connections."""

    chunks_done: int = 0
    chunks_lost: int = 0
    bytes_done: int = 0


@dataclass(frozen=True, slots=True)
class Resources:
    """What a `Session` works with.

    Attributes:
        id: name of the worker.
        say: shows the operator of this worker a sentence.
    """

    id: str
    roots: Roots
    threads: ScanThreads
    rate_limit: RateLimit
    scan: Scan
    scan_isolated: IsolatedScan
    say: Callable[[str], None]
    spools: Spools = field(default_factory=Spools)
    other_copies: OtherCopies = field(default_factory=OtherCopies)
    counters: Counters = field(default_factory=Counters)
    process: ProcessStats = field(default_factory=ProcessStats)
