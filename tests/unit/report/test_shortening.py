"""Texts too long for the page: cut so that they still tell one from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.report.shortening import cut, distinct, gist


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "2015-10-18 18:05:57,009 WARN [main] org.apache.hadoop.hdfs.DFSClient: Slow read",
            "DFSClient: Slow read",
        ),
        ("[QuorumPeer[myid=<num>]<path>] - Cannot open channel", "Cannot open channel"),
        ("17/06/09 20:11:10 INFO broadcast.TorrentBroadcast: Reading", "TorrentBroadcast: Reading"),
        ("Jul  2 11:43:53 host kernel[0]: PM notify", "host kernel[0]: PM notify"),
        ("java.lang.IllegalStateException: closed", "IllegalStateException: closed"),
        ("www.example.com: hello", "www.example.com: hello"),  # a host
        ("e.g. this one", "e.g. this one"),
        ("GET /a", "GET /a"),
        ("[only]", "[only]"),
        ("2024-01-24 10:15:32", "2024-01-24 10:15:32"),
        ("", ""),
    ],
)
def test_gist_is_what_a_line_says(text: str, said: str) -> None:
    assert gist(text) == said


def test_what_looks_the_same_when_cut_loses_its_common_beginning() -> None:
    texts = [
        "maximum authentication attempts exceeded for root from 10.0.0.1",
        "maximum authentication attempts exceeded for invalid user admin",
        "short",
    ]
    assert distinct(texts, 30) == [
        "maximum …root from 10.0.0.1",
        "maximum …invalid user admin",
        "short",
    ]


def test_what_differs_is_cut_at_its_end() -> None:
    assert distinct(["abc def ghi", "xyz def ghi"], 8) == ["abc def…", "xyz def…"]


@given(st.lists(st.text(alphabet="ab c", max_size=40), max_size=8), st.integers(1, 30))
def test_texts_fit_and_short_ones_stay(texts: list[str], width: int) -> None:
    shown = distinct(texts, width)
    assert len(shown) == len(texts)
    for text, each in zip(texts, shown, strict=True):
        assert len(each) <= width
        assert each == text or len(text) > width


@given(st.text(max_size=60))
def test_gist_is_an_end_of_the_text(text: str) -> None:
    assert text.endswith(gist(text))
    assert cut(text, 10) == text or len(text) > 10
