"""The data sets of the comparison as integer codes: binned by their public schemas, split by a seed.

Those of files, and those that are made up (``made_up``).
Everybody gets the same codes of the same train rows, and nobody reads a domain from rows. A unit with
several rows keeps as many of them as its schema allows (one stay of each patient in diabetes130).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from made_up import MADE_UP, MadeUp

from privacy.reading.conform import conform
from privacy.reading.source import read_source
from privacy.schema.codec import Codec
from privacy.schema.columns import Numeric
from privacy.schema.schema import Schema, load_schema

SCHEMAS = Path(__file__).parents[2] / "configs" / "schemas"
HELD_OUT = 0.2
EQUAL_BINS = 20
"""Bins of a numeric column whose schema leaves them to be measured: equal parts of its bounds."""


@dataclass(frozen=True)
class DataSet:
    """A schema of configs/schemas, files under DATA_DIR, and the δ that everybody is asked for."""

    schema: str
    files: tuple[str, ...]
    delta: float

    @property
    def public(self) -> Schema:
        """The schema without open bins."""
        return closed(load_schema(SCHEMAS / f"{self.schema}.yaml"))

    def read(self, folder: Path) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        """The rows of the files in ``folder`` as codes of the schema, and the name of each row's unit."""
        schema = self.public
        texts = read_source([folder / name for name in self.files], schema).texts
        frame, findings = conform(texts, schema)
        if refused := [str(f) for f in findings if f.action == "refused"]:
            raise ValueError(f"{self.schema}: {refused[0]}")
        codes = Codec(schema).encode(frame)
        return codes, texts[
            schema.unit
        ].to_pandas().to_numpy() if schema.unit else codes.index.to_numpy()


DATA_SETS: Mapping[str, DataSet | MadeUp] = {
    "adult_binned": DataSet("adult_binned", ("adult_binned/adult.csv.gz",), 1e-9),
    "national2019": DataSet("sdnist-national2019", ("sdnist/national2019.csv.gz",), 1e-6),
    "adult": DataSet("adult", ("adult/adult.data.gz", "adult/adult.test.gz"), 1e-6),
    "diabetes130": DataSet("diabetes130", ("diabetes130/diabetic_data.csv.gz",), 1e-6),
    "support2": DataSet("support2", ("survival/support2.csv.gz",), 1e-6),
    **MADE_UP,
}


@dataclass(frozen=True, eq=False)
class Split:
    """A schema without open bins, and the codes of the rows to learn from and to be tested on."""

    schema: Schema
    train: pd.DataFrame
    test: pd.DataFrame

    @property
    def codec(self) -> Codec:
        return Codec(self.schema)

    @property
    def numbers(self) -> list[str]:
        """Columns whose codes are bins in order and nothing else."""
        return [n for n, code in self.codec.columns.items() if code.n_bins == code.size]


def closed(schema: Schema) -> Schema:
    """The schema with equal bins in place of those that would be measured."""
    columns = {
        name: column.model_copy(update={"bins": EQUAL_BINS})
        if isinstance(column, Numeric) and name in schema.incomplete
        else column
        for name, column in schema.columns.items()
    }
    return schema.model_copy(update={"columns": columns})


def split(folder: Path, data_set: DataSet | MadeUp, seed: int) -> Split:
    """Its rows as codes, a random fifth of the units to test on."""
    schema = data_set.public
    codes, names = data_set.read(folder)
    order = np.random.default_rng(seed).permutation(len(codes))
    unit = pd.Series(pd.factorize(names[order])[0])  # numbered as the seed draws them
    kept = (unit.groupby(unit).cumcount() < schema.max_rows_per_unit).to_numpy()
    learns = (unit < int((1 - HELD_OUT) * unit.nunique())).to_numpy()
    return Split(schema, codes.iloc[order[kept & learns]], codes.iloc[order[kept & ~learns]])
