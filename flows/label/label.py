"""The privacy label: what was promised, to whom, by which draws, and what the promise does not cover.

Aims at tier 3 of the OpenDP deployment registry and at the questions of NIST SP 800-226. Everything on it is
public: parameters, events, hashes, what a person says of the release, the decision, and figures that were
charged to the people held out, never a figure computed on real rows without a charge.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from evaluators.verdict import Verdict
from flows.label.histories import told_histories, units_in
from flows.label.provenance import decided, provenance
from flows.label.risk import told_risk
from flows.label.small_groups import not_assessed
from flows.label.uncovered import UNCHARGED_CHOICE, not_covered
from flows.stages.plan import mean_runs
from flows.stages.standing import chains, people
from flows.stages.steps import charged
from flows.stages.work import Work
from generators.base import Model
from generators.registry import load_model
from privacy.accounting.composition import spent
from privacy.accounting.events import event_to_json
from privacy.accounting.guarantee import Spent
from privacy.domain import to_measure
from privacy.ledger.charges import Charge
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows, people_among

LABEL_VERSION = 1

LIBRARIES = ("understudy", "opendp", "dp-accounting", "torch", "numpy", "pandas")

PROVED = "the mechanisms of Understudy, each draw charged"
CLAIMED = "as claimed upstream, not verified"
BASIS = {"proved": PROVED, "claimed": CLAIMED}
"""What a guarantee stands on; without one there is no release."""


def make_label(work: Work, charge: Charge, rows: AnyRows, verdict: Verdict) -> dict[str, Any]:
    """The label of a release as plain JSON; of the verdict, the decision and which policy it was only.

    ``rows``: the synthetic ones.
    """
    schema, config = work.schema, work.run.config
    frame = rows.frame if schema.visits or schema.image else _roles(rows, schema, config.seed)
    policy = config.load_policy()
    unit = schema.unit or "row"
    cost = spent([charge.dp_event], config.guarantee.delta)
    life = work.ledger.spent(schema.name, "train")
    origin = provenance(config.about, charge, work.ledger.charges(schema.name))
    return {
        "label_version": LABEL_VERSION,
        "release": {
            "name": work.run.name,
            "data_set": schema.name,
            "description": " ".join(schema.description.split()),
            "source": " ".join(schema.source.split()),
            "created": charge.time[:10],  # the day of the charge, whenever a killed run goes on
            "synthetic_rows": len(rows),
            "synthetic_units": units_in(frame, schema) if schema.visits else len(rows),
            "sampling_seed": config.seed,
            "generator": config.candidates[work.chosen],
            "license": config.license,
        },
        "guarantee": {
            "basis": BASIS[config.standing],
            "definition": "(epsilon, delta)-differential privacy, central model, one trusted curator",
            "epsilon": cost.epsilon,
            "delta": cost.delta,
            "unit": unit,
            "max_rows_per_unit": schema.max_rows_per_unit,
            "neighbouring_relation": "add or remove one unit with all its rows",
            "protects": f"the units in the train partition, in the synthetic rows; {_reach(work)}",
            "in_words": _in_words(unit, cost, config.unverified),
        },
        "risk": told_risk([charge.dp_event], unit, config.unverified),
        "histories": told_histories(schema, frame),
        "accounting": {
            "accountant": cost.accountant,
            "events": [{"purpose": charge.purpose, "event": json.loads(charge.event)}],
            "what_the_schema_left_open": {
                "columns": list(to_measure(schema)),
                "zcdp_rho": work.plan.domain_rho,
                "delta": work.plan.domain_delta,
            },
            "generator_event": event_to_json(work.plan.generator.event()),
            "ledger": {
                "charge": charge.number,
                "hash": charge.hash,
                "data_set_epsilon_spent": life.epsilon,
                "data_set_epsilon_claimed": life.claimed,
                "data_set_epsilon_budget": work.dataset.budget.epsilon,
                "data_set_delta": work.dataset.budget.delta,
                **chains(work),
            },
        },
        "people": people(work),
        "provenance": origin,
        "selection": _selection(work),
        "public_facts_assumed": {
            "schema": "schema.yaml in this folder, but for the bins, categories, spikes, decimals and shapes "
            "measured under the charge",
            "columns": len(schema.columns),
            "row_count": schema.public_rows,
            "share_held_out": work.dataset.split.holdout,
            "pre_training": _pre_training(work),
        },
        "implementation": {
            "libraries": {name: version(name) for name in LIBRARIES},
            "randomness": work.plan.generator.randomness(),
            "post_processing": "fitting the model, drawing rows and everything after are free",
        },
        "evaluation": evaluation(work),
        "decision": decided(verdict, policy, config),
        "not_assessed": not_assessed(frame, work.completed_schema(), _held_out(work, frame)),
        "not_covered": not_covered(
            config,
            policy,
            verdict,
            origin["settings"]["earlier_runs_judged_without_a_charge"] > 0,
        ),
    }


ROLES_OF = 1_000_000
"""Rows by which it is told who is in which group, where there are more."""


def _roles(rows: AnyRows, schema: Schema, seed: int) -> pd.DataFrame:
    """Of some rows what they are told by."""
    some = people_among(rows.units, ROLES_OF, np.random.default_rng([seed, *b"label"]))
    frame = rows.some(some, schema.roles).frame
    return pd.DataFrame({n: frame[n] for n in schema.roles}, index=range(len(some)))


def _held_out(work: Work, frame: pd.DataFrame) -> float:
    """About how many units were held out, from the public count or the model's noisy one.

    Of unlinked rows a unit is taken to have as many as it may; of linked ones, as many as the synthetic ones.
    """
    share = work.dataset.split.holdout
    trained: Model = load_model(work.run / "model")
    rows = work.schema.public_rows or trained.rows / (1 - share)
    if work.schema.visits is None:
        return rows * share / work.schema.max_rows_per_unit
    return rows * share * units_in(frame, work.schema) / max(1, len(frame))


def _in_words(unit: str, cost: Spent, unverified: bool) -> str:
    """What (ε, δ) says, to anybody."""
    promise = (
        f"whether or not any one {_word(unit)} was in the training data, whatever is found out from "
        f"these rows about whoever it stands for is at most e^ε ≈ {math.exp(cost.epsilon):.3g} times "
        f"as likely, but for a probability of δ = {cost.delta:g}."
    )
    begun = f"if what is claimed upstream holds: {promise}" if unverified else promise
    return begun[0].upper() + begun[1:]


def _reach(work: Work) -> str:
    """How far the people held out had a part in the synthetic rows."""
    select = work.run.config.select
    if select is None or select.by == "random-stopping":
        return "none of the holdout partition reached the generator"
    return "the holdout partition reached the choice between candidates and nothing else"


def _selection(work: Work) -> dict[str, Any] | None:
    """How the generator was chosen and what that cost; None where there was no choice."""
    select = work.run.config.select
    if select is None:
        return None
    ways = {
        "random-stopping": "candidates drawn at random were fitted and scored a random number of "
        f"times, {mean_runs(work.run.config)} on average, and the best was kept; the guarantee covers "
        "all of it (arXiv 2110.03620)",
        "holdout": "every candidate was fitted once, all within the guarantee; the people held out were "
        "asked which is closest, under a charge of their own",
        "uncharged-figures": UNCHARGED_CHOICE,
    }
    return {
        "by": select.by,
        "in_words": ways[select.by],
        "candidates": list(work.run.config.candidates),
        "chosen": work.chosen,
        "holdout_zcdp_rho": work.plan.choice_rho,
    }


def evaluation(work: Work) -> dict[str, Any] | None:
    """What was asked of the people held out, what it cost them, and every figure that came of it.

    A choice that they made is part of the cost.
    """
    permit = work.charge_evaluation()
    if permit is None:
        return None
    asked = work.run.config.evaluation
    assert asked is not None
    chose = work.plan.choice_rho > 0
    charges = [permit.charge, *([work.charge_choice().charge] if chose else [])]
    cost = spent([c.dp_event for c in charges], asked.delta)
    life = work.ledger.spent(permit.dataset, "holdout")
    return {
        "guarantee": {
            "epsilon": cost.epsilon,
            "delta": cost.delta,
            "unit": work.schema.unit or "row",
            "protects": "the units in the holdout partition, in the figures below; of each, one row counts"
            + ("" if work.schema.visits is None else ", the first, beside first synthetic ones")
            + (". In the choice between candidates all of their rows count" if chose else ""),
        },
        "accountant": cost.accountant,
        "events": [{"purpose": c.purpose, "event": json.loads(c.event)} for c in charges],
        "ledger": {
            "charge": permit.charge.number,
            "hash": permit.charge.hash,
            "data_set_epsilon_spent": life.epsilon,
        },
        "intervals": "95 %; they hold the chance of who was held out and the noise",
        "figures": [asdict(s) for s in charged(work)],
    }


def _pre_training(work: Work) -> str:
    """On whose word which images taught the generator before private rows did."""
    images = work.plan.public
    return f"on {images}; declared public by the person who wrote the config" if images else "none"


def _word(unit: str) -> str:
    return "row" if unit == "row" else f"{unit} (unit)"
