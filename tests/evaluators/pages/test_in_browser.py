"""Report and comparison in a real browser: nothing loaded, nothing complained of, everything drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluators.pages.comparison import write_comparison
from evaluators.pages.parts.facts import Facts
from evaluators.pages.parts.tradeoff import Release
from evaluators.pages.report import write_report
from evaluators.score import Scorecard
from evaluators.verdict import Verdict
from tests.browser import Tab, browser, new_tab
from tests.evaluators.made_pages import (
    HOSTILE,
    REASONS,
    full_scores,
    make_facts,
    make_releases,
    named,
)

pytestmark = pytest.mark.browser

DRAWN = """[...document.querySelectorAll('.chart')].map(chart => ({
  title: chart.getAttribute('aria-label').slice(0, 60),
  marks: chart.querySelectorAll('.points path, .hm image, .lines path').length,
  wide: chart.querySelector('.main-svg')?.getBoundingClientRect().width ?? 0,
  room: chart.getBoundingClientRect().width,
}))"""

FAINT = """(() => {
  const light = ([r, g, b]) => {
    const line = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map(v => line(v / 255));
    return .2126 * x + .7152 * y + .0722 * z;
  };
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const below = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > .99) return c;
    }
    return parse(getComputedStyle(document.body).backgroundColor);
  };
  const faint = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    if (!e.getClientRects().length || ['SCRIPT', 'STYLE'].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    const text = parse(e.closest('svg') ? style.fill : style.color);
    if (text.length === 4 && text[3] === 0) continue;
    const [a, b] = [light(text), light(below(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.push([e.tagName, e.textContent.slice(0, 40), (a + .05) / (b + .05)]);
  }
  return faint;
})()"""

UNNAMED = """[...document.querySelectorAll('[role=img], [role=region], nav, section')]
  .filter(e => !e.getAttribute('aria-label')).map(e => e.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with browser() as started:
        yield started


@pytest.fixture
def tab(address: str) -> Iterator[Tab]:
    with new_tab(address) as opened:
        yield opened


@pytest.fixture(scope="module", params=["report", "compare", "hostile", "empty"])
def page(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / f"{request.param}.html"
    if request.param == "compare":
        write_comparison(path, make_releases())
        return path
    scores = {
        "report": full_scores(),
        "hostile": named(full_scores(HOSTILE), HOSTILE),
        "empty": [],
    }[request.param]
    facts = make_facts()
    if request.param == "hostile":
        facts = Facts(name=HOSTILE, data_set=HOSTILE, generator=HOSTILE)
    beside = make_releases() if request.param == "report" else ()
    write_report(
        path, Scorecard(tuple(scores)), Verdict("p", "veto", REASONS), facts, beside=beside
    )
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_is_whole_in_a_browser(tab: Tab, page: Path, width: int, dark: bool) -> None:
    tab.open(page, width, dark)
    assert tab.run("document.documentElement.scrollWidth") <= width
    charts = tab.run(DRAWN)
    assert len(charts) == {"report.html": 9, "compare.html": 3, "hostile.html": 6}.get(page.name, 0)
    assert not [c for c in charts if c["marks"] == 0 or abs(c["wide"] - c["room"]) > 1]
    tab.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert tab.run(FAINT) == []
    assert tab.run(UNNAMED) == []
    assert tab.run("document.documentElement.lang") == "en"
    assert tab.run("document.querySelectorAll('h1').length") == 1
    assert tab.run("document.querySelectorAll('main').length") == 1
    assert tab.run("document.documentElement.scrollWidth") <= width
    outside = [r for r in tab.requests() if not r.startswith(("file:", "data:"))]
    assert outside == []
    assert sum(r.startswith("file:") for r in tab.requests()) == 1
    assert tab.complaints() == []
    assert page.stat().st_size < 6_000_000


def test_colours_follow_the_reader_and_print_is_light(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, Scorecard(tuple(full_scores())), Verdict("p", "veto", REASONS), make_facts())
    colour = "getComputedStyle(document.querySelector('.chart .xtick text')).fill"
    tab.open(path, dark=True)
    dark = tab.run(colour)
    assert tab.pdf().startswith(b"%PDF")
    tab.run("dispatchEvent(new Event('beforeprint'))")
    printed = tab.run(colour)
    assert (
        tab.run("Math.max(...[...document.querySelectorAll('.main-svg')].map(s => s.clientWidth))")
        <= 680
    )
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run(colour) == dark
    tab.scheme(dark=False)
    tab.wait(f"{colour} !== '{dark}'")
    assert tab.run(colour) == printed != dark
    assert tab.complaints() == []


def test_names_in_charts_are_letters_not_markup(tab: Tab, tmp_path: Path) -> None:
    name = '<a href="https://example.org/">x</a> &lt; <b>%{x}</b> --blue'
    scores = [replace(s, slice=name) if s.slice == "sex=F" else s for s in full_scores()]
    path = tmp_path / "report.html"
    write_report(path, Scorecard(tuple(scores)), Verdict("p", "veto", REASONS), make_facts())
    tab.open(path)
    ticks = tab.run("[...document.querySelectorAll('.ytick text')].map(t => t.textContent)")
    assert name[:33] + "…" in ticks
    assert tab.run("document.querySelectorAll('.chart a, .chart b').length") == 0


def test_without_scripts_the_tables_say_it_all(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, Scorecard(tuple(full_scores())), Verdict("p", "veto", REASONS), make_facts())
    html = path.read_text("utf-8")
    for chart in html.split('<figure class="interactive">')[1:]:
        assert "<table" in chart.split("</figure>")[0]


def test_comparison_links_to_its_reports(tab: Tab, tmp_path: Path) -> None:
    path = tmp_path / "compare.html"
    write_comparison(path, [replace(r, link="a/report.html") for r in make_releases()])
    tab.open(path)
    assert tab.run("document.querySelector('.releases a').getAttribute('href')") == "a/report.html"
    assert isinstance(make_releases()[0], Release)
