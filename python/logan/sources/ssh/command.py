"""The ssh command: which one it is, and how a user tries a connection with it."""

from __future__ import annotations

import os
import shlex

from logan.errors import UsageError
from logan.sources.hosts import Address

__all__ = ["command", "in_words"]


def command() -> list[str]:
    """The words of the ssh command: those of LOGAN_SSH, if it is set. Raises `UsageError`."""
    text = os.environ.get("LOGAN_SSH", "").strip() or "ssh"
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"LOGAN_SSH is not a valid command: {error}",
            hint="write it like: LOGAN_SSH='ssh -F FILE'",
        ) from error


def in_words(address: Address, then: str = "true") -> str:
    """The command line that runs something on a host, for a user to copy."""
    words = command()
    if address.port is not None:
        words += ["-p", str(address.port)]
    return f"{shlex.join([*words, address.target])} {then}"
