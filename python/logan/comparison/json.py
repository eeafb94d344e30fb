"""The JSON output of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from logan.report.json import dumps

if TYPE_CHECKING:
    from logan.comparison.document import Comparison
    from logan.report.render_options import RenderOptions

__all__ = ["render"]


def render(comparison: Comparison, options: RenderOptions) -> str:
    """The comparison as JSON; `options` do not matter."""
    return dumps(comparison.to_dict()) + "\n"
