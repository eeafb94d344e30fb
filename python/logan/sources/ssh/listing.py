"""Folders and patterns on hosts that are read by ssh; the shell there expands them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from logan.errors import InputError
from logan.limits import FETCH_RETRIES_MAX, FOLDER_ENTRIES_MAX
from logan.sources.globs import Glob
from logan.sources.hosts import Address, Remote, parse, shown, url_of
from logan.sources.rotation import natural
from logan.sources.ssh.connections import host_of, pause
from logan.sources.ssh.refusals import HostError
from logan.sources.ssh.session import Lost, Session

__all__ = ["Listing", "listing", "listings"]

HOSTS_AT_ONCE_MAX: Final = 16


@dataclass(slots=True)
class Listing:
    """What a path on a host means.

    Attributes:
        names: URLs of the files, in natural order; the path itself where it is neither a folder
            nor a pattern that matches.
        skipped: by reason, what of a folder is left out.
        error: why a folder could not be listed.
    """

    is_folder: bool = False
    names: list[str] = field(default_factory=list)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    error: InputError | None = None


def listings(urls: Iterable[str]) -> dict[str, Listing]:
    """What each of these paths means; hosts are asked side by side.

    What cannot be asked stands for itself: opening it says why. Raises nothing.
    """
    by_host: dict[Address, list[tuple[str, Remote]]] = {}
    found: dict[str, Listing] = {}
    for url in dict.fromkeys(urls):
        found[url] = Listing(names=[url])
        try:
            remote = parse(url)
        except InputError:
            continue
        by_host.setdefault(remote.address, []).append((url, remote))
    if by_host:
        with ThreadPoolExecutor(HOSTS_AT_ONCE_MAX, thread_name_prefix="logan-ssh") as pool:
            for each in pool.map(_listed, by_host.items()):
                found.update(each)
    return found


def _listed(asked: tuple[Address, list[tuple[str, Remote]]]) -> dict[str, Listing]:
    address, paths = asked
    found: dict[str, Listing] = {}
    for url, remote in paths:
        for attempt in range(1, FETCH_RETRIES_MAX + 2):
            try:
                with host_of(address).session() as session:
                    found[url] = listing(session, url, remote)
                break
            except HostError:
                return found
            except InputError as error:
                found[url] = Listing(is_folder=True, error=error)
                break
            except Lost:
                if attempt > FETCH_RETRIES_MAX:
                    return found
                pause(attempt)
    return found


def listing(session: Session, url: str, remote: Remote) -> Listing:
    """What a path on the host of `session` means. Raises `InputError`, `Lost`."""
    deep = remote.is_pattern and "**" in remote.path.split("/")
    base = _before_marks(remote) if deep else remote.path
    if remote.is_pattern and not deep:
        entries = session.entries("glob", remote.path, remote.literal)
    else:
        entries = session.entries("look", base)
    found = Listing()
    errors: list[str] = []
    for count, entry in enumerate(entries):
        if count > FOLDER_ENTRIES_MAX:
            raise InputError(
                f"{shown(url)}: more than {FOLDER_ENTRIES_MAX:,} files",
                input=url,
                hint="name a folder further down, or a pattern",
            )
        kind, name = entry[:1], _plain(os.fsdecode(entry[1:]), remote.path)
        if kind == b"D":
            found.is_folder = True
        elif kind == b"F":
            found.names.append(name)
        elif kind == b"E":
            errors += name.splitlines()
        else:
            why = "hidden" if kind == b"H" else "not a file"
            found.skipped.setdefault(why, []).append(url_of(remote.address, name))
    names = sorted(found.names, key=natural)
    if deep:
        pattern = Glob(_relative(remote.path, base).split("/"))
        names = [each for each in names if pattern.matches(_relative(each, base).split("/"))]
        found = Listing()
    found.names = [url_of(remote.address, each) for each in names]
    if not found.is_folder and not names:
        found.names = [url]
    if errors and found.is_folder:
        if not names:
            why = errors[0].rpartition(": ")[2].lower()
            found.error = InputError(f"{shown(url)}: {why}", input=url, kind="permission")
        found.skipped["unreadable there"] = [url_of(remote.address, each) for each in errors]
    return found


def _plain(name: str, asked: str) -> str:
    """A name as the user would write it: without the dots that requests put before it."""
    name = name.replace("/./", "/", 1)
    return name if asked.startswith("./") else name.removeprefix("./")


def _before_marks(remote: Remote) -> str:
    """The folder above the first component with a wildcard."""
    parts = remote.path.split("/")
    first = next(at for at, part in enumerate(parts) if part and set(part) & set("*?["))
    return "/".join(parts[:first]) or ("/" if remote.path.startswith("/") else ".")


def _relative(path: str, base: str) -> str:
    return path.removeprefix(base.rstrip("/") + "/") if base != "." else path
