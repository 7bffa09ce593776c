"""Does each value of each column still go with its outcomes? P(event | value), synthetic against real.

For every target with an event (classification, survival) and every column that may predict it: the
mean absolute difference of the event rates over the column's codes (categories, bins, specials,
missing), weighted by how many real people have them, beside real train rows in place of the
synthetic ones. Only codes with enough people, events and non-events count; the code that is furthest
off is named, and the worst codes of all columns are scores of their own, with intervals (people drawn
anew, and the synthetic rate's own sampling error). Subgroups have their base rates in
``evaluators.fidelity.representation``.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluators.features import event_of, feature_columns, outcome
from evaluators.fidelity.representation import redrawn
from evaluators.resampling import SMALL, bootstrap_weights, interval, means
from evaluators.score import Score, Status
from evaluators.tables import MIN_EVENTS, MIN_PEOPLE, ROLES, Tables
from privacy.schema.schema import Target

COLUMN = "base_rate.by_column"
VALUE = "base_rate.by_value"

WORST = 20
"""So many of the worst codes of all columns, for each target, get a score of their own."""

Known = dict[str, tuple[np.ndarray, np.ndarray]]
"""role → the rows with a known outcome, and their events (0/1)."""


@dataclass(frozen=True, eq=False)
class Rates:
    """What a column's codes say of an event; arrays over its codes, NaN where under MIN_EVENTS rows
    have one."""

    column: str
    people: np.ndarray
    events: np.ndarray
    enough: np.ndarray
    real: np.ndarray
    synthetic: np.ndarray
    train: np.ndarray


def conditional(tables: Tables) -> list[Score]:
    """Every target's columns, then its worst codes."""
    scores: list[Score] = []
    for target in tables.schema.targets:
        known: Known = {}
        for role in ROLES:
            y, has = outcome(tables.frame(role), tables.codec, target)
            event = event_of(y, target)
            if event is not None:
                known[role] = np.flatnonzero(has), event[has]
        if known:
            found = [
                _rates(tables, column, known) for column in feature_columns(tables.schema, target)
            ]
            scores += [_column(tables, target, rates) for rates in found]
            scores += _worst(tables, target, found, known)
    return scores


def _rates(tables: Tables, column: str, known: Known) -> Rates:
    size = tables.codec.columns[column].size
    rate = {}
    for role, (rows, event) in known.items():
        code = tables.codes[role][column].to_numpy()[rows]
        count, events = np.bincount(code, minlength=size), np.bincount(code, event, size)
        rate[role] = np.divide(events, count, out=np.full(size, np.nan), where=count >= MIN_EVENTS)
    rows, event = known["holdout"]
    code, unit = tables.codes["holdout"][column].to_numpy()[rows], tables.units["holdout"][rows]
    people = _people(code, unit, size)
    events = _people(code[event > 0], unit[event > 0], size)
    rest = _people(code[event <= 0], unit[event <= 0], size)
    enough = (people >= MIN_PEOPLE) & (events >= MIN_EVENTS) & (rest >= MIN_EVENTS)
    real, synthetic, train = (rate[role] for role in ("holdout", "synthetic", "train"))
    return Rates(column, people, events, enough, real, synthetic, train)


def _people(code: np.ndarray, unit: np.ndarray, size: int) -> np.ndarray:
    """How many units have a row with each code."""
    pairs = np.unique(code.astype(np.int64) * (int(unit.max(initial=0)) + 1) + unit)
    return np.bincount(pairs // (int(unit.max(initial=0)) + 1), minlength=size)


def _column(tables: Tables, target: Target, rates: Rates) -> Score:
    gap = np.abs(rates.synthetic - rates.real)
    use = rates.enough & np.isfinite(gap)
    status: Status = "ok" if use.any() else "insufficient evidence"
    labels = tables.codec.columns[rates.column].labels
    value = baseline = None
    detail, reason = rates.column, ""
    if use.any():
        value = float(np.average(gap[use], weights=rates.people[use]))
        detail += f", furthest at {labels[int(np.where(use, gap, -1).argmax())]}"
        beside = np.abs(rates.train - rates.real)
        if np.isfinite(beside[use]).all():
            baseline = float(np.average(beside[use], weights=rates.people[use]))
    elif rates.enough.any():
        reason = "too few synthetic rows with a value that enough people have"
    else:
        reason = (
            f"no value with {MIN_PEOPLE} people, {MIN_EVENTS} with the event and as many without"
        )
    return Score(
        metric=COLUMN,
        value=value,
        baseline=baseline,
        baseline_name="real train rows",
        target=target.name,
        n=int(rates.people[rates.enough].sum()),
        positives=int(rates.events[rates.enough].sum()),
        higher_is_better=False,
        status=status,
        reason=reason,
        detail=detail,
    )


def _worst(tables: Tables, target: Target, found: list[Rates], known: Known) -> list[Score]:
    """The codes whose rates are furthest off, of those with enough people, events and rest."""
    places = [
        (float(abs(rates.synthetic[code] - rates.real[code])), rates, int(code))
        for rates in found
        for code in np.flatnonzero(rates.enough & np.isfinite(rates.synthetic))
    ]
    places.sort(key=lambda place: -place[0])
    rows, event = known["holdout"]
    unit = np.unique(tables.units["holdout"][rows], return_inverse=True)[1]
    weights = bootstrap_weights(unit, tables.rng(f"conditional {target.name}"), kind=SMALL)
    scores = []
    for _, rates, code in places[:WORST]:
        name = f"{rates.column}={tables.codec.columns[rates.column].labels[code]}"
        has = tables.codes["holdout"][rates.column].to_numpy()[rows] == code
        real = means(weights, event, has)
        there, events = known["synthetic"]
        having = tables.codes["synthetic"][rates.column].to_numpy()[there] == code
        ours, whose = events[having], tables.units["synthetic"][there[having]]
        rng = tables.rng(f"conditional {target.name} {name}")
        low, high = interval(redrawn(ours, whose, len(real), rng) - real)
        scores.append(
            Score(
                metric=VALUE,
                value=float(rates.synthetic[code] - rates.real[code]),
                low=low,
                high=high,
                baseline=float(rates.real[code]),
                baseline_name="real base rate",
                target=target.name,
                n=int(rates.people[code]),
                positives=int(rates.events[code]),
                detail=name,
            )
        )
    return scores
