"""An sshd of its own on loopback, with a client configuration that leads to it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.support.cluster_processes import wait_until

__all__ = ["SshServer", "free_port", "open_sshd"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@dataclass
class SshServer:
    """A server. Each host that is added is the server by another name, with a key of its own.

    Attributes:
        environment: what leads logan to it.
    """

    folder: Path
    port: int
    process: psutil.Process
    environment: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        *,
        runs: str | None = None,
        port: int | None = None,
        known: bool = True,
        allowed: bool = True,
    ) -> None:
        """A host of that name.

        `runs` is a shell command in place of what the client asks for, which it finds in
        $SSH_ORIGINAL_COMMAND; without `allowed` its key is refused, and without `known` the key of
        the host is not known.
        """
        key = self.folder / f"key-{name}"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
        subprocess.run(make, check=True)
        if allowed:
            public = key.with_suffix(".pub").read_text()
            option = ""
            if runs is not None:
                script = self.folder / f"run-{name}"
                script.write_text(f"#!/bin/sh\n{runs}\n")
                script.chmod(0o755)
                option = f'command="{script}" '
            with open(self.folder / "authorized", "a") as file:
                file.write(f"{option}{public}")
        config = self.folder / "config"
        before = config.read_text() if config.exists() else ""
        config.write_text(
            f"Host {name}\n"
            f"  HostName 127.0.0.1\n  Port {port or self.port}\n  IdentityFile {key}\n"
            f"  UserKnownHostsFile {self.folder / 'known' if known else '/dev/null'}\n{before}"
        )

    def sessions(self) -> list[psutil.Process]:
        """Its processes for clients that are connected."""
        return self.process.children(recursive=True)

    def cut(self) -> int:
        """Kill what serves clients now; how many processes."""
        found = self.sessions()
        for each in found:
            try:
                each.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        return len(found)


@contextmanager
def open_sshd(folder: Path, *, before: Sequence[str] = ()) -> Iterator[SshServer]:
    """A server that ends with the context; skips where no sshd is installed.

    `before` is put before its command.
    """
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if sshd is None or shutil.which("ssh") is None:
        pytest.skip("no sshd is installed")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    host_key, port = folder / "host-key", free_port()
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host_key)]
    subprocess.run(make, check=True)
    kind, public = host_key.with_suffix(".pub").read_text().split()[:2]
    known = [f"[127.0.0.1]:{port}", *(f"[{name}]:{port}" for name in ("web1", "web2", "web3"))]
    (folder / "known").write_text("".join(f"{each} {kind} {public}\n" for each in known))
    (folder / "authorized").touch()
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host_key}\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
        "MaxStartups 100\nPrintMotd no\n"
        # What the user's shells do when they start, such as take a lock, is no part of the tests,
        # which kill them at any moment.
        f"SetEnv HOME={home}\n"
    )
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "config").write_text(
        f"Host *\n  User {user}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        "  GlobalKnownHostsFile /dev/null\n  UpdateHostKeys no\n"
    )
    log = open(folder / "sshd.log", "wb")  # noqa: SIM115
    command = [*before, sshd, "-D", "-e", "-f", str(folder / "sshd_config")]
    running = subprocess.Popen(command, stdout=log, stderr=log)
    server = SshServer(folder, port, psutil.Process(running.pid))
    try:
        server.environment["LOGAN_SSH"] = f"ssh -F {folder / 'config'}"

        def answers() -> bool:
            assert running.poll() is None, (folder / "sshd.log").read_text()
            with socket.socket() as one:
                return one.connect_ex(("127.0.0.1", port)) == 0

        wait_until(answers, "sshd answers")
        yield server
    finally:
        server.cut()
        running.kill()
        running.wait()
        log.close()
