"""The HTML page: one file, nothing fetched, nothing that a log says can run."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan.report import RenderOptions, Report, render
from logan.report.html.charts import chart_data
from tests.support.browser import Browser, Page, browser
from tests.support.report_document import findings, optional_keys
from tests.unit.report.test_document import empty_report, figures, report

HOSTILE = (
    "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "<svg onload=document.title='owned'>{{js}}]]>--><style>*{display:none}</style>'\"`&lt;\u2028"
)
VENDOR = files("logan.report.html").joinpath("vendor")


def page(one: Report, **options: Any) -> str:
    return render("html", one, RenderOptions(**options))


def full(text: str = "POST /checkout") -> Report:
    times = {
        **figures()["response_time_ms"],
        "histogram": {"bounds_ms": [0.0, 10.0, 100.0, 5_000.0], "counts": [3, 900, 20]},
    }
    rows = [
        {
            **{"route": f"{text} {index}", "requests": 900 - index, "errors": index * 7 % 5},
            **{"mean_ms": 50.0, "p95_ms": 100.0 * ((index * 3) % 11), "max_ms": 2_000.0},
        }
        for index in range(12)
    ]
    return report(
        text,
        **optional_keys(text),
        response_time_ms=times,
        routes={**figures()["routes"], "top": rows},
    )


@pytest.mark.parametrize(("count", "charts"), [(19, 0), (20, 2)])
def test_few_response_times_have_no_chart(count: int, charts: int) -> None:
    times = {**figures()["response_time_ms"], "count": count}
    series = [
        {"t": f"2024-01-24T10:2{i}:00Z", "requests": 10, "records": 10, "errors": 0, "mean_ms": 5.0}
        for i in range(5)
    ]
    one = report(response_time_ms=times, series={"step_s": 60, "points": series})
    titles = [each["title"] for each in chart_data(one.to_dict())["charts"]]
    assert sum("response time" in each.lower() for each in titles) == charts, titles


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.code: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style"):
            self.code.append((self._open, data))
        else:
            self.texts.append(data)


def shape(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(tag, tuple(attrs)) for tag, attrs in Elements(text).elements]


def test_the_vendored_library_is_what_its_readme_says() -> None:
    told = VENDOR.joinpath("README.md").read_text()
    for name in ("uPlot.iife.min.js", "uPlot.min.css"):
        digest = hashlib.sha256(VENDOR.joinpath(name).read_bytes()).hexdigest()
        assert f"`{name}` | `{digest}`" in told
    assert "MIT" in VENDOR.joinpath("LICENSE.uPlot").read_text()


@pytest.mark.parametrize("one", [report(), full(), empty_report(), full(HOSTILE)])
def test_only_the_pages_own_code_is_allowed_and_nothing_is_fetched(one: Report) -> None:
    found = Elements(page(one))
    (policy,) = (
        str(attrs["content"])
        for tag, attrs in found.elements
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for kind, text in found.code
        if not (kind == "script" and text.startswith("{"))
    }
    assert hashes == set(re.findall(r"'sha256-[^']+'", policy))
    assert len(hashes) == 4
    for tag, attrs in found.elements:
        assert not {"src", "href", "action", "style", "srcset"} & attrs.keys() or (
            tag == "a" and attrs["href"] == "#tables"
        )
        assert not any(name.startswith("on") for name in attrs)


def test_a_page_is_small_without_its_data() -> None:
    assert len(page(empty_report()).encode()) < 400_000


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80))
def test_log_text_makes_no_element(text: str) -> None:
    assert shape(page(report(f"a{text}", **optional_keys(f"a{text}")))) == shape(
        page(report("a", **optional_keys("a")))
    )


def test_log_text_is_on_the_page_as_it_stands() -> None:
    texts = "".join(Elements(page(full(HOSTILE))).texts)
    assert "</script><script>document.title='owned'</script>" in texts
    assert "{{js}}" in texts


def test_the_page_says_what_the_text_says() -> None:
    texts = " ".join(Elements(page(full())).texts)
    for said in ("Findings", "97 % of them", "310 ms", "Expectations", "1 of 2 failed", "FAIL"):
        assert said in texts
    for title in ("Top routes", "Not found", "Top user agents", "Inputs and assumptions", "Copy"):
        assert title in texts
    assert "Made by logan analyze" in re.sub(r"\s+", " ", texts)
    assert "nothing stands out".capitalize() in page(report(findings=[]))


def test_times_are_those_of_the_zone() -> None:
    text = page(full(), zone=ZoneInfo("Asia/Kolkata"))
    assert "13:30:00 → 16:30:00 Asia/Kolkata" in text
    (data,) = (json.loads(code) for kind, code in Elements(text).code if code.startswith("{"))
    assert data["range"][0] % 86_400 == 13.5 * 3_600


def test_a_notebook_shows_it_without_scripts() -> None:
    html = full(HOSTILE)._repr_html_()
    tags = {tag for tag, _ in Elements(html).elements}
    assert "script" not in tags
    assert {"table", "style", "h1"} <= tags
    assert shape(html) == shape(full()._repr_html_())


# In a browser.


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


def opened(chromium: Browser, path: Path, one: Report, **how: Any) -> Page:
    path.write_text(page(one), encoding="utf-8")
    tab = chromium.open(path, **how)
    tab.wait("document.documentElement.dataset.ready === '1'")
    return tab


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("dark", [False, True])
def test_no_complaint_no_request_no_sideways_scrolling(
    chromium: Browser, tmp_path: Path, width: int, dark: bool
) -> None:
    tab = opened(chromium, tmp_path / "r.html", full(), width=width, dark=dark)
    assert tab.run("document.querySelectorAll('.plot canvas').length") == 4
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    background = tab.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(14, 17, 22)") == dark
    assert (tab.complaints(), tab.requests()) == ([], [])


def test_what_a_log_says_does_not_run(chromium: Browser, tmp_path: Path) -> None:
    tab = opened(chromium, tmp_path / "r.html", full(HOSTILE))
    assert tab.run("document.title") != "owned"
    assert tab.run("document.querySelectorAll('img').length") == 0
    assert tab.run("document.querySelectorAll('script').length") == 3
    assert (tab.complaints(), tab.requests()) == ([], [])
    # The policy itself stops what markup would have started.
    tab.run(
        "document.body.append(document.createRange().createContextualFragment("
        "'<script>document.title=\"owned\"</scr' + 'ipt><b id=late>x</b>'))"
    )
    tab.wait("document.getElementById('late') !== null")
    assert tab.run("document.title") != "owned"
    assert any("Content Security Policy" in each for each in tab.complaints())


def test_tables_sort_and_filter(chromium: Browser, tmp_path: Path) -> None:
    tab = opened(chromium, tmp_path / "r.html", full())
    table = (
        "[...document.querySelectorAll('table.sortable')].find("
        "(each) => each.tHead.textContent.includes('route'))"
    )
    head = f"[...{table}.tHead.rows[0].cells].find((each) => each.textContent === 'p95')"
    values = (
        f"[...{table}.tBodies[0].rows].map((row) => Number(row.cells[{head}.cellIndex].dataset.v))"
    )
    tab.run(f"{head}.querySelector('button').click()")
    assert tab.run(values) == sorted(tab.run(values), reverse=True)
    assert tab.run(f"{head}.getAttribute('aria-sort')") == "descending"
    tab.run(f"{head}.querySelector('button').click()")
    assert tab.run(values) == sorted(tab.run(values))
    field = f"document.querySelector(`input[data-table=${{{table}.id}}]`)"
    tab.run(f"{field}.value = 'checkout 11'; {field}.dispatchEvent(new Event('input'))")
    assert tab.run(f"[...{table}.tBodies[0].rows].filter((row) => !row.hidden).length") == 1
    assert tab.complaints() == []


def test_charts_zoom_together_and_have_tables(chromium: Browser, tmp_path: Path) -> None:
    tab = opened(chromium, tmp_path / "r.html", full())
    key = (
        "document.querySelector('#chart-2 .plot').dispatchEvent("
        "new KeyboardEvent('keydown', { key: '%s' }))"
    )
    assert tab.run("document.querySelector('.reset').hidden")
    tab.run(key % "+")
    assert tab.run("document.getElementById('zoomed').textContent").startswith("2024-01-24 08:")
    tab.run("document.querySelector('.reset').click()")
    assert tab.run("document.getElementById('zoomed').textContent") == ""
    tab.run("document.querySelectorAll('.chart details').forEach((each) => { each.open = true; })")
    tab.wait("document.querySelectorAll('.chart table').length === 4")
    assert tab.run("document.querySelector('#chart-2 table').tBodies[0].rows.length") == 180
    assert tab.run("document.querySelector('#chart-2 table').textContent.includes('300 ms')")
    box = tab.run(
        "(() => { const box = document.querySelector('#chart-0 .u-over')"
        ".getBoundingClientRect(); return [box.x, box.y, box.width]; })()"
    )
    for kind, share in (("mousePressed", 0.2), ("mouseMoved", 0.5), ("mouseReleased", 0.5)):
        tab.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=box[0] + box[2] * share,
            y=box[1] + 40,
            button="left",
            clickCount=1,
            buttons=1,
        )
    tab.wait("document.getElementById('zoomed').textContent !== ''")
    assert tab.complaints() == []


def test_it_prints_dark_on_light(chromium: Browser, tmp_path: Path) -> None:
    tab = opened(chromium, tmp_path / "r.html", full(), dark=True, media="print")
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    printed = base64.b64decode(tab.send("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    assert tab.complaints() == []


def test_findings_come_first_in_the_page() -> None:
    text = page(report(findings=findings()))
    assert text.index("97 % of them") < text.index('class="facts"')
