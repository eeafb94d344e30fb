"""The page on findings names the numbers that decide, as they are."""

import re
from pathlib import Path

from logan.report.findings import thresholds

PAGE = Path(__file__).parents[4] / "python" / "docs" / "findings.md"


def test_the_page_has_the_numbers_of_the_program() -> None:
    rows = re.findall(r"\| ([\d.]+) \| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"))
    assert len(rows) > 10
    for value, name in rows:
        assert float(value) == getattr(thresholds, name), name
