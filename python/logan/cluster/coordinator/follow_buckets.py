"""The figures of a follow job by the time at which their lines arrived, as the journal keeps them.

Buckets of 5 s are folded into minutes, five minutes, and what is older than any window into one
bucket of its own, as in `live.windows`; so all of them together are the sum of all, and the journal
holds a bounded number of rows. Pure: the caller says what time it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from logan._logan import Summary

__all__ = ["OLD", "Buckets", "Key"]

Key = tuple[int, int]
"""Seconds of a bucket, and its first second since 1970."""

OLD: Final[Key] = (0, 0)
"""What is older than any window."""

_AGES: Final = ((5, 660), (60, 3_900), (300, 4_500))
"""Seconds of buckets, and how old they get, the last ones older where a view looks back further; as
in `live.windows`."""


class Buckets:
    """The buckets that there are.

    Args:
        reach_s: how far back `view` is asked for, besides an hour.

    Attributes:
        kept: by key.
    """

    def __init__(self, kept: Mapping[Key, Summary] | None = None, *, reach_s: float = 0.0) -> None:
        self.kept: dict[Key, Summary] = dict(kept or {})
        length, age = _AGES[-1]
        self._ages = (*_AGES[:-1], (length, max(age, reach_s + length)))

    def add(self, part: Summary, at: float, now: float) -> Key:
        """Count what arrived at `at`; the bucket that it is in. Raises `MergeError` if some of it
        is there already."""
        length = next((each for each, age in self._ages if now - at <= age), 0)
        key = (length, int(at // length) * length) if length else OLD
        self._put(key, part)
        return key

    def fold(self, now: float) -> set[Key]:
        """Fold what is old into what is coarser; the keys of buckets that changed or went."""
        changed: set[Key] = set()
        coarser = (*(length for length, _ in _AGES[1:]), 0)
        for (length, age), above in zip(self._ages, coarser, strict=True):
            old = [key for key in self.kept if key[0] == length and now - key[1] - length > age]
            for key in sorted(old):
                target = (above, key[1] // above * above) if above else OLD
                self._put(target, self.kept[key])
                del self.kept[key]
                changed |= {key, target}
        return changed

    def total(self, empty: Summary) -> Summary:
        """The sum of all."""
        total = empty
        for _, each in sorted(self.kept.items()):
            total = total.merge(each)
        return total

    def view(self, seconds: float, now: float, empty: Summary) -> Summary:
        """The sum of what reaches into the last `seconds`. Another thread may add meanwhile."""
        total = empty
        for (length, at), each in sorted(self.kept.copy().items()):
            if length and at + length > now - seconds:
                total = total.merge(each)
        return total

    def _put(self, key: Key, part: Summary) -> None:
        known = self.kept.get(key)
        self.kept[key] = part if known is None else known.merge(part)
