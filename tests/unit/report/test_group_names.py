"""Names of group tables, as the engine writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan import _logan
from logan.report.group_names import is_capture, is_over_time, joined_keys, parts_of, shown_name


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("route", ("route",)),
        ("route,status", ("route", "status")),
        ('json."a,b",time:5m', ('json."a,b"', "time:5m")),
        (r'message~"a \"(b),",level', (r'message~"a \"(b),"', "level")),
    ],
)
def test_parts(name: str, parts: tuple[str, ...]) -> None:
    assert _logan.group_field(name) == name
    assert parts_of(name) == parts
    assert shown_name(name) == ", ".join(parts)


def test_kinds() -> None:
    assert is_over_time("time:5m")
    assert not is_over_time("time:5m,route")
    assert not is_over_time("route")
    assert is_capture('message~"(a)"')
    assert not is_capture('json."a~b"')


@given(
    st.lists(st.text('a," ', min_size=1, max_size=4), min_size=2, max_size=2),
    st.lists(st.text('a," ', min_size=1, max_size=4), min_size=2, max_size=2),
)
def test_no_two_pairs_share_a_key(one: list[str], other: list[str]) -> None:
    assert (joined_keys(one) == joined_keys(other)) == (one == other)
