"""The page of the library: signatures and docstrings of all that `logan` exports, and of what its
results are made of.

Read from source text: that of the native extension is its stub, which is also its documentation.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from logan import _logan
from release.markdown import joined, prose

__all__ = ["page"]

PACKAGE = Path(__file__).resolve().parents[1] / "logan"
_LISTS = {
    "Args:": "Arguments",
    "Attributes:": "Attributes",
    "Raises:": "Errors",
    "Returns:": "Result",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


PARTS = (
    ("RecordSchema", "logan._logan"),
    ("Batch", "logan._logan"),
    ("Stats", "logan.record_stream"),
    ("Failure", "logan.record_stream"),
    ("Detection", "logan.model"),
    ("FieldShare", "logan.model"),
    ("Lines", "logan.report.sections"),
    ("Malformed", "logan.report.sections"),
    ("TimeSpan", "logan.report.sections"),
    ("Errors", "logan.report.sections"),
    ("ResponseTimes", "logan.report.sections"),
    ("Throughput", "logan.report.sections"),
    ("Series", "logan.report.sections"),
    ("ResponseTimesOverTime", "logan.report.sections"),
    ("TopTable", "logan.report.sections"),
    ("RequestRow", "logan.report.sections"),
    ("RouteRow", "logan.report.sections"),
    ("ClientRow", "logan.report.sections"),
    ("MessageRow", "logan.report.sections"),
)
"""What functions of `logan` give, and users need not name: classes and their modules."""


def page() -> str:
    """The text. Raises `LookupError` for a name that is not defined where `logan` finds it."""
    lines = ["# Python", "", "```python", "import logan", "```"]
    for name, module in _exported():
        lines += _entry(name, module, f"logan.{name}", "##")
    lines += ["", "## Columns of records", "", *_columns()]
    lines += ["", "## Parts of results", ""]
    lines.append(
        "`logan.records`, `logan.detect` and `logan.analyze` give objects of these classes."
    )
    for name, module in PARTS:
        lines += _entry(name, module, name, "###")
    return joined(lines)


def _columns() -> list[str]:
    """A table of the columns of `logan.records`, with their Arrow types."""
    lines = ["| column | Arrow type | in the default columns | |", "|---|---|---|---|"]
    for name, kind, is_default, about in _logan.record_columns():
        lines.append(f"| `{name}` | `{kind}` | {'yes' if is_default else 'no'} | {about} |")
    lines += [
        "| `json.KEY`, `logfmt.KEY` | `Utf8` | no | A field of the log's own; `json.KEY:int`, "
        "`:float` and `:bool` give it a type. |",
        "| `kind`, `reason` | `Dictionary(Int32, Utf8)` | with `malformed` or `continuation` | "
        "What the line is (record, malformed, continuation), and why it is malformed. |",
    ]
    return lines


def _entry(name: str, module: str, title: str, level: str) -> list[str]:
    """A name with its signature, docstring and members; nothing for a value."""
    definition = _definition(module, name)
    if definition is None:
        return []
    lines = ["", f"{level} {title}", ""]
    if isinstance(definition, Function):
        lines += _signature(definition, name)
    else:
        for each in _members(definition):
            if each.name == "__init__":
                lines += _signature(each, name)
    text = _docstring(definition)
    lines += _paragraphs(text)
    if isinstance(definition, ast.ClassDef):
        if module == "logan.report.sections" or name in ("Report", "Failure"):
            lines += ["", *_attributes(definition)]
        for member in _members(definition):
            text = _docstring(member)
            if text and not member.name.startswith("_"):
                lines += ["", f"{level}# {name}.{member.name}", ""]
                if not _is_property(member):
                    lines += _signature(member, member.name)
                lines += _paragraphs(text)
    return lines


def _attributes(definition: ast.ClassDef) -> list[str]:
    """The attributes that a class declares, with their types."""
    declared = [
        f"- `{node.target.id}`: `{ast.unparse(node.annotation)}`"
        for node in definition.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and not node.target.id.startswith("_")
    ]
    return ["**Attributes**", "", *declared] if declared else []


def _exported() -> Iterator[tuple[str, str]]:
    """The names of `logan` and their modules, by name."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    found = {
        alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("logan")
        for alias in node.names
    }
    yield from sorted(found.items())


def _definition(module: str, name: str) -> ast.ClassDef | Function | None:
    """Where it is defined; None if it is a value. Follows imports from other modules of logan."""
    parts = module.split(".")[1:]
    paths = [
        PACKAGE.joinpath(*parts).with_suffix(".pyi"),
        PACKAGE.joinpath(*parts).with_suffix(".py"),
        PACKAGE.joinpath(*parts, "__init__.py"),
    ]
    path = next(each for each in paths if each.exists())
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name == name:
                return node
        elif isinstance(node, ast.ImportFrom) and any(each.name == name for each in node.names):
            return _definition(str(node.module), name)
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == name for each in targets):
                return None
    raise LookupError(f"{module} does not define {name}")


def _members(definition: ast.ClassDef) -> Iterator[Function]:
    """Its methods and properties, in order, without setters."""
    for node in definition.body:
        if isinstance(node, Function) and not any(
            isinstance(each, ast.Attribute) for each in node.decorator_list
        ):
            yield node


def _is_property(node: Function) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "property" for each in node.decorator_list)


def _docstring(node: ast.ClassDef | Function) -> str:
    return inspect.cleandoc(ast.get_docstring(node) or "")


def _signature(node: Function, name: str) -> list[str]:
    """A block with the parameters, their types and defaults."""
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(plain) - len(given.defaults)) + list(given.defaults)
    parts = [_parameter(each, default) for each, default in zip(plain, defaults, strict=True)]
    parts = [each for each in parts if each not in ("self", "cls")]
    if given.vararg is not None:
        parts.append(f"*{_parameter(given.vararg, None)}")
    elif given.kwonlyargs:
        parts.append("*")
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        parts.append(_parameter(each, default))
    if given.kwarg is not None:
        parts.append(f"**{_parameter(given.kwarg, None)}")
    start = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    end = ""
    if node.returns is not None and node.name != "__init__":
        end = f" -> {ast.unparse(node.returns)}"
    text = f"{start}{name}({', '.join(parts)}){end}"
    if len(text) > 80:
        text = "\n".join([f"{start}{name}(", *(f"    {each}," for each in parts), f"){end}"])
    return ["```text", text, "```", ""]


def _parameter(node: ast.arg, default: ast.expr | None) -> str:
    text = node.arg
    if node.annotation is not None:
        text += f": {ast.unparse(node.annotation)}"
    return text if default is None else f"{text} = {ast.unparse(default)}"


def _paragraphs(text: str) -> list[str]:
    """A docstring; the lists below `Args:` and its like become lists of Markdown."""
    found: list[str] = []
    in_list = False
    for line in text.split("\n"):
        stripped = line.strip()
        if not line.startswith(" "):
            if stripped in _LISTS:
                found += [f"**{_LISTS[stripped]}**", ""]
                in_list = True
                continue
            in_list = in_list and not stripped
            found.append(prose(line))
        elif in_list and line.startswith("    ") and not line.startswith("     "):
            name, colon, rest = stripped.partition(": ")
            found.append(f"- `{name}`: {prose(rest)}" if colon else f"- {prose(stripped)}")
        else:
            found.append(f"  {prose(stripped)}" if in_list else line)
    return found
