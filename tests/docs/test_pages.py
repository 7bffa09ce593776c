"""The README and the pages of docs: one leads to all others, links lead somewhere, no picture is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flows.commands.reference.markdown import anchor

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted(ROOT.glob("docs/**/*.md"))
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def plain(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.S | re.M)


def leads_to(page: Path) -> set[tuple[Path, str]]:
    """Files that a page links to, and where in them."""
    found = (m for m in LINK.findall(plain(page)) if "://" not in m[0])
    return {((page.parent / file).resolve() if file else page, place) for file, place in found}


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for file, place in leads_to(page):
        assert file.exists(), f"{page.name} links to {file.name}"
        if place:
            headings = re.findall(r"^#+ (.+)$", plain(file), re.M)
            assert place in {anchor(h) for h in headings}, f"{page.name}: {file.name}#{place}"


def test_the_readme_leads_to_every_page() -> None:
    assert {*PAGES} <= {file for file, _ in leads_to(README)}


def test_every_picture_is_shown_and_small() -> None:
    shown = {file for page in [README, *PAGES] for file, _ in leads_to(page)}
    pictures = [*(ROOT / "docs").rglob("*.png"), *(ROOT / "docs").rglob("*.svg")]
    assert {p for p in pictures if p.resolve() not in shown} == set()
    assert all(p.stat().st_size < 300_000 for p in pictures)


def test_the_readme_is_one_screen() -> None:
    assert len(README.read_text("utf-8").splitlines()) <= 65
