"""What a person writes: YAML read strictly into immutable values, every error one line.

Unknown and repeated keys are refused, and an error names file, place and value.

Privacy claim: none; these files are public.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from privacy.errors import InputError

T = TypeVar("T", bound=BaseModel)


class Frozen(BaseModel):
    """Base of every public description: immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def load_yaml(path: str | Path, model: type[T]) -> T:
    """Read ``path`` as YAML into ``model``; errors become one ``InputError`` line."""
    return validated(Path(path), read_mapping(Path(path)), model)


def read_mapping(path: Path) -> dict[Any, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text: byte {error.start + 1} cannot be read"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise InputError(f"{path}: not valid YAML: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML: {_without_quotation(error)}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a mapping, found {type(data).__name__}")
    return data


def validated(path: Path, data: dict[Any, Any], model: type[T]) -> T:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}") from None


def _without_quotation(error: Exception) -> str:
    """What is wrong and where, without the line of the file, in which a password may stand."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    mark = error.problem_mark
    return f"{error.problem}, line {mark.line + 1}, column {mark.column + 1}"


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets a key repeat and keeps the last; a schema that says a thing twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [str(k.value) for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
        for key in sorted(keys):
            if keys.count(key) > 1:
                problem = f"the key {key!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


SHAPES = {
    "tuple_type": "should be a list, in brackets: [a, b]",
    "list_type": "should be a list, in brackets: [a, b]",
    "dict_type": "should be names and values, in braces: {name: value}",
    "model_type": "should be names and values, in braces: {name: value}",
}
"""What a person wrote in another form than was asked for, in words of YAML."""


def _first(error: ValidationError) -> str:
    # a misspelt key is the cause of what is then missing
    problems = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "top level"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key{more}"
    if (wanted := SHAPES.get(first["type"])) is not None:
        first["msg"] = wanted
    advice = ": put it in quotes" if first["type"] == "string_type" else ""
    found = re.sub(r"://\S*", "://…", str(first["input"]))  # a password may stand in a URL
    value = "" if isinstance(first["input"], dict) else f" (found {found[:60]!r})"
    message = " ".join(first["msg"].removeprefix("Value error, ").split())
    return f"{where}: {message}{advice}{value}{more}"
