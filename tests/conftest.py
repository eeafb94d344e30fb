"""For all tests."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hypothesis import settings

# Started in the background of a shell without job control, the tests have interrupts ignored, and
# so would every process that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `release` makes what is in the repository but not in the package; an installed logan comes first.
sys.path.append(str(Path(__file__).resolve().parents[1] / "python"))

# A busy machine is not a fault of the code: speed is measured by benchmarks, never by a test.
settings.register_profile("logan", deadline=None)
settings.load_profile("logan")


def pytest_xdist_auto_num_workers() -> int:
    """Processes of tests run side by side: most tests of the cluster wait rather than compute."""
    return 2 * (os.cpu_count() or 1)
