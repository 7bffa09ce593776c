"""AIM and MST: what they spend, what they find with much budget, and that they resume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import generators.marginals.measurement as measurement
from generators.marginals.aim import KEPT, aim
from generators.marginals.aim import schedule as aim_schedule
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget
from generators.marginals.model import synthesize
from generators.marginals.mst import mst
from generators.marginals.mst import schedule as mst_schedule
from generators.marginals.rates import by_code
from generators.marginals.workload import workload
from privacy.noise import gaussian_rho

DOMAIN = {"group": 3, "x": 8, "y": 2, "z": 4}
N = 4000


@pytest.fixture(scope="module")
def count():
    rng = np.random.default_rng(0)
    group = rng.choice(3, N, p=[0.8, 0.15, 0.05])
    x = rng.integers(0, 8, N)
    y = (rng.random(N) < 0.1 + 0.3 * (group == 2) + 0.5 * (x > 5)).astype(int)
    return Counter.of(
        DOMAIN, {"group": group, "x": x, "y": y, "z": (x + rng.integers(0, 2, N)) % 4}
    )


def run_aim(count, rho, **options):
    weights = workload(count.domain, ["y"], ["group"])
    return aim(count, weights, rho, rates=by_code(count.domain, ["y"], ["group"]), **options)


def run_mst(count, rho, **options):
    return mst(count, rho, required=[("group", "y")], **options)


MECHANISMS = pytest.mark.parametrize("mechanism", [run_aim, run_mst], ids=["aim", "mst"])


@MECHANISMS
def test_with_much_budget_pairs_and_outcomes_come_back(mechanism, count):
    found = mechanism(count, 50.0)
    rows = Counter.of(DOMAIN, synthesize(found.model, N, np.random.default_rng(1)))
    for clique in [("group",), ("x",), ("group", "y"), ("x", "z")]:
        assert np.abs(rows(clique) - count(clique)).sum() / N < 0.05, clique
    assert found.model.total == pytest.approx(N, abs=30)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=5),
    st.integers(0, 60),
    st.floats(0.001, 5.0),
    st.integers(1, 3),
)
def test_spending_is_bounded_on_any_domain(sizes, rows, rho, sensitivity):
    domain = {f"c{i}": size for i, size in enumerate(sizes)}
    rng = np.random.default_rng(rows)
    count = Counter.of(domain, {c: rng.integers(0, s, rows) for c, s in domain.items()})
    rates = by_code(domain, ["c0"], ["c1"])
    paired = aim_schedule(len(domain), [r.weight for r in rates], rho)
    for run, steps in (
        (lambda **o: aim(count, workload(domain), rho, rates=rates, **o), paired),
        (lambda **o: aim(count, workload(domain), rho, **o), aim_schedule(len(domain), [], rho)),
        (lambda **o: mst(count, rho, **o), mst_schedule(len(domain), rho)),
    ):
        paid: list[float] = []

        def ask(question, draw, paid=paid):
            paid.append(question[-1])
            return draw()

        found = run(sensitivity=sensitivity, ask=ask, steps=steps)
        planned = sum(s.rho * s.times for s in steps)
        assert sum(paid) <= planned * (1 + 1e-12)
        assert planned <= rho
        assert sum(paid) <= rho * (1 + 1e-12)
        gaussian = sum(gaussian_rho(m.sigma, sensitivity) for m in found.measurements)
        assert gaussian <= rho
        drawn = synthesize(found.model, 5, rng)
        assert all(drawn[c].max() < s for c, s in domain.items())


@MECHANISMS
def test_every_draw_goes_through_the_budget(mechanism, count, monkeypatch):
    spent: list[float] = []
    pay = Budget._pay
    monkeypatch.setattr(
        Budget, "_pay", lambda self, kind, rho: (pay(self, kind, rho), spent.append(rho))[0]
    )
    mechanism(count, 0.5)
    assert 0.98 * 0.5 < sum(spent) <= 0.5


@MECHANISMS
def test_recorded_answers_make_the_same_model_without_reading_rows(mechanism, count, monkeypatch):
    recorded: list[tuple[list, object]] = []

    def record(question, draw):
        answer = draw()
        recorded.append((question, answer))
        return answer

    first = mechanism(count, 0.5, ask=record)
    answers = iter(recorded)

    def replay(question, draw):
        asked, answer = next(answers)
        assert asked == question
        return answer

    nobody = Counter.of(DOMAIN, {c: np.zeros(0, dtype=int) for c in DOMAIN})
    monkeypatch.setattr(measurement, "discrete_gaussian", None)
    monkeypatch.setattr(measurement, "noisy_max", None)
    second = mechanism(nobody, 0.5, ask=replay)
    for a, b in zip(first.model.marginals, second.model.marginals, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_group_keeps_its_outcome_rate_where_a_plain_tree_may_not(count):
    found = run_aim(count, 1.0)
    joint = Counter.of(DOMAIN, synthesize(found.model, N, np.random.default_rng(2)))(("group", "y"))
    real = count(("group", "y"))
    rate, true = joint[:, 1] / joint.sum(axis=1), real[:, 1] / real.sum(axis=1)
    # a fifth of rho = 1 is a sigma of 1.6 people; the smallest group has 200
    assert np.abs(rate - true).max() < 0.08


def test_several_selections_a_round_end_with_the_budget(monkeypatch):
    monkeypatch.setattr("generators.marginals.aim.COLUMNS_PER_SELECTION", 2)
    domain = {
        f"c{i}": 2 for i in range(7)
    }  # three at once, fourteen in all: the last round is short
    codes = np.random.default_rng(0).integers(0, 2, (7, 500))
    count = Counter.of(domain, dict(zip(domain, codes, strict=True)))
    found = aim(count, workload(domain), 0.5)
    assert len(found.measurements) == 7 + 14


def test_structural_zeros_stay_empty(count):
    zeros = {("group", "z"): np.zeros((3, 4), dtype=bool)}
    zeros["group", "z"][2, 1] = True
    found = run_aim(count, 0.5, zeros=zeros)
    rows = Counter.of(DOMAIN, synthesize(found.model, N, np.random.default_rng(3)))
    assert rows(("group", "z"))[2, 1] == 0


def test_progress_ends_near_one(count):
    told: list[float] = []
    run_aim(count, 0.5, progress=told.append)
    assert told == sorted(told)
    assert 0.9 < told[-1] <= 1.0


def test_what_is_kept_together_is_measured_before_anything_is_selected(count):
    asked = []

    def ask(question, draw):
        asked.append(question[:2])
        return draw()

    keep = [("x", "z")]
    steps = aim_schedule(len(DOMAIN), [], 0.5, len(keep))
    aim(count, workload(DOMAIN, keep=keep), 0.5, keep=keep, ask=ask, steps=steps)
    kinds = [kind for kind, _ in asked]
    assert asked[kinds.index("select") - 1] == ["measure", ["x", "z"]]
    assert sum(s.rho * s.times for s in steps) == pytest.approx(0.5)
    assert kinds.count("select") == 2 * len(DOMAIN) - KEPT


def test_what_is_kept_together_takes_half_of_the_selections_at_most():
    for keep in (1, 3, 50):
        steps = aim_schedule(12, [], 1.0, keep)
        (selections,) = [s.times for s in steps if s.kind == "select"]
        assert 12 <= selections < 24
        assert sum(s.rho * s.times for s in steps) == pytest.approx(1.0)


def test_a_column_of_one_code_is_in_nothing_that_is_selected():
    """Seventy of them in one table would be more axes than an array has."""
    domain = {f"c{i:02}": 1 for i in range(70)} | {"a": 2, "b": 2}
    codes = {c: np.zeros(300, dtype=int) for c in domain}
    codes["a"] = codes["b"] = np.arange(300) % 2
    found = aim(Counter.of(domain, codes), workload(domain), 1.0)
    assert {m.clique for m in found.measurements if len(m.clique) > 1} == {("a", "b")}
