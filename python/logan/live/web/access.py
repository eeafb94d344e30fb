"""Who may look at a page: names of hosts, the token, and the sessions that it is exchanged for.

A browser's `EventSource` sends no headers of its own, so viewers give the token once and get a
cookie that no script reads and no other site's request carries.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qs

import trio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from logan.live.serving import Serving
from logan.live.web.html import login_page, safe

__all__ = ["Access"]

SESSIONS_MAX: Final = 256
SESSION_S: Final = 12 * 3_600
LOGIN_BYTES_MAX: Final = 4_096
REFUSAL_PAUSE_S: Final = 0.5
COOKIE: Final = "logan_session"

Handler = Callable[[Request], Awaitable[Response]]


class Access:
    """Decides for each request whether it is answered.

    Args:
        policy: the content security policy of what is answered.
    """

    def __init__(self, settings: Serving, policy: str) -> None:
        self._settings = settings
        self._policy = policy
        self._sessions: dict[str, float] = {}
        self._hosts: set[str] = set()

    def serves_at(self, port: str) -> None:
        """Browsers may ask for the page by these names, at this port."""
        names = {self._settings.host, "localhost", "127.0.0.1", "[::1]"}
        self._hosts |= {f"{name}:{port}" for name in names}

    def guarded(self, handler: Handler) -> Handler:
        """The handler, for viewers that may look alone."""

        async def guarded(request: Request) -> Response:
            if (refusal := self._refusal(request)) is not None:
                return refusal
            if self._is_known(request):
                return safe(await handler(request), self._policy)
            if request.url.path == "/":
                return login_page("This page asks for a token.", 200)
            return safe(PlainTextResponse("a token is needed\n", 401), self._policy)

        return guarded

    async def login(self, request: Request) -> Response:
        """Exchange the token for a session."""
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LOGIN_BYTES_MAX:
                return PlainTextResponse("too long\n", 413)
        given = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        if self._settings.token is None or not _same(given.strip(), self._settings.token):
            await trio.sleep(REFUSAL_PAUSE_S)
            return login_page("That is not the token.", 403)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            self._begin_session(time.monotonic()),
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=self._settings.cert is not None,
        )
        return safe(response, self._policy)

    def _begin_session(self, now: float) -> str:
        self._sessions = {key: until for key, until in self._sessions.items() if until > now}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = now + SESSION_S
        return session

    def _refusal(self, request: Request) -> Response | None:
        """Why a request is not answered, even of a known viewer."""
        if self._settings.is_loopback and request.headers.get("host", "") not in self._hosts:
            return PlainTextResponse("this host name is not served\n", 421)
        return None

    def _is_known(self, request: Request) -> bool:
        token = self._settings.token
        if token is None:
            return True
        header = request.headers.get("authorization", "")
        if header.startswith("Bearer ") and _same(header[7:], token):
            return True
        until = self._sessions.get(request.cookies.get(COOKIE, ""), 0.0)
        return time.monotonic() < until


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
