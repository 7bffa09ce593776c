"""Private rows behind a door that only the ledger's permit opens.

``PrivateTable`` knows paths, schema and partition and reads nothing until ``open(permit)``. What comes
out fits the schema: rows beyond a unit's bound are dropped, and units are split train | holdout by the
keyed coin that the permit brings from the ledger.

Privacy claim: adding or removing one unit adds or removes rows of one partition, at most k
(``Schema.max_rows_per_unit``); which rows of the others there are, on which side and in which order does not
change. Of rows that are units of their own and equal, one more is one more: which of them is which, nobody
can tell, and their order is that of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.errors import PermitError
from privacy.ledger.charges import Permit
from privacy.people.bound import by_lot
from privacy.people.identity import AS_READ
from privacy.people.keys import Keys, keys_of
from privacy.people.order import first_rows, in_order
from privacy.people.sketch import Sketch
from privacy.people.split import Split
from privacy.reading.conform import conform
from privacy.reading.share import Reached, bytes_of, nobody
from privacy.reading.source import read_source
from privacy.schema.schema import Schema
from privacy.stored.reading import Told, read_rows, refuse
from privacy.stored.rows import AnyRows, Rows

Partition = Literal["train", "holdout"]

LARGE = 64 * 2**20
"""Bytes of files beyond which rows are not held in memory."""


@dataclass(frozen=True)
class PrivateTable:
    """One partition of a private file set; ``open`` is the only door to its rows."""

    schema: Schema
    paths: tuple[Path, ...]
    partition: Partition = "train"

    def open(self, permit: Permit, room: Path | None = None, told: Reached = nobody) -> AnyRows:
        """Read, conform, bound and split. Raises PermitError before anything is read, DataError after.

        ``room``: a folder for rows that are too many for memory, in files without a name. Images, and rows that
        are put together from several files, are held in memory. ``told``: the share that has been read.
        """
        form = self._form(permit)
        if self._is_held(form):
            return self._held(permit, form)
        held_out = self.partition == "holdout"
        return read_rows(self.paths, self.schema, permit.split, held_out, self._room(room), told)

    def _is_held(self, form: str) -> bool:
        schema = self.schema
        together = schema.visits is not None and len(self.paths) > 1  # people and their rows
        return form == AS_READ or together or bool(schema.image or schema.tables)

    def _room(self, room: Path | None) -> Path | None:
        """The folder, where rows are too many for memory."""
        return room if sum(map(bytes_of, self.paths)) > LARGE else None

    def _held(self, permit: Permit, form: str) -> Rows:
        """All rows as they are read together."""
        source = read_source(self.paths, self.schema)
        texts = source.texts
        conformed, findings = conform(texts, self.schema)
        refuse(self.paths[0], findings)
        keys = keys_of(source, self.schema, form)
        side = permit.split.is_holdout(keys.names)[keys.units] == (self.partition == "holdout")
        mine = side & self._bounded(keys, permit.split, conformed)
        rows = source.frame(conformed, self.schema, mine)
        units = pd.factorize(keys.units[mine])[0]
        in_turn = in_order(rows, self.schema, units) if self.schema.visits else slice(None)
        del source, texts, conformed
        pa.default_memory_pool().release_unused()  # Arrow would keep what reading took
        frame = rows.iloc[in_turn].reset_index(drop=True)
        return Rows(frame[list(self.schema.informative)], units[in_turn])

    def people(
        self, permit: Permit, secret: bytes, room: Path | None = None, told: Reached = nobody
    ) -> Sketch:
        """A sketch of the people of both partitions, for the ledger alone; the rest as for ``open``."""
        form = self._form(permit)
        if self._is_held(form):
            sketch = Sketch.of(read_source(self.paths, self.schema), self.schema, form, secret)
        else:
            read = Told(self.paths, self.schema, permit.split, secret, self._room(room), told)
            sketch = Sketch.of_parts(read.parts, self.schema, read.keys(), secret)
        pa.default_memory_pool().release_unused()
        return sketch

    def _form(self, permit: Permit) -> str:
        """In which form texts are hashed. Raises PermitError where the permit is for other rows than these."""
        if (permit.dataset, permit.partition) != (self.schema.name, self.partition):
            raise PermitError(
                f"a permit for {permit.dataset}/{permit.partition} does not open "
                f"{self.schema.name}/{self.partition}"
            )
        identity = permit.entry.identity
        if identity is None:
            raise PermitError(f"{permit.dataset}: registered without saying who its units are")
        if different := identity.against(self.schema):
            raise PermitError(f"{permit.dataset}: {different}")
        return identity.form

    def _bounded(self, keys: Keys, split: Split, conformed: pd.DataFrame) -> np.ndarray:
        """Whether each row is among its unit's k.

        A unit with more than k rows keeps the first k of a history, else k by a keyed hash of (unit, position
        among its own rows), so no other unit changes the choice.
        """
        if self.schema.unit is None:
            return np.ones(len(keys.units), dtype=bool)
        if self.schema.visits is not None:
            return first_rows(conformed, self.schema, keys.units)
        kept, most = np.ones(len(keys.units), dtype=bool), self.schema.max_rows_per_unit
        many = np.bincount(keys.units)[keys.units] > most
        kept[many] = by_lot(keys.units[many], keys.names.iloc[keys.units[many]], split, most)
        return kept
