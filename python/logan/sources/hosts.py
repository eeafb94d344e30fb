"""Names of files on hosts that are reached by ssh: `HOST:PATH` and `ssh://HOST/PATH`.

Pure, but for one look whether a file of that very name lies here. Inside logan such a file goes by
one name, an `ssh://` URL, which means the same on every machine:

```text
web1:/var/log/app.log      ssh://web1/var/log/app.log       a path from the root
deploy@web1:logs/app.log   ssh://deploy@web1/~/logs/app.log a path from the user's home
                           ssh://web1:2222/var/log/app.log  a port, which HOST:PATH cannot say
[fe80::1]:/var/log/a.log   ssh://[fe80::1]/var/log/a.log
```

Users see the first form wherever it says all. In a URL `%` and two digits are a byte of the name;
`*`, `?` and `[…]` stand for several names, in both forms.

`HOST:PATH` is a file of this machine if a slash stands before the colon, or if there is a file of
that name. Neither `C:\\logs` (a drive) nor `10:15` (a time) nor `localhost:8080` (an address) is
one on a host.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from logan.errors import InputError

__all__ = ["SCHEME", "Address", "Remote", "as_url", "is_remote", "parse", "shown", "url_of"]

SCHEME: Final = "ssh"

MARKS: Final = frozenset("*?[")

_HOST: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]"
_USER: Final = r"[A-Za-z0-9_.][A-Za-z0-9_.+\\-]*\$?"
_SCP: Final = re.compile(rf"(?:(?P<user>{_USER})@)?(?P<host>{_HOST}):(?P<path>.+)", re.DOTALL)
_AUTHORITY: Final = re.compile(
    rf"(?:(?P<user>{_USER})@)?(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?"
)
_NUMBERS: Final = re.compile(r"[\d:.,+Z-]*")
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_MARK: Final = re.compile(r"((?:%(?:2[Aa]|3[Ff]|5[BbDd]))+)")
"""Wildcards that are escaped in a URL, so that they are none."""

_TO_QUOTE: Final = re.compile(rb"[\x00-\x20\x7f-\xff%#]")


@dataclass(frozen=True, slots=True)
class Address:
    """Whom to ask: `host` as ssh's configuration may know it."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def target(self) -> str:
        """As ssh's argument."""
        plain = self.host.removeprefix("[").removesuffix("]")
        return plain if self.user is None else f"{self.user}@{plain}"

    @property
    def netloc(self) -> str:
        """As in a URL."""
        user = "" if self.user is None else f"{self.user}@"
        return f"{user}{self.host}{'' if self.port is None else f':{self.port}'}"

    @property
    def command(self) -> str:
        """The command that a user tries the connection with."""
        port = "" if self.port is None else f"-p {self.port} "
        return f"ssh {port}{self.target} true"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file, a folder or a pattern on a host.

    Attributes:
        path: absolute, or from the home of the user there; bytes that are no UTF-8 are surrogates.
        literal: `path` with what was escaped in the URL marked, so that only what was written as a
            wildcard is one: pairs of text and whether it may hold wildcards.
    """

    address: Address
    path: str
    literal: tuple[tuple[str, bool], ...]

    @property
    def is_pattern(self) -> bool:
        """Whether it may stand for several names."""
        return any(live and not MARKS.isdisjoint(text) for text, live in self.literal)


def is_remote(path: str) -> bool:
    """Whether `path` is an `ssh://` URL."""
    return path[:6].lower() == "ssh://"


def as_url(path: str) -> str:
    """The `ssh://` URL of what a user named `HOST:PATH`; any other path as it is.

    A host that begins with a dash, which ssh would read as an option, is kept: `parse` refuses it.
    """
    before, colon, after = path.partition(":")
    if not colon or after.startswith("//") or "/" in before or os.path.lexists(path):
        return path
    if before.startswith("-") or before.rpartition("@")[2].startswith("-"):
        return f"{SCHEME}://{path.replace(':', '/', 1)}"
    found = _SCP.fullmatch(path)
    if found is None or _DRIVE.match(path) or _NUMBERS.fullmatch(found["path"]):
        return path
    address = Address(found["host"], found["user"])
    return url_of(address, found["path"], pattern=True)


def url_of(address: Address, path: str, *, pattern: bool = False) -> str:
    """The URL of a path on a host; in a `pattern`, wildcards stay such."""
    data = os.fsencode(path)
    if data.startswith(b"/"):
        if data == b"/~" or data.startswith(b"/~/"):
            data = b"/%7E" + _quoted(data[2:], pattern=pattern)
        else:
            data = _quoted(data, pattern=pattern)
    else:
        home = data.removeprefix(b"~/") if data != b"~" else b""
        data = b"/~/" + _quoted(home, pattern=pattern)
    return f"{SCHEME}://{address.netloc}{data.decode('ascii')}"


def parse(url: str) -> Remote:
    """What an `ssh://` URL names. Raises `InputError` for one that names nothing that can be."""
    authority, slash, rest = url[6:].partition("/")
    if authority.rpartition("@")[2].startswith("-") or authority.startswith("-"):
        raise _like_option(url)
    found = _AUTHORITY.fullmatch(authority)
    if ":" in authority.rpartition("@")[0]:
        host = authority.rpartition("@")[2]
        raise InputError(
            f"ssh://{host}/{rest}: a password does not belong in an address",
            input=url,
            kind="missing",
            hint="ssh uses keys and its agent; see: ssh-copy-id",
        )
    if found is None or not slash or (found["port"] and not 0 < int(found["port"]) < 65_536):
        raise InputError(
            f"{_printable(url)} names no host and path",
            input=url,
            kind="missing",
            hint="write it like ssh://HOST/var/log/app.log, or HOST:/var/log/app.log",
        )
    port = None if found["port"] is None else int(found["port"])
    in_home = rest == "~" or rest.startswith("~/")
    text = rest[2:] if in_home else f"/{rest}"
    literal = tuple(
        (os.fsdecode(unquote_to_bytes(part)), _MARK.fullmatch(part) is None)
        for part in _MARK.split(text)
        if part
    )
    path = "".join(part for part, _ in literal)
    if "\0" in path:
        raise InputError(f"{_printable(url)} is not a valid path", input=url, kind="missing")
    return Remote(Address(found["host"], found["user"], port), path or ".", literal)


def shown(url: str) -> str:
    """The name of a file on a host in reports: `HOST:PATH`, with a port the URL."""
    try:
        remote = parse(url)
    except InputError:
        return _printable(url)
    if remote.address.port is not None:
        return _printable(url)
    return os.fsencode(f"{remote.address.netloc}:{remote.path}").decode("utf-8", "replace")


def _quoted(data: bytes, *, pattern: bool) -> bytes:
    unsafe = _TO_QUOTE if pattern else re.compile(_TO_QUOTE.pattern[:-1] + rb"*?\[\]]")
    return unsafe.sub(lambda byte: b"%%%02X" % byte[0][0], data)


def _printable(text: str) -> str:
    shown = os.fsencode(text).decode("utf-8", "replace")
    return "".join(each if each.isprintable() else "\ufffd" for each in shown)


def _like_option(path: str) -> InputError:
    name = path.removeprefix(f"{SCHEME}://").replace("/", ":", 1)
    return InputError(
        f"{_printable(name)}: the name of a host cannot begin with a dash",
        input=path,
        kind="missing",
        hint="a file here of that name is read as ./NAME",
    )
