"""The two sides of the tabular GAN: heads that draw a row column by column, and a critic of pairs.

Privacy claim: none of their own; only the critic is ever shown a private row, by the engine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from generators.deep.encoding import Layout
from generators.deep.networks import Critic, Heads


class RowGenerator(nn.Module):
    """Conditions and noise → a row, one softmax head a column.

    A head's logits are linear in the conditions and in what the heads before it drew, as in TGAN (arXiv
    1811.11264) with no more than a matrix in place of its LSTM; hidden layers read conditions and noise, as in
    CTGAN (arXiv 1907.00503). The chain is what lets few and noisy steps teach that columns go together.
    """

    def __init__(self, sizes: dict[str, int], noise: int, width: int, depth: int) -> None:
        super().__init__()
        self.about = {"sizes": dict(sizes), "noise": noise, "width": width, "depth": depth}
        self.layout = Layout(sizes)
        self.noise = noise
        self.heads = Heads(self.layout.width + noise, self.layout.width, width, depth)

    def describe(self) -> dict[str, Any]:
        return self.about

    def complete(self, codes: Tensor, known: list[int], generator: torch.Generator) -> Tensor:
        """Draw what is not known."""
        return self._draw(codes, known, generator)[0]

    def forward(self, codes: Tensor, known: list[int], generator: torch.Generator) -> Tensor:
        """Rows as one-hots [n, width] whose gradient is that of their probabilities (straight-through)."""
        return self._draw(codes, known, generator)[1]

    def _draw(
        self, codes: Tensor, known: list[int], generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        given = torch.full_like(codes, self.layout.widest)
        given[:, known] = codes[:, known]
        x = self.layout.one_hot(given)
        z = torch.randn(len(codes), self.noise, generator=generator, device=codes.device)
        logits = self.heads(torch.cat([x, z], 1))
        drawn, parts = codes.clone(), []
        for i, place in enumerate(self.layout.slices().values()):
            if i in known:
                parts.append(x[:, place])
                continue
            p = logits[:, place].softmax(1)
            drawn[:, i] = torch.multinomial(p.detach(), 1, generator=generator)[:, 0]
            # for a score that is linear in this column given the others, this gradient is unbiased
            parts.append(one_hot(drawn[:, i], p.shape[1]) + p - p.detach())
            logits = logits + parts[-1] @ self.heads.linear.weight[:, place].T
        return drawn, torch.cat(parts, 1)


class PairCritic(nn.Module):
    """A row's score: a weight for every pair of codes that it holds, and ``depth`` hidden layers beside.

    Over pairs alone the gradient of every row has norm 1: clipping at 1 takes nothing away, and D's gradient is
    the difference of all two-way tables between real and fake rows.
    """

    def __init__(self, layout: Layout, width: int, depth: int, lipschitz: float) -> None:
        super().__init__()
        self.columns, self.lipschitz = len(layout.columns), lipschitz
        self.pairs = nn.Linear(layout.width, layout.width, bias=False)
        nn.init.zeros_(self.pairs.weight)
        self.deep = Critic(layout.width, width, depth) if depth else None
        self.project()

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = (x * self.pairs(x)).sum(1) / self.columns
        return score if self.deep is None else score + self.deep(x)

    @torch.no_grad()
    def project(self) -> None:
        """Scale weights down to spectral norm ``lipschitz`` for the pairs and 1 a hidden layer.

        A function of the weights alone: unlike a gradient penalty, it looks at no row. On rows (‖x‖² = columns)
        the pairs' gradient is then at most 2·lipschitz/√columns, the hidden layers' at most 1.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                bound = self.lipschitz if layer is self.pairs else 1.0
                norm = torch.linalg.matrix_norm(layer.weight, 2)
                layer.weight.mul_(bound / norm.clamp_min(bound))
