"""A log is followed through every kind of rotation: each line once, however seldom it is read."""

from __future__ import annotations

import os
import random
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logan.live import known_files, rotated
from logan.live.files import Generation, OpenFile
from logan.live.follower import Follower
from logan.live.logs import newest
from logan.live.notices import Notices
from tests.support.rotating import KINDS, OLDDIR_KINDS, Writer


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

    def look() -> None:
        nonlocal data, now
        if chance.random() < 0.5:
            for _ in range(3):
                data += drain(follower, now)
                now += 1.1

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
        writer.rotate(look)
    writer.write(3)
    for _ in range(6):
        data += drain(follower, now)
        now += 1.1
    follower.close()
    writer.close()
    found = Counter(numbers(bytes(data)))
    lost = set(range(writer.lines)) ^ set(found)
    doubled = [number for number, times in found.items() if times > 1]
    assert (sorted(lost), doubled) == ([], []), f"seed {seed}: {[n.text for n in notices]}"
    assert follower.offset == len(data)


@pytest.mark.parametrize("kind", KINDS + OLDDIR_KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_rotations_under_load(tmp_path: Path, kind: str, seed: int) -> None:
    under_load(tmp_path, kind, seed, 20)


def in_the_middle(patch: pytest.MonkeyPatch, folder: Path, kind: str, seed: int) -> None:
    """Rotations while the set's files are looked at, several during one look."""
    writer = Writer(folder, kind, seed)
    follower, notices = followed(writer.path)
    chance = random.Random(seed)
    data, now = bytearray(), 0.0
    since_read = 0
    writes = False

    def meanwhile() -> None:
        nonlocal since_read, writes
        # Of 13 rotated files none that is not read yet may be gone.
        if writes or since_read >= 8 or chance.random() < 0.85:
            return
        writes = True
        writer.write(chance.randrange(1, 30))
        writer.rotate()
        writer.write(chance.randrange(3))
        since_read, writes = since_read + 1, False

    def interrupted(place: object, name: str) -> None:
        original = getattr(place, name)

        def called(*args: object, **named: object) -> object:
            meanwhile()
            found = original(*args, **named)
            meanwhile()
            return found

        patch.setattr(place, name, called)

    interrupted(rotated, "head_of")
    interrupted(rotated, "siblings")
    interrupted(rotated, "_at_end_of")
    interrupted(known_files, "members")
    interrupted(known_files, "_beginning_of")
    interrupted(OpenFile, "beginning")
    for _ in range(150):
        writer.write(chance.randrange(1, 30))
        meanwhile()
        data += follower.read(chance.choice([100, 5_000, 1 << 20]), now)
        if chance.random() < 0.3:
            writes = True
            for _ in range(3):
                data += drain(follower, now)
                now += 1.1
            writes, since_read = False, 0
        now += chance.choice([0.01, 0.3, 1.5])
    writes = True
    for _ in range(6):
        data += drain(follower, now)
        now += 1.1
    follower.close()
    writer.close()
    found = numbers(bytes(data))
    assert writer.rotations > 20
    assert sorted(found) == list(range(writer.lines)), f"seed {seed}: {[n.text for n in notices]}"
    if kind.startswith("copy"):  # of renamed files, lines that were written late come late
        assert found == sorted(found), f"seed {seed}"


@pytest.mark.parametrize("kind", ["create", "compress", "copytruncate", "copycompress"])
@pytest.mark.parametrize("seed", range(8))
def test_rotations_in_the_middle_of_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, seed: int
) -> None:
    in_the_middle(monkeypatch, tmp_path, kind, seed)


def no_rest_of_a_copy(patch: pytest.MonkeyPatch) -> None:
    """The last lines before a log is truncated are skipped."""
    patch.setattr("logan.live.follower.copy_of", lambda old, current: None)


def no_last_line_of_a_copy(patch: pytest.MonkeyPatch) -> None:
    """The last line before a log is truncated is skipped."""
    from logan.live import follower

    def copy_without(old: Generation, current: OpenFile) -> object:
        found = rotated.copy_of(old, current)
        if found is not None and isinstance(found[0], OpenFile):
            left = found[0].size - found[0].position
            rest = os.pread(found[0].fd, left, found[0].position)
            found[0].seek(found[0].position + len(rest[: rest.find(b"\n") + 1]))
        return found

    patch.setattr(follower, "copy_of", copy_without)


def nothing_late(patch: pytest.MonkeyPatch) -> None:
    """What is written to a renamed file is not read."""
    patch.setattr(Follower, "_late", lambda self, now: b"")


def nothing_missed(patch: pytest.MonkeyPatch) -> None:
    """Files that came and went between two looks are not read."""
    patch.setattr(Follower, "_queue_missed", lambda self, current, now: False)


PLANTED: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    no_rest_of_a_copy: "copytruncate",
    no_last_line_of_a_copy: "copytruncate",
    nothing_late: "create",
    nothing_missed: "rename",
}


@pytest.mark.parametrize("bug", PLANTED, ids=lambda each: each.__name__)
def test_planted_bugs_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bug: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """By the twenty rotations that are tried each time."""
    bug(monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012
        for seed in range(4):
            folder = tmp_path / str(seed)
            folder.mkdir()
            under_load(folder, PLANTED[bug], seed, 20)


class BusyWriter(threading.Thread):
    """Writes numbered lines all the time, whatever is done to its log."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.file = open(log, "ab", buffering=0)  # noqa: SIM115
        self.written = 0
        self.ends = threading.Event()

    def line(self) -> None:
        self.file.write(b"2024-01-24 10:15:00.123 INFO request %d x\n" % self.written)
        self.written += 1

    def run(self) -> None:
        while not self.ends.is_set():
            self.line()
            if self.written % 50 == 0:
                time.sleep(0.001)

    def close(self) -> None:
        """End with a line that shows whether those before it were lost."""
        self.ends.set()
        self.join()
        self.line()
        self.file.close()


def copied_and_truncated(log: Path, pause: float) -> None:
    for number in range(8, 0, -1):
        old = log.with_name(f"{log.name}.{number}")
        if old.exists():
            old.rename(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copy2(log, log.with_name(f"{log.name}.1"))
    time.sleep(pause)
    os.truncate(log, 0)


def gaps(data: bytes) -> Iterator[tuple[int, int]]:
    """Where numbers are missing, and how many."""
    offset, before = 0, -1
    for line in data.splitlines(keepends=True):
        found = re.fullmatch(rb"2024-01-24 10:15:00.123 INFO request (\d+) x\n", line)
        if found is not None:
            assert int(found[1]) > before, "doubled"
            if int(found[1]) > before + 1:
                yield offset, int(found[1]) - before - 1
            before = int(found[1])
        offset += len(line)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_lost_between_copying_and_truncating_is_named(tmp_path: Path, seed: int) -> None:
    """A writer that does not pause for it: each gap lies where a notice says that one may be."""
    log, chance = tmp_path / "app.log", random.Random(seed)
    log.touch()
    follower, notices = followed(log)
    writer = BusyWriter(log)
    writer.start()
    data, now = bytearray(), 0.0
    try:
        for _ in range(20):
            until = time.monotonic() + chance.uniform(0.01, 0.05)
            while time.monotonic() < until:
                data += follower.read(1 << 16, now)
            copied_and_truncated(log, chance.choice((0, 0.002)))
            data += follower.read(1 << 16, now)
            now += 1.0
    finally:
        writer.close()
    for _ in range(6):
        data += drain(follower, now)
        now += 61.0
    follower.close()
    named = [each.start for each in notices if each.start is not None]
    found = list(gaps(bytes(data)))
    for offset, count in found:
        assert any(abs(offset - each) < 200 for each in named), f"{count} lines before {offset}"
    assert found, "the writer lost nothing"
    assert bytes(data).endswith(b" %d x\n" % (writer.written - 1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS + OLDDIR_KINDS)
def test_a_thousand_rotations(tmp_path: Path, kind: str) -> None:
    for seed in range(50):
        folder = tmp_path / str(seed)
        folder.mkdir()
        under_load(folder, kind, 1_000 + seed, 20)


def test_many_rotated_files_stay_known(tmp_path: Path) -> None:
    """More rotations than files are recognized, while the rotated files stay there."""
    log = tmp_path / "app.log"
    log.write_bytes(b"line 0 of a log that is copied and truncated, again and again, and again\n")
    follower = Follower("app.log", lambda: str(log), Notices(), now=0.0)
    got = b""
    for n in range(1, 100):
        now = 10.0 * n
        while data := follower.read(1 << 20, now):
            got += data
        (tmp_path / f"app.log-2026{n:04}").write_bytes(log.read_bytes())
        os.truncate(log, 0)
        more = f"line {n} of a log that is copied and truncated, again and again, and again\n"
        log.write_bytes(more.encode())
    while data := follower.read(1 << 20, 2_000.0):
        got += data
    follower.close()
    assert [int(line.split()[1]) for line in got.splitlines()] == list(range(100))


class Rotates:
    """Rotates a log by one step of a rotation each time a file of its set is opened, from the nth
    on: `app.log.N` becomes `app.log.N+1`, the oldest first, and at last there is a new log."""

    def __init__(self, log: Path, kept: int, after: int) -> None:
        self.log, self.left, self.wait = log, kept, after

    def __call__(self, path: str) -> bool:
        self.wait -= 1
        if self.wait < 0:
            self.step()
        return True

    def step(self) -> None:
        if self.left < 0:
            return
        name = f"{self.log.name}.{self.left}" if self.left else self.log.name
        self.log.with_name(name).rename(self.log.with_name(f"{self.log.name}.{self.left + 1}"))
        if not self.left:
            self.log.write_text(text_of(1_000))
        self.left -= 1


@pytest.mark.parametrize("after", range(14))
@pytest.mark.parametrize("is_found_again", [False, True])
def test_files_that_are_renamed_while_it_starts(
    tmp_path: Path, after: int, is_found_again: bool
) -> None:
    """What was there before is neither counted nor forgotten, whatever names it had meanwhile."""
    log, kept = tmp_path / "app.log", 5
    for number in range(kept, 0, -1):
        first = 10 * (kept - number)
        log.with_name(f"app.log.{number}").write_text(text_of(*range(first, first + 10)))
    log.write_text(text_of(*range(50, 60)))
    place = None
    if is_found_again:  # as a worker that was killed, and is back
        before = Follower("app.log", lambda: str(log), Notices(), now=0.0)
        before.start_at(len(text_of(*range(50, 55))))
        place = before.place(0, 0.0)
        before.close()
    rotates = Rotates(log, kept, after)
    follower = Follower("app.log", lambda: str(log), Notices(), now=1.0, allowed=rotates)
    if place is not None:
        follower.resume(place, 1.0)
    while rotates.left >= 0:
        rotates.step()
    got = drained(follower, 1.0)
    again = Rotates(log, kept + 1, 0)
    while again.left >= 0:
        again.step()
    got += drained(follower, 20.0)
    follower.close()
    wanted = [*range(55 if is_found_again else 50, 60), 1_000]
    assert got[: len(wanted)] == wanted
    assert set(got[len(wanted) :]) <= {1_000}


def drained(follower: Follower, now: float) -> list[int]:
    """The numbers of the lines that came within some seconds."""
    data = b""
    for _ in range(6):
        data += drain(follower, now)
        now += 1.1
    return numbers(data)


def text_of(*numbers: int) -> str:
    return "".join(f"2024-01-24 10:15:00.123 INFO request {n} {'x' * 80}\n" for n in numbers)


def test_a_folder_elsewhere_is_found_by_what_was_moved_there(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    old = tmp_path / "elsewhere"
    old.mkdir()
    (old / "a.log.1").write_text(text_of(901))
    (old / "other.log.1").write_text(text_of(902))
    log = tmp_path / "logs" / "a.log"
    log.write_text(text_of(0))
    follower, notices = followed(log)
    assert drained(follower, 0.0) == [0]
    with log.open("a") as file:
        file.write(text_of(1))
    (old / "a.log.1").rename(old / "a.log.2")
    log.rename(old / "a.log.1")
    log.write_text(text_of(2))  # written and rotated again before anything was read
    (old / "a.log.2").rename(old / "a.log.3")
    (old / "a.log.1").rename(old / "a.log.2")
    log.rename(old / "a.log.1")
    log.write_text(text_of(3))
    assert drained(follower, 10.0) == [1, 2, 3]
    assert "lost" not in notices.counts
    follower.close()


@pytest.mark.parametrize("named", [True, False])
def test_copies_in_a_folder_elsewhere(tmp_path: Path, named: bool) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.log.1").write_text(text_of(901))
    log = tmp_path / "logs" / "a.log"
    log.write_text(text_of(0))
    notices = Notices()
    folders = ["../elsewhere"] if named else []
    follower = Follower("a.log", lambda: str(log), notices, now=0.0, folders=folders)
    assert drained(follower, 0.0) == [0]
    with log.open("a") as file:
        file.write(text_of(1))
    (tmp_path / "elsewhere" / "a.log.1").rename(tmp_path / "elsewhere" / "a.log.2")
    (tmp_path / "elsewhere" / "a.log.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)
    with log.open("a") as file:
        file.write(text_of(2))
    assert drained(follower, 10.0) == ([1, 2] if named else [2])
    text = next(each.text for each in notices if each.kind == "lost")
    assert ("was copied and truncated: the rest was read from" in text) is named
    assert ("name that: --olddir DIR" in text) is not named
    follower.close()


def test_logs_of_the_same_name_in_folders_below_stay_their_own(tmp_path: Path) -> None:
    (tmp_path / "node").mkdir()
    log, other = tmp_path / "a.log", tmp_path / "node" / "a.log"
    log.write_text(text_of(0))
    other.write_text(text_of(500))
    follower, _ = followed(log)
    assert drained(follower, 0.0) == [0]
    other.rename(tmp_path / "node" / "a.log.1")
    other.write_text(text_of(501))
    log.rename(tmp_path / "a.log.1")
    log.write_text(text_of(1))
    assert drained(follower, 10.0) == [1]
    follower.close()
