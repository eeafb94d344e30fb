"""Which values explain an interval: those with support, and a risk beyond chance."""

from typing import Any

from logan.report.findings import thresholds
from logan.report.findings.explain import Candidate, candidates, chosen, counts_of_rows, dominant


def named(found: list[Candidate]) -> list[tuple[str, str]]:
    return [(each.field, each.value) for each in found]


def test_a_value_that_carries_the_errors_explains() -> None:
    inside = {"web1": (2, 500), "web2": (1, 500), "web3": (200, 500)}
    reference = {"web1": (2, 500), "web2": (2, 500), "web3": (1, 500)}
    found = candidates("host", inside, reference)
    assert named(found) == [("host", "web3")]
    assert found[0].entry() == {
        "field": "host",
        "value": "web3",
        "share": 0.9852,
        "share_outside": 0.3333,
    }


def test_a_value_that_always_fails_more_explains_nothing() -> None:
    """One route has most of the errors before and inside; all failed three times as often."""
    inside = {"/a": (300, 1_000), "/b": (30, 1_000)}
    reference = {"/a": (100, 1_000), "/b": (10, 1_000)}
    assert candidates("route", inside, reference) == []


def test_where_nothing_was_wrong_before_the_share_within_counts_not_the_number() -> None:
    """A client with three quarters of all requests is refused as often as any other."""
    inside: dict[str, tuple[int, int]] = {"192.0.2.1": (1_180, 3_000)}
    inside |= {f"10.0.0.{i}": (4, 10) for i in range(100)}
    reference = {"192.0.2.1": (0, 1_800), **{f"10.0.0.{i}": (0, 12) for i in range(100)}}
    assert candidates("client", inside, reference) == []
    # One with a little more than half of what is wrong, all of whose requests are.
    inside = {"192.0.2.1": (400, 400), **{f"10.0.0.{i}": (3, 16) for i in range(100)}}
    found = candidates("client", inside, {f"10.0.0.{i}": (0, 16) for i in range(100)})
    assert named(found) == [("client", "192.0.2.1")]


def test_of_values_of_the_same_records_that_of_the_leading_field_is_named() -> None:
    inside = {"x": (100, 100), "y": (0, 900)}
    reference = {"y": (0, 1_000)}
    found = [each for field in ("route", "client") for each in candidates(field, inside, reference)]
    assert named(chosen(found)) == [("route", "x")]
    assert named(chosen(found, leads="client")) == [("client", "x")]


def test_the_only_value_of_a_field_explains_nothing() -> None:
    assert candidates("method", {"GET": (150, 600)}, {"GET": (0, 600)}) == []


def test_too_few_errors_explain_nothing() -> None:
    assert candidates("host", {"a": (5, 10), "b": (0, 10)}, {"a": (0, 10), "b": (0, 10)}) == []


def test_a_client_that_was_not_there_explains_a_surge() -> None:
    inside = {"bot": (900, 900), **{f"c{i}": (10, 10) for i in range(100)}}
    reference = {f"c{i}": (10, 10) for i in range(100)}
    assert named(candidates("client", inside, reference, is_volume=True)) == [("client", "bot")]


def test_a_surge_of_everybody_has_no_explanation() -> None:
    inside = {f"c{i}": (30, 30) for i in range(100)}
    reference = {f"c{i}": (10, 10) for i in range(100)}
    assert candidates("client", inside, reference, is_volume=True) == []


def test_a_narrower_value_beats_one_that_contains_it() -> None:
    """All errors are POST /pay, so all are POST, too; half of the other POSTs are fine."""
    routes = candidates(
        "route",
        {"POST /pay": (100, 100), "POST /cart": (1, 400), "GET /": (1, 500)},
        {"POST /pay": (1, 100), "POST /cart": (1, 400), "GET /": (1, 500)},
    )
    methods = candidates(
        "method", {"POST": (101, 500), "GET": (1, 500)}, {"POST": (2, 500), "GET": (1, 500)}
    )
    assert methods, "it is over-represented"
    assert named(chosen([*methods, *routes])) == [("route", "POST /pay")]


def test_a_route_is_named_before_its_method_if_it_carries_nearly_as_much() -> None:
    method = Candidate("method", "POST", 0.83, 0.16, 1.0, 11.0)
    route = Candidate("route", "POST /pay", 0.8, 0.05, 1.0, 8.0)
    assert named(chosen([method, route])) == [("route", "POST /pay")]
    part = Candidate("route", "POST /pay", 0.5, 0.05, 0.55, 8.0)
    assert named(chosen([method, part])) == [("method", "POST")]


def test_a_second_value_is_named_only_if_it_matters_within_the_first() -> None:
    route = Candidate("route", "POST /pay", 0.97, 0.1, 0.97, 50.0)
    host = Candidate("host", "web3", 1.0, 0.25, 1.0, 20.0)
    agent = Candidate("user_agent", "curl", 0.9, 0.3, 0.9, 3.0)
    within = {"host": [host]}
    assert named(chosen([route, host, agent], within)) == [
        ("route", "POST /pay"),
        ("host", "web3"),
    ]
    assert named(chosen([route, host, agent], {})) == [("route", "POST /pay")]


def test_what_a_field_implies_is_not_named_beside_it() -> None:
    route = Candidate("route", "POST /pay", 0.97, 0.1, 0.97, 50.0)
    method = Candidate("method", "POST", 0.97, 0.3, 0.97, 9.0)
    assert named(chosen([route, method], {"method": [method]})) == [("route", "POST /pay")]


def test_equal_values_are_named_by_the_better_known_field() -> None:
    client = Candidate("client", "10.0.0.1", 1.0, 0.0, 1.0, 40.0)
    agent = Candidate("user_agent", "BadBot", 1.0, 0.0, 1.0, 40.0)
    assert named(chosen([agent, client])) == [("client", "10.0.0.1")]


def test_one_host_has_the_wrong_clock() -> None:
    inside = {"web1": (0, 2), "web2": (0, 98)}
    reference = {"web1": (0, 500), "web2": (0, 120)}
    assert named(dominant("host", inside, reference)) == [("host", "web2")]
    assert dominant("host", {"web1": (0, 100)}, {"web1": (0, 600)}) == []


def test_columns_of_group_tables() -> None:
    rows: list[dict[str, Any]]
    rows = [{"key": "a", "errors": None, "records": 3}, {"key": 200, "errors": 1, "records": 2}]
    assert counts_of_rows(rows, "errors", "records") == {"a": (0, 3), "200": (1, 2)}


def test_a_client_is_named_before_the_user_agent_that_it_alone_has() -> None:
    """Risks differ by what else the fields hold, but these are the same records."""
    client = Candidate("client", "bot", 1.0, 0.0, 1.0, 5.6)
    agent = Candidate("user_agent", "curl", 1.0, 0.0, 1.0, 6.4)
    assert client.strength < thresholds.EQUAL_STRENGTH_MIN * agent.strength
    assert named(chosen([agent, client])) == [("client", "bot")]
    some = Candidate("client", "bot", 0.6, 0.0, 0.6, 5.6)
    assert named(chosen([agent, some])) == [("user_agent", "curl")]
