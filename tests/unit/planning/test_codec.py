"""Plans and inputs come back from JSON as they were; what is not a valid plan is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from logan.errors import InputError, LoganError, SourceChangedError, UsageError
from logan.model import Detection, Plan, Source
from logan.options import Options
from logan.planning.chunks import make_plan
from logan.planning.codec import (
    StoredInput,
    StoredSearch,
    check_spec,
    decode_job,
    decode_plan,
    encode_plan,
)
from logan.planning.seek import SeekResult
from logan.sources.inputs import Input

SOURCES = (
    Source("a.log", 100_000, '{"size": 1}', 5, start=10, end=90_000),
    Source("odd \udc80 name.gz", 70_000, '{"size": 2}', compression="gzip"),
    Source("http://host/b.log", 8_000, etag='"x"'),
    Source("-", None),
)

SOURCE = '{"reading":{"formats":[],"input_tz":"UTC","anchor_ns":0}}'


def plan() -> Plan:
    detections = [Detection()] * len(SOURCES)
    return make_plan(SOURCES, detections, Options(chunk_size=16_384), anchor_ns=10**18)


def test_a_plan_comes_back_as_it_was() -> None:
    encoded = encode_plan(plan())
    assert all(isinstance(each, str | int) for each in encoded)
    assert decode_plan(encoded) == plan()


def test_chunks_are_numbered_in_order() -> None:
    chunks = plan().chunks
    with pytest.raises(ValueError, match="count from 0"):
        encode_plan(replace(plan(), chunks=chunks[1:]))


def changed_source(**changes: Any) -> dict[str, Any]:
    sources = json.loads(encode_plan(plan()).sources)
    return {"sources": json.dumps([sources[0] | changes, *sources[1:]])}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (changed_source(start=-1), "valid range"),
        (changed_source(start=90_001), "valid range"),
        (changed_source(end=100_001), "valid range"),
        (changed_source(size=2**63, end=None), "valid range"),
        (changed_source(start=11), "do not tile"),
        (changed_source(size="100"), "Expected `int | null`"),
        ({"expansion_max": -1}, "valid bound"),
        ({"chunk_size": 0}, "do not tile"),
        ({"chunk_size": 8_192}, "do not tile"),
        ({"chunks": "[]"}, "do not tile"),
        ({"chunks": "[[0, 1]]"}, "length 3"),
        ({"chunks": "["}, "Expecting value"),
        ({"spec": "{}"}, "settings"),
        (
            {"spec": plan().spec_json.replace('"sources":[', f'"sources":[{SOURCE},')},
            "one entry",
        ),
    ],
)
def test_what_is_not_a_valid_plan_is_refused(changes: dict[str, Any], fault: str) -> None:
    encoded = encode_plan(plan())._replace(**changes)
    with pytest.raises((ValueError, msgspec.ValidationError, UsageError), match=fault):
        decode_plan(encoded)


@pytest.mark.parametrize("sources", [0, 3, 5])
def test_a_spec_has_one_entry_for_each_source(sources: int) -> None:
    text = plan().spec_json
    assert check_spec(text, 4).to_json()
    with pytest.raises(ValueError, match="one entry for each"):
        check_spec(text, sources)


def test_inputs_and_searches_come_back_as_they_were() -> None:
    changed = SourceChangedError("it changed", input="c.log")
    missing = InputError("no such file", input="d.log", kind="missing", hint="look elsewhere")
    inputs = [
        Input("d.log", error=missing),
        *(Input(each.url, each, Detection(lines=3), first_line="x") for each in SOURCES),
        Input("c.log", error=changed, notes=["a", "b"]),
    ]
    sought = [SeekResult(each, 7, "assumed", None) for each in SOURCES]
    values = json.loads(json.dumps(msgspec.to_builtins([StoredInput.of(each) for each in inputs])))
    job = decode_job(
        plan(),
        msgspec.convert(values, tuple[StoredInput, ...]),
        (1, 2, 3, 4),
        Options(),
        [StoredSearch.of(each) for each in sought],
        watched=False,
    )
    assert [replace(each, error=None) for each in job.inputs] == [
        replace(each, error=None) for each in inputs
    ]
    for made, given in ((job.inputs[0].error, missing), (job.inputs[-1].error, changed)):
        assert type(made) is type(given)
        assert isinstance(made, LoganError)
        assert vars(made) == vars(given)
        assert str(made) == str(given)
    assert (job.sought, job.watched, job.plan) == (sought, False, plan())


@pytest.mark.parametrize(
    ("order", "sought"), [((0, 1, 2), 0), ((0, 1, 2, 4), 0), ((0, 1, 2, -1), 0), ((0, 1, 2, 3), 2)]
)
def test_inputs_of_another_plan_are_refused(order: tuple[int, ...], sought: int) -> None:
    inputs = [StoredInput.of(Input(each.url, each)) for each in SOURCES]
    searches = [StoredSearch(0, None, None)] * sought
    with pytest.raises(ValueError, match="differ"):
        decode_job(plan(), inputs, order, Options(), searches, watched=True)
