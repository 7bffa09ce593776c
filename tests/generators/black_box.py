"""AIM and MST audited from their synthetic rows alone: measurements, scores and noise are not looked at.

A whole fit is run thousands of times, by the path that a release takes, on a table and on the same with one
person more; all that the auditor has of a run is the rows it drew, and how many there were to be. What to look
at and where to put the threshold follows from the first runs; the bound is from the others, by nothing but the
definition of what was charged (``evaluators.attacks.audit.zcdp_lower_bound``).
"""

import tempfile
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from dp_accounting import NoOpDpEvent

from evaluators.attacks.audit import zcdp_lower_bound
from generators.alone import fit_alone
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(3.0, 0.005)
CERTAIN = 0.99
CODES = ("a", "b", "c", "d")
SCHEMA = Schema.model_validate(
    {
        "name": "pairs",
        "columns": {c: {"kind": "categorical", "categories": list(CODES)} for c in ("one", "two")},
    }
)
ALIKE = 15
"""People in each of the cells: so many that no count is cut off at zero, which would hide half of the noise."""
MORE = 20
"""Rows drawn for each that a release would have: they are free, and whole numbers would hide something too."""


@dataclass(frozen=True)
class Seen:
    """What runs showed, a line each, without the one person more and with them."""

    without: np.ndarray
    with_unit: np.ndarray

    @classmethod
    def of(cls, kind: type, runs: int) -> "Seen":
        generator = calibrated(kind)
        return cls(*(np.array([shown(generator, more) for _ in range(runs)]) for more in (0, 1)))


def claimed(kind: type) -> float:
    """The ρ of zCDP that a fit has: its steps, which are charged one by one, add up to it."""
    rho: float = calibrated(kind).calibrated_rho
    return rho


def calibrated(kind: type):
    return kind().calibrate(CLAIM, SCHEMA, NoOpDpEvent())


def shown(generator, more: int) -> list[float]:
    """How many rows a release is to have, and how many of them an "a" in either column and in both.

    ``more``: people ("a", "a") beyond the others.
    """
    people = pd.DataFrame([*product(CODES, CODES)] * ALIKE + [("a", "a")] * more, dtype=object)
    rows = Rows(people.set_axis(["one", "two"], axis=1), np.arange(len(people)))
    with tempfile.TemporaryDirectory() as folder:
        told = lambda what, share: None  # noqa: E731
        model = fit_alone(generator, SCHEMA, rows, CLAIM, Path(folder), told)
    drawn = model.sample(MORE * model.rows, np.random.default_rng(0)) == "a"
    return [model.rows, *(drawn.sum() / MORE), drawn.all(axis=1).sum() / MORE]


def bound(seen: Seen, first: int) -> float:
    """The ρ that the runs after the ``first`` of each side show."""
    one, other = seen.without[:first], seen.with_unit[:first]
    # Fisher's discriminant
    apart = np.linalg.lstsq(np.cov(one.T) + np.cov(other.T), other.mean(0) - one.mean(0))[0]
    a, b = seen.without @ apart, seen.with_unit @ apart
    tried = np.quantile(np.concatenate([a[:first], b[:first]]), np.linspace(0.02, 0.98, 49))
    shown = [zcdp_lower_bound(a[:first], b[:first], t, CERTAIN) for t in tried]
    return zcdp_lower_bound(a[first:], b[first:], tried[int(np.argmax(shown))], CERTAIN)
