"""A fit by itself, outside a release: for audits, benchmarks and tests.

Privacy claim: the fit is charged before it reads, as in a release, but on a ledger made for it: what it spends
is added to nothing else. Only for rows that nobody's privacy hangs on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from generators.base import Generator, Progress
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows


def fit_alone(
    generator: Generator,
    schema: Schema,
    rows: Rows,
    budget: Guarantee,
    folder: Path,
    progress: Progress,
) -> Any:
    """The model of a calibrated generator, under a charge on a ledger of its own in ``folder``."""
    transcript, ledger = Transcript(folder / "transcript"), Ledger(str(folder / "ledger.db"))
    ledger.register(schema.name, budget, 0.2)
    permit = ledger.charge(
        schema.name,
        "train",
        run="audit",
        attempt=transcript.attempt,
        purpose="fit",
        event=generator.event(),
    )
    return generator.fit(rows, schema, Paid(permit, transcript), progress)
