"""Telling others of alerts: a command that gets JSON on its standard input, or a URL.

Each event is sent once, with a time limit and a few tries, beside the watch, which never waits.
What is sent has no text of a log in it.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

import trio

from logan.errors import UsageError
from logan.live.alerts import AlertEvent

__all__ = ["check_target", "notify"]

TIMEOUT_S: Final = 10.0
TRIES: Final = 3
PAUSE_S: Final = 1.0
"""Before the second try, doubled before the third."""

THREADS_MAX: Final = 4
_OPERATOR: Final = re.compile(r"\||\|\||&|&&|;|\d?(?:>|>>|<)(?:&\d)?")
"""Words that only a shell understands."""


def check_target(target: str) -> None:
    """Raises `UsageError` for what is neither a URL nor a command that exists."""
    if _is_url(target):
        return
    try:
        words = shlex.split(target)
    except ValueError as error:
        raise UsageError(f"cannot parse --notify {target!r}: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            f"--notify: no such command: {words[0] if words else target!r}",
            hint="name a command in PATH, or an http:// or https:// URL",
        )
    if operators := [each for each in words if _OPERATOR.fullmatch(each)]:
        raise UsageError(
            f"--notify runs no shell: {operators[0]} would be an argument of {words[0]}",
            hint=f"give it one: --notify {shlex.quote(f'sh -c {shlex.quote(target)}')}",
        )


async def notify(
    target: str,
    event: AlertEvent,
    say: Callable[[str], object],
    *,
    about: Mapping[str, Any] | None = None,
) -> bool:
    """Send it, with `TRIES` tries of at most `TIMEOUT_S` each; whether it arrived. `about` is sent
    with it: the job that it belongs to."""
    body = json.dumps({**event.to_dict(), **(about or {})}).encode()
    why = ""
    for attempt in range(TRIES):
        if attempt:
            await trio.sleep(PAUSE_S * 2 ** (attempt - 1))
        with trio.move_on_after(TIMEOUT_S) as limit:
            why = await (_post(target, body) if _is_url(target) else _run(target, body))
        if limit.cancelled_caught:
            why = f"no answer within {TIMEOUT_S:g} s"
        if not why:
            return True
    say(f"--notify {_shown(target)} failed {TRIES} times: {why}")
    return False


async def _run(target: str, body: bytes) -> str:
    """Why it failed; "" if it did not."""
    try:
        done = await trio.run_process(
            shlex.split(target),
            stdin=body,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return error.strerror or str(error)
    return f"exit status {done.returncode}" if done.returncode else ""


_limiter: list[trio.CapacityLimiter] = []


async def _post(url: str, body: bytes) -> str:
    if not _limiter:
        _limiter.append(trio.CapacityLimiter(THREADS_MAX))
    return await trio.to_thread.run_sync(
        _post_here, url, body, abandon_on_cancel=True, limiter=_limiter[0]
    )


def _post_here(url: str, body: bytes) -> str:
    headers = {"Content-Type": "application/json", "User-Agent": "logan"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return ""
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


def _is_url(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def _shown(target: str) -> str:
    """Without what may be secret: a URL's path and query, a command's arguments."""
    if _is_url(target):
        return "/".join(target.split("/")[:3]).rpartition("@")[2]
    return shlex.split(target)[0]
