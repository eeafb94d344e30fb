"""Rounds of a fuzz target from consecutive seeds, for a time; or one round again.

`LOGAN_FUZZ_SEED` plays the round of that seed alone. Knows nothing of what a round is.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

__all__ = ["command", "play_for", "seed_asked_for"]

SEED = "LOGAN_FUZZ_SEED"

_Stage = TypeVar("_Stage")


def play_for(
    seconds: float,
    prepare: Callable[[Path], _Stage],
    play: Callable[[int, _Stage], str],
    watch: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Counter[str]:
    """Rounds of seeds that follow a new one, or the one round that was asked for; how many of each
    kind. Each runs under `watch`. The seed is printed.

    Args:
        prepare: makes what all rounds share, in a folder.
        play: one round of a seed; returns its kind.
    """
    seed = seed_asked_for()
    first = int.from_bytes(os.urandom(6), "big") if seed is None else seed
    print(f"{SEED}={first}")
    played: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="logan-fuzz-") as folder:
        stage = prepare(Path(folder))
        for number in range(first, first + 10**9):
            try:
                with watch():
                    played[play(number, stage)] += 1
            except BaseException:
                print(f"failed: {SEED}={number}")
                raise
            if seed is not None or time.monotonic() - began >= seconds:
                break
    return played


def seed_asked_for() -> int | None:
    """The seed in the environment, if one is set."""
    text = os.environ.get(SEED, "")
    return int(text) if re.fullmatch(r"\d+", text) else None


def command(description: str, rounds: Callable[[float], Counter[str]]) -> int:
    """The command line of a target: `--seconds`, and a table of what was played."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seconds", type=float, default=60.0)
    played = rounds(parser.parse_args().seconds)
    for name, count in sorted(played.items()):
        print(f"{count:8,} {name}")
    print(f"{sum(played.values()):8,} rounds, nothing found")
    return 0
