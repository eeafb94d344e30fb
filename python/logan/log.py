"""The library's loggers: silent unless the application listens.

A module of its own because `logging` takes a tenth of the start-up of a command that logs nothing.
"""

from __future__ import annotations

import logging

__all__ = ["logger_of"]

logging.getLogger("logan").addHandler(logging.NullHandler())


def logger_of(module: str) -> logging.Logger:
    """The logger of a module, by its `__name__`."""
    return logging.getLogger(module)
