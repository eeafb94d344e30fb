"""Live pages: Starlette on hypercorn under trio; read-only.

From the bottom up: `content` (what a page shows, as a protocol; `watch_content` is that of a watch,
a coordinator has its own), `html` (the page and its policy), `access` (who may look: names of hosts
are checked where only this machine may look, too, as any web page may ask a browser to ask it, by
DNS rebinding), `page` (routes, events), `server`.
"""

from __future__ import annotations

from logan.live.web.content import Content
from logan.live.web.page import Page
from logan.live.web.server import serve
from logan.live.web.watch_content import WatchContent

__all__ = ["Content", "Page", "WatchContent", "serve"]
