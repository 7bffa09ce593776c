"""What a release, or a judgement, came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.bundle.candidate import WAITS
from privacy.ledger.decisions import APPROVED


@dataclass(frozen=True)
class Outcome:
    """A decision and where everything lies; holds public facts only."""

    decision: str
    bundle: Path

    @property
    def exit_code(self) -> int:
        return 0 if self.decision in (APPROVED, WAITS) else 3
