"""Objects on servers: `s3://`, `gs://`, `az://` by obstore, `http(s)://` by `web` (extra `s3`).

An object is read in ranges, any of them from anywhere, so it is split like a file; its ETag is its
identity, and every request asks for that very content. A web server that cannot serve ranges is
read as a stream. What lies below a prefix can be listed, but for web servers. Credentials, regions
and endpoints are those of obstore's usual environment variables (`AWS_ACCESS_KEY_ID`,
`AWS_ENDPOINT_URL`, …). Where another machine says what to read, `UrlRoots` bound it. Errors name
the URL and the next step; they never show what stands behind a `?`, which may be a signature.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from logan._logan import Cancel
from logan.errors import CancelledError, InputError, SourceChangedError
from logan.limits import (
    FETCH_AHEAD_MAX,
    FETCH_BYTES_MAX,
    FETCH_RETRIES_MAX,
    FETCH_TIMEOUT_S,
    SAMPLE_HEAD_BYTES_MAX,
)
from logan.model import Source
from logan.sources import compression
from logan.sources.sampling import sampled
from logan.sources.streams import Stream
from logan.sources.url_roots import UrlRoots, is_outside, shown
from logan.sources.web import Meta, NoRangesError, WebError, WebObject

__all__ = ["Fetcher", "can_list", "listed", "next_step", "open_object", "shown"]

_S3: Final = ("s3", "s3a")

SCHEMES = ("http", "https", "s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")

_SECRETS: Final = re.compile(r"(\w+://)(?:[^/\s@]*@)?([^\s?]*)(?:\?[^\s]*)?")
"""Matches each URL in a text: the groups may be shown, the rest may not."""

_CREDENTIALS_SOUGHT: Final = re.compile(
    r"/latest/(api/token|meta-data)\b|\bmetadata\.google\b|/metadata/identity/"
)
"""Metadata services that client libraries of stores ask when they were given no credentials."""


def can_list(url: str) -> bool:
    """Whether it is known what lies below a URL: on stores, not on web servers."""
    scheme = urlsplit(url).scheme
    return scheme in SCHEMES and not scheme.startswith("http")


def listed(url: str, *, deep: bool) -> Iterator[tuple[str, int]]:
    """Objects below `url`, by name relative to it, and their sizes; those further down if `deep`.

    Raises `InputError`.
    """
    obstore, store = _connect(url)
    try:
        if deep:
            pages = obstore.list(store, chunk_size=1_000)
        else:
            pages = [obstore.list_with_delimiter(store)["objects"]]
        for page in pages:
            for each in page:
                if each["path"]:  # else it stands for the prefix itself
                    yield each["path"], each["size"]
    except Exception as error:
        raise _fault(url, error) from error


def _is_prefix(url: str) -> bool:
    """Whether there are objects below `url`."""
    try:
        return can_list(url) and any(listed(url, deep=True))
    except InputError:
        return False


def next_step(url: str, kind: str, why: str = "") -> str | None:
    """What to do about an `InputError` of this kind, for an object; `why` is its sentence."""
    match kind:
        case "permission" if is_outside(why):
            return None  # it names its own
        case "changed":
            return "analyze it again when no program rewrites it"
        case "gone":
            return "see whether it was deleted or moved, and name what is there now"
        case "missing" if urlsplit(url).scheme in _S3:
            return "check the bucket's name, the path and the endpoint (AWS_ENDPOINT_URL)"
        case "missing":
            return "check the URL"
        case "permission" if urlsplit(url).scheme in _S3:
            return (
                "check the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_SKIP_SIGNATURE=true for a public bucket"
            )
        case "permission":
            return "check the credentials, or the URL's signature"
        case "unreadable":
            return "check the network and the address, then try again"
    return None


def open_object(
    url: str, roots: UrlRoots | None = None
) -> tuple[Source, list[tuple[int, bytes]], Stream | None]:
    """The source at `url`, samples of it, and a stream if it cannot be read in ranges.

    Raises `InputError`, also for what is below none of the `roots`, if there are any.
    """
    fetcher = Fetcher(url, roots=roots)
    try:
        meta = fetcher.head()
    except InputError as error:
        if error.kind == "missing" and _is_prefix(url):
            error.hint = f"to read what is below it, end it with a slash: {shown(url)}/"
        raise
    if meta is not None:
        size, etag = meta.size, meta.e_tag
        fetcher.etag = etag
        head = fetcher.range(0, min(size, SAMPLE_HEAD_BYTES_MAX)) if size else b""
        if head is not None:
            at = meta.last_modified
            mtime_ns = None if at is None else int(at.timestamp()) * 1_000_000_000 or None
            return sampled(fetcher, head, Source(url, size, None, mtime_ns, etag=etag))
    pieces = fetcher.whole()
    stream = Stream(-1, b"", ended=False, owned=False, pieces=pieces)

    def more(length: int) -> bytes:
        while len(stream.head) < length and not stream.ended:
            piece = next(pieces, None)
            stream.ended = piece is None
            stream.head += piece or b""
        return stream.head

    kind, head = compression.settled(more(SAMPLE_HEAD_BYTES_MAX), more)
    sample = head if kind is None else compression.decoded_sample(head, kind)
    return Source(url, None, compression=kind), [(0, sample)], stream


class _Object(Protocol):
    """One object, wherever it lies. Methods raise whatever `_fault` puts in words."""

    def head(self) -> Meta: ...
    def first_byte(self) -> Meta: ...
    def range(self, start: int, end: int, if_match: str | None) -> tuple[bytes, str | None]: ...
    def pieces(self) -> Iterator[bytes]: ...


class _StoreObject:
    """An object in a store, by obstore."""

    def __init__(self, url: str) -> None:
        self._obstore, self._store = _connect(url)

    def head(self) -> Meta:
        try:
            return _meta(self._obstore.head(self._store, ""))
        except FileNotFoundError:
            # An answer to HEAD has no body, so only this says whether there is such a bucket.
            self._obstore.get(self._store, "")
            raise

    def first_byte(self) -> Meta:
        return _meta(self._obstore.get(self._store, "", options={"range": (0, 1)}).meta)

    def range(self, start: int, end: int, if_match: str | None) -> tuple[bytes, str | None]:
        options: dict[str, Any] = {"range": (start, end)}
        if if_match is not None:
            options["if_match"] = if_match
        try:
            got = self._obstore.get(self._store, "", options=options)
            return bytes(got.bytes()), got.meta["e_tag"]
        except Exception as error:
            if "RangeNotSupported" in str(error) or "Range request not supported" in str(error):
                raise NoRangesError(str(error)) from error
            raise

    def pieces(self) -> Iterator[bytes]:
        for piece in self._obstore.get(self._store, "").stream(min_chunk_size=256 << 10):
            yield bytes(piece)


def _meta(found: Any) -> Meta:
    return Meta(found["size"], found["e_tag"], found["last_modified"])


class Fetcher:
    """Reads one object. Threads may share it.

    Args:
        roots: what bounds where it may lie, and where a web server may redirect to; None is
            nothing, for what the user of this process named.

    Raises:
        InputError: also for what is below none of the roots.
    """

    def __init__(self, url: str, etag: str | None = None, *, roots: UrlRoots | None = None) -> None:
        self.url = url
        self.etag = etag
        _check_url(url)
        if roots is not None and not roots.allows(url):
            raise roots.refusal(url)
        self._is_web = urlsplit(url).scheme in ("http", "https")
        try:
            self._object: _Object = WebObject(url, roots) if self._is_web else _StoreObject(url)
        except ImportError as error:
            raise _no_library(url) from error

    def head(self) -> Meta | None:
        """Size, ETag and time; None where the server does not tell them. Raises `InputError`."""
        try:
            return self._object.head()
        except Exception as error:
            if self._is_web:
                if _refused_method(error):
                    return None
                if _is_refusal(error):
                    return self._first_byte()
            raise self._error(error) from error

    def _first_byte(self) -> Meta | None:
        """What `head` returns, by a GET: a URL that was signed for GET is refused to HEAD."""
        try:
            return self._object.first_byte()
        except Exception as error:
            if isinstance(error, InputError) or _is_refusal(error) or _is_missing(error):
                raise self._error(error) from error
            return None

    def range(self, start: int, end: int) -> bytes | None:
        """Bytes `[start, end)`; None if the server does not serve ranges. Raises `InputError`."""
        weak = self.etag is not None and self.etag.startswith("W/")
        try:
            data, found = self._object.range(start, end, None if weak else self.etag)
            if self.etag is not None and found != self.etag:
                raise self._changed("its ETag changed")
        except InputError:
            raise
        except NoRangesError:
            return None
        except Exception as error:
            raise self._error(error) from error
        if len(data) != end - start:
            raise self._changed(f"{start + len(data):,} bytes, planned {end:,}")
        return data

    def ranges(self, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of several ranges; none of those that are not served. Raises `InputError`."""
        return [self.range(*each) or b"" for each in wanted]

    def whole(self) -> Iterator[bytes]:
        """All of it, piece by piece. Raises `InputError`."""
        try:
            yield from self._object.pieces()
        except Exception as error:
            raise self._error(error) from error

    def pieces(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
        """Bytes from `start` to `size`, fetched ahead only up to `end`: behind it one at a time.

        Raises `InputError`, `CancelledError`.
        """
        asked = [(at, min(at + FETCH_BYTES_MAX, end)) for at in range(start, end, FETCH_BYTES_MAX)]
        with ThreadPoolExecutor(FETCH_AHEAD_MAX, thread_name_prefix="logan-fetch") as pool:
            under_way = deque(pool.submit(self.range, *each) for each in asked[:FETCH_AHEAD_MAX])
            try:
                for number in range(len(asked)):
                    if cancel.is_set():
                        raise CancelledError("stopped on request before all input was read")
                    data = under_way.popleft().result()
                    if number + FETCH_AHEAD_MAX < len(asked):
                        under_way.append(pool.submit(self.range, *asked[number + FETCH_AHEAD_MAX]))
                    yield self._there(data)
            finally:
                for each in under_way:
                    each.cancel()
        length = SAMPLE_HEAD_BYTES_MAX
        while end < size and not cancel.is_set():
            stop = min(end + length, size)
            yield self._there(self.range(end, stop))
            end, length = stop, min(2 * length, FETCH_BYTES_MAX)

    def _there(self, data: bytes | None) -> bytes:
        if data is None:
            raise InputError(
                f"{shown(self.url)}: the server stopped serving ranges", input=self.url
            )
        return data

    def _changed(self, why: str) -> SourceChangedError:
        return SourceChangedError(
            f"{shown(self.url)}: the object changed: {why}; its results are left out",
            input=self.url,
            hint=next_step(self.url, "changed"),
        )

    def _error(self, error: BaseException) -> InputError:
        """`error` in words that name the URL and the next step."""
        if isinstance(error, InputError):
            return error
        text = str(error)
        if type(error).__name__ == "PreconditionError" or _says(error, 412):
            return self._changed("its ETag changed")
        if _says(error, 416):
            return self._changed("it is shorter than planned")
        if self.etag is not None and _is_missing(error) and "NoSuchBucket" not in text:
            return SourceChangedError(
                f"{shown(self.url)}: it is gone; it was there when the job was planned",
                input=self.url,
                kind="gone",
                hint=next_step(self.url, "gone"),
            )
        return _fault(self.url, error)


def _fault(named: str, error: BaseException) -> InputError:
    """`error` of a store or a web server in words that name the URL and the next step."""
    if isinstance(error, InputError):
        return error
    url, text = shown(named), str(error)
    kind = "unreadable"
    if _CREDENTIALS_SOUGHT.search(text):
        what, kind = "no credentials to read it with", "permission"
    elif "NoSuchBucket" in text:
        what, kind = "no such bucket", "missing"
    elif _is_missing(error):
        what, kind = "nothing is there", "missing"
    elif _is_refusal(error):
        what, kind = "access denied by the server", "permission"
    else:
        what = _reason(text)
    return InputError(f"{url}: {what}", input=named, kind=kind, hint=next_step(named, kind))


def _is_missing(error: BaseException) -> bool:
    known = isinstance(error, FileNotFoundError) or type(error).__name__ == "NotFoundError"
    return known or _says(error, 404, 410)


def _is_refusal(error: BaseException) -> bool:
    if type(error).__name__ in ("PermissionDeniedError", "UnauthenticatedError"):
        return True
    return isinstance(error, PermissionError) or _says(error, 401, 403)


def _reason(text: str) -> str:
    """The part of an error of obstore that is meant for people."""
    first = text.split("\n\nDebug source", 1)[0].strip().replace("\n", " ")
    lowered = text.lower()
    if "timed out" in lowered or "timedout" in lowered:
        return f"the server did not answer within {FETCH_TIMEOUT_S} s"
    if "connection refused" in lowered:
        return "connection refused"
    if any(sign in lowered for sign in ("dns error", "name or service", "failed to resolve")):
        return "no host has that name"
    return _SECRETS.sub(r"\1\2", first)[:300] or "it cannot be read"


def _says(error: BaseException, *codes: int) -> bool:
    """Whether an error stands for one of these HTTP statuses."""
    if isinstance(error, WebError):
        return error.status in codes
    found = re.search(r"status code: (\d{3})\b", str(error))
    return found is not None and int(found[1]) in codes


def _refused_method(error: Exception) -> bool:
    """Whether a web server does not answer HEAD, or not with a size."""
    return isinstance(error, WebError) and (
        error.status in (400, 405, 501) or "how large" in str(error)
    )


def _no_library(url: str) -> InputError:
    return InputError(
        f"{shown(url)}: reading from servers needs the extra s3",
        input=url,
        kind="unreadable",
        hint="install it: pip install 'logan-analyzer[s3]'",
    )


def _check_url(url: str) -> None:
    """Raise `InputError` for what names no object on a server."""
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        has_port = False
    if not has_port:
        raise InputError(
            f"{shown(url)} is not a valid URL",
            input=url,
            kind="missing",
            hint="write it like https://NAME:8080/logs/app.log",
        )
    scheme = parts.scheme
    if scheme not in SCHEMES:
        raise InputError(
            f"{shown(url)}: logan does not know {scheme}://",
            input=url,
            kind="missing",
            hint="it reads files, - and http(s)://, s3://, gs://, az://, ssh://",
        )
    if not parts.netloc or (scheme in ("http", "https") and not parts.hostname):
        raise InputError(
            f"{url} names no {'server' if scheme.startswith('http') else 'bucket'}",
            input=url,
            kind="missing",
            hint=f"write it like {scheme}://NAME/logs/app.log",
        )


def _connect(url: str) -> tuple[Any, Any]:
    _check_url(url)
    try:
        import obstore
        from obstore.store import from_url
    except ImportError as error:
        raise _no_library(url) from error
    client: Any = {"allow_http": True, "timeout": timedelta(seconds=FETCH_TIMEOUT_S)}
    retry: Any = {
        "max_retries": FETCH_RETRIES_MAX,
        "retry_timeout": timedelta(seconds=FETCH_TIMEOUT_S),
        "backoff": {"init_backoff": timedelta(milliseconds=100)},
    }
    try:
        return obstore, from_url(url, client_options=client, retry_config=retry)
    except Exception as error:
        raise InputError(
            f"{shown(url)}: {_reason(str(error))}",
            input=url,
            hint="check the URL and the store's environment variables",
        ) from error
