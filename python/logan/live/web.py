"""Live pages: Starlette on hypercorn under trio; read-only.

What a page shows is a `Content`: that of a watch is here, a coordinator has its own. All viewers of
a window share one board, made twice a second while there is one. Nothing that a viewer sends
reaches the content but the name of a window. Content is asked in the event loop of the server.
Names of hosts are checked where only this machine may look, as any web page may ask a browser to
ask it (DNS rebinding).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from importlib.resources import files
from threading import Event, Thread
from typing import Any, Final, Protocol
from urllib.parse import parse_qs

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from logan.errors import UsageError
from logan.live import clock
from logan.live.alerts import Alerts
from logan.live.board import NewMessages, board
from logan.live.exposition import Exposition
from logan.live.lines import live_section
from logan.live.notices import Notice
from logan.live.serving import Serving
from logan.live.watching import Watch
from logan.live.windows import WINDOWS

__all__ = ["Content", "Page", "WatchContent", "serve"]

TICK_S: Final = 0.5
VIEWERS_MAX: Final = 256
SESSIONS_MAX: Final = 256
SESSION_S: Final = 12 * 3_600
LOGIN_BYTES_MAX: Final = 4_096
REFUSAL_PAUSE_S: Final = 0.5
END_S: Final = 1.0
CROWDED_PAUSE_S: Final = 60.0
COOKIE: Final = "logan_session"


class Content(Protocol):
    """What a page shows.

    Attributes:
        name: of the files of its page, without their endings.
        title: of its page, until its script gives it another one.
        windows: the names by which viewers may ask for boards; the first one is the default.
        texts: other paths, each with what gives its text, and the type of that.
    """

    name: str
    title: str
    windows: Sequence[str]
    texts: Mapping[str, tuple[Callable[[str], Awaitable[bytes]], str]]

    async def board(self, window: str) -> bytes:
        """The board of a window: JSON for the page's script."""

    def is_known(self, path: str, window: str) -> bool:
        """Whether a text has that window."""

    def tell(self, text: str) -> None:
        """Something is wrong with the page itself."""


class WatchContent:
    """The page of a watch; see `Content`."""

    name = "watch"
    title = "logan watch"
    windows = ("5m", *(each for each in WINDOWS if each != "5m"))

    def __init__(self, watch: Watch, alerts: Alerts) -> None:
        self._watch = watch
        self._alerts = alerts
        self._exposition = Exposition(watch)
        self._new = {name: NewMessages() for name in WINDOWS}
        self.texts = {
            "/report.json": (self._report, "application/json"),
            "/metrics": (self._metrics, "text/plain; version=0.0.4; charset=utf-8"),
        }

    async def board(self, window: str) -> bytes:
        """The window's board as JSON."""
        return await trio.to_thread.run_sync(self._made, window)

    def is_known(self, path: str, window: str) -> bool:
        """Whether there is such a window."""
        return window in WINDOWS

    def tell(self, text: str) -> None:
        """Something is wrong with the page itself."""
        self._watch.notices.add(Notice("crowded", "", text, clock.now(), True))

    def _made(self, window: str) -> bytes:
        new = self._new[window]
        data = board(self._watch, self._alerts, new, window=window, now=clock.now())
        return json.dumps(data, separators=(",", ":")).encode()

    async def _report(self, window: str) -> bytes:
        return await trio.to_thread.run_sync(self._report_text, window or "all")

    def _report_text(self, window: str) -> bytes:
        now = clock.now()
        live = live_section(self._watch, self._alerts, window, now)
        return json.dumps(self._watch.view(window, now).to_dict() | {"live": live}).encode()

    async def _metrics(self, window: str) -> bytes:
        return await trio.to_thread.run_sync(self._exposition.text, clock.now())


class Page:
    """The page's routes over its content."""

    def __init__(self, settings: Serving, content: Content) -> None:
        self._settings = settings
        self._content = content
        self._boards: dict[str, tuple[float, bytes]] = {}
        self._making = {name: trio.Lock() for name in content.windows}
        self._viewers = 0
        self._sessions: dict[str, float] = {}
        self._html, self._policy = _filled(content.name, content.title)
        self.hosts: set[str] = set()

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._guarded(self._page)),
                Route("/events", self._guarded(self._events)),
                Route("/login", self._login, methods=["POST"]),
                *(Route(path, self._guarded(self._text)) for path in self._content.texts),
            ]
        )

    def serves_at(self, port: str) -> None:
        """Browsers may ask for it by these names, at this port."""
        names = {self._settings.host, "localhost", "127.0.0.1", "[::1]"}
        self.hosts |= {f"{name}:{port}" for name in names}

    # Who may look.

    def _guarded(
        self, handler: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if (refusal := self._refusal(request)) is not None:
                return refusal
            if self._is_known(request):
                return _safe(await handler(request), self._policy)
            if request.url.path == "/":
                return _login_page("This page asks for a token.", 200)
            return _safe(PlainTextResponse("a token is needed\n", 401), self._policy)

        return guarded

    def _refusal(self, request: Request) -> Response | None:
        """Why a request is not answered, even of a known viewer."""
        if self._settings.is_loopback and request.headers.get("host", "") not in self.hosts:
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

    async def _login(self, request: Request) -> Response:
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
            return _login_page("That is not the token.", 403)
        now = time.monotonic()
        self._sessions = {key: until for key, until in self._sessions.items() if until > now}
        while len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[session] = now + SESSION_S
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_S,
            httponly=True,
            samesite="strict",
            secure=self._settings.cert is not None,
        )
        return _safe(response, self._policy)

    # What there is to see.

    async def _page(self, request: Request) -> Response:
        return Response(self._html, media_type="text/html")

    async def _events(self, request: Request) -> Response:
        windows = self._content.windows
        window = request.query_params.get("window", windows[0])
        if window not in windows:
            return PlainTextResponse(f"windows are {', '.join(windows)}\n", 400)
        if self._viewers >= VIEWERS_MAX:
            return PlainTextResponse("too many viewers\n", 503)
        return StreamingResponse(self._stream(window), media_type="text/event-stream")

    async def _stream(self, window: str) -> AsyncIterator[bytes]:
        self._viewers += 1
        try:
            sent = b""
            while True:
                data = await self._board(window)
                if data is not sent:
                    yield b"data: " + data + b"\n\n"
                    sent = data
                await trio.sleep(TICK_S)
        finally:
            self._viewers -= 1

    async def _board(self, window: str) -> bytes:
        """The window's board as JSON, at most `TICK_S` old."""
        async with self._making[window]:
            made = self._boards.get(window)
            if made is None or trio.current_time() - made[0] >= TICK_S * 0.9:
                text = await self._content.board(window)
                self._boards[window] = made = (trio.current_time(), text)
        return made[1]

    async def _text(self, request: Request) -> Response:
        path = request.url.path
        make, media_type = self._content.texts[path]
        window = request.query_params.get("window", "")
        if window and not self._content.is_known(path, window):
            known = ", ".join(self._content.windows)
            return PlainTextResponse(f"windows are {known}\n", 400)
        return Response(await make(window), media_type=media_type)


class _Server:
    """The web server in a thread and an event loop of its own.

    It shields what it sends, so in the loop of the watch a viewer that reads no more, such as a
    laptop that sleeps, would keep the watch from ending.
    """

    def __init__(self, page: Page, config: Config) -> None:
        self._page = page
        self._config = config
        self._scope = trio.CancelScope()
        self._loop: trio.lowlevel.TrioToken | None = None
        self.port = ""
        self.error: BaseException | None = None
        self.started = Event()
        self.ended = Event()
        self.thread = Thread(target=self._run, name="logan live page", daemon=True)

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:
            self.error = error
        finally:
            self.started.set()
            self.ended.set()

    async def _serve(self) -> None:
        self._loop = trio.lowlevel.current_trio_token()
        with self._scope:
            async with trio.open_nursery() as nursery:
                binds = await nursery.start(hypercorn_serve, self._page.app(), self._config)
                self.port = binds[0].rpartition(":")[2] if binds else ""
                self._page.serves_at(self.port)
                self.started.set()

    async def end(self) -> None:
        """Stop; what is stuck ends with the process."""
        if self._loop is not None:
            with suppress(trio.RunFinishedError):
                self._loop.run_sync_soon(self._scope.cancel)
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(self.thread.join, END_S)


class _Crowded(logging.Handler):
    """Tells of connections that could not be accepted, once in a while and in one sentence, where
    trio would log a traceback ten times a second."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content
        self._told = -CROWDED_PAUSE_S

    def emit(self, record: logging.LogRecord) -> None:
        """Called for each connection."""
        now = clock.now()
        if now - self._told >= CROWDED_PAUSE_S:
            self._told = now
            text = "the live page has too many connections: new ones wait until others end"
            self._content.tell(text)


async def serve(
    settings: Serving, content: Content, *, task_status: Any = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve until canceled; started with the page's URL. Raises `UsageError`."""
    page = Page(settings, content)
    config = Config()
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    config.bind = [f"{shown}:{settings.port}"]
    config.certfile, config.keyfile = settings.cert, settings.key
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    config.h11_max_incomplete_size = 16 * 1024
    config.graceful_timeout = config.shutdown_timeout = 0.5
    accepting = logging.getLogger("trio.serve_listeners")
    crowded, propagated = _Crowded(content), accepting.propagate
    accepting.addHandler(crowded)
    accepting.propagate = False
    server = _Server(page, config)
    server.thread.start()
    try:
        await trio.to_thread.run_sync(server.started.wait, abandon_on_cancel=True)
        if server.error is None:
            scheme = "https" if settings.cert else "http"
            task_status.started(f"{scheme}://{shown}:{server.port or settings.port}/")
            await trio.to_thread.run_sync(server.ended.wait, abandon_on_cancel=True)
        if server.error is not None:
            raise server.error
    except* (OSError, ValueError) as group:
        error = group.exceptions[0]
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot serve at {shown}:{settings.port}: {why}") from None
    finally:
        await server.end()
        accepting.removeHandler(crowded)
        accepting.propagate = propagated


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _filled(name: str, title: str, **texts: str) -> tuple[str, str]:
    """A page with its style and script in it, and the policy that allows just these."""
    folder = files("logan.live").joinpath("page")

    def part(file: str) -> str:
        return folder.joinpath(file).read_text("utf-8")

    style = part("page.css")
    script = "" if name == "login" else part("common.js") + part(f"{name}.js")
    html = part("frame.html").replace("{{body}}", part(f"{name}.html"))
    for key, text in {"title": title, "style": style, "script": script, **texts}.items():
        html = html.replace(f"{{{{{key}}}}}", text)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return html, policy


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _login_page(message: str, status: int) -> Response:
    html, policy = _filled("login", "logan", message=message)
    return _safe(Response(html, status, media_type="text/html"), policy)


def _safe(response: Response, policy: str) -> Response:
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
