"""Engines: ways to turn a plan into figures. One file each; this registry is the only list.

Every engine gives the same bytes of summary for the same plan. To add one, write
`engines/x.py` with a `run` like `EngineModule.run` and name it in `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from logan.errors import UsageError

if TYPE_CHECKING:
    from logan._logan import Cancel, Spec
    from logan.model import Plan, Result
    from logan.sources.streams import Stream

__all__ = ["ENGINES", "Engine", "EngineModule", "Progress", "load"]

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); the second is 0 while the end is not known."""

ENGINES: Final[Mapping[str, str]] = {
    "local": "logan.engines.local",
    "dask": "logan.engines.dask",
}
"""Name -> module, imported when asked for: some need libraries that others do not."""


class EngineModule(Protocol):
    """What the module of an engine offers."""

    ADDRESS: str | None
    """What the text after `=` in `NAME=ADDRESS` is, for people; None if there may be none."""

    def run(
        self,
        plan: Plan,
        spec: Spec,
        *,
        address: str | None,
        streams: Mapping[int, Stream],
        threads: int | None,
        progress: Progress | None,
        cancel: Cancel,
    ) -> Result:
        """Figures of `plan`; `streams` holds, by source index, those without a size.

        Parts that cannot be read, or not any more once `cancel` is set, are named in
        `Result.missing`; what is left is still right. Raises `ClusterError` if the engine itself
        fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine, and where it is."""

    name: str
    module: EngineModule
    address: str | None = None

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
        """See `EngineModule.run`."""
        return self.module.run(
            plan,
            spec,
            address=self.address,
            streams=streams,
            threads=threads,
            progress=progress,
            cancel=cancel,
        )


def load(text: str) -> Engine:
    """The engine of that name, or of `NAME=ADDRESS`.

    Raises `UsageError` for one that is unknown, or not installed, or has no address.
    """
    name, equals, address = text.partition("=")
    if name not in ENGINES:
        raise UsageError(
            f"no engine is called {name!r}", hint=f"known engines: {', '.join(ENGINES)}"
        )
    module = cast(EngineModule, import_module(ENGINES[name]))
    if equals and module.ADDRESS is None:
        raise UsageError(f"the {name} engine takes no address", hint=f"write it as: {name}")
    if equals and not address:
        raise UsageError(
            f"{text!r} names no address", hint=f"write {name}, or {name}={module.ADDRESS}"
        )
    return Engine(name, module, address or None)
