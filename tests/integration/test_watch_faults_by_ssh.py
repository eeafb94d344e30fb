"""Hosts that refuse, hang, die half-way or ask for a password, under `logan watch`: each is named
in every view and on stderr, and the other hosts go on."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster_processes import wait_until
from tests.support.ssh_server import SshServer, free_port, open_sshd
from tests.support.watching import Views, opened


def line(number: int) -> bytes:
    at = f"24/Jan/2024:10:{number // 60 % 60:02}:{number % 60:02} +0000"
    return f'10.0.0.1 - - [{at}] "GET /items/{number} HTTP/1.1" 200 17 "-" "curl"\n'.encode()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    pytest.importorskip("hypercorn")
    with open_sshd(tmp_path_factory.mktemp("sshd")) as found:
        found.add("web1")
        found.add("asks", allowed=False)
        found.add("refuses", port=free_port())
        found.add("unknown", known=False)
        found.add("hangs", runs="exec sleep 600")
        found.add("talks", runs="yes hello")
        yield found


class Rest:
    """A log on a host that goes on."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "rest.log"
        self.count = 0
        self.write(10)

    def write(self, count: int) -> None:
        with self.path.open("ab") as file:
            for _ in range(count):
                file.write(line(self.count))
                self.count += 1


@contextmanager
def seen(server: SshServer, tmp_path: Path, *paths: str) -> Iterator[tuple[Views, Rest]]:
    rest = Rest(tmp_path)
    more: dict[str, Any] = {}
    with opened(tmp_path, f"web1:{rest.path}", *paths, "--from", "start", **more) as views:
        yield views, rest


@pytest.fixture(autouse=True)
def led_to_it(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGAN_SSH", server.environment["LOGAN_SSH"])


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("asks", r"asks: ssh was not let in without a password \(publickey\); let it in by a key"),
        ("refuses", r"refuses: connection refused; see whether its sshd runs"),
        ("unknown", r"unknown: its host key is not known here; connect once and compare"),
        ("talks", r"talks: its login prints without end"),
        ("hangs", r"hangs: no answer within 20 s; see whether it answers at all"),
    ],
)
def test_a_host_that_is_not_reached(server: SshServer, tmp_path: Path, host: str, why: str) -> None:
    with seen(server, tmp_path, f"{host}:/var/log/x.log") as (views, rest):
        views.counted(rest.count)
        views.tell(why)
        rest.write(5)
        views.counted(rest.count)
        assert views.end() == 3  # the report has nothing of that host
        for each in (views.piped, views.screen):
            assert each.err.count(f"{host}: ") <= 3


def test_a_host_that_stands_still_and_goes_on(server: SshServer, tmp_path: Path) -> None:
    gate = tmp_path / "second.log"
    gate.write_bytes(line(1) * 3)
    with seen(server, tmp_path, f"web1:{gate}") as (views, rest):
        views.counted(rest.count + 3)
        still = server.sessions()
        for each in still:
            each.send_signal(signal.SIGSTOP)
        rest.write(7)
        views.tell(r"web1: the connection broke .*; it is tried again after pauses", 60)
        views.tell(r"web1 is back after \d+ s; it goes on at byte")
        views.counted(rest.count + 3)
        for each in still:
            if each.is_running():
                each.send_signal(signal.SIGKILL)
        assert views.end() == 0


def test_a_host_that_dies_half_way(server: SshServer, tmp_path: Path) -> None:
    with seen(server, tmp_path) as (views, rest):
        views.counted(rest.count)

        def is_said(times: int) -> bool:
            return views.piped.err.count("web1 is back") >= times

        for number in range(1, 4):
            rest.write(200)
            wait_until(server.sessions, "it is connected")
            assert server.cut()
            rest.write(50)
            views.piped.counted(rest.count)
            views.screen.shown(rf"\b{rest.count:,} ")
            wait_until(partial(is_said, number), "it is said")
        views.tell(r"web1: the connection broke")
        assert views.end() == 0


def test_permission_on_a_host(server: SshServer, tmp_path: Path) -> None:
    """A folder in its place stands for what root may read, too."""
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 3)
    with seen(server, tmp_path, f"web1:{log}") as (views, rest):
        views.counted(rest.count + 3)
        log.rename(tmp_path / "elsewhere")
        log.mkdir()
        views.tell(r"a\.log is a folder now; waiting until it can be read")
        rest.write(2)
        views.counted(rest.count + 3)
        log.rmdir()
        log.write_bytes(line(2) * 4)
        views.counted(rest.count + 7)
        time.sleep(0.5)
        views.counted(rest.count + 7)
        assert views.end() == 0
