"""What is said of logs: repeated notices are summed up, and a line without an end is said once."""

from __future__ import annotations

import os
from pathlib import Path

from logan.live.notices import REPEATS_MAX, Notice, Notices
from logan.live.pipes import Pipe
from logan.live.unended import UnendedLine

NOW = 1_706_091_332.0


def texts(notices: Notices, now: float) -> list[str]:
    return [each.text for each in notices.take(now)]


def test_what_repeats_is_summed_up_and_hides_nothing() -> None:
    notices = Notices()
    for second in range(200):
        notices.add(Notice("lost", "a", f"a {second}", NOW + second, True))
    notices.add(Notice("lost", "b", "b", NOW + 200, True))
    said = texts(notices, NOW + 200)
    assert said[:REPEATS_MAX] == [f"a {second}" for second in range(REPEATS_MAX)]
    assert said[REPEATS_MAX:-1] == [
        "a 59 (50 like this in 60 s)",
        "a 119 (60 like this in 60 s)",
        "a 179 (60 like this in 60 s)",
    ]
    assert said[-1] == "b"
    assert notices.counts == {"lost": 201}
    assert texts(notices, NOW + 260) == ["a 199 (20 like this in 60 s)"]
    assert texts(notices, NOW + 330) == []
    notices.add(Notice("lost", "a", "once more", NOW + 400, True))
    assert texts(notices, NOW + 400) == ["once more"]


def test_what_is_missing_for_certain_is_always_said() -> None:
    notices = Notices()
    for number in range(50):
        notices.add(Notice("lost", "a", f"a {number}", NOW, True, number, certain=True))
    assert len(texts(notices, NOW)) == len(notices.gone) == 50


def test_many_logs_may_each_have_something_to_say() -> None:
    notices = Notices()
    for number in range(1_000):
        notices.add(Notice("waiting", f"log {number}", f"log {number}", NOW, True))
    assert len(texts(notices, NOW)) == 1_000


def test_a_line_that_does_not_end_is_said_once() -> None:
    notices = Notices()
    line = UnendedLine("a.log", notices)
    line.took(b"one\ntwo\nthr", NOW)
    line.took(b"ee\nfour", NOW + 100)
    assert texts(notices, NOW) == []
    for second in range(100):
        line.took(b"x" * 30_000, NOW + 100 + second)
    (said,) = texts(notices, NOW)
    assert said.startswith("a.log: 1")
    assert "MB since 10:17:12.000Z without the end of a line" in said
    line.took(b"\nfive\nsix", NOW + 300)
    (said,) = texts(notices, NOW)
    assert said.endswith(f"has ended, after {4 + 100 * 30_000 + 1:,} bytes")


def test_a_line_that_grows_slowly_is_said_after_a_minute() -> None:
    notices = Notices()
    line = UnendedLine("-", notices)
    for second in range(59):
        line.took(b"x", NOW + second)
    assert texts(notices, NOW) == []
    line.took(b"x", NOW + 61)
    (said,) = texts(notices, NOW)
    assert said.startswith("standard input: 60 B since 10:15:32.000Z without the end of a line")


def test_a_pipe_is_read_to_its_end_before_another_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    notices = Notices()
    pipe = Pipe.open(str(path), notices)
    number = pipe.fd
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, b"one\n")
    path.unlink()
    os.mkfifo(path)
    assert pipe.read(100, NOW) == b"one\n"
    assert pipe.read(100, NOW + 1) == b""
    assert texts(notices, NOW) == [f"{path} was made anew: it is read from now on"]
    second = os.open(path, os.O_WRONLY)
    os.write(second, b"two\n")
    assert pipe.read(100, NOW + 2) == b"two\n"
    assert pipe.fd == number
    for each in (writer, second):
        os.close(each)
    pipe.close()
