"""Tables that are made up for the comparison, and private evolution of tables."""

import json
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "peers"))
from data_sets import DATA_SETS, split
from made_up import MADE_UP, PARITY, SIZES, TURNED
from run import COMPARED

WORKERS = Path(__file__).parents[2] / "benchmarks" / "peers" / "workers"
SHORT = [name for name in MADE_UP if name.endswith("-10k")]
CHANCE = 4.5
"""Standard deviations that a count of 10,000 rows may be off."""


@pytest.mark.parametrize("name", SHORT)
def test_a_table_is_the_same_whenever_it_is_drawn_and_inside_its_domain(name):
    found = split(Path(), DATA_SETS[name], seed=0)
    again = split(Path(), DATA_SETS[name], seed=0)
    pd.testing.assert_frame_equal(found.train, again.train)
    assert len(found.train) == 8000
    assert len(found.test) == 2000
    assert found.codec.domain == {**SIZES, "label": 2}
    for rows in (found.train, found.test):
        assert list(rows) == list(found.codec.domain)
        assert (rows.min() >= 0).all()
        assert (rows.max() < pd.Series(found.codec.domain)).all()
    assert {code for c in SIZES for code in found.train[c].unique()} == {*range(8)}


def test_a_million_rows_are_asked_for_by_name_only():
    assert MADE_UP["scm-1m"].rows == 1_000_000
    assert set(COMPARED) == set(DATA_SETS) - {"xor3-1m", "xor4-1m", "scm-1m"}


@pytest.mark.parametrize("order", PARITY)
def test_only_all_columns_of_a_parity_together_say_something_of_the_label(order):
    rows = MADE_UP[f"xor{order}-10k"].read(Path())[0]
    columns = PARITY[order]

    def gap(some):
        """Σ |people with the label − people without| over cells, and what it is by chance at most."""
        table = rows.groupby([*some, "label"]).size().unstack(fill_value=0)
        most = np.sqrt(2 / np.pi) * np.sqrt(table.sum(1)).sum() + CHANCE * np.sqrt(len(rows))
        return np.abs(table[1] - table[0]).sum(), most

    for k in range(1, order):
        for some in combinations(columns, k):
            found, most = gap(some)
            assert found < most, some
    found, _ = gap(columns)
    assert found == pytest.approx((1 - 2 * TURNED) * len(rows), rel=0.05)


def test_every_column_of_the_causal_model_says_something_of_the_label():
    rows = MADE_UP["scm-10k"].read(Path())[0]
    told = 0
    for column, size in SIZES.items():
        shares = rows["label"].groupby(rows[column]).mean()
        told += shares.max() - shares.min() > 0.1
        assert rows[column].value_counts(normalize=True).min() > 0.5 / size
    assert told >= 6


def evolution():
    sys.path.insert(0, str(WORKERS))
    import private_evolution

    return private_evolution


def test_noise_of_one_draw_is_that_of_the_guarantee():
    """Balle and Wang's example: ε = 1, δ = 1e-5 takes σ = 3.73."""
    assert 1 / evolution().mean_of_one_draw(1.0, 1e-5) == pytest.approx(3.73, abs=0.01)


def test_the_best_candidate_is_where_people_are():
    module = evolution()
    table = module.Table({"x": 10, "y": 5, "l": 2}, {"x"}, "l", np.random.default_rng(0))
    people = np.column_stack([np.full(500, 7), np.full(500, 2)])
    found = table.evolve(people, 20, sigma=1.0)
    assert found.shape == (20, 2)
    assert abs(found[0, 0] - 7) <= 1
    assert found[0, 1] == 2


def test_the_worker_leaves_rows_and_a_report(tmp_path):
    rng = np.random.default_rng(0)
    train = pd.DataFrame({"x": rng.integers(0, 6, 300), "l": rng.integers(0, 2, 300)})
    train.to_csv(tmp_path / "train.csv", index=False)
    task = {
        "mechanism": "tab-pe",
        "epsilon_delta": {"epsilon": 1.0, "delta": 1e-6},
        "seed": 0,
        "options": {},
        "domain": {"x": 6, "l": 2},
        "numbers": ["x"],
    }
    (tmp_path / "task.json").write_text(json.dumps(task), encoding="utf-8")
    schema = {"targets": [{"task": "classification", "column": "l", "positive": ["1"]}]}
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema), encoding="utf-8")
    script = WORKERS / "private_evolution.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    drawn = pd.read_csv(tmp_path / "synthetic.csv")
    assert list(drawn) == ["x", "l"]
    assert abs(len(drawn) - 300) <= 1
    assert drawn["x"].between(0, 5).all()
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["claimed_delta"], report["own_epsilon"]) == (1e-6, 1.0)
