"""Rows of one unit that are not linked: whoever pays for a release is told before, and by every check."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.flows import clinic
from tests.flows.commands.test_cli import understudy

SAID = "The rows of one patient are not linked"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A release of patients with two rows at most, which their budget does not hold."""
    path = clinic.write(tmp_path, budget={"epsilon": 0.5, "delta": 1e-5})
    twice = clinic.SCHEMA | {"max_rows_per_unit": 2}
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(twice))
    return path


def test_a_release_says_it_before_anything_is_charged(config: Path) -> None:
    done = understudy("release", config)
    assert done.returncode == 4, done.stderr  # the budget does not hold it
    told = " ".join(done.stdout.split())
    assert told.count(SAID) == 1
    assert "declare `visits:`" in told


def test_forecast_and_check_say_it(config: Path) -> None:
    assert SAID in understudy("forecast", config).stdout
    checked = understudy(
        "schema", "check", config.parent / "schema.yaml", config.parent / "clinic.csv"
    )
    assert SAID in checked.stdout


def test_nothing_is_said_of_patients_with_one_row(tmp_path: Path) -> None:
    config = clinic.write(tmp_path)
    for words in (
        ("forecast", config),
        ("schema", "check", tmp_path / "schema.yaml", tmp_path / "clinic.csv"),
    ):
        assert "not linked" not in understudy(*words).stdout
