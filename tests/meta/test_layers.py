"""The package's imports go downward only, and importing it stays cheap.

The layers are those of ARCHITECTURE.md. A module may import from its own layer or below.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "logan"

LAYERS = [
    {"errors", "model", "limits", "log", "cpus", "options", "_logan"},
    {"plan", "job", "sources", "report", "narrowing", "wire", "scheduler"},
    {"cluster"},
    {"simulation"},
    {"engines"},
    {"api", "feed", "cli", "__main__", "__init__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """First parts below `logan` of everything that a module imports, wherever it does so."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            if parts == ["logan"]:
                names.update(alias.name for alias in node.names)
            elif parts[0] == "logan":
                names.add(parts[1])
        elif isinstance(node, ast.Import):
            names.update(
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("logan.")
            )
    return names


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_downward(module: Path) -> None:
    own = LEVEL[module.parts[0].removesuffix(".py")]
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    for name in imported(tree):
        # Names that are no modules are the package's own, which is the top.
        level = LEVEL.get(name, LEVEL["__init__"])
        assert level <= own, f"{module} (layer {own}) imports {name} (layer {level})"


def test_import_is_light() -> None:
    heavy = ["rich", "rich_argparse", "trio", "asyncio", "argparse", "psutil", "dask", "http"]
    heavy += ["msgspec"]
    code = f"import sys, logan; print([m for m in {heavy!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_json_report_needs_no_rich(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")
    code = (
        "import sys; from logan.cli.main import main\n"
        f"status = main(['analyze', '--json', {str(log)!r}])\n"
        "heavy = ('msgspec', 'rich', 'trio', 'asyncio')\n"
        "print([m for m in heavy if m in sys.modules], file=sys.stderr)\n"
        "sys.exit(status)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr.strip() == "[]"
