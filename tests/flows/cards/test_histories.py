"""The picture of a few histories: the first ones, nothing else of them, and no text that is not escaped."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from flows.cards.card import write_card
from flows.cards.columns import sizes
from flows.cards.histories import MOST_COLOURS, MOST_TRACKS, REST, histories
from flows.cards.readme import write_readme
from flows.cards.timelines import WIDTH, draw
from flows.label.histories import told_histories
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import HOSTILE, Page, make_label
from tests.flows.made_histories import SCHEMA, made

SVG = "{http://www.w3.org/2000/svg}"
ROWS = made()


def changed(**changes: object) -> Schema:
    return Schema.model_validate(SCHEMA.model_dump() | changes)


def test_the_first_units_with_several_rows_are_shown() -> None:
    shown = histories(SCHEMA, ROWS)
    assert shown is not None
    several = ROWS.groupby("patient", sort=False).size()
    assert [p.name for p in shown.people] == several[several > 1].index[:6].tolist()
    first = ROWS[ROWS["patient"] == shown.people[0].name]
    assert [t.name for t in shown.tracks] == ["flare", "weight", "crp", "stage"]
    assert shown.tracks[1].values[0] == tuple(first["weight"])
    assert [shown.tracks[0].legend[int(i)] for i in shown.tracks[0].values[0]] == list(
        first["flare"]
    )
    assert shown.people[0].facts == (
        f"sex {first['sex'].iloc[0]}",
        f"{len(first)} rows from {first['day'].iloc[0].date()}",
    )
    days = (first["day"] - first["day"].iloc[0]).dt.days
    assert shown.axis == "months since the first row, by day"
    assert shown.people[0].at == pytest.approx((days / 365.25 * 12).tolist())


def test_rows_are_put_in_order_wherever_they_stand() -> None:
    shuffled = ROWS.iloc[np.random.default_rng(0).permutation(len(ROWS))]
    shown = histories(SCHEMA, shuffled)
    assert shown is not None
    assert all(list(p.at) == sorted(p.at) for p in shown.people)


def test_of_many_numbers_a_category_is_left_in() -> None:
    columns = SCHEMA.model_dump()["columns"]
    columns |= dict.fromkeys(("one", "two", "three"), columns["weight"])
    frame = ROWS.assign(one=ROWS["weight"], two=ROWS["weight"], three=ROWS["weight"])
    shown = histories(changed(targets=[], columns=columns), frame)
    assert shown is not None
    assert [t.kind for t in shown.tracks] == ["number"] * 3 + ["ordinal"]
    assert len(shown.tracks) == MOST_TRACKS


def test_without_a_time_rows_are_counted() -> None:
    visits = {"order": "visit", "numbered": ["visit"]}
    shown = histories(changed(visits=visits), ROWS)
    assert shown is not None
    assert shown.axis == "row"
    assert shown.people[0].at[:2] == (1.0, 2.0)


def test_nothing_is_shown_where_there_is_no_history() -> None:
    assert histories(changed(visits=None), ROWS) is None
    assert histories(SCHEMA, ROWS.drop_duplicates("patient")) is None
    assert histories(SCHEMA, ROWS.iloc[:0]) is None


def test_rare_categories_are_drawn_as_one() -> None:
    codes = [f"c{i:02}" for i in range(40)]
    columns = SCHEMA.model_dump()["columns"] | {
        "code": {"kind": "categorical", "categories": codes}
    }
    frame = ROWS.assign(code=[codes[i % 40] for i in range(len(ROWS))])
    targets = [{"task": "multiclass", "column": "code"}]
    shown = histories(changed(columns=columns, targets=targets), frame)
    assert shown is not None
    assert shown.tracks[0].name == "code"
    assert len(shown.tracks[0].legend) == MOST_COLOURS
    assert shown.tracks[0].legend[-1] == REST


def test_the_picture_is_an_svg_with_a_mark_for_each_row_and_category() -> None:
    shown = histories(SCHEMA, ROWS)
    assert shown is not None
    picture = ElementTree.fromstring(draw(shown))
    assert picture.tag == f"{SVG}svg"
    assert picture.get("width") == str(WIDTH)
    rows = sum(len(p.at) for p in shown.people)
    marks = picture.findall(f"{SVG}path")
    assert len(marks) == 2 * rows + sum(len(t.legend) for t in shown.tracks)
    known = sum(np.isfinite(v).sum() for t in shown.tracks[1:3] for v in map(np.array, t.values))
    assert len(picture.findall(f"{SVG}circle")) == known
    texts = [t.text for t in picture.findall(f"{SVG}text")]
    assert all(any(p.name in str(t) for t in texts) for p in shown.people)
    places = re.findall(r'(?:x|cx|x1)="(-?[0-9.]+)"', draw(shown))
    assert max(map(float, places)) <= WIDTH


def test_texts_of_a_schema_are_escaped() -> None:
    columns = SCHEMA.model_dump()["columns"]
    columns["flare"] = {"kind": "categorical", "categories": [HOSTILE, "no"]}
    schema = changed(columns=columns, targets=[{"task": "multiclass", "column": "flare"}])
    shown = histories(schema, ROWS.assign(flare=np.resize([HOSTILE, "no"], len(ROWS))))
    assert shown is not None
    texts = [t.text for t in ElementTree.fromstring(draw(shown)).iter(f"{SVG}text")]
    assert any(str(t).startswith(HOSTILE[:8]) for t in texts)
    assert "<script" not in draw(shown)


def test_card_and_readme_show_what_was_declared_how_many_rows_and_the_picture(
    tmp_path: Path,
) -> None:
    label = make_label() | {"histories": told_histories(SCHEMA, ROWS)}
    label["release"]["synthetic_units"] = 200
    write_card(tmp_path / "card.html", label, SCHEMA, Rows.of(ROWS))
    html = (tmp_path / "card.html").read_text("utf-8")
    page = Page(html)
    for said in (
        "of 200 synthetic patients",
        "Never falling: stage.",
        "1 to 5 rows each",
        "Rows of one patient",
    ):
        assert said in page.text
    assert html.count("<img") == html.count('src="data:image/svg+xml;base64,') == 1
    assert "all rows of one share it" in page.text

    shown = histories(SCHEMA, ROWS)
    assert shown is not None
    (tmp_path / "label.json").write_text("{}")
    write_readme(tmp_path, label, SCHEMA, shown.alt)
    readme = (tmp_path / "README.md").read_text("utf-8")
    assert f"![{shown.alt}](histories.svg)" in readme
    assert "Counted 1, 2, 3, …: visit." in readme
    assert "- `histories.svg`" in readme


def test_sizes_are_those_of_the_synthetic_rows() -> None:
    tile = sizes(SCHEMA, ROWS)
    assert tile is not None
    assert tile.kind == "200 synthetic patients"
    assert tile.ends == ("1", "5")
    assert sizes(changed(visits=None), ROWS) is None
