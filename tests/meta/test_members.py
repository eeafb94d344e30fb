"""Private members stay private: only the class or module that defines `_name` uses it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

from tests.meta.test_layers import sources_of_package

ALLOWED: Mapping[tuple[str, str], str] = {
    ("scheduler.invariants", "machine"): "checks the machine's whole state, and changes nothing",
    ("cli.main", "argparse"): "argparse has no public name for the type",
    ("cli.report_options", "argparse"): "argparse has no public name for the type",
    ("cli.signals", "os"): "os._exit is documented",
}
"""By module and owner: why its members are used."""


def reaches(module: str, text: str) -> Iterator[tuple[str, str]]:
    """Whose private members a module uses, and where."""
    tree = ast.parse(text)
    same_class = {
        id(node)
        for method in ast.walk(tree)
        if isinstance(method, ast.FunctionDef) and method.name == "__eq__"
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "other"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()") and id(node) not in same_class:
                yield owner, f"{module}:{node.lineno}: {owner}.{node.attr}"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if _is_private(alias.name) and alias.name != "_logan":
                    owner = str(node.module)
                    yield owner, f"{module}:{node.lineno}: {owner}.{alias.name}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def found_in(texts: Mapping[str, str]) -> list[str]:
    """What is used and not allowed."""
    return [
        where
        for module, text in texts.items()
        for owner, where in reaches(module, text)
        if (module, owner) not in ALLOWED
    ]


def test_no_private_member_is_used_from_outside() -> None:
    assert found_in(sources_of_package()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "def f(job): return job._state",
        "class A:\n    def f(self): return self._job._state",
        "class A:\n    def __eq__(self, other): return self.peer._x == other._x",
        "from logan.cluster.transport import _write",
    ],
)
def test_a_planted_use_is_found(planted: str) -> None:
    (where,) = found_in({"cluster.client": planted})
    assert where.startswith("cluster.client:")


def test_what_is_allowed_is_used() -> None:
    texts = sources_of_package()
    used = {(module, owner) for module, text in texts.items() for owner, _ in reaches(module, text)}
    assert used >= set(ALLOWED)
