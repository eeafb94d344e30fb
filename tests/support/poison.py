"""A bug that takes the process down: whoever scans a line with POISON in it is killed.

With arguments this is the command `logan` whose worker has that bug, its children too; without, it
is such a child: `python -m logan.cluster.scanning` with the bug.
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
from logan.cluster import scanning
from logan.cluster.isolated import Isolation
from logan.cluster.scanning import Piece, Scanned, first_line_from, scan, whole_line_end

CHILD: Final = (sys.executable, __file__)
POISON: Final = b"POISON"


def scan_or_die(piece: Piece, *rest: Any) -> Scanned:
    first = first_line_from(piece.path, piece.start, piece.end)
    if first is not None:
        end = whole_line_end(piece.path, max(piece.end - 1, 0), piece.size)
        with (
            open(piece.path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            if data.find(POISON, first, end) >= 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return scan(piece, *rest)


async def scan_isolated(piece: Piece, spec: Spec, progress: Callable[[int], None]) -> Scanned:
    return await Isolation(piece, spec, progress, command=CHILD).scan()


def main() -> int:
    if len(sys.argv) == 1:
        return scanning.main(scan_or_die)
    from logan.cli.main import main as command
    from logan.cluster.worker import worker

    seams = {"scan": scan_or_die, "scan_isolated": scan_isolated}
    worker.Worker = partial(worker.Worker, **seams)  # type: ignore[misc, assignment, arg-type]
    return command()


if __name__ == "__main__":
    sys.exit(main())
