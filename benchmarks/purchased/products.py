"""Distributions that are sums of products of columns, fitted to noisy marginals: a mixture and a network.

The network is MargNet's (arXiv 2511.13893): softmax heads over an MLP of noise that is drawn anew each step.

Privacy claim: post-processing of noisy counts.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from adult_binned import TARGET
from purchased.outcomes import observed

from generators.marginals.counting.coded import Domain
from generators.marginals.estimate import Array, _Term, _terms
from generators.marginals.model import Result

PRODUCTS, STEPS, RATE = 128, 600, 0.05
"""Of the mixture: its products, steps and rate of Adam."""
NOISE, WIDTH, BATCH, NET_STEPS, NET_RATE = 32, 256, 2048, 600, 3e-3
"""Of the network: columns of noise, width of both layers, rows a step, steps and rate."""
PULL = 0.01
"""What a nat of dependence costs either for each person: a maximum of entropy, as far as the counts allow."""


def models(found: Result) -> dict[str, Products]:
    """A mixture and a network, not fitted yet."""
    domain = found.model.compression.domain
    alone = [np.log(np.maximum(_alone(found, c), 1e-9)) for c in domain]
    base = torch.tensor(np.concatenate(alone), dtype=torch.float32)
    return {"mixture": Mixture(domain, base), "network": Network(domain, base)}


class Products(torch.nn.Module, ABC):
    """A distribution that is a sum of products of columns."""

    steps, rate = STEPS, RATE

    def __init__(self, domain: Domain, base: torch.Tensor) -> None:
        super().__init__()
        self.domain, self.base = dict(domain), base
        self.random = torch.Generator().manual_seed(0)
        torch.manual_seed(0)

    @abstractmethod
    def products(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [products, all codes] and log-weights [products]."""

    def columns(self, logits: torch.Tensor) -> dict[str, torch.Tensor]:
        """Log-probabilities by column."""
        parts = logits.split(list(self.domain.values()), -1)
        return {c: part.log_softmax(-1) for c, part in zip(self.domain, parts, strict=True)}

    def fit(self, found: Result) -> None:
        """Adam on the weighted squared distance to all that was measured, beside a pull to independence."""
        small = found.model.compression
        seen = [observed(m, small) for m in found.measurements]
        terms = _terms(seen, found.model.total)
        alone = self.columns(self.base)
        optimizer = torch.optim.Adam(self.parameters(), lr=self.rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for _ in range(self.steps):
            logits, weights = self.products(BATCH)
            logs, share = self.columns(logits), weights.exp()
            p = {c: part.exp() for c, part in logs.items()}
            loss = sum(_distance(term, p, share) for term in terms)
            apart = sum((share[:, None] * p[c] * (logs[c] - alone[c])).sum() for c in p)
            optimizer.zero_grad()
            (loss + PULL * found.model.total * apart).backward()
            optimizer.step()
            schedule.step()

    @torch.no_grad()
    def chances(self, rows: Mapping[str, Any]) -> Array:
        """P(target | the rest) of each row, [n, codes]."""
        logits, weights = self.products(2 * BATCH)
        logs = self.columns(logits)
        found = []
        for start in range(0, len(rows[TARGET]), BATCH):
            like = weights[None].clone()
            for c in (c for c in self.domain if c != TARGET):
                like = like + logs[c].T[torch.as_tensor(rows[c][start : start + BATCH])]
            found.append(like.softmax(-1) @ logs[TARGET].exp())
        return torch.cat(found).double().numpy()

    @torch.no_grad()
    def draw(self, n: int, rng: np.random.Generator) -> dict[str, Any]:
        """Rows, as codes."""
        logits, weights = self.products(n)
        share = weights.double().exp().numpy()
        which = rng.choice(len(share), n, p=share / share.sum())
        rows = {}
        for c, log in self.columns(logits).items():
            edges = log.double().exp().numpy().cumsum(axis=1)[which]
            rows[c] = (edges[:, :-1] <= rng.random(n)[:, None] * edges[:, -1:]).sum(axis=1)
        return rows


class Mixture(Products):
    """So many products, each free."""

    def __init__(self, domain: Domain, base: torch.Tensor) -> None:
        super().__init__(domain, base)
        noise = torch.randn(PRODUCTS, len(base), generator=self.random)
        self.table = torch.nn.Parameter(base + noise)
        self.weights = torch.nn.Parameter(torch.zeros(PRODUCTS))

    def products(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.table, self.weights.log_softmax(0)


class Network(Products):
    """A product for each draw of noise."""

    steps, rate = NET_STEPS, NET_RATE

    def __init__(self, domain: Domain, base: torch.Tensor) -> None:
        super().__init__(domain, base)
        layers = [torch.nn.Linear(NOISE, WIDTH), torch.nn.SiLU()]
        layers += [torch.nn.Linear(WIDTH, WIDTH), torch.nn.SiLU()]
        self.layers = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, len(base)))

    def products(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.randn(n, NOISE, generator=self.random)
        return self.base + self.layers(noise), torch.full((n,), -math.log(n))


def _distance(term: _Term, p: Mapping[str, torch.Tensor], share: torch.Tensor) -> torch.Tensor:
    """½ ‖(n/σ)(p − target)‖² of one measured marginal."""
    joint = share[:, None]
    for c in term.clique[:-1]:
        joint = (joint[:, :, None] * p[c][:, None, :]).flatten(1)
    cells = (joint.T @ p[term.clique[-1]]).reshape(-1)
    if term.part is not None:
        parts = torch.as_tensor(term.part.ravel())
        cells = torch.zeros(term.target.size).index_add(0, parts, cells)
    target, weight = (
        torch.tensor(x.ravel(), dtype=cells.dtype) for x in (term.target, term.weight)
    )
    return 0.5 * (weight * (cells - target) ** 2).sum()


def _alone(found: Result, column: str) -> Array:
    small = found.model.compression
    return np.bincount(small.groups[column], found.model.alone(column))
