"""Inputs: from what the user named to sources that can be read, or an error that says why not.

An input that cannot be read does not spoil the others: its error is kept beside it. Nothing here
knows of chunks, engines or reports.

`open_inputs` expands patterns and folders (`expand`) and looks at each file once: what it is, how
large, how compressed, what a sample of it looks like. The first entry of `KINDS` that takes a path
opens it: a regular file is read later by offset (`local`), an object on a server in ranges
(`remote`); standard input and everything else without a size that is true, such as a FIFO, a
process substitution or a file in /proc, is a stream (`stdin`) whose first bytes are kept.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from logan import _logan
from logan._logan import Cancel
from logan.errors import InputError
from logan.limits import ARCHIVE_HEAD_BYTES_MAX, NAMES_SHOWN_MAX, SAVED_MAGIC
from logan.model import Detection, Source
from logan.sources import discovery, fetching, files, hosts, streams
from logan.sources.compression import (
    assumed,
    compression_of,
    decoded_sample,
    is_container,
    named_otherwise,
    without_suffix,
)
from logan.sources.discovery import Folder, Named, is_url
from logan.sources.files import Place, by_name
from logan.sources.hosts import as_url, is_remote
from logan.sources.streams import Stream
from logan.sources.url_roots import UrlRoots

__all__ = [
    "KINDS",
    "Input",
    "first_line",
    "first_lines",
    "next_step",
    "open_inputs",
    "open_named",
    "origin_of",
    "readable_name",
    "shown_name",
]

Opened = tuple[Source, Sequence[tuple[int, bytes]], Stream | None]
Examine = Callable[[Sequence[tuple[int, bytes]], Detection, Source], Detection]
"""Looks closer at the samples of an input than detection does."""

Opener = Callable[[str, Cancel | None, UrlRoots | None], Opened]

RARE_LINES_MAX: Final = 16
_RARE: Final = re.compile(rb"^(?=[^\r\n]*?(?:\d[.,]\d{3}|\[\d+\]))([^\r\n]+)\r?\n", re.M)

UNREAD_LINES_MAX: Final = 200
UNREAD_LINE_BYTES_MAX: Final = 2_000
"""Unread lines, and bytes of each, that a format is proposed from: a log with a header shows it in
far less."""

FIRST_LINE_CHARS_MAX: Final = 400
"""Characters of an input's first line in errors: enough to see how it differs from a format."""


@dataclass(slots=True)
class Input:
    """One input: either `source` and `detection`, or `error`, or neither when it is a folder or
    another name of an input before it (then `notes` say which).

    Attributes:
        first_line: the beginning of the first line of its sample that is not blank.
        matched: it was not named itself, but is what a pattern stands for.
        rare_lines: lines of a file's sample that are hardly written twice.
        unread: of an input whose sample nothing reads the first lines that are not blank.
    """

    path: str
    source: Source | None = None
    detection: Detection | None = None
    stream: Stream | None = None
    error: InputError | None = None
    notes: list[str] = field(default_factory=list)
    first_line: str = ""
    unread: Sequence[bytes] = ()
    rare_lines: Sequence[bytes] = ()
    matched: bool = False


def open_inputs(
    paths: Iterable[str],
    *,
    cancel: Cancel | None = None,
    literal: bool = False,
    examine: Examine | None = None,
) -> list[Input]:
    """Look at everything that `paths` mean, in order; "-" is standard input.

    With `literal` each path is one input, in the order given: no pattern or folder is expanded.
    `examine` adds to what detection finds of each.

    Raises nothing for a bad input, `UsageError` for too many. A folder has an entry of its own,
    before the others, that says what of it was left out.
    """
    if literal:
        named = [Named(as_url(path)) for path in paths]
        return open_named(named, cancel=cancel, examine=examine)
    named, folders = discovery.expand(paths)
    return open_named(named, folders, cancel=cancel, examine=examine)


def open_named(
    named: Iterable[Named],
    folders: Iterable[Folder] = (),
    *,
    cancel: Cancel | None = None,
    opened: files.Opener = by_name,
    url_roots: UrlRoots | None = None,
    examine: Examine | None = None,
) -> list[Input]:
    """Look at what paths were expanded to; see `open_inputs`.

    `opened` gives the place where to read what goes by a name, or raises `InputError`.
    `url_roots` bound what is read from servers, and where they may redirect to; None is nothing.
    """
    seen: dict[Identity, str] = {}
    inputs: list[Input] = []
    found: dict[int, int] = {}
    named = list(named)
    ahead = fetching.ahead((each.path for each in named), url_roots, cancel)
    try:
        for each in named:
            path, folder = each.path, each.folder
            entry = _open(path, opened, seen, cancel, url_roots, examine, ahead)
            entry.matched = each.matched
            if folder is not None and (why := _no_log(entry)):
                folder.skip(why, path)
                continue
            if folder is not None:
                found[id(folder)] = found.get(id(folder), 0) + 1
            inputs.append(entry)
    finally:
        if ahead is not None:
            ahead.close()
    _leave_out_copies(inputs, opened)
    if any(entry.source is not None for entry in inputs):
        _leave_out_binaries(inputs)
    return [_folder_entry(each, found.get(id(each), 0)) for each in folders] + inputs


def _leave_out_copies(inputs: Sequence[Input], opened: files.Opener) -> None:
    """A log that was compressed while its plain file was kept is counted once.

    Only beside it, under its name: equal files elsewhere are logs of two hosts.
    """
    plain = {
        entry.path: entry
        for entry in inputs
        if entry.source is not None and entry.source.fingerprint is not None
    }
    for entry in inputs:
        source = entry.source
        if source is None or source.compression is None or source.fingerprint is None:
            continue
        twin = plain.get(without_suffix(entry.path))
        if twin is None or twin is entry:
            continue
        try:
            with opened(entry.path) as place, opened(twin.path) as other:
                is_copy = _logan.is_copy(place.path, source.compression, other.path)
        except (InputError, OSError):
            continue  # its scan will report what is wrong with it
        if is_copy:
            entry.notes.append(f"the same lines as {shown_name(twin.path)}, counted once")
            entry.source = entry.detection = None


def _leave_out_binaries(inputs: Iterable[Input]) -> None:
    """A binary file that a pattern matched is skipped, not an error: the user did not name it."""
    for entry in inputs:
        if entry.matched and entry.error is not None and entry.error.kind == "binary":
            entry.notes.append("a binary file, left out")
            entry.error = None


def _no_log(entry: Input) -> str | None:
    """Why a file that was found in a folder, not named, is left out; None if it is not."""
    if entry.stream is not None:
        entry.stream.close()
        return "without a true size"  # there may be thousands, each an open file
    if entry.error is not None:
        return {"binary": "binary", "compressed": "compressed but no log"}.get(entry.error.kind)
    if entry.detection is None:
        return "counted under another name"
    source = entry.source
    if source is not None and source.size == 0:
        return "empty"
    if source is not None and is_container(source.compression) and not entry.detection.lines:
        # Of a larger one not all was looked at.
        return "without logs" if (source.size or 0) <= ARCHIVE_HEAD_BYTES_MAX else None
    if entry.detection.lines and not entry.detection.formats:
        return "of no known format"
    return None


def _folder_entry(folder: Folder, found: int) -> Input:
    entry = Input(folder.path)
    if folder.error is not None:
        entry.error = _cannot_be_listed(folder.path, folder.error)
        return entry
    skipped = []
    for why, count in sorted(folder.skipped.items()):
        names = [_relative(name, folder.path) for name in folder.examples[why][:NAMES_SHOWN_MAX]]
        shown = ", ".join(readable_name(name) for name in names)
        skipped.append(f"{count:,} {why} ({shown}{', …' if count > NAMES_SHOWN_MAX else ''})")
    left_out = f"; left out: {', '.join(skipped)}" if skipped else ""
    if not found and not is_url(folder.path) and (gone := files.without_folder(folder.path)):
        entry.error = gone
        return entry
    if found:
        entry.notes.append(f"a folder with {found:,} log{'s' if found != 1 else ''}{left_out}")
    else:
        entry.error = InputError(
            f"{shown_name(folder.path)} is a folder without logs{left_out}",
            input=folder.path,
            kind="folder",
            hint=_permission_hint(folder.path)
            if discovery.WITHOUT_PERMISSION in folder.skipped
            else "name a file in it to read it anyway",
        )
    return entry


def _relative(path: str, folder: str) -> str:
    if is_remote(path):
        path, folder = hosts.shown(path), hosts.shown(folder)
    return (
        path.removeprefix(folder.rstrip("/") + "/")
        if is_url(path)
        else os.path.relpath(path, folder)
    )


def _cannot_be_listed(path: str, error: OSError | InputError) -> InputError:
    name = readable_name(path)
    if isinstance(error, InputError):
        return error
    if isinstance(error, PermissionError):
        return InputError(
            f"{name}: no permission to read this folder",
            input=path,
            kind="permission",
            hint=_permission_hint(path),
        )
    return InputError(f"{name}: {error.strerror or error}", input=path)


def _permission_hint(path: str) -> str:
    return f"run logan as a user with access; see: ls -ld {shlex.quote(readable_name(path))}"


def readable_name(path: str) -> str:
    """`path` as valid Unicode: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


Identity = tuple[int, int] | str


def _open(
    path: str,
    opened: files.Opener,
    seen: dict[Identity, str],
    cancel: Cancel | None,
    url_roots: UrlRoots | None,
    examine: Examine | None,
    ahead: fetching.Ahead | None,
) -> Input:
    entry = Input(path)
    try:
        with opened(path) as place:
            try:
                _look_at(entry, place, seen, cancel, url_roots, examine, ahead)
            except InputError as error:
                _rename(error, place.path, path)
                raise
    except InputError as error:
        entry.error, entry.source = error, None
        if entry.stream is not None:
            entry.stream.close()
            entry.stream = None
    return entry


def _look_at(
    entry: Input,
    place: Place,
    seen: dict[Identity, str],
    cancel: Cancel | None,
    url_roots: UrlRoots | None,
    examine: Examine | None,
    ahead: fetching.Ahead | None,
) -> None:
    """What is in the input, which is at `place`. Raises `InputError`."""
    identity = _identity(place.path)
    if identity is not None and identity in seen:
        entry.notes.append(_named_before(entry.path, seen[identity]))
        return
    source, samples, entry.stream = _opened(place.path, cancel, url_roots, ahead)
    if (other := fetching.same_file(source)) is not None:
        if other in seen:
            entry.notes.append(_named_before(entry.path, seen[other]))
            return
        seen[other] = entry.path
    entry.detection = _detect(entry.path, samples, source.compression)
    entry.first_line = first_line(samples)
    if not entry.detection.formats:
        entry.unread = first_lines(samples)
    if examine is not None:
        entry.detection = examine(samples, entry.detection, source)
    is_file = source.fingerprint is not None and source.splittable
    if is_file:
        entry.rare_lines = rare_lines(samples)
    if is_file and entry.detection.header:
        source, entry.detection = _with_layouts(source, entry.detection, cancel)
    elif entry.detection.header and source.size is not None:
        # To list the columns of an object all of it would be fetched twice.
        source = replace(source, sequential=source.compression is None)
    if identity is not None:
        seen[identity] = entry.path
    if source.size == 0 or (entry.stream is not None and entry.stream.is_empty):
        entry.notes.append("empty: nothing to analyze")
    elif (note := named_otherwise(entry.path, source.compression)) is not None:
        entry.notes.append(note)
    entry.source = source if place.name == place.path else replace(source, url=place.name)


def _opened(
    path: str, cancel: Cancel | None, url_roots: UrlRoots | None, ahead: fetching.Ahead | None
) -> Opened:
    if ahead is not None and is_remote(path):
        return ahead.take(path)
    opener = next(opener for takes, opener in KINDS if takes(path))
    return opener(path, cancel, url_roots)


def _rename(error: InputError, place: str, path: str) -> None:
    """Put the user's name for what was read at `place` into `error`."""
    if place != path:
        error.input = path
        error.message = error.message.replace(place, path)
        error.args = (error.message,)
        error.hint = error.hint and error.hint.replace(place, path)


def first_line(samples: Sequence[tuple[int, bytes]]) -> str:
    """The beginning of the first line that is not blank, as text."""
    data = samples[0][1].lstrip() if samples else b""
    # A character has four bytes at most.
    head = data[: 4 * FIRST_LINE_CHARS_MAX].splitlines()
    return head[0].decode("utf-8", "replace").strip()[:FIRST_LINE_CHARS_MAX] if head else ""


def first_lines(samples: Sequence[tuple[int, bytes]]) -> list[bytes]:
    """The first lines of a sample that are not blank: enough to see what they have in common."""
    head = samples[0][1] if samples else b""
    lines = (each[:UNREAD_LINE_BYTES_MAX] for each in head.splitlines() if each.strip())
    return list(islice(lines, UNREAD_LINES_MAX))


def rare_lines(samples: Sequence[tuple[int, bytes]]) -> list[bytes]:
    """Lines with part of a second or the id of a process, spread over a sample."""
    found = list(dict.fromkeys(line for _, data in samples for line in _RARE.findall(data)))
    return found[:: max(len(found) // RARE_LINES_MAX, 1)][:RARE_LINES_MAX]


def _with_layouts(
    source: Source, detection: Detection, cancel: Cancel | None
) -> tuple[Source, Detection]:
    """Where the columns of a file change; if too often for a list, it is read in one pass."""
    try:
        layouts = files.layouts(source.url, source.size or 0, cancel=cancel)
    except InputError as error:
        if error.kind != "layouts":
            raise
        return replace(source, sequential=True), detection
    return source, replace(detection, layouts=layouts)


def _identity(path: str) -> Identity | None:
    if path == "-":
        return streams.identity()
    return path if is_url(path) else files.identity(path)


def _open_url(path: str, cancel: Cancel | None, url_roots: UrlRoots | None) -> Opened:
    return fetching.open_url(path, url_roots, cancel)


def _open_file(path: str, cancel: Cancel | None, url_roots: UrlRoots | None) -> Opened:
    try:
        return *files.open_file(path), None
    except InputError as error:
        if error.kind != files.SIZELESS:
            raise
    return _open_stream(path, cancel, url_roots)


def _open_stream(path: str, cancel: Cancel | None, url_roots: UrlRoots | None) -> Opened:
    stream = streams.open_stream(path, cancel=cancel)
    compression = compression_of(stream.head)
    sample = stream.head if compression is None else decoded_sample(stream.head, compression)
    return Source(path, None, compression=compression), [(0, sample)], stream


KINDS: Final[Sequence[tuple[Callable[[str], bool], Opener]]] = (
    (lambda path: path == "-", _open_stream),
    (is_url, _open_url),
    (files.is_regular, _open_file),
    (lambda path: True, _open_stream),
)
"""Which paths are of a kind, and how it is opened; the first that takes a path opens it."""


def shown_name(path: str) -> str:
    """The name of an input in reports: of a URL nothing that may be secret."""
    if is_remote(path):
        return hosts.shown(path)
    if is_url(path):
        from logan.sources import objects

        return objects.shown(path)
    return readable_name(path)


def origin_of(path: str) -> str | None:
    """The host that an input is read from by ssh, without a user; None for others."""
    if not is_remote(path):
        return None
    return path.partition("://")[2].partition("/")[0].rpartition("@")[2] or None


def next_step(path: str, kind: str, why: str = "") -> str | None:
    """What to do about an error of this kind that came up while `path` was scanned, if that is
    known and its sentence `why` does not say so itself."""
    if not is_url(path):
        return None
    if is_remote(path):
        from logan.sources.ssh import files as ssh

        return ssh.next_step(path, kind)
    from logan.sources import objects

    return objects.next_step(path, kind, why)


def _name(path: str) -> str:
    return "standard input" if path == "-" else shown_name(path)


def _named_before(path: str, before: str) -> str:
    if path == before:
        return "named more than once, counted once"
    return f"the same file as {shown_name(before)}, counted once"


def _detect(path: str, samples: Sequence[tuple[int, bytes]], compression: str | None) -> Detection:
    name = _name(path)
    if samples and samples[0][1].startswith(SAVED_MAGIC):
        raise InputError(
            f"{name} is a saved summary, not a log",
            input=path,
            kind="binary",
            hint="name its file: logan analyze FILE",
        )
    try:
        detection = Detection.from_dict(json.loads(_logan.detect(samples)))
    except InputError as error:  # of the engine, which does not know the name
        raise InputError(f"{name}: {error}", input=path, kind=error.kind) from error
    shown = "FILE" if path == "-" else shlex.quote(name)
    if detection.compression is not None:
        raise InputError(
            f"{name} is compressed twice",
            input=path,
            kind="compressed",
            hint=f"decompress it on the way: zcat {shown} | logan analyze -",
        )
    if detection.encoding == "utf-16":
        raise InputError(
            f"{name} is UTF-16 text",
            input=path,
            kind="utf-16",
            hint=f"convert it on the way: iconv -f UTF-16 -t UTF-8 {shown} | logan analyze -",
        )
    if detection.encoding == "binary":
        raise InputError(
            f"{name} is a binary file, not a log",
            input=path,
            kind="binary",
            hint=f"see what it is: file {shown}",
        )
    encoding = "utf-16" if "utf-16" in (compression or "") else detection.encoding
    return replace(
        detection,
        compression=compression,
        encoding=encoding,
        assumed=(*detection.assumed, *assumed(compression)),
    )
