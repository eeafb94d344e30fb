"""One pattern of names, such as `logs/**/*.gz`: the one matcher of paths and of objects on servers.

Pure: knows no file system, no servers and no roots. A pattern is a small automaton over the
components of a path. A state is how many components of the pattern were matched; `**` matches none
or more folders, so several states can hold at once. As in a shell, no wildcard stands for a leading
dot.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence

__all__ = ["Glob", "States"]

States = frozenset[int]
"""How many components of a pattern may have been matched so far; empty: nothing can match."""


class Glob:
    """A pattern, given as its components."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = tuple(parts)
        self._matchers = [re.compile(fnmatch.translate(part)) for part in self._parts]
        self.start: States = self._closure({0})

    def matches(self, names: Iterable[str]) -> bool:
        """Whether the whole pattern matches the components of a path."""
        return self.is_match(self.walk(self.start, names))

    def is_match(self, states: States) -> bool:
        """Whether the whole pattern may have been matched."""
        return len(self._parts) in states

    def walk(self, states: States, names: Iterable[str]) -> States:
        """The states after all `names`."""
        for name in names:
            states = self.step(states, name)
        return states

    def step(self, states: States, name: str, *, deeper: bool = True) -> States:
        """The states after `name`; `deeper`: `**` may go on below it."""
        after = set()
        for state in states:
            if state == len(self._parts):
                continue
            part = self._parts[state]
            if name.startswith(".") and not part.startswith("."):
                continue
            if part == "**":
                if deeper:
                    after.add(state)
            elif self._matchers[state].match(name):
                after.add(state + 1)
        return self._closure(after)

    def _closure(self, states: set[int]) -> States:
        """`**` may stand for no folder at all."""
        for state in sorted(states):
            at = state
            while at < len(self._parts) and self._parts[at] == "**":
                at += 1
                states.add(at)
        return frozenset(states)
