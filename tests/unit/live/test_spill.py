"""Summaries come back from the file as they were, whatever else goes in and out."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from logan._logan import PackedSummary, PartFeed, Spec, Summary
from logan.errors import InputError, SummaryError
from logan.live.spill import PAUSE_WRITES, Place, Spill, Waiting
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json


def summaries(count: int) -> list[Summary]:
    """Of nothing, and of ever more lines."""
    spec = Spec(spec_json([Detection()], Options(), anchor_ns=0))
    feed = PartFeed(spec)
    found = [Summary.empty(spec)]
    for n in range(1, count):
        for k in range(n):
            feed.push(f'10.{n}.{k}.1 - - [01/Feb/2024:10:00:00 +0000] "GET /" 200 {k}\n'.encode())
        found.append(feed.part())
    return found


def test_packing_changes_nothing() -> None:
    given = summaries(30)
    for summary in given:
        packed = PackedSummary(summary)
        assert packed.summary() == summary
        assert packed.summary().to_bytes() == summary.to_bytes()
        assert len(packed.to_bytes()) < len(summary.to_bytes())
        again = PackedSummary.from_bytes(packed.to_bytes(), given[0])
        assert again.summary().to_bytes() == summary.to_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_what_waits_comes_back(seed: int) -> None:
    given, chance, spill = summaries(30), random.Random(seed), Spill()
    kept: list[tuple[Summary, Waiting]] = []
    for _ in range(2_000):
        if len(kept) > chance.randrange(60):
            summary, waiting = kept.pop(chance.randrange(len(kept)))
            assert waiting.summary().to_bytes() == summary.to_bytes()
            assert not waiting.is_in_memory
            del waiting
        else:
            summary = chance.choice(given)
            kept.append((summary, Waiting(summary, spill, given[0])))
    for summary, waiting in kept:
        assert waiting.summary() == summary
    most = max(len(PackedSummary(each).to_bytes()) for each in given)
    assert spill.bytes < 60 * most
    kept.clear()
    del waiting
    Waiting(given[1], spill, given[0])
    Waiting(given[0], spill, given[0])
    assert spill.bytes <= 2 * most, "room is used again, and given back"


def test_no_two_lie_in_one_place() -> None:
    chance, spill = random.Random(7), Spill()
    kept: dict[Place, bytes] = {}
    for _ in range(3_000):
        if kept and chance.random() < 0.48:
            place = chance.choice(list(kept))
            assert spill.get(place) == kept.pop(place)
            spill.free(place)
        else:
            data = chance.randbytes(chance.randrange(1, 400))
            written = spill.put(data)
            assert written is not None
            kept[written] = data
    assert all(spill.get(place) == data for place, data in kept.items())


def test_the_file_has_no_name(tmp_path: Path) -> None:
    given, spill = summaries(3), Spill(str(tmp_path))
    waiting = Waiting(given[2], spill, given[0])
    assert not waiting.is_in_memory
    assert not list(tmp_path.iterdir())


def test_without_a_place_for_files_they_wait_in_memory(tmp_path: Path) -> None:
    given, spill = summaries(5), Spill(str(tmp_path / "missing"))
    kept = [(each, Waiting(each, spill, given[0])) for each in given]
    assert all(waiting.is_in_memory and waiting.summary() == each for each, waiting in kept)
    assert spill.bytes == 0


def test_on_a_full_disk_they_wait_in_memory_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, spill = summaries(5), Spill()
    first = Waiting(given[3], spill, given[0])
    write = os.pwrite

    def full(fd: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def nearly_full(fd: int, data: bytes, at: int) -> int:
        return write(fd, data[:9], at)

    for refuse in (full, nearly_full):
        monkeypatch.setattr(os, "pwrite", refuse)
        kept = [Waiting(given[4], spill, given[0]) for _ in range(PAUSE_WRITES)]
        assert all(each.is_in_memory for each in kept)
        monkeypatch.setattr(os, "pwrite", write)
        after = [Waiting(given[4], spill, given[0]) for _ in range(2)]
        assert [each.is_in_memory for each in after] == [True, False]
        assert all(each.summary() == given[4] for each in kept + after)
        del after, kept
    assert first.summary() == given[3]


def test_a_file_that_was_damaged_or_cut_off_is_said() -> None:
    given, spill = summaries(5), Spill()
    waiting = Waiting(given[4], spill, given[0])
    fd = spill._fd
    assert fd is not None
    os.pwrite(fd, b"\xff\xff\xff", 40)
    with pytest.raises(SummaryError, match="damaged summary"):
        waiting.summary()
    os.ftruncate(fd, 10)
    with pytest.raises(InputError, match="a temporary file was cut off"):
        waiting.summary()
    os.close(fd)
    with pytest.raises(InputError, match="a temporary file cannot be read: Bad file descriptor"):
        waiting.summary()
    spill._fd = None
    del waiting


def test_one_that_was_never_made_whole_ends_quietly() -> None:
    """A watch may be killed while it begins."""
    Spill.__new__(Spill).close()
