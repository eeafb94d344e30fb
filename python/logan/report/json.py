"""The JSON output: the contract, one section a line and one row a line in lists.

Readable in a pager and in a diff, and several times faster than indenting everything: a series
of two thousand points is two thousand short lines. NaN and infinity are refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions
    from logan.report.section import Section

__all__ = ["dumps", "render"]

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_WIDTH = 100
_INDENT = "  "


def render(report: Section, options: RenderOptions) -> str:
    """The report as JSON; `options` do not matter."""
    return dumps(report.to_dict()) + "\n"


def dumps(value: Any, indent: str = "") -> str:
    """`value` as JSON text that breaks lines only where a value does not fit into one."""
    flat = _encode(value)
    if len(indent) + len(flat) <= _WIDTH and (indent or not isinstance(value, Mapping)):
        return flat
    inner = indent + _INDENT
    if isinstance(value, Mapping) and value and not _is_row(value, indent):
        lines = [f"{inner}{_encode(key)}: {dumps(each, inner)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        lines = [inner + dumps(each, inner) for each in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return flat


def _is_row(value: Mapping[str, Any], indent: str) -> bool:
    """Whether `value` is a row of a list: flat, so one line however long reads best."""
    return bool(indent) and not any(isinstance(each, (Mapping, list)) for each in value.values())
