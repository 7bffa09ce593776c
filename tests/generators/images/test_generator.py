"""What a fit must not show: whether there was anybody to train on, or rows beside the two mechanisms."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from flows.canaries import fit_alone
from flows.toy import PICTURES, people
from flows.worst_case import calibrated
from generators.deep.generator import Prepared
from generators.dpsgd.checkpoint import Checkpoint
from generators.dpsgd.engine import PrivateGradient
from generators.images import gan, generator, moments
from generators.images.diffusion import ImageDiffusion
from generators.images.gan import ImageGan
from privacy.accounting import Guarantee
from privacy.table import Rows
from privacy.transcript import Transcript
from tests.generators import checks

CLAIM = Guarantee(4.0, 1e-6)
SHORT = {"steps": 3, "sampling_rate": 0.2, "frequencies": 2, "device": "cpu"}


@pytest.mark.parametrize("wanted", [ImageGan(**SHORT), ImageDiffusion(**SHORT, warm_up=2)])
def test_a_partition_without_rows_is_trained_on_like_any(wanted, tmp_path):
    nobody = people(40, 0).iloc[:0].assign(scan=pd.Series([], dtype=object))
    ready = calibrated(wanted, CLAIM)
    rows = Rows(nobody, np.arange(0))
    model = fit_alone(ready, PICTURES, rows, CLAIM, tmp_path, lambda what, share: None)
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
            frame=pd.DataFrame({"scan": pd.Series(list(scans), dtype=object)}),
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


@pytest.mark.parametrize("wanted", [ImageGan(**SHORT), ImageDiffusion(**SHORT, warm_up=2)])
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
        ImageGan(**wrong)
