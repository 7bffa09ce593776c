"""Exact gradients of each unit: their norms, and their weighted sum.

Two ways, chosen by what a module is made of. *Book-keeping* (arXiv 2210.00038): a linear layer's gradient of a
unit is Σ_s g_s a_sᵀ over its rows and draws, with inputs a and output gradients g from one backward pass; its
norm needs the small Gram matrices of a and g only, and the clipped sum is one matrix product a layer. *vmap*:
``torch.func.vmap(grad)``, which writes every unit's gradient to memory but takes any module. Opacus is not
used: its hooks write all gradients too and are wrong for strided convolution inputs (see the tests), and its
ghost mode needs two backward passes.

Privacy claim: norms are those of the gradients that are summed, rounded up for what float32 loses. Modules
that mix units (batch normalisation), and layers that book-keeping cannot tell units apart in, are refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

Rows = Mapping[str, Tensor]
"""Tensors by name, first axis rows."""
Loss = Callable[[Callable[..., Any], Rows], Tensor]
"""(module, rows [n, …]) → a loss for each row [n], none of which depends on another row."""

FLOOR = 2.0**-104
"""Added to squares, for each number in them: float32 squares of smaller numbers are 0."""


def rounding(terms: int) -> float:
    """What a float32 sum of products may lose, as a part of the product of lengths.

    Rounding errors are as good as independent, so they grow with the root of their number (Higham & Mary 2019);
    four times that, in units of 2⁻²⁴. Added to squared norms, where draws of one unit may cancel.
    """
    return 4 * math.sqrt(terms) * 2.0**-24


class UnitGradients(Protocol):
    """The gradients of a batch of units."""

    @property
    def norms(self) -> Tensor:
        """[units], float32; over all trainable parameters."""
        ...

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        """Σ_u factors[u] · gradient of unit u, by parameter, float32; a unit of factor 0 adds nothing."""
        ...


class Method(Protocol):
    """A way to get them. ``rows``: [units · m, …] unit by unit; ``weights``: [units, m].

    Not to be called under autocast, which would round norms and sums: a loss enters it by itself.
    """

    def __call__(self, loss: Loss, rows: Rows, weights: Tensor) -> UnitGradients: ...


def method_for(module: nn.Module) -> Method:
    """Book-keeping where every parameter belongs to a layer it knows, vmap otherwise."""
    refuse_mixing(module)
    return BookKeeping(module) if BookKeeping.knows(module) else PerUnit(module)


def refuse_mixing(module: nn.Module) -> None:
    """Raise ValueError for layers that let one unit change another's gradient."""
    mixing = nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm
    for name, layer in module.named_modules():
        if isinstance(layer, mixing):
            raise ValueError(
                f"{name}: {type(layer).__name__} mixes or remembers units; use GroupNorm"
            )


def trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that get gradients, by name."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


@dataclass
class _Call:
    """One pass through a layer: what went in, what came out, and the gradient of that."""

    given: Tensor
    out: Tensor
    versions: tuple[int, int]
    gradient: Tensor | None = None

    def changed(self) -> bool:
        """Whether somebody wrote into input or output after the pass."""
        return (self.given._version, self.out._version) != self.versions


@dataclass(frozen=True)
class BookKeeping:
    """Norms from layer inputs and output gradients of ``module``, which must be known (``knows``).

    Layers must be called, not just have their parameters read, and get rows along their first axis.
    """

    module: nn.Module

    @staticmethod
    def knows(module: nn.Module) -> bool:
        """Whether every trainable parameter belongs to exactly one layer with a rule."""
        owned: list[int] = []
        for layer in module.modules():
            if _rule(layer) is not None:
                owned += [id(p) for p in layer.parameters(recurse=False)]
        wanted = {id(p) for p in module.parameters() if p.requires_grad}
        return len(owned) == len(set(owned)) and wanted <= set(owned)

    def __call__(self, loss: Loss, rows: Rows, weights: Tensor) -> TapedGradients:
        tape: dict[str, list[_Call]] = {}
        handles = [
            layer.register_forward_hook(_recorder(tape.setdefault(name, [])))
            for name, layer in self.module.named_modules()
            if _rule(layer) is not None and any(p.requires_grad for p in layer.parameters())
        ]
        try:
            with _frozen(self.module), torch.enable_grad():
                total = (loss(self.module, rows).float() * weights.flatten()).sum()
                calls = [call for name in tape for call in tape[name]]
                if any(call.changed() for call in calls):
                    raise ValueError("a layer's input or output was changed in place")
                if any(len(call.given) != weights.numel() for call in calls):
                    # reshaped by unit, it would count one unit's gradient as another's
                    raise ValueError(
                        "a layer's input does not have rows along its first axis; use PerUnit"
                    )
                found = torch.autograd.grad(total, [c.out for c in calls], allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()
        units = len(weights)
        for call, gradient in zip(calls, found, strict=True):
            call.gradient = torch.zeros_like(call.out) if gradient is None else gradient
        layers = [
            _rule_of(layer)(f"{name}." if name else "", layer, tape[name], units)
            for name, layer in self.module.named_modules()
            if tape.get(name)
        ]
        return TapedGradients(layers)


@dataclass(frozen=True)
class TapedGradients:
    """The gradients of a book-kept pass, layer by layer."""

    layers: list[_Layer]
    norms: Tensor = field(init=False)

    def __post_init__(self) -> None:
        squares = torch.stack([layer.squared_norms() for layer in self.layers]).sum(0)
        object.__setattr__(self, "norms", squares.clamp_min(0).sqrt())

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        sums = self._sums(factors)
        if not _finite(sums):
            for layer in self.layers:
                layer.forget(factors == 0)
            sums = self._sums(factors)
        return sums

    def _sums(self, factors: Tensor) -> dict[str, Tensor]:
        return {n: t for layer in self.layers for n, t in layer.weighted_sum(factors).items()}


def _finite(sums: Mapping[str, Tensor]) -> bool:
    """Whether all numbers are: 0 · ∞ of a removed unit is rare, and cheaper to see here than to prevent."""
    # a total that overflows says no as well, which costs a second sum and no more
    totals = [t.sum() for t in sums.values()]
    return not totals or bool(torch.stack(totals).isfinite().all())


class _Layer(Protocol):
    def squared_norms(self) -> Tensor: ...

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]: ...

    def forget(self, units: Tensor) -> None:
        """Let these units be zero."""
        ...


def _recorder(calls: list[_Call]) -> Callable[..., None]:
    def record(layer: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        if not torch.is_grad_enabled():
            return
        if not out.requires_grad:
            out.requires_grad_()  # the parameters are frozen, so the tape begins here
        given = args[0].detach()
        calls.append(_Call(given, out, (given._version, out._version)))

    return record


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """No parameter gradient is computed in this pass: the sums come later, clipped."""
    wanted = [p for p in module.parameters() if p.requires_grad]
    for p in wanted:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in wanted:
            p.requires_grad_(True)


def _by_unit(tensors: list[Tensor], units: int, width: int) -> Tensor:
    """Tensors [units · m, …, width] of several calls → [units, positions, width], float32."""
    parts = [t.reshape(units, -1, width).float() for t in tensors]
    return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]


def _lengths(t: Tensor) -> Tensor:
    """Squared lengths along the last axis, never below the truth by more than rounding."""
    # vector_norm adds one number after the other; sum() adds in pairs, and loses nothing worth mentioning
    return t.square().sum(-1) + t.shape[-1] * FLOOR


def _zeroed(t: Tensor, units: Tensor) -> Tensor:
    return t.masked_fill(units.reshape(-1, *[1] * (t.dim() - 1)), 0.0)


class _LinearLayer:
    """Σ_s g_s a_sᵀ: ‖·‖² = Σ_{st} (g_s·g_t)(a_s·a_t), or by the product itself where that is smaller."""

    def __init__(self, prefix: str, layer: nn.Linear, calls: list[_Call], units: int) -> None:
        self.prefix, self.trains = prefix, _trains(layer)
        self.a = _by_unit([c.given for c in calls], units, layer.in_features)
        self.g = _by_unit([_gradient(c) for c in calls], units, layer.out_features)

    def squared_norms(self) -> Tensor:
        a, g = self.a, self.g
        positions, d, p = a.shape[1], a.shape[2], g.shape[2]
        squares, g2 = a.new_zeros(len(a)), _lengths(g)
        if "weight" in self.trains:
            a2 = _lengths(a)
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
        self.a, self.g = _zeroed(self.a, units), _zeroed(self.g, units)


class _EmbeddingLayer:
    """A linear layer whose inputs are unit vectors: a_s·a_t is 1 where the indices agree."""

    def __init__(self, prefix: str, layer: nn.Embedding, calls: list[_Call], units: int) -> None:
        self.prefix, self.size = prefix, layer.num_embeddings
        self.index = torch.cat([c.given.reshape(units, -1) for c in calls], dim=1)
        self.g = _by_unit([_gradient(c) for c in calls], units, layer.embedding_dim)

    def squared_norms(self) -> Tensor:
        same = self.index[:, :, None] == self.index[:, None, :]
        terms = self.g.shape[1] + self.g.shape[2]
        lost = rounding(terms) * _lengths(self.g).sqrt().sum(1).square()
        return ((self.g @ self.g.mT) * same).sum((1, 2)) + lost

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        g = (self.g * factors[:, None, None]).flatten(0, 1)
        table = g.new_zeros(self.size, g.shape[1]).index_add_(0, self.index.flatten(), g)
        return {self.prefix + "weight": table}

    def forget(self, units: Tensor) -> None:
        self.g = _zeroed(self.g, units)


class _LayerNormLayer:
    """Elementwise: Σ_s g_s ∘ x̂_s and Σ_s g_s, small enough to write down for every unit."""

    def __init__(self, prefix: str, layer: nn.LayerNorm, calls: list[_Call], units: int) -> None:
        self.prefix, trains = prefix, _trains(layer)
        (width,) = layer.normalized_shape
        given = _by_unit([c.given for c in calls], units, width)
        g = _by_unit([_gradient(c) for c in calls], units, width)
        normal = nn.functional.layer_norm(given, layer.normalized_shape, eps=layer.eps)
        sums = {"weight": lambda: (g * normal).sum(1), "bias": lambda: g.sum(1)}
        self.each = {name: sums[name]() for name in trains}

    def squared_norms(self) -> Tensor:
        return torch.stack([_lengths(e) for e in self.each.values()]).sum(0)

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        return {self.prefix + n: factors @ e for n, e in self.each.items()}

    def forget(self, units: Tensor) -> None:
        self.each = {n: _zeroed(e, units) for n, e in self.each.items()}


def _gradient(call: _Call) -> Tensor:
    assert call.gradient is not None
    return call.gradient


def _trains(layer: nn.Module) -> list[str]:
    return [n for n, p in layer.named_parameters(recurse=False) if p.requires_grad]


def _plain_embedding(layer: nn.Embedding) -> bool:
    return layer.padding_idx is None and layer.max_norm is None and not layer.scale_grad_by_freq


def _rule(layer: nn.Module) -> Callable[..., _Layer] | None:
    if not {n for n, _ in layer.named_parameters(recurse=False)} <= {"weight", "bias"}:
        return None  # something stands between the layer and its weight
    if type(layer) is nn.Linear:
        return _LinearLayer
    if type(layer) is nn.Embedding and _plain_embedding(layer):
        return _EmbeddingLayer
    if (
        type(layer) is nn.LayerNorm
        and len(layer.normalized_shape) == 1
        and layer.elementwise_affine
    ):
        return _LayerNormLayer
    return None


def _rule_of(layer: nn.Module) -> Callable[..., _Layer]:
    rule = _rule(layer)
    assert rule is not None
    return rule


@dataclass(frozen=True)
class PerUnit:
    """Every unit's gradient written down, by vmap over grad; exact for whatever torch can map."""

    module: nn.Module

    def __call__(self, loss: Loss, rows: Rows, weights: Tensor) -> WrittenGradients:
        parameters = {n: p.detach() for n, p in trainable(self.module).items()}
        rest = {n: p.detach() for n, p in self.module.named_parameters() if n not in parameters}
        rest |= dict(self.module.named_buffers())

        def of_one(params: dict[str, Tensor], mine: Rows, weight: Tensor) -> Tensor:
            def module(*args: Any, **kwargs: Any) -> Any:
                return functional_call(self.module, {**params, **rest}, args, kwargs)

            return (loss(module, mine).float() * weight).sum()

        units, m = weights.shape
        per_unit = {k: v.reshape(units, m, *v.shape[1:]) for k, v in rows.items()}
        found = vmap(grad(of_one), in_dims=(None, 0, 0))(parameters, per_unit, weights)
        return WrittenGradients({n: g.float() for n, g in found.items()})


@dataclass(frozen=True)
class WrittenGradients:
    """Gradients [units, …] by parameter."""

    gradients: Mapping[str, Tensor]

    @property
    def norms(self) -> Tensor:
        squares = [_lengths(g.flatten(1)) for g in self.gradients.values()]
        return torch.stack(squares).sum(0).sqrt()

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        sums = self._sums(self.gradients, factors)
        if not _finite(sums):
            kept = {n: _zeroed(g, factors == 0) for n, g in self.gradients.items()}
            sums = self._sums(kept, factors)
        return sums

    @staticmethod
    def _sums(gradients: Mapping[str, Tensor], factors: Tensor) -> dict[str, Tensor]:
        return {n: (factors @ g.flatten(1)).reshape(g.shape[1:]) for n, g in gradients.items()}
