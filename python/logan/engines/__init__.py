"""Engines: ways to turn a plan into metrics. One file each; this registry is the only list.

Every engine gives the same bytes of summary for the same plan. To add one, write
`engines/x.py` with a `run` like `EngineModule.run` and name it in `ENGINES`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

from logan.errors import UsageError

if TYPE_CHECKING:
    from logan._logan import Spec
    from logan.model import Plan, Result
    from logan.options import Execution

__all__ = ["ENGINES", "Engine", "EngineModule", "load"]

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
        execution: Execution,
        *,
        address: str | None = None,
    ) -> Result:
        """Results of `plan`.

        Parts that cannot be read, or not any more once `execution.cancel` is set, are named in
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

    def run(self, plan: Plan, spec: Spec, execution: Execution) -> Result:
        """See `EngineModule.run`."""
        return self.module.run(plan, spec, execution, address=self.address)


def load(text: str) -> Engine:
    """The engine of that name, or of `NAME=ADDRESS`.

    Raises `UsageError` for one that is unknown, or not installed, or has no address.
    """
    name, equals, address = text.partition("=")
    if name not in ENGINES:
        raise UsageError(
            f"no engine is called {name!r}", hint=f"known engines: {', '.join(ENGINES)}"
        )
    if name == "dask" and sys.platform == "win32":
        raise UsageError(
            "the dask engine does not run on Windows",
            hint="analyze here without --engine, or run it on Linux or macOS, or in WSL",
        )
    module = cast(EngineModule, import_module(ENGINES[name]))
    if equals and module.ADDRESS is None:
        raise UsageError(
            f"the {name} engine does not accept an address", hint=f"write it as: {name}"
        )
    if equals and not address:
        raise UsageError(
            f"{text!r} names no address", hint=f"write {name}, or {name}={module.ADDRESS}"
        )
    return Engine(name, module, address or None)
