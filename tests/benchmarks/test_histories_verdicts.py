"""How often the rules for histories approve: what is offered is as it is called, docs say what was found."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from histories import spoilt, verdicts

from evaluators.histories.broken import broken_histories
from evaluators.histories.lived import arranged
from evaluators.policy import load_policy
from evaluators.resampling import unit_numbers
from flows.stages.config import DEFAULT_POLICY

ROOT = Path(__file__).parents[2]
PERSON, DAY = "person_id", "visit_date"


@pytest.fixture(scope="module")
def few() -> verdicts.Setting:
    return verdicts.parted(None, verdicts.MADE_UP, 0, patients=1500)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def offered(few, name: str) -> pd.DataFrame:
    before = few.fresh.copy()
    made = spoilt.OFFERED[name](few.fresh, few.schema, rng())
    pd.testing.assert_frame_equal(few.fresh, before)
    return made


def breakers(few, frame: pd.DataFrame) -> dict[str, int]:
    """How many people break what."""
    of = arranged(frame, few.schema, unit_numbers(frame[PERSON].to_numpy(), len(frame)))
    found = broken_histories(frame.iloc[of.rows], few.schema, of)
    return {what: int(who.sum()) for what, who in found if who.any()}


def test_groups_are_of_different_people_and_bounded(few):
    groups = [set(f[PERSON]) for f in (few.train, few.holdout, few.fresh)]
    assert [len(g) for g in groups] == [600, 300, 600]
    assert len(set.union(*groups)) == 1500
    assert few.train.groupby(PERSON).size().max() == few.schema.max_rows_per_unit
    other = verdicts.parted(None, verdicts.MADE_UP, 1, patients=1500)
    assert not other.train["sbp"].equals(few.train["sbp"])


def test_real_ones_need_a_folder():
    with pytest.raises(ValueError, match="name the folder"):
        verdicts.parted(None, verdicts.FRAMINGHAM, 0)


def test_fresh_people_break_nothing(few):
    assert breakers(few, offered(few, verdicts.FRESH)) == {}


@pytest.mark.parametrize("share", [10, 60])
def test_rows_are_dealt_among_a_share_of_the_people(few, share):
    made = offered(few, f"rows of {share} % of the people dealt")
    assert list(made[PERSON]) == list(few.fresh[PERSON])
    values = [n for n in made if n != PERSON]
    moved = (made[values].astype(str) != few.fresh[values].astype(str)).any(axis=1)
    people = few.fresh.loc[moved, PERSON].nunique() / 600
    assert share / 100 - 0.02 < people <= share / 100
    rows = sorted(few.fresh[values].astype(str).itertuples(index=False, name=None))
    assert rows == sorted(made[values].astype(str).itertuples(index=False, name=None))


def test_of_free_columns_nothing_declared_is_broken(few):
    assert spoilt.undeclared(few.schema) == ["visit", "sbp", "hba1c"]
    made = offered(few, "of 100 % only columns that `visits` does not name")
    assert breakers(few, made) == {}
    assert (made["sbp"].astype(str) != few.fresh["sbp"].astype(str)).mean() > 0.9
    kept = [n for n in made if n not in spoilt.undeclared(few.schema)]
    pd.testing.assert_frame_equal(made[kept], few.fresh[kept])


def test_every_row_its_own_person(few):
    made = offered(few, "every row its own person")
    assert made[PERSON].is_unique
    assert len(made) == len(few.fresh)


def test_the_first_half_of_the_rows(few):
    made = offered(few, "the first half of everybody's rows")
    before, now = (f.groupby(PERSON, sort=False).size() for f in (few.fresh, made))
    assert (now == (before + 1) // 2).all()
    assert made.groupby(PERSON)[DAY].min().equals(few.fresh.groupby(PERSON)[DAY].min())


def test_a_constant_is_broken_in_one_of_a_hundred(few):
    assert breakers(few, offered(few, "a constant broken in 1 % of the people")) == {
        "sex changes": 6
    }


def test_time_is_reversed(few):
    made = offered(few, "time reversed")
    gaps = [
        f.groupby(PERSON)[DAY].diff().dt.days.groupby(f[PERSON]).apply(lambda g: list(g.dropna()))
        for f in (few.fresh, made)
    ]
    assert all(a == b[::-1] for a, b in zip(*gaps, strict=True))
    assert made.groupby(PERSON)["sbp"].first().equals(few.fresh.groupby(PERSON)["sbp"].last())
    assert breakers(few, made)["diabetes falls"] > 20


def test_distances_alone_do_not_see_what_is_declared(few):
    policy = verdicts.about_histories(load_policy(DEFAULT_POLICY))
    line = verdicts.decided(few, "every row its own person", 0, policy)
    assert (line["decision"], line["alike"], line["learned"]) == ("veto", "veto", False)
    assert "histories.rows_excess all" in line["vetoed"]
    kept = verdicts.decided(few, "a constant broken in 1 % of the people", 0, policy)
    assert (kept["decision"], kept["alike"]) == ("veto", "approved")
    assert "histories.broken all" in kept["vetoed"]


def test_only_rules_about_histories_are_asked():
    names = {r.name for r in verdicts.about_histories(load_policy(DEFAULT_POLICY)).rules}
    assert names == {"histories-whole", "histories-alike", "histories-useful", "nobody-found-out"}


def test_what_stands_is_not_repeated(tmp_path, monkeypatch, capsys):
    results = tmp_path / "r.jsonl"
    line = {"decision": "approved", "alike": "approved", "vetoed": [], "open": []}
    made = [
        {"people": verdicts.MADE_UP, "offered": verdicts.FRESH, "repetition": i} | line
        for i in range(2)
    ]
    results.write_text("".join(json.dumps(x) + "\n" for x in made), "utf-8")
    monkeypatch.setattr(verdicts, "parted", lambda *given: pytest.fail("judged again"))
    asked = ["verdicts.py", "--results", str(results), "--offered", verdicts.FRESH]
    monkeypatch.setattr(sys, "argv", [*asked, "--repetitions", "2"])
    verdicts.main()
    assert (
        "| fresh people | 2 / 0 / 0 of 2 | .16 to 1.00 | 2 / 0 / 0 |  |" in capsys.readouterr().out
    )


def test_the_page_says_what_was_found():
    page = (ROOT / "docs" / "verdict.md").read_text("utf-8")
    lines = verdicts.read(verdicts.RESULTS)
    for people in (verdicts.MADE_UP, verdicts.FRAMINGHAM):
        if mine := [line for line in lines if line["people"] == people]:
            assert verdicts.as_table(mine) in page
