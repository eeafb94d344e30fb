"""The routes of a page over its content: the page itself, its events, its texts.

All viewers of a window share one board, made twice a second while there is a viewer. Nothing that a
viewer sends reaches the content but the name of a window.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from logan.live.serving import Serving
from logan.live.web.access import Access
from logan.live.web.content import Content
from logan.live.web.html import filled

__all__ = ["Page"]

TICK_S: Final = 0.5
VIEWERS_MAX: Final = 256


class Page:
    """A page: what is answered to whom.

    Attributes:
        access: who may look.
    """

    def __init__(self, settings: Serving, content: Content) -> None:
        self._content = content
        self._boards: dict[str, tuple[float, bytes]] = {}
        self._making = {name: trio.Lock() for name in content.windows}
        self._viewers = 0
        self._html, policy = filled(content.name, content.title)
        self.access = Access(settings, policy)

    def app(self) -> Starlette:
        """The ASGI application."""
        guarded = self.access.guarded
        return Starlette(
            routes=[
                Route("/", guarded(self._page)),
                Route("/events", guarded(self._events)),
                Route("/login", self.access.login, methods=["POST"]),
                *(Route(path, guarded(self._text)) for path in self._content.texts),
            ]
        )

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
