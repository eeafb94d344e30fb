"""Pages as text, with the policy that allows just their own style and script; safe responses."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from starlette.responses import Response

__all__ = ["filled", "login_page", "safe"]


def filled(name: str, title: str, **texts: str) -> tuple[str, str]:
    """A page with its style and script in it, and the policy that allows just these.

    `texts` are put in place of their names in double braces.
    """
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


def login_page(message: str, status: int) -> Response:
    """The page that asks for a token."""
    html, policy = filled("login", "logan", message=message)
    return safe(Response(html, status, media_type="text/html"), policy)


def safe(response: Response, policy: str) -> Response:
    """The response with the headers that keep others' pages and scripts out."""
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
