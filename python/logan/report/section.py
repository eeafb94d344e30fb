"""`Section`: a part of a report, as a mapping and by attributes. Knows no metric by name.

Type checkers know the attributes that a subclass declares, so that they find a misspelled one;
`Row` is for parts whose keys nothing declares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

__all__ = ["Row", "Section"]


class Section(Mapping[str, Any]):
    """A read-only part of a report: a mapping whose keys are attributes too."""

    __slots__ = ("_data",)

    _data: Mapping[str, Any]

    def __init__(self, data: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_data", data)

    def __getitem__(self, key: str) -> Any:
        return _wrap(self._data[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    if not TYPE_CHECKING:  # or checkers would take every name for one

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                raise AttributeError(self._unknown(name)) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a report is read-only; to_dict() gives a copy to change")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._data]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Section):
            return self._data == other._data
        return self._data == other

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[Section], tuple[Mapping[str, Any]]]:
        return type(self), (self._data,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self._data)!r})"

    def _unknown(self, name: str) -> str:
        from difflib import get_close_matches
        from inspect import get_annotations

        kind = type(self)
        if any(name in get_annotations(each) for each in kind.__mro__):
            return f"this {kind.__name__} has no {name!r}: it was not asked for"
        near = get_close_matches(name, [*self], 1)
        perhaps = f"; did you mean {near[0]}?" if near else ""
        return f"{kind.__name__} has no metric {name!r}{perhaps}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from logan.report.html.section import section_html

        return section_html(self._data)

    def to_dict(self) -> dict[str, Any]:
        """A deep copy made of plain dicts and lists."""
        copied: dict[str, Any] = json.loads(json.dumps(self._data))
        return copied


class Row(Section):
    """A part of a report whose keys depend on what it is about, or on the log."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def _wrap(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, Section):
        return Row(value)
    if isinstance(value, list):
        return [_wrap(each) for each in value]
    return value
