"""The speed, memory and recovery that logan was commissioned with, as figures to hold it to.

`just bench` measures them (`tests/bench/commission.py`) on a log of 1 GB that it generates, and
fails with a sentence about each that is missed. They are floors for any machine with two cores; the
targets of `tests/bench/targets.py` are far above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["LOG_BYTES", "TARGETS", "Performance", "missed"]

LOG_BYTES: Final = 1_000_000_000
"""Size of `large.log`, to within a line."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What is to be reached, or what was measured.

    Attributes:
        bytes_per_s: size of the log by the time from starting `logan analyze` to its end.
        peak_bytes: resident memory of that process at most.
        recovery_s: from killing a worker to the next lease of each chunk that it held.
    """

    bytes_per_s: float
    peak_bytes: float
    recovery_s: float


TARGETS: Final = Performance(bytes_per_s=100e6, peak_bytes=500e6, recovery_s=5.0)


def missed(measured: Performance, targets: Performance = TARGETS) -> list[str]:
    """A sentence for each target that was not reached."""
    sentences = []
    if measured.bytes_per_s < targets.bytes_per_s:
        sentences.append(
            f"too slow: {measured.bytes_per_s / 1e6:.0f} MB/s, "
            f"at least {targets.bytes_per_s / 1e6:.0f} MB/s are required"
        )
    if measured.peak_bytes >= targets.peak_bytes:
        sentences.append(
            f"too much memory: {measured.peak_bytes / 1e6:.0f} MB at the peak, "
            f"less than {targets.peak_bytes / 1e6:.0f} MB are required"
        )
    if measured.recovery_s > targets.recovery_s:
        sentences.append(
            f"too slow to recover: {measured.recovery_s:.1f} s after a worker was killed, "
            f"at most {targets.recovery_s:.1f} s are required"
        )
    return sentences
