"""`just chaos`: the cluster's tests with real processes, many times over; none may fail once.

A round mostly waits, so several run side by side, each in folders of its own. A round that fails
leaves its output in the folder that is named at the end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = tuple(
    f"tests/integration/test_{name}.py" for name in ("cluster", "faults", "partition", "simulate")
)


def run_round(number: int, folder: Path) -> tuple[bool, str]:
    """Whether every test passed, and what pytest says in the end."""
    log = folder / f"round-{number}.log"
    temporary = folder / f"round-{number}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES]
    with log.open("wb") as output:
        code = subprocess.run(
            [*command, "--basetemp", str(temporary)],
            cwd=ROOT,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode
    last = deque(log.read_text(errors="replace").splitlines(), maxlen=1)
    if code == 0:
        log.unlink()
    return code == 0, last[0] if last else f"exit {code}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=50, help="rounds (%(default)s)")
    parser.add_argument("--jobs", type=int, default=4, help="rounds at once (%(default)s)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="logan-chaos-"))
    began = time.monotonic()
    failed: list[int] = []
    said = threading.Lock()

    def one(number: int) -> None:
        passed, last = run_round(number, folder)
        with said:
            if not passed:
                failed.append(number)
            elapsed = time.monotonic() - began
            print(f"round {number} of {options.count} after {elapsed:.0f} s: {last}", flush=True)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, range(1, options.count + 1)))
    passed = options.count - len(failed)
    print(f"{passed} rounds passed, {len(failed)} failed" + (f"; see {folder}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
