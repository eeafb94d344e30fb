"""The notebooks of the examples run, say what is stored in them, and name no place on a machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from release import notebook

NOTEBOOKS = notebook.notebooks()
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@by_name
def test_it_runs_and_says_the_same_numbers(path: Path) -> None:
    for name in ("polars", "duckdb", "pandas", "pyarrow"):
        pytest.importorskip(name)
    assert notebook.check(path) == []


@by_name
def test_it_is_a_valid_notebook(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbformat.validate(nbformat.read(path, as_version=4))


@by_name
def test_outputs_are_stored_without_places_of_a_machine(path: Path) -> None:
    cells = [each for each in notebook.stored(path)["cells"] if each["cell_type"] == "code"]
    assert [each["execution_count"] for each in cells] == list(range(1, len(cells) + 1))
    assert sum(bool(each["outputs"]) for each in cells) > len(cells) / 2
    text = json.dumps(cells)
    assert not re.findall(r"(?<![\w.~])/(?:home|root|tmp|work|Users|private|var)/[\w./-]*", text)
    assert "site-packages" not in text
    assert "0x" not in text, "addresses of objects change from run to run"


def cell(source: str, *tags: str, text: str = "") -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": [text]}] if text else []
    return {
        "cell_type": "code",
        "metadata": {"tags": list(tags)},
        "source": source,
        "outputs": outputs,
        "execution_count": None,
    }


def ran(*cells: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = notebook.run({"cells": list(cells)}, notebook.FOLDER)["cells"]
    return found


def test_cells_share_names_and_show_their_last_value() -> None:
    first, second = ran(cell("x = 2\nprint('said')"), cell("y = x + 1\ny"))
    assert [each["text"] for each in first["outputs"]] == [["said\n"]]
    assert [each["data"] for each in second["outputs"]] == [{"text/plain": ["3"]}]


@pytest.mark.parametrize(
    "bad", [cell("1 / 0"), cell("1", "raises-exception"), cell("%time 1"), cell("x")]
)
def test_a_cell_that_fails_or_should_have_is_an_error(bad: dict[str, Any]) -> None:
    with pytest.raises((notebook.CellError, SyntaxError)):
        ran(bad)


def test_an_expected_failure_is_stored_with_its_hint() -> None:
    (failed,) = ran(cell("import logan\nlogan.records('x', columns='statsu')", "raises-exception"))
    assert failed["outputs"][0]["ename"] == "UsageError"
    assert failed["outputs"][0]["traceback"][-1] == "hint: did you mean status?"


def test_other_numbers_are_found() -> None:
    before = {"cells": [cell("print(1, 'a', 2.5)", text="1 b 2.50\n"), cell("print(7)", text="8")]}
    found = list(notebook.differences(before, notebook.run(before, notebook.FOLDER)))
    assert found == ["print(1, 'a', 2.5)", "print(7)"]
    same = {"cells": [cell("print(1, 'a', 2.5)", text="1 b 2.5\n")]}
    assert list(notebook.differences(same, notebook.run(same, notebook.FOLDER))) == []
