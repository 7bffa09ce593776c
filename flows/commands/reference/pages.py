"""The reference: a page for each file that a person writes, in Markdown, from the models that read it.

Every key has what it takes, what it is where it is left out, what it does and what it means for privacy; every
model has an example. All words are the docstrings' own.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from flows.commands.reference import generators
from flows.commands.reference.docstrings import PRIVACY, said_by
from flows.commands.reference.markdown import (
    Section,
    anchor,
    contents,
    example,
    privacy,
    sentence,
    table,
    text,
)
from flows.commands.reference.models import FILES, within
from flows.commands.reference.types import default, words

CHOOSERS = ("kind", "task")
"""Keys by whose value one of several models is meant."""

HEAD = ("key", "takes", "default", "does", "privacy")

OPENINGS = {
    "schema": """\
What is public about a data set, written before a private row is read. `understudy schema draft` writes a first
one from rows, `schema from` one from a [data dictionary](../dictionaries.md). The why of it:
[records](../records.md), [visits](../visits.md).""",
    "release": """\
What a release costs, how rows are made and who decides: [choosing](../choosing.md), [using](../using.md).""",
    "policy": """\
What a release must satisfy before it may leave the house; `configs/policies/` has ready ones, and
[verdict](../verdict.md) says how often they are right.""",
    "sweep": """\
Which generators to compare, on what, at which ε: `understudy benchmark`, [choosing](../choosing.md#sweeps).""",
}


def page(kind: str) -> str:
    """The reference of one of ``FILES``."""
    root = FILES[kind]
    sections = [*_sections(root), *(generators.sections() if kind == "release" else ())]
    meanings = "\n".join(f"- **{word}**: {meaning}" for word, meaning in PRIVACY.items())
    sections.append(Section(2, "What a key means for privacy", meanings))
    others = ", ".join(f"[{other}]({other}.md)" for other in FILES if other != kind)
    return (
        f"# Every key of a {kind} file\n\n{OPENINGS[kind]}\n\n"
        "This page is written by `understudy schema reference docs/reference`, from the models that read such "
        f"a file. The others: {others}.\n\n{contents(sections)}\n\n" + "\n".join(map(str, sections))
    )


def write(folder: Path) -> list[Path]:
    """Write all pages into ``folder``; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in FILES:
        written.append(folder / f"{kind}.md")
        written[-1].write_text(page(kind), encoding="utf-8")
    return written


def _sections(root: type[BaseModel]) -> Iterator[Section]:
    whole = root.model_json_schema()
    parts = {root.__name__: whole} | whole.get("$defs", {})
    titles = {root: "The file"} | dict(_titles(root, set()))
    links = {m.__name__: f"[{t}](#{anchor(t)})" for m, t in titles.items()}
    yield Section(2, titles[root], _body(root, whole, links))
    shown: set[type[BaseModel]] = {root}
    for key, several in _keys(root).items():
        below = [m for m in dict.fromkeys(_below(root, key)) if m not in shown]
        shown |= {*below}
        if several:
            yield Section(2, f"`{key}`", sentence(said_by(root).fields[key]))
        for base in dict.fromkeys(b for m in below for b in _shared(m) if several):
            yield Section(3, "Every kind", _body(base, base.model_json_schema(), links))
        for at, model in enumerate(below):
            level = 2 if at == 0 and not several else 3
            yield Section(level, titles[model], _body(model, parts[model.__name__], links))


def _keys(model: type[BaseModel]) -> dict[str, bool]:
    """The keys of a model that hold models, and whether one of several."""
    counts = Counter(key for key, _ in within(model))
    return {key: n > 1 for key, n in counts.items()}


def _below(model: type[BaseModel], key: str) -> Iterator[type[BaseModel]]:
    """All models that a key leads to."""
    for name, part in within(model):
        if name == key:
            yield part
            for inner in _keys(part):
                yield from _below(part, inner)


def _titles(model: type[BaseModel], met: set[Any]) -> Iterator[tuple[type[BaseModel], str]]:
    """By the key that leads to a model, or by what chooses it among several."""
    several = _keys(model)
    for key, part in within(model):
        if part in met:
            continue
        met.add(part)
        yield part, _chosen(part) if several[key] else f"`{key}`"
        yield from _titles(part, met)


def _chosen(model: type[BaseModel]) -> str:
    properties = model.model_json_schema()["properties"]
    for key in CHOOSERS:
        if key in properties:
            values = properties[key].get("enum") or [properties[key]["const"]]
            return " or ".join(f"`{key}: {value}`" for value in values)
    return f"`{next(iter(properties))}`"


def _shared(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The parents of a model that no key leads to and that have an example: sections of their own."""
    parents = (c for c in model.__mro__[1:] if issubclass(c, BaseModel))
    return [c for c in parents if said_by(c).example and c.__name__.endswith("Base")]


def _body(model: type[BaseModel], part: dict[str, Any], links: dict[str, str]) -> str:
    """What a model is, a row for each of its keys, and its example."""
    said = said_by(model)
    apart = {key for base in _shared(model) for key in base.model_fields}
    needed, several = part.get("required", []), _keys(model)
    keys = sorted(
        (k for k in part["properties"] if k not in apart),
        key=lambda k: (k not in needed, k not in CHOOSERS),
    )
    rows = []
    for key in keys:
        told, field = said.of(key), part["properties"][key]
        assert told is not None, f"{model.__name__}: {key} is not told"
        group = dict.fromkeys(links, f"[`{key}`](#{key})") if several.get(key) else links
        left = "**needed**" if key in needed else default(_usual(key, field))
        means = privacy(told.privacy if key in said.privacy else told.privacy.split(";")[0])
        rows.append((f"`{key}`", words(field, group), left, sentence(told.text), means))
    about = [text(p) for p in said.about.split("\n\n")]
    _, remark, _ = said.privacy.get("", "").partition(";")
    about += [f"For privacy: {privacy(said.privacy[''])}."] if remark else []
    return "\n\n".join([*about, table(HEAD, rows)]) + example(said)


def _usual(key: str, field: dict[str, Any]) -> Any:
    """What a key is where it is left out; a path of this machine by its end."""
    value = field.get("default")
    return "/".join(Path(str(value)).parts[-3:]) if key == "policy" else value
