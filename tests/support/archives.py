"""What the tests of compressed logs and of archives share: the command on one, whole or damaged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def run(*arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """The command, with `data` piped to it."""
    command = [sys.executable, "-m", "logan", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)


def counted_so_far(path: Path, cut: bytes, by: str) -> dict[str, Any]:
    """The report of a truncated archive, given by "path" or "stdin": flagged, with exit code 3, and
    saying from which decoded byte on all is missing."""
    path.write_bytes(cut)
    done = run("analyze", "--json", *([str(path)] if by == "path" else ["-"]), data=cut)
    assert done.returncode == 3
    assert b"ends in the middle" in done.stderr
    assert b"Traceback" not in done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["partial"]
    assert report["malformed_lines"] == 0
    (missing,) = report["missing"]
    assert missing["start"] == report["inputs"][0]["bytes"]
    assert missing["end"] is None
    return report
