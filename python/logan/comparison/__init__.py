"""Two analyses side by side: what changed, and which changes chance does not explain.

`sides` is what is compared, `tests` and `distribution` tell differences from chance, `compare`
makes the `Comparison` (`document`), `limits` are `--fail-if`, and `text`, `markdown`, `html` and
`json` show it. Pure; knows no file, no engine and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Final

from logan.comparison.document import Comparison

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions

__all__ = ["OUTPUTS", "Comparison", "render"]

OUTPUTS: Final[Mapping[str, str]] = {
    "text": "logan.comparison.text",
    "json": "logan.comparison.json",
    "markdown": "logan.comparison.markdown",
    "html": "logan.comparison.html",
}
"""Name -> module with `render(comparison, options)`, imported when asked for."""


def render(output: str, comparison: Comparison, options: RenderOptions) -> str:
    """`comparison` as text of the kind `output`, ending in a newline. Raises `KeyError`."""
    text: str = import_module(OUTPUTS[output]).render(comparison, options)
    return text
