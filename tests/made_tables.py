"""A made-up clinic in five tables, small enough to read: what tests of tables that belong together share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from privacy.schema.schema import Schema

SCHEMA = Schema.model_validate(
    {
        "name": "clinic",
        "unit": "who",
        "max_rows_per_unit": 3,
        "columns": {
            "who": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "died": {"kind": "categorical", "categories": ["no", "yes"]},
            "died_on": {
                "kind": "datetime", "bounds": ["2020-01-01", "2025-01-01"], "bins": 4, "missing": "keep"
            },
            "visit": {"kind": "identifier"},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2025-01-01"], "bins": 4},
            "diabetes": {"kind": "categorical", "categories": ["0", "1"]},
            "asthma": {"kind": "categorical", "categories": ["0", "1"]},
            "sbp": {"kind": "integer", "bounds": [60, 260], "bins": 4, "missing": "keep"},
            "sbp_again": {"kind": "integer", "bounds": [60, 260], "bins": 4, "missing": "keep"},
            "a1c": {
                "kind": "float", "bounds": [3, 15], "decimals": 1, "bins": 4, "missing": "keep"
            },
            "drug": {"kind": "categorical", "categories": ["x", "y"], "missing": "keep"},
            "dose": {"kind": "integer", "bounds": [1, 50], "bins": 2, "missing": "keep"},
        },
        "targets": [{"task": "classification", "column": "diabetes", "positive": ["1"]}],
        "subgroups": [{"column": "sex"}],
        "impossible": [
            {"died": {"values": ["no"]}, "died_on": {"min": "2020-01-01", "max": "2025-01-01"}}
        ],
        "visits": {"order": "day", "constant": ["sex", "died", "died_on"]},
        "tables": {
            "people": {},
            "visits": {"of": "people", "key": "visit"},
            "deaths": {"of": "people", "rows": [{"where": "died", "values": {"day": "died_on"}}]},
            "diagnoses": {
                "of": "visits",
                "key": "id",
                "copies": {"who": "who", "since": "day"},
                "rows": [
                    {"fixed": {"code": "E11"}, "where": "diabetes"},
                    {"fixed": {"code": "J45"}, "where": "asthma"},
                ],
            },
            "values": {
                "of": "visits",
                "rows": [
                    {"fixed": {"what": "SBP", "in": "mmHg"}, "values": {"value": "sbp"}},
                    {"fixed": {"what": "SBP", "in": "mmHg"}, "values": {"value": "sbp_again"}},
                    {"fixed": {"what": "A1c", "in": "%"}, "values": {"value": "a1c"}},
                ],
            },
            "drugs": {"of": "visits", "rows": [{"values": {"name": "drug", "mg": "dose"}}]},
        },
    }
)  # fmt: skip

FILES = {
    "people": "who,sex\n007,F\nb,M\nc,F\n",
    "visits": "visit,who,day\n2,b,2021-05-01\n1,007,2021-03-02\n3,b,2021-09-01\n",
    "deaths": "who,day\nb,2022-01-01\n",
    "diagnoses": "id,visit,who,since,code\n9,1,007,2021-03-02,E11\n8,1,007,2021-03-02,J45\n"
    "7,3,b,2021-09-01,E11\n",
    "values": "what,in,value,visit\nSBP,mmHg,140,1\nA1c,%,6.5,1\nSBP,mmHg,131,1\nSBP,mmHg,118,3\n",
    "drugs": "visit,name,mg\n2,x,10\n3,y,\n",
}


def written(folder: Path, **changed: str) -> Path:
    """The files in a folder, some of them otherwise."""
    folder.mkdir(exist_ok=True)
    for name, text in (FILES | changed).items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def read_back(folder: Path, name: str) -> pd.DataFrame:
    """A table as texts, nothing where a value is missing."""
    return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
