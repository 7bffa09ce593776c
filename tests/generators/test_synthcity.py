"""synthcity's generators: what is charged for a claim, what is refused, and what is kept of a model."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dp_accounting import (
    ComposedDpEvent,
    DpEvent,
    GaussianDpEvent,
    NonPrivateDpEvent,
    NoOpDpEvent,
    PoissonSampledDpEvent,
    SelfComposedDpEvent,
    ZCDpEvent,
)
from dp_accounting.dp_event import RepeatAndSelectDpEvent

from flows.stages.config import make_generator
from generators.alone import fit_alone
from generators.registry import GENERATORS, NON_PRIVATE, REFUSED, UNVERIFIED, load_model
from generators.synthcity.generator import Dpgan, SurvivalGan
from generators.synthcity.pool import Pool
from privacy.accounting.composition import spent
from privacy.accounting.events import ClaimedDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, WorkerError
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.generators.test_contract import SCHEMA

CLAIM = Guarantee(1.0, 1e-6)


def claimed(schema: Schema = SCHEMA, claim: Guarantee = CLAIM) -> Dpgan:
    return Dpgan().calibrate(claim, schema, NoOpDpEvent())


def test_their_claim_and_our_count_add_up_to_the_guarantee() -> None:
    made = claimed()
    assert made.claim is not None
    assert made.claim.by == "synthcity 0.2.12, dpgan"
    assert 0.8 < made.claim.epsilon < 1.0
    assert spent([made.event()], CLAIM.delta).epsilon == pytest.approx(1.0, abs=1e-6)


def test_a_claim_is_never_composed_as_less_than_claimed() -> None:
    """It adds up: with itself, with zCDP, and its δ comes off what others may use."""
    one, delta = ClaimedDpEvent(0.5, 1e-7, "them"), 1e-6
    assert spent([one], delta).epsilon == 0.5
    assert spent([one] * 4, delta).epsilon == 2.0
    other = ZCDpEvent(0.1)
    both = spent([one, other], delta).epsilon
    assert both == pytest.approx(0.5 + spent([other], delta - 1e-7).epsilon)
    assert spent([one] * 10, delta).epsilon == math.inf
    assert spent([one, other, one], delta).claimed == 1.0


@pytest.mark.parametrize(
    "around",
    [
        lambda e: SelfComposedDpEvent(e, 3),
        lambda e: SelfComposedDpEvent(ComposedDpEvent([e, GaussianDpEvent(5.0)]), 3),
        lambda e: PoissonSampledDpEvent(0.1, e),
        lambda e: RepeatAndSelectDpEvent(ComposedDpEvent([e, ZCDpEvent(0.01)]), 4.0, 1.0),
    ],
)
def test_a_claim_is_not_amplified_nor_chosen_from(around: Callable[[DpEvent], DpEvent]) -> None:
    """Nothing is known of a claim within these, so no budget has room for them."""
    assert spent([around(ClaimedDpEvent(0.5, 1e-7, "them"))], 1e-5).epsilon == math.inf


def test_a_unit_of_many_rows_is_protected_as_claimed_for_it() -> None:
    """(ε, δ) of a row is (kε, k·exp((k−1)ε)·δ) of k of them."""
    schema = SCHEMA.model_copy(update={"max_rows_per_unit": 4})
    made = claimed(schema)
    assert made.claim is not None
    row = made.loss(4)
    assert 4 * row["epsilon"] == pytest.approx(made.claim.epsilon)
    group = 4 * math.exp(3 * row["epsilon"]) * row["delta"]
    assert group == pytest.approx(made.claim.delta)
    assert spent([made.event()], CLAIM.delta).epsilon == pytest.approx(1.0, abs=1e-6)


def test_nothing_left_for_it_is_told() -> None:
    with pytest.raises(InputError, match="nothing of ε"):
        Dpgan().calibrate(Guarantee(0.01, 1e-6), SCHEMA, ZCDpEvent(1.0))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="broken"):
        make_generator({"name": name})


@pytest.mark.parametrize("wrong", [{"n_iter": 0}, {"generator_n_iter": 1}])
def test_what_cannot_run_is_refused_before_it_is_charged(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        make_generator({"name": "synthcity-pategan", **wrong})


def test_what_promises_nothing_says_so() -> None:
    assert {n.removeprefix("synthcity-") for n in NON_PRIVATE} == {
        "adsgan", "ctgan", "ddpm", "survival_gan",
    }  # fmt: skip
    assert UNVERIFIED == ("synthcity-dpgan", "synthcity-pategan")
    for name in NON_PRIVATE:
        assert GENERATORS[name]().event() == NonPrivateDpEvent()


def test_survival_gan_needs_a_survival_target() -> None:
    with pytest.raises(InputError, match="survival target"):
        SurvivalGan().calibrate(CLAIM, SCHEMA, NoOpDpEvent())


def test_only_plain_numbers_are_numbers_and_parameters_go_by_their_names() -> None:
    wide = SCHEMA.model_dump()
    wide["columns"]["seen"]["bins"] = 12
    task = claimed().task(Schema.model_validate(wide), 100)
    assert task["numbers"] == ["seen"]
    assert {"n_iter", "batch_size", "lr", "dp_max_grad_norm"} <= set(task["options"])
    assert not {"minutes", "gigabytes", "count_share", "claim"} & set(task["options"])


def pool(n: int = 50) -> Pool:
    rng = np.random.default_rng(0)
    sizes = Codec(SCHEMA).domain
    codes = pd.DataFrame({c: rng.integers(0, s, n).astype(np.uint16) for c, s in sizes.items()})
    return Pool(SCHEMA, codes, 40, "hash")


def test_a_pool_is_drawn_from_without_replacement_and_then_again() -> None:
    schema = SCHEMA.model_copy(update={"impossible": ()})
    rows = Pool(schema, pool().codes, 40, "hash")
    encode = Codec(schema).encode
    given = sorted(map(tuple, rows.codes.to_numpy().tolist()))
    one, two = (
        sorted(map(tuple, encode(rows.sample(n, np.random.default_rng(0))).to_numpy().tolist()))
        for n in (50, 100)
    )
    assert one == given
    assert two == sorted(given * 2)


def test_a_pool_gives_no_impossible_row_and_comes_back_from_its_folder(tmp_path: Path) -> None:
    made = pool(400)
    made.save(tmp_path)
    again = load_model(tmp_path)
    frame = made.sample(120, np.random.default_rng(1))
    assert not impossible_rows(frame, SCHEMA).any()
    pd.testing.assert_frame_equal(frame, again.sample(120, np.random.default_rng(1)))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "model.json", "pool.parquet", "schema.yaml",
    ]  # fmt: skip


def test_a_pool_outside_the_schema_is_refused(tmp_path: Path) -> None:
    made = pool()
    made.save(tmp_path)
    for sex in (9, 0.5):
        made.codes.assign(sex=sex).to_parquet(tmp_path / "pool.parquet", index=False)
        with pytest.raises(InputError, match="not a model"):
            load_model(tmp_path)


class Failing:
    """In the worker's place: it reads the rows and gives no answer, or one that is of no use."""

    name, asked = "synthcity", 0

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer

    def ask(self, *given: object) -> bytes:
        self.asked += 1
        if self.answer is None:
            raise WorkerError("synthcity: the worker failed", "Zyzzyva-9731")
        return self.answer


def packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as into:
        into.writestr(name, content)
    return file.getvalue()


ODD = pd.DataFrame({"Zyzzyva-9731": [1]}).to_parquet(None, index=False)


@pytest.mark.parametrize(
    "answer",
    [None, b"", packed("other", b""), packed("rows/0", b"no table"), packed("rows/0", ODD)],
    ids=["none", "no zip", "no rows", "no table", "other columns"],
)
def test_a_worker_that_fails_is_not_asked_again_under_the_same_charge(
    answer: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Failing(answer)
    monkeypatch.setattr("generators.synthcity.generator.WORKER", worker)
    codec = Codec(SCHEMA)
    codes = pd.DataFrame({c: np.zeros(50, dtype=int) for c in codec.domain})
    rows = Rows(codec.decode(codes, np.random.default_rng(0)), np.arange(50))
    for _ in range(2):
        with pytest.raises(WorkerError, match="another run, charged anew"):
            fit_alone(claimed(), SCHEMA, rows, CLAIM, tmp_path, lambda what, share: None)
    assert worker.asked == 1
    assert b"Zyzzyva" not in (tmp_path / "transcript").read_bytes()
