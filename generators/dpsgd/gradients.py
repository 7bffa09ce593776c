"""Exact gradients of each unit: their norms, and their weighted sum.

Two ways, chosen by what a module is made of. *Book-keeping* (arXiv 2210.00038): layer by layer from inputs and
output gradients of one backward pass (``layers``), so that the clipped sum of a linear layer is one matrix
product. *vmap*: ``torch.func.vmap(grad)``, which writes every unit's gradient to memory but takes any module.
Opacus is not used: its hooks write all gradients too and are wrong for strided convolution inputs (see the
tests), and its ghost mode needs two backward passes.

Privacy claim: norms are those of the gradients that are summed, rounded up for what float32 loses. Modules
that mix units (batch normalisation), and layers that book-keeping cannot tell units apart in, are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from generators.dpsgd.layers import Call, Layer, lengths, rule_for, rule_of, zeroed

Rows = Mapping[str, Tensor]
"""Tensors by name, first axis rows."""
Loss = Callable[[Callable[..., Any], Rows], Tensor]
"""(module, rows [n, …]) → a loss for each row [n], none of which depends on another row."""


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
            if rule_for(layer) is not None:
                owned += [id(p) for p in layer.parameters(recurse=False)]
        wanted = {id(p) for p in module.parameters() if p.requires_grad}
        return len(owned) == len(set(owned)) and wanted <= set(owned)

    def __call__(self, loss: Loss, rows: Rows, weights: Tensor) -> TapedGradients:
        tape: dict[str, list[Call]] = {}
        handles = [
            layer.register_forward_hook(_recorder(tape.setdefault(name, [])))
            for name, layer in self.module.named_modules()
            if rule_for(layer) is not None and any(p.requires_grad for p in layer.parameters())
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
            rule_of(layer)(f"{name}." if name else "", layer, tape[name], units)
            for name, layer in self.module.named_modules()
            if tape.get(name)
        ]
        return TapedGradients(layers)


@dataclass(frozen=True)
class TapedGradients:
    """The gradients of a book-kept pass, layer by layer."""

    layers: list[Layer]
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


def _recorder(calls: list[Call]) -> Callable[..., None]:
    def record(layer: nn.Module, args: tuple[Any, ...], out: Tensor) -> None:
        if not torch.is_grad_enabled():
            return
        if not out.requires_grad:
            out.requires_grad_()  # the parameters are frozen, so the tape begins here
        given = args[0].detach()
        calls.append(Call(given, out, (given._version, out._version)))

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
        squares = [lengths(g.flatten(1)) for g in self.gradients.values()]
        return torch.stack(squares).sum(0).sqrt()

    def weighted_sum(self, factors: Tensor) -> dict[str, Tensor]:
        sums = self._sums(self.gradients, factors)
        if not _finite(sums):
            kept = {n: zeroed(g, factors == 0) for n, g in self.gradients.items()}
            sums = self._sums(kept, factors)
        return sums

    @staticmethod
    def _sums(gradients: Mapping[str, Tensor], factors: Tensor) -> dict[str, Tensor]:
        return {n: (factors @ g.flatten(1)).reshape(g.shape[1:]) for n, g in gradients.items()}
