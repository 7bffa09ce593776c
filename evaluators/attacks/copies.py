"""Is anybody's row in the release as it is, or all but as it is?

Two questions. *Share*: how many synthetic rows are a train person's record in every column, beyond how often
another real person's record is; it needs nobody held out, and a copy of the train rows says 1. *Who*: of the
people whose very record a synthetic row has, or to whom one comes nearer than people come to each other, how
many were trained on? A release that copies nobody meets train people and people held out alike, whatever it
looks like, so their numbers are binomial with the share that train people have; a Clopper-Pearson interval
makes this an exact test, which finds a dozen copies among thousands of fresh rows. Records that several
people have say nothing of anyone and are left out of the second question.

Rows: train, and holdout where somebody was held out. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta, norm

from evaluators.attacks.people import HELD_OUT, unmeasured
from evaluators.attacks.points import Space, records
from evaluators.images.extractor import PIXELS
from evaluators.images.neighbours import nearest
from evaluators.score import Score
from evaluators.tables import Tables, evidence
from privacy.reading.images import stack

SHARE = "copies.share"
EXACT, NEAR = "attack.copies.exact", "attack.copies.near"

MAX_SYNTHETIC, MAX_REAL = 10_000, 30_000
"""At most so many rows are looked at for who is near."""

ALPHA_EXACT, ALPHA_NEAR = 0.01, 0.005
"""So often, at most, people are said to be copied where nobody is. With two trained on for each held out, a
dozen people met are enough to say so."""

CLOSE = (0.001, 0.01, 0.1)
"""Nearer than this share of people are to the person nearest to them."""

SAMPLE = 2_000
"""So many people are asked how near the next person is."""


def copied(tables: Tables) -> list[Score]:
    """How many synthetic rows are the record of a person trained on, beyond what is usual among people."""
    if tables.synthetic.empty or tables.train.empty:
        return [unmeasured(SHARE, "no row to compare")]
    record = records(tables, _every(tables, "train", "synthetic"))
    train, synthetic = np.split(record, [len(tables.train)])
    unit = tables.units["train"]
    same = np.isin(synthetic, train)
    people = pd.Series(unit).groupby(train).nunique()
    others = people.loc[train].to_numpy() > 1
    value, control = float(same.mean()), float(others.mean())
    error = np.sqrt(
        value * (1 - value) / len(synthetic) + control * (1 - control) / len(np.unique(unit))
    )
    half = float(norm.ppf(0.975) * error)
    return [
        Score(
            metric=SHARE,
            value=value - control,
            low=value - control - half,
            high=value - control + half,
            rows="train",
            n=len(np.unique(unit)),
            baseline=0.0,
            baseline_name="as often as people share a record",
            higher_is_better=False,
            detail=f"{value:.1%} of synthetic rows are a train person's record in every column, "
            f"{control:.1%} of people have another's",
        )
    ]


def copies(tables: Tables) -> list[Score]:
    """Of the people whose record is met, how many were trained on, and what that says of all; then of those to
    whom a synthetic row comes nearer than people do."""
    people = {r: tables.people(r, np.ones(len(tables.frame(r)), bool)) for r in REAL}
    status, reason = evidence(min(people.values()))
    if status != "ok" or tables.synthetic.empty:
        reason = reason or "no synthetic row"
        return [s for m in (EXACT, NEAR) for s in _unmeasured(m, f"not measured: {reason}")]
    return [*_exact(tables), *_near(tables)]


REAL = ("train", "holdout")


def _unmeasured(metric: str, reason: str) -> Iterator[Score]:
    for name in (metric, f"{metric}.leak"):
        yield unmeasured(name, reason)


def _exact(tables: Tables) -> list[Score]:
    rows = _every(tables, *REAL, "synthetic")
    real, synthetic = np.split(records(tables, rows), [len(tables.train) + len(tables.holdout)])
    member, unit = _who(tables, rows)
    alone = (pd.Series(unit).groupby(real).nunique() == 1).loc[real].to_numpy()
    met = alone & np.isin(real, synthetic)
    return _scores(
        EXACT, _Met.of(member, unit, alone, met), "records that one person has", ALPHA_EXACT
    )


def _near(tables: Tables) -> list[Score]:
    """The nearest of three thresholds that shows most, at a third of ALPHA_NEAR each."""
    rows = {"synthetic": _drawn(tables, "synthetic", MAX_SYNTHETIC)}
    n = {role: len(tables.frame(role)) for role in REAL}
    share = min(1.0, MAX_REAL / sum(n.values()))
    rows |= {role: _drawn(tables, role, round(n[role] * share)) for role in REAL}
    member, unit = _who(tables, rows)
    place = _places(tables, rows)
    real = np.concatenate([place[role] for role in REAL])
    rng = tables.rng("copies")
    mixed = rng.permutation(len(real))  # so that of equals neither side comes first
    distance, who = nearest(place["synthetic"], real[mixed], 1)
    owner, away = mixed[who[:, 0]], distance[:, 0]
    asked = rng.permutation(len(real))[:SAMPLE]
    between = _to_others(real, unit, asked)
    found = []
    for share in CLOSE:
        met = np.zeros(len(real), dtype=bool)
        met[owner[away < max(float(np.quantile(between, share)), EPSILON)]] = True
        detail = f"nearer than {share:.1%} of people are to the next"
        all_of_them = np.ones(len(real), dtype=bool)
        found.append(
            _scores(NEAR, _Met.of(member, unit, all_of_them, met), detail, ALPHA_NEAR / len(CLOSE))
        )
    return max(found, key=lambda scores: scores[1].low if scores[1].low is not None else -1.0)


EPSILON = 1e-6
"""Points as near as this are the same but for rounding."""


def _to_others(real: np.ndarray, unit: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """How far the nearest row of another unit is from each row asked about; of many rows of one unit the
    nearest eight are looked through."""
    distance, rows = nearest(real[asked], real, 9)
    others = unit[rows] != unit[asked][:, None]
    known = others.any(axis=1)
    first = others[known].argmax(axis=1)
    return np.asarray(distance[known][np.arange(int(known.sum())), first])


@dataclass(frozen=True)
class _Met:
    """How many people could be met, and were, on both sides."""

    train: int
    holdout: int
    met_train: int
    met_holdout: int

    @staticmethod
    def of(member: np.ndarray, unit: np.ndarray, could: np.ndarray, met: np.ndarray) -> _Met:
        def count(mask: np.ndarray) -> int:
            return len(np.unique(unit[mask]))

        return _Met(
            count(could & member), count(could & ~member), count(met & member), count(met & ~member)
        )

    @property
    def expected(self) -> float:
        """The share of train people among those met, where nobody is copied."""
        return self.train / (self.train + self.holdout)

    def beyond(self, share: float) -> float:
        """The share of train people met beyond that of people held out, if ``share`` of all met are train."""
        met = self.met_train + self.met_holdout
        return share * met / self.train - (1 - share) * met / self.holdout


def _scores(metric: str, met: _Met, detail: str, alpha: float) -> list[Score]:
    """Who was met, and the excess; an interval at 1 − 2 × ``alpha``."""
    total = met.met_train + met.met_holdout
    if min(met.train, met.holdout) == 0:
        return list(_unmeasured(metric, "nobody has a record of their own"))
    about: dict[str, Any] = {
        "rows": "train and holdout",
        "n": met.train + met.holdout,
        "positives": met.train,
        "higher_is_better": False,
        "detail": f"{detail}: {met.met_train:,} people of {met.train:,} trained on are met, "
        f"{met.met_holdout:,} of {met.holdout:,} held out",
    }
    low, high = (
        float(beta.ppf(alpha, met.met_train, met.met_holdout + 1)) if met.met_train else 0.0,
        float(beta.ppf(1 - alpha, met.met_train + 1, met.met_holdout)) if met.met_holdout else 1.0,
    )
    share = met.met_train / total if total else met.expected
    return [
        Score(
            metric=metric,
            value=share,
            low=low,
            high=high,
            baseline=met.expected,
            baseline_name="their share of all people",
            **about,
        ),
        Score(
            metric=f"{metric}.leak",
            value=met.beyond(share),
            low=met.beyond(low),
            high=met.beyond(high),
            baseline=0.0,
            baseline_name=HELD_OUT,
            **about,
        ),
    ]


def _who(tables: Tables, rows: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Whether each real row is of train, and a number for its unit that no other side has."""
    member = np.repeat([True, False], [len(rows[role]) for role in REAL])
    unit = np.concatenate([tables.units[role][rows[role]] for role in REAL])
    return member, unit * 2 + member


def _places(tables: Tables, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rows as points in which a copy is at distance 0."""
    if (image := tables.schema.image) is not None:
        return {
            r: np.asarray(PIXELS.of(stack(tables.frame(r)[image].iloc[rows[r]])), dtype=np.float32)
            for r in rows
        }
    space = tables.once(Space.of)
    return {r: space.project(space.points(r, rows[r])).place for r in rows}


def _every(tables: Tables, *roles: str) -> dict[str, np.ndarray]:
    """All rows: a few copies among many fresh rows would be lost in a draw."""
    return {role: np.arange(len(tables.frame(role))) for role in roles}


def _drawn(tables: Tables, role: str, most: int) -> np.ndarray:
    n = len(tables.frame(role))
    if n <= most:
        return np.arange(n)
    return np.sort(tables.rng(f"copies {role}").choice(n, size=most, replace=False))
