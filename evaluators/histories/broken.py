"""People whose history is none by the schema: more rows than count, a constant that changes, a number out of
line.

- rows: more than ``max_rows_per_unit``;
- order: missing, or a time between two rows outside of the bounds of ``visits.gaps`` where those are known;
  so is any other difference that may not fall (rows are put in order first, so time never runs back);
- constant: not the same in all rows, missing values among them;
- numbered: not 1, 2, 3, …;
- never_falls, rises: below, or not above, the row before, where both are there;
- ends: a row after one that ends a history;
- ages: not one birthday that all rows agree with. Ages at a bound are not looked at, since they may be clamped.

Of synthetic rows it needs no real row, so it is public; of real rows it says how well the schema knows them.

Privacy claim: none; what it says of real rows stays in the house.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from evaluators.histories.lived import Lived, arranged
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.numbers import without_specials
from privacy.schema.schema import Schema
from privacy.schema.visits import timed

DUST = 1e-6
TOLD = 4
DAY = 86_400.0


def broken(tables: Tables) -> list[Score]:
    """Which share of synthetic people breaks what is declared, and which of real people."""
    if tables.schema.visits is None:
        return []
    kinds, people = breaks(tables, "synthetic")
    bad = _any(kinds, people)
    told = _told(kinds)
    real: dict[str, np.ndarray] = {}
    of_real = 0
    for role in ("train", "holdout"):
        found, number = breaks(tables, role)
        of_real += number
        for what, who in found.items():
            real[what] = np.concatenate([real.get(what, np.zeros(0, dtype=bool)), who])
    scores = [
        Score(
            metric="histories.broken",
            value=float(bad.mean()) if people else None,
            rows="none",
            visibility="public",
            higher_is_better=False,
            status="ok" if people else "insufficient evidence",
            reason="" if people else "no synthetic row to look at",
            detail=told or f"{people:,} synthetic people keep all that the schema says",
        )
    ]
    if of_real:
        about: dict[str, Any] = {"rows": "train and holdout", "n": of_real}
        value = float(_any(real, of_real).mean())
        scores.append(
            Score(
                metric="histories.broken_by_real",
                value=value,
                higher_is_better=False,
                detail=_told(real) or "every real person keeps it",
                **about,
            )
        )
    return scores


def breaks(tables: Tables, role: str) -> tuple[dict[str, np.ndarray], int]:
    """What ``broken_histories`` finds in a table, and how many people it has."""
    frame = tables.frame(role)
    of = arranged(frame, tables.schema, tables.units[role])
    return dict(broken_histories(frame.iloc[of.rows], tables.schema, of)), of.people


def _any(kinds: dict[str, np.ndarray], people: int) -> np.ndarray:
    return np.asarray(np.any([*kinds.values(), np.zeros(people, dtype=bool)], axis=0))


def _told(kinds: dict[str, np.ndarray]) -> str:
    """The commonest kinds in words."""
    counts = sorted(((int(w.sum()), k) for k, w in kinds.items() if w.any()), key=lambda c: -c[0])
    said = [f"{what} ({number:,} of {len(kinds[what]):,} people)" for number, what in counts[:TOLD]]
    rest = len(counts) - TOLD
    return "; ".join([*said, *([f"and {rest} more"] if rest > 0 else [])])


def broken_histories(
    frame: pd.DataFrame, schema: Schema, of: Lived
) -> Iterator[tuple[str, np.ndarray]]:
    """What is declared, in words, and which people break it, bool [people].

    ``frame``: rows in the order of ``of``.
    """
    visits = schema.visits
    assert visits is not None
    earlier, later = of.apart()

    def people(rows: np.ndarray) -> np.ndarray:
        who = np.zeros(of.people, dtype=bool)
        who[of.person[rows]] = True
        return who

    yield f"more than {schema.max_rows_per_unit} rows", of.sizes > schema.max_rows_per_unit
    when = timed(schema)
    if when is not None:
        unknown = ~np.isfinite(_numbers(frame, schema, when))
        yield f"{when} is missing", people(np.flatnonzero(unknown))
    for name in dict.fromkeys((when, *visits.never_falls, *visits.rises)):
        if name is not None and (name == when or name in visits.gaps):
            value = _numbers(frame, schema, name)
            apart = value[later] - value[earlier]
            low, high = visits.gaps[name].bounds if name in visits.gaps else (0.0, np.inf)
            with np.errstate(invalid="ignore"):
                bad = (apart < low - DUST) | (apart > high + DUST)
            yield f"{name} moves by less than {low:g} or more than {high:g}", people(later[bad])
    for name in visits.constant:
        value = pd.factorize(frame[name].astype(object), use_na_sentinel=True)[0]
        yield f"{name} changes", people(later[value[later] != value[earlier]])
    for name in visits.numbered:
        wrong = _numbers(frame, schema, name) != of.number + 1
        yield f"{name} does not count from 1", people(np.flatnonzero(wrong))
    for name in (*visits.never_falls, *visits.rises):
        value = _numbers(frame, schema, name)
        with np.errstate(invalid="ignore"):
            step = value[later] - value[earlier]
            bad = step < -DUST if name in visits.never_falls else step <= DUST
        what = "falls" if name in visits.never_falls else "does not rise"
        yield f"{name} {what}", people(later[bad])
    for name, values in visits.ends.items():
        ended = frame[name].isin(values).to_numpy(dtype=bool)
        yield f"a row follows {name} {' or '.join(values)}", people(later[ended[earlier]])
    for name, every in visits.ages.items():
        assert when is not None
        yield (
            f"{name} and {when} do not go together",
            _birthdays(frame, schema, of, name, when, every),
        )


def _birthdays(
    frame: pd.DataFrame, schema: Schema, of: Lived, name: str, when: str, every: float
) -> np.ndarray:
    """Whose ages agree with no one birthday: age − time differs by more than a step of the age."""
    column = schema.columns[name]
    assert isinstance(column, Numeric)
    age = _numbers(frame, schema, name)
    inside = (age > column.bounds[0]) & (age < column.bounds[1])
    time, of_time = _numbers(frame, schema, when), schema.columns[when]
    if isinstance(of_time, Datetime) and of_time.resolution != "day":
        time = time / DAY
    born = np.where(inside, age - time / every, np.nan)
    step = 1.0 if column.kind == "integer" else 10.0 ** -(column.decimals or 0)
    if column.kind == "float" and column.decimals is None:
        step = DUST
    by = pd.Series(born).groupby(of.person)
    return np.asarray((by.max() - by.min()).to_numpy() > step + DUST)


def _numbers(frame: pd.DataFrame, schema: Schema, name: str) -> np.ndarray:
    """A column as numbers: dates in days or seconds, categories by their place; NaN where there is none."""
    column = schema.columns[name]
    if isinstance(column, Categorical):
        place = {c: float(i) for i, c in enumerate(column.categories or ())}
        return np.asarray(frame[name].map(place).to_numpy(dtype=float))
    assert isinstance(column, Numeric | Datetime)
    return np.asarray(without_specials(frame[name], column))
