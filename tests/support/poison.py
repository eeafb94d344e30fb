"""A bug that takes the process down: a process that scans a line with POISON in it is killed.

With arguments this is the command `logan` whose worker has that bug, its children too; without, it
is such a child: `python -m logan.cluster.worker.isolated_child` with the bug.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from logan._logan import Spec
from logan.cluster.worker import isolated_child
from logan.cluster.worker.isolated_child import first_line_from, whole_line_end
from logan.cluster.worker.isolation import Isolation
from logan.model import Chunk, Source
from logan.scan import ChunkResult, scan_chunk

CHILD: Final = (sys.executable, __file__)
POISON: Final = b"POISON"


def scan_or_die(source: Source, chunk: Chunk, spec: Spec, **rest: Any) -> ChunkResult:
    path = rest["path"]
    first = first_line_from(path, chunk.start, chunk.end)
    if first is not None:
        end = whole_line_end(path, max(chunk.end - 1, 0), source.size or 0)
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            if data.find(POISON, first, end) >= 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return scan_chunk(source, chunk, spec, **rest)


async def scan_isolated(
    source: Source, chunk: Chunk, spec: Spec, progress: Callable[[int], None], **rest: Any
) -> ChunkResult:
    return await Isolation(source, chunk, spec, progress, command=CHILD, **rest).scan()


def main() -> int:
    if len(sys.argv) == 1:
        return isolated_child.main(scan_or_die)
    from logan.cli.main import main as command
    from logan.cluster.worker import worker

    seams = {"scan": scan_or_die, "scan_isolated": scan_isolated}
    worker.Worker = partial(worker.Worker, **seams)  # type: ignore[misc, assignment, arg-type]
    return command()


if __name__ == "__main__":
    sys.exit(main())
