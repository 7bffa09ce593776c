"""What is kept of a model that only its own library can read: rows drawn from it once, as codes.

Privacy claim: post-processing; ``sample`` draws from these rows and knows nothing else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_integer_dtype

from generators.rows import Drawn, draw_possible
from privacy.schema.relations.records import RecordCodec
from privacy.schema.schema import Schema, load_schema


@dataclass(frozen=True, eq=False)
class Pool:
    """``codes``: the rows drawn, in an order that says nothing; ``rows``: how many there are to be, about."""

    schema: Schema
    codes: pd.DataFrame
    rows: int
    charge: str

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows of the pool, none twice before all were taken; the same for the same generator state."""
        codec = RecordCodec(self.schema)
        return draw_possible(lambda more: self._draw(more, codec, rng), n, self.schema)

    def _draw(self, n: int, codec: RecordCodec, rng: np.random.Generator) -> Drawn:
        rounds = range(1 + n // len(self.codes))
        order = np.concatenate([rng.permutation(len(self.codes)) for _ in rounds])[:n]
        return codec.draw(self.codes.iloc[order], rng)

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json and pool.parquet."""
        content = {"kind": "pool", "charge": self.charge, "rows": self.rows}
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        self.codes.to_parquet(folder / "pool.parquet", index=False)

    @classmethod
    def load(cls, folder: Path) -> Pool:
        """The pool that ``save`` wrote."""
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        schema = load_schema(folder / "schema.yaml")
        codes = checked(pd.read_parquet(folder / "pool.parquet"), schema)
        return cls(schema, codes, content["rows"], content["charge"])


def checked(codes: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The codes, if they are the schema's. Raises ValueError where they are not."""
    domain = RecordCodec(schema).domain
    if not all(is_integer_dtype(kind) for kind in codes.dtypes):
        raise ValueError("a code of the pool is no whole number")
    if list(codes) != list(domain) or codes.empty:
        raise ValueError("the pool's columns are not the schema's")
    if any(not codes[name].between(0, size - 1).all() for name, size in domain.items()):
        raise ValueError("a code of the pool lies outside the schema")
    return codes
