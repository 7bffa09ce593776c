"""PATE-GAN: a generator trained against a student that knows the data by noisy votes only.

PATE-GAN (Jordon, Yoon, van der Schaar, ICLR 2019) with GNMax votes (arXiv 1802.08908): in every round
teachers on disjoint parts of the units say which generated rows look real to them
(``generators.deep.teachers``); the student, a discriminator over pairs of columns, learns from generated rows
and noisy counts of votes; the generator learns from the student. A count, not its majority, labels a row: the
noise is paid for either way.

The generator draws a row column by column, from targets and subgroups on. It starts at what the opening
measured and is trained as a boundary-seeking GAN is on discrete data (arXiv 1702.08431): rows of its own,
weighed by how much likelier the student finds them among real ones, are what it moves to.

Privacy claim: ``votes`` discrete Gaussian counts of sensitivity 1 beside the opening, fixed in advance and
priced independently of the data; student and generator are post-processing. docs/pate.md goes through the
faults that others were found to have (arXiv 2406.13985).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from dp_accounting import DpEvent, SelfComposedDpEvent
from torch import Tensor, nn

from generators.deep.encoding import Layout
from generators.deep.generator import Deep, Prepared
from generators.deep.networks import begin_at
from generators.deep.opening import Opening
from generators.deep.teachers import Crossed, Teachers, Votes
from generators.dpsgd.checkpoint import RandomState, Stateful, run
from generators.dpsgd.randomness import secret_generator
from generators.marginals.model import sample
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.noise import OPENDP

LEAST, MOST = 0.1, 6.0
"""Bounds on the weight of a row in a round."""
STAND_IN = 8000
"""Generated rows that teachers compare with; more would only take longer."""
PRIORS = torch.logspace(-10, 3, 80, dtype=torch.float64)
"""Sizes of the student's signal that are looked at."""
ALIKE = 1e-6
"""How much likeness to a row varies among generated ones, beside the row where it varies most."""


class Chain(nn.Module):
    """Columns one after the other, each from a linear map of those before it; conditions come first."""

    def __init__(self, sizes: dict[str, int], conditions: list[int]) -> None:
        super().__init__()
        self.about = {"sizes": dict(sizes), "conditions": list(conditions)}
        self.layout = Layout(sizes)
        self.conditions = list(conditions)
        rest = [i for i in range(len(sizes)) if i not in conditions]
        self.order = [*conditions, *rest]
        self.before: Tensor
        self.linear = nn.Linear(self.layout.width, self.layout.width)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        place = torch.tensor([self.order.index(i) for i in range(len(sizes))])[self.layout.owner]
        self.register_buffer("before", (place[None] < place[:, None]).float(), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """One-hot rows → logits of every column given those before it."""
        return nn.functional.linear(rows, self.linear.weight * self.before, self.linear.bias)

    def describe(self) -> dict[str, Any]:
        return self.about

    def complete(self, codes: Tensor, known: list[int], generator: torch.Generator) -> Tensor:
        """Draw the columns that are not known, in order."""
        codes, rows = codes.clone(), torch.zeros(len(codes), self.layout.width)
        slices, every = list(self.layout.slices().values()), torch.arange(len(codes))
        weight = self.linear.weight * self.before
        for i in self.order:
            at = slices[i]
            if i not in known:
                logits = rows @ weight[at].T + self.linear.bias[at]
                codes[:, i] = torch.multinomial(logits.softmax(1), 1, generator=generator)[:, 0]
            rows[every, codes[:, i] + at.start] = 1
        return codes


class Student(nn.Module):
    """A score for rows, quadratic in their one-hot codes: how much likelier among real ones, up to scale.

    Its weights are the mean of a Gaussian process with kernel ``Crossed`` given the labels, whose noise is
    known; the size of the signal is the one under which the labels are most likely.
    """

    def __init__(self, kernel: Crossed) -> None:
        super().__init__()
        self.kernel = kernel
        self.square: Tensor
        self.single: Tensor
        self.register_buffer("square", torch.zeros_like(kernel.single))
        self.register_buffer("single", torch.zeros(kernel.layout.width))

    def forward(self, codes: Tensor) -> Tensor:
        rows = self.kernel.layout.one_hot(codes)
        return ((rows @ self.square * rows).sum(1) - rows @ self.single) / 2

    def learn(self, rows: Tensor, labels: Tensor, noise: Tensor) -> None:
        """From labels [n] with independent noise of this standard deviation."""
        weight = 1 / noise.double()
        level = weight / weight.norm()
        kernel = self.kernel(rows, rows).double() * weight * weight[:, None]
        # what all labels have in common says nothing about rows
        kernel = kernel - torch.outer(level, level @ kernel)
        kernel = kernel - torch.outer(kernel @ level, level)
        seen = labels.double() * weight
        values, vectors = torch.linalg.eigh((kernel + kernel.T) / 2)
        values, seen = values.clamp_min(0), vectors.T @ (seen - level * (level @ seen))
        spread = 1 + PRIORS[:, None] * values
        size = PRIORS[(spread.log() + seen**2 / spread).sum(1).argmin()]
        dual = size * (vectors @ (seen / (1 + size * values))) * weight
        self.square, self.single = self.kernel.expand(rows, dual.float())


@dataclass(frozen=True)
class PateGan(Deep):
    """DP PATE-GAN.

    ``votes``: how many are asked in all, in ``rounds`` equal parts; the mechanism. ``rounds``: in how many
    parts they are asked. ``units_per_teacher``: sets the number of teachers, from the opening's noisy number of
    units.
    ``rarity``: how much more alike two rows are that share a pair of rare codes. ``step``: the
    weight of the student's score. ``generated``: rows that it moves by in a round; few would add noise.
    ``iterations``: steps of the generator in a round. ``warm_start``: whether the generator begins at the
    opening.

    Privacy: nothing. ``votes``, ``rounds``, ``units_per_teacher``: budget. ``opening_share``: budget.
    ``group_by``: nothing.
    """

    votes: int = 5000
    rounds: int = 4
    units_per_teacher: float = 10.0
    rarity: float = 0.3
    step: float = 3.0
    generated: int = 50_000
    iterations: int = 10
    warm_start: bool = True

    kind = "pategan"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.refuse("must be at least 1", lambda x: x >= 1, "rounds", "iterations")
        self.refuse(
            "must be at least rounds, one vote in each", lambda x: x >= self.rounds, "votes"
        )
        self.refuse("must be at least 2, to differ", lambda x: x >= 2, "generated")
        self.refuse("must be positive", lambda x: 0 < x < math.inf, "units_per_teacher")
        self.refuse("must be a number", math.isfinite, "rarity", "step")

    def mechanism(self, noise_multiplier: float) -> DpEvent:
        return SelfComposedDpEvent(DiscreteGaussianDpEvent(noise_multiplier), self.votes)

    def randomness(self) -> str:
        return (
            f"{OPENDP} Teachers' votes are counts like any other; no gradient gets noise. Units go to "
            "teachers by a keyed hash (BLAKE2b, key from the operating system)."
        )

    def train(self, prepared: Prepared) -> nn.Module:
        layout, opening, device = prepared.layout, prepared.opening, self.pick_device()
        conditions = layout.place(*opening.roles.conditions)
        chain = Chain(dict(layout.sizes), conditions)
        if self.warm_start:
            begin_at(chain.linear, layout, opening)
        shares = np.concatenate([opening.tables[(c,)] for c in layout.columns])
        kernel = Crossed(layout, torch.from_numpy(shares), self.rarity)
        number = max(2, round(opening.units / self.units_per_teacher))
        teachers = Teachers(kernel, prepared.codes.long().to(device), prepared.units, number)
        votes = Votes(teachers, self.votes, self.calibrated_noise, prepared.transcript)
        student, source = Student(kernel), secret_generator()

        def step(t: int) -> None:
            self.round(t, chain, student, votes, opening, source)

        parts: dict[str, Stateful] = {
            "chain": chain,
            "student": student,
            "teachers": teachers,
            "votes": votes,
            "source": RandomState(source),
        }
        run(
            self.rounds,
            step,
            parts,
            prepared.checkpoint,
            prepared.progress,
            lambda t: f"round {t} of {self.rounds}, {votes.asked} of {self.votes} votes asked",
        )
        return chain

    def round(
        self,
        t: int,
        chain: Chain,
        student: Student,
        votes: Votes,
        opening: Opening,
        source: torch.Generator,
    ) -> None:
        """Ask about generated rows, teach the student, move the generator."""
        n = self.votes * (t + 1) // self.rounds - self.votes * t // self.rounds
        asked = generate(chain, opening, n, source)
        generated = generate(chain, opening, self.generated, source)
        rows, real = votes.ask(asked, generated[:STAND_IN])
        number = votes.teachers.number
        # a teacher's f(x) is its units' mean plus the chance of which units it has: about normal, so that the
        # share of teachers above 0 says how far the mean lies from 0
        chance = student.kernel(rows, generated[:STAND_IN]).std(1) / math.sqrt(
            self.units_per_teacher
        )
        told = telling(chance)
        rows, real, chance = rows[told], real[told], chance[told]
        scale = math.sqrt(2 * math.pi) * chance
        noise = math.hypot(votes.sigma, math.sqrt(number) / 2) / number
        student.learn(rows, (real / number - 0.5) * scale, noise * scale)
        improve(chain, generated, self.step * student(generated), self.iterations)


def telling(chance: Tensor) -> Tensor:
    """Rows that votes say something of, by how much likeness to them varies among generated ones.

    Where it does not vary, all votes are ties, as in a table of one column.
    """
    return chance > ALIKE * chance.amax()


def generate(chain: Chain, opening: Opening, n: int, source: torch.Generator) -> Tensor:
    """``n`` rows of the generator, their conditions from the opening's model."""
    model, seed = opening.model, int(torch.randint(2**62, (1,), generator=source))
    drawn = sample(
        model.compression.domain, model.tree, model.marginals, n, np.random.default_rng(seed)
    )
    with torch.no_grad():
        return chain.complete(chain.layout.to_codes(drawn), chain.conditions, source)


def improve(chain: Chain, rows: Tensor, scores: Tensor, iterations: int) -> None:
    """Move the generator from p to about p · (1 + score), of which ``rows`` of its own are a sample.

    The rows' weights are taken relative to p itself, so that where scores are all alike nothing moves,
    however few rows there are.
    """
    layout = chain.layout
    weights = (1 + scores - scores.mean()).clamp(LEAST, MOST)
    weights = weights / weights.mean()
    ones = layout.one_hot(rows)
    drawn = ~torch.isin(layout.owner, torch.tensor(chain.conditions))
    with torch.no_grad():
        aim = (layout.log_softmax(chain(ones)).exp() + (weights - 1)[:, None] * ones) * drawn
    optimizer = torch.optim.LBFGS(
        chain.parameters(), max_iter=iterations, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = -(aim * layout.log_softmax(chain(ones))).sum() / len(rows)
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    optimizer.step(loss)  # type: ignore[no-untyped-call]
