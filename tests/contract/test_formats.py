"""What every registered format promises, by the vectors in `test_vectors/formats`.

A folder there is one vector: `sample.log` and `expected.json`. It is named after its format, or
after its format, a dash and a dialect. The figures are worked out from the vendor's documentation
(`source`), never by the engine:

- `format`, `records`: the format, and how many records each format finds in the sample;
- `figures`: part of the report; every value in it must be in the report;
- `routes`, `clients`: the requests of each (all of them);
- `alone`: true if response times are whole numbers whose unit is told by all that stand in the
  file, so that in company they may be read in another.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import _logan

FOLDER = Path(__file__).resolve().parents[2] / "test_vectors" / "formats"
VECTORS: dict[str, dict[str, Any]] = {
    path.parent.name: json.loads(path.read_text("utf-8"))
    for path in sorted(FOLDER.glob("*/expected.json"))
}
REGISTERED: dict[str, dict[str, Any]] = {
    entry["name"]: entry for entry in json.loads(_logan.formats())
}
ANCHOR = datetime(2024, 2, 1, tzinfo=UTC)
"""Dates without a year lie before this."""
SHUFFLES = 6
IN_COMPANY = [name for name, each in VECTORS.items() if each["format"] != "plain"]
"""Lines without a date are records only of an input that has next to no other lines."""


def sample(vector: str) -> bytes:
    return (FOLDER / vector / "sample.log").read_bytes()


def figures_of(path: Path, content: bytes, **options: Any) -> dict[str, Any]:
    path.write_bytes(content)
    figures = logan.analyze([path], anchor=ANCHOR, top=200, **options).to_dict()
    del figures["performance"]
    assert figures["lines"].pop("skipped_bytes") == 0
    return figures


def records(figures: dict[str, Any]) -> dict[str, int]:
    """Records by format."""
    (entry,) = figures["inputs"]
    return {each["name"]: each["lines"] for each in entry["formats"] if each["lines"]}


def differences(got: Any, want: Any, where: str) -> list[str]:
    """Where `want` is not part of `got`; numbers within 1e-9, tables of counts exactly."""
    if isinstance(want, dict) and where not in ("status", "levels"):
        return [
            line
            for key, value in want.items()
            for line in differences(got.get(key), value, f"{where}.{key}".lstrip("."))
        ]
    same = got == pytest.approx(want, rel=1e-9) if isinstance(want, float) else got == want
    return [] if same else [f"{where}: {got!r}, not {want!r}"]


def test_every_format_has_vectors() -> None:
    covered = {expected["format"] for expected in VECTORS.values()}
    assert set(REGISTERED) == covered
    for vector, expected in VECTORS.items():
        name = expected["format"]
        assert vector == name or vector.startswith(f"{name}-"), vector
        assert name in VECTORS, f"{vector} is a dialect; {name} has no vector of its own"
        assert expected["source"].startswith("https://"), vector


@pytest.mark.parametrize("vector", VECTORS)
def test_figures_of_a_sample(vector: str, tmp_path: Path) -> None:
    expected = VECTORS[vector]
    figures = figures_of(tmp_path / "x.log", sample(vector))
    assert differences(figures, expected["figures"], "") == []
    assert records(figures) == expected["records"]
    for table, key in (("routes", "route"), ("clients", "client")):
        if table in expected:
            got = {row[key]: row["requests"] for row in figures[table]["top"]}
            assert got == expected[table], table


@pytest.mark.parametrize("vector", VECTORS)
def test_lines_add_up(vector: str, tmp_path: Path) -> None:
    content = sample(vector)
    lines = figures_of(tmp_path / "x.log", content)["lines"]
    assert lines.pop("total") == sum(lines.values()) == content.count(b"\n")


@pytest.mark.parametrize("vector", VECTORS)
def test_detection_names_the_format_first(vector: str, tmp_path: Path) -> None:
    path = tmp_path / "misleading.json"
    path.write_bytes(sample(vector))
    assert logan.detect(path).formats[0].name == VECTORS[vector]["format"]


@pytest.mark.parametrize("vector", VECTORS)
def test_no_other_format_takes_the_lines(vector: str, tmp_path: Path) -> None:
    own = VECTORS[vector]["records"]
    also_taken_by = REGISTERED[VECTORS[vector]["format"]]["also_taken_by"]
    for name, entry in REGISTERED.items():
        if not entry["is_general"] and name not in also_taken_by:
            # That no line is of the format which was asked for is an error of the input.
            only = figures_of(tmp_path / "x.log", sample(vector), format=name, errors="report")
            assert only["lines"]["parsed"] == own.get(name, 0), name


@pytest.mark.parametrize("vector", VECTORS)
def test_chunks_do_not_show(vector: str, tmp_path: Path) -> None:
    content = sample(vector)
    whole = figures_of(tmp_path / "x.log", content)
    for chunk_size in (1, 2, 3, 7, 64, 201, 1_000):
        assert figures_of(tmp_path / "x.log", content, chunk_size=chunk_size) == whole, chunk_size


@pytest.mark.parametrize("vector", VECTORS)
def test_line_ends_do_not_show(vector: str, tmp_path: Path) -> None:
    content = sample(vector)
    expected = VECTORS[vector]
    for changed in (content.replace(b"\n", b"\r\n"), content.removesuffix(b"\n")):
        figures = figures_of(tmp_path / "x.log", changed)
        assert differences(figures, expected["figures"], "") == []
        assert records(figures) == expected["records"]


def company(vectors: tuple[str, ...], path: Path) -> None:
    """Samples in one file, in this order: all figures add up."""
    figures = figures_of(path, b"".join(map(sample, vectors)))
    expected = [VECTORS[vector] for vector in vectors]
    want_records: Counter[str] = Counter()
    want_status: Counter[str] = Counter()
    want_lines: Counter[str] = Counter()
    for each in expected:
        want_records.update(each["records"])
        want_status.update(each["figures"].get("status", {}))
        want_lines.update(each["figures"]["lines"])
    assert records(figures) == want_records, vectors
    assert figures["status"] == want_status, vectors
    assert figures["lines"] == want_lines, vectors
    parts = [each["figures"] for each in expected]
    for name in ("total_requests", "bytes_sent"):
        if all(name in part for part in parts):
            assert (figures[name] or 0) == sum(part[name] or 0 for part in parts), vectors
    times = [part["response_time_ms"] for part in parts if "response_time_ms" in part]
    if len(times) == len(parts):
        got = figures["response_time_ms"]
        alone = [bool(each.get("alone")) for each in expected]
        most = sum(part["count"] for part in times)
        # Numbers without a unit in two layouts may contradict each other: then they are absent.
        doubtful = sum(
            part["count"] for part, is_alone in zip(times, alone, strict=True) if is_alone
        )
        assert most - doubtful <= got["count"] <= most, vectors
        if got["count"] and not any(alone):
            total = sum(part["count"] * (part.get("mean") or 0.0) for part in times)
            assert got["mean"] == pytest.approx(total / got["count"], rel=1e-9), vectors


@pytest.mark.parametrize("first", IN_COMPANY)
def test_any_two_samples_in_one_file(first: str, tmp_path: Path) -> None:
    for second in IN_COMPANY:
        company((first, second), tmp_path / "x.log")


@pytest.mark.parametrize("seed", range(SHUFFLES))
def test_all_samples_in_one_file(seed: int, tmp_path: Path) -> None:
    order = list(IN_COMPANY)
    random.Random(seed).shuffle(order)
    company(tuple(order), tmp_path / "x.log")


def test_lines_of_all_samples_in_turn(tmp_path: Path) -> None:
    alone = [
        name
        for name, each in VECTORS.items()
        # Between lines that need those before them, others may not stand.
        if not REGISTERED[each["format"]]["depends_on_earlier_lines"]
    ]
    columns = [sample(vector).splitlines(keepends=True) for vector in alone]
    rows = itertools.zip_longest(*columns, fillvalue=b"")
    figures = figures_of(tmp_path / "x.log", b"".join(itertools.chain.from_iterable(rows)))
    want: Counter[str] = Counter()
    for vector in alone:
        want.update(VECTORS[vector]["records"])
    assert records(figures) == want
