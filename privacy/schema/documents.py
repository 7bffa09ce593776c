"""What a person writes: YAML read strictly into immutable values, every error one line.

Unknown and repeated keys are refused. An error names file, key, line and value, and says what would do,
in words of YAML and of this project (``privacy.schema.mistakes``).

Privacy claim: none; these files are public.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from privacy.errors import InputError
from privacy.schema.mistakes.told import told, truth_for_a_number

T = TypeVar("T", bound=BaseModel)


class Frozen(BaseModel):
    """Base of every public description: immutable, numbers are finite, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


KINDS: Mapping[str, tuple[str, str, frozenset[str]]] = {
    "Schema": (
        "a schema",
        "it has `columns:`, and `understudy schema draft` writes a first one",
        frozenset({"columns"}),
    ),
    "RunConfig": (
        "a release config",
        "it names a schema under `schema:`, and has `guarantee:` and `generator:`",
        frozenset({"schema", "guarantee", "generator"}),
    ),
    "Policy": ("a policy", "it has `rules:`", frozenset({"rules"})),
    "Sweep": (
        "a sweep",
        "it names release configs under `data_sets:`",
        frozenset({"data_sets", "generators"}),
    ),
}
"""The files that a person writes, by the model that reads them: what each is, and the keys it is known by."""

DATA = (
    ".csv",
    ".tsv",
    ".txt",
    ".gz",
    ".parquet",
    ".xlsx",
    ".xls",
    ".npz",
    ".sav",
    ".dta",
    ".xpt",
    ".sas7bdat",
)


def load_yaml(path: str | Path, model: type[T]) -> T:
    """Read ``path`` as YAML into ``model``; errors become one ``InputError`` line."""
    return validated(Path(path), read_mapping(Path(path), model), model)


def read_mapping(path: Path, model: type[BaseModel] | None = None) -> dict[Any, Any]:
    """The names and values of a YAML file, which is to be read into ``model``."""
    what, known = KINDS.get(model.__name__, ("", "", ()))[:2] if model else ("", "")
    wanted = f"{what or 'this file'} is YAML, names and values{f'; {known}' if known else ''}"
    if path.suffix.lower() in DATA:
        raise InputError(f"{path}: looks like data by its name; {wanted}")
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, _UniqueKeys)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text: byte {error.start + 1} cannot be read; save it as UTF-8, or name another "
            f"file: {wanted}"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise InputError(f"{path}: not valid YAML: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML: {_without_quotation(error)}") from None
    if data is None:
        raise InputError(f"{path}: is empty; {wanted}")
    if not isinstance(data, dict):
        found = "a list" if isinstance(data, list) else "one value"  # a row perhaps, or a password
        raise InputError(f"{path}: holds {found}; {wanted}")
    return data


def validated(path: Path, data: dict[Any, Any], model: type[T], text: str | None = None) -> T:
    """``data``, which came from the file at ``path``, as the model; an InputError of one line.

    ``text``: how it is written, where it is not yet in that file.
    """
    if text is None:
        text = path.read_text(encoding="utf-8")
    try:
        found = model.model_validate(data)
    except ValidationError as error:
        _check_kind(path, data, model)
        raise InputError(f"{path}: {told(error, data, model, text)}") from None
    if (mistaken := truth_for_a_number(data, model, text)) is not None:
        raise InputError(f"{path}: {mistaken}")
    return found


def _check_kind(path: Path, data: dict[Any, Any], model: type[BaseModel]) -> None:
    """Raise InputError for one kind of file in place of another."""
    if model.__name__ not in KINDS:
        return
    wanted, known, own = KINDS[model.__name__]
    for other, _, theirs in KINDS.values():
        if not own & set(data) and theirs <= set(data):
            raise InputError(f"{path}: is {other}, where {wanted} is asked for; {known}")


YAML_SAYS = {
    r"found character '\\t'": "a tab; indent with blanks",
    "mapping values are not allowed here": "a colon where none can be; put a text that holds one in quotes, or "
    "indent a name as those beside it",
    "could not find expected ':'": "a name without a colon after it, or a text over several lines; write "
    "`name: value`",
    "expected <block end>": "indented otherwise than the lines above it; names that belong together begin in "
    "one column (or a quote above is not closed)",
    "expected ',' or": "a bracket or brace that is not closed, or a comma that is missing",
    "found unexpected end of stream": "a quote that is not closed",
    "cannot start any token": "a sign that begins no value; put the text in quotes",
    "found undefined alias": "`*` or `&` begins a reference in YAML; put the text in quotes",
    "found unexpected ':'": "a colon inside braces or brackets; put the text in quotes",
    "unacceptable character": "a control character; take it out",
    "special characters are not allowed": "a control character; take it out",
    "could not determine a constructor": "a tag (`!`), which is not read; put the text in quotes",
    "unknown escape character": "a backslash in double quotes; take single quotes",
}
"""What YAML's reader says, and what it means to whoever wrote the file."""


def _without_quotation(error: Exception) -> str:
    """What is wrong and where, without the line of the file, in which a password may stand."""
    told = " ".join(str(error).split())
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if isinstance(error, yaml.MarkedYAMLError) and mark is not None:
        told = str(error.problem)
    meant = next((words for sign, words in YAML_SAYS.items() if re.search(sign, told)), told)
    return meant if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {meant}"


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets a key repeat and keeps the last; a schema that says a thing twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                problem = (
                    f"the key {key.value!r} stands twice, first in line {seen[key.value]}; keep one"
                )
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)
