"""Orders that the rows keep and the schema does not say, told before a release is judged by them.

Privacy claim: none; looks at the rows it is given, for whoever keeps them.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from evaluators.original.relations import found
from evaluators.tables import Tables
from privacy.schema.schema import Schema


def unsaid_orders(frame: pd.DataFrame, schema: Schema) -> Iterator[tuple[str, str, bool]]:
    """Two columns of which the first is at most the second, or less (``strict``), by what ``found`` finds."""
    if set(schema.incomplete) >= set(schema.modelled):
        return  # nothing is declared yet that could be looked at
    known = schema.without(schema.incomplete)
    said = [{*relation.names} for relation in schema.relations]
    for relation in found(Tables(frame, frame, frame.iloc[:0], known)):
        if relation.kind != "order" or not {*relation.names} <= {*schema.modelled}:
            continue
        if not any({*relation.names} <= names for names in said):
            low, high = relation.names
            yield low, high, " < " in relation.says
