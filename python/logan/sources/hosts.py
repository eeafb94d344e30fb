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

A password has no place in an address: one that stands in it is masked at once, and the address is
refused.

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

__all__ = [
    "SCHEME",
    "Address",
    "Remote",
    "as_url",
    "is_remote",
    "masked",
    "parse",
    "shown",
    "url_of",
]

SCHEME: Final = "ssh"

MARKS: Final = frozenset("*?[")

_HOST: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]"
_USER: Final = r"[A-Za-z0-9_.][A-Za-z0-9_.+\\-]*\$?"
_SCP: Final = re.compile(rf"(?:(?P<user>{_USER})@)?(?P<host>{_HOST}):(?P<path>.+)", re.DOTALL)
_AUTHORITY: Final = re.compile(
    rf"(?:(?P<user>{_USER})@)?(?P<host>{_HOST})(?::(?P<port>\d{{1,5}}))?"
)
_SECRET: Final = re.compile(
    rf"(?P<user>[^/@:\[]+):(?:[^/]*@(?P<host>{_HOST}):(?P<path>.*)"
    rf"|[^/].*@(?P<host_after>{_HOST}):(?P<path_after>/.*))",
    re.DOTALL,
)
"""`u:secret@h:/x`; a secret may have a slash only before a path from the root, since `h:logs/a@b:c`
is a file whose name has signs."""

_MASK: Final = "***"

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

    A host that begins with a dash, which ssh would read as an option, is kept: `parse` refuses it,
    as it does an address with a password, which is masked here.
    """
    if is_remote(path):
        return masked(path)
    if (secret := _SECRET.fullmatch(path)) is not None and not os.path.lexists(path):
        host = secret["host"] or secret["host_after"]
        rest = secret["path"] or secret["path_after"] or ""
        return f"{SCHEME}://{secret['user']}:{_MASK}@{host}/{rest.removeprefix('/')}"
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


def masked(text: str) -> str:
    """An address, in either form, without its password; any other text as it is."""
    if not is_remote(text):
        url = as_url(text) if _SECRET.fullmatch(text) else text
        return url if f":{_MASK}@" in url else text
    authority, slash, rest = text[6:].partition("/")
    user, at, host = authority.rpartition("@")
    if at and ":" in user:
        return f"{text[:6]}{user.partition(':')[0]}:{_MASK}@{host}{slash}{rest}"
    name, colon, port = authority.partition(":")
    if not at and colon and not port.isdecimal() and "[" not in name and "@" in rest:
        return f"{text[:6]}{name}:{_MASK}@{rest.rpartition('@')[2]}"  # a secret with a slash
    return text


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
    url = masked(url)
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
    port_text = found["port"] if found is not None else None
    if port_text and not 0 < int(port_text) < 65_536:
        raise InputError(
            f"{_printable(url)}: {port_text} is not a port",
            input=url,
            kind="missing",
            hint="ports are from 1 to 65535; without one, ssh takes that of its configuration",
        )
    if found is None or not slash:
        raise InputError(
            f"{_printable(url)} names no host and path",
            input=url,
            kind="missing",
            hint="write it like ssh://HOST/var/log/app.log, or HOST:/var/log/app.log",
        )
    port = None if port_text is None else int(port_text)
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
