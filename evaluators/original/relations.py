"""What every real row keeps, and how many synthetic rows break it.

Looked for among the train rows and confirmed among those held out, so that what is found is no coincidence:

- order: one number or date is at most, or below, another;
- total: a number is the sum of up to three others (a stay is the days between two dates);
- determined: each value of one column goes with one value of another;
- missing together: two columns are missing in the same rows.

A relation holds in 99.5 % of the rows to which it applies, and says something: were its columns independent,
5 % and at least 30 rows would break it. Order that follows from two others is left out.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.stats import binomtest

from evaluators.original.originals import Original, each_original
from evaluators.score import Score
from evaluators.tables import ROLES, Tables, evidence
from privacy.schema.codec import MISSING
from privacy.schema.columns import Datetime

KEPT = 0.995
TELLING = 0.05
TELLING_ROWS = 30
CONFIRMED_ROWS = 30
"""Fewer held-out rows to which a relation applies cannot confirm it."""

SCREENED = 2_000
"""So many train rows decide which pairs are looked at in all."""

SCREENED_SUMS = 64
MOST_SUMS = 5_000
MOST_PARTS = 3
MOST_COLUMNS = 100
NEARLY_UNIQUE = 0.2
"""With more distinct values to a row, a column names rows rather than determines others."""

Breaks = Callable[[str], tuple[np.ndarray, np.ndarray]]
"""Role → to which rows the relation applies, and which break it."""


@dataclass(frozen=True, eq=False)
class Relation:
    """``breaks``: as the name says; ``kind`` and ``says``: in words; ``names``: the columns of an order."""

    kind: str
    says: str
    breaks: Breaks
    names: tuple[str, ...] = ()

    def rate(self, role: str) -> tuple[int, int]:
        """Rows that break it, and rows to which it applies."""
        applies, broken = self.breaks(role)
        return int((applies & broken).sum()), int(applies.sum())


def relations(tables: Tables) -> list[Score]:
    """A score for each relation found, the share of synthetic rows that break it."""
    rows = len(tables.train) + len(tables.holdout)
    status, reason = evidence(min(len(tables.train), len(tables.holdout)))
    if tables.synthetic.empty:
        status, reason = "insufficient evidence", "the synthetic table has no rows"
    if status != "ok":
        return [
            Score(
                metric="relation.broken",
                rows="train and holdout",
                n=rows,
                higher_is_better=False,
                status=status,
                reason=reason,
            )
        ]
    kept = [_score(r) for r in found(tables)]
    return kept or [
        Score(
            metric="relation.broken",
            value=0.0,
            rows="train and holdout",
            n=rows,
            higher_is_better=False,
            detail="none was found that every real row keeps",
        )
    ]


def _score(relation: Relation) -> Score:
    broken, n = relation.rate("synthetic")
    kept, real = relation.rate("holdout")
    interval = binomtest(broken, n).proportion_ci(method="wilson") if n else None
    return Score(
        metric="relation.broken",
        value=broken / n if n else None,
        low=float(interval.low) if interval else None,
        high=float(interval.high) if interval else None,
        baseline=kept / real,
        baseline_name="real holdout rows",
        rows="train and holdout",
        n=real,
        higher_is_better=False,
        status="ok" if n else "insufficient evidence",
        reason="" if n else "no synthetic row has what the relation is about",
        model=relation.kind,
        detail=relation.says,
    )


def found(tables: Tables) -> list[Relation]:
    """The relations, one kind after the other."""
    columns = list(each_original(tables))
    rng = tables.rng("relations")
    numeric = [c for c in columns if c.numeric][:MOST_COLUMNS]
    values = {r: _stack([c.numbers[r] for c in numeric], len(tables.frame(r))) for r in ROLES}
    names = [c.name for c in numeric]
    dates = np.array([isinstance(c.column, Datetime) for c in numeric], dtype=bool)
    sums = list(_totals(names, values, rng))
    same = {frozenset((x, p[0])) for x, p, _ in sums if len(p) == 1}
    determined = _determined(columns[:MOST_COLUMNS], tables, rng)
    return [
        *_orders(names, dates, values, same, rng),
        *(r for *_, r in sums),
        *(r for pair, r in determined.items() if frozenset(pair) not in same),
        *_missing_together(columns, rng),
    ]


def _stack(columns: list[np.ndarray], n: int) -> np.ndarray:
    return np.column_stack(columns) if columns else np.zeros((n, 0))


def _confirmed(relation: Relation) -> bool:
    """Whether the rows held out keep it too."""
    broken, n = relation.rate("holdout")
    return n >= CONFIRMED_ROWS and broken <= (1 - KEPT) * n


def _telling(by_chance: float, rows: int) -> bool:
    """Whether enough rows would break it were the columns independent."""
    return by_chance >= TELLING and by_chance * rows >= TELLING_ROWS


def _some(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(n)[:size]


# order


def _orders(
    names: list[str],
    dates: np.ndarray,
    values: dict[str, np.ndarray],
    same: set[frozenset[str]],
    rng: np.random.Generator,
) -> Iterator[Relation]:
    train = values["train"]
    some = train[_some(len(train), SCREENED, rng)]
    pairs: dict[tuple[int, int], Relation] = {}
    for a, name in enumerate(names):
        with np.errstate(invalid="ignore"):
            above = (some[:, [a]] > some).sum(axis=0)
        both = (np.isfinite(some[:, [a]]) & np.isfinite(some)).sum(axis=0)
        candidates = np.flatnonzero((above <= 2 * (1 - KEPT) * both) & (dates == dates[a]))
        for b in candidates.tolist():
            if a != b and both[b] and frozenset((name, names[b])) not in same:
                relation = _order(names, values, a, b)
                if relation is not None:
                    pairs[a, b] = relation
    below = {a: {b for x, b in pairs if x == a} for a, _ in pairs}
    for (a, b), relation in pairs.items():
        if not any(b in below.get(c, ()) for c in below[a] - {b} if a not in below.get(c, ())):
            yield relation


def _order(names: list[str], values: dict[str, np.ndarray], a: int, b: int) -> Relation | None:
    x, y = values["train"][:, a], values["train"][:, b]
    there = np.isfinite(x) & np.isfinite(y)
    x, y = x[there], y[there]
    if not len(x) or (x > y).sum() > (1 - KEPT) * len(x):
        return None
    strict = not (x == y).any()
    ordered = np.sort(y)
    side: Literal["left", "right"] = "right" if strict else "left"
    by_chance = float(np.searchsorted(ordered, x, side=side).mean() / len(y))
    if not _telling(by_chance, len(x)):
        return None

    def breaks(role: str) -> tuple[np.ndarray, np.ndarray]:
        one, other = values[role][:, a], values[role][:, b]
        with np.errstate(invalid="ignore"):
            return np.isfinite(one) & np.isfinite(other), one >= other if strict else one > other

    says = f"{names[a]} {'<' if strict else '<='} {names[b]}"
    relation = Relation("order", says, breaks, (names[a], names[b]))
    return relation if _confirmed(relation) else None


# totals


def _totals(
    names: list[str], values: dict[str, np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[str, tuple[str, ...], Relation]]:
    """The total, its parts, and the relation; of equal columns the first is the total."""
    train = values["train"]
    varied = [j for j in range(len(names)) if np.nanmax(train[:, j], initial=-np.inf) > -np.inf]
    some = train[_some(len(train), SCREENED_SUMS, rng)]
    for size in range(1, MOST_PARTS + 1):
        parts = np.array(list(combinations(varied, size)), dtype=np.int64).reshape(-1, size)
        if len(parts) > MOST_SUMS:
            break
        sums = some[:, parts].sum(axis=2) if len(parts) else np.zeros((len(some), 0))
        for total in varied:
            near = _near(some[:, [total]], sums)
            known = np.isfinite(some[:, [total]]) & np.isfinite(sums)
            likely = (near.sum(axis=0) >= 0.9 * known.sum(axis=0)) & (known.sum(axis=0) >= 8)
            likely &= ~(parts == total).any(axis=1) & ~((size == 1) & (parts[:, 0] < total))
            for one in parts[likely]:
                relation = _total(names, values, total, one, rng)
                if relation is not None:
                    yield names[total], tuple(names[j] for j in one), relation


def _near(total: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Equal but for rounding of floats."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(total - sums) <= 1e-12 * np.abs(total) + 1e-9)


def _total(
    names: list[str],
    values: dict[str, np.ndarray],
    total: int,
    parts: np.ndarray,
    rng: np.random.Generator,
) -> Relation | None:
    def breaks(role: str) -> tuple[np.ndarray, np.ndarray]:
        x, sums = values[role][:, total], values[role][:, parts].sum(axis=1)
        return np.isfinite(x) & np.isfinite(sums), ~_near(x, sums)

    applies, broken = breaks("train")
    n = int(applies.sum())
    if not n or (applies & broken).sum() > (1 - KEPT) * n:
        return None
    x, of = values["train"][applies, total], values["train"][applies][:, parts]
    for j in range(len(parts)):  # each part must matter
        shuffled = of.copy()
        shuffled[:, j] = rng.permutation(shuffled[:, j])
        if not _telling(float((~_near(x, shuffled.sum(axis=1))).mean()), n):
            return None
    says = f"{names[total]} = {' + '.join(names[j] for j in parts)}"
    relation = Relation("total", says, breaks)
    return relation if _confirmed(relation) else None


# one column determined by another


def _determined(
    columns: list[Original], tables: Tables, rng: np.random.Generator
) -> dict[tuple[str, str], Relation]:
    """By both names; of two columns that determine each other once."""
    codes = {c.name: _codes(c) for c in columns}
    n = len(tables.train)
    order = _some(n, SCREENED, rng)
    sizes = {name: len(np.unique(by["train"])) for name, by in codes.items()}
    few = [name for name, size in sizes.items() if 1 < size <= NEARLY_UNIQUE * n]
    varied = [name for name in few if np.bincount(codes[name]["train"]).max() <= (1 - TELLING) * n]
    shuffle = rng.permutation(n)
    kept: dict[tuple[str, str], Relation] = {}
    for a in few:
        some = codes[a]["train"][order]
        for b in varied:
            if a == b or sizes[a] < sizes[b] or (b, a) in kept:
                continue
            broken, rows = _misfits(some, codes[b]["train"][order])
            if broken > 2 * (1 - KEPT) * rows:
                continue
            relation = _determines(a, b, codes[a], codes[b], shuffle)
            if relation is not None:
                kept[a, b] = relation
    return kept


def _codes(column: Original) -> dict[str, np.ndarray]:
    """A whole number for every value, number or category, from 0."""
    found = {r: column.codes[r].astype(np.int64) for r in ROLES}
    if column.numeric:
        pooled = np.concatenate([column.numbers[r] for r in ROLES])
        place = np.unique(pooled, return_inverse=True)[1]  # NaNs are one value, the last
        joint = place * len(column.labels) + np.concatenate([found[r] for r in ROLES])
        joint = np.unique(joint, return_inverse=True)[1]
        parts = np.split(joint, np.cumsum([len(found[r]) for r in ROLES])[:-1])
        found = dict(zip(ROLES, parts, strict=True))
    return found


def _misfits(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Rows without the commonest b of their a, among a that are there twice; and how many rows those are."""
    counts, _ = _modes(a, b)
    return int((counts[0] - counts[1]).sum()), int(counts[0].sum())


def _modes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each a that is there twice: [its rows, those with its commonest b]; and [a, that b]."""
    width = int(b.max(initial=0)) + 1
    pair, count = np.unique(a * width + b, return_counts=True)
    of = pair // width
    order = np.lexsort((-count, of))
    of, count, value = of[order], count[order], (pair % width)[order]
    first = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.zeros(0, np.int64)
    rows = np.add.reduceat(count, first) if len(first) else count
    twice = rows >= 2
    return (
        np.array([rows[twice], count[first][twice]]),
        np.array([of[first][twice], value[first][twice]]),
    )


def _determines(
    a: str, b: str, of_a: dict[str, np.ndarray], of_b: dict[str, np.ndarray], shuffle: np.ndarray
) -> Relation | None:
    counts, modes = _modes(of_a["train"], of_b["train"])
    rows, fitting = (int(c.sum()) for c in counts)
    if rows < 0.5 * len(shuffle) or rows - fitting > (1 - KEPT) * rows:
        return None
    by_chance, _ = _misfits(of_a["train"], of_b["train"][shuffle])
    if not _telling(by_chance / rows, rows):
        return None
    size = 1 + max(int(codes.max(initial=0)) for codes in of_a.values())
    asked = np.full(size, -1)
    asked[modes[0]] = modes[1]

    def breaks(role: str) -> tuple[np.ndarray, np.ndarray]:
        expected = asked[of_a[role]]
        return expected >= 0, of_b[role] != expected

    relation = Relation("determined", f"{a} determines {b}", breaks)
    return relation if _confirmed(relation) else None


# missing together


def _missing_together(columns: list[Original], rng: np.random.Generator) -> Iterator[Relation]:
    """Each column with the first one that is missing with it."""
    missing = {
        c.name: {r: c.codes[r] == c.labels.index(MISSING) for r in ROLES}
        for c in columns
        if MISSING in c.labels
    }
    leaders: list[str] = []
    for name, mine in missing.items():
        if mine["train"].mean() < 0.01:
            continue
        for leader in leaders:
            relation = _together(leader, name, missing[leader], mine, rng)
            if relation is not None:
                yield relation
                break
        else:
            leaders.append(name)


def _together(
    a: str,
    b: str,
    of_a: dict[str, np.ndarray],
    of_b: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> Relation | None:
    def breaks(role: str) -> tuple[np.ndarray, np.ndarray]:
        return of_a[role] | of_b[role], of_a[role] != of_b[role]

    relation = Relation("missing together", f"{a} and {b} are missing together", breaks)
    broken, rows = relation.rate("train")
    if broken > (1 - KEPT) * rows:
        return None
    shuffled = rng.permutation(of_b["train"])
    by_chance = float((of_a["train"] != shuffled).sum()) / max(1, len(shuffled))
    apart = by_chance * len(shuffled) / max(1, int((of_a["train"] | shuffled).sum()))
    return relation if _telling(apart, rows) and _confirmed(relation) else None
