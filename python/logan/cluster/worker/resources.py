"""What all connections of a worker share: identity, roots, threads, disk and counters.

`Worker` makes it once; a `Session` works with it. It holds no connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from logan._logan import Spec
from logan.cluster.process_stats import ProcessStats
from logan.cluster.worker.copies import OtherCopies
from logan.cluster.worker.isolation import Isolation
from logan.cluster.worker.rate_limit import RateLimit
from logan.cluster.worker.scan_threads import ScanThreads
from logan.cluster.worker.spool import Spools
from logan.model import Chunk, Source
from logan.scan import ChunkResult
from logan.sources.roots import Roots

__all__ = ["Counters", "IsolatedScan", "Resources", "Scan", "scan_isolated"]

Scan = Callable[..., ChunkResult]
"""Scans a chunk. Blocking. `logan.scan.scan_chunk` but in tests."""

IsolatedScan = Callable[..., Awaitable[ChunkResult]]
"""Scans a chunk in a child process. `scan_isolated` but in tests."""


async def scan_isolated(
    source: Source,
    chunk: Chunk,
    spec: Spec,
    progress: Callable[[int], None],
    *,
    path: str | None,
    chunk_size: int,
    expansion_max: int,
    url_roots: Sequence[str],
) -> ChunkResult:
    """What a child process found; arguments as for `Isolation`. Raises `Poison`, `InputError`."""
    isolation = Isolation(
        source,
        chunk,
        spec,
        progress,
        path=path,
        chunk_size=chunk_size,
        expansion_max=expansion_max,
        url_roots=url_roots,
    )
    return await isolation.scan()


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
