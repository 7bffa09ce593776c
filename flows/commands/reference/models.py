"""The files that a person writes, the models that read them, and the settings of every generator.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter

from evaluators.policy import Policy
from flows.judging.sweep import Sweep
from flows.stages.config import RunConfig
from generators.registry import GENERATORS
from privacy.schema.schema import Schema

FILES: dict[str, type[BaseModel]] = {
    "schema": Schema,
    "release": RunConfig,
    "policy": Policy,
    "sweep": Sweep,
}


def within(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The key and the model of whatever a model holds, in the order in which a reader meets them."""
    for name, field in model.model_fields.items():
        for kind in _models(field.annotation):
            yield field.alias or name, kind


def models(root: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """A model and all below it, by their names in its JSON schema."""
    found = {root.__name__: root}
    for _, kind in within(root):
        if kind.__name__ not in found:
            found |= {n: k for n, k in models(kind).items() if n not in found}
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def settings(generator: str) -> dict[str, dict[str, Any]]:
    """The JSON schema of every setting of a generator, as ``make_generator`` takes them."""
    kind = GENERATORS[generator]
    hints = get_type_hints(kind)
    return {
        f.name: TypeAdapter(hints[f.name]).json_schema() | _default(f)
        for f in fields(kind)
        if f.init and not f.metadata.get("calibrated") and f.name != "public"
    }


def _default(field: Field[Any]) -> dict[str, Any]:
    if field.default in (MISSING, None):
        return {}
    return {"default": TypeAdapter(Any).dump_python(field.default, mode="json")}
