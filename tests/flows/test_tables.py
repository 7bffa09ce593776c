"""Five tables of a clinic: released, verified, and judged as anybody's, from files to files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from flows.bundle.verify import verify
from privacy.ledger.ledger import Ledger
from privacy.schema.schema import load_schema
from tests.flows import clinic
from tests.flows.commands.test_cli import understudy
from tests.flows.stages.test_steps import release
from tests.made_tables import SCHEMA, read_back

NAMED = "Kwx88213-"
"""How every private name begins, of persons and of visits."""


def made(folder: Path, people: int = 700) -> Path:
    """Files of people with one to three visits; of whom has diabetes the sugar is high."""
    rng = np.random.default_rng(1)
    who = [f"{NAMED}{n}" for n in range(people)]
    ill = rng.random(people) < 0.4
    visits, diagnoses, values, drugs = [], [], [], []
    for n, name in enumerate(who):
        day = pd.Timestamp("2020-01-01") + pd.Timedelta(days=int(rng.integers(400)))
        for place in range(int(rng.integers(1, 4))):
            visit = f"{NAMED}v{len(visits)}"
            visits.append((visit, name, f"{day:%Y-%m-%d}"))
            if ill[n]:
                diagnoses.append(
                    (f"{NAMED}d{len(diagnoses)}", visit, name, f"{day:%Y-%m-%d}", "E11")
                )
            values.append(
                ("A1c", "%", round(float(rng.normal(8 if ill[n] else 5.4, 0.5)), 1), visit)
            )
            values += [("SBP", "mmHg", int(v), visit) for v in rng.normal(130, 12, place)]
            if rng.random() < 0.3:
                drugs.append((visit, rng.choice(["x", "y"]), int(rng.integers(1, 50))))
            day += pd.Timedelta(days=int(rng.integers(20, 200)))
    dead = [(name, "2024-05-01") for name in who if rng.random() < 0.2]
    sex = rng.choice(["F", "M"], people)
    folder.mkdir()
    for table, rows, columns in (
        ("people", list(zip(who, sex, strict=True)), "who sex"),
        ("visits", visits, "visit who day"),
        ("deaths", dead, "who day"),
        ("diagnoses", diagnoses, "id visit who since code"),
        ("values", values, "what in value visit"),
        ("drugs", drugs, "visit name mg"),
    ):
        pd.DataFrame(rows, columns=columns.split()).to_csv(folder / f"{table}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release: its bundle, its config and the files that it came of."""
    folder = tmp_path_factory.mktemp("tables")
    data = made(folder / "data")
    config = clinic.write(folder, generator={"name": "aim"})
    (folder / "clinic.csv").unlink()
    plain = yaml.safe_load(config.read_text()) | {"data": "data"}
    config.write_text(yaml.safe_dump(plain))
    (folder / "schema.yaml").write_text(SCHEMA.to_yaml())
    assert load_schema(folder / "schema.yaml") == SCHEMA
    assert data.is_dir()
    release(config)
    return folder


def public(released: Path) -> Path:
    return next(released.glob("runs/*/bundle/public"))


def test_every_key_is_in_the_table_that_it_points_to(released: Path) -> None:
    out = {n: read_back(public(released) / "tables", n) for n in SCHEMA.tables}
    assert out["people"]["who"].is_unique
    assert out["visits"]["visit"].is_unique
    assert set(out["visits"]["who"]) == set(out["people"]["who"])
    assert out["deaths"]["who"].is_unique
    assert set(out["deaths"]["who"]) < set(out["people"]["who"])
    for name in ("diagnoses", "values", "drugs"):
        assert len(out[name])
        assert set(out[name]["visit"]) <= set(out["visits"]["visit"])
    joined = out["diagnoses"].merge(out["visits"], on="visit", validate="many_to_one")
    assert (joined["since"] == joined["day"]).all()
    assert (joined["who_x"] == joined["who_y"]).all()
    assert out["diagnoses"]["id"].tolist() == [str(n + 1) for n in range(len(out["diagnoses"]))]


def test_what_goes_together_between_tables_does_so(released: Path) -> None:
    out = {n: read_back(public(released) / "tables", n) for n in SCHEMA.tables}
    sugar = out["values"].query("what == 'A1c'").astype({"value": float})
    ill = sugar["visit"].isin(out["diagnoses"].query("code == 'E11'")["visit"])
    assert sugar["value"][ill].mean() - sugar["value"][~ill].mean() > 1.5


def test_all_of_it_holds_and_names_nobody(released: Path) -> None:
    assert [f.text for f in verify(public(released)) if f.status in ("wrong", "lacking")] == []
    naming = [f for f in released.rglob("*") if f.is_file() and NAMED.encode() in f.read_bytes()]
    assert {f.parent.name for f in naming} == {"data"}
    label = json.loads((public(released) / "label.json").read_text())
    assert label["histories"]["linked"]


def test_a_folder_of_tables_is_judged_as_a_release_and_a_lost_key_fails(
    released: Path, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(public(released) / "tables", theirs)
    for file in theirs.glob("*.parquet"):
        file.unlink()
    file = theirs / "drugs.csv"
    file.write_text(file.read_text() + "nowhere,x,10\n")
    done = understudy(
        "evaluate", released / "schema.yaml", "--real", released / "data", "--synthetic", theirs,
        "--out", tmp_path / "judged",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    verdict = (tmp_path / "judged" / "verdict.json").read_text()
    assert "drugs: 1 rows have a visit that is in no row of what they belong to" in verdict
    check = understudy("schema", "check", released / "schema.yaml", theirs)
    assert "first 'nowhere' in row" in check.stdout
    assert "a release refuses such files" in check.stdout


def test_as_a_database_its_keys_are_kept(released: Path, tmp_path: Path) -> None:
    file = tmp_path / "clinic.duckdb"
    done = understudy("export", public(released), "--out", file)
    assert "people, visits, deaths, diagnoses, values, drugs" in done.stdout
    with duckdb.connect(str(file)) as database:
        for name in SCHEMA.tables:
            (rows,) = database.execute(f'SELECT count(*) FROM "{name}"').fetchone() or (0,)
            assert rows == len(read_back(public(released) / "tables", name))
        with pytest.raises(duckdb.ConstraintException):
            database.execute("INSERT INTO drugs VALUES ('nowhere', 'x', 1)")
        with pytest.raises(duckdb.ConstraintException):
            database.execute("DELETE FROM people")
        since = database.execute("SELECT max(since) FROM diagnoses").fetchone()
        assert since is not None
        assert since[0].year >= 2020
    again = understudy("export", public(released), "--out", file)
    assert "exists already" in again.stderr
    assert "ends in .duckdb" in understudy("export", released, "--out", tmp_path / "x.db").stderr
    nothing = understudy("export", released, "--out", tmp_path / "x.duckdb")
    assert "give the folder that was published" in nothing.stderr


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        (
            "drugs",
            "nowhere,x,1",
            "'nowhere' in row 1; mend the file, or drop those rows. nothing was",
        ),
        ("values", f"SBP,mmHg,9999,{NAMED}v0", "`out_of_range: clamp`. this read was"),
    ],
)
def test_a_refusal_says_whether_it_was_charged(
    tmp_path: Path, table: str, row: str, told: str
) -> None:
    """Keys that lead nowhere show as people are looked at, before the charge; values are read behind it."""
    config = clinic.write(tmp_path, generator={"name": "aim"})
    file = made(tmp_path / "data", 60) / f"{table}.csv"
    header, *rows = file.read_text().splitlines()
    file.write_text("\n".join([header, row, *rows]))
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | {"data": "data"}))
    (tmp_path / "schema.yaml").write_text(SCHEMA.to_yaml())
    done = understudy("release", config)
    assert done.returncode == 2
    assert f"{told} charged; " in done.stderr
    paid = [c.purpose for c in Ledger(str(tmp_path / "ledger.db")).charges()]
    assert ("fit" in paid) == ("this read was" in told)
