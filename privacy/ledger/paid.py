"""What an attempt paid for, and the transcript that its answers stand in: all that a measurement needs.

Privacy claim: none by itself; ``covers`` holds what is measured to the charge of this very attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from privacy.ledger.charges import Permit
from privacy.ledger.transcript import Transcript

if TYPE_CHECKING:
    from dp_accounting import DpEvent


@dataclass(frozen=True)
class Paid:
    """A permit, and the transcript of the attempt that it was charged for."""

    permit: Permit
    transcript: Transcript

    @property
    def charge(self) -> str:
        """The hash of the charge, by which a model names it."""
        return self.permit.charge.hash

    def covers(self, event: DpEvent) -> None:
        """Raise PermitError unless ``event``, or what is made of it, was charged for this attempt."""
        self.permit.covers(event, self.transcript.attempt)
