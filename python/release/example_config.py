"""The example configuration: every setting, commented out, with what it means."""

from __future__ import annotations

import textwrap

from release.command_tree import settings

__all__ = ["text"]

_EXAMPLES = {
    "anchor": '"2024-01-24"',
    "chunk-size": '"32MiB"',
    "client": '"remote"',
    "color": '"auto"',
    "coordinator": '"localhost:8000"',
    "date-order": '"dmy"',
    "engine": '"local"',
    "format": '"nginx"',
    "host": '"127.0.0.1"',
    "id": '"worker-1"',
    "input-tz": '"Europe/Berlin"',
    "max-expansion": "1000",
    "no-progress": "true",
    "output-tz": '"local"',
    "pace": "20",
    "threads": "4",
    "top": "20",
}
"""By key, a value that the command line accepts; a test reads them with every command."""

_HEAD = """\
# Settings of logan. Save this file as ~/.config/logan/config.toml (or logan/config.toml in
# XDG_CONFIG_HOME, or anywhere that LOGAN_CONFIG names) and remove the # before what you change.
# An option on the command line comes first, then its LOGAN_* variable, then this file.

[formats]
# Custom formats by name, for --format NAME: nginx's log_format, Apache's LogFormat, or a regular
# expression with named groups; `logan formats --help` has the groups.
# shop = '$remote_addr [$time_local] "$request" $status $request_time'

[settings]
"""


def text() -> str:
    """The file. Raises `LookupError` for a setting without an example value."""
    parts = []
    for key, (option, commands) in settings().items():
        if key not in _EXAMPLES:
            raise LookupError(f"give the setting {key} an example value in {__name__}")
        lines = textwrap.wrap(option.help, 96, break_on_hyphens=False, break_long_words=False)
        lines += [f"Commands: {', '.join(commands)}", f"{key} = {_EXAMPLES[key]}"]
        parts.append("".join(f"# {each}\n" for each in lines))
    return _HEAD + "\n".join(parts)
