"""`just bench` begins here: the commission's targets of speed, memory and recovery, on 1 GB.

`test_vectors/performance.py` has the targets. The log is generated once and kept; the command is
run three times and the median counts; a worker is killed as `logan simulate worker-failure` does.
Exit code 1 and a sentence for each target that is missed.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

# Started as a file, Python sees this folder only; the parts are modules of the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from test_vectors.generate import generate_test_logs
from test_vectors.performance import LOG_BYTES, TARGETS, Performance, missed
from tests.bench.measure import ROOT, run, warm

ROUNDS: Final = 3
LARGE: Final = ROOT / ".bench" / "large.log"
SMALL: Final = ROOT / "test_vectors" / "logs" / "mixed_format.log"


def measure(log: Path, scratch: Path) -> Performance:
    """Speed and memory of the command on `log`, and how soon a killed worker's chunks go on."""
    command = [sys.executable, "-m", "logan", "analyze", "--json", str(log)]
    runs = []
    for _ in range(ROUNDS):
        warm(log)
        runs.append(run(command, scratch))
    wall_s = statistics.median(each.wall_s for each in runs)
    saved = scratch / "report.json"
    simulate = [sys.executable, "-m", "logan", "simulate", "worker-failure", str(SMALL)]
    run([*simulate, "--seconds", "4", "-o", str(saved)], scratch)
    recoveries = json.loads(saved.read_text())["performance"]["recoveries"]
    return Performance(
        bytes_per_s=log.stat().st_size / wall_s,
        peak_bytes=max(each.peak_bytes for each in runs),
        recovery_s=max(each["leased_s"] - each["noticed_s"] for each in recoveries),
    )


def main() -> int:
    LARGE.parent.mkdir(exist_ok=True)
    if not LARGE.exists() or abs(LARGE.stat().st_size - LOG_BYTES) > 1_000:
        print(f"generating {LARGE.name} of {LOG_BYTES / 1e9:.0f} GB ...", file=sys.stderr)
        generate_test_logs(LOG_BYTES / 2**20, LARGE, "mixed")
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(LARGE, Path(scratch))
    print(
        f"{LARGE.name}: {found.bytes_per_s / 1e6:,.0f} MB/s (at least "
        f"{TARGETS.bytes_per_s / 1e6:.0f}), {found.peak_bytes / 1e6:.0f} MB at the peak (less than "
        f"{TARGETS.peak_bytes / 1e6:.0f}), recovered after {found.recovery_s:.2f} s (at most "
        f"{TARGETS.recovery_s:.0f})"
    )
    sentences = missed(found)
    for each in sentences:
        print(f"MISSED {each}")
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
