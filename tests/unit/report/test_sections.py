"""The types of a report's sections name its metrics, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

import logan
from logan.report.schema import TOP_LEVEL
from logan.report.sections import SECTIONS

LOG = (
    '127.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 503 512 "-" "x" 0.120\n'
    "2024-01-24 10:15:33.124 ERROR Database connection failed\n"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> logan.Report:
    path = tmp_path_factory.mktemp("log") / "app.log"
    path.write_text(LOG)
    return logan.analyze(path, by="status")


@pytest.mark.parametrize("name", SECTIONS)
def test_annotations_are_the_keys(name: str, report: logan.Report) -> None:
    if name not in report:  # what a job must ask for has an equal among those that are there
        assert SECTIONS[name].__mro__[1] in SECTIONS.values()
        with pytest.raises(AttributeError, match=f"has no '{name}': it was not asked for"):
            getattr(report, name)
        return
    section = getattr(report, name)
    assert type(section) is SECTIONS[name]
    assert section == report[name] == report.to_dict()[name]
    if name == "groups":
        section = section["status"]
    declared = declared_by(type(section))
    if name in ("series", "response_times"):
        declared.add("points")
    assert declared - {"named"} == set(section)


def test_every_key_of_a_report_is_declared() -> None:
    assert set(TOP_LEVEL) == {*logan.Report.__annotations__}


def declared_by(kind: type) -> set[str]:
    """The annotations of a class and those that it inherits, without its own settings."""
    found = {key for each in kind.__mro__ for key in getattr(each, "__annotations__", ())}
    return {each for each in found if not each.startswith("_")}


@pytest.mark.parametrize("name", ["series", "response_times", "routes", "clients", "messages"])
def test_tables_are_data_frames_in_one_line(
    name: str, report: logan.Report, tmp_path: Path
) -> None:
    pl, pd = pytest.importorskip("polars"), pytest.importorskip("pandas")
    section = getattr(report, name)
    rows = section["points" if "points" in section else "top"]
    assert pl.DataFrame(section.columns()).height == len(rows) > 0
    assert len(pd.DataFrame(section.columns())) == len(rows)
    assert list(section.columns()) == list(rows[0])
    # Of a log without a record, the columns are there all the same.
    empty = tmp_path / "empty.log"
    empty.touch()
    none = getattr(logan.analyze(empty), name)
    assert pl.DataFrame(none.columns()).shape == (0, len(section.columns()))


def test_a_column_that_begins_with_many_nulls_is_one_of_numbers(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    path = tmp_path / "app.log"
    path.write_text(
        "".join(
            f"2024-01-24 10:{n // 60:02}:{n % 60:02} INFO {'took 5 ms' if n > 150 else 'begun'}\n"
            for n in range(200)
        )
    )
    frame = pl.DataFrame(logan.analyze(path).series.columns())
    assert frame.height == 200
    assert frame["mean_ms"].null_count() == 151
    assert frame["t"].dtype == pl.Datetime("us", "UTC")
    assert frame["t"].is_sorted()


def test_parts_of_a_report_are_shown_as_tables(report: logan.Report) -> None:
    html = report.routes._repr_html_()
    assert "<table>" in html
    assert "GET /a" in html
    assert "<script" not in html
    assert "<th>p99</th>" in report.response_time_ms._repr_html_()
