"""The wizard in Chromium: every page by width and colours, by keyboard, and with nothing asked of anybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.wizard.session import Session
from tests.browser import Tab, browser, new_tab
from tests.flows.wizard.people import patients
from tests.flows.wizard.pictures import fill, served

pytestmark = pytest.mark.browser

LOW_CONTRAST = """
(() => {
  const channel = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = parts(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('svg')) continue;
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) found.push(e.outerHTML.slice(0, 120));
  }
  return found;
})()
"""
UNNAMED = """
[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
  .filter(e => !(e.labels && e.labels.length) && !e.getAttribute('aria-label')).map(e => e.name)
"""
TOO_WIDE = "document.scrollingElement.scrollWidth - window.innerWidth"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A wizard that is served on this machine, of a folder with one file."""
    home = tmp_path_factory.mktemp("home")
    with served(Session(home, first=patients(home / "patients.csv", 600))) as found:
        yield found


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browser() as found, new_tab(found) as one:
        one.prepare()
        yield one


def looked_at(tab: Tab, address: str, step: str) -> None:
    """One page in three widths and both colours."""
    for width, dark in ((1280, False), (360, False), (1280, True)):
        tab.prepare(width, dark)
        tab.visit(f"{address}/{step}")
        assert tab.run(TOO_WIDE) <= 0, (step, width)
        assert tab.run(LOW_CONTRAST) == [], (step, dark)
        assert tab.run(UNNAMED) == [], step
        assert tab.run("document.querySelectorAll('h1').length") == 1
    assert not tab.complaints(), step
    assert all(asked.startswith((address, "data:")) for asked in tab.requests())


def pressed(tab: Tab, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
        code = {"Enter": 13, "Tab": 9, " ": 32}[key]
        tab.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)


def test_every_page_in_turn(tab: Tab, address: str) -> None:
    looked_at(tab, address, "file")
    tab.click("form:last-of-type button.main")
    assert tab.run("location.pathname").endswith("columns")
    looked_at(tab, address, "columns")
    # what a kind does not have is not asked
    assert tab.run("document.querySelector('[name=\"1.low\"]').checkVisibility()")
    assert not tab.run("document.querySelector('[name=\"1.categories\"]').checkVisibility()")
    tab.run("document.querySelector('[name=everything]').checked = true")
    tab.click("button[name=go]")
    looked_at(tab, address, "people")
    tab.run("document.querySelector('#most').focus()")
    tab.run("window.before = true")
    pressed(tab, "Enter")  # saves the page, and does not look at rows again
    tab.wait("!window.before && document.readyState === 'complete'")
    assert not tab.run("document.querySelector('[role=alert]')")
    tab.click("button[name=go]")
    looked_at(tab, address, "purpose")
    for name, value in {
        "t0.task": "classification",
        "t0.column": "died",
        "t0.values": "1",
        "g0.column": "sex",
    }.items():
        fill(tab, name, value)
    tab.click("button[name=go]")
    looked_at(tab, address, "check")
    tab.click("button:not([name])")
    assert "All 600 rows fit" in tab.run("document.body.innerText")
    assert tab.run(LOW_CONTRAST) == []
    tab.click("button[name=go]")
    looked_at(tab, address, "privacy")
    tab.click("button[name=go]")
    looked_at(tab, address, "release")


def test_a_wrong_value_is_announced_and_stays_typed(tab: Tab, address: str) -> None:
    tab.visit(f"{address}/file")
    tab.click("form:last-of-type button.main")
    fill(tab, "1.high", "old")
    tab.click("button[name=go]")
    assert "expected a number" in tab.run("document.querySelector('[role=alert]').innerText")
    assert tab.run("document.querySelector('[name=\"1.high\"]').value") == "old"
    assert tab.run(LOW_CONTRAST) == []


def test_the_first_page_goes_by_keyboard_alone(tab: Tab, address: str) -> None:
    tab.visit(f"{address}/file")
    for _ in range(40):
        pressed(tab, "Tab")
        if tab.run("document.activeElement.matches('form:last-of-type button.main')"):
            break
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert tab.run(outline) == "solid"
    tab.run("window.before = true")
    pressed(tab, "Enter")
    tab.wait("!window.before && document.readyState === 'complete'")
    assert tab.run("location.pathname").endswith("columns")
