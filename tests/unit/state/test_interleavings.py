"""Watches with a state folder, killed and rotated between any two lines of their code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.interleaving import Interleaved

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""Who is killed closes nothing."""

KINDS = ("rename", "late", "numbered", "copy_at_once", "compressed_copy")
"""Rotations of which each step is whole: of a copy that is still being written nobody can tell
whether it will be one."""


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled(tmp_path: Path, kind: str) -> None:
    for seed in range(100, 104):
        Interleaved(tmp_path / str(seed), seed, [kind]).run(5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_many_interleavings(tmp_path: Path, kind: str) -> None:
    for seed in range(1_000, 1_200):
        Interleaved(tmp_path / str(seed), seed, [kind]).run(5)
