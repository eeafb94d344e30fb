"""The engine alone, in a process of its own: `python -m tests.bench.engine PATH THREADS SCANS`.

It plans as the command does, scans once to warm up, then times that many scans and prints them as
JSON. What a scan leaves out of the command: the interpreter's start, detection, evaluation and
output.
"""

from __future__ import annotations

import json
import sys
import time

from logan import _logan
from logan.api import make_spec
from logan.limits import CHUNK_SIZE_BYTES_DEFAULT
from logan.planning.chunks import chunk_size_for, tile
from tests.bench.answers import of_report


def measure(path: str, threads: int, scans: int) -> dict[str, object]:
    """Seconds of each scan, and the answer of the last one. Raises `RuntimeError` on a failure."""
    spec = make_spec(path)
    fingerprint = _logan.Fingerprint.of(path)
    sizes = [fingerprint.size]
    plan = tile([(0, size) for size in sizes], chunk_size_for(sizes, CHUNK_SIZE_BYTES_DEFAULT))
    chunks = [(chunk.source, chunk.start, chunk.end) for chunk in plan]
    walls_s = []
    for _ in range(scans + 1):
        started = time.perf_counter()
        outcome = _logan.scan([(path, fingerprint)], chunks, spec, threads=threads)
        walls_s.append(time.perf_counter() - started)
        if outcome.failures:
            raise RuntimeError(f"the scan left something out: {outcome.failures[0]}")
    answer = of_report(json.loads(outcome.summary.evaluate()))
    return {"walls_s": walls_s[1:], "answer": answer.to_dict()}


if __name__ == "__main__":
    json.dump(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
