"""Run the notebooks of python/examples and store what their cells print and show.

    python -m release.notebook            # or: just notebooks
    python -m release.notebook --check    # exit code 1 if a cell fails or says something else

No Jupyter: the code cells of a notebook run one after another in this process, in one namespace and
in the notebook's folder, as a kernel runs them. A cell's outputs are what it prints, and its last
expression as text and, if it has `_repr_html_`, as HTML. Lines that only IPython understands
(`%magic`, `!command`) are errors. A cell with the tag `raises-exception` must fail.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "check", "main", "notebooks", "run", "text_of"]

FOLDER = Path(__file__).resolve().parents[1] / "examples"
NUMBER = re.compile(r"(?<![\w.])\d[\d,_]*(?:\.\d+)?")


class CellError(Exception):
    """A cell failed that should not, or the other way around."""


def notebooks() -> list[Path]:
    """The notebooks, by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def run(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A copy of the notebook with the outputs of a run in `folder`."""
    done: dict[str, Any] = json.loads(json.dumps(notebook))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    with contextlib.chdir(folder):
        for cell in done["cells"]:
            if cell["cell_type"] != "code":
                continue
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = _outputs(cell, namespace, count)
    return done


def _outputs(cell: dict[str, Any], namespace: dict[str, Any], count: int) -> list[dict[str, Any]]:
    source = text_of(cell["source"])
    may_fail = "raises-exception" in cell.get("metadata", {}).get("tags", ())
    printed = io.StringIO()
    outputs: list[dict[str, Any]] = []
    try:
        with contextlib.redirect_stdout(printed):
            value = _executed(source, namespace, f"cell {count}")
        if may_fail:
            raise CellError(f"cell {count} should fail:\n{source}")
        if value is not None:
            outputs.append(_result(value, count))
    except CellError:
        raise
    except Exception as error:
        if not may_fail:
            raise CellError(f"cell {count} failed:\n{source}") from error
        name = type(error).__name__
        lines = "".join(traceback.format_exception_only(error)).splitlines()
        outputs.append(
            {"output_type": "error", "ename": name, "evalue": str(error), "traceback": lines}
        )
    if printed.getvalue():
        stream = {"output_type": "stream", "name": "stdout", "text": _lines(printed.getvalue())}
        outputs.insert(0, stream)
    return outputs


def _executed(source: str, namespace: dict[str, Any], name: str) -> Any:
    """Execute statements; the value of the last one, if that is an expression."""
    tree = ast.parse(source, name)
    shown: ast.expr | None = None
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        shown = last.value
        tree.body.pop()
    exec(compile(tree, name, "exec"), namespace)
    if shown is None:
        return None
    return eval(compile(ast.Expression(shown), name, "eval"), namespace)


def _result(value: Any, count: int) -> dict[str, Any]:
    data = {"text/plain": _lines(repr(value))}
    if hasattr(value, "_repr_html_"):
        data["text/html"] = _lines(value._repr_html_())
    return {
        "output_type": "execute_result",
        "execution_count": count,
        "data": data,
        "metadata": {},
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def text_of(source: str | list[str]) -> str:
    """The text of a cell or an output, which notebooks keep as lines."""
    return source if isinstance(source, str) else "".join(source)


def stored(path: Path) -> dict[str, Any]:
    """A notebook as it lies there."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Cells whose text says other numbers. How tables are drawn changes with their library."""
    for old, new in zip(before["cells"], after["cells"], strict=True):
        if _numbers(old) != _numbers(new):
            yield text_of(new["source"])


def _numbers(cell: dict[str, Any]) -> list[str]:
    texts = []
    for each in cell.get("outputs", ()):
        plain = each.get("text") or each.get("data", {}).get("text/plain") or each.get("evalue", "")
        texts.append(text_of(plain))
    return NUMBER.findall("\n".join(texts))


def check(path: Path) -> list[str]:
    """Run a notebook; the sources of cells that say other numbers than are stored.

    Raises `CellError`.
    """
    before = stored(path)
    return list(differences(before, run(before, path.parent)))


def write(path: Path) -> None:
    """Run a notebook and store its outputs. Raises `CellError`."""
    done = run(stored(path), path.parent)
    path.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> int:
    """Write or compare; the exit code."""
    parser = argparse.ArgumentParser(prog="release.notebook", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    os.environ["COLUMNS"] = "100"
    wrong = False
    for path in notebooks():
        if not args.check:
            write(path)
            continue
        for source in check(path):
            wrong = True
            print(f"{path.name}: other numbers from\n{source}\n", file=sys.stderr)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
