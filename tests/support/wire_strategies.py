"""Any message that the protocol has, made from the types of `logan.wire.messages`."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

from hypothesis import strategies as st

from logan.wire.messages import Message
from tests.fuzz.values import CLASSES, some

__all__ = ["CLASSES", "MESSAGES", "of_class", "pieces"]


def of_class(make: type[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 2**64 - 1).map(lambda seed: some(make, Random(seed)))


MESSAGES: st.SearchStrategy[Message] = st.one_of([of_class(make) for make in CLASSES])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at the places that `cuts` (any numbers) stand for."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]
