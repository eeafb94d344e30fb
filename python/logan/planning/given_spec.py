"""A spec that was made elsewhere, by which other logs are read: `--spec day.logan`.

It decides what figures mean and how lines are read (formats, units, zone, order of dates), so that
runs over a month of logs have the same results as one. What belongs to one file alone stays that
file's: where its columns change, which hour is repeated, the anchor of its dates without a year.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from logan.errors import UsageError
from logan.model import Plan
from logan.options import Options
from logan.sources.rotation import set_of

__all__ = ["GivenSpec"]

_OF_ONE_FILE: Final = ("layouts", "anchor_ns")
_MEANING: Final = ("since_ns", "until_ns", "where", "by")
_FLAGS: Final[Mapping[str, str]] = {
    **{"since_ns": "--since", "until_ns": "--until", "where": "--where", "by": "--by"},
    **{"format": "--format", "input_tz": "--input-tz", "date_order": "--date-order"},
    **{"units": "--unit", "client": "--client"},
}


@dataclass(frozen=True, slots=True)
class GivenSpec:
    """A spec and, as far as the user said so, the options that it was made with.

    Attributes:
        name: what messages call it.
        spec: the decoded JSON of a native `Spec`.
        options: fields of `Options` that say how logs are read; empty if that is not known.
        is_lenient: logs that it does not know are read as they look.
    """

    name: str
    spec: Mapping[str, Any]
    options: Mapping[str, Any]
    is_lenient: bool = False

    def over(self, asked: Options) -> Options:
        """`asked` with what the spec says. Raises `UsageError` where the user asked otherwise."""
        told = {key: self.spec["meaning"].get(key) for key in _MEANING}
        told["by"] = tuple(told["by"] or ())
        told |= self.options
        if "units" in told:
            told["units"] = tuple(told["units"])
        for each in fields(Options):
            name = each.name
            if name not in _FLAGS:
                continue
            given = getattr(asked, name)
            if given == each.default or (name in told and given == told[name]):
                continue
            made = told.get(name)
            was = f"with {_FLAGS[name]} {_shown(made)}" if made else f"without {_FLAGS[name]}"
            raise UsageError(
                f"{_FLAGS[name]} {_shown(given)} contradicts --spec {self.name}, "
                f"which was made {was}",
                hint="leave one of them out",
            )
        if asked.since_back_ns is not None or asked.until_back_ns is not None:
            raise UsageError(
                "a time range that counts back from the last record cannot be combined with --spec",
                hint="leave one of them out",
            )
        return replace(asked, **told)

    def applied(self, plan: Plan) -> Plan:
        """`plan` with its sources read as the spec says. Raises `UsageError` if it does not say."""
        return replace(plan, spec_json=self.applied_to(plan.spec_json))

    def applied_to(self, spec_json: str) -> str:
        """The text of a spec with its sources read as this one says. Raises `UsageError` if it does
        not say."""
        spec = json.loads(spec_json)
        for source in spec["sources"]:
            source["reading"] = self._reading(source)
        return json.dumps(spec, separators=(",", ":"))

    def _reading(self, source: Mapping[str, Any]) -> dict[str, Any]:
        own = source["reading"]
        own_time = own.get("time", {})
        for each in self.spec["sources"]:
            if each.get("identity") == source["identity"] and "content" in source["identity"]:
                return dict(each["reading"])  # the very same log
        known = self._reading_of(source["identity"]["name"])
        if known is None:
            return dict(own)
        made = known
        for key in _OF_ONE_FILE:
            if key in own:
                made[key] = own[key]
        time = {key: value for key, value in made.get("time", {}).items() if key != "turns"}
        if "turns" in own_time:
            time["turns"] = own_time["turns"]
        made.pop("time", None)
        return made | ({"time": time} if time else {})

    def _reading_of(self, name: str) -> dict[str, Any] | None:
        """How logs of that name are read: those of its rotated set, else all alike."""
        known = [
            (_set(each.get("identity", {}).get("name", "")), _general(each["reading"]))
            for each in self.spec["sources"]
        ]
        of_set = [reading for of, reading in known if of == _set(name)]
        if self.is_lenient:
            return dict(of_set[-1]) if of_set else None
        for readings in (of_set, [reading for _, reading in known]):
            if readings and all(each == readings[0] for each in readings):
                return dict(readings[0])
        raise UsageError(
            f"--spec {self.name} reads its logs in several ways and has none named as {name}",
            hint="use the saved summary of a log like it",
        )


def _general(reading: Mapping[str, Any]) -> dict[str, Any]:
    """A reading without what belongs to one file."""
    made = {key: value for key, value in reading.items() if key not in _OF_ONE_FILE}
    if "time" in made:
        made["time"] = {key: value for key, value in made["time"].items() if key != "turns"}
    return made


def _set(name: str) -> str:
    return set_of(os.path.basename(name))


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
