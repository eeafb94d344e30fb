"""The rows that the engine picks from its tables are those among which reports choose."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import _logan
from logan.report.builder import with_groups
from logan.report.evaluation import figures_of
from logan.report.findings import find
from logan.report.rows import SORTS, keep_rows

BY = ("client", "route,status", "time:1m", "timer")
ALL_ROWS = 1 << 30


class Request(NamedTuple):
    client: int
    method: int
    route: int
    status: int
    size: int
    ms: int | None
    minute: int


NUMBERS = st.integers(0, 3) | st.integers(0, 120)
REQUESTS = st.lists(
    st.builds(
        Request,
        client=NUMBERS,
        method=NUMBERS,
        route=NUMBERS,
        status=st.sampled_from((200, 200, 404, 500)),
        size=st.integers(0, 3),
        ms=st.none() | st.integers(0, 4),
        minute=st.integers(0, 9),
    ),
    max_size=250,
)
NAMED = st.lists(
    st.one_of(
        NUMBERS.map(lambda n: f'clients["{client(n)}"]'),
        NUMBERS.map(lambda n: f'routes["GET /{letters(n)}"]'),
        NUMBERS.map(lambda n: f'methods["{letters(n).upper()}"]'),
        NUMBERS.map(lambda n: f'groups.client["{client(n)}"]'),
        NUMBERS.map(lambda n: f'groups.route,status["GET /{letters(n)}, 404"]'),
    ),
    max_size=4,
)


def letters(n: int) -> str:
    """A name without digits, which routes would fold."""
    return "get" if n == 0 else "q" + "".join("abcdefghij"[int(digit)] for digit in str(n))


def client(n: int) -> str:
    # Two of the names of three are different bytes that no UTF-8 text has, and look the same.
    return "\ufffd" if n in (1, 2) else f"10.0.0.{n}"


def line(request: Request) -> bytes:
    name = bytes([0xFD + request.client]) if request.client in (1, 2) else b""
    time = "" if request.ms is None else f" 0.{request.ms:03}"
    rest = (
        f' - - [24/Jan/2024:10:{request.minute:02}:00 +0000] "{letters(request.method).upper()} '
        f'/{letters(request.route)} HTTP/1.1" {request.status} {request.size} "-" "-"{time}\n'
    )
    return (name or client(request.client).encode()) + rest.encode()


def counted(
    lines: Sequence[bytes], by: Sequence[str] = BY, also: Sequence[str] = ()
) -> _logan.Summary:
    reading = {"formats": [], "input_tz": "UTC", "anchor_ns": 0}
    spec = {
        **{"version": 2, "meaning": {"by": list(by)}, "top": 1_000},
        "also": list(also),
        "sources": [{"reading": reading}],
    }
    feed = _logan.Feed(_logan.Spec(json.dumps(spec)))
    feed.push(b"".join(lines))
    return feed.finish()


def whole_figures(summary: _logan.Summary) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(summary.evaluate(top=ALL_ROWS))
    return figures


@given(REQUESTS, st.integers(1, 12) | st.just(1_000), st.sampled_from([*SORTS]), NAMED)
def test_rows_chosen_from_some_are_those_chosen_from_all(
    requests: list[Request], top: int, sort: str, named: list[str]
) -> None:
    summary = counted([line(each) for each in requests])
    some = figures_of(summary, top=top, sort=sort, named=named)
    whole = whole_figures(summary)
    for is_judged in (True, False):
        if not is_judged:
            some.pop("analysis")
            whole.pop("analysis")
        assert find(some) == find(whole)
    expected = keep_rows(with_groups(whole, BY), top=top, sort=sort, named=named)
    assert keep_rows(with_groups(some, BY), top=top, sort=sort, named=named) == expected


def test_rows_of_a_table_over_its_cap() -> None:
    requests = [
        Request(n % 7, n % 100 if n % 3 else n % 20, n, 200 + n % 2 * 300, n, n % 9, 0)
        for n in range(999)
    ]
    summary = counted([line(each) for each in requests])
    whole = whole_figures(summary)
    assert not whole["methods"]["exact"]
    for sort in SORTS:
        some = figures_of(summary, top=5, sort=sort)
        assert len(some["methods"]["top"]) < len(whole["methods"]["top"])
        kept = keep_rows(some, top=5, sort=sort)["methods"]
        assert kept == keep_rows(whole, top=5, sort=sort)["methods"]


def test_findings_look_at_rows_that_have_few_requests_and_most_errors() -> None:
    requests = [Request(3 + n % 20, 0, 3 + n % 19, 200, 1, 1, n % 10) for n in range(9_000)]
    requests += [Request(100, 0, 120, 404, 1, 1, n % 10) for n in range(99)]
    requests += [Request(100, 0, 121, 404, 1, 1, n % 10) for n in range(99)]
    summary = counted([line(each) for each in requests], by=())
    (finding,) = find(figures_of(summary, top=1))
    assert finding["kind"] == "client_errors"
    assert [each["value"] for each in finding["where"]] == ["10.0.0.100"]
    assert [finding] == find(whole_figures(summary))


def test_few_rows_are_evaluated_and_all_of_a_table_that_is_asked_for_whole() -> None:
    summary = counted([line(Request(n, 0, n, 200, 1, n, 0)) for n in range(3, 103)])
    some = figures_of(summary, top=4, whole=("clients",))
    assert len(some["clients"]["top"]) == some["clients"]["distinct"] == 100
    assert 4 <= len(some["routes"]["top"]) <= 4 + 3 + 3 + 2
    assert some["routes"]["distinct"] == 100
    assert some["routes"]["sums"]["total"] == pytest.approx(sum(range(3, 103)))
    assert "sums" not in json.loads(summary.evaluate())["routes"]
    assert "sums" not in keep_rows(some, top=4)["routes"]


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        ("clients", "client", "10.0.0.50"),
        ("methods", "method", "QFA"),
        ("groups.client", "key", "10.0.0.50"),
        ("groups.route,status", "key", "QFA /qfa, 200"),
    ],
)
def test_named_rows_are_evaluated_whatever_their_rank(table: str, key: str, name: str) -> None:
    summary = counted([line(Request(n, n, n, 200, 1, 1, 0)) for n in range(3, 60)])
    few, more = (figures_of(summary, top=1, named=named) for named in ((), (f'{table}["{name}"]',)))
    section, _, field = table.partition(".")
    rows = [
        {row[key] for row in (each[section][field] if field else each[section])["top"]}
        for each in (few, more)
    ]
    assert rows[1] - rows[0] == {name}


def test_tables_that_are_parted_by_name_are_whole() -> None:
    text = "2024-01-24 10:15:00 INFO completed in 900ms, {}: 35m\n"
    names = [*(f"{letters(n)}_time" for n in range(3, 50)), "session duration"]
    lines = [text.format(name).encode() for name in names]
    summary = counted(lines, by=(), also=("timer",))
    some, whole = (
        with_groups(each, ()) for each in (figures_of(summary, top=2), whole_figures(summary))
    )
    assert some["groups"]["timer"]["distinct"] == 47
    assert keep_rows(some, top=2)["groups"] == keep_rows(whole, top=2)["groups"]


def test_orders_that_tables_do_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match='tables have no order "size"'):
        counted([]).evaluate(orders={"size": 1})
