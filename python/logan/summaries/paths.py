"""Which of the paths that a user names are saved summaries, and the specs in them."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from logan._logan import Spec
from logan.errors import InputError, UsageError
from logan.options import Options
from logan.planning.given_spec import GivenSpec
from logan.sources import discovery
from logan.sources.inputs import readable_name
from logan.summaries import container
from logan.summaries.saved import READING_OPTIONS, Saved, load

__all__ = ["check_options", "given_spec", "saved_of", "split"]


def split(paths: Sequence[str]) -> list[str | Saved]:
    """`paths` with a `Saved` in place of each that is one; patterns are looked into.

    Raises `InputError` for one that is damaged.
    """
    found: list[str | Saved] = []
    for path in paths:
        if path == "-" or discovery.is_url(path):
            found.append(path)
        elif container.is_saved(path):
            found.append(load(path))
        elif discovery.is_pattern(path) and not os.path.lexists(path):
            found += _of_pattern(path)
        else:
            found.append(path)
    return found


def _of_pattern(pattern: str) -> list[str | Saved]:
    names = [each.path for each in discovery.expand([pattern])[0]]
    if not any(map(container.is_saved, names)):
        return [pattern]
    return [load(each) if container.is_saved(each) else glob.escape(each) for each in names]


def saved_of(paths: Sequence[str]) -> list[Saved]:
    """The saved summaries that `paths` mean; a folder means those in it.

    Raises `InputError` for what is none.
    """
    found: list[Saved] = []
    for path in paths:
        if os.path.isdir(path):
            names = sorted(os.path.join(path, name) for name in os.listdir(path))
            in_it = [load(each) for each in names if container.is_saved(each)]
            if not in_it:
                raise InputError(f"{readable_name(path)} has no saved summary", input=path)
            found += in_it
            continue
        for each in split([path]):
            # What is no saved summary has an error of its own, missing files included.
            found.append(load(path) if isinstance(each, str) else each)
    return found


def given_spec(path: str) -> GivenSpec:
    """The spec of a saved summary, or of a file with the JSON of one. Raises `InputError`."""
    name = readable_name(path)
    if container.is_saved(path):
        saved = load(path)
        spec = json.loads(saved.spec.to_json())
        made = [each.options for each in saved.inputs if each.source is not None]
        alike = bool(made) and all(each == made[0] for each in made)
        options: dict[str, Any] = dict(made[0]) if alike else {}
    else:
        data, options = container.read_file(path), {}
        try:
            spec = json.loads(Spec(data.decode()).to_json())
        except ValueError as error:
            raise InputError(
                f"{name} is neither a saved summary nor a spec",
                input=path,
                hint="make one: logan analyze LOG --save FILE",
            ) from error
    if not spec["sources"]:
        raise InputError(f"{name} says of no log how to read it", input=path)
    return GivenSpec(name, spec, options)


_FLAG_OF: Final = {
    **{"format": "--format", "input_tz": "--input-tz"},
    **{"date_order": "--date-order", "units": "--unit", "client": "--client"},
}


def check_options(saved: Sequence[Saved], options: Options) -> None:
    """That what the user asked for is what was saved.

    Raises `UsageError` with the difference: what was counted cannot be selected or read anew.
    """
    defaults = {each.name: each.default for each in fields(Options)}
    for each in saved:
        made = json.loads(each.spec.to_json())["meaning"]
        asked = {
            "--since": (options.since_ns, made.get("since_ns")),
            "--until": (options.until_ns, made.get("until_ns")),
            "--where": (options.where, made.get("where")),
            "--by": (list(options.by) or None, made.get("by")),
        }
        for flag, (wanted, was) in asked.items():
            if wanted is not None and wanted != was:
                raise _unfit(each, flag)
        if options.since_back_ns is not None or options.until_back_ns is not None:
            raise _unfit(each, "--relative-to last")
        for one in each.inputs:
            for name in READING_OPTIONS:
                value = getattr(options, name)
                is_asked = name in _FLAG_OF and value != defaults[name]
                value = list(value) if name == "units" else value
                if is_asked and one.source is not None and one.options[name] != value:
                    raise _unfit(each, _FLAG_OF[name])


def _unfit(saved: Saved, flag: str) -> UsageError:
    return UsageError(
        f"{saved.name} is a saved summary, made without this {flag}: its lines cannot be "
        "selected or read anew",
        hint=f"leave {flag} out, or analyze the logs again with it",
    )
