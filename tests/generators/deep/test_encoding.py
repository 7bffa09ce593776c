"""Rows as tensors: what goes in comes out, and each column has a softmax of its own."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.deep.encoding import Layout

sizes = st.lists(st.integers(1, 7), min_size=1, max_size=6)


def drawn(widths, n=5, seed=0):
    layout = Layout({f"c{i}": w for i, w in enumerate(widths)})
    rng = np.random.default_rng(seed)
    return layout, layout.to_codes({c: rng.integers(0, w, n) for c, w in layout.sizes.items()})


@settings(deadline=None, max_examples=30)
@given(sizes)
def test_one_hot_holds_one_code_a_column(widths):
    layout, codes = drawn(widths)
    rows = layout.one_hot(codes)
    assert rows.shape == (5, layout.width)
    for i, part in enumerate(layout.slices().values()):
        assert torch.equal(rows[:, part].argmax(1), codes[:, i])
        assert torch.equal(rows[:, part].sum(1), torch.ones(5))


@settings(deadline=None, max_examples=30)
@given(sizes, st.data())
def test_an_unknown_column_is_all_zeros(widths, data):
    layout, codes = drawn(widths)
    hidden = data.draw(st.integers(0, len(widths) - 1))
    codes[:, hidden] = layout.widest
    rows = layout.one_hot(codes)
    assert rows[:, list(layout.slices().values())[hidden]].eq(0).all()
    assert torch.equal(rows.sum(1), torch.full((5,), len(widths) - 1.0))


@settings(deadline=None, max_examples=30)
@given(sizes, st.floats(-30, 30))
def test_losses_are_torch_s_own(widths, shift):
    layout, codes = drawn(widths)
    logits = torch.randn(5, layout.width, generator=torch.Generator().manual_seed(1)) * 3 + shift
    losses, logs = layout.cross_entropy(logits, codes), layout.log_softmax(logits)
    padded = layout.padded(logits)
    for i, (name, part) in enumerate(layout.slices().items()):
        expected = torch.nn.functional.cross_entropy(logits[:, part], codes[:, i], reduction="none")
        torch.testing.assert_close(losses[:, i], expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            logs[:, part], logits[:, part].log_softmax(1), atol=1e-4, rtol=1e-4
        )
        width = layout.sizes[name]
        assert torch.equal(padded[:, i, :width], logits[:, part])
        assert padded[:, i, width:].eq(-torch.inf).all()


def test_a_column_far_below_the_others_keeps_its_probabilities():
    """One shift for a whole row must not let a column underflow."""
    layout = Layout({"a": 2, "b": 2})
    logits = torch.tensor([[200.0, 0.0, -30.0, -30.0]])
    torch.testing.assert_close(
        layout.log_softmax(logits)[0, 2:], torch.log(torch.tensor([0.5, 0.5]))
    )
