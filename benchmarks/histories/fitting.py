"""A fit as a release does it, of histories where the schema has visits, on a ledger of its own.

Privacy claim: domain and fit are charged together before they read; what is spent is added to nothing else.
Only for rows that nobody's privacy hangs on.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from dp_accounting import ComposedDpEvent
from harms.releases import DELTA, DOMAIN_SHARE

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
from privacy.table import Rows

SPEC = {"name": "aim"}


def fitted(train: Rows, schema: Schema, epsilon: float) -> Model:
    """AIM's model under (ε, DELTA), with the schema that it was measured with."""
    guarantee = Guarantee(epsilon, DELTA)
    rho = DOMAIN_SHARE * portion(schema) * zcdp_budget(guarantee)
    delta = DOMAIN_SHARE * DELTA if selects_categories(schema) else 0.0
    beside = domain_event(schema, rho, delta)
    generator = linked(make_generator(SPEC), SPEC, schema).calibrate(guarantee, schema, beside)
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
        complete = measure_domain(train.frame, schema, rho, delta, paid, train.units)
        rows = Rows(map_undeclared(train.frame, complete), train.units)
        return generator.fit(rows, complete, paid, lambda what, share: None)
