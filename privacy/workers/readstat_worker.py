"""Reads one file of SAS, Stata or SPSS with pyreadstat, in a process of its own: ReadStat may crash on it.

    readstat_worker.py READER ENCODING rows|columns FILE

Answers on stdout with an Arrow stream: numbers as they are stored and texts, and under ``about`` in its
metadata what the file says of its columns, as JSON. What goes wrong is a line on stderr, which may be private.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import pyarrow as pa
import pyreadstat


def about(found: Any) -> dict[str, Any]:
    """What the file says of its columns; labels as pairs, since JSON has texts for keys only."""
    return {
        "format": found.file_format,
        "labels": found.column_names_to_labels,
        "types": found.readstat_variable_types,
        "formats": found.original_variable_types,
        "values": {n: list(pairs.items()) for n, pairs in found.variable_value_labels.items()},
        "missing": found.missing_ranges,
    }


def column(values: list[Any], kind: str) -> pa.Array:
    if kind == "string":
        return pa.array(values, pa.string())
    return pa.array([None if v is None else float(v) for v in values], pa.float64())


def main(reader: str, encoding: str, what: str, path: str) -> None:
    asked: dict[str, Any] = {"output_format": "dict", "disable_datetime_conversion": True}
    if reader != "read_por":
        asked["encoding"] = encoding or None
    if what == "columns":
        asked["metadataonly"] = True
        asked |= {"user_missing": True} if reader in ("read_sav", "read_dta") else {}
    columns, found = getattr(pyreadstat, reader)(path, **asked)
    said = about(found)
    names = found.column_names
    arrays = [column(columns.get(n, []), said["types"][n]) for n in names]
    fields = [pa.field(n, a.type) for n, a in zip(names, arrays, strict=True)]
    schema = pa.schema(fields, {"about": json.dumps(said)})
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as stream:
        stream.write_table(pa.Table.from_arrays(arrays, schema=schema))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # a damaged file makes the reader raise anything
        print(" ".join(str(error).split()) or type(error).__name__, file=sys.stderr)
        sys.exit(1)
