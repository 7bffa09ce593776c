"""The same people get no second budget and no other side of the split, whatever schema and config say."""

import contextlib
import json
import shutil
import sqlite3

import numpy as np
import pandas as pd
import pytest
import yaml

from flows.bundle.candidate import trace
from flows.bundle.write import write_bundle
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import Run
from privacy.errors import BudgetError, InputError, LedgerError, PeopleError
from privacy.ledger.ledger import Ledger

COLUMNS = {
    "age": {"kind": "integer", "bounds": [18, 95], "bins": 8},
    "crp": {"kind": "float", "bounds": [0, 100], "bins": 9},
    "ill": {"kind": "categorical", "categories": ["no", "yes"]},
}
LENIENT = {
    "name": "lenient",
    "rules": [{"name": "assessed", "metric": "declared.target", "slices": ["all"], "at_least": 1}],
}


def quiet(what, share):
    pass


def people(n=1200, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "pid": [f"p{seed}-{i // 3}" for i in range(n)],
            "age": rng.integers(18, 95, n),
            "crp": rng.uniform(0, 100, n).round(2),
            "ill": rng.choice(["no", "yes"], n),
        }
    )


def work(folder, frame=None, *, file="t.csv", columns=COLUMNS, schema=None, **config):
    """The work of a release whose files lie in ``folder``, with one ledger for all."""
    frame = people() if frame is None else frame
    path = folder / file
    if file.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    declared = {"name": "cohort", "surplus_columns": "drop", "columns": columns}
    declared |= {"targets": [{"task": "classification", "column": "ill", "positive": ["yes"]}]}
    content = {
        "name": "r",
        "schema": "schema.yaml",
        "policy": "policy.yaml",
        "data": file,
        "guarantee": {"epsilon": 1.0, "delta": 1e-6},
        "budget": {"epsilon": 3.0, "delta": 1e-5},
        "generator": {"name": "mst"},
        "ledger": "ledger.db",
        "runs": "runs",
    } | config
    for name, value in (
        ("schema", declared | (schema or {})),
        ("policy", LENIENT),
        ("config", content),
    ):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    return steps.Work.of(Run.of(load_config(folder / "config.yaml")))


def fitted(asked):
    with asked.run.locked():
        steps.fit(asked, quiet)
    return asked


def charged(folder):
    """What the ledger says was charged, in order: data set and purpose of what costs."""
    return [
        (c.dataset, c.purpose)
        for c in Ledger(str(folder / "ledger.db")).charges()
        if json.loads(c.event)["type"] != "NoOpDpEvent"
    ]


def sides(asked):
    """The rows of each partition."""
    found = []
    for partition in ("train", "holdout"):
        permit = asked.ledger.open_internally(
            asked.dataset.name,
            partition,
            run=asked.run.name,
            attempt=asked.run.name,
            purpose="look",
        )
        found.append({tuple(map(str, r)) for r in asked.open(permit).frame[["age", "crp"]].values})
    return found


def test_columns_in_another_order_put_nobody_on_the_other_side(tmp_path):
    train, holdout = sides(fitted(work(tmp_path)))
    swapped = dict(reversed(COLUMNS.items()))
    again = fitted(work(tmp_path, columns=swapped, name="again"))
    assert sides(again) == [train, holdout]
    assert not train & holdout


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ({}, {"columns": {k: COLUMNS[k] for k in ("age", "ill")}}, "lacks 'crp'"),
        ({}, {"columns": COLUMNS | {"pid": {"kind": "identifier"}}}, "adds 'pid'"),
        (
            {"unit": "pid", "max_rows_per_unit": 3},
            {},
            "its unit is 'pid', and the schema says each row; write `unit: pid`",
        ),
        ({"unit": "pid", "max_rows_per_unit": 3}, {"unit": "pid"}, "max_rows_per_unit: 3"),
    ],
)
def test_a_schema_that_counts_people_otherwise_is_refused_before_a_charge(
    tmp_path, first, then, said
):
    def declared(changes):
        named = COLUMNS | {"pid": {"kind": "identifier"}}
        columns = named if "unit" in first else COLUMNS
        return {"columns": columns} | changes

    fitted(work(tmp_path, schema=declared(first)))
    with pytest.raises(LedgerError) as caught:
        work(tmp_path, schema=declared(then), name="again")
    assert said in str(caught.value)
    assert charged(tmp_path) == [("cohort", "fit")]


OTHERWISE = {
    "parquet": ("again.parquet", lambda f: f),
    "order": ("again.csv", lambda f: f.sample(frac=1, random_state=1)),
    "gz": ("again.csv.gz", lambda f: f[f.columns[::-1]]),
    "next month": ("again.csv", lambda f: pd.concat([f.iloc[60:], people(120, 9)])),
}


@pytest.mark.parametrize("way", OTHERWISE)
@pytest.mark.parametrize("unit", [None, "pid"])
def test_the_same_people_get_no_second_budget_under_another_name(tmp_path, way, unit):
    named = COLUMNS | {"pid": {"kind": "identifier"}} if unit else COLUMNS
    bound = {"unit": unit, "max_rows_per_unit": 3} if unit else {}
    fitted(work(tmp_path, columns=named, schema=bound))
    file, change = OTHERWISE[way]
    other = {"schema": bound | {"name": "renamed"}, "columns": named, "name": "r2"}
    with pytest.raises(PeopleError) as caught:
        fitted(work(tmp_path, change(people()), file=file, **other))
    assert "like those of data set 'cohort'" in caught.value.private
    assert "cohort" not in str(caught.value)  # what was found out on rows is for the terminal alone
    assert charged(tmp_path) == [("cohort", "fit")]


def test_people_of_another_table_have_a_budget_of_their_own(tmp_path):
    fitted(work(tmp_path))
    fitted(work(tmp_path, people(seed=3), schema={"name": "others"}, name="r2", file="o.csv"))
    assert charged(tmp_path) == [("cohort", "fit"), ("others", "fit")]


def test_two_names_may_share_one_budget_and_one_split(tmp_path):
    first = fitted(work(tmp_path))
    again = {"file": "t.parquet", "schema": {"name": "renamed"}, "same_people_as": "cohort"}
    second = fitted(work(tmp_path, name="r2", **again))
    assert sides(second) == sides(first)
    for dataset in ("cohort", "renamed"):
        assert 1.0 < second.ledger.spent(dataset, "train").epsilon < 2.0
    fitted(work(tmp_path, name="r3", **again))
    dear = {"guarantee": {"epsilon": 2.9, "delta": 1e-6}}
    with pytest.raises(BudgetError, match="cohort/train"):
        fitted(work(tmp_path, name="r4", **again, **dear))
    # what was said once stays said
    with pytest.raises(LedgerError, match="write `same_people_as: cohort`"):
        work(tmp_path, name="r9", file="t.parquet", schema={"name": "renamed"})


def test_a_person_may_say_that_they_are_others_and_the_label_says_so(tmp_path):
    fitted(work(tmp_path))
    others = {"file": "t.parquet", "schema": {"name": "renamed"}, "name": "r2"}
    with contextlib.suppress(LedgerError):
        fitted(work(tmp_path, **others))
    second = fitted(work(tmp_path, **others, other_people_than=["cohort"]))
    steps.sample(second)
    steps.judge(second, quiet, measure=("declared",))
    bundle = write_bundle(second, second.charge(), steps.decide(second))
    told = json.loads((bundle / "internal" / "label.json").read_text())["people"]
    assert told["declared_to_be_others"] == 1
    assert "a person declared" in told["in_words"]
    with pytest.raises(LedgerError, match="'nobody' is not registered"):
        work(tmp_path, **(others | {"name": "r3"}), other_people_than=["nobody"])


BY_PID = {"columns": COLUMNS | {"pid": {"kind": "identifier"}}}


@pytest.mark.parametrize(
    "written",
    [
        lambda pid: pid.str.upper(),
        lambda pid: pid.str.replace("p", "q"),
        lambda pid: pid.str.replace("-", "-0"),
    ],
)
def test_people_of_one_data_set_change_no_sides_by_being_written_otherwise(tmp_path, written):
    bound = {"unit": "pid", "max_rows_per_unit": 3}
    fitted(work(tmp_path, schema=bound, **BY_PID))
    frame = people()
    later = frame.assign(pid=written(frame["pid"]))
    with pytest.raises(PeopleError) as caught:
        fitted(work(tmp_path, later, file="later.csv", schema=bound, name="r2", **BY_PID))
    assert "would change sides" in caught.value.private
    assert charged(tmp_path) == [("cohort", "fit")]


@pytest.mark.parametrize("otherwise", [{"max_rows_per_unit": 1}, {"unit": "row"}])
def test_a_budget_is_shared_by_people_who_are_counted_alike(tmp_path, otherwise):
    frame = people().assign(row=[f"r{i}" for i in range(1200)])
    columns = BY_PID["columns"] | {"row": {"kind": "identifier"}}
    bound = {"unit": "pid", "max_rows_per_unit": 3}
    fitted(work(tmp_path, frame, columns=columns, schema=bound))
    changed = bound | otherwise | {"name": "guest"}
    with pytest.raises(LedgerError, match="not known by what theirs are"):
        work(tmp_path, frame, columns=columns, schema=changed, name="r2", same_people_as="cohort")


def test_a_host_does_not_leave_the_account_that_its_guest_spent(tmp_path):
    work(tmp_path)
    work(tmp_path, people(seed=7), schema={"name": "third"}, name="r3", file="third.csv")
    guest = {"schema": {"name": "guest"}, "name": "r2", "same_people_as": "cohort"}
    fitted(work(tmp_path, **guest))
    with pytest.raises(LedgerError, match="cannot be changed any more"):
        work(tmp_path, name="r4", same_people_as="third")


def test_others_are_others_from_both_sides(tmp_path):
    first = {"schema": {"unit": "pid", "max_rows_per_unit": 3}, **BY_PID}
    fitted(work(tmp_path, **first))
    stranger = people(seed=5)
    stranger["pid"] = people()["pid"]  # numbered alike
    second = {
        "schema": first["schema"] | {"name": "second"},
        "file": "s.csv",
        "name": "r2",
        **BY_PID,
    }
    fitted(work(tmp_path, stranger, **second, other_people_than=["cohort"]))
    fitted(work(tmp_path, name="r3", **first))
    assert charged(tmp_path) == [("cohort", "fit"), ("second", "fit"), ("cohort", "fit")]


def test_a_file_that_is_given_twice_makes_nobody_two(tmp_path):
    people().to_csv(tmp_path / "u.csv", index=False)
    with pytest.raises(InputError, match="two of the files are the same"):
        fitted(work(tmp_path, data=["t.csv", "u.csv"]))
    assert charged(tmp_path) == []


# -- the record itself --


def tampered(folder, *statements):
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            db.execute(statement)
        db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE register SET content=replace(content, '"epsilon": 3.0', '"epsilon": 50.0')""",
        """UPDATE register SET content=replace(content, '"split_key": "', '"split_key": "00')""",
        "UPDATE register SET dataset='else' WHERE kind='source'",
        "DELETE FROM register WHERE kind='people'",
        "DELETE FROM charges WHERE purpose='fit'",
        "UPDATE charges SET event=replace(event, '0', '1') WHERE purpose='fit'",
    ],
)
def test_nothing_is_charged_on_a_broken_chain(tmp_path, statement):
    done = fitted(work(tmp_path))
    tampered(tmp_path, statement)
    with pytest.raises(LedgerError, match=r"altered|missing|seen"):
        done.ledger.verify()
    with pytest.raises(LedgerError, match=r"altered|missing|seen"):
        fitted(work(tmp_path, name="again"))


def released(folder, **changes):
    done = fitted(work(folder, **changes))
    steps.sample(done)
    steps.judge(done, quiet, measure=("declared",))
    bundle = write_bundle(done, done.charge(), steps.decide(done))
    return bundle / "internal" / "label.json"


def test_an_older_ledger_put_back_is_found(tmp_path, monkeypatch):
    released(tmp_path)
    older = tmp_path / "older.db"
    shutil.copy(tmp_path / "ledger.db", older)
    label = released(tmp_path, name="second")
    assert "the charge of" in trace(label, Ledger(str(tmp_path / "ledger.db")))
    shutil.copy(older, tmp_path / "ledger.db")
    with pytest.raises(LedgerError, match="older copy was put back"):
        work(tmp_path, name="third")
    # another account, which saw nothing, finds it by the label of a later release
    monkeypatch.setenv("UNDERSTUDY_STATE", str(tmp_path / "elsewhere"))
    with pytest.raises(LedgerError, match="not in this ledger"):
        trace(label, Ledger(str(tmp_path / "ledger.db")))


def test_a_ledger_cut_after_the_charge_is_found_by_a_label(tmp_path, monkeypatch):
    label = released(tmp_path)
    tampered(tmp_path, "DELETE FROM charges WHERE purpose='judge'")
    monkeypatch.setenv("UNDERSTUDY_STATE", str(tmp_path / "elsewhere"))
    with pytest.raises(LedgerError, match="holds no more"):
        trace(label, Ledger(str(tmp_path / "ledger.db")))


def test_all_releases_of_a_ledger_name_it(tmp_path):
    first, second = released(tmp_path), released(tmp_path, name="second")
    names = {json.loads(p.read_text())["accounting"]["ledger"]["id"] for p in (first, second)}
    assert len(names) == 1
