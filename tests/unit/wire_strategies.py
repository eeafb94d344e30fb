"""Any message that the protocol has, made from the annotations of `logan.wire.messages`."""

from __future__ import annotations

import dataclasses
import itertools
import types
from typing import Any, get_args, get_type_hints

from hypothesis import strategies as st

from logan.wire.messages import Message

INTEGERS = st.integers(0, 2**63 - 1)
NAMES = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from('"\\{}ü€😀'), max_size=40
)
LEASES = st.lists(
    st.fixed_dictionaries(
        {"job": NAMES, "chunk": INTEGERS, "attempt": INTEGERS, "scanned_bytes": INTEGERS}
    ),
    max_size=8,
).map(tuple)
FLOATS = st.floats(0, allow_infinity=False, allow_nan=False)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: INTEGERS,
    str: NAMES,
    float: FLOATS,
    bool: st.booleans(),
    bytes: st.binary(max_size=300),
    types.NoneType: st.none(),
}


def _field(hint: Any) -> st.SearchStrategy[Any]:
    if hint in PLAIN:
        return PLAIN[hint]
    if isinstance(hint, types.UnionType):
        return st.one_of([PLAIN[arg] for arg in get_args(hint)])
    return LEASES


def of_class(make: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(make)
    return st.builds(make, **{f.name: _field(hints[f.name]) for f in dataclasses.fields(make)})


CLASSES: tuple[type[Any], ...] = get_args(Message)
MESSAGES: st.SearchStrategy[Message] = st.one_of([of_class(make) for make in CLASSES])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut at the places that `cuts` (any numbers) stand for."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(places)]
