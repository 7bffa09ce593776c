"""docs/visits.md: its schema is one, its rows fit it, and its lines join two files into the long form."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from flows.frames.tables import tables
from flows.frames.written import texts
from flows.stages.config import RunConfig
from privacy.schema.schema import Schema
from tests.flows.commands.test_cli import understudy
from tests.flows.made_histories import SCHEMA, made

PAGE = (Path(__file__).parents[3] / "docs" / "visits.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_schema_and_config_of_the_page_are_read(tmp_path: Path) -> None:
    wholes = [block for block in map(yaml.safe_load, blocks("yaml")) if "name" in block]
    schema, config = wholes
    assert Schema.model_validate(schema).visits is not None
    assert RunConfig.model_validate(config).generator["name"] == "aim"


def test_rows_of_the_page_fit_its_schema(tmp_path: Path) -> None:
    (tmp_path / "visits.yaml").write_text(blocks("yaml")[0])
    (tmp_path / "visits.csv").write_text(blocks("")[0])
    done = understudy("schema", "check", tmp_path / "visits.yaml", tmp_path / "visits.csv")
    assert done.returncode == 0, done.stderr
    assert "all 3 rows fit the schema" in done.stdout
    assert "visits:" not in done.stdout


@pytest.fixture
def two_files(tmp_path: Path) -> pd.DataFrame:
    """Writes patients.csv and visits.csv; returns the long form that they are parts of."""
    rows = made(80)
    written = texts(rows, SCHEMA)
    for name, part in tables(rows, SCHEMA).items():
        out = tmp_path / f"{'patients' if name == 'units' else name}.csv"
        written[list(part)].drop_duplicates().to_csv(out, index=False)
    return written


@pytest.mark.parametrize("language", ["python", "sql"])
def test_two_files_are_joined_as_it_says(
    language: str, two_files: pd.DataFrame, tmp_path: Path
) -> None:
    (code,) = blocks(language)
    with contextlib.chdir(tmp_path):
        if language == "python":
            exec(code, {})
        else:
            duckdb.sql(code)
    found = pd.read_csv(tmp_path / "long.csv", dtype=str, keep_default_na=False)
    keys = ["patient", "visit"]
    wanted = two_files[sorted(two_files)].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found[sorted(found)].sort_values(keys, ignore_index=True), wanted)
