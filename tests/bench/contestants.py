"""Which programs are measured, and how the rounds go.

Knows how to start each contestant and how to read its answer; knows nothing of targets or tables.

Rounds are interleaved: one round of all contestants, then the next in the opposite order, so that
changes in the machine's speed hit all alike and none always runs after the same neighbor. The page
cache is warmed before every round. `wc -l`, the engine and the command take a fraction of a second,
so they run several times a round; a peer that turns out slow is left out of the last rounds.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tests.bench import peers
from tests.bench.answers import Answer, mismatches, of_report, stated, with_percentiles
from tests.bench.data import Dataset, copy_prefix
from tests.bench.measure import ProcessFailedError, Run, Spread, run, warm

REPEATS: Final = 3
"""Runs of a fast contestant in a round."""
SLOW_S: Final = 2.0
SLOW_ROUNDS_MAX: Final = 3
"""A peer whose median is above `SLOW_S` is measured in this many rounds."""
WARM_UP_BYTES: Final = 1 << 18
PEERS: Final = ("duckdb", "polars", "chdb", "mawk")
EXACT_PEERS: Final = ("duckdb", "polars", "mawk", "chdb")
"""Whose percentiles are taken as the reference, the first that is there."""

WC: Final = "wc -l"
COMMAND: Final = "logan analyze"

Group = Literal["floor", "ours", "peer"]


def engine_name(threads: int) -> str:
    """How the engine is called in tables."""
    return f"engine, {threads} thread{'s' if threads > 1 else ''}"


@dataclass
class Contestant:
    """One way to get the figures, and what was measured of it."""

    name: str
    group: Group
    command: Callable[[Path], list[str]]
    read: Callable[[bytes], Answer | None]
    """The answer in what a measured run printed, if it prints one."""
    walls: Callable[[Run], list[float]] = lambda done: [done.wall_s]
    repeats: int = 1
    check: Callable[[Path], list[str]] | None = None
    """Another command, run once and not timed, that prints the answer."""
    missing: str | None = None
    walls_s: list[float] = field(default_factory=list)
    peaks_bytes: list[int] = field(default_factory=list)
    answer: Answer | None = None
    error: str | None = None

    @property
    def spread(self) -> Spread | None:
        """Of all times, or None if nothing was measured."""
        return Spread.of(self.walls_s) if self.walls_s and self.status == "ok" else None

    @property
    def status(self) -> str:
        """`ok`, or why there are no figures."""
        return self.missing or self.error or "ok"

    @property
    def is_slow(self) -> bool:
        """Whether it is left out of late rounds."""
        return self.group == "peer" and statistics.median(self.walls_s or [0.0]) > SLOW_S

    def measure(self, path: Path, scratch: Path) -> None:
        """One turn; a failure is kept and ends this contestant's part."""
        try:
            for _ in range(self.repeats):
                done = run(self.command(path), scratch)
                self.walls_s += self.walls(done)
                self.peaks_bytes.append(done.peak_bytes)
                self.answer = self.read(done.stdout) or self.answer
        except (ProcessFailedError, ValueError, KeyError) as error:
            self.error = f"{type(error).__name__}: {error}"

    def verify(self, path: Path, scratch: Path) -> None:
        """Get the answer from the untimed run, where there is one."""
        if self.check is None or self.missing:
            return
        try:
            self.answer = of_report(json.loads(run(self.check(path), scratch).stdout))
        except (ProcessFailedError, ValueError, KeyError) as error:
            self.error = f"{type(error).__name__}: {error}"


def line_up(
    kind: str, *, threads: Sequence[int] = (1, 2), with_peers: bool = True
) -> list[Contestant]:
    """All contestants for a kind of log; those that are not installed say so in `missing`."""
    listed = [_wc(), *(_engine(n) for n in threads), _command()]
    if with_peers and kind in peers.KINDS:
        listed += [_peer(name, kind) for name in PEERS]
    return listed


def compete(field_: Sequence[Contestant], path: Path, rounds: int, scratch: Path) -> None:
    """Measure all on one log, in turn."""
    head = scratch / f"head-{path.name}"
    copy_prefix(path, head, WARM_UP_BYTES)
    for each in field_:
        _warm_up(each, head, scratch)
    head.unlink()
    warm(path)
    for each in field_:
        each.verify(path, scratch)
    for number in range(rounds):
        play(field_, path, number, scratch)


def play(field_: Sequence[Contestant], path: Path, number: int, scratch: Path) -> None:
    """One round; odd ones go backward."""
    warm(path)
    for each in field_[:: 1 if number % 2 == 0 else -1]:
        if each.status != "ok" or (each.is_slow and number >= SLOW_ROUNDS_MAX):
            continue
        _say(f"  round {number + 1}: {each.name:20}")
        each.measure(path, scratch)
    _say(" " * 40)


def disagreements(field_: Sequence[Contestant], dataset: Dataset) -> tuple[Answer, list[str]]:
    """What is expected of the log, and every figure of a contestant that differs from it."""
    exact = next(
        (
            each.answer
            for name in EXACT_PEERS
            for each in field_
            if each.name == name and each.answer is not None and each.answer.has_percentiles
        ),
        None,
    )
    expected = with_percentiles(stated(dataset.facts), exact)
    wrong = []
    for each in field_:
        if each.answer is not None:
            wrong += mismatches(each.name, each.answer, expected)
        elif each.status == "ok":
            wrong.append(f"{each.name}: gave no answer")
    return expected, wrong


def _say(text: str) -> None:
    """Overwrite the terminal's line; a file would only fill with these."""
    if sys.stderr.isatty():
        print(text, end="\r", file=sys.stderr, flush=True)


def _warm_up(each: Contestant, head: Path, scratch: Path) -> None:
    """Bring its program and libraries into the page cache; what it says does not matter yet."""
    if each.missing is None:
        try:
            run(each.command(head), scratch)
        except ProcessFailedError as error:
            each.error = str(error)


def _wc() -> Contestant:
    return Contestant(
        WC,
        "floor",
        lambda path: ["wc", "-l", str(path)],
        lambda stdout: Answer(lines=int(stdout.split()[0])),
        repeats=REPEATS,
        missing=None if shutil.which("wc") else "not installed",
    )


def _engine(threads: int) -> Contestant:
    base = [sys.executable, "-m", "tests.bench.engine"]
    return Contestant(
        engine_name(threads),
        "ours",
        lambda path: [*base, str(path), str(threads), str(REPEATS)],
        lambda stdout: Answer.from_dict(json.loads(stdout)["answer"]),
        lambda done: [float(wall_s) for wall_s in json.loads(done.stdout)["walls_s"]],
        missing=_unbuilt(),
    )


def _command() -> Contestant:
    base = [sys.executable, "-m", "logan", "analyze", "--json"]
    return Contestant(
        COMMAND,
        "ours",
        lambda path: [*base, "-o", "/dev/null", str(path)],
        lambda stdout: None,
        repeats=REPEATS,
        check=lambda path: [*base, str(path)],
        missing=_unbuilt(),
    )


def _peer(name: str, kind: str) -> Contestant:
    return Contestant(
        name,
        "peer",
        lambda path: peers.command(name, kind, path),
        lambda stdout: peers.read_answer(name, kind, stdout),
        missing=None if peers.is_installed(name) else "not installed",
    )


def _unbuilt() -> str | None:
    """Finding the native module loads `logan` itself, which does no work at import."""
    try:
        built = importlib.util.find_spec("logan._logan") is not None
    except ModuleNotFoundError:
        built = False
    return None if built else "not built"
