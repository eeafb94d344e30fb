"""A log that is rotated all the time while `logan watch` counts it, against `analyze` of all lines.

    python -m tests.support.rotating_watch --rotations 1000 --per-s 20000 [KIND]...

Whatever became of the files, the summary of all windows must be, to the byte, that of `analyze` of
the same bytes in the order in which they were written, under the spec of the watch, and what
`logan analyze --spec` says of them must be the same.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from logan import Feed, load
from tests.support.rotating import KINDS, Writer

__all__ = ["KINDS_AT_SPEED", "play"]

KINDS_AT_SPEED: Final = tuple(each for each in KINDS if each != "link")
"""Where a link led to between two looks cannot be found out later."""

BATCH_S: Final = 0.01
CATCH_UP_S: Final = 60.0
LOGAN: Final = (sys.executable, "-m", "logan")


class RecordingWriter(Writer):
    """Keeps all lines in the order of writing; their times are those of the system."""

    def __init__(self, folder: Path, kind: str, seed: int, truth: Path) -> None:
        self.truth = truth.open("wb")
        super().__init__(folder, kind, seed)

    def _line(self) -> bytes:
        number = self.lines
        self.lines += 1
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        pad = "x" * self.random.randrange(60)
        line = f"{stamp} INFO request {number} done in {number % 97}ms {pad}\n".encode()
        self.truth.write(line)
        return line

    def close(self) -> None:
        self.truth.close()
        super().close()


def play(folder: Path, kind: str, rotations: int, per_s: int, seed: int) -> int:
    """Write, rotate and watch; how many lines were written.

    Raises `AssertionError` if the summaries differ.
    """
    logs, truth, saved = folder / "logs", folder / "truth.log", folder / "all.logan"
    logs.mkdir()
    writer = RecordingWriter(logs, kind, seed, truth)
    writer.write(20)
    options = ("--json", "--window", "all", "--interval", "1s", "--from", "start")
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        watch = subprocess.Popen(
            (*LOGAN, "watch", str(writer.path), *options, "--save", str(saved)),
            stdout=out,
            stderr=err,
        )
    try:
        deadline = time.monotonic() + 60
        while not (folder / "out").stat().st_size:
            assert time.monotonic() < deadline, (folder / "err").read_text()
            time.sleep(0.05)
        for _ in range(rotations):
            until = time.monotonic() + writer.random.uniform(0.1, 0.4)
            while (now := time.monotonic()) < until:
                writer.write(round(per_s * BATCH_S))
                time.sleep(max(0.0, now + BATCH_S - time.monotonic()))
            writer.rotate()
        writer.write(20)
        deadline = time.monotonic()
        while _lines(folder / "out") < writer.lines:  # more are a fault, which is told later
            told = f"{_lines(folder / 'out'):,} of {writer.lines:,} lines were counted"
            assert time.monotonic() < deadline + CATCH_UP_S, told + (folder / "err").read_text()
            time.sleep(0.2)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 0, (folder / "err").read_text()
    finally:
        watch.kill()
        watch.wait()
        writer.close()
    stored, again = load(str(saved)), folder / "again.logan"
    # A summary names its log, and years that lines leave out are told from its last change.
    source = json.loads(stored.spec.to_json())["sources"][0]
    log, anchor_ns = Path(source["identity"]["name"]), source["reading"]["anchor_ns"]
    logs.rename(folder / "rotated")
    logs.mkdir()
    truth.rename(log)
    os.utime(log, ns=(anchor_ns, anchor_ns))
    given = ("--spec", str(saved), "--save", str(again), "-q")
    subprocess.run((*LOGAN, "analyze", str(log), *given), check=True)
    watched, analyzed = stored.summary, load(str(again)).summary
    counted = json.loads(watched.evaluate())["lines"]["total"]
    said = (folder / "err").read_text()
    assert counted == writer.lines, f"{counted:,} of {writer.lines:,} lines; {said}"
    assert watched.evaluate() == analyzed.evaluate(), f"the figures differ; {said}"
    # Summaries also have the plan, which knows the content of a file but not that of a watch.
    feed = Feed(stored.spec, chunk_size=1 << 20)
    feed.push(log.read_bytes())
    assert watched.to_bytes() == feed.finish().to_bytes(), f"the summaries differ; {said}"
    return writer.lines


def _lines(out: Path) -> int:
    """The lines that the last report counts; 0 while it is being written."""
    last = out.read_bytes().rstrip(b"\n").rsplit(b"\n", 1)[-1]
    try:
        return int(json.loads(last)["lines"]["total"])
    except ValueError:
        return 0


def main() -> None:
    """Play each kind, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS_AT_SPEED))
    parser.add_argument("--rotations", type=int, default=1_000)
    parser.add_argument("--per-s", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    args = parser.parse_args()
    # Watches end by Ctrl-C; started in the background by a shell, we and they would ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for kind in args.kinds or KINDS_AT_SPEED:
        with tempfile.TemporaryDirectory(prefix="logan-rotations-") as folder:
            began = time.monotonic()
            lines = play(Path(folder), kind, args.rotations, args.per_s, args.seed)
            rate = lines / (time.monotonic() - began)
            print(
                f"{kind}: {args.rotations:,} rotations, {lines:,} lines at {rate:,.0f} a second: "
                "the summary of the watch is that of analyze",
                flush=True,
            )


if __name__ == "__main__":
    main()
