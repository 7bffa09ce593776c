"""Releases by our own generators, fitted as a release fits them, on a ledger of their own.

Privacy claim: domain and fit are charged together before they read; what is spent is added to nothing else.
Only for rows that nobody's privacy hangs on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent

from flows.stages.config import make_generator
from flows.stages.plan import linked
from generators.base import Model
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.domain import (
    domain_event,
    map_undeclared,
    measure_domain,
    portion,
    selects_categories,
)
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

DELTA = 1e-6
DOMAIN_SHARE = 0.1


def release(
    train: pd.DataFrame, schema: Schema, rng: np.random.Generator, name: str, epsilon: float
) -> pd.DataFrame:
    """As many rows as there are train people, from a generator under (ε, DELTA)."""
    rows = Rows(train[list(schema.informative)], np.arange(len(train)))
    return fitted(rows, schema, name, epsilon).sample(len(train), rng)


def fitted(train: Rows, schema: Schema, name: str, epsilon: float) -> Model:
    """The model of a generator under (ε, DELTA), with the schema that it was measured with."""
    guarantee = Guarantee(epsilon, DELTA)
    rho = DOMAIN_SHARE * portion(schema) * zcdp_budget(guarantee)
    delta = DOMAIN_SHARE * DELTA if selects_categories(schema) else 0.0
    beside = domain_event(schema, rho, delta)
    spec = {"name": name}
    generator = linked(make_generator(spec), spec, schema).calibrate(guarantee, schema, beside)
    with tempfile.TemporaryDirectory() as folder:
        transcript = Transcript(Path(folder) / "transcript")
        ledger = Ledger(str(Path(folder) / "ledger.db"))
        ledger.register(schema.name, Guarantee(2 * epsilon, 1e-3), 0.2)
        permit = ledger.charge(
            schema.name,
            "train",
            run="benchmark",
            attempt=transcript.attempt,
            purpose="fit",
            event=ComposedDpEvent([beside, generator.event()]),
        )
        paid = Paid(permit, transcript)
        complete = measure_domain(train, schema, rho, delta, paid)
        rows = Rows(map_undeclared(train.frame, complete), train.units)
        return generator.fit(rows, complete, paid, lambda what, share: None)
