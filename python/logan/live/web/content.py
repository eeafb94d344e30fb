"""What a page shows, as a protocol: boards by window, and texts such as `/metrics`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

__all__ = ["Content"]


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
