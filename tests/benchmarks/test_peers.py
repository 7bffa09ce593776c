"""The comparison with peers: what everybody gets, how a worker is run, what the judge and the page say."""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "peers"))
import data_sets
import judging
import page
from calling import call
from peers import PEERS
from run import REAL, cells, inside

SCHEMA = {
    "name": "visits",
    "description": "made up",
    "source": "none",
    "unit": "patient",
    "max_rows_per_unit": 2,
    "columns": {
        "patient": {"kind": "identifier"},
        "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
        "cost": {"kind": "float", "bounds": [0, 1000]},
        "sex": {"kind": "categorical", "categories": ["F", "M"]},
        "race": {"kind": "categorical", "categories": ["a", "b"], "missing": "keep"},
        "ill": {"kind": "categorical", "categories": ["no", "yes"]},
    },
    "targets": [{"task": "classification", "column": "ill", "positive": ["yes"]}],
    "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 50, 99]}],
}
ROWS = 4000


@pytest.fixture
def visits(tmp_path, monkeypatch):
    """A folder with visits.csv, and a data set that names it; older people are more often ill."""
    rng = np.random.default_rng(0)
    age = rng.integers(0, 100, ROWS)
    table = pd.DataFrame(
        {
            "patient": rng.integers(0, ROWS // 3, ROWS),
            "age": age,
            "cost": rng.uniform(0, 1000, ROWS).round(2),
            "sex": rng.choice(["F", "M"], ROWS),
            "race": rng.choice(["a", "b", ""], ROWS),
            "ill": np.where(rng.uniform(0, 100, ROWS) < age, "yes", "no"),
        }
    )
    table.to_csv(tmp_path / "visits.csv", index=False)
    (tmp_path / "visits.yaml").write_text(yaml.safe_dump(SCHEMA), encoding="utf-8")
    monkeypatch.setattr(data_sets, "SCHEMAS", tmp_path)
    return tmp_path, data_sets.DataSet("visits", ("visits.csv",), 1e-6), table


@pytest.fixture
def split(visits):
    folder, data_set, _ = visits
    return data_sets.split(folder, data_set, seed=1)


def test_codes_are_inside_the_public_domain(split):
    domain = split.codec.domain
    assert domain["cost"] == data_sets.EQUAL_BINS  # left open by the schema
    assert set(domain) == set(split.train) == {"age", "cost", "sex", "race", "ill"}
    for part in (split.train, split.test):
        assert (part.min() >= 0).all()
        assert (part.max() < pd.Series(domain)).all()
    assert split.numbers == ["age", "cost"]


def test_nobody_is_on_both_sides_and_nobody_has_more_rows_than_allowed(visits, split):
    _, _, table = visits
    patients = [table["patient"].to_numpy()[part.index] for part in (split.train, split.test)]
    assert not set(patients[0]) & set(patients[1])
    assert max(np.unique(p, return_counts=True)[1].max() for p in patients) == 2
    everyone = table["patient"].nunique()
    assert len(set(patients[0])) == int(0.8 * everyone)
    assert len(set(patients[0])) + len(set(patients[1])) == everyone


def test_a_seed_is_a_split(visits, split):
    folder, data_set, _ = visits
    again = data_sets.split(folder, data_set, seed=1)
    other = data_sets.split(folder, data_set, seed=2)
    pd.testing.assert_frame_equal(split.train, again.train)
    assert set(split.train.index) != set(other.train.index)


def test_every_data_set_has_a_schema_with_a_task_for_the_judge():
    for data_set in data_sets.DATA_SETS.values():
        schema = data_set.public
        assert not schema.incomplete
        assert schema.targets[0].task in ("classification", "survival")
        assert schema.subgroups


def judged(split, synthetic):
    return judging.judge(synthetic, split, Path(), seed=0)


def test_the_train_rows_have_no_error(split):
    found = judged(split, split.train)
    assert (found["tvd2"], found["tvd3"], found["base_rate_worst"]) == (0, 0, 0)
    assert found["k_marginal"] == 1000
    assert found["auroc_hist"] > 0.75
    assert set(found["groups"]) == {"sex=F", "sex=M", "age=0 to 49", "age=50 to 99"}
    assert found["worst"] == min(found["groups"].values())


def test_distances_are_those_of_plain_counting(split):
    synthetic = split.train.assign(sex=0)

    def distance(pair):
        shares = [t.value_counts(list(pair), normalize=True) for t in (split.train, synthetic)]
        return shares[0].sub(shares[1], fill_value=0).abs().sum() / 2

    pairs = list(combinations(split.train, 2))
    assert judged(split, synthetic)["tvd2"] == pytest.approx(
        np.mean([distance(p) for p in pairs]), abs=1e-4
    )


def test_base_rates_by_group(split):
    women = split.train["sex"] == 0
    synthetic = split.train.assign(ill=split.train["ill"].where(~women, 1))
    found = judged(split, synthetic)
    rate = split.train.loc[women, "ill"].mean()
    assert found["base_rate_error"]["sex=F"] == pytest.approx(1 - rate, abs=1e-4)
    assert found["base_rate_error"]["sex=M"] == 0
    assert found["base_rate_worst"] == found["base_rate_error"]["sex=F"]


def test_a_lost_group_has_no_base_rate(split):
    found = judged(split, split.train[split.train["sex"] == 1])
    assert found["base_rate_error"]["sex=F"] is None
    assert found["base_rate_worst"] is None


def test_nothing_is_learned_where_nobody_is_ill(split):
    found = judged(split, split.train.assign(ill=0))
    assert (found["auroc_xgb"], found["auroc_hist"], found["f1_xgb"]) == (0.5, 0.5, 0)


def test_survival_is_judged_by_rank(split):
    survives = {"task": "survival", "time": "cost", "event": "ill", "event_values": ["yes"]}
    schema = split.schema.model_validate(split.schema.model_dump() | {"targets": [survives]})
    early = split.train["sex"] * 10 + split.train["cost"] % 10  # women have their event first
    rows = split.train.assign(cost=early, ill=1)
    data = data_sets.Split(schema, rows, rows)
    found = judging.judge(rows, data, Path(), seed=0)
    assert found["c_index_cox"] > 0.7
    assert found["c_index_trees"] > 0.7
    assert "auroc_xgb" not in found


def test_numbers_are_rounded_into_the_domain():
    codes = inside(pd.DataFrame({"b": [0.6, 9.0], "a": [-2.0, 1.4]}), {"a": 3, "b": 4})
    assert codes.to_dict("list") == {"a": [0, 1], "b": [1, 3]}


def python(code):
    return [sys.executable, "-c", code]


def test_a_worker_that_ends_well_is_measured():
    found = call(python("import time; x = b'x' * 200_000_000; time.sleep(0.6)"), {}, 60)
    assert found["outcome"] == "done"
    assert found["peak_gib"] > 0.18
    assert found["worker_seconds"] >= 0.6


def test_memory_of_children_counts():
    child = f"{sys.executable!r}, '-c', 'import time; x = b\"x\" * 200_000_000; time.sleep(0.6)'"
    found = call(python(f"import subprocess; subprocess.run([{child}])"), {}, 60)
    assert found["peak_gib"] > 0.18


def test_a_crash_is_a_result_with_its_last_line():
    found = call(python("print('before'); raise ValueError('no such column')"), {}, 60)
    assert (found["outcome"], found["error"]) == ("failed", "ValueError: no such column")


def test_a_limit_is_on_processor_time_and_ends_what_the_worker_started():
    child = f"{sys.executable!r}, '-c', 'while True: pass'"
    found = call(python(f"import subprocess; subprocess.run([{child}])"), {}, 0.5)
    assert found["outcome"] == "timeout"
    assert found["cpu_seconds"] >= 0.5


def test_one_thread_and_one_core():
    said = "os.environ['OMP_NUM_THREADS'], len(os.sched_getaffinity(0))"
    assert (
        call(python(f"import os; raise SystemExit(str(({said})))"), {}, 60)["error"] == "('1', 1)"
    )


def test_cheap_peers_come_first_and_real_rows_before_them():
    wanted = list(cells(["adult_binned", "support2"], ["dpmm-aim", "ours-aim"], [1, 10], [0]))
    assert [c["peer"] for c in wanted] == [REAL] * 2 + ["ours-aim"] * 4 + ["dpmm-aim"] * 4
    assert len({tuple(c.values()) for c in wanted}) == len(wanted)


def cell(peer, epsilon=1.0, seed=0, **figures):
    where = {"data": "adult_binned", "peer": peer, "epsilon": epsilon, "seed": seed}
    return where | {"outcome": "done", "delta": 1e-9, "claimed_delta": 1e-9} | figures


GOOD = {"processor_seconds": 10, "auroc_hist": 0.9, "tvd2": 0.05, "base_rate_worst": 0.02}
ROWS_OF_PAGE = [
    cell(REAL, None, auroc_hist=0.95, tvd2=0.0, base_rate_worst=0.0),
    cell("ours-aim", own_epsilon=1.0, **GOOD),
    cell("dpmm-mst", own_epsilon=1.0, **GOOD | {"auroc_hist": 0.91, "base_rate_worst": None}),
    cell("smartnoise-mst", own_epsilon=1.2, **GOOD | {"tvd2": 0.2}) | {"claimed_delta": 1e-5},
    cell("dpmm-aim") | {"outcome": "timeout", "cpu_seconds": 900, "worker_seconds": 1800},
    cell("mostlyai-argn") | {"outcome": "failed", "error": "MemoryError: a | b"},
]


@pytest.fixture
def told(tmp_path):
    return page.page(ROWS_OF_PAGE, tmp_path / "comparison")


def line_of(told, peer):
    (found,) = (x for x in told.splitlines() if x.startswith(f"| {peer} |"))
    return [text.strip() for text in found.strip("|").split("|")]


def test_the_best_of_a_column_is_bold_whoever_it_is(told):
    assert "**.910**" in line_of(told, "dpmm-mst")
    assert ".900" in line_of(told, "ours-aim")
    assert line_of(told, "ours-aim").count("**.050**") == 1
    assert "**" not in "".join(line_of(told, REAL))


def test_losses_are_named_with_both_figures(told):
    assert "AUROC hist: dpmm-mst, .910 against .900." in told
    assert "(figures from 2 of 11 peers)" in told


def test_a_lost_group_a_timeout_and_a_crash_are_told(told):
    assert line_of(told, "dpmm-mst")[-2] == "–"
    assert line_of(told, "dpmm-aim")[1] == "timeout: 900 s of processor, 1800 s"
    assert line_of(told, "mostlyai-argn")[1] == "failed: MemoryError: a / b"


def test_what_was_not_run_is_named(told):
    (missing,) = (x for x in told.splitlines() if x.startswith("Not run: "))
    assert set(missing[9:-1].split(", ")) == set(PEERS) - {r["peer"] for r in ROWS_OF_PAGE}


def test_a_claim_that_differs_from_what_was_asked_is_shown(told):
    assert line_of(told, "smartnoise-mst")[-1] == "1.20, δ 1e-05"


def test_seeds_are_averaged_and_a_lost_group_in_one_is_lost_in_all():
    rows = [cell("ours-aim", seed=s, auroc_hist=0.8 + s / 10, tvd2=0.1) for s in (0, 1)]
    rows[1]["base_rate_worst"], rows[0]["base_rate_worst"] = None, 0.1
    found = page.line("ours-aim", rows)
    assert found.means["auroc_hist"] == pytest.approx(0.85)
    assert "base_rate_worst" not in found.means


def test_a_page_is_the_same_for_the_same_lines(told, tmp_path):
    chart = tmp_path / "comparison" / "adult_binned-1.svg"
    before = chart.read_text(encoding="utf-8")
    assert page.page(ROWS_OF_PAGE, tmp_path / "comparison") == told
    assert chart.read_text(encoding="utf-8") == before
    assert "dpmm-mst" in before


def test_every_peer_has_a_worker_and_a_word_on_its_claim():
    workers = Path(page.__file__).parent / "workers"
    for peer in PEERS.values():
        assert (workers / peer.worker).is_file()
        assert peer.known.endswith(".")
