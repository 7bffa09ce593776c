"""What a check of a schema against private rows found, as plain values to show.

Privacy claim: none; quotes private values, for whoever keeps the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from privacy.reading.conform import Finding

About = Literal[
    "value", "unit", "unlinked", "tables", "rows", "columns", "targets", "private", "relations", "visits",
    "impossible", "people",
]  # fmt: skip
"""What a remark is about; ``private``: what would give people away if a schema were changed by it."""


@dataclass(frozen=True)
class Remark:
    """One line, and lines that belong under it."""

    about: About
    text: str
    under: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it as a terminal shows it."""
        return (self.text, *(f"  {line}" for line in self.under))


@dataclass(frozen=True)
class Checked:
    """What became of ``rows`` rows, and what there is to say of them, in the order of importance to a reader.

    ``findings``: values that met a rule of the schema. ``refused``: whether a release would refuse the rows.
    """

    rows: int
    findings: tuple[Finding, ...]
    remarks: tuple[Remark, ...]
    refused: bool
