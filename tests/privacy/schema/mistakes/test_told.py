"""Whatever stands in the place of whatever: it is read, or refused in one line of plain words."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from evaluators.policy import Policy
from flows.judging.sweep import Sweep
from flows.stages.config import RunConfig
from privacy.errors import InputError, did_you_mean
from privacy.reading.formats.query import load_query
from privacy.schema.documents import Frozen, load_yaml
from privacy.schema.mistakes.place import place_of, written
from privacy.schema.mistakes.told import told
from privacy.schema.schema import Schema, load_schema
from tests.flows.commands.test_wrong_inputs import FILES, PHRASES
from tests.privacy.schema.test_schema import GOOD

MORE = {
    "csv": {"separator": ";"},
    "keep_together": [["age", "bmi"]],
    "relations": [{"order": ["age", "bmi"], "gap": {"max": 60, "bins": 3}}],
    "visits": {"constant": ["sex"], "remembers": {"bmi": "mean"}, "ends": {"dead": ["1"]}},
}
WRITTEN: dict[str, tuple[type[BaseModel], Any]] = {
    "schema": (Schema, GOOD | MORE),
    "release": (RunConfig, yaml.safe_load(FILES["release.yaml"])),
    "policy": (Policy, yaml.safe_load(FILES["policy.yaml"])),
    "sweep": (Sweep, yaml.safe_load(FILES["sweep.yaml"])),
}
GARBAGE = [
    None, True, 0, -1, 10**400, 2.5, float("nan"), "", "x", "1,0", "12:30", [], ["x", 1], [[1]], {}, {"x": 1},
    {1: {}}, dt.date(2020, 1, 31), [None],
]  # fmt: skip

THIRD = 3
"""Of the garbage so much is put in each place, another part in the next."""


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every path in what is written."""
    if path:
        yield path
    inner = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for part, value in inner:
        yield from places(value, (*path, part))


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(data)
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize("kind", WRITTEN)
def test_any_value_in_any_place_is_read_or_refused_in_plain_words(
    kind: str, tmp_path: Path
) -> None:
    """Neither an exception that nobody knows nor a phrase that nobody wrote."""
    model, data = WRITTEN[kind]
    file, refused = tmp_path / f"{kind}.yaml", 0
    for at, path in enumerate(places(data)):
        for value in GARBAGE[at % THIRD :: THIRD]:
            file.write_text(yaml.safe_dump(put(data, path, value), sort_keys=False))
            try:
                load_yaml(file, model)
            except InputError as error:
                refused += 1
                line = str(error)
                assert line.startswith(f"{file}: ")
                assert "\n" not in line
                assert not PHRASES.search(line), (path, value, line)
    assert refused > len(GARBAGE)


class Inner(Frozen):
    sizes: Mapping[str, int] = {}
    parts: tuple[int, ...] | str = ()


class Outer(Frozen):
    inner: tuple[Inner, ...]


def line_of(text: str) -> str:
    data = yaml.safe_load(text)
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(data)
    return told(caught.value, data, Outer, text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("inner:\n- sizes: {a: x}\n", "inner.0.sizes.a: expected a whole number (found 'x', line 2)"),
        ("inner:\n- sizes: {1: 2}\n", "inner.0.sizes.1: YAML takes 1 for a number where a text is expected"),
        ("inner:\n- parts: {}\n", "inner.0.parts: expected a list of whole numbers in brackets or a text"),
        ("inner:\n- parts: [1, two]\n", "inner.0.parts.1: expected a whole number (found 'two', line 2)"),
        ("inner:\n- part: [1]\n  sizes: 3\n", "inner.0.part: unknown key; did you mean 'parts'? (found [1],"),
        ("inner: postgres://me:secret@host\n", "(found 'postgres://…', line 1)"),
    ],
)  # fmt: skip
def test_a_place_is_told_as_it_stands_in_the_file(text: str, line: str) -> None:
    assert line in line_of(text)


def test_a_value_is_quoted_as_it_was_written_and_a_name_by_itself() -> None:
    text = "a: {007: [yes, 1.50]}\n"
    assert written(text, ("a", 7, 0)).text == "yes"
    assert written(text, ("a", 7, 1)).text == "1.50"
    assert written(text, ("a", 7), in_name=True).text == "007"
    assert written(text, ("b",)) is None
    place = place_of(("inner", 0, "sizes", "a", "[key]"), {"inner": [{"sizes": {}}]}, Outer)
    assert place.in_name


def test_the_nearest_known_name_is_offered_and_a_far_one_is_not() -> None:
    assert did_you_mean("Weigth", ["weight", "age"]) == "; did you mean 'weight'?"
    assert did_you_mean("colour", ["weight", "age"]) == ""
    assert not re.search("None", did_you_mean("", []))


@pytest.mark.parametrize("text", ["host:5432:db:me:s3cret\n", "s3cret;sex\n39;F\n"])
def test_a_file_of_one_value_is_not_quoted(tmp_path: Path, text: str) -> None:
    """It may be rows, or passwords."""
    path = tmp_path / "schema.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match="holds one value;") as raised:
        load_schema(path)
    assert "s3cret" not in str(raised.value)


def test_what_may_be_a_password_by_its_key_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "clinic.query.yaml"
    path.write_text("database: c.duckdb\nquery: SELECT 1\npassword: s3cret\n", "utf-8")
    with pytest.raises(InputError, match="password: unknown key") as raised:
        load_query(path)
    assert "s3cret" not in str(raised.value)
