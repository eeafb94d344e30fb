"""What chunks give, and what a whole job must give: a cheap stand-in, or real summaries.

Both fold results along the fixed tree over chunk ids, absent ones as the identity. The stand-in
makes a leaf an integer and a node a hash of its two children, so any chunk that is missing, twice
there or of another job changes the root.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Protocol

from logan import _logan


class Results(Protocol):
    """Digest of a chunk's result, and the root over some chunks."""

    def digest(self, job: str, chunk: int) -> str: ...
    def root(self, job: str, chunks: list[int], digests: dict[int, str]) -> object: ...
    def expected(self, job: str, chunks: list[int]) -> object: ...


class StandIn:
    """Digests alone."""

    def digest(self, job: str, chunk: int) -> str:
        return f"{job}/{chunk}"

    def root(self, job: str, chunks: list[int], digests: dict[int, str]) -> object:
        leaves: list[str | None] = [None] * (max(chunks, default=-1) + 1)
        for chunk in chunks:
            leaves[chunk] = digests[chunk]
        return _fold(leaves)

    def expected(self, job: str, chunks: list[int]) -> object:
        return self.root(job, chunks, {chunk: self.digest(job, chunk) for chunk in chunks})


def _fold(leaves: list[str | None]) -> object:
    if len(leaves) <= 1:
        return leaves[0] if leaves else None
    middle = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = _fold(leaves[:middle]), _fold(leaves[middle:])
    if left is None or right is None:
        return left or right
    return (left, right)


class Real:
    """Summaries of a small log by the native engine, merged by its `MergeTree`."""

    def digest(self, job: str, chunk: int) -> str:
        return hashlib.sha256(_summaries()[1][chunk]).hexdigest()

    def root(self, job: str, chunks: list[int], digests: dict[int, str]) -> object:
        spec, summaries = _summaries()
        by_digest = {hashlib.sha256(data).hexdigest(): data for data in summaries}
        tree = _logan.MergeTree(spec)
        for chunk in chunks:
            tree.insert(chunk, _logan.Summary.from_bytes(by_digest[digests[chunk]]))
        return tree.finish().to_bytes()

    def expected(self, job: str, chunks: list[int]) -> object:
        """By one merge after the other, which the tree must equal."""
        spec, summaries = _summaries()
        total = _logan.Summary.empty(spec)
        for chunk in sorted(chunks):
            total = total.merge(_logan.Summary.from_bytes(summaries[chunk]))
        return total.to_bytes()


REAL_CHUNKS = 24
LINES_PER_CHUNK = 5


@cache
def _summaries() -> tuple[_logan.Spec, list[bytes]]:
    lines = [
        f"2024-01-24 10:15:{second % 60:02}.123 {'ERROR' if second % 7 == 0 else 'INFO'} "
        f"Request processed in {second * 37 % 900 + 1}ms\n"
        for second in range(REAL_CHUNKS * LINES_PER_CHUNK)
    ]
    data = "".join(lines).encode()
    spec = _logan.Spec(
        json.dumps(
            {
                "version": 2,
                "top": 10,
                "sources": [{"reading": {"formats": [], "input_tz": "UTC", "anchor_ns": 0}}],
            }
        )
    )
    size = -(-len(data) // REAL_CHUNKS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "app.log"
        path.write_bytes(data)
        summaries = [
            _logan.Summary.from_chunk(
                str(path), start, min(start + size, len(data)), spec
            ).to_bytes()
            for start in range(0, len(data), size)
        ]
    return spec, summaries
