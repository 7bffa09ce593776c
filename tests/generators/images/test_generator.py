"""What a fit must not show: whether there was anybody to train on, or rows beside the two mechanisms; and
what public images do to it."""

import functools
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file

from flows.audit.toy import PICTURES, people
from flows.audit.worst_case import calibrated
from generators.alone import fit_alone
from generators.deep.generator import Prepared
from generators.dpsgd import checkpoint
from generators.dpsgd.checkpoint import Checkpoint
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.units import Units
from generators.images import diffusion, gan, generator, means, moments
from generators.images.diffusion import ImageDiffusion
from generators.images.gan import ImageGan
from generators.images.generator import Begun
from generators.images.matching import ImageMatching
from generators.images.moments import Basis, Moments
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, LedgerError
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.reading.public import PublicImages
from privacy.stored.rows import Rows
from tests.generators import checks

CLAIM, BUDGET = Guarantee(4.0, 1e-6), Guarantee(100.0, 1e-6)
pytestmark = pytest.mark.usefixtures("noise_not_looked_for")
SHORT = {"steps": 3, "sampling_rate": 0.2, "frequencies": 2, "device": "cpu"}
FEW = {
    "steps": 3, "frequencies": 2, "components": 5, "matched": 2, "batch": 8, "width": 8,
    "device": "cpu",
}  # fmt: skip


@pytest.mark.parametrize(
    "wanted", [ImageMatching(**FEW), ImageGan(**SHORT), ImageDiffusion(**SHORT, warm_up=2)]
)
def test_a_partition_without_rows_is_trained_on_like_any(wanted, tmp_path):
    nobody = people(40, 0).iloc[:0].assign(scan=pd.Series([], dtype=object))
    ready = calibrated(wanted, CLAIM)
    rows = Rows(nobody, np.arange(0))
    model = fit_alone(ready, PICTURES, rows, BUDGET, tmp_path, lambda what, share: None)
    assert model.rows >= 1
    assert len(model.sample(3, np.random.default_rng(0))) == 3


PATIENTS = PICTURES.model_copy(update={"unit": "patient", "max_rows_per_unit": 3})
"""Three pictures of each."""


def trained(ready, codes, units, folder):
    """The network of these rows, with pictures of their own, on an opening that is given."""
    opening, layout, _ = checks.opened()
    scans = np.random.default_rng(len(codes)).integers(0, 256, (len(codes), 8, 8, 1), np.uint8)
    transcript = Transcript(folder / f"{len(codes)}")
    network = ready.train(
        Prepared(
            rows=Rows.of(pd.DataFrame({"scan": pd.Series(list(scans), dtype=object)})),
            codes=codes,
            units=units,
            groups=np.zeros(len(codes), dtype=np.int64),
            n_groups=1,
            layout=layout,
            opening=opening,
            schema=PATIENTS,
            checkpoint=Checkpoint(transcript.scratch, "check"),
            transcript=transcript,
            progress=lambda what, share: None,
        )
    )
    return torch.cat([t.detach().double().flatten() for t in network.state_dict().values()])


@pytest.mark.parametrize(
    "wanted", [ImageMatching(**FEW), ImageGan(**SHORT), ImageDiffusion(**SHORT, warm_up=2)]
)
def test_rows_are_seen_through_the_engine_and_the_moments_only(wanted, tmp_path, monkeypatch):
    """Where neither tells anything, two sets leave the same network; both see each unit's rows as one."""
    seen = []

    def silent(private):
        seen.append((len(private.units), private.expected_units))
        for parameter in private.module.parameters():
            parameter.grad = torch.zeros_like(parameter)

    def noise_alone(total, sigma, form):
        return form(sigma * np.random.default_rng(0).standard_normal(total.shape)).ravel().tolist()

    def measured(basis, images, units, *rest):
        seen.append(len(np.unique(units)))
        return moments.measure(basis, images, units, *rest)

    monkeypatch.setattr(PrivateGradient, "__call__", silent)
    monkeypatch.setattr(moments, "noised", noise_alone)
    monkeypatch.setattr(means, "noised", noise_alone)
    monkeypatch.setattr(generator, "measure", measured)
    plain = functools.partial(torch.Generator().manual_seed, 0)
    monkeypatch.setattr(gan, "secret_generator", lambda device: plain())
    opening, _, (codes, others) = checks.opened()
    ready = replace(wanted, noise_multiplier=1.0, delta=1e-6, moments_rho=1.0)
    one = trained(ready, codes[:150], np.arange(150) // 3, tmp_path)
    other = trained(ready, others[:120], np.arange(120) // 3, tmp_path)
    assert torch.equal(one, other)
    assert set(seen) == {50, 40, (50, opening.units), (40, opening.units)}


@pytest.mark.parametrize("wrong", [{"spread": 0.0}, {"frequencies": 0}, {"moments_share": 0.0}])
def test_moments_that_cannot_be_measured_are_refused_before_anything_is_charged(wrong):
    """At a spread of nothing, an image like the mean would be divided by its norm of nothing."""
    with pytest.raises(ValueError, match="must be positive"):
        ImageMatching(**wrong)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (ImageDiffusion, {"widths": ()}),
        (ImageDiffusion, {"widths": (3, 5)}),
        (ImageDiffusion, {"patch": 0}),
        (ImageDiffusion, {"layers": 0}),
        (ImageDiffusion, {"sampling_steps": 0}),
        (ImageDiffusion, {"drop": 1.0}),
        (ImageDiffusion, {"warm_up": -1}),
        (ImageDiffusion, {"ema": 1.0}),
        (ImageGan, {"ema": 2.0}),
        (ImageGan, {"fakes": 0}),
        (ImageGan, {"critic_decay": -1.0}),
        (ImageMatching, {"ema": 2.0}),
        (ImageMatching, {"components": 0}),
        (ImageMatching, {"features_share": 0.0}),
        (ImageMatching, {"matched": -1}),
    ],
)
def test_networks_that_cannot_be_built_or_drawn_from_are_refused_before_anything_is_charged(
    kind, wrong
):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        kind(**wrong)


SHAPE = (8, 8, 1)


def shown(folder, value):
    """A folder of four grey public images of about that value."""
    folder.mkdir()
    for i in range(4):
        PIL.Image.new("L", (8, 8), value + i).save(folder / f"{i}.png")
    return PublicImages.of(folder, SHAPE)


def begun():
    """Two classes, told apart by nothing yet."""
    pixels, told = torch.zeros(6, 1, 8, 8, dtype=torch.uint8), torch.tensor([[0], [1]] * 3)
    units = Units.of({"pixels": pixels, "told": told}, np.arange(6), 1)
    moments = Moments(Basis(SHAPE, 2), np.zeros((2, 4)), np.zeros((2, 4, 4)), np.eye(2))
    return Begun([2], told, told, units, moments, np.ones(2))


def test_half_a_warm_up_batch_are_public_images_of_which_nothing_is_told(tmp_path):
    public = shown(tmp_path / "bright", 200)
    generator = ImageDiffusion(**SHORT, warm_up_batch=6, public=public)
    images, told = generator._free(begun(), SHAPE)(torch.Generator().manual_seed(0))
    assert images[:3].abs().max() < 0.01  # the moments are middle grey
    assert set(((images[3:] + 1) * 127.5).round().unique().tolist()) <= {200, 201, 202, 203}
    assert told[3:].tolist() == [[2]] * 3
    assert set(told[:3].flatten().tolist()) <= {0, 1}


def after_warm_up(generator, folder):
    """The network's weights when the first private step is due; nothing before it is secret."""
    folder.mkdir()
    file, steps = folder / "checkpoint", generator.warm_up + generator.steps

    def copy(what, share):
        if round(share * steps) == generator.warm_up + 1:
            shutil.copy(file, folder / "copy")

    opening = SimpleNamespace(units=6.0)
    prepared = SimpleNamespace(
        opening=opening, n_groups=1, checkpoint=Checkpoint(file, "id"), progress=copy
    )
    generator.learn(prepared, begun(), SHAPE)
    found = load_file(folder / "copy")
    return {k: v for k, v in found.items() if k.startswith("network/unet")}


@pytest.fixture(scope="module")
def ready(noise_not_looked_for):
    """A small calibrated generator, which is the same whatever images are public."""
    return calibrated(ImageDiffusion(**SHORT, warm_up=5, widths=(8, 8)), CLAIM)


@pytest.fixture
def often(monkeypatch):
    """A checkpoint after every step; ε so far takes seconds to compute and is only told."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(diffusion, "SpentSoFar", lambda *parts: lambda step: f"private {step}")


def test_weights_follow_the_public_images(ready, often, tmp_path):
    def weights(name, public):
        return after_warm_up(replace(ready, public=public), tmp_path / name)

    bright, dark = shown(tmp_path / "bright", 200), shown(tmp_path / "dark", 20)
    found = [weights("a", bright), weights("b", bright), weights("c", dark), weights("d", None)]
    assert len(found[0]) > 10

    def same(a, b):
        return all(torch.equal(v, b[k]) for k, v in a.items())

    assert same(found[0], found[1])
    assert not any(same(found[0], other) for other in found[2:])
    assert not same(found[2], found[3])


def fit(generator, folder, progress=lambda what, share: None):
    permit = SimpleNamespace(covers=lambda *a: None, charge=SimpleNamespace(hash="paid"))
    scans = list(np.random.default_rng(0).integers(0, 256, (40, *SHAPE), dtype=np.uint8))
    rows = Rows(people(40, 0).assign(scan=pd.Series(scans, dtype=object)), np.arange(40))
    transcript = Transcript(folder / "attempt.jsonl")
    return generator.fit(rows, PICTURES, Paid(permit, transcript), progress).network.state_dict()


def test_a_warm_up_on_public_images_goes_on_bit_for_bit_and_on_no_others(ready, often, tmp_path):
    public = shown(tmp_path / "bright", 200)
    (tmp_path / "whole").mkdir()

    def copy(what, share):
        if what.startswith("step 3 of 5 on draws of the moments and public images"):
            for name in ("copy", "other"):
                shutil.copytree(tmp_path / "whole", tmp_path / name)

    whole, told = fit(replace(ready, public=public), tmp_path / "whole", copy), []
    (tmp_path / "bright").rename(tmp_path / "moved")
    moved = PublicImages.of(tmp_path / "moved", SHAPE)
    again = replace(ready, public=moved)
    resumed = fit(again, tmp_path / "copy", lambda what, share: told.append(what))
    assert not any(what.startswith("step 2 of 5") for what in told)
    assert any(what.startswith("step 4 of 5") for what in told)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
    other = replace(ready, public=shown(tmp_path / "dark", 20))
    with pytest.raises(LedgerError, match="of other parameters"):
        fit(other, tmp_path / "other")


def test_public_images_without_a_warm_up_are_refused(tmp_path):
    wanted = ImageDiffusion(**SHORT, warm_up=0, public=shown(tmp_path / "bright", 200))
    with pytest.raises(InputError, match="public_images: warm_up is 0"):
        calibrated(wanted, CLAIM)
