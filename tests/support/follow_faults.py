"""Three hosts whose logs are rotated, followed by workers that are killed, as is the coordinator.

    python -m tests.support.follow_faults --seconds 600 --kill-every 10

Each line has a number of its own as the bytes that were sent, so that the number of lines and the
sum of the numbers together tell whether each was counted once.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.cluster_processes import Cluster, Process, wait_until
from tests.support.rotating import Writer

HOSTS = {"alice": "create", "bob": "copytruncate", "carol": "compress"}
"""The kind of rotation on each host."""


class AccessWriter(Writer):
    """Writes an access log."""

    def _line(self) -> bytes:
        number = self.lines
        self.lines += 1
        at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        pad = "x" * self.random.randrange(60)
        return (
            f'10.0.0.1 - - [{at}] "GET /items/{number} HTTP/1.1" 200 {number} "-" "{pad}"\n'
        ).encode()


class Play:
    """A run; `run` gives the final report and the truth."""

    def __init__(self, folder: Path, seed: int, *, rotate_s: float = 0.7) -> None:
        self.folder, self.random, self.rotate_s = folder, random.Random(seed), rotate_s
        self.cluster = Cluster(folder)
        self.processes: dict[str, Process] = {}
        self.kills = 0
        self.writers: dict[str, AccessWriter] = {}
        for number, (host, kind) in enumerate(HOSTS.items()):
            root = folder / host
            root.mkdir()
            self.writers[host] = AccessWriter(root, kind, seed + number)

    def start(self, name: str) -> None:
        """Start the coordinator or a worker, or start it again."""
        if name == "coordinator":
            arguments = ("coordinator", "--port", str(self.cluster.port), "--state")
            state = str(self.folder / "state")
            self.processes[name] = self.cluster.start(name, *arguments, state)
        else:
            root = self.folder / name
            self.processes[name] = self.cluster.worker(name, "--root", str(root), connected=False)

    def kill(self, name: str) -> None:
        """`kill -9`."""
        self.processes[name].popen.send_signal(signal.SIGKILL)
        self.processes[name].popen.wait()
        self.kills += 1

    def truth(self) -> tuple[int, int]:
        """How many lines were written, and the sum of their numbers."""
        lines = [each.lines for each in self.writers.values()]
        return sum(lines), sum(number * (number - 1) // 2 for number in lines)

    def run(self, seconds: float, kill_every_s: float) -> tuple[dict[str, Any], tuple[int, int]]:
        """Write, rotate and kill; then let all catch up, end the job, and compare."""
        self.cluster.take_port()
        for name in ("coordinator", *HOSTS):
            self.start(name)
        for writer in self.writers.values():
            writer.write(20)
        arguments = ("watch", "--on-workers", "app.log*", "--coordinator", self.cluster.address)
        self.processes["coordinator"].said("carol joined")
        client = self.cluster.start(
            "watch", *arguments, "--from", "start", "--json", "--interval", "1s"
        )
        job = client.said(r"job ([0-9a-f]+) lives in the coordinator")[1]
        wait_until(self._follows_all, "a log of each host is followed")
        began = time.monotonic()
        killed_at = rotated_at = began
        down: dict[str, float] = {}
        while (now := time.monotonic()) - began < seconds:
            for writer in self.writers.values():
                writer.write(self.random.randrange(8))
            if now - rotated_at >= self.rotate_s:
                rotated_at = now
                self.random.choice(list(self.writers.values())).rotate()
            if now - killed_at >= kill_every_s:
                killed_at = now
                name = self.random.choice([n for n in ("coordinator", *HOSTS) if n not in down])
                self.kill(name)
                down[name] = now + self.random.uniform(0.0, min(2.0, kill_every_s / 2))
            for name in [name for name, until in down.items() if now >= until]:
                del down[name]
                self.start(name)
            time.sleep(0.02)
        for name in down:
            self.start(name)
        for writer in self.writers.values():
            writer.close()
        self._wait_until_counted()
        ended = self.cluster.start(
            "cancel", "cancel", job, "--coordinator", self.cluster.address, "--json"
        )
        code = ended.wait()
        assert code == 0, ended.err
        assert client.wait() == 0, client.err
        return json.loads(ended.out), self.truth()

    def _follows_all(self) -> bool | None:
        follows = self.cluster.status()["follows"]
        return (follows and follows[0]["logs"] == len(HOSTS)) or None

    def _wait_until_counted(self) -> None:
        """Until all hosts are there and nothing more arrives."""
        deadline = time.monotonic() + 60
        seen, since = -1, time.monotonic()
        while time.monotonic() < deadline:
            try:
                follows = self.cluster.status()["follows"]
            except Exception:
                follows = []
            job = follows[0] if follows else {"counted_bytes": -1, "hosts": 0, "away": 1}
            is_whole = job["hosts"] == len(HOSTS) and not job["away"]
            if job["counted_bytes"] != seen or not is_whole or job["logs"] < len(HOSTS):
                seen, since = job["counted_bytes"], time.monotonic()
            elif time.monotonic() - since > 2.0:
                return
            time.sleep(0.1)
        raise AssertionError("the hosts did not catch up")


def main() -> None:
    """Play once, and say what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--kill-every", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(folder), args.seed)
        with play.cluster:
            report, (lines, total) = play.run(args.seconds, args.kill_every)
    got = (report["total_requests"], report["bytes_sent"], report["malformed_lines"])
    print(f"{play.kills} kills; written {lines:,} lines, sum {total:,}; counted {got}")
    assert got == (lines, total, 0), "lines were lost or counted twice"


if __name__ == "__main__":
    main()
