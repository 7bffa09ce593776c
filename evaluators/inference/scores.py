"""Inference: does a regression on synthetic rows say what it says on the rows they were made from?

Real = the train rows. A release stands in for them, so that a difference of coefficients is what
synthesis added; held-out people beside them (the baseline) show what another sample of people differs
by. Figures: overlap of the two 95 % intervals (Karr et al. 2006: 1 the same, 0 touching, below 0
apart), agreement of sign, and the difference in real standard errors.

``inference.type_one``: what a 5 % test of a single synthetic table really rejects. With d the difference of
synthetic and real coefficient, V the real variance and v the one the analyst reads off the synthetic table, a
true null hypothesis is rejected with probability P(|N(d, V)| > 1.96 √v), since the synthetic coefficient errs
by the sampling of the real rows and by d. The mean over coefficients and tables takes the d for draws of the
error of synthesis, whatever it comes from: noise, drawing rows, bias. It assumes nothing of the generator;
with few coefficients it is rough, as its interval (redrawn coefficients) says. ``inference.combined.*``: the
same of several tables combined as independent releases (``evaluators.inference.combining``); where they are
draws of one model, type_one shows that they do not do.

Rows: train. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from evaluators.features import event_of, outcome
from evaluators.inference.combining import independent_releases
from evaluators.inference.regressions import REGRESSIONS, Fit, Terms, chosen_columns, terms
from evaluators.resampling import bootstrap_weights, interval
from evaluators.score import Score
from evaluators.tables import MIN_EVENTS, Tables
from evaluators.utility.estimators import NotConvergedError
from evaluators.utility.predictions import MAX_TRAIN, renumbered
from evaluators.utility.survival import independent
from privacy.schema.schema import Target

PREFIX = "inference"
MIN_ROWS = 5
"""A regression needs so many people for each coefficient."""

REFERENCE = "the category that others are compared with"
LEVEL = 0.95
Z = float(norm.ppf((1 + LEVEL) / 2))
WARNING = (
    "a test at 5 % on this table alone rejects a true null hypothesis in about {:.0%} of analyses; "
    "treat its p-values as exploratory, or ask for several independent releases and combine them"
)


@dataclass(frozen=True, eq=False)
class Data:
    """Regressors, outcomes and unit numbers of a table's rows that have an outcome."""

    terms: Terms
    y: np.ndarray
    unit: np.ndarray

    @property
    def people(self) -> int:
        return len(np.unique(self.unit))

    def only(self, rows: np.ndarray) -> Data:
        return Data(replace(self.terms, X=self.terms.X[rows]), self.y[rows], self.unit[rows])


def inference(tables: Tables) -> list[Score]:
    """Scores of every target."""
    return [score for target in tables.schema.targets for score in _of(tables, target)]


def _of(tables: Tables, target: Target) -> Iterator[Score]:
    about = Score(
        metric=f"{PREFIX}.overlap",
        target=target.name,
        rows="train",
        status="insufficient evidence",
    )
    if target.task not in REGRESSIONS:
        yield replace(about, reason="a target of many classes has no regression here")
        return
    name, regression = REGRESSIONS[target.task]
    about = replace(about, model=name)
    data = _data(tables, target)
    empty = next((role for role, d in data.items() if role != "holdout" and not len(d.y)), None)
    if empty:
        yield replace(about, reason=f"no {empty} row has an outcome")
        return
    data, left_out = _comparable(data, target)
    about = replace(about, n=data["train"].people)
    names = data["train"].terms.names
    kept = np.array([n not in left_out for n in names], dtype=bool)
    for term, why in left_out.items():
        if why != REFERENCE:
            yield replace(about, metric=f"{PREFIX}.coefficient.overlap", reason=why, detail=term)
    if not kept.any():
        yield replace(about, reason="no coefficient can be estimated on every table")
        return
    least = MIN_ROWS * int(kept.sum())
    for role, table in data.items():
        if table.people < least and role != "holdout":
            yield replace(about, reason=f"fewer than {MIN_ROWS} {role} people for each coefficient")
            return
    fits: dict[str, Fit | None] = {}
    for role, table in data.items():
        fits[role] = None
        if table.people >= least:
            try:
                fits[role] = regression(table.terms.X[:, kept], table.y, renumbered(table.unit))
            except (NotConvergedError, np.linalg.LinAlgError):
                if role != "holdout":
                    why = f"the regression on {role} rows did not converge"
                    yield replace(about, reason=why)
                    return
    if any(fit is not None and (fit.variances <= 0).any() for fit in fits.values()):
        yield replace(about, reason="a regression leaves no error to measure a coefficient by")
        return
    used = tuple(np.array(names)[kept])
    yield from _scores(tables, about, used, fits, len(data["synthetic"].y) / len(data["train"].y))


def _data(tables: Tables, target: Target) -> dict[str, Data]:
    """Train, synthetic, holdout, and each further synthetic table."""
    frames: dict[str, pd.DataFrame] = {
        role: tables.frame(role) for role in ("train", "synthetic", "holdout")
    }
    if tables.own_fits:  # draws of one model share its noise, which no rule can see in them
        frames |= {f"synthetic {i}": frame for i, frame in enumerate(tables.more, 2)}
    columns = chosen_columns(tables.codec, target)
    found = {}
    for role, frame in frames.items():
        y, known = outcome(frame, tables.codec, target)
        rows = np.flatnonzero(known)
        if len(rows) > MAX_TRAIN:
            rng = tables.rng(f"inference {target.name} {role}")
            rows = np.sort(rng.choice(rows, MAX_TRAIN, replace=False))
        unit = tables.units[role][rows] if role in tables.units else rows
        regressors = terms(frame.iloc[rows], tables.codec, columns)
        found[role] = Data(regressors, y[rows], renumbered(unit))
    return found


def _comparable(data: Mapping[str, Data], target: Target) -> tuple[dict[str, Data], dict[str, str]]:
    """The data cut down to what every table can answer; term → why it was left out.

    Too few rows on a side of an indicator, or too few with the event there: those rows are left out of
    every table (as one restricts an analysis to adults where no child has the event), and so on until
    nothing changes. Of the categories that remain the first is the one that others are compared with.
    """
    data, why = dict(data), dict[str, str]()
    while thin := _thin(data, target, why):
        name, value, why[name] = thin
        at = data["train"].terms.names.index(name)
        data = {role: d.only(d.terms.X[:, at] != value) for role, d in data.items()}
    seen: set[str] = set()
    terms = data["train"].terms
    for term, column in zip(terms.names, terms.level_of, strict=True):
        if column and term not in why and column not in seen:
            seen.add(column)
            why[term] = REFERENCE
    for role, d in data.items():
        if role == "holdout":
            continue
        kept = np.array([n not in why for n in terms.names], dtype=bool)
        names = np.array(terms.names)[kept]
        for name in np.delete(names, independent(d.terms.X[:, kept])):
            why[str(name)] = f"follows from the other columns in {role} rows"
    return data, why


def _thin(
    data: Mapping[str, Data], target: Target, why: Mapping[str, str]
) -> tuple[str, float, str] | None:
    """The first indicator, and its side, with too few rows in a table other than the holdout."""
    for role, table in data.items():
        event = event_of(table.y, target)
        for name, x in zip(table.terms.names, table.terms.X.T, strict=True):
            if role == "holdout" or name in why or not ((x == 0) | (x == 1)).all():
                continue
            for value in (1.0, 0.0):
                side = x == value
                cells = [side] if event is None else [side & (event == e) for e in (0, 1)]
                if min(int(cell.sum()) for cell in cells) < MIN_EVENTS:
                    return name, value, f"too few {role} rows to compare: they are left out"
    return None


def _scores(
    tables: Tables, about: Score, names: tuple[str, ...], fits: Mapping[str, Fit | None], k_n: float
) -> Iterator[Score]:
    real, synthetic, holdout = fits["train"], fits["synthetic"], fits["holdout"]
    assert real is not None
    assert synthetic is not None
    about = replace(about, baseline_name="people held out" if holdout else "")
    figures = agreement(synthetic, real)
    beside = agreement(holdout, real) if holdout else {}
    for i, name in enumerate(names):
        for metric, values in figures.items():
            yield replace(
                about,
                status="ok",
                metric=f"{PREFIX}.coefficient.{metric}",
                value=values[i],
                baseline=beside[metric][i] if beside else None,
                higher_is_better=metric != "difference",
                detail=name,
            )
    for metric in ("overlap", "sign"):
        yield replace(
            about,
            status="ok",
            metric=f"{PREFIX}.{metric}",
            value=figures[metric].mean(),
            baseline=beside[metric].mean() if beside else None,
            detail=f"mean over {len(names)} coefficients",
        )
    more = [fit for role, fit in fits.items() if role not in ("train", "holdout") and fit]
    q, v = (np.array([getattr(f, part) for f in more]) for part in ("coefficients", "variances"))
    yield _type_one(tables, about, real, q, Z * np.sqrt(v), f"{PREFIX}.type_one")
    if len(more) > 1:
        combined = independent_releases(q, v, k_n)
        half = combined.half_width()
        overlaps = overlap(combined.estimate, half, real.coefficients, Z * np.sqrt(real.variances))
        yield replace(
            about,
            status="ok",
            metric=f"{PREFIX}.combined.overlap",
            value=overlaps.mean(),
            baseline=figures["overlap"].mean(),
            baseline_name="the first table alone",
            detail=f"mean over {len(names)} coefficients, {len(more)} tables combined",
        )
        yield _type_one(
            tables, about, real, combined.estimate[None], half[None], f"{PREFIX}.combined.type_one"
        )


def _type_one(
    tables: Tables, about: Score, real: Fit, q: np.ndarray, half: np.ndarray, metric: str
) -> Score:
    rates = rejections(q - real.coefficients, real.variances, half).mean(axis=0)
    weights = bootstrap_weights(np.arange(len(rates)), tables.rng("type one"))
    means = weights @ rates / len(rates)
    low, high = interval(means)
    combined = f"{metric.removeprefix(PREFIX)}".startswith(".combined")
    return replace(
        about,
        status="ok",
        metric=metric,
        value=means[0],
        low=low,
        high=high,
        baseline=1 - LEVEL,
        baseline_name="what the test claims",
        higher_is_better=False,
        detail="tables combined as independent releases" if combined else WARNING.format(means[0]),
    )


def rejections(d: np.ndarray, variance: np.ndarray, half: np.ndarray) -> np.ndarray:
    """P(|N(d, variance)| > half): how often an interval of this half width misses the truth."""
    deviation = np.sqrt(variance)
    return np.asarray(norm.cdf((-half - d) / deviation) + norm.sf((half - d) / deviation))


def agreement(one: Fit, real: Fit) -> dict[str, np.ndarray]:
    """Overlap, sign and difference of each coefficient."""
    difference = one.coefficients - real.coefficients
    halves = [Z * np.sqrt(f.variances) for f in (one, real)]
    return {
        "overlap": overlap(one.coefficients, halves[0], real.coefficients, halves[1]),
        "sign": (np.sign(one.coefficients) == np.sign(real.coefficients)).astype(float),
        "difference": difference / np.sqrt(real.variances),
    }


def overlap(a: np.ndarray, half_a: np.ndarray, b: np.ndarray, half_b: np.ndarray) -> np.ndarray:
    """Shared length of two intervals over the length of each, averaged; negative where apart."""
    shared = np.minimum(a + half_a, b + half_b) - np.maximum(a - half_a, b - half_b)
    return np.asarray((shared / (2 * half_a) + shared / (2 * half_b)) / 2)
