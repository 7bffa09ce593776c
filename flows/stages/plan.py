"""All that a release fixes before a private row is read: how the guarantee is divided, and the events it makes.

Privacy claim: none needed; sees the config, the schema and public images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent

from evaluators.charged.cost import evaluation_event
from flows.stages.config import RunConfig, make_generator
from flows.stages.run import Run
from generators.base import Generator, Needing, Progress
from generators.registry import FROM_PUBLIC, IMAGES, LINKED, NON_PRIVATE, UNVERIFIED
from generators.selection import EachOnce, RandomStopping
from generators.synthcity.generator import Claimed, NonPrivate
from privacy.accounting.calibration import zcdp_budget
from privacy.domain import domain_event, portion, selects_categories
from privacy.errors import InputError
from privacy.reading.public import PublicImages
from privacy.schema.columns import Image
from privacy.schema.schema import Schema


@dataclass(frozen=True)
class Plan:
    """Schema, calibrated generator, and their event."""

    schema: Schema
    generator: Generator | EachOnce
    domain_rho: float
    domain_delta: float
    evaluation_rho: float
    choice_rho: float
    public: PublicImages | None

    @classmethod
    def of(cls, run: Run, public_rows: bool = False) -> Plan:
        """Divide the guarantee between what the schema leaves open and the generator.

        ``public_rows``: whether a sweep declares the rows public, as a generator without a guarantee asks.
        """
        config = run.config
        if config.non_private and not public_rows:
            raise InputError(
                f"generator: {config.non_private} promises no privacy (ε = ∞), so no private row is read for "
                "it; it runs in a sweep that declares its rows public (`public: true`)"
            )
        schema, guarantee = config.load_schema(), config.guarantee.guarantee
        rho = config.domain_share * portion(schema) * zcdp_budget(guarantee)
        delta = config.domain_share * guarantee.delta if selects_categories(schema) else 0.0
        beside = domain_event(schema, rho, delta)
        name = config.generator["name"]
        if schema.image is not None and name not in IMAGES:
            raise InputError(
                f"generator: {name} draws no images, and {schema.image!r} is one; "
                f"take {' or '.join(IMAGES)}"
            )
        if config.load_policy().figures == "charged" and config.evaluation is None:
            raise InputError(
                f"policy: {config.load_policy().name} decides on charged figures only; say what they may cost "
                "the people held out, `evaluation: {epsilon: 1.0, delta: …}`"
            )
        if uncharged_choice(config) and config.load_policy().figures == "charged":
            raise InputError(
                f"select: policy {config.load_policy().name} decides on charged figures only, and "
                "uncharged-figures chooses on others; choose by holdout or by random-stopping"
            )
        public = public_images(config, schema)
        if config.inception is not None:
            from evaluators.images.inception import inception

            inception(config.inception)
        made = candidates(config, schema, public)
        ready = made.calibrate(guarantee, schema, beside)
        asked = zcdp_budget(config.evaluation.guarantee) if config.evaluation else 0.0
        choice = CHOICE_SHARE * asked if config.select and config.select.by == "holdout" else 0.0
        return cls(schema, ready, rho, delta, asked - choice, choice, public)

    def prepare(self, progress: Progress) -> None:
        """Find out what a generator needs and may be missing, before anything is charged."""
        for one in getattr(self.generator, "among", (self.generator,)):
            if isinstance(one, Needing):
                one.prepare(progress)

    @property
    def event(self) -> DpEvent:
        """What the train partition is charged for this release."""
        parts = [domain_event(self.schema, self.domain_rho, self.domain_delta)]
        return ComposedDpEvent([*parts, self.generator.event()])

    @property
    def evaluation_event(self) -> DpEvent:
        """What the holdout is charged for figures that may be published."""
        return evaluation_event(self.evaluation_rho)

    @property
    def choice_event(self) -> DpEvent:
        """What the holdout is charged for choosing between candidates."""
        return ZCDpEvent(self.choice_rho)


CHOICE_SHARE = 0.2
"""The part of the people held out's ρ that a choice between candidates gets, where they make it."""


def candidates(
    config: RunConfig, schema: Schema, public: PublicImages | None
) -> Generator | RandomStopping | EachOnce:
    """The generator, or what fits several."""
    among = tuple(linked(make_generator(spec, public), spec, schema) for spec in config.candidates)
    for spec, made in zip(config.candidates, among, strict=True):
        listed = (spec["name"] in UNVERIFIED, spec["name"] in NON_PRIVATE)
        if listed != (isinstance(made, Claimed), isinstance(made, NonPrivate)):
            raise ValueError(f"{spec['name']}: not listed in generators.registry as what it is")
    if config.select is None:
        return among[0]
    if schema.visits is not None:
        raise InputError("select: candidates are compared on rows, which say nothing of histories")
    if schema.image is not None:
        raise InputError(
            "select: candidates are compared on columns, which say nothing of pictures"
        )
    if config.select.by == "random-stopping":
        return RandomStopping(among, mean_runs(config))
    return EachOnce(among)


def linked(generator: Generator, spec: Mapping[str, Any], schema: Schema) -> Generator:
    """The generator, or what draws histories by it where the schema has visits."""
    name = spec["name"]
    if schema.visits is None:
        return generator
    if name not in LINKED:
        raise InputError(
            f"generator: {name} draws rows that are not linked, and the schema has visits; take "
            f"{' or '.join(LINKED)}, or leave `visits:` out"
        )
    made: Generator = LINKED[name](generator)
    return made


def uncharged_choice(config: RunConfig) -> bool:
    """Whether the people held out are looked at without a charge before there is a release to judge."""
    return config.select is not None and config.select.by == "uncharged-figures"


def mean_runs(config: RunConfig) -> int:
    """How often candidates are fitted on average under random stopping: each twice, unless said."""
    asked = config.select and config.select.mean
    return asked or 2 * len(config.candidates)


def public_images(config: RunConfig, schema: Schema) -> PublicImages | None:
    """The public images of a config, read once to see that they can be; None where it has none."""
    if config.public_images is None:
        return None
    name = config.generator["name"]
    if name not in FROM_PUBLIC or schema.image is None:
        raise InputError(
            f"public_images: {name} learns nothing from them; take {' or '.join(FROM_PUBLIC)}, "
            "or leave them out"
        )
    column = schema.columns[schema.image]
    assert isinstance(column, Image)
    return PublicImages.of(config.public_images, column.shape)
