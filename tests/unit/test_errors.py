"""Every error of logan carries its hint: as an attribute, in tracebacks, through pickling, and on
stderr of the command."""

from __future__ import annotations

import ast
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

import logan
from logan import errors
from logan.cli import main as command
from logan.cli.exit_codes import Exit
from logan.query import QueryError

HINT = "turn it off and on again"


LISTED = [getattr(errors, name) for name in errors.__all__]
KINDS = [*LISTED, QueryError]


def of_kind(kind: type[errors.LoganError]) -> errors.LoganError:
    more = (
        {"expression": "a =\nb ~ c", "position": 6}
        if issubclass(kind, errors.ExpressionError)
        else {}
    )
    return kind("something is wrong", hint=HINT, **more)


def test_all_kinds_are_looked_at_and_public() -> None:
    package = Path(errors.__file__).parent
    names = {each.__name__ for each in KINDS}
    defined = set()
    bases = {*names}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and bases & {ast.unparse(b) for b in node.bases}:
                defined.add(node.name)
    assert defined == names - {"LoganError"}
    assert {each.__name__ for each in LISTED} <= set(logan.__all__)


@pytest.mark.parametrize("kind", KINDS)
def test_a_traceback_shows_the_hint(kind: type[errors.LoganError]) -> None:
    error = of_kind(kind)
    assert (str(error), error.message, error.hint) == ("something is wrong",) * 2 + (HINT,)
    shown = "".join(traceback.format_exception_only(error))
    assert shown.splitlines()[-1] == f"hint: {HINT}"
    if isinstance(error, errors.ExpressionError):
        assert "b ~ c\n  ^\n" in shown
    error.hint = None
    error.add_note("seen here")
    assert "hint" not in "".join(traceback.format_exception_only(error))
    assert error.__notes__[-1] == "seen here"


@pytest.mark.parametrize("kind", KINDS)
def test_errors_survive_the_way_to_another_process(kind: type[errors.LoganError]) -> None:
    error = of_kind(kind)
    error.add_note("seen here")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert (str(copy), copy.__notes__) == (str(error), error.__notes__)
    other = of_kind(kind)
    other.__notes__ = error.__notes__
    assert other.__notes__ == error.__notes__


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_shows_the_hint(
    kind: type[errors.LoganError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: Any) -> int:
        raise of_kind(kind)

    monkeypatch.setattr(command, "_run", fail)
    code = command.main([])
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "logan: something is wrong"
    assert said[-1] == f"  hint: {HINT}"
    assert code in (Exit.USAGE, Exit.INPUT, Exit.INTERNAL)
    assert "Traceback" not in "\n".join(said)


@pytest.mark.parametrize("kind", LISTED)
def test_every_kind_is_documented(kind: type[errors.LoganError]) -> None:
    page = Path(__file__).resolve().parents[2] / "python" / "docs" / "python.md"
    assert f"## logan.{kind.__name__}\n" in page.read_text(encoding="utf-8")
