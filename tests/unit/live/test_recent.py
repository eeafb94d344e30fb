"""What stands out just now: the same for every viewer, new or over, and caught up with evenly."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logan.live.recent import Recent
from logan.live.watching import Watch
from logan.options import Options
from test_vectors.live_demo import RATE, _events, _write, planted

BEGAN = 1_706_091_330.0


def demo(folder: Path, seconds: float) -> tuple[Watch, float]:
    """The demo's logs up to a moment, as a watch finds them that is started then."""
    now = BEGAN + seconds
    _write(folder, [each for each in _events(BEGAN, 240, planted()) if each.t < now])
    for path in folder.iterdir():
        os.utime(path, (now, now))
    paths = [str(folder / name) for name in ("access.log", "app.log")]
    watch = Watch(paths, Options(), start=300.0, now=now)
    while watch.step(now):
        pass
    return watch, now


def test_an_incident_that_goes_on_is_found_and_then_over(tmp_path: Path) -> None:
    error, slow, _ = planted()
    watch, now = demo(tmp_path, error.end - 5)
    found = Recent().look(watch, "5m", now)
    first = found["findings"][0]
    assert (first["kind"], first["is_new"], first["is_over"]) == ("errors", True, False)
    assert "POST /api/checkout" in first["text"]
    assert [each["level"] for each in found["new"]] == ["ERROR"]
    assert "payment gateway" in found["new"][0]["text"]
    assert Recent().look(watch, "5m", now + 5) == found  # another viewer, who came later
    watch.close()
    later = tmp_path / "later"
    later.mkdir()
    watch, now = demo(later, slow.end - 5)
    rows = {each["kind"]: each for each in Recent().look(watch, "5m", now)["findings"]}
    assert rows["errors"]["is_over"]
    assert not rows["latency"]["is_over"]
    watch.close()


def test_a_quiet_log_has_nothing_new(tmp_path: Path) -> None:
    watch, now = demo(tmp_path, 5.0)
    assert Recent().look(watch, "5m", now) == {"findings": [], "new": []}
    watch.close()


def test_messages_without_timestamps_are_new_after_the_first_look(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text('level=error msg="database is away"\n' * 5)
    watch = Watch([str(log)], Options(), start="start", now=BEGAN)
    recent, found = Recent(), []
    for second in (5, 10):
        while watch.step(BEGAN + second):
            pass
        found.append([each["text"] for each in recent.look(watch, "5m", BEGAN + second)["new"]])
        with log.open("a") as file:
            file.write('level=error msg="disk is full"\n' * 5)
    watch.close()
    assert found[0] == []
    assert len(found[1]) == 1
    assert "disk is full" in found[1][0]


@pytest.mark.parametrize("seconds", [0.0, 2.5])
def test_what_was_there_is_placed_in_its_slots(tmp_path: Path, seconds: float) -> None:
    """Of more than a mebibyte, too: each bar of the timeline is about as high as the next one."""
    watch, now = demo(tmp_path, seconds)
    assert os.path.getsize(tmp_path / "access.log") > 1 << 20
    step, points = watch.history("5m", now)
    records = [each["records"] for each in points[2:-2]]
    watch.close()
    assert len(records) > 50
    assert 0.6 * RATE * step < min(records)
    assert max(records) < 1.5 * RATE * step
