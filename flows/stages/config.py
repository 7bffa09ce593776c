"""What a person writes to ask for a release, checked whole before anything is read."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from evaluators.gate import Standing
from evaluators.policy import Policy
from flows.stages.places import inside, run_name
from generators.base import Generator
from generators.registry import GENERATORS, NON_PRIVATE, REFUSED, UNVERIFIED
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError, did_you_mean
from privacy.ledger.address import check_url
from privacy.reading.arrays import holds_arrays
from privacy.reading.folded import files_of
from privacy.reading.formats.holders import apart, may_hold_several
from privacy.reading.formats.parts import is_parts
from privacy.reading.formats.query import database_of
from privacy.reading.public import PublicImages, content_digest
from privacy.schema.documents import Frozen, load_yaml
from privacy.schema.mistakes.told import told_value
from privacy.schema.schema import Schema, load_schema

DEFAULT_POLICY = Path(__file__).parents[2] / "configs" / "policies" / "default.yaml"

Words = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strip_whitespace=True),
    AfterValidator(lambda text: " ".join(text.split())),
]
"""Something in a person's words."""

Scheduler = Annotated[str, StringConstraints(pattern=r"^(tcp|tls)://[\w.\-\[\]:]+$")]
"""The address of one of Dask's."""


class Loss(Frozen):
    """An (ε, δ) pair; δ is a public number chosen by a person.

    ``epsilon``: the larger, the less noise, and the less is promised. ``delta``: the chance that more is lost
    than ε says; well below one over the number of people.

    Privacy: budget.

    Example::

        {epsilon: 1.0, delta: 1.0e-6}
    """

    epsilon: float = Field(gt=0, le=100)
    delta: float = Field(gt=0, lt=1e-2)

    @property
    def guarantee(self) -> Guarantee:
        return Guarantee(self.epsilon, self.delta)


class Select(Frozen):
    """How one of several generators is chosen: ``generator`` or one of ``others``.

    ``by``: ``random-stopping`` fits and scores candidates a random number of times, ``mean`` on average, inside
    the guarantee (arXiv 2110.03620); ``holdout`` fits each once, for a part of the guarantee, and asks the
    people held out under the charge of ``evaluation``; ``uncharged-figures`` fits each once and looks at the
    people held out without a charge, which the label then says.
    ``others``: generators that are compared with ``generator``.
    ``mean``: how many fits random stopping takes on average; two a candidate where it is left out.

    Privacy: budget; every candidate has a part of the guarantee. ``mean``: budget; the more fits, the less ε
    each of them has.

    Example::

        {by: random-stopping, others: [{name: mst}], mean: 4}
    """

    by: Literal["random-stopping", "holdout", "uncharged-figures"]
    others: tuple[dict[str, Any], ...] = Field(min_length=1, max_length=100)
    mean: int | None = Field(default=None, ge=1, le=1000)

    @field_validator("others")
    @classmethod
    def _known(cls, value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for spec in value:
            known_name(spec)
        return value

    @model_validator(mode="after")
    def _only_there(self) -> Select:
        if self.mean is not None and self.by != "random-stopping":
            raise ValueError(
                f"mean: {self.by} fits every candidate once; take `mean: {self.mean}` out, or `by: "
                "random-stopping`"
            )
        return self


Sector = Literal["Technology", "Healthcare", "Education", "Government", "Energy", "Finance"]
"""Those that the registry of differential privacy deployments knows."""


class About(Frozen):
    """What only a person can say of a release, all of it published; what is left out is "not stated".

    ``publisher``: who answers for it. ``contact``: where to ask. ``intended_use``: what it is meant for, and
    what not.
    ``settings_from``: how generator, ε and settings were chosen, and on what was looked at for it.
    ``region``: whose people, and under what law. ``sector``: one of those that the registry of
    differential privacy deployments knows.

    Privacy: public; on label and cards. ``settings_from``: public; what was looked at without a charge is
    nowhere else to be read.

    Example::

        publisher: District hospital
        contact: data@hospital.example
        intended_use: To teach statistics. Not to decide about patients.
        settings_from: The defaults of Understudy; nobody looked at the rows for them.
        region: Austria, GDPR
        sector: Healthcare
    """

    publisher: Words | None = None
    contact: Words | None = None
    intended_use: Words | None = None
    settings_from: Words | None = None
    region: Words | None = None
    sector: Sector | None = None


class RunConfig(Frozen):
    """One release. Paths are relative to the config file.

    ``name``: what the release is called; its data set stands in the ledger under the schema's name.
    ``schema``: the file that says what is public. ``data``: the private files.
    ``guarantee``: what this release may cost.
    ``budget``: what the data set may cost over all releases, ``guarantee`` where it is left out.
    ``evaluation``: what figures that may be published may cost the people held out, who pay for nothing else;
    without it no figure of theirs is published.
    ``holdout``: the share of people who are kept out of training.
    ``domain_share``: the share of ρ that goes into measuring what the schema leaves open.
    ``generator``: how rows are made, by its name and its settings.
    ``select``: choose between ``generator`` and others.
    ``rows``: synthetic rows; where it is left out, as many as the train rows by the schema's public count, or
    by the model's own noisy estimate.
    ``seed``: repeats sampling and evaluation; noise on private rows cannot be seeded.
    ``policy``: the file that says what may leave the house; the default policy where it is left out.
    ``approval``: who has the last word about what the policy approves, the policy itself or a person.
    ``same_people_as``: a data set of the ledger that this one's people are in: one budget and one split for
    both.
    ``other_people_than``: data sets that are about other people, on the word of whoever writes this, where the
    ledger takes them for the same; the label says so.
    ``public_images``: a folder or file of images that whoever writes this declares public, to learn from first.
    ``inception``: the file of FID's network, for judging images.
    ``license``: that of the synthetic rows, by Hugging Face's name for it (``cc-by-4.0``); it
    makes no other run, and none is stated where it is left out.
    ``about``: what else only a person can say of a release, which makes no other run either.
    ``scheduler``: the address of a Dask scheduler, whose workers count for AIM and MST; makes no other run.
    ``ledger``: a path or a URL without a password, or else what UNDERSTUDY_LEDGER says, or else a file beside
    the runs. ``runs``: where runs are kept, ``runs`` in the working folder where it is left out.

    Privacy: public; on the label. ``data``, ``ledger``, ``runs``: house.
    ``scheduler``: house; exact codes of the rows in train travel to its workers, so its network must be yours
    alone, or under ``tls://``.
    ``guarantee``, ``budget``: budget; of the people in train.
    ``evaluation``: budget; of the people held out, and of nobody in train.
    ``holdout``: budget; who is held out costs nothing in train and is never trained on.
    ``domain_share``: budget; what goes there is not left for the generator.
    ``generator``: budget; noise is set so that the guarantee holds, whatever the settings.
    ``select``: budget; choosing is a part of the guarantee.
    ``rows``, ``seed``, ``inception``: nothing.
    ``policy``: budget; its decision on uncharged figures is one bit that is not covered, and under ``figures:
    charged`` it is covered.
    ``approval``: budget; a person's decision is never covered, and the label says so.
    ``same_people_as``: budget; one for both. ``other_people_than``: budget; two budgets, on your word.
    ``public_images``: public; what is learnt from them costs nothing, so nobody private may be among them.

    Example::

        name: admissions-2024
        schema: patients.yaml
        data: patients.csv
        guarantee: {epsilon: 1.0, delta: 1.0e-6}
        budget: {epsilon: 4.0, delta: 1.0e-5}
        evaluation: {epsilon: 1.0, delta: 1.0e-6}
        holdout: 0.2
        domain_share: 0.1
        generator: {name: aim}
        select: {by: random-stopping, others: [{name: mst}]}
        rows: 5000
        seed: 1
        policy: policies/default.yaml
        approval: person
        same_people_as: admissions-2023
        other_people_than: [staff]
        license: cc-by-4.0
        about: {publisher: District hospital, sector: Healthcare}
        scheduler: tcp://scheduler:8786
        ledger: ledger.db
        runs: runs
        ---
        name: scans-1
        schema: scans.yaml
        data: [scans.npz]
        guarantee: {epsilon: 10.0, delta: 1.0e-6}
        generator: {name: image-diffusion}
        public_images: public-scans
        inception: pt_inception-2015-12-05-6726825d.pth
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    schema_file: Path = Field(alias="schema")
    data: tuple[Path, ...] = ()
    guarantee: Loss
    budget: Loss | None = None
    evaluation: Loss | None = None
    holdout: float = Field(default=0.2, gt=0, lt=1)
    domain_share: float = Field(default=0.1, gt=0, lt=1)
    generator: dict[str, Any]
    select: Select | None = None
    rows: int | None = Field(default=None, ge=1, le=100_000_000)
    seed: int = Field(default=0, ge=0)
    policy: Path = DEFAULT_POLICY
    approval: Literal["person", "policy"] = "policy"
    same_people_as: str | None = None
    other_people_than: tuple[str, ...] = ()
    public_images: Path | None = None
    inception: Path | None = None
    license: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.+-]*$")
    about: About = About()
    scheduler: Scheduler | None = None
    ledger: str = Field(default="", repr=False)
    runs: Path | None = None

    @field_validator("data", mode="before", json_schema_input_type=Path | tuple[Path, ...])
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path) else value

    @field_validator("generator")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        known_name(value)
        return value

    @model_validator(mode="after")
    def _asked(self) -> RunConfig:
        if self.select is not None and self.select.by == "holdout" and self.evaluation is None:
            raise ValueError(
                "select: by holdout needs `evaluation: {epsilon: 1.0, delta: 1.0e-6}`, what it may cost"
            )
        return self

    @property
    def candidates(self) -> tuple[dict[str, Any], ...]:
        """The specs to choose from; the only one where nothing is chosen."""
        return (self.generator, *(self.select.others if self.select else ()))

    @property
    def unverified(self) -> bool:
        """Whether the guarantee is, in part, somebody else's word."""
        return any(spec["name"] in UNVERIFIED for spec in self.candidates)

    @property
    def non_private(self) -> str:
        """The first candidate that promises nothing, "" where all do."""
        return next((str(s["name"]) for s in self.candidates if s["name"] in NON_PRIVATE), "")

    @property
    def standing(self) -> Standing:
        """What stands behind the guarantee."""
        if self.non_private:
            return "none"
        return "claimed" if self.unverified else "proved"

    @property
    def lifetime(self) -> Guarantee:
        """The data set's budget over all releases."""
        return (self.budget or self.guarantee).guarantee

    def folder(self, run: str | None = None) -> Path:
        """Where a run of this is kept; the default name follows from the config, so that a rerun resumes."""
        assert self.runs is not None, "load_config fills it in"
        return self.runs / run_name(run or f"{self.name}-{self.digest()[:8]}")

    def load_schema(self) -> Schema:
        return load_schema(self.schema_file)

    def load_policy(self) -> Policy:
        policy: Policy = load_yaml(self.policy, Policy)
        return policy

    def digest(self) -> str:
        """SHA-256 over all that decides what a run does: this config, its schema and its policy, and what is in
        the files it names beside the data."""
        beside = {"runs", "ledger", "license", "about", "scheduler", *BY_CONTENT}
        # what came later: runs begun before keep their names and charges
        beside |= {"approval"} if self.approval == "policy" else set()
        beside |= {"select"} if self.select is None else set()
        beside |= {k for k in ("same_people_as", "other_people_than") if not getattr(self, k)}
        policy = self.load_policy()
        usual = {"unverified"} if policy.unverified == "veto" else set()
        content = self.model_dump(mode="json", exclude=beside) | {
            "schema": _as_before(self.load_schema().model_dump(mode="json")),
            "policy": policy.model_dump(mode="json", exclude=usual),
        }
        for key in BY_CONTENT:
            if (path := getattr(self, key)) is not None:
                content[key] = content_digest(path)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


LATER = {
    "columns": ("spikes", "heaped_at", "shape", "zone", "pivot", "hierarchy"),
    "subgroups": ("public_sizes",),
    "visits": ("remembers", "ends"),
}
"""What may be said of columns, subgroups and visits since runs go by their schema's digest."""


def _as_before(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what it does not say since there is a way to: runs begun before keep their names."""
    kept = {
        k: v
        for k, v in schema.items()
        if v or k not in ("keep_together", "relations", "gaps", "visits", "tables")
    }
    rows = {
        "columns": schema["columns"].values(),
        "subgroups": schema["subgroups"],
        "visits": [kept.get("visits", {})],
    }
    for part, later in LATER.items():
        for row in rows[part]:
            for unsaid in [k for k in later if row.get(k, 0) in (None, {})]:
                del row[unsaid]
    for relation in kept.get("relations", ()):
        if relation.get("drawn") == "gap":
            del relation["drawn"]
    return kept


BY_CONTENT = ("inception", "public_images")
"""Files that a run is known by, wherever they lie."""


def known_name(spec: Mapping[str, Any]) -> str:
    """The name of the generator that a spec describes; others are refused, and nothing is imported."""
    name = spec.get("name")
    if isinstance(name, str) and name in REFUSED:
        raise ValueError(f"{name} {REFUSED[name]}")
    if not isinstance(name, str) or name not in GENERATORS:
        near = did_you_mean(str(name), GENERATORS) or f"; take one of {', '.join(GENERATORS)}"
        said = (
            "says no name, as `{name: aim}`" if name is None else f"no generator is called {name!r}"
        )
        raise ValueError(f"{said}{near}")
    return name


def make_generator(spec: Mapping[str, Any], public: PublicImages | None = None) -> Generator:
    """The generator that ``{"name": …, parameter: value}`` describes; unknown names and keys are refused.

    ``public``: images for one of ``FROM_PUBLIC``.
    """
    name, known = known_name(spec), {k: v for k, v in spec.items() if k != "name"}
    kind = GENERATORS[name]
    allowed = [f.name for f in fields(kind) if f.init and not f.metadata.get("calibrated")]
    if unknown := sorted(set(known) - set(allowed)):
        near = (
            did_you_mean(unknown[0], allowed)
            or f"; it has {', '.join(allowed) or 'none, so take it out'}"
        )
        raise ValueError(f"{name} has no parameter {unknown[0]!r}{near}")
    hints = get_type_hints(kind)
    for key, value in known.items():
        try:
            known[key] = TypeAdapter(hints[key]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name}: {key}: {told_value(error, hints[key])}") from None
    if public is not None:
        known["public"] = public
    generator: Generator = kind(**known)
    return generator


BEGUN = "config.sha256"
"""In a run's folder: the digest of the config it was begun with."""


def load_config(
    path: str | Path, data: tuple[Path, ...] = (), reads: bool = True, run: str | None = None
) -> RunConfig:
    """Read a run config; ``data`` overrides its data paths. Every error is one ``InputError`` line.

    ``reads``: whether private files are to be read, and so must be there. ``run``: the name that the run is to
    have, where it is not the default.
    """
    path = Path(path)
    base = inside(path).parent
    config: RunConfig = load_yaml(path, RunConfig)

    def at(place: Path) -> Path:
        return inside(base / place.expanduser())

    here = Path.cwd() / "runs"
    resolved = config.model_copy(
        update={
            "schema_file": at(config.schema_file),
            "policy": at(config.policy) if "policy" in config.model_fields_set else config.policy,
            "runs": at(config.runs) if config.runs else inside(here),
            "ledger": _ledger(path, config.ledger, base, here),
            "inception": config.inception and at(config.inception),
            "public_images": config.public_images and at(config.public_images),
            "data": tuple(map(inside, data)) or tuple(map(at, config.data)),
        }
    )
    _check_named(path, resolved)
    if reads and any(place.is_dir() or may_hold_several(place) for place in resolved.data):
        files = files_of(resolved.data, resolved.load_schema())
        resolved = resolved.model_copy(update={"data": files})
    if reads and not resolved.data:
        raise InputError(f"{path}: no data; set `data:` or pass --data FILE")
    for file in resolved.data if reads else ():
        _check_data(path, apart(file)[0])
    if resolved.public_images is not None:
        _check_public(path, resolved.public_images, resolved.data)
    _check_new(path, resolved, run)
    return resolved


def _check_named(path: Path, config: RunConfig) -> None:
    """Raise InputError for public files that are named and not there."""
    for key, file in (
        ("schema", config.schema_file),
        ("policy", config.policy),
        ("inception", config.inception),
    ):
        if file is not None:
            _check_file(path, key, file)


def _check_data(path: Path, file: Path) -> None:
    """Raise InputError for private rows that are not there, or lie where they may not be read from."""
    if is_parts(file):
        return
    if file.is_dir():
        raise InputError(
            f"{path}: data: {file} is a folder, which is for schemas with `tables:`; name the file in it"
        )
    _check_file(path, "data", file)
    if (database := database_of(file)) is not None:
        inside(database)


def _check_file(path: Path, key: str, file: Path) -> None:
    if file.is_file():
        return
    beside = (f.name for f in file.parent.iterdir()) if file.parent.is_dir() else ()
    near = did_you_mean(file.name, beside) or "; paths are relative to this config"
    raise InputError(f"{path}: {key}: file {file} does not exist{near}")


def _check_delta(path: Path, config: RunConfig) -> None:
    """Raise InputError for a δ at which a guarantee may publish somebody's very record."""
    schema = config.load_schema()
    if schema.public_rows is None:
        return
    people = math.ceil(schema.public_rows / schema.max_rows_per_unit)
    for key, loss in (("guarantee", config.guarantee), ("evaluation", config.evaluation)):
        if loss is not None and loss.delta * people > 1:
            raise InputError(
                f"{path}: {key}.delta: {loss.delta:g} is more than 1 in {people:,}, as many people as the "
                "schema's public_rows say, so that the record of one of them might be published; take "
                f"{10.0 ** math.floor(-math.log10(people) - 1):.1g} or less"
            )


def _check_new(path: Path, config: RunConfig, run: str | None) -> None:
    """Raise InputError for a δ too large, and for parameters that a generator does not take.

    Those of a run that was begun with this very config were looked at then: to import torch for them again
    would take longer than all that a finished run has left to do.
    """
    begun = config.folder(run) / BEGUN
    if begun.exists() and begun.read_bytes() == config.digest().encode():
        return
    _check_delta(path, config)
    for at, spec in enumerate(config.candidates):
        try:
            make_generator(spec)
        except ValueError as error:
            raise InputError(f"{path}: {'select.others' if at else 'generator'}: {error}") from None


def _ledger(path: Path, named: str, base: Path, runs: Path) -> str:
    """The ledger of a config, else of the environment, which alone may hold a password."""
    if not named:
        return os.environ.get("UNDERSTUDY_LEDGER") or str(inside(runs / "ledger.db"))
    if "://" not in named:
        return str(inside(base / Path(named).expanduser()))
    if (file := check_url(f"{path}: ledger", named)) is not None:
        inside(Path(file))
    return named


def _check_public(path: Path, public: Path, data: tuple[Path, ...]) -> None:
    """Raise InputError where public images are not there, or lie where private ones do."""
    if not public.exists():
        raise InputError(
            f"{path}: public_images: {public} does not exist; name a folder or file of images"
        )
    for file in data:
        # a CSV file names pictures that lie beside it
        names = not holds_arrays(file) and file.suffix.lower() != ".parquet"
        if file.is_relative_to(public) or (names and public.is_relative_to(file.parent)):
            raise InputError(
                f"{path}: public_images: {public} and the private {file.name} lie in one folder; keep what is "
                "public apart"
            )
