"""Saved summaries of older versions are read, and say what they said then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import logan
from test_vectors.summaries import FOLDER, write

GOLDEN = sorted(FOLDER.glob("v*.logan"))


def differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Where a value that was there is another one now; keys may be added."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            each
            for key, value in old.items()
            for each in differences(value, new.get(key, "absent"), f"{name}.{key}")
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [each for i, pair in pairs for each in differences(*pair, f"{name}.{i}")]
    return [] if old == new else [f"{name}: {old!r} is now {new!r}"]


def checked(path: Path) -> list[str]:
    """How the report of a golden file differs from what it was."""
    then = json.loads(path.with_suffix(".json").read_text())
    now = logan.load(path).report().to_dict()
    for report in (then, now):
        report.pop("performance", None)
        report.pop("logan_version", None)
    return differences(then, now)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_older_summary_says_what_it_said(path: Path) -> None:
    assert checked(path) == []


def test_the_generator_makes_one_of_this_version(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert checked(path) == []
    assert write(tmp_path / "again").read_bytes() == path.read_bytes()
    if GOLDEN and path.name in [each.name for each in GOLDEN]:
        assert (FOLDER / path.name).read_bytes() == path.read_bytes()


def test_a_difference_would_be_seen(tmp_path: Path) -> None:
    path = write(tmp_path)
    told = path.with_suffix(".json")
    then = json.loads(told.read_text())
    then["total_requests"] += 1
    then["status"].pop("200")
    told.write_text(json.dumps(then))
    assert checked(path) == [f".total_requests: {then['total_requests']} is now 800"]
