"""The package's imports go downward only, without cycles, and importing it stays cheap.

`MAY_IMPORT` is the list of ARCHITECTURE.md: what each package may import of the others. Imports
that only type checkers see count, too, and so do those within functions: no part can be understood
without what it names. Libraries that are heavy or tie code to one way of running are imported only
where `LIBRARIES` lists them.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "logan"

BASE = {"_logan", "errors", "limits", "model", "log", "cpus", "options", "atomic"}
PLANNING = BASE | {"sources", "planning"}
REPORT = PLANNING | {"report"}
BODIES = {"wire.bodies"}  # what a cluster tells of itself: types without a protocol
SAVING = REPORT | {"summaries"}
CLUSTER = SAVING | {"scan", "wire", "wire.following", "cluster", "live"} | BODIES
LIBRARY = (
    SAVING
    | {"comparison", "state", "record_stream", "query"}
    | {"engines", "cluster", "cluster.coordinator", "cluster.worker", "analysis"}
)

MAY_IMPORT: Mapping[str, set[str]] = {
    "_logan": set(),
    "errors": set(),
    "limits": set(),
    "log": set(),
    "cpus": set(),
    "atomic": {"errors"},
    "model": {"_logan"},
    "options": {"_logan", "errors", "limits"},
    "sources": BASE - {"options"},
    "planning": BASE | {"sources"},
    "scan": BASE | {"sources"},
    "report": PLANNING,
    "summaries": SAVING,
    "comparison": SAVING,
    "state": SAVING | {"engines"},
    "analysis": SAVING | {"engines", "comparison"},
    "record_stream": PLANNING,
    "query": PLANNING | {"record_stream"},
    "wire": {"_logan", "errors", "limits", "wire.following"} | BODIES,
    "wire.bodies": {"_logan", "errors", "limits", "wire"},
    "wire.following": {"_logan", "errors", "limits", "wire"} | BODIES,
    "scheduler": {"errors"},
    "engines": REPORT | {"scan", "record_stream"},
    "cluster": CLUSTER,
    "cluster.worker": CLUSTER,
    "cluster.coordinator": CLUSTER | {"scheduler"},
    "simulation": LIBRARY | BODIES,
    "api": LIBRARY,
    "feed": LIBRARY,
    "live": SAVING | {"state"},
    "": LIBRARY | {"api", "feed"},
    "cli": LIBRARY | BODIES | {"", "api", "feed", "live", "simulation", "wire.following"},
    "__main__": {"cli"},
}
"""By package (or module beside the packages): what it may import besides itself. The longest name
that a module's name begins with counts; "" is `logan/__init__.py`."""

RESERVED: Mapping[str, tuple[str, ...]] = {
    "scheduler.machine": ("scheduler", "cluster.coordinator.executor"),
    "cluster.coordinator.coordinator": ("", "cli.coordinator"),
}
"""By module: the packages and modules that alone may import it."""

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "trio": ("cluster", "simulation", "cli", "live.runner", "live.notify", "live.web"),
    "rich": ("cli", "report.text", "report.document", "comparison.text"),
    "rich_argparse": ("cli",),
    "argparse": ("cli",),
    "sqlite3": ("cluster.coordinator", "state.folder"),
    "msgspec": ("wire", "cluster", "planning.codec", "summaries.saved", "cli.watch_remote"),
    "psutil": ("cluster",),
    "starlette": ("cluster.http", "live.web"),
    "hypercorn": ("cluster.http", "live.web"),
    "watchfiles": ("live.runner",),
    "h11": ("cluster.http",),
    "ua_parser": ("report.user_agents",),
    "maxminddb": ("report.geoip",),
    "asyncio": (),
    "dask": ("engines.dask", "engines.dask_records"),
    "distributed": ("engines.dask", "engines.dask_connection"),
    "duckdb": ("query",),
    "pyarrow": ("engines.dask_records",),
    "polars": (),
    "pandas": ("engines.dask_records",),
}
"""By library: the packages and modules that may import it."""


def sources_of_package() -> dict[str, str]:
    """Text by module, without `logan.`; "" is the package itself."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


def imported(module: str, text: str, modules: Iterable[str]) -> tuple[set[str], set[str]]:
    """What a module imports, wherever it does so: modules of logan, and libraries."""
    own: set[str] = set()
    libraries: set[str] = set()
    known = {*modules, "_logan"}
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by relative name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first != "logan":
                libraries.add(first)
                continue
            while rest and rest not in known:
                rest = rest.rpartition(".")[0]
            own.add(rest)
    return own, libraries


def begins_with(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def unit_of(module: str) -> str:
    """The package of `MAY_IMPORT` that a module belongs to."""
    units = [unit for unit in MAY_IMPORT if unit and begins_with(module, unit)]
    assert units or not module, f"{module} is in no list of this test"
    return max(units, key=len, default="")


def faults(texts: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the imports of these modules."""
    graph: dict[str, set[str]] = {}
    for module, text in texts.items():
        own, libraries = imported(module, text, texts)
        graph[module] = own - {module}
        unit = unit_of(module)
        for name in sorted(own):
            other = unit_of(name)
            if other in MAY_IMPORT[unit] | {unit}:
                continue
            yield f"{module} ({unit}) imports {name} ({other})"
        for name in sorted(own & set(RESERVED)):
            if not any(module == p or (p and begins_with(module, p)) for p in RESERVED[name]):
                yield f"{module} imports {name}, which is reserved"
        for library in sorted(libraries & set(LIBRARIES)):
            if not any(begins_with(module, each) for each in LIBRARIES[library]):
                yield f"{module} imports {library}"
    for circle in circles(graph):
        yield f"these import each other: {', '.join(sorted(circle))}"


def circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Modules that reach themselves, in groups that reach each other."""
    reach = {}
    for start in graph:
        seen: set[str] = set()
        todo = list(graph[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += graph.get(name, ())
        reach[start] = seen
    groups = {
        frozenset(other for other in reach[each] if other in reach and each in reach[other])
        for each in graph
        if each in reach[each]
    }
    return [set(group) for group in groups]


def test_imports_go_downward_without_cycles() -> None:
    assert list(faults(sources_of_package())) == []


@pytest.mark.parametrize(
    ("module", "text", "fault"),
    [
        ("scheduler.machine", "from logan.wire import messages", "scheduler.machine"),
        ("scheduler.machine", "import trio", "scheduler.machine imports trio"),
        ("wire.codec", "def f():\n    from logan.report import json", "wire.codec"),
        ("planning.chunks", "import logan.report.builder", "planning.chunks"),
        ("sources.files", "from logan import scan", "sources.files"),
        ("cluster.worker.session", "from logan.scheduler import machine", "cluster.worker"),
        ("cluster.client", "from logan.cluster.worker import session", "cluster.client"),
        ("report.csv", "import rich.console", "report.csv imports rich"),
        (
            "cluster.coordinator.jobs",
            "from logan.scheduler.machine import Machine",
            "cluster.coordinator.jobs imports scheduler.machine",
        ),
        ("api", "import sqlite3", "api imports sqlite3"),
        (
            "sources.globs",
            "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    from logan.sources.roots import Roots",
            "import each other: sources.discovery, sources.globs, sources.roots",
        ),
    ],
)
def test_planted_violations_are_found(module: str, text: str, fault: str) -> None:
    texts = sources_of_package()
    found = list(faults({**texts, module: f"{texts[module]}\n{text}\n"}))
    assert any(fault in each for each in found)
    assert len(found) <= 2, "one for the import, one for a circle that it may close"


def test_lists_name_what_exists() -> None:
    modules = sources_of_package()
    assert set(modules) >= set(RESERVED)


HELP_MODULES = (
    *("cli", "errors", "limits", "options", "report", "report.document", "report.json"),
    *("report.render_options", "report.schema", "report.section", "report.sections"),
    *("report.units", "atomic", "live", "live.clock", "live.windows"),
)
"""What `logan --help` may load of logan, besides the modules of `cli`. Each costs every user time:
think twice before a name is added."""

HEAVY = (
    *("duckdb", "pyarrow", "polars", "pandas"),
    *("asyncio", "concurrent", "email", "http", "logging", "msgspec", "multiprocessing", "psutil"),
    *("prometheus_client", "sqlite3", "ssl", "subprocess", "tempfile", "tomllib", "trio"),
    *("ipaddress", "pathlib", "shlex", "socket", "unittest", "urllib", "xml", "zoneinfo"),
)
"""Modules that `logan --help` may not load; of libraries outside Python it loads none, unless a
terminal shows it in color."""


def loaded_by(code: str) -> set[str]:
    """The modules that some code loads, besides those of Python's start."""
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{code}\n"
        "print('\\n', *sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("\n\n")[2].split())


def test_import_loads_nothing_else() -> None:
    assert loaded_by("import logan") <= {"__future__", "logan"}


def test_help_loads_what_is_listed() -> None:
    found = loaded_by("from logan.cli.main import main; main(['--help'])")
    assert "argparse" in found, "the list is of the modules, not of a failure"
    own = {each.removeprefix("logan.") for each in found if each.startswith("logan.")}
    assert {each for each in own if not each.startswith("cli.")} <= set(HELP_MODULES)
    tops = {each.partition(".")[0] for each in found}
    assert not tops & set(HEAVY)
    libraries = {each for each in tops - sys.stdlib_module_names if not each.startswith("_")}
    assert libraries == {"logan"}


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


def test_a_local_file_needs_nothing_that_reads_from_elsewhere(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n")
    found = loaded_by(
        f"from logan.cli.main import main; assert main(['analyze', '--json', {str(log)!r}]) == 0"
    )
    assert "logan.planning.seek" in found, "the list is of the modules, not of a failure"
    assert not {each for each in found if each.startswith(("logan.sources.ssh", "logan.cluster"))}
    heavy = {"concurrent", "logging", "multiprocessing", "sqlite3", "ssl", "subprocess", "tempfile"}
    assert not {each.partition(".")[0] for each in found} & {*heavy, "zoneinfo"}
    # What explains a log that no format reads.
    assert "logan.planning.proposal" not in found
