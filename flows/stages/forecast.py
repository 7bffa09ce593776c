"""What a planned release will cost, and whom it can serve, from public facts alone: nothing is charged or read.

Cost: the event that the release would be charged for, composed with what the ledger holds. Service: how far a
group's event rate will be off. One table of a target by a group, on which the whole guarantee is spent, has
noise of some σ in every cell, so that no generator can be sure of the rate in a group of n people by less than
about 2σ/n. What generators really reach is a multiple of σ/n, for the σ = k/√(2ρ) of zCDP, which
``benchmarks/forecast.py`` measures over sweeps.

Time: a fit's seconds go by the columns, and by the rows where their number is public.

Relations: a pair of columns that AIM selects is counted with noise σ in each cell. In g × g equal groups the
rank correlation that is read off these counts has the standard error σ g/n: the cells' scores, centred, have a
mean square ((g² − 1)/12)², and Spearman's ρ is their sum over (g² − 1)/12.

Privacy claim: none needed; sees configs, schemas and the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent

from evaluators.assessable import smallest, undeclared
from evaluators.pace import judging
from evaluators.policy import Policy
from evaluators.tables import MIN_PEOPLE
from flows.stages.config import RunConfig, load_config
from flows.stages.plan import Plan
from flows.stages.run import Run
from generators.marginals.aim import SELECTIONS_PER_COLUMN, selected_rho
from generators.registry import IMAGES
from privacy.accounting.calibration import calibrate, zcdp_budget
from privacy.accounting.composition import spent
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee, Spent
from privacy.errors import InputError
from privacy.ledger.budget import fitting
from privacy.ledger.ledger import Ledger
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, Subgroup

FACTORS: Mapping[str, float] = {
    "aim": 6.8,
    "mst": 127.9,
    "pategan": 9.3,
    "ctgan": 8.9,
    "diffusion": 9.6,
}
"""Root mean square error of a group's event rate over σ/n (``benchmarks/results/forecast.json``)."""

SECONDS: Mapping[str, tuple[float, float, float]] = {
    "aim": (8.0, 0.28, 4e-6),
    "mst": (0.5, 0.02, 4e-7),
}
"""Seconds of a fit: of any, of a column, and of a value."""

WITHIN = 2.5
"""The factor within which tables of 14 to 300 columns and up to a million rows kept to the sum of these
(``wide_tables.jsonl`` and others in ``benchmarks/results``): larger models, at larger ε, take longer.
"""

RULE = "base_rate.difference"
"""The metric of the policy whose limit a group must keep."""

TOLERANCE = 0.05
"""That limit where the policy has no such rule."""

GROUPS = 8
"""Groups of a number's values, by which its relation with another is counted in the forecast."""

CLOSE = 0.05
"""A standard error of Spearman's ρ that leaves a relation readable."""

SURE = 2.0
"""Standard errors that must fit inside the limit."""


@dataclass(frozen=True)
class Cost:
    """ε of one partition at the data set's δ: so far, after this release, and what it may be.

    ``fitting``: where it does not fit, what would, in words.
    """

    partition: str
    release: Spent
    before: float
    after: float
    budget: float
    fitting: str = ""

    @property
    def fits(self) -> bool:
        return self.after <= self.budget


@dataclass(frozen=True)
class Group:
    """A group whose size is public; errors are of its event rate, as twice the standard error.

    ``needs``: the ε at which the generator is expected to keep within the policy's limit.
    """

    name: str
    people: int
    at_best: float
    expected: float | None
    verdict: str
    needs: float | None


@dataclass(frozen=True)
class Forecast:
    """All that can be said beforehand.

    ``data_set``: whose budget it is, and ``unit``: for whom; ``delta``: that budget's, at which every ε of
    ``costs`` is.
    ``smallest``: people that a group must have, at best and expected.
    ``seconds``: what a fit takes at least and at most, on two cores with nothing else to do; None where it was
    not measured. ``judging``: what judging its rows takes.
    """

    data_set: str
    unit: str
    generator: str
    costs: tuple[Cost, ...]
    delta: float
    groups: tuple[Group, ...]
    smallest: tuple[int, int | None]
    limit: float
    seconds: tuple[float, float] | None
    judging: tuple[float, float]
    advice: tuple[str, ...]


def forecast(path: Path) -> Forecast:
    """The forecast of a release config, whose data files need not be there."""
    config = load_config(path, reads=False)
    plan = Plan.of(Run.of(config))
    schema, share = plan.schema, 1 - config.holdout
    rho = zcdp_budget(config.guarantee.guarantee)
    sigma = schema.max_rows_per_unit / math.sqrt(2 * rho)
    least = _least_sigma(config.guarantee.guarantee, schema.max_rows_per_unit)
    limit = _limit(config.load_policy())
    name = str(config.generator["name"])
    # the factors were measured for a generator that has the whole guarantee to itself
    factor = None if config.select else FACTORS.get(name)
    groups = tuple(
        _group(label, people, share, least, sigma, factor, limit, config.guarantee.delta, schema)
        for label, people in public_sizes(schema).items()
    )
    account = config.same_people_as or schema.name
    costs = [_cost(config.ledger, account, "train", plan.event, config.lifetime)]
    if config.evaluation is not None:
        event = ComposedDpEvent([plan.evaluation_event, plan.choice_event])
        costs.append(_cost(config.ledger, account, "holdout", event, config.lifetime))
    return Forecast(
        account,
        schema.unit or "row",
        name,
        tuple(costs),
        config.lifetime.delta,
        groups,
        (
            math.ceil(SURE * least / limit / share),
            None if factor is None else math.ceil(SURE * factor * sigma / limit / share),
        ),
        limit,
        None if config.select else _seconds(name, schema, share),
        judging(schema),
        (
            *_refused(config),
            *_contradictions(config, schema),
            *_never_approved(config, schema),
            *_never_assessed(config, schema, groups),
            *_relations(name, schema, share, config.guarantee.guarantee),
            f"{smallest(config.holdout)}.",
            *_advice(schema, name, groups, limit),
        ),
    )


def _seconds(name: str, schema: Schema, share: float) -> tuple[float, float] | None:
    """The range of what was measured at that size."""
    if name not in SECONDS:
        return None
    start, by_column, by_value = SECONDS[name]
    columns, rows = len(schema.modelled), share * (schema.public_rows or 0)
    expected = start + columns * (by_column + by_value * rows)
    return expected / WITHIN, expected * WITHIN


def public_sizes(schema: Schema) -> dict[str, int]:
    """ "sex=F" → people, for every subgroup whose sizes the schema declares public."""
    found: dict[str, int] = {}
    for subgroup in schema.subgroups:
        sizes = subgroup.public_sizes or {}
        if not sizes:
            continue
        labels = _labels(schema, subgroup)
        if unknown := sorted(set(sizes) - set(labels)):
            raise InputError(
                f"subgroups: {subgroup.name!r} has no group {unknown[0]!r}; it has {', '.join(labels)}"
            )
        found |= {f"{subgroup.name}={label}": people for label, people in sizes.items()}
    return found


def _labels(schema: Schema, subgroup: Subgroup) -> list[str]:
    """The names of a subgroup's groups, whatever else the schema leaves open."""
    column = {subgroup.column: schema.columns[subgroup.column]}
    alone = Schema(name=schema.name, columns=column, subgroups=(subgroup,))
    if alone.incomplete:
        raise InputError(
            f"subgroups: {subgroup.name!r} declares sizes, but its column's values are not declared"
        )
    return list(Codec(alone).groups(subgroup)[1])


def _least_sigma(guarantee: Guarantee, k: int) -> float:
    """The least noise of a table on which the whole guarantee is spent."""
    sigma = k / math.sqrt(2 * zcdp_budget(guarantee))
    if k > 1:
        return sigma
    return calibrate(guarantee, DiscreteGaussianDpEvent, sigma / 2, sigma, 1e-4)


def _group(
    label: str,
    people: int,
    share: float,
    least: float,
    sigma: float,
    factor: float | None,
    limit: float,
    delta: float,
    schema: Schema,
) -> Group:
    n = max(1.0, people * share)
    at_best = SURE * least / n
    expected = None if factor is None else factor * SURE * sigma / n
    needs = None
    if factor is not None:
        enough = limit * n / (SURE * factor)
        rho = schema.max_rows_per_unit**2 / (2 * enough**2)
        needs = spent([ZCDpEvent(rho)], delta).epsilon
    return Group(
        label,
        people,
        min(1.0, at_best),
        None if expected is None else min(1.0, expected),
        _verdict(people * (1 - share), at_best, expected, limit),
        needs,
    )


def _verdict(held_out: float, at_best: float, expected: float | None, limit: float) -> str:
    if at_best > limit:
        return "no generator can serve it at this ε"
    if held_out < MIN_PEOPLE:
        return f"about {held_out:.0f} people held out: too few to assess, so nothing is claimed"
    if expected is None:
        return "not known: no sweep has measured it"
    return "can be served" if expected <= limit else "at risk of a veto"


def _limit(policy: Policy) -> float:
    """The narrowest limit that the policy sets to a group's event rate."""
    found = [r.at_most for r in policy.rules if r.metric == RULE and r.at_most is not None]
    return min(found, default=TOLERANCE)


def _cost(url: str, data_set: str, partition: str, event: DpEvent, budget: Guarantee) -> Cost:
    """Against the ledger where there is one, which is not made here."""
    alone = spent([event], budget.delta)
    if "://" not in url and not Path(url).exists():
        return _compared(partition, alone, 0.0, alone.epsilon, [], budget)
    ledger = Ledger(url)
    known = {d.name: d for d in ledger.datasets()}.get(data_set)
    charges = ledger.charges(data_set)
    if known is None or all(c.free for c in charges):  # what was said of it may still be corrected
        return _compared(partition, alone, 0.0, alone.epsilon, [], budget)
    before = ledger.spent(data_set, partition).epsilon
    after = ledger.would_spend(data_set, partition, [event]).epsilon
    charged = [c.dp_event for c in charges if c.partition == partition]
    return _compared(partition, alone, before, after, charged, known.budget)


def _compared(
    partition: str,
    release: Spent,
    before: float,
    after: float,
    charged: list[DpEvent],
    budget: Guarantee,
) -> Cost:
    fits = after <= budget.epsilon
    told = "" if fits else f"{partition}: {fitting(charged, budget)}"
    return Cost(partition, release, before, after, budget.epsilon, told)


def _refused(config: RunConfig) -> tuple[str, ...]:
    """What the gate will say whatever the rows are."""
    if config.standing != "claimed" or config.load_policy().unverified == "allow":
        return ()
    return (
        "Sure to be vetoed: the guarantee is claimed upstream and not verified, and the policy lets no such "
        "release out (`unverified: allow` would).",
    )


def _contradictions(config: RunConfig, schema: Schema) -> tuple[str, ...]:
    """What the ledger will say to a schema that knows people otherwise than it was told before."""
    if "://" not in config.ledger and not Path(config.ledger).exists():
        return ()
    known = {d.name: d for d in Ledger(config.ledger).datasets()}.get(schema.name)
    different = known and known.identity and known.identity.against(schema)
    return (f"Sure to be refused: {different}.",) if different else ()


def _never_approved(config: RunConfig, schema: Schema) -> tuple[str, ...]:
    """What a release will be stopped for, before it is charged."""
    why = undeclared(config.load_policy(), schema)
    return () if why is None else (f"Sure to be refused: {why}.",)


def _never_assessed(config: RunConfig, schema: Schema, groups: tuple[Group, ...]) -> Iterator[str]:
    """What a release will ask to be accepted before it is charged, as far as it is public."""
    rows = schema.public_rows
    if rows is not None and rows * config.holdout < MIN_PEOPLE:
        yield (
            f"Sure not to be approved: {rows * config.holdout:.0f} of {rows:,} rows are held out, and "
            f"{MIN_PEOPLE} people are needed to assess anything; a larger `holdout:` would help."
        )
    small = [g.name for g in groups if g.people * config.holdout < MIN_PEOPLE]
    if small and config.load_policy().small_groups != "accept":
        yield (
            f"Too few people held out to assess {', '.join(small)}: the release asks for --accept-unassessed; "
            "or take wider bands, a larger `holdout:`, or a policy with `small_groups: accept`."
        )


def _relations(name: str, schema: Schema, share: float, guarantee: Guarantee) -> Iterator[str]:
    """What noise leaves of a correlation that AIM finds, and the ε at which it is readable."""
    columns = len(schema.modelled)
    if name != "aim" or schema.public_rows is None or columns < 2:
        return
    rates, n = bool(schema.targets and schema.subgroups), share * schema.public_rows
    error = spearman_error(zcdp_budget(guarantee), columns, rates, n / schema.max_rows_per_unit)
    # σ² falls as ρ grows
    needs = spent([ZCDpEvent(zcdp_budget(guarantee) * (error / CLOSE) ** 2)], guarantee.delta)
    yield (
        f"Of {math.comb(columns, 2):,} pairs of columns aim selects {SELECTIONS_PER_COLUMN * columns} at "
        f"most. Two numbers that it selects are off by about {error:.2g} in Spearman's ρ ({GROUPS} groups "
        f"each); {CLOSE:g} takes ε = {needs.epsilon:.2g}, or fewer columns. `keep_together:` names pairs that "
        "matter."
    )


def spearman_error(rho: float, columns: int, rates: bool, people: float) -> float:
    """The standard error of Spearman's ρ in a table of GROUPS × GROUPS that AIM selects."""
    return GROUPS / people / math.sqrt(2 * selected_rho(columns, rates, rho))


def _weakest(weak: list[Group], limit: float) -> str:
    """Of groups that cannot be served the smallest, whose rate will be furthest off, and why."""
    one = min(weak, key=lambda g: g.people)
    others = f", before {len(weak) - 1} more" if len(weak) > 1 else ""
    off = one.at_best if one.expected is None or one.at_best > limit else one.expected
    why = (
        f"its rate will be off by up to {off:.2f}, where {limit:g} is allowed"
        if off > limit
        else one.verdict
    )
    return (
        f"{one.name} is the weakest group{others}: of {one.people:,} people {why}. Widen its band, merge it "
        "with another, spend more ε, or make no claim about it in the schema."
    )


def _advice(schema: Schema, name: str, groups: tuple[Group, ...], limit: float) -> list[str]:
    if schema.image is not None:
        return [f"Generators of image sets are {', '.join(IMAGES)}; start with image-matching."]
    best = min(FACTORS, key=lambda n: FACTORS[n])
    advice = []
    if FACTORS.get(name, math.inf) > FACTORS[best]:
        known = f"{FACTORS[name]:.1f}" if name in FACTORS else "was in none"
        advice.append(
            f"Take {best}: its group rates were the closest in the sweeps "
            f"({FACTORS[best]:.1f} σ/n; {name} {known})."
        )
    weak = [g for g in groups if g.verdict != "can be served"]
    if weak:
        advice.append(_weakest(weak, limit))
    if not groups:
        advice.append(
            "No group's size is declared public (`public_sizes:` of a subgroup), so nothing is said of groups."
        )
    return advice
