"""The sixth page: ε and what it buys, the generator, who has the last word; it writes the release config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from flows.stages.config import DEFAULT_POLICY, RunConfig
from flows.stages.forecast import forecast
from flows.wizard.bought import OFFERED, bought
from flows.wizard.columns import dumped
from flows.wizard.preview import previews
from flows.wizard.project import RELEASE, SCHEMA, Project
from flows.wizard.session import Form, Session, one
from flows.wizard.steps.people import whole
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, UnderstudyError
from privacy.schema.documents import validated

NAME, TITLE = "privacy", "ε and what it buys"

GENERATORS = {
    "aim": "AIM: noisy tables and a graphical model; the best first choice for tables",
    "mst": "MST: the same with one tree of pairs; seconds, and it hides what happens to minorities",
    "diffusion": "masked diffusion: for models trained on the data, and as ε grows",
    "ctgan": "a GAN with a private critic",
    "pategan": "a GAN that learns from votes of teachers",
}
UNSAID: dict[str, Any] = {
    "budget": None,
    "evaluation": None,
    "rows": None,
    "about": {},
    "approval": "policy",
}
"""What a config leaves out."""
POLICIES = {
    "default": "The usual one: nobody is given away, columns and models are like real ones, in every group.",
    "charged": "Only figures that are charged for decide, so that the decision is covered by the guarantee.",
    "no-subgroups": "The usual one, for data that know no group of people.",
}
"""Ready policies in words."""


def show(session: Session) -> dict[str, Any]:
    """What is asked, what other ε would buy, and columns on made-up people."""
    project = session.open
    if not project.is_confirmed:
        raise InputError("confirm first what every column says; see Columns")
    config = project.release or _usual(project)
    chosen = float(config["guarantee"]["epsilon"])
    offered = tuple(sorted({*OFFERED, chosen}))
    try:
        found = bought(_anywhere(config, project), offered, session.home)
        refused = ""
    except UnderstudyError as error:
        found, refused = [], str(error)
    schema = project.schema()
    guarantee = Guarantee(chosen, float(config["guarantee"]["delta"]))
    share = 1 - project.holdout
    return {
        "config": {**UNSAID, **config},
        "chosen": chosen,
        "offered": found,
        "refused": refused,
        "now": next((b.forecast for b in found if b.epsilon == chosen), None),
        "generators": GENERATORS,
        "policies": POLICIES,
        "policy": Path(config["policy"]).stem if "policy" in config else "default",
        "previews": previews(schema, guarantee, project.state.people, share, 0.1),
        "people": project.state.people,
        "unit": schema.unit or "row",
        "yaml": dumped(config),
    }


def take(session: Session, form: Form) -> str:
    """Write the release config."""
    project = session.open
    config = {**(project.release or _usual(project))}
    loss = {"epsilon": _positive(form, "epsilon", "ε"), "delta": _positive(form, "delta", "δ")}
    config["guarantee"] = loss
    budget = one(form, "budget")
    config["budget"] = (
        {**loss, "epsilon": _positive(form, "budget", "the budget")} if budget else None
    )
    evaluation = one(form, "evaluation")
    config["evaluation"] = (
        {"epsilon": _positive(form, "evaluation", "ε of figures"), "delta": loss["delta"]}
        if evaluation
        else None
    )
    config["generator"] = _generator(config["generator"], one(form, "generator"))
    config["approval"] = one(form, "approval", "person")
    policy = one(form, "policy", "default")
    config["policy"] = (
        str(DEFAULT_POLICY.with_name(f"{policy}.yaml")) if policy != "default" else None
    )
    rows = one(form, "rows")
    config["rows"] = whole(form, "rows", "synthetic rows") if rows else None
    config["about"] = {
        k: v for k in ("publisher", "contact", "intended_use") if (v := one(form, k))
    } or None
    config["data"], config["holdout"] = list(project.state.data), project.holdout
    config = {key: value for key, value in config.items() if value is not None}
    text = dumped(config)
    validated(project.folder / RELEASE, yaml.safe_load(text), RunConfig, text)
    project.ask(config)
    if not one(form, "go"):
        return NAME
    _check_budget(project, config)
    return "release"


def _check_budget(project: Project, config: dict[str, Any]) -> None:
    """Raise InputError where the release would be refused for what it costs."""
    asked = float((config.get("budget") or config["guarantee"])["epsilon"])
    for cost in forecast(project.folder / RELEASE).costs:
        if cost.budget != asked:
            raise InputError(
                f"ε for all releases is {cost.budget:g} for this data set, as was said when it was first "
                "charged; write that"
            )
        if not cost.fits:
            raise InputError(
                f"this would bring the data set to ε = {cost.after:.4g}, and {cost.budget:g} is all that it "
                f"may ever spend; {cost.before:.4g} is spent: take a smaller ε"
            )


def _usual(project: Project) -> dict[str, Any]:
    """What is asked at first. δ is far below one in the people there are; a person has the last word."""
    return {
        "name": project.document["name"],
        "schema": SCHEMA,
        "data": list(project.state.data),
        "guarantee": {"epsilon": 1.0, "delta": 1e-6},
        "budget": {"epsilon": 3.0, "delta": 1e-6},
        "holdout": project.holdout,
        "generator": {"name": "aim"},
        "approval": "person",
    }


def _generator(before: dict[str, Any], name: str) -> dict[str, Any]:
    """With its parameters, where it is the same."""
    return before if before["name"] == name else {"name": name}


def _anywhere(config: dict[str, Any], project: Project) -> dict[str, Any]:
    """The config with paths that hold from any folder."""
    return {**config, "schema": str(project.folder / SCHEMA)}


def _positive(form: Form, name: str, what: str) -> float:
    text = one(form, name)
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise InputError(f"{what}: expected a number above 0, as 1 or 0.5; found {text!r}")
    return value
