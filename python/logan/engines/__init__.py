"""Engines: ways to turn a plan into figures. One file each; this registry is the only list.

Every engine gives the same bytes of summary for the same plan. To add one, write
`engines/x.py` with a `run` like `Engine.run` and name it in `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from logan.errors import UsageError

if TYPE_CHECKING:
    from logan._logan import Cancel, Spec
    from logan.model import Plan, Result
    from logan.sources.stdin import Stream

__all__ = ["ENGINES", "Engine", "Progress", "load"]

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); the second is 0 while the end is not known."""

ENGINES: Final[Mapping[str, str]] = {
    "local": "logan.engines.local",
}
"""Name -> module, imported when asked for: some need libraries that others do not."""


class Engine(Protocol):
    """What the module of an engine offers."""

    def run(
        self,
        plan: Plan,
        spec: Spec,
        *,
        streams: Mapping[int, Stream],
        threads: int | None,
        progress: Progress | None,
        cancel: Cancel,
    ) -> Result:
        """Figures of `plan`; `streams` holds, by source index, those without a size.

        Parts that cannot be read, or not any more once `cancel` is set, are named in
        `Result.missing`; what is left is still right.
        """
        ...


def load(name: str) -> Engine:
    """The engine of that name. Raises `UsageError` for an unknown one."""
    try:
        module = ENGINES[name]
    except KeyError:
        raise UsageError(
            f"no engine is called {name!r}", hint=f"known engines: {', '.join(ENGINES)}"
        ) from None
    return cast(Engine, import_module(module))
