"""What all messages have in common."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from logan.wire import limits

__all__ = ["HandshakeMessage", "WireMessage"]


class WireMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all messages.

    Fields that may be None are left out of the line then. A field `body` is not part of the line:
    `bytes` for raw bytes, else the type of its JSON.

    Attributes:
        VERB: what the line begins with.
        BODY_BYTES_MAX: bound of the body.
    """

    VERB: ClassVar[str]
    BODY_BYTES_MAX: ClassVar[int] = limits.JSON_BODY_BYTES_MAX


class HandshakeMessage(WireMessage, frozen=True, forbid_unknown_fields=False):
    """Base of messages whose unknown fields are skipped, so that a peer of another version
    understands why it cannot join."""
