"""One object on a web server, by `urllib3`: in ranges, or as a stream.

Redirects are followed here, one at a time, so that each target can be refused before anything is
asked of it: a server, or an attacker who tricks it, could otherwise have us fetch what only this
machine can reach. Nothing here knows of stores, samples or logs.

Errors are `WebError` with the HTTP status, or one of its subclasses; `remote` puts them in words.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from logan.limits import FETCH_AHEAD_MAX, FETCH_RETRIES_MAX, FETCH_TIMEOUT_S
from logan.sources.url_roots import UrlRoots, shown

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

__all__ = ["Meta", "NoRangesError", "WebError", "WebObject"]

REDIRECTS_MAX: Final = 10
"""Redirects that are followed, about as many as browsers do; more are a loop."""

CONNECT_S_MAX: Final = 5.0
"""Longer than a handshake across the world takes."""

RETRY_PAUSE_S_MIN: Final = 0.1
"""Before the second try; doubles with each further one."""

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_WORTH_RETRYING: Final = (408, 429, 500, 502, 503, 504)

_PIECE_BYTES: Final = 256 * 1024


class WebError(Exception):
    """The server did not give what was asked for; `status` is None if it gave no answer."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


class NoRangesError(WebError):
    """The server gives all of the object or nothing."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What a server says of an object."""

    size: int
    e_tag: str | None
    last_modified: datetime | None


class WebObject:
    """The object at an `http(s)://` URL. Threads may share it.

    Args:
        roots: where it may lie, and lead; None is anywhere.
    """

    def __init__(self, url: str, roots: UrlRoots | None = None) -> None:
        """Raises `ImportError` without `urllib3`."""
        import urllib3

        self._urllib3 = urllib3
        self._url = url
        self._roots = roots
        self._pools: dict[str | None, Any] = {}

    def head(self) -> Meta:
        """Size, ETag and time. Raises `WebError`, `InputError` for a redirect that is refused."""
        with self._opened("HEAD", {}) as answer:
            _check_status(answer, 200)
            return _meta(answer, answer.headers.get("Content-Length"))

    def first_byte(self) -> Meta:
        """What `head` returns, by a GET of one byte."""
        with self._opened("GET", {"Range": "bytes=0-0"}) as answer:
            _check_status(answer, 206)
            return _meta(answer, answer.headers.get("Content-Range", "").rpartition("/")[2])

    def range(self, start: int, end: int, if_match: str | None) -> tuple[bytes, str | None]:
        """Bytes `[start, end)`, or those that there are of them, and their ETag.

        Raises `NoRangesError` and as `head`.
        """
        headers = {"Range": f"bytes={start}-{end - 1}"}
        if if_match is not None:
            headers["If-Match"] = if_match
        deadline = time.monotonic() + FETCH_TIMEOUT_S
        for attempt in range(FETCH_RETRIES_MAX + 1):
            try:
                with self._opened("GET", headers, tries=1) as answer:
                    if answer.status == 200:
                        raise NoRangesError("the server does not serve ranges", 200)
                    _check_status(answer, 206)
                    if not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                        raise WebError("the server answered with another range")
                    return _read(answer, end - start, deadline), answer.headers.get("ETag")
            except WebError as error:
                if not _is_passing(error) or not _pause(attempt, deadline):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def pieces(self) -> Iterator[bytes]:
        """All of it, piece by piece. Raises as `head`."""
        with self._opened("GET", {}) as answer:
            _check_status(answer, 200)
            with _in_our_words():
                yield from answer.stream(_PIECE_BYTES, decode_content=False)

    @contextmanager
    def _opened(
        self, method: str, headers: Mapping[str, str], tries: int = FETCH_RETRIES_MAX + 1
    ) -> Iterator[BaseHTTPResponse]:
        """An answer whose body was not read yet; what is left of it is not wanted."""
        deadline = time.monotonic() + FETCH_TIMEOUT_S
        for attempt in range(tries):
            last = attempt == tries - 1
            try:
                answer = self._ask(method, headers)
            except WebError as error:
                if last or not _is_passing(error) or not _pause(attempt, deadline):
                    raise
                continue
            if last or answer.status not in _WORTH_RETRYING or not _pause(attempt, deadline):
                break
            answer.close()
        try:
            yield answer
        finally:
            # A body that was read to its end has left the connection for the next request.
            if method == "HEAD":
                answer.drain_conn()
            answer.close()

    def _ask(self, method: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        url = self._url
        for _ in range(REDIRECTS_MAX + 1):
            if self._roots is not None and not self._roots.allows(url):
                raise self._roots.refusal(url, from_url=None if url == self._url else self._url)
            answer = self._ask_once(method, url, headers)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            answer.close()
            url = urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise WebError(f"it redirects to {shown(url)}")
        raise WebError(f"more than {REDIRECTS_MAX} redirects")

    def _ask_once(self, method: str, url: str, headers: Mapping[str, str]) -> BaseHTTPResponse:
        # From the same parts that roots were compared with: another parser might see another host.
        parts = urlsplit(url)
        sent = {"Accept-Encoding": "identity", "User-Agent": "logan", **headers}
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            sent |= self._urllib3.make_headers(basic_auth=login)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with _in_our_words():
            pool = self._pool(parts.scheme, parts.hostname or "")
            connection = pool.connection_from_host(parts.hostname, parts.port, parts.scheme)
            proxied = connection.proxy is not None and parts.scheme == "http"
            host = parts.netloc.rpartition("@")[2]
            answer: BaseHTTPResponse = connection.urlopen(
                method,
                f"http://{host}{target}" if proxied else target,
                headers=sent,
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
                timeout=self._urllib3.Timeout(connect=CONNECT_S_MAX, read=FETCH_TIMEOUT_S),
            )
        return answer

    def _pool(self, scheme: str, host: str) -> Any:
        """Connections, by the proxy of the environment that they go through."""
        proxy = None if proxy_bypass(host) else getproxies().get(scheme)
        if proxy not in self._pools:
            kept: dict[str, Any] = {"maxsize": FETCH_AHEAD_MAX, "num_pools": REDIRECTS_MAX}
            if proxy is None:
                self._pools[proxy] = self._urllib3.PoolManager(**kept)
            else:
                address = proxy if "://" in proxy else f"http://{proxy}"
                self._pools[proxy] = self._urllib3.ProxyManager(address, **kept)
        return self._pools[proxy]


def _pause(attempt: int, deadline: float) -> bool:
    """Wait before another attempt; False if there shall be none."""
    pause_s = RETRY_PAUSE_S_MIN * 2.0**attempt
    if attempt >= FETCH_RETRIES_MAX or time.monotonic() + pause_s > deadline:
        return False
    time.sleep(pause_s)
    return True


def _is_passing(error: WebError) -> bool:
    """Whether the next try may fare better."""
    return type(error) is WebError and (error.status is None or error.status in _WORTH_RETRYING)


def _check_status(answer: BaseHTTPResponse, due: int) -> None:
    if answer.status != due:
        raise WebError(f"the server answered with status {answer.status}", answer.status)


def _meta(answer: BaseHTTPResponse, size: str | None) -> Meta:
    if size is None or not size.isdecimal() or len(size) > 18:
        raise WebError("the server does not report the size")
    try:
        moment = parsedate_to_datetime(answer.headers.get("Last-Modified", ""))
    except (TypeError, ValueError):
        moment = None
    return Meta(int(size), answer.headers.get("ETag"), moment)


def _read(answer: BaseHTTPResponse, size: int, deadline: float) -> bytes:
    """Up to `size` bytes of the body, and none after the deadline."""
    pieces: list[bytes] = []
    left = size
    with _in_our_words():
        while left > 0:
            piece = answer.read(min(left, _PIECE_BYTES))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
            if time.monotonic() > deadline:
                raise WebError("timed out")
        # The end of the body, so that the connection can be used again.
        if left == 0 and answer.read(1):
            raise WebError("the server sent more than was requested")
    return b"".join(pieces)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Errors of `urllib3`, and of what is below it, as `WebError`."""
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (HTTPError, OSError, ValueError) as error:
        raise WebError(str(error)) from error
