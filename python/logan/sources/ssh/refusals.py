"""Why there is no connection to a host, in words: what ssh says, and the next step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from logan.sources.hosts import Address
from logan.sources.ssh.command import in_words

__all__ = ["CONNECT_S_MAX", "HostError", "refusal"]

CONNECT_S_MAX: Final = 10
"""Of ssh itself, for TCP and the other side's first line."""


class HostError(Exception):
    """There is no connection.

    Attributes:
        hint: the next step.
        passes: whether another try in a moment may have more luck.
    """

    def __init__(self, why: str, hint: str, *, passes: bool = False) -> None:
        super().__init__(why)
        self.hint = hint
        self.passes = passes


def refusal(address: Address, lines: Sequence[str], printed: bytes) -> HostError:
    """Why ssh ended before a shell answered: `lines` are what it said last, `printed` what came
    from the host instead of an answer."""
    said = " ".join(lines)
    lowered = said.lower()
    see = in_words(address)
    asked = re.search(r"permission denied \(([^)]*)\)", lowered)
    if "identification has changed" in lowered:
        return HostError(
            "its host key is not the one that is known",
            f"ask its administrator whether the key changed, before you accept it: {see}",
        )
    if "host key verification failed" in lowered or "no matching host key" in lowered:
        return HostError(
            "its host key is not known here",
            f"connect once and compare the key: {see}",
        )
    if asked is not None or "too many authentication failures" in lowered:
        ways = f" ({asked[1]})" if asked is not None else ""
        return HostError(
            f"ssh was not let in without a password{ways}",
            f"let it in by a key or the agent (ssh-copy-id), then try: {see}",
        )
    if "could not resolve" in lowered or "name or service not known" in lowered:
        return HostError("no host has that name", "check the name, and the hosts in ~/.ssh/config")
    if "connection refused" in lowered:
        return HostError("connection refused", f"see whether its sshd runs: {see}")
    if "timed out" in lowered:
        return HostError(
            f"no answer within {CONNECT_S_MAX} s", f"see whether it answers at all: {see}"
        )
    if "no route to host" in lowered or "unreachable" in lowered:
        return HostError("no way leads to it", f"check the network, then try: {see}")
    last = lines[-1] if lines else _first_line(printed)
    why = f"no shell answered there{f' ({last})' if last else ''}"
    closed = "connection closed" in lowered or "connection reset" in lowered
    return HostError(why, f"see what it says: {see}", passes=closed or not said)


def _first_line(data: bytes) -> str:
    lines = [each.strip() for each in data.decode("utf-8", "replace").splitlines() if each.strip()]
    return "".join(each for each in lines[0] if each.isprintable())[:200] if lines else ""
