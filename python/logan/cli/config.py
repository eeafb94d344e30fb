"""The configuration file: formats of one's own by name, and settings.

    [formats]
    shop = '$remote_addr [$time_local] "$request" $status $request_time'

    [settings]
    threads = 4
    chunk-size = "4MiB"

The file is `LOGAN_CONFIG`, else `logan/config.toml` in `XDG_CONFIG_HOME` or `~/.config`. Only the
command line reads it, once, and only when it is asked for something; the library never does.
A flag comes before the environment, and that before this file. Errors name the file and the key.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from logan.errors import FormatError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Config", "load", "name_format"]

CONFIG_BYTES_MAX: Final = 1 << 20
"""A configuration is written by hand; what is larger is another file."""

_TABLES: Final = ("formats", "settings")
_GO_WITHOUT: Final = f"ignore it: LOGAN_CONFIG={os.devnull}"


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says.

    Attributes:
        path: where it is; None if there is none.
        formats: text of formats by name.
        settings: values by the name of the option without its dashes (`chunk-size`), as text.
    """

    path: Path | None = None
    formats: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def load() -> Config:
    """The configuration of this process. Raises `UsageError`."""
    named = os.environ.get("LOGAN_CONFIG", "")
    home = os.environ.get("XDG_CONFIG_HOME", "") or os.path.expanduser("~/.config")
    return _read(named or os.path.join(home, "logan", "config.toml"), bool(named))


def name_format(args: argparse.Namespace) -> None:
    """Put the text of a configured format into `args.format`, its name into `args.format_name`.

    Raises `FormatError` if it cannot be understood, `UsageError`.
    """
    text = None if args.format is None else load().formats.get(args.format)
    if text is not None:
        check_format(args.format, text)
        args.format, args.format_name = text, args.format


def check_format(name: str, text: str) -> None:
    """Whether a configured format can be used. Raises `FormatError`, `UsageError`."""
    from logan import _logan
    from logan.planning.prepare import check_format as check

    where = f"{load().path}: formats.{name}"
    if any(each["name"] == name for each in json.loads(_logan.formats())):
        raise UsageError(
            f"{where}: logan already has a format of this name", hint="choose another name"
        )
    try:
        check(text)
    except FormatError as error:
        raise FormatError(
            f"{where}: {error}", expression=error.expression, position=error.position
        ) from error


@cache
def _read(name: str, must_exist: bool) -> Config:
    from pathlib import Path

    path = Path(name)
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        if not must_exist:
            return Config()
        raise UsageError(
            f"{name}: no such configuration file", hint="correct or unset LOGAN_CONFIG"
        ) from error
    except OSError as error:
        raise UsageError(
            f"{name}: the configuration file cannot be read: {error.strerror or error}",
            hint=f"name a file that you may read, or {_GO_WITHOUT}",
        ) from error
    if len(content) > CONFIG_BYTES_MAX:
        raise UsageError(
            f"{name}: larger than {CONFIG_BYTES_MAX:,} bytes, the limit for a configuration",
            hint=f"put another file there, or {_GO_WITHOUT}",
        )
    import tomllib

    try:
        data = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        why = f"at byte {error.start}" if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(
            f"{name}: the configuration file is not valid TOML in UTF-8: {why}",
            hint=f"correct it, or {_GO_WITHOUT}",
        ) from error
    for key in data:
        if key not in _TABLES:
            raise UsageError(f"{name}: {key}: unknown table; expected [formats] or [settings]")
    return Config(path, _formats(name, data.get("formats", {})), _settings(name, data))


def _formats(name: str, table: Any) -> dict[str, str]:
    from logan.planning.spec import is_format_name

    formats = _table(name, "formats", table)
    for key, value in formats.items():
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{name}: formats.{key}: write the text of a format")
        if not is_format_name(key):
            raise UsageError(
                f"{name}: formats.{key}: a name is letters, digits, dots, dashes and underscores"
            )
    return formats


def _settings(name: str, data: Mapping[str, Any]) -> dict[str, str]:
    settings = {}
    for key, value in _table(name, "settings", data.get("settings", {})).items():
        if isinstance(value, bool):
            text = "1" if value else "0"
        elif isinstance(value, str | int | float):
            text = str(value)
        else:
            raise UsageError(f"{name}: settings.{key}: write a text, a number, true or false")
        settings[key.replace("_", "-")] = text
    return settings


def _table(name: str, key: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f"{name}: {key}: write a table, [{key}]")
    return table
