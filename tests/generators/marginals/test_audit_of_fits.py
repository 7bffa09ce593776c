"""Whole fits of marginal generators, audited: slower than test_audit.py, and nothing in them is made up.

A generator is run on two tables that differ in one planted unit; each run is scored by the log likelihood ratio
of its noisy answers.
"""

import functools

import numpy as np
import pytest

from evaluators.attacks.audit import epsilon_lower_bound
from generators.registry import GENERATORS
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.codec import Codec
from tests.generators import plants
from tests.generators.test_contract import CLAIM, SCHEMA, calibrated, permits, rows, units

__all__ = ["permits"]
pytestmark = pytest.mark.long
generators = pytest.mark.parametrize("kind", [GENERATORS["aim"], GENERATORS["mst"]])

RUNS = 56


def scores(kind, permits, folder, outliers, runs):
    """The log likelihood ratio score of each fit on a table with so many planted units."""
    generator = calibrated(kind)
    base = Codec(SCHEMA).encode(rows())
    odd = Codec(SCHEMA).encode(rows(n=1, outliers=1)).iloc[1]

    def score(name):
        transcript = Transcript(folder / f"{name}.jsonl")
        paid = Paid(permits(generator, transcript), transcript)
        table = units(rows(outliers=outliers))
        model = generator.fit(table, SCHEMA, paid, lambda what, share: None)
        top = information = 0.0
        for m in model.measurements:
            cell, alike = [], np.ones(len(base), dtype=bool)
            for axis, (column, size) in enumerate(zip(m.clique, m.counts.shape, strict=True)):
                # a clique may have been measured over groups or over merged codes
                merged = size < Codec(SCHEMA).domain[column]
                to = model.model.compression.groups[column] if merged else np.arange(size)
                to = to if m.groups is None else m.groups[axis]
                cell.append(to[odd[column]])
                alike &= to[base[column]] == to[odd[column]]
            top += (m.counts[tuple(cell)] - alike.sum()) / m.sigma**2
            information += 1 / m.sigma**2
        return top / np.sqrt(information)

    return [score(f"{outliers}-{i}") for i in range(runs)]


def audit(kind, permits, folder, outliers=1, runs=RUNS):
    """The lower bound on ε for ``outliers`` planted units, as a function of the confidence."""
    without, with_units = (scores(kind, permits, folder, n, runs) for n in (0, outliers))
    return functools.partial(epsilon_lower_bound, without, with_units, CLAIM.delta)


@generators
def test_an_audit_stays_under_the_claim_and_comes_near_it(kind, permits, tmp_path):
    """A right generator is told from a wrong one: the bound exceeds the claim by chance in < 1e-4 of runs."""
    bound = audit(kind, permits, tmp_path)
    assert bound(0.9999) <= CLAIM.epsilon
    assert bound(0.5) > 0.3 * CLAIM.epsilon


@generators
def test_a_long_audit_comes_nearer(kind, permits, tmp_path):
    bound = audit(kind, permits, tmp_path, runs=400)
    assert bound(0.9999) <= CLAIM.epsilon
    assert bound(0.95) > 0.5 * CLAIM.epsilon


@generators
def test_the_audit_catches_halved_noise(kind, permits, tmp_path, monkeypatch):
    plants.halved_noise(monkeypatch)
    assert audit(kind, permits, tmp_path)(0.8) > CLAIM.epsilon


@generators
def test_the_audit_catches_a_unit_that_is_not_bounded(kind, permits, tmp_path):
    assert audit(kind, permits, tmp_path, outliers=3)(0.8) > CLAIM.epsilon
