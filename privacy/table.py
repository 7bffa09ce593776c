"""Private rows behind a door that only the ledger's permit opens.

``PrivateTable`` knows paths, schema and partition and reads nothing until ``open(permit)``. What comes out
fits the schema: rows beyond a unit's bound are dropped, and units are split train | holdout by a keyed coin
that sees a unit's name and nothing else.

Privacy claim: adding or removing one unit changes the rows of one partition, by at most k rows
(``Schema.max_rows_per_unit``); no other unit's rows, partition or order change.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.conform import conform
from privacy.errors import DataError, PermitError
from privacy.ledger import Permit
from privacy.read import read_texts
from privacy.schema import Schema

Partition = Literal["train", "holdout"]


@dataclass(frozen=True)
class Split:
    """The coin that sends a unit to train or holdout: keyed, blind to all that the unit's rows say.

    ``key`` is secret and drawn once per data set by the ledger, so that every run splits alike and what is
    charged to one partition never touches the people of the other.
    """

    key: bytes
    holdout: float

    def is_holdout(self, units: pd.Series | int) -> np.ndarray:
        """One coin a unit, bool: by name where units have names, by position where a row is a unit."""
        if isinstance(units, int):
            seed = int.from_bytes(hashlib.blake2b(b"rows", key=self.key, digest_size=16).digest())
            return np.asarray(
                np.random.Generator(np.random.Philox(seed)).random(units) < self.holdout
            )
        return np.asarray(self.uniform(units) < self.holdout)

    def uniform(self, names: pd.Series, salt: str = "split") -> np.ndarray:
        """A keyed hash of each text, as a float in [0, 1)."""

        def number(name: str) -> float:
            text = f"{salt}\0{name}".encode()
            digest = hashlib.blake2b(text, key=self.key, digest_size=8).digest()
            return int.from_bytes(digest) / 2**64

        return np.fromiter((number(name) for name in names), dtype=float, count=len(names))


@dataclass(frozen=True)
class Rows:
    """Private rows that have been paid for: a canonical frame, and each row's unit as a number."""

    frame: pd.DataFrame
    units: np.ndarray


@dataclass(frozen=True)
class PrivateTable:
    """One partition of a private file set; ``open`` is the only door to its rows."""

    schema: Schema
    paths: tuple[Path, ...]
    split: Split
    partition: Partition = "train"

    def of(self, partition: Partition) -> PrivateTable:
        """The same table, other partition."""
        return replace(self, partition=partition)

    def open(self, permit: Permit) -> Rows:
        """Read, conform, bound and split. Raises PermitError before anything is read, DataError after."""
        if (permit.dataset, permit.partition) != (self.schema.name, self.partition):
            raise PermitError(
                f"a permit for {permit.dataset}/{permit.partition} does not open "
                f"{self.schema.name}/{self.partition}"
            )
        texts = read_texts(self.paths, self.schema)
        frame, findings = conform(texts, self.schema)
        if refused := [f for f in findings if f.action == "refused"]:
            more = f" (and {len(refused) - 1} more columns or problems)" if len(refused) > 1 else ""
            raise DataError(f"{self.paths[0]}: {refused[0]}{more}")
        units, keep = self._bounded(texts)
        mine = keep & (self._is_holdout(texts, units) == (self.partition == "holdout"))
        modelled = frame.loc[mine, list(self.schema.modelled)].reset_index(drop=True)
        return Rows(modelled, pd.factorize(units[mine])[0])

    def _bounded(self, texts: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        """Each row's unit number, and whether the row is among its unit's k.

        A unit with more than k rows keeps k by a keyed hash of (unit, position among its own rows), so no
        other unit changes the choice.
        """
        if self.schema.unit is None:
            return np.arange(texts.num_rows), np.ones(texts.num_rows, dtype=bool)
        names = texts[self.schema.unit].to_pandas()
        units, _ = pd.factorize(names)
        rank = pd.Series(units).groupby(units).cumcount()
        lot = pd.Series(self.split.uniform(names + "\0" + rank.astype(str), salt="bound"))
        place = lot.groupby(units).rank(method="first")
        return units, np.asarray(place <= self.schema.max_rows_per_unit)

    def _is_holdout(self, texts: pa.Table, units: np.ndarray) -> np.ndarray:
        if self.schema.unit is None:
            return self.split.is_holdout(texts.num_rows)
        names = pd.Series(texts[self.schema.unit].to_pandas().unique())
        return np.asarray(self.split.is_holdout(names)[units])
