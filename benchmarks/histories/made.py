"""A made-up clinical database in five tables of OMOP: who depends on what is known, because it stands here.

    python benchmarks/histories/made.py FOLDER --patients 10000 --seed 0

writes person.csv, visit_occurrence.csv, condition_occurrence.csv, measurement.csv and death.csv. In it

- conditions come by age, sex and the conditions that are there, and stay;
- visits come the sooner, and into hospital the likelier, the more conditions there are;
- blood pressure and HbA1c keep to a level of the patient's own that conditions raise, and to the value before;
- people die by age, conditions and after a hospital stay, and then have no visit more.

Nobody is behind it. ``long_form`` makes of it the one table that configs/schemas/omop-visits.yaml describes.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from histories.concepts import (
    A1C,
    CONDITIONS,
    EMERGENCY,
    FEMALE,
    INPATIENT,
    MALE,
    MMHG,
    OUTPATIENT,
    PERCENT,
    RACES,
    SBP,
    YEAR,
    Tables,
)
from histories.long_form import as_texts, texts

START, LATEST, END = (np.datetime64(d) for d in ("2015-01-01", "2017-12-31", "2019-12-31"))
"""People come for the first time between the first two days, and are followed to the third."""

SHARES = (0.62, 0.26, 0.12)
"""Of the races, in the order of ``RACES``."""


@dataclass(frozen=True)
class Odds:
    """Logits of having a condition at the first visit; ``yearly``: what is added for a year's onset."""

    at_50: float
    by_year: float
    male: float
    after: Mapping[str, float]
    yearly: float = -1.4


ODDS = {
    "diabetes": Odds(-2.3, 0.03, 0.3, {}),
    "hypertension": Odds(-1.0, 0.05, 0.1, {"diabetes": 0.8}),
    "failure": Odds(-4.8, 0.07, 0.3, {"diabetes": 0.6, "hypertension": 1.0}),
    "kidney": Odds(-4.2, 0.05, 0.0, {"diabetes": 1.1, "hypertension": 0.7}),
}
DEATH = {"diabetes": 0.3, "hypertension": 0.0, "failure": 1.1, "kidney": 0.7}
"""What a condition adds to the logarithm of the yearly hazard."""


@dataclass(frozen=True, eq=False)
class People:
    """What stays of each person: arrays [n]. ``own``: the level of each measurement over what is expected."""

    entry: np.ndarray
    birth: np.ndarray
    male: np.ndarray
    race: np.ndarray
    own: Mapping[int, np.ndarray]

    def age(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Years."""
        return np.asarray((day - self.birth[who]).astype(float) / YEAR)


def made(patients: int, seed: int) -> Tables:
    """The five tables by name; the same for the same seed."""
    rng = np.random.default_rng(seed)
    people = _people(patients, rng)
    visits, death = _visits(people, rng)
    person_id = 1 + rng.permutation(patients)  # says nothing of when somebody came
    return _tables(people, visits, death, person_id)


def _people(n: int, rng: np.random.Generator) -> People:
    days = int((LATEST - START).astype(int)) + 1
    entry = START + rng.integers(0, days, n)
    years = np.clip(rng.normal(56, 17, n), 18, 95)
    return People(
        entry=entry,
        birth=entry - np.ceil(years * YEAR).astype(int),
        male=rng.random(n) < 0.47,
        race=rng.choice(list(RACES.values()), n, p=SHARES),
        own={SBP: rng.normal(0, 9, n), A1C: rng.normal(0, 0.4, n)},
    )


def _visits(people: People, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """One row a visit, and the days of death [n], NaT for who lives; everybody's n-th visit at once."""
    n = len(people.entry)
    death = np.full(n, np.datetime64("NaT"), dtype="datetime64[D]")
    who, day, since = np.arange(n), people.entry, np.full(n, np.nan)
    ill = {name: np.zeros(n, dtype=bool) for name in CONDITIONS}
    latent: dict[int, np.ndarray] = {}
    seen = defaultdict(list)
    while len(who):
        age = people.age(who, day)
        ill = _fallen_ill(ill, age, people.male[who], since, rng)
        latent = _measured(latent, ill, age, {m: own[who] for m, own in people.own.items()}, rng)
        kind = _kind(ill, age, rng)
        stay = np.where(kind == INPATIENT, rng.geometric(0.2, len(who)), 0)
        leaves = np.minimum(day + stay, END)
        told = {
            SBP: rng.random(len(who)) < 0.9,
            A1C: rng.random(len(who)) < 0.3 + 0.5 * ill["diabetes"],
        }
        one = {"who": who, "start": day, "end": leaves, "kind": kind, **ill}
        for measurement, values in latent.items():
            one[str(measurement)] = np.where(told[measurement], values, np.nan)
        for name, values in one.items():
            seen[name].append(values)
        burden = sum(i.astype(float) for i in ill.values())
        mean = 400 / (1 + 0.6 * burden) * np.where(kind == INPATIENT, 0.5, 1)
        soon = leaves + 1 + rng.gamma(1.5, mean / 1.5).astype(int)
        hazard = np.exp(
            -4.4
            + 0.075 * (age - 60)
            + sum(DEATH[name] * i for name, i in ill.items())
            + 0.7 * (kind == INPATIENT)
        )
        dies = leaves + 1 + np.minimum(rng.exponential(YEAR / hazard), 40_000).astype(int)
        dead = (dies <= END) & (dies < soon)
        death[who[dead]] = dies[dead]
        on = ~dead & (soon <= END)
        since = (soon - day)[on].astype(float)
        who, day = who[on], soon[on]
        ill = {name: i[on] for name, i in ill.items()}
        latent = {m: values[on] for m, values in latent.items()}
    found = pd.DataFrame({name: np.concatenate(parts) for name, parts in seen.items()})
    return found.sort_values(["who", "start"], ignore_index=True), death


def _fallen_ill(
    ill: dict[str, np.ndarray],
    age: np.ndarray,
    male: np.ndarray,
    since: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Conditions at a visit, ``since`` days after the one before; at a first one it is NaN."""
    now: dict[str, np.ndarray] = {}
    for name, odds in ODDS.items():
        logit = odds.at_50 + odds.by_year * (age - 50) + odds.male * male
        logit += sum(more * now[other] for other, more in odds.after.items())
        first = 1 / (1 + np.exp(-logit))
        yearly = 1 / (1 + np.exp(-logit - odds.yearly))
        later = 1 - (1 - yearly) ** (np.nan_to_num(since) / YEAR)
        now[name] = ill[name] | (rng.random(len(age)) < np.where(np.isnan(since), first, later))
    return now


def _measured(
    before: dict[int, np.ndarray],
    ill: dict[str, np.ndarray],
    age: np.ndarray,
    own: Mapping[int, np.ndarray],
    rng: np.random.Generator,
) -> dict[int, np.ndarray]:
    """Values of this visit, above or below what is expected in part as those of the visit before were."""
    expected = {
        SBP: 118 + 0.35 * (age - 50) + 12 * ill["hypertension"] + 5 * ill["kidney"],
        A1C: 5.4 + 0.004 * (age - 50) + 1.9 * ill["diabetes"],
    }
    spread, keeps = {SBP: 10.0, A1C: 0.6}, {SBP: 0.5, A1C: 0.7}
    found: dict[int, np.ndarray] = {}
    for name, level in expected.items():
        shock, middle = rng.normal(0, spread[name], len(age)), level + own[name]
        if before:
            kept = keeps[name] * (before[name] - middle)
            found[name] = middle + kept + np.sqrt(1 - keeps[name] ** 2) * shock
        else:
            found[name] = middle + shock
    return found


def _kind(ill: dict[str, np.ndarray], age: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    logit = -2.7 + 1.2 * ill["failure"] + 0.6 * ill["kidney"] + 0.015 * (age - 60)
    inside = rng.random(len(age)) < 1 / (1 + np.exp(-logit))
    urgent = rng.random(len(age)) < 0.12
    return np.where(inside, INPATIENT, np.where(urgent, EMERGENCY, OUTPATIENT))


def _tables(
    people: People, visits: pd.DataFrame, death: np.ndarray, person_id: np.ndarray
) -> Tables:
    birth = pd.DatetimeIndex(people.birth)
    person = pd.DataFrame(
        {
            "person_id": person_id,
            "gender_concept_id": np.where(people.male, MALE, FEMALE),
            "year_of_birth": birth.year,
            "month_of_birth": birth.month,
            "day_of_birth": birth.day,
            "race_concept_id": people.race,
            "ethnicity_concept_id": 0,
        }
    ).sort_values("person_id", ignore_index=True)
    key = pd.DataFrame({"person_id": person_id[visits["who"]], "start": visits["start"]})
    visits = visits.iloc[key.sort_values(["person_id", "start"]).index].reset_index(drop=True)
    ids = {"person_id": person_id[visits["who"]], "visit_occurrence_id": 1 + np.arange(len(visits))}
    visit = pd.DataFrame(
        {
            **ids,
            "visit_concept_id": visits["kind"],
            "visit_start_date": _days(visits["start"]),
            "visit_end_date": _days(visits["end"]),
        }
    )
    onsets, values = [], []
    for name, concept in CONDITIONS.items():
        new = visits[name] & ~visits.groupby("who")[name].shift(1, fill_value=False)
        onsets.append(visit[new.to_numpy()].assign(condition_concept_id=concept))
    for concept, unit, decimals in ((SBP, MMHG, 0), (A1C, PERCENT, 1)):
        value = visits[str(concept)].clip(60, 260) if concept == SBP else visits[str(concept)]
        known = visit[value.notna().to_numpy()].assign(
            measurement_concept_id=concept,
            value_as_number=value.dropna().clip(3.5, None).round(decimals).to_numpy(),
            unit_concept_id=unit,
        )
        values.append(known)
    dead = np.flatnonzero(~np.isnat(death))
    return {
        "person": person,
        "visit_occurrence": visit,
        "condition_occurrence": _of_visits(
            onsets, "condition", "condition_start_date", ["condition_concept_id"]
        ),
        "measurement": _of_visits(
            values,
            "measurement",
            "measurement_date",
            ["measurement_concept_id", "value_as_number", "unit_concept_id"],
        ),
        "death": pd.DataFrame(
            {"person_id": person_id[dead], "death_date": _days(pd.Series(death[dead]))}
        ).sort_values("person_id", ignore_index=True),
    }


def _of_visits(parts: list[pd.DataFrame], what: str, date: str, own: list[str]) -> pd.DataFrame:
    """What was recorded at visits as a table with a key of its own."""
    key = f"{what}_occurrence_id" if what == "condition" else f"{what}_id"
    rows = pd.concat(parts).sort_values("visit_occurrence_id", kind="stable", ignore_index=True)
    rows = rows.rename(columns={"visit_start_date": date})
    rows[key] = 1 + np.arange(len(rows))
    return rows[[key, "person_id", own[0], date, *own[1:], "visit_occurrence_id"]]


def _days(series: pd.Series) -> np.ndarray:
    return np.asarray(series.to_numpy().astype("datetime64[D]").astype("datetime64[s]"))


def write(tables: Tables, folder: Path) -> None:
    """A CSV file of each table, and long.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        plain = {n: as_texts(c) if c.dtype.kind == "M" else pa.array(c) for n, c in table.items()}
        pyarrow.csv.write_csv(pa.table(plain), folder / f"{name}.csv")
    pyarrow.csv.write_csv(texts(tables), folder / "long.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    tables = made(asked.patients, asked.seed)
    write(tables, asked.folder)
    for name, table in tables.items():
        print(f"{name}: {len(table):,} rows")


if __name__ == "__main__":
    main()
