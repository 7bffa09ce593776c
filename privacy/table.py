"""Private rows behind a door that only the ledger's permit opens.

``PrivateTable`` knows paths, schema and partition and reads nothing until ``open(permit)``. What comes
out fits the schema: rows beyond a unit's bound are dropped, and units are split train | holdout by the
keyed coin that the permit brings from the ledger.

Privacy claim: adding or removing one unit changes the rows of one partition, by at most k rows
(``Schema.max_rows_per_unit``); no other unit's rows, partition or order change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.conform import conform
from privacy.errors import DataError, PermitError
from privacy.ledger import Permit
from privacy.schema import Schema
from privacy.source import read_source
from privacy.split import Split

Partition = Literal["train", "holdout"]


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
    partition: Partition = "train"

    def open(self, permit: Permit) -> Rows:
        """Read, conform, bound and split. Raises PermitError before anything is read, DataError after."""
        if (permit.dataset, permit.partition) != (self.schema.name, self.partition):
            raise PermitError(
                f"a permit for {permit.dataset}/{permit.partition} does not open "
                f"{self.schema.name}/{self.partition}"
            )
        source = read_source(self.paths, self.schema)
        texts = source.texts
        conformed, findings = conform(texts, self.schema)
        if refused := [f for f in findings if f.action == "refused"]:
            more = f" (and {len(refused) - 1} more columns or problems)" if len(refused) > 1 else ""
            raise DataError(f"{self.paths[0]}: {refused[0]}{more}")
        units, keep = self._bounded(texts, permit.split)
        mine = keep & (
            _is_holdout(texts, units, self.schema, permit.split) == (self.partition == "holdout")
        )
        frame = source.frame(conformed, self.schema, mine)
        return Rows(frame[list(self.schema.informative)], pd.factorize(units[mine])[0])

    def _bounded(self, texts: pa.Table, split: Split) -> tuple[np.ndarray, np.ndarray]:
        """Each row's unit number, and whether the row is among its unit's k.

        A unit with more than k rows keeps k by a keyed hash of (unit, position among its own rows), so no
        other unit changes the choice.
        """
        if self.schema.unit is None:
            return np.arange(texts.num_rows), np.ones(texts.num_rows, dtype=bool)
        names = texts[self.schema.unit].to_pandas()
        units, _ = pd.factorize(names)
        rank = pd.Series(units).groupby(units).cumcount()
        lot = pd.Series(split.uniform(names + "\0" + rank.astype(str), salt="bound"))
        place = lot.groupby(units).rank(method="first")
        return units, np.asarray(place <= self.schema.max_rows_per_unit)


def _is_holdout(texts: pa.Table, units: np.ndarray, schema: Schema, split: Split) -> np.ndarray:
    """Each row's side of the split."""
    if schema.unit is not None:
        names = pd.Series(texts[schema.unit].to_pandas().unique())
        return np.asarray(split.is_holdout(names)[units])
    # the length in front of each text keeps ("a", "bc") from reading like ("ab", "c")
    parts = [pc.cast(pc.binary_length(texts[n]), pa.string()) for n in texts.column_names]
    columns = [c for pair in zip(parts, texts.columns, strict=True) for c in pair]
    rows = pc.binary_join_element_wise(*columns, ":").to_pandas()
    return split.is_holdout(rows + "\0" + rows.groupby(rows).cumcount().astype(str))
