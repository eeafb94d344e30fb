"""Tables and units are described once: every output and every expectation follows the schema."""

from __future__ import annotations

import pytest

from logan.report import CSV_TABLES
from logan.report.schema import LISTS, SECTIONS, TABLES, TOP_LEVEL, UNITS, unit_of


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("avg_response_time", "ms"),
        ("response_time_ms.p99", "ms"),
        ("response_time_ms.count", None),
        ("response_time_ms.relative_error", "ratio"),
        ("errors.ratio", "ratio"),
        ("error_rate", None),
        ("routes.top.0.p95_ms", "ms"),
        ("routes.top.0.requests", None),
        ("groups.json.user.id.top.3.mean_ms", "ms"),
        ("groups.route.relative_error", "ratio"),
        ("series.points.0.max_ms", "ms"),
        ("slowest.0.ms", "ms"),
        ("performance.wall_s", "s"),
        ("performance.recoveries.0.done_s", "s"),
        ("status.500", None),
    ],
)
def test_units(name: str, unit: str | None) -> None:
    assert unit_of(name) == unit


def test_units_are_of_metrics_that_exist() -> None:
    for name in UNITS:
        head, _, rest = name.partition(".")
        assert head in TOP_LEVEL
        assert not rest or rest in SECTIONS[head]


def test_tables_are_lists_of_the_report_with_a_key_and_numbers() -> None:
    assert tuple(TABLES) == CSV_TABLES
    for name, table in TABLES.items():
        assert not table.key.is_number
        assert table.numbers()
        assert len(set(table.names())) == len(table.columns)
        if name != "groups":
            assert table.rows in SECTIONS[table.section]
            assert LISTS[f"{table.section}.{table.rows}"] == table.numbers()
