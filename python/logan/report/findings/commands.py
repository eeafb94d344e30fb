"""The command that shows the lines of a finding, ready to be pasted into a shell.

Paths come as reports show them, without secrets and signatures; where that hides something the
command would not work, so it names PATH instead.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from logan.report.findings.grid import OUTCOMES
from logan.report.findings.outcomes import condition

__all__ = ["command_for", "error_condition", "joined_conditions", "quoted", "slower_than"]

_PATHS_MAX: Final = 3

_ANY_ERROR: Final = "level>=ERROR or status>=500"


def error_condition(figures: Mapping[str, Any]) -> str:
    """The condition of errors, as short as the records of a report allow."""
    has_levels = any(n for level, n in (figures.get("levels") or {}).items() if level != "NONE")
    if not any((figures.get("status") or {}).values()):
        return "level>=ERROR"
    return _ANY_ERROR if has_levels else "status>=500"


def command_for(
    finding: Mapping[str, Any],
    paths: Sequence[str],
    where: str | None = None,
    error: str = _ANY_ERROR,
) -> str | None:
    """`logan lines …` for a finding; `where` is the condition of the report itself, `error` that of
    errors."""
    named = [each["value"] for each in finding["where"][:2] if each["field"] == "source"]
    paths = named or paths
    if len(paths) <= _PATHS_MAX and all(each != "-" and "://" not in each for each in paths):
        words = [shlex.quote(_safe(each)) for each in paths]
    else:
        words = ["PATH…"]
    if finding["kind"] == "malformed":
        return " ".join(["logan", "detect", words[0]])
    words = ["logan", "lines", *words]
    # The lines of a message that is gone are those before.
    since = "end" if finding["kind"] == "message_gone" else "start"
    until = "start" if finding["kind"] == "message_gone" else "end"
    for option, key in (("--since", since), ("--until", until)):
        if finding[key] is not None:
            words += [option, finding[key]]
    condition = joined_conditions(where, *_conditions(finding, error))
    if condition:
        words += ["--where", shlex.quote(condition)]
    return " ".join(words)


def _safe(path: str) -> str:
    """A path that begins with a dash is not an option."""
    return f"./{path}" if path.startswith("-") else path


def _conditions(finding: Mapping[str, Any], error: str) -> list[str | None]:
    """The conditions that the lines of a finding fulfill."""
    parts: list[str | None] = [error if finding["kind"] == "errors" else None]
    if finding["kind"] == "client_errors":
        status = finding.get("status")
        parts.append("status>=400 and status<500" if status is None else f"status={status}")
    if finding["kind"] in OUTCOMES:
        parts.append(condition(finding["kind"]))
    for each in finding["where"][:2]:
        if each["field"] in ("source", "template"):
            continue  # the one is a path, for the other there is no condition
        if each["share"] >= 0.5:
            parts.append(f"{each['field']}={quoted(each['value'])}")
    if finding["kind"] == "latency" and finding["during"]:
        parts.append(slower_than(finding["before"], finding["during"]))
    level = finding.get("level")
    if level:
        parts.append(f"level={level}")
    return parts


def slower_than(before_ms: float, during_ms: float) -> str:
    """The condition of response times above the (geometric) middle of two levels."""
    return f"duration>={max(1, round(math.sqrt(before_ms * during_ms) * 1_000))}us"


def joined_conditions(*conditions: str | None) -> str | None:
    """All of them, joined by `and`."""
    given = [each for each in conditions if each]
    if len(given) < 2:
        return given[0] if given else None
    return " and ".join(f"({each})" if " or " in each else each for each in given)


def quoted(value: object) -> str:
    """A value as conditions write it."""
    # Backslashes count only before a quote: there two of them are one.
    pattern = r'(\\*)("|\Z)'
    text = re.sub(pattern, lambda found: found[1] * 2 + ('\\"' if found[2] else ""), str(value))
    return f'"{text}"'
