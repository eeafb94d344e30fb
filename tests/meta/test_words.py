"""Code and documents are in American English, and messages avoid turns of phrase that confuse.

British spellings are searched for in documents, comments, docstrings and texts, and so are words
that do not say who acts, such as "nobody"; dropped turns of phrase only in texts that users see,
which are string literals other than docstrings. Names are left alone, and so are the keys and kinds
of JSON, such as "cancelled": they are part of contracts.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "justfile",
    "pyproject.toml",
    "test_vectors/README.md",
    "tests/bench/README.md",
    "CHANGELOG.md",
    "test_vectors/programs/README.md",
    "Dockerfile",
    *(str(each.relative_to(ROOT)) for each in sorted((ROOT / "python" / "docs").glob("*.md"))),
    *(str(each.relative_to(ROOT)) for each in sorted((ROOT / ".github").rglob("*.yml"))),
)

BRITISH = re.compile(
    r"(?<![\w\"'`.])(?:(?:un)?(?:"
    r"analys(?:e|ed|er|ing)|behaviour\w*|cancell(?:ed|ing)|catalogue\w*|centre\w*|colour\w*|defence"
    r"|favour\w*|flavour\w*|fulfil|grey\w*|honour\w*|judgement\w*|labell(?:ed|ing)|labour\w*"
    r"|learnt|licence\w*|modell(?:ed|ing)|neighbour\w*|programme|signall(?:ed|ing)|spelt"
    r"|travell\w+|whilst"
    r"|(?:author|canonical|character|custom|general|initial|local|maxim|memor|minim|normal|optim"
    r"|organ|penal|random|recogn|serial|special|standard|summar|synchron|token|util|vector|visual)"
    r"is(?:e|ed|er|es|ing|ation)"
    r"))(?![\w\"'`(])",
    re.IGNORECASE,
)
TURNS = re.compile(
    r"(?<!there )\bis no (?!longer\b|more\b)\w+|\bare due\b|\bis due\b|takes no pattern"
    r"|; there are \{|without a zone|\bhangs on\b|\bin one go\b|the general way|complete figures"
    r"|is of no use|made good",
    re.IGNORECASE,
)
VAGUE = re.compile(r"\b(?:nobody|somebody|anybody|everybody|whoever|taken for)\b", re.IGNORECASE)
"""The actor has a name: a client, a worker, a caller, a user, a peer, a process, a thread; and what
is taken for something is treated, counted or read as it, or mistaken for it."""


def python_texts(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether users may see it: of comments, docstrings and string literals."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, False
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value, id(node) not in docstrings


RUST_TEXT = re.compile(r"//[^\n]*|\"(?:[^\"\\\n]|\\.|\\\n)*\"|'(?:[^'\\\n]|\\[^\n]{1,8})'|\n", re.S)


def rust_texts(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, text and whether users may see it: of comments and string literals before the tests."""
    line = 1
    for found in RUST_TEXT.finditer(source.split("#[cfg(test)]\nmod tests {", maxsplit=1)[0]):
        text = found[0]
        if text.startswith("//") or (text.startswith('"') and " " in text):
            yield line, text.strip('"'), text.startswith('"')
        line += text.count("\n")


def faults(texts: Iterator[tuple[int, str, bool]]) -> list[str]:
    """What is wrong in the texts, each with its line."""
    return [
        f"{line}: {found[0]}"
        for line, text, shown in texts
        for pattern, applies in ((BRITISH, True), (TURNS, shown), (VAGUE, True))
        if applies
        for found in pattern.finditer(text)
    ]


def product() -> list[Path]:
    """The files of the package and of the engine."""
    rust = (
        path
        for crate in ("logan-core", "logan-py")
        for path in (ROOT / "rust" / crate / "src").rglob("*.rs")
        if "tests" not in path.parts and path.name != "tests.rs"
    )
    return sorted([*(ROOT / "python" / "logan").rglob("*.py*"), *rust])


def test_product_code() -> None:
    wrong = []
    for path in product():
        if path.suffix in {".py", ".pyi", ".rs"}:
            read = rust_texts if path.suffix == ".rs" else python_texts
            name = path.relative_to(ROOT)
            found = faults(read(path.read_text("utf-8")))
            wrong += [f"{name}:{each}" for each in found]
    assert wrong == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    assert faults((at, line, False) for at, line in enumerate(lines, 1)) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""Analyses are made.\n\nThe behaviour of it."""\n', ["1: behaviour"]),
        ("x = 1  # recognised\n", ["1: recognised"]),
        ("\nraise E(f'{x} is no number')\n", ["2: is no number"]),
        ('"""This is no number."""\n', []),
        ('"""A job that nobody waits for."""\n', ["1: nobody"]),
        ("x = 'keys from 1 to 4 are due'\n", ["1: are due"]),
        ("cancelled = 'cancelled'  # the kind `cancelled`\n", []),
        ("say('there is no host, and it is no longer there')\n", []),
    ],
)
def test_planted_in_python(source: str, found: list[str]) -> None:
    assert faults(python_texts(source)) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("/// Colours of it.\nfn localised() {}\n", ["1: Colours"]),
        ('let a = \'"\';\n\nfail("there is; there are {}");\n', ["3: ; there are {"]),
        (
            'fail("one \\\n line takes no pattern");\n// optimised\n',
            [
                "1: takes no pattern",
                "3: optimised",
            ],
        ),
        ("// This is no rule.\n", []),
        ("// Whoever asks.\n", ["1: Whoever"]),
        ('#[cfg(test)]\nmod tests {\n    "this is no number";\n}\n', []),
    ],
)
def test_planted_in_rust(source: str, found: list[str]) -> None:
    assert faults(rust_texts(source)) == found


def test_planted_in_a_document() -> None:
    assert faults(iter([(7, "the licence of neighbouring code", False)])) == [
        "7: licence",
        "7: neighbouring",
    ]
