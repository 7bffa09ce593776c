"""Forecasts: right about cost, honest about groups, and without a look at a row."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from dp_accounting import ZCDpEvent

from evaluators.assessable import smallest
from flows.stages.config import load_config
from flows.stages.forecast import (
    FACTORS,
    GROUPS,
    SECONDS,
    SURE,
    WITHIN,
    forecast,
    spearman_error,
)
from generators.marginals.aim import selected_rho
from generators.registry import GENERATORS, IMAGES, WORKERS
from privacy.accounting.calibration import left, zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.ledger.ledger import Ledger
from privacy.noise import discrete_gaussian
from tests.flows import clinic

WIDE = Path(__file__).parents[3] / "benchmarks" / "results" / "wide_tables.jsonl"


def planned(folder, sizes=None, **config):
    """A config whose private file is gone, with public sizes of the sexes."""
    path = clinic.write(folder, **config)
    (folder / "clinic.csv").unlink()
    schema = copy.deepcopy(clinic.SCHEMA)
    schema["subgroups"][0]["public_sizes"] = sizes
    (folder / "schema.yaml").write_text(yaml.safe_dump(schema, sort_keys=False))
    return path


def test_it_needs_no_rows_and_writes_nothing(tmp_path):
    path = planned(tmp_path, {"F": 800})
    before = sorted(p.name for p in tmp_path.rglob("*"))
    found = forecast(path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    (cost,) = found.costs
    assert cost.before == 0
    assert cost.after == pytest.approx(2.0, rel=1e-3)
    assert cost.fits


def test_what_was_spent_counts_and_what_does_not_fit_is_said(tmp_path):
    path = planned(tmp_path)
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.register("clinic", Guarantee(2.0, 1e-5), 0.2)
    event = ZCDpEvent(0.05)
    ledger.charge("clinic", "train", run="r", attempt="a", purpose="fit", event=event)
    (cost,) = forecast(path).costs
    assert cost.before == pytest.approx(spent([event], 1e-5).epsilon)
    assert cost.after > 2.0
    assert not cost.fits
    assert "would still fit" in cost.fitting
    assert len(ledger.charges()) == 1


def test_what_is_said_to_fit_does(tmp_path):
    """Costs compose to less than their sum, so more than the difference is left."""
    said = left([ZCDpEvent(0.05)], Guarantee(2.0, 1e-5))
    assert 2.0 - spent([ZCDpEvent(0.05)], 1e-5).epsilon < said < 2.0
    path = planned(tmp_path, guarantee={"epsilon": said, "delta": 1e-5}, budget=loss(2.0))
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.register("clinic", Guarantee(2.0, 1e-5), 0.2)
    ledger.charge("clinic", "train", run="r", attempt="a", purpose="fit", event=ZCDpEvent(0.05))
    assert forecast(path).costs[0].fits
    assert left([ZCDpEvent(5.0)], Guarantee(2.0, 1e-5)) == 0


def loss(epsilon):
    return {"epsilon": epsilon, "delta": 1e-5}


def test_the_weakest_group_is_the_smallest_and_it_is_said_why(tmp_path):
    found = forecast(planned(tmp_path, {"F": 276, "M": 36}))
    (line,) = [line for line in found.advice if "is the weakest group" in line]
    assert line.startswith("sex=M is the weakest group, before 1 more: of 36 people")
    assert "where 0.05 is allowed" in line


def test_how_small_a_table_may_be_is_told_in_the_words_of_a_refusal(tmp_path):
    found = forecast(planned(tmp_path, holdout=0.25))
    assert f"{smallest(0.25)}." in found.advice
    assert "400 in all at `holdout: 0.25`" in smallest(0.25)


def test_a_schema_that_the_ledger_will_refuse_is_told_beforehand(tmp_path):
    path = planned(tmp_path)
    ledger = Ledger(str(tmp_path / "ledger.db"))
    declared = load_config(path, reads=False).load_schema()
    other = declared.model_copy(update={"max_rows_per_unit": 3})
    ledger.register("clinic", Guarantee(2.0, 1e-5), 0.2, other)
    assert any("max_rows_per_unit: 3" in line for line in forecast(path).advice)
    assert not ledger.charges()


def test_what_the_people_held_out_pay_is_forecast_as_one(tmp_path):
    """Figures and choice each fit the budget, and both together are what is charged."""
    asked = {"epsilon": 2.0, "delta": 1e-5}
    select = {"by": "holdout", "others": [{"name": "aim"}]}
    path = planned(tmp_path, evaluation=asked, select=select)
    _, held_out = forecast(path).costs
    assert held_out.partition == "holdout"
    assert held_out.after == pytest.approx(2.0, rel=1e-3)
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.register("clinic", Guarantee(2.0, 1e-5), 0.2)
    event = ZCDpEvent(0.15 * zcdp_budget(Guarantee(2.0, 1e-5)))
    ledger.charge("clinic", "holdout", run="r", attempt="a", purpose="evaluate", event=event)
    assert not forecast(path).costs[1].fits


def test_a_larger_group_is_served_better_and_the_smallest_is_right_on_the_limit(tmp_path):
    sizes = {"F": 100, "M": 500_000}
    found = forecast(planned(tmp_path, sizes))
    few, many = found.groups
    assert few.verdict == "no generator can serve it at this ε"
    assert many.verdict == "can be served"
    assert few.at_best > many.at_best
    one, fewer = (found.limit * 0.8 * (found.smallest[0] - i) / SURE for i in (0, 1))
    assert spent([DiscreteGaussianDpEvent(one)], 1e-5).epsilon <= 2.0
    assert spent([DiscreteGaussianDpEvent(fewer * 0.999)], 1e-5).epsilon > 2.0
    assert any("sex=F" in line for line in found.advice)


def test_the_epsilon_a_group_needs_serves_it(tmp_path):
    (group,) = forecast(planned(tmp_path, {"F": 4000})).groups
    again = planned(
        tmp_path / "again", {"F": 4000}, guarantee={"epsilon": group.needs, "delta": 1e-5}
    )
    (served,) = forecast(again).groups
    assert served.expected == pytest.approx(0.05, rel=1e-2)


def test_a_claim_that_no_policy_lets_out_is_told_before_it_is_paid_for(tmp_path):
    claimed = planned(tmp_path, generator={"name": "synthcity-dpgan"})
    assert forecast(claimed).advice[0].startswith("Sure to be vetoed")
    assert not any("vetoed" in line for line in forecast(planned(tmp_path / "ours")).advice)


def test_a_schema_that_lacks_what_the_policy_asks_is_told_before_it_is_paid_for(tmp_path):
    path = clinic.write(tmp_path)
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(clinic.SCHEMA | {"targets": []}))
    (line,) = [line for line in forecast(path).advice if "no target" in line]
    assert line.startswith("Sure to be refused")
    assert "`targets:`" in line
    assert not any("no target" in line for line in forecast(planned(tmp_path / "ours")).advice)


def test_groups_that_are_not_declared_are_refused(tmp_path):
    with pytest.raises(InputError, match="has no group 'X'; it has F, M"):
        forecast(planned(tmp_path, {"X": 5}))


def test_every_generator_of_tables_has_a_measured_factor():
    assert set(FACTORS) == set(GENERATORS) - set(IMAGES) - set(WORKERS)


def test_how_long_a_fit_takes_follows_from_what_is_public(tmp_path):
    path = planned(tmp_path)
    low, high = forecast(path).seconds
    assert 0 < low < high <= 60
    shortest, longest = forecast(path).judging
    assert 0 < shortest < longest
    schema = yaml.safe_load((tmp_path / "schema.yaml").read_text())
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema | {"public_rows": 20_000_000}))
    path.write_text(path.read_text().replace("1.0e-05", "1.0e-9"))  # δ lies below one in all
    assert forecast(path).seconds[0] > low
    assert forecast(path).judging[1] > longest
    wide = {f"c{i}": {"kind": "integer", "bounds": [0, 9], "bins": 5} for i in range(200)}
    schema["columns"] |= wide
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema))
    assert forecast(path).seconds[1] > 2 * high


def test_what_was_not_measured_is_not_told(tmp_path):
    assert forecast(planned(tmp_path, generator={"name": "ctgan"})).seconds is None


@pytest.mark.parametrize(
    "row",
    [json.loads(line) for line in WIDE.read_text(encoding="utf-8").splitlines()],
    ids=lambda row: f"{row['mechanism']}, {row['columns']} × {row['rows']}, ε = {row['epsilon']:g}",
)
def test_measured_fits_lie_inside_what_is_told(row):
    """CPU seconds: the machine that measured was shared."""
    start, by_column, by_value = SECONDS[row["mechanism"]]
    expected = start + row["columns"] * (by_column + by_value * row["rows"])
    assert expected / WITHIN <= row["cpu_seconds"] <= expected * WITHIN


def test_what_noise_leaves_of_a_correlation_is_what_noisy_tables_show(tmp_path):
    rho, columns, n = 0.02, 40, 20_000
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, n))
    x[1] += x[0]
    groups = np.argsort(np.argsort(x)) * GROUPS // n
    counts = np.histogram2d(*groups, bins=GROUPS)[0]
    scores = np.arange(GROUPS) - (GROUPS - 1) / 2
    each = selected_rho(columns, True, rho)
    found = [
        scores @ (discrete_gaussian(counts.astype(int), each)) @ scores / n / ((GROUPS**2 - 1) / 12)
        for _ in range(300)
    ]
    assert np.std(found) == pytest.approx(spearman_error(rho, columns, True, n), rel=0.15)


def test_a_relation_is_told_where_rows_are_public(tmp_path):
    path = planned(tmp_path, generator={"name": "aim"})
    assert not any("Spearman" in line for line in forecast(path).advice)
    schema = yaml.safe_load((tmp_path / "schema.yaml").read_text())
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema | {"public_rows": 2000}))
    (told,) = [line for line in forecast(path).advice if "Spearman" in line]
    assert "`keep_together:`" in told
