"""Bugs that are planted on purpose; each function changes one thing for as long as the test runs."""

import math

import numpy as np
import opendp.prelude as dp
import pandas as pd
import torch
from scipy.stats import norm

from generators.deep import ctgan, diffusion, pategan, teachers
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import TapedGradients
from generators.dpsgd.units import Units
from generators.images import means, moments
from generators.marginals import generator as marginal_generator
from generators.marginals import measurement
from generators.marginals.counting.counter import Counter
from generators.marginals.generator import MarginalModel
from generators.marginals.selecting import candidates
from generators.marginals.selecting.parities import Parities
from privacy import domain
from privacy.noise import gaussian_sigma
from privacy.reading import conform


def halved_noise(monkeypatch):
    """Counts, votes, moments and gradients get half of their noise."""
    noised, of_moments = PrivateGradient._noised, moments.noised

    def gradients(self, parts, scales):
        return noised(self, parts, [scale / 2 for scale in scales])

    def counts(values, rho, sensitivity=1):
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
        draw = dp.m.make_gaussian(*space, scale=sensitivity / math.sqrt(2 * rho) / 2)
        flat = np.ascontiguousarray(values, dtype=np.int64).ravel()
        return np.array(draw(flat)).reshape(np.shape(values))

    def sums(total, sigma, form):
        return of_moments(total, sigma / 2, form)

    monkeypatch.setattr(PrivateGradient, "_noised", gradients)
    monkeypatch.setattr(moments, "noised", sums)
    monkeypatch.setattr(means, "noised", sums)
    for module in (measurement, teachers):
        monkeypatch.setattr(module, "discrete_gaussian", counts)


def batch_size_normalisation(monkeypatch):
    """The sum is divided by the size of the sample that was drawn."""
    poisson, last = Units.poisson, {}

    def drawn(self, q, generator):
        chosen = poisson(self, q, generator)
        last["size"] = max(1, len(chosen))
        return chosen

    monkeypatch.setattr(Units, "poisson", drawn)
    monkeypatch.setattr(
        PrivateGradient, "expected", property(lambda self: last.get("size", self.expected_units))
    )


def noise_by_private_count(monkeypatch):
    """The noise is what a mean over n units would need, with n as it is; the sum is divided by another."""
    noised = PrivateGradient._noised

    def scaled(self, parts, scales):
        ratio = self.expected_units / len(self.units)
        return noised(self, parts, [scale * ratio for scale in scales])

    monkeypatch.setattr(PrivateGradient, "_noised", scaled)


def class_means_by_actual_counts(monkeypatch):
    """A class's sum is divided by how many it has, and noised as if it had its share of all."""
    measure, of_moments, many = moments.measure, moments.noised, {}

    def counted(basis, images, units, classes, counts, *rest):
        actual = np.bincount(classes, minlength=len(counts))
        many["ratio"] = counts.sum() / len(counts) / np.maximum(actual, 1)
        return measure(basis, images, units, classes, counts, *rest)

    def scaled(total, sigma, form):
        if len(total) != len(many["ratio"]):  # a sum over all classes
            return of_moments(total, sigma, form)
        ratio = many["ratio"].reshape(-1, *[1] * (total.ndim - 1))
        return of_moments(total * ratio, sigma, form)

    monkeypatch.setattr(moments, "measure", counted)
    monkeypatch.setattr(moments, "noised", scaled)
    monkeypatch.setattr(means, "noised", scaled)


def clip_skipped_for_one_layer(monkeypatch):
    """The norm is that of all layers but the last, whose gradient is then as large as it likes."""
    whole = TapedGradients.weighted_sum

    def weighted_sum(self, factors):
        sums = whole(self, factors)
        return sums | self.layers[-1].weighted_sum((factors > 0).float())

    monkeypatch.setattr(TapedGradients, "weighted_sum", weighted_sum)


def draws_clipped_separately(monkeypatch):
    """Each of K draws is clipped as if it were a unit, and all are added."""

    class Split:
        def __init__(self, found, plan, state):
            self.found, self.plan, self.state = found, plan, state
            self.norms = found.norms.view(-1, plan.draws).amax(1)

        def weighted_sum(self, factors):
            norms = self.found.norms
            clipped = self.plan.clipping.factors(
                self.state, norms, torch.zeros(len(norms), dtype=torch.int64)
            )
            chosen = (factors > 0).repeat_interleave(self.plan.draws)
            return self.found.weighted_sum(clipped * chosen)

    def gradients(self, chosen, pad_to):
        rows, weights = self.units.gather(chosen, pad_to, self.plan.draws)
        alone = (weights > 0).float().reshape(-1, 1)
        found = self.method(self.loss, self.corrupt(rows, self.draws), alone)
        return Split(found, self.plan, self.state)

    monkeypatch.setattr(PrivateGradient, "_gradients", gradients)


def shuffled_batches(monkeypatch):
    """Batches of one size, cut from a shuffled list; each unit is in one of every 1/q."""
    left = {}

    def cut(self, q, generator):
        size = round(q * len(self))
        if len(left.get(id(self), ())) < size:
            left[id(self)] = torch.randperm(len(self), generator=generator)
        batch, left[id(self)] = left[id(self)][:size], left[id(self)][size:]
        return batch.sort().values

    monkeypatch.setattr(Units, "poisson", cut)


def masks_in_turn(monkeypatch):
    """A row's time follows from its place in the batch (what ``mask`` once did)."""

    def mask(layout, conditions, drop, rows, g):
        codes = rows["codes"]
        scheduler = diffusion.masking(layout, len(layout.columns) + 1, rows["codes"].device)
        times = scheduler.timesteps
        first = int(torch.randint(len(times), (1,), generator=g))
        masked = codes.clone()
        for i, time in enumerate(times.roll(first).tolist()):
            masked[i :: len(times)] = scheduler.add_noise(codes[i :: len(times)], time, generator=g)
        return {"codes": codes, "masked": masked}

    monkeypatch.setattr(diffusion, "mask", mask)


def generator_on_real_rows(monkeypatch):
    """The generator's conditions are those of real rows."""
    train = ctgan.Ctgan.train

    def peeking(self, prepared):
        begin = ctgan.Fakes.__init__

        def real(fakes, *args):
            begin(fakes, *args)
            more = -(-len(fakes.pool) // len(prepared.codes))
            fakes.pool = prepared.codes.repeat(more, 1)[: len(fakes.pool)]

        with monkeypatch.context() as patch:
            patch.setattr(ctgan.Fakes, "__init__", real)
            return train(self, prepared)

    monkeypatch.setattr(ctgan.Ctgan, "train", peeking)


def overlapping_teachers(monkeypatch):
    """Every unit sits with two teachers."""
    divide = teachers.Teachers._divide

    def twice(self):
        divide(self)
        codes = self.__dict__.setdefault("once", self.codes)
        self.codes = torch.cat([codes, codes])
        self.teacher = torch.cat([self.teacher, (self.teacher + 1) % self.number])
        self.weights = torch.cat([self.weights, self.weights])

    monkeypatch.setattr(teachers.Teachers, "_divide", twice)


def ties_learnt_from(monkeypatch):
    """Votes on rows that nothing is like are given a weight, which is infinite."""
    monkeypatch.setattr(
        pategan, "telling", lambda chance: torch.ones_like(chance, dtype=torch.bool)
    )


def uncharged_votes(monkeypatch):
    """Votes are asked and not counted."""
    ask = teachers.Votes.ask

    def for_free(self, rows, generated):
        answer = ask(self, rows, generated)
        self.asked = 0
        return answer

    monkeypatch.setattr(teachers.Votes, "ask", for_free)


def uncharged_steps(monkeypatch):
    """A training goes on after its last step."""
    step = PrivateGradient.__call__

    def for_free(self):
        step(self)
        self.taken = 0

    monkeypatch.setattr(PrivateGradient, "__call__", for_free)


def mechanism_again_at_sampling(monkeypatch):
    """A model asks the noise for more whenever it is sampled."""
    sample = MarginalModel.sample

    def again(self, n, rng):
        measurement.discrete_gaussian(np.zeros(3, dtype=np.int64), 0.1)
        return sample(self, n, rng)

    monkeypatch.setattr(MarginalModel, "sample", again)


def threshold_of_the_continuous_tail(monkeypatch):
    """Whole noise reaches a whole threshold more often than noise of any size does."""

    def continuous(rho, delta, k):
        return math.ceil(k + gaussian_sigma(rho, k) * norm.isf(delta / k))

    monkeypatch.setattr(domain, "threshold", continuous)


def numbers_read_by_column(monkeypatch):
    """One text with a point, and all others are read as floats are."""

    def whole_column(texts):
        column = pd.to_numeric(pd.Series(texts), errors="coerce")
        return column.to_numpy(dtype=float, na_value=np.nan)

    monkeypatch.setattr(conform, "numbers_in", whole_column)


def halves_of_real_rows(monkeypatch):
    """Columns are cut by how many real rows have each code."""
    monkeypatch.setattr(
        candidates, "_people", lambda start: {c: start.count((c,)) for c in start.count.domain}
    )


def gaps_of_whole_tables(monkeypatch):
    """What a set is worth is what the cells of its halves are off together, up to twice for a row."""
    gaps = Parities.gaps
    monkeypatch.setattr(Parities, "gaps", lambda self, *tables: 2 * gaps(self, *tables))


def domain_read_from_data(monkeypatch):
    """A column has as many codes as its rows show."""

    class Seen:
        @staticmethod
        def gathered(domain, parts, room):
            (codes,) = parts
            return Counter.of({c: int(codes[c].max()) + 1 for c in domain}, codes)

    monkeypatch.setattr(marginal_generator, "Counter", Seen)
