"""A reader that is killed goes on at its last place, in whatever files the bytes are by then."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from logan.live.follower import Follower
from logan.live.logs import newest
from logan.live.notices import Notices
from logan.live.places import Place
from tests.support.rotating import KINDS, OLDDIR_KINDS, Writer
from tests.unit.live.test_follower import numbers

KILLED = tuple(kind for kind in KINDS + OLDDIR_KINDS if kind != "link")
"""A link says nothing of where it led to before."""


def follower(writer: Writer, now: float) -> tuple[Follower, Notices]:
    notices = Notices()
    path = writer.path
    current = (lambda: newest(str(path))) if "*" in path.name else (lambda: str(path))
    return Follower(path.name, current, notices, now=now), notices


def killed(folder: Path, kind: str, seed: int, rotations: int) -> None:
    """Write, rotate, read and kill in random order; rotations and pieces of lines in between."""
    writer = Writer(folder, kind, seed)
    chance = random.Random(seed)
    now, kept = 0.0, bytearray()
    reader, notices = follower(writer, now)
    place: Place | None = reader.place(0, now)
    fresh = bytearray()
    kills = 0
    while writer.rotations < rotations:
        for _ in range(chance.randrange(1, 4)):
            writer.write(chance.randrange(1, 30))
            if chance.random() < 0.6:
                data = reader.read(chance.choice([100, 5_000, 1 << 20]), now)
                fresh += data
                whole = data.rfind(b"\n") + 1
                if whole and (taken := reader.place(len(data) - whole, now)) is not None:
                    place = taken
                    end = len(fresh) - (len(data) - whole)
                    kept += fresh[:end]
                    del fresh[:end]
            now += chance.choice([0.01, 0.3, 1.5])
        if chance.random() < 0.4:
            writer.rotate()
        if chance.random() < 0.3:
            kills += 1
            reader.close()
            fresh.clear()
            for _ in range(chance.randrange(3)):
                writer.write(chance.randrange(5))
                writer.rotate()
            reader, notices = follower(writer, now)
            assert place is not None
            reader.resume(place, now)
            assert "lost" not in notices.counts, [each.text for each in notices]
    writer.write(3)
    for _ in range(6):
        while data := reader.read(1 << 20, now):
            fresh += data
        now += 1.1
    kept += fresh
    reader.close()
    writer.close()
    assert kills
    assert Counter(numbers(bytes(kept))) == Counter(range(writer.lines)), (kind, seed)


@pytest.mark.parametrize("kind", KILLED)
def test_nothing_is_lost_or_doubled(tmp_path: Path, kind: str) -> None:
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        killed(folder, kind, seed, 9)
