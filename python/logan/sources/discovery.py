"""Patterns and folders: from what the user named to the files that are meant.

`logs/**/*.gz` in quotes is expanded here as a shell would, sorted with numbers as numbers. A
folder means the logs below it: what is hidden, empty, binary, of no known format or no file at all
is left out there, and said; a file that was named or matched is never left out silently. Links to
folders are followed, each folder is entered once, so loops end. Members of a rotated set come
oldest first.

On object stores it is the same: `s3://bucket/logs/*.gz` is a pattern (in which `?` begins a query,
as in any URL), and `s3://bucket/logs/`, with its slash, a folder.

So it is on hosts that are reached by ssh, whose shells expand `web1:/var/log/app/*.log`.

Looks at names and kinds alone; what is in a file is `logan.sources`'s concern.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from logan.errors import InputError, UsageError
from logan.limits import FOLDER_ENTRIES_MAX, INPUTS_PER_JOB_MAX
from logan.sources import rotation
from logan.sources.globs import Glob
from logan.sources.hosts import as_url, is_remote

if TYPE_CHECKING:
    from logan.sources.ssh.listing import Listing

__all__ = [
    "WITHOUT_PERMISSION",
    "Folder",
    "Named",
    "expand",
    "in_time_order",
    "is_folder",
    "is_pattern",
    "is_url",
]

WITHOUT_PERMISSION: Final = "without permission"
"""Why something in a folder is left out that this user may not look at."""

_MARKS = frozenset("*?[")
_MARKS_OF_URLS = frozenset("*[")


@dataclass(slots=True)
class Folder:
    """A folder that was named: what of it is left out, and why, or why it could not be listed."""

    path: str
    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    error: OSError | InputError | None = None

    def skip(self, why: str, name: str) -> None:
        """Leave out `name` for the reason `why`."""
        self.skipped[why] += 1
        self.examples.setdefault(why, []).append(name)


@dataclass(frozen=True, slots=True)
class Named:
    """One path to read, and the folder in which it was found, if it was not named itself; `matched`
    if it was not either, but is what a pattern stands for."""

    path: str
    folder: Folder | None = None
    matched: bool = False


def is_url(path: str) -> bool:
    """Whether `path` is read from a server. Looks at the text alone: `./a://b` names a file, and so
    does what only resembles a URL."""
    scheme, mark, _ = path.partition("://")
    if not mark or not scheme.isalnum():
        return False
    try:
        urlsplit(path)
    except ValueError:
        return False
    return True


def is_folder(path: str) -> bool:
    """Whether `path` means what is below it."""
    if not is_url(path):
        return os.path.isdir(path)
    from logan.sources import objects

    parts = urlsplit(path)
    return objects.can_list(path) and parts.netloc != "" and parts.path[-1:] in ("", "/")


def is_pattern(path: str) -> bool:
    """Whether `path` has marks that may stand for several names."""
    if not is_url(path):
        return not _MARKS.isdisjoint(path)
    from logan.sources import objects

    return objects.can_list(path) and not _MARKS_OF_URLS.isdisjoint(path)


def expand(paths: Iterable[str]) -> tuple[list[Named], list[Folder]]:
    """All files meant by `paths`, in order, and the folders among them.

    A pattern that matches nothing stays as it is. Raises `UsageError` for more than
    `INPUTS_PER_JOB_MAX` files.
    """
    named: list[Named] = []
    folders: list[Folder] = []
    paths = [as_url(path) for path in paths]
    on_hosts = _on_hosts(paths)
    for path in paths:
        if path == "-":
            named.append(Named(path))
        elif path in on_hosts:
            _add_listing(path, on_hosts[path], named, folders)
        elif is_folder(path):
            folder = Folder(path)
            folders.append(folder)
            walk = _walk_objects if is_url(path) else _walk
            found = sorted(walk(folder), key=rotation.natural)
            named.extend(Named(each, folder) for each in found)
        else:
            matches = _matching_objects if is_url(path) else _matches
            named.extend(Named(each, matched=each != path) for each in matches(path))
        if len(named) > INPUTS_PER_JOB_MAX:
            raise UsageError(
                f"more than {INPUTS_PER_JOB_MAX:,} inputs do not fit into one report",
                hint="analyze them in groups, or as one stream: cat … | logan analyze -",
            )
    return in_time_order(named), folders


def _on_hosts(paths: Sequence[str]) -> Mapping[str, Listing]:
    """What paths on hosts stand for."""
    remote = [path for path in paths if is_remote(path)]
    if not remote:
        return {}
    from logan.sources.ssh import listing as ssh_listing

    return ssh_listing.listings(remote)


def _add_listing(path: str, listing: Listing, named: list[Named], folders: list[Folder]) -> None:
    if not listing.is_folder:
        named.extend(Named(each, matched=each != path) for each in listing.names)
        return
    folder = Folder(path, error=listing.error)
    for why, names in listing.skipped.items():
        for name in names:
            folder.skip(why, name)
    folders.append(folder)
    named.extend(Named(each, folder) for each in listing.names)


def in_time_order(named: Sequence[Named]) -> list[Named]:
    """`named` without duplicates, in the order of `rotation.in_time_order`."""
    first = {each.path: each for each in reversed(named)}
    return [first[path] for path in rotation.in_time_order([each.path for each in named])]


def _matches(path: str) -> list[str]:
    """What a pattern stands for; the path itself where it is none, or nothing matches."""
    if not is_pattern(path) or os.path.lexists(path) or "\0" in path:
        return [path]
    found = [each for each in glob.iglob(path, recursive=True) if not os.path.isdir(each)]
    return sorted(found, key=rotation.natural) or [path]


def _walk(folder: Folder) -> Iterator[str]:
    """Every file below `folder` that is not hidden."""
    waiting = [folder.path]
    entered: set[tuple[int, int]] = set()
    entries = 0
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            listed = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            if current == folder.path:
                folder.error = error
            else:
                folder.skip(_unreadable(error), current)
            continue
        entries += len(listed)
        _check_entries(folder.path, entries)
        for entry in listed:
            if entry.name.startswith("."):
                folder.skip("hidden", entry.path)
                continue
            try:
                mode = entry.stat().st_mode
            except OSError as error:
                lost = error.errno in (errno.ENOENT, errno.ELOOP)
                folder.skip("leading nowhere" if lost else _unreadable(error), entry.path)
                continue
            if stat.S_ISDIR(mode):
                waiting.append(entry.path)
            elif stat.S_ISREG(mode):
                yield entry.path
            else:
                folder.skip("not a file", entry.path)


def _unreadable(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return WITHOUT_PERMISSION
    return f"unreadable: {error.strerror or error}"


def _check_entries(path: str, count: int) -> None:
    if count > FOLDER_ENTRIES_MAX:
        raise UsageError(
            f"{path}: more than {FOLDER_ENTRIES_MAX:,} files",
            hint="name a folder further down, or a pattern",
        )


# --- Object stores ------------------------------------------------------------------------------


def _walk_objects(folder: Folder) -> Iterator[str]:
    """Every object below `folder` that is not hidden."""
    try:
        listed = _objects_below(folder.path, deep=True)
    except InputError as error:
        folder.error = error
        return
    for name, url in listed:
        if any(part.startswith(".") for part in name.split("/")):
            folder.skip("hidden", url)
        else:
            yield url


def _matching_objects(url: str) -> list[str]:
    """What a pattern stands for; the URL itself where it is none, or nothing matches."""
    if not is_pattern(url):
        return [url]
    parts = url.split("/")
    first = next(i for i, part in enumerate(parts) if not _MARKS_OF_URLS.isdisjoint(part))
    if first <= 2:  # the scheme, nothing, the bucket
        return [url]
    wanted = [unquote(part) for part in parts[first:]]
    pattern = Glob(wanted)
    try:
        listed = _objects_below("/".join(parts[:first]), deep=len(wanted) > 1 or "**" in wanted)
    except InputError:
        return [url]  # opening it will report why
    found = [each for name, each in listed if pattern.matches(name.split("/"))]
    return sorted(found, key=rotation.natural) or [url]


def _objects_below(url: str, *, deep: bool) -> list[tuple[str, str]]:
    """Name relative to `url`, and URL, of each object below it. Raises `InputError`."""
    from logan.sources import objects

    base = url.rstrip("/")
    sizes: dict[str, int] = {}
    for name, size in objects.listed(f"{base}/", deep=deep):
        sizes[name] = size
        _check_entries(objects.shown(url), len(sizes))
    # What stands for a folder, as some tools make them, is empty.
    folders = {name.rpartition("/")[0] for name in sizes}
    return [
        (name, f"{base}/{_quoted(name)}")
        for name, size in sizes.items()
        if size or name not in folders
    ]


def _quoted(name: str) -> str:
    """A name as it stands in a URL; only what would mean something else there is replaced."""
    return re.sub("[%#?]", lambda mark: f"%{ord(mark[0]):02X}", name)
