"""Logs of hosts without logan, followed over a real sshd on loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, ClassVar

import pytest

from logan.live.lines import verdict
from logan.live.watching import Watch
from logan.options import Options
from tests.support.cluster_processes import wait_until
from tests.support.ssh_server import SshServer, open_sshd


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with open_sshd(tmp_path_factory.mktemp("sshd")) as found:
        for name in ("web1", "web2"):
            found.add(name)
        yield found


@pytest.fixture(autouse=True)
def server(running: SshServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshServer]:
    monkeypatch.setenv("LOGAN_SSH", running.environment["LOGAN_SSH"])
    monkeypatch.setattr("logan.live.remote.follower.POLL_S", 0.05)
    monkeypatch.setattr("logan.live.remote.follower.PAUSE_S_MIN", 0.1)
    monkeypatch.setattr("logan.live.remote.follower.DISCOVER_S", 0.5)
    monkeypatch.setattr("logan.live.remote.follower.RETIRED_POLL_S", 0.2)
    yield running
    for each in Writer.opened:
        each.close()
    Writer.opened.clear()


def line(number: int) -> bytes:
    return b"2024-01-24 10:%02d:%02d.123 INFO Request %d processed in %dms\n" % (
        *(number // 60 % 60, number % 60, number, number % 500),
    )


class Writer:
    """Writes numbered lines, as a program does that keeps its file open."""

    opened: ClassVar[list[IO[bytes]]] = []

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.reopen()

    def reopen(self) -> None:
        self.file = open(self.path, "ab", buffering=0)  # noqa: SIM115
        self.opened.append(self.file)

    def write(self, count: int) -> None:
        for _ in range(count):
            self.file.write(line(self.count))
            self.count += 1


@pytest.fixture
def watched() -> Iterator[Callable[..., Watch]]:
    started: list[Watch] = []

    def start(*paths: str, start: str | float = "start") -> Watch:
        started.append(Watch(paths, Options(), start=start, now=time.time()))
        return started[-1]

    yield start
    for each in started:
        each.close()


def counted(watch: Watch) -> int:
    watch.step(time.time())
    watch.summary(None, time.time())
    lines = watch.view("all", time.time()).lines
    return int(lines.parsed) + int(lines.malformed)


def reaches(watch: Watch, count: int) -> None:
    wait_until(lambda: counted(watch) >= count, f"{count} lines", 30)
    for _ in range(5):
        time.sleep(0.05)
        assert counted(watch) == count


def notices(watch: Watch) -> list[str]:
    return [f"{each.kind}: {each.text}" for each in watch.notices]


def test_rotation_by_rename(tmp_path: Path, watched: Callable[..., Watch]) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(500)
    watch = watched(f"web1:{tmp_path}/a.log")
    reaches(watch, 500)
    for number in range(1, 4):
        writer.write(20)
        (tmp_path / "a.log").rename(tmp_path / f"a.log.{10 - number}")
        writer.write(5)  # it was not told yet
        writer.reopen()
        writer.write(30)
        reaches(watch, writer.count)
    assert not [each for each in notices(watch) if each.startswith("lost")]
    assert sum(each.startswith("rotated") for each in notices(watch)) == 3
    assert watch.total().covered_bytes(0) == sum(len(line(n)) for n in range(writer.count))


def test_lines_that_come_late_to_a_renamed_file(
    tmp_path: Path, watched: Callable[..., Watch]
) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(10)
    watch = watched(f"web1:{tmp_path}/a.log")
    reaches(watch, 10)
    (tmp_path / "a.log").rename(tmp_path / "a.log.1")
    late = writer.file
    writer.reopen()
    writer.write(10)
    reaches(watch, 20)
    time.sleep(1.2)
    late.write(line(1_000))
    reaches(watch, 21)


def test_copy_and_truncate(tmp_path: Path, watched: Callable[..., Watch]) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(300)
    watch = watched(f"web1:{tmp_path}/a.log")
    reaches(watch, 300)
    writer.write(50)
    shutil.copy(tmp_path / "a.log", tmp_path / "a.log.1")
    os.truncate(tmp_path / "a.log", 0)
    writer.write(700)  # past the old offset
    reaches(watch, writer.count)
    (lost,) = [each for each in notices(watch) if each.startswith("lost")]
    assert f"was copied to {tmp_path}/a.log.1 and truncated: the rest is read from the copy" in lost
    os.truncate(tmp_path / "a.log", 0)
    wait_until(lambda: counted(watch) and len(notices(watch)) > 1, "it is seen")
    writer.write(3)
    reaches(watch, writer.count)
    assert "it was truncated; lines written after byte" in notices(watch)[-1]


def test_a_connection_that_breaks(
    tmp_path: Path, server: SshServer, watched: Callable[..., Watch]
) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(1_000)
    watch = watched(f"web1:{tmp_path}/a.log")
    reaches(watch, 1_000)
    for number in range(3):
        assert server.cut()
        writer.write(50)
        reaches(watch, writer.count)
        said = [each for each in notices(watch) if "web1 is back after" in each]
        assert len(said) == number + 1
    assert any("the connection broke" in each for each in notices(watch))


def test_rotations_while_the_host_is_away(
    tmp_path: Path, server: SshServer, watched: Callable[..., Watch]
) -> None:
    gate = tmp_path / "away"
    server.add("away", runs=f'[ -e {gate} ] && exit 1; eval "$SSH_ORIGINAL_COMMAND"')
    writer = Writer(tmp_path / "a.log")
    writer.write(200)
    watch = watched(f"away:{tmp_path}/a.log")
    reaches(watch, 200)
    gate.touch()
    server.cut()
    for number in (3, 2, 1):  # as logrotate leaves them: the oldest has the highest number
        writer.write(40)
        (tmp_path / "a.log").rename(tmp_path / f"a.log.{number}")
        writer.reopen()
    writer.write(7)
    wait_until(lambda: counted(watch) and "no shell answered" in str(notices(watch)), "it is away")
    away = watch.view("all", time.time())
    assert away.partial
    assert verdict(away)[1].endswith("; 1 of 1 not read")
    gate.unlink()
    reaches(watch, writer.count)
    assert not watch.view("all", time.time()).partial
    assert not [each for each in notices(watch) if each.startswith("lost")]


def test_what_is_gone_is_named(
    tmp_path: Path, server: SshServer, watched: Callable[..., Watch]
) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(20)
    watch = watched(f"web1:{tmp_path}/a.log")
    reaches(watch, 20)
    # Under another name in another folder nobody can find it.
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a.log").rename(tmp_path / "elsewhere" / "a.log")
    writer.reopen()
    writer.write(5)
    reaches(watch, 25)
    assert any("the old one is not beside it" in each for each in notices(watch))


def test_files_that_come_and_go(tmp_path: Path, watched: Callable[..., Watch]) -> None:
    watch = watched(f"web1:{tmp_path}/app/*.log", f"web1:{tmp_path}/later.log")
    wait_until(
        lambda: not counted(watch) and "does not exist; waiting for it" in str(notices(watch)),
        "it is waited for",
    )
    (tmp_path / "app").mkdir()
    first, second = Writer(tmp_path / "app" / "a.log"), Writer(tmp_path / "app" / "b.log")
    later = Writer(tmp_path / "later.log")
    for each in (first, second, later):
        each.write(10)
    reaches(watch, 30)
    (tmp_path / "later.log").unlink()
    wait_until(lambda: counted(watch) and "later.log does not" in notices(watch)[-1], "it is gone")
    later.reopen()
    later.write(2)
    reaches(watch, 32)


def test_it_begins_at_the_records_asked_for(tmp_path: Path, watched: Callable[..., Watch]) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(3_000)
    whole = watched(f"web1:{tmp_path}/a.log", start="end")
    wait_until(lambda: not counted(whole) and bool(whole.names), "it is there")
    writer.write(10)
    reaches(whole, 10)
    part = watched(f"web1:{tmp_path}/a.log", start=300.0)
    wait_until(lambda: counted(part) > 0, "it is read")
    assert 300 <= counted(part) < 1_000


def test_the_command(tmp_path: Path, server: SshServer) -> None:
    writer = Writer(tmp_path / "a.log")
    writer.write(100)
    server.add("refused", allowed=False)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "logan", "watch", "--from", "start", "--interval", "0.2s"),
            *("--json", "--window", "all", f"web2:{tmp_path}/a.log", "refused:/var/log/x.log"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    while b'"parsed":100,' not in process.stdout.readline():
        assert process.poll() is None
    writer.write(11)
    while b'"parsed":111,' not in process.stdout.readline():
        assert process.poll() is None
    assert server.sessions()
    process.send_signal(signal.SIGINT)
    output, said = process.communicate(timeout=20)
    assert process.returncode == 3
    assert b'"parsed":111,' in output.splitlines()[-1]
    assert b"refused: ssh was not let in without a password" in said
    assert b"Traceback" not in said
    wait_until(lambda: not server.sessions(), "no process is left on the other side")


def test_killed_it_leaves_nothing_there(tmp_path: Path, server: SshServer) -> None:
    Writer(tmp_path / "a.log").write(3)
    process = subprocess.Popen(
        [sys.executable, "-m", "logan", "watch", f"web2:{tmp_path}/a.log"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(server.sessions, "it is connected")
    process.kill()
    process.wait()
    wait_until(lambda: not server.sessions(), "no process is left on the other side")


@pytest.mark.parametrize("path", ["/var/log/x.log", "/var/log/*.log", "/var/log/"])
def test_a_host_that_is_not_reached_is_an_error_whatever_is_asked_for(path: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "logan", "watch", "--for", "1s", "--json", f"dead:{path}"],
        capture_output=True,
        env=os.environ | {"LOGAN_SSH": "false"},
        timeout=30,
        check=False,
    )
    assert done.returncode == 3
    (entry,) = json.loads(done.stdout.splitlines()[-1])["inputs"]
    assert entry["path"] == f"dead:{path}"
    assert "no shell answered" in entry["error"]
    assert done.stderr.decode().count("no shell answered") <= 2


def test_a_host_that_hangs_at_the_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "logan", "watch", "--for", "0.5s", "--json", "dead:/var/log/*.log"],
        capture_output=True,
        env=os.environ | {"LOGAN_SSH": "sh -c 'exec sleep 5'"},
        timeout=30,
        check=False,
    )
    assert done.returncode == 3
    assert b"it was not reached before the watch ended" in done.stderr
