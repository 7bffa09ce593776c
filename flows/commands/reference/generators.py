"""The part of the reference that tells how rows can be made: every generator, and its settings.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.commands.reference.docstrings import said_by
from flows.commands.reference.markdown import Section, privacy, sentence, table, text
from flows.commands.reference.models import settings
from flows.commands.reference.types import default, words
from generators.registry import GENERATORS

FAMILIES = {
    "Marginals": ("aim", "mst"),
    "Deep generators": ("diffusion", "ctgan", "pategan"),
    "Image sets": ("image-matching", "image-gan", "image-diffusion"),
    "Generators of synthcity": tuple(n for n in GENERATORS if n.startswith("synthcity-")),
}
OPENING = """\
`generator: {name: aim}` is all that most releases need; [choosing](../choosing.md) says which to take. A
setting is written beside the name: `generator: {name: aim, megabytes: 20}`. None of them changes ε: noise is
set so that the guarantee holds with whatever is written here. Where several have a setting, the table says what
it is in each of them where it is left out."""


def sections() -> Iterator[Section]:
    """One for each family."""
    yield Section(2, "Generators", OPENING)
    for family, names in FAMILIES.items():
        about = "\n".join(f"- `{n}`: {text(said_by(GENERATORS[n]).about)}" for n in names)
        head = ("setting", "takes", "default", "does", "privacy")
        yield Section(3, family, f"{about}\n\n{table(head, _rows(names))}")


def _short(name: str) -> str:
    return name.removeprefix("synthcity-")


def _rows(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """A row for each setting; those of several that say the same of it are one."""
    found: dict[tuple[str, str, str, str], dict[str, list[str]]] = {}
    for name in names:
        said = said_by(GENERATORS[name])
        for setting, part in settings(name).items():
            told = said.of(setting)
            assert told is not None, f"{name}: {setting} is not told"
            row = (setting, words(part, {}), sentence(told.text), privacy(told.privacy))
            found.setdefault(row, {}).setdefault(default(part.get("default")), []).append(name)
    for (setting, takes, does, means), defaults in found.items():
        left = [f"{value} ({', '.join(map(_short, of))})" for value, of in defaults.items()]
        yield f"`{setting}`", takes, ", ".join(left), does, means
