"""Noisy marginals and the budget that pays for them.

Privacy claim: a ``Budget`` is a privacy filter for zCDP: draws may be chosen adaptively, on
everything noised before, and what is spent never exceeds the rho it began with (zCDP composes under
full adaptivity: Whitehouse, Ramdas, Rogers, Wu, arXiv 2203.05481). It refuses a draw before
anything is drawn. So a mechanism that draws through one budget only is rho-zCDP as a whole, and its
price is known without data. With ``steps`` it refuses also what is no step of a schedule that was fixed
before the data, so that the mechanism costs what the schedule does: the composition of its steps' loss
distributions, whichever queries are chosen on the way (``privacy.accounting.composition``). The order may be
chosen as well: whatever step comes first, the rest is dominated by the composition of the rest.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from dp_accounting import ComposedDpEvent, DpEvent, SelfComposedDpEvent

from generators.marginals.counting.coded import Clique, Counts
from generators.marginals.counting.counter import Counter
from privacy.accounting.events import BoundedRangeDpEvent, DiscreteGaussianDpEvent
from privacy.noise import discrete_gaussian, gaussian_sigma, noisy_max, selection_range

Ask = Callable[[list[Any], Callable[[], Any]], Any]
"""Answers a question by drawing, or with what was drawn for it before (a resumed run); both plain
JSON.
"""

Count = Callable[[Clique], Counts]
"""The exact counts over the columns of a clique."""


def draw_anew(question: list[Any], draw: Callable[[], Any]) -> Any:
    """Answer every question by drawing."""
    return draw()


Kind = Literal["measure", "select"]


@dataclass(frozen=True)
class Step:
    """So many draws of one kind, at a cost of ``rho`` each."""

    kind: Kind
    rho: float
    times: int


def price(steps: Sequence[Step]) -> DpEvent:
    """What all steps cost where a unit is one row, which moves one count of a marginal by one."""

    def once(step: Step) -> DpEvent:
        if step.kind == "measure":
            return DiscreteGaussianDpEvent(gaussian_sigma(step.rho))
        return BoundedRangeDpEvent(selection_range(step.rho))

    return ComposedDpEvent([SelfComposedDpEvent(once(s), s.times) for s in steps])


@dataclass(frozen=True)
class Measurement:
    """Counts over a clique with discrete Gaussian noise of scale sigma: safe to publish once paid
    for.

    ``groups``: for each axis the group of every code, where groups were counted and not codes.
    """

    clique: Clique
    counts: npt.NDArray[np.int64]
    sigma: float
    groups: tuple[npt.NDArray[np.intp], ...] | None = None


@dataclass
class Budget:
    """What is left of a rho; every private draw goes through it.

    ``sensitivity``: the most rows a unit holds, which bounds the L1 and L2 change of any marginal.
    ``steps``: the draws that were paid for; None: any that fit into rho.
    """

    rho: float
    sensitivity: int = 1
    ask: Ask = draw_anew
    steps: Sequence[Step] | None = None
    spent: float = 0.0
    taken: Tally[tuple[Kind, float]] = field(default_factory=Tally)

    @property
    def left(self) -> float:
        return self.rho - self.spent

    def measure(self, count: Count, clique: Clique, rho: float) -> Measurement:
        """The clique's marginal with Gaussian noise, at a cost of rho."""
        self._pay("measure", rho)
        counts = self.ask(
            ["measure", list(clique), rho],
            lambda: discrete_gaussian(count(clique), rho, self.sensitivity).tolist(),
        )
        return Measurement(clique, np.array(counts), gaussian_sigma(rho, self.sensitivity))

    def sums(
        self, count: Counter, clique: Clique, part: npt.NDArray[np.intp], rho: float
    ) -> tuple[npt.NDArray[np.int64], float]:
        """Sums of the clique's cells with Gaussian noise, and its scale; ``part`` says of each cell in which
        it is."""
        self._pay("measure", rho)

        def draw() -> list[int]:
            cells = count(clique)
            summed = np.zeros(int(part.max()) + 1, dtype=np.int64)
            np.add.at(summed, part.ravel(), cells.ravel())
            noisy: list[int] = discrete_gaussian(summed, rho, self.sensitivity).tolist()
            return noisy

        counts = self.ask(["sums", list(clique), int(part.max()) + 1, rho], draw)
        return np.array(counts), gaussian_sigma(rho, self.sensitivity)

    def select(
        self,
        among: int,
        scores: Callable[[], npt.NDArray[np.int64]],
        rho: float,
        per_row: int,
        fits: Callable[[int], bool] = lambda place: True,
        kin: npt.NDArray[np.intp] | None = None,
        open_: npt.NDArray[np.bool_] | None = None,
    ) -> int:
        """The place of a high score among those that fit, at a cost of rho.

        ``scores``: so many of them; one row moves a score by at most ``per_row``.
        ``fits``: true of one place at least; a public rule, which sees nothing of the rows but what is
        noised. Asked of what is drawn only: a draw that does not fit is thrown away and another made without
        it, and that has the distribution of one draw among those that fit, since every draw takes each of
        them in proportion to its weight in the exponential mechanism (rejection sampling).
        ``kin``: a number for each place; places with equal numbers fit or none of them does, so that they are
        thrown away together.
        ``open_``: false of places that are known not to fit, which need not be drawn.
        """
        self._pay("select", rho)
        width = self.sensitivity * per_row

        def draw() -> int:
            left = np.arange(among) if open_ is None else np.flatnonzero(open_)
            weights, family = scores()[left], left if kin is None else kin[left]
            while True:
                i = noisy_max(weights, rho, width)
                if fits(int(left[i])):
                    return int(left[i])
                stays = family != family[i]
                left, weights, family = left[stays], weights[stays], family[stays]

        return int(self.ask(["select", "place", among, rho], draw))

    def _pay(self, kind: Kind, rho: float) -> None:
        if not 0 < rho <= self.left:
            raise ValueError(f"rho: a draw of {rho} does not fit into the {self.left} left")
        if self.steps is not None:
            due = sum(s.times for s in self.steps if (s.kind, s.rho) == (kind, rho))
            if self.taken[kind, rho] == due:
                raise ValueError(f"rho: no step to {kind} at {rho} is left in the schedule")
            self.taken[kind, rho] += 1
        self.spent = min(self.spent + rho, self.rho)


def total(measurements: Sequence[Measurement]) -> float:
    """The minimum variance estimate of the number of rows, at least 1."""
    sums = [float(m.counts.sum()) for m in measurements]
    weights = [1 / (m.counts.size * m.sigma**2) for m in measurements]
    return max(1.0, float(np.average(sums, weights=weights)))
