"""Which rows of the whole tables a report keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logan
from logan.errors import UsageError
from logan.report.rows import SORTS, keep_rows, row_reference
from tests.unit.report.test_document import figures


def with_routes(*counts: tuple[int, int, float]) -> dict[str, Any]:
    rows = [
        {
            **{"route": f"GET /{index}", "requests": requests, "errors": errors},
            **{"mean_ms": mean, "p95_ms": mean, "max_ms": mean},
        }
        for index, (requests, errors, mean) in enumerate(counts)
    ]
    return {**figures(), "routes": {**figures()["routes"], "top": rows}}


def names(figures: dict[str, Any]) -> list[str]:
    return [row["route"].removeprefix("GET /") for row in figures["routes"]["top"]]


def test_a_row_that_leads_by_errors_or_time_is_added_with_the_reason() -> None:
    data = with_routes((900, 2, 1.0), (800, 1, 1.0), (5, 5, 1.0), (4, 0, 9_000.0), (3, 0, 1.0))
    kept = keep_rows(data, top=2)
    assert names(kept) == ["0", "1", "2", "3"]
    assert [row.get("why") for row in kept["routes"]["top"]] == [None, None, "errors", "total"]
    assert names(keep_rows(data, top=5)) == ["0", "1", "2", "3", "4"]


def test_a_few_errors_among_many_are_not_worth_a_row() -> None:
    data = with_routes((900, 99, 1.0), (5, 1, 1.0))
    assert names(keep_rows(data, top=1)) == ["0"]


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("requests", "0"),
        ("errors", "1"),
        ("total", "2"),
        ("ratio", "3"),
        ("p95", "4"),
        ("max", "4"),
        ("bytes", "0"),
    ],
)
def test_tables_are_sorted_by_what_was_asked_for(sort: str, first: str) -> None:
    data = with_routes((900, 2, 1.0), (800, 90, 1.0), (700, 0, 60.0), (9, 9, 1.0), (1, 0, 9_000.0))
    assert names(keep_rows(data, top=1, sort=sort))[0] == first
    assert len(names(keep_rows(data, top=2, sort=sort))) == (2 if sort != "requests" else 5)


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9), st.floats(0, 1e6)), max_size=30),
    st.integers(1, 12),
    st.sampled_from([*SORTS]),
)
def test_rows_are_the_first_of_their_order(
    counts: list[tuple[int, int, float]], top: int, sort: str
) -> None:
    data = with_routes(*sorted(counts, reverse=True))
    kept = keep_rows(data, top=top, sort=sort)["routes"]["top"]
    plain = [row for row in kept if "why" not in row]
    assert len(plain) == min(top, len(counts))
    values = [SORTS[sort](row) for row in plain]
    assert values == sorted(values, reverse=True)
    assert len(kept) - len(plain) <= 6


def test_named_rows_are_kept_and_what_is_not_there_is_null() -> None:
    data = with_routes(*[(100 - index, 0, 1.0) for index in range(50)])
    kept = keep_rows(data, top=1, named=['routes["GET /49"]', "routes['GET /x']"])
    assert kept["routes"]["named"]["GET /49"]["requests"] == 51
    assert kept["routes"]["named"]["GET /x"] is None
    assert "named" not in kept["clients"]


def test_references() -> None:
    assert row_reference('routes["POST /a\\"b"].p95_ms') == ("routes", 'POST /a"b', 20)
    assert row_reference("groups.json.user['x'].errors") == ("groups.json.user", "x", 21)
    assert row_reference("routes.top.0") is None
    for wrong in ('rutes["a"]', 'groups["a"]', 'series["a"]'):
        with pytest.raises(UsageError, match="has no table"):
            row_reference(wrong)


def test_the_library_sorts_and_finds_rows(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    line = '10.0.0.1 - - [24/Jan/2024:10:15:{:02} +0000] "GET /{} HTTP/1.1" {} 5 "-" "-" 0.{:03}\n'
    lines = [line.format(0, "abcdefghijkl"[i % 11], 200, 20) for i in range(44)]
    lines += [line.format(1, "pay", 500, 900)] * 2
    log.write_text("".join(lines))
    report = logan.analyze(log, top=3)
    assert [row.route for row in report.routes.top][3:] == ["GET /pay"]
    assert report.routes.top[3].why == "errors, total"
    assert logan.analyze(log, sort="errors", top=1).routes.top[0].route == "GET /pay"
    found = logan.analyze(log, top=1, rows=('routes["GET /k"]',)).routes.named["GET /k"]
    assert found.requests == 4
    with pytest.raises(UsageError, match="sort is 'size'"):
        logan.analyze(log, sort="size")  # type: ignore[arg-type]
