"""Tables with next to nothing in them: how many rows there are is private, so every generator trains on them.

A refusal would come after the charge, and would say what was not paid for. The schema's own poverty (one
column, one category, no target) is public and is no reason either.
"""

import functools
from itertools import product

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from generators.alone import fit_alone
from generators.deep.pategan import PateGan
from generators.images.generator import ImageSgd
from generators.registry import GENERATORS, WORKERS, load_model
from privacy.accounting.guarantee import Guarantee
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(2.0, 1e-6)
"""So small that the noise of a count is larger than most tables here."""
BUDGET = Guarantee(100.0, 1e-6)
SGD = {"steps": 2, "sampling_rate": 0.5, "device": "cpu"}
PICTURES = SGD | {"frequencies": 2}
SMALL = {
    "diffusion": SGD,
    "ctgan": SGD | {"fakes": 16},
    "pategan": {"votes": 20, "rounds": 2, "generated": 200, "device": "cpu"},
    "image-diffusion": PICTURES
    | {"warm_up": 1, "warm_up_batch": 8, "widths": (8,), "sampling_steps": 2},
    "image-gan": PICTURES | {"width": 4, "critic_width": 4, "fakes": 8},
    "image-matching": PICTURES
    | {"components": 4, "matched": 1, "batch": 8, "width": 4, "sampling_rate": 1.0},
}
HERE = [name for name in GENERATORS if name not in WORKERS]

YES_NO = {"kind": "categorical", "categories": ["0", "1"]}
FULL = {
    "sex": {"kind": "categorical", "categories": ["F", "M"]},
    "age": {"kind": "integer", "bounds": [0, 99], "bins": 5},
    "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4},
    "ill": YES_NO,
}
KEPT = {name: column | {"missing": "keep"} for name, column in FULL.items()}
ILL = {
    "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
    "subgroups": [{"column": "sex"}],
}
ROW = {"sex": "F", "age": 40, "seen": np.datetime64("2020-03-01", "s"), "ill": "0"}
TYPES = {"sex": object, "age": "Int64", "seen": "datetime64[s]", "ill": object}


def rows(*people):
    """Canonical rows; what a person lacks is missing."""
    frame = pd.DataFrame([dict.fromkeys(ROW) | p for p in people], columns=list(ROW))
    return frame.astype(TYPES)


CASES = {
    **{f"{n} rows": (FULL, ILL, rows(*[ROW, ROW | {"ill": "1"}, ROW][:n])) for n in range(4)},
    "one class": (FULL, ILL, rows(*[ROW] * 40)),
    "all missing": (KEPT, ILL, rows(*[{}] * 40)),
    "all missing, no row": (KEPT, ILL, rows()),
    "one column": ({"ill": YES_NO}, {}, rows(*[ROW] * 40)),
    "one column, no row": ({"ill": YES_NO}, {}, rows()),
    "one category": (
        FULL | {"sex": {"kind": "categorical", "categories": ["F"]}},
        ILL,
        rows(ROW),
    ),
    "nothing to say": (
        {"sex": {"kind": "categorical", "categories": ["F"]}},
        {},
        rows(*[ROW] * 40),
    ),
}


def given(kind, case):
    """Schema and rows of a case, with a picture each where the generator draws some."""
    columns, roles, frame = CASES[case]
    if issubclass(kind, ImageSgd):
        columns = columns | {"scan": {"kind": "image", "height": 6, "width": 5}}
        dark = [np.zeros((6, 5, 1), dtype=np.uint8) for _ in range(len(frame))]
        frame = frame.assign(scan=pd.Series(dark, dtype=object))
    # two rows a unit: Rényi accounting, which is fast
    about = {"name": "tiny", "unit": "person", "max_rows_per_unit": 2}
    schema = {"columns": {"person": {"kind": "identifier"}} | columns} | about | roles
    return Schema.model_validate(schema), frame[list(columns)]


@functools.cache
def calibrated(name, case):
    """With noise that nobody looked for, which takes seconds: what it costs is tested elsewhere."""
    kind = GENERATORS[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generators.deep.generator.least_noise", lambda *asked: 4.0)
        return kind(**SMALL.get(name, {})).calibrate(CLAIM, given(kind, case)[0], NoOpDpEvent())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("name", "case"), [*product(HERE, CASES)])
def test_a_table_with_next_to_nothing_in_it_is_trained_on(name, case, tmp_path):
    schema, frame = given(GENERATORS[name], case)
    whose = np.arange(len(frame)) // 2
    told = lambda what, share: None  # noqa: E731
    model = fit_alone(calibrated(name, case), schema, Rows(frame, whose), BUDGET, tmp_path, told)
    drawn = model.sample(100, np.random.default_rng(0))
    assert len(drawn) == 100
    Codec(model.schema).encode(drawn)
    assert model.sample(0, np.random.default_rng(0)).empty
    (tmp_path / "model").mkdir()
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model").sample(100, np.random.default_rng(0))
    pd.testing.assert_frame_equal(again, drawn)


def test_the_student_says_nothing_where_votes_said_nothing(tmp_path):
    """One column has no pair of columns: every vote is a tie, and its scale is zero."""
    schema, frame = given(PateGan, "one column")
    told = lambda what, share: None  # noqa: E731
    generator = calibrated("pategan", "one column")
    model = fit_alone(generator, schema, Rows(frame, np.arange(40)), BUDGET, tmp_path, told)
    start = model.start.marginals[0]
    shares = model.network.linear.bias.detach().softmax(0)
    np.testing.assert_allclose(shares, start, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("pategan", {"votes": 3, "rounds": 4}),
        ("pategan", {"generated": 1}),
        ("pategan", {"units_per_teacher": 0.0}),
        ("ctgan", {"fakes": 0}),
        ("diffusion", {"ema": 1.0}),
        ("diffusion", {"opening_share": 0.0}),
    ],
)
def test_parameters_that_no_fit_can_use_are_refused_before_the_charge(name, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GENERATORS[name](**wrong)
