"""Rows of which some columns are known, from a file in the form that the schema describes.

Privacy claim: none; what the file says stays as it is, so it is as private as the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from privacy.errors import DataError, InputError
from privacy.reading.conform import conform
from privacy.reading.read import read_any
from privacy.reading.source import read_source
from privacy.schema.schema import Schema


def read_part(path: Path, schema: Schema) -> pd.DataFrame:
    """Canonical columns of the file, [n rows]; each is a modelled column of the schema.

    Raises InputError for a column that is none, DataError for a value that the schema does not know.
    """
    names = read_any(path, schema.csv).column_names
    for name in names:
        if name not in schema.modelled:
            raise InputError(
                f"{path}: column {name!r} is none that is modelled; there are {', '.join(schema.modelled)}"
            )
    part = schema.without([n for n in schema.columns if n not in names])
    source = read_source((path,), part)
    texts, findings = conform(source.texts, part)
    for found in findings:
        if found.action == "refused":
            raise DataError(
                f"{path}: column {found.column!r}, row {found.row}: {found.problem.rstrip(':')} {found.value!r}"
            )
    return source.frame(texts, part, np.ones(len(texts), dtype=bool))
