"""What a fit must not show: whether there was anybody to train on."""

import numpy as np
import pandas as pd
import pytest

from flows.canaries import fit_alone
from flows.toy import PICTURES, people
from flows.worst_case import calibrated
from generators.images.diffusion import ImageDiffusion
from generators.images.gan import ImageGan
from privacy.accounting import Guarantee
from privacy.table import Rows

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
