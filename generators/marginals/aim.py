"""AIM: an adaptive and iterative mechanism (McKenna, Mullins, Sheldon, Miklau, arXiv 2201.12677).

Measure every column; then, round by round, select by the exponential mechanism the marginal that
the current model gets most wrong, q_r = w_r (‖M_r(D) − M_r(p̂)‖₁ − √(2/π) σ n_r), measure it with
Gaussian noise, and fit the model again. A marginal may be selected only if the model stays small:
the limit grows with the share of the budget that is spent. Where this differs from the paper, and
why:

- the rates of outcomes by group are measured up front with a fixed share of the budget (see ``rates``),
  so that P(target | subgroup) does not depend on being selected;
- the marginals that the schema says to keep together come next, each in place of ``KEPT`` selections;
- rare codes are merged and ordered codes binned after the one-way marginals (see ``compression``):
  fewer cells, so smaller noise, where the counts could not be told from noise anyway;
- the model's marginals are counted on a large synthetic sample: free, and hundreds of them take a
  second, where exact inference takes minutes;
- the number of selections is fixed and public, and σ does not anneal (σ/2 once a measurement adds
  less than its noise): that brought nothing, and without it the schedule is known beforehand;
- a marginal whose expected noise exceeds twice the estimated number of rows is no candidate: its
  score could only be negative; nor is one with a column of a single code, which says nothing;
- which candidates keep the model small is asked of what is drawn, not of all of them (see
  ``Budget.select`` and ``Room``): it is the same choice, and thousands of eliminations less;
- what four and five columns say together is a candidate as well, where one of them is a target (see
  ``parities`` and ``candidates``): a label that is the parity of three columns is seen by no triple;
- with many columns a few marginals are selected from the same scores before the model is fitted
  again;
- scores are integers, in units of 1/64 of a row: their sensitivity is exact.

Privacy claim: rho-zCDP as a whole for units of at most ``sensitivity`` rows, under adding or
removing one: every draw goes through one ``Budget``, everything between draws is post-processing of
noisy answers. And no more than the steps of ``schedule``, or fewer of them, in whatever order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from generators.marginals.compression import RARE, Compression
from generators.marginals.counting.coded import Clique, Counts, cells
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import FORBIDDEN, Observation, fit
from generators.marginals.junction import BYTES_PER_CELL, Fitting, model_megabytes
from generators.marginals.measurement import Ask, Budget, Measurement, Step, draw_anew
from generators.marginals.model import GraphicalModel, Result, sample
from generators.marginals.opening import by_weight, measure_groups, opening
from generators.marginals.rates import Rates
from generators.marginals.selecting.candidates import Candidates
from generators.marginals.selecting.room import Room
from generators.marginals.workload import Workload
from privacy.noise import gaussian_sigma

ONE_WAY = 0.1
RATES = 0.25
"""Shares of rho for the one-way marginals and for the rates of outcomes."""
SELECT = 0.1
"""Share of a round for the selection."""
SELECTIONS_PER_COLUMN = 2
KEPT = 4
"""Selections that the measurement of one marginal of ``keep`` takes the place of; fewer where that would be
more than half of them all together."""
COLUMNS_PER_SELECTION = 14
"""Marginals measured for each column; one more is selected at once, from the same scores, for every
so many columns, since a round's work grows with the square of their number."""
MEGABYTES = 1.0
GLANCE = 50
SETTLE = 800
"""Iterations of the fit within a round, from the last potentials, and of the final one."""
SAMPLE = 100_000
LEAST = 10_000
"""The most and the fewest rows that are drawn to score candidates."""
ROUNDING = 1e-12


def schedule(columns: int, rates: Sequence[float], rho: float, keep: int = 0) -> tuple[Step, ...]:
    """The most that is drawn, by the numbers of columns and of ``keep`` and the weights of the rates."""
    joint = by_weight(RATES * rho, rates)
    share, rounds = _round(columns, bool(rates), rho)
    each = _kept(columns, keep)
    kept = min(keep, rounds // 2)
    rounds -= each * kept
    return (
        Step("measure", ONE_WAY * rho / columns, columns),
        *(Step("measure", each, joint.count(each)) for each in dict.fromkeys(joint)),
        *([Step("measure", each * share, kept)] if kept else []),
        Step("select", SELECT * share, rounds),
        Step("measure", (1 - SELECT) * share, rounds),
    )


def _round(columns: int, rates: bool, rho: float) -> tuple[float, int]:
    """What selecting and measuring one marginal may cost, and how many are."""
    rounds = SELECTIONS_PER_COLUMN * columns
    left = (1 - ONE_WAY - (RATES if rates else 0.0)) * rho
    return left * (1 - ROUNDING) / rounds, rounds


def selected_rho(columns: int, rates: bool, rho: float) -> float:
    """What the measurement of a marginal costs that was selected."""
    share, _ = _round(columns, rates, rho)
    return (1 - SELECT) * share


def _kept(columns: int, keep: int) -> int:
    """How many selections each of ``keep`` takes the place of."""
    return max(1, min(KEPT, SELECTIONS_PER_COLUMN * columns // (2 * keep))) if keep else KEPT


def aim(
    count: Counter,
    workload: Workload,
    rho: float,
    *,
    sensitivity: int = 1,
    rates: Sequence[Rates] = (),
    keep: Sequence[Clique] = (),
    targets: Collection[str] = (),
    ordered: Mapping[str, int] | None = None,
    zeros: Mapping[Clique, npt.NDArray[np.bool_]] | None = None,
    mirrors: Mapping[str, str] | None = None,
    numbers: Mapping[str, int] | None = None,
    beside: Sequence[Measurement] = (),
    megabytes: float = MEGABYTES,
    ask: Ask = draw_anew,
    steps: Sequence[Step] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Result:
    """Select, measure and fit marginals of the workload.

    ``rates``: measured up front; the first one's columns are drawn first when rows are sampled.
    ``targets``: columns whose sets of four and five are candidates as well.
    ``keep``: measured next, where the model has room for them and they can be told from noise.
    ``ordered``: columns whose neighbouring codes may be merged, and how many of their first codes are in order.
    ``zeros``: cells that are publicly known to be empty, True where they are.
    ``mirrors``: columns that are another one of the row before; ``numbers``: of columns, how many of the first
    codes are numbers in order. Where both are in ``keep`` together, half of what is spent on them goes to how
    far a number moves: the sums of the cells with equal differences, of which there are few.
    ``beside``: marginals that are known already, noised.
    ``steps``: the ``schedule`` that was paid for, where it was.
    ``progress``: told the share of the budget that is spent after every round.
    """
    budget = Budget(rho, sensitivity, ask, steps)
    impossible = zeros or {}
    start = opening(
        budget,
        count,
        one_way=ONE_WAY * rho,
        rates_rho=RATES * rho if rates else 0.0,
        rates=rates,
        ordered=ordered,
        whole={c for clique in impossible for c in clique},
        mirrors=mirrors,
    )
    domain, n = start.compression.domain, start.total
    root = rates[0].clique if rates else ()
    measurements = [*start.measurements, *beside]
    observations = [start.compression.observe(m) for m in measurements]
    potentials = {c: np.where(z, FORBIDDEN, 0.0) for c, z in impossible.items()}
    share, due = _round(len(domain), bool(rates), rho)
    each, keep = _kept(len(domain), len(keep)), keep[: due // 2]
    due -= each * len(keep)
    noise = _noise(each * share, sensitivity)
    for r in keep:
        known = [*potentials, *(o.clique for o in observations)]
        if noise * cells(domain, r) < 2 * n and Fitting.of(domain, known, megabytes)(r):
            left = each * share
            if r == _mirrored(r, mirrors or {}) and (ordered_codes := (numbers or {}).get(r[1])):
                left /= 2
                part, many = differences(start.compression, r, ordered_codes)
                sums, sigma = budget.sums(start.count, r, part, left)
                observations.append(pooled(r, part, many, sums, sigma))
            new = budget.measure(start.count, r, left)
            measurements.append(new)
            observations.append(Observation.plain(new.clique, new.counts, new.sigma))
    model = fit(domain, observations, n, iterations=GLANCE, start=potentials, root=root)
    at_once = max(1, len(domain) // COLUMNS_PER_SELECTION)
    noise = _noise((1 - SELECT) * share, sensitivity)
    drawn, luck = _enough(n, noise), gaussian_sigma(SELECT * share, sensitivity)
    among = Candidates.of(start, workload, noise, luck, drawn, targets, ordered)
    sizes = np.array([float(cells(domain, r)) for r in among.cliques]) * BYTES_PER_CELL / 2**20
    while due:
        limit = megabytes * min(1.0, (budget.spent + at_once * share) / rho)
        # what has no room even alone, unless the model holds it, need not be drawn to be thrown away
        most = max(limit, model_megabytes(domain, model.potentials))
        some = np.flatnonzero(sizes <= most)
        cliques = [among.cliques[i] for i in some]
        rows = sample(domain, model.tree, model.marginals, drawn, np.random.default_rng(0))
        scores = cache(partial(among.scores, some, rows, n / drawn))
        # what was measured before fits, so that whether anything does is soon known
        measured = [i for i, r in enumerate(cliques) if r in model.potentials]
        chosen: list[int] = []
        room = Room(cliques, among.kin[some])
        while len(chosen) < min(at_once, due):
            taken = [*model.potentials, *(cliques[i] for i in chosen)]
            room.states.append(Fitting.of(domain, taken, limit))
            fits = partial(_another, room, {*chosen})
            if not any(map(fits, chain(measured, range(len(cliques))))):
                break
            kin = room.kin.copy()
            kin[chosen] = ~np.arange(len(chosen))
            chosen.append(
                budget.select(
                    len(cliques), scores, SELECT * share, among.per_row, fits, kin, room.left
                )
            )
            r, cost = cliques[chosen[-1]], (1 - SELECT) * share
            if halves := among.halves(int(some[chosen[-1]])):
                new = measure_groups(budget, count, halves, cost)
                observations.append(start.compression.observe(new))
            else:
                new = budget.measure(start.count, r, cost)
                observations.append(Observation.plain(r, new.counts, new.sigma))
            measurements.append(new)
        if not chosen:
            break
        due -= len(chosen)
        model = fit(domain, observations, n, iterations=GLANCE, start=model.potentials, root=root)
        progress(budget.spent / rho)
    model = fit(domain, observations, n, iterations=SETTLE, start=model.potentials, root=root)
    return Result(GraphicalModel.of(model, start.compression, n), tuple(measurements))


def _mirrored(r: Clique, mirrors: Mapping[str, str]) -> Clique | None:
    """The pair of a column before and after, where the first of ``r`` is one before."""
    return (r[0], mirrors[r[0]]) if r[0] in mirrors else None


def differences(
    compression: Compression, r: Clique, numbers: int
) -> tuple[npt.NDArray[np.intp], int]:
    """For each cell of (before, after) the number of its sum, and how many sums are of differences.

    Those come first, from the lowest: one for each difference of merged numbers, in codes. Every cell without a
    difference is a sum by itself.
    """
    domain, group = compression.domain, compression.groups[r[1]]
    of_numbers = np.bincount(group[:numbers], minlength=domain[r[1]])
    at = np.bincount(group[:numbers], np.arange(numbers), minlength=domain[r[1]])
    pure = of_numbers == np.bincount(group)  # merged with nothing that is no number
    place = np.where(pure & (of_numbers > 0), at / np.maximum(of_numbers, 1), np.nan)
    apart = np.rint(place[None, :] - place[:, None])
    alone = numbers + np.arange(apart.size).reshape(apart.shape)
    found = np.unique(np.where(np.isnan(apart), alone, apart), return_inverse=True)[1]
    return found.reshape(apart.shape), len(np.unique(apart[np.isfinite(apart)]))


def pooled(
    r: Clique, part: npt.NDArray[np.intp], many: int, sums: Counts, sigma: float
) -> Observation:
    """The sums, with those of the largest differences on either side added up as far as they are but noise.

    Each would keep its noise where that is above nought, and with it numbers that leap; their sum has less.
    """
    group = np.arange(sums.size)
    low = _noise_only(sums[:many], sigma)
    high = many - _noise_only(sums[low:many][::-1], sigma)
    group[: max(1, low)] = 0
    group[min(high, many - 1) : many] = many - 1 if many else 0
    group = np.unique(group, return_inverse=True)[1]
    precision = 1 / (np.bincount(group) * sigma**2)
    return Observation(r, np.bincount(group, sums).astype(float), precision, group[part])


def _noise_only(sums: Counts, sigma: float) -> int:
    """How many of the first sums do not together stand out from their noise."""
    together = np.cumsum(sums) >= RARE * sigma * np.sqrt(np.arange(1, sums.size + 1))
    return int(np.argmax(together)) if together.any() else sums.size


def _noise(rho: float, sensitivity: int) -> float:
    """√(2/π) σ, the mean size of a measurement's noise."""
    return sensitivity / math.sqrt(math.pi * rho)


def _another(room: Room, chosen: Collection[int], i: int) -> bool:
    return i not in chosen and room(i)


def _enough(n: float, noise: float) -> int:
    """Rows to draw, so that drawing adds less to a cell than the noise of its measurement."""
    return round(min(SAMPLE, max(LEAST, 2 / math.pi * (n / noise) ** 2)))
