"""Commands in a fork, which has all modules already."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from logan.cli.main import main

__all__ = ["in_child"]


def in_child(args: list[str], out: Path) -> int:
    """Run `logan` with these arguments in a fork, its output to `out`; the process id."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        # Not the streams of the parent's pytest.
        sys.stdout = sys.stderr = out.open("w")
        code = main(args)
        sys.stdout.flush()
    finally:
        os._exit(code)
