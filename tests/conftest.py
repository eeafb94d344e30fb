"""For all tests."""

from __future__ import annotations

import signal

# Whoever starts the tests in the background of a shell without job control has interrupts ignored,
# and so would every process that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
