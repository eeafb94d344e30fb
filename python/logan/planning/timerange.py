"""Which records a job asks for: a time, a condition, group tables.

From what the user typed or passed to epoch nanoseconds and canonical text, once for the whole
job. Times that count back do so from a moment that the caller gives; no clock is read here. The
conditions themselves are the native extension's; where a time lies in a file is for `seek`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from logan import _logan
from logan._logan import Spec
from logan.errors import ConditionError, UsageError
from logan.model import Source
from logan.options import Moment, Options, TimeRange
from logan.planning.field_names import explained
from logan.planning.format_names import resolved
from logan.planning.moments import age_ns, dated
from logan.planning.seek import last_time
from logan.planning.spec import is_format_name
from logan.sources.files import Opener, by_name

__all__ = [
    "Moment",
    "Window",
    "condition",
    "group_fields",
    "options",
    "settle",
    "window",
]

_NANOS: Final = range(-(2**63) + 1, 2**63)


@dataclass(frozen=True, slots=True)
class _Edge:
    """One end of a window: a moment, or how far back from one that is not known yet."""

    name: str
    nanos: int
    back: bool

    def at(self, base_ns: int) -> int:
        nanos = base_ns - self.nanos if self.back else self.nanos
        if nanos not in _NANOS:
            raise UsageError(f"{self.name} is not from 1678 to 2261")
        return nanos


@dataclass(frozen=True, slots=True)
class Window:
    """The selected time, from `since` up to, but not with, `until`; either may be open."""

    since: _Edge | None
    until: _Edge | None

    def at(self, base_ns: int) -> tuple[int | None, int | None]:
        """Both ends in epoch nanoseconds, relative ones counted back from `base_ns`."""
        return (
            None if self.since is None else self.since.at(base_ns),
            None if self.until is None else self.until.at(base_ns),
        )

    def into(self, options: Options, base_ns: int) -> Options:
        """`options` with this window."""
        since_ns, until_ns = self.at(base_ns)
        return replace(options, since_ns=since_ns, until_ns=until_ns)


def window(
    since: Moment | None, until: Moment | None, *, input_tz: str, now_ns: int | None = None
) -> Window:
    """The selected time.

    Text is `2024-01-24`, `2024-01-24 10:15`, RFC 3339, or counts back: `30m`, `2h`, `1d12h`,
    `2 hours ago`; with `now_ns` also `10:15`, `today` or `yesterday 10:15`. What names no time zone
    is in `input_tz`.

    Raises:
        UsageError: it is none of these.
    """
    return Window(_edge("since", since, input_tz, now_ns), _edge("until", until, input_tz, now_ns))


def _edge(name: str, value: Moment | None, input_tz: str, now_ns: int | None) -> _Edge | None:
    if value is None:
        return None
    if isinstance(value, timedelta):
        return _Edge(name, value // timedelta(microseconds=1) * 1_000, back=True)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            since_1970 = value - datetime(1970, 1, 1, tzinfo=UTC)
            return _Edge(name, since_1970 // timedelta(microseconds=1) * 1_000, back=False)
        value = value.isoformat()
    text = value.strip()
    age = age_ns(text)
    if age is not None:
        return _Edge(name, age, back=True)
    if now_ns is not None:
        text = dated(text, now_ns=now_ns, zone=input_tz) or text
    elif dated(text, now_ns=0, zone="UTC") is not None:
        raise UsageError(
            f"{name} {value!r} is a time of today, and ages count back from the last record",
            hint="write the date, or an age such as 2h",
        )
    try:
        moment = _logan.moment(text, input_tz=input_tz)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if moment is None:
        raise UsageError(
            f"cannot parse {name} {value!r}: not a valid time",
            hint='write it like 2024-01-24, "2024-01-24 10:15", 2024-01-24T10:15:00Z, 10:15, '
            f"yesterday, 2h30m or '2 hours ago'; one without a time zone is in {input_tz}",
        )
    return _Edge(name, moment, back=False)


def options(
    *,
    since: Moment | None = None,
    until: Moment | None = None,
    relative_to: Literal["now", "last"] = "now",
    where: str | None = None,
    by: str | Iterable[str] = (),
    input_tz: str = "UTC",
    format: str | None = None,
    now_ns: int,
    **others: Any,
) -> Options:
    """Options of a job from what the user typed; `others` are fields of `Options`, unchanged.

    A `format` that goes by another name gets the registry's.

    Raises `UsageError`; for `where` and `by` `ConditionError`.
    """
    TimeRange(since, until, relative_to)  # refuses what is none
    made = Options(
        format=resolved(format) if format is not None and is_format_name(format) else format,
        input_tz=input_tz,
        where=condition(where, input_tz=input_tz),
        by=group_fields(by),
        **others,
    )
    # Where ages count back from the last record, today is not yet known.
    clock_ns = now_ns if relative_to == "now" else None
    selected = window(since, until, input_tz=input_tz, now_ns=clock_ns)
    if relative_to == "now":
        return selected.into(made, now_ns)
    edges: dict[str, Any] = {}
    for name, edge in (("since", selected.since), ("until", selected.until)):
        if edge is not None:
            key = f"{name}_back_ns" if edge.back else f"{name}_ns"
            edges[key] = edge.nanos if edge.back else edge.at(now_ns)
    return replace(made, **edges)


def settle(
    options: Options, sources: Sequence[Source], spec: Spec, opened: Opener = by_name
) -> Options:
    """`options` with moments in place of what counts back from the last record of `sources`.

    `spec` is any that reads these sources. Raises `UsageError`.
    """
    if options.since_back_ns is None and options.until_back_ns is None:
        return options
    last_ns = last_time(sources, spec, opened) if sources else 0
    edges: dict[str, Any] = {}
    for name in ("since", "until"):
        back = getattr(options, f"{name}_back_ns")
        if back is not None:
            edges[f"{name}_ns"] = _Edge(name, back, back=True).at(last_ns)
            edges[f"{name}_back_ns"] = None
    return replace(options, **edges)


def condition(text: str | None, *, input_tz: str) -> str | None:
    """Canonical text of a condition. Raises `ConditionError`, `UsageError`."""
    if text is None:
        return None
    try:
        return _logan.condition(text, input_tz=input_tz)
    except ConditionError as error:
        raise explained(error) from None
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(str(error)) from error


def group_fields(by: str | Iterable[str]) -> tuple[str, ...]:
    """Canonical names of fields, each once, in the order given. Raises `ConditionError`."""
    names = [by] if isinstance(by, str) else by
    try:
        return tuple(dict.fromkeys(_logan.group_field(name) for name in names))
    except ConditionError as error:
        raise explained(error) from None
