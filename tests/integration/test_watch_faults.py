"""What may go wrong under a watch: each time it is in every view and on stderr, nothing is lost
that still exists, and the rest goes on."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.cluster_processes import wait_until
from tests.support.disks import fill, small_disk
from tests.support.permissions import held_to_permissions
from tests.support.watching import Piped, Screen, Views, opened

JUMPING = Path(__file__).parents[1] / "support" / "jumping_clock.py"


def line(number: int, *, ahead_s: float = 0.0, status: int = 200) -> bytes:
    at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() + ahead_s))
    path = f"/api/items/{number}"
    return f'10.0.0.1 - - [{at}] "GET {path} HTTP/1.1" {status} 17 "-" "curl" 0.025\n'.encode()


class Logs:
    """Two logs: one that something happens to, and the rest.

    Attributes:
        written: how many lines were written to both.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log, self.rest = folder / "a.log", folder / "rest.log"
        self.written = 0
        self.log.touch()
        self.write(10)

    def write(self, count: int, to: Path | None = None) -> None:
        """Some lines to the log, or another one, and one to the rest."""
        with open(to or self.log, "ab") as file:
            file.write(line(self.written) * count)
        with open(self.rest, "ab") as file:
            file.write(line(self.written))
        self.written += count + 1


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    (tmp_path / "logs").mkdir()
    return Logs(tmp_path / "logs")


@contextmanager
def seen(logs: Logs, tmp_path: Path, *more: object, **extra: Any) -> Iterator[Views]:
    """All views of both logs, which have counted what there is."""
    pytest.importorskip("hypercorn")
    with opened(tmp_path, logs.log, logs.rest, "--from", "start", *more, **extra) as views:
        views.counted(logs.written)
        yield views


# Files.


def away(log: Path) -> None:
    log.rename(log.with_name("elsewhere"))


def a_folder(log: Path) -> None:
    away(log)
    log.mkdir()


def a_named_pipe(log: Path) -> None:
    away(log)
    os.mkfifo(log)


def a_socket(log: Path) -> None:
    away(log)
    # A short name: those of sockets have a limit.
    with socket.socket(socket.AF_UNIX) as one:
        before = os.getcwd()
        os.chdir(log.parent)
        try:
            one.bind(log.name)
        finally:
            os.chdir(before)


def a_device(log: Path) -> None:
    away(log)
    log.symlink_to("/dev/zero")


def links_in_a_circle(log: Path) -> None:
    away(log)
    log.symlink_to(log.name)


def a_link_to_nothing(log: Path) -> None:
    away(log)
    log.symlink_to("nothing")


def no_folder(log: Path) -> None:
    log.parent.rename(log.parent.with_name("moved"))


REPLACEMENTS: dict[Callable[[Path], None], str] = {
    away: r"a\.log is gone; waiting for it to come back",
    a_folder: r"a\.log is a folder now; waiting until it can be read",
    a_named_pipe: r"a\.log cannot be read: it is a named pipe, not a file; waiting",
    a_socket: r"a\.log cannot be read: it is a socket, not a file; waiting",
    a_device: r"a\.log cannot be read: it is a device, not a file; waiting",
    links_in_a_circle: r"a\.log is a link that leads nowhere now; waiting for it to come back",
    a_link_to_nothing: r"a\.log is a link that leads nowhere now; waiting for it to come back",
}


@pytest.mark.parametrize("replace", REPLACEMENTS, ids=lambda each: each.__name__)
def test_what_takes_the_place_of_a_log(
    logs: Logs, tmp_path: Path, replace: Callable[[Path], None]
) -> None:
    with seen(logs, tmp_path) as views:
        replace(logs.log)
        elsewhere = logs.log.with_name("elsewhere")
        logs.write(3, to=elsewhere)  # its writer keeps it open
        views.tell(REPLACEMENTS[replace])
        views.counted(logs.written)
        logs.log.rmdir() if logs.log.is_dir() else logs.log.unlink(missing_ok=True)
        logs.write(5)  # made anew, while the old one goes on for a moment
        views.counted(logs.written)
        logs.write(2, to=elsewhere)
        views.counted(logs.written)
        assert views.end() == 0
        assert views.piped.err.count("waiting") == 1


def test_a_pipe_in_a_log_s_place_is_not_opened(logs: Logs, tmp_path: Path) -> None:
    """Its writer would go on, and die of writing to no reader."""
    with seen(logs, tmp_path) as views:
        a_named_pipe(logs.log)
        views.tell(r"it is a named pipe, not a file")
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            with pytest.raises(OSError, match="No such device or address"):
                os.close(os.open(logs.log, os.O_WRONLY | os.O_NONBLOCK))
            time.sleep(0.001)


def test_a_log_comes_back_by_another_name_or_the_same(logs: Logs, tmp_path: Path) -> None:
    with seen(logs, tmp_path) as views:
        for _ in range(3):
            away(logs.log)
            views.tell(REPLACEMENTS[away])
            logs.write(4, to=logs.log.with_name("elsewhere"))
            logs.log.with_name("elsewhere").rename(logs.log)
            views.piped.shown(r"a\.log is back")
            views.counted(logs.written)
        assert views.end() == 0


def test_a_folder_that_goes_and_comes_back(logs: Logs, tmp_path: Path) -> None:
    with seen(logs, tmp_path) as views:
        no_folder(logs.log)
        moved = tmp_path / "moved"
        with open(moved / "a.log", "ab") as file:
            file.write(line(1) * 3)
        logs.written += 3
        views.tell(REPLACEMENTS[away])
        views.counted(logs.written)
        moved.rename(logs.folder)
        logs.write(2)
        views.counted(logs.written)
        assert views.end() == 0


@pytest.mark.parametrize("size", [0, 200])
def test_a_log_that_shrinks(logs: Logs, tmp_path: Path, size: int) -> None:
    """What comes after is counted, as is what is left of it once more: it was written anew."""
    with seen(logs, tmp_path) as views:
        os.truncate(logs.log, size)
        views.tell(r"a\.log was truncated, and is read from its start: lines written between")
        left = logs.log.read_bytes().count(b"\n")
        if size:
            with logs.log.open("ab") as file:
                file.write(b"\n")
            left += 1
        logs.written += left
        logs.write(5)
        views.piped.counted(logs.written)  # some of it is malformed
        assert views.end() == 0


def test_a_log_that_is_truncated_all_the_time_does_not_hide_others(
    logs: Logs, tmp_path: Path
) -> None:
    with seen(logs, tmp_path) as views:
        until = time.monotonic() + 8
        while time.monotonic() < until:
            os.truncate(logs.log, 0)
            with logs.log.open("ab") as file:
                file.write(line(1))
            time.sleep(0.03)
        logs.rest.rename(logs.rest.with_name("elsewhere"))
        views.tell(r"rest\.log is gone; waiting")
        views.piped.said(r"a\.log was truncated")
        assert views.piped.err.count("was truncated") <= 60
        assert views.end() == 0


# Permissions.


def test_permission_that_is_lost_and_regained(logs: Logs, tmp_path: Path) -> None:
    with seen(logs, tmp_path, before=held_to_permissions()) as views:
        logs.log.rename(logs.log.with_name("a.log.1"))
        logs.log.touch()
        logs.log.chmod(0)
        views.tell(r"a\.log cannot be read: permission denied; waiting until it can be read")
        with logs.log.with_name("a.log.1").open("ab") as file:
            file.write(line(1) * 2)
        logs.written += 2
        views.counted(logs.written)
        logs.log.chmod(0o644)
        logs.write(3)
        views.counted(logs.written)
        assert views.end() == 0


def test_permission_for_a_folder(logs: Logs, tmp_path: Path) -> None:
    """What is open is read on; what takes its place is read once that may be."""
    with seen(logs, tmp_path, before=held_to_permissions()) as views:
        logs.folder.chmod(0)
        try:
            views.tell(r"a\.log cannot be read: permission denied; waiting until it can be read")
            if os.geteuid() == 0:  # others may not write there, either
                logs.write(4)
                views.counted(logs.written)
        finally:
            logs.folder.chmod(0o755)
        views.piped.shown(r"a\.log is back")
        logs.write(3)
        views.counted(logs.written)
        assert views.end() == 0


# Disks.


def test_a_full_disk_under_the_state(logs: Logs, tmp_path: Path) -> None:
    pytest.importorskip("hypercorn")
    with small_disk(tmp_path / "disk", "1m") as disk:
        with opened(tmp_path, logs.log, logs.rest, "--state", disk / "a") as views:
            pass  # two may not have it: each has one of its own below
        piped = Piped(tmp_path, logs.log, logs.rest, "--state", disk / "b")
        try:
            piped.counted(logs.written)
            fill(disk / "ballast")
            for _ in range(200):  # a database has some room of its own
                logs.write(300)
                piped.counted(logs.written)
                if "counting goes on" in piped.err:
                    break
            piped.said(r"counting goes on, and this is tried again")
            piped.shown(r"counting goes on, and this is tried again")
            logs.write(5)
            piped.counted(logs.written)
            (disk / "ballast").unlink()
            time.sleep(3)
            assert piped.end() == 0
            assert piped.last["lines"]["total"] == logs.written
        finally:
            piped.close()
        assert views is not None


def test_a_full_disk_under_what_it_prints(logs: Logs, tmp_path: Path) -> None:
    """Lines that cannot be written are said to be missing; alerts and pages go on."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        out = disk / "out.json"
        command = [sys.executable, "-m", "logan", "watch", logs.log, "--json", "--interval", "0.1s"]
        with out.open("wb") as file, (tmp_path / "err").open("wb") as err:
            process = subprocess.Popen([*map(str, command)], stdout=file, stderr=err)
        try:
            said = tmp_path / "err"
            wait_until(lambda: "cannot write to standard output" in said.read_text(), "it is said")
            time.sleep(0.5)
            assert process.poll() is None, said.read_text()
            os.truncate(out, 0)
            wait_until(lambda: out.stat().st_size > 0, "it goes on")
            os.truncate(out, 0)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert said.read_text().count("cannot write to standard output") == 1
            assert b"Traceback" not in said.read_bytes()
        finally:
            process.kill()
            process.wait()


# Pipes.


def test_a_pipe_that_ends_beside_others(logs: Logs, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    piped = Piped(tmp_path, "-", logs.rest, "--from", "start", stdin=reader)
    os.close(reader)
    try:
        os.write(writer, line(1) * 3 + line(2)[:-1])  # the last line without its end
        piped.counted(4)
        os.close(writer)
        piped.said(r"standard input has ended after [\d,]+ bytes: nothing more will come of it")
        piped.shown("standard input has ended")
        piped.counted(5)
        logs.write(0)
        piped.counted(6)
        assert piped.end() == 0
    finally:
        piped.close()


def test_a_named_pipe_that_is_made_anew(logs: Logs, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    piped = Piped(tmp_path, fifo, logs.rest, "--from", "start")
    try:
        piped.counted(1)
        writer = os.open(fifo, os.O_WRONLY)
        os.write(writer, line(1) * 3)
        piped.counted(4)
        fifo.unlink()
        os.write(writer, line(1))
        piped.counted(5)
        piped.said(r"fifo is gone; waiting for it to come back")
        os.mkfifo(fifo)
        piped.said(r"fifo was made anew: it is read from now on")
        piped.shown(r"fifo was made anew: it is read from now on")
        second = os.open(fifo, os.O_WRONLY)
        os.write(second, line(1) * 2)
        piped.counted(7)
        os.close(writer)
        os.close(second)
        assert piped.end() == 0
    finally:
        piped.close()


def test_bytes_without_a_newline(logs: Logs, tmp_path: Path) -> None:
    """Memory stays bounded, and the line counts once it ends."""
    with seen(logs, tmp_path) as views:
        memory = psutil.Process(views.piped.process.pid).memory_info().rss
        with logs.log.open("ab", buffering=0) as file:
            for _ in range(256):
                file.write(b"x" * (1 << 20))
        views.tell(r"a\.log: [\d.]+ MB since [\d:.]+Z without the end of a line: they count as one")
        wait_until(lambda: views.piped.last["live"]["behind_bytes"] == 0, "all is read")
        assert psutil.Process(views.piped.process.pid).memory_info().rss - memory < 64 << 20
        logs.write(1)  # ends that line, too
        views.piped.counted(logs.written)
        views.piped.shown(r"a\.log: the line that did not end has ended, after [\d,]+ bytes")
        logs.write(3)
        views.piped.counted(logs.written)
        assert views.end() in (0, 1)
        assert views.piped.err.count("without the end of a line") == 1


@pytest.mark.parametrize(
    "size", [64 << 20, pytest.param(1 << 30, marks=(pytest.mark.slow, pytest.mark.timeout(600)))]
)
def test_a_burst(logs: Logs, tmp_path: Path, size: int) -> None:
    block = line(1) * 10_000
    blocks = size // len(block) + 1
    with seen(logs, tmp_path) as views:
        process = psutil.Process(views.piped.process.pid)
        before = process.memory_info().rss
        most = 0
        for _ in range(blocks):
            with logs.log.open("ab") as file:
                file.write(block)
            most = max(most, process.memory_info().rss)
        logs.written += 10_000 * blocks
        while views.piped.count < logs.written:
            most = max(most, process.memory_info().rss)
            time.sleep(0.02)
        views.counted(logs.written)
        assert most - before < 150 << 20
        assert views.end() == 0


# Readers of what it prints.


def test_a_reader_that_never_reads(logs: Logs, tmp_path: Path) -> None:
    """It keeps neither alerts nor the end from coming."""
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\ncat >> {told}\n")
    script.chmod(0o755)
    reader, writer = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4_096)  # full at once
    command = [
        sys.executable,
        "-m",
        "logan",
        "watch",
        str(logs.log),
        "--json",
        "--interval",
        "0.1s",
    ]
    more = ["--alert", "errors.ratio over 10s > 5%", "--notify", str(script)]
    saved = ["--save", str(tmp_path / "all.logan"), "-q"]
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen([*command, *more, *saved], stdout=writer, stderr=err)
    os.close(writer)
    try:
        time.sleep(3)  # the pipe is full by then
        with logs.log.open("ab") as file:
            file.write(line(1, status=500) * 100)
        wait_until(lambda: told.exists() and "firing" in told.read_text(), "the alert is told")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: "ended" in told.read_text(), "its end is told, too")
        wait_until(
            lambda: "nothing reads standard output" in (tmp_path / "err").read_text(), "said"
        )
        text = b""
        with open(reader, "rb", buffering=0, closefd=False) as file_:
            while piece := file_.read(65_536):  # now something does
                text += piece
        assert process.wait(20) == 0
        assert b'"window":"all"' in text.splitlines()[-1]
    finally:
        process.kill()
        process.wait()
        os.close(reader)


# The clock.


@pytest.mark.parametrize("hours", [3, -3])
def test_a_system_clock_that_is_set(logs: Logs, tmp_path: Path, hours: int) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    alert = ("--alert", "absent over 30s", "--alert", "errors.ratio over 1m > 50%")
    with seen(logs, tmp_path, *alert, program=(str(JUMPING), str(clock))) as views:
        clock.write_text(str(hours * 3600))
        way = "forward" if hours > 0 else "back"
        views.tell(rf"the system's clock was set {way} by 3 h: windows and alerts go on")
        with logs.log.open("ab") as file:
            file.write(line(1, ahead_s=hours * 3600) * 40)
        logs.written += 40
        views.counted(logs.written)
        time.sleep(2.5)
        assert views.end() == 0
        assert "ALERT" not in views.piped.err
        assert views.piped.err.count("was set") == 1


# Stderr.


def test_stderr_elsewhere_is_written_to_at_once(logs: Logs, tmp_path: Path) -> None:
    screen = Screen(tmp_path, logs.log, "--from", "start")
    try:
        screen.shown(r"\b10 ")
        away(logs.log)
        screen.said("is gone; waiting")
        assert screen.process.poll() is None
    finally:
        screen.close()


def test_a_command_to_notify_that_fails_is_shown(logs: Logs, tmp_path: Path) -> None:
    alert = ("--alert", "errors.ratio over 10s >= 0%", "--notify", "false")
    with seen(logs, tmp_path, *alert) as views:
        logs.write(40)
        views.tell(r"--notify false failed 3 times: exit status 1")
        assert views.end() == 0


def test_a_watch_that_ends_ends_its_alerts(logs: Logs, tmp_path: Path) -> None:
    told = tmp_path / "told"
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\n(cat; echo) >> {told}\n")
    script.chmod(0o755)
    piped = Piped(
        *(tmp_path, logs.log, "--alert", "errors.ratio over 10s > 5%", "--notify", script),
    )
    try:
        with logs.log.open("ab") as file:
            file.write(line(1, status=500) * 100)
        piped.said("ALERT: errors.ratio")
        assert piped.end() == 0
        assert re.search(r"alert ended: errors.* \(the watch has ended\)", piped.err)
        states = re.findall(r'"state": "(\w+)"', told.read_text())
        assert states == ["firing", "ended"]
    finally:
        piped.close()
