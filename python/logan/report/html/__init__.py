"""The HTML output: a report as one file that fetches nothing and opens from a mail attachment.

The page is whole without scripts; they add charts, sorting and filtering. A strict policy allows
only the page's own styles and scripts, by their hashes, so nothing that a log says can run. Text
from a log reaches the page as escaped text or as JSON data, never as markup. `vendor` has the chart
library, unchanged, with its license.

`render` gives the file, `fragment` what a notebook shows.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from logan.report.html import parts
from logan.report.html.charts import chart_data
from logan.report.timezones import in_zone

if TYPE_CHECKING:
    from logan.report.render_options import RenderOptions
    from logan.report.section import Section

__all__ = ["fragment", "render"]

_POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)

_FRAGMENT_STYLE: Final = """
.logan-report{font-size:13px;line-height:1.45}
.logan-report h1{font-size:18px;margin:8px 0}.logan-report h2{font-size:15px;margin:8px 0}
.logan-report h3{font-size:13px;margin:12px 0 0}.logan-report p{margin:4px 0}
.logan-report .mark{opacity:.7;font-style:italic}
.logan-report table{font-size:inherit;border-collapse:collapse;margin:4px 0 12px}
.logan-report th,.logan-report td{text-align:left;padding:2px 12px 2px 0;white-space:nowrap}
.logan-report .n{text-align:right}
.logan-report .alert,.logan-report .bad{color:#b42318}
.logan-report .dim,.logan-report .note,.logan-report .detail{opacity:.7}
.logan-report dl.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:8px 0}
.logan-report dl.facts dd{margin:0}.logan-report dl.facts .value{font-size:18px;font-weight:600}
"""


def render(report: Section, options: RenderOptions) -> str:
    """The report as a page; its times are in `options.zone`."""
    data = in_zone(report.to_dict(), options.zone)
    charts = chart_data(data)
    styles = [_text("vendor/uPlot.min.css"), _text("template/page.css")]
    scripts = [_text("vendor/uPlot.iife.min.js"), _text("template/page.js")]
    policy = _POLICY.format(
        scripts=" ".join(map(_hash, scripts)), styles=" ".join(map(_hash, styles))
    )
    values = {
        "policy": policy,
        "title": parts.page_title(data),
        "vendor_css": styles[0],
        "css": styles[1],
        "body": parts.body(data, charts),
        "data": _json(charts),
        "vendor_js": scripts[0],
        "js": scripts[1],
    }
    # One pass, so that nothing in a value is read as a placeholder.
    page = _text("template/page.html")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], page) + "\n"


def fragment(report: Mapping[str, Any], zone: tzinfo = UTC) -> str:
    """Findings, headline and tables as a part of a page, without scripts."""
    plain: Any = report.to_dict() if hasattr(report, "to_dict") else report
    inner = parts.summary(in_zone(plain, zone))
    return f'<div class="logan-report"><style>{_FRAGMENT_STYLE}</style>{inner}</div>'


@cache
def _text(name: str) -> str:
    return files("logan.report.html").joinpath(name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    """The source expression that allows an inline style or script of exactly this text."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _json(value: Any) -> str:
    """JSON that cannot end the element that holds it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPES)
