"""The types of a report's sections name its metrics, and no others."""

from __future__ import annotations

import pytest

import logan
from logan.report.sections import SECTIONS

LOG = (
    '127.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 503 512 "-" "x" 0.120\n'
    "2024-01-24 10:15:33.124 ERROR Database connection failed\n"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> logan.Report:
    path = tmp_path_factory.mktemp("log") / "app.log"
    path.write_text(LOG)
    return logan.analyze(path)


@pytest.mark.parametrize("name", SECTIONS)
def test_annotations_are_the_keys(name: str, report: logan.Report) -> None:
    section = getattr(report, name)
    assert type(section) is SECTIONS[name]
    assert section == report[name] == report.to_dict()[name]
    declared = {*SECTIONS[name].__annotations__}
    if name == "series":
        declared.add("points")
    assert declared <= set(section)
    if name not in ("clients", "messages", "routes"):
        assert declared == set(section)


def test_the_series_is_a_data_frame_in_one_line(report: logan.Report) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(report.series.points)
    assert frame["records"].sum() == report.lines.parsed == 2
    assert report.response_time_ms.p99 == pytest.approx(120, rel=0.01)
