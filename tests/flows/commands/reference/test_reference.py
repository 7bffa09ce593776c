"""The reference: what is committed is what the models say, no key is left out, and every example is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from flows.commands.reference import docstrings, pages
from flows.commands.reference.docstrings import PRIVACY, Said, Told, examples, said_by
from flows.commands.reference.markdown import anchor
from flows.commands.reference.models import FILES, models, settings
from flows.commands.reference.types import default, words
from flows.stages.config import make_generator
from generators.registry import GENERATORS

ROOT = Path(__file__).parents[4]
MODELS = {kind for root in FILES.values() for kind in models(root).values()}
LOADED = sorted(MODELS, key=lambda m: m.__name__)


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def shown_of(model: type[BaseModel]) -> Iterator[Any]:
    """Its examples, and those of its parents for what they declare."""
    for kind in model.__mro__:
        if issubclass(kind, BaseModel):
            yield from examples(said_by(kind), keys_of(model))


def test_what_is_committed_is_what_the_models_say(tmp_path: Path) -> None:
    """``understudy schema reference docs/reference`` writes the pages anew."""
    for file in pages.write(tmp_path):
        committed = ROOT / "docs" / "reference" / file.name
        assert file.read_text("utf-8") == committed.read_text("utf-8"), file.name


@pytest.mark.parametrize("model", LOADED, ids=lambda m: m.__name__)
def test_every_key_has_words_privacy_and_an_example(model: type[BaseModel]) -> None:
    said = said_by(model)
    for key in keys_of(model):
        told = said.of(key)
        assert told is not None, key
        assert re.match(rf"({'|'.join(PRIVACY)})\b", told.privacy), f"{key}: {told.privacy}"
    assert keys_of(model) <= {key for example in shown_of(model) for key in example}


@pytest.mark.parametrize("model", LOADED, ids=lambda m: m.__name__)
def test_every_example_loads(model: type[BaseModel]) -> None:
    for example in examples(said_by(model), keys_of(model)):
        model.model_validate(example)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_setting_has_words_privacy_and_a_default_that_is_taken(name: str) -> None:
    said, there = said_by(GENERATORS[name]), settings(name)
    for setting in there:
        told = said.of(setting)
        assert told is not None, setting
        assert told.privacy.split(";")[0].rstrip(".") in PRIVACY, setting
    make_generator({"name": name} | {s: p["default"] for s, p in there.items() if "default" in p})


@pytest.mark.parametrize("kind", FILES)
def test_links_lead_somewhere(kind: str) -> None:
    page = ROOT / "docs" / "reference" / f"{kind}.md"
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    assert len(set(headings)) == len(headings)
    places = {anchor(h) for h in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", text)) <= places
    for key in keys_of(FILES[kind]):
        assert f"| `{key}` |" in text


def test_a_docstring_is_read_in_its_parts() -> None:
    class Parent:
        """All of it.

        ``old``: said by the parent; with ``old: 1`` in it.

        Privacy: public.
        """

    class Child(Parent):
        """The whole, in a word.

        ``low``, ``high``: the ends
        of it. ``old``: said anew.

        Privacy: nothing; really. ``high``: budget; the most.

        Example::

            - {low: 1}
            - {high: 2}
        """

    said = said_by(Child)
    assert said.about == "The whole, in a word."
    assert said.of("low") == Told("the ends of it.", "nothing; really.")
    assert said.of("high") == Told("the ends of it.", "budget; the most.")
    assert said.of("old") == Told("said anew.", "nothing; really.")
    assert said.of("new") is None
    assert examples(said, {"low", "high"}) == [{"low": 1}, {"high": 2}]


def test_examples_under_names_are_told_from_examples() -> None:
    def said(example: str) -> Said:
        return Said("", {}, {}, example)

    assert examples(said("a: {low: 1}\nb: {low: 2}"), {"low"}) == [{"low": 1}, {"low": 2}]
    assert examples(said("low: 1\n---\nlow: 2"), {"low"}) == [{"low": 1}, {"low": 2}]
    assert examples(said(""), {"low"}) == []


@pytest.mark.parametrize(
    ("part", "read"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 1000}, "a whole number, 1 to 1,000"),
        ({"type": "number", "exclusiveMinimum": 0}, "a number, above 0"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}, "text"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or `null`"),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "a list of 2 or more texts",
        ),
        ({"type": "array", "prefixItems": [{"type": "number"}] * 2}, "two numbers"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "names → whole numbers"),
        ({"enum": ["a", "b", "c"]}, "`a`, `b` or `c`"),
        ({"$ref": "#/$defs/Csv"}, "how it is written"),
    ],
)
def test_types_in_words(part: dict[str, Any], read: str) -> None:
    assert words(part, {"Csv": "how it is written"}) == read


def test_defaults_in_words() -> None:
    assert [default(v) for v in (None, "", [], True, 0.2, "utf-8", ["1"])] == [
        "–", "–", "–", "`true`", "`0.2`", "`utf-8`", '`["1"]`',
    ]  # fmt: skip


def test_a_key_without_words_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings, "NAMED", re.compile("(never)"))
    with pytest.raises(AssertionError, match="is not told"):
        pages.page("sweep")
