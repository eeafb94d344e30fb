"""The web server of a page: hypercorn under trio, in a thread of its own; read-only.

Content is asked in the event loop of the server.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Final

import trio
from hypercorn.config import Config
from hypercorn.trio import serve as hypercorn_serve

from logan.errors import UsageError
from logan.live import clock
from logan.live.serving import Serving
from logan.live.web.content import Content
from logan.live.web.page import Page

__all__ = ["serve"]

END_S: Final = 1.0
CROWDED_PAUSE_S: Final = 60.0


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
                self._page.access.serves_at(self.port)
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
