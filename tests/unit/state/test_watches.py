"""A watch with a state folder: it begins where the last run ended, whoever made that run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import logan
from logan.cli.main import main
from logan.errors import StateError
from logan.live.watching import Watch
from logan.options import Options, Storage
from logan.state.folder import StateFolder
from logan.state.run import open_state

NOW = 1_800_000_000.0


def lines(first: int, count: int) -> str:
    """Lines whose time is their number, in seconds."""
    made = ""
    for n in range(first, first + count):
        clock = f"{n // 3_600:02}:{n // 60 % 60:02}:{n % 60:02}"
        made += f"2026-01-01T{clock}Z INFO request {n} took 3ms\n"
    return made


class Session:
    """A watch that the test drives."""

    def __init__(self, folder: StateFolder, *paths: Path) -> None:
        self.folder = folder
        self.now = NOW
        self.watch = Watch(list(map(str, paths)), Options(), now=NOW, state=folder)

    def step(self, seconds: float = 2.0) -> None:
        """Let time pass: what came is read, decided on, and committed."""
        for _ in range(3):
            self.now += seconds / 2
            self.watch.step(self.now)

    def kill(self) -> None:
        """As a process that is gone: nothing more is written."""
        self.watch.close()
        self.folder.close()

    def end(self) -> int:
        """The lines of its final report."""
        self.watch.finish(self.now)
        assert self.watch.memory is not None
        report, _ = self.watch.memory.report(total=False)
        self.watch.memory.reported()
        self.kill()
        return int(report.lines.total)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logs" / "app.log"
    path.write_text(lines(0, 10))
    return path


@pytest.fixture
def start(log: Path, tmp_path: Path) -> Callable[..., Session]:
    sessions: list[Session] = []

    def start(*paths: Path) -> Session:
        folder = open_state(Storage(state=tmp_path / "state"), Options(), user="logan watch")
        sessions.append(Session(folder, *(paths or (log,))))
        return sessions[-1]

    return start


@pytest.fixture
def analyzed(log: Path, tmp_path: Path) -> Callable[..., int]:
    def analyzed(*, total: bool = False) -> int:
        return int(logan.analyze(log, state=tmp_path / "state", total=total).lines.total)

    return analyzed


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_to_and_fro(log: Path, start: Callable[..., Session], analyzed: Callable[..., int]) -> None:
    session = start()
    append(log, lines(10, 5) + lines(15, 1)[:9])
    session.step()
    assert session.end() == 15  # the last line is not whole
    append(log, lines(15, 1)[9:] + lines(16, 4))
    assert analyzed() == 5
    session = start()
    append(log, lines(20, 3))
    session.step()
    assert session.end() == 3
    assert analyzed() == 0
    append(log, lines(23, 2))
    assert analyzed() == 2
    assert analyzed(total=True) == 25


def test_a_killed_watch_is_reported_by_the_next_run(
    log: Path, start: Callable[..., Session], analyzed: Callable[..., int], tmp_path: Path
) -> None:
    session = start()
    append(log, lines(10, 5))
    session.step()
    session.kill()
    append(log, lines(15, 5))
    report = logan.analyze(log, state=tmp_path / "state")
    assert report.lines.total == 20
    assert report.performance.repeated is True
    assert analyzed() == 0
    assert analyzed(total=True) == 20


def test_one_log_is_one_source_through_rotation(
    log: Path, start: Callable[..., Session], tmp_path: Path
) -> None:
    for round_ in range(1, 4):
        session = start()
        session.step()
        log.rename(f"{log}.{round_}")
        log.write_text(lines(round_ * 10, 10))
        session.step()
        session.step()
        session.kill()
    with open_state(Storage(state=tmp_path / "state"), Options()) as folder:
        total = folder.total
        assert total is not None
        sources = json.loads(total.spec.to_json())["sources"]
        origins = [each["identity"]["origin"] for each in sources]
        assert len([each for each in origins if each.split()[0].endswith("w")]) == 1
        assert total.report().lines.total == 40
        # One stretch for what was watched, one for what was there before it.
        assert len(total.summary.segments()) == len(sources)


def test_a_link_that_leads_elsewhere(tmp_path: Path, start: Callable[..., Session]) -> None:
    link = tmp_path / "current.log"
    files = [tmp_path / name / "real.log" for name in ("one", "two", "three")]
    for each in files:
        each.parent.mkdir()
    files[0].write_text(lines(0, 10))
    link.symlink_to(files[0])
    start(link).kill()
    append(files[0], lines(10, 3))
    link.unlink()
    link.symlink_to(files[1])
    files[1].write_text(lines(13, 7))
    session = start(link)  # the rest of the first one, and the second one
    link.unlink()
    link.symlink_to(files[2])
    append(files[1], lines(20, 2))
    files[2].write_text(lines(22, 8))
    session.step()
    session.step()
    assert session.end() == 30


def test_logs_that_join(
    log: Path, start: Callable[..., Session], analyzed: Callable[..., int]
) -> None:
    session = start(log.parent / "*.log")
    other = log.with_name("other.log")
    other.write_text(lines(100, 7))
    session.step(4)
    session.step(4)
    assert session.end() == 17
    assert int(logan.analyze(log.parent / "*.log", state=session.folder.path).lines.total) == 0


def test_columns_that_stand_in_the_head_of_a_file(
    tmp_path: Path, start: Callable[..., Session]
) -> None:
    log = tmp_path / "u_ex.log"
    head = "#Fields: date time cs-method cs-uri-stem sc-status time-taken\n"
    row = "2026-01-01 00:00:{:02} GET /a{} 200 17\n"
    log.write_text(head + "".join(row.format(n, n % 2) for n in range(5)))
    start(log).kill()
    append(log, "".join(row.format(n, n % 2) for n in range(5, 9)))
    session = start(log)
    append(log, "".join(row.format(n, n % 2) for n in range(9, 14)))
    session.step()
    session.watch.finish(session.now)
    assert session.watch.memory is not None
    report, _ = session.watch.memory.report(total=True)
    assert report.total_requests == 14
    assert {row["route"]: row["requests"] for row in report.routes.top} == {
        "GET /a0": 7,
        "GET /a1": 7,
    }
    session.kill()


def test_a_full_disk_is_said_and_tried_again(
    log: Path, start: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = start()
    commit = StateFolder.commit

    def full(*args: object) -> None:
        raise StateError("cannot use the state folder state: database or disk is full")

    monkeypatch.setattr(StateFolder, "commit", full)
    append(log, lines(10, 5))
    session.step()
    append(log, lines(15, 5))
    session.step()
    said = [each.text for each in session.watch.notices if "disk is full" in each.text]
    assert len(said) == 1
    assert "counting goes on" in said[0]
    monkeypatch.setattr(StateFolder, "commit", commit)
    assert session.end() == 20


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["-", "--state", "s"], "standard input cannot be watched with --state"),
        (["app.log", "--state", "s", "--from", "end"], "--from cannot be combined with --state"),
        (["app.log", "--total"], "--total needs --state"),
        (["app.log", "--state", "app.log"], "cannot use the state folder app.log: "),
    ],
)
def test_mistakes(
    args: list[str],
    why: str,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(log.parent)
    assert main(["watch", *args]) in (2, 3)
    err = capsys.readouterr().err
    assert why in err
    assert "Traceback" not in err


def test_two_users_are_refused_by_name(
    log: Path, start: Callable[..., Session], capsys: pytest.CaptureFixture[str]
) -> None:
    session = start()
    for command in ("watch", "analyze"):
        assert main([command, str(log), "--state", str(session.folder.path)]) == 3
        assert f"in use by logan watch, process {os.getpid()}" in capsys.readouterr().err
    session.kill()


def test_a_log_whose_name_is_not_utf_8(log: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(log.parent) + b"/a\xff\n.log"))
    odd.write_text(lines(0, 7))
    state = log.parent.parent / "state"
    assert logan.analyze([log, odd], state=state).lines.total == 17
    odd.rename(f"{odd}.1")
    odd.write_text(lines(300, 3))
    assert logan.analyze([log, odd], state=state).lines.total == 3
    with odd.open("a") as file:
        file.write(lines(303, 2))
    session = Session(open_state(Storage(state=state), Options()), log, odd)
    session.step()
    with odd.open("a") as file:
        file.write(lines(305, 1))
    session.step()
    assert session.end() == 3
    assert logan.analyze([log, odd], state=state, total=True).lines.total == 23


def test_the_command(log: Path, tmp_path: Path) -> None:
    """What is saved and reported: the new part, or all."""
    state, saved = tmp_path / "state", tmp_path / "new.logan"
    command = [sys.executable, "-m", "logan", "watch", str(log), "--state", str(state)]
    command += ["--exit-idle", "300ms", "--json", "--interval", "10s", "--save", str(saved)]
    for new, total in ((10, False), (4, False), (3, True)):
        found = subprocess.run(
            [*command, *(["--total"] if total else [])], capture_output=True, check=True
        )
        report = json.loads(found.stdout.splitlines()[-1])
        shown = 17 if total else new
        assert report["lines"]["total"] == shown, found.stderr
        assert report["live"]["window"] == "all"
        assert logan.load(saved).report().lines.total == shown
        append(log, lines(100, 4) if new == 10 else lines(200, 3))
