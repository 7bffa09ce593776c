"""README.md: the card that Hugging Face's hub and ``datasets`` read, and a person without a browser.

YAML in front says where the rows are, of what types, and how many. Below stand the promise, whom it protects,
what it does not cover, how the decision was made, how to open the files, and every column. All of it comes from
the label, the public schema and the number of synthetic rows.

Privacy claim: shows only what is public.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from flows.cards.card import ADVICE, TEMPLATES, decision, held_out, risks, under
from flows.cards.columns import fallen_back, roles
from flows.cards.loading import SAS_CSV, duckdb_csv, missing_sign, pandas_csv, r_parquet, stata_csv
from flows.cards.markdown import environment, fenced, listed
from flows.frames.column_types import ORDERED, column_type
from flows.frames.parquet import PARQUET, parts_below
from flows.frames.tables import FOLDER, parts
from flows.label.histories import identifier_values
from privacy.schema.columns import Categorical, Datetime, Identifier, Image
from privacy.schema.schema import Classification, Multiclass, Regression, Schema

SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M")
"""The hub's names for sizes, a factor of ten each."""


def write_readme(
    folder: Path, label: dict[str, Any], schema: Schema, histories_alt: str = ""
) -> None:
    """Write README.md beside the label.json that is already in ``folder``.

    ``histories_alt``: the words of the picture of histories, where there is one.
    """
    front = yaml.safe_dump(
        front_matter(label, schema, parts_below(folder)),
        sort_keys=False,
        allow_unicode=True,
        width=1 << 20,
    )
    digest = hashlib.sha256((folder / "label.json").read_bytes()).hexdigest()
    template = environment(TEMPLATES).get_template("README.md.j2")
    body = template.render(
        label=label,
        label_digest=digest,
        decision=decision(label),
        risks=risks(label),
        held_out=held_out(label),
        under=under(label),
        unit_is_row=schema.unit is None,
        types={column_type(c).feature for c in schema.columns.values()},
        ordered=any(column_type(c) is ORDERED for c in schema.columns.values()),
        advice=ADVICE,
        pandas_csv=fenced(pandas_csv(schema), "python"),
        duckdb_csv=fenced(duckdb_csv(schema), "sql"),
        parquet=parts_below(folder),
        r_parquet=fenced(r_parquet(parts_below(folder)), "r"),
        stata_csv=fenced(stata_csv(schema), "stata"),
        sas_csv=fenced(SAS_CSV, "sas"),
        histories=label.get("histories"),
        histories_alt=histories_alt,
        tables=parts(schema),
        columns=[_line(name, schema) for name in schema.columns],
    )
    (folder / "README.md").write_text(f"---\n{front}---\n\n{body}", encoding="utf-8")


def front_matter(label: dict[str, Any], schema: Schema, parquet: str = PARQUET) -> dict[str, Any]:
    """The card's metadata by Hugging Face's names; a licence only where the config names one.

    ``parquet``: the file of the rows, or a pattern of its parts.
    """
    rows = label["release"]["synthetic_rows"]
    license_ = label["release"]["license"]
    tables = {"default": (parquet, schema)} | {
        n: (f"{FOLDER}/{n}.parquet", p.schema) for n, p in parts(schema).items()
    }
    infos: list[dict[str, Any]] = [
        ({"config_name": name} if parts(schema) else {}) | {"features": _features(of)}
        for name, (_, of) in tables.items()
    ]
    tasks = sorted({task for t in schema.targets if (task := _task(t, schema.image is not None))})
    return {
        "pretty_name": f"Synthetic {schema.name}",
        **({"license": license_} if license_ else {}),
        **({"task_categories": tasks} if tasks else {}),
        "tags": ["synthetic", "differential-privacy", "image" if schema.image else "tabular"],
        "size_categories": [_size(rows)],
        "configs": [
            {"config_name": name, "data_files": [{"split": "train", "path": path}]}
            for name, (path, _) in tables.items()
        ],
        "dataset_info": infos if parts(schema) else infos[0],
    }


def _features(schema: Schema) -> list[dict[str, str]]:
    return [{"name": n, "dtype": column_type(c).feature} for n, c in schema.columns.items()]


def _size(rows: int) -> str:
    digits = len(str(rows))
    return SIZES[min(max(digits - 3, 0), len(SIZES) - 1)]


def _task(target: Any, pictures: bool) -> str:
    """The hub's name for what is to be predicted; it has none for survival."""
    if isinstance(target, Classification | Multiclass):
        return "image-classification" if pictures else "tabular-classification"
    return "tabular-regression" if isinstance(target, Regression) else ""


def _line(name: str, schema: Schema) -> tuple[str, ...]:
    """A column's name, kind, type, values, sign for missing ones in CSV, and description."""
    column = schema.columns[name]
    used = roles(schema, name)
    sign = missing_sign(name, schema)
    missing = "never" if sign is None else f'as "{sign}"'
    kind = f"{column.kind} ({used})" if used else column.kind
    return (
        name,
        kind,
        column_type(column).feature,
        values(name, schema),
        missing,
        column.description,
    )


def values(name: str, schema: Schema) -> str:
    """The public domain of a column in words."""
    column = schema.columns[name]
    if isinstance(column, Identifier):
        return identifier_values(schema, name)
    if isinstance(column, Image):
        colours = "grey" if column.channels == 1 else "RGB"
        return f"{column.width} × {column.height} pixels, {colours}"
    if isinstance(column, Categorical):
        told = listed(column.categories or (), between=" < " if column.kind == "ordinal" else ", ")
        return f"{told}; {fallen_back(column.hierarchy)}" if column.hierarchy else told
    if isinstance(column, Datetime):
        low, high = (
            e.date() if column.resolution == "day" else e.isoformat() for e in column.bounds
        )
        clocks = f" on the clocks of {column.zone}" if column.zone else ""
        return f"{low} to {high}{clocks}"
    low, high = (f"{e:.0f}" if column.kind == "integer" else f"{e:.12g}" for e in column.bounds)
    return f"{low} to {high}" + (f"; also {listed(column.special)}" if column.special else "")
