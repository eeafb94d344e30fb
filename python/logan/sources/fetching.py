"""What is read in ranges from elsewhere: objects, and files on hosts by ssh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from logan._logan import Cancel
from logan.model import Source
from logan.sources.hosts import is_remote
from logan.sources.streams import Stream
from logan.sources.url_roots import UrlRoots

__all__ = ["Ahead", "Fetcher", "ahead", "changes", "fetcher", "open_url", "same_file", "servers"]


CHANGES_AT_ONCE_MAX: Final = 16
"""Files on hosts that are looked at again side by side."""


class Fetcher(Protocol):
    """Reads one source. Threads may share it."""

    def pieces(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
        """Bytes from `start` to `size`, of which those up to `end` are wanted for sure. Raises
        `InputError`, `CancelledError`."""


class Ahead(Protocol):
    """Sources that are opened before it is their turn."""

    def take(self, url: str) -> Opened:
        """See `open_url`."""

    def close(self) -> None:
        """Forget what was not taken."""


Opened = tuple[Source, Sequence[tuple[int, bytes]], Stream | None]


def fetcher(url: str, etag: str | None = None, *, roots: UrlRoots | None = None) -> Fetcher:
    """What reads the source at `url`; `etag` is its planned identity.

    Raises `InputError`, also for what is below none of the `roots`, if there are any.
    """
    if is_remote(url):
        from logan.sources.ssh import files as ssh

        return ssh.RemoteFile(url, etag, roots=roots)
    from logan.sources import objects

    return objects.Fetcher(url, etag, roots=roots)


def open_url(url: str, roots: UrlRoots | None = None, cancel: Cancel | None = None) -> Opened:
    """The source at `url`, samples of it, and a stream if it cannot be read in ranges. Raises as
    `fetcher`."""
    if is_remote(url):
        from logan.sources.ssh import files as ssh

        return ssh.open_remote(url, roots, cancel)
    from logan.sources import objects

    return objects.open_object(url, roots)


def ahead(urls: Iterable[str], roots: UrlRoots | None, cancel: Cancel | None) -> Ahead | None:
    """Opens files on hosts, if there are any among `urls`, while others are looked at."""
    remote = [each for each in urls if is_remote(each)]
    if not remote:
        return None
    from logan.sources.ssh import files as ssh

    return ssh.Ahead(remote, roots, cancel)


def servers(urls: Iterable[str]) -> int:
    """How many hosts are read by ssh."""
    remote = [each for each in urls if is_remote(each)]
    return len({each[6:].partition("/")[0] for each in remote})


def changes(sources: Mapping[int, Source]) -> dict[int, list[str]]:
    """Notes about files on hosts that were written to after the plan was made, by their keys."""
    remote = {index: each for index, each in sources.items() if is_remote(each.url)}
    if not remote:
        return {}
    from concurrent.futures import ThreadPoolExecutor

    from logan.sources.ssh import files as ssh

    with ThreadPoolExecutor(CHANGES_AT_ONCE_MAX, thread_name_prefix="logan-ssh") as pool:
        found = zip(remote, pool.map(ssh.changes_since, remote.values()), strict=True)
        return {index: notes for index, notes in found if notes}


def same_file(source: Source) -> str | None:
    """Equal for two names of one file on a host; None where that is not known."""
    if not is_remote(source.url):
        return None
    from logan.sources.ssh import files as ssh

    return ssh.same_file(source)
