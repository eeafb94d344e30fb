"""The search by time in a file that is read in ranges: right, in few rounds, of few bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from logan._logan import Spec
from logan.limits import MIB
from logan.options import Options
from logan.planning import ranged_seek
from logan.planning.prepare import prepare

PERIOD_S = 86_400
COUNT = 200_000


def line(at: int, number: int) -> str:
    hour, minute, second = at // 3600 % 24, at // 60 % 60, at % 60
    day = 1 + at // 86_400
    text = f"2024-01-{day:02} {hour:02}:{minute:02}:{second:02}.000 INFO request {number} "
    return f"{text}{'x' * (number * 7919 % 90)}\n"


def times() -> list[int]:
    return [number * PERIOD_S // COUNT for number in range(COUNT)]


class Held:
    """A file in memory, which counts what is asked of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rounds = self.bytes = 0

    def range(self, start: int, end: int) -> bytes:
        return self.ranges([(start, end)])[0]

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        self.rounds += 1
        found = [self.data[start:end] for start, end in wanted]
        self.bytes += sum(map(len, found))
        return found


def spec_of(path: Path, **meaning: int) -> Spec:
    text = json.loads(prepare([str(path)], Options()).plan.spec_json)
    text["meaning"].update(meaning)
    return Spec(json.dumps(text))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "a.log"
    path.write_text("".join(line(at, number) for number, at in enumerate(times())))
    assert path.stat().st_size > ranged_seek.SIZE_BYTES_MIN
    return path


BASE_NS = 1_704_067_200_000_000_000  # 2024-01-01


@pytest.mark.parametrize(
    ("since", "until"),
    [
        *((0, 600), (3_600, 7_200), (40_000, 40_001), (86_000, None), (None, 1_000)),
        *((None, None), (90_000, None), (20_000, 80_000)),
    ],
)
def test_all_of_the_selected_time_is_in_the_range(
    log: Path, since: int | None, until: int | None
) -> None:
    meaning = {}
    if since is not None:
        meaning["since_ns"] = BASE_NS + since * 10**9
    if until is not None:
        meaning["until_ns"] = BASE_NS + until * 10**9
    held = Held(log.read_bytes())
    found = ranged_seek.search(held, len(held.data), spec_of(log, **meaning), 0)
    assert found.kind == "range"
    assert found.start == 0 or held.data[found.start - 1 : found.start] == b"\n"
    assert found.end == len(held.data) or held.data[found.end - 1 : found.end] == b"\n"
    low = -1 if since is None else since
    high = 10**9 if until is None else until
    wanted = [number for number, at in enumerate(times()) if low <= at < high]
    kept = held.data[found.start : found.end]
    assert kept.count(b"INFO request") >= len(wanted)
    if wanted:
        assert f"request {wanted[0]} ".encode() in kept
        assert f"request {wanted[-1]} ".encode() in kept
    assert held.rounds <= ranged_seek.ROUNDS_MAX
    assert held.bytes <= 4 * MIB
    # A minute of slack each way, and what it is not worth to search on in.
    minute = len(held.data) * 60 // PERIOD_S
    share = len(held.data) * len(wanted) // COUNT
    assert len(kept) <= share + 2 * (minute + ranged_seek.ENOUGH_BYTES + ranged_seek.PIECE_BYTES)


def test_files_that_cannot_be_searched(log: Path, tmp_path: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    half = len(lines) // 2
    swapped = "".join([*lines[half:], *lines[:half]]).encode()
    spec = spec_of(log, since_ns=BASE_NS + 3_600 * 10**9)
    assert ranged_seek.search(Held(swapped), len(swapped), spec, 0).kind == "unordered"
    timeless = b"no time in here\n" * (len(swapped) // 16)
    assert ranged_seek.search(Held(timeless), len(timeless), spec, 0).kind == "timeless"
    one = b"x" * len(swapped)
    assert ranged_seek.search(Held(one), len(one), spec, 0).kind == "timeless"


def test_the_last_time(log: Path) -> None:
    data = log.read_bytes()
    found = ranged_seek.last_time(Held(data), len(data), spec_of(log), 0)
    assert found == BASE_NS + times()[-1] * 10**9
