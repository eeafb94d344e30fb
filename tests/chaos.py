"""`just chaos`: the cluster's tests with real processes, many times over; none may fail once.

A round mostly waits, so several run side by side, each with folders, ports and network namespaces
of its own. Each says how it went as it ends, with the tests that failed; what pytest said of them
stays in the folder that is named then. Ctrl-C or SIGTERM ends the rounds that run, in good order.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = tuple(
    f"tests/integration/test_{name}.py" for name in ("cluster", "faults", "partition", "simulate")
)

TIDY_S_MAX: Final = 30.0
"""What a round that is interrupted may take to end what it started."""

STAGGER_S: Final = 5.0
"""From the start of one round to that of the next: side by side they are to do different things."""


@dataclass
class Rounds:
    """Rounds that share a folder, and what became of them."""

    folder: Path
    count: int
    began: float = field(default_factory=time.monotonic)
    passed: int = 0
    failed: int = 0
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def run(self, number: int) -> None:
        """One round; says how it went."""
        log = self.folder / f"round-{number}.log"
        code = self._pytest(number, log)
        if code is None:
            return
        lines = log.read_text(errors="replace").splitlines()
        failures = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        # Where it ended for another reason, its last words say which.
        about = failures or lines[-1:] or [f"exit {code}"]
        with self._lock:
            if code == 0:
                self.passed += 1
                log.unlink()
            else:
                self.failed += 1
            elapsed_s = time.monotonic() - self.began
            print(
                f"round {number} {'passed' if code == 0 else 'failed'} after {elapsed_s:.0f} s; "
                f"{self.passed} passed, {self.failed} failed of {self.count}",
                *([] if code == 0 else about),
                sep="\n    ",
                flush=True,
            )

    def _pytest(self, number: int, log: Path) -> int | None:
        """Its exit code; None if nothing was to be started any more."""
        temporary = self.folder / f"round-{number}"
        # Each begins with another file, so that not all start processes at once, or wait at once.
        first = number % len(FILES)
        files = (*FILES[first:], *FILES[:first])
        command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
        command += ["-m", "slow or not slow", *files]
        with log.open("wb") as output:
            with self._lock:
                if self._stopped:
                    return None
                process = subprocess.Popen(
                    [*command, "--basetemp", str(temporary)],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # A group of its own, so that nothing it started outlives it.
                    start_new_session=True,
                )
                self._running.add(process)
            code = process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with self._lock:
            self._running.discard(process)
            if self._stopped:
                return None
        if code == 0:
            # Logs and journals of fifty rounds would fill a small disk.
            shutil.rmtree(temporary, ignore_errors=True)
        return code

    def stop(self) -> None:
        """Start no more, and interrupt those that run, as Ctrl-C would: tests clean up then."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.send_signal(signal.SIGINT)
        until = time.monotonic() + TIDY_S_MAX
        for process in running:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=50, help="rounds (%(default)s)")
    parser.add_argument("--jobs", type=int, default=4, help="rounds at once (%(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    rounds = Rounds(Path(tempfile.mkdtemp(prefix="logan-chaos-")), options.count)
    with ThreadPoolExecutor(options.jobs) as pool:
        try:
            futures = []
            for number in range(1, options.count + 1):
                if 1 < number <= options.jobs:
                    time.sleep(STAGGER_S)
                futures.append(pool.submit(rounds.run, number))
            for each in futures:
                each.result()
        except BaseException:
            rounds.stop()
            pool.shutdown(cancel_futures=True)
            raise
    kept = f"; see {rounds.folder}" if rounds.failed else ""
    print(f"{rounds.passed} rounds passed, {rounds.failed} failed{kept}")
    return 1 if rounds.failed else 0


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
