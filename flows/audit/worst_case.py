"""Each generator's mechanisms on their worst inputs: scores of runs without and with one unit.

Inputs are made up so that a unit does all that it may: a gradient far beyond the clip in a direction of its
own, a count or a vote that is empty without it. The code that is run is the generators' own. Runs are taken
side by side: as many units as runs, each in a direction (a parameter, a cell, a vote) of its own, with
independent noise, and as many directions again that nobody is in (orthogonal canaries, arXiv 2302.03098).

Privacy claim: none; no private row is read here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from dp_accounting import ComposedDpEvent, DpEvent, NoOpDpEvent
from torch import Tensor, nn

from evaluators.attacks.audit import epsilon_lower_bound, region_lower_bound
from flows.audit.toy import PICTURES, SCHEMA, people
from generators.deep.generator import Deep
from generators.deep.opening import measure
from generators.deep.teachers import Votes
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.plan import Plan, sampled_gaussian
from generators.dpsgd.units import Units
from generators.images.features import Features
from generators.images.generator import ImageSgd
from generators.images.matching import features_event
from generators.images.means import class_means, summed
from generators.images.moments import CENTRE, REACH, Basis, events, noise
from generators.images.moments import measure as measure_moments
from generators.images.scattering import Scattering
from generators.marginals.counting.counter import Counter
from generators.marginals.measurement import Budget
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.records.codec import RecordCodec

Scores = npt.NDArray[np.float64]
HUGE = 1e12
"""A gradient far beyond what any clipping lets through, and whose square float32 still holds."""
DRAWS = 4
"""Counts, votes or unsampled steps into which a budget is cut: enough to see that noise is independent."""
CELLS = 1 << 15
"""Cells of one table; more runs need several."""


@dataclass(frozen=True)
class Audit:
    """A mechanism's scores without and with a unit, and its price; ``shape``: the price of more noise.

    Scores are log likelihood ratios under what the plan promises, up to a constant where no shape is given.
    """

    name: str
    without: Scores
    with_unit: Scores
    event: DpEvent
    shape: Callable[[float], DpEvent] | None = None

    def claim(self, delta: float) -> float:
        """The ε that the event costs."""
        return spent([self.event], delta).epsilon

    def bound(self, delta: float, confidence: float) -> float:
        """The ε that the runs show: by the shape, or as a Gaussian mechanism where there is none."""
        if self.shape is None:
            return epsilon_lower_bound(self.without, self.with_unit, delta, confidence)
        return region_lower_bound(self.without, self.with_unit, self.shape, delta, confidence)


class Directions(nn.Module):
    """Two layers with a parameter for each direction; a unit's gradient lies in both."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.one, self.two = nn.Embedding(number, 1), nn.Embedding(number, 1)

    def forward(self, direction: Tensor) -> Tensor:
        found: Tensor = HUGE * (self.one(direction) + self.two(direction))[:, 0]
        return found


def gradients(plan: Plan, runs: int, copies: int = 1) -> tuple[Scores, Scores]:
    """Scores of ``runs`` trainings; a unit's gradient is huge, others' are zero in its direction.

    ``copies``: how many units the planted one is let in as; 1 is right.
    """
    private = PrivateGradient(
        Directions(2 * runs),
        lambda module, rows: module(rows["direction"]),
        Units.of(
            {"direction": torch.arange(runs).repeat(copies)}, np.arange(runs * copies), most=1
        ),
        plan,
        expected_units=runs,
    )
    q, sigma = plan.sampling_rate, plan.gradient_multiplier
    scores = torch.zeros(2 * runs, dtype=torch.float64)
    for _ in range(plan.steps):
        bound = plan.clipping.bound(private.state)
        private()
        found = [p.grad[:, 0] for p in private.module.parameters() if p.grad is not None]
        x = torch.stack(found).double().sum(0) * private.expected / (math.sqrt(2) * bound)
        # log of N(x; 0, σ²) with probability 1 − q and N(x; 1, σ²) with q, over N(x; 0, σ²)
        ratio = (2 * x - 1) / (2 * sigma**2)
        if q < 1:
            ratio = torch.logaddexp(ratio + math.log(q), ratio.new_tensor(math.log1p(-q)))
        scores += ratio
    by_run = scores.numpy()
    return by_run[runs:], by_run[:runs]


def counts(
    rhos: list[float], sensitivity: int, runs: int, copies: int = 1
) -> tuple[Scores, Scores]:
    """Scores of ``runs`` sequences of noisy counts at these prices; the unit has all its rows in one cell."""
    scores = np.zeros(2 * runs)
    for rho in rhos:
        for start in range(0, runs, CELLS // 2):
            n = min(CELLS // 2, runs - start)
            codes = np.repeat(np.arange(n), sensitivity * copies)
            table = Counter.of({"cell": 2 * n}, {"cell": codes})
            measured = Budget(rho, sensitivity).measure(table, ("cell",), rho)
            scores[start : start + n] += sensitivity * measured.counts[:n] / measured.sigma**2
            scores[runs + start : runs + start + n] += (
                sensitivity * measured.counts[n:] / measured.sigma**2
            )
    return scores[runs:], scores[:runs]


def votes(number: int, sigma: float, runs: int, copies: int = 1) -> tuple[Scores, Scores]:
    """Scores of ``runs`` rounds of votes in which one teacher, the unit's, says "real" and no other does."""

    class One:
        number = 3

        def votes(self, rows: Tensor, generated: Tensor) -> Tensor:
            said = torch.zeros(len(rows), self.number, dtype=torch.bool)
            said[:, :copies] = rows.bool()
            return said

    class Unwritten:
        def answer(self, question: Any, draw: Callable[[], Any]) -> Any:
            return draw()

    def scores(present: int) -> Scores:
        teachers, transcript = One(), Unwritten()
        asked = Votes(teachers, number * runs, sigma, transcript)  # type: ignore[arg-type]
        _, real = asked.ask(torch.full((number * runs, 1), present), torch.zeros(1, 1))
        return np.asarray(real.numpy().reshape(runs, number).sum(1) / sigma**2)

    return scores(0), scores(1)


def moments(rho: float, spread: float, runs: int, copies: int = 1) -> tuple[Scores, Scores]:
    """Scores of ``runs`` means and outer products; the unit alone in a class of its own, white all over.

    Most images are black, so that the unit is as far from the centre as it can count.
    """
    basis, classes, black = Basis((2, 2, 1), 2), 2 * runs, 10 * runs
    counts = np.append(np.ones(classes), black)
    pixels = np.append(np.full(runs * copies, 255), np.zeros(black)).astype(np.uint8)
    images = np.ones((1, 2, 2, 1), dtype=np.uint8) * pixels[:, None, None, None]
    asked: dict[str, npt.NDArray[np.float64]] = {}

    def note(question: list[Any], draw: Callable[[], Any]) -> Any:
        answer = draw()
        asked[question[0]] = np.asarray(answer)
        return answer

    of = np.append(np.tile(np.arange(runs), copies), np.full(black, classes))
    found = measure_moments(basis, images, np.arange(len(of)), of, counts, spread, rho, note)
    u = basis.encode(images[:1])[0]
    sums = asked["image means"].reshape(classes + 1, -1)[:classes]
    products = asked["image products"].reshape(classes + 1, len(u), len(u))[:classes]
    apart = u - asked["image centre"] / counts.sum()
    beside, rest = apart / np.linalg.norm(apart), u - found.means[:classes]
    v = rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), spread)
    sigma_means, sigma_products = noise(rho)
    square = (v**2).sum(1) ** 2
    scores = (sums @ beside - 1 / 2) * (1 - CENTRE - REACH) / sigma_means**2
    scores += (np.einsum("ni,nij,nj->n", v, products, v) - square / 2) / sigma_products**2
    return scores[runs:], scores[:runs]


def features(rho: float, runs: int, copies: int = 1) -> tuple[Scores, Scores]:
    """Scores of ``runs`` mean features, the unit alone in a class of its own."""
    look = Features(Scattering((8, 8, 1), 4))
    # a flat image has next to no features
    checked = (torch.arange(64) * 89 % 256).to(torch.uint8).reshape(1, 1, 8, 8)
    seen = look.of_bytes(checked).double().numpy()
    asked: list[npt.NDArray[np.float64]] = []

    def note(question: list[Any], draw: Callable[[], Any]) -> Any:
        asked.append(np.asarray(draw()))
        return asked[-1]

    of, sigma = np.tile(np.arange(runs), copies), features_event(rho).noise_multiplier
    total = summed(np.repeat(seen, len(of), 0), np.ones(len(of)), of, 2 * runs)
    class_means("image features", total, np.ones(2 * runs), look.bands, sigma, note)
    u = seen[0] / np.linalg.norm(seen[0])
    scores = (asked[0].reshape(2 * runs, -1) @ u - 1 / 2) / sigma**2
    return scores[runs:], scores[:runs]


def of_plan(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    """DP-SGD by the generator's plan, and with its noise on everybody, where scores are normal."""
    plan: Plan = generator.plan(generator.calibrated_noise)
    sigma = plan.noise_multiplier
    # so few steps that their ε is near 5: far above it nothing is told apart better
    few = replace(plan, sampling_rate=1.0, steps=min(plan.steps, math.ceil(sigma**2)))

    def sampled(noise: float) -> DpEvent:
        return sampled_gaussian(plan.sampling_rate, sigma * noise, plan.steps)

    return [
        Audit(
            "gradients of Poisson samples", *gradients(plan, runs, copies), plan.event(), sampled
        ),
        Audit("gradients of all units", *gradients(few, runs, copies), few.event()),
    ]


def of_opening(generator: Deep, runs: int, copies: int = 1) -> Audit:
    """The questions that the opening asks of a toy table, each of a count that is empty without the unit."""
    asked: list[float] = []

    def note(question: list[Any], draw: Callable[[], Any]) -> Any:
        asked.append(float(question[2]))
        return draw()

    assert generator.opening_rho is not None
    codec, rows = RecordCodec(SCHEMA), people(300, 0)
    table = Counter.of(codec.domain, codec.encode(rows))
    measure(codec, table, len(rows), generator.opening_rho, note)
    event = ComposedDpEvent(list(generator.opening_events))
    return Audit("opening's counts", *counts(asked, SCHEMA.max_rows_per_unit, runs, copies), event)


def of_marginals(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    """The whole ρ, spent on counts: no schedule with selections in it allows more of it."""
    rho, k = generator.calibrated_rho, SCHEMA.max_rows_per_unit
    # a tenth that is rounded may not fit ten times
    prices = [rho / DRAWS * (1 - 1e-12)] * DRAWS
    return [Audit("counts", *counts(prices, k, runs, copies), generator.event())]


def of_diffusion(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    return [*of_plan(generator, runs, copies), of_opening(generator, runs, copies)]


def of_images(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    rho = generator.moments_rho
    scores = moments(rho, generator.spread, runs, copies)
    told = Audit("moments", *scores, ComposedDpEvent([*events(rho)]))
    return [*of_diffusion(generator, runs, copies), told]


def of_matching(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    rho = generator.features_rho

    def noisier(noise: float) -> DpEvent:
        return features_event(rho / noise**2)

    scores = features(rho, runs, copies)
    told = Audit("mean features", *scores, features_event(rho), noisier)
    return [*of_images(generator, runs, copies), told]


def of_pategan(generator: Any, runs: int, copies: int = 1) -> list[Audit]:
    """Votes at the noise that makes a few of them cost what all of the generator's do."""
    sigma = generator.calibrated_noise * math.sqrt(DRAWS / generator.votes)
    event = replace(generator, votes=DRAWS).mechanism(sigma)
    told = Audit("votes", *votes(DRAWS, sigma, runs, copies), event)
    return [told, of_opening(generator, runs, copies)]


MECHANISMS: Mapping[str, Callable[..., list[Audit]]] = {
    "aim": of_marginals,
    "mst": of_marginals,
    "diffusion": of_diffusion,
    "ctgan": of_diffusion,
    "pategan": of_pategan,
    "image-diffusion": of_images,
    "image-gan": of_images,
    "image-matching": of_matching,
}
"""Registry name → (calibrated generator, runs, copies of the unit) → audits."""


def calibrated(generator: Any, claim: Guarantee) -> Any:
    """The generator with noise for the toy schema."""
    schema = PICTURES if isinstance(generator, ImageSgd) else SCHEMA
    return generator.calibrate(claim, schema, NoOpDpEvent())
