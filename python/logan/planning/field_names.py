"""Fields that are called otherwise elsewhere: what `--where` and `--by` may have meant.

The fields themselves are the engine's; this module only suggests a field to a user who typed an
unknown name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from logan.errors import ConditionError

__all__ = ["SYNONYMS", "explained"]

SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("url", "uri", "request_uri", "endpoint", "request", "target"), "path"),
    **dict.fromkeys(("ip", "addr", "remote_addr", "client_ip", "remote", "source_ip"), "client"),
    **dict.fromkeys(("code", "status_code", "http_status", "response"), "status"),
    **dict.fromkeys(("took", "elapsed", "latency", "response_time", "time_taken"), "duration"),
    **dict.fromkeys(("rt", "ms", "request_time", "cost"), "duration"),
    **dict.fromkeys(("severity", "loglevel", "log_level", "lvl", "priority"), "level"),
    **dict.fromkeys(("msg", "text", "template", "body"), "message"),
    **dict.fromkeys(("ua", "useragent", "agent", "http_user_agent", "browser"), "user_agent"),
    **dict.fromkeys(("referer", "http_referer"), "referrer"),
    **dict.fromkeys(("size", "length", "bytes_sent", "body_bytes_sent"), "bytes"),
    **dict.fromkeys(("ts", "timestamp", "date", "datetime"), "time"),
    **dict.fromkeys(("verb", "http_method"), "method"),
    **dict.fromkeys(("vhost", "server", "server_name", "domain", "hostname"), "host"),
}
"""Field by what others call it."""

_GROUP_SYNONYMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("filename", "file_name", "input", "logfile", "log_file"), "source"),
    **{"second": "time:1s", "minute": "time:1m", "hour": "time:1h", "day": "time:1d"},
    "server": "host or origin",
}
"""What else group tables can be made by."""

_WHOLE_TESTS: Final[Mapping[str, str]] = {
    "error": "level>=ERROR or status>=500",
    "errors": "level>=ERROR or status>=500",
    "warning": "level=WARN",
    "warn": "level=WARN",
}
"""What a single word in place of a condition most likely asks for."""

_WORD: Final = re.compile(r"[\w.\-@$]+")


def explained(error: ConditionError) -> ConditionError:
    """`error` with a hint, if it is about a name or a value that people know otherwise."""
    found = _WORD.match(error.expression, error.position)
    if found is not None and error.hint is None:
        if error.message.startswith("no field "):
            error.hint = _next_step(error, found[0])
        elif error.message.startswith("expected a status") and found[0].lower()[1:] == "xx":
            low = found[0][0]
            error.hint = f"write a range: status>={low}00 and status<={low}99"
    return error


def _next_step(error: ConditionError, name: str) -> str:
    folded = name.lower()
    if folded in _WHOLE_TESTS and error.expression.strip() == name:
        return f"did you mean {_WHOLE_TESTS[folded]}?"
    if "time:STEP" in error.message and folded in _GROUP_SYNONYMS:
        return f"did you mean {_GROUP_SYNONYMS[folded]}?"
    if folded in SYNONYMS:
        return f"did you mean {SYNONYMS[folded]}?"
    from difflib import get_close_matches

    known = error.message.partition("known fields: ")[2].replace(" and ", ", ").split(", ")
    near = get_close_matches(folded, [each for each in known if each.isidentifier()], 1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]}?"
    return (
        f"a key of the log's own is written json.{name} or logfmt.{name}; "
        "logan detect FILE lists the fields"
    )
