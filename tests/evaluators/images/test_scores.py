"""Image sets from three tables to a verdict: fresh images pass, planted harms are told by name."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from evaluators.attacks.images import PREFIX, membership
from evaluators.evaluate import evaluate
from evaluators.features import image_of
from evaluators.gate import gate
from evaluators.images import extractor
from evaluators.images.extractor import PIXELS, learned
from evaluators.images.neighbours import GAP, LINES, nearest, nearest_grid
from evaluators.images.scores import METRICS, image_fidelity
from evaluators.pages.parts.facts import Facts
from evaluators.pages.report import write_report
from evaluators.policy import Policy, load_policy
from evaluators.score import Scorecard
from evaluators.tables import Tables
from evaluators.utility import convolution
from evaluators.utility.convolution import IMAGE_LEARNERS, shrunk, train
from evaluators.utility.predictions import Sample, learners
from evaluators.verdict import Verdict
from privacy.reading.images import stack, unstack
from privacy.schema.schema import Classification
from tests.evaluators.made_pages import Page, make_label
from tests.evaluators.shapes import CLASSES, SCHEMA, SIDE, images, people, schema

N = 1200
TRAINED_ANEW = convolution.train
TRAIN, HOLDOUT, FRESH = people(N, 1), people(N, 2), people(N, 3)
BARE = schema(subgroups=False)


def bare(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["scan", "shape"]]


pytestmark = pytest.mark.usefixtures("images_learned_once")


def policy() -> Policy:
    """The default policy without the rules that want subgroups, which ``BARE`` has not."""
    path = Path(__file__).parents[3] / "configs" / "policies" / "default.yaml"
    given = load_policy(path)
    wants = ("declared.subgroup", "representation_ratio")
    rules = tuple(r for r in given.rules if r.metric not in wants)
    return given.model_copy(update={"rules": rules})


def noise() -> pd.Series:
    rng = np.random.default_rng(0)
    return unstack(rng.integers(0, 256, (N, SIDE, SIDE, 1)).astype(np.uint8))


def judged(synthetic: pd.DataFrame) -> tuple[Scorecard, Verdict]:
    card = evaluate(bare(TRAIN), bare(HOLDOUT), bare(synthetic), BARE)
    return card, gate(card, policy())


def test_fresh_images_of_a_bare_label_are_approved() -> None:
    card, verdict = judged(FRESH)
    assert verdict.decision == "approved", [r.text for r in verdict.reasons if r.outcome != "pass"]
    assert not card.filter(status="failed")
    judges = {s.model for s in card if s.model and not s.metric.startswith("propensity.")}
    assert judges == {"cnn", "majority"}
    for metric, slice_ in (
        ("utility.accuracy", "all"),
        ("fairness.recall", "shape=square"),
        ("fairness.recall.excess_gap", "shape"),
    ):
        name = metric if metric.endswith("gap") else f"{metric}.difference"
        score = card.one(metric=name, slice=slice_, model="cnn")
        assert score.low is not None
        assert score.high is not None
        assert score.low <= 0 <= score.high
    accuracy = card.one(metric="utility.accuracy", model="cnn").value
    assert accuracy is not None
    assert accuracy > 0.9
    attack = card.one(metric=PREFIX, detail="pixels")
    assert attack.low is not None
    assert attack.high is not None
    assert attack.low <= 0.5 <= attack.high


def test_networks_repeat_by_seed() -> None:
    """Here nothing is remembered: so what the other tests remember is what they would learn."""
    frames = bare(TRAIN[:150]), bare(HOLDOUT[:150]), bare(FRESH[:150])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "EPOCHS", 2)
        patch.setattr(convolution, "train", TRAINED_ANEW)
        once, twice, other = (evaluate(*frames, BARE, seed) for seed in (0, 0, 1))
    assert once == twice != other


def test_a_class_of_noise_is_vetoed_by_name() -> None:
    """The synthetic squares are noise: overall figures and the other classes stay fine."""
    scans = FRESH["scan"].where(FRESH["shape"] != "square", noise())
    card, verdict = judged(FRESH.assign(scan=scans))
    assert verdict.decision == "veto"
    vetoes = {(r.rule, r.slice) for r in verdict.of("veto")}
    assert ("usefulness-by-class", "shape=square") in vetoes
    assert ("usefulness-by-class", "shape=down") not in vetoes
    assert ("no-excess-gap", "shape") in vetoes
    for metric in ("image.precision", "image.coverage"):
        score = card.one(metric=metric, slice="shape=square")
        assert score.value is not None
        assert score.baseline is not None
        assert score.value < score.baseline / 4
        assert card.one(metric=metric, slice="shape=down").value > 0.6  # type: ignore[operator]


def scored(synthetic: pd.DataFrame) -> tuple[Tables, Scorecard]:
    tables = Tables(TRAIN, HOLDOUT, synthetic, SCHEMA)
    return tables, Scorecard((*image_fidelity(tables), *membership(tables)))


@pytest.fixture(scope="module")
def fresh(images_learned_once: None) -> tuple[Tables, Scorecard]:
    return scored(FRESH)


def test_fresh_images_are_as_like_as_train_images_in_every_slice(
    fresh: tuple[Tables, Scorecard],
) -> None:
    _, card = fresh
    slices = ["all", "sex=F", "sex=M", *(f"shape={c}" for c in CLASSES)]
    assert [s.slice for s in card.filter(metric="image.kid")] == slices
    assert {s.metric for s in card if s.metric.startswith("image.")} == {
        f"image.{m}" for m in METRICS
    }
    blank = image_fidelity(Tables(TRAIN, HOLDOUT, FRESH.assign(scan=noise()), SCHEMA))
    for metric in METRICS:
        score = card.one(metric=f"image.{metric}", slice="all")
        assert "small network" in score.detail
        assert score.value is not None
        assert score.low is not None
        assert score.high is not None
        assert score.low <= score.value <= score.high
        if score.higher_is_better:
            assert score.value == pytest.approx(score.baseline, abs=0.1)
        else:
            assert (
                score.value
                < Scorecard(tuple(blank)).one(metric=score.metric, slice="all").value / 10
            )


def test_copies_of_train_images_are_found() -> None:
    copies = TRAIN.sample(N, replace=True, random_state=0).reset_index(drop=True)
    _, card = scored(copies)
    for score in card.filter(lambda s: s.metric.startswith(PREFIX)):
        assert score.low is not None
        assert score.low > 0.5
    assert {s.detail for s in card.filter(metric=PREFIX)} > {"pixels"}


def test_few_copies_are_found_at_low_false_positives() -> None:
    """One train image in ten is copied: AUROC hardly moves, its left end does."""
    mixed = pd.concat([FRESH[N // 10 :], TRAIN[: N // 10]], ignore_index=True)
    _, card = scored(mixed)
    tail = card.one(metric=f"{PREFIX}.tpr_at_1_percent_fpr", detail="pixels")
    assert tail.value is not None
    assert 0.1 <= tail.value < 0.15
    assert tail.low is not None
    assert tail.low > 0.05


def test_too_few_images_are_no_evidence() -> None:
    small = Tables(TRAIN[:60], HOLDOUT[:60], FRESH[:60], SCHEMA)
    for score in (*image_fidelity(small), *membership(small)):
        assert score.status == "insufficient evidence"
    few = Tables(TRAIN, HOLDOUT, FRESH[:60], SCHEMA)
    assert "synthetic" in image_fidelity(few)[0].reason
    none = Tables(TRAIN, HOLDOUT, FRESH[:0], SCHEMA)
    assert {s.status for s in (*image_fidelity(none), *membership(none))} == {
        "insufficient evidence"
    }


def test_learners_look_at_columns_only_where_there_are_some() -> None:
    assert [name for name, _, _ in learners(BARE, BARE.targets[0])] == ["cnn"]
    names = [name for name, _, _ in learners(SCHEMA, SCHEMA.targets[0])]
    assert names == ["logistic", "boosting", "mlp", "cnn"]


def test_a_network_gives_risks_for_two_classes_and_sees_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(convolution, "EPOCHS", 24)
    frames = [people(400, seed, channels=3) for seed in (1, 2, 3)]
    target = Classification(task="classification", column="shape", positive=("square",))
    tables = Tables(*frames, schema(channels=3))
    learner = IMAGE_LEARNERS["classification"]["cnn"]
    sample = Sample.of(tables, target, image_of)
    risks = learner(sample.synthetic.X, sample.synthetic.y, 0)(sample.holdout.X)
    assert ((risks >= 0) & (risks <= 1)).all()
    assert np.corrcoef(risks, sample.holdout.y)[0, 1] > 0.7


@pytest.mark.parametrize("task", IMAGE_LEARNERS)
def test_one_class_to_learn_from_predicts_the_same_for_all(task: str) -> None:
    pictures = stack(FRESH["scan"])[:20]
    predicted = IMAGE_LEARNERS[task]["cnn"](pictures, np.ones(20), 0)(pictures)
    assert (predicted == 1).all()


@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9), (40, 30), (130, 70)])
def test_any_size_goes_through(height: int, width: int) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (6, height, width, 3)).astype(np.uint8)
    trained = train(pictures, np.array([3.0, 7, 3, 7, 3, 7]), 0)
    assert trained.probabilities(pictures).shape == (6, 2)
    assert trained.classes.tolist() == [3, 7]


def test_large_images_are_reduced_to_block_means() -> None:
    pictures = np.arange(2 * 6 * 4, dtype=np.uint8).reshape(2, 6, 4, 1)
    assert (shrunk(pictures, 6) == pictures).all()
    blocks = pictures.reshape(2, 3, 2, 2, 2, 1).mean(axis=(2, 4)).round()
    assert (shrunk(pictures, 3) == blocks).all()


def test_without_classes_to_tell_images_are_compared_by_pixels() -> None:
    tables = Tables(TRAIN, HOLDOUT, FRESH.assign(shape="down"), SCHEMA)
    assert learned(tables, "synthetic", np.arange(N)) is PIXELS
    assert learned(tables, "train", np.arange(N)) is not PIXELS
    assert extractor.PIXELS.of(stack(TRAIN["scan"])).shape == (N, SIDE * SIDE)


def test_nearest_is_brute_force() -> None:
    a, b = PIXELS.of(stack(TRAIN["scan"]))[:20], PIXELS.of(stack(FRESH["scan"]))[:30]
    every = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    distance, rows = nearest(a, b, 3)
    assert distance == pytest.approx(np.sort(every, axis=1)[:, :3], abs=1e-4)
    assert (rows == np.argsort(every, axis=1)[:, :3]).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_grid_shows_copies_first(channels: int) -> None:
    train_, fresh = (people(100, s, channels) for s in (1, 2))
    copy = images(np.array([2]), np.random.default_rng(9), channels)
    fresh.at[70, "scan"] = train_.at[5, "scan"] = copy[0]
    grid = nearest_grid(Tables(train_, HOLDOUT, fresh, schema(channels)))
    picture = np.asarray(PIL.Image.open(io.BytesIO(grid)))
    tile = SIDE * 4
    assert picture.shape[0] == LINES * (tile + GAP)
    left, right = (picture[:tile, x : x + tile] for x in (0, tile + 4 * GAP))
    assert (left == right).all()
    assert (left[::4, ::4].reshape(copy[0].shape) == copy[0]).all()


def test_the_report_shows_images_attacks_and_the_grid(
    tmp_path: Path, fresh: tuple[Tables, Scorecard]
) -> None:
    tables, card = fresh
    path = tmp_path / "report.html"
    verdict = gate(card, policy())
    write_report(path, card, verdict, Facts.of_label(make_label()), nearest_grid(tables))
    page = Page(path.read_text("utf-8"))
    assert page.tags.count("img") == 1
    assert next(v for k, v in page.attributes if k == "src").startswith("data:image/png;base64,")
    assert "Coverage of images, inside each group and class" in page.text
    assert "Membership, AUROC" in page.text
    assert "by the nearest synthetic row or image" in page.text
    assert "no evidence of privacy" in page.text
