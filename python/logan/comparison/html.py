"""The HTML output of a comparison: one small page that needs nothing else. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from logan.comparison import view

if TYPE_CHECKING:
    from logan.comparison.document import Comparison, Table
    from logan.report.render_options import RenderOptions

__all__ = ["fragment", "render"]

_STYLE: Final = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.3rem;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}
p{margin:.3rem 0}.note{color:color-mix(in srgb,CanvasText 65%,Canvas);font-size:.88rem}
.wrap{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .8rem .2rem 0;text-align:right;white-space:nowrap;vertical-align:top}
th{font-weight:500;color:color-mix(in srgb,CanvasText 65%,Canvas)}
td.name,th.name{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:12rem}
tr{border-bottom:1px solid color-mix(in srgb,CanvasText 12%,Canvas)}
.worse,.failed{color:light-dark(#b3261e,#ff8a80);font-weight:600}
.better,.ok{color:light-dark(#1b6e31,#7bd88f);font-weight:600}.neutral{font-weight:600}
""".strip()

_FRAGMENT_STYLE: Final = """
.logan-diff{font-size:13px;line-height:1.45}.logan-diff .wrap{overflow-x:auto}
.logan-diff h1{font-size:16px;margin:8px 0}.logan-diff h2{font-size:13px;margin:12px 0 0}
.logan-diff p{margin:4px 0}.logan-diff .note{opacity:.7}
.logan-diff table{font-size:inherit;border-collapse:collapse}
.logan-diff th,.logan-diff td{padding:2px 12px 2px 0;text-align:right;white-space:nowrap}
.logan-diff td.name,.logan-diff th.name{text-align:left}
.logan-diff .worse,.logan-diff .failed{color:#b42318;font-weight:600}
.logan-diff .better,.logan-diff .ok{color:#1b8a3c;font-weight:600}
.logan-diff .neutral{font-weight:600}
""".strip()


def fragment(comparison: Comparison) -> str:
    """The comparison as a part of a page, which is what a notebook shows."""
    inner = "\n".join(_body(comparison))
    return f'<div class="logan-diff"><style>{_FRAGMENT_STYLE}</style>{inner}</div>'


def render(comparison: Comparison, options: RenderOptions) -> str:
    """The comparison as a page; `options` do not matter."""
    return "\n".join(_lines(comparison)) + "\n"


def _names(comparison: Comparison) -> str:
    return " → ".join(escape(view.named(each)) for each in (comparison.before, comparison.after))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{_names(comparison)}</title>\n<style>{_STYLE}</style></head><body>"
    yield from _body(comparison)
    yield "</body></html>"


def _body(comparison: Comparison) -> Iterator[str]:
    yield f"<h1>{_names(comparison)}</h1>"
    yield f"<p><strong>{escape(view.summary(comparison))}</strong></p>"
    for name, info in (("before", comparison.before), ("after", comparison.after)):
        yield f'<p class="note">{name}: {escape(view.side_line(info))}</p>'
    if comparison.verdicts:
        yield "<h2>Limits</h2><table>"
        for verdict in comparison.verdicts:
            kind = verdict.state.replace(" ", "-")
            yield (
                f'<tr><td class="{kind}">{escape(verdict.state)}</td>'
                f'<td class="name">{escape(verdict.text)}</td></tr>'
            )
        yield "</table>"
    yield '<h2>Headline</h2><div class="wrap"><table>'
    yield (
        '<tr><th class="name">metric</th><th>before</th><th>after</th><th>change</th><th></th></tr>'
    )
    for label, cell in view.headline(comparison):
        yield f'<tr><td class="name">{escape(label)}</td>{_cell(cell)}</tr>'
    yield "</table></div>"
    if found := view.findings(comparison):
        yield "<h2>Findings within a side</h2><table>"
        for side, text in found:
            yield f'<tr><td class="side">{side}</td><td class="name">{escape(text)}</td></tr>'
        yield "</table>"
    for each in comparison.tables:
        if each.rows:
            yield from _table(comparison, each)
    for note in [view.legend(comparison), *view.notes(comparison)]:
        yield f'<p class="note">{escape(note)}</p>'


def _cell(cell: view.Shown) -> str:
    tone = f' class="{cell.tone}"' if cell.tone else ""
    return (
        f"<td>{escape(cell.before)}</td><td{tone}>{escape(cell.after)}</td>"
        f"<td{tone}>{escape(cell.change)}</td><td{tone}>{cell.mark}</td>"
    )


def _table(comparison: Comparison, shown: Table) -> Iterator[str]:
    yield f"<h2>{escape(shown.title)}</h2>"
    note = view.table_note(comparison, shown)
    if note:
        yield f'<p class="note">{escape(note)}</p>'
    heads = "".join(
        f'<th colspan="2">{escape(view.label(name))}</th><th>change</th><th></th>'
        for name in view.COLUMNS[shown.name]
    )
    yield f'<div class="wrap"><table><tr>{heads}<th class="name">{escape(shown.key)}</th></tr>'
    for row, cells in view.rows_shown(comparison, shown):
        line = "".join(map(_cell, cells))
        yield f'<tr>{line}<td class="name">{escape(view.row_name(row))}</td></tr>'
    yield "</table></div>"
