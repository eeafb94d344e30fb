"""The one matcher of patterns, component by component."""

from __future__ import annotations

import pytest

from logan.sources.globs import Glob


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.log", "a.log", True),
        ("*.log", "b/a.log", False),
        ("*.log", ".a.log", False),
        (".*.log", ".a.log", True),
        ("**/a.log", "a.log", True),
        ("**/a.log", "b/c/a.log", True),
        ("**/a.log", "b/.c/a.log", False),
        ("b/**/**/a.log", "b/a.log", True),
        ("b/**", "b/c/a.log", True),
        ("b/**", "b", True),
        ("[ab]/?.log", "b/c.log", True),
        ("[ab]/?.log", "B/c.log", False),
    ],
)
def test_a_pattern_is_matched_by_components(pattern: str, path: str, fits: bool) -> None:
    assert Glob(pattern.split("/")).matches(path.split("/")) is fits


def test_double_star_can_be_kept_from_going_deeper() -> None:
    pattern = Glob(["**", "a.log"])
    inside = pattern.step(pattern.start, "link", deeper=False)
    assert not inside
    assert pattern.is_match(pattern.walk(pattern.start, ["folder", "a.log"]))
