"""One small table of patients, written by each family's own library."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from privacy.schema.schema import Schema

SCHEMA: dict[str, Any] = {
    "name": "clinic",
    "columns": {
        "sex": {"kind": "categorical", "categories": ["female", "male"], "missing": "keep"},
        "grade": {"kind": "categorical", "categories": ["1", "2", "3"]},
        "age": {"kind": "integer", "bounds": [0, 120], "bins": 4, "missing": "keep"},
        "marker": {"kind": "float", "bounds": [0, 10], "bins": 4, "missing": "keep"},
        "born": {
            "kind": "datetime",
            "bounds": ["1900-01-01", "2030-01-01"],
            "bins": 4,
            "missing": "keep",
        },
        "seen": {
            "kind": "datetime",
            "bounds": ["2000-01-01", "2030-01-01"],
            "bins": 4,
            "resolution": "second",
        },
    },
}


def schema(**more: Any) -> Schema:
    return Schema.model_validate(SCHEMA | more)


def frame() -> pd.DataFrame:
    """Eight patients; two are equal, and some values are missing."""
    return pd.DataFrame(
        {
            "sex": ["female", "male", None, "female", "male", "female", "female", "male"],
            "grade": [1, 2, 3, 1, 1, 2, 2, 3],
            "age": pd.array([45, 61, None, 0, 120, 33, 33, 70], dtype="Int64"),
            "marker": [0.1, 2.0, 3.25, None, 10.0, 0.3, 0.3, 1e-05],
            "born": [
                dt.date(1980, 2, 29), dt.date(1900, 3, 1), None, dt.date(2024, 12, 31),
                dt.date(1904, 1, 2), dt.date(1990, 5, 5), dt.date(1990, 5, 5), dt.date(1950, 1, 1),
            ],
            "seen": [
                dt.datetime(2020, 1, 1, 10, 0, 1), dt.datetime(2020, 6, 30, 23, 59, 59),
                dt.datetime(2021, 1, 1), dt.datetime(2022, 2, 2, 0, 0, 1),
                dt.datetime(2023, 3, 3, 12, 30), dt.datetime(2024, 4, 4, 4, 4, 4),
                dt.datetime(2024, 4, 4, 4, 4, 4), dt.datetime(2025, 5, 5, 5, 5, 5),
            ],
        }
    )  # fmt: skip


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Floats for missing whole numbers, as pandas and Excel keep them."""
    return table.assign(age=table["age"].astype("float64"))


def csv(table: pd.DataFrame, folder: Path) -> Path:
    table.to_csv(folder / "clinic.csv", index=False)
    return folder / "clinic.csv"


def parquet(table: pd.DataFrame, folder: Path) -> Path:
    table.to_parquet(folder / "clinic.parquet", index=False)
    return folder / "clinic.parquet"


def parts(table: pd.DataFrame, folder: Path) -> Path:
    """Two parts; in the second whole numbers are floats, since one of them is missing."""
    (folder / "parts").mkdir()
    halves = (table.iloc[:4], plain(table.iloc[4:]))
    for i, half in enumerate(halves):
        pq.write_table(
            pa.Table.from_pandas(half, preserve_index=False), folder / f"parts/part-{i}.parquet"
        )
    (folder / "parts" / "_SUCCESS").touch()
    return folder / "parts"


def excel(table: pd.DataFrame, folder: Path) -> Path:
    plain(table).to_excel(folder / "clinic.xlsx", index=False)
    return folder / "clinic.xlsx"


CODED = {"sex": {1: "female", 2: "male"}}


def coded(table: pd.DataFrame) -> pd.DataFrame:
    """Sex as the codes that CODED labels."""
    return plain(table).assign(sex=table["sex"].map({"female": 1.0, "male": 2.0}))


def stata(table: pd.DataFrame, folder: Path) -> Path:
    import pyreadstat

    path = folder / "clinic.dta"
    pyreadstat.write_dta(coded(table), path, variable_value_labels=CODED)
    return path


def stata_of_pandas(table: pd.DataFrame, folder: Path) -> Path:
    """Categories as pandas labels them, floats in 32 bits, dates with a format of one's own."""
    path = folder / "pandas.dta"
    typed = plain(table).assign(
        sex=pd.Categorical(table["sex"]),
        marker=table["marker"].astype("float32"),
        born=pd.to_datetime(table["born"]),
    )
    typed.to_stata(
        path, write_index=False, version=118, convert_dates={"born": "%td", "seen": "%tc"}
    )
    return path


def spss(table: pd.DataFrame, folder: Path, name: str = "clinic.sav") -> Path:
    import pyreadstat

    path = folder / name
    compress = name.endswith(".zsav")
    pyreadstat.write_sav(coded(table), path, variable_value_labels=CODED, compress=compress)
    return path


def zsav(table: pd.DataFrame, folder: Path) -> Path:
    return spss(table, folder, "clinic.zsav")


def xpt(table: pd.DataFrame, folder: Path) -> Path:
    import pyreadstat

    pyreadstat.write_xport(plain(table), folder / "clinic.xpt", table_name="CLINIC")
    return folder / "clinic.xpt"


def duckdb(table: pd.DataFrame, folder: Path) -> Path:
    import duckdb as db

    with db.connect(str(folder / "house.duckdb")) as connection:
        connection.register("given", table)
        connection.execute("CREATE TABLE patients AS SELECT * FROM given")
    path = folder / "clinic.query.yaml"
    path.write_text("database: house.duckdb\nquery: SELECT * FROM patients;\n")
    return path


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Path]] = {
    "CSV": csv,
    "Parquet": parquet,
    "Parquet parts": parts,
    "Excel": excel,
    "Stata": stata,
    "Stata of pandas": stata_of_pandas,
    "SPSS": spss,
    "SPSS compressed": zsav,
    "SAS transport": xpt,
    "DuckDB": duckdb,
}
