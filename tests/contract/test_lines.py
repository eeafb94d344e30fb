"""For every format, `logan lines` without a condition prints the bytes of all records and of the
lines that continue them."""

from __future__ import annotations

from pathlib import Path

import pytest

import logan
from logan.cli.main import main

FOLDER = Path(__file__).resolve().parents[2] / "test_vectors" / "formats"
VECTORS = sorted(path.parent.name for path in FOLDER.glob("*/sample.log"))


@pytest.mark.parametrize("vector", VECTORS)
def test_lines_are_those_of_the_file(vector: str, tmp_path: Path) -> None:
    path, target = FOLDER / vector / "sample.log", tmp_path / "out"
    content = path.read_bytes()
    records = logan.records(path, columns=["offset"], continuation=True)
    offsets = [offset for batch in records for offset in batch.values("offset")]
    expected = b"".join(content[offset:].split(b"\n", 1)[0] + b"\n" for offset in offsets)
    for more in ([], ["-n", "1000000"]):
        code = main(["lines", str(path), "-o", str(target), *more])
        assert (code, target.read_bytes()) == (0 if offsets else 1, expected), more
        target.unlink()
