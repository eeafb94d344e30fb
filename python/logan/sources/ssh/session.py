"""One connection to a host by the system's ssh: requests of `script`, one after the other.

The system's program is run, so that its configuration, its agent and its known hosts count; the
variable LOGAN_SSH holds another command, such as `ssh -F FILE` (words as in a shell). It never
asks: what would need an answer (a password, an unknown host key) is an error that says what to do.
Whatever takes too long is ended. A connection that broke, or said what was not asked for, is not
used again; the callers make another one. Knows nothing of logs, plans or retries.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import select
import subprocess
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from logan._logan import Cancel
from logan.errors import CancelledError
from logan.limits import FETCH_TIMEOUT_S, KIB, MIB
from logan.sources.hosts import Address
from logan.sources.ssh import script as ssh_script
from logan.sources.ssh.command import command, in_words
from logan.sources.ssh.refusals import CONNECT_S_MAX, HostError, refusal

__all__ = ["Answer", "Denied", "Lost", "Session", "Stat"]


HELLO_S_MAX: Final = 20.0
"""From the start until the shell answers: keys, agents and slow logins included."""

LOOK_S_MAX: Final = 120.0
"""Without a byte while folders are searched: a cold disk with many of them."""

ALIVE_S: Final = 5
ALIVE_COUNT_MAX: Final = 3
"""A host that does not answer for 15 s is gone."""

NOISE_BYTES_MAX: Final = 1 * MIB
"""What a login may print before the shell answers."""

ENTRY_BYTES_MAX: Final = 64 * KIB
"""A line or an entry of an answer: the longest path is much shorter."""

PIECE_BYTES: Final = 256 * KIB
UNZIPPED_BYTES_MAX: Final = 4 * MIB
"""Of one piece, whatever it is compressed to."""

_WAIT_MS: Final = 100

_OPTIONS: Final = (
    *("BatchMode=yes", f"ConnectTimeout={CONNECT_S_MAX}"),
    *(f"ServerAliveInterval={ALIVE_S}", f"ServerAliveCountMax={ALIVE_COUNT_MAX}"),
    *("RequestTTY=no", "RemoteCommand=none", "ClearAllForwardings=yes", "ForwardAgent=no"),
    *("ForwardX11=no", "PermitLocalCommand=no", "EscapeChar=none"),
)


class Lost(Exception):
    """The connection broke, or what came is no answer; the text says which."""


class Denied(Exception):
    """The host answered that it does not give this: "missing", "denied", "folder", "special",
    "changed", "outside"."""


@dataclass(frozen=True, slots=True)
class Stat:
    """What a file is now: device and inode, bytes, seconds since 1970 if known."""

    inode: str
    size: int
    mtime_s: int | None


@dataclass(slots=True)
class Answer:
    """What came of a range beside its bytes: the file before and after (None: it was gone), and
    the sums of what was planned, "-" where the host has none."""

    before: Stat
    after: Stat | None = None
    sums: str = "-"


class Session:
    """A shell on a host.

    Args:
        address: of the host.
        cancel: ends the wait for the connection.

    Raises:
        HostError: there is no connection.
        CancelledError: `cancel` was set.
    """

    def __init__(self, address: Address, cancel: Cancel | None = None) -> None:
        self.address = address
        self.can_gzip = False
        self._buffer = bytearray()
        self._number = 0
        self._said: deque[str] = deque(maxlen=20)
        self._nonce = secrets.token_hex(8)
        self._process = self._start()
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._out = self._process.stdout.fileno()
        self._in = self._process.stdin.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()
        try:
            self._greet(cancel)
        except BaseException:
            self.close()
            raise

    # Requests.

    def read(
        self,
        path: str,
        start: int,
        length: int,
        *,
        answer: list[Answer],
        inode: str | None = None,
        planned: int | None = 0,
        below: str | None = None,
        packed: bool = False,
        cancel: Cancel | None = None,
    ) -> Iterator[bytes]:
        """Bytes of a file from `start` on; when all came, `answer` has what the host says of it.

        Fewer than `length` bytes, or zeros in their place, come of a file that is shorter: the
        answer tells. `packed` bytes are not compressed once more. Raises `Denied`, `Lost`,
        `CancelledError`.
        """
        number = self.ask(
            path, start, length, inode=inode, planned=planned, below=below, packed=packed
        )
        return self.answered(number, length, packed=packed, answer=answer, cancel=cancel)

    def ask(
        self,
        path: str,
        start: int,
        length: int,
        *,
        inode: str | None = None,
        planned: int | None = 0,
        below: str | None = None,
        packed: bool = False,
    ) -> int:
        """Send a request of `read`; its number. Answers come in the order of requests."""
        self._number += 1
        self._send(
            ssh_script.get_request(
                self._number,
                path,
                inode=inode,
                start=start,
                length=length,
                how="gzip" if self._zips(packed=packed) else "raw",
                planned=planned,
                below=below,
            )
        )
        return self._number

    def answered(
        self,
        number: int,
        length: int,
        *,
        packed: bool,
        answer: list[Answer],
        cancel: Cancel | None = None,
    ) -> Iterator[bytes]:
        """What `read` gives, of a request that was sent by `ask`."""
        words = self._line(number, cancel)
        if words[0] == "err" and len(words) == 2:
            raise Denied(words[1])
        before = _stat(words[1:4]) if words[0] == "ok" else None
        if before is None:
            raise self._garbled()
        found = Answer(before)
        if length > 0:
            if self._zips(packed=packed):
                yield from self._unzipped(length, cancel)
            else:
                yield from self._exactly(length, cancel)
        words = self._line(number, cancel)
        if words[0] != "end" or not words[-1]:
            raise self._garbled()
        found.sums = words[-1]
        found.after = _stat(words[1:4])
        answer.append(found)

    def entries(
        self, request: str, *words: object, cancel: Cancel | None = None
    ) -> Iterator[bytes]:
        """The entries that `look` or `glob` of `script` answers with. Raises as `read`."""
        self._number += 1
        make = getattr(ssh_script, f"{request}_request")
        self._send(make(self._number, *words))
        end = f"@{self._nonce} {self._number} end".encode()
        while True:
            entry = self._until(b"\0", LOOK_S_MAX, cancel)
            if entry == end:
                return
            yield entry

    def close(self) -> None:
        """End the connection; the shell there ends as its input does."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        self._hearing.join(0.5)
        # A process that ssh left behind for later connections may hold it open.
        if self._process.stderr is not None and not self._hearing.is_alive():
            self._process.stderr.close()

    @property
    def is_over(self) -> bool:
        """Whether ssh has ended, or said something unasked."""
        return self._process.poll() is not None or bool(self._buffer) or bool(self._poll.poll(0))

    # The start.

    def _start(self) -> subprocess.Popen[bytes]:
        address = self.address
        words = [*command(), "-T"]
        for each in _OPTIONS:
            words += ["-o", each]
        if address.port is not None:
            words += ["-p", str(address.port)]
        # Login shells differ; each of them understands this, and the rest goes to sh.
        words += ["--", address.target, "exec sh"]
        try:
            return subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                # Ctrl-C is for logan, which ends what it reads itself.
                start_new_session=True,
            )
        except OSError as error:
            raise HostError(
                f"{words[0]} cannot be run: {error.strerror or error}",
                "install OpenSSH's client, or name its command in LOGAN_SSH",
            ) from error

    def _greet(self, cancel: Cancel | None) -> None:
        deadline = time.monotonic() + HELLO_S_MAX
        mark = re.compile(rb"(?:^|\n)@%s hello ([01]) ([01]) ([01])\n" % self._nonce.encode())
        try:
            self._send(ssh_script.script(self._nonce))
            while (found := mark.search(self._buffer)) is None:
                if len(self._buffer) > NOISE_BYTES_MAX:
                    raise HostError(
                        "its login prints without end instead of starting a shell",
                        f"see: {in_words(self.address)}",
                    )
                self._more(deadline, cancel)
        except TimeoutError:
            raise HostError(
                f"no answer within {HELLO_S_MAX:g} s",
                f"see whether it answers at all: {in_words(self.address)}",
            ) from None
        except Lost:
            raise self._refusal() from None
        has_gzip, _, has_tools = (each == b"1" for each in found.groups())
        # What a login prints before the shell answers is no part of any file.
        del self._buffer[: found.end()]
        self.can_gzip = has_gzip
        if not has_tools:
            raise HostError(
                "it has no tail or no head to read files with",
                f"copy the log here: scp {self.address.target}:FILE .",
            )

    def _refusal(self) -> HostError:
        """Why ssh ended before the shell answered."""
        self._hearing.join(1.0)
        return refusal(self.address, list(self._said), bytes(self._buffer))

    # Bytes.

    def _hear(self) -> None:
        """Keep the last lines that ssh says; they are for people."""
        assert self._process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stderr:
                text = line.decode("utf-8", "replace").strip()
                plain = "".join(each for each in text if each.isprintable())[:300]
                if plain and not plain.startswith("Warning: Permanently added"):
                    self._said.append(plain)

    def _send(self, request: bytes) -> None:
        view = memoryview(request)
        try:
            while view:
                view = view[os.write(self._in, view) :]
        except OSError as error:
            raise self._lost() from error

    def _more(self, deadline: float, cancel: Cancel | None) -> None:
        """Add to the buffer what came. Raises `TimeoutError`, `Lost`, `CancelledError`."""
        while not self._poll.poll(_WAIT_MS):
            if cancel is not None and cancel.is_set():
                raise CancelledError("stopped on request before all input was read")
            if time.monotonic() > deadline:
                raise TimeoutError
        data = os.read(self._out, PIECE_BYTES)
        if not data:
            raise self._lost()
        self._buffer += data

    def _fill(self, cancel: Cancel | None, seconds: float | None = None) -> None:
        seconds = FETCH_TIMEOUT_S if seconds is None else seconds
        try:
            self._more(time.monotonic() + seconds, cancel)
        except TimeoutError:
            raise Lost(f"no byte came for {seconds:g} s") from None

    def _until(self, end: bytes, seconds: float, cancel: Cancel | None) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > ENTRY_BYTES_MAX:
                raise self._garbled()
            self._fill(cancel, seconds)
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    def _line(self, number: int, cancel: Cancel | None) -> list[str]:
        """The words of an answer's line, after its number."""
        line = self._until(b"\n", FETCH_TIMEOUT_S, cancel)
        words = line.decode("utf-8", "replace").split(" ")
        if words[:2] != [f"@{self._nonce}", str(number)] or len(words) < 3:
            raise self._garbled()
        return words[2:]

    def _exactly(self, length: int, cancel: Cancel | None) -> Iterator[bytes]:
        while length > 0:
            if not self._buffer:
                self._fill(cancel)
            piece = bytes(self._buffer[:length])
            del self._buffer[: len(piece)]
            length -= len(piece)
            yield piece

    def _unzipped(self, length: int, cancel: Cancel | None) -> Iterator[bytes]:
        """What a gzip stream holds, up to its end, which its checksum proves."""
        decoder = zlib.decompressobj(wbits=31)
        left = length
        while not decoder.eof:
            if not self._buffer:
                self._fill(cancel)
            data = bytes(self._buffer)
            self._buffer.clear()
            try:
                piece = decoder.decompress(data, UNZIPPED_BYTES_MAX)
            except zlib.error:
                raise self._garbled() from None
            self._buffer += decoder.unconsumed_tail
            left -= len(piece)
            if left < 0:
                raise self._garbled()
            if piece:
                yield piece
        self._buffer += decoder.unused_data

    def _zips(self, *, packed: bool) -> bool:
        return self.can_gzip and not packed

    def _lost(self) -> Lost:
        self._hearing.join(0.5)
        last = self._said[-1] if self._said else ""
        return Lost(f"the connection broke{f' ({last})' if last else ''}")

    def _garbled(self) -> Lost:
        return Lost("the host sent something other than an answer")


def _stat(words: list[str]) -> Stat | None:
    if len(words) != 3 or not re.fullmatch(r"\d+:\d+", words[0]) or not words[1].isdecimal():
        return None
    return Stat(words[0], int(words[1]), int(words[2]) if words[2].isdecimal() else None)
