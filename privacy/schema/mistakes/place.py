"""Where a mistake stands: the path of keys in the file, what may stand there, and the text as it was written.

Pydantic's location names branches of a union beside the keys (``columns.age.integer.bins.constrained-int``); a
walk along the file and the models tells them apart. YAML turns ``yes`` into a truth and ``007`` into 7; the
text and its line are found again in the parsed nodes.

Privacy claim: none; these files are public.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

Hints = tuple[Any, ...]
"""Types of which a value may have any."""


@dataclass(frozen=True)
class Place:
    """A place in a file, by the keys and numbers that lead to it.

    ``owners``: the models that have, or might have, the last key. ``hints``: the types of its value, as far as
    they are known. ``in_name``: whether it is the name that is wrong, and not what it stands for.
    """

    path: tuple[str | int, ...]
    owners: tuple[type[BaseModel], ...]
    hints: Hints
    in_name: bool = False

    @property
    def key(self) -> str:
        """The last name on the path."""
        return next((p for p in reversed(self.path) if isinstance(p, str)), "")

    def __str__(self) -> str:
        return ".".join(map(str, self.path))


def place_of(
    loc: Sequence[str | int], data: Any, model: type[BaseModel], tagged: bool = True
) -> Place:
    """The place of one of pydantic's locations in ``data``, which was read into ``model``.

    ``tagged``: whether the branch of a union of models stands in the location, as it does in pydantic's.
    """
    hints: Hints = (model,)
    owners: tuple[type[BaseModel], ...] = (model,)
    path: list[str | int] = []
    in_union = False
    for at, part in enumerate(loc):
        if part == "[key]":
            return Place(tuple(path), owners, hints, in_name=True)
        if in_union:
            hints, in_union = _branch(hints, part), False
            continue
        inner = tuple(_inner(hints, part))
        there = (isinstance(data, Mapping) and part in data) or (
            isinstance(data, list | tuple) and isinstance(part, int) and part < len(data)
        )
        if not there and not (at == len(loc) - 1 and inner):
            hints = _branch(hints, part)
            continue
        owners = tuple(h for h in hints if _is_model(h)) or owners
        hints, data = inner, data[part] if there else None
        path.append(part)
        in_union = tagged and sum(map(_is_model, hints)) > 1
    return Place(tuple(path), owners, hints)


def alternatives(hint: Any) -> Iterator[Any]:
    """The types that an annotation allows, without None."""
    if origin(hint) is Annotated:
        yield from alternatives(get_args(hint)[0])
    elif origin(hint) in (Union, UnionType):
        for one in get_args(hint):
            yield from alternatives(one)
    elif hint is not NoneType:
        yield hint


def origin(hint: Any) -> Any:
    """``tuple`` of ``tuple[int, ...]``, ``Literal`` of a literal; None of a plain type."""
    return get_origin(hint)


def keys(models: Iterable[type[BaseModel]]) -> tuple[str, ...]:
    """What a person may write in one of these models."""
    named = (f.alias or n for model in models for n, f in model.model_fields.items())
    return tuple(dict.fromkeys(named))


def _is_model(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, BaseModel)


def _inner(hints: Hints, part: str | int) -> Iterator[Any]:
    """The types of what ``part`` leads to."""
    for hint in hints:
        arguments = get_args(hint)
        if _is_model(hint):
            for name, field in hint.model_fields.items():
                if part == (field.alias or name):
                    yield from alternatives(field.annotation)
        elif origin(hint) is tuple and isinstance(part, int):
            same = arguments[-1] is Ellipsis
            if same or part < len(arguments):
                yield from alternatives(arguments[0 if same else part])
        elif arguments and origin(hint) not in (Literal, tuple):
            yield from alternatives(arguments[-1])


def _branch(hints: Hints, tag: str | int) -> Hints:
    """The types that a branch of a union stands for; all of them where the tag tells nothing."""

    def stands(hint: Any) -> bool:
        fields = hint.model_fields.values() if _is_model(hint) else ()
        literals = (f.annotation for f in fields if origin(f.annotation) is Literal)
        named = _is_model(hint) and tag in hint.model_fields
        return named or any(tag in get_args(one) for one in literals)

    return tuple(h for h in hints if stands(h)) or hints


@dataclass(frozen=True)
class Written:
    """A value as it stands in a file: its text where it is one, and the line."""

    text: str | None
    line: int


def written(text: str, path: Sequence[str | int], in_name: bool = False) -> Written | None:
    """What stands at a path of a YAML text; None where there is nothing.

    ``in_name``: the name that the path ends in, instead of what it stands for.
    """
    node = yaml.compose(text, yaml.SafeLoader)
    for at, part in enumerate(path):
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part] if part < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            names = in_name and at == len(path) - 1
            pairs = ((k, k if names else v) for k, v in node.value)
            node = next((v for k, v in pairs if part in (_read(k), k.value)), None)
        else:
            return None
    if node is None:
        return None
    is_text = isinstance(node, yaml.ScalarNode)
    return Written(str(node.value) if is_text else None, node.start_mark.line + 1)


def _read(node: yaml.Node) -> Any:
    """What YAML takes a name for."""
    return yaml.safe_load(yaml.serialize(node)) if isinstance(node, yaml.ScalarNode) else None
