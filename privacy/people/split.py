"""The coin that sends a unit to train or holdout: keyed, so that nobody can foresee or choose it.

A unit's coin is a keyed hash of its name; where a row is a unit, of the row itself and of how many equal rows
stand before it (``privacy.people.keys``). Without the key such a hash is a fair coin, whatever the rows say;
and one unit added or removed moves nobody else, within a release and from one release to the next.

Privacy claim: units of train and holdout are disjoint for good, as long as the ledger keeps the key.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Split:
    """One data set's coin; ``key`` is secret, and ``holdout`` the share of units held out."""

    key: bytes = field(repr=False)
    holdout: float

    @classmethod
    def drawn(cls, holdout: float, key: bytes | None = None) -> Self:
        """A coin with a secret key, or with the one that is given."""
        return cls(key or secrets.token_bytes(32), holdout)

    def is_holdout(self, units: pd.Series) -> np.ndarray:
        """One coin a unit, bool."""
        return np.asarray(self.uniform(units) < self.holdout)

    def uniform(self, names: pd.Series, salt: str = "split") -> np.ndarray:
        """A keyed hash of each text, as a float in [0, 1)."""

        def number(name: str) -> float:
            text = f"{salt}\0{name}".encode("utf-8", "surrogatepass")
            digest = hashlib.blake2b(text, key=self.key, digest_size=8).digest()
            return int.from_bytes(digest) / 2**64

        return np.fromiter((number(name) for name in names), dtype=float, count=len(names))

    def digest(self, content: str) -> str:
        """A keyed fingerprint, which tells nothing to whoever lacks the key."""
        return hashlib.blake2b(content.encode(), key=self.key, digest_size=16).hexdigest()
