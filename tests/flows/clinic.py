"""A small private table with a plantable secret, its schema, policy and release config, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

SECRET = "Zyzzyva-9731"
"""A text that stands in one private row; it must never leave the house."""

SCHEMA = {
    "name": "clinic",
    "unit": "patient",
    "max_rows_per_unit": 1,
    "surplus_columns": "drop",
    "columns": {
        "patient": {"kind": "identifier"},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "age": {"kind": "integer", "bounds": [18, 97], "bins": 8, "out_of_range": "clamp"},
        "marker": {"kind": "float", "bounds": [0, 10], "missing": "keep", "decimals": 2},
        "ward": {"kind": "categorical", "categories": None, "other": "elsewhere"},
        "ill": {"kind": "categorical", "categories": ["no", "yes"]},
    },
    "targets": [{"task": "classification", "column": "ill", "positive": ["yes"]}],
    "subgroups": [{"column": "sex"}],
}

POLICY = {
    "name": "lenient",
    "small_groups": "accept",
    "rules": [{"name": "assessed", "metric": "declared.target", "slices": ["all"], "at_least": 1}],
}

STRICT = {
    "name": "strict",
    "small_groups": "accept",
    "rules": [{"name": "never", "metric": "declared.target", "slices": ["all"], "at_least": 2}],
}


def rows(n: int = 1500) -> pd.DataFrame:
    """Patients, some of them with two visits; ``notes`` is a column that the schema does not declare."""
    rng = np.random.default_rng(0)
    age = rng.integers(15, 99, n)
    ill = rng.random(n) < 0.1 + 0.5 * (age > 60)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(n)],
            "sex": rng.choice(["F", "M"], n),
            "age": age,
            "marker": np.round(rng.uniform(0, 10, n), 2).astype(str),
            "ward": rng.choice(["north", "south"], n),
            "ill": np.where(ill, "yes", "no"),
            "notes": "",
        }
    )
    frame.loc[::7, "marker"] = ""
    frame.loc[5, ["ward", "notes"]] = SECRET
    return pd.concat([frame, frame.iloc[:50]], ignore_index=True)


def write(folder: Path, *, frame: pd.DataFrame | None = None, policy=POLICY, **config) -> Path:
    """Write data, schema, policy and config into ``folder``; returns the config's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (rows() if frame is None else frame).to_csv(folder / "clinic.csv", index=False)
    content = {
        "name": "clinic",
        "schema": "schema.yaml",
        "data": "clinic.csv",
        "guarantee": {"epsilon": 2.0, "delta": 1e-5},
        "generator": {"name": "mst"},
        "policy": "policy.yaml",
        "ledger": "ledger.db",
        "runs": "runs",
    } | config
    for name, value in (("schema", SCHEMA), ("policy", policy), ("config", content)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value, sort_keys=False))
    return folder / "config.yaml"
