"""Files on hosts that have no logan, read over the system's ssh.

Who does what: `sources.hosts` says what a name means, `script` is what answers there, `session` one
connection, `connections` shares them among the files of a host, `listing` asks what folders and
patterns stand for. Here what breaks is tried again: a range goes on at the byte that it had come
to, of the same file, which is known by its inode, its size and sums of both ends of what was
planned. What cannot be finished is an `InputError`, or a `SourceChangedError` for a file that is
another one now; never fewer bytes than were asked for.

A file here is like an object on a server: it has a size, its identity is `Source.etag` (the inode
and the sums), and it is read in ranges. The origin of its source is the URL, so reports can tell
hosts apart; what is the same file on a host is so under every name.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from logan._logan import Cancel
from logan.errors import InputError, SourceChangedError
from logan.limits import FETCH_BYTES_MAX, FETCH_RETRIES_MAX, SAMPLE_HEAD_BYTES_MAX
from logan.model import Source
from logan.sources.compression import packed_by_name
from logan.sources.hosts import parse, shown
from logan.sources.sampling import sampled
from logan.sources.ssh.command import in_words
from logan.sources.ssh.connections import host_of, pause
from logan.sources.ssh.refusals import HostError
from logan.sources.ssh.session import Answer, Denied, Lost
from logan.sources.streams import Stream
from logan.sources.url_roots import UrlRoots

__all__ = [
    "Ahead",
    "RemoteFile",
    "changes_since",
    "input_error",
    "next_step",
    "open_remote",
    "same_file",
]


HOSTS_AT_ONCE_MAX: Final = 16
AHEAD_MAX: Final = 32
"""Files that are looked at before it is their turn: each is a sample of some hundred KiB."""


Opened = tuple[Source, Sequence[tuple[int, bytes]], Stream | None]


# --- One file -----------------------------------------------------------------------------------


class RemoteFile:
    """Reads one file on a host. Threads may share it.

    Args:
        etag: what it was when it was planned; None for what it is now.
        roots: below which it must lie; None is anywhere, for what the user of this process named.

    Raises `InputError`, also for what is below none of the roots.
    """

    def __init__(
        self,
        url: str,
        etag: str | None = None,
        *,
        roots: UrlRoots | None = None,
        cancel: Cancel | None = None,
    ) -> None:
        self.url = url
        self.remote = parse(url)
        if roots is not None and not roots.allows(url):
            raise roots.refusal(url)
        root = None if roots is None else roots.root_of(url)
        self._below = None if root is None else parse(f"{root.rstrip('/')}/").path
        self._host = host_of(self.remote.address)
        self._packed = packed_by_name(self.remote.path)
        self._cancel = cancel
        self._planned = etag
        self._inode, _, self._sums = (etag or "").partition(" ")

    def look(self) -> tuple[Answer, bytes]:
        """What the file is now, which is the planned one from now on; and its first bytes."""
        answer, data = self._whole(0, SAMPLE_HEAD_BYTES_MAX, planned=None)
        assert answer.after is not None
        self._inode, self._sums = answer.after.inode, answer.sums
        return answer, data

    @property
    def etag(self) -> str:
        """Its identity on its host."""
        return f"{self._inode} {self._sums}"

    def range(self, start: int, end: int) -> bytes:
        """Bytes `[start, end)`. Raises `InputError`."""
        return b"".join(self._stream(start, end, 0, self._cancel or Cancel()))

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of several ranges, asked for at once. Raises `InputError`."""
        for attempt in range(1, FETCH_RETRIES_MAX + 2):
            try:
                return self._at_once(wanted)
            except Lost as error:
                if attempt > FETCH_RETRIES_MAX:
                    raise self._broken(error, 0, 0) from error
                pause(attempt, self._cancel)
        raise AssertionError("the last try returns or raises")

    def pieces(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
        """Bytes from `start` to `size`, in one request up to `end`, behind it a few at a time.

        That they are the planned ones is known when the last of a request came; then only it ends
        without an error. Raises `InputError`, `CancelledError`.
        """
        if start < end:
            yield from self._stream(start, end, size, cancel)
        length = SAMPLE_HEAD_BYTES_MAX
        while end < size and not cancel.is_set():
            stop = min(end + length, size)
            yield b"".join(self._stream(end, stop, size, cancel))
            end, length = stop, min(2 * length, FETCH_BYTES_MAX)

    def _stream(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
        """Bytes `[start, end)`, over as many connections as it takes; `size` is the planned one, 0
        where it is not known yet."""
        at, attempt, whole = start, 0, False
        held = b""  # back until what was read is known to be of the planned file
        while not whole:
            answer: list[Answer] = []
            try:
                with self._host.session(cancel) as session:
                    for piece in session.read(
                        self.remote.path,
                        at,
                        end - at,
                        answer=answer,
                        inode=self._inode or None,
                        planned=size,
                        below=self._below,
                        packed=self._packed,
                        cancel=cancel,
                    ):
                        at, attempt = at + len(piece), 0
                        if held:
                            yield held
                        held = piece
                self._compare(answer[0], max(size, end), with_sums=size > 0)
                if at < end:
                    raise self._changed(f"{at:,} bytes, planned {max(size, end):,}")
                whole = True
            except (Lost, HostError) as error:
                attempt += 1
                if isinstance(error, HostError) and at == start and attempt == 1:
                    raise input_error(self.url, error) from error
                if attempt > FETCH_RETRIES_MAX:
                    raise self._broken(error, at, size) from error
                pause(attempt, cancel)
            except Denied as error:
                raise self.error(str(error)) from error
        yield held

    def _whole(self, start: int, end: int, *, planned: int | None) -> tuple[Answer, bytes]:
        for attempt in range(1, FETCH_RETRIES_MAX + 2):
            answer: list[Answer] = []
            try:
                with self._host.session(self._cancel) as session:
                    pieces = session.read(
                        self.remote.path,
                        start,
                        end - start,
                        answer=answer,
                        planned=planned,
                        below=self._below,
                        packed=self._packed,
                        cancel=self._cancel,
                    )
                    data = b"".join(pieces)
            except HostError as error:
                raise input_error(self.url, error) from error
            except Denied as error:
                raise self.error(str(error)) from error
            except Lost as error:
                if attempt > FETCH_RETRIES_MAX:
                    raise self._broken(error, 0, 0) from error
            else:
                before, after = answer[0].before, answer[0].after
                if after is not None and after.inode == before.inode and after.size >= before.size:
                    return answer[0], data
                if attempt > FETCH_RETRIES_MAX:
                    raise self._changed("it is being replaced all the time")
            pause(attempt, self._cancel)
        raise AssertionError("the last try returns or raises")

    def _at_once(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        found = []
        try:
            with self._host.session(self._cancel) as session:
                numbers = [
                    session.ask(
                        self.remote.path,
                        start,
                        end - start,
                        inode=self._inode or None,
                        below=self._below,
                        packed=self._packed,
                    )
                    for start, end in wanted
                ]
                answer: list[Answer] = []
                for number, (start, end) in zip(numbers, wanted, strict=True):
                    pieces = session.answered(
                        number,
                        end - start,
                        packed=self._packed,
                        answer=answer,
                        cancel=self._cancel,
                    )
                    try:
                        data = b"".join(pieces)
                    except Denied as error:
                        raise self.error(str(error)) from error
                    self._compare(answer[-1], end, with_sums=False)
                    if len(data) < end - start:
                        raise self._changed(f"{start + len(data):,} bytes, planned {end:,}")
                    found.append(data)
        except HostError as error:
            raise input_error(self.url, error) from error
        return found

    def _compare(self, answer: Answer, size: int, *, with_sums: bool) -> None:
        """Raise `SourceChangedError` unless the file is the planned one still."""
        after = answer.after
        if after is None:
            raise self.error("missing")
        if self._inode and after.inode != self._inode:
            raise self._changed("another file has its name")
        if after.size < size:
            raise self._changed(f"{after.size:,} bytes, planned {size:,}")
        if with_sums and "-" not in (self._sums, answer.sums) and self._sums != answer.sums:
            raise self._changed("its content was replaced")

    def _changed(self, why: str) -> SourceChangedError:
        return SourceChangedError(
            f"{shown(self.url)}: the file changed: {why}; its results are left out",
            input=self.url,
            hint=next_step(self.url, "changed"),
        )

    def _broken(self, error: Exception, at: int, size: int) -> InputError:
        where = f" after byte {at:,} of {size:,}" if size else ""
        return InputError(
            f"{shown(self.url)}: {error}{where}, and again in {FETCH_RETRIES_MAX} more tries",
            input=self.url,
            hint=next_step(self.url, "unreadable"),
        )

    def error(self, why: str) -> InputError:
        """`Denied` in words that name the file and the next step."""
        name, kind = shown(self.url), _KINDS.get(why, "unreadable")
        if why == "changed":
            return self._changed("another file has its name, and it is not beside it")
        if self._planned is not None and why == "missing":
            return SourceChangedError(
                f"{name}: it is gone; it was there when the job was planned",
                input=self.url,
                kind="gone",
                hint=next_step(self.url, "gone"),
            )
        if why == "missing" and self.remote.is_pattern:
            return InputError(
                f"{name}: no such file",
                input=self.url,
                kind=kind,
                hint="no file there matches this pattern, as far as this user may look",
            )
        text = {
            "missing": f"{name}: no such file",
            "denied": f"{name}: no permission to read it",
            "folder": f"{name} is a folder",
            "special": f"{name} is not a regular file with a size",
            "outside": f"{name} is a link, or leads out of the root",
        }.get(why, f"{name}: it cannot be read")
        return InputError(text, input=self.url, kind=kind, hint=next_step(self.url, why))


_KINDS: Final = {
    **{"missing": "missing", "denied": "permission", "folder": "folder"},
    **{"special": "sizeless", "outside": "permission"},
}


def open_remote(url: str, roots: UrlRoots | None = None, cancel: Cancel | None = None) -> Opened:
    """The source at an `ssh://` URL, and samples of it. Raises `InputError`."""
    file = RemoteFile(url, roots=roots, cancel=cancel)
    answer, head = file.look()
    size, mtime_s = answer.before.size, answer.before.mtime_s
    # What a kernel makes up when it is read holds more, or less, than its size says.
    made_up = bool(head.strip(b"\0")) if not size else len(head) < min(size, SAMPLE_HEAD_BYTES_MAX)
    if made_up and answer.after is not None and answer.after.size == size:
        raise file.error("special")
    mtime_ns = None if mtime_s is None else mtime_s * 1_000_000_000
    return sampled(file, head[:size], Source(url, size, None, mtime_ns, etag=file.etag))


def changes_since(source: Source) -> list[str]:
    """Notes about a file that was written to after the plan was made, though not in its range."""
    file = RemoteFile(source.url)
    try:
        with host_of(file.remote.address).session() as session:
            answer: list[Answer] = []
            list(session.read(file.remote.path, 0, 0, answer=answer))
    except Denied as error:
        if str(error) != "missing":
            return []
        return ["its name was gone when the analysis ended; the planned bytes were read"]
    except (Lost, HostError):
        return []  # that all its bytes were read is known without it
    now = answer[0].before
    if now.inode != (source.etag or "").partition(" ")[0]:
        return ["another file had its name when the analysis ended; the planned bytes were read"]
    grown = now.size - (source.size or 0)
    return [f"grew by {grown:,} bytes during the analysis; they were not analyzed"] * (grown > 0)


def same_file(source: Source) -> str | None:
    """Equal for two names of one file on a host; None for what is none on a host."""
    if source.etag is None or not source.url.startswith("ssh://"):
        return None
    return f"ssh://{parse(source.url).address.host}/{source.etag.partition(' ')[0]}"


def input_error(url: str, error: HostError) -> InputError:
    """`error` as that of one input."""
    return InputError(f"{shown(url)}: {error}", input=url, kind="unreadable", hint=error.hint)


def next_step(url: str, kind: str) -> str | None:
    """What to do about an `InputError` of this kind, for a file on a host."""
    try:
        remote = parse(url)
    except InputError:
        return None
    ssh, path = in_words(remote.address, "").rstrip(), _word(remote.path)
    match kind:
        case "changed":
            return "analyze it again when it is not being rewritten"
        case "gone":
            return "see whether it was deleted or moved, and name what is there now"
        case "missing":
            folder = remote.path.rpartition("/")[0] or ("/" if remote.path[0] == "/" else ".")
            return f"see what is there: {ssh} ls -l {_word(folder)}"
        case "denied" | "permission":
            return f"log in as a user with permission, or: {ssh} sudo cat {path} | logan analyze -"
        case "special" | "sizeless":
            return f"read it as a stream: {ssh} cat {path} | logan analyze -"
        case "folder":
            return f"name the files in it: {shown(url).rstrip('/')}/*.log"
        case "unreadable":
            return f"check the connection: {ssh} true"
    return None


def _word(path: str) -> str:
    """A path for a command that a user copies."""
    name = os.fsencode(path).decode("utf-8", "replace")
    plain = re.fullmatch(r"[\w./+,:@%=-]+", name)
    return name if plain else "'" + name.replace("'", "'\\''") + "'"


# --- Many files ---------------------------------------------------------------------------------


class Ahead:
    """Opens files on hosts a few before it is their turn, so that many wait side by side."""

    def __init__(self, urls: Iterable[str], roots: UrlRoots | None, cancel: Cancel | None) -> None:
        self._waiting = deque(dict.fromkeys(urls))
        self._roots = roots
        self._cancel = cancel
        self._pool = ThreadPoolExecutor(HOSTS_AT_ONCE_MAX, thread_name_prefix="logan-ssh")
        self._opened: dict[str, Future[Opened]] = {}

    def take(self, url: str) -> Opened:
        """See `open_remote`."""
        while self._waiting and len(self._opened) < AHEAD_MAX:
            each = self._waiting.popleft()
            self._opened[each] = self._pool.submit(open_remote, each, self._roots, self._cancel)
        found = self._opened.pop(url, None)
        return open_remote(url, self._roots, self._cancel) if found is None else found.result()

    def close(self) -> None:
        """Forget what was not taken."""
        self._pool.shutdown(wait=False, cancel_futures=True)
