"""A log is followed through every kind of rotation: each line once, however seldom it is read."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from logan.live.follower import Follower
from logan.live.logs import newest
from logan.live.notices import Notices
from tests.support.rotating import KINDS, Writer


def followed(path: Path, now: float = 0.0) -> tuple[Follower, Notices]:
    notices = Notices()
    current = (lambda: newest(str(path))) if "*" in path.name else (lambda: str(path))
    return Follower(path.name, current, notices, now=now), notices


def drain(follower: Follower, now: float, most: int = 1 << 20) -> bytes:
    found = bytearray()
    while data := follower.read(most, now):
        found += data
    return bytes(found)


def numbers(data: bytes) -> list[int]:
    lines = data.split(b"\n")
    assert lines[-1] == b""
    found = [re.fullmatch(rb"2024.* request (\d+) x*", line) for line in lines[:-1]]
    assert None not in found, [line for line, ok in zip(lines, found, strict=False) if not ok]
    return [int(each[1]) for each in found if each is not None]


def under_load(folder: Path, kind: str, seed: int, rotations: int) -> None:
    """Writes, rotations and looks in random order, looks also seldom."""
    writer = Writer(folder, kind, seed)
    follower, notices = followed(writer.path)
    chance = random.Random(seed)
    data, now = bytearray(), 0.0
    while writer.rotations < rotations:
        for _ in range(chance.randrange(1, 4)):
            writer.write(chance.randrange(1, 30))
            if chance.random() < 0.7:
                data += follower.read(chance.choice([100, 5_000, 1 << 20]), now)
            now += chance.choice([0.01, 0.3, 1.5])
        if kind == "link":  # where it led to in between cannot be found out later
            for _ in range(3):
                data += drain(follower, now)
                now += 1.1
        writer.rotate()
    writer.write(3)
    for _ in range(6):
        data += drain(follower, now)
        now += 1.1
    follower.close()
    writer.close()
    found = Counter(numbers(bytes(data)))
    lost = set(range(writer.lines)) - set(found)
    doubled = [number for number, times in found.items() if times > 1]
    assert (sorted(lost), doubled) == ([], []), f"seed {seed}: {[n.text for n in notices]}"
    assert follower.offset == len(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_rotations_under_load(tmp_path: Path, kind: str, seed: int) -> None:
    under_load(tmp_path, kind, seed, 20)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_rotations(tmp_path: Path, kind: str) -> None:
    for seed in range(50):
        folder = tmp_path / str(seed)
        folder.mkdir()
        under_load(folder, kind, 1_000 + seed, 20)
