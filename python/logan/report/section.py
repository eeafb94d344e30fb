"""`Section`: a part of a report, as a mapping and by attributes. Knows no metric by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Section"]


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

    def __getattr__(self, name: str) -> Any:
        try:
            return _wrap(self._data[name])
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no metric {name!r}") from None

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

    def to_dict(self) -> dict[str, Any]:
        """A deep copy made of plain dicts and lists."""
        copied: dict[str, Any] = json.loads(json.dumps(self._data))
        return copied


def _wrap(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, Section):
        return Section(value)
    if isinstance(value, list):
        return [_wrap(each) for each in value]
    return value
