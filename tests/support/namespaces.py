"""Hosts that are network namespaces of this machine, and links between them that can be broken.

Needs root, `ip` and `nft`; `why_not()` says what is missing. Every host has one link to the hub,
and no way to anywhere else: what the tests send stays among the namespaces that they made. Packets
are dropped or refused where they arrive, so that the sender sees what a real network shows.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

__all__ = ["Network", "open_network", "why_not"]

CLONE_NEWNET = 0x40000000

T = TypeVar("T")

Direction = Literal["up", "down"]
"""up: from a host to the hub."""


def why_not() -> str | None:
    """Why there can be no namespaces here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in ("ip", "nft") if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    name = f"logan-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"namespaces are not allowed here: {made.stderr.strip()}"
    try:
        nft = ["ip", "netns", "exec", name, "nft", "add table inet probe"]
        tried = subprocess.run(nft, capture_output=True, text=True, check=False)
        return f"nft does not work here: {tried.stderr.strip()}" if tried.returncode else None
    finally:
        _run("ip", "netns", "delete", name)


class Network:
    """A hub and its hosts. The hub is at `address`."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self._prefix = f"logan-{os.getpid()}-"
        self._links = {host: f"to-{number}" for number, host in enumerate(hosts)}
        self.address = "10.77.0.1"

    def set_up(self) -> None:
        """Make the namespaces and their links."""
        self._ip("netns", "add", self.namespace("hub"))
        self._in("hub", "ip", "link", "set", "lo", "up")
        self._in("hub", "ip", "address", "add", f"{self.address}/32", "dev", "lo")
        self._rules("hub")
        for number, (host, link) in enumerate(self._links.items(), 1):
            space = self.namespace(host)
            self._ip("netns", "add", space)
            self._ip(
                *("link", "add", link, "netns", self.namespace("hub"), "type", "veth"),
                *("peer", "name", "hub", "netns", space),
            )
            self._in("hub", "ip", "address", "add", f"10.77.{number}.1/24", "dev", link)
            self._in("hub", "ip", "link", "set", link, "up")
            self._in(host, "ip", "address", "add", f"10.77.{number}.2/24", "dev", "hub")
            for device in ("lo", "hub"):
                self._in(host, "ip", "link", "set", device, "up")
            self._in(host, "ip", "route", "add", "default", "via", f"10.77.{number}.1")
            self._rules(host)

    def tear_down(self) -> None:
        """Remove them; processes in them must have ended."""
        for host in ("hub", *self._links):
            subprocess.run(
                ["ip", "netns", "delete", self.namespace(host)], capture_output=True, check=False
            )

    def namespace(self, host: str) -> str:
        return self._prefix + host

    def prefix(self, host: str) -> list[str]:
        """What to put in front of a command that shall run on a host; it keeps its process id."""
        return ["ip", "netns", "exec", self.namespace(host)]

    def run(self, host: str, work: Callable[[], T]) -> T:
        """Call `work` in a thread that lives on a host, as do all threads that it starts."""
        found: list[T] = []
        failed: list[BaseException] = []

        def main() -> None:
            try:
                _enter(self.namespace(host))
                found.append(work())
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=main, name=f"on {host}")
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return found[0]

    def part(self, host: str, *directions: Direction, how: str = "drop") -> None:
        """Let nothing pass in these directions between a host and the hub, until `heal`.

        `how` is a verdict of nft: "drop", or "reject with tcp reset", which the sender sees.
        """
        # A reset is an answer to TCP; there is nothing else on these links.
        match = "meta l4proto tcp " if how.startswith("reject") else ""
        if "up" in directions:
            rule = f"add rule inet logan in iifname {self._links[host]} {match}{how}"
            self._in("hub", "nft", rule)
        if "down" in directions:
            self._in(host, "nft", f"add rule inet logan in iifname hub {match}{how}")

    def heal(self, host: str) -> None:
        """Let everything pass again."""
        self._in("hub", "nft", "flush chain inet logan in")
        self._in(host, "nft", "flush chain inet logan in")

    def _rules(self, host: str) -> None:
        chain = "add chain inet logan in { type filter hook input priority 0; }"
        self._in(host, "nft", f"add table inet logan; {chain}")

    def _in(self, host: str, *command: str) -> None:
        _run(*self.prefix(host), *command)

    def _ip(self, *arguments: str) -> None:
        _run("ip", *arguments)


@contextmanager
def open_network(*hosts: str) -> Iterator[Network]:
    """A network that lasts as long as the block."""
    network = Network(hosts)
    try:
        network.set_up()
        yield network
    finally:
        network.tear_down()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, f"{' '.join(command)}: {done.stderr.strip()}"


def _enter(namespace: str) -> None:
    """Move this thread, and it alone, to a network namespace."""
    library: Any = ctypes.CDLL(None, use_errno=True)
    file = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if library.setns(file, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns to {namespace}")
    finally:
        os.close(file)
