"""The gradients of one layer, unit by unit, from what went in and the gradient of what came out.

A linear layer's gradient of a unit is Σ_s g_s a_sᵀ over its positions s (rows, draws, tokens): its norm needs
the small Gram matrices of a and g only. A convolution is a linear layer over patches; its gradients are small
beside its activations, so they are written down, and norms are those of what is summed.

Privacy claim: norms are those of the gradients that are summed, rounded up for what float32 loses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm, layer_norm, pad

FLOOR = 2.0**-104
"""Added to squares, for each number in them: float32 squares of smaller numbers are 0."""


def rounding(terms: int) -> float:
    """What a float32 sum of products may lose, as a part of the product of lengths.

    Rounding errors are as good as independent, so they grow with the root of their number (Higham & Mary 2019);
    four times that, in units of 2⁻²⁴. Added to squared norms, where draws of one unit may cancel.
    """
    return 4 * math.sqrt(terms) * 2.0**-24


@dataclass
class Call:
    """One pass through a layer: what went in, what came out, and the gradient of that."""

    given: Tensor
    out: Tensor
    versions: tuple[int, int]
    gradient: Tensor | None = None

    def changed(self) -> bool:
        """Whether somebody wrote into input or output after the pass."""
        return (self.given._version, self.out._version) != self.versions


class Layer(Protocol):
    def squared_norms(self) -> Tensor: ...

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]: ...

    def forget(self, units: Tensor) -> None:
        """Let these units be zero."""
        ...


def _by_unit(tensors: list[Tensor], units: int, width: int) -> Tensor:
    """Tensors [units · m, …, width] of several calls → [units, positions, width], float32."""
    return _joined([t.reshape(units, -1, width).float() for t in tensors], 1)


def _joined(parts: list[Tensor], dim: int) -> Tensor:
    """Side by side along an axis; a part that is alone is not copied."""
    return torch.cat(parts, dim) if len(parts) > 1 else parts[0]


def lengths(t: Tensor) -> Tensor:
    """Squared lengths along the last axis, never below the truth by more than rounding."""
    # vector_norm adds one number after the other; sum() adds in pairs, and loses nothing worth mentioning
    return t.square().sum(-1) + t.shape[-1] * FLOOR


def zeroed(t: Tensor, units: Tensor) -> Tensor:
    return t.masked_fill(units.reshape(-1, *[1] * (t.dim() - 1)), 0.0)


class LinearLayer:
    """Σ_s g_s a_sᵀ: ‖·‖² = Σ_{st} (g_s·g_t)(a_s·a_t), or by the product itself where that is smaller."""

    def __init__(self, prefix: str, layer: nn.Linear, calls: list[Call], units: int) -> None:
        self.prefix, self.trains = prefix, _trains(layer)
        self.a = _by_unit([c.given for c in calls], units, layer.in_features)
        self.g = _by_unit([_gradient(c) for c in calls], units, layer.out_features)

    def squared_norms(self) -> Tensor:
        a, g = self.a, self.g
        positions, d, p = a.shape[1], a.shape[2], g.shape[2]
        squares, g2 = a.new_zeros(len(a)), lengths(g)
        if "weight" in self.trains:
            a2 = lengths(a)
            if positions == 1:
                squares = (a2 * g2)[:, 0]
            elif positions * (d + p) <= d * p:
                squares = ((a @ a.mT) * (g @ g.mT)).sum((1, 2))
            else:
                squares = (g.mT @ a).square().sum((1, 2))
            squares = squares + rounding(d + p + positions) * (a2 * g2).sqrt().sum(1).square()
        if "bias" in self.trains:
            if positions == 1:
                return squares + g2[:, 0]
            lost = rounding(p + positions) * g2.sqrt().sum(1).square()
            squares = squares + g.sum(1).square().sum(1) + lost
        return squares

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        g, a = (self.g * factors[:, None, None]).flatten(0, 1), self.a.flatten(0, 1)
        sums = {"weight": lambda: g.T @ a, "bias": lambda: g.sum(0)}
        return {self.prefix + name: sums[name]() for name in self.trains}

    def forget(self, units: Tensor) -> None:
        self.a, self.g = zeroed(self.a, units), zeroed(self.g, units)


class EmbeddingLayer:
    """A linear layer whose inputs are unit vectors: a_s·a_t is 1 where the indices agree."""

    def __init__(self, prefix: str, layer: nn.Embedding, calls: list[Call], units: int) -> None:
        self.prefix, self.size = prefix, layer.num_embeddings
        self.index = torch.cat([c.given.reshape(units, -1) for c in calls], dim=1)
        self.g = _by_unit([_gradient(c) for c in calls], units, layer.embedding_dim)

    def squared_norms(self) -> Tensor:
        same = self.index[:, :, None] == self.index[:, None, :]
        terms = self.g.shape[1] + self.g.shape[2]
        lost = rounding(terms) * lengths(self.g).sqrt().sum(1).square()
        return ((self.g @ self.g.mT) * same).sum((1, 2)) + lost

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        g = (self.g * factors[:, None, None]).flatten(0, 1)
        table = g.new_zeros(self.size, g.shape[1]).index_add_(0, self.index.flatten(), g)
        return {self.prefix + "weight": table}

    def forget(self, units: Tensor) -> None:
        self.g = zeroed(self.g, units)


class WrittenLayer:
    """A layer whose gradients are written down for every unit: ``each`` by parameter, [units, …]."""

    def __init__(self, prefix: str, each: dict[str, Tensor]) -> None:
        self.prefix, self.each = prefix, each

    def squared_norms(self) -> Tensor:
        return torch.stack([lengths(e.flatten(1)) for e in self.each.values()]).sum(0)

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        return {
            self.prefix + n: (factors @ e.flatten(1)).reshape(e.shape[1:])
            for n, e in self.each.items()
        }

    def forget(self, units: Tensor) -> None:
        self.each = {n: zeroed(e, units) for n, e in self.each.items()}


def layer_norm_layer(
    prefix: str, layer: nn.LayerNorm, calls: list[Call], units: int
) -> WrittenLayer:
    """Elementwise: Σ_s g_s ∘ x̂_s and Σ_s g_s."""
    (width,) = layer.normalized_shape
    given = _by_unit([c.given for c in calls], units, width)
    g = _by_unit([_gradient(c) for c in calls], units, width)
    normal = layer_norm(given, layer.normalized_shape, eps=layer.eps)
    sums = {"weight": lambda: (g * normal).sum(1), "bias": lambda: g.sum(1)}
    return WrittenLayer(prefix, {name: sums[name]() for name in _trains(layer)})


def group_norm_layer(
    prefix: str, layer: nn.GroupNorm, calls: list[Call], units: int
) -> WrittenLayer:
    """The same over channels, which are the second axis: inputs [units · m, channels, …]."""
    width = layer.num_channels
    normal = [group_norm(c.given.float(), layer.num_groups, eps=layer.eps) for c in calls]
    x = _joined([n.reshape(units, -1, width, n[0, 0].numel()) for n in normal], 3)
    each = [_gradient(c).float() for c in calls]
    g = _joined([e.reshape(units, -1, width, e[0, 0].numel()) for e in each], 3)
    sums = {"weight": lambda: (g * x).sum((1, 3)), "bias": lambda: g.sum((1, 3))}
    return WrittenLayer(prefix, {name: sums[name]() for name in _trains(layer)})


def convolution_layer(prefix: str, layer: nn.Conv2d, calls: list[Call], units: int) -> WrittenLayer:
    """A linear layer over patches: Σ over positions of (gradient of the output) ⊗ (patch of the input)."""
    each = [_of_convolution(layer, call, units) for call in calls]
    return WrittenLayer(prefix, {n: _sum([e[n] for e in each]) for n in _trains(layer)})


def _sum(parts: list[Tensor]) -> Tensor:
    """Σ; a part that is alone is not copied."""
    return reduce(torch.add, parts)


def _of_convolution(layer: nn.Conv2d, call: Call, units: int) -> dict[str, Tensor]:
    """Gradients of one pass; inputs [units · m, channels, height, width], in any memory layout."""
    x, g = call.given.float(), _gradient(call).float()
    kernel = _by_shift if tuple(layer.stride) == (1, 1) else _by_offset
    sums = {
        "weight": lambda: kernel(layer, x, g, units),
        "bias": lambda: g.sum((2, 3)).reshape(units, -1, g.shape[1]).sum(1),
    }
    return {name: sums[name]() for name in _trains(layer)}


def _by_shift(layer: nn.Conv2d, x: Tensor, g: Tensor, units: int) -> Tensor:
    """Each unit's gradient of the kernel: a cell of it is a shift of one copy of the input.

    Positions of all of a unit's rows stand one after the other, with as many zeros after each line and each row
    as a shift may reach into, so that no shift is a copy.
    """
    (down, right), (dy, dx) = _padding(layer), layer.dilation
    (height, width), out = x.shape[2:], g.shape[2:]
    lines, line = max(height + down, out[0]), max(width + right, out[1])
    x = pad(x.permute(0, 2, 3, 1), (0, 0, 0, line - width, 0, lines - height))
    x = x.reshape(units, -1, x.shape[3])
    g = _by_position(pad(g, (0, line - out[1], 0, lines - out[0])), units)
    kernel = g.new_empty(*g.shape[:2], x.shape[2], *layer.kernel_size)
    positions = x.shape[1]
    for i in range(layer.kernel_size[0]):
        for j in range(layer.kernel_size[1]):
            shift = (i * dy - down) * line + j * dx - right
            back, on = max(0, -shift), max(0, shift)
            kernel[:, :, :, i, j] = g[:, :, back : positions - on] @ x[:, on : positions - back]
    return kernel


def _by_offset(layer: nn.Conv2d, x: Tensor, g: Tensor, units: int) -> Tensor:
    """The same with strides: a cell of the kernel is every so many positions of the input."""
    (down, right), (dy, dx), (sy, sx) = _padding(layer), layer.dilation, layer.stride
    height, width = g.shape[2:]
    x, g = pad(x.permute(0, 2, 3, 1), (0, 0, right, right, down, down)), _by_position(g, units)
    kernel = g.new_empty(*g.shape[:2], x.shape[3], *layer.kernel_size)
    for i in range(layer.kernel_size[0]):
        for j in range(layer.kernel_size[1]):
            ys = slice(i * dy, i * dy + sy * (height - 1) + 1, sy)
            xs = slice(j * dx, j * dx + sx * (width - 1) + 1, sx)
            kernel[:, :, :, i, j] = g @ x[:, ys, xs].reshape(units, g.shape[2], -1)
    return kernel


def _by_position(g: Tensor, units: int) -> Tensor:
    """[units · m, out, height, width] → [units, out, m · height · width]: a unit's rows are more positions."""
    return g.reshape(units, -1, g.shape[1], g[0, 0].numel()).transpose(1, 2).flatten(2)


def _padding(layer: nn.Conv2d) -> tuple[int, int]:
    assert not isinstance(layer.padding, str), "rule_for"
    down, right = layer.padding
    return down, right


def _gradient(call: Call) -> Tensor:
    assert call.gradient is not None
    return call.gradient


def _trains(layer: nn.Module) -> list[str]:
    return [n for n, p in layer.named_parameters(recurse=False) if p.requires_grad]


def _plain_embedding(layer: nn.Embedding) -> bool:
    return layer.padding_idx is None and layer.max_norm is None and not layer.scale_grad_by_freq


def _plain_convolution(layer: nn.Conv2d) -> bool:
    return (
        layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    )


def rule_for(layer: nn.Module) -> Callable[..., Layer] | None:
    if not {n for n, _ in layer.named_parameters(recurse=False)} <= {"weight", "bias"}:
        return None  # something stands between the layer and its weight
    if type(layer) is nn.Linear:
        return LinearLayer
    if type(layer) is nn.Embedding and _plain_embedding(layer):
        return EmbeddingLayer
    if (
        type(layer) is nn.LayerNorm
        and len(layer.normalized_shape) == 1
        and layer.elementwise_affine
    ):
        return layer_norm_layer
    if type(layer) is nn.GroupNorm and layer.affine:
        return group_norm_layer
    if type(layer) is nn.Conv2d and _plain_convolution(layer):
        return convolution_layer
    return None


def rule_of(layer: nn.Module) -> Callable[..., Layer]:
    rule = rule_for(layer)
    assert rule is not None
    return rule
